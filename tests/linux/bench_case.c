// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * bench_case.c - what is done with a peer, each operation under a meter:
 *
 *	pair     a block is allocated and freed at once
 *	bulk     many are allocated, then all are freed in their order
 *	batch    the same by the calls that take many, of order 0
 *	remote   CPU 0 allocates many, then CPU 1 frees them
 *	irq      a task allocates many, one hard interrupt frees them
 *	irqpair  as pair, in a hard interrupt
 *	exit     many are allocated one by one, then freed as when a process ends, 512 by a call
 *
 *	exit     many are allocated one by one, then freed as at the end of a process, 512 by a call
 * lock of a CPU's lists, each as mean of a block, median of a block, and most of a call, less what
 * calling a function takes that does nothing:
 *
 *	METER PEER CASE ORDER PHASE BLOCKS  MEAN*100 MEDIAN MOST  (four times)
 */
#include <linux/cpumask.h>
#include <linux/errno.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <linux/sort.h>
#include <linux/string.h>

#include "bench.h"

/* Operations of a phase, and how many blocks are in one. */
struct phase {
	unsigned int n, blocks;
	struct bench_sample *samples;
};

struct job {
	const struct bench_meter *meter;
	const struct bench_peer *peer;
	const char *name;
	unsigned int order, n;
	bench_block *blocks;
	struct phase get, put;
	bool failed;
};

/* ---- Operations under the meter ------------------------------------------------------------ */

/* Single steps take their time, and others are waiting. */
static void breathe(void)
{
	if (in_task())
		cond_resched();
}

static void get_one(struct job *job, unsigned int i, enum bench_how how)
{
	unsigned int got;

	job->meter->begin();
	got = job->peer->get(job->order, how, &job->blocks[i], 1);
	job->meter->end(&job->get.samples[job->get.n]);
	job->failed |= got != 1;
	job->get.n += got;
	breathe();
}

static void put_one(struct job *job, unsigned int i)
{
	job->meter->begin();
	job->peer->put(job->order, &job->blocks[i], 1);
	job->meter->end(&job->put.samples[job->put.n++]);
	breathe();
}

static void get_all(struct job *job)
{
	for (unsigned int i = 0; i < job->n && !job->failed; i++)
		get_one(job, i, BENCH_WAIT);
}

static void put_all(struct job *job)
{
	for (unsigned int i = 0; i < job->get.n; i++)
		put_one(job, i);
}

static void pairs(struct job *job, enum bench_how how)
{
	for (unsigned int i = 0; i < job->n && !job->failed; i++) {
		get_one(job, i, how);
		if (!job->failed)
			put_one(job, i);
	}
}

static void pair(struct job *job)
{
	pairs(job, BENCH_WAIT);
}

static void bulk(struct job *job)
{
	get_all(job);
	put_all(job);
}

/* As many at once as the phase says. */
static void put_batches(struct job *job, unsigned int n)
{
	for (unsigned int i = 0; i < n; i += job->put.blocks) {
		job->meter->begin();
		job->peer->put_batch(&job->blocks[i], min(job->put.blocks, n - i));
		job->meter->end(&job->put.samples[job->put.n++]);
		breathe();
	}
}

static void batch(struct job *job)
{
	unsigned int i, got = 0;

	job->get.blocks = job->put.blocks = BENCH_BATCH;
	memset(job->blocks, 0, job->n * sizeof(*job->blocks));
	for (i = 0; i + BENCH_BATCH <= job->n; i += BENCH_BATCH) {
		job->meter->begin();
		got = job->peer->get_batch(&job->blocks[i], BENCH_BATCH);
		job->meter->end(&job->get.samples[job->get.n++]);
		breathe();
		if (got != BENCH_BATCH)
			break;
	}
	job->failed |= i + BENCH_BATCH <= job->n;
	if (job->failed && got)
		job->peer->put_batch(&job->blocks[i], got);
	put_batches(job, i);
}

static void end_of_process(struct job *job)
{
	job->put.blocks = BENCH_EXIT;
	get_all(job);
	put_batches(job, job->get.n);
}

/* The caller is on that CPU when this returns, and stays. */
int bench_run_on(unsigned int cpu)
{
	return set_cpus_allowed_ptr(current, cpumask_of(cpu));
}

static void remote(struct job *job)
{
	get_all(job);
	job->failed |= bench_run_on(1) != 0;
	put_all(job);
	bench_run_on(0);
}

/* ---- In a hard interrupt ------------------------------------------------------------------- */

struct irq_job {
	struct irq_work work;
	void (*run)(struct job *job);
	struct job *job;
};

static void on_irq(struct irq_work *work)
{
	struct irq_job *irq = container_of(work, struct irq_job, work);

	if (!in_hardirq())
		irq->job->failed = true;
	irq->run(irq->job);
}

static void interrupt(struct job *job, void (*run)(struct job *job))
{
	struct irq_job irq = {.work = IRQ_WORK_INIT_HARD(on_irq), .run = run, .job = job};

	irq_work_queue(&irq.work);
	irq_work_sync(&irq.work);
}

static void irq(struct job *job)
{
	get_all(job);
	interrupt(job, put_all);
}

static void atomic_pairs(struct job *job)
{
	pairs(job, BENCH_ATOMIC);
}

static void irqpair(struct job *job)
{
	interrupt(job, atomic_pairs);
}

static const struct {
	const char *name;
	void (*run)(struct job *job);
	bool needs_2_cpus, needs_order_0, in_irq, of_linux;
} cases[] = {
	{"pair", pair},
	{"bulk", bulk},
	{"batch", batch, .needs_order_0 = true},
	{"remote", remote, .needs_2_cpus = true},
	{"irq", irq, .in_irq = true},
	{"irqpair", irqpair, .in_irq = true},
	{"exit", end_of_process, .needs_order_0 = true, .of_linux = true},
};

/* ---- What came out ------------------------------------------------------------------------- */

struct figures {
	u64 sum;
	u32 median, most;
};

static int compare(const void *a, const void *b)
{
	u32 x = *(const u32 *)a, y = *(const u32 *)b;

	return x < y ? -1 : x > y;
}

/* offset: of the number in a sample. */
static struct figures figures_of(const struct phase *phase, size_t offset, u32 *room)
{
	struct figures f = {0};

	for (unsigned int i = 0; i < phase->n; i++) {
		room[i] = *(const u32 *)((const char *)&phase->samples[i] + offset);
		f.sum += room[i];
	}
	if (!phase->n)
		return f;
	sort(room, phase->n, sizeof(*room), compare, NULL);
	f.median = room[phase->n / 2];
	f.most = room[phase->n - 1];
	return f;
}

static u32 less(u32 a, u32 b)
{
	return a > b ? a - b : 0;
}

static void say_figures(const struct phase *phase, size_t offset, u32 empty, u32 *room)
{
	struct figures f = figures_of(phase, offset, room);
	u64 all = (u64)empty * phase->n;

	f.sum = f.sum > all ? f.sum - all : 0;
	bench_say("  %llu %u %u", f.sum * 100 / (phase->n * phase->blocks),
		  less(f.median, empty) / phase->blocks, less(f.most, empty));
}

/* What an operation of the empty peer takes. */
struct empty {
	struct bench_sample get, put;
};

static void say_phase(const struct job *job, const char *name, const struct phase *phase,
		      const struct bench_sample *empty, u32 *room)
{
	if (!phase->n)
		return;
	bench_say("%s %s %s %u %s %u", job->meter->name, job->peer->name, job->name, job->order,
		  name, phase->n * phase->blocks);
#define SAY(number) say_figures(phase, offsetof(struct bench_sample, number), empty->number, room)
	SAY(instructions);
	SAY(atomics);
	SAY(zone_locks);
	SAY(pcp_locks);
#undef SAY
	bench_say("\n");
}

static struct bench_sample medians(const struct phase *phase, u32 *room)
{
	return (struct bench_sample){
#define MEDIAN(number)                                                                             \
	.number = figures_of(phase, offsetof(struct bench_sample, number), room).median
		MEDIAN(instructions),
		MEDIAN(atomics),
		MEDIAN(zone_locks),
		MEDIAN(pcp_locks),
#undef MEDIAN
	};
}

/* ---- A case -------------------------------------------------------------------------------- */

static int run(struct job *job, void (*function)(struct job *job))
{
	int err = bench_run_on(0);

	if (err)
		return err;
	err = job->meter->start();
	if (err)
		return err;
	job->get.n = job->put.n = 0;
	job->get.blocks = job->put.blocks = 1;
	job->failed = false;
	function(job);
	job->meter->stop();
	return job->failed ? -ENOMEM : 0;
}

/* Once with the empty loops, and once, under no meter, to warm up. */
static int prepare(struct job *job, void (*function)(struct job *job), struct empty *empty,
		   u32 *room)
{
	const struct bench_meter *meter = job->meter;
	const struct bench_peer *peer = job->peer;
	int err;

	job->peer = &bench_none;
	err = run(job, function);
	empty->get = medians(&job->get, room);
	empty->put = medians(&job->put, room);
	job->peer = peer;
	job->meter = &bench_meter_none;
	if (!err)
		err = run(job, function);
	job->meter = meter;
	return err;
}

/* Under no meter just once: somebody else counts. */
static int run_and_say(struct job *job, void (*function)(struct job *job), u32 *room)
{
	struct empty empty = {0};
	int err = 0;

	if (job->meter != &bench_meter_none)
		err = prepare(job, function, &empty, room);
	if (!err)
		err = run(job, function);
	if (err)
		return err;
	say_phase(job, "get", &job->get, &empty.get, room);
	say_phase(job, "put", &job->put, &empty.put, room);
	return 0;
}

int bench_case(const struct bench_meter *meter, const struct bench_peer *peer, const char *name,
	       unsigned int order, unsigned int n)
{
	struct job job = {.meter = meter, .peer = peer, .name = name, .order = order, .n = n};
	u32 *room = kvcalloc(n, sizeof(*room), GFP_KERNEL);
	int i, err = -EINVAL;

	job.blocks = kvcalloc(n, sizeof(*job.blocks), GFP_KERNEL);
	job.get.samples = kvcalloc(n, sizeof(*job.get.samples), GFP_KERNEL);
	job.put.samples = kvcalloc(n, sizeof(*job.put.samples), GFP_KERNEL);
	for (i = 0; i < ARRAY_SIZE(cases) && strcmp(cases[i].name, name); i++)
		;
	if (!room || !job.blocks || !job.get.samples || !job.put.samples)
		err = -ENOMEM;
	else if (i < ARRAY_SIZE(cases) && (!cases[i].needs_2_cpus || cpu_online(1)) &&
		 (!cases[i].needs_order_0 || !order) &&
		 (!cases[i].of_linux || (peer == &bench_linux && n % BENCH_EXIT == 0)) &&
		 /* There the kernel's own takes locks that sleep. */
		 !(IS_ENABLED(CONFIG_PREEMPT_RT) && cases[i].in_irq && peer == &bench_linux))
		err = run_and_say(&job, cases[i].run, room);
	kvfree(job.put.samples);
	kvfree(job.get.samples);
	kvfree(job.blocks);
	kvfree(room);
	return err;
}

/* ---- A plain loop -------------------------------------------------------------------------- */

/* Instructions of 100 pairs. */
int bench_pairs(const struct bench_peer *peer, unsigned int order)
{
	enum { ROUNDS = 15, PAIRS = 100 };
	struct bench_sample sample;
	u32 least = U32_MAX;
	int err = bench_run_on(0);

	if (!err)
		err = bench_meter_tsc.start();
	if (err)
		return err;
	for (int i = 0; i < ROUNDS; i++) {
		bench_meter_tsc.begin();
		peer->pairs(order, BENCH_WAIT, PAIRS);
		bench_meter_tsc.end(&sample);
		least = min(least, sample.instructions);
	}
	bench_say("pairs %s %u %u\n", peer->name, order, least);
	return 0;
}
