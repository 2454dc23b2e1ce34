/* SPDX-License-Identifier: MIT */
/*
 * hotplug.h - memory that comes and goes: roost_add_range(), roost_remove_range().
 *
 * Absent memory has frame ids, and records that nobody has written: a bit for each pageblock says
 * whether it is there. No allocation and no free reads these bits: what is absent is in no set or
 * list, and in no block. They are for the calls below, and for those that describe or check memory.
 *
 * One call at a time: a word that is only tried. Its holder
 *
 *	adds	counts, says what it adds, sets the bits, and puts the frames as a free does
 *	removes	takes all frames, as roost_take_range() does, and keeps them; counts, says so,
 *		clears the bits
 *
 * What it says is for roost_recover(): if the holder disappeared, the change is completed. The
 * counts are taken again there, from the bits.
 *
 * A pool's growth needs no word (core/held.h): each range is one thread's, the bits are changed by
 * atomic operations, and the counts are added to. So any number of threads grow it at a time.
 */
#ifndef RST_HOTPLUG_H
#define RST_HOTPLUG_H

#include "core/map.h"

struct rst_zone_desc;

enum {
	RST_HOTPLUG_IDLE,
	RST_HOTPLUG_BUSY, /* nothing has changed yet, but that frames may be in registers */
	RST_HOTPLUG_ADD,  /* what follows is being done, and is still to be done if found */
	RST_HOTPLUG_REMOVE,
};

/* The one call under way. */
struct rst_hotplug {
	_Atomic uint32_t state; /* a; the rest is its holder's */
	uint32_t first, last;	/* pageblocks */
	uint64_t reserve;	/* what desc->reserve becomes */
	struct rst_zone_desc *desc;
};

/* A range that a caller named: whole pageblocks, but for odd ends. */
struct rst_hotplug_range {
	const struct rst_span *span;
	roost_pfn start, end;
	uint32_t first, last; /* pageblocks */
	uint32_t reserve;     /* to be added: the first pageblock of the reserve, or last + 1 */
};

static inline uint64_t rst_hotplug_bit(uint32_t block)
{
	return (uint64_t)1 << block % 64;
}

/* Sets or clears the bits of pageblocks [first, last]. Sequentially consistent: an isolation
 * changes the place and then reads these. */
void rst_hotplug_set(_Atomic uint64_t *set, uint32_t first, uint32_t last, bool on);

struct rst_base;

/* Between a change of the bits and a count. Each end is idempotent. */
void rst_hotplug_commit(struct rst_base *base, struct rst_zone_desc *desc,
			const struct rst_hotplug_range *range, uint32_t what);
/* Completes what a holder that is gone had said. Nobody else is inside. */
void rst_hotplug_recover(struct rst_base *base);

/* ---- Of each engine ------------------------------------------------------------------------ */

/* Adds or removes a range; the caller holds the word. 0, or what the public call returns. */
int rst_engine_add(roost_t *roost, struct rst_hotplug_range *range);
int rst_engine_remove(roost_t *roost, const struct rst_hotplug_range *range);
/* Calls the pressure hook, or arms it again. */
void rst_engine_pressure(roost_t *roost, unsigned zone);
/* Does a record say that this is no frame? */
bool rst_engine_is_hole(const roost_t *roost, rst_frame_id f);
struct rst_zone_desc *rst_engine_zone(roost_t *roost, unsigned zone);

#endif
