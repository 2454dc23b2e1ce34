/* SPDX-License-Identifier: MIT */
/*
 * bench.h - the benchmark, seen from the process that directs it.
 *
 * What is measured becomes a report in JSON at once. The table, the plot and the comparison are
 * made from a report, this run's or another's: docs/json.md describes it.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "peers.h"
#include "workload.h"

enum {
	BENCH_VERSION = 1,     /* of the report */
	BENCH_FIRM_ROUNDS = 7, /* with fewer the figures are indicative */
	BENCH_MAX_ROUNDS = 999,
	BENCH_LIST = 8, /* sizes, threads */
	BENCH_WORKLOADS = 32,
	ROW_NAME_MAX = CASE_NAME_MAX + 32,
};

struct bench_options {
	const struct workload *workloads[BENCH_WORKLOADS];
	unsigned nr_workloads;
	uint64_t sizes[BENCH_LIST];
	unsigned nr_sizes;
	unsigned threads[BENCH_LIST];
	unsigned nr_threads;
	struct peers peers;
	unsigned rounds, tries, timeout; /* timeout: seconds for a sample */
	bool quick, list, quiet, sizes_given, rounds_given;
	const char *json, *output, *compare; /* files, or NULL */
	const char *report;		     /* of another run: nothing is measured */
};

/* argv[0] is "bench". Ends the program on --help and on what makes no sense. */
void bench_parse(struct bench_options *options, int argc, char **argv);

/* All cases of a workload: how many; none are written where out is NULL. */
unsigned cases_of(const struct bench_options *options, const struct workload *workload,
		  struct bench_case *out);

/* ---- Measuring -------------------------------------------------------------------------- */

struct sample;

/* Takes one sample in a process of its own. False: sample->error says why there are no figures. */
bool sample_take(struct sample *sample, const struct bench_options *options,
		 const struct bench_peer *peer, const struct bench_case *what, unsigned round);

/* Memory that such processes share with this one. */
struct sample *sample_memory(void);

/* The report; command is what the program was called with. */
json_t *report_make(const struct bench_options *options, int argc, char **argv);
json_t *report_read(const char *path);

/* What is known of what was built. */
json_t *machine_versions(void);

/* What the project wants to reach: {"at_most": 20} or {"at_least": 90}, or NULL. */
json_t *target_of(const char *row);

/* ---- Figures of a report ---------------------------------------------------------------- */

struct summary {
	double median, min, max, q1, q3;
	unsigned samples;
	bool disturbed; /* too few samples were undisturbed: all count */
};

/* Of the peer's samples in a case. False: there are none. */
bool summary_make(struct summary *summary, const json_t *peer, size_t figure);

/* The member of a list whose "name" is so, or NULL. */
json_t *find_named(const json_t *list, const char *name);

void row_name(char name[ROW_NAME_MAX], const json_t *what, const json_t *figure);

/* ---- What is made of a report ----------------------------------------------------------- */

void bench_text(const json_t *report);

/* In the descriptor of gnuplot_open(), which it closes. */
bool bench_plot(const json_t *report, const char *path, char error[]);

/* Compares and says so on stdout; puts the verdicts into the report as "comparison". True: nothing
 * is slower. */
bool bench_compare(json_t *report, const json_t *old, const char *old_path, bool say);

#endif
