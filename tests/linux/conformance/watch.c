// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * watch.c - a thread on the first CPU, on which no test works, sees whether the others get on. A
 * hard interrupt of each CPU sees whether the thread does: the kernel's own work is on the first
 * CPU, too, and may hang there, or wait for one that does.
 *
 * CPUs that wait for each other with interrupts off answer nothing, and nothing ends them. So it
 * says what hangs, and restarts the machine. It uses no jiffies, which a CPU that hangs may be the
 * one to count.
 */
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/reboot.h>
#include <linux/smp.h>
#include <linux/sched/task.h>

#include "test.h"

static unsigned int timeout = 10;
module_param(timeout, uint, 0444);
MODULE_PARM_DESC(timeout, "seconds without a step that are a hang");

static struct task_struct *watcher;
static unsigned long looks; /* of the watcher, which writes it */

/* Of a CPU that watches the watcher; its own interrupt writes it. */
struct other {
	struct hrtimer timer;
	unsigned long seen;
	ktime_t moved;
};

static DEFINE_PER_CPU(struct other, others);
static unsigned long beats[PAT_MAX_CPUS]; /* each written by one thread or interrupt */
static unsigned int watched;		  /* how many of them; written by the test's thread */
static unsigned int round;		  /* counts calls of pat_watch() */
static const char *(*where_are_they)(void);

void pat_beat(unsigned int i)
{
	WRITE_ONCE(beats[i], beats[i] + 1);
}

void pat_watch(unsigned int n, const char *(*where)(void))
{
	WRITE_ONCE(watched, 0);
	where_are_they = where;
	WRITE_ONCE(round, round + 1);
	/* The watcher that sees n sees where and the round. */
	smp_store_release(&watched, n);
}

/* On PREEMPT_RT a thread prints. */
static void let_it_be_printed(void)
{
	usleep_range(500000, 600000);
}

static int watch(void *unused)
{
	static unsigned long seen[PAT_MAX_CPUS];
	static ktime_t moved[PAT_MAX_CPUS];
	unsigned int seen_round = 0;

	while (!kthread_should_stop()) {
		unsigned int n = smp_load_acquire(&watched);
		bool fresh = seen_round != READ_ONCE(round);
		ktime_t now = ktime_get();

		seen_round = READ_ONCE(round);
		for (unsigned int i = 0; i < n; i++) {
			if (fresh || seen[i] != READ_ONCE(beats[i]))
				moved[i] = now;
			seen[i] = READ_ONCE(beats[i]);
			if (ktime_ms_delta(now, moved[i]) < timeout * 1000ll)
				continue;
			pat_say_hang(where_are_they ? where_are_they() : NULL, timeout);
			let_it_be_printed();
			emergency_restart();
		}
		WRITE_ONCE(looks, looks + 1);
		usleep_range(100000, 110000);
	}
	return 0;
}

/* Twice the time: what hangs all CPUs is the thread's to say, which knows more. */
static enum hrtimer_restart watch_the_watcher(struct hrtimer *timer)
{
	struct other *o = container_of(timer, struct other, timer);
	ktime_t now = ktime_get();

	if (o->seen != READ_ONCE(looks))
		o->moved = now;
	o->seen = READ_ONCE(looks);
	if (ktime_ms_delta(now, o->moved) >= 2 * timeout * 1000ll) {
		pat_say_hang("the first CPU, which watches the others, hangs itself", 2 * timeout);
		emergency_restart();
	}
	hrtimer_forward_now(timer, ms_to_ktime(500));
	return HRTIMER_RESTART;
}

static void start_other(void *unused)
{
	struct other *o = this_cpu_ptr(&others);

	o->moved = ktime_get();
	pat_timer_init_as(&o->timer, watch_the_watcher, HRTIMER_MODE_REL_PINNED_HARD);
	hrtimer_start(&o->timer, ms_to_ktime(500), HRTIMER_MODE_REL_PINNED_HARD);
}

struct task_struct *pat_thread(int (*fn)(void *), void *data, unsigned int cpu)
{
	struct task_struct *thread = kthread_create(fn, data, "page_alloc_test/%u", cpu);

	if (IS_ERR(thread))
		return thread;
	get_task_struct(thread);
	kthread_bind(thread, cpu);
	wake_up_process(thread);
	return thread;
}

void pat_join(struct task_struct *thread)
{
	kthread_stop(thread);
	put_task_struct(thread);
}

int pat_watch_start(void)
{
	watcher = pat_thread(watch, NULL, cpumask_first(cpu_online_mask));
	if (IS_ERR(watcher))
		return PTR_ERR(watcher);
	on_each_cpu(start_other, NULL, true);
	return 0;
}

void pat_watch_stop(void)
{
	int cpu;

	/* A CPU that came later has none. */
	for_each_possible_cpu(cpu)
	{
		if (per_cpu(others, cpu).moved)
			hrtimer_cancel(&per_cpu(others, cpu).timer);
	}
	pat_join(watcher);
}
