/* SPDX-License-Identifier: MIT */
/*
 * peer_engine.c - the engines of this library as peers, by include/roost/roost.h alone. Compiled
 * once for each: BENCH_ENGINE is its name. For `roost scale`: BENCH_POCKETS is its
 * config.pockets, and with BENCH_WAIT 0 no allocation waits. With BENCH_OBJECTS: objects of a cache
 * out of a pool, by roost/cache.h.
 */
#include <stddef.h>
#include <sys/mman.h>

#include <roost/roost.h>
#if BENCH_OBJECTS
#include <roost/pool.h>
#endif

#include "peer.h"

#ifndef BENCH_WAIT
#define BENCH_WAIT 1
#endif
#define FLAGS (ROOST_MOVABLE | (BENCH_WAIT ? ROOST_WAIT : 0))

/* What is passed on as an array of the other's. */
_Static_assert(sizeof(struct bench_block) == sizeof(struct roost_block) &&
		       offsetof(struct bench_block, block) == offsetof(struct roost_block, pfn) &&
		       offsetof(struct bench_block, order) == offsetof(struct roost_block, order),
	       "the blocks are those of the library");
_Static_assert(BENCH_NONE == ROOST_NONE, "no block is no frame");

static roost_t *roost;
static void *metadata;
static size_t metadata_size;

static bool engine_create(const struct bench_pool *pool)
{
	const struct roost_range range = {.end = pool->bytes >> BENCH_FRAME_SHIFT};
	struct roost_config config = ROOST_CONFIG_INIT;

	config.ranges = &range;
	config.nr_ranges = 1;
	config.nr_cpus = pool->cpus;
	if (pool->max_order > ROOST_DEFAULT_MAX_ORDER)
		config.max_order = pool->max_order;
#ifdef BENCH_POCKETS
	config.pockets = BENCH_POCKETS;
#endif
	metadata_size = roost_metadata_size(&config);
	if (!metadata_size)
		return false;
	metadata = mmap(NULL, metadata_size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return metadata != MAP_FAILED && !roost_init(&roost, &config, metadata, metadata_size);
}

static void engine_destroy(void)
{
	munmap(metadata, metadata_size);
}

static uint64_t engine_alloc(unsigned order)
{
	return roost_alloc(roost, order, FLAGS);
}

static uint64_t engine_alloc_unmovable(unsigned order)
{
	return roost_alloc(roost, order, ROOST_UNMOVABLE | ROOST_WAIT);
}

static void engine_free(uint64_t block, unsigned order)
{
	roost_free(roost, block, order);
}

static size_t engine_alloc_bulk(unsigned order, uint64_t *blocks, size_t count)
{
	return roost_alloc_bulk(roost, order, FLAGS, blocks, count);
}

static void engine_free_bulk(const struct bench_block *blocks, size_t count)
{
	roost_free_bulk(roost, (const struct roost_block *)blocks, count);
}

static void engine_drain(void)
{
	roost_drain(roost, -1);
}

static uint64_t engine_metadata(void)
{
	return metadata_size;
}

static uint64_t engine_free_huge(void)
{
	struct roost_zone_info info;
	uint64_t huge = 0;

	if (roost_zone_info(roost, 0, &info))
		return 0;
	for (unsigned list = 0; list < ROOST_NR_LISTS; list++)
		for (unsigned order = BENCH_HUGE_ORDER; order <= ROOST_MAX_ORDER; order++)
			huge += info.blocks[list][order] << (order - BENCH_HUGE_ORDER);
	return huge;
}

/* ---- Objects ---------------------------------------------------------------------------- */

#if BENCH_OBJECTS
static roost_cache_t *cache;

static bool engine_create_objects(size_t size, uint64_t bytes)
{
	struct roost_pool_config config = ROOST_POOL_CONFIG_INIT;
	roost_pool_t *pool;

	config.limit = bytes;
	return !roost_pool_create(&pool, &config) &&
	       !roost_cache_create(&cache, roost_pool_slabs(pool), "objects", size, 0, 0, NULL);
}

static void *engine_object(void)
{
	return roost_cache_alloc(cache, 0);
}

static void engine_free_object(void *object)
{
	roost_cache_free(cache, object);
}

static size_t engine_objects(void **objects, size_t count)
{
	return roost_cache_alloc_bulk(cache, 0, objects, count);
}

static void engine_free_objects(void *const *objects, size_t count)
{
	roost_cache_free_bulk(cache, objects, count);
}

static const struct bench_objects objects = {
	.create = engine_create_objects,
	.alloc = engine_object,
	.free = engine_free_object,
	.alloc_bulk = engine_objects,
	.free_bulk = engine_free_objects,
};
#endif

static const struct bench_peer peer = {
	.contract = BENCH_CONTRACT,
	.flags = BENCH_BOUNDED | BENCH_FREE_IN_HANDLER | BENCH_FRAMES,
	.name = BENCH_ENGINE,
	.version = ROOST_VERSION_STRING,
	.create = engine_create,
	.destroy = engine_destroy,
	.alloc = engine_alloc,
	.alloc_unmovable = engine_alloc_unmovable,
	.free = engine_free,
	.alloc_bulk = engine_alloc_bulk,
	.free_bulk = engine_free_bulk,
	.drain = engine_drain,
	.metadata = engine_metadata,
	.free_huge = engine_free_huge,
#if BENCH_OBJECTS
	.objects = &objects,
#endif
};

const struct bench_peer *bench_peer(void)
{
	return &peer;
}
