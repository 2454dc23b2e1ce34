/* SPDX-License-Identifier: MIT */
/* info.c - describes a pool. Any context, except the page size. */
#include <string.h>
#include <unistd.h>

#include "pool/pool.h"

size_t roost_pool_page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

/* Free pages, wherever they are. */
static uint64_t free_pages(const roost_pool_t *pool)
{
	uint64_t pages = 0;

	for (unsigned node = 0; node < pool->nodes; node++) {
		struct roost_zone_info zone;

		if (!roost_zone_info(pool->frames, node, &zone))
			pages += zone.free + zone.free_pcp + zone.free_llist;
	}
	return pages;
}

/* Frames that count as free but cannot be found: another context holds them. */
static uint64_t hidden_pages(const roost_pool_t *pool)
{
	uint64_t counted = 0, found = free_pages(pool);

	for (unsigned node = 0; node < pool->nodes; node++)
		counted += roost_free_frames(pool->frames, node, NULL);
	return counted > found ? counted - found : 0;
}

void roost_pool_info(const roost_pool_t *pool, struct roost_pool_info *info)
{
	size_t free = free_pages(pool) << pool->page_shift, in = rst_size_in(pool);

	*info = (struct roost_pool_info){
		.limit = pool->limit,
		.size = rst_size_allowed(pool),
		.reserve = pool->reserve,
		.metadata = pool->metadata + pool->side_size,
		.page_size = rst_page_size(pool),
		.largest = rst_page_size(pool) << pool->max_order,
		.nodes = pool->nodes,
		.grown = atomic_load(&pool->grown),
		.shrunk = atomic_load(&pool->shrunk),
		.trims = atomic_load(&pool->trims),
		.given_back = atomic_load(&pool->given_back),
		.set_aside = hidden_pages(pool) << pool->page_shift,
	};
	info->used = in > free ? in - free : 0;
	memcpy(info->name, pool->name, sizeof(info->name));
}

roost_t *roost_pool_frames(const roost_pool_t *pool)
{
	/* The structure is no constant. Relaxed: the caller knows of the frames by this. */
	atomic_store_explicit(&((roost_pool_t *)(uintptr_t)pool)->direct, true,
			      memory_order_relaxed);
	return pool->frames;
}

void *roost_pool_address(const roost_pool_t *pool, roost_pfn pfn)
{
	return pfn == ROOST_NONE ? NULL : rst_address(pool, pfn);
}
