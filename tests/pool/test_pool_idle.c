/* SPDX-License-Identifier: MIT */
/*
 * test_pool_idle.c - a pool that nobody uses: its decay thread has given back all that is free, to
 * the last page, and makes no system call but the one that it sleeps in.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "calls.h"
#include "pools.h"
#include "tool/common/random.h"

enum { DECAY_MS = 10, LIMIT = 32 << 20, PAGES = LIMIT / PAGE, PERIODS = 20, WAIT_PERIODS = 400 };

static void *blocks[PAGES];
static _Atomic unsigned long made;

static void count(const char *name, bool done)
{
	(void)name;
	made += !done;
}

static roost_pool_t *open_idle(void)
{
	struct roost_pool_config config = pool_config(LIMIT, NULL);

	config.pages = ROOST_PAGES_NO_THP;
	config.decay_ms = DECAY_MS;
	config.decay_thread = true;
	return pool_open(&config);
}

/* By clock_nanosleep(), which is not counted. */
static void sleep_periods(unsigned n)
{
	struct timespec pause = {.tv_nsec = DECAY_MS * 1000000L};

	for (unsigned i = 0; i < n; i++)
		clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
}

/* After some periods nothing is resident but this many bytes; from then on no call is made. */
static void comes_to_rest(roost_pool_t *pool, size_t resident)
{
	unsigned long before = 0;

	calls_hook = count;
	made = 1;
	for (unsigned i = 0; i < WAIT_PERIODS && made != before; i++) {
		before = made;
		sleep_periods(5);
	}
	before = made;
	sleep_periods(PERIODS);
	assert_int_equal(made - before, 0);
	calls_hook = NULL;
	assert_int_equal(roost_pool_resident(pool), resident);
}

static void on_cpu(unsigned cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set); /* where there is but one it stays */
}

/* Some blocks of random orders, from both CPUs; most are freed, from both. Pages that live. */
static size_t mix(roost_pool_t *pool, struct random *random, unsigned percent, size_t *nr)
{
	size_t n = 0, live = 0, kept = 0;

	for (unsigned i = 0; i < 3000; i++) {
		size_t size = (size_t)PAGE
			      << (random_chance(random, 90) ? random_below(random, 2)
							    : random_below(random, 10));

		on_cpu(i / 64 % 2);
		blocks[n] = roost_pool_alloc(pool, size, 0);
		if (!blocks[n])
			break;
		for (size_t at = 0; at < size; at += PAGE)
			((char *)blocks[n])[at] = 1;
		n++;
	}
	for (size_t i = 0; i < n; i++) {
		on_cpu((unsigned)random_below(random, 2));
		if (random_chance(random, percent)) {
			roost_pool_free(blocks[i]);
			continue;
		}
		live += roost_pool_usable_size(blocks[i]);
		blocks[kept++] = blocks[i];
	}
	*nr = kept;
	return live;
}

static void after_frees(void **state)
{
	static const unsigned percents[] = {75, 100, 10, 99, 50};
	struct random random = {11};
	cpu_set_t before;

	(void)state;
	sched_getaffinity(0, sizeof(before), &before);
	for (unsigned i = 0; i < sizeof(percents) / sizeof(percents[0]); i++) {
		roost_pool_t *pool = open_idle();
		size_t n, live = mix(pool, &random, percents[i], &n);

		comes_to_rest(pool, live);
		/* And once more, after the last ones were freed. */
		roost_pool_free_bulk(blocks, n);
		comes_to_rest(pool, 0);
		pool_close(pool);
	}
	sched_setaffinity(0, sizeof(before), &before);
}

/* One in four lives, all the rest lies in pageblocks of their own or in pockets. */
static void after_regular_frees(void **state)
{
	roost_pool_t *pool = open_idle();

	(void)state;
	for (unsigned i = 0; i < 1024; i++) {
		blocks[i] = pool_get(pool, PAGE);
		*(char *)blocks[i] = 1;
	}
	for (unsigned i = 0; i < 1024; i++)
		if (i % 4)
			roost_pool_free(blocks[i]);
	comes_to_rest(pool, 256 * PAGE);
	for (unsigned i = 0; i < 1024; i += 4)
		roost_pool_free(blocks[i]);
	comes_to_rest(pool, 0);
	pool_close(pool);
}

/* What is set apart cannot be allocated: it stays, and is not tried forever. */
static void with_isolated_ones(void **state)
{
	roost_pool_t *pool = open_idle();
	roost_pfn apart;

	(void)state;
	for (unsigned i = 0; i < 1024; i++) {
		blocks[i] = pool_get(pool, PAGE);
		*(char *)blocks[i] = 1;
	}
	apart = (roost_pfn)((char *)blocks[700] - (char *)roost_pool_address(pool, 0)) / PAGE;
	assert_int_equal(roost_isolate(roost_pool_frames(pool), apart, true), 0);
	for (unsigned i = 0; i < 1024; i++)
		if (i % 3)
			roost_pool_free(blocks[i]);
	calls_hook = count;
	sleep_periods(20);
	made = 0;
	sleep_periods(PERIODS);
	assert_int_equal(made, 0);
	calls_hook = NULL;
	assert_int_equal(roost_isolate(roost_pool_frames(pool), apart, false), 0);
	for (unsigned i = 0; i < 1024; i += 3)
		roost_pool_free(blocks[i]);
	comes_to_rest(pool, 0);
	pool_close(pool);
}

/* Nor is what is locked; it goes back once it is not, and something is freed. (Address sanitizer's
 * mlock() locks nothing.) */
static void with_locked_ones(void **state)
{
	roost_pool_t *pool = open_idle();
	void *block = pool_get(pool, MIB);

	(void)state;
	if (syscall(SYS_mlock, block, MIB)) {
		roost_pool_free(block);
		pool_close(pool);
		skip(); /* it may lock no memory */
	}
	memset(block, 1, MIB);
	roost_pool_free(block);
	comes_to_rest(pool, MIB);
	assert_int_equal(syscall(SYS_munlock, block, MIB), 0);
	for (unsigned i = 0; i < 200 && roost_pool_resident(pool); i++) {
		void *other = pool_get(pool, PAGE);

		*(char *)other = 1;
		roost_pool_free(other);
		sleep_periods(2);
	}
	comes_to_rest(pool, 0);
	pool_close(pool);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(after_frees),
		cmocka_unit_test(after_regular_frees),
		cmocka_unit_test(with_isolated_ones),
		cmocka_unit_test(with_locked_ones),
	};

	return cmocka_run_group_tests_name("pool_idle", tests, NULL, NULL);
}
