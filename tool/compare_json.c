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

/* null: an adapter does not say. */
static json_t *known(const struct contender *contender, json_t *value)
{
	if (!contender->peer)
		return json_must(value);
	json_decref(value);
	return json_null();
}

/* The options that were passed on; of one contender, or, with NULL, of any. */
static json_t *options_array(const struct compare_options *o, const struct contender *contender)
{
	json_t *options = json_must(json_array());

	for (unsigned i = 0; i < o->nr_passed_on; i++)
		if (!contender || contender_takes(contender, &o->passed_on[i]))
			json_array_append_new(options,
					      json_must(json_printable(o->passed_on[i].text)));
	return options;
}

static json_t *contender_object(const struct compare_options *o, const struct contender *contender,
				const struct score *score)
{
	json_t *object = json_must(json_pack(
		"{s:s, s:s, s:s?, s:o, s:b, s:o, s:o, s:o, s:I, s:o}", "name", contender->name,
		"engine", contender->engine ? contender->engine->name : contender->name, "free",
		contender_path(contender), "options", options_array(o, contender), "verified",
		score->verified, "million_per_second", spread_object(&score->rate),
		"zone_lock_per_million", known(contender, spread_object(&score->zone_lock)),
		"trylock_fail_per_million", known(contender, spread_object(&score->trylock)),
		"failed_allocs", (json_int_t)score->failed_allocs, "fail_while_free",
		known(contender, json_integer((json_int_t)score->fail_while_free))));

	/* The run with samples, whole: setup, paths, memory over time, verdict. */
	if (json_object_set(object, "sampled", score->sampled) != 0)
		die("out of memory");
	return object;
}

static json_t *trace_object(const struct compare *compare, unsigned trace)
{
	const struct compare_options *o = compare->options;
	const struct score *first = compare_score(compare, trace, 0);
	json_t *contenders = json_must(json_array());

	for (unsigned i = 0; i < o->nr_contenders; i++)
		json_array_append_new(
			contenders,
			contender_object(o, &o->contenders[i], compare_score(compare, trace, i)));
	return json_must(json_pack("{s:o, s:I, s:I, s:I, s:I, s:b, s:o}", "trace",
				   json_must(json_printable(o->traces[trace])), "events",
				   (json_int_t)score_value(first, NULL, "events"), "operations",
				   (json_int_t)score_value(first, NULL, "operations"), "cpus",
				   (json_int_t)score_value(first, NULL, "cpus"), "memory",
				   (json_int_t)score_value(first, NULL, "memory"), "memory_guessed",
				   (int)compare_guessed(first), "contenders", contenders));
}

void compare_json(const struct compare *compare)
{
	const struct compare_options *o = compare->options;
	json_t *traces = json_must(json_array());
	json_t *root = json_begin("compare", 1), *rest;

	for (unsigned trace = 0; trace < o->nr_traces; trace++)
		json_array_append_new(traces, trace_object(compare, trace));
	rest = json_must(json_pack(
		"{s:s, s:I, s:b, s:o, s:b, s:o}", "mode", o->parallel ? "parallel" : "ordered",
		"runs", (json_int_t)o->runs, "indicative", compare_indicative(o), "options",
		options_array(o, NULL), "verified", compare_verified(compare), "traces", traces));
	json_add(root, rest);
	json_write(root, o->json, JSON_INDENT(1));
	json_decref(root);
}
