/* SPDX-License-Identifier: MIT */
/* caches.c - what the prototypes led to: a cache of the library (roost/cache.h) of one size. */
#include <stdlib.h>

#include "roost/cache.h"
#include "roost/pool.h"

#define EXPORT __attribute__((visibility("default")))

EXPORT void *objects_alloc(size_t size);
EXPORT void objects_free(void *pointer);

static roost_pool_t *pool;
static roost_cache_t *cache;

__attribute__((constructor)) static void begin(void)
{
	struct roost_pool_config config = ROOST_POOL_CONFIG_INIT;

	config.limit = (size_t)8 << 30;
	if (roost_pool_create(&pool, &config))
		abort();
}

void *objects_alloc(size_t size)
{
	if (!cache && roost_cache_create(&cache, roost_pool_slabs(pool), "one", size, 0, 0, NULL))
		abort();
	return roost_cache_alloc(cache, 0);
}

void objects_free(void *pointer)
{
	roost_cache_free(cache, pointer);
}
