/* SPDX-License-Identifier: MIT */
/* test_once.c - callers that are content with less: ROOST_ONCE, ROOST_NOSTEAL, roost_may_alloc(),
 * roost_free_order(). */
#include "harness.h"

enum { BLOCKS = 8, FRAMES = BLOCKS * BLOCK, CPUS = 2 };

/* While there is memory it is an allocation like any other. */
static void once_is_enough(void **state)
{
	struct rig rig;
	uint64_t n = 0;

	rig_open_simple(&rig, state, 0, FRAMES, 1);
	for (unsigned order = 0; order <= ROOST_DEFAULT_MAX_ORDER; order++) {
		rig_get(&rig, order, ROOST_ONCE | order % 3);
		rig_free_all(&rig);
	}
	roost_drain(rig.roost, -1);
	while (rig_alloc(&rig, 0, ROOST_ONCE) != ROOST_NONE)
		n++;
	assert_int_equal(n, FRAMES);
	rig_home(&rig);
	rig_close(&rig);
}

/* It fails without the hook, and without a search of what others have. */
static void once_fails_at_once(void **state)
{
	struct rig rig;
	roost_pfn pfns[8];

	rig_open_simple(&rig, state, 0, FRAMES, CPUS);
	rig_take_all(&rig, 0, 0);
	rig.nr_pressure = 0;
	assert_int_equal(roost_alloc(rig.roost, 0, ROOST_ONCE), ROOST_NONE);
	assert_int_equal(roost_alloc_bulk(rig.roost, 3, ROOST_ONCE, pfns, LENGTH(pfns)), 0);
	assert_int_equal(roost_alloc(rig.roost, 9, ROOST_ONCE), ROOST_NONE);
	assert_int_equal(rig.nr_pressure, 0);
	assert_int_equal(rig_stats(&rig).fail_nowait, 4); /* one of them rig_take_all()'s last */
	assert_int_equal(rig_stats(&rig).fail_while_free, 0);
	assert_int_equal(roost_alloc(rig.roost, 0, 0), ROOST_NONE);
	assert_int_equal(rig.nr_pressure, 1);
	assert_int_equal(roost_alloc(rig.roost, 0, ROOST_ONCE | ROOST_WAIT), ROOST_NONE);
	assert_int_equal(rig.nr_misuse, 1);
	assert_int_equal(rig.misuse[0].kind, ROOST_MISUSE_BAD_FLAGS);
	rig.nr_misuse = 0;
	rig_home(&rig);
	rig_close(&rig);
}

/* Below the low mark: a success calls the hook, as any other would, and a failure does not. */
static void once_and_the_hook(void **state)
{
	const struct roost_zone_config zone = {.low = 6 * BLOCK, .high = 8 * BLOCK};
	struct rig rig;
	roost_pfn pfns[16];
	size_t n = 0;

	rig_open_zone(&rig, state, 10 * BLOCK, &zone, 1);
	while (n < 4)
		pfns[n++] = rig_get(&rig, ROOST_PAGEBLOCK_ORDER, ROOST_ONCE);
	assert_int_equal(rig.nr_pressure, 0);
	pfns[n++] = rig_get(&rig, ROOST_PAGEBLOCK_ORDER, ROOST_ONCE);
	assert_int_equal(rig.nr_pressure, 1);
	while (n)
		rig_free(&rig, pfns[--n]);
	rig_home(&rig);
	rig_close(&rig);
	rig_open_zone(&rig, state, 10 * BLOCK, &zone, 1);
	/* Isolated ones are free, but not available: nobody has called the hook for them yet. */
	for (; n < 10; n++)
		assert_int_equal(roost_isolate(rig.roost, n * BLOCK, true), 0);
	assert_int_equal(roost_alloc(rig.roost, 0, ROOST_ONCE), ROOST_NONE);
	assert_int_equal(rig.nr_pressure, 0);
	while (n--)
		assert_int_equal(roost_isolate(rig.roost, n * BLOCK, false), 0);
	rig_home(&rig);
	rig_close(&rig);
}

/* A zone that falls below its mark by them alone. */
static void rests_and_the_hook(void **state)
{
	const struct roost_zone_config zone = {.low = 2 * BLOCK, .high = 3 * BLOCK};
	struct rig rig;
	uint64_t frames[ROOST_PAGEBLOCK_WORDS];

	rig_open_zone(&rig, state, 4 * BLOCK, &zone, 1);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(rig.nr_pressure, i > 2);
		assert_int_equal(roost_take_rest(rig.roost, i * BLOCK, frames), BLOCK);
	}
	for (roost_pfn pfn = 0; pfn < 4 * BLOCK; pfn++)
		roost_free(rig.roost, pfn, 0);
	rig_home(&rig);
	rig_close(&rig);
}

/* A pageblock of each of the other migratetypes is half free, one is whole. */
static void whole_pageblocks_are_no_theft(void **state)
{
	struct rig rig;

	rig_open_simple(&rig, state, 0, 3 * BLOCK, 1);
	for (unsigned type = 1; type < 3; type++)
		for (unsigned i = 0; i < 2; i++)
			rig_get(&rig, 7, type);
	assert_int_equal(shadow_taken(&rig.shadow, 0), BLOCK);
	for (unsigned i = 0; i < BLOCK; i++)
		rig_get(&rig, 0, ROOST_MOVABLE | ROOST_NOSTEAL);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(roost_alloc(rig.roost, 0,
					     ROOST_MOVABLE | ROOST_NOSTEAL | (i ? ROOST_WAIT : 0)),
				 ROOST_NONE);
	assert_int_equal(roost_alloc(rig.roost, 6, ROOST_NOSTEAL), ROOST_NONE);
	assert_int_equal(rig_stats(&rig).wait_rounds, 0);
	rig_get(&rig, 6, ROOST_MOVABLE);
	rig_get(&rig, 6, ROOST_UNMOVABLE | ROOST_NOSTEAL);
	rig_home(&rig);
	rig_close(&rig);
}

/* True as long as there is something; false once a search has found that there is nothing. */
static void may_alloc(void **state)
{
	struct rig rig;

	rig_open_simple(&rig, state, 0, FRAMES, 1);
	for (unsigned order = 0; order <= ROOST_DEFAULT_MAX_ORDER; order++) {
		for (unsigned type = 0; type < 3; type++)
			assert_true(roost_may_alloc(rig.roost, order, type));
		while (rig_alloc(&rig, order, ROOST_MOVABLE) != ROOST_NONE)
			;
		assert_false(roost_may_alloc(rig.roost, order, ROOST_MOVABLE));
		assert_false(roost_may_alloc(rig.roost, order, ROOST_UNMOVABLE | ROOST_RESERVE));
		rig_free_all(&rig);
		roost_drain(rig.roost, -1);
	}
	assert_false(roost_may_alloc(rig.roost, ROOST_DEFAULT_MAX_ORDER + 1, 0));
	assert_int_equal(rig.misuse[0].kind, ROOST_MISUSE_BAD_ORDER);
	assert_false(roost_may_alloc(rig.roost, 0, ROOST_ZONE(1)));
	assert_int_equal(rig.misuse[1].kind, ROOST_MISUSE_BAD_FLAGS);
	assert_string_equal(rig.misuse[1].call, "roost_may_alloc");
	rig.nr_misuse = 0;
	rig_home(&rig);
	rig_close(&rig);
}

/* What is in a CPU's pocket or on its pcp is the rest of a pageblock. */
static void may_alloc_of_the_last_pageblock(void **state)
{
	struct rig rig;

	for (unsigned order = 0; order <= ROOST_PAGEBLOCK_ORDER; order++) {
		rig_open_simple(&rig, state, 0, BLOCK, 1);
		rig_get(&rig, 0, 0); /* and a search clears the hint of the pageblock */
		assert_int_equal(roost_alloc(rig.roost, ROOST_PAGEBLOCK_ORDER, 0), ROOST_NONE);
		rig_get(&rig, 0, 0);
		rig_free_all(&rig);
		assert_true(roost_may_alloc(rig.roost, order, 0));
		rig_get(&rig, order, 0);
		rig_home(&rig);
		rig_close(&rig);
	}
}

static void free_orders(void **state)
{
	struct rig rig;

	rig_open_simple(&rig, state, 0, FRAMES, 1);
	assert_int_equal(roost_free_order(rig.roost, 5), ROOST_DEFAULT_MAX_ORDER);
	assert_int_equal(roost_free_order(rig.roost, FRAMES), -1);
	assert_int_equal(roost_free_order(rig.roost, ROOST_NONE), -1);
	assert_int_equal(rig_take_range(&rig, BLOCK + 16, 1), 0);
	assert_int_equal(roost_free_order(rig.roost, BLOCK + 16), -1);
	for (unsigned order = 0; order < ROOST_PAGEBLOCK_ORDER; order++)
		assert_int_equal(roost_free_order(rig.roost, (BLOCK + 16) ^ 1u << order), order);
	assert_int_equal(roost_free_order(rig.roost, 0), ROOST_PAGEBLOCK_ORDER);
	rig_home(&rig);
	rig_close(&rig);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(once_is_enough, variants_all),
		SUITE_TEST(once_fails_at_once, variants_paths),
		SUITE_TEST(once_and_the_hook, variants_paths),
		SUITE_TEST(rests_and_the_hook, variants_paths),
		SUITE_TEST(whole_pageblocks_are_no_theft, variants_paths),
		SUITE_TEST(may_alloc, variants_paths),
		SUITE_TEST(may_alloc_of_the_last_pageblock, variants_paths),
		SUITE_TEST(free_orders, variants_one),
	};

	return SUITE_RUN("once", tests, argc, argv);
}
