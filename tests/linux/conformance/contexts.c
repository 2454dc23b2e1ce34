// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * contexts.c - on each CPU a task, an hrtimer and an irq_work (hard interrupts) and a tasklet (a
 * softirq) allocate and free blocks of all orders. Blocks wait in slots for any of them, so they
 * are freed on other CPUs and in other contexts than they came from. Some wait in an XArray, and
 * are freed while its xa_lock is held with interrupts off.
 */
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/kthread.h>
#include <linux/percpu.h>
#include <linux/xarray.h>

#include "test.h"

enum context {
	TASK,
	SOFTIRQ,
	HRTIMER,
	IRQ_WORK,
	NR_CONTEXTS,
};

static const char *const context_names[] = {"tasks", "softirqs", "hrtimers", "irq_works"};

enum {
	SLOTS = 512,
	SIZE = 256, /* of the tree */
};

struct worker {
	u32 random[NR_CONTEXTS];
	struct hrtimer timer;
	struct tasklet_struct tasklet;
	struct irq_work work;
	struct task_struct *thread;
	unsigned int index;
};

static DEFINE_PER_CPU(struct worker, workers);
static pat_block slots[SLOTS];
static DEFINE_XARRAY_FLAGS(tree, XA_FLAGS_LOCK_IRQ);
static atomic_long_t taken[NR_CONTEXTS], given[NR_CONTEXTS], under_lock[NR_CONTEXTS];

static const gfp_t flavours[] = {
	0, 0, 0, __GFP_MOVABLE, __GFP_MOVABLE, __GFP_RECLAIMABLE, __GFP_COMP, __GFP_ZERO, GFP_DMA32,
};

/* ---- What each does -------------------------------------------------------------------------- */

static pat_block take(enum context c, u32 *random, unsigned int order)
{
	gfp_t gfp = flavours[pat_below(random, ARRAY_SIZE(flavours))] | __GFP_NOWARN;
	pat_block block;

	if (c == TASK)
		gfp |= GFP_KERNEL | __GFP_NORETRY;
	else
		gfp |= pat_below(random, 2) ? GFP_ATOMIC : GFP_NOWAIT;
	block = pat_take(gfp, order, NUMA_NO_NODE);
	if (block)
		atomic_long_inc(&taken[c]);
	return block;
}

static void give(enum context c, pat_block block)
{
	if (block)
		atomic_long_inc(&given[c]);
	pat_give(block);
}

static void into_a_slot(enum context c, u32 *random, pat_block block)
{
	give(c, xchg(&slots[pat_below(random, SLOTS)], block));
}

static void split(enum context c, u32 *random)
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
static void under_the_lock(enum context c, u32 *random)
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
	for (unsigned int i = 0; i < 2 && c != TASK; i++) {
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
		pat_block block = take(TASK, random, pat_below(random, 4));
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

static void turn(enum context c, u32 *random)
{
	if (pat_is_bad())
		return;
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
}

/* ---- Contexts -------------------------------------------------------------------------------- */

static void on_softirq(struct tasklet_struct *tasklet)
{
	turn(SOFTIRQ, &container_of(tasklet, struct worker, tasklet)->random[SOFTIRQ]);
}

static void on_irq_work(struct irq_work *work)
{
	turn(IRQ_WORK, &container_of(work, struct worker, work)->random[IRQ_WORK]);
}

static enum hrtimer_restart on_timer(struct hrtimer *timer)
{
	struct worker *w = container_of(timer, struct worker, timer);
	u32 *random = &w->random[HRTIMER];

	turn(HRTIMER, random);
	if (pat_below(random, 2))
		tasklet_schedule(&w->tasklet);
	if (pat_below(random, 2))
		irq_work_queue(&w->work);
	/* From now on, so that tasks get on even where all is slow. */
	hrtimer_set_expires(timer, ktime_add_us(ktime_get(), 200 + pat_below(random, 500)));
	return HRTIMER_RESTART;
}

static int work(void *data)
{
	struct worker *w = data;
	u32 *random = &w->random[TASK];

	hrtimer_start(&w->timer, pat_us(500), HRTIMER_MODE_REL_PINNED_HARD);
	while (!kthread_should_stop()) {
		turn(TASK, random);
		if (!pat_below(random, 4) && !pat_is_bad())
			fill_tree(random);
		if (!pat_below(random, 64) || pat_is_bad())
			usleep_range(100, 500);
		pat_beat(w->index);
		cond_resched();
	}
	hrtimer_cancel(&w->timer);
	irq_work_sync(&w->work);
	tasklet_kill(&w->tasklet);
	return 0;
}

/* ---- The test -------------------------------------------------------------------------------- */

static void start(unsigned int cpu, unsigned int index)
{
	struct worker *w = per_cpu_ptr(&workers, cpu);

	for (unsigned int c = 0; c < NR_CONTEXTS; c++)
		w->random[c] = pat_seed();
	w->index = index;
	pat_timer_init(&w->timer, on_timer);
	tasklet_setup(&w->tasklet, on_softirq);
	w->work = IRQ_WORK_INIT_HARD(on_irq_work);
	w->thread = pat_thread(work, w, cpu);
}

static void clear(void)
{
	for (unsigned int i = 0; i < SLOTS; i++)
		pat_give(xchg(&slots[i], 0));
	for (unsigned long i = 0; i < SIZE; i++) {
		void *entry = xa_erase_irq(&tree, i);

		if (entry)
			pat_give(xa_to_value(entry));
	}
	xa_destroy(&tree);
}

void pat_contexts(void)
{
	unsigned int cpus[PAT_MAX_CPUS], n;
	bool all = true;

	if (IS_ENABLED(CONFIG_PREEMPT_RT)) {
		pat_skip("on PREEMPT_RT no hard interrupt may allocate");
		return;
	}
	cpus_read_lock();
	n = pat_workers(cpus);
	for (unsigned int i = 0; i < n; i++) {
		start(cpus[i], i);
		all &= !IS_ERR(per_cpu_ptr(&workers, cpus[i])->thread);
	}
	if (all) {
		pat_watch(n, NULL);
		pat_time_wait();
	} else {
		pat_skip("a thread could not be made");
	}
	pat_watch(0, NULL);
	for (unsigned int i = 0; i < n; i++)
		if (!IS_ERR(per_cpu_ptr(&workers, cpus[i])->thread))
			pat_join(per_cpu_ptr(&workers, cpus[i])->thread);
	cpus_read_unlock();
	clear();
	for (unsigned int c = 0; c < NR_CONTEXTS && all; c++)
		if (!atomic_long_read(&taken[c]) || !atomic_long_read(&given[c]) ||
		    !atomic_long_read(&under_lock[c]))
			pat_bad("the test's own error: %s did not allocate and free",
				context_names[c]);
	pat_did("%u CPUs; blocks freed by tasks %ld, softirqs %ld, hrtimers %ld, irq_works %ld; "
		"under the xa_lock %ld",
		n, atomic_long_read(&given[TASK]), atomic_long_read(&given[SOFTIRQ]),
		atomic_long_read(&given[HRTIMER]), atomic_long_read(&given[IRQ_WORK]),
		atomic_long_read(&under_lock[TASK]) + atomic_long_read(&under_lock[SOFTIRQ]) +
			atomic_long_read(&under_lock[HRTIMER]) +
			atomic_long_read(&under_lock[IRQ_WORK]));
}
