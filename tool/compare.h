/* SPDX-License-Identifier: MIT */
/*
 * compare.h - each trace on each engine and free path, side by side.
 *
 * A contender is an engine with one of its free paths. Each replay is a program of its own. The
 * contenders take turns, so that what disturbs the machine disturbs all of them:
 *
 *   roost-timing-ENGINE --timing    times and counts: no stamps, no samples, the engine as programs
 *                                   link it; what the loop itself takes is taken off
 *   roost-replay-ENGINE --samples   once: memory over time; it also proves every frame
 */
#ifndef TOOL_COMPARE_H
#define TOOL_COMPARE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tool/common/engine.h"

enum {
	COMPARE_CONTENDERS = 8,
	COMPARE_FIRM_RUNS = 7, /* with fewer, the times say little */
	COMPARE_MAX_RUNS = 1000,
	COMPARE_PASSED_ON = 8, /* most options for the replays */
};

struct contender {
	const struct engine *engine; /* NULL: by an adapter */
	const char *peer;	     /* the adapter's file, or NULL */
	unsigned path;
	char name[32]; /* "pcpbuddy/llist", or the engine's name if it has one path */
};

/* An option for the replays, "--memory=1G", which the replay checks. */
struct passed_on {
	char *text;
	bool (*has)(const struct contender *contender); /* NULL: every engine has it */
	const char *lack; /* what engines without it do not have, "check levels" */
};

struct compare_options {
	struct contender contenders[COMPARE_CONTENDERS];
	unsigned nr_contenders;
	const char **traces; /* in argv */
	unsigned nr_traces;
	unsigned runs;
	bool parallel, quiet;
	const char *high, *batch;  /* as given, or NULL */
	const char *json, *output; /* files, as in struct args_common, or NULL */
	struct passed_on passed_on[COMPARE_PASSED_ON];
	unsigned nr_passed_on;
};

/* argv[0] is "compare". Ends the program on --help and on errors. */
void compare_parse(struct compare_options *options, int argc, char **argv);

/* The free path; NULL: the engine has only one. */
const char *contender_path(const struct contender *contender);

/* Is the option for this contender's replays? */
bool contender_takes(const struct contender *contender, const struct passed_on *option);

/* A figure over the runs, sorted. */
struct spread {
	double values[COMPARE_MAX_RUNS];
	unsigned nr;
};

double spread_median(const struct spread *spread);
double spread_min(const struct spread *spread);
double spread_max(const struct spread *spread);

/* One contender on one trace. */
struct score {
	struct spread rate;	 /* operations per second of the allocator's, in millions */
	struct spread zone_lock; /* acquisitions per million operations */
	struct spread trylock;	 /* try-locks that failed per million operations */
	uint64_t fail_while_free, failed_allocs; /* most in a run */
	bool verified;				 /* all runs */
	json_t *sampled;			 /* the report of the run with samples */
};

struct compare {
	const struct compare_options *options;
	struct score *scores; /* [trace * nr_contenders + contender] */
};

const struct score *compare_score(const struct compare *compare, unsigned trace,
				  unsigned contender);

/* A number in the report of the run with samples: a member of the series; series NULL: of the
 * report itself. */
double score_value(const struct score *score, const char *series, const char *key);
/* Is the size of the memory a guess from the trace? */
bool compare_guessed(const struct score *score);

bool compare_verified(const struct compare *compare);

/* `roost compare`: the exit status. argv[0] is "compare". */
int compare_main(int argc, char **argv);

/* On stdout, and where --json says. */
void compare_text(const struct compare *compare);
void compare_json(const struct compare *compare);

/* There are so few runs that the times say little. */
bool compare_indicative(const struct compare_options *options);

/* After gnuplot_check(). */
bool compare_plot(const struct compare *compare, char error[]);

/* ---- One replay ------------------------------------------------------------------------- */

/* Returns the report of a replay, which the caller releases. Ends the program if there is none: the
 * replay has printed what is wrong with the trace or the options. */
json_t *compare_replay(const struct compare_options *options, const struct contender *contender,
		       const char *trace, bool timing);

#endif
