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

static void kind_is(const struct rig *rig, rst_region_id g, unsigned list)
{
	assert_int_equal(rst_whole_list(rig->roost, g), list);
}

/* The same, and its hints are in that list alone. */
static void list_is(const struct rig *rig, rst_region_id g, unsigned list)
{
	const struct rst_zone *z = &rig->roost->zones[0];

	for (unsigned bin = 0; bin <= RST_SET_ORDER; bin++)
		assert_false(rst_hint_has(&z->whole, (struct rst_hint_bin){!list, bin}, g));
	kind_is(rig, g, list);
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
	kind_is(&rig, region_of(pfn), RST_CLEAN);
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
	kind_is(&rig, region_of(pfn), RST_CLEAN);
	assert_int_equal(roost_isolate(rig.roost, pfn, false), 0);
	kind_is(&rig, region_of(pfn), RST_CLEAN);
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
	kind_is(&rig, region_of(pfn), RST_CLEAN);
	roost_free(rig.roost, pfn, ROOST_PAGEBLOCK_ORDER);

	pfn = rig_get(&rig, 0, ROOST_UNMOVABLE);
	list_is(&rig, region_of(pfn), RST_TAINTED);
	rig_free(&rig, pfn);
	pfn -= pfn % BLOCK;
	assert_int_equal(roost_remove_range(rig.roost, pfn, BLOCK), 0);
	kind_is(&rig, region_of(pfn), RST_CLEAN);
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

/* ---- Regions that are no GiB --------------------------------------------------------------- */

enum { MANY = 32, PART = 64 }; /* pageblocks */

/* n regions, each of them the first pageblocks of a GiB, in ranges of their own. */
static void open_parts(struct rig *rig, void *const *state, unsigned n, unsigned pageblocks)
{
	struct roost_range ranges[MANY] = {{0}};
	struct roost_config config = rig_config(state);

	for (unsigned g = 0; g < n; g++) {
		ranges[g].start = (roost_pfn)g * RST_REGION * BLOCK;
		ranges[g].end = ranges[g].start + pageblocks * BLOCK;
	}
	config.ranges = ranges;
	config.nr_ranges = n;
	config.nr_cpus = 1;
	config.max_order = ROOST_MAX_ORDER;
	rig_open(rig, &config);
	rig->config.ranges = NULL;
	rig->config.nr_ranges = 0;
	assert_int_equal(rig->roost->nr_regions, n);
}

static void close_parts(struct rig *rig)
{
	rig_home(rig);
	rig_close(rig);
}

/* Takes pageblocks of a region by address: its hints stay as they are. */
static void take_of(struct rig *rig, rst_region_id g, unsigned first, unsigned n)
{
	roost_pfn pfn = ((roost_pfn)g * RST_REGION + first) * BLOCK;

	assert_int_equal(rig_take_range(rig, pfn, (uint64_t)n * BLOCK), 0);
}

static unsigned tainted(const struct rig *rig)
{
	unsigned n = 0;

	for (rst_region_id g = 0; g < rig->roost->nr_regions; g++)
		n += rst_whole_list(rig->roost, g) == RST_TAINTED;
	return n;
}

static void note(const struct rig *rig, unsigned list, unsigned bin, rst_region_id g)
{
	rst_hint_note(&rig->roost->zones[0].whole, (struct rst_hint_bin){list, bin}, g);
}

/* However many hints of others are too high. */
static void the_emptiest_of_many(void **state)
{
	static const unsigned flags[] = {0, ROOST_WAIT};
	struct rig rig;

	for (unsigned i = 0; i < 2 * LENGTH(flags); i++) {
		/* All regions from 24 on are free; or the hint of the emptiest is too high,
		 * as all others are. */
		const unsigned high = i % 2 ? MANY : 24, room = i % 2 ? 40 : PART;

		open_parts(&rig, state, MANY, PART);
		for (rst_region_id g = 0; g < high; g++)
			take_of(&rig, g, 0, g == 29 ? PART - 40 : PART - 4);
		for (unsigned n = 0; n < 2 * room; n++)
			rig_get(&rig, HALF, ROOST_UNMOVABLE | flags[i / 2]);
		assert_int_equal(tainted(&rig), 1);
		close_parts(&rig);
	}
}

/* Its hint is right, and in the bin below those that are too high. */
static void the_emptiest_is_in_the_next_bin(void **state)
{
	enum { N = 4, EMPTIEST = 2, ROOM = PART / 2 };
	struct rig rig;

	open_parts(&rig, state, N, PART);
	for (rst_region_id g = 0; g < N; g++)
		take_of(&rig, g, 0, g == EMPTIEST ? PART - ROOM : PART - 4);
	rst_settle_region(rig.roost, &rig.roost->zones[0], EMPTIEST);
	for (unsigned n = 0; n < 2 * ROOM; n++)
		assert_int_equal(region_of(rig_get(&rig, HALF, ROOST_UNMOVABLE)), EMPTIEST);
	close_parts(&rig);
}

/* The last of many regions is tainted and has room; nothing else is free in it. */
static void open_last_tainted(struct rig *rig, void *const *state, roost_pfn *blocks)
{
	enum { N = 16 };

	open_parts(rig, state, N, PART);
	for (unsigned g = 0; g < N; g++)
		blocks[g] = rig_get(rig, ROOST_PAGEBLOCK_ORDER + 6, 0);
	assert_int_equal(region_of(blocks[N - 1]), N - 1);
	rig_free(rig, blocks[N - 1]);
	rig_get(rig, HALF, ROOST_UNMOVABLE);
	rig_get(rig, HALF, ROOST_UNMOVABLE);
	assert_int_equal(tainted(rig), 1);
}

/* A call that does not wait meets nothing but old hints in the list that it searches first, and one
 * more in the second. */
static void brief_calls_reach_the_second_list(void **state)
{
	roost_pfn blocks[16];
	struct rig rig;

	open_last_tainted(&rig, state, blocks);
	for (unsigned g = 0; g < LENGTH(blocks) - 1; g++)
		note(&rig, RST_CLEAN, 3, g);
	note(&rig, RST_TAINTED, 3, LENGTH(blocks) / 2);
	assert_int_equal(region_of(rig_get(&rig, HALF, ROOST_MOVABLE)), LENGTH(blocks) - 1);
	close_parts(&rig);

	/* Blocks of several pageblocks, of which the others have but single ones. */
	open_last_tainted(&rig, state, blocks);
	for (unsigned g = 0; g < LENGTH(blocks) - 1; g++) {
		rig_free(&rig, blocks[g]);
		for (unsigned b = 1; b < PART; b += 2)
			take_of(&rig, g, b, 1);
	}
	assert_int_equal(region_of(rig_get(&rig, ROOST_PAGEBLOCK_ORDER + 1, ROOST_MOVABLE)),
			 LENGTH(blocks) - 1);
	close_parts(&rig);
}

/* Old hints come before the only region that has something, in the same list. A call that does not
 * wait passes by a few. */
static void old_hints_of_regions_are_passed(void **state)
{
	enum { N = 8 };
	static const unsigned flags[] = {0, ROOST_WAIT}, most[] = {RST_BRIEF_HINTS, N - 1};
	roost_pfn blocks[N];
	struct rig rig;

	for (unsigned i = 0; i < LENGTH(flags); i++) {
		open_parts(&rig, state, N, PART);
		for (unsigned g = 0; g < N; g++)
			blocks[g] = rig_get(&rig, ROOST_PAGEBLOCK_ORDER + 6, 0);
		rig_free(&rig, blocks[N - 1]);
		for (unsigned old = 1; old <= most[i]; old++) {
			for (unsigned g = 0; g < old; g++)
				note(&rig, RST_CLEAN, 3, region_of(blocks[g]));
			for (unsigned half = 0; half < 2; half++)
				assert_int_equal(region_of(rig_get(&rig, HALF, flags[i])),
						 region_of(blocks[N - 1]));
		}
		close_parts(&rig);
	}
}

/* Of many old hints a call for a large block that does not wait clears and passes by a few, and
 * fails. The next one goes on from there. */
static void large_blocks_wait_for_the_next_call(void **state)
{
	enum {
		N = 16,
		MOST = RST_BRIEF_HINTS + RST_BRIEF_PASSES,
		ORDER = ROOST_PAGEBLOCK_ORDER + 1
	};
	roost_pfn blocks[N];
	unsigned calls = 1;
	struct rig rig;

	open_parts(&rig, state, N, PART);
	for (unsigned g = 0; g < N; g++)
		blocks[g] = rig_get(&rig, ROOST_PAGEBLOCK_ORDER + 6, 0);
	assert_int_equal(region_of(blocks[N - 1]), N - 1);
	rig_free(&rig, blocks[N - 1]);
	for (unsigned g = 0; g < N - 1; g++)
		note(&rig, RST_CLEAN, 3, g);
	while (rig_alloc(&rig, ORDER, 0) == ROOST_NONE)
		calls++;
	assert_in_range(calls, 2, 1 + (N - 1 - MOST) / RST_BRIEF_HINTS + 1);
	close_parts(&rig);
}

/* As a CPU leaves them that notes a region while it becomes tainted, or clean. */
static void noted_in_both_lists(void **state)
{
	struct rig rig;

	open_parts(&rig, state, 2, PART);
	rig_get(&rig, HALF, ROOST_UNMOVABLE);
	rig_get(&rig, HALF, ROOST_UNMOVABLE);
	list_is(&rig, 0, RST_TAINTED);
	note(&rig, RST_CLEAN, 5, 0);
	assert_int_equal(region_of(rig_get(&rig, HALF, ROOST_MOVABLE)), 1);
	list_is(&rig, 0, RST_TAINTED);
	note(&rig, RST_TAINTED, 1, 1);
	assert_int_equal(region_of(rig_get(&rig, HALF, ROOST_UNMOVABLE)), 0);
	list_is(&rig, 1, RST_CLEAN);
	close_parts(&rig);
}

/* A free that makes a region clean again leaves its hints. It is not tainted again while there is
 * room in one that is. */
static void the_clean_again_stay_clean(void **state)
{
	roost_pfn pfns[2];
	struct rig rig;

	open_parts(&rig, state, 2, PART);
	for (unsigned i = 0; i < 2; i++)
		pfns[i] = rig_get(&rig, HALF, ROOST_UNMOVABLE);
	take_of(&rig, 0, 1, PART - 1);
	rig_get(&rig, HALF, ROOST_UNMOVABLE);
	rig_get(&rig, HALF, ROOST_UNMOVABLE);
	list_is(&rig, 1, RST_TAINTED);
	rig_free(&rig, PART / 2 * BLOCK); /* the second half of region 0 */
	for (unsigned i = 0; i < 2; i++)
		rig_free(&rig, pfns[i]);
	kind_is(&rig, 0, RST_CLEAN);
	for (unsigned i = 0; i < PART / 2; i++)
		assert_int_equal(region_of(rig_get(&rig, HALF, ROOST_UNMOVABLE)), 1);
	list_is(&rig, 0, RST_CLEAN);
	close_parts(&rig);
}

/* After a mass exit there are many such regions, each with a few whole pageblocks. A call that does
 * not wait settles but two of them. */
static void many_clean_again_stay_clean(void **state)
{
	enum { LAST = MANY - 1, LEFT = 3 };
	static roost_pfn pfns[LAST * 2 * LEFT];
	struct rig rig;

	open_parts(&rig, state, MANY, PART);
	for (rst_region_id g = 0; g < LAST; g++)
		take_of(&rig, g, LEFT, PART - LEFT);
	take_of(&rig, LAST, 0, PART / 2);
	take_of(&rig, LAST, PART / 2, PART / 2);
	for (unsigned i = 0; i < LENGTH(pfns); i++)
		pfns[i] = rig_get(&rig, HALF, ROOST_UNMOVABLE);
	rig_free(&rig, ((roost_pfn)LAST * RST_REGION + PART / 2) * BLOCK);
	rig_get(&rig, HALF, ROOST_UNMOVABLE);
	assert_int_equal(tainted(&rig), MANY);
	for (unsigned i = 0; i < LENGTH(pfns); i++)
		rig_free(&rig, pfns[i]);
	assert_int_equal(tainted(&rig), 1);

	for (unsigned i = 0; i < PART - 1; i++)
		assert_int_equal(region_of(rig_get(&rig, HALF, ROOST_UNMOVABLE)), LAST);
	assert_int_equal(tainted(&rig), 1);
	/* What was passed by is no less free. */
	while (rig_alloc(&rig, HALF, ROOST_UNMOVABLE) != ROOST_NONE)
		;
	assert_int_equal(rig.roost->zones[0].nr_whole, 0);
	close_parts(&rig);
}

/* A region that is left out may be smaller than another one. */
static void steals_look_into_each_span(void **state)
{
	enum { FEW = 4 };
	struct used used = {0};
	roost_pfn halves[2];
	struct rig rig;

	open_parts(&rig, state, 2, FEW);
	for (unsigned g = 0; g < 2; g++) {
		halves[g] = rig_get(&rig, HALF, ROOST_MOVABLE);
		rig_get(&rig, HALF, ROOST_MOVABLE);
		take(&rig, &used, ROOST_MOVABLE, FEW - 1 - g);
		assert_int_equal(region_of(halves[g]), g);
	}
	take(&rig, &used, ROOST_UNMOVABLE, 1);
	list_is(&rig, 1, RST_TAINTED);
	for (unsigned g = 0; g < 2; g++)
		rig_free(&rig, halves[g]);
	roost_drain(rig.roost, -1);
	assert_int_equal(region_of(rig_get(&rig, 0, ROOST_UNMOVABLE)), 1);
	close_parts(&rig);
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
		SUITE_TEST(the_emptiest_of_many, variants_one),
		SUITE_TEST(the_emptiest_is_in_the_next_bin, variants_one),
		SUITE_TEST(brief_calls_reach_the_second_list, variants_one),
		SUITE_TEST(old_hints_of_regions_are_passed, variants_one),
		SUITE_TEST(large_blocks_wait_for_the_next_call, variants_one),
		SUITE_TEST(noted_in_both_lists, variants_one),
		SUITE_TEST(the_clean_again_stay_clean, variants_one),
		SUITE_TEST(many_clean_again_stay_clean, variants_one),
		SUITE_TEST(steals_look_into_each_span, variants_one),
	};

	return SUITE_RUN("sets_regions", tests, argc, argv);
}
