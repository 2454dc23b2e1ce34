// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * misuse.c - reports misuse from wherever it happens.
 *
 * The caller may be in an NMI or hold the console's own locks, so nothing can be printed there.
 * The report, and the stack of the culprit, are written down in one of a few records, and an
 * irq_work prints them a moment later, but not more than the log can bear. What comes while all
 * records are full, and what is not printed, is counted, and the number told some seconds later.
 */
#include <linux/irq_work.h>
#include <linux/module.h>
#include <linux/panic.h>
#include <linux/ratelimit.h>
#include <linux/sched.h>
#include <linux/stacktrace.h>
#include <linux/workqueue.h>

#include "linux.h"

enum {
	RECORDS = 8,
	DEPTH = 16,
	BURST = 10, /* reports in each */
	INTERVAL = 5 * HZ,
};

enum state { FREE, WRITTEN, READY, PRINTED };

static struct record {
	/* The context that makes WRITTEN of FREE has the record until it is READY; the one that
	 * makes PRINTED of that, until it is FREE. */
	atomic_t state;
	int cpu;
	char task[TASK_COMM_LEN];
	char text[200];
	unsigned int depth;
	unsigned long stack[DEPTH];
} records[RECORDS];

static atomic_t lost;
static struct ratelimit_state limit =
	RATELIMIT_STATE_INIT_FLAGS(limit, INTERVAL, BURST, RATELIMIT_MSG_ON_RELEASE);

static void tell_lost(struct work_struct *work)
{
	int n = atomic_xchg(&lost, 0);

	if (n)
		pr_err("roost: misuse: %d more reports were left out\n", n);
}

static DECLARE_DELAYED_WORK(lost_work, tell_lost);

static void print(struct record *record)
{
	pr_err("roost: misuse: %s\n", record->text);
	pr_err("roost: by %s on CPU %d\n", record->task, record->cpu);
#ifdef CONFIG_STACKTRACE
	stack_trace_print(record->stack, record->depth, 4);
#endif
}

/* On two CPUs at once, it may be. */
static void print_all(struct irq_work *work)
{
	add_taint(TAINT_WARN, LOCKDEP_STILL_OK);
	for (int i = 0; i < RECORDS; i++)
		if (atomic_cmpxchg(&records[i].state, READY, PRINTED) == READY) {
			if (__ratelimit(&limit))
				print(&records[i]);
			else
				atomic_inc(&lost);
			atomic_set_release(&records[i].state, FREE);
		}
	if (atomic_read(&lost))
		schedule_delayed_work(&lost_work, INTERVAL); /* if it is not already */
}

static DEFINE_IRQ_WORK(print_work, print_all);

static struct record *take_record(void)
{
	for (int i = 0; i < RECORDS; i++)
		if (atomic_cmpxchg(&records[i].state, FREE, WRITTEN) == FREE)
			return &records[i];
	return NULL;
}

void rst_misuse(const char *format, ...)
{
	struct record *record = take_record();
	va_list args;

	if (record) {
		va_start(args, format);
		vsnprintf(record->text, sizeof(record->text), format, args);
		va_end(args);
		record->cpu = raw_smp_processor_id();
		memcpy(record->task, current->comm, sizeof(record->task));
		record->task[sizeof(record->task) - 1] = 0;
#ifdef CONFIG_STACKTRACE
		record->depth = stack_trace_save(record->stack, DEPTH, 1);
#endif
		atomic_set_release(&record->state, READY);
	} else {
		atomic_inc(&lost);
	}
	irq_work_queue(&print_work);
}

void rst_misuse_stop(void)
{
	irq_work_sync(&print_work);
	cancel_delayed_work_sync(&lost_work);
	tell_lost(NULL);
}
