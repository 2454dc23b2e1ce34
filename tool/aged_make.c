/* SPDX-License-Identifier: MIT */
/*
 * aged_make.c - makes the start of a machine that has run for a while.
 *
 * Pageblocks have a migratetype: of 32, 3 are unmovable and 2 reclaimable. Memory is filled upwards
 * with blocks of orders 0 to 3, most of them single frames, and some whole pageblocks. At any time
 * a few tasks allocate, each some frames in a row, so a batch lies in many places. Now and then an
 * unmovable block gets into a movable pageblock. Then whole batches are freed in a random order, of
 * those that are not movable one in four, and what is free is filled again with new batches. After
 * some rounds as much is in use as was asked for.
 */
#include <stdlib.h>
#include <string.h>

#include "aged.h"
#include "tool/common/say.h"

enum {
	TASKS = 32,	 /* allocate at the same time, of each migratetype */
	BATCH = 4096,	 /* frames at most */
	RUN_ORDERS = 10, /* a task allocates 1, 2, 4, ... or 512 frames in a row */
	ROUNDS = 3,
	HALF = 50, /* per cent, in use at the end of each round but the last */
	PAGEBLOCK = AGED_PAGEBLOCK,
};

struct maker {
	struct aged *aged;
	uint64_t random;
	uint64_t end;	   /* of the frames */
	uint32_t *batches; /* of each frame in use */
	struct batch {
		uint32_t frames, room;
		uint8_t type;
		bool freed;
	} * list;
	uint32_t nr, room;
	uint32_t tasks[AGED_TYPES][TASKS]; /* the batch of each, 0: none yet */
	struct run {
		unsigned task;
		uint64_t left; /* frames */
	} runs[AGED_TYPES];
	uint64_t used;
};

static uint64_t below(struct maker *m, uint64_t n)
{
	return aged_random(&m->random, n);
}

static void deal_types(struct maker *m)
{
	for (uint64_t pfn = AGED_FIRST; pfn < m->end; pfn += PAGEBLOCK) {
		const uint64_t of32 = below(m, 32);

		m->aged->types[pfn / PAGEBLOCK] = of32 < 3   ? ROOST_UNMOVABLE
						  : of32 < 5 ? ROOST_RECLAIMABLE
							     : ROOST_MOVABLE;
	}
}

static uint32_t new_batch(struct maker *m, unsigned type)
{
	if (m->nr == m->room) {
		m->room = m->room ? m->room * 2 : 4096;
		m->list = grow(m->list, m->room, sizeof(*m->list));
	}
	m->list[m->nr] =
		(struct batch){.room = (uint32_t)below(m, BATCH) + 1, .type = (uint8_t)type};
	return m->nr++;
}

/* The batch of the task that allocates now. */
static uint32_t *turn(struct maker *m, uint64_t n, unsigned type)
{
	struct run *run = &m->runs[type];

	if (!run->left)
		*run = (struct run){.task = (unsigned)below(m, TASKS),
				    .left = UINT64_C(1) << below(m, RUN_ORDERS)};
	run->left -= run->left < n ? run->left : n;
	return &m->tasks[type][run->task];
}

static void use(struct maker *m, uint64_t pfn, uint64_t n, unsigned type)
{
	uint32_t *batch = turn(m, n, type);

	if (!*batch || !m->list[*batch].room || m->list[*batch].freed)
		*batch = new_batch(m, type);
	m->list[*batch].frames += (uint32_t)n;
	m->list[*batch].room -= m->list[*batch].room < n ? m->list[*batch].room : (uint32_t)n;
	for (uint64_t i = 0; i < n; i++) {
		m->aged->frames[pfn + i] = (unsigned char)(AGED_USED + type);
		m->batches[pfn + i] = *batch;
	}
	m->used += n;
}

static bool is_free(const struct maker *m, uint64_t pfn, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		if (m->aged->frames[pfn + i] != AGED_FREE)
			return false;
	return true;
}

/* Allocates the next block of the pageblock, and returns its frames. */
static uint64_t fill_next(struct maker *m, uint64_t pfn, unsigned type)
{
	const uint64_t of16 = below(m, 16);
	uint64_t n = of16 < 11 ? 1 : UINT64_C(1) << (of16 - 11) % 4;

	if (pfn % n || pfn + n > m->end || !is_free(m, pfn, n))
		n = 1;
	if (type == ROOST_MOVABLE && below(m, 2048) == 0)
		type = ROOST_UNMOVABLE;
	use(m, pfn, n, type);
	return n;
}

static void fill(struct maker *m)
{
	for (uint64_t at = AGED_FIRST; at < m->end; at += PAGEBLOCK) {
		const unsigned type = m->aged->types[at / PAGEBLOCK];

		if (type == ROOST_MOVABLE && at + PAGEBLOCK <= m->end &&
		    is_free(m, at, PAGEBLOCK) && below(m, 8) == 0) {
			use(m, at, PAGEBLOCK, type); /* a huge page */
			continue;
		}
		for (uint64_t pfn = at; pfn < at + PAGEBLOCK && pfn < m->end;)
			pfn += m->aged->frames[pfn] ? 1 : fill_next(m, pfn, type);
	}
}

/* Chooses batches until that many frames would be free; returns those of the last that stay. */
static uint64_t choose(struct maker *m, uint64_t frames, uint32_t *last)
{
	uint32_t *order = grow(NULL, m->nr, sizeof(*order));
	uint64_t chosen = 0;

	for (uint32_t i = 0; i < m->nr; i++)
		order[i] = i;
	*last = 0;
	/* The second pass takes what the first one spared. */
	for (unsigned pass = 0; pass < 2; pass++)
		for (uint32_t i = 0; i < m->nr && chosen < frames; i++) {
			const uint32_t other = i + (uint32_t)below(m, m->nr - i), b = order[other];

			order[other] = order[i];
			order[i] = b;
			if (m->list[b].freed || !m->list[b].frames ||
			    (!pass && m->list[b].type != ROOST_MOVABLE && below(m, 4)))
				continue;
			m->list[b].freed = true;
			chosen += m->list[b].frames;
			*last = b;
		}
	free(order);
	return chosen > frames ? chosen - frames : 0;
}

/* Frees batches until exactly that many frames are in use. */
static void free_down_to(struct maker *m, uint64_t wanted)
{
	uint32_t last;
	uint64_t stay;

	if (m->used <= wanted)
		return;
	stay = choose(m, m->used - wanted, &last);
	for (uint64_t pfn = AGED_FIRST; pfn < m->end; pfn++) {
		const uint32_t batch = m->batches[pfn];

		if (m->aged->frames[pfn] == AGED_FREE || !m->list[batch].freed)
			continue;
		if (batch == last && stay) {
			stay--;
			continue;
		}
		m->aged->frames[pfn] = AGED_FREE;
		m->list[batch].frames--;
		m->used--;
	}
	m->list[last].freed = m->list[last].frames == 0;
}

bool aged_make(struct aged *aged, uint64_t seed, unsigned percent, uint64_t frames, char error[])
{
	struct maker m = {.aged = aged, .random = seed, .end = frames};
	const uint64_t all = frames - AGED_FIRST;
	const size_t size = frames * sizeof(*m.batches);

	*aged = (struct aged){.source = "percent", .placed = true};
	if (!aged_room(aged, frames, error))
		return false;
	m.batches = map_memory(size);
	if (!m.batches)
		die("out of memory");
	aged_fill_low(aged);
	deal_types(&m);
	new_batch(&m, ROOST_MOVABLE); /* number 0 is none */
	for (unsigned round = 1; round <= ROUNDS; round++) {
		fill(&m);
		free_down_to(&m, all / 100 * (round < ROUNDS ? HALF : percent) +
					 all % 100 * (round < ROUNDS ? HALF : percent) / 100);
	}
	unmap_memory(m.batches, size);
	free(m.list);
	return true;
}
