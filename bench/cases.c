/* SPDX-License-Identifier: MIT */
/*
 * cases.c - which cases there are of a workload, and what they are called.
 */
#include <inttypes.h>
#include <stdio.h>

#include "bench.h"

#define GIBIBYTE (UINT64_C(1) << 30)
#define TEBIBYTE (UINT64_C(1) << 40)
#define OBJECTS	 (8 * GIBIBYTE) /* whatever --size says: it is no figure's matter */

enum { REGIONS = 8, QUICK_OBJECTS = 6 /* 64 bytes */ };

static void name_size(char name[32], uint64_t bytes)
{
	static const char units[] = "KMGT";
	unsigned unit = 0;

	for (bytes >>= 10; bytes % 1024 == 0 && unit < 3; unit++)
		bytes >>= 10;
	snprintf(name, 32, "%" PRIu64 "%c", bytes, units[unit]);
}

/* WORKLOAD/SIZE or WORKLOAD/MANNER, then what can differ: /THREADS or /PARAMETER. */
static void name_case(struct bench_case *c)
{
	const struct workload *w = c->workload;
	char size[32], rest[32] = "";

	name_size(size, c->bytes);
	if (w->parameter_names)
		snprintf(rest, sizeof(rest), "/%s", w->parameter_names[c->parameter]);
	else if (w->parameters)
		snprintf(rest, sizeof(rest), "/%u", c->parameter);
	else if (w->flags & EACH_THREADS)
		snprintf(rest, sizeof(rest), "/%u", c->threads);
	snprintf(c->name, sizeof(c->name), "%s/%s%s", w->name, w->manner ? w->manner : size, rest);
}

struct maker {
	const struct bench_options *options;
	const struct workload *workload;
	struct bench_case *out;
	unsigned nr;
};

static void add(struct maker *m, uint64_t bytes, unsigned threads, unsigned parameter)
{
	if (m->out) {
		m->out[m->nr] = (struct bench_case){.workload = m->workload,
						    .bytes = bytes,
						    .threads = threads,
						    .parameter = parameter};
		name_case(&m->out[m->nr]);
	}
	m->nr++;
}

static void add_threads(struct maker *m, uint64_t bytes)
{
	const struct workload *w = m->workload;

	if (w->flags & EACH_THREADS)
		for (unsigned i = 0; i < m->options->nr_threads; i++)
			add(m, bytes, m->options->threads[i], 0);
	else if (w->parameters)
		for (const uint8_t *parameter = w->parameters; *parameter; parameter++) {
			if ((w->flags & NEEDS_OBJECTS) && m->options->quick &&
			    *parameter != QUICK_OBJECTS)
				continue;
			add(m, bytes, w->threads, *parameter);
		}
	else
		add(m, bytes, w->threads, 0);
}

unsigned cases_of(const struct bench_options *options, const struct workload *workload,
		  struct bench_case *out)
{
	struct maker m = {.options = options, .workload = workload, .out = out};
	uint64_t largest = 0, smallest = UINT64_MAX;

	for (unsigned i = 0; i < options->nr_sizes; i++) {
		const uint64_t size = options->sizes[i];

		largest = size > largest ? size : largest;
		smallest = size < smallest ? size : smallest;
		if (workload->flags & EACH_SIZE)
			add_threads(&m, size);
	}
	if (workload->flags & NEEDS_OBJECTS)
		add_threads(&m, OBJECTS);
	else if ((workload->flags & MANY_REGIONS) && !options->sizes_given && !options->quick)
		add_threads(&m, REGIONS * GIBIBYTE);
	else if (workload->flags & (SMALLEST | MANY_REGIONS))
		add_threads(&m, smallest);
	else if (!(workload->flags & EACH_SIZE))
		add_threads(&m, largest);
	if ((workload->flags & TERABYTE) && !options->sizes_given && !options->quick)
		add_threads(&m, TEBIBYTE);
	return m.nr;
}
