/* SPDX-License-Identifier: MIT */
/*
 * report.c - measures and writes down.
 *
 * Round after round, each peer has its turn; the first changes from round to round, so that what
 * disturbs the machine disturbs all. A peer that yields no figures in a case is not asked again in
 * that case: a crash or a hang is as good as certain to come back.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "job.h"
#include "tool/common/host.h"
#include "tool/common/json.h"
#include "tool/common/printable_json.h"
#include "tool/common/say.h"

#define OFF_CPU_MOST 0.05

static bool is_disturbed(const struct sample *sample, const struct bench_case *what)
{
	return !(what->workload->flags & (SHARES_CPUS | COUNTS)) &&
	       (sample->off_cpu > OFF_CPU_MOST || sample->switches > 0);
}

/* ---- Samples ---------------------------------------------------------------------------- */

static json_t *values_of(const struct sample *sample, const struct workload *workload)
{
	json_t *values = json_must(json_array());

	for (unsigned i = 0; i < workload_figures(workload); i++)
		json_array_append_new(values, isfinite(sample->values[i])
						      ? json_real(sample->values[i])
						      : json_null());
	return values;
}

/* Pairs of a bucket's largest value and a count, added to those that are there. */
static void add_histogram(json_t *peer, const char *key, const struct histogram *histogram)
{
	json_t *all = json_object_get(peer, key);
	char bound[32];

	if (!histogram->all)
		return;
	if (!all)
		json_object_set_new(peer, key, all = json_must(json_object()));
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		if (!histogram->counts[i])
			continue;
		snprintf(bound, sizeof(bound), "%llu", (unsigned long long)histogram_bound(i));
		json_object_set_new(all, bound,
				    json_integer(json_integer_value(json_object_get(all, bound)) +
						 (json_int_t)histogram->counts[i]));
	}
}

static void add_sample(json_t *peer, const struct sample *sample, const struct bench_case *what,
		       unsigned round, bool kept)
{
	json_array_append_new(
		json_object_get(peer, "samples"),
		json_must(json_pack("{s:I, s:b, s:b, s:f, s:I, s:o}", "round", (json_int_t)round,
				    "kept", kept, "disturbed", is_disturbed(sample, what),
				    "off_cpu", sample->off_cpu, "switches",
				    (json_int_t)sample->switches, "values",
				    values_of(sample, what->workload))));
	if (!kept)
		return;
	if (sample->note[0])
		json_object_set_new(peer, "note", json_must(json_string(sample->note)));
	add_histogram(peer, "free_ns", &sample->free);
	add_histogram(peer, "empty_ns", &sample->empty);
}

/* A disturbed one is repeated; the last is kept as it is. */
static void take_samples(json_t *peer, struct sample *sample, const struct bench_options *options,
			 const struct bench_peer *with, const struct bench_case *what,
			 unsigned round)
{
	for (unsigned try = 1;; try++) {
		bool kept;

		if (!sample_take(sample, options, with, what, round)) {
			json_object_set_new(peer, "not_measured",
					    json_must(json_string(sample->error)));
			return;
		}
		kept = try >= options->tries || !is_disturbed(sample, what);
		add_sample(peer, sample, what, round, kept);
		if (kept)
			return;
	}
}

/* ---- Cases ------------------------------------------------------------------------------ */

static json_t *peer_start(const struct peer *peer, const struct workload *workload)
{
	const char *reason = peer_cannot(peer, workload);

	if (reason)
		return json_must(
			json_pack("{s:s, s:s}", "name", peer->name, "not_measured", reason));
	return json_must(json_pack("{s:s, s:[]}", "name", peer->name, "samples"));
}

static void peer_finish(json_t *peer, const struct workload *workload)
{
	json_t *figures = json_must(json_array());
	struct summary s;

	for (unsigned i = 0; i < workload_figures(workload); i++)
		json_array_append_new(
			figures, summary_make(&s, peer, i)
					 ? json_must(json_pack(
						   "{s:f, s:f, s:f, s:f, s:f, s:I, s:b}", "median",
						   s.median, "min", s.min, "max", s.max, "q1", s.q1,
						   "q3", s.q3, "samples", (json_int_t)s.samples,
						   "disturbed", s.disturbed))
					 : json_null());
	json_object_set_new(peer, "figures", figures);
}

static json_t *case_figures(const struct bench_case *what)
{
	json_t *figures = json_must(json_array()), *figure, *target;
	char row[ROW_NAME_MAX];

	for (unsigned i = 0; i < workload_figures(what->workload); i++) {
		const struct figure *f = &what->workload->figures[i];

		snprintf(row, sizeof(row), "%s:%s", what->name, f->name);
		figure = json_must(json_pack("{s:s, s:s, s:b}", "name", f->name, "unit", f->unit,
					     "more_is_better", f->more_is_better));
		target = target_of(row);
		if (target)
			json_object_set_new(figure, "target", target);
		json_array_append_new(figures, figure);
	}
	return figures;
}

static json_t *case_object(const struct bench_case *what, json_t *peers)
{
	const struct workload *w = what->workload;
	json_t *object = json_must(json_pack(
		"{s:s, s:s, s:s, s:I, s:I, s:o, s:o}", "name", what->name, "workload", w->name,
		"text", w->text, "size", (json_int_t)what->bytes, "threads",
		(json_int_t)what->threads, "figures", case_figures(what), "peers", peers));

	if (w->series)
		json_object_set_new(object, "series", json_must(json_string(w->series)));
	if (w->parameters)
		json_object_set_new(object, "parameter", json_integer(what->parameter));
	return object;
}

static unsigned rounds_of(const struct bench_options *options, const struct workload *workload)
{
	return (workload->flags & COUNTS) && !options->rounds_given ? 1 : options->rounds;
}

static json_t *measure_case(const struct bench_options *options, struct sample *sample,
			    const struct bench_case *what)
{
	const struct peers *all = &options->peers;
	json_t *peers = json_must(json_array()), *peer;

	for (unsigned i = 0; i < all->nr; i++)
		json_array_append_new(peers, peer_start(&all->list[i], what->workload));
	for (unsigned round = 0; round < rounds_of(options, what->workload); round++)
		for (unsigned i = 0; i < all->nr; i++) {
			unsigned turn = (round + i) % all->nr;

			peer = json_array_get(peers, turn);
			if (!json_object_get(peer, "not_measured"))
				take_samples(peer, sample, options, all->list[turn].peer, what,
					     round);
		}
	for (unsigned i = 0; i < all->nr; i++) {
		peer = json_array_get(peers, i);
		if (json_object_get(peer, "samples"))
			peer_finish(peer, what->workload);
	}
	return case_object(what, peers);
}

static json_t *measure_all(const struct bench_options *options)
{
	json_t *cases = json_must(json_array());
	struct sample *sample = sample_memory();
	struct bench_case *list = NULL;
	unsigned nr = 0;
	struct bar bar;

	for (unsigned i = 0; i < options->nr_workloads; i++) {
		const struct workload *w = options->workloads[i];

		list = grow(list, nr + cases_of(options, w, NULL), sizeof(*list));
		nr += cases_of(options, w, list + nr);
	}
	bar_open(&bar, "measuring", !options->quiet);
	for (unsigned i = 0; i < nr; i++) {
		bar_show(&bar, i, nr);
		json_array_append_new(cases, measure_case(options, sample, &list[i]));
	}
	bar_close(&bar);
	free(list);
	return cases;
}

/* ---- The whole -------------------------------------------------------------------------- */

static json_t *list_peers(const struct peers *peers)
{
	json_t *list = json_must(json_array()), *peer;

	for (unsigned i = 0; i < peers->nr; i++) {
		const struct peer *p = &peers->list[i];

		peer = json_must(json_pack("{s:s, s:o?}", "name", p->name, "version",
					   p->peer && p->peer->version
						   ? json_must(json_printable(p->peer->version))
						   : NULL));
		if (!p->peer)
			json_object_set_new(peer, "not_measured",
					    json_must(json_string(p->reason)));
		json_array_append_new(list, peer);
	}
	return list;
}

static json_t *list_words(int argc, char **argv)
{
	json_t *words = json_must(json_array());

	for (int i = 0; i < argc; i++)
		json_array_append_new(words, json_must(json_printable(argv[i])));
	return words;
}

json_t *report_make(const struct bench_options *options, int argc, char **argv)
{
	json_t *report = json_begin("bench", BENCH_VERSION);

	json_add(report,
		 json_must(json_pack(
			 "{s:b, s:b, s:o, s:o, s:o, s:{s:I, s:I, s:I}, s:o}", "quick",
			 options->quick, "indicative", options->rounds < BENCH_FIRM_ROUNDS,
			 "machine", json_must(host_describe()), "versions",
			 json_must(machine_versions()), "command", list_words(argc, argv),
			 "settings", "rounds", (json_int_t)options->rounds, "tries",
			 (json_int_t)options->tries, "timeout", (json_int_t)options->timeout,
			 "peers", list_peers(&options->peers))));

	json_object_set_new(report, "cases", measure_all(options));
	return report;
}

json_t *report_read(const char *path)
{
	json_error_t error;
	json_t *report = json_load_file(path, 0, &error);

	if (!report)
		die("%s: cannot be read as JSON: %s", path, error.text);
	/* Reports older than the versions say "format": 1. */
	if ((!json_is(report, "bench", BENCH_VERSION) &&
	     json_integer_value(json_object_get(report, "format")) != 1) ||
	    !json_is_array(json_object_get(report, "cases")))
		die("%s: is no report of `roost bench --json` of this format", path);
	return report;
}
