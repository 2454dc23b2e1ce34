/* SPDX-License-Identifier: MIT */
/*
 * sizes.c - what an object of each size costs, as the table in docs/caches.md has it: sizes.sh
 * compares the two. Waste: what a slab has that is no object. Metadata: what
 * roost_slabs_metadata_size() takes for one slab more and its pages.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <roost/cache.h>

#include "plain.h"

enum { PAGE = 4096, PAGES = 1 << 16, SLABS = 1 << 16 };

static struct roost_slabs_config config = ROOST_SLABS_CONFIG_INIT;

static double bytes_more(uint64_t pages, uint32_t slabs)
{
	struct roost_slabs_config more = config;
	size_t before = roost_slabs_metadata_size(&config);

	more.nr += pages;
	more.nr_slabs += slabs;
	return (double)(roost_slabs_metadata_size(&more) - before) / (double)(pages + slabs);
}

int main(void)
{
	static const size_t sizes[] = {8,   16,	 24,   32,   48,   64,	 96,   128,  192,   256,
				       384, 512, 1000, 1024, 2048, 3000, 4096, 8192, 16384, 32768};
	roost_slabs_t *slabs;
	double page, slab;

	config.frames = plain_open(PAGES, 1, ROOST_CHECK_STATE);
	config.nr = PAGES;
	config.nr_slabs = SLABS;
	config.nr_caches = 1;
	config.base =
		mmap(NULL, (size_t)PAGES * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	page = bytes_more(1 << 20, 0);
	slab = bytes_more(0, 1 << 20);
	if (roost_slabs_init(&slabs, &config,
			     mmap(NULL, roost_slabs_metadata_size(&config), PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
			     roost_slabs_metadata_size(&config)))
		return 1;
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct roost_cache_stats stats;
		roost_cache_t *cache;
		double bytes, metadata;

		if (roost_cache_create(&cache, slabs, "sized", sizes[i], 0, 0, NULL))
			return 1;
		roost_cache_stats(cache, &stats);
		bytes = (double)((size_t)PAGE << stats.slab_order);
		metadata = slab + page * (double)(1 << stats.slab_order);
		printf("| %zu | %zu | %g | %u | %.2f %% | %.2f | %.2f %% |\n", sizes[i], stats.size,
		       bytes / 1024, stats.slab_objects,
		       100 * (bytes - (double)(stats.slab_objects * sizes[i])) / bytes,
		       metadata / stats.slab_objects, 100 * metadata / bytes);
		if (roost_cache_destroy(cache, NULL))
			return 1;
	}
	return 0;
}
