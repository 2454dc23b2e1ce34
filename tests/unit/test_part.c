/* SPDX-License-Identifier: MIT */
/* test_part.c - roost_free_part(), roost_merge(): parts of blocks, and blocks made of pieces. */
#include "harness.h"

#include <limits.h>

enum { BLOCKS = 8, FRAMES = BLOCKS * BLOCK, CPUS = 2 };

/* Each aligned part of each order of a block: the rest stays, a block of each order between. */
static void each_part(void **state)
{
	struct rig rig;

	rig_open_simple(&rig, state, 0, FRAMES, CPUS);
	for (unsigned from = 0; from <= ROOST_DEFAULT_MAX_ORDER; from++)
		for (unsigned order = 0; order <= from; order++) {
			unsigned parts = 1u << (from - order), step = parts > 8 ? parts / 4 - 1 : 1;

			for (unsigned i = 0; i < parts; i += step) {
				roost_pfn pfn = rig_get(&rig, from, i % 3);

				rig_free_part(&rig, pfn + ((roost_pfn)i << order), order);
				assert_int_equal(shadow_taken(&rig.shadow, 0),
						 (1u << from) - (1u << order));
				rig_check(&rig);
				rig_free_all(&rig);
			}
			rig_compare(&rig);
		}
	rig_home(&rig);
	rig_close(&rig);
}

/* All parts, one after the other, and merged again in between. */
static void there_and_back(void **state)
{
	struct rig rig;

	rig_open_simple(&rig, state, 0, FRAMES, CPUS);
	assert_int_equal(rig_take_range(&rig, 0, FRAMES), 0);
	for (unsigned order = 0; order <= ROOST_DEFAULT_MAX_ORDER; order++) {
		roost_pfn size = (roost_pfn)1 << ROOST_DEFAULT_MAX_ORDER;

		rig_split(&rig, size, order);
		rig_merge(&rig, size, ROOST_DEFAULT_MAX_ORDER);
		assert_int_equal(roost_order(rig.roost, size), ROOST_DEFAULT_MAX_ORDER);
		rig_merge(&rig, size, ROOST_DEFAULT_MAX_ORDER);
		rig_free_part(&rig, size, order);
		assert_int_equal(rig_take_range(&rig, size, 1u << order), 0);
		rig_merge(&rig, size, ROOST_DEFAULT_MAX_ORDER);
		rig_compare(&rig);
	}
	rig_home(&rig);
	rig_close(&rig);
}

/* Frames of CPUs' own pageblocks, current ones too, become large blocks: freed, these are whole. */
static void large_blocks_of_single_frames(void **state)
{
	struct rig rig;

	rig_open_simple(&rig, state, 0, FRAMES, CPUS);
	for (unsigned order = ROOST_PAGEBLOCK_ORDER; order <= ROOST_DEFAULT_MAX_ORDER; order++) {
		roost_pfn size = (roost_pfn)1 << order;

		for (unsigned i = 0; i < FRAMES; i++) {
			rig_cpu(&rig, i / BLOCK);
			rig_get(&rig, 0, i / BLOCK % 3);
		}
		for (roost_pfn pfn = 0; pfn < FRAMES; pfn += size)
			rig_merge(&rig, pfn, order);
		rig_compare(&rig);
		for (roost_pfn pfn = 0; pfn < FRAMES; pfn += size) {
			rig_cpu(&rig, (unsigned)(pfn / BLOCK));
			rig_free(&rig, pfn);
			rig_check(&rig);
		}
		rig_compare(&rig);
		roost_drain(rig.roost, -1);
		assert_int_equal(rig_take_all(&rig, ROOST_DEFAULT_MAX_ORDER, 0),
				 FRAMES >> ROOST_DEFAULT_MAX_ORDER);
		rig_free_all(&rig);
		roost_drain(rig.roost, -1);
	}
	rig_home(&rig);
	rig_close(&rig);
}

static void expect(struct rig *rig, const char *call, enum roost_misuse_kind kind, roost_pfn pfn)
{
	assert_int_equal(rig->nr_misuse, 1);
	assert_string_equal(rig->misuse[0].call, call);
	assert_int_equal(rig->misuse[0].kind, kind);
	assert_int_equal(rig->misuse[0].pfn, pfn);
	rig->nr_misuse = 0;
}

static void misuse_is_told(void **state)
{
	static const unsigned bad[] = {32,	     INT_MAX, 1u << 31, (1u << 31) + 3,
				       UINT_MAX - 1, UINT_MAX};
	struct rig rig;

	rig_open_simple(&rig, state, 0, FRAMES, 1);
	assert_int_equal(rig_take_range(&rig, 0, 64), 0);
	rig_free_part(&rig, 16, 3);
	roost_free_part(rig.roost, 16, 3);
	expect(&rig, "roost_free_part", ROOST_MISUSE_DOUBLE_FREE, 16);
	roost_free_part(rig.roost, 20, 2);
	assert_int_equal(rig.nr_misuse, 1);
	rig.nr_misuse = 0;
	roost_free_part(rig.roost, 0, 6);
	expect(&rig, "roost_free_part", ROOST_MISUSE_WRONG_ORDER, 0);
	roost_free_part(rig.roost, 1, 1);
	expect(&rig, "roost_free_part", ROOST_MISUSE_MISALIGNED, 1);
	roost_free_part(rig.roost, 0, ROOST_DEFAULT_MAX_ORDER + 1);
	expect(&rig, "roost_free_part", ROOST_MISUSE_BAD_ORDER, 0);
	for (unsigned i = 0; i < LENGTH(bad); i++) {
		unsigned order = bad[i];

		roost_free_part(rig.roost, 0, order);
		expect(&rig, "roost_free_part", ROOST_MISUSE_BAD_ORDER, 0);
		assert_int_equal(roost_merge(rig.roost, 0, order), -ROOST_EINVAL);
		expect(&rig, "roost_merge", ROOST_MISUSE_BAD_ORDER, 0);
	}
	roost_free_part(rig.roost, FRAMES, 0);
	expect(&rig, "roost_free_part", ROOST_MISUSE_OUT_OF_RANGE, FRAMES);
	assert_int_equal(roost_merge(rig.roost, 0, 6), -ROOST_EINVAL);
	expect(&rig, "roost_merge", ROOST_MISUSE_DOUBLE_FREE, 0);
	assert_int_equal(roost_merge(rig.roost, 0, 3), -ROOST_EINVAL); /* it is a larger one */
	expect(&rig, "roost_merge", ROOST_MISUSE_WRONG_ORDER, 0);
	assert_int_equal(roost_merge(rig.roost, 8, 3), -ROOST_EINVAL); /* inside of one */
	expect(&rig, "roost_merge", ROOST_MISUSE_NOT_ALLOCATED, 8);
	assert_int_equal(roost_merge(rig.roost, 4, 3), -ROOST_EINVAL);
	expect(&rig, "roost_merge", ROOST_MISUSE_MISALIGNED, 4);
	assert_int_equal(roost_merge(rig.roost, 0, 64), -ROOST_EINVAL);
	expect(&rig, "roost_merge", ROOST_MISUSE_BAD_ORDER, 0);
	assert_int_equal(roost_merge(rig.roost, ROOST_NONE, 0), -ROOST_EINVAL);
	expect(&rig, "roost_merge", ROOST_MISUSE_OUT_OF_RANGE, ROOST_NONE);
	rig_compare(&rig);
	rig_home(&rig);
	rig_close(&rig);
}

static void cannot_merge_across(struct rig *rig)
{
	assert_int_equal(roost_merge(rig->roost, 2 * BLOCK, 10), -ROOST_EINVAL);
	expect(rig, "roost_merge", ROOST_MISUSE_HOLE, 2 * BLOCK);
	rig_compare(rig);
	rig_home(rig);
	rig_close(rig);
}

/* Blocks of two zones are no block; nor are some and those past the last frame. */
static void no_block_leaves_its_zone(void **state)
{
	struct rig rig;

	rig_open_two(&rig, state, 3 * BLOCK, 1);
	assert_int_equal(rig_take_range(&rig, 2 * BLOCK, BLOCK), 0);
	assert_int_equal(rig_take_range(&rig, 3 * BLOCK, BLOCK), 0);
	cannot_merge_across(&rig);
	rig_open_simple(&rig, state, 0, 3 * BLOCK, 1);
	assert_int_equal(rig_take_range(&rig, 2 * BLOCK, BLOCK), 0);
	cannot_merge_across(&rig);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(each_part, variants_paths),
		SUITE_TEST(there_and_back, variants_all),
		SUITE_TEST(large_blocks_of_single_frames, variants_paths),
		SUITE_TEST(misuse_is_told, variants_checked),
		SUITE_TEST(no_block_leaves_its_zone, variants_paths),
	};

	return SUITE_RUN("part", tests, argc, argv);
}
