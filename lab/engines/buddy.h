/* SPDX-License-Identifier: MIT */
/*
 * buddy.h - what the engines linux-pcp and zone have in common: the zones of a Linux 6.12, as far
 * as a replay needs them.
 *
 * buddy.c has the free lists of a zone, by order and migratetype; splitting, merging, and taking
 * from another migratetype when the own lists are empty. calls.c has the calls of roost.h that a
 * replay makes. An engine has a policy: what happens before a call reaches a zone's buddy. Written
 * from the published behaviour of mm/page_alloc.c; nothing is copied.
 *
 * For one thread: what a real machine does under a zone lock is counted in zone_lock, and no lock
 * is taken.
 *
 * Not modelled: reclaim and kswapd, boosted watermarks, the lowmem reserve, blocks for high-order
 * atomic allocations, CMA, isolation, and ALLOC_NOFRAGMENT (which needs a zone DMA32 below).
 */
#ifndef LAB_ENGINES_BUDDY_H
#define LAB_ENGINES_BUDDY_H

#include <stdbool.h>
#include <stdint.h>

#include <roost/pcpbuddy.h>
#include <roost/roost.h>

enum {
	BUDDY_TYPES = 3, /* movable, unmovable, reclaimable: ROOST_MIGRATETYPE_MASK */
	BUDDY_ZONES = 2,
	BUDDY_ORDERS = ROOST_MAX_ORDER + 1,
	BUDDY_NO_PAGE = UINT32_MAX,
};

/* PAGE_INSIDE: not the first frame of a block, or nobody's. The record says nothing else then. */
enum page_state { PAGE_INSIDE, PAGE_FREE, PAGE_ON_PCP, PAGE_OUT };

/* The record of a frame, and, after the last frame, of the heads of the lists: all are rings. */
struct page {
	uint32_t next, prev;
	uint8_t state; /* enum page_state */
	uint8_t order; /* of the block */
	uint8_t type;  /* PAGE_OUT: as allocated; PAGE_ON_PCP: of the pcp's list */
	uint8_t zone;
};

struct zone {
	struct roost_zone_config config;
	uint32_t start, end; /* frames, with holes */
	uint64_t managed, free;
	uint64_t min;		      /* what only callers with ROOST_RESERVE get: as configured */
	uint64_t low_mark, high_mark; /* of a real machine with a zone of this size */
	bool below_high;	      /* the engine's */
	uint64_t blocks[BUDDY_ORDERS][BUDDY_TYPES];
};

struct pageblock {
	uint8_t type;
	uint16_t movable; /* of its frames are allocated as movable */
};

struct roost {
	struct page *pages;
	struct pageblock *pageblocks;
	uint32_t frames;
	unsigned nr_zones, nr_cpus, max_order;
	struct zone zones[BUDDY_ZONES];
	roost_misuse_fn *misuse;
	void *context;
	struct roost_stats stats;
	struct roost_pcpbuddy_stats lock_stats;
	void *policy; /* the engine's */
};

/* ---- The zone's buddy, under its lock ---------------------------------------------------- */

/* A block, or BUDDY_NO_PAGE. Does not look at the watermarks. */
uint32_t buddy_take(struct roost *roost, struct zone *zone, unsigned order, unsigned type);

/* Merges the block with its free buddies. At boot it goes to the back of its list. */
void buddy_give(struct roost *roost, struct zone *zone, uint32_t page, unsigned order);
void buddy_give_at_boot(struct roost *roost, struct zone *zone, uint32_t page, unsigned order);

/* The migratetype of the pageblock. */
static inline unsigned page_type(const struct roost *roost, uint32_t page)
{
	return roost->pageblocks[page >> ROOST_PAGEBLOCK_ORDER].type;
}

/* One acquisition of the zone lock, and how many frames move under it. */
void buddy_count_lock(struct roost *roost, uint64_t frames);

/* ---- Rings of pages ---------------------------------------------------------------------- */

void ring_init(struct roost *roost, uint32_t head);
void ring_add(struct roost *roost, uint32_t head, uint32_t page); /* in front */
void ring_add_tail(struct roost *roost, uint32_t head, uint32_t page);
void ring_remove(struct roost *roost, uint32_t page);
/* The page at the front, or at the back; BUDDY_NO_PAGE: none. */
uint32_t ring_first(const struct roost *roost, uint32_t head);
uint32_t ring_last(const struct roost *roost, uint32_t head);

/* ---- What an engine provides ------------------------------------------------------------- */

/* How many records of list heads, and bytes of its own, it needs. */
uint32_t policy_heads(const struct roost_config *config);
size_t policy_size(const struct roost_config *config);
/* roost->policy is zeroed memory; first_head is the first of its records. */
void policy_init(struct roost *roost, const struct roost_config *config, uint32_t first_head);

/* A block for an allocation on the CPU of the step, or BUDDY_NO_PAGE; and one back. The watermark
 * has been looked at. */
uint32_t policy_alloc(struct roost *roost, struct zone *zone, unsigned order, unsigned type);
void policy_free(struct roost *roost, struct zone *zone, uint32_t page, unsigned order);

/* An allocation is about to look at this zone. */
void policy_look(struct roost *roost, struct zone *zone, unsigned order);

/* Gives all that the CPU keeps back to the zones; cpu -1: of all CPUs. */
void policy_drain(struct roost *roost, int cpu);
uint64_t policy_stranded(const struct roost *roost, const struct zone *zone);

#endif
