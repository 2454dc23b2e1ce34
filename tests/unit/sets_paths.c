/* SPDX-License-Identifier: MIT */
/*
 * sets_paths.c - which way the engine sets takes and how it counts it. Where the way makes no
 * other difference than how long it is, only the counters tell a wrong one.
 */
#include "harness.h"

#include <string.h>

/* A free is remote if the pageblock is another home's, whatever the order; local if it is the
 * zone's. */
static void frees_are_local_or_remote(void **state)
{
	struct counters stats;
	struct rig rig;
	roost_pfn pfns[4];

	NEED_SMP();
	rig_open_simple(&rig, state, 0, 4 * BLOCK, 2);
	for (unsigned i = 0; i < LENGTH(pfns); i++)
		pfns[i] = rig_get(&rig, i, 0);
	rig_free(&rig, pfns[0]);
	rig_cpu(&rig, 1);
	rig_free(&rig, pfns[1]);
	rig_free(&rig, pfns[2]);
	stats = rig_stats(&rig);
	assert_int_equal(stats.free_local, 1);
	assert_int_equal(stats.free_remote, 2);
	roost_drain(rig.roost, -1);
	rig_free(&rig, pfns[3]);
	stats = rig_stats(&rig);
	assert_int_equal(stats.free_local, 2);
	assert_int_equal(stats.free_remote, 2);
	rig_home(&rig);
	rig_close(&rig);
}

/* What is set apart does not count as free memory: no call waits for it. */
static void isolated_frames_are_not_waited_for(void **state)
{
	struct rig rig;

	rig_open_simple(&rig, state, 0, 2 * BLOCK, 2);
	assert_int_equal(roost_isolate(rig.roost, 0, true), 0);
	assert_int_equal(rig_take_all(&rig, 0, 0), BLOCK);
	assert_int_equal(rig_stats(&rig).fail_nowait, 1);
	assert_int_equal(rig_stats(&rig).fail_while_free, 0);
	assert_int_equal(rig_alloc(&rig, 0, ROOST_WAIT), ROOST_NONE);
	assert_int_equal(rig_stats(&rig).fail_wait, 1);
	assert_int_equal(rig_stats(&rig).wait_rounds, 0);
	assert_int_equal(roost_isolate(rig.roost, 0, false), 0);
	rig_home(&rig);
	rig_close(&rig);
}

/* What fails is counted in the zone that was asked first; if none may be asked, in the first. */
static void failures_are_the_first_zones(void **state)
{
	static const uint8_t none[] = {0xff, 0xff};
	const struct roost_range ranges[] = {{0, BLOCK, 0, 0}, {BLOCK, 2 * BLOCK, 1, 0}};
	static const struct roost_zone_config zones[2];
	struct roost_config config = rig_config(state);
	struct rig rig;

	rig_open_two(&rig, state, BLOCK, 2);
	rig_take_all(&rig, 0, 0);
	assert_int_equal(rig_stats_of(&rig, 1, -1).fail_nowait, 1);
	assert_int_equal(rig_stats_of(&rig, 0, -1).fail_nowait, 0);
	assert_int_equal(rig_alloc(&rig, 0, ROOST_ZONE(0) | ROOST_WAIT), ROOST_NONE);
	assert_int_equal(rig_stats_of(&rig, 1, -1).fail_wait, 0);
	assert_int_equal(rig_stats_of(&rig, 0, -1).fail_wait, 1);
	rig_home(&rig);
	rig_close(&rig);
	config.ranges = ranges;
	config.nr_ranges = LENGTH(ranges);
	config.zones = zones;
	config.nr_zones = LENGTH(zones);
	config.zone_order = none;
	rig_open(&rig, &config);
	assert_int_equal(rig_alloc(&rig, 0, 0), ROOST_NONE);
	assert_int_equal(rig_stats_of(&rig, 0, -1).fail_nowait, 1);
	rig_free(&rig, rig_get(&rig, 0, ROOST_ZONE(1)));
	rig_home(&rig);
	rig_close(&rig);
}

/* Each block of the reserve is counted as one, whichever call gets it. */
static void reserve_is_counted(void **state)
{
	const struct roost_zone_config zone = {.reserve = BLOCK + 8};
	struct rig rig;

	rig_open_zone(&rig, state, 3 * BLOCK, &zone, 1);
	rig_take_all(&rig, 3, 0);
	assert_int_equal(rig_stats(&rig).alloc_reserve, BLOCK / 8 - 1);
	rig_get(&rig, 0, ROOST_RESERVE);
	assert_int_equal(rig_stats(&rig).alloc_reserve, BLOCK / 8);
	rig_home(&rig);
	rig_close(&rig);
}

/* The records of a pool's frames: a byte each, 1 where a block of order 0 is allocated. They are
 * found while all frames are that. */
static unsigned char *records_of(struct rig *rig, size_t frames)
{
	static const unsigned char all[2 * BLOCK] = {[0 ... 2 * BLOCK - 1] = 1};
	unsigned char *found = NULL, *start = rig->metadata;

	assert_int_equal(rig_take_all(rig, 0, 0), frames);
	for (size_t i = 0; i + frames <= rig->metadata_size && !found; i++)
		if (!memcmp(start + i, all, frames))
			found = start + i;
	assert_non_null(found);
	rig_free_all(rig);
	return found;
}

/* At check level 3 a record inside of a block that says that another begins there. */
static void finds_corrupt_records(void **state)
{
	const struct variant *variant = *state;
	struct roost_misuse corrupt = {.kind = ROOST_MISUSE_CORRUPT,
				       .call = "roost_free",
				       .order_given = 4,
				       .order_found = -1,
				       .head_found = ROOST_NONE};
	unsigned char *records, was;
	struct rig rig;
	roost_pfn pfn;

	if (variant->check < ROOST_CHECK_PARANOID)
		return;
	rig_open_simple(&rig, state, 0, 2 * BLOCK, 1);
	records = records_of(&rig, 2 * BLOCK);
	pfn = rig_get(&rig, 4, 0);
	corrupt.pfn = pfn;
	for (unsigned i = 1; i < 16; i++) {
		was = records[pfn + i];
		records[pfn + i] = 1;
		roost_free(rig.roost, pfn, 4); /* does nothing but complain */
		rig_expect(&rig, &corrupt);
		records[pfn + i] = was;
	}
	rig_expect_none(&rig);
	rig_home(&rig);
	rig_close(&rig);
}

/* At check level 3 a record inside of a free block that says that one begins there: the block is
 * not handed out. */
static void does_not_hand_out_corrupt_ones(void **state)
{
	const struct variant *variant = *state;
	struct roost_misuse corrupt = {.kind = ROOST_MISUSE_CORRUPT,
				       .call = "roost_alloc",
				       .order_given = 4,
				       .order_found = -1,
				       .head_found = ROOST_NONE};
	unsigned char *records;
	struct rig rig;

	if (variant->check < ROOST_CHECK_PARANOID)
		return;
	rig_open_simple(&rig, state, 0, 2 * BLOCK, 1);
	records = records_of(&rig, 2 * BLOCK);
	corrupt.pfn = rig_get(&rig, 4, 0);
	rig_free(&rig, corrupt.pfn);
	records[corrupt.pfn + 15] = 1;
	assert_int_not_equal(rig_get(&rig, 4, 0), corrupt.pfn);
	rig_expect(&rig, &corrupt);
	/* It is out of the set. As if it were somebody's, so that it can come back: */
	records[corrupt.pfn + 15] = 0;
	records[corrupt.pfn] = 4 + 1;
	roost_free(rig.roost, corrupt.pfn, 4);
	rig_expect_none(&rig);
	rig_home(&rig);
	rig_close(&rig);
}

/* A block of a range is somebody's all the same: that one stays with its holder, and the others,
 * before and after it and of a pageblock, are free as they were. */
static void takes_no_range_with_corrupt_ones(void **state)
{
	const struct variant *variant = *state;
	struct roost_misuse corrupt = {.kind = ROOST_MISUSE_CORRUPT,
				       .call = "roost_take_range",
				       .pfn = BLOCK + 64,
				       .order_given = 2,
				       .order_found = -1,
				       .head_found = ROOST_NONE};
	unsigned char *records;
	struct rig rig;

	if (variant->check == ROOST_CHECK_NONE)
		return;
	rig_open_simple(&rig, state, 0, 2 * BLOCK, 1);
	records = records_of(&rig, 2 * BLOCK);
	roost_drain(rig.roost, -1);
	assert_null(shadow_take(&rig.shadow, corrupt.pfn, 2));
	records[corrupt.pfn] = 2 + 1;
	assert_int_equal(rig_take_range(&rig, 3, corrupt.pfn + 4 - 3), -ROOST_EBUSY);
	rig_expect(&rig, &corrupt);
	rig_compare(&rig);
	rig_free(&rig, corrupt.pfn);
	rig_home(&rig);
	rig_close(&rig);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(frees_are_local_or_remote, variants_one),
		SUITE_TEST(isolated_frames_are_not_waited_for, variants_owners),
		SUITE_TEST(failures_are_the_first_zones, variants_owners),
		SUITE_TEST(reserve_is_counted, variants_owners),
		SUITE_TEST(finds_corrupt_records, variants_all),
		SUITE_TEST(does_not_hand_out_corrupt_ones, variants_all),
		SUITE_TEST(takes_no_range_with_corrupt_ones, variants_all),
	};

	return SUITE_RUN("sets_paths", tests, argc, argv);
}
