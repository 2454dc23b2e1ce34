/* SPDX-License-Identifier: MIT */
/*
 * instructions.c - the hot paths of an engine, for callgrind to count instructions: each case again
 * and again, warm. instructions.sh runs this and compares with instructions.txt.
 *
 * The loop and the call are counted as well, as in a program that links the library. The thread has
 * a virtual CPU: under valgrind there is no rseq area to read the real one from, and asking the
 * system is not what programs do.
 *
 * With TEST_POCKETS the engine believes that there are sequences, and finds CPU 0 in the area: one
 * thread without handlers runs them to their end, and valgrind sees each of their instructions.
 */
#include <stdlib.h>

#include <roost/roost.h>

#include "cost.h"
#include "plain.h"
#include "tool/common/random.h"

enum { GIB = 1 << 18, WARM = 100, TIMES = 1000, BULK = 4096, BATCH = 64, HELD = 65536 };

static roost_t *roost;

roost_pfn get(roost_t *from, unsigned order)
{
	roost_pfn pfn = roost_alloc(from, order, ROOST_MOVABLE);

	if (pfn == ROOST_NONE)
		exit(1);
	return pfn;
}

static void pairs(unsigned order, unsigned times)
{
	for (unsigned i = 0; i < times; i++)
		roost_free(roost, get(roost, order), order);
}

static void pair(const char *name, unsigned order)
{
	pairs(order, WARM);
	begin();
	pairs(order, TIMES);
	end(name, TIMES);
}

/* Of a size that is no power of two. */
static void odd_pairs(unsigned n, unsigned times)
{
	for (unsigned i = 0; i < times; i++) {
		roost_pfn pfn = roost_alloc_n(roost, n, ROOST_MOVABLE);

		if (pfn == ROOST_NONE)
			exit(1);
		roost_free_n(roost, pfn, n);
	}
}

static void odd_pair(const char *name, unsigned n)
{
	odd_pairs(n, WARM);
	begin();
	odd_pairs(n, TIMES);
	end(name, TIMES);
}

static void alloc_all(roost_pfn *pfns)
{
	for (unsigned i = 0; i < BULK; i++)
		pfns[i] = get(roost, 0);
}

static void free_all(const roost_pfn *pfns)
{
	for (unsigned i = 0; i < BULK; i++)
		roost_free(roost, pfns[i], 0);
}

/* Many one by one: what is not the last one's pageblock any more is met as well. */
static void bulk(void)
{
	static roost_pfn pfns[BULK];

	alloc_all(pfns);
	free_all(pfns);
	begin();
	alloc_all(pfns);
	end("bulk-alloc", BULK);
	begin();
	free_all(pfns);
	end("bulk-free", BULK);
}

/* What one CPU allocated, another frees. */
static void remote(void)
{
	static roost_pfn pfns[BULK];

	alloc_all(pfns);
	be_on(1);
	begin();
	free_all(pfns);
	end("remote-free", BULK);
	be_on(0);
}

/* A random one of many is freed, and another allocated. */
static void exchange(void)
{
	static roost_pfn pfns[HELD];
	struct random random = {1};

	for (unsigned i = 0; i < HELD; i++)
		pfns[i] = get(roost, 0);
	begin();
	for (unsigned i = 0; i < BULK; i++) {
		roost_pfn *pfn = &pfns[random_below(&random, HELD)];

		roost_free(roost, *pfn, 0);
		*pfn = get(roost, 0);
	}
	end("random-pair", BULK);
	for (unsigned i = 0; i < HELD; i++)
		roost_free(roost, pfns[i], 0);
}

static void batch(void)
{
	static struct roost_block blocks[BULK];
	roost_pfn pfns[BULK];

	begin();
	for (unsigned i = 0; i < BULK; i += BATCH)
		if (roost_alloc_bulk(roost, 0, ROOST_MOVABLE, pfns + i, BATCH) != BATCH)
			exit(1);
	end("batch-alloc", BULK);
	for (unsigned i = 0; i < BULK; i++)
		blocks[i] = (struct roost_block){pfns[i], 0};
	begin();
	for (unsigned i = 0; i < BULK; i += BATCH)
		roost_free_bulk(roost, blocks + i, BATCH);
	end("batch-free", BULK);
}

int main(void)
{
	const char *gib = getenv("ROOST_GIB");
	uint64_t frames = (gib ? strtoull(gib, NULL, 10) : 1) * GIB;
	struct roost_range range = {0, frames, 0, 0};
	struct roost_config config = plain_config(&range, NULL, 2);

	config.max_order = ROOST_MAX_ORDER;
	config.check_level = ROOST_CHECK_STATE;
	roost = plain_make(&config, NULL);
	be_on(0);
	pair("pair-order-0", 0);
	pair("pair-order-3", 3);
	pair("pair-order-9", 9);
	odd_pair("pair-5-frames", 5);
	odd_pair("pair-56-frames", 56);
	bulk();
	batch();
	remote();
	exchange();
	roost_drain(roost, -1);
	longest(roost, frames);
	return roost_validate(roost, NULL) ? 1 : 0;
}
