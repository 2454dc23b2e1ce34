// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * xarray.c - blocks as entries of an XArray, freed while its xa_lock is held with interrupts off,
 * one by one and in batches; hard interrupts on all CPUs take the same lock, free and allocate
 * under it.
 *
 * On PREEMPT_RT the lock of the tree is a raw spinlock (tree.h). There tasks do the same under a
 * real xa_lock as well, which no interrupt takes.
 */
#include <linux/atomic.h>

#include "tree.h"
#include "load.h"

static struct kt_tree tree;
static atomic_long_t single, batched, by_interrupts, batched_by_interrupts;

static unsigned long random_index(struct kt_who *who)
{
	return (kt_random(who) >> 8) % KT_TREE_SIZE;
}

static void *entry_of(kt_block block)
{
	return block ? xa_mk_value(block) : NULL;
}

static kt_block block_of(const void *entry)
{
	return entry ? xa_to_value(entry) : 0;
}

/* The lock is held. */
static kt_block take_out(struct kt_who *who)
{
	return block_of(kt_tree_swap(&tree, random_index(who), NULL));
}

static void fill(struct kt_who *who)
{
	for (unsigned int i = 0; i < 4; i++) {
		kt_block block = kt_take(who, (kt_random(who) >> 8) % 4);

		kt_give(who, block_of(kt_tree_store(&tree, random_index(who), entry_of(block))));
	}
}

/* The lock is held. Returns how many blocks were freed. */
static long free_single(struct kt_who *who)
{
	long n = 0;

	for (unsigned int i = 0; i < 4; i++) {
		kt_block block = take_out(who);

		kt_give(who, block);
		n += block != 0;
	}
	return n;
}

/* The same in one batch. */
static long free_batch(struct kt_who *who)
{
	kt_block blocks[KT_BULK];
	long n = 0;

	for (unsigned int i = 0; i < KT_BULK; i++) {
		blocks[i] = take_out(who);
		n += blocks[i] != 0;
	}
	kt_give_bulk(who, blocks, KT_BULK);
	return n;
}

#ifdef CONFIG_PREEMPT_RT
static DEFINE_XARRAY(sleeping_tree);
static atomic_long_t under_sleeping_lock;

static void under_a_sleeping_lock(struct kt_who *who)
{
	kt_block block = kt_take(who, 0);
	void *old = xa_store(&sleeping_tree, random_index(who), entry_of(block), GFP_KERNEL);

	kt_give(who, xa_is_err(old) ? block : block_of(old));
	xa_lock(&sleeping_tree);
	block = block_of(__xa_erase(&sleeping_tree, random_index(who)));
	kt_give(who, block);
	xa_unlock(&sleeping_tree);
	atomic_long_add(block != 0, &under_sleeping_lock);
}
#endif

void kt_tree_task(struct kt_who *who)
{
	unsigned long flags;

	kt_count_turn(who);
	fill(who);
	kt_tree_lock(&tree, flags);
	if (kt_chance(who, 3))
		atomic_long_add(free_batch(who), &batched);
	else
		atomic_long_add(free_single(who), &single);
	kt_tree_unlock(&tree, flags);
#ifdef CONFIG_PREEMPT_RT
	under_a_sleeping_lock(who);
#endif
}

/* As at the end of writeback: takes the lock, changes entries, frees; and allocates. */
void kt_tree_interrupt(struct kt_who *who)
{
	unsigned long flags;
	kt_block block;

	kt_count_turn(who);
	kt_tree_lock(&tree, flags);
	if (kt_chance(who, 4))
		atomic_long_add(free_batch(who), &batched_by_interrupts);
	else
		atomic_long_add(free_single(who), &by_interrupts);
	for (unsigned int i = 0; i < 4; i++) {
		block = kt_take(who, 0);
		kt_give(who, block_of(kt_tree_swap(&tree, random_index(who), entry_of(block))));
	}
	kt_tree_unlock(&tree, flags);
}

void kt_tree_begin(void)
{
	kt_tree_init(&tree);
	atomic_long_set(&single, 0);
	atomic_long_set(&batched, 0);
	atomic_long_set(&by_interrupts, 0);
	atomic_long_set(&batched_by_interrupts, 0);
}

void kt_tree_clear(struct kt_who *who)
{
	for (unsigned long i = 0; i < KT_TREE_SIZE; i++) {
		kt_give(who, block_of(kt_tree_store(&tree, i, NULL)));
#ifdef CONFIG_PREEMPT_RT
		kt_give(who, block_of(xa_erase(&sleeping_tree, i)));
#endif
	}
}

void kt_tree_end(void)
{
	kt_tree_destroy(&tree);
}

static void report(const char *what, atomic_long_t *n)
{
	kt_say("freed under " KT_LOCK_NAME ", %s: %ld\n", what, atomic_long_read(n));
	if (!atomic_long_read(n))
		kt_fail("nothing was freed under " KT_LOCK_NAME ", %s", what);
}

void kt_tree_report(void)
{
	report("by tasks, one by one", &single);
	report("by tasks, in batches", &batched);
	report("by hard interrupts, one by one", &by_interrupts);
	report("by hard interrupts, in batches", &batched_by_interrupts);
#ifdef CONFIG_PREEMPT_RT
	report("by tasks, the sleeping xa_lock instead", &under_sleeping_lock);
#endif
}
