/* SPDX-License-Identifier: MIT */
/* slabs.c - caches of objects out of a pool's pages (src/slab). */
#include <errno.h>
#include <stdio.h>

#include "pool/pool.h"

/*
 * The block of a slab is a held one (core/held.h). So a free of it as a block is misuse, found at
 * the call, and no free has to look whether there are slabs. A slab of one page is an ordinary
 * block: when a thread that trims has ended, all held pages of its pageblock go back (trim.c).
 */
static bool is_held_as_slab(unsigned order)
{
	return order > 0;
}

static roost_pfn get_slab(void *context, unsigned order, unsigned flags)
{
	roost_pool_t *pool = context;
	int error = errno; /* the allocation of an object may still succeed */
	void *block = roost_pool_alloc(pool, rst_page_size(pool) << order, flags);

	errno = error;
	if (block && is_held_as_slab(order))
		rst_hold_block(pool->frames, rst_pfn(pool, block), order);
	return block ? rst_pfn(pool, block) : ROOST_NONE;
}

static void put_slab(void *context, roost_pfn pfn, unsigned order)
{
	roost_pool_t *pool = context;

	if (!is_held_as_slab(order)) {
		roost_pool_free(rst_address(pool, pfn));
		return;
	}
	rst_pool_enter();
	rst_unhold(pool->frames, pfn, order);
	rst_trim_mark(pool, pfn, (uint64_t)1 << order);
	rst_pool_leave();
}

static void object_misuse(void *context, const char *call, const roost_cache_t *cache,
			  const void *object, const char *what)
{
	const roost_pool_t *pool = context;
	char text[160];

	(void)cache;
	if (pool->misuse)
		pool->misuse(pool->context, call, object, what);
	else
		rst_pool_fatal(text,
			       snprintf(text, sizeof(text), "%s(%p): %s\n", call, object, what));
}

static struct roost_slabs_config slabs_config(roost_pool_t *pool)
{
	struct roost_slabs_config config = ROOST_SLABS_CONFIG_INIT;

	config.frames = pool->frames;
	config.base = pool->base;
	config.nr = pool->limit >> pool->page_shift;
	config.page_shift = pool->page_shift;
	config.nr_cpus = roost_nr_cpus(pool->frames);
	config.check_level = pool->check_level;
	config.get = get_slab;
	config.put = put_slab;
	config.misuse = object_misuse;
	config.context = pool;
	return config;
}

roost_slabs_t *roost_pool_slabs(roost_pool_t *pool)
{
	char *made = rst_slabs_of(pool), *mine;
	struct roost_slabs_config config = slabs_config(pool);
	size_t size = roost_slabs_metadata_size(&config);
	roost_slabs_t *slabs;

	/* The metadata begins with the structure: roost_slabs_init(). */
	if (made)
		return (roost_slabs_t *)(void *)made;
	mine = rst_memory_zeroed(size);
	if (!mine || roost_slabs_init(&slabs, &config, mine, size)) {
		rst_memory_drop(&mine, size);
		errno = ENOMEM;
		return NULL;
	}
	if (__atomic_compare_exchange_n(&pool->slabs, &made, mine, false, __ATOMIC_ACQ_REL,
					__ATOMIC_ACQUIRE))
		return slabs;
	rst_memory_drop(&mine, size); /* another thread was first */
	return (roost_slabs_t *)(void *)made;
}

void rst_slabs_take_down(roost_pool_t *pool)
{
	struct roost_slabs_config config;

	if (!pool->slabs)
		return;
	config = slabs_config(pool);
	rst_memory_drop(&pool->slabs, roost_slabs_metadata_size(&config));
}
