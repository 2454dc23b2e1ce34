/* SPDX-License-Identifier: MIT */
/*
 * work_bulk.c - bulk, batch and rand: each thread has N frames.
 */
#include "job.h"

enum { BATCH = 64, PICKS = 256 };

/* N: half of the pool for all threads together, but no more than frames_most for one. */
static unsigned frames_of(const struct job *job)
{
	uint64_t frames = (job->what->bytes >> BENCH_FRAME_SHIFT) / 2 / job->what->threads;

	return frames < job->frames_most ? (unsigned)frames : job->frames_most;
}

/* ---- One by one ------------------------------------------------------------------------- */

static void alloc_all(struct job *job, struct bench_block *blocks, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		blocks[i].block = job_alloc(job, 0);
}

static void free_all(struct job *job, const struct bench_block *blocks, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		job->peer->free(blocks[i].block, 0);
}

/* ---- Many at once ----------------------------------------------------------------------- */

static void alloc_batches(struct job *job, struct bench_block *blocks, unsigned nr)
{
	uint64_t got[BATCH];
	size_t count;

	for (unsigned i = 0; i < nr; i += (unsigned)count) {
		count = job->peer->alloc_bulk(0, got, nr - i < BATCH ? nr - i : BATCH);
		if (!count)
			job_fail(job, "a call that takes many got no frame");
		for (unsigned j = 0; j < count; j++)
			blocks[i + j].block = got[j];
	}
}

static void free_batches(struct job *job, const struct bench_block *blocks, unsigned nr)
{
	for (unsigned i = 0; i < nr; i += BATCH)
		job->peer->free_bulk(&blocks[i], nr - i < BATCH ? nr - i : BATCH);
}

/* ---- In turns --------------------------------------------------------------------------- */

struct manner {
	void (*alloc)(struct job *job, struct bench_block *blocks, unsigned nr);
	void (*free)(struct job *job, const struct bench_block *blocks, unsigned nr);
};

static void bulk(struct worker *w)
{
	const struct manner *manner = w->own;
	const unsigned nr = frames_of(w->job);
	struct bench_block *blocks = job_memory(w->job, nr * sizeof(*blocks));
	uint64_t start, middle, end, alloc = 0, free = 0;
	unsigned turns = 0;

	manner->alloc(w->job, blocks, nr);
	manner->free(w->job, blocks, nr);
	team_wait(w);
	watch_start(&w->watch);
	end = w->watch.wall;
	do {
		start = end;
		manner->alloc(w->job, blocks, nr);
		middle = now_ns();
		manner->free(w->job, blocks, nr);
		end = now_ns();
		alloc += middle - start;
		free += end - middle;
		turns++;
	} while (end - w->watch.wall < w->job->length);
	watch_stop(&w->watch);
	w->values[0] = (double)alloc / turns / nr;
	w->values[1] = (double)free / turns / nr;
}

void work_bulk(struct job *job)
{
	static const struct manner manner = {alloc_all, free_all};

	team_run(job, job->what->threads, bulk, (void *)&manner);
}

void work_batch(struct job *job)
{
	static const struct manner manner = {alloc_batches, free_batches};

	team_run(job, job->what->threads, bulk, (void *)&manner);
}

/* ---- At random -------------------------------------------------------------------------- */

static uint64_t picks_until(struct worker *w, uint64_t *blocks, unsigned nr, uint64_t end)
{
	uint64_t picks = 0;

	do {
		for (unsigned i = 0; i < PICKS; i++) {
			uint64_t *block = &blocks[random_scaled(&w->random, nr)];

			w->job->peer->free(*block, 0);
			*block = job_alloc(w->job, 0);
		}
		picks += PICKS;
	} while (now_ns() < end);
	return picks;
}

static void rand_pairs(struct worker *w)
{
	const unsigned nr = frames_of(w->job);
	uint64_t *blocks = job_memory(w->job, nr * sizeof(*blocks));
	uint64_t count;

	for (unsigned i = 0; i < nr; i++)
		blocks[i] = job_alloc(w->job, 0);
	picks_until(w, blocks, nr, now_ns() + w->job->length);
	team_wait(w);
	watch_start(&w->watch);
	count = picks_until(w, blocks, nr, w->watch.wall + w->job->length);
	watch_stop(&w->watch);
	w->values[0] = (double)w->watch.wall / (double)count;
}

void work_rand(struct job *job)
{
	team_run(job, job->what->threads, rand_pairs, NULL);
}
