/* SPDX-License-Identifier: MIT */
/*
 * called.c - a misuse that the pool reports names the call that found it, whichever that is: here
 * by records that contradict themselves, which check level 3 finds.
 */
#include "sets/engine.h"

#include <roost/pool.h>

#include "harness.h"

enum { PAGE = 4096, PAGES = 2 * BLOCK };

static const char *called;

static void note(void *context, const char *call, const void *block, const char *what)
{
	(void)context;
	(void)block;
	assert_string_equal(what, roost_misuse_name(ROOST_MISUSE_CORRUPT));
	called = call;
}

static roost_pool_t *open_pool(void)
{
	struct roost_pool_config config = ROOST_POOL_CONFIG_INIT;
	roost_pool_t *pool;

	config.limit = (size_t)PAGES * PAGE;
	config.check_level = ROOST_CHECK_PARANOID;
	config.misuse = note;
	called = NULL;
	assert_int_equal(roost_pool_create(&pool, &config), 0);
	return pool;
}

static _Atomic uint8_t *record_of(roost_pool_t *pool, const void *block)
{
	size_t pfn = (size_t)((const char *)block - (char *)roost_pool_address(pool, 0)) / PAGE;

	return &roost_pool_frames(pool)->om[pfn];
}

/* Says of all frames of a pageblock that are free that blocks begin there. */
static void mark_free(roost_pool_t *pool, unsigned by)
{
	struct roost *r = roost_pool_frames(pool);

	for (unsigned i = 0; i < PAGES; i += by)
		if (rst_om_order(rst_load_rlx(&r->om[i])) < 0)
			rst_store_rlx(&r->om[i], 1);
}

static void frees(void **state)
{
	roost_pool_t *pool = open_pool();
	void *block = roost_pool_alloc(pool, 8 * PAGE, 0);

	(void)state;
	rst_store_rlx(record_of(pool, block) + 1, 1);
	roost_pool_free(block);
	assert_string_equal(called, "roost_pool_free");
	roost_pool_free_bulk(&block, 1);
	assert_string_equal(called, "roost_pool_free_bulk");
	roost_pool_destroy(pool);
}

static void allocations(void **state)
{
	roost_pool_t *pool = open_pool();
	void *blocks[4];

	(void)state;
	mark_free(pool, 1);
	assert_null(roost_pool_alloc(pool, PAGE, 0));
	assert_string_equal(called, "roost_pool_alloc");
	roost_pool_destroy(pool);
	pool = open_pool();
	mark_free(pool, 1);
	assert_int_equal(roost_pool_alloc_bulk(pool, PAGE, 0, blocks, 4), 0);
	assert_string_equal(called, "roost_pool_alloc_bulk");
	/* The engine's own callers. */
	roost_pool_destroy(pool);
	pool = open_pool();
	mark_free(pool, 1);
	assert_int_equal(roost_alloc(roost_pool_frames(pool), 0, 0), ROOST_NONE);
	assert_string_equal(called, "roost_alloc");
	roost_pool_destroy(pool);
}

static void sizes_and_trims(void **state)
{
	roost_pool_t *pool = open_pool();
	void *block;

	(void)state;
	mark_free(pool, BLOCK);
	assert_int_not_equal(roost_pool_resize(pool, PAGE), 0);
	assert_string_equal(called, "roost_pool_resize");
	roost_pool_destroy(pool);
	pool = open_pool();
	block = roost_pool_alloc(pool, PAGE, 0);
	roost_pool_free(block);
	rst_store_rlx(record_of(pool, block), 1);
	roost_pool_trim(pool);
	assert_string_equal(called, "roost_pool_trim");
	roost_pool_destroy(pool);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(frees),
		cmocka_unit_test(allocations),
		cmocka_unit_test(sizes_and_trims),
	};

	return cmocka_run_group_tests_name("called", tests, NULL, NULL);
}
