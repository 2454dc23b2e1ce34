// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * slots.c - blocks that wait in slots for any taker, on whatever CPU and in whatever context.
 * So most blocks are freed elsewhere than they were allocated.
 */
#include <linux/atomic.h>

#include "load.h"

enum {
	SLOTS = 512,
	SOME = 8, /* blocks of a batch */
};

static atomic64_t slots[SLOTS];

static atomic64_t *slot(struct kt_who *who)
{
	return &slots[(kt_random(who) >> 8) % SLOTS];
}

kt_block kt_swap(struct kt_who *who, kt_block block)
{
	return atomic64_xchg(slot(who), block);
}

u64 kt_some_pfn(struct kt_who *who)
{
	for (unsigned int i = 0; i < SLOTS; i++) {
		kt_block block = atomic64_read(slot(who));

		if (block) /* it may be freed by now: then this is what it once was */
			return roost_pfn_of_page(kt_page_of(block));
	}
	return ROOST_NONE;
}

/* ---- Turns ----------------------------------------------------------------------------------- */

static void one(struct kt_who *who)
{
	kt_give(who, kt_swap(who, kt_take(who, kt_random_order(who))));
}

static void one_without_waiting(struct kt_who *who)
{
	kt_give_nolock(who, kt_swap(who, kt_take(who, kt_random_order(who))));
}

/* The largest that is on pcps, and larger ones. Most of them at once, or nothing else would be
 * there. */
static void large(struct kt_who *who)
{
	unsigned int order = ROOST_PAGEBLOCK_ORDER;
	kt_block block;

	if (kt_chance(who, 4))
		order = roost_max_order(roost_linux());
	block = kt_take(who, order);
	kt_give(who, kt_chance(who, 4) ? kt_swap(who, block) : block);
}

/* What is freed where it was allocated. */
static void own(struct kt_who *who)
{
	kt_give(who, kt_take(who, kt_random_order(who)));
}

static void batch(struct kt_who *who)
{
	kt_block blocks[SOME] = {0};

	kt_take_bulk(who, (kt_random(who) >> 8) % 3, blocks, SOME);
	for (unsigned int i = 0; i < SOME; i++)
		blocks[i] = kt_swap(who, blocks[i]);
	kt_give_bulk(who, blocks, SOME);
}

static void pieces(struct kt_who *who)
{
	kt_block blocks[SOME], block = kt_take(who, ilog2(SOME));
	size_t n = block ? kt_split(who, block, blocks) : 0;

	for (size_t i = 0; i < n; i++)
		kt_give(who, kt_swap(who, blocks[i]));
}

/* Other than the rest: only frees. */
static void less(struct kt_who *who)
{
	for (unsigned int i = 0; i < 4; i++)
		kt_give(who, kt_swap(who, 0));
}

void kt_turn(struct kt_who *who)
{
	static void (*const turns[])(struct kt_who *) = {one,
							 one,
							 one,
							 one,
							 one,
							 one_without_waiting,
							 one_without_waiting,
							 batch,
							 batch,
							 pieces,
							 pieces,
							 less,
							 less,
							 own,
							 large};

	kt_count_turn(who);
	turns[(kt_random(who) >> 8) % ARRAY_SIZE(turns)](who);
}

void kt_slots_clear(struct kt_who *who)
{
	for (unsigned int i = 0; i < SLOTS; i++)
		kt_give(who, atomic64_xchg(&slots[i], 0));
}
