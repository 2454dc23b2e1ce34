/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"
#include "tool/common/gnuplot.h"
#include "tool/common/json.h"
#include "tool/common/say.h"

/* ---- Figures over the runs -------------------------------------------------------------- */

static void spread_add(struct spread *spread, double value)
{
	spread->rounds[spread->nr] = spread->values[spread->nr] = value;
	spread->nr++;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void spread_sort(struct spread *spread)
{
	qsort(spread->values, spread->nr, sizeof(spread->values[0]), by_value);
}

double spread_median(const struct spread *spread)
{
	unsigned half = spread->nr / 2;

	if (spread->nr % 2)
		return spread->values[half];
	return spread->nr ? (spread->values[half - 1] + spread->values[half]) / 2 : 0;
}

double spread_min(const struct spread *spread)
{
	return spread->nr ? spread->values[0] : 0;
}

double spread_max(const struct spread *spread)
{
	return spread->nr ? spread->values[spread->nr - 1] : 0;
}

/* ---- Scores ----------------------------------------------------------------------------- */

const struct score *compare_score(const struct compare *compare, unsigned trace, unsigned contender)
{
	return &compare->scores[trace * compare->options->nr_contenders + contender];
}

static double number(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

static const json_t *member(const json_t *report, const char *part, const char *key)
{
	return json_object_get(part ? json_object_get(report, part) : report, key);
}

bool report_has(const json_t *report, const char *part, const char *key)
{
	return json_is_number(member(report, part, key));
}

bool report_item(const json_t *report, const char *part, const char *key, unsigned index,
		 double *value)
{
	const json_t *item = json_array_get(member(report, part, key), index);

	*value = json_number_value(item);
	return item != NULL;
}

double report_value(const json_t *report, const char *part, const char *key)
{
	return json_number_value(member(report, part, key));
}

double score_value(const struct score *score, const char *part, const char *key)
{
	return report_value(score->sampled, part, key);
}

bool compare_guessed(const struct score *score)
{
	return json_is_true(json_object_get(score->sampled, "memory_guessed"));
}

/* An engine without a counter never does what it counts. */
static void add_waits(struct score *score, const json_t *paths, double millions)
{
	const double per = millions > 0 ? 1 / millions : 0;
	const double zone = number(paths, "zone_trylock_fail");
	const double pcp = number(paths, "trylock_fail_alloc") +
			   number(paths, "trylock_fail_free") + number(paths, "trylock_fail_drain");

	spread_add(&score->trylock, (zone + pcp) * per);
	spread_add(&score->zone_waits, number(paths, "zone_lock_waited") * per);
	spread_add(&score->zone_trylock, zone * per);
	spread_add(&score->pcp_trylock, pcp * per);
}

static void add_outcome(struct score *score, const json_t *report)
{
	spread_add(&score->fail_while_free,
		   number(json_object_get(report, "paths"), "fail_while_free"));
	spread_add(&score->failed, number(report, "failed_allocs"));
	score->verified &= json_is_true(json_object_get(report, "verified"));
}

static void add_times(struct score *score, const json_t *report)
{
	double operations = number(report, "operations") / 1e6;
	double seconds = number(report, "cpu_seconds") - number(report, "loop_seconds");

	spread_add(&score->rate, seconds > 0 ? operations / seconds : 0);
	spread_add(&score->zone_lock, number(report, "zone_lock_per_million"));
	add_waits(score, json_object_get(report, "paths"), operations);
	add_outcome(score, report);
}

bool compare_indicative(const struct compare_options *options)
{
	return options->runs < COMPARE_FIRM_RUNS;
}

bool compare_verified(const struct compare *compare)
{
	bool verified = true;

	for (unsigned i = 0; i < compare->options->nr_traces * compare->options->nr_contenders; i++)
		verified &= compare->scores[i].verified;
	return verified;
}

/* ---- All replays ------------------------------------------------------------------------ */

static struct score *score_of(struct compare *compare, unsigned trace, unsigned contender)
{
	return &compare->scores[trace * compare->options->nr_contenders + contender];
}

static void step_all(struct compare *compare, unsigned trace)
{
	const struct compare_options *o = compare->options;

	for (unsigned i = 0; i < o->nr_contenders; i++) {
		struct score *score = score_of(compare, trace, i);

		if (!contender_steps(&o->contenders[i]))
			continue;
		score->stepped =
			compare_replay(o, &o->contenders[i], o->traces[trace], REPLAY_INSTRUCTIONS);
		score->verified &= json_is_true(json_object_get(score->stepped, "verified"));
	}
}

/* The last run (number options->runs) takes samples. Each run begins with another contender. */
static void run_all(struct compare *compare, unsigned trace, unsigned run)
{
	const struct compare_options *o = compare->options;

	for (unsigned i = 0; i < o->nr_contenders; i++) {
		unsigned contender = (run + i) % o->nr_contenders;
		struct score *score = score_of(compare, trace, contender);
		json_t *report = compare_replay(o, &o->contenders[contender], o->traces[trace],
						run < o->runs ? REPLAY_TIMES : REPLAY_SAMPLES);

		if (run < o->runs) {
			add_times(score, report);
			json_decref(report);
		} else {
			add_outcome(score, report);
			score->sampled = report;
		}
	}
}

static void compare_run(struct compare *compare)
{
	const struct compare_options *o = compare->options;
	const unsigned all = (o->runs + 1) * o->nr_traces;
	const unsigned shown = all + (o->instructions ? o->nr_traces : 0);
	struct bar bar;

	bar_open(&bar, "comparing", !o->json && !o->quiet);
	for (unsigned i = 0; i < all; i++) {
		bar_show(&bar, i, shown);
		run_all(compare, i % o->nr_traces, i / o->nr_traces);
	}
	for (unsigned i = all; i < shown; i++) {
		bar_show(&bar, i, shown);
		step_all(compare, i - all);
	}
	bar_close(&bar);
	for (unsigned i = 0; i < o->nr_traces * o->nr_contenders; i++) {
		spread_sort(&compare->scores[i].rate);
		spread_sort(&compare->scores[i].zone_lock);
		spread_sort(&compare->scores[i].trylock);
		spread_sort(&compare->scores[i].zone_waits);
		spread_sort(&compare->scores[i].zone_trylock);
		spread_sort(&compare->scores[i].pcp_trylock);
		spread_sort(&compare->scores[i].failed);
		spread_sort(&compare->scores[i].fail_while_free);
	}
}

static void release(struct compare *compare)
{
	const struct compare_options *o = compare->options;

	for (unsigned i = 0; i < o->nr_traces * o->nr_contenders; i++) {
		json_decref(compare->scores[i].sampled);
		json_decref(compare->scores[i].stepped);
	}
	for (unsigned i = 0; i < o->nr_passed_on; i++)
		free(o->passed_on[i].text);
	free(o->command);
	free(o->lists);
	free(o->traces);
	free(compare->scores);
}

int compare_main(int argc, char **argv)
{
	struct compare_options options;
	struct compare compare = {.options = &options};
	char error[ERROR_MAX];
	int status;

	compare_parse(&options, argc, argv);
	if (options.output && !gnuplot_check(options.output, error))
		die("%s", error);
	if (options.html && !gnuplot_check_for("html", options.html, error))
		die("%s", error);
	json_check(options.json);
	compare.scores =
		calloc((size_t)options.nr_traces * options.nr_contenders, sizeof(*compare.scores));
	if (!compare.scores)
		die("out of memory");
	for (unsigned i = 0; i < options.nr_traces * options.nr_contenders; i++)
		compare.scores[i].verified = true;
	compare_run(&compare);
	if (options.json)
		compare_json(&compare);
	if (!options.json || strcmp(options.json, "-") != 0)
		compare_text(&compare);
	check_stdout();
	if (options.html)
		compare_html(&compare);
	if (options.output && !compare_plot(&compare, error))
		die("%s", error);
	status = compare_verified(&compare) ? EXIT_OK : EXIT_UNVERIFIED;
	release(&compare);
	return status;
}
