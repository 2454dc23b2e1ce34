// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * hang.c - the deadlock of the seed, or its absence.
 *
 *	A, a task	allocates all the time, with interrupts on; its pages go into the tree
 *	on A's CPU	a hard interrupt every 50 us takes the tree's lock
 *	B, a task on	takes a page of A's out of the tree and frees it, both while it holds the
 *	another CPU	tree's lock with interrupts off
 *	on a third CPU	somebody watches
 *
 * If the free waits for the pcp lock of A's CPU, which the interrupted A holds: the interrupt waits
 * for the tree's lock, B for the pcp lock, forever. The watcher says so and ends the machine,
 * since nothing else ends this. If it does not come, it has to be shown that it could have:
 * "deadly" are frees that came back while an interrupt that had come in the middle of an allocation
 * of A's was waiting for the lock that B held.
 *
 * The watcher has the first CPU, to which the interrupts of devices go: another one that is idle
 * may sleep until one of them (the timer's that is used for that) wakes it. It uses no jiffies,
 * which A's CPU may be the one to count.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/kthread.h>
#include <linux/reboot.h>
#include <linux/sched/task.h>

#include "counters.h"
#include "tree.h"
#include "test.h"

enum stage {
	ELSEWHERE,
	ALLOCATES,
	WAITS, /* for the lock */
	HOLDS,
	FREES, /* while it holds the lock */
};

enum {
	INTERVAL_US = 50,
	DEAD_AFTER_MS = 5000,
	WATCH_MS = 100,
};

static struct kt_tree tree;
static struct hrtimer timer;
static unsigned int cpu_a, cpu_b, cpu_watch;
static bool stop;
static struct completion watched;

/* Each written by one CPU, read by all. */
static enum stage stage_a, stage_irq, stage_b;
static bool on_top; /* the interrupt has come in the middle of an allocation */
static unsigned long allocated, interrupts, freed, deadly;

/* ---- A and its interrupts -------------------------------------------------------------------- */

static enum hrtimer_restart interrupt(struct hrtimer *t)
{
	unsigned long flags;

	WRITE_ONCE(on_top, stage_a == ALLOCATES);
	smp_store_release(&stage_irq, WAITS);
	kt_tree_lock(&tree, flags);
	WRITE_ONCE(stage_irq, HOLDS);
	WRITE_ONCE(interrupts, interrupts + 1);
	WRITE_ONCE(stage_irq, ELSEWHERE);
	kt_tree_unlock(&tree, flags);
	/* From now on, so that something is done in between even where all is slow. */
	hrtimer_set_expires(t, ktime_add_us(ktime_get(), INTERVAL_US));
	return HRTIMER_RESTART;
}

/* What is to be interrupted is allocations, as in the seed. */
static void free_undisturbed(struct page *page)
{
	unsigned long flags;

	local_irq_save(flags);
	roost_free_pages(page, 0);
	local_irq_restore(flags);
}

static void allocate(unsigned long i)
{
	struct page *page;

	WRITE_ONCE(stage_a, ALLOCATES);
	page = roost_alloc_pages(0, 0);
	WRITE_ONCE(stage_a, ELSEWHERE);
	if (!page)
		return;
	WRITE_ONCE(allocated, allocated + 1);
	page = kt_tree_store(&tree, i, page);
	if (page) /* B was slower */
		free_undisturbed(page);
}

static int task_a(void *unused)
{
	hrtimer_init(&timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED_HARD);
	timer.function = interrupt;
	hrtimer_start(&timer, kt_us(INTERVAL_US), HRTIMER_MODE_REL_PINNED_HARD);
	for (unsigned long i = 0; !READ_ONCE(stop); i++) {
		allocate(i % KT_TREE_SIZE);
		cond_resched();
	}
	hrtimer_cancel(&timer);
	return 0;
}

/* ---- B -------------------------------------------------------------------------------------- */

static void free_one(unsigned long i)
{
	struct page *page;
	unsigned long flags;

	kt_tree_lock(&tree, flags);
	page = kt_tree_swap(&tree, i, NULL);
	if (page) {
		WRITE_ONCE(stage_b, FREES);
		roost_free_pages(page, 0);
		/* What waits for us stays as it is. */
		if (smp_load_acquire(&stage_irq) == WAITS && READ_ONCE(on_top))
			WRITE_ONCE(deadly, deadly + 1);
		WRITE_ONCE(stage_b, ELSEWHERE);
		WRITE_ONCE(freed, freed + 1);
	}
	kt_tree_unlock(&tree, flags);
}

static int task_b(void *unused)
{
	for (unsigned long i = 0; !READ_ONCE(stop); i++) {
		free_one(i % KT_TREE_SIZE);
		cond_resched();
	}
	return 0;
}

/* ---- The watcher ----------------------------------------------------------------------------- */

static void where_am_i(void)
{
	pr_emerg("CPU%u:\n", raw_smp_processor_id());
	dump_stack_lvl(KERN_EMERG);
}

/* On PREEMPT_RT a thread prints. */
static void let_it_be_printed(void)
{
	usleep_range(500000, 600000);
}

static void say_where_they_are(void)
{
	pr_emerg("hang: CPU%u: a hard interrupt %s " KT_LOCK_NAME ", it interrupted %s\n", cpu_a,
		 READ_ONCE(stage_irq) == WAITS ? "waits for" : "is somewhere else than at",
		 READ_ONCE(on_top) ? "an allocation" : "something else");
	pr_emerg("hang: CPU%u: %s\n", cpu_b,
		 READ_ONCE(stage_b) == FREES ? "holds " KT_LOCK_NAME ", in roost_free_pages()"
					     : "is somewhere else");
	if (kt_nmi_start(where_am_i))
		return;
	/* What is written from an NMI comes out with what is written here next. */
	kt_nmi_send(cpu_a);
	let_it_be_printed();
	pr_emerg("hang: that was CPU%u\n", cpu_a);
	kt_nmi_send(cpu_b);
	let_it_be_printed();
	pr_emerg("hang: that was CPU%u\n", cpu_b);
}

static void end_the_machine(void)
{
	say_where_they_are();
	pr_emerg("verdict: hang yes, after %lu frees and %lu interrupts\n", freed, interrupts);
	let_it_be_printed();
	emergency_restart();
}

static int watch(void *until)
{
	ktime_t end = *(ktime_t *)until, moved = ktime_get();
	unsigned long seen_freed = 0, seen_interrupts = 0;

	while (ktime_before(ktime_get(), end) && !kthread_should_stop()) {
		usleep_range(WATCH_MS * 1000, WATCH_MS * 1100);
		if (seen_freed != READ_ONCE(freed) || seen_interrupts != READ_ONCE(interrupts))
			moved = ktime_get();
		seen_freed = READ_ONCE(freed);
		seen_interrupts = READ_ONCE(interrupts);
		if (ktime_ms_delta(ktime_get(), moved) >= DEAD_AFTER_MS)
			end_the_machine();
	}
	complete(&watched);
	return 0;
}

/* ---- The run -------------------------------------------------------------------------------- */

static struct task_struct *start(int (*fn)(void *), void *data, unsigned int cpu, const char *name)
{
	struct task_struct *task = kthread_create(fn, data, "roost_hang_%s", name);

	if (IS_ERR(task))
		return NULL;
	get_task_struct(task);
	kthread_bind(task, cpu);
	wake_up_process(task);
	return task;
}

static void join(struct task_struct *task)
{
	if (!task)
		return;
	kthread_stop(task);
	put_task_struct(task);
}

/* What shows that the way around the lock was gone. */
static u64 fallbacks(const struct kt_counters *stats)
{
	if (!kt_about.pcpbuddy)
		return stats->free_remote;
	return kt_about.llist ? stats->free_llist : stats->free_fallback;
}

static void run(unsigned int seconds)
{
	ktime_t end = ktime_add_ms(ktime_get(), seconds * 1000ul);
	struct task_struct *a, *b, *w;

	init_completion(&watched);
	a = start(task_a, NULL, cpu_a, "a");
	b = start(task_b, NULL, cpu_b, "b");
	w = start(watch, &end, cpu_watch, "watch");
	if (!a || !b || !w)
		kt_say("hang: a thread could not be made\n");
	else if (wait_for_completion_killable(&watched))
		kt_fail("a signal ended it");
	/* A thread that is stopped before it began never begins. */
	join(w);
	WRITE_ONCE(stop, true);
	join(a);
	join(b);
}

static void clear(void)
{
	for (unsigned long i = 0; i < KT_TREE_SIZE; i++) {
		struct page *page = kt_tree_store(&tree, i, NULL);

		if (page)
			roost_free_pages(page, 0);
	}
	kt_tree_destroy(&tree);
}

static void judge(u64 around)
{
	const char *way = !kt_about.pcpbuddy ? "remote frees"
			  : kt_about.llist   ? "pushes to the owner's list"
					     : "fallbacks";

	kt_say("hang: %lu allocations, %lu frees, %lu interrupts, %llu %s, %lu deadly\n", allocated,
	       freed, interrupts, around, way, deadly);
	if (!freed || !interrupts || !around || !deadly)
		kt_say("verdict: hang unknown, it could not have come\n");
	else
		kt_say("verdict: hang no, %lu frees, %lu interrupts, %llu %s, %lu deadly\n", freed,
		       interrupts, around, way, deadly);
}

void kt_hang(unsigned int seconds)
{
	struct kt_counters before, after;

	if (num_online_cpus() < 3) {
		kt_say("verdict: hang unknown, it takes three CPUs\n");
		return;
	}
	cpu_watch = cpumask_first(cpu_online_mask);
	cpu_a = cpumask_next(cpu_watch, cpu_online_mask);
	cpu_b = cpumask_next(cpu_a, cpu_online_mask);
	allocated = interrupts = freed = deadly = 0;
	stop = false;
	kt_tree_init(&tree);
	kt_counters_read(&before, roost_linux());
	run(seconds);
	kt_counters_read(&after, roost_linux());
	clear();
	if (kt_failed())
		kt_verdict("hang");
	else
		judge(fallbacks(&after) - fallbacks(&before));
}
