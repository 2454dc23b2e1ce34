/* SPDX-License-Identifier: MIT */
/*
 * worker.h - jobs on several processes: the virtual machine is one per process, and a job is
 * independent of all others, so each worker takes the next job when it is through with one.
 */
#ifndef LAB_WORKER_H
#define LAB_WORKER_H

#include "job.h"

/* Runs all jobs; done() is called in the order of the jobs. reports[i] is the text of a find. */
bool workers_run(const struct job *jobs, unsigned nr, unsigned workers,
		 const struct options *options, struct result *results, char **reports,
		 void (*done)(unsigned job));

#endif
