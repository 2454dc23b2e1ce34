/* SPDX-License-Identifier: MIT */
/* old_hints.c - what calls of the engine sets do about hints whose pageblocks have become whole. */
#include "sets/engine.h"

#include "harness.h"

#include "count.h"
#include "hints.h"

enum { PAGEBLOCKS = 64, M = ROOST_MOVABLE, U = ROOST_UNMOVABLE };

/* As if somebody had noted each pageblock but the first three times, and too late. */
static void note_old(struct rig *rig, unsigned list)
{
	static const unsigned bins[] = {4, 9, RST_BINS - 1};

	for (rst_block_id b = 1; b < PAGEBLOCKS; b++)
		for (unsigned i = 0; i < LENGTH(bins); i++)
			hint_note(&rig->roost->zones[0], list, bins[i], b);
}

/* Every pageblock was filled and is whole again, but for one, which is full and was current: its
 * first half. There are old hints. */
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
	assert_in_range(hint_count(&rig->roost->zones[0].partial, false), 0, 1); /* current */
	note_old(rig, drain ? M : rst_home_list(0, M));
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

/* As long as there are whole pageblocks no allocation clears more than a few. */
static void old_hints_go_in_steps(void **state)
{
	enum { MOST = 700 };
	struct rig rig;
	roost_pfn first = ROOST_NONE;

	leave_old_hints(&rig, state, false);
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
	done(&rig);
}

/* Nothing is free but one half of the last pageblock, behind all the old hints. */
static roost_pfn leave_half_behind(struct rig *rig, void *const *state)
{
	roost_pfn half = leave_old_hints(rig, state, false);

	rig_take_all(rig, 9, M);
	rig_take_all(rig, 0, M);
	roost_drain(rig->roost, -1); /* and so it is no CPU's current one */
	rig_free(rig, half);
	note_old(rig, M);
	return half;
}

/* A call that may wait clears them all rather than fail or take of another migratetype; so does one
 * for a single frame. */
static void old_hints_do_not_make_it_fail(void **state)
{
	struct rig rig;
	roost_pfn half = leave_half_behind(&rig, state);

	is_within(rig_get(&rig, 8, M | ROOST_WAIT), half);
	done(&rig);
	half = leave_half_behind(&rig, state);
	is_within(rig_get(&rig, 0, M), half);
	done(&rig);
}

/* A larger one that does not wait clears a few and fails, which is counted. The next goes on. */
static void brief_calls_clear_a_few(void **state)
{
	enum { MOST = 1000 };
	struct rig rig;
	roost_pfn half = leave_half_behind(&rig, state), pfn;
	unsigned calls = 0;

	do {
		reset();
		pfn = rig_alloc(&rig, 4, M);
		assert_in_range(counted.accesses, 1, MOST);
		assert_in_range(++calls, 1, PAGEBLOCKS / RST_BRIEF_HINTS + 1);
	} while (pfn == ROOST_NONE);
	is_within(pfn, half);
	assert_in_range(calls, 2, calls);
	assert_int_equal(rig_stats(&rig).fail_while_free, calls - 1);
	done(&rig);
}

/* None of them fails as long as there are whole pageblocks, however many hints are old. */
static void brief_calls_claim(void **state)
{
	struct rig rig;

	leave_old_hints(&rig, state, false);
	rig.roost->zones[0].desc.low = PAGEBLOCKS * BLOCK;
	rig_get(&rig, 8, M);
	rig_get(&rig, 8, M);
	for (unsigned i = 0; i < PAGEBLOCKS - 3; i++)
		rig_get(&rig, 8, M);
	done(&rig);
}

/* Below the low mark each whole pageblock counts: a call that may wait clears all hints first. */
static void old_hints_before_the_last_whole(void **state)
{
	struct rig rig;
	roost_pfn half = leave_old_hints(&rig, state, false);
	uint64_t before = whole(&rig);

	rig_get(&rig, 8, M);
	rig_get(&rig, 8, M); /* and so the CPU has no current one of which something is free */
	rig.roost->zones[0].desc.low = PAGEBLOCKS * BLOCK;
	rig_free(&rig, half);
	is_within(rig_get(&rig, 2, M | ROOST_WAIT), half);
	assert_int_equal(whole(&rig), before - 1);
	done(&rig);
}

/* What a CPU claims that is off-line does not become current: it claims once, not each time. */
static void old_hints_of_who_is_dead(void **state)
{
	struct roost_stats stats[2] = {{0}};
	struct rig rig;

	NEED_SMP();
	leave_old_hints(&rig, state, true);
	for (unsigned i = 0; i < PAGEBLOCKS / 2; i++)
		rig_get(&rig, 9, M);
	assert_int_equal(roost_cpu_offline(rig.roost, 0), 0);
	roost_stats(rig.roost, -1, -1, &stats[0]);
	for (unsigned i = 0; i < 4; i++)
		rig_get(&rig, 0, M | ROOST_WAIT);
	roost_stats(rig.roost, -1, -1, &stats[1]);
	assert_int_equal(stats[1].blocks_claimed - stats[0].blocks_claimed, 1);
	assert_int_equal(roost_cpu_online(rig.roost, 0), 0);
	done(&rig);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(old_hints_go_in_steps, variants_one),
		SUITE_TEST(old_hints_do_not_make_it_fail, variants_one),
		SUITE_TEST(brief_calls_clear_a_few, variants_one),
		SUITE_TEST(brief_calls_claim, variants_one),
		SUITE_TEST(old_hints_before_the_last_whole, variants_one),
		SUITE_TEST(old_hints_of_who_is_dead, variants_one),
	};

	return SUITE_RUN("sets_old_hints", tests, argc, argv);
}
