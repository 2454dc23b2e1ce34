/* SPDX-License-Identifier: MIT */
/*
 * test_lines.c - which CPUs hold a line of the cache, as the protocol MESI has it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lines.h"

enum { READ, WRITE };

static void takes(unsigned cpu, uintptr_t line, bool write, bool fetched, bool upgraded,
		  unsigned invalidated)
{
	struct transfer t = lines_access(cpu, line, write);

	assert_int_equal(t.fetched, fetched);
	assert_int_equal(t.upgraded, upgraded);
	assert_int_equal(t.invalidated, invalidated);
	assert_true(lines_held(cpu, line));
}

/* From memory, and then again and again: nothing. */
static void one_cpu(void **state)
{
	(void)state;
	lines_reset();
	for (int turn = 0; turn < 3; turn++) {
		takes(5, 1, READ, false, false, 0);
		takes(5, 1, WRITE, false, false, 0);
		takes(5, 2, WRITE, false, false, 0);
	}
}

static void two_cpus(void **state)
{
	(void)state;
	lines_reset();
	takes(0, 1, WRITE, false, false, 0);
	takes(1, 1, READ, true, false, 0); /* both share it */
	takes(0, 1, READ, false, false, 0);
	takes(1, 1, WRITE, false, true, 1);
	assert_false(lines_held(0, 1));
	takes(0, 1, WRITE, true, false, 1);
	takes(0, 1, READ, false, false, 0);
	takes(1, 2, READ, false, false, 0); /* another line */
}

/* One writes what all read: each loses its copy, and fetches it again. */
static void all_cpus(void **state)
{
	(void)state;
	lines_reset();
	takes(0, 7, WRITE, false, false, 0);
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned cpu = 1; cpu < LINES_CPUS; cpu++)
			takes(cpu, 7, READ, true, false, 0);
		takes(0, 7, WRITE, false, true, LINES_CPUS - 1);
	}
}

/* More lines than the table begins with, and lines that a reset forgets. */
static void many_lines(void **state)
{
	enum { LINES = 200000 };

	(void)state;
	lines_reset();
	for (uintptr_t line = 1; line <= LINES; line++)
		takes((unsigned)(line % LINES_CPUS), line, WRITE, false, false, 0);
	for (uintptr_t line = 1; line <= LINES; line++)
		takes((unsigned)((line + 1) % LINES_CPUS), line, READ, true, false, 0);
	lines_reset();
	takes(0, LINES, READ, false, false, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_cpu),
		cmocka_unit_test(two_cpus),
		cmocka_unit_test(all_cpus),
		cmocka_unit_test(many_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
