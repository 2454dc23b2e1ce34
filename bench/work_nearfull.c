/* SPDX-License-Identifier: MIT */
/*
 * work_nearfull.c - nearfull: 64 frames are free, somewhere in the pool.
 *
 * To fill a pool of 1 TiB frame by frame would take seconds and tell no more. So it is filled with
 * pageblocks; 4096 random ones of these, or all if there are fewer, are given back and become
 * single frames, of which 64 random ones are then freed.
 */
#include "job.h"

enum { CALLS = 256, BROKEN_UP = 4096 };

#define FREE_FRAMES UINT64_C(64)
#define HUGE_FRAMES (UINT64_C(1) << BENCH_HUGE_ORDER)

struct full {
	uint64_t *frames; /* taken singly */
	uint64_t nr;
	struct histogram alloc, free; /* in ticks */
};

static uint64_t take_random(struct worker *w, uint64_t *blocks, uint64_t *nr)
{
	uint64_t i = random_scaled(&w->random, *nr), block = blocks[i];

	blocks[i] = blocks[--*nr];
	return block;
}

static uint64_t fill(struct job *job, unsigned order, uint64_t *blocks, uint64_t room)
{
	uint64_t nr = 0, block;

	while (nr < room && (block = job->peer->alloc(order)) != BENCH_NONE)
		blocks[nr++] = block;
	return nr;
}

static void make_full(struct worker *w, struct full *full)
{
	struct job *job = w->job;
	const uint64_t room = job->what->bytes >> BENCH_FRAME_SHIFT >> BENCH_HUGE_ORDER;
	const uint64_t broken = room < BROKEN_UP ? room : BROKEN_UP;
	uint64_t *huge = job_memory(job, room * sizeof(*huge));
	uint64_t nr = fill(job, BENCH_HUGE_ORDER, huge, room);

	full->frames = job_memory(job, broken * HUGE_FRAMES * sizeof(*full->frames));
	for (uint64_t i = 0; i < broken && nr > 0; i++)
		job->peer->free(take_random(w, huge, &nr), BENCH_HUGE_ORDER);
	full->nr = fill(job, 0, full->frames, broken * HUGE_FRAMES);
	if (full->nr < 2 * FREE_FRAMES || job->peer->alloc(0) != BENCH_NONE)
		job_fail(job, "the pool could not be filled");
	for (uint64_t i = 0; i < FREE_FRAMES; i++)
		job->peer->free(take_random(w, full->frames, &full->nr), 0);
}

static void exchange_until(struct worker *w, struct full *full, uint64_t end)
{
	uint64_t t0, t1, t2;

	do {
		for (unsigned i = 0; i < CALLS; i++) {
			uint64_t *other = &full->frames[random_scaled(&w->random, full->nr)], block;

			t0 = ticks();
			block = job_alloc(w->job, 0);
			t1 = ticks();
			w->job->peer->free(*other, 0);
			t2 = ticks();
			*other = block;
			histogram_add(&full->alloc, t1 - t0);
			histogram_add(&full->free, t2 - t1);
		}
	} while (now_ns() < end);
}

static void nearfull(struct worker *w)
{
	struct full *full = job_memory(w->job, sizeof(*full));
	uint64_t t0;
	double tick;

	make_full(w, full);
	exchange_until(w, full, now_ns() + w->job->length / 4);
	full->alloc = full->free = (struct histogram){0};
	team_wait(w);
	watch_start(&w->watch);
	t0 = ticks();
	exchange_until(w, full, w->watch.wall + w->job->length);
	t0 = ticks() - t0;
	watch_stop(&w->watch);
	tick = (double)w->watch.wall / (double)t0;
	w->values[0] = (double)histogram_quantile(&full->alloc, 0.5) * tick;
	w->values[1] = (double)histogram_quantile(&full->alloc, 0.999) * tick;
	w->values[2] = (double)histogram_quantile(&full->free, 0.5) * tick;
	w->values[3] = (double)histogram_quantile(&full->free, 0.999) * tick;
}

void work_nearfull(struct job *job)
{
	team_run(job, 1, nearfull, NULL);
}
