/* SPDX-License-Identifier: MIT */
/*
 * test_pool.c - the witness speaks up: each thing that the pool is there to notice is done to it
 * on purpose.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine.h"
#include "pool.h"
#include "say.h"

enum { SERIAL = 42, FRAMES = 0x4000 };

static struct pool pool;

static int setup(void **state)
{
	const struct pool_config config = {
		.frames = FRAMES, .cpus = 1, .max_order = ROOST_DEFAULT_MAX_ORDER, .check = 1};
	char error[ERROR_MAX];

	(void)state;
	return pool_open(&pool, &config, error) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	pool_close(&pool);
	return 0;
}

static unsigned char *frame(roost_pfn pfn)
{
	return pool.memory + (pfn << POOL_FRAME_SHIFT);
}

static roost_pfn must_alloc(unsigned order)
{
	roost_pfn pfn = pool_alloc(&pool, order, ROOST_WAIT, SERIAL);

	assert_int_not_equal(pfn, ROOST_NONE);
	return pfn;
}

/* doubled, corrupt, misuses, lost */
static void expect(uint64_t doubled, uint64_t corrupt, uint64_t misuses, uint64_t lost)
{
	struct pool_verdict verdict;

	pool_finish(&pool, &verdict);
	assert_int_equal(pool.doubled, doubled);
	assert_int_equal(pool.corrupt, corrupt);
	assert_int_equal(pool.misuses, misuses);
	assert_int_equal(verdict.lost, lost);
	assert_true(verdict.valid);
	assert_true(verdict.managed > FRAMES / 2);
}

static void test_clean(void **state)
{
	(void)state;
	for (unsigned order = 0; order <= ROOST_DEFAULT_MAX_ORDER; order++)
		pool_free(&pool, must_alloc(order), order, SERIAL, order & 1);
	expect(0, 0, 0, 0);
}

static void test_lost(void **state)
{
	(void)state;
	must_alloc(3);
	expect(0, 0, 0, 8);
}

static void test_corrupt_first_byte(void **state)
{
	roost_pfn pfn = must_alloc(2);

	(void)state;
	frame(pfn + 3)[0] ^= 1;
	pool_free(&pool, pfn, 2, SERIAL, false);
	expect(0, 1, 0, 0);
}

static void test_corrupt_last_byte(void **state)
{
	roost_pfn pfn = must_alloc(2);

	(void)state;
	frame(pfn + 1)[-1] ^= 1;
	frame(pfn + 3)[-1] ^= 1;
	pool_free(&pool, pfn, 2, SERIAL, false);
	expect(0, 2, 0, 0);
}

static void test_other_serial(void **state)
{
	roost_pfn pfn = must_alloc(0);

	(void)state;
	pool_free(&pool, pfn, 0, SERIAL + 1, false);
	expect(0, 1, 0, 0);
}

/* The stamps of the first life are gone: the second free finds them so, and the hook fires. */
static void test_double_free(void **state)
{
	roost_pfn pfn = must_alloc(0);

	(void)state;
	pool_free(&pool, pfn, 0, SERIAL, false);
	pool_free(&pool, pfn, 0, SERIAL, false);
	assert_int_equal(pool.first_misuse.kind, ROOST_MISUSE_DOUBLE_FREE);
	assert_int_equal(pool.first_misuse.pfn, pfn);
	expect(0, 1, 1, 0);
}

/* Every frame looks handed out already: whatever comes is given twice. */
static void test_doubled(void **state)
{
	(void)state;
	memset((void *)pool.out, 1, FRAMES);
	must_alloc(4);
	expect(16, 0, 0, 16);
}

/* Behind the pool's back, so it is the allocator's books that are short. */
static void test_lost_behind_the_back(void **state)
{
	roost_pfn pfn = roost_alloc(pool.roost, 5, ROOST_WAIT);

	(void)state;
	assert_int_not_equal(pfn, ROOST_NONE);
	expect(0, 0, 0, 32);
}

/* Frames that may be had, as against those of the reserve. */
static void test_fitting(void **state)
{
	struct pool_sums sums;

	(void)state;
	pool_sum(&pool, &sums);
	assert_int_equal(sums.free, sums.managed);
	assert_int_equal(pool_fitting(&pool, 0, ROOST_RESERVE), sums.free);
	assert_true(pool_fitting(&pool, 0, 0) < sums.free);
	while (pool_alloc(&pool, 0, ROOST_WAIT, SERIAL) != ROOST_NONE)
		;
	assert_int_equal(pool_fitting(&pool, 0, 0), 0);
	assert_true(pool_fitting(&pool, 0, ROOST_RESERVE) > 0);
}

/* The tool passes over the counters that an engine has not: none of them may count. */
static void test_counters(void **state)
{
	struct roost_stats stats = {0};

	(void)state;
	while (pool_alloc(&pool, 0, ROOST_RESERVE, SERIAL) != ROOST_NONE)
		;
	assert_int_equal(pool_alloc(&pool, 3, ROOST_WAIT, SERIAL), ROOST_NONE);
	roost_stats(pool.roost, -1, -1, &stats);
	assert_true(stats.fail_wait > 0 && stats.fail_nowait > 0 && stats.alloc_reserve > 0);
	for (enum counter i = 0; i < NR_COUNTERS; i++)
		if (!engine_find(TEST_ENGINE)->counters[i])
			assert_int_equal(counter_value(&stats, i), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_clean),
		TEST(test_lost),
		TEST(test_corrupt_first_byte),
		TEST(test_corrupt_last_byte),
		TEST(test_other_serial),
		TEST(test_double_free),
		TEST(test_doubled),
		TEST(test_lost_behind_the_back),
		TEST(test_fitting),
		TEST(test_counters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
