/* SPDX-License-Identifier: MIT */
/* work.c - see work.h. */
#include "work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/ring.h"
#include "tool/common/say.h"

enum {
	HELD = 256,	/* frames that a CPU holds: they fit into its pageblock */
	GIVEN = 64,	/* frames that a CPU gives away in a turn */
	CLAIMED = 1024, /* frames that need two pageblocks more */
	HUGE = 4,	/* pageblocks that are held at a time */
	FREE_FRAMES = 64,
	PAGEBLOCK = 1 << BENCH_HUGE_ORDER,
	MAX_ORDER = 10,
	SMALLEST = 16, /* MiB, of a pool */
};

/* ---- Parts of a turn ------------------------------------------------------------------ */

static void fail(const struct worker *w, const char *what)
{
	if (!w->error[0])
		snprintf(w->error, WORK_ERROR_MAX, "%s", what);
}

/* Something is wrong, or it has been enough. What has begun is not left off. */
static bool ended(const struct worker *w)
{
	return w->error[0] || (w->stage->enough && w->stage->enough());
}

static void count(const struct worker *w, enum kind kind)
{
	if (w->counts && w->stage->count)
		w->stage->count(kind);
}

static uint64_t try_alloc(const struct worker *w, unsigned order)
{
	uint64_t block;

	count(w, KIND_ALLOC);
	block = w->peer->alloc(order);
	count(w, KIND_NONE);
	return block;
}

static uint64_t get(const struct worker *w, unsigned order)
{
	uint64_t block = try_alloc(w, order);

	if (block == BENCH_NONE)
		fail(w, "it has no block, though there are free ones");
	return block;
}

static void put(const struct worker *w, uint64_t block, unsigned order)
{
	if (block == BENCH_NONE)
		return;
	count(w, KIND_FREE);
	w->peer->free(block, order);
	count(w, KIND_NONE);
}

static void hold(struct worker *w, unsigned nr, unsigned order)
{
	for (w->held = 0; w->held < nr && !ended(w); w->held++)
		w->blocks[w->held] = get(w, order);
}

static void drop(struct worker *w, unsigned order)
{
	for (unsigned i = 0; i < w->held; i++)
		put(w, w->blocks[i], order);
	w->held = 0;
}

/* ---- A CPU's own frames ---------------------------------------------------------------- */

static void pair(struct worker *w)
{
	put(w, get(w, 0), 0);
}

static void bulk(struct worker *w)
{
	hold(w, HELD, 0);
	drop(w, 0);
}

/* One at least, for what follows. */
static void hold_some(struct worker *w)
{
	do
		w->blocks[w->held++] = get(w, 0);
	while (w->held < HELD && !ended(w));
}

static uint64_t *random_block(struct worker *w)
{
	return &w->blocks[w->held ? random_below(&w->random, w->held) : 0];
}

static void exchange(struct worker *w)
{
	uint64_t *block = random_block(w);

	put(w, *block, 0);
	*block = get(w, 0);
}

/* ---- Others' frames -------------------------------------------------------------------- */

/* Gives frames away, and frees what another gives. */
static void pass(struct worker *w, unsigned gives, struct ring *from, unsigned takes)
{
	struct bench_block block;

	while ((gives || takes) && !ended(w)) {
		for (; gives && ring_has_room(w->ring); gives--)
			ring_give(w->ring, (struct bench_block){get(w, 0), 0});
		for (; takes && ring_take(from, &block); takes--)
			put(w, block.block, 0);
		if (gives || takes)
			w->stage->yield();
	}
}

static void remote(struct worker *w)
{
	pass(w, GIVEN, w->all[(w->index + w->nr - 1) % w->nr].ring, GIVEN);
}

/* One at a time, and not in the order of their addresses. */
static void scatter(struct worker *w)
{
	struct ring *from = w->all[(w->index + w->nr - 1) % w->nr].ring;
	uint64_t *block = random_block(w);
	struct bench_block other;

	ring_give(w->ring, (struct bench_block){*block, 0});
	*block = get(w, 0);
	while (!ring_take(from, &other)) {
		if (ended(w))
			return;
		w->stage->yield();
	}
	put(w, other.block, 0);
}

/* The last of an odd number gives to itself. */
static void one_way(struct worker *w)
{
	const bool alone = w->index + 1 == w->nr && w->nr % 2;

	if (alone)
		pass(w, GIVEN, w->ring, GIVEN);
	else if (w->index % 2 == 0)
		pass(w, GIVEN, NULL, 0);
	else
		pass(w, 0, w->all[w->index - 1].ring, GIVEN);
}

/* ---- Little or no memory ----------------------------------------------------------------- */

/* No CPU has more than one frame beyond those that it began with, so there is a free one. */
static void replace(struct worker *w)
{
	uint64_t block = get(w, 0), *other = random_block(w);

	put(w, *other, 0);
	*other = block;
}

static void fail_to_get(struct worker *w)
{
	uint64_t block = try_alloc(w, 0);

	if (block != BENCH_NONE)
		fail(w, "it has a block, though there is no free one");
}

/* Each in turn takes a frame until there is none. */
static void fill(struct worker *all, unsigned nr)
{
	uint64_t block;

	for (unsigned i = 0;; i = i + 1 < nr ? i + 1 : 0) {
		all[i].stage->outside(i);
		block = all[i].peer->alloc(0);
		if (block == BENCH_NONE)
			return;
		if (all[i].held == all[i].work->holds) {
			fail(all, "it has more frames than the pool");
			return;
		}
		all[i].blocks[all[i].held++] = block;
	}
}

static void free_some(struct worker *all, unsigned nr)
{
	for (unsigned i = 0; i < FREE_FRAMES + nr; i++) {
		struct worker *w = &all[nr > 1 ? random_below(&all[0].random, nr) : 0];
		uint64_t *block = random_block(w);

		w->stage->outside(w->index);
		w->peer->free(*block, 0);
		*block = w->blocks[--w->held];
	}
}

/* ---- Pageblocks -------------------------------------------------------------------------- */

static void claim(struct worker *w)
{
	hold(w, CLAIMED, 0);
	drop(w, 0);
}

static void huge(struct worker *w)
{
	hold(w, HUGE, BENCH_HUGE_ORDER);
	drop(w, BENCH_HUGE_ORDER);
}

const struct work works[] = {
	{"pair", "each CPU allocates and frees a frame, again and again", 0, 1, 64, 32, false, NULL,
	 pair, false},
	{"bulk", "each CPU allocates 256 frames, then frees them", HELD, HELD, 2, 32, false, NULL,
	 bulk, false},
	{"random", "each CPU holds 256 frames, frees a random one and allocates one", HELD, 1, 64,
	 32, false, hold_some, exchange, false},
	{"remote", "each CPU frees what its neighbour has allocated, 64 frames at a time", 0, GIVEN,
	 64, 32, false, NULL, remote, false},
	{"scatter",
	 "each CPU holds 256 frames, has a random one freed by its neighbour, and "
	 "allocates one",
	 HELD, 1, 1024, 32, false, hold_some, scatter, false},
	{"one-way", "half of the CPUs allocate, each for another one that frees", 0, GIVEN, 64, 32,
	 false, NULL, one_way, true},
	{"nearfull",
	 "64 frames of the pool are free, and one for each CPU, which allocates one and "
	 "frees a random other one",
	 2 * PAGEBLOCK, 1, 64, 1, true, NULL, replace, false},
	{"full", "no frame is free: each CPU tries to allocate one", 2 * PAGEBLOCK, 1, 2, 1, true,
	 NULL, fail_to_get, false},
	{"claim",
	 "each CPU allocates 1024 frames, then frees them: pageblocks are claimed and given "
	 "back",
	 CLAIMED, CLAIMED, 2, 32, false, NULL, claim, false},
	{"huge", "each CPU allocates 4 blocks of 2 MiB, then frees them", HUGE, HUGE, 16, 32, false,
	 NULL, huge, false},
};

const unsigned nr_works = sizeof(works) / sizeof(works[0]);

const struct work *work_find(const char *name)
{
	for (unsigned i = 0; i < nr_works; i++)
		if (!strcmp(works[i].name, name))
			return &works[i];
	return NULL;
}

/* ---- From the beginning to the end -------------------------------------------------------- */

static bool make_pool(const struct work *work, const struct bench_peer *peer,
		      const struct stage *stage, unsigned nr)
{
	uint64_t bytes = ((uint64_t)nr * work->pageblocks * PAGEBLOCK) << BENCH_FRAME_SHIFT;
	struct bench_pool pool = {
		.bytes = bytes, .cpus = stage->cpus ? stage->cpus(nr) : nr, .max_order = MAX_ORDER};

	if (bytes < (uint64_t)SMALLEST << 20 && !work->full)
		pool.bytes = (uint64_t)SMALLEST << 20;
	return peer->create(&pool);
}

struct worker *work_begin(const struct work *work, const struct bench_peer *peer, unsigned cpus,
			  unsigned ops, uint64_t seed, const struct stage *stage,
			  char error[WORK_ERROR_MAX])
{
	struct worker *all = map_memory(cpus * sizeof(*all));

	if (!all)
		die("out of memory");
	error[0] = '\0';
	for (unsigned i = 0; i < cpus; i++) {
		struct worker *w = &all[i];

		*w = (struct worker){
			.work = work,
			.peer = peer,
			.stage = stage,
			.all = all,
			.index = i,
			.nr = cpus,
			.turns = (ops + work->ops - 1) / work->ops,
			.random.state = seed + (i + 1) * UINT64_C(0x5851f42d4c957f2d),
			.blocks = grow(NULL, work->holds + 1, sizeof(*w->blocks)),
			.ring = map_memory(sizeof(struct ring)),
			.error = error,
		};
		if (!w->ring)
			die("out of memory");
	}
	stage->outside(0);
	if (!make_pool(work, peer, stage, cpus)) {
		fail(all, "it has no pool of this size and order");
		return NULL;
	}
	if (work->full)
		fill(all, cpus);
	if (work->full && work->turn == replace)
		free_some(all, cpus);
	return error[0] ? NULL : all;
}

static void take_turns(struct worker *w, uint64_t turns)
{
	for (uint64_t i = 0; i < turns && !ended(w); i++) {
		w->work->turn(w);
		if (w->counts && w->stage->turned)
			w->stage->turned(w);
	}
}

void work_run(void *worker)
{
	struct worker *w = worker;

	if (w->work->prepare)
		w->work->prepare(w);
	take_turns(w, w->work->warm);
	w->stage->meet(w);
	/* What the others' first turns wrote is read once more. */
	take_turns(w, (w->work->warm + 3) / 4);
	w->stage->meet(w);
	w->counts = true;
	take_turns(w, w->turns);
	w->counts = false;
	w->stage->meet(w);
}
