/* SPDX-License-Identifier: MIT */
/*
 * compare_text.c - the comparison for people: a table for each trace.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"
#include "tool/common/printable.h"

static double metadata_percent(const struct score *s)
{
	return 100 * score_value(s, NULL, "metadata") / score_value(s, NULL, "memory");
}

static double metadata_kib(const struct score *s)
{
	return score_value(s, NULL, "metadata") / 1024;
}

static double failed(const struct score *s)
{
	return (double)s->failed_allocs;
}

static double fail_while_free(const struct score *s)
{
	return (double)s->fail_while_free;
}

/* A figure comes from one of three: the spread over the runs, a key of the report, or a
 * function. */
static const struct row {
	const char *text;
	int decimals;
	double (*of)(const struct spread *spread);
	size_t spread; /* where in struct score */
	const char *series, *key;
	double (*figure)(const struct score *score);
	const char *zero; /* what 0 means; NULL: 0 */
	bool of_peers;	  /* known of an adapter's as well */
} rows[] = {
#define SPREAD(member, function) .of = (function), .spread = offsetof(struct score, member)
	{"million operations per second, median", 2, SPREAD(rate, spread_median), .of_peers = true},
	{"  least", 2, SPREAD(rate, spread_min), .of_peers = true},
	{"  most", 2, SPREAD(rate, spread_max), .of_peers = true},
	{"zone locks per million operations", 1, SPREAD(zone_lock, spread_median)},
	{"  most", 1, SPREAD(zone_lock, spread_max)},
	{"failed try-locks per million", 1, SPREAD(trylock, spread_median)},
	{"  most", 1, SPREAD(trylock, spread_max)},
#undef SPREAD
	{"frames a CPU may keep in a zone", 0, .key = "pcp_high", .zero = "no limit"},
	{"free frames on CPUs, mean", 0, .series = "series", .key = "on_cpus_mean"},
	{"  most", 0, .series = "series", .key = "on_cpus_max"},
	{"free 2 MiB blocks in zones, mean", 1, .series = "series", .key = "blocks_2m_mean"},
	{"  least", 0, .series = "series", .key = "blocks_2m_min"},
	{"  at the end", 0, .series = "series", .key = "blocks_2m_end"},
	{"metadata, KiB", 0, .figure = metadata_kib},
	{"  per cent of the memory", 3, .figure = metadata_percent},
	{"allocations failed, most", 0, .figure = failed, .of_peers = true},
	{"  while frames were free, most", 0, .figure = fail_while_free},
};

static double figure_of(const struct row *row, const struct score *score)
{
	if (row->of)
		return row->of((const void *)((const char *)score + row->spread));
	return row->key ? score_value(score, row->series, row->key) : row->figure(score);
}

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
		double figure = figure_of(row, compare_score(compare, trace, i));

		if (compare->options->contenders[i].peer && !row->of_peers && figure == 0)
			printf(" %*s", WIDTH_FIGURE, "unknown");
		else if (row->zero && figure == 0 &&
			 compare->options->contenders[i].engine->on_cpus)
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
	char *name = printable_copy(o->traces[trace], strlen(o->traces[trace]));

	printf("%s: %.0f events, %.0f operations, %.0f CPU%s, %.0f MiB%s\n", name,
	       score_value(first, NULL, "events"), score_value(first, NULL, "operations"),
	       score_value(first, NULL, "cpus"), score_value(first, NULL, "cpus") > 1 ? "s" : "",
	       score_value(first, NULL, "memory") / (1 << 20),
	       compare_guessed(first) ? " (a guess; --memory sets it)" : "");
	free(name);
	print_names(o);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		print_row(compare, trace, &rows[i]);
	print_verdict(compare, trace);
	putchar('\n');
}

/* What each engine's frames on CPUs are, once. */
static void print_on_cpus(const struct compare_options *o)
{
	const struct engine *last = NULL;

	for (unsigned i = 0; i < nr_engines; i++)
		for (unsigned k = 0; k < o->nr_contenders; k++)
			if (o->contenders[k].engine == &engines[i] && last != &engines[i] &&
			    engines[i].on_cpus) {
				last = &engines[i];
				printf("Free frames on CPUs, %s: %s\n", last->name, last->on_cpus);
			}
}

/* Says which contenders do not get which option. */
static void print_lacks(const struct compare_options *o)
{
	for (unsigned i = 0; i < o->nr_passed_on; i++) {
		const char *before = "";

		for (unsigned k = 0; k < o->nr_contenders; k++) {
			if (contender_takes(&o->contenders[k], &o->passed_on[i]))
				continue;
			if (!*before)
				printf("%s: without ", o->passed_on[i].text);
			printf("%s%s", before, o->contenders[k].name);
			before = ", ";
		}
		if (*before)
			printf(" (no %s)\n", o->passed_on[i].lack);
	}
}

static void print_references(const struct compare_options *o)
{
	for (unsigned i = 0; i < o->nr_contenders; i++)
		if (o->contenders[i].engine && o->contenders[i].engine->reference) {
			printf("Operations per second, linux-pcp and zone: of a model that takes "
			       "no locks; Linux's speed is another\n");
			return;
		}
}

void compare_text(const struct compare *compare)
{
	const struct compare_options *o = compare->options;

	printf("roost compare: %u run%s of each in turns for times and counts, one more for the "
	       "rest; "
	       "%s",
	       o->runs, o->runs > 1 ? "s" : "", o->parallel ? "in parallel" : "in order");
	for (unsigned i = 0; i < o->nr_passed_on; i++)
		printf(", %s", o->passed_on[i].text);
	printf("\n");
	print_lacks(o);
	if (compare_indicative(o))
		printf("Indicative only: with fewer than %d runs a difference may be noise of the "
		       "machine\n",
		       COMPARE_FIRM_RUNS);
	printf("\n");
	for (unsigned trace = 0; trace < o->nr_traces; trace++)
		print_trace(compare, trace);
	printf("Operations: allocations and frees that were carried out, per second of CPU "
	       "time%s\n",
	       o->parallel ? ", including the time that threads wait for each other"
			   : " of the allocator");
	print_references(o);
	print_on_cpus(o);
}
