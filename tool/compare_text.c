/* SPDX-License-Identifier: MIT */
/*
 * compare_text.c - the comparison for people: a table for each trace.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"
#include "tool/common/printable.h"

enum { WIDTH_TEXT = 38, WIDTH_NOISE = 6, WIDTH_FIGURE = 18, WIDTH_RELATION = 24 };

/* Wide enough for the names. */
static int width(const struct compare_options *o)
{
	int most = o->baseline < 0 ? WIDTH_FIGURE : WIDTH_RELATION;

	for (unsigned i = 0; i < o->nr_contenders; i++)
		if ((int)strlen(o->contenders[i].name) > most)
			most = (int)strlen(o->contenders[i].name);
	return most;
}

static void print_names(const struct compare_options *o, const char *title)
{
	printf("%-*s", WIDTH_TEXT + 1 + WIDTH_NOISE, title);
	for (unsigned i = 0; i < o->nr_contenders; i++)
		printf(" %*s", width(o), o->contenders[i].name);
	putchar('\n');
}

/* What is known least well; of engines, if there are any. */
enum noise row_worst_noise(const struct compare *compare, unsigned trace, const struct row *row)
{
	const struct compare_options *o = compare->options;
	enum noise worst = NOISE_EXACT, noise;
	bool ours = false;

	for (unsigned i = 0; i < o->nr_contenders; i++)
		ours |= !o->contenders[i].peer;
	for (unsigned i = 0; i < o->nr_contenders; i++) {
		noise = row_noise(o, row, &o->contenders[i], compare_score(compare, trace, i));
		if (noise > worst && (!ours || !o->contenders[i].peer))
			worst = noise;
	}
	return worst;
}

const char *row_cell(char text[ROW_CELL], const struct compare *compare, unsigned trace,
		     unsigned contender, const struct row *row)
{
	const struct contender *c = &compare->options->contenders[contender];
	double figure;

	if (!row_value(row, c, compare_score(compare, trace, contender), &figure))
		return row->of_locks && c->engine && !c->engine->counters[COUNTER_zone_lock]
			       ? "no lock"
			       : "unknown";
	if (row->zero && figure == 0 && c->engine->on_cpus)
		return row->zero;
	snprintf(text, ROW_CELL, "%.*f", row->decimals, figure);
	return text;
}

static void print_row(const struct compare *compare, unsigned trace, const struct row *row)
{
	const struct compare_options *o = compare->options;
	char text[ROW_CELL];

	printf("%-*s %-*s", WIDTH_TEXT, row->text, WIDTH_NOISE,
	       noise_name(row_worst_noise(compare, trace, row)));
	for (unsigned i = 0; i < o->nr_contenders; i++)
		printf(" %*s", width(o), row_cell(text, compare, trace, i, row));
	putchar('\n');
}

/* Four digits at least, and no exponent. */
static const char *in_short(char text[16], double value)
{
	snprintf(text, 16, fabs(value) < 1000 ? "%.4g" : "%.0f", value);
	if (value != 1 && !strcmp(text, "1")) /* not the same after all */
		snprintf(text, 16, "%.9g", value);
	return text;
}

/* "x0.585", "x1.68 [1.62, 1.75]", "+6601". */
const char *relation_cell(char text[ROW_CELL], const struct relation *r)
{
	char value[16], low[16], high[16];
	int n;

	if (r->verdict == VERDICT_SAME || r->verdict == VERDICT_WITHIN ||
	    r->verdict == VERDICT_UNKNOWN)
		return verdict_name(r->verdict);
	n = snprintf(text, ROW_CELL, "%s%s",
		     r->is_ratio    ? "x"
		     : r->value > 0 ? "+"
				    : "",
		     in_short(value, r->value));
	if (r->verdict == VERDICT_FEW_RUNS || r->verdict == VERDICT_ONE_RUN)
		snprintf(text + n, ROW_CELL - (size_t)n, " (%s)", verdict_name(r->verdict));
	else if (r->noise == NOISE_RUNS)
		snprintf(text + n, ROW_CELL - (size_t)n, " [%s, %s]", in_short(low, r->low),
			 in_short(high, r->high));
	return text;
}

static void print_relations(const struct compare *compare, unsigned trace)
{
	const struct compare_options *o = compare->options;
	char text[ROW_CELL];

	snprintf(text, sizeof(text), "Beside %s:", o->contenders[o->baseline].name);
	print_names(o, text);
	for (unsigned k = 0; k < nr_compare_rows; k++) {
		const struct row *row = &compare_rows[k];
		struct relation relation;

		if (!row->key || !row_shown(compare, trace, row))
			continue;
		printf("%-*s %-*s", WIDTH_TEXT, row->text, WIDTH_NOISE,
		       noise_name(row_worst_noise(compare, trace, row)));
		for (unsigned i = 0; i < o->nr_contenders; i++) {
			row_relation(compare, trace, i, row, &relation);
			printf(" %*s", width(o),
			       i == (unsigned)o->baseline ? "-" : relation_cell(text, &relation));
		}
		putchar('\n');
	}
	putchar('\n');
}

static void print_verdict(const struct compare *compare, unsigned trace)
{
	const struct compare_options *o = compare->options;

	printf("%-*s", WIDTH_TEXT + 1 + WIDTH_NOISE, "verified");
	for (unsigned i = 0; i < o->nr_contenders; i++)
		printf(" %*s", width(o), compare_score(compare, trace, i)->verified ? "yes" : "NO");
	putchar('\n');
}

/* null: all memory was free. */
static void write_start(FILE *out, const json_t *start)
{
	const json_t *orders = json_object_get(start, "free_by_order");
	json_int_t large = 0;

	if (!json_is_object(start))
		return;
	for (size_t k = ROOST_PAGEBLOCK_ORDER; k < json_array_size(orders); k++)
		large += json_integer_value(json_array_get(orders, k));
	fprintf(out,
		"Start: %lld frames in use, %lld free, of these %lld in blocks of 2 MiB or more\n",
		(long long)json_integer_value(json_object_get(start, "in_use")),
		(long long)json_integer_value(json_object_get(start, "free")), (long long)large);
}

/* How it was replayed. Another build may read a trace otherwise, and then its figures are those of
 * something else. */
void compare_write_setup(FILE *out, const struct compare *compare, unsigned trace)
{
	static const char *const setup[] = {"events", "operations", "cpus", "memory"};
	const struct compare_options *o = compare->options;
	const struct score *first = compare_score(compare, trace, 0);

	fprintf(out, "%.0f events, %.0f operations, %.0f CPU%s, %.0f MiB%s\n",
		score_value(first, NULL, "events"), score_value(first, NULL, "operations"),
		score_value(first, NULL, "cpus"), score_value(first, NULL, "cpus") > 1 ? "s" : "",
		score_value(first, NULL, "memory") / (1 << 20),
		compare_guessed(first) ? " (a guess; --memory sets it)" : "");
	write_start(out, json_object_get(first->sampled, "start"));
	for (unsigned i = 1; i < o->nr_contenders; i++)
		for (unsigned k = 0; k < sizeof(setup) / sizeof(setup[0]); k++) {
			const double its = score_value(compare_score(compare, trace, i), NULL,
						       setup[k]),
				     wanted = score_value(first, NULL, setup[k]);

			if (o->contenders[i].build && its != wanted)
				fprintf(out, "%s did another replay: %s %.0f, not %.0f\n",
					o->contenders[i].name, setup[k], its, wanted);
		}
}

static void print_trace(const struct compare *compare, unsigned trace)
{
	const struct compare_options *o = compare->options;
	char *name = printable_copy(o->traces[trace], strlen(o->traces[trace]));

	printf("%s: ", name);
	free(name);
	compare_write_setup(stdout, compare, trace);
	print_names(o, "");
	for (unsigned i = 0; i < nr_compare_rows; i++)
		if (row_shown(compare, trace, &compare_rows[i]))
			print_row(compare, trace, &compare_rows[i]);
	print_verdict(compare, trace);
	putchar('\n');
	if (o->baseline >= 0)
		print_relations(compare, trace);
}

/* What each engine's frames on CPUs are, once. */
static void write_on_cpus(FILE *out, const struct compare_options *o)
{
	const struct engine *last = NULL;

	for (unsigned i = 0; i < nr_engines; i++)
		for (unsigned k = 0; k < o->nr_contenders; k++)
			if (o->contenders[k].engine == &engines[i] && last != &engines[i] &&
			    engines[i].on_cpus) {
				last = &engines[i];
				fprintf(out, "Free frames on CPUs, %s: %s\n", last->name,
					last->on_cpus);
			}
}

static void write_builds(FILE *out, const struct compare_options *o)
{
	for (unsigned i = 0; i < o->nr_builds; i++) {
		char *name = printable_copy(o->builds[i].directory, strlen(o->builds[i].directory));

		fprintf(out, "%s: the build in %s\n", o->builds[i].name, name);
		free(name);
	}
}

/* Says which contenders do not get which option. */
static void write_lacks(FILE *out, const struct compare_options *o)
{
	for (unsigned i = 0; i < o->nr_passed_on; i++) {
		const char *before = "";

		for (unsigned k = 0; k < o->nr_contenders; k++) {
			if (contender_takes(&o->contenders[k], &o->passed_on[i]))
				continue;
			if (!*before)
				fprintf(out, "%s: without ", o->passed_on[i].text);
			fprintf(out, "%s%s", before, o->contenders[k].name);
			before = ", ";
		}
		if (*before)
			fprintf(out, " (no %s)\n", o->passed_on[i].lack);
	}
}

static void write_noise(FILE *out, const struct compare_options *o)
{
	bool peers = false;

	for (unsigned i = 0; i < o->nr_contenders; i++)
		peers |= o->contenders[i].peer != NULL;
	if (o->parallel)
		fprintf(out,
			"exact: as it was set up; spread: it varies from run to run; once: of the "
			"one run with samples, and "
			"another would differ\n");
	else
		fprintf(out,
			"exact: the same count in each run%s; spread: it varies from run to run; "
			"once: of one run\n",
			peers ? " (of an adapter's nobody knows that)" : "");
	if (o->baseline < 0)
		return;
	fprintf(out,
		"Beside %s: x is a ratio, + and - a difference from 0. In brackets: what holds the "
		"median of the rounds with 95 %%; within the spread: it holds no difference, too\n",
		o->contenders[o->baseline].name);
}

static void write_references(FILE *out, const struct compare_options *o)
{
	for (unsigned i = 0; i < o->nr_contenders; i++)
		if (o->contenders[i].engine && o->contenders[i].engine->reference) {
			fprintf(out,
				"Operations per second, linux-pcp and zone: of a model that takes "
				"no locks; Linux's speed is another\n");
			return;
		}
}

void compare_write_begin(FILE *out, const struct compare_options *o)
{
	fprintf(out, "%u run%s of each in turns for times and counts, one more for the rest; %s",
		o->runs, o->runs > 1 ? "s" : "", o->parallel ? "in parallel" : "in order");
	for (unsigned i = 0; i < o->nr_passed_on; i++)
		fprintf(out, ", %s", o->passed_on[i].text);
	fputs("\n", out);
	write_builds(out, o);
	write_lacks(out, o);
	if (compare_indicative(o))
		fprintf(out,
			"Indicative only: with fewer than %d runs a difference may be noise of the "
			"machine\n",
			COMPARE_FIRM_RUNS);
}

void compare_write_end(FILE *out, const struct compare_options *o)
{
	fprintf(out,
		"Operations: allocations and frees that were carried out, per second of CPU "
		"time%s\n",
		o->parallel ? ", including the time that threads wait for each other"
			    : " of the allocator");
	write_noise(out, o);
	write_references(out, o);
	write_on_cpus(out, o);
}

void compare_text(const struct compare *compare)
{
	const struct compare_options *o = compare->options;

	printf("roost compare: ");
	compare_write_begin(stdout, o);
	printf("\n");
	for (unsigned trace = 0; trace < o->nr_traces; trace++)
		print_trace(compare, trace);
	compare_write_end(stdout, o);
}
