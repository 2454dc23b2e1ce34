/* SPDX-License-Identifier: MIT */
/*
 * job.h - one scenario with one free path, explored within a budget.
 *
 *	1  random schedules (pct.h), a few: they find what is easy, and most words that are shared
 *	2  bounded: all executions with at most 0, then 1 preemptions (search.h)
 *	3  reduced, without a bound: first no load reads anything stale, then one may, two, four,
 * any
 *
 * The job is exhausted when the last pass of 3 is, or any pass from which no bound kept anything.
 */
#ifndef LAB_JOB_H
#define LAB_JOB_H

#include <limits.h>
#include <stdio.h>

#include "cover.h"
#include "scenario.h"

struct options {
	double seconds;	     /* for each job */
	uint64_t executions; /* likewise; 0: any number */
	bool sc, no_reduction, unbounded, verbose, progress;
	uint64_t pct, seed; /* pct: that many random schedules and nothing else */
	unsigned bound;	    /* do no more than the bounded search up to this; SEARCH_NO_BOUND */
	const char *save;   /* directory for schedules, or NULL */
	bool judged;	    /* an expected finding is not saved */
};

struct result {
	bool loaded;	   /* else the pool is refused, which was said */
	bool setup_failed; /* then nothing was explored */
	bool exhausted;
	enum failure_kind kind;
	char key[FAILURE_KEY], text[FAILURE_TEXT], lockdep[256];
	char saved[PATH_MAX]; /* the file of the schedule, of any bytes, or "" */
	char reached[64];     /* how far it came */
	uint64_t executions, redundant, cut, steps, choices, states;
	unsigned ends; /* different memories at the end of an execution */
	unsigned depth, shared, restarts, most_own;
	unsigned parts; /* that were given to other processes */
	double seconds;
	uint8_t cover[COVER_BITS / 8];
	struct notes notes;
	struct sights sights; /* the places that the finding is about */
	char warning
		[512]; /* of the scenario's own locks and handlers, those that met nobody; or "" */
	size_t report_size; /* text that follows */
};

struct job {
	const struct scenario *scenario;
	unsigned path; /* of the engine */
};

/* The report of a finding is written to out. */
void job_run(const struct job *job, const struct options *options, struct result *result,
	     FILE *out);
/* Does the result agree with the scenario's expectation? */
bool job_as_expected(const struct job *job, const struct result *result);

double now_s(void);

#endif
