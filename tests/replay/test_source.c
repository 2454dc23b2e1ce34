/* SPDX-License-Identifier: MIT */
/*
 * test_source.c - the functions, files and lines of an address: with libdw those that are inlined
 * there too, and without it (LAB_LIBDW is not defined) the function and what is missing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lab/explore/source.h"

static __attribute__((noinline)) uintptr_t returns_to(void)
{
	return (uintptr_t)__builtin_return_address(0);
}

enum { INNER = __LINE__ + 4, OUTER = INNER + 8 };

static inline __attribute__((always_inline)) uintptr_t inner(void)
{
	uintptr_t pc = returns_to();

	__asm__ volatile("" ::: "memory"); /* the call is not the last thing that it does */
	return pc;
}

static __attribute__((noinline)) uintptr_t outer(void)
{
	uintptr_t pc = inner();

	__asm__ volatile("" ::: "memory");
	return pc;
}

#if LAB_LIBDW
static void inlined_functions(void **state)
{
	struct source_call calls[SOURCE_INLINED];

	(void)state;
	assert_int_equal(source_calls(outer(), calls), 2);
	assert_string_equal(calls[0].function, "inner");
	assert_string_equal(calls[0].file, "tests/replay/test_source.c");
	assert_int_equal(calls[0].line, INNER);
	assert_string_equal(calls[1].function, "outer");
	assert_string_equal(calls[1].file, "tests/replay/test_source.c");
	assert_int_equal(calls[1].line, OUTER);
	assert_null(source_missing());
}
#else
static void function_alone(void **state)
{
	struct source_call calls[SOURCE_INLINED];

	(void)state;
	assert_int_equal(source_calls(outer(), calls), 1);
	assert_string_equal(calls[0].function, "outer");
	assert_null(calls[0].file);
	assert_non_null(strstr(source_missing(), "without libdw"));
}
#endif

static void address_alone(void **state)
{
	struct source_call calls[SOURCE_INLINED];

	(void)state;
	assert_int_equal(source_calls(0x11, calls), 1);
	assert_string_equal(calls[0].function, "0x10");
	assert_null(calls[0].file);
	assert_non_null(source_missing());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#if LAB_LIBDW
		cmocka_unit_test(inlined_functions),
#else
		cmocka_unit_test(function_alone),
#endif
		cmocka_unit_test(address_alone),
	};

	return cmocka_run_group_tests_name("source", tests, NULL, NULL);
}
