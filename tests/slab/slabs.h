/* SPDX-License-Identifier: MIT */
/* slabs.h - what the tests of object caches share. Functions fail the running cmocka test. */
#ifndef TESTS_SLAB_SLABS_H
#define TESTS_SLAB_SLABS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <roost/cache.h>

enum { PAGE = 4096 };

/* Slabs over an allocator of their own. */
struct slabs {
	roost_t *frames;
	roost_slabs_t *slabs;
	char *base;
	size_t pages, base_size, metadata_size, records_size;
	void *metadata, *records;
	/* What the misuse hook saw last. */
	unsigned misuses;
	const char *call, *what, *cache;
	const void *object;
};

void slabs_open(struct slabs *s, size_t pages, unsigned check_level);
/* For this many CPUs, and slabs (0: as many as pages). */
void slabs_open_for(struct slabs *s, size_t pages, unsigned check_level, unsigned cpus,
		    uint32_t nr_slabs);
/* All frames are free again, and all that is left is sound. */
void slabs_close(struct slabs *s);
void slabs_are_sound(const struct slabs *s);
roost_cache_t *slabs_cache(struct slabs *s, size_t size);
/* Destroys a cache of which no object is out. */
void slabs_close_cache(const struct slabs *s, roost_cache_t *cache);
struct roost_cache_stats slabs_stats(const roost_cache_t *cache);
/* An object, or the test fails. */
void *slabs_get(roost_cache_t *cache);
/* In another thread, which may be on another CPU. */
void slabs_free_elsewhere(roost_cache_t *cache, void *object);
/* The last call was this misuse, and nothing else was since the last time. */
void slabs_saw(struct slabs *s, const char *call, const void *object, const char *what);

#endif
