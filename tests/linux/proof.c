// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * proof.c - the order of locks of the seed, gone through once, so that lockdep learns it:
 *
 *	1  a task allocates: the pcp lock is taken with interrupts on
 *	2  a hard interrupt takes the xa_lock
 *	3  a task on another CPU frees while it holds the xa_lock with interrupts off: the pcp lock
 *	   of the first CPU is wanted
 *
 * Nothing hangs by that. If 3 waits for the pcp lock, lockdep reports: "HARDIRQ-safe ->
 * HARDIRQ-unsafe lock order detected" in this order, "possible irq lock inversion dependency
 * detected" with 3 before 2 (free_first). A lock that is only tried adds no dependency, so silence
 * proves nothing without a blocking build beside it, nor if lockdep had stopped before. With one
 * CPU the locks are words that lockdep does not know (core/lock.h): silence there says nothing.
 */
#include <linux/completion.h>
#include <linux/debug_locks.h>
#include <linux/hrtimer.h>
#include <linux/preempt.h>
#include <linux/smp.h>
#include <linux/workqueue.h>

#include "counters.h"
#include "tree.h"
#include "test.h"

enum {
	PAGES = 32,
	INTERRUPTS = 3,
};

static struct kt_tree tree;
static struct hrtimer timer;
static struct completion interrupted;
static int left;

static bool lockdep_lives(void)
{
#ifdef CONFIG_PROVE_LOCKING
	return debug_locks;
#else
	return false;
#endif
}

/* As the end of writeback: a hard interrupt changes an entry. */
static enum hrtimer_restart interrupt(struct hrtimer *t)
{
	unsigned long flags;

	kt_tree_lock(&tree, flags);
	left--;
	kt_tree_unlock(&tree, flags);
	if (left) {
		hrtimer_forward_now(t, kt_us(200));
		return HRTIMER_RESTART;
	}
	complete(&interrupted);
	return HRTIMER_NORESTART;
}

static void let_interrupts_take_the_lock(void)
{
	left = INTERRUPTS;
	init_completion(&interrupted);
	hrtimer_init(&timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_HARD);
	timer.function = interrupt;
	hrtimer_start(&timer, kt_us(200), HRTIMER_MODE_REL_HARD);
	wait_for_completion(&interrupted);
	hrtimer_cancel(&timer);
}

/* On the CPU that is to own the pages. */
static long allocate(void *unused)
{
	unsigned long n = 0;

	for (unsigned long i = 0; i < PAGES; i++) {
		struct page *page = roost_alloc_pages(0, 0);

		n += page != NULL;
		if (page)
			page = kt_tree_store(&tree, i, page);
		if (page)
			kt_fail("the entry %lu could not be stored", i);
	}
	kt_say("order: allocated %lu pages on CPU%u\n", n, raw_smp_processor_id());
	if (n != PAGES)
		kt_fail("%lu pages allocated", n);
	return 0;
}

/* With one CPU, this one. */
static unsigned int another_cpu(void)
{
	unsigned int cpu = cpumask_any_but(cpu_online_mask, raw_smp_processor_id());

	return cpu < nr_cpu_ids ? cpu : raw_smp_processor_id();
}

/* Blocks that went to a pcp of another CPU. */
static u64 went_home(void)
{
	struct kt_counters stats;

	kt_counters_read(&stats, roost_linux());
	return kt_about.llist ? stats.free_llist : stats.free_remote;
}

static void free_under_the_lock(bool bulk)
{
	struct page *pages[PAGES];
	unsigned long flags, n = 0;
	u64 before = went_home(), home;

	kt_tree_lock(&tree, flags);
	for (unsigned long i = 0; i < PAGES; i++) {
		pages[n] = kt_tree_swap(&tree, i, NULL);
		if (pages[n] && !bulk)
			roost_free_pages(pages[n], 0);
		n += pages[n] != NULL;
	}
	if (bulk)
		roost_free_pages_bulk(pages, n, 0);
	kt_tree_unlock(&tree, flags);
	home = went_home() - before;
	kt_say("order: freed %lu pages %s under " KT_LOCK_NAME
	       " on CPU%u, %llu went to their CPU\n",
	       n, bulk ? "in one batch" : "one by one", raw_smp_processor_id(), home);
	if (kt_about.smp && home != n)
		kt_fail("%llu of %lu pages went to their CPU", home, n);
}

void kt_order(bool bulk, bool free_first)
{
	bool lived = lockdep_lives();

	kt_tree_init(&tree);
	migrate_disable();
	work_on_cpu(another_cpu(), allocate, NULL);
	if (!free_first)
		let_interrupts_take_the_lock();
	free_under_the_lock(bulk);
	if (free_first)
		let_interrupts_take_the_lock();
	migrate_enable();
	kt_tree_destroy(&tree);
	if (kt_failed())
		kt_verdict("order");
	else if (!lived)
		kt_say("verdict: order unknown, lockdep is not there or had stopped before\n");
	else if (lockdep_lives())
		kt_say("verdict: order silent, lockdep goes on\n");
	else
		kt_say("verdict: order reported, see the kernel's log\n");
}
