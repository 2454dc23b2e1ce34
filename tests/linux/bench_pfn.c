// SPDX-License-Identifier: MIT OR GPL-2.0
/* bench_pfn.c - roost.ko by the calls of its engine: pfns, no pages. */
#include <linux/build_bug.h>

#include "bench_ours.h"

static const unsigned int flags[] = {
	[BENCH_WAIT] = ROOST_UNMOVABLE | ROOST_WAIT,
	[BENCH_ATOMIC] = ROOST_UNMOVABLE,
	[BENCH_TRY] = ROOST_UNMOVABLE,
};

static inline bench_block peer_get(unsigned int order, enum bench_how how)
{
	return (bench_block)roost_alloc(bench_engine, order, flags[how]);
}

static inline void peer_put(unsigned int order, bench_block block)
{
	roost_free(bench_engine, block, order);
}

static unsigned int peer_get_batch(bench_block *blocks, unsigned int n)
{
	BUILD_BUG_ON(sizeof(bench_block) != sizeof(roost_pfn));
	return (unsigned int)roost_alloc_bulk(bench_engine, 0, flags[BENCH_WAIT],
					      (roost_pfn *)blocks, n);
}

static void peer_put_batch(bench_block *blocks, unsigned int n)
{
	struct roost_block list[BENCH_BATCH];

	for (unsigned int i = 0; i < n; i++)
		list[i] = (struct roost_block){blocks[i], 0};
	roost_free_bulk(bench_engine, list, n);
}

static void peer_drain(void)
{
	roost_drain(bench_engine, -1);
}

#define PEER	   bench_pfn
#define PEER_NAME  "pfns"
#define PEER_NONE  (~0ul)
#define PEER_DRAIN peer_drain
#include "bench_peer.h"
