// SPDX-License-Identifier: MIT OR GPL-2.0
/* bench_roost.c - roost.ko as other modules use it: by pages. */
#include <linux/mm.h>

#include "bench_ours.h"
#include "roost/linux.h"

static const unsigned int flags[] = {
	[BENCH_WAIT] = ROOST_UNMOVABLE | ROOST_WAIT,
	[BENCH_ATOMIC] = ROOST_UNMOVABLE,
	[BENCH_TRY] = ROOST_UNMOVABLE,
};

static inline bench_block peer_get(unsigned int order, enum bench_how how)
{
	return (bench_block)roost_alloc_pages(order, flags[how]);
}

static inline void peer_put(unsigned int order, bench_block block)
{
	roost_free_pages((struct page *)block, order);
}

static unsigned int peer_get_batch(bench_block *blocks, unsigned int n)
{
	return (unsigned int)roost_alloc_pages_bulk(0, flags[BENCH_WAIT], (struct page **)blocks,
						    n);
}

static void peer_put_batch(bench_block *blocks, unsigned int n)
{
	roost_free_pages_bulk((struct page **)blocks, n, 0);
}

static void peer_drain(void)
{
	roost_drain(bench_engine, -1);
}

#define PEER	   bench_roost
#define PEER_NAME  "pages"
#define PEER_NONE  0
#define PEER_DRAIN peer_drain
#include "bench_peer.h"
