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
 * With a tenth of the blocks unmovable the same is counted at the level of 1 GiB: regions that are
 * tainted, that is, have an unmovable block, and regions that are empty. A caller can obtain each
 * one that is not tainted if it moves what is in use, and each one that is empty at once.
 *
 * A seed decides all, so these are counts. At an iteration that is reported CPUs first give back
 * what they keep.
 */
#include <sys/mman.h>

#include "job.h"

enum { BATCHES = 10, PART = 100, LARGEST = 1 << 3, UNMOVABLE = 10, REGION_ORDER = 18 };

/* What is counted. */
enum value { HUGE_BLOCKS, TAINTED, EMPTY };

static const unsigned reported[WORKLOAD_FIGURES] = {0, 7, 20, 50, 100, 200};

/* By the parameter, whose names are in workload.c. */
static const struct start {
	bool shuffled, mixed;
	unsigned occupancy; /* % */
	enum value value;   /* TAINTED, EMPTY: of blocks of which a tenth is unmovable */
} starts[] = {
	[1] = {false, false, 50, HUGE_BLOCKS}, [2] = {false, false, 80, HUGE_BLOCKS},
	[3] = {false, true, 50, HUGE_BLOCKS},  [4] = {false, true, 80, HUGE_BLOCKS},
	[5] = {true, false, 50, HUGE_BLOCKS},  [6] = {true, false, 80, HUGE_BLOCKS},
	[7] = {true, true, 50, HUGE_BLOCKS},   [8] = {true, true, 80, HUGE_BLOCKS},
	[9] = {false, true, 50, TAINTED},      [10] = {false, true, 80, TAINTED},
	[11] = {true, true, 50, TAINTED},      [12] = {true, true, 80, TAINTED},
	[13] = {false, true, 50, EMPTY},       [14] = {false, true, 80, EMPTY},
	[15] = {true, true, 50, EMPTY},	       [16] = {true, true, 80, EMPTY},
};

struct block {
	uint64_t block;
	uint8_t order;
	bool unmovable;
};

struct pool {
	struct worker *w;
	struct block *blocks;
	uint64_t nr, frames, all;
	const struct start *how;
};

static unsigned draw_order(struct pool *p)
{
	static const uint8_t orders[] = {0, 0, 0, 0, 1, 1, 2, 3};

	return p->how->mixed ? orders[random_below(&p->w->random, sizeof(orders))] : 0;
}

static bool add(struct pool *p, unsigned order)
{
	const struct bench_peer *peer = p->w->job->peer;
	bool unmovable = p->how->value != HUGE_BLOCKS && !random_below(&p->w->random, UNMOVABLE);
	uint64_t block = unmovable && peer->alloc_unmovable ? peer->alloc_unmovable(order)
							    : peer->alloc(order);

	if (block == BENCH_NONE)
		return false;
	p->blocks[p->nr++] = (struct block){block, (uint8_t)order, unmovable};
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
	struct block *one;

	if (!p->nr)
		job_fail(p->w->job, "it has frames in use, but no block");
	one = &p->blocks[random_below(&p->w->random, p->nr)];
	p->w->job->peer->free(one->block, one->order);
	p->frames -= UINT64_C(1) << one->order;
	*one = p->blocks[--p->nr];
}

static void prepare(struct pool *p, uint64_t frames)
{
	if (!p->how->shuffled) {
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

/* The last region may be a part of one. */
static double count_regions(const struct pool *p)
{
	const uint64_t nr = (p->all + (UINT64_C(1) << REGION_ORDER) - 1) >> REGION_ORDER;
	bool *marked = job_memory(p->w->job, nr * sizeof(*marked));
	uint64_t n = 0;

	for (uint64_t i = 0; i < p->nr; i++)
		if (p->how->value == EMPTY || p->blocks[i].unmovable)
			marked[p->blocks[i].block >> REGION_ORDER] = true;
	for (uint64_t i = 0; i < nr; i++)
		n += marked[i] == (p->how->value == TAINTED);
	munmap(marked, nr * sizeof(*marked));
	return (double)n;
}

static double count(const struct pool *p)
{
	const struct bench_peer *peer = p->w->job->peer;

	if (p->how->value != HUGE_BLOCKS)
		return count_regions(p);
	if (peer->drain)
		peer->drain();
	return 100 * (double)peer->free_huge() / (double)((p->all - p->frames) >> BENCH_HUGE_ORDER);
}

static void churn(struct worker *w)
{
	struct job *job = w->job;
	struct pool p = {
		.w = w,
		.all = job->what->bytes >> BENCH_FRAME_SHIFT,
		.how = &starts[job->what->parameter],
	};
	uint64_t frames = p.all * p.how->occupancy / 100;
	unsigned iteration = 0;

	p.blocks = job_memory(job, p.all * sizeof(*p.blocks));
	team_wait(w);
	prepare(&p, frames);
	for (unsigned i = 0; i < WORKLOAD_FIGURES; i++) {
		for (; iteration < reported[i]; iteration++)
			iterate(&p, frames);
		w->values[i] = count(&p);
	}
}

void work_churn(struct job *job)
{
	team_run(job, 1, churn, NULL);
}
