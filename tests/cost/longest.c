/* SPDX-License-Identifier: MIT */
/*
 * longest.c - single calls, each in the state in which it takes longest: a failure costs next to
 * nothing, and nothing that must not wait grows with the memory. instructions.sh counts; ROOST_GIB
 * says how much memory there is, so what does grow shows.
 *
 *	fail-ORDER		nothing is free
 *	fail-ORDER-pieces	one frame each of many pageblocks is free
 *	fail-ORDER-old		and hints lead to it that was taken by its address since
 */
#include <stdlib.h>

#include "cost.h"

enum { BLOCK = 1 << ROOST_PAGEBLOCK_ORDER, MOST = 4096 };

/* Each eighth pageblock is broken up, but no more than MOST. */
static roost_pfn each(uint64_t frames)
{
	return frames / BLOCK / MOST > 8 ? frames / MOST : 8 * BLOCK;
}

static void fails(roost_t *roost, const char *name, unsigned order)
{
	begin();
	if (roost_alloc(roost, order, ROOST_MOVABLE) != ROOST_NONE)
		exit(1);
	end(name, 1);
}

/* Splits these pageblocks and frees their first frames. */
static void break_up(roost_t *roost, uint64_t frames)
{
	for (roost_pfn pfn = 0; pfn < frames; pfn += each(frames)) {
		roost_split(roost, pfn, ROOST_PAGEBLOCK_ORDER, 0);
		roost_free(roost, pfn, 0);
	}
}

/* Takes those frames again, of which the hints do not know. */
static void take_pieces(roost_t *roost, uint64_t frames)
{
	for (roost_pfn pfn = 0; pfn < frames; pfn += each(frames))
		if (roost_take_range(roost, pfn, 1))
			exit(1);
}

static void failures(roost_t *roost, uint64_t frames)
{
	while (roost_alloc(roost, ROOST_PAGEBLOCK_ORDER, ROOST_MOVABLE) != ROOST_NONE)
		;
	fails(roost, "fail-0", 0);
	fails(roost, "fail-3", 3);
	fails(roost, "fail-9", 9);
	fails(roost, "fail-18", 18);
	break_up(roost, frames);
	fails(roost, "fail-1-pieces", 1);
	fails(roost, "fail-1-pieces-again", 1);
	fails(roost, "fail-9-pieces", 9);
	take_pieces(roost, frames);
	fails(roost, "fail-0-old", 0);
	fails(roost, "fail-0-old-again", 0);
}

static void free_all(roost_t *roost, uint64_t frames)
{
	for (roost_pfn pfn = 0; pfn < frames; pfn += BLOCK)
		if (pfn % (each(frames)))
			roost_free(roost, pfn, ROOST_PAGEBLOCK_ORDER);
	for (roost_pfn i = 0; i < BLOCK - 1; i++)
		roost_free(roost, i, 0);
	begin();
	roost_free(roost, BLOCK - 1, 0); /* the pageblock becomes whole */
	end("free-0-whole", 1);
	for (roost_pfn pfn = each(frames); pfn < frames; pfn += each(frames))
		for (roost_pfn i = 0; i < BLOCK; i++)
			roost_free(roost, pfn + i, 0);
	roost_drain(roost, -1);
}

static void large(roost_t *roost)
{
	roost_pfn pfn;

	begin();
	pfn = get(roost, ROOST_MAX_ORDER);
	end("alloc-18", 1);
	begin();
	roost_free(roost, pfn, ROOST_MAX_ORDER);
	end("free-18", 1);
}

/* Both ways, of a pageblock that is free and one that is half in use. */
static void isolate(roost_t *roost)
{
	roost_pfn half = get(roost, ROOST_PAGEBLOCK_ORDER - 1), whole = half ^ BLOCK;

	begin();
	if (roost_isolate(roost, half, true) || roost_isolate(roost, whole, true))
		exit(1);
	end("isolate", 2);
	begin();
	if (roost_isolate(roost, half, false) || roost_isolate(roost, whole, false))
		exit(1);
	end("isolate-back", 2);
	roost_free(roost, half, ROOST_PAGEBLOCK_ORDER - 1);
}

/* Each CPU has pageblocks of each migratetype, of which nothing is in use. */
static void gather(roost_t *roost, uint64_t frames)
{
	static const unsigned types[] = {ROOST_MOVABLE, ROOST_UNMOVABLE, ROOST_RECLAIMABLE};
	uint64_t most = frames / BLOCK;
	roost_pfn pfns[6];

	for (int i = 0; i < 6; i++) {
		be_on(i / 3);
		pfns[i] = roost_alloc(roost, 0, types[i % 3]);
	}
	for (int i = 0; i < 6; i++) {
		be_on(i / 3);
		roost_free(roost, pfns[i], 0);
	}
	be_on(0);
	for (uint64_t i = 0; i < most - 6; i++)
		get(roost, ROOST_PAGEBLOCK_ORDER);
	begin();
	get(roost, ROOST_PAGEBLOCK_ORDER);
	end("gather", 1);
}

/* Nothing is lost; all is in use, 16 pageblocks by the page, of which every third is free. */
static void recover(roost_t *roost, uint64_t frames)
{
	unsigned n = 0;

	for (roost_pfn pfn = 0; pfn < frames && n < 16; pfn += BLOCK) {
		if (roost_order(roost, pfn) != ROOST_PAGEBLOCK_ORDER)
			continue;
		roost_split(roost, pfn, ROOST_PAGEBLOCK_ORDER, 0);
		for (roost_pfn i = 0; i < BLOCK; i += 3)
			roost_free(roost, pfn + i, 0);
		n++;
	}
	begin();
	if (roost_recover(roost) || n != 16)
		exit(1);
	end("recover", 1);
}

void longest(roost_t *roost, uint64_t frames)
{
	roost_pfn pfn;

	be_on(0);
	failures(roost, frames);
	free_all(roost, frames);
	begin();
	pfn = get(roost, 0);
	end("claim", 1);
	roost_free(roost, pfn, 0);
	roost_drain(roost, -1);
	large(roost);
	isolate(roost);
	begin();
	roost_drain(roost, -1);
	end("drain", 1);
	gather(roost, frames);
	recover(roost, frames);
}
