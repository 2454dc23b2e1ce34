/* SPDX-License-Identifier: MIT */
/*
 * cache.c - an input is memory for caches of objects, and calls on these (tests/slab/events.h) by
 * two CPUs and more: virtual ones, which have no sequences, or real ones. After them everything is
 * as brute force says. Misuse of each kind is among the calls: it is reported once, and harms
 * nothing.
 */
#include "fuzz.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "events.h"

enum { CALLS = 300 };

void truth_fail(const char *format, ...)
{
	char text[512];
	va_list list;

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	fuzz_fail("%s", text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_bytes bytes = {data, data + size};
	uint32_t choices[TRUTH_CHOICES];
	unsigned n = 0;

	setenv("ROOST_TEST_CPUS", fuzz_below(&bytes, 2) ? "real" : "virtual", 1);
	for (unsigned i = 0; i < TRUTH_CHOICES; i++)
		choices[i] = (uint32_t)fuzz_number(&bytes, i == 1 || i == 4 ? 2 : 1);
	choices[3] |= 1; /* two CPUs at least */
	events_open(choices, fuzz_log());
	for (; n < CALLS && fuzz_more(&bytes); n++) {
		struct event event = {.what = (uint32_t)fuzz_number(&bytes, 2)};

		event.cpu = (uint32_t)fuzz_number(&bytes, 1);
		event.a = (uint32_t)fuzz_number(&bytes, 1);
		event.b = (uint32_t)fuzz_number(&bytes, 2);
		event.c = (uint32_t)fuzz_number(&bytes, 1);
		events_do(&event, n, false);
	}
	events_close();
	return 0;
}
