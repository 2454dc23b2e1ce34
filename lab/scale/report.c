/* SPDX-License-Identifier: MIT */
/* report.c - the counts for programs, and for people. */
#include <stdio.h>
#include <string.h>

#include <roost/roost.h>

#include "scale.h"
#include "tool/common/json.h"
#include "tool/common/printable_json.h"

const char *const kind_names[KINDS] = {"", "alloc", "free"};

/* ---- JSON ------------------------------------------------------------------------------- */

static json_t *counts_json(const struct counts *c)
{
	json_t *object = json_must(json_pack("{s:I}", "ops", (json_int_t)c->ops));

#define COUNT(name)                                                                                \
	json_object_set_new(object, #name, json_must(json_integer((json_int_t)c->name)));
	SCALE_COUNTS(COUNT)
#undef COUNT
	return object;
}

static json_t *peer_json(const struct peer *peer, const struct result *r)
{
	const char *error = peer->peer ? r->error : peer->reason;
	json_t *object = json_must(json_pack("{s:s}", "name", peer->name));

	if (error[0]) {
		json_object_set_new(object, "not_counted", json_must(json_string(error)));
		return object;
	}
	json_object_set_new(object, "cut", json_boolean(r->cut));
	for (unsigned kind = KIND_ALLOC; kind < KINDS; kind++)
		json_object_set_new(object, kind_names[kind], counts_json(&r->counts[kind]));
	return object;
}

static json_t *cases_json(const struct scale *s)
{
	const struct options *o = &s->options;
	json_t *cases = json_must(json_array()), *peers;

	for (unsigned w = 0; w < o->nr_works; w++)
		for (unsigned c = 0; c < o->nr_cpus; c++) {
			peers = json_must(json_array());
			for (unsigned p = 0; p < o->nr_peers; p++)
				json_array_append_new(
					peers, peer_json(&o->peers[p], &s->results[w][p][c]));
			json_array_append_new(
				cases, json_must(json_pack(
					       "{s:s, s:s, s:I, s:o}", "workload",
					       o->works[w]->name, "text", o->works[w]->text, "cpus",
					       (json_int_t)o->cpus[c], "peers", peers)));
		}
	return cases;
}

static double error_of(const struct calibration *c)
{
	return c->two > 0 ? 100 * (c->predicted - c->two) / c->two : 0;
}

static json_t *calibration_json(const struct scale *s)
{
	json_t *list = json_must(json_array());

	for (unsigned i = 0; i < s->nr_calibrations; i++) {
		const struct calibration *c = &s->calibrations[i];

		if (c->error[0])
			json_array_append_new(
				list,
				json_must(json_pack("{s:s, s:s, s:s}", "workload", c->work->name,
						    "name", c->peer, "not_measured", c->error)));
		else
			json_array_append_new(
				list,
				json_must(json_pack("{s:s, s:s, s:f, s:f, s:f, s:f, s:f}",
						    "workload", c->work->name, "name", c->peer,
						    "one_ns", c->one, "two_ns", c->two, "transfers",
						    c->transfers, "predicted_ns", c->predicted,
						    "error_percent", error_of(c))));
	}
	return json_must(json_pack("{s:f, s:i, s:o}", "transfer_ns", s->transfer, "runs",
				   CALIBRATE_RUNS, "workloads", list));
}

static json_t *peers_json(const struct options *o)
{
	json_t *list = json_must(json_array());

	for (unsigned i = 0; i < o->nr_peers; i++) {
		const struct peer *p = &o->peers[i];

		json_array_append_new(
			list,
			json_must(json_pack("{s:s, s:o}", "name", p->name, "version",
					    p->peer && p->peer->version
						    ? json_must(json_printable(p->peer->version))
						    : json_null())));
	}
	return list;
}

void scale_json(const struct scale *s, const char *path)
{
	const struct options *o = &s->options;
	json_t *report = json_begin("scale", SCALE_FORMAT);

	json_add(report,
		 json_must(json_pack("{s:b, s:s, s:I, s:I, s:I, s:o, s:o}", "modelled", true,
				     "version", ROOST_VERSION_STRING, "seed", (json_int_t)o->seed,
				     "ops", (json_int_t)o->ops, "latency", (json_int_t)o->latency,
				     "peers", peers_json(o), "cases", cases_json(s))));
	if (s->transfer > 0)
		json_object_set_new(report, "calibration", calibration_json(s));
	json_write(report, path, JSON_INDENT(1));
	json_decref(report);
}

/* ---- Text ------------------------------------------------------------------------------- */

enum { NAME = 22, FIGURE = 9 };

static const struct result *result_of(const struct scale *s, unsigned w, unsigned p, unsigned c)
{
	return &s->results[w][p][c];
}

static bool is_counted(const struct scale *s, unsigned w, unsigned p)
{
	for (unsigned c = 0; c < s->options.nr_cpus; c++)
		if (s->options.peers[p].peer && !result_of(s, w, p, c)->error[0])
			return true;
	return false;
}

/* As many digits as say something, and of zero none. */
static void print_figure(double value, bool cut)
{
	const int digits = value <= 0 || value >= 1000 ? 0 : value >= 10 ? 1 : 3;

	printf(" %*.*f%s", FIGURE - 2, digits, value, cut ? "~" : " ");
}

static void print_row(const struct scale *s, unsigned w, unsigned p, enum kind kind)
{
	const struct options *o = &s->options;

	printf("  %-*s", NAME - 2, o->peers[p].name);
	for (unsigned c = 0; c < o->nr_cpus; c++) {
		const struct result *r = result_of(s, w, p, c);
		const struct counts *counts = &r->counts[kind];

		if (!o->peers[p].peer || r->error[0])
			printf(" %*s ", FIGURE - 2, "-");
		else
			print_figure(scale_each(counts, counts_transfers(counts)), r->cut);
	}
	putchar('\n');
}

/* All counts of a row, with the most CPUs. */
static void print_detail(const struct scale *s, unsigned w, unsigned p, enum kind kind)
{
	const struct options *o = &s->options;
	const struct result *r = result_of(s, w, p, o->nr_cpus - 1);
	const struct counts *c = &r->counts[kind];

	printf("  %-*s", NAME - 2, o->peers[p].name);
	if (r->error[0]) {
		printf(" %s\n", r->error);
		return;
	}
#define COUNT(name) print_figure(scale_each(c, c->name), false);
	SCALE_COUNTS(COUNT)
#undef COUNT
	putchar('\n');
}

static bool has_kind(const struct scale *s, unsigned w, enum kind kind)
{
	for (unsigned p = 0; p < s->options.nr_peers; p++)
		for (unsigned c = 0; c < s->options.nr_cpus; c++)
			if (result_of(s, w, p, c)->counts[kind].ops)
				return true;
	return false;
}

static void print_kind(const struct scale *s, unsigned w, enum kind kind)
{
	const struct options *o = &s->options;
	char head[32];

	snprintf(head, sizeof(head), "%s, by CPUs", kind_names[kind]);
	printf("%-*s", NAME, head);
	for (unsigned c = 0; c < o->nr_cpus; c++)
		printf(" %*u ", FIGURE - 2, o->cpus[c]);
	putchar('\n');
	for (unsigned p = 0; p < o->nr_peers; p++)
		if (is_counted(s, w, p))
			print_row(s, w, p, kind);
	snprintf(head, sizeof(head), "%s, on %u", kind_names[kind], o->cpus[o->nr_cpus - 1]);
	printf("%-*s", NAME, head);
#define COUNT(name) printf(" %*.*s ", FIGURE - 2, FIGURE - 2, #name);
	SCALE_COUNTS(COUNT)
#undef COUNT
	putchar('\n');
	for (unsigned p = 0; p < o->nr_peers; p++)
		if (is_counted(s, w, p))
			print_detail(s, w, p, kind);
}

/* Why there are no figures; each reason of a peer once. */
static void print_uncounted(const struct scale *s, unsigned w)
{
	const struct options *o = &s->options;

	for (unsigned p = 0; p < o->nr_peers; p++) {
		const char *said = "";

		for (unsigned c = 0; o->peers[p].peer && c < o->nr_cpus; c++) {
			const char *error = result_of(s, w, p, c)->error;

			if (error[0] && strcmp(error, said) != 0)
				printf("  not counted: %s on %u CPUs: %s\n", o->peers[p].name,
				       o->cpus[c], error);
			said = error;
		}
	}
}

static bool is_cut(const struct scale *s)
{
	for (unsigned w = 0; w < s->options.nr_works; w++)
		for (unsigned p = 0; p < s->options.nr_peers; p++)
			for (unsigned c = 0; c < s->options.nr_cpus; c++)
				if (result_of(s, w, p, c)->cut)
					return true;
	return false;
}

static void print_calibration(const struct scale *s)
{
	printf("\ncalibration: a transfer takes %.1f ns; medians of %d runs, ns for an allocation "
	       "and its free\n%-*s %9s %9s %9s %9s %8s\n",
	       s->transfer, CALIBRATE_RUNS, NAME + 9, "", "1 thread", "2 threads", "transfers",
	       "predicted", "error");
	for (unsigned i = 0; i < s->nr_calibrations; i++) {
		const struct calibration *c = &s->calibrations[i];

		printf("  %-8s %-*s", c->work->name, NAME - 2, c->peer);
		if (c->error[0])
			printf(" not measured: %s\n", c->error);
		else
			printf(" %9.1f %9.1f %9.2f %9.1f %+6.0f %%\n", c->one, c->two, c->transfers,
			       c->predicted, error_of(c));
	}
}

void scale_text(const struct scale *s)
{
	const struct options *o = &s->options;

	printf("roost scale: modelled, seed %llu: transfers of cache lines for each operation\n",
	       (unsigned long long)o->seed);
	for (unsigned p = 0; p < o->nr_peers; p++)
		if (!o->peers[p].peer)
			printf("%s: not counted: %s\n", o->peers[p].name, o->peers[p].reason);
	for (unsigned w = 0; w < o->nr_works; w++) {
		printf("\n%s: %s\n", o->works[w]->name, o->works[w]->text);
		for (enum kind kind = KIND_ALLOC; kind < KINDS; kind++)
			if (has_kind(s, w, kind))
				print_kind(s, w, kind);
		print_uncounted(s, w);
	}
	if (is_cut(s))
		puts("\n~: with fewer turns, or a shorter warm-up, for there were 16 million "
		     "accesses");
	if (s->transfer > 0)
		print_calibration(s);
	fflush(stdout);
}
