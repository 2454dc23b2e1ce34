// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * load.c - contexts that take turns: on each CPU that works a task, an hrtimer and an irq_work
 * (hard interrupts; on PREEMPT_RT threads) and a tasklet (a softirq). What a turn does is the
 * test's.
 *
 * CPUs may go and come meanwhile. What belongs to a CPU that goes works on others;
 * pat_load_settle() takes the thread back, and the thread its timer.
 */
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/kthread.h>
#include <linux/percpu.h>

#include "test.h"

struct worker {
	u32 random[PAT_NR_CONTEXTS];
	struct hrtimer timer;
	struct tasklet_struct tasklet;
	struct irq_work work;
	struct task_struct *thread;
	unsigned int index;
};

static DEFINE_PER_CPU(struct worker, workers);
static unsigned int cpus[PAT_MAX_CPUS], nr_cpus;
static pat_turn turn_of_test;

const char *const pat_context_names[] = {"tasks", "softirqs", "hrtimers", "irq_works"};

static void turn(enum pat_context c, struct worker *w)
{
	if (!pat_is_bad())
		turn_of_test(c, &w->random[c]);
}

static void on_softirq(struct tasklet_struct *tasklet)
{
	turn(PAT_SOFTIRQ, container_of(tasklet, struct worker, tasklet));
}

static void on_irq_work(struct irq_work *work)
{
	turn(PAT_IRQ_WORK, container_of(work, struct worker, work));
}

static enum hrtimer_restart on_timer(struct hrtimer *timer)
{
	struct worker *w = container_of(timer, struct worker, timer);
	u32 *random = &w->random[PAT_HRTIMER];

	turn(PAT_HRTIMER, w);
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
	u32 *random = &w->random[PAT_TASK];
	int here = -1;

	while (!kthread_should_stop()) {
		if (here != raw_smp_processor_id()) {
			here = raw_smp_processor_id();
			hrtimer_cancel(&w->timer);
			hrtimer_start(&w->timer, pat_us(500), PAT_TIMER_MODE);
		}
		turn(PAT_TASK, w);
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

static bool start(unsigned int cpu, unsigned int index)
{
	struct worker *w = per_cpu_ptr(&workers, cpu);

	for (unsigned int c = 0; c < PAT_NR_CONTEXTS; c++)
		w->random[c] = pat_seed();
	w->index = index;
	pat_timer_init(&w->timer, on_timer);
	tasklet_setup(&w->tasklet, on_softirq);
	w->work = PAT_IRQ_WORK_INIT(on_irq_work);
	w->thread = pat_thread(work, w, cpu);
	return !IS_ERR(w->thread);
}

unsigned int pat_load_begin(pat_turn turn)
{
	bool all = true;

	turn_of_test = turn;
	cpus_read_lock();
	nr_cpus = pat_workers(cpus);
	for (unsigned int i = 0; i < nr_cpus; i++)
		all &= start(cpus[i], i);
	cpus_read_unlock();
	if (all) {
		pat_watch(nr_cpus, NULL);
		return nr_cpus;
	}
	pat_load_end();
	pat_skip("a thread could not be made");
	return 0;
}

void pat_load_settle(unsigned int cpu)
{
	struct worker *w = per_cpu_ptr(&workers, cpu);

	set_cpus_allowed_ptr(w->thread, cpumask_of(cpu));
}

void pat_load_end(void)
{
	pat_watch(0, NULL);
	for (unsigned int i = 0; i < nr_cpus; i++)
		if (!IS_ERR(per_cpu_ptr(&workers, cpus[i])->thread))
			pat_join(per_cpu_ptr(&workers, cpus[i])->thread);
}
