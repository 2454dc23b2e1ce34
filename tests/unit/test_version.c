/* SPDX-License-Identifier: MIT */
/* test_version.c - what the header and the library say of themselves agrees. */
#include "harness.h"

#include <stdio.h>
#include <string.h>

static void header_and_library(void **state)
{
	char text[32];

	(void)state;
	snprintf(text, sizeof(text), "%u.%u.%u", roost_version() / 10000,
		 roost_version() / 100 % 100, roost_version() % 100);
	assert_int_equal(roost_version(), ROOST_VERSION);
	assert_string_equal(text, ROOST_VERSION_STRING);
}

/* NAME=VALUE is one of the words. */
static bool says(const char *word)
{
	const char *at = roost_build_config();
	const size_t length = strlen(word);

	for (; at; at = strchr(at, ' ') ? strchr(at, ' ') + 1 : NULL)
		if (!strncmp(at, word, length) && (at[length] == ' ' || !at[length]))
			return true;
	return false;
}

static void build_config(void **state)
{
	(void)state;
	assert_true(says(library_is_pcpbuddy ? "engine=pcpbuddy" : "engine=sets"));
	assert_true(says("port=posix"));
	assert_true(says(library_is_up ? "smp=0" : "smp=1"));
	assert_true(says(library_is_lab ? "lab=1" : "lab=0"));
	assert_true(says("checks=0-3"));
	if (library_is_up)
		assert_true(says("pockets=0"));
#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__)
	else
		assert_true(says("pockets=1"));
#endif
#ifdef __clang__
	assert_non_null(strstr(roost_build_config(), " compiler=clang-"));
#else
	assert_non_null(strstr(roost_build_config(), " compiler=gcc-"));
#endif
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_and_library),
		cmocka_unit_test(build_config),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
