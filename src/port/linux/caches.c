// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * caches.c - objects out of roost.ko's pages: src/slab, without sequences.
 *
 * Slabs want pages whose addresses follow from their numbers. The engine's numbers do not lead to
 * addresses without a look at the slots, so to slabs a page is its pfn in the kernel, and its
 * address that in the direct map. What comes and goes are blocks of roost_alloc_pages().
 *
 * The metadata is made when a module asks for it first, and stays until roost.ko ends.
 */
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/nodemask.h>
#include <linux/vmalloc.h>

#include "linux.h"
#include "roost/cache.h"

enum {
	PAGES_A_SLAB = 8, /* of all that may be there: as many slabs can be */
	LEAST_SLABS = 64,
};

static roost_slabs_t *slabs; /* making to write */
static void *metadata;	     /* making */
static DEFINE_MUTEX(making);

/* ---- Hooks --------------------------------------------------------------------------------- */

static roost_pfn get_slab(void *context, unsigned int order, unsigned int flags)
{
	struct page *page = roost_alloc_pages(order, flags);

	return page ? page_to_pfn(page) : ROOST_NONE;
}

static void put_slab(void *context, roost_pfn pfn, unsigned int order)
{
	roost_free_pages(pfn_to_page((unsigned long)pfn), order);
}

static void on_misuse(void *context, const char *call, const roost_cache_t *cache,
		      const void *object, const char *what)
{
	rst_misuse("%s: object %px of cache %s: %s", call, object,
		   cache ? roost_cache_name(cache) : "?", what);
}

/* ---- Start and end ------------------------------------------------------------------------- */

/* The kernel's pfns, from the first node's to the last one's. */
static void find_memory(struct roost_slabs_config *config)
{
	unsigned long first = ULONG_MAX, end = 0;
	int node;

	for_each_online_node(node)
	{
		if (!node_spanned_pages(node))
			continue;
		first = min(first, node_start_pfn(node));
		end = max(end, node_end_pfn(node));
	}
	config->first = first;
	config->nr = end - first;
	config->base = __va(PFN_PHYS(first));
}

static roost_slabs_t *make(void)
{
	struct roost_slabs_config config = ROOST_SLABS_CONFIG_INIT;
	roost_slabs_t *made = NULL;
	size_t size;

	find_memory(&config);
	config.page_shift = PAGE_SHIFT;
	config.nr_cpus = roost_nr_cpus(rst_chunks.roost);
	config.nr_slabs = max_t(
		u32, (u32)((rst_chunks.all_slots << rst_chunks.order) / PAGES_A_SLAB), LEAST_SLABS);
	config.check_level = rst_chunks.check_level;
	config.get = get_slab;
	config.put = put_slab;
	config.misuse = on_misuse;
	size = roost_slabs_metadata_size(&config);
	metadata = size ? __vmalloc(size, GFP_KERNEL | __GFP_ZERO | __GFP_NOWARN) : NULL;
	if (!metadata || roost_slabs_init(&made, &config, metadata, size)) {
		pr_err("roost: no memory for slabs, %zu KiB\n", size / 1024);
		vfree(metadata);
		metadata = NULL;
		return NULL;
	}
	return made;
}

roost_slabs_t *roost_linux_slabs(void)
{
	roost_slabs_t *found;

	mutex_lock(&making);
	found = slabs ? slabs : make();
	/* Release: rst_caches_slabs() may be called by others at once. */
	smp_store_release(&slabs, found);
	mutex_unlock(&making);
	return found;
}
EXPORT_SYMBOL_GPL(roost_linux_slabs);

roost_slabs_t *rst_caches_slabs(void)
{
	return smp_load_acquire(&slabs);
}

void rst_caches_reclaim(unsigned long pages)
{
	roost_slabs_t *found = rst_caches_slabs();

	if (found)
		roost_slabs_reclaim(found, pages);
}

void rst_caches_exit(void)
{
	struct roost_cache_stats stats;

	for (unsigned int at = 0; slabs && roost_slabs_stats(slabs, &at, &stats);)
		pr_err("roost: cache %s was never destroyed: %llu objects, %llu slabs are lost\n",
		       stats.name, stats.allocated, stats.slabs);
	vfree(metadata);
}

/* roost/cache.h, for other modules. */
EXPORT_SYMBOL_GPL(roost_cache_create);
EXPORT_SYMBOL_GPL(roost_cache_destroy);
EXPORT_SYMBOL_GPL(roost_cache_alloc);
EXPORT_SYMBOL_GPL(roost_cache_alloc_bulk);
EXPORT_SYMBOL_GPL(roost_cache_free);
EXPORT_SYMBOL_GPL(roost_cache_free_bulk);
EXPORT_SYMBOL_GPL(roost_cache_shrink);
EXPORT_SYMBOL_GPL(roost_cache_stats);
EXPORT_SYMBOL_GPL(roost_cache_for_each);
EXPORT_SYMBOL_GPL(roost_cache_next);
EXPORT_SYMBOL_GPL(roost_cache_name);
EXPORT_SYMBOL_GPL(roost_object_cache);
EXPORT_SYMBOL_GPL(roost_object_size);
EXPORT_SYMBOL_GPL(roost_slabs_cache);
EXPORT_SYMBOL_GPL(roost_slabs_config_error);
EXPORT_SYMBOL_GPL(roost_slabs_metadata_size);
EXPORT_SYMBOL_GPL(roost_slabs_init);
EXPORT_SYMBOL_GPL(roost_slabs_reclaim);
EXPORT_SYMBOL_GPL(roost_slabs_stats);
EXPORT_SYMBOL_GPL(roost_slabs_pages);
EXPORT_SYMBOL_GPL(roost_slabs_dump);
EXPORT_SYMBOL_GPL(roost_slabs_validate);
EXPORT_SYMBOL_GPL(roost_slabs_recover);
