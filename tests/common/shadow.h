/* SPDX-License-Identifier: MIT */
/*
 * shadow.h - a plain model of the memory: one byte for each frame of each ordinary range.
 *
 * It is made from the configuration alone and knows nothing of the allocator. What is handed out
 * and given back is entered here, and the entry is refused (with a text that says why) when the
 * allocator has done something that it must not do.
 */
#ifndef TESTS_SHADOW_H
#define TESTS_SHADOW_H

#include <roost/roost.h>

enum shadow_state {
	SHADOW_RESERVED, /* covered by a reserved range, or absent: must not be handed out */
	SHADOW_FREE,	 /* may be handed out */
	SHADOW_INSIDE,	 /* inside a block that is handed out */
	SHADOW_HEAD,	 /* SHADOW_HEAD + k: first frame of such a block of order k */
	SHADOW_LAST = SHADOW_HEAD + ROOST_MAX_ORDER,
	SHADOW_ODD, /* first frame of one whose size is no power of two: up to the last INSIDE */
};

struct shadow_range {
	roost_pfn start, end;
	unsigned zone;
	uint8_t *state; /* enum shadow_state of each frame */
};

struct shadow {
	struct shadow_range *ranges; /* ascending */
	size_t nr_ranges;
	unsigned max_order;
	uint64_t managed[ROOST_MAX_ZONES];
	uint64_t taken[ROOST_MAX_ZONES];
};

void shadow_open(struct shadow *shadow, const struct roost_config *config);
void shadow_close(struct shadow *shadow);

/* Memory comes or goes: n frames of one zone, all of them absent or free. */
void shadow_plug(struct shadow *shadow, roost_pfn pfn, uint64_t n, bool present);

/* The range that holds pfn, or NULL in a hole. */
struct shadow_range *shadow_range(const struct shadow *shadow, roost_pfn pfn);
/* State of a frame; SHADOW_RESERVED in a hole. */
unsigned shadow_state(const struct shadow *shadow, roost_pfn pfn);
/* Zone of a frame, -1 in a hole. */
int shadow_zone(const struct shadow *shadow, roost_pfn pfn);

/* Order of the block handed out at pfn, or -1 if there is none or it has none. */
int shadow_order(const struct shadow *shadow, roost_pfn pfn);
/* Frames of the block handed out at pfn, or 0 if there is none. */
uint64_t shadow_frames(const struct shadow *shadow, roost_pfn pfn);
/* The order of the largest aligned block that begins at pfn and ends at end or before. */
unsigned shadow_piece(roost_pfn pfn, roost_pfn end, unsigned max_order);

/* Enter an allocation, a free, a split, a free of a part, a merge. NULL, or why it cannot be. */
const char *shadow_take(struct shadow *shadow, roost_pfn pfn, unsigned order);
const char *shadow_take_n(struct shadow *shadow, roost_pfn pfn, uint64_t n);
const char *shadow_split_n(struct shadow *shadow, roost_pfn pfn);
const char *shadow_put(struct shadow *shadow, roost_pfn pfn);
const char *shadow_split(struct shadow *shadow, roost_pfn pfn, unsigned to);
const char *shadow_put_part(struct shadow *shadow, roost_pfn pfn, unsigned order);
const char *shadow_merge(struct shadow *shadow, roost_pfn pfn, unsigned order);
/* Is all of it handed out, in blocks that end where it ends? */
bool shadow_is_made_of_blocks(const struct shadow *shadow, roost_pfn pfn, unsigned order);

/* Managed frames and those handed out of a zone (-1: of all). */
uint64_t shadow_managed(const struct shadow *shadow, int zone);
uint64_t shadow_taken(const struct shadow *shadow, int zone);
uint64_t shadow_free(const struct shadow *shadow, int zone);

/* Free frames of a zone in [start, end). */
uint64_t shadow_free_in(const struct shadow *shadow, unsigned zone, roost_pfn start, roost_pfn end);
/* Are all frames of the aligned block free and of one zone? */
bool shadow_is_free(const struct shadow *shadow, roost_pfn pfn, unsigned order);
/* How many aligned blocks of that order are free (zone -1: in all). */
uint64_t shadow_blocks(const struct shadow *shadow, int zone, unsigned order);

/* Calls visit for each block that is handed out; visit may put that block back. */
typedef void shadow_visit(void *context, roost_pfn pfn, unsigned order);
void shadow_each(const struct shadow *shadow, shadow_visit *visit, void *context);

#endif
