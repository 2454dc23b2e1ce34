/* SPDX-License-Identifier: MIT */
/*
 * work_churn.c - frag, by iterations: how many free 2 MiB blocks churn in batches leaves over time.
 *
 * The pool starts compact (filled up to the occupancy) or shuffled (filled altogether, then freed
 * at random down to the occupancy). A batch frees a random hundredth of the blocks, and then
 * allocates as much; ten batches are an iteration. Nothing that is freed comes back at once, as it
 * does where frees and allocations take turns: each batch has to find places.
 *
 * Blocks in use never move. A block that was there at the start is there after n batches with
 * probability 0.99^n, so for an allocator without foresight no placement brings the single frames
 * of a shuffled pool down before some 80 iterations are over: docs/benchmarks.md.
 *
 * A seed decides all, so these are counts. At an iteration that is reported CPUs first give back
 * what they keep.
 */
#include "job.h"

enum { BATCHES = 10, PART = 100, LARGEST = 1 << 3 };

static const unsigned reported[WORKLOAD_FIGURES] = {0, 7, 20, 50, 100, 200};

/* By the parameter, whose names are in workload.c. */
static const struct start {
	bool shuffled, mixed;
	unsigned occupancy; /* % */
} starts[] = {
	[1] = {false, false, 50}, [2] = {false, false, 80}, [3] = {false, true, 50},
	[4] = {false, true, 80},  [5] = {true, false, 50},  [6] = {true, false, 80},
	[7] = {true, true, 50},	  [8] = {true, true, 80},
};

struct pool {
	struct worker *w;
	struct bench_block *blocks;
	uint64_t nr, frames, all;
	bool mixed;
};

static unsigned draw_order(struct pool *p)
{
	static const uint8_t orders[] = {0, 0, 0, 0, 1, 1, 2, 3};

	return p->mixed ? orders[random_below(&p->w->random, sizeof(orders))] : 0;
}

static bool add(struct pool *p, unsigned order)
{
	uint64_t block = p->w->job->peer->alloc(order);

	if (block == BENCH_NONE)
		return false;
	p->blocks[p->nr++] = (struct bench_block){block, order};
	p->frames += UINT64_C(1) << order;
	return true;
}

static void fill_up(struct pool *p, uint64_t frames)
{
	while (p->frames + LARGEST <= frames)
		if (!add(p, draw_order(p)))
			job_fail(p->w->job, "it has no block, but free frames");
}

static void free_random(struct pool *p)
{
	struct bench_block *one;

	if (!p->nr)
		job_fail(p->w->job, "it has frames in use, but no block");
	one = &p->blocks[random_below(&p->w->random, p->nr)];
	p->w->job->peer->free(one->block, one->order);
	p->frames -= UINT64_C(1) << one->order;
	*one = p->blocks[--p->nr];
}

static void prepare(struct pool *p, bool shuffled, uint64_t frames)
{
	if (!shuffled) {
		fill_up(p, frames);
		return;
	}
	/* The last hundredth only of single frames, so that no order is short before the end. */
	fill_up(p, p->all - p->all / PART);
	while (p->frames < p->all && add(p, 0))
		;
	while (p->frames > frames)
		free_random(p);
}

static void iterate(struct pool *p, uint64_t frames)
{
	for (unsigned i = 0; i < BATCHES; i++) {
		for (uint64_t n = p->nr / PART; n > 0; n--)
			free_random(p);
		fill_up(p, frames);
	}
}

static double free_huge(const struct pool *p)
{
	const struct bench_peer *peer = p->w->job->peer;

	if (peer->drain)
		peer->drain();
	return 100 * (double)peer->free_huge() / (double)((p->all - p->frames) >> BENCH_HUGE_ORDER);
}

static void churn(struct worker *w)
{
	struct job *job = w->job;
	const struct start *how = &starts[job->what->parameter];
	struct pool p = {
		.w = w,
		.all = job->what->bytes >> BENCH_FRAME_SHIFT,
		.mixed = how->mixed,
	};
	uint64_t frames = p.all * how->occupancy / 100;
	unsigned iteration = 0;

	p.blocks = job_memory(job, p.all * sizeof(*p.blocks));
	team_wait(w);
	prepare(&p, how->shuffled, frames);
	for (unsigned i = 0; i < WORKLOAD_FIGURES; i++) {
		for (; iteration < reported[i]; iteration++)
			iterate(&p, frames);
		w->values[i] = free_huge(&p);
	}
}

void work_churn(struct job *job)
{
	team_run(job, 1, churn, NULL);
}
