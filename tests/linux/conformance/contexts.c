// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * contexts.c - tasks, softirqs and hard interrupts (load.c) allocate and free blocks of all orders.
 * Blocks wait in slots for any of them, so they are freed on other CPUs and in other contexts than
 * they came from. Some wait in an XArray, and are freed while its xa_lock is held with interrupts
 * off.
 */
#include <linux/nodemask.h>
#include <linux/xarray.h>

#include "test.h"

enum {
	SLOTS = 512,
	SIZE = 256, /* of the tree */
};

static pat_block slots[SLOTS];
static DEFINE_XARRAY_FLAGS(tree, XA_FLAGS_LOCK_IRQ);
static atomic_long_t taken[PAT_NR_CONTEXTS], given[PAT_NR_CONTEXTS], under_lock[PAT_NR_CONTEXTS];
static atomic_long_t movable; /* blocks in ZONE_MOVABLE */

static const gfp_t flavours[] = {
	0,
	0,
	0,
	__GFP_MOVABLE,
	__GFP_MOVABLE | __GFP_HIGHMEM,
	__GFP_RECLAIMABLE,
	__GFP_COMP,
	__GFP_ZERO,
	GFP_DMA32,
};

/* Often one that is asked for: a machine's CPUs may all be on another than memory that goes. */
static int some_node(u32 *random)
{
	int nid = first_node(node_states[N_MEMORY]);

	if (pat_below(random, 2))
		return NUMA_NO_NODE;
	for (u32 n = pat_below(random, num_node_state(N_MEMORY)); n; n--)
		nid = next_node_in(nid, node_states[N_MEMORY]);
	return nid;
}

static pat_block take(enum pat_context c, u32 *random, unsigned int order)
{
	gfp_t gfp = flavours[pat_below(random, ARRAY_SIZE(flavours))] | __GFP_NOWARN;
	pat_block block;

	if (c == PAT_TASK)
		gfp |= GFP_KERNEL | __GFP_NORETRY;
	else
		gfp |= pat_below(random, 2) ? GFP_ATOMIC : GFP_NOWAIT;
	block = pat_take(gfp, order, some_node(random));
	if (!block)
		return 0;
	atomic_long_inc(&taken[c]);
	if (page_zonenum(pat_page_of(block)) == ZONE_MOVABLE)
		atomic_long_inc(&movable);
	return block;
}

static void give(enum pat_context c, pat_block block)
{
	if (block)
		atomic_long_inc(&given[c]);
	pat_give(block);
}

pat_block pat_mix_swap(u32 *random, pat_block block)
{
	return xchg(&slots[pat_below(random, SLOTS)], block);
}

static void into_a_slot(enum pat_context c, u32 *random, pat_block block)
{
	give(c, pat_mix_swap(random, block));
}

static void split(enum pat_context c, u32 *random)
{
	unsigned int order = 1 + pat_below(random, 4);
	pat_block block = take(c, random, order), pages[1 << 4];
	unsigned long n;

	if (!block)
		return;
	if (PageCompound(pat_page_of(block))) {
		give(c, block);
		return;
	}
	split_page(pat_page_of(block), order);
	n = pat_break_up(block, pages);
	while (n)
		into_a_slot(c, random, pages[--n]);
}

/* As at the end of writeback: takes the lock, changes entries, frees under it. */
static void under_the_lock(enum pat_context c, u32 *random)
{
	unsigned long flags, index;

	xa_lock_irqsave(&tree, flags);
	for (unsigned int i = 0; i < 4; i++) {
		void *entry = __xa_erase(&tree, pat_below(random, SIZE));

		if (!entry)
			continue;
		pat_give(xa_to_value(entry));
		atomic_long_inc(&under_lock[c]);
	}
	for (unsigned int i = 0; i < 2 && c != PAT_TASK; i++) {
		pat_block block = take(c, random, 0);
		void *old;

		if (!block)
			continue;
		index = pat_below(random, SIZE);
		old = __xa_store(&tree, index, xa_mk_value(block), GFP_NOWAIT | __GFP_NOWARN);
		if (xa_is_err(old))
			pat_give(block);
		else if (old)
			pat_give(xa_to_value(old));
	}
	xa_unlock_irqrestore(&tree, flags);
}

static void fill_tree(u32 *random)
{
	for (unsigned int i = 0; i < 4; i++) {
		pat_block block = take(PAT_TASK, random, pat_below(random, 4));
		void *old;

		if (!block)
			continue;
		old = xa_store_irq(&tree, pat_below(random, SIZE), xa_mk_value(block), GFP_KERNEL);
		if (xa_is_err(old))
			pat_give(block);
		else if (old)
			pat_give(xa_to_value(old));
	}
}

/* ---- A load of these for any test ------------------------------------------------------------ */

static void turn(enum pat_context c, u32 *random)
{
	switch (pat_below(random, 8)) {
	case 0:
		split(c, random);
		break;
	case 1:
		under_the_lock(c, random);
		break;
	case 2:
	case 3:
	case 4:
		into_a_slot(c, random, take(c, random, pat_some_order(random)));
		break;
	default:
		into_a_slot(c, random, 0);
	}
	if (c == PAT_TASK && !pat_below(random, 4))
		fill_tree(random);
}

unsigned int pat_mix_begin(void)
{
	for (unsigned int c = 0; c < PAT_NR_CONTEXTS; c++) {
		atomic_long_set(&taken[c], 0);
		atomic_long_set(&given[c], 0);
		atomic_long_set(&under_lock[c], 0);
	}
	atomic_long_set(&movable, 0);
	return pat_load_begin(turn);
}

void pat_mix_end(void)
{
	pat_load_end();
	for (unsigned int i = 0; i < SLOTS; i++)
		pat_give(xchg(&slots[i], 0));
	for (unsigned long i = 0; i < SIZE; i++) {
		void *entry = xa_erase_irq(&tree, i);

		if (entry)
			pat_give(xa_to_value(entry));
	}
	xa_destroy(&tree);
}

long pat_mix_movable(void)
{
	return atomic_long_read(&movable);
}

/* ---- The test -------------------------------------------------------------------------------- */

/* A context that has not allocated, freed, and freed under the lock; NULL: there is none. */
static const char *idle(void)
{
	for (unsigned int c = 0; c < PAT_NR_CONTEXTS; c++)
		if (!atomic_long_read(&taken[c]) || !atomic_long_read(&given[c]) ||
		    !atomic_long_read(&under_lock[c]))
			return pat_context_names[c];
	return NULL;
}

static bool nobody_is_idle(void)
{
	return !idle();
}

void pat_contexts(void)
{
	unsigned int n = pat_mix_begin();
	long locked = 0;

	if (!n)
		return;
	pat_time_wait_for(nobody_is_idle);
	pat_mix_end();
	if (idle())
		pat_bad("the test's own error: %s did not allocate and free", idle());
	for (unsigned int c = 0; c < PAT_NR_CONTEXTS; c++)
		locked += atomic_long_read(&under_lock[c]);
	pat_did("%u CPUs; blocks freed by tasks %ld, softirqs %ld, hrtimers %ld, irq_works %ld; "
		"under the xa_lock %ld",
		n, atomic_long_read(&given[PAT_TASK]), atomic_long_read(&given[PAT_SOFTIRQ]),
		atomic_long_read(&given[PAT_HRTIMER]), atomic_long_read(&given[PAT_IRQ_WORK]),
		locked);
}
