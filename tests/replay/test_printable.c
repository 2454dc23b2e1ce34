/* SPDX-License-Identifier: MIT */
/*
 * test_printable.c - names of any bytes come out as UTF-8 without control characters, none is lost
 * and no two come out alike.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "tool/common/printable.h"

static const struct {
	const char *name, *wanted;
} names[] = {
	{"", ""},
	{"mm_page_alloc", "mm_page_alloc"},
	{"a b\"'<>&", "a b\"'<>&"},
	{"Gr\xc3\xbc\xc3\x9f"
	 "e \xe4\xb8\xad \xf0\x9f\x98\x80",
	 "Gr\xc3\xbc\xc3\x9f"
	 "e \xe4\xb8\xad \xf0\x9f\x98\x80"},
	{"a\nb\tc\r\x1b[31m\x7f", "a\\x0ab\\x09c\\x0d\\x1b[31m\\x7f"},
	{"\xe4\xf6", "\\xe4\\xf6"},		      /* Latin-1 */
	{"\xc3", "\\xc3"},			      /* cut short */
	{"\xc3(", "\\xc3("},			      /* not continued */
	{"\xc0\xaf", "\\xc0\\xaf"},		      /* too long a form of '/' */
	{"\xed\xa0\x80", "\\xed\\xa0\\x80"},	      /* half of a pair of UTF-16 */
	{"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"}, /* above the last character */
	{"\xff\xfe", "\\xff\\xfe"},		      /* never in UTF-8 */
	{"\xc2\x9b", "\\xc2\\x9b"},		      /* a control character of eight bits */
	{"\xe2\x80\xaetxt", "\\xe2\\x80\\xaetxt"},    /* right to left */
	{"\xef\xbf\xbf", "\\xef\\xbf\\xbf"},	      /* no character, and none in XML */
	{"C:\\new", "C:\\new"},			      /* a backslash means nothing ... */
	{"\\xff", "\\x5cxff"},			      /* ... but where it would */
};

static void test_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *text = printable_copy(names[i].name, strlen(names[i].name));

		assert_string_equal(text, names[i].wanted);
		free(text);
	}
}

static void test_zero_byte(void **state)
{
	char *text = printable_copy("a\0b", 3);

	(void)state;
	assert_string_equal(text, "a\\x00b");
	free(text);
}

/* Back again: \xNN is a byte, everything else is itself. */
static size_t undo(const char *text, char *bytes)
{
	size_t n = 0;

	while (*text) {
		if (text[0] == '\\' && text[1] == 'x') {
			const char hex[3] = {text[2], text[3], '\0'};

			bytes[n++] = (char)strtol(hex, NULL, 16);
			text += 4;
		} else {
			bytes[n++] = *text++;
		}
	}
	return n;
}

static bool is_utf8(const char *text)
{
	json_t *string = json_string(text);
	bool good = string;

	json_decref(string);
	return good;
}

static void test_nothing_is_lost(void **state)
{
	uint32_t random = 1;

	(void)state;
	for (unsigned run = 0; run < 20000; run++) {
		char name[24], back[sizeof(name)], *text, part[12];
		size_t length = run % sizeof(name);

		for (size_t i = 0; i < length; i++) {
			random = random * 1664525u + 1013904223u;
			name[i] = (char)(random >> 24);
		}
		text = printable_copy(name, length);
		assert_true(is_utf8(text));
		for (const char *c = text; *c; c++)
			assert_true((unsigned char)*c >= ' ' && *c != 0x7f);
		assert_int_equal(undo(text, back), length);
		assert_memory_equal(back, name, length);
		printable(part, sizeof(part), 0, name, length);
		assert_true(strlen(part) < sizeof(part));
		assert_true(is_utf8(part));
		free(text);
	}
}

static void test_too_long(void **state)
{
	char out[64];

	(void)state;
	assert_string_equal(printable(out, 64, 8, "12345678", 8), "12345678");
	assert_string_equal(printable(out, 64, 8, "123456789", 9), "12345...");
	assert_string_equal(printable(out, 9, 0, "123456789", 9), "12345...");
	/* between characters, and between what stands for a byte */
	assert_string_equal(printable(out, 8, 0, "ab\xc3\xbc\xc3\xbc\xc3\xbc", 8), "ab\xc3\xbc...");
	assert_string_equal(printable(out, 64, 9, "ab\x01\x02\x03", 5), "ab\\x01...");
	assert_string_equal(printable(out, 4, 0, "\x01\x02", 2), "...");
	assert_int_equal(printable_columns("ab\xc3\xbc"), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_zero_byte),
		cmocka_unit_test(test_nothing_is_lost),
		cmocka_unit_test(test_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
