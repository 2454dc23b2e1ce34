/* SPDX-License-Identifier: MIT */
/*
 * test_machine.c - the witness speaks up: each thing that the machine is there to notice is done to
 * it on purpose.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tool/common/engine.h"
#include "machine.h"
#include "tool/common/say.h"

enum { SERIAL = 42, FRAMES = 0x4000 };

static struct machine machine;

static int setup(void **state)
{
	const struct machine_config config = {
		.frames = FRAMES, .cpus = 1, .max_order = ROOST_DEFAULT_MAX_ORDER, .check = 1};
	char error[ERROR_MAX];

	(void)state;
	return machine_open(&machine, &config, error) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	machine_close(&machine);
	return 0;
}

static unsigned char *frame(roost_pfn pfn)
{
	return machine.memory + (pfn << MACHINE_FRAME_SHIFT);
}

static roost_pfn must_alloc(unsigned order)
{
	roost_pfn pfn = machine_alloc(&machine, order, ROOST_WAIT, SERIAL);

	assert_int_not_equal(pfn, ROOST_NONE);
	return pfn;
}

/* doubled, corrupt, misuses, lost */
static void expect(uint64_t doubled, uint64_t corrupt, uint64_t misuses, uint64_t lost)
{
	struct machine_verdict verdict;

	machine_finish(&machine, &verdict);
	assert_int_equal(machine.doubled, doubled);
	assert_int_equal(machine.corrupt, corrupt);
	assert_int_equal(machine.misuses, misuses);
	assert_int_equal(verdict.lost, lost);
	assert_true(verdict.valid);
	assert_true(verdict.managed > FRAMES / 2);
}

static void test_clean(void **state)
{
	(void)state;
	for (unsigned order = 0; order <= ROOST_DEFAULT_MAX_ORDER; order++)
		machine_free(&machine, must_alloc(order), order, SERIAL, order & 1);
	expect(0, 0, 0, 0);
}

static struct machine_fragments fragments(void)
{
	struct machine_sums sums;

	machine_sum(&machine, &sums);
	return sums.fragments;
}

/* What is in use is known by 2 MiB, wherever the engine keeps the rest. */
static void test_in_use(void **state)
{
	const uint64_t whole = (FRAMES - 0x1800) / 512 + (0x1000 - 0x200) / 512;
	const roost_pfn huge = must_alloc(9), large = must_alloc(10), one = must_alloc(0);

	(void)state;
	assert_int_equal(fragments().empty_2m, whole - 4);
	assert_true(machine_split(&machine, large, 10));
	machine_free(&machine, large, 9, SERIAL, false);
	assert_int_equal(fragments().empty_2m, whole - 3);
	machine_free(&machine, large + 512, 9, SERIAL, false);
	machine_free(&machine, huge, 9, SERIAL, true);
	assert_int_equal(fragments().empty_2m, whole - 1);
	machine_free(&machine, one, 0, SERIAL, false);
	assert_int_equal(fragments().empty_2m, whole);
	assert_int_equal(fragments().empty_1g, 0); /* there is none */
	assert_int_equal(fragments().mixed, 0);
	expect(0, 0, 0, 0);
}

/* Until memory is out there is room apart from the other kind; then there is not. */
static void test_mixed(void **state)
{
	const unsigned flags[] = {0, ROOST_UNMOVABLE};
	roost_pfn first[2], pfn;
	uint64_t all = 0;

	(void)state;
	for (unsigned i = 0; i < 2; i++)
		first[i] = machine_alloc(&machine, 0, flags[i], SERIAL);
	assert_int_equal(fragments().mixed, 0);
	while ((pfn = machine_alloc(&machine, 0, ROOST_UNMOVABLE | ROOST_WAIT, SERIAL)) !=
	       ROOST_NONE)
		all++;
	assert_true(all > FRAMES / 2);
	assert_int_equal(fragments().mixed, 1);
	assert_int_equal(fragments().empty_2m, 0);
	machine_free(&machine, first[1], 0, SERIAL, false);
	assert_int_equal(fragments().mixed, 1);
	machine_free(&machine, first[0], 0, SERIAL, false);
	assert_int_equal(fragments().mixed, 0);
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
	machine_free(&machine, pfn, 2, SERIAL, false);
	expect(0, 1, 0, 0);
}

static void test_corrupt_last_byte(void **state)
{
	roost_pfn pfn = must_alloc(2);

	(void)state;
	frame(pfn + 1)[-1] ^= 1;
	frame(pfn + 3)[-1] ^= 1;
	machine_free(&machine, pfn, 2, SERIAL, false);
	expect(0, 2, 0, 0);
}

static void test_other_serial(void **state)
{
	roost_pfn pfn = must_alloc(0);

	(void)state;
	machine_free(&machine, pfn, 0, SERIAL + 1, false);
	expect(0, 1, 0, 0);
}

/* The stamps of the first life are gone: the second free finds them so, and the hook fires. */
static void test_double_free(void **state)
{
	roost_pfn pfn = must_alloc(0);

	(void)state;
	machine_free(&machine, pfn, 0, SERIAL, false);
	machine_free(&machine, pfn, 0, SERIAL, false);
	assert_int_equal(machine.first_misuse.kind, ROOST_MISUSE_DOUBLE_FREE);
	assert_int_equal(machine.first_misuse.pfn, pfn);
	expect(0, 1, 1, 0);
}

/* Every frame looks handed out already: each one that comes is a second time. */
static void test_doubled(void **state)
{
	(void)state;
	memset((void *)machine.out, 1, FRAMES);
	must_alloc(4);
	expect(16, 0, 0, 16);
}

/* Behind the machine's back, so it is the allocator's books that are short. */
static void test_lost_behind_the_back(void **state)
{
	roost_pfn pfn = roost_alloc(machine.roost, 5, ROOST_WAIT);

	(void)state;
	assert_int_not_equal(pfn, ROOST_NONE);
	expect(0, 0, 0, 32);
}

/* Frames that may be allocated, as against those of the reserve. */
static void test_fitting(void **state)
{
	struct machine_sums sums;

	(void)state;
	machine_sum(&machine, &sums);
	assert_int_equal(sums.free, sums.managed);
	assert_int_equal(machine_fitting(&machine, 0, ROOST_RESERVE), sums.free);
	assert_true(machine_fitting(&machine, 0, 0) < sums.free);
	while (machine_alloc(&machine, 0, ROOST_WAIT, SERIAL) != ROOST_NONE)
		;
	assert_int_equal(machine_fitting(&machine, 0, 0), 0);
	assert_true(machine_fitting(&machine, 0, ROOST_RESERVE) > 0);
}

/* The tool passes over the counters that an engine has not: none of them may count. */
static void test_counters(void **state)
{
	struct counts counts = {0};
	const struct roost_stats *stats = &counts.every;

	(void)state;
	while (machine_alloc(&machine, 0, ROOST_RESERVE, SERIAL) != ROOST_NONE)
		;
	assert_int_equal(machine_alloc(&machine, 3, ROOST_WAIT, SERIAL), ROOST_NONE);
	roost_stats(machine.roost, -1, -1, &counts.every);
	assert_true(stats->fail_wait > 0 && stats->fail_nowait > 0 && stats->alloc_reserve > 0);
	for (enum counter i = 0; i < NR_COUNTERS; i++)
		if (!engine_find(TEST_ENGINE)->counters[i])
			assert_int_equal(counter_value(&counts, i), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_clean),
		TEST(test_in_use),
		TEST(test_mixed),
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
