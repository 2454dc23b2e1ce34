/* SPDX-License-Identifier: MIT */
/*
 * serving.c - a process with two pools, for the tests of `roost top` and `roost map --live`. Serves
 * where ROOST_SERVE says, or at the path that it is given; says "ready", and ends with its input.
 * With a third argument the large pool has caches as well: one with 1000 objects of 64 bytes, of
 * which 100 are freed again, and one that never had any.
 *
 *	small	8 MiB, of which 1 MiB + 4 KiB are in use; another name if one is given
 *	large	64 MiB, of which 4 MiB + 100 pages are in use; frees and allocates if told to work
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <roost/serve.h>

#define MIB ((size_t)1 << 20)

static roost_pool_t *make(const char *name, size_t limit)
{
	struct roost_pool_config config = ROOST_POOL_CONFIG_INIT;
	roost_pool_t *pool;

	config.name = name;
	config.limit = limit;
	config.initial = limit; /* so that all that is not in use is free */
	if (roost_pool_create(&pool, &config) != 0)
		exit(1);
	return pool;
}

static void *get(roost_pool_t *pool, size_t size)
{
	void *block = roost_pool_alloc(pool, size, ROOST_WAIT);

	if (!block)
		exit(1);
	memset(block, 1, size);
	return block;
}

static void make_caches(roost_pool_t *pool)
{
	roost_cache_t *cache, *unused;
	void *objects[1000];

	if (roost_cache_create(&cache, roost_pool_slabs(pool), "an \"object\"\xe4", 64, 0, 0,
			       NULL) ||
	    roost_cache_create(&unused, roost_pool_slabs(pool), "unused", 4000, 0, 0, NULL) ||
	    roost_cache_alloc_bulk(cache, ROOST_WAIT, objects, 1000) != 1000)
		exit(1);
	roost_cache_free_bulk(cache, objects, 100);
}

int main(int argc, char **argv)
{
	roost_pool_t *small = make(argc > 2 ? argv[2] : "small", 8 * MIB),
		     *large = make("large", 64 * MIB);
	char byte;

	get(small, MIB);
	get(small, 4096);
	get(large, 4 * MIB);
	for (unsigned i = 0; i < 100; i++)
		get(large, 4096);
	for (unsigned i = 0; i < 1000; i++)
		roost_pool_free(get(large, 8192));
	if (argc > 3)
		make_caches(large);
	if (argc > 1 && *argv[1] && roost_pool_serve(argv[1]) != 0)
		return 1;
	puts("ready");
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	return 0;
}
