/* SPDX-License-Identifier: MIT */
/*
 * test_pool_misuse.c - frees of what the pool itself has: what was never in use, what has gone out
 * of use, what a trim has in its hands. Each is misuse at each check level, in each context, and
 * changes nothing. (The library of the lab asks roost_lab_call() where the pool calls madvise(2).)
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <sys/syscall.h>

#include "pools.h"

enum { LIMIT_PAGES = 8 * 512, LEVELS = ROOST_CHECK_PARANOID + 1 };

static struct pool_misuse seen;
static void *blocks[LIMIT_PAGES + 1];

static roost_pool_t *open_at(unsigned level, size_t initial)
{
	struct roost_pool_config config = pool_config(16 * MIB, &seen);

	config.initial = initial;
	config.check_level = level;
	config.pages = ROOST_PAGES_NO_THP;
	memset(&seen, 0, sizeof(seen));
	return pool_open(&config);
}

/* It is not a block, whichever thread frees it and however. */
static void is_nobodys(roost_pool_t *pool, void *block)
{
	void *some[3] = {NULL, block, NULL};
	unsigned before = seen.times;

	assert_int_equal(roost_pool_usable_size(block), 0);
	assert_ptr_equal(roost_pool_of(block), pool);
	roost_pool_free(block);
	assert_int_equal(seen.times, before + 1);
	assert_string_equal(seen.call, "roost_pool_free");
	assert_ptr_equal(seen.block, block);
	roost_pool_free_bulk(some, 3);
	assert_int_equal(seen.times, before + 2);
	assert_string_equal(seen.call, "roost_pool_free_bulk");
	assert_ptr_equal(seen.block, block);
}

/* As much as it may have, once each, and written to. */
static void all_is_there(roost_pool_t *pool, size_t size)
{
	size_t n = 0;

	assert_int_equal(pool_used(pool), 0);
	for (; (blocks[n] = roost_pool_alloc(pool, PAGE, ROOST_WAIT)); n++) {
		assert_true(n < LIMIT_PAGES);
		*(size_t *)blocks[n] = n;
	}
	assert_int_equal(n, size / PAGE);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(*(size_t *)blocks[i], i);
	roost_pool_free_bulk(blocks, n);
}

static void close_at(roost_pool_t *pool)
{
	assert_int_equal(roost_pool_resize(pool, 16 * MIB), 0);
	all_is_there(pool, 16 * MIB);
	pool_close(pool);
}

static void what_was_never_in_use(void **state)
{
	(void)state;
	for (unsigned level = 0; level < LEVELS; level++) {
		roost_pool_t *pool = open_at(level, 4 * MIB);

		for (roost_pfn pfn = 0; pfn < LIMIT_PAGES; pfn++)
			is_nobodys(pool, roost_pool_address(pool, pfn));
		all_is_there(pool, 4 * MIB);
		close_at(pool);
	}
}

/* By a pointer that was good: the chunk that goes out of use may begin there or before it, and be
 * of its size or larger. */
static void what_has_gone_out_of_use(void **state)
{
	static const size_t sizes[] = {PAGE, 8 * PAGE, MIB, 2 * MIB, 8 * MIB};

	(void)state;
	for (unsigned level = 0; level < LEVELS; level++) {
		for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			roost_pool_t *pool = open_at(level, 0);
			size_t n = 0;

			while ((blocks[n] = roost_pool_alloc(pool, sizes[i], ROOST_WAIT)))
				n++;
			roost_pool_free_bulk(blocks, n);
			assert_int_equal(roost_pool_resize(pool, 14 * MIB), 0);
			assert_int_equal(roost_pool_resize(pool, 2 * MIB), 0);
			assert_int_equal(seen.times, 0);
			while (n--)
				is_nobodys(pool, blocks[n]);
			all_is_there(pool, 2 * MIB);
			close_at(pool);
		}
	}
}

/* ---- In the middle of a trim ---------------------------------------------------------------- */

static roost_pool_t *trimmed;
static char *freed[600];
static unsigned nr_freed, found;

long roost_lab_call(long number, const long args[6]);
long roost_lab_call(long number, const long args[6])
{
	char *from = (char *)args[0];
	size_t bytes = (size_t)args[1];
	bool drops = number == SYS_madvise && args[2] == MADV_DONTNEED;
	int saved = errno;
	long result;

	for (unsigned i = 0; trimmed && drops && i < nr_freed; i++)
		if (freed[i] >= from && freed[i] < from + bytes) {
			is_nobodys(trimmed, freed[i]);
			found++;
		}
	result = syscall(number, args[0], args[1], args[2], args[3], args[4], args[5]);
	if (result == -1)
		result = -errno;
	errno = saved;
	return result;
}

static void what_a_trim_has_in_hand(void **state)
{
	(void)state;
	for (unsigned level = 0; level < LEVELS; level++) {
		roost_pool_t *pool = open_at(level, 0);
		void *live = pool_get(pool, PAGE);

		for (nr_freed = 0; nr_freed < 600; nr_freed++) {
			freed[nr_freed] = pool_get(pool, PAGE);
			*freed[nr_freed] = 1;
		}
		for (unsigned i = 0; i < nr_freed; i++)
			roost_pool_free(freed[i]);
		found = 0;
		trimmed = pool;
		assert_int_equal(roost_pool_trim(pool), 600 * PAGE);
		trimmed = NULL;
		assert_int_equal(found, 600);
		assert_int_equal(seen.times, 2 * found);
		roost_pool_free(live);
		close_at(pool);
	}
}

/* ---- Slabs ---------------------------------------------------------------------------------- */

static char said[160]; /* the hook's text lasts as long as the call */

static void listen(void *context, const char *call, const void *block, const char *what)
{
	struct pool_misuse *misuse = context;

	misuse->times++;
	misuse->call = call;
	misuse->block = block;
	snprintf(said, sizeof(said), "%s", what);
}

/* Slabs are no blocks: neither what begins with their first object, nor another page or an object
 * inside of it. Frees name the cache. And blocks are no objects. */
static void what_is_a_slab(void **state)
{
	static const char text[] = "is in a slab of the cache \"small\": "
				   "roost_cache_free() frees objects";

	(void)state;
	for (unsigned level = 0; level < LEVELS; level++) {
		struct roost_pool_config config = pool_config(16 * MIB, &seen);
		roost_pool_t *pool;
		roost_cache_t *cache, *other;
		char *object, *block, *all[600];
		struct roost_pool_info info;
		uint64_t trims;

		memset(&seen, 0, sizeof(seen));
		config.check_level = level;
		config.misuse = listen;
		pool = pool_open(&config);
		block = pool_get(pool, 8 * PAGE);
		assert_int_equal(
			roost_cache_create(&cache, roost_pool_slabs(pool), "small", 64, 0, 0, NULL),
			0);
		for (unsigned i = 0; i < 600; i++)
			assert_non_null(all[i] = roost_cache_alloc(cache, 0));
		object = all[0];
		assert_int_equal((uintptr_t)object % PAGE, 0);
		is_nobodys(pool, object);
		assert_string_equal(said, text);
		is_nobodys(pool, object + PAGE);
		assert_string_equal(said, text);
		is_nobodys(pool, object + 64);
		assert_string_equal(said, text);
		seen.times = 0;
		roost_cache_free(cache, block);
		assert_int_equal(seen.times, 1);
		assert_string_equal(said, "is in no slab: it is no object of any cache");
		roost_pool_free(block);
		roost_pool_free(block);
		assert_int_equal(seen.times, 2);
		assert_null(strstr(said, "cache"));
		assert_int_equal(
			roost_cache_create(&other, roost_pool_slabs(pool), "other", 64, 0, 0, NULL),
			0);
		roost_cache_free(other, roost_cache_alloc(other, 0));
		assert_int_equal(roost_cache_destroy(other, NULL), 0); /* pages beside slabs */
		/* To a trim slabs are not pages that another thread has in hand: it does not come
		 * again for them. */
		roost_pool_trim(pool);
		roost_pool_info(pool, &info);
		trims = info.trims;
		roost_pool_trim(pool);
		roost_pool_info(pool, &info);
		assert_int_equal(info.trims, trims);
		for (unsigned i = 0; i < 600; i++)
			roost_cache_free(cache, all[i]);
		assert_int_equal(roost_cache_destroy(cache, NULL), 0);
		assert_int_equal(seen.times, 2);
		pool_close(pool);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_never_in_use),
		cmocka_unit_test(what_has_gone_out_of_use),
		cmocka_unit_test(what_a_trim_has_in_hand),
		cmocka_unit_test(what_is_a_slab),
	};

	return cmocka_run_group_tests_name("pool_misuse", tests, NULL, NULL);
}
