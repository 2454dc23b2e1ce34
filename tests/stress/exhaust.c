/* SPDX-License-Identifier: MIT */
/*
 * exhaust.c - to the last frame, from 1 to 16 CPUs, with frames scattered over idle pcps.
 *
 * With ROOST_WAIT: an allocation fails only when memory is out. Each frame but the reserve is
 * allocated before the first failure, and after one no allocation succeeds any more, since nothing
 * is freed here. Then callers with ROOST_RESERVE get exactly the reserve. And with all memory
 * taken, threads that each give back a frame and take one never fail, since there is always one
 * free for each of them. Without ROOST_WAIT: one thread that acts as several CPUs must get every
 * frame as well; when there are several threads, failures while frames are free are counted and
 * published.
 *
 * Now and then a signal stalls a thread for a while when it holds a pcp lock, as a long interrupt
 * would: the locks that stand before the last frames are then really taken.
 *
 *   exhaust [--frames=N] [--rounds=N] [--seed=N] [--hz=N]
 */
#define _GNU_SOURCE
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <roost/pcpbuddy.h>
#include <roost/posix.h>

#include "cpus.h"
#include "exhaust_table.h"
#include "frames.h"
#include "library.h"
#include "plain.h"
#include "ticks.h"
#include "tool/common/random.h"

enum { CPUS = 16, SAMPLES = 4096, PATIENCE = 2000, CHURN_WAIT = 200, CHURN = 1500 };

struct taker {
	struct run *run;
	unsigned cpu;
	pthread_t thread;
	struct random random;
	struct roost_block *held;
	uint64_t nr_held;
	uint64_t attempts, failures, late;
	uint64_t churn_failures;   /* with ROOST_WAIT */
	uint32_t samples[SAMPLES]; /* free frames at failures */
	unsigned nr_samples;
};

/* One configuration. */
struct run {
	roost_t *roost;
	struct plain_memory metadata;
	struct frames frames;
	uint64_t reserve;
	unsigned cpus, threads;
	enum roost_free_path path;
	pthread_barrier_t barrier;
	_Atomic bool out; /* an allocation has failed */
	_Atomic uint64_t taken;
	struct taker takers[CPUS];
};

static uint64_t opt_frames = 5 * 512 + 77, opt_seed;
static unsigned opt_rounds = 2, opt_hz = 3000;
static bool failed;
static _Atomic uint64_t stalls;

static const char *const paths[] = {"trylock", "llist"};

static void wrong(const struct run *run, const char *what, uint64_t found, uint64_t expected)
{
	printf("WRONG: %s: %" PRIu64 ", not %" PRIu64 " (%s, %u CPUs, %u threads, reserve %" PRIu64
	       ")\n",
	       what, found, expected, paths[run->path], run->cpus, run->threads, run->reserve);
	failed = true;
}

/* ---- Taking and giving back -------------------------------------------------------------- */

static bool take(struct taker *t, unsigned order, unsigned flags)
{
	struct run *run = t->run;
	bool was_out = run->out;
	roost_pfn pfn = roost_alloc(run->roost, order, flags);

	if (pfn == ROOST_NONE)
		return false;
	frames_take(&run->frames, pfn, order, t->cpu + 1);
	t->held[t->nr_held++] = (struct roost_block){pfn, order};
	run->taken += UINT64_C(1) << order;
	t->late += was_out;
	return true;
}

static void give_last(struct taker *t, unsigned way)
{
	struct roost_block block = t->held[--t->nr_held];

	frames_give(&t->run->frames, block.pfn, block.order);
	t->run->taken -= UINT64_C(1) << block.order;
	if (way & 1)
		roost_free(t->run->roost, block.pfn, block.order);
	else
		roost_free_nolock(t->run->roost, block.pfn, block.order);
}

static void act_as(const struct taker *t)
{
	cpus_go(t->cpu);
}

static void give_all(struct taker *t)
{
	while (t->nr_held)
		give_last(t, 1);
}

/* Takes this CPU's part of the memory in small blocks. */
static void scatter_take(struct taker *t)
{
	uint64_t part = t->run->frames.count / t->run->cpus;

	act_as(t);
	for (uint64_t frames = 0; frames + 8 < part;) {
		unsigned order = (unsigned)random_below(&t->random, 4);

		if (!take(t, order, 0))
			break;
		frames += UINT64_C(1) << order;
	}
}

static void shuffle(struct taker *t)
{
	for (uint64_t i = t->nr_held; i > 1; i--) {
		uint64_t k = random_below(&t->random, i);
		struct roost_block swap = t->held[i - 1];

		t->held[i - 1] = t->held[k];
		t->held[k] = swap;
	}
}

/* Gives it back from other CPUs, so that it lies here and there when they fall idle. */
static void scatter_give(struct taker *t)
{
	shuffle(t);
	while (t->nr_held) {
		cpus_go((unsigned)random_below(&t->random, t->run->cpus));
		give_last(t, (unsigned)random_below(&t->random, 4));
	}
	act_as(t);
}

/* ---- One thread -------------------------------------------------------------------------- */

static uint64_t take_until_failure(struct taker *t, unsigned flags)
{
	uint64_t before = t->nr_held;

	while (take(t, 0, flags))
		;
	t->run->out = true;
	return t->nr_held - before;
}

static void scatter_alone(struct run *run)
{
	run->out = false;
	for (unsigned i = 0; i < run->cpus; i++)
		scatter_take(&run->takers[i]);
	for (unsigned i = 0; i < run->cpus; i++)
		scatter_give(&run->takers[i]);
}

static void one_thread(struct run *run, unsigned flags)
{
	struct taker *t = &run->takers[random_below(&run->takers[0].random, run->cpus)];
	uint64_t plain = run->frames.count - run->reserve, got;

	scatter_alone(run);
	act_as(t);
	got = take_until_failure(t, flags);
	if (got != plain)
		wrong(run, flags ? "frames had with ROOST_WAIT" : "frames had without ROOST_WAIT",
		      got, plain);
	run->out = false;
	got = take_until_failure(t, flags | ROOST_RESERVE);
	if (got != run->reserve)
		wrong(run, "frames had with ROOST_RESERVE", got, run->reserve);
	give_all(t);
}

/* ---- Many threads ------------------------------------------------------------------------ */

static void sample(struct taker *t)
{
	struct run *run = t->run;
	uint64_t taken = run->taken, plain = run->frames.count - run->reserve;

	t->attempts++;
	t->failures++;
	if (taken < plain && t->nr_samples < SAMPLES)
		t->samples[t->nr_samples++] = (uint32_t)(plain - taken);
}

static void meet(struct run *run)
{
	pthread_barrier_wait(&run->barrier);
}

/* All threads at a time; each takes its part but a little, so that all take part in the end. */
static void take_part(struct taker *t, unsigned flags)
{
	struct run *run = t->run;
	uint64_t part = (run->frames.count - run->reserve) / run->threads;

	while (t->nr_held + 8 < part && take(t, 0, flags))
		if (t->nr_held % 8 == 0)
			sched_yield();
}

/* Takes until all is taken or until this thread fails again and again. */
static void take_impatiently(struct taker *t)
{
	struct run *run = t->run;

	for (unsigned in_a_row = 0; in_a_row < PATIENCE;) {
		if (run->taken >= run->frames.count - run->reserve)
			return;
		if (take(t, 0, 0)) {
			t->attempts++;
			in_a_row = 0;
		} else {
			sample(t);
			in_a_row++;
			sched_yield();
		}
	}
}

/* With all memory taken: gives one back and takes one, again and again. */
static void churn(struct taker *t, unsigned flags, unsigned times)
{
	for (unsigned i = 0; i < times && t->nr_held; i++) {
		uint64_t k = random_below(&t->random, t->nr_held);
		struct roost_block swap = t->held[t->nr_held - 1];

		t->held[t->nr_held - 1] = t->held[k];
		t->held[k] = swap;
		give_last(t, (unsigned)k);
		if (i % 16 == 0)
			sched_yield();
		if (take(t, 0, flags))
			t->attempts += !flags;
		else if (flags)
			t->churn_failures++;
		else
			sample(t);
	}
}

/* A long interrupt, in which the thread keeps the pcp lock that it has. */
static void stall(unsigned depth)
{
	const struct timespec nap = {0, 100000};

	(void)depth;
	if (roost_posix_locks_held()) {
		stalls++;
		nanosleep(&nap, NULL);
	}
}

static void *taker_thread(void *context)
{
	struct taker *t = context;
	struct run *run = t->run;
	timer_t timer;

	if (opt_hz)
		ticks_start(&timer, 0, opt_hz + 11 * t->cpu);
	meet(run);
	scatter_take(t);
	meet(run);
	scatter_give(t);
	meet(run); /* main: not out */
	meet(run);
	take_part(t, ROOST_WAIT);
	take_until_failure(t, ROOST_WAIT);
	meet(run); /* main: looks at what was allocated */
	meet(run);
	churn(t, ROOST_WAIT, CHURN_WAIT);
	meet(run); /* main: did it fail? */
	meet(run);
	take_until_failure(t, ROOST_WAIT | ROOST_RESERVE);
	meet(run); /* main: the same */
	meet(run);
	scatter_give(t);
	meet(run);
	take_part(t, 0);
	take_impatiently(t);
	meet(run); /* main: takes the rest */
	meet(run);
	churn(t, 0, CHURN);
	ticks_stop(&timer, opt_hz ? 1 : 0);
	give_all(t);
	return NULL;
}

/* No allocation has failed yet. */
static void start_over(struct run *run)
{
	run->out = false;
	for (unsigned i = 0; i < run->threads; i++)
		run->takers[i].late = 0;
}

static void check_taken(struct run *run, const char *what, uint64_t expected)
{
	if (run->taken != expected)
		wrong(run, what, run->taken, expected);
	for (unsigned i = 0; i < run->threads; i++)
		if (run->takers[i].late)
			wrong(run, "frames had after an allocation with ROOST_WAIT had failed",
			      run->takers[i].late, 0);
	start_over(run);
}

static void check_churn(struct run *run, uint64_t plain)
{
	for (unsigned i = 0; i < run->threads; i++)
		if (run->takers[i].churn_failures)
			wrong(run, "failures with ROOST_WAIT while a frame was free",
			      run->takers[i].churn_failures, 0);
	check_taken(run, "frames had after giving back and taking", plain);
}

/* One thread alone must get what the threads left over when they gave up. */
static void take_the_rest(struct run *run)
{
	struct taker *t = &run->takers[0];
	uint64_t plain = run->frames.count - run->reserve;

	act_as(t);
	run->out = false;
	while (take(t, 0, 0))
		;
	if (run->taken != plain)
		wrong(run, "frames had without ROOST_WAIT in the end", run->taken, plain);
}

static void many_threads(struct run *run)
{
	uint64_t plain = run->frames.count - run->reserve;

	pthread_barrier_init(&run->barrier, NULL, run->threads + 1);
	for (unsigned i = 0; i < run->threads; i++)
		if (pthread_create(&run->takers[i].thread, NULL, taker_thread, &run->takers[i]))
			frames_fault("no thread", i, 0);
	for (unsigned i = 0; i < 3; i++)
		meet(run);
	start_over(run);
	meet(run);
	meet(run);
	check_taken(run, "frames had with ROOST_WAIT by all threads", plain);
	meet(run);
	meet(run);
	check_churn(run, plain);
	meet(run);
	meet(run);
	check_taken(run, "frames had with ROOST_RESERVE by all threads", run->frames.count);
	meet(run);
	meet(run);
	meet(run);
	take_the_rest(run);
	meet(run);
	for (unsigned i = 0; i < run->threads; i++)
		pthread_join(run->takers[i].thread, NULL);
	pthread_barrier_destroy(&run->barrier);
}

/* ---- Runs -------------------------------------------------------------------------------- */

static void open_run(struct run *run, uint64_t seed)
{
	const struct roost_range range = {300, 300 + opt_frames, 0, 0};
	const struct roost_zone_config zone = {.reserve = run->reserve};
	const struct roost_pcpbuddy_config pcpbuddy = {.free_path = run->path};
	struct roost_config config = plain_config(&range, &zone, run->cpus);

	config.pcpbuddy = library_is_pcpbuddy ? &pcpbuddy : NULL;
	run->roost = plain_make(&config, &run->metadata);
	if (!frames_open(&run->frames, range.start, opt_frames))
		frames_fault("no memory: frames", opt_frames, 0);
	for (unsigned i = 0; i < run->cpus; i++) {
		struct taker *t = &run->takers[i];

		t->run = run;
		t->cpu = i;
		t->random.state = seed * 100 + i;
		t->held = calloc(opt_frames, sizeof(*t->held));
		if (!t->held)
			frames_fault("no memory", opt_frames, 0);
	}
}

static void close_run(struct run *run)
{
	struct roost_zone_info info;

	roost_drain(run->roost, -1);
	if (roost_validate(run->roost, NULL) || roost_zone_info(run->roost, 0, &info) ||
	    info.free != info.managed || info.managed != opt_frames)
		wrong(run, "free frames in the end", info.free, opt_frames);
	for (unsigned i = 0; i < run->cpus; i++)
		free(run->takers[i].held);
	frames_close(&run->frames);
	plain_unmake(&run->metadata);
}

static void add_to_table(const struct run *run)
{
	for (unsigned i = 0; i < run->threads; i++) {
		const struct taker *t = &run->takers[i];

		table_add(t->attempts, t->failures, t->samples, t->nr_samples);
	}
}

static void run_one(unsigned cpus, enum roost_free_path path, uint64_t reserve, unsigned round)
{
	static struct run run;

	memset(&run, 0, sizeof(run));
	run.cpus = cpus;
	run.path = path;
	run.reserve = reserve;
	open_run(&run, opt_seed + round);
	one_thread(&run, ROOST_WAIT);
	one_thread(&run, 0);
	run.threads = cpus;
	many_threads(&run);
	add_to_table(&run);
	close_run(&run);
}

static void read_options(int argc, char **argv)
{
	static const struct option known[] = {
		{"frames", required_argument, NULL, 'f'},
		{"rounds", required_argument, NULL, 'r'},
		{"hz", required_argument, NULL, 'z'},
		{"seed", required_argument, NULL, 's'},
		{NULL, 0, NULL, 0},
	};
	struct timespec t;
	int option;

	clock_gettime(CLOCK_REALTIME, &t);
	opt_seed = (uint64_t)t.tv_nsec;
	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (option == '?') {
			fprintf(stderr, "usage: %s [--frames=N] [--rounds=N] [--seed=N]\n",
				argv[0]);
			exit(2);
		}
		if (option == 'r')
			opt_rounds = (unsigned)strtoul(optarg, NULL, 0);
		else if (option == 'z')
			opt_hz = (unsigned)strtoul(optarg, NULL, 0);
		else
			*(option == 'f' ? &opt_frames : &opt_seed) = strtoull(optarg, NULL, 0);
	}
}

static void run_all(unsigned cpus)
{
	static const uint64_t reserves[] = {0, 1, 130, 600};

	for (unsigned path = 0; path < 2; path++) {
		for (size_t i = 0; i < sizeof(reserves) / sizeof(reserves[0]); i++)
			for (unsigned round = 0; round < opt_rounds; round++)
				run_one(cpus, (enum roost_free_path)path, reserves[i], round);
		table_line(cpus, paths[path]);
	}
}

int main(int argc, char **argv)
{
	static const unsigned cpus[] = {1, 2, 3, 4, 6, 8, 12, 16};

	read_options(argc, argv);
	setvbuf(stdout, NULL, _IOLBF, 0);
	ticks_open(stall);
	printf("seed %" PRIu64 ", %" PRIu64 " frames\n", opt_seed, opt_frames);
	table_head();
	for (size_t i = 0; i < (library_is_up ? 1 : sizeof(cpus) / sizeof(cpus[0])); i++)
		run_all(cpus[i]);
	printf("%" PRIu64 " stalls of a thread that held a pcp lock\n", stalls);
	puts(failed ? "FAILED" : "PASSED: every frame was allocated");
	return failed;
}
