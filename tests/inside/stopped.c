/* SPDX-License-Identifier: MIT */
/*
 * stopped.c - contexts that stop forever at the worst place: the engine's state is set to what
 * they leave behind, and the others must get along with it.
 */
#include "sets/engine.h"

#include "harness.h"

#include "hints.h"

static void clear_zone(const struct rst_zone *z)
{
	hint_count(&z->partial, true);
	hint_count(&z->whole, true);
}

/* Somebody has begun to clear a hint and does not go on; then it never happened. */
static void begin(struct rst_zone *z)
{
	atomic_fetch_add(&z->begun, 1);
}

static void undo(struct rst_zone *z)
{
	atomic_fetch_sub(&z->begun, 1);
}

/* Two zones that lie between each other, so that a zone has the other's pageblocks in its range. */
static void open_mixed(struct rig *rig, void *const *state)
{
	static const struct roost_zone_config zones[] = {{.name = "A"}, {.name = "B"}};
	struct roost_range ranges[] = {{0, 2 * BLOCK, 0, 0},
				       {2 * BLOCK, 4 * BLOCK, 1, 0},
				       {8 * BLOCK, 10 * BLOCK, 0, 0},
				       {10 * BLOCK, 12 * BLOCK, 1, 0}};
	struct roost_config config = rig_config(state);

	config.ranges = ranges;
	config.nr_ranges = LENGTH(ranges);
	config.zones = zones;
	config.nr_zones = LENGTH(zones);
	config.nr_cpus = 2;
	rig_open(rig, &config);
	rig->config.ranges = NULL;
	rig->config.nr_ranges = 0;
}

/* One block of this order is free, and its hint is cleared: it is there for a call that does not
 * wait. */
static void find_behind(struct rig *rig, roost_pfn pfn, unsigned order, unsigned flags)
{
	struct rst_zone *z;
	struct roost_frame_info info;

	roost_frame_info(rig->roost, pfn, &info);
	z = &rig->roost->zones[info.zone];
	rig_free(rig, pfn);
	clear_zone(z);
	/* Nobody was at it: what is not noted is not there. Not so when somebody began and did not
	 * end. */
	assert_int_equal(rig_alloc(rig, order, flags), ROOST_NONE);
	begin(z);
	assert_int_equal(rig_alloc(rig, order, flags), pfn);
	undo(z);
	rig_check(rig);
}

static void cleared_hints_are_found(void **state)
{
	static const unsigned orders[] = {0, 3, 6, 7, 8, 9, 10};
	struct rig rig;

	for (unsigned i = 0; i < LENGTH(orders); i++) {
		open_mixed(&rig, state);
		rig_take_all(&rig, orders[i], 0);
		roost_drain(rig.roost, -1);
		for (unsigned zone = 0; zone < 2; zone++)
			for (unsigned part = 0; part < 2; part++) {
				roost_pfn pfn = (8 * part + 2 * zone) * (roost_pfn)BLOCK;

				find_behind(&rig, pfn, orders[i], 0);
				roost_drain(rig.roost, -1);
				/* The last of the extent, too. */
				pfn += 2 * BLOCK - (UINT64_C(1) << orders[i]);
				find_behind(&rig, pfn, orders[i], 0);
				roost_drain(rig.roost, -1);
			}
		rig_home(&rig);
		rig_close(&rig);
	}
}

/* Also where the region has no other pageblock. */
static void a_cleared_hint_of_one_pageblock_is_found(void **state)
{
	struct rig rig;

	rig_open_simple(&rig, state, 0, BLOCK, 2);
	find_behind(&rig, rig_get(&rig, 9, 0), 9, 0);
	rig_home(&rig);
	rig_close(&rig);
}

/* In a larger zone a call that does not wait notes some pageblocks anew, and the next call
 * others. */
static void cleared_hints_are_found_in_turns(void **state)
{
	enum { BLOCKS = 40, LAST = (BLOCKS - 3) * BLOCK, CALLS = 4, SOME = 2 * 16 };
	roost_pfn found = ROOST_NONE;
	unsigned calls = 0;
	struct rst_zone *z;
	struct rig rig;

	rig_open_simple(&rig, state, 0, BLOCKS * BLOCK, 2);
	z = &rig.roost->zones[0];
	rig_take_all(&rig, 8, 0);
	roost_drain(rig.roost, -1);
	rig_free(&rig, LAST);
	clear_zone(z);
	begin(z);
	for (; calls < CALLS && found == ROOST_NONE; calls++)
		found = rig_alloc(&rig, 8, 0);
	undo(z);
	assert_int_equal(found, LAST);
	assert_int_equal(calls, LAST / BLOCK / SOME + 1);
	rig_home(&rig);
	rig_close(&rig);
}

/* A waiter finds it too, though no CPU counts anything any more. */
static void cleared_hints_are_waited_for(void **state)
{
	struct rig rig;
	roost_pfn pfn;

	rig_open_simple(&rig, state, 0, 2 * BLOCK, 2);
	pfn = rig_get(&rig, 8, 0);
	while (rig_alloc(&rig, 8, 0) != ROOST_NONE)
		;
	roost_drain(rig.roost, -1);
	rig_free(&rig, pfn);
	clear_zone(&rig.roost->zones[0]);
	begin(&rig.roost->zones[0]);
	assert_int_equal(rig_alloc(&rig, 8, ROOST_WAIT), pfn);
	undo(&rig.roost->zones[0]);
	rig_home(&rig);
	rig_close(&rig);
}

/* A pageblock was set apart and is still whole: a claim puts its frames where they belong. */
static void claims_of_isolated_ones_are_undone(void **state)
{
	struct rst_zone *z;
	struct rig rig;

	rig_open_simple(&rig, state, 0, 3 * BLOCK, 2);
	z = &rig.roost->zones[0];
	z->apart++;
	rig.roost->place[0] = ROOST_LIST_ISOLATE;
	assert_in_range(rig_get(&rig, 0, 0), BLOCK, 2 * BLOCK - 1);
	assert_int_equal(rst_set_count(&rig.roost->blocks[0]), BLOCK);
	assert_int_equal(z->nr_whole, 1);
	rig_check(&rig);
	assert_int_equal(roost_isolate(rig.roost, 0, false), 0);
	rig_home(&rig);
	rig_close(&rig);
}

/* Several of them, one after the other: a search goes on as long as each claim comes upon one. */
static void claims_go_on_after_isolated_ones(void **state)
{
	enum { BLOCKS = 4 };
	struct rig rig;

	rig_open_simple(&rig, state, 0, BLOCKS * BLOCK, 2);
	for (rst_block_id b = 0; b < BLOCKS - 1; b++) {
		rig.roost->zones[0].apart++;
		rig.roost->place[b] = ROOST_LIST_ISOLATE;
	}
	assert_int_equal(rig_get(&rig, 8, 0) / BLOCK, BLOCKS - 1);
	for (rst_block_id b = 0; b < BLOCKS - 1; b++)
		assert_int_equal(roost_isolate(rig.roost, b * BLOCK, false), 0);
	rig_home(&rig);
	rig_close(&rig);
}

/* An allocation has taken a word of a region when a pageblock in it is set apart, and puts it back:
 * the pageblock stays apart. */
static void isolation_outlives_a_put_back(void **state)
{
	struct roost_range range = {0, RST_REGION * BLOCK, 0, 0};
	struct roost_config config = rig_config(state);
	uint64_t full = RST_FULL;
	struct rst_set *region;
	struct rig rig;

	config.ranges = &range;
	config.nr_ranges = 1;
	config.max_order = 18;
	rig_open(&rig, &config);
	region = &rig.roost->regions[0];
	assert_true(rst_cas64_acq(&region->word[0], &full, 0));
	assert_int_equal(roost_isolate(rig.roost, 5 * BLOCK, true), 0);
	rst_or_sc(&region->word[0], RST_FULL);
	rst_settle_region(rig.roost, &rig.roost->zones[0], 0);
	rig_check(&rig);
	assert_int_equal(rig_take_all(&rig, 9, 0), RST_REGION - 1);
	assert_int_equal(roost_isolate(rig.roost, 5 * BLOCK, false), 0);
	rig_home(&rig);
	rig_close(&rig);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(cleared_hints_are_found, variants_owners),
		SUITE_TEST(a_cleared_hint_of_one_pageblock_is_found, variants_one),
		SUITE_TEST(cleared_hints_are_found_in_turns, variants_one),
		SUITE_TEST(cleared_hints_are_waited_for, variants_owners),
		SUITE_TEST(claims_of_isolated_ones_are_undone, variants_owners),
		SUITE_TEST(claims_go_on_after_isolated_ones, variants_owners),
		SUITE_TEST(isolation_outlives_a_put_back, variants_one),
	};

	return SUITE_RUN("sets_stopped", tests, argc, argv);
}
