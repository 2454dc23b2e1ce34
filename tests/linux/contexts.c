// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * contexts.c - what works on each CPU, each kind in its own context:
 *
 *	task      a thread of the CPU; every other allocation may wait for more memory
 *	hrtimer   hard interrupt. Makes the next two come:
 *	softirq   a tasklet
 *	irq_work  hard interrupt, of the kind that is one on PREEMPT_RT, too
 *	NMI       nmi.c; a thread sends them to all CPUs
 *
 * The hotplug state starts it on each CPU that is there or comes, on that CPU, and stops it before
 * one goes.
 */
#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/kthread.h>
#include <linux/percpu.h>
#include <linux/sched/task.h>

#include "load.h"

struct worker {
	struct kt_who softirq, hrtimer, irq_work, nmi, tree_irq;
	struct hrtimer timer;
	struct tasklet_struct tasklet;
	struct irq_work work;
	struct task_struct *thread;
};

static DEFINE_PER_CPU(struct worker, workers);
static int hotplug_state;
static struct task_struct *sender; /* of NMIs */
static atomic_t seeds;

static struct kt_who who_is(enum kt_kind kind)
{
	return (struct kt_who){.kind = kind, .random = atomic_inc_return(&seeds) * 2654435761u | 1};
}

/* ---- Handlers -------------------------------------------------------------------------------- */

static void on_softirq(struct tasklet_struct *tasklet)
{
	struct worker *w = container_of(tasklet, struct worker, tasklet);

	kt_turn(&w->softirq);
}

static void on_irq_work(struct irq_work *work)
{
	struct worker *w = container_of(work, struct worker, work);

	kt_turn(&w->irq_work);
}

static void on_nmi(void)
{
	kt_turn(&this_cpu_ptr(&workers)->nmi);
}

static enum hrtimer_restart on_timer(struct hrtimer *timer)
{
	struct worker *w = container_of(timer, struct worker, timer);

	kt_turn(&w->hrtimer);
	if (kt_chance(&w->hrtimer, 2))
		tasklet_schedule(&w->tasklet);
	if (kt_chance(&w->hrtimer, 2))
		irq_work_queue(&w->work);
	if (READ_ONCE(sender) && kt_chance(&w->hrtimer, 8))
		kt_nmi_send(raw_smp_processor_id()); /* comes at once, on top of this interrupt */
	if (kt_chance(&w->hrtimer, 3))
		kt_tree_interrupt(&w->tree_irq);
	if (kt_chance(&w->hrtimer, 3))
		kt_objects_interrupt(&w->tree_irq);
	/* From now on, so that tasks get on even where all is slow. */
	hrtimer_set_expires(timer,
			    ktime_add(ktime_get(), kt_us(200 + kt_random(&w->hrtimer) % 512)));
	return HRTIMER_RESTART;
}

/* ---- Threads --------------------------------------------------------------------------------- */

static int work(void *unused)
{
	struct kt_who task = who_is(KT_TASK), tree = who_is(KT_TREE);

	while (!kthread_should_stop()) {
		task.flags = kt_chance(&task, 2) ? ROOST_WAIT : 0;
		kt_turn(&task);
		tree.flags = task.flags;
		if (kt_chance(&tree, 4))
			kt_tree_task(&tree);
		if (kt_chance(&tree, 4))
			kt_objects_task(&tree);
		if (kt_chance(&task, 64))
			usleep_range(100, 500);
		cond_resched();
	}
	return 0;
}

static int send_nmis(void *unused)
{
	struct kt_who who = who_is(KT_NMI);

	while (!kthread_should_stop()) {
		cpus_read_lock();
		for (unsigned int cpu = 0; cpu < nr_cpu_ids; cpu++)
			if (cpu_online(cpu))
				kt_nmi_send(cpu);
		cpus_read_unlock();
		usleep_range(100, 200 + kt_random(&who) % 512);
	}
	return 0;
}

/* ---- CPUs ------------------------------------------------------------------------------------ */

static int start_here(unsigned int cpu)
{
	struct worker *w = per_cpu_ptr(&workers, cpu);

	kt_nmi_forget(cpu);
	w->thread = kthread_create_on_node(work, NULL, cpu_to_node(cpu), "roost_test/%u", cpu);
	if (IS_ERR(w->thread))
		return PTR_ERR(w->thread);
	kthread_bind(w->thread, cpu);
	wake_up_process(w->thread);
	hrtimer_start(&w->timer, kt_us(500), HRTIMER_MODE_REL_PINNED_HARD);
	return 0;
}

static int stop_here(unsigned int cpu)
{
	struct worker *w = per_cpu_ptr(&workers, cpu);

	hrtimer_cancel(&w->timer);
	irq_work_sync(&w->work);
	tasklet_kill(&w->tasklet);
	kthread_stop(w->thread);
	return 0;
}

static void prepare(struct worker *w)
{
	w->softirq = who_is(KT_SOFTIRQ);
	w->hrtimer = who_is(KT_HRTIMER);
	w->irq_work = who_is(KT_IRQ_WORK);
	w->nmi = who_is(KT_NMI);
	w->tree_irq = who_is(KT_TREE_IRQ);
	hrtimer_init(&w->timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED_HARD);
	w->timer.function = on_timer;
	tasklet_setup(&w->tasklet, on_softirq);
	w->work = IRQ_WORK_INIT_HARD(on_irq_work);
}

static int start_nmis(void)
{
	int err = kt_nmi_start(on_nmi);

	if (err)
		return err;
	sender = kthread_run(send_nmis, NULL, "roost_test_nmi");
	if (IS_ERR(sender)) {
		kt_nmi_stop();
		err = PTR_ERR(sender);
		sender = NULL;
		return err;
	}
	kt_direct_nmis(true);
	return 0;
}

static void stop_nmis(void)
{
	if (!sender)
		return;
	kt_direct_nmis(false);
	kthread_stop(sender);
	kt_nmi_stop();
	sender = NULL;
}

int kt_contexts_begin(bool nmi)
{
	int err;

	for (unsigned int cpu = 0; cpu < nr_cpu_ids; cpu++)
		if (cpu_possible(cpu))
			prepare(per_cpu_ptr(&workers, cpu));
	err = nmi ? start_nmis() : 0;
	if (err)
		return err;
	hotplug_state =
		cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "roost_test:online", start_here, stop_here);
	if (hotplug_state >= 0)
		return 0;
	stop_nmis();
	return hotplug_state;
}

void kt_contexts_end(void)
{
	cpuhp_remove_state(hotplug_state);
	stop_nmis();
}
