/* SPDX-License-Identifier: MIT */
/* report.h - what the explorer says. */
#ifndef LAB_REPORT_H
#define LAB_REPORT_H

#include "job.h"
#include "schedule.h"

/* A finding of which there are no columns. */
void report_words(const struct job *job, const struct result *result, FILE *out);
/* What no execution reached. */
void report_vacuous(const struct job *job, const struct result *result, FILE *out);
/* Which of the scenario's own locks and handlers met nobody; all: and what each context ran. */
void report_done(const struct job *job, const struct result *result, bool all);
/* The failure that the last (traced) execution ended with. */
void report_find(const struct job *job, const struct result *result,
		 const struct schedule *schedule, FILE *out);
/* The heads of the columns of report_result(): one line for a job. */
void report_head(void);
void report_result(const struct job *job, const struct result *result, bool judged);
void report_progress(const struct job *job, const struct result *result, double seconds);
/* Names of scenarios that expect nothing of the engine. */
void report_passed_over(const char *const *names, unsigned nr);

/* All that a report in JSON is made of. */
struct report {
	const struct job *jobs;
	const struct result *results;
	unsigned nr;
	const char *const *passed_over; /* names */
	unsigned nr_passed_over;
};

void report_json(const struct report *report, const char *path);

#endif
