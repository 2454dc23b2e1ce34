/* SPDX-License-Identifier: MIT */
/*
 * worker.h - jobs on several processes: the virtual machine is one per process, and a job is
 * independent of all others, so each worker takes the next job when it is through with one.
 */
#ifndef LAB_WORKER_H
#define LAB_WORKER_H

#include "job.h"

/*
 * Runs all jobs; done() is called in the order of the jobs. reports[i] is the text of a finding.
 * Each job has options->seconds; or, if all together have total seconds (not 0), what each of those
 * that are left can have of the time that is left, so what one does not need the next ones get.
 */
bool workers_run(const struct job *jobs, unsigned nr, unsigned workers, double total,
		 const struct options *options, struct result *results, char **reports,
		 void (*done)(unsigned job));

#endif
