// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * bench_linux.c - the kernel's own page allocator.
 *
 * It has no free of many pages that modules may call but release_pages(), which looks at each page
 * for more than the allocator needs (is it on a list of the reclaim, is it charged to somebody).
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/version.h>

#include "bench.h"

static const gfp_t gfp[] = {
	[BENCH_WAIT] = GFP_KERNEL | __GFP_NOWARN | __GFP_NORETRY,
	[BENCH_ATOMIC] = GFP_ATOMIC | __GFP_NOWARN,
	[BENCH_TRY] = __GFP_NOWARN,
};

static inline bench_block peer_get(unsigned int order, enum bench_how how)
{
	return (bench_block)alloc_pages(gfp[how], order);
}

static inline void peer_put(unsigned int order, bench_block block)
{
	__free_pages((struct page *)block, order);
}

static unsigned int peer_get_batch(bench_block *blocks, unsigned int n)
{
	struct page **pages = (struct page **)blocks;

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 14, 0)
	return (unsigned int)alloc_pages_bulk(gfp[BENCH_WAIT], n, pages);
#else
	return (unsigned int)alloc_pages_bulk_array(gfp[BENCH_WAIT], n, pages);
#endif
}

static void peer_put_batch(bench_block *blocks, unsigned int n)
{
	release_pages((struct page **)blocks, (int)n);
}

#define PEER	   bench_linux
#define PEER_NAME  "linux"
#define PEER_NONE  0
#define PEER_DRAIN NULL
#include "bench_peer.h"
