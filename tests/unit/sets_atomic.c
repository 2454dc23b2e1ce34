/* SPDX-License-Identifier: MIT */
/* sets_atomic.c - pageblocks that are kept for high orders that cannot wait: ROOST_ATOMIC. */
#include "harness.h"

enum { BLOCKS = 4, FRAMES = BLOCKS * BLOCK, ORDER = 3, ATOMIC = ROOST_UNMOVABLE | ROOST_ATOMIC };

static uint64_t kept(const struct rig *rig)
{
	struct roost_zone_info info;

	assert_int_equal(roost_zone_info(rig->roost, 0, &info), 0);
	return info.pageblocks[ROOST_LIST_ATOMIC];
}

static bool is_same(roost_pfn a, roost_pfn b)
{
	return a >> ROOST_PAGEBLOCK_ORDER == b >> ROOST_PAGEBLOCK_ORDER;
}

/* Whole pageblocks are few there from the start. */
static void open_short(struct rig *rig, void *const *state, uint64_t frames)
{
	const struct roost_zone_config zone = {.low = frames, .high = frames};

	rig_open_zone(rig, state, frames, &zone, 2);
}

static void what_is_kept_is_there_when_all_else_is_in_pieces(void **state)
{
	struct rig rig;
	roost_pfn first, pfn;

	open_short(&rig, state, FRAMES);
	first = rig_get(&rig, ORDER, ATOMIC);
	assert_int_equal(kept(&rig), 1);
	for (unsigned i = 0; i < FRAMES - BLOCK; i++) {
		pfn = rig_get(&rig, 0, i % 2 ? ROOST_MOVABLE : ROOST_UNMOVABLE);
		assert_false(is_same(pfn, first));
	}
	for (unsigned i = 1; i < BLOCK >> ORDER; i++) {
		assert_true(roost_may_alloc(rig.roost, ORDER, ATOMIC));
		assert_true(is_same(rig_get(&rig, ORDER, ATOMIC), first));
	}
	assert_int_equal(kept(&rig), 1);
	assert_int_equal(rig_alloc(&rig, ORDER, ATOMIC), ROOST_NONE);
	rig_home(&rig);
	assert_int_equal(kept(&rig), 0);
	rig_close(&rig);
}

/* Before they fail, others get it, to the last frame, and it is kept no longer. */
static void others_have_it_before_they_fail(void **state)
{
	static const unsigned flags[] = {ROOST_MOVABLE, ROOST_UNMOVABLE | ROOST_WAIT,
					 ROOST_MOVABLE | ROOST_ONCE,
					 ROOST_UNMOVABLE | ROOST_NOSTEAL};

	for (unsigned i = 0; i < LENGTH(flags); i++)
		for (unsigned order = 0; order < ROOST_PAGEBLOCK_ORDER; order++) {
			struct rig rig;
			uint64_t blocks = FRAMES >> order;

			open_short(&rig, state, FRAMES);
			rig_get(&rig, ORDER, ATOMIC);
			assert_int_equal(rig_take_all(&rig, order, flags[i]),
					 blocks - (order > ORDER ? 1u : 8u >> order));
			assert_int_equal(kept(&rig), 0);
			rig_home(&rig);
			rig_close(&rig);
		}
}

/* One that is all free is a part of a larger block again when somebody wants that. */
static void it_is_whole_again_for_large_blocks(void **state)
{
	for (unsigned order = ROOST_PAGEBLOCK_ORDER; order <= ROOST_DEFAULT_MAX_ORDER; order++) {
		struct rig rig;
		roost_pfn pfn;

		open_short(&rig, state, FRAMES);
		pfn = rig_get(&rig, ORDER, ATOMIC);
		rig_free(&rig, pfn);
		assert_int_equal(kept(&rig), 1);
		assert_int_equal(rig_take_all(&rig, order, 0), FRAMES >> order);
		rig_home(&rig);
		rig_close(&rig);
	}
}

static void none_is_kept_while_there_are_many(void **state)
{
	const struct roost_zone_config zone = {.low = BLOCK, .high = BLOCK};
	struct rig rig;

	rig_open_zone(&rig, state, FRAMES, &zone, 1);
	rig_get(&rig, ORDER, ATOMIC);
	rig_get(&rig, 8, ATOMIC);
	assert_int_equal(kept(&rig), 0);
	rig_home(&rig);
	rig_close(&rig);
}

/* Nor for single frames, nor for those who do not ask for it. */
static void none_is_kept_for_others(void **state)
{
	struct rig rig;

	open_short(&rig, state, FRAMES);
	rig_get(&rig, 0, ATOMIC);
	rig_get(&rig, ORDER, ROOST_UNMOVABLE | ROOST_RESERVE);
	assert_int_equal(kept(&rig), 0);
	rig_home(&rig);
	rig_close(&rig);
}

/* A call that needs what was kept and one for a high order do not move it back and forth. */
static void none_is_kept_again_until_there_are_many(void **state)
{
	const struct roost_zone_config zone = {.low = 2 * BLOCK, .high = 2 * BLOCK};
	roost_pfn high, large, all[2 * BLOCK];
	struct rig rig;
	unsigned n = 0;

	rig_open_zone(&rig, state, FRAMES, &zone, 1);
	large = rig_get(&rig, 10, 0);
	high = rig_get(&rig, ORDER, ATOMIC);
	assert_int_equal(kept(&rig), 1);
	while ((all[n] = rig_alloc(&rig, 0, 0)) != ROOST_NONE)
		n++;
	assert_int_equal(kept(&rig), 0);
	for (unsigned i = 0; i < n; i++)
		if (is_same(all[i], high))
			rig_free(&rig, all[i]);
	rig_free(&rig, high);
	for (unsigned i = 0; i < 4; i++) {
		roost_drain(rig.roost, -1); /* so that the CPU looks at the zone */
		high = rig_get(&rig, ORDER, ATOMIC);
		assert_int_equal(kept(&rig), 0);
		rig_free(&rig, rig_get(&rig, 0, 0));
		rig_free(&rig, high);
	}
	rig_free(&rig, large);
	roost_drain(rig.roost, -1);
	rig_get(&rig, ORDER, ATOMIC);
	assert_int_equal(kept(&rig), 0);
	rig_take_all(&rig, 9, 0);
	roost_drain(rig.roost, -1);
	rig_get(&rig, ORDER, ATOMIC);
	assert_int_equal(kept(&rig), 1);
	rig_home(&rig);
	rig_close(&rig);
}

static void one_percent_is_kept_at_most(void **state)
{
	enum { MANY = 400 };
	struct rig rig;
	uint64_t blocks = 0;

	open_short(&rig, state, (uint64_t)MANY * BLOCK);
	while (rig_alloc(&rig, 8, ATOMIC) != ROOST_NONE)
		if (++blocks < MANY)
			assert_in_range(kept(&rig), 1, MANY / 100);
	assert_int_equal(blocks, 2 * MANY);
	assert_int_equal(kept(&rig), MANY / 100);
	rig_home(&rig);
	rig_close(&rig);
}

/* A pageblock that is set apart or taken altogether is kept no longer. */
static void what_happens_to_the_pageblock_counts(void **state)
{
	struct rig rig;
	roost_pfn pfn, start;

	open_short(&rig, state, FRAMES);
	pfn = rig_get(&rig, ORDER, ATOMIC);
	start = pfn - pfn % BLOCK;
	roost_recover(rig.roost);
	assert_int_equal(kept(&rig), 1);
	assert_int_equal(roost_isolate(rig.roost, pfn, true), 0);
	rig_check(&rig);
	assert_int_equal(kept(&rig), 0);
	assert_int_equal(roost_isolate(rig.roost, pfn, false), 0);

	rig_free(&rig, pfn);
	roost_drain(rig.roost, -1);
	pfn = rig_get(&rig, ORDER, ATOMIC);
	start = pfn - pfn % BLOCK;
	assert_int_equal(kept(&rig), 1);
	rig_free(&rig, pfn);
	assert_int_equal(roost_take_range(rig.roost, start, BLOCK), 0);
	assert_int_equal(kept(&rig), 0);
	roost_free(rig.roost, start, ROOST_PAGEBLOCK_ORDER);
	rig_home(&rig);
	rig_close(&rig);
}

static bool move(void *context, roost_pfn pfn, unsigned order)
{
	struct rig *rig = context;

	if (rig_alloc(rig, order, ROOST_WAIT) == ROOST_NONE)
		return false;
	rig_free(rig, pfn);
	return true;
}

/* It is as cheap to empty as it looks. */
static void it_is_compacted_as_others_are(void **state)
{
	struct roost_compaction c = {0};
	struct rig rig;
	roost_pfn pfn, half;
	int err;

	open_short(&rig, state, FRAMES);
	pfn = rig_get(&rig, ORDER, ATOMIC);
	half = rig_get(&rig, 8, ROOST_UNMOVABLE);
	for (unsigned i = 1; i < 2 * (BLOCKS - 1); i++)
		rig_get(&rig, 8, ROOST_UNMOVABLE);
	rig_free(&rig, half);
	assert_int_equal(kept(&rig), 1);
	while ((err = roost_compact(rig.roost, 9, move, &rig, &c)) == -ROOST_EAGAIN)
		;
	assert_int_equal(err, 0);
	assert_true(is_same(c.pfn, pfn));
	assert_null(shadow_take(&rig.shadow, c.pfn, 9));
	assert_int_equal(kept(&rig), 0);
	rig_home(&rig);
	rig_close(&rig);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(what_is_kept_is_there_when_all_else_is_in_pieces, variants_one),
		SUITE_TEST(others_have_it_before_they_fail, variants_one),
		SUITE_TEST(it_is_whole_again_for_large_blocks, variants_one),
		SUITE_TEST(none_is_kept_while_there_are_many, variants_one),
		SUITE_TEST(none_is_kept_again_until_there_are_many, variants_one),
		SUITE_TEST(none_is_kept_for_others, variants_one),
		SUITE_TEST(one_percent_is_kept_at_most, variants_one),
		SUITE_TEST(what_happens_to_the_pageblock_counts, variants_one),
		SUITE_TEST(it_is_compacted_as_others_are, variants_one),
	};

	return SUITE_RUN("sets_atomic", tests, argc, argv);
}
