/* SPDX-License-Identifier: MIT */
/*
 * work_pairs.c - repeat and order: one block is allocated and freed, again and again.
 */
#include "job.h"

enum { PAIRS = 256 }; /* between two looks at the clock */

static uint64_t pairs_until(struct job *job, unsigned order, uint64_t end)
{
	uint64_t pairs = 0;

	do {
		for (unsigned i = 0; i < PAIRS; i++)
			job->peer->free(job_alloc(job, order), order);
		pairs += PAIRS;
	} while (now_ns() < end);
	return pairs;
}

static void pairs(struct worker *w)
{
	const unsigned order = w->job->what->parameter;
	uint64_t count;

	pairs_until(w->job, order, now_ns() + w->job->length / 4);
	team_wait(w);
	watch_start(&w->watch);
	count = pairs_until(w->job, order, w->watch.wall + w->job->length);
	watch_stop(&w->watch);
	w->values[0] = (double)w->watch.wall / (double)count;
}

void work_pairs(struct job *job)
{
	team_run(job, job->what->threads, pairs, NULL);
}
