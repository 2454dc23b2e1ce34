/* SPDX-License-Identifier: MIT */
/* calibrate.c - see calibrate.h. */
#include "calibrate.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "child.h"
#include "tool/common/say.h"

enum {
	TWO = 2,
	SAMPLES = 400,
	SPINS = 20000, /* then the other one may have no processor */
	HANDS = 100,   /* of a sample, for each thread */
	OPS = 512,     /* of a sample */
};

static size_t places[TWO]; /* the processors */
static pthread_barrier_t barrier;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/*
 * Samples are so short that many are whole between two switches of the scheduler. One in which
 * another program had one of the processors, or the other half of its core, took longer. So it is
 * the first twentieth that counts.
 */
static double undisturbed(double *samples, unsigned n)
{
	qsort(samples, n, sizeof(*samples), compare);
	return samples[n / 20];
}

static double median(double *values, unsigned n)
{
	qsort(values, n, sizeof(*values), compare);
	return values[n / 2];
}

/* The last ones first: the first has the interrupts. */
static bool find_places(char error[WORK_ERROR_MAX])
{
	unsigned found = 0;
	cpu_set_t set;

	CPU_ZERO(&set);
	sched_getaffinity(0, sizeof(set), &set);
	for (size_t cpu = CPU_SETSIZE; cpu-- > 0 && found < TWO;)
		if (CPU_ISSET(cpu, &set))
			places[found++] = cpu;
	if (found < TWO)
		snprintf(error, WORK_ERROR_MAX, "it takes two processors, and there is one");
	return found == TWO;
}

static void pin(unsigned index)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(places[index], &set);
	sched_setaffinity(0, sizeof(set), &set);
}

/* A turn of a loop that waits for the other thread. */
static void wait_turn(unsigned *spins)
{
	if (++*spins % SPINS)
		calibrate_pause();
	else
		sched_yield();
}

/* ---- To and fro ------------------------------------------------------------------------ */

static _Alignas(128) _Atomic unsigned hand;

/* Each reads until it is its turn, and then writes: the line is fetched, and then upgraded. */
static void pass(unsigned me)
{
	for (unsigned i = 0; i < HANDS; i++) {
		unsigned spins = 0;

		while (atomic_load_explicit(&hand, memory_order_acquire) % TWO != me)
			wait_turn(&spins);
		atomic_fetch_add_explicit(&hand, 1, memory_order_acq_rel);
	}
}

static void *pass_back(void *unused)
{
	(void)unused;
	pin(1);
	for (unsigned i = 0; i < SAMPLES; i++)
		pass(1);
	return NULL;
}

static void pass_child(void *context)
{
	double *ns = context, samples[SAMPLES];
	pthread_t thread;

	pin(0);
	if (pthread_create(&thread, NULL, pass_back, NULL) != 0)
		die("a thread could not be started");
	for (unsigned i = 0; i < SAMPLES; i++) {
		double start = now();

		pass(0);
		samples[i] = (now() - start) / (TWO * HANDS) * 1e9;
	}
	pthread_join(thread, NULL);
	*ns = undisturbed(samples, SAMPLES);
}

double calibrate_transfer(char error[WORK_ERROR_MAX])
{
	double *shared = child_memory(sizeof(*shared)), runs[CALIBRATE_RUNS];

	if (!find_places(error))
		return 0;
	for (unsigned i = 0; i < CALIBRATE_RUNS; i++) {
		if (child_run(pass_child, shared))
			return 0;
		runs[i] = *shared;
	}
	return median(runs, CALIBRATE_RUNS) / 2; /* fetched and upgraded: two transfers */
}

/* ---- Workloads on threads ---------------------------------------------------------------- */

static void yield(void)
{
	static _Thread_local unsigned spins;

	wait_turn(&spins);
}

static void meet(struct worker *w)
{
	(void)w;
	pthread_barrier_wait(&barrier);
}

static double samples[SAMPLES], last; /* of the first thread */
static unsigned nr_samples;
static struct {
	_Alignas(128) _Atomic uint64_t done;
} parts[TWO]; /* of a thread */

static uint64_t turns_of(const struct work *work)
{
	return OPS / work->ops ? OPS / work->ops : 1;
}

/* A sample ends when both threads have done their part, so neither runs ahead. */
static void turned(struct worker *w)
{
	const uint64_t turns = turns_of(w->work);
	unsigned spins = 0;
	double time;

	if (++w->turned % turns)
		return;
	atomic_fetch_add(&parts[w->index].done, 1);
	while (w->nr == TWO && atomic_load(&parts[!w->index].done) < parts[w->index].done)
		wait_turn(&spins);
	time = now();
	if (w->index)
		return;
	if (last > 0 && nr_samples < SAMPLES)
		samples[nr_samples++] = (time - last) / (double)(turns * w->work->ops) * 1e9;
	last = time;
}

static void outside(unsigned cpu)
{
	(void)cpu;
}

static unsigned cpus(unsigned nr)
{
	(void)nr;
	return (unsigned)sysconf(_SC_NPROCESSORS_CONF);
}

static const struct stage stage = {NULL, yield, meet, outside, NULL, turned, cpus};

struct order {
	const struct work *work;
	const struct bench_peer *peer;
	unsigned threads;
	uint64_t seed;
	/* What comes of it. */
	char error[WORK_ERROR_MAX];
	double ns;
};

static void *thread_main(void *worker)
{
	pin(((struct worker *)worker)->index);
	work_run(worker);
	return NULL;
}

static void run(void *context)
{
	struct order *o = context;
	struct worker *all =
		work_begin(o->work, o->peer, o->threads, SAMPLES * OPS, o->seed, &stage, o->error);
	pthread_t threads[TWO];

	if (!all)
		return;
	pthread_barrier_init(&barrier, NULL, o->threads);
	for (unsigned i = 0; i < o->threads; i++)
		if (pthread_create(&threads[i], NULL, thread_main, &all[i]) != 0)
			die("a thread could not be started");
	for (unsigned i = 0; i < o->threads; i++)
		pthread_join(threads[i], NULL);
	o->ns = nr_samples ? undisturbed(samples, nr_samples) : 0;
}

void calibrate_measure(struct calibration *c, const struct bench_peer *peer, uint64_t seed)
{
	struct order *order = child_memory(sizeof(*order));
	double runs[TWO][CALIBRATE_RUNS];

	for (unsigned i = 0; i < CALIBRATE_RUNS; i++)
		for (unsigned threads = 1; threads <= TWO; threads++) {
			const char *wrong;

			*order = (struct order){c->work, peer, threads, seed + i, "", 0};
			wrong = child_run(run, order);
			if (wrong || order->error[0]) {
				snprintf(c->error, sizeof(c->error), "%s",
					 wrong ? wrong : order->error);
				return;
			}
			runs[threads - 1][i] = order->ns;
		}
	c->one = median(runs[0], CALIBRATE_RUNS);
	c->two = median(runs[1], CALIBRATE_RUNS);
}
