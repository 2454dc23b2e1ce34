/* SPDX-License-Identifier: MIT */
/*
 * work_storm.c - storm: signal handlers free on top of whatever their thread is doing.
 *
 * Each thread allocates a frame, puts it into a slot that all share, and frees what lay there. Each
 * has a timer whose handler takes what lies in some of the slots and frees it, on top of an
 * allocation or a free of the thread's.
 */
#include "job.h"
#include "tool/common/ticker.h"

enum { SLOTS = 256, TAKEN_AT_ONCE = 16, STEPS = 64, PERIOD_NS = 100000 };

/* A slot is a block + 1, so that memory of zeroes is empty slots. */
typedef _Atomic uint64_t slot;

struct storm {
	const struct bench_peer *peer;
	slot *slots;
	struct ticker ticker;
	/* The handler's alone while it may come. */
	volatile uint64_t handlers, freed;
	uint64_t at;
};

static bool free_slot(struct storm *storm, slot *place, uint64_t instead)
{
	uint64_t word = atomic_exchange(place, instead);

	if (word)
		storm->peer->free(word - 1, 0);
	return word != 0;
}

static void tick(void *context)
{
	struct storm *storm = context;

	for (unsigned i = 0; i < TAKEN_AT_ONCE; i++)
		storm->freed += free_slot(storm, &storm->slots[storm->at++ % SLOTS], 0);
	storm->handlers++;
}

static uint64_t steps_until(struct worker *w, struct storm *storm, uint64_t end)
{
	uint64_t operations = 0;

	do {
		for (unsigned i = 0; i < STEPS; i++) {
			slot *place = &storm->slots[random_scaled(&w->random, SLOTS)];

			operations += 1u + free_slot(storm, place, job_alloc(w->job, 0) + 1);
		}
	} while (now_ns() < end);
	return operations;
}

static void storm(struct worker *w)
{
	struct storm storm = {.peer = w->job->peer, .slots = w->own, .ticker.tick = tick};
	uint64_t operations, handlers, freed;

	storm.at = (uint64_t)w->index * (SLOTS / 2);
	storm.ticker.context = &storm;
	if (!ticker_start(&storm.ticker, PERIOD_NS))
		job_fail(w->job, "there is no timer for the handlers");
	steps_until(w, &storm, now_ns() + w->job->length / 4);
	team_wait(w);
	handlers = storm.handlers;
	freed = storm.freed;
	watch_start(&w->watch);
	operations = steps_until(w, &storm, w->watch.wall + w->job->length);
	watch_stop(&w->watch);
	ticker_stop(&storm.ticker);
	operations += storm.freed - freed;
	w->values[0] = (double)operations * 1000 / (double)w->watch.wall;
	w->values[1] = (double)(storm.handlers - handlers) * 1e6 / (double)w->watch.wall;
}

void work_storm(struct job *job)
{
	team_run(job, job->what->threads, storm, job_memory(job, SLOTS * sizeof(slot)));
}
