/* SPDX-License-Identifier: MIT */
/*
 * compare_text.c - the comparison for people: a table for each trace.
 */
#include <stdio.h>
#include <string.h>

#include "compare.h"

typedef double figure_fn(const struct score *score);

static double rate_median(const struct score *s)
{
	return spread_median(&s->rate);
}

static double rate_min(const struct score *s)
{
	return spread_min(&s->rate);
}

static double rate_max(const struct score *s)
{
	return spread_max(&s->rate);
}

static double zone_lock(const struct score *s)
{
	return spread_median(&s->zone_lock);
}

static double zone_lock_max(const struct score *s)
{
	return spread_max(&s->zone_lock);
}

static double trylock(const struct score *s)
{
	return spread_median(&s->trylock);
}

static double trylock_max(const struct score *s)
{
	return spread_max(&s->trylock);
}

static double cap(const struct score *s)
{
	return score_value(s, NULL, "pcp_high");
}

static double on_cpus_mean(const struct score *s)
{
	return score_value(s, "series", "on_cpus_mean");
}

static double on_cpus_max(const struct score *s)
{
	return score_value(s, "series", "on_cpus_max");
}

static double blocks_mean(const struct score *s)
{
	return score_value(s, "series", "blocks_2m_mean");
}

static double blocks_min(const struct score *s)
{
	return score_value(s, "series", "blocks_2m_min");
}

static double blocks_end(const struct score *s)
{
	return score_value(s, "series", "blocks_2m_end");
}

static double metadata_kib(const struct score *s)
{
	return score_value(s, NULL, "metadata") / 1024;
}

static double metadata_percent(const struct score *s)
{
	return 100 * score_value(s, NULL, "metadata") / score_value(s, NULL, "memory");
}

static double failed(const struct score *s)
{
	return (double)s->failed_allocs;
}

static double fail_while_free(const struct score *s)
{
	return (double)s->fail_while_free;
}

static const struct row {
	const char *text;
	figure_fn *figure;
	int decimals;
	const char *zero; /* what 0 means; NULL: 0 */
} rows[] = {
	{"million operations per second, median", rate_median, 2, NULL},
	{"  least", rate_min, 2, NULL},
	{"  most", rate_max, 2, NULL},
	{"zone locks per million operations", zone_lock, 1, NULL},
	{"  most", zone_lock_max, 1, NULL},
	{"failed try-locks per million", trylock, 1, NULL},
	{"  most", trylock_max, 1, NULL},
	{"frames a CPU may keep in a zone", cap, 0, "no limit"},
	{"free frames on CPUs, mean", on_cpus_mean, 0, NULL},
	{"  most", on_cpus_max, 0, NULL},
	{"free 2 MiB blocks in zones, mean", blocks_mean, 1, NULL},
	{"  least", blocks_min, 0, NULL},
	{"  at the end", blocks_end, 0, NULL},
	{"metadata, KiB", metadata_kib, 0, NULL},
	{"  per cent of the memory", metadata_percent, 3, NULL},
	{"allocations failed, most", failed, 0, NULL},
	{"  while frames were free, most", fail_while_free, 0, NULL},
};

enum { WIDTH_TEXT = 38, WIDTH_FIGURE = 18 };

static void print_names(const struct compare_options *o)
{
	printf("%-*s", WIDTH_TEXT, "");
	for (unsigned i = 0; i < o->nr_contenders; i++)
		printf(" %*s", WIDTH_FIGURE, o->contenders[i].name);
	putchar('\n');
}

static void print_row(const struct compare *compare, unsigned trace, const struct row *row)
{
	printf("%-*s", WIDTH_TEXT, row->text);
	for (unsigned i = 0; i < compare->options->nr_contenders; i++) {
		double figure = row->figure(compare_score(compare, trace, i));

		if (row->zero && figure == 0)
			printf(" %*s", WIDTH_FIGURE, row->zero);
		else
			printf(" %*.*f", WIDTH_FIGURE, row->decimals, figure);
	}
	putchar('\n');
}

static void print_verdict(const struct compare *compare, unsigned trace)
{
	printf("%-*s", WIDTH_TEXT, "verified");
	for (unsigned i = 0; i < compare->options->nr_contenders; i++)
		printf(" %*s", WIDTH_FIGURE,
		       compare_score(compare, trace, i)->verified ? "yes" : "NO");
	putchar('\n');
}

static void print_trace(const struct compare *compare, unsigned trace)
{
	const struct compare_options *o = compare->options;
	const struct score *first = compare_score(compare, trace, 0);

	printf("%s: %.0f events, %.0f operations, %.0f CPUs, %.0f MiB\n", o->traces[trace],
	       score_value(first, NULL, "events"), score_value(first, NULL, "operations"),
	       score_value(first, NULL, "cpus"), score_value(first, NULL, "memory") / (1 << 20));
	print_names(o);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		print_row(compare, trace, &rows[i]);
	print_verdict(compare, trace);
	putchar('\n');
}

static bool has_engine(const struct compare_options *o, bool pcps)
{
	for (unsigned i = 0; i < o->nr_contenders; i++)
		if (o->contenders[i].engine->has_pcps == pcps)
			return true;
	return false;
}

void compare_text(const struct compare *compare)
{
	const struct compare_options *o = compare->options;

	printf("roost compare: %u runs of each in turns for times and counts, one for the rest; %s",
	       o->runs, o->parallel ? "in parallel" : "in order");
	for (unsigned i = 0; i < o->nr_passed_on; i++)
		printf(", %s", o->passed_on[i]);
	printf("\n\n");
	for (unsigned trace = 0; trace < o->nr_traces; trace++)
		print_trace(compare, trace);
	printf("Operations: allocations and frees that were carried out, per second of CPU "
	       "time%s\n",
	       o->parallel ? ", what threads spend waiting for one another included"
			   : " of the allocator's part");
	if (has_engine(o, true))
		printf("Free frames on CPUs, pcpbuddy: on pcps and lock-free lists, up to the "
		       "limit "
		       "in each zone; others reach them by a drain or a search\n");
	if (has_engine(o, false))
		printf("Free frames on CPUs, roost: in pageblocks that a CPU owns; any CPU may "
		       "take "
		       "them, the zone's and other CPUs' coming first\n");
	fflush(stdout);
}
