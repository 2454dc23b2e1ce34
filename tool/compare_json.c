/* SPDX-License-Identifier: MIT */
/*
 * compare_json.c - the comparison for programs: one object, with the figures of each run.
 */
#include "compare.h"
#include "tool/common/json.h"
#include "tool/common/printable_json.h"
#include "tool/common/say.h"

static json_t *spread_object(const struct spread *spread)
{
	json_t *runs = json_must(json_array());

	for (unsigned i = 0; i < spread->nr; i++)
		json_array_append_new(runs, json_real(spread->values[i]));
	return json_must(json_pack("{s:f, s:f, s:f, s:o}", "median", spread_median(spread), "min",
				   spread_min(spread), "max", spread_max(spread), "sorted", runs));
}

/* null: an adapter does not say, or the engine does not count it. */
static json_t *known(const struct contender *contender, enum counter counter, json_t *value)
{
	if (!contender->peer && (counter == NR_COUNTERS || contender->engine->counters[counter]))
		return json_must(value);
	json_decref(value);
	return json_null();
}

static void append_mark(json_t *options, const char *name, uint32_t value)
{
	json_array_append_new(options, json_must(json_sprintf("--%s=%u", name, value)));
}

/* The options that were passed on; of one contender, or, with NULL, of any. */
static json_t *options_array(const struct compare_options *o, const struct contender *contender)
{
	json_t *options = json_must(json_array());

	for (unsigned i = 0; i < o->nr_passed_on; i++)
		if (!contender || contender_takes(contender, &o->passed_on[i]))
			json_array_append_new(options,
					      json_must(json_printable(o->passed_on[i].text)));
	if (contender && contender->high)
		append_mark(options, "high", contender->high);
	if (contender && contender->batch)
		append_mark(options, "batch", contender->batch);
	return options;
}

/* A figure beside the baseline's; null: there is no baseline. */
static json_t *relation_object(const struct compare *compare, unsigned trace, unsigned number,
			       const struct row *row)
{
	const int baseline = compare->options->baseline;
	struct relation r;

	if (baseline < 0 || number == (unsigned)baseline)
		return json_null();
	row_relation(compare, trace, number, row, &r);
	if (r.verdict == VERDICT_UNKNOWN)
		return json_must(json_pack("{s:s, s:n, s:n, s:n, s:n}", "verdict",
					   verdict_name(r.verdict), "is", "value", "low", "high"));
	return json_must(json_pack("{s:s, s:s, s:f, s:f, s:f}", "verdict", verdict_name(r.verdict),
				   "is", r.is_ratio ? "ratio" : "difference", "value", r.value,
				   "low", r.low, "high", r.high));
}

static json_t *figures_array(const struct compare *compare, unsigned trace, unsigned number)
{
	const struct compare_options *o = compare->options;
	const struct contender *c = &o->contenders[number];
	const struct score *score = compare_score(compare, trace, number);
	json_t *figures = json_must(json_array());

	for (unsigned i = 0; i < nr_compare_rows; i++) {
		const struct row *row = &compare_rows[i];
		double value;
		bool is_known;

		if (!row->key || !row_shown(compare, trace, row))
			continue;
		is_known = row_value(row, c, score, &value);
		json_array_append_new(
			figures, json_must(json_pack(
					 "{s:s, s:o, s:s, s:o}", "figure", row->key, "value",
					 is_known ? json_must(json_real(value)) : json_null(),
					 "noise", noise_name(row_noise(o, row, c, score)), "beside",
					 relation_object(compare, trace, number, row))));
	}
	return figures;
}

/* null: this one. */
static json_t *build_object(const struct contender *contender)
{
	const struct build *build = contender->build;

	if (!build)
		return json_null();
	return json_must(json_pack("{s:s, s:o}", "name", build->name, "directory",
				   json_must(json_printable(build->directory))));
}

static json_t *contender_object(const struct compare *compare, unsigned trace, unsigned number)
{
	const struct compare_options *o = compare->options;
	const struct contender *contender = &o->contenders[number];
	const struct score *score = compare_score(compare, trace, number);
	json_t *object = json_must(json_pack(
		"{s:s, s:o, s:s, s:s?, s:o, s:b, s:o, s:o, s:o, s:I, s:o, s:o}", "name",
		contender->name, "build", build_object(contender), "engine",
		contender->engine ? contender->engine->name : contender->name, "free",
		contender_path(contender), "options", options_array(o, contender), "verified",
		score->verified, "million_per_second", spread_object(&score->rate),
		"zone_lock_per_million",
		known(contender, NR_COUNTERS, spread_object(&score->zone_lock)),
		"trylock_fail_per_million",
		known(contender, NR_COUNTERS, spread_object(&score->trylock)), "failed_allocs",
		(json_int_t)spread_max(&score->failed), "fail_while_free",
		known(contender, COUNTER_fail_while_free,
		      json_integer((json_int_t)spread_max(&score->fail_while_free))),
		"figures", figures_array(compare, trace, number)));

	/* The run with samples, whole: setup, paths, memory over time, verdict. */
	if (json_object_set(object, "sampled", score->sampled) != 0 ||
	    json_object_set_new(object, "stepped",
				score->stepped ? json_incref(score->stepped) : json_null()) != 0)
		die("out of memory");
	return object;
}

static json_t *trace_object(const struct compare *compare, unsigned trace)
{
	const struct compare_options *o = compare->options;
	const struct score *first = compare_score(compare, trace, 0);
	json_t *contenders = json_must(json_array());

	for (unsigned i = 0; i < o->nr_contenders; i++)
		json_array_append_new(contenders, contender_object(compare, trace, i));
	return json_must(json_pack("{s:o, s:I, s:I, s:I, s:I, s:b, s:o}", "trace",
				   json_must(json_printable(o->traces[trace])), "events",
				   (json_int_t)score_value(first, NULL, "events"), "operations",
				   (json_int_t)score_value(first, NULL, "operations"), "cpus",
				   (json_int_t)score_value(first, NULL, "cpus"), "memory",
				   (json_int_t)score_value(first, NULL, "memory"), "memory_guessed",
				   (int)compare_guessed(first), "contenders", contenders));
}

json_t *compare_object(const struct compare *compare)
{
	const struct compare_options *o = compare->options;
	json_t *traces = json_must(json_array());
	json_t *root = json_begin("compare", 1), *rest;

	for (unsigned trace = 0; trace < o->nr_traces; trace++)
		json_array_append_new(traces, trace_object(compare, trace));
	rest = json_must(json_pack("{s:s, s:I, s:b, s:o, s:s?, s:b, s:o}", "mode",
				   o->parallel ? "parallel" : "ordered", "runs",
				   (json_int_t)o->runs, "indicative", compare_indicative(o),
				   "options", options_array(o, NULL), "baseline",
				   o->baseline < 0 ? NULL : o->contenders[o->baseline].name,
				   "verified", compare_verified(compare), "traces", traces));
	json_add(root, rest);
	return root;
}

void compare_json(const struct compare *compare)
{
	json_t *report = compare_object(compare);

	json_write(report, compare->options->json, JSON_INDENT(1));
	json_decref(report);
}
