/* SPDX-License-Identifier: MIT */
/* test_alloc.c - allocation: orders, alignment, exhaustion, bulk, migratetypes. */
#include "harness.h"

/* One pool in which each order up to 18 has a place. */
static void open_large(struct rig *rig, void *const *state, unsigned cpus)
{
	struct roost_range range = {300, (1 << 19) + 77, 0, 0};
	struct roost_config config = rig_config(state);

	config.ranges = &range;
	config.nr_ranges = 1;
	config.max_order = ROOST_MAX_ORDER;
	config.nr_cpus = cpus;
	rig_open(rig, &config);
}

static void every_order(void **state)
{
	struct rig rig;

	open_large(&rig, state, 2);
	for (unsigned k = 0; k <= ROOST_MAX_ORDER; k++) {
		roost_pfn pfn = rig_get(&rig, k, 0);

		rig_check(&rig);
		rig_free(&rig, pfn);
		rig_check(&rig);
	}
	rig_home(&rig);
	rig_close(&rig);
}

static void every_order_at_once(void **state)
{
	struct rig rig;

	open_large(&rig, state, 2);
	for (int k = ROOST_MAX_ORDER - 1; k >= 0; k--) {
		rig_cpu(&rig, (unsigned)k);
		rig_get(&rig, (unsigned)k, 0);
	}
	rig_check(&rig);
	assert_int_equal(shadow_taken(&rig.shadow, 0), (1 << ROOST_MAX_ORDER) - 1);
	rig_home(&rig);
	rig_close(&rig);
}

/* Sizes mixed at random, several CPUs, with and without ROOST_WAIT, until nothing is left. */
static void orders_mixed(void **state)
{
	struct random random = {17};
	struct rig rig;

	rig_open_simple(&rig, state, 40, 4 * BLOCK + 99, 3);
	for (unsigned round = 0; round < 5; round++) {
		unsigned failures = 0;

		while (failures < 20) {
			unsigned order = (unsigned)random_below(&random, 11);
			unsigned wait = random_chance(&random, 50) ? ROOST_WAIT : 0;

			rig_cpu(&rig, (unsigned)random_below(&random, 3));
			failures += rig_alloc(&rig, order, wait) == ROOST_NONE;
		}
		rig_check(&rig);
		rig_free_all(&rig);
		rig_compare(&rig);
	}
	rig_home(&rig);
	rig_close(&rig);
}

/* ---- Exhaustion -------------------------------------------------------------------------- */

/* The last frame is found, with or without ROOST_WAIT, from whichever CPU. */
static void to_the_last_frame(void **state)
{
	static const unsigned flags[] = {0, ROOST_WAIT, ROOST_UNMOVABLE,
					 ROOST_RECLAIMABLE | ROOST_WAIT};
	struct rig rig;

	rig_open_simple(&rig, state, 3, 2 * BLOCK + 100, 4);
	for (unsigned i = 0; i < 8; i++) {
		rig_cpu(&rig, i);
		assert_int_equal(rig_take_all(&rig, 0, flags[i % 4]), 2 * BLOCK + 100);
		rig_check(&rig);
		rig_cpu(&rig, i / 2);
		rig_free_all(&rig);
	}
	rig_home(&rig);
	rig_close(&rig);
}

/* Frames that lie on the pcps of idle CPUs are found by the one that runs short. */
static void collects_from_all(void **state)
{
	struct rig rig;
	roost_pfn pfns[8][50];

	rig_open_simple(&rig, state, 0, 3 * BLOCK, 8);
	for (unsigned round = 0; round < 4; round++) {
		for (unsigned cpu = 0; cpu < 8; cpu++) {
			rig_cpu(&rig, cpu);
			for (unsigned i = 0; i < 50; i++)
				pfns[cpu][i] = rig_get(&rig, 0, 0);
		}
		for (unsigned cpu = 0; cpu < 8; cpu++) {
			rig_cpu(&rig, cpu + round);
			for (unsigned i = 0; i < 50; i++)
				rig_free(&rig, pfns[cpu][i]);
		}
		rig_cpu(&rig, round);
		assert_int_equal(rig_take_all(&rig, 0, round & 1 ? ROOST_WAIT : 0), 3 * BLOCK);
		rig_free_all(&rig);
		rig_check(&rig);
	}
	rig_home(&rig);
	rig_close(&rig);
}

/* With ROOST_WAIT what lies in pieces on all pcps is drained and merged for a larger order. */
static void merges_from_all(void **state)
{
	struct rig rig;

	rig_open_simple(&rig, state, 0, 4 * BLOCK, 4);
	for (unsigned order = 0; order <= ROOST_DEFAULT_MAX_ORDER; order++) {
		for (unsigned i = 0; i < 4 * BLOCK; i++) {
			rig_cpu(&rig, i);
			rig_get(&rig, 0, 0);
		}
		rig_cpu(&rig, order);
		rig_free_all(&rig);
		assert_int_equal(rig_take_all(&rig, order, ROOST_WAIT), (4 * BLOCK) >> order);
		rig_free_all(&rig);
	}
	rig_home(&rig);
	rig_close(&rig);
}

/* Failing changes nothing, however often. */
static void failing_is_harmless(void **state)
{
	struct roost_stats before = {0}, after = {0};
	struct rig rig;

	rig_open_simple(&rig, state, 9, BLOCK, 2);
	rig_take_all(&rig, 0, 0);
	assert_int_equal(roost_stats(rig.roost, -1, -1, &before), 0);
	for (unsigned i = 0; i < 10; i++) {
		rig_cpu(&rig, i);
		assert_int_equal(rig_alloc(&rig, i % 3, 0), ROOST_NONE);
	}
	assert_int_equal(rig_alloc(&rig, 0, ROOST_WAIT), ROOST_NONE);
	assert_int_equal(roost_stats(rig.roost, -1, -1, &after), 0);
	assert_int_equal(after.fail_nowait - before.fail_nowait, 10);
	assert_int_equal(after.fail_wait - before.fail_wait, 1);
	assert_int_equal(after.fail_while_free, before.fail_while_free);
	rig_compare(&rig);
	rig_home(&rig);
	rig_close(&rig);
}

/* An order that no zone can hold fails, though all is free. */
static void larger_than_the_zone(void **state)
{
	struct rig rig;

	rig_open_simple(&rig, state, 1, BLOCK, 1);
	assert_int_equal(rig_alloc(&rig, ROOST_PAGEBLOCK_ORDER, 0), ROOST_NONE);
	assert_int_equal(rig_alloc(&rig, ROOST_DEFAULT_MAX_ORDER, ROOST_WAIT), ROOST_NONE);
	rig_get(&rig, ROOST_PAGEBLOCK_ORDER - 1, 0);
	rig_home(&rig);
	rig_close(&rig);
}

/* ---- Bulk -------------------------------------------------------------------------------- */

static void bulk_of_each_order(void **state)
{
	roost_pfn pfns[40];
	struct rig rig;

	rig_open_simple(&rig, state, 77, 64 * BLOCK, 2);
	assert_int_equal(rig_bulk(&rig, 0, 0, pfns, 0), 0);
	for (unsigned k = 0; k <= ROOST_DEFAULT_MAX_ORDER; k++) {
		size_t count = k < 10 ? LENGTH(pfns) : 25;

		assert_int_equal(rig_bulk(&rig, k, k & 1 ? ROOST_WAIT : 0, pfns, count), count);
		rig_check(&rig);
		rig_free_all(&rig);
	}
	rig_home(&rig);
	rig_close(&rig);
}

static void bulk_gets_what_is_left(void **state)
{
	static roost_pfn pfns[3 * BLOCK];
	struct rig rig;

	rig_open_simple(&rig, state, 0, 2 * BLOCK + 33, 3);
	for (unsigned cpu = 0; cpu < 3; cpu++) {
		rig_cpu(&rig, cpu);
		rig_get(&rig, 0, 0);
		assert_int_equal(rig_bulk(&rig, 0, 0, pfns, LENGTH(pfns)), 2 * BLOCK + 32);
		assert_int_equal(rig_bulk(&rig, 0, ROOST_WAIT, pfns, 5), 0);
		rig_free_all(&rig);
		assert_int_equal(rig_bulk(&rig, 4, ROOST_WAIT, pfns, LENGTH(pfns)),
				 (2 * BLOCK + 33) >> 4);
		rig_free_all(&rig);
		rig_compare(&rig);
	}
	rig_home(&rig);
	rig_close(&rig);
}

/* A bulk call writes as many pfns as it returns and not one more. */
static void bulk_stays_in_its_array(void **state)
{
	roost_pfn pfns[12];
	struct rig rig;

	rig_open_simple(&rig, state, 0, BLOCK, 1);
	for (size_t i = 0; i < LENGTH(pfns); i++)
		pfns[i] = 12345678;
	assert_int_equal(rig_bulk(&rig, 1, 0, pfns + 1, 10), 10);
	assert_int_equal(pfns[0], 12345678);
	assert_int_equal(pfns[11], 12345678);
	rig_home(&rig);
	rig_close(&rig);
}

/* ---- Migratetypes ------------------------------------------------------------------------ */

static enum roost_list_type type_at(const struct rig *rig, roost_pfn pfn)
{
	struct roost_frame_info info;

	roost_frame_info(rig->roost, pfn, &info);
	return info.type;
}

/* While whole pageblocks are free the types do not mix. */
static void types_keep_apart(void **state)
{
	struct rig rig;

	rig_open_simple(&rig, state, 0, 16 * BLOCK, 2);
	for (unsigned i = 0; i < 600; i++) {
		unsigned type = i % 3;
		roost_pfn pfn = rig_get(&rig, i % 2, type);

		rig_cpu(&rig, i / 7);
		assert_int_equal(type_at(&rig, pfn), type);
	}
	rig_compare(&rig);
	rig_home(&rig);
	rig_close(&rig);
}

/* No type owns memory: each can have all of it, though the others held it before. */
static void each_type_gets_all(void **state)
{
	struct rig rig;

	rig_open_simple(&rig, state, 20, 5 * BLOCK, 3);
	for (unsigned i = 0; i < 6; i++) {
		rig_cpu(&rig, i);
		assert_int_equal(rig_take_all(&rig, 0, i % 3), 5 * BLOCK);
		rig_check(&rig);
		rig_free_all(&rig);
	}
	rig_home(&rig);
	rig_close(&rig);
}

/* Takes half of the frames, scattered, with one type; the rest goes to another. */
static void steals_what_is_left(void **state)
{
	struct rig rig;

	rig_open_simple(&rig, state, 0, 6 * BLOCK, 2);
	for (unsigned type = 0; type < 3; type++) {
		assert_int_equal(rig_take_all(&rig, 0, type), 6 * BLOCK);
		for (roost_pfn pfn = 0; pfn < 6 * BLOCK; pfn += 2)
			rig_free(&rig, pfn);
		rig_cpu(&rig, type);
		assert_int_equal(rig_take_all(&rig, 0, (type + 1) % 3), 3 * BLOCK);
		rig_check(&rig);
		rig_free_all(&rig);
	}
	rig_home(&rig);
	rig_close(&rig);
}

/* All that is free is one block of the largest order, of another type. */
static void steals_from_the_largest(void **state)
{
	static const struct roost_range range = {0, 1 << ROOST_MAX_ORDER, 0, 0};
	struct roost_config config = rig_config(state);
	struct rig rig;

	config.ranges = &range;
	config.nr_ranges = 1;
	config.max_order = ROOST_MAX_ORDER;
	rig_open(&rig, &config);
	for (unsigned type = 0; type < 3; type++) {
		rig_free(&rig, rig_get(&rig, ROOST_MAX_ORDER, type));
		for (unsigned order = 0; order <= 12; order += 4)
			rig_get(&rig, order, (type + 1) % 3);
		rig_free_all(&rig);
		roost_drain(rig.roost, -1);
	}
	rig_home(&rig);
	rig_close(&rig);
}

static uint64_t unmovable_blocks(const struct rig *rig)
{
	struct roost_zone_info info;

	assert_int_equal(roost_zone_info(rig->roost, 0, &info), 0);
	return info.pageblocks[ROOST_LIST_UNMOVABLE];
}

/* A pageblock that no CPU has for itself and of which at least half is free goes over to the thief,
 * with its free frames; of others only what is needed. */
static void half_free_blocks_go_over(void **state)
{
	static const struct roost_range range = {0, BLOCK, 0, 0};
	struct roost_config config = rig_config(state);
	struct rig rig;

	config.ranges = &range;
	config.nr_ranges = 1;
	rig_pcpbuddy.high = rig_pcpbuddy.batch = 1; /* with pcpbuddy no CPU owns it */
	for (config.nr_cpus = 1; config.nr_cpus <= 2; config.nr_cpus++)
		for (unsigned order = 7; order < 9; order++) {
			rig_open(&rig, &config);
			for (unsigned i = 0; i < (unsigned)BLOCK >> order; i++)
				rig_get(&rig, order, 0);
			rig_free(&rig, 0);
			roost_drain(rig.roost, -1);
			rig_get(&rig, 0, ROOST_UNMOVABLE);
			assert_int_equal(unmovable_blocks(&rig), order == 8);
			assert_int_equal(rig_stats(&rig).blocks_stolen, order == 8);
			rig_compare(&rig);
			rig_home(&rig);
			rig_close(&rig);
		}
}

/* Counts of pageblocks by type are those of the zone, whatever was stolen. */
static void pageblock_types_add_up(void **state)
{
	struct roost_zone_info info;
	struct rig rig;

	rig_open_simple(&rig, state, 0, 8 * BLOCK, 1);
	for (unsigned i = 0; i < 8 * BLOCK; i++) {
		uint64_t blocks = 0;

		rig_get(&rig, 0, i % 3);
		if (i % BLOCK)
			continue;
		assert_int_equal(roost_zone_info(rig.roost, 0, &info), 0);
		for (unsigned list = 0; list < ROOST_NR_LISTS; list++)
			blocks += info.pageblocks[list];
		assert_int_equal(blocks, 8);
	}
	assert_int_equal(rig_alloc(&rig, 0, 0), ROOST_NONE);
	rig_home(&rig);
	rig_close(&rig);
}

/* With ROOST_ATOMIC, which engines may ignore, each order can be allocated, and everything in the
 * end. */
static void with_atomic(void **state)
{
	for (unsigned order = 0; order <= ROOST_DEFAULT_MAX_ORDER; order++) {
		struct rig rig;

		rig_open_simple(&rig, state, 0, 4 * BLOCK, 2);
		rig_get(&rig, order, ROOST_UNMOVABLE | ROOST_ATOMIC);
		rig_get(&rig, order, ROOST_MOVABLE | ROOST_ATOMIC | ROOST_ONCE);
		rig_take_all(&rig, order, ROOST_UNMOVABLE | ROOST_ATOMIC);
		rig_take_all(&rig, 0, ROOST_MOVABLE | ROOST_WAIT);
		rig_expect_none(&rig);
		assert_int_equal(shadow_free(&rig.shadow, -1), 0);
		rig_home(&rig);
		rig_close(&rig);
	}
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(every_order, variants_all),
		SUITE_TEST(every_order_at_once, variants_all),
		SUITE_TEST(orders_mixed, variants_all),
		SUITE_TEST(to_the_last_frame, variants_all),
		SUITE_TEST(collects_from_all, variants_all),
		SUITE_TEST(merges_from_all, variants_paths),
		SUITE_TEST(failing_is_harmless, variants_all),
		SUITE_TEST(larger_than_the_zone, variants_paths),
		SUITE_TEST(bulk_of_each_order, variants_all),
		SUITE_TEST(bulk_gets_what_is_left, variants_all),
		SUITE_TEST(bulk_stays_in_its_array, variants_one),
		SUITE_TEST(types_keep_apart, variants_paths),
		SUITE_TEST(each_type_gets_all, variants_paths),
		SUITE_TEST(steals_what_is_left, variants_paths),
		SUITE_TEST(steals_from_the_largest, variants_paths),
		SUITE_TEST(half_free_blocks_go_over, variants_owners),
		SUITE_TEST(pageblock_types_add_up, variants_paths),
		SUITE_TEST(with_atomic, variants_owners),
	};

	return SUITE_RUN("alloc", tests, argc, argv);
}
