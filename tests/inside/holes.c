/* SPDX-License-Identifier: MIT */
/*
 * holes.c - where the engine sets puts a small block when the CPU's current pageblock has only
 * larger runs left. It looks at a few pageblocks that hints name: a hole of the first that is
 * nearly full, or else of the fullest.
 */
#include "sets/engine.h"

#include "harness.h"

#include "count.h"

enum { PAGEBLOCKS = 16, BROKEN = 9, M = ROOST_MOVABLE };

static const unsigned HALF = 32; /* of a word: what goes into a pocket at once */

/* Some pageblocks are in use, frame by frame; another one is current, and its pocket is empty. */
static void open_broken(struct rig *rig, void *const *state, unsigned k, uint64_t low)
{
	const struct roost_zone_config zone = {.name = "A", .low = low, .high = low};
	const struct roost_range range = {0, PAGEBLOCKS * BLOCK, 0, 0};
	struct roost_config config = rig_config(state);

	config.ranges = &range;
	config.nr_ranges = 1;
	config.zones = &zone;
	config.nr_zones = 1;
	config.nr_cpus = 2;
	rig_open(rig, &config);
	rig->config.ranges = NULL;
	rig->config.zones = NULL;
	rig_cpu(rig, 0);
	for (unsigned i = 0; i < BROKEN; i++) {
		assert_int_equal(rig_get(rig, ROOST_PAGEBLOCK_ORDER, M), i * BLOCK);
		rig_split(rig, i * BLOCK, 0);
	}
	/* No hole of that order is left in it. */
	for (unsigned i = 0; i < 2 || i < HALF >> k; i++)
		assert_int_equal(rig_get(rig, k, M) / BLOCK, BROKEN);
}

/* Frees the n-th run of order k of a pageblock. */
static void free_run(struct rig *rig, unsigned pageblock, unsigned k, unsigned n)
{
	roost_pfn pfn = pageblock * BLOCK + ((roost_pfn)n << k);

	for (unsigned i = 0; i < 1u << k; i++)
		rig_free(rig, pfn + i);
}

/* No two of these are neighbours. */
static void make_holes(struct rig *rig, unsigned pageblock, unsigned k, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		free_run(rig, pageblock, k, 2 * i);
}

static void done(struct rig *rig)
{
	rig_check(rig);
	rig_home(rig);
	rig_close(rig);
}

/* Times a number that leaves no pageblock nearly full. */
static void make_all_holes(struct rig *rig, unsigned k, const unsigned *holes, unsigned times)
{
	for (unsigned i = 0; i < BROKEN; i++)
		make_holes(rig, i, k, holes[i] * times);
}

/* The fifth is fuller, but hints name others first. */
static void the_fullest_of_four(void **state)
{
	static const unsigned holes[BROKEN] = {7, 5, 3, 6, 2, 6, 4, 7, 2};
	struct rig rig;

	for (unsigned k = 0; k < RST_HOLE_ORDERS; k++) {
		open_broken(&rig, state, k, 1);
		make_all_holes(&rig, k, holes, k < 3 ? 8 : HALF >> k);
		assert_int_equal(rig_get(&rig, k, M) / BLOCK, 2);
		done(&rig);
	}
}

/* The third is fuller, but the second is good enough. */
static void the_first_that_is_nearly_full(void **state)
{
	struct rig rig;

	open_broken(&rig, state, 1, 1);
	make_holes(&rig, 0, 1, 40);
	make_holes(&rig, 1, 1, 8);
	make_holes(&rig, 2, 1, 1);
	assert_int_equal(rig_get(&rig, 1, M) / BLOCK, 1);
	done(&rig);
}

static bool is_current(const struct rig *rig, unsigned pageblock)
{
	return rig->roost->place[pageblock] & RST_CURRENT;
}

/* Pairs of calls soon find the hole that they free without a search. */
static void a_hole_that_comes_back_is_adopted(void **state)
{
	struct rig rig;

	for (unsigned k = 1; k < RST_HOLE_ORDERS; k++) {
		open_broken(&rig, state, k, 1);
		make_holes(&rig, 1, k, 1);
		for (unsigned i = 0; i < 11; i++) {
			roost_pfn pfn;

			reset();
			pfn = rig_get(&rig, k, M);
			assert_int_equal(pfn / BLOCK, 1);
			assert_int_equal(is_current(&rig, 1), i >= 8);
			rig_free(&rig, pfn);
			if (i > 8)
				assert_in_range(counted.accesses, 1, 60);
		}
		done(&rig);
	}
}

/* A pageblock with one or two single frames is not worth the way. */
static void few_frames_are_left_alone(void **state)
{
	struct rig rig;

	open_broken(&rig, state, 0, 1);
	make_holes(&rig, 0, 0, 2);
	assert_int_equal(rig_get(&rig, 0, M) / BLOCK, BROKEN);
	done(&rig);
}

/* A run that has grown since it was noted is no hole. */
static void a_hole_before_a_larger_run(void **state)
{
	struct rig rig;

	for (unsigned k = 1; k < RST_HOLE_ORDERS; k++) {
		open_broken(&rig, state, k, 1);
		free_run(&rig, 0, k, 0);
		free_run(&rig, 0, k, 1);
		make_holes(&rig, 1, k, 4);
		assert_int_equal(rig_get(&rig, k, M) / BLOCK, 1);
		done(&rig);
	}
}

static void a_hole_of_the_current_pageblock_first(void **state)
{
	roost_pfn pfn, got;
	struct rig rig;

	open_broken(&rig, state, 3, 1);
	pfn = rig_get(&rig, 4, M);
	rig_get(&rig, 4, M);
	assert_int_equal(pfn / BLOCK, BROKEN);
	rig_split(&rig, pfn, 3);
	rig_cpu(&rig, 1); /* not into the pocket */
	rig_free(&rig, pfn);
	rig_cpu(&rig, 0);
	make_holes(&rig, 1, 3, 1);
	assert_true(rst_move(rig.roost, &rig.roost->zones[0], 1, M, rst_home_list(0, M)));
	assert_int_equal(roost_alloc_bulk(rig.roost, 3, M, &got, 1), 1);
	assert_int_equal(got, pfn);
	roost_free(rig.roost, got, 3);
	done(&rig);
}

/* Nothing large is left to be saved, or none of it is to be touched. */
static void from_the_current_one(void *const *state, uint64_t low, bool pockets, unsigned k,
				 bool use_all)
{
	struct rig rig;
	roost_pfn pfn;

	counted.pockets = pockets;
	open_broken(&rig, state, k, low);
	make_holes(&rig, 0, k, 3);
	while (use_all && rig_alloc(&rig, ROOST_PAGEBLOCK_ORDER, M) != ROOST_NONE)
		;
	/* A plain call without a pocket does not come so far. */
	assert_int_equal(roost_alloc_bulk(rig.roost, k, M, &pfn, 1), 1);
	assert_int_equal(pfn / BLOCK, BROKEN);
	roost_free(rig.roost, pfn, k);
	done(&rig);
	counted.pockets = true;
}

static void the_current_one_serves(void **state)
{
	from_the_current_one(state, PAGEBLOCKS * BLOCK, true, 2, false);
	from_the_current_one(state, 1, true, 2, true);
	from_the_current_one(state, 1, false, 2, false);
	from_the_current_one(state, 1, true, RST_HOLE_ORDERS, false);
}

/* Hints that lead to nothing: as many are looked at as there are looks, and these are cleared. */
static void old_hints_are_cleared(void **state)
{
	const unsigned bin = rst_bin_of(2, true);
	struct rst_zone *z;
	struct rig rig;

	open_broken(&rig, state, 2, 1);
	z = &rig.roost->zones[0];
	for (unsigned i = 0; i < BROKEN; i++)
		rst_hint_note(&z->partial, (struct rst_hint_bin){M, bin}, i);
	assert_int_equal(rig_get(&rig, 2, M | ROOST_WAIT) / BLOCK, BROKEN);
	for (unsigned i = 0; i < BROKEN; i++)
		assert_int_equal(rst_hint_has(&z->partial, (struct rst_hint_bin){M, bin}, i),
				 i >= 4);
	done(&rig);
}

/* A pageblock of which half is free may soon be whole. One with larger runs alone has no hole. */
static void what_may_become_whole_is_left_alone(void **state)
{
	struct rig rig;

	open_broken(&rig, state, 3, 1);
	make_holes(&rig, 0, 3, BLOCK / 16);
	assert_int_equal(rig_get(&rig, 3, M) / BLOCK, BROKEN);
	done(&rig);

	open_broken(&rig, state, 3, 1);
	make_holes(&rig, 0, 3, BLOCK / 16 - 1);
	assert_int_equal(rig_get(&rig, 3, M) / BLOCK, 0);
	done(&rig);

	open_broken(&rig, state, 3, 1);
	free_run(&rig, 0, 3, 0);
	free_run(&rig, 0, 3, 1);
	rst_hint_note(&rig.roost->zones[0].partial, (struct rst_hint_bin){M, rst_bin_of(3, true)},
		      0);
	assert_int_equal(rig_get(&rig, 3, M) / BLOCK, BROKEN);
	done(&rig);
}

/* Takes a group of blocks and frees them, in turns; how many were in holes. */
static unsigned take_groups(struct rig *rig, unsigned turns)
{
	enum { GROUP = 4 };
	roost_pfn pfns[GROUP];
	unsigned n = 0;

	for (; turns; turns--) {
		for (unsigned i = 0; i < GROUP; i++) {
			pfns[i] = rig_get(rig, 3, M);
			n += pfns[i] / BLOCK < GROUP;
		}
		for (unsigned i = 0; i < GROUP; i++)
			rig_free(rig, pfns[i]);
	}
	return n;
}

/* At first they fill the holes of several pageblocks again and again; in the end hardly ever. When
 * the current pageblock has nothing more, holes are filled as at first. */
static void groups_that_come_back_pass_holes_by(void **state)
{
	struct rig rig;
	unsigned n;

	open_broken(&rig, state, 3, 1);
	for (unsigned i = 0; i < 4; i++)
		make_holes(&rig, i, 3, 1);
	assert_int_equal(take_groups(&rig, 100), 400);
	take_groups(&rig, 400);
	assert_in_range(take_groups(&rig, 200), 0, 40);
	assert_true(rst_load_rlx(&rig.roost->zones[0].pcps[0].holes));
	do {
		n = (unsigned)(rig_get(&rig, 5, M) / BLOCK);
	} while (n == BROKEN);
	assert_false(rst_load_rlx(&rig.roost->zones[0].pcps[0].holes));
	done(&rig);
}

/* What comes out of a pageblock of the zone counts as that. */
static void holes_of_the_zone_are_counted(void **state)
{
	uint64_t before;
	struct rig rig;

	open_broken(&rig, state, 3, 1);
	make_holes(&rig, 0, 3, 1);
	before = rig_stats(&rig).alloc_zone;
	assert_int_equal(rig_get(&rig, 3, M) / BLOCK, 0);
	assert_int_equal(rig_stats(&rig).alloc_zone, before + 1);
	done(&rig);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(the_fullest_of_four, variants_one),
		SUITE_TEST(the_first_that_is_nearly_full, variants_one),
		SUITE_TEST(a_hole_that_comes_back_is_adopted, variants_one),
		SUITE_TEST(few_frames_are_left_alone, variants_one),
		SUITE_TEST(a_hole_before_a_larger_run, variants_one),
		SUITE_TEST(a_hole_of_the_current_pageblock_first, variants_one),
		SUITE_TEST(the_current_one_serves, variants_one),
		SUITE_TEST(old_hints_are_cleared, variants_one),
		SUITE_TEST(what_may_become_whole_is_left_alone, variants_one),
		SUITE_TEST(groups_that_come_back_pass_holes_by, variants_one),
		SUITE_TEST(holes_of_the_zone_are_counted, variants_one),
	};

	counted.pockets = true;
	return SUITE_RUN("sets_holes", tests, argc, argv);
}
