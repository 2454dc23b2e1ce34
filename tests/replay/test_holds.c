/* SPDX-License-Identifier: MIT */
/*
 * test_holds.c - the lengths of holds: exact up to 1023 and the longest, else to 0.2 %; by rank.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "holds.h"

static struct holds_result of(const uint64_t *lengths, unsigned nr)
{
	struct holds_result result;

	holds_begin();
	for (unsigned i = 0; i < nr; i++)
		roost_lab_lock_modelled(lengths[i]);
	holds_end(&result);
	assert_int_equal(result.count, nr);
	assert_int_equal(result.timed, nr == 0);
	return result;
}

static void test_every_length(void **state)
{
	(void)state;
	for (uint64_t length = 0; length < 5000; length++) {
		const struct holds_result r = of((const uint64_t[]){length, length}, 2);

		assert_int_equal(r.frames.longest, length);
		assert_in_range(r.frames.p50, length - length / 512, length);
		if (length < 1024)
			assert_int_equal(r.frames.p50, length);
	}
	for (unsigned bit = 10; bit < 64; bit++)
		for (int off = -1; off <= 1; off++) {
			const uint64_t length = (UINT64_C(1) << bit) + (uint64_t)off;
			const struct holds_result r = of(&length, 1);

			assert_int_equal(r.frames.longest, length);
			assert_in_range(r.frames.p99, length - length / 512, length);
		}
	assert_int_equal(of((const uint64_t[]){UINT64_MAX}, 1).frames.longest, UINT64_MAX);
}

static void test_ranks(void **state)
{
	uint64_t lengths[200];
	struct holds_result r;

	(void)state;
	for (unsigned i = 0; i < 200; i++)
		lengths[i] = 200 - i;
	r = of(lengths, 200);
	assert_int_equal(r.frames.p50, 100);
	assert_int_equal(r.frames.p99, 198);
	assert_int_equal(r.frames.longest, 200);
	r = of(lengths + 101, 99); /* 99 down to 1: one of them is above the 99th of a hundred */
	assert_int_equal(r.frames.p50, 50);
	assert_int_equal(r.frames.p99, 99);
	r = of(lengths, 0);
	assert_int_equal(r.frames.p50 + r.frames.p99 + r.frames.longest, 0);
}

static void test_holds_with_time(void **state)
{
	struct holds_result r;

	(void)state;
	roost_lab_lock_taken(); /* before the begin: not one */
	roost_lab_lock_dropped();
	holds_begin();
	for (unsigned i = 1; i <= 4; i++) {
		roost_lab_lock_taken();
		for (unsigned k = 0; k < i; k++)
			roost_lab_lock_moved(8);
		roost_lab_lock_dropped();
	}
	holds_end(&r);
	assert_true(r.timed);
	assert_int_equal(r.count, 4);
	assert_int_equal(r.frames.p50, 16);
	assert_int_equal(r.frames.longest, 32);
	assert_true(r.ns.p50 <= r.ns.p99 && r.ns.p99 <= r.ns.longest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_length),
		cmocka_unit_test(test_ranks),
		cmocka_unit_test(test_holds_with_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
