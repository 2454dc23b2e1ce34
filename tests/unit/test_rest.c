/* SPDX-License-Identifier: MIT */
/* test_rest.c - roost_alloc_rest(): all that is free of a pageblock; roost_order(). */
#include "harness.h"

enum { BLOCKS = 8, FRAMES = BLOCKS * BLOCK, CPUS = 2 };

static bool has(const uint64_t *frames, unsigned i)
{
	return frames[i / 64] >> i % 64 & 1;
}

/* Takes the rest of a pageblock; every frame that it names is free and now taken. */
static size_t take_rest(struct rig *rig, unsigned block)
{
	uint64_t frames[ROOST_PAGEBLOCK_WORDS];
	size_t n = roost_alloc_rest(rig->roost, block * BLOCK + 77, frames), found = 0;

	for (unsigned i = 0; i < BLOCK; i++) {
		if (!has(frames, i))
			continue;
		assert_null(shadow_take(&rig->shadow, block * BLOCK + i, 0));
		assert_int_equal(roost_order(rig->roost, block * BLOCK + i), 0);
		found++;
	}
	assert_int_equal(found, n);
	return n;
}

static void all_of_a_whole_one(void **state)
{
	struct rig rig;

	rig_open_simple(&rig, state, 0, FRAMES, CPUS);
	for (unsigned block = 0; block < BLOCKS; block++) {
		assert_int_equal(take_rest(&rig, block), BLOCK);
		assert_int_equal(take_rest(&rig, block), 0);
		rig_check(&rig);
	}
	assert_int_equal(roost_alloc(rig.roost, 0, 0), ROOST_NONE);
	rig_home(&rig);
	rig_close(&rig);
}

/* In the middle of a chunk of many: all the others stay free, in the largest blocks that there can
 * be. */
static void out_of_a_large_one(void **state)
{
	enum { MAX_ORDER = ROOST_PAGEBLOCK_ORDER + 3 };
	const struct roost_range range = {0, FRAMES, 0, 0};
	struct rig rig;

	for (unsigned block = 0; block < BLOCKS; block++) {
		struct roost_config config = rig_config(state);

		config.ranges = &range;
		config.nr_ranges = 1;
		config.nr_cpus = CPUS;
		config.max_order = MAX_ORDER;
		rig_open(&rig, &config);
		assert_int_equal(take_rest(&rig, block), BLOCK);
		rig_compare(&rig);
		for (unsigned order = MAX_ORDER; order-- > ROOST_PAGEBLOCK_ORDER;)
			assert_true(rig_alloc(&rig, order, 0) != ROOST_NONE);
		assert_int_equal(shadow_taken(&rig.shadow, 0), FRAMES);
		rig_home(&rig);
		rig_close(&rig);
	}
}

static void what_lives_stays(void **state)
{
	roost_pfn live[BLOCKS * 4];
	struct rig rig;
	uint64_t taken;

	rig_open_simple(&rig, state, 0, FRAMES, CPUS);
	rig_take_all(&rig, 2, 0);
	for (unsigned i = 0; i < FRAMES; i += 4)
		if (i % 64 && shadow_order(&rig.shadow, i) == 2)
			rig_free(&rig, i);
	roost_drain(rig.roost, -1);
	taken = shadow_taken(&rig.shadow, 0);
	for (unsigned block = 0; block < BLOCKS; block++) {
		assert_int_equal(take_rest(&rig, block), BLOCK - BLOCK / 16);
		live[block] = block * BLOCK;
		assert_int_equal(roost_order(rig.roost, live[block]), 2);
		assert_int_equal(roost_order(rig.roost, live[block] + 1), -1);
	}
	assert_int_equal(shadow_taken(&rig.shadow, 0), FRAMES);
	assert_true(taken < FRAMES);
	rig_compare(&rig);
	rig_home(&rig);
	rig_close(&rig);
}

/* Pageblocks set apart, the reserve, and what is no memory. */
static void not_of_these(void **state)
{
	uint64_t frames[ROOST_PAGEBLOCK_WORDS] = {1, 2, 3};
	struct rig rig;

	rig_open_unlike(&rig, state, CPUS);
	assert_int_equal(roost_alloc_rest(rig.roost, (roost_pfn)1 << 40, frames), 0);
	for (unsigned i = 0; i < ROOST_PAGEBLOCK_WORDS; i++)
		assert_int_equal(frames[i], 0);
	assert_int_equal(roost_order(rig.roost, (roost_pfn)1 << 40), -1);
	rig_close(&rig);

	rig_open_simple(&rig, state, 0, FRAMES, CPUS);
	assert_int_equal(roost_isolate(rig.roost, 3 * BLOCK, true), 0);
	assert_int_equal(take_rest(&rig, 3), 0);
	assert_int_equal(roost_isolate(rig.roost, 3 * BLOCK, false), 0);
	assert_int_equal(take_rest(&rig, 3), BLOCK);
	rig_home(&rig);
	rig_close(&rig);
}

/* By roost_take_rest() also of these: freed, they are where they were. */
static void whatever_the_pageblock_is(void **state)
{
	const struct roost_zone_config zone = {.reserve = BLOCK};
	uint64_t frames[ROOST_PAGEBLOCK_WORDS];
	struct rig rig;

	rig_open_zone(&rig, state, FRAMES, &zone, 1);
	assert_int_equal(roost_isolate(rig.roost, 3 * BLOCK, true), 0);
	for (unsigned turn = 0; turn < 2; turn++) {
		for (unsigned block = 0; block < BLOCKS; block++) {
			assert_int_equal(roost_take_rest(rig.roost, block * BLOCK + 5, frames),
					 BLOCK);
			for (unsigned i = 0; i < BLOCK; i++) {
				assert_true(has(frames, i));
				assert_null(shadow_take(&rig.shadow, block * BLOCK + i, 0));
			}
			rig_check(&rig);
			assert_int_equal(roost_take_rest(rig.roost, block * BLOCK, frames), 0);
		}
		assert_int_equal(roost_alloc(rig.roost, 0, ROOST_RESERVE), ROOST_NONE);
		rig_free_all(&rig);
		roost_drain(rig.roost, -1);
		rig_check(&rig);
	}
	assert_int_equal(rig_take_all(&rig, 0, 0), FRAMES - 2 * BLOCK);
	assert_int_equal(roost_isolate(rig.roost, 3 * BLOCK, false), 0);
	rig_home(&rig);
	rig_close(&rig);
}

/* The reserve keeps its own, whichever pageblocks are asked for. */
static void the_reserve_stays(void **state)
{
	const struct roost_zone_config zone = {.name = "Normal", .reserve = BLOCK};
	struct rig rig;
	size_t n = 0;

	rig_open_zone(&rig, state, FRAMES, &zone, 1);
	for (unsigned block = 0; block < BLOCKS; block++)
		n += take_rest(&rig, block);
	assert_true(n <= FRAMES - BLOCK);
	assert_true(n >= FRAMES - 3 * BLOCK);
	assert_true(rig_take_all(&rig, 0, ROOST_RESERVE) >= BLOCK);
	/* While others have it, what is free takes its place. */
	for (unsigned i = 0; i < 100; i++)
		rig_free(&rig, i);
	roost_drain(rig.roost, -1);
	assert_int_equal(take_rest(&rig, 0), 0);
	rig_home(&rig);
	rig_close(&rig);
}

static void orders_of_blocks(void **state)
{
	struct rig rig;
	roost_pfn pfn;

	rig_open_simple(&rig, state, 0, FRAMES, CPUS);
	for (unsigned order = 0; order <= ROOST_DEFAULT_MAX_ORDER; order++) {
		pfn = rig_get(&rig, order, 0);
		assert_int_equal(roost_order(rig.roost, pfn), order);
		rig_free(&rig, pfn);
		assert_int_equal(roost_order(rig.roost, pfn), -1);
	}
	rig_home(&rig);
	rig_close(&rig);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(all_of_a_whole_one, variants_owners),
		SUITE_TEST(out_of_a_large_one, variants_owners),
		SUITE_TEST(what_lives_stays, variants_owners),
		SUITE_TEST(not_of_these, variants_owners),
		SUITE_TEST(whatever_the_pageblock_is, variants_owners),
		SUITE_TEST(the_reserve_stays, variants_one),
		SUITE_TEST(orders_of_blocks, variants_all),
	};

	return SUITE_RUN("rest", tests, argc, argv);
}
