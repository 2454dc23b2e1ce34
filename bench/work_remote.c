/* SPDX-License-Identifier: MIT */
/*
 * work_remote.c - remote: one thread allocates, the other frees; or each frees what the other
 * allocates. What is still on its way at the end stays there: the process ends.
 */
#include "job.h"
#include "ring.h"

enum { STEPS = 64, ONE_WAY = 1 };

static uint64_t give_some(struct job *job, struct ring *ring)
{
	unsigned given = 0;

	for (; given < STEPS && ring_has_room(ring); given++)
		ring_give(ring, (struct bench_block){job_alloc(job, 0), 0});
	return given;
}

static uint64_t free_some(struct job *job, struct ring *ring)
{
	struct bench_block block;
	unsigned freed = 0;

	for (; freed < STEPS && ring_take(ring, &block); freed++)
		job->peer->free(block.block, block.order);
	return freed;
}

/* How many were freed. A thread with nothing to do looks at the clock and tries again. One that
 * frees goes on until it has freed something, for 0 is no measurement: the other gives at least
 * once, but it may be late on a busy machine. */
static uint64_t pass_until(struct worker *w, uint64_t end)
{
	struct ring *rings = w->own;
	bool both = w->job->what->parameter != ONE_WAY;
	bool frees = both || w->index == 1;
	uint64_t freed = 0;

	do {
		if (both || w->index == 0)
			give_some(w->job, &rings[w->index]);
		if (frees)
			freed += free_some(w->job, &rings[!w->index]);
	} while (now_ns() < end || (frees && !freed));
	return freed;
}

static void remote(struct worker *w)
{
	uint64_t freed;

	pass_until(w, now_ns() + w->job->length / 4);
	team_wait(w);
	watch_start(&w->watch);
	freed = pass_until(w, w->watch.wall + w->job->length);
	watch_stop(&w->watch);
	w->values[0] = (double)freed * 1000 / (double)w->watch.wall;
}

void work_remote(struct job *job)
{
	team_run(job, 2, remote, job_memory(job, 2 * sizeof(struct ring)));
}
