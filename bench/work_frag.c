/* SPDX-License-Identifier: MIT */
/*
 * work_frag.c - frag: what random churn leaves of the 2 MiB blocks.
 *
 * The pool is filled up to the occupancy with blocks of orders 0 to 3, half of them single frames.
 * Then, round after round, a random fifth of the blocks is freed and others, whose orders are drawn
 * again, are allocated up to the occupancy. At the end CPUs give back what they keep, and free 2
 * MiB blocks are counted. The ideal is what there would be if all lay close together.
 */
#include "job.h"

enum { ROUNDS = 20, PART = 5, LARGEST = 1 << 3 };

struct held {
	struct bench_block *blocks;
	uint64_t nr, frames;
};

static unsigned draw_order(struct worker *w)
{
	static const uint8_t orders[] = {0, 0, 0, 0, 1, 1, 2, 3};

	return orders[random_scaled(&w->random, sizeof(orders))];
}

static void fill_up(struct worker *w, struct held *held, uint64_t frames)
{
	while (held->frames + LARGEST <= frames) {
		unsigned order = draw_order(w);

		held->blocks[held->nr++] = (struct bench_block){job_alloc(w->job, order), order};
		held->frames += UINT64_C(1) << order;
	}
}

static void free_part(struct worker *w, struct held *held)
{
	for (uint64_t part = held->nr / PART; part > 0; part--) {
		struct bench_block *one = &held->blocks[random_scaled(&w->random, held->nr)];

		w->job->peer->free(one->block, one->order);
		held->frames -= UINT64_C(1) << one->order;
		*one = held->blocks[--held->nr];
	}
}

static void frag(struct worker *w)
{
	struct job *job = w->job;
	const uint64_t all = job->what->bytes >> BENCH_FRAME_SHIFT;
	const uint64_t wanted = all * job->what->parameter / 100;
	struct held held = {.blocks = job_memory(job, wanted * sizeof(*held.blocks))};

	team_wait(w);
	fill_up(w, &held, wanted);
	for (unsigned i = 0; i < ROUNDS; i++) {
		free_part(w, &held);
		fill_up(w, &held, wanted);
	}
	if (job->peer->drain)
		job->peer->drain();
	w->values[0] = 100 * (double)job->peer->free_huge() /
		       (double)((all - held.frames) >> BENCH_HUGE_ORDER);
}

void work_frag(struct job *job)
{
	team_run(job, 1, frag, NULL);
}
