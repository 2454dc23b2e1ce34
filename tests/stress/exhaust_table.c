/* SPDX-License-Identifier: MIT */
/* exhaust_table.c - the table that the exhaustion test publishes; see exhaust_table.h. */
#include "exhaust_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SAMPLES = 1 << 16 };

static struct {
	uint64_t attempts, failures, while_free;
	unsigned nr_samples;
	uint32_t samples[SAMPLES];
} line;

void table_head(void)
{
	puts("Without ROOST_WAIT; free frames count those under way from one place to another:\n"
	     "CPUs  threads  path       attempts   failures  while free    max   median");
}

void table_add(uint64_t attempts, uint64_t failures, const uint32_t *samples, unsigned count)
{
	line.attempts += attempts;
	line.failures += failures;
	line.while_free += count;
	for (unsigned i = 0; i < count && line.nr_samples < SAMPLES; i++)
		line.samples[line.nr_samples++] = samples[i];
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

void table_line(unsigned cpus, const char *path)
{
	unsigned n = line.nr_samples;

	qsort(line.samples, n, sizeof(line.samples[0]), by_value);
	printf("%4u %8u  %-8s %10" PRIu64 " %10" PRIu64 " %11" PRIu64 " %6u %8u\n", cpus, cpus,
	       path, line.attempts, line.failures, line.while_free, n ? line.samples[n - 1] : 0,
	       n ? line.samples[n / 2] : 0);
	memset(&line, 0, sizeof(line));
}
