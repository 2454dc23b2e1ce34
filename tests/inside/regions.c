/* SPDX-License-Identifier: MIT */
/*
 * regions.c - in which regions whole pageblocks are claimed: those of migratetypes other than
 * movable gather in as few as possible, and what is movable stays out of these while it can.
 */
#include "sets/engine.h"

#include "harness.h"

enum { REGIONS = 4, HALF = ROOST_PAGEBLOCK_ORDER - 1 };

/* Pageblocks of which something was allocated, by region. */
struct used {
	unsigned movable[REGIONS], unmovable[REGIONS];
};

static rst_region_id region_of(roost_pfn pfn)
{
	return (rst_region_id)(pfn / BLOCK / RST_REGION);
}

static void open_regions(struct rig *rig, void *const *state)
{
	rig_open_simple(rig, state, 0, (uint64_t)REGIONS * RST_REGION * BLOCK, 1);
}

/* Takes n whole pageblocks, by halves: a block of order 9 is nobody's pageblock. */
static void take(struct rig *rig, struct used *used, unsigned flags, unsigned n)
{
	unsigned *of = flags == ROOST_MOVABLE ? used->movable : used->unmovable;

	for (unsigned i = 0; i < 2 * n; i++)
		of[region_of(rig_get(rig, HALF, flags))] += i % 2;
}

static unsigned count(const unsigned *of)
{
	unsigned n = 0;

	for (unsigned g = 0; g < REGIONS; g++)
		n += of[g] > 0;
	return n;
}

static void unmovable_ones_gather(void **state)
{
	struct used used = {0};
	struct rig rig;

	open_regions(&rig, state);
	/* A tenth of what is taken is unmovable, up to 70 % of the memory. */
	for (unsigned i = 0; i < REGIONS * RST_REGION * 7 / 100; i++) {
		take(&rig, &used, ROOST_MOVABLE, 9);
		take(&rig, &used, i % 2 ? ROOST_UNMOVABLE : ROOST_RECLAIMABLE, 1);
	}
	assert_int_equal(count(used.unmovable), 1);
	for (unsigned g = 0; g < REGIONS; g++)
		/* The first pageblock was taken while no region was tainted. */
		assert_true(!used.unmovable[g] || used.movable[g] <= 9);
	rig_home(&rig);
	rig_close(&rig);
}

/* When the tainted ones are full the next one is the emptiest, in which there is room for more. */
static void the_next_one_is_the_emptiest(void **state)
{
	struct used used = {0};
	struct rig rig;

	open_regions(&rig, state);
	take(&rig, &used, ROOST_UNMOVABLE, 1);
	take(&rig, &used, ROOST_MOVABLE, 2 * RST_REGION - 16);
	take(&rig, &used, ROOST_UNMOVABLE, RST_REGION + 32);
	assert_int_equal(count(used.unmovable), 2);
	assert_int_equal(count(used.movable), 2);
	rig_home(&rig);
	rig_close(&rig);
}

/* The rule is no limit: either kind gets all of the memory. */
static void either_kind_gets_everything(void **state)
{
	static const unsigned flags[] = {ROOST_MOVABLE, ROOST_UNMOVABLE};

	for (unsigned i = 0; i < LENGTH(flags); i++) {
		struct used used = {0};
		struct rig rig;

		open_regions(&rig, state);
		take(&rig, &used, flags[!i], 5);
		take(&rig, &used, flags[i], REGIONS * RST_REGION - 5);
		assert_int_equal(rig_alloc(&rig, HALF, flags[i]), ROOST_NONE);
		rig_home(&rig);
		rig_close(&rig);
	}
}

/* Where the hint of a region is: in the one list or in the other. */
static void list_is(const struct rig *rig, rst_region_id g, unsigned list)
{
	const struct rst_zone *z = &rig->roost->zones[0];

	for (unsigned bin = 0; bin <= RST_SET_ORDER; bin++)
		assert_false(rst_hint_has(&z->whole, (struct rst_hint_bin){!list, bin}, g));
	assert_int_equal(rst_whole_list(rig->roost, g), list);
}

static void a_region_is_clean_again(void **state)
{
	struct rig rig;
	roost_pfn pfn;

	open_regions(&rig, state);
	pfn = rig_get(&rig, 0, ROOST_UNMOVABLE);
	list_is(&rig, region_of(pfn), RST_TAINTED);
	rig_free(&rig, pfn);
	roost_drain(rig.roost, -1);
	list_is(&rig, region_of(pfn), RST_CLEAN);
	rig_home(&rig);
	rig_close(&rig);
}

/* A pageblock that changes its migratetype otherwise: isolated, stolen. */
static void each_change_counts(void **state)
{
	struct rig rig;
	roost_pfn pfn;

	open_regions(&rig, state);
	pfn = rig_get(&rig, 0, ROOST_UNMOVABLE);
	assert_int_equal(roost_isolate(rig.roost, pfn, true), 0);
	list_is(&rig, region_of(pfn), RST_CLEAN);
	assert_int_equal(roost_isolate(rig.roost, pfn, false), 0);
	list_is(&rig, region_of(pfn), RST_CLEAN);
	rig_home(&rig);
	rig_close(&rig);

	rig_open_simple(&rig, state, 0, BLOCK, 1);
	rig_get(&rig, 0, ROOST_MOVABLE);
	roost_drain(rig.roost, -1); /* so that it is nobody's current one */
	assert_int_equal(rst_whole_list(rig.roost, 0), RST_CLEAN);
	rig_get(&rig, 0, ROOST_UNMOVABLE);
	assert_int_equal(rig_stats(&rig).blocks_stolen, 1);
	assert_int_equal(rst_whole_list(rig.roost, 0), RST_TAINTED);
	roost_recover(rig.roost);
	assert_int_equal(rst_whole_list(rig.roost, 0), RST_TAINTED);
	rig_home(&rig);
	rig_close(&rig);
}

/* All frames of the pageblock are in a caller's hands, as one block or out of the pool. */
static void what_is_taken_by_address_counts(void **state)
{
	struct rig rig;
	roost_pfn pfn;

	open_regions(&rig, state);
	pfn = rig_get(&rig, 0, ROOST_RECLAIMABLE);
	list_is(&rig, region_of(pfn), RST_TAINTED);
	rig_free(&rig, pfn);
	pfn -= pfn % BLOCK;
	assert_int_equal(roost_take_range(rig.roost, pfn, BLOCK), 0);
	list_is(&rig, region_of(pfn), RST_CLEAN);
	roost_free(rig.roost, pfn, ROOST_PAGEBLOCK_ORDER);

	pfn = rig_get(&rig, 0, ROOST_UNMOVABLE);
	list_is(&rig, region_of(pfn), RST_TAINTED);
	rig_free(&rig, pfn);
	pfn -= pfn % BLOCK;
	assert_int_equal(roost_remove_range(rig.roost, pfn, BLOCK), 0);
	list_is(&rig, region_of(pfn), RST_CLEAN);
	assert_int_equal(roost_add_range(rig.roost, pfn, BLOCK), 0);
	rig_home(&rig);
	rig_close(&rig);
}

/* No pageblock is whole, and one of a region that is tainted is as good as one of another. */
static void steals_come_from_tainted_regions(void **state)
{
	const unsigned clean = (REGIONS - 1) * RST_REGION;
	struct used used = {0};
	struct rig rig;
	roost_pfn pfn, halves[2];

	open_regions(&rig, state);
	halves[0] = rig_get(&rig, HALF, ROOST_MOVABLE);
	rig_get(&rig, HALF, ROOST_MOVABLE);
	take(&rig, &used, ROOST_MOVABLE, clean - 1);
	take(&rig, &used, ROOST_UNMOVABLE, 1);
	halves[1] = rig_get(&rig, HALF, ROOST_MOVABLE);
	rig_get(&rig, HALF, ROOST_MOVABLE);
	take(&rig, &used, ROOST_MOVABLE, RST_REGION - 2);
	assert_int_equal(region_of(halves[0]), 0);
	assert_int_equal(region_of(halves[1]), REGIONS - 1);
	for (unsigned i = 0; i < LENGTH(halves); i++)
		rig_free(&rig, halves[i]);
	roost_drain(rig.roost, -1);

	pfn = rig_get(&rig, 0, ROOST_UNMOVABLE);
	assert_int_equal(region_of(pfn), REGIONS - 1);
	assert_int_equal(rst_whole_list(rig.roost, 0), RST_CLEAN);
	rig_home(&rig);
	rig_close(&rig);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(unmovable_ones_gather, variants_one),
		SUITE_TEST(the_next_one_is_the_emptiest, variants_one),
		SUITE_TEST(either_kind_gets_everything, variants_one),
		SUITE_TEST(a_region_is_clean_again, variants_owners),
		SUITE_TEST(each_change_counts, variants_one),
		SUITE_TEST(what_is_taken_by_address_counts, variants_one),
		SUITE_TEST(steals_come_from_tainted_regions, variants_one),
	};

	return SUITE_RUN("sets_regions", tests, argc, argv);
}
