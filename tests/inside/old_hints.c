/* SPDX-License-Identifier: MIT */
/* old_hints.c - what calls of the engine sets do about hints whose pageblocks have become whole. */
#include "sets/engine.h"

#include "harness.h"

#include "count.h"

enum { PAGEBLOCKS = 64, M = ROOST_MOVABLE, U = ROOST_UNMOVABLE };

/* Every pageblock was filled and is whole again, but for one, which is full and was current: its
 * first half. Each but the first has left hints in three bins. */
static roost_pfn leave_old_hints(struct rig *rig, void *const *state, bool drain)
{
	roost_pfn half;

	rig_open_simple(rig, state, 0, PAGEBLOCKS * BLOCK, 2);
	rig_cpu(rig, 0);
	assert_int_equal(rig_get(rig, 9, M), 0);
	assert_int_equal(rig_take_all(rig, 0, M), (PAGEBLOCKS - 1) * BLOCK);
	if (drain)
		roost_drain(rig->roost, -1); /* into the zone's list */
	rig_free_all(rig);
	half = rig_get(rig, 8, M);
	rig_get(rig, 8, M);
	return half;
}

static void done(struct rig *rig)
{
	rig_check(rig);
	rig_home(rig);
	rig_close(rig);
}

static uint64_t whole(const struct rig *rig)
{
	return rst_load_rlx(&rig->roost->zones[0].nr_whole);
}

static void is_within(roost_pfn pfn, roost_pfn half)
{
	assert_in_range(pfn, half, half + BLOCK / 2 - 1);
}

/* As long as there are whole pageblocks no allocation clears more than a few. When there are none
 * it clears them all rather than fail or take of another migratetype. */
static void old_hints_go_in_steps(void **state)
{
	enum { MOST = 700 };
	struct rig rig;
	roost_pfn half = leave_old_hints(&rig, state, false), first = ROOST_NONE;

	for (unsigned i = 0; i < 6; i++) {
		roost_pfn pfn;

		reset();
		pfn = rig_get(&rig, 8, M);
		assert_in_range(counted.accesses, 1, MOST);
		first = i ? first : pfn;
	}
	/* What is free after those of other bins is not left for a whole pageblock. */
	rig_free(&rig, first);
	is_within(rig_get(&rig, 2, M), first);
	rig_get(&rig, 8, U);
	rig_take_all(&rig, 9, M);
	while (rig_zone_free(&rig, 0) > BLOCK / 2)
		rig_get(&rig, 2, M);
	rig_free(&rig, half);
	reset();
	is_within(rig_get(&rig, 2, M), half);
	assert_true(counted.accesses > MOST);
	done(&rig);
}

/* Nor below the low mark, where each whole pageblock counts. */
static void old_hints_before_the_last_whole(void **state)
{
	struct rig rig;
	roost_pfn half = leave_old_hints(&rig, state, false);
	uint64_t before = whole(&rig);

	rig_get(&rig, 8, M);
	rig_get(&rig, 8, M); /* and so the CPU has no current one of which something is free */
	rig.roost->zones[0].desc.low = PAGEBLOCKS * BLOCK;
	rig_free(&rig, half);
	is_within(rig_get(&rig, 2, M), half);
	assert_int_equal(whole(&rig), before - 1);
	done(&rig);
}

/* What a CPU claims that is off-line does not become current: it claims once, not each time. */
static void old_hints_of_who_is_dead(void **state)
{
	struct roost_stats stats[2];
	struct rig rig;

	NEED_SMP();
	leave_old_hints(&rig, state, true);
	for (unsigned i = 0; i < PAGEBLOCKS / 2; i++)
		rig_get(&rig, 9, M);
	assert_int_equal(roost_cpu_offline(rig.roost, 0), 0);
	roost_stats(rig.roost, -1, -1, &stats[0]);
	for (unsigned i = 0; i < 4; i++)
		rig_get(&rig, 0, M);
	roost_stats(rig.roost, -1, -1, &stats[1]);
	assert_int_equal(stats[1].blocks_claimed - stats[0].blocks_claimed, 1);
	assert_int_equal(roost_cpu_online(rig.roost, 0), 0);
	done(&rig);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(old_hints_go_in_steps, variants_one),
		SUITE_TEST(old_hints_before_the_last_whole, variants_one),
		SUITE_TEST(old_hints_of_who_is_dead, variants_one),
	};

	return SUITE_RUN("sets_old_hints", tests, argc, argv);
}
