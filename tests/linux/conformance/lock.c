// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * lock.c - the order of locks that hung a kernel whose frees went to the CPU that owns the page:
 *
 *	A, a task	allocates all the time, with interrupts on; its pages go into an XArray
 *	on A's CPU	a hard interrupt every 50 us takes the xa_lock
 *	B, a task on	takes a page of A's out of the XArray and frees it, both while it holds the
 *	another CPU	xa_lock with interrupts off
 *
 * If the free waits for a lock that the interrupted A holds, the interrupt waits for the xa_lock
 * and B for A, forever. That it could have come, frees show that returned while an interrupt which
 * had come in the middle of an allocation waited for the lock that B held: "chances".
 *
 * On PREEMPT_RT all of these locks sleep, and the interrupt is a thread on top of A: then A goes on
 * while it waits, and what is left to see is that all get on.
 */
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/xarray.h>

#include "test.h"

enum stage {
	ELSEWHERE,
	ALLOCATES,
	WAITS, /* for the lock */
	FREES, /* while it holds the lock */
};

enum {
	INTERVAL_US = 50,
	SIZE = 512,
};

static DEFINE_XARRAY_FLAGS(tree, XA_FLAGS_LOCK_IRQ);
static struct hrtimer timer;
static unsigned int cpus[PAT_MAX_CPUS];

/* Each written on one CPU, read by all. */
static enum stage stage_a, stage_irq, stage_b;
static bool on_top; /* the interrupt has come in the middle of an allocation */
static unsigned long allocated, interrupts, freed, chances;

static pat_block block_of(void *entry)
{
	return entry && !xa_is_err(entry) ? xa_to_value(entry) : 0;
}

/* ---- A and its interrupts -------------------------------------------------------------------- */

static enum hrtimer_restart interrupt(struct hrtimer *t)
{
	unsigned long flags;

	WRITE_ONCE(on_top, stage_a == ALLOCATES);
	/* B, which sees WAITS, sees what was interrupted. */
	smp_store_release(&stage_irq, WAITS);
	xa_lock_irqsave(&tree, flags);
	WRITE_ONCE(stage_irq, ELSEWHERE);
	xa_unlock_irqrestore(&tree, flags);
	WRITE_ONCE(interrupts, interrupts + 1);
	pat_beat(0);
	/* From now on, so that something is done in between even where all is slow. */
	hrtimer_set_expires(t, ktime_add_us(ktime_get(), INTERVAL_US));
	return HRTIMER_RESTART;
}

/* What is to be interrupted is allocations. On PREEMPT_RT no free has interrupts off. */
static void free_undisturbed(pat_block block)
{
	unsigned long flags;

	if (IS_ENABLED(CONFIG_PREEMPT_RT)) {
		pat_give(block);
		return;
	}
	local_irq_save(flags);
	pat_give(block);
	local_irq_restore(flags);
}

static void allocate(unsigned long i)
{
	struct page *page;
	pat_block block;
	void *old;

	WRITE_ONCE(stage_a, ALLOCATES);
	page = shim_alloc(GFP_NOWAIT | __GFP_NOWARN, 0, NUMA_NO_NODE);
	WRITE_ONCE(stage_a, ELSEWHERE);
	block = page ? pat_adopt(page, GFP_NOWAIT, 0, NUMA_NO_NODE) : 0;
	if (!block)
		return;
	WRITE_ONCE(allocated, allocated + 1);
	old = xa_store_irq(&tree, i, xa_mk_value(block), GFP_KERNEL);
	/* B was slower. */
	free_undisturbed(xa_is_err(old) ? block : block_of(old));
}

static int task_a(void *unused)
{
	pat_timer_init(&timer, interrupt);
	hrtimer_start(&timer, pat_us(INTERVAL_US), PAT_TIMER_MODE);
	for (unsigned long i = 0; !kthread_should_stop(); i++) {
		if (!pat_is_bad())
			allocate(i % SIZE);
		pat_beat(1);
		cond_resched();
	}
	hrtimer_cancel(&timer);
	return 0;
}

/* ---- B --------------------------------------------------------------------------------------- */

static int task_b(void *unused)
{
	for (unsigned long i = 0; !kthread_should_stop(); i++) {
		unsigned long flags;
		pat_block block;

		xa_lock_irqsave(&tree, flags);
		block = block_of(__xa_erase(&tree, i % SIZE));
		if (block) {
			WRITE_ONCE(stage_b, FREES);
			pat_give(block);
			/* What waits for us stays as it is. */
			if (smp_load_acquire(&stage_irq) == WAITS && READ_ONCE(on_top))
				WRITE_ONCE(chances, chances + 1);
			WRITE_ONCE(stage_b, ELSEWHERE);
			WRITE_ONCE(freed, freed + 1);
		}
		xa_unlock_irqrestore(&tree, flags);
		pat_beat(2);
		cond_resched();
	}
	return 0;
}

/* ---- The test -------------------------------------------------------------------------------- */

static const char *where(void)
{
	static char text[200];

	scnprintf(text, sizeof(text),
		  "on CPU %u an interrupt %s the xa_lock, on top of %s; CPU %u %s; after %lu frees",
		  cpus[0], READ_ONCE(stage_irq) == WAITS ? "waits for" : "is not at",
		  READ_ONCE(on_top) ? "an allocation" : "something else", cpus[1],
		  READ_ONCE(stage_b) == FREES ? "holds it and is in a free" : "is elsewhere",
		  READ_ONCE(freed));
	return text;
}

void pat_lock(void)
{
	struct task_struct *a, *b;

	if (num_online_cpus() < 3 || pat_workers(cpus) < 2) {
		pat_skip("it takes three CPUs");
		return;
	}
	a = pat_thread(task_a, NULL, cpus[0]);
	b = pat_thread(task_b, NULL, cpus[1]);
	if (IS_ERR(a) || IS_ERR(b)) {
		pat_skip("a thread could not be made");
	} else {
		pat_watch(3, where);
		pat_time_wait();
		for (unsigned int i = 0; i < 10 && !READ_ONCE(chances) && !pat_is_bad(); i++) {
			pat_time_begin();
			pat_time_wait();
		}
		if (!chances)
			pat_skip("no free met an interrupt that waits on top of an allocation");
	}
	pat_watch(0, NULL);
	if (!IS_ERR(a))
		pat_join(a);
	if (!IS_ERR(b))
		pat_join(b);
	for (unsigned long i = 0; i < SIZE; i++)
		pat_give(block_of(xa_erase_irq(&tree, i)));
	xa_destroy(&tree);
	pat_did("%lu allocations, %lu frees under the xa_lock, %lu interrupts, %lu chances",
		allocated, freed, interrupts, chances);
}
