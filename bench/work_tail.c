/* SPDX-License-Identifier: MIT */
/*
 * work_tail.c - tail: how long does a free take at worst, for a thread that must not wait?
 *
 * Eight threads on two CPUs, four to each, hold blocks of orders 0 to 3 and exchange random ones.
 * Each also gives blocks to a ninth, which has a real-time priority on the first of the two CPUs if
 * the system permits it. That one wakes every 100 us, takes some blocks of each ring, and frees
 * them with a look at the clock before and after. After each free it looks at the clock twice with
 * nothing in between: what comes out there is the machine's doing.
 *
 * A peer with a spin lock can hang here, when the real-time thread waits for a holder that it keeps
 * off the CPU. The kernel lets others run for a 20th of each second, or else the time limit of a
 * sample ends it.
 */
#include <math.h>
#include <stdio.h>

#include "job.h"
#include "ring.h"
#include "syscalls.h"

enum {
	CONTENDERS = 8,
	CONTENDED_CPUS = 2,
	ORDERS = 4,
	HELD = 64,
	AT_ONCE = 4,
	PERIOD_NS = 100000,
	PRIORITY = 1,
	WATCHED_FREES = 4000, /* most */
};

struct tail {
	struct ring rings[CONTENDERS];
	struct histogram free, empty; /* in ticks */
	_Atomic bool stop;
};

/* ---- Those who contend ------------------------------------------------------------------ */

static struct bench_block take_block(struct worker *w)
{
	unsigned order = (unsigned)random_scaled(&w->random, ORDERS);

	return (struct bench_block){job_alloc(w->job, order), order};
}

static void contend(struct worker *w, struct tail *tail)
{
	struct bench_block held[HELD];
	struct ring *ring = &tail->rings[w->index - 1];

	for (unsigned i = 0; i < HELD; i++)
		held[i] = take_block(w);
	team_wait(w);
	while (!atomic_load_explicit(&tail->stop, memory_order_relaxed)) {
		struct bench_block *one = &held[random_scaled(&w->random, HELD)];

		w->job->peer->free(one->block, one->order);
		*one = take_block(w);
		if (ring_has_room(ring))
			ring_give(ring, take_block(w));
	}
}

/* ---- The one that is measured ----------------------------------------------------------- */

static void sleep_period(void)
{
	const struct timespec period = {.tv_nsec = PERIOD_NS};

	clock_nanosleep(CLOCK_MONOTONIC, 0, &period, NULL);
}

static void become_real_time(struct job *job)
{
	const struct sched_param param = {.sched_priority = PRIORITY};

	if (sched_setscheduler(0, SCHED_FIFO, &param) != 0)
		snprintf(
			job->sample->note, sizeof(job->sample->note),
			"no real-time priority is permitted here: an ordinary thread was measured");
}

static void free_timed(struct job *job, struct tail *tail, const struct bench_block *block)
{
	uint64_t t0 = ticks(), t1;

	job->peer->free(block->block, block->order);
	t1 = ticks();
	histogram_add(&tail->free, t1 - t0);
	t0 = ticks();
	t1 = ticks();
	histogram_add(&tail->empty, t1 - t0);
}

static void measure(struct job *job, struct tail *tail, uint64_t end)
{
	struct bench_block block;

	while (now_ns() < end) {
		sleep_period();
		for (unsigned i = 0; i < CONTENDERS * AT_ONCE; i++)
			if (ring_take(&tail->rings[i % CONTENDERS], &block))
				free_timed(job, tail, &block);
	}
}

/* How many of 1000 frees make a system call; no number: this machine cannot tell. */
static double watch_syscalls(struct job *job, struct tail *tail)
{
	struct bench_block block;
	unsigned frees = 0, made = 0;
	uint64_t end = now_ns() + job->length;

	if (!syscalls_watch())
		return NAN;
	while (frees < WATCHED_FREES && now_ns() < end) {
		sleep_period();
		for (unsigned i = 0; i < CONTENDERS; i++) {
			if (!ring_take(&tail->rings[i], &block))
				continue;
			syscalls_begin();
			job->peer->free(block.block, block.order);
			made += syscalls_end();
			frees++;
		}
	}
	return frees ? 1000.0 * made / frees : (double)NAN;
}

static void to_ns(struct histogram *out, const struct histogram *in, double tick)
{
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		for (uint64_t n = 0; n < in->counts[i]; n++)
			histogram_add(out, (uint64_t)((double)histogram_bound(i) * tick));
	out->most = (uint64_t)((double)in->most * tick);
}

static void tell(struct worker *w, struct tail *tail, double tick)
{
	struct sample *sample = w->job->sample;

	if (!tail->free.all)
		job_fail(w->job, "no block reached the thread that is measured");
	to_ns(&sample->free, &tail->free, tick);
	to_ns(&sample->empty, &tail->empty, tick);
	w->values[0] = (double)histogram_quantile(&sample->free, 0.5);
	w->values[1] = (double)histogram_quantile(&sample->free, 0.999);
	w->values[2] = (double)sample->free.most;
	w->values[3] = (double)histogram_quantile(&sample->empty, 0.999);
	w->values[4] = (double)sample->empty.most;
}

static void suffer(struct worker *w, struct tail *tail)
{
	uint64_t start, t0;
	double tick;

	team_wait(w);
	become_real_time(w->job); /* only now: waiting here would keep others off its CPU */
	start = now_ns();
	t0 = ticks();
	measure(w->job, tail, start + w->job->length);
	tick = (double)(now_ns() - start) / (double)(ticks() - t0);
	tell(w, tail, tick);
	w->values[5] = watch_syscalls(w->job, tail);
	atomic_store(&tail->stop, true);
}

static void tail(struct worker *w)
{
	if (w->index == 0)
		suffer(w, w->own);
	else
		contend(w, w->own);
}

void work_tail(struct job *job)
{
	if (job->nr_cpus > CONTENDED_CPUS)
		job->nr_cpus = CONTENDED_CPUS;
	team_run(job, 1 + CONTENDERS, tail, job_memory(job, sizeof(struct tail)));
}
