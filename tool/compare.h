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
 *   roost-replay-ENGINE --instructions  once more, if it is asked for
 */
#ifndef TOOL_COMPARE_H
#define TOOL_COMPARE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "tool/common/args.h"
#include "tool/common/engine.h"
#include "tool/common/program.h"

enum {
	COMPARE_CONTENDERS = 16,
	COMPARE_BUILDS = 4,
	COMPARE_NAME = 16,     /* letters of a name that the user gives */
	COMPARE_FIRM_RUNS = 7, /* with fewer, the times say little */
	COMPARE_MAX_RUNS = 1000,
	COMPARE_PASSED_ON = 10, /* most options for the replays */
};

/* Another build of roost. */
struct build {
	char name[COMPARE_NAME + 1];
	const char *directory; /* of its programs */
};

struct contender {
	const struct build *build;   /* NULL: this one */
	const struct engine *engine; /* NULL: by an adapter */
	const char *peer;	     /* the adapter's file, or NULL */
	unsigned path;
	uint32_t high, batch; /* marks of its own; 0: none */
	char name[96];	      /* "pcpbuddy/llist", or the engine's name if it has one path; of
			       * another build "NAME:pcpbuddy/llist"; "pcpbuddy/llist+high=64" */
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
	struct build builds[COMPARE_BUILDS];
	unsigned nr_builds;
	const char **lists; /* of --engines, in argv */
	unsigned nr_lists;
	const char **traces; /* in argv */
	unsigned nr_traces;
	unsigned runs;
	int baseline; /* a contender, or -1 */
	bool parallel, quiet, instructions;
	const char *high, *batch, *baseline_name; /* as given, or NULL */
	const char *json, *output, *html;	  /* files, as in struct args_common, or NULL */
	char *command;				  /* of a shell, that runs all this */
	struct passed_on passed_on[COMPARE_PASSED_ON];
	unsigned nr_passed_on;
};

/* argv[0] is "compare". Ends the program on --help and on errors. */
void compare_parse(struct compare_options *options, int argc, char **argv);

/* What --build=TEXT, all of --engines, and --peer=TEXT name, in that order. They end the program on
 * errors. */
void compare_add_build(struct compare_options *options, const char *text);
void compare_add_engines(struct compare_options *options);
void compare_add_peer(struct compare_options *options, const char *text);

void build_program(char path[PROGRAM_MAX], const struct build *build, const char *command,
		   const char *engine);

/* The free path; NULL: the engine has only one. */
const char *contender_path(const struct contender *contender);

/* Is the option for this contender's replays? */
bool contender_takes(const struct contender *contender, const struct passed_on *option);

/* Can its instructions under the zone lock be counted? */
bool contender_steps(const struct contender *contender);

/* A figure over the runs, or over those and the run with samples: by round, and sorted. */
struct spread {
	double rounds[COMPARE_MAX_RUNS + 1], values[COMPARE_MAX_RUNS + 1];
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
	struct spread zone_waits, zone_trylock, pcp_trylock; /* the same, by lock */
	struct spread failed, fail_while_free; /* allocations; the run with samples as well */
	bool verified;			       /* all runs */
	json_t *sampled;		       /* the report of the run with samples */
	json_t *stepped; /* of the one that counts instructions; NULL: there is none */
};

struct compare {
	const struct compare_options *options;
	struct score *scores; /* [trace * nr_contenders + contender] */
};

const struct score *compare_score(const struct compare *compare, unsigned trace,
				  unsigned contender);

/* A number in a report: a member of an object in it; part NULL: of the report itself. */
double report_value(const json_t *report, const char *part, const char *key);
bool report_has(const json_t *report, const char *part, const char *key);
/* One of such a member that is an array; false: there is none. */
bool report_item(const json_t *report, const char *part, const char *key, unsigned index,
		 double *value);
/* A number in that of the run with samples. */
double score_value(const struct score *score, const char *part, const char *key);
/* Is the size of the memory a guess from the trace? */
bool compare_guessed(const struct score *score);

bool compare_verified(const struct compare *compare);

/* ---- Figures ---------------------------------------------------------------------------- */

/* One comes from one of three: the spread over the runs, a member of the report, or a function. */
struct row {
	const char *key; /* in JSON; NULL: not there, nor beside the baseline */
	const char *text;
	int decimals;
	double (*of)(const struct spread *spread);
	size_t spread;		   /* where in struct score */
	const char *part, *member; /* of the report of the run with samples, or see stepped */
	unsigned item;		   /* 1 + the index, if the member is an array */
	double (*figure)(const struct score *score);
	const char *zero; /* what 0 means; NULL: 0 */
	unsigned counter; /* 1 + enum counter: not known of an engine without it; 0: of all */
	bool of_peers;	  /* known of an adapter's as well */
	bool timed;
	bool stepped;  /* of the replay that counts instructions */
	bool set_up;   /* before the replay, which does not change it */
	bool of_locks; /* nothing if an engine has no zone lock */
	bool if_any;   /* left out where all have 0 */
};

extern const struct row compare_rows[];
extern const unsigned nr_compare_rows;

/* Does any contender have what the row is about? */
bool row_shown(const struct compare *compare, unsigned trace, const struct row *row);

/* False: unknown. */
bool row_value(const struct row *row, const struct contender *contender, const struct score *score,
	       double *value);

/* How far a figure can be trusted, best first: a count that is the same in each run; one that
 * varies from run to run; of one run, and others would differ. */
enum noise { NOISE_EXACT, NOISE_RUNS, NOISE_ONCE };

enum noise row_noise(const struct compare_options *options, const struct row *row,
		     const struct contender *contender, const struct score *score);
const char *noise_name(enum noise noise);

enum verdict {
	VERDICT_UNKNOWN, /* one of the two is */
	VERDICT_SAME,	 /* exactly */
	VERDICT_WITHIN,	 /* the spread of the runs: it may be nothing */
	VERDICT_LESS,
	VERDICT_MORE,
	VERDICT_FEW_RUNS, /* to tell */
	VERDICT_ONE_RUN,  /* so that the difference may be noise */
};

const char *verdict_name(enum verdict verdict);

/* A figure beside that of the baseline. */
struct relation {
	enum verdict verdict;
	enum noise noise; /* of the worse */
	bool is_ratio;	  /* else a difference: the baseline's is 0 */
	bool few;
	double value, low, high; /* over the runs: the median of the rounds, and what holds it */
};

/* options->baseline is one. */
void row_relation(const struct compare *compare, unsigned trace, unsigned contender,
		  const struct row *row, struct relation *relation);

/* `roost compare`: the exit status. argv[0] is "compare". */
int compare_main(int argc, char **argv);

/* On stdout, and where --json and --html say. */
void compare_text(const struct compare *compare);
void compare_json(const struct compare *compare);
void compare_html(const struct compare *compare);

/* ---- Shared by the reports -------------------------------------------------------------- */

enum { ROW_CELL = 64 };

/* A figure, and how it stands beside the baseline's; in text, or a constant. */
const char *row_cell(char text[ROW_CELL], const struct compare *compare, unsigned trace,
		     unsigned contender, const struct row *row);
const char *relation_cell(char text[ROW_CELL], const struct relation *relation);

/* What is known least well; of engines, if there are any. */
enum noise row_worst_noise(const struct compare *compare, unsigned trace, const struct row *row);

/* Lines about all of it, before and after the tables, and about one trace. */
void compare_write_begin(FILE *out, const struct compare_options *options);
void compare_write_end(FILE *out, const struct compare_options *options);
void compare_write_setup(FILE *out, const struct compare *compare, unsigned trace);

/* The report of --json; the caller releases it. */
json_t *compare_object(const struct compare *compare);

/* There are so few runs that the times say little. */
bool compare_indicative(const struct compare_options *options);

/* ---- Pictures --------------------------------------------------------------------------- */

extern const unsigned nr_compare_panels;
const char *compare_panel_title(unsigned panel);

/* Part of a script for gnuplot: one panel, without its title. */
void compare_panel(FILE *out, const struct compare *compare, unsigned trace, unsigned panel);

/* After gnuplot_check(). */
bool compare_plot(const struct compare *compare, char error[]);

/* ---- One replay ------------------------------------------------------------------------- */

enum replay_kind { REPLAY_TIMES, REPLAY_SAMPLES, REPLAY_INSTRUCTIONS };

/* Returns the report of a replay, which the caller releases. Ends the program if there is none: the
 * replay has printed what is wrong with the trace or the options. */
json_t *compare_replay(const struct compare_options *options, const struct contender *contender,
		       const char *trace, enum replay_kind kind);

#endif
