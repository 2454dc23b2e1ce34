/* SPDX-License-Identifier: MIT */
/*
 * storm.c - threads that allocate, free what others allocated, trim, resize and fork, with timer
 * signals in each whose handlers allocate and free too.
 *
 * Every block is entered in a map when it is allocated (frames.h) and its pages are written to. Its
 * free checks that no other thread held it and that no trim took its contents. The argument:
 * seconds.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <roost/pool.h>

#include "frames.h"
#include "ticks.h"
#include "tool/common/random.h"

enum { PAGE = 4096, LIMIT = 64 << 20, THREADS = 4, SHARED = 256, OWN = 16, HZ = 3000 };

static roost_pool_t *pool;
static struct frames frames;
static _Atomic(char *) shared[SHARED]; /* by which blocks change hands */
static _Atomic bool stop;
static _Atomic unsigned long allocated, failed, in_handlers, forks;

static _Thread_local struct random randoms[TICKS_SIGNALS + 1]; /* thread, handlers */

static unsigned order_of(const char *block)
{
	return (unsigned)__builtin_ctzll(roost_pool_usable_size(block) / PAGE);
}

static roost_pfn pfn_of(const char *block)
{
	return (roost_pfn)(block - (char *)roost_pool_address(pool, 0)) / PAGE;
}

static char *take(unsigned order, unsigned flags)
{
	char *block = roost_pool_alloc(pool, (size_t)PAGE << order, flags);

	if (!block) {
		failed++;
		return NULL;
	}
	allocated++;
	frames_take(&frames, pfn_of(block), order, 1);
	for (size_t i = 0; i < (size_t)1 << order; i++)
		*(char **)(block + i * PAGE) = block + i;
	return block;
}

static void give(char *block)
{
	unsigned order;

	if (!block)
		return;
	order = order_of(block);
	for (size_t i = 0; i < (size_t)1 << order; i++)
		if (*(char **)(block + i * PAGE) != block + i)
			frames_fault("a page lost what was in it", pfn_of(block) + i, order);
	frames_give(&frames, pfn_of(block), order);
	roost_pool_free(block);
}

static unsigned some_order(struct random *random)
{
	return random_chance(random, 80) ? (unsigned)random_below(random, 3)
					 : (unsigned)random_below(random, 11);
}

static void exchange(struct random *random, unsigned flags)
{
	char *block = random_chance(random, 55) ? take(some_order(random), flags) : NULL;

	give(atomic_exchange(&shared[random_below(random, SHARED)], block));
}

static void handle(unsigned depth)
{
	in_handlers++;
	exchange(&randoms[depth], 0);
}

/* The child of a process with threads in the middle of everything frees, allocates, validates. */
static void fork_one(void)
{
	sigset_t old;
	pid_t child;
	int status = 0;

	ticks_block(&old); /* handlers would tell both of one block */
	child = fork();
	if (!child) {
		void *block = roost_pool_alloc(pool, PAGE, ROOST_WAIT);

		roost_pool_free(block);
		roost_pool_trim(pool);
		_exit(!block || roost_validate(roost_pool_frames(pool), NULL));
	}
	if (child < 0 || waitpid(child, &status, 0) != child || status)
		frames_fault("a child failed: status", (uint64_t)status, 0);
	forks++;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static void rarely(struct random *random)
{
	switch (random_below(random, 3)) {
	case 0:
		roost_pool_trim(pool);
		break;
	case 1:
		roost_pool_resize(pool, (16 + random_below(random, 48)) << 20);
		break;
	default:
		fork_one();
	}
}

static void *work(void *arg)
{
	timer_t timers[TICKS_SIGNALS];

	for (unsigned i = 0; i <= TICKS_SIGNALS; i++)
		randoms[i].state = (uintptr_t)arg * 16 + i;
	for (unsigned i = 0; i < TICKS_SIGNALS; i++)
		ticks_start(&timers[i], i, HZ);
	while (!stop) {
		for (unsigned i = 0; i < 2000; i++)
			exchange(&randoms[0], i % 16 ? 0 : ROOST_WAIT);
		rarely(&randoms[0]);
	}
	ticks_stop(timers, TICKS_SIGNALS);
	return NULL;
}

static void finish(void)
{
	struct roost_violation violation;
	struct roost_pool_info info;

	for (unsigned i = 0; i < SHARED; i++)
		give(shared[i]);
	if (roost_validate(roost_pool_frames(pool), &violation))
		frames_fault(violation.invariant, violation.expected, violation.found);
	roost_pool_trim(pool);
	roost_pool_info(pool, &info);
	if (info.used || roost_pool_resident(pool))
		frames_fault("not everything came home", info.used, roost_pool_resident(pool));
	printf("%lu allocations, %lu failed; %lu handlers; %lu forks; %llu pageblocks given back, "
	       "grown %llu and shrunk %llu times\n",
	       allocated, failed, in_handlers, forks, (unsigned long long)info.trims,
	       (unsigned long long)info.grown, (unsigned long long)info.shrunk);
	if (!in_handlers || !forks || !info.trims || !info.grown || !info.shrunk)
		frames_fault("something never happened", in_handlers, forks);
}

int main(int argc, char **argv)
{
	struct roost_pool_config config = ROOST_POOL_CONFIG_INIT;
	double seconds = argc > 1 ? atof(argv[1]) : 5;
	struct timespec pause = {(time_t)seconds,
				 (long)((seconds - (double)(time_t)seconds) * 1e9)};
	pthread_t threads[THREADS];
	sigset_t old;

	config.limit = LIMIT;
	config.initial = LIMIT / 4;
	config.step = LIMIT / 16;
	config.decay_ms = 2;
	config.check_level = ROOST_CHECK_EXACT;
	if (roost_pool_create(&pool, &config) || !frames_open(&frames, 0, LIMIT / PAGE))
		frames_fault("no pool", 0, 0);
	ticks_open(handle);
	ticks_block(&old);
	for (uintptr_t i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, work, (void *)(i + 1)))
			frames_fault("no thread", i, 0);
	nanosleep(&pause, NULL);
	stop = true;
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	finish();
	roost_pool_destroy(pool);
	frames_close(&frames);
	return 0;
}
