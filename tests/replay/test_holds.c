/* SPDX-License-Identifier: MIT */
/*
 * test_holds.c - the lengths of holds: exact up to 1023 and the longest, else to 0.2 %; by rank. In
 * instructions to the last one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "holds.h"
#include "step.h"
#include "tool/common/say.h"

static struct holds_result of(const uint64_t *lengths, unsigned nr)
{
	struct holds_result result;

	holds_begin(HOLDS_NS);
	for (unsigned i = 0; i < nr; i++)
		roost_lab_lock_modelled(lengths[i]);
	holds_end(&result);
	assert_int_equal(result.count, nr);
	assert_int_equal(result.modelled, nr > 0);
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

static void hold(unsigned moves)
{
	roost_lab_irqs_off();
	roost_lab_lock_taken();
	for (unsigned k = 0; k < moves; k++)
		roost_lab_lock_moved(8);
	roost_lab_lock_dropped();
	roost_lab_irqs_on();
}

static void test_holds_with_time(void **state)
{
	struct holds_result r;

	(void)state;
	hold(1); /* before the begin: not one */
	holds_begin(HOLDS_NS);
	for (unsigned i = 1; i <= 4; i++)
		hold(i);
	roost_lab_irqs_off(); /* a try that fails, within a stretch */
	roost_lab_irqs_off();
	roost_lab_irqs_on();
	roost_lab_irqs_on();
	holds_end(&r);
	assert_int_equal(r.unit, HOLDS_NS);
	assert_false(r.modelled);
	assert_int_equal(r.count, 4);
	assert_int_equal(r.irqs_count, 5);
	assert_int_equal(r.frames.p50, 16);
	assert_int_equal(r.frames.longest, 32);
	assert_true(r.length.p50 <= r.length.p99 && r.length.p99 <= r.length.longest);
	assert_true(r.length.longest <= r.irqs.longest);
	assert_int_equal(r.waits, 0);
}

static void test_waits(void **state)
{
	struct holds_result r;

	(void)state;
	holds_begin(HOLDS_NS);
	for (unsigned i = 0; i < 3; i++) {
		roost_lab_irqs_off();
		if (i)
			roost_lab_lock_waits();
		roost_lab_lock_taken();
		roost_lab_lock_dropped();
		roost_lab_irqs_on();
	}
	holds_end(&r);
	assert_int_equal(r.count, 3);
	assert_int_equal(r.waits, 2);
	assert_true(r.waits_longest_ns <= r.waits_ns && r.waits_ns <= 2 * r.waits_longest_ns);
}

/* What the functions themselves take is subtracted, so what is between them counts: to the
 * instruction, but for what calls them. */
#define NOPS(n)                                                                                    \
	__attribute__((noinline)) static void nops_##n(void)                                       \
	{                                                                                          \
		__asm__ volatile(".rept " #n "\n nop\n .endr");                                    \
	}
NOPS(0)
NOPS(300)
NOPS(5000)

__attribute__((noinline)) static void stretch(unsigned moves, void (*before)(void),
					      void (*in)(void))
{
	roost_lab_irqs_off();
	before();
	roost_lab_lock_taken();
	for (unsigned i = 0; i < moves; i++)
		roost_lab_lock_moved(1);
	in();
	roost_lab_lock_dropped();
	roost_lab_irqs_on();
}

static struct holds_result stepped(unsigned moves, bool many)
{
	struct holds_result r;

	holds_begin(HOLDS_INSTRUCTIONS);
	stretch(moves, many ? nops_300 : nops_0, many ? nops_5000 : nops_0);
	holds_end(&r);
	assert_int_equal(r.unit, HOLDS_INSTRUCTIONS);
	assert_int_equal(r.count, 1);
	assert_int_equal(r.irqs_count, 1);
	return r;
}

static void test_instructions(void **state)
{
	struct holds_result few, many, moving;

	(void)state;
	few = stepped(0, false);
	many = stepped(0, true);
	moving = stepped(100, false);
	assert_int_equal(many.length.longest - few.length.longest, 5000);
	assert_int_equal(many.irqs.longest - few.irqs.longest, 5300);
	assert_in_range(few.length.longest, 0, 100);
	/* The loop alone is left of 100 calls; they take ten each. */
	assert_in_range(moving.length.longest - few.length.longest, 0, 600);
	assert_int_equal(moving.irqs.longest - moving.length.longest,
			 few.irqs.longest - few.length.longest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_length),	cmocka_unit_test(test_ranks),
		cmocka_unit_test(test_holds_with_time), cmocka_unit_test(test_waits),
		cmocka_unit_test(test_instructions),
	};
	char error[ERROR_MAX];
	int failed;

	if (!step_begin(error)) {
		puts(error);
		return EXIT_USAGE;
	}
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	step_end();
	return failed;
}
