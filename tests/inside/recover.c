/* SPDX-License-Identifier: MIT */
/*
 * recover.c - roost_recover() after threads that are gone were stopped at each point at which one
 * may be: what it finds is set here by hand, since no call of one thread leaves it.
 */
#include "sets/hidden.h"

#include "harness.h"
#include "hints.h"

enum { BLOCKS = 16, FRAMES = BLOCKS * BLOCK, CPUS = 2 };

static struct rst_zone *zone(const struct rig *rig)
{
	return &rig->roost->zones[0];
}

/* Some blocks of all kinds, so that there is something that must stay. */
static void open_used(struct rig *rig, void *const *state)
{
	rig_open_simple(rig, state, 0, FRAMES, CPUS);
	for (unsigned cpu = 0; cpu < CPUS; cpu++) {
		rig_cpu(rig, cpu);
		for (unsigned order = 0; order <= 9; order++)
			rig_get(rig, order, order % RST_TYPES);
	}
}

/* Right again: this many frames came back, and everything comes home. */
static void recovers(struct rig *rig, size_t frames)
{
	assert_int_equal(roost_validate(rig->roost, NULL), -ROOST_EUCLEAN);
	assert_int_equal(roost_recover(rig->roost), frames);
	rig_compare(rig);
	assert_int_equal(roost_recover(rig->roost), 0);
	rig_home(rig);
	rig_close(rig);
}

/* An allocation before om[] says so. */
static void taken_and_not_entered(void **state)
{
	struct rig rig;
	unsigned off;

	open_used(&rig, state);
	assert_true(
		rst_set_take(&rig.roost->blocks[rig.roost->zones[0].pcps[0].current[0]], 2, &off));
	recovers(&rig, 4);
}

/* A free behind om[], before it was counted; and behind that, before it was put. */
static void freed_and_not_put(void **state)
{
	for (unsigned counted = 0; counted < 2; counted++) {
		struct rig rig;
		roost_pfn pfn;

		open_used(&rig, state);
		pfn = rig_get(&rig, 3, 0);
		assert_null(shadow_put(&rig.shadow, pfn));
		rig.roost->om[pfn] = RST_OM_FREED;
		if (counted)
			zone(&rig)->pcps[1].orders.freed[3]++;
		recovers(&rig, 8);
	}
}

/* A pageblock that was claimed and not filled; one that was emptied to be made whole. */
static void pageblock_in_hand(void **state)
{
	struct rig rig;
	unsigned bit;

	open_used(&rig, state);
	rst_hide(zone(&rig));
	assert_true(rst_set_take(&rig.roost->regions[0], 0, &bit));
	zone(&rig)->nr_whole--;
	recovers(&rig, BLOCK);
}

/* Several whole ones for a large block. */
static void large_block_in_hand(void **state)
{
	struct rig rig;
	unsigned bit;

	open_used(&rig, state);
	assert_true(rst_set_take(&rig.roost->regions[0], 1, &bit));
	recovers(&rig, 2 * BLOCK);
}

/* A hint that was cleared; a move that was begun. */
static void hints_and_moves(void **state)
{
	struct rig rig;
	rst_block_id b;

	open_used(&rig, state);
	b = zone(&rig)->pcps[0].current[1];
	rst_hide(zone(&rig));
	for (unsigned list = 0; list < zone(&rig)->nr_lists; list++)
		hint_clear(zone(&rig), list, b);
	recovers(&rig, 0);
}

/* A current pageblock that no CPU has any more. */
static void nobodys_current(void **state)
{
	struct rig rig;
	rst_block_id b;

	open_used(&rig, state);
	b = zone(&rig)->pcps[0].current[0];
	zone(&rig)->pcps[0].current[0] = RST_NO_BLOCK;
	rst_hide(zone(&rig));
	assert_true(rig.roost->place[b] & RST_CURRENT);
	assert_int_equal(roost_recover(rig.roost), 0);
	assert_false(rig.roost->place[b] & RST_CURRENT);
	assert_true(rig.roost->place[zone(&rig)->pcps[1].current[0]] & RST_CURRENT);
	rig_home(&rig);
	rig_close(&rig);
}

static void stopped_pockets(void **state)
{
	struct rig rig;

	open_used(&rig, state);
	assert_int_equal(roost_cpu_offline(rig.roost, 1), 0);
	zone(&rig)->pockets[0].stop = RST_POCKET_REAPED;
	zone(&rig)->pockets[1].stop = RST_POCKET_REAPED;
	zone(&rig)->pressure.calling = 1;
	assert_int_equal(roost_recover(rig.roost), 0);
	assert_int_equal(zone(&rig)->pockets[0].stop, RST_POCKET_OPEN);
	assert_int_equal(zone(&rig)->pockets[1].stop, RST_POCKET_CLOSED);
	assert_int_equal(zone(&rig)->pressure.calling, 0);
	assert_int_equal(roost_cpu_online(rig.roost, 1), 0);
	rig_home(&rig);
	rig_close(&rig);
}

/* Counted wrong: what is isolated, kept, the reserve, whole pageblocks. */
static void counts(void **state)
{
	const struct roost_zone_config reserve = {.name = "Normal", .reserve = 100};
	struct rig rig;

	rig_open_zone(&rig, state, FRAMES, &reserve, 1);
	rig_get(&rig, 0, 0);
	zone(&rig)->nr_atomic = 3;
	assert_int_equal(roost_isolate(rig.roost, 5 * BLOCK, true), 0);
	zone(&rig)->apart += 2;
	zone(&rig)->reserve_free -= 7;
	zone(&rig)->nr_whole += 3;
	hint_count(&zone(&rig)->whole, true); /* regions that have whole ones */
	assert_int_equal(roost_recover(rig.roost), 0);
	assert_int_equal(roost_validate(rig.roost, NULL), 0);
	assert_int_equal(roost_isolate(rig.roost, 5 * BLOCK, false), 0);
	rig_home(&rig);
	rig_close(&rig);
}

/* Frames in a pocket are not lost. */
static void pockets_are_kept(void **state)
{
	struct rig rig;
	rst_frame_id f;
	unsigned off;

	if (!RST_SEQ)
		suite_skip(__func__, "needs pockets, which thread sanitizer's build has not");
	open_used(&rig, state);
	f = zone(&rig)->pcps[0].current[0] << ROOST_PAGEBLOCK_ORDER;
	zone(&rig)->pockets[0].frames[0] =
		rst_set_take_half(&rig.roost->blocks[f >> ROOST_PAGEBLOCK_ORDER], 0, 0, &off);
	zone(&rig)->pockets[0].frames[0] |= (uint64_t)((f | off) >> 5) << 32;
	rst_hide(zone(&rig));
	recovers(&rig, 0);
}

/* Validation names the first frame that lies in two places, or in none, though the counts agree. */
static void frames_in_wrong_pockets(void **state)
{
	struct roost_violation v;
	struct rig rig;
	struct rst_set *set;
	unsigned off;

	open_used(&rig, state);
	set = &rig.roost->blocks[zone(&rig)->pcps[0].current[0]];
	assert_true(rst_set_take(set, 1, &off));
	off += zone(&rig)->pcps[0].current[0] * BLOCK;
	for (unsigned i = 0; i < 3; i++) {
		uint64_t word = (uint64_t)(off >> 5) << 32 | 1u << off % 32;

		/* Both in a pocket; the first in two, and the second nowhere; one in its set. */
		zone(&rig)->pockets[0].frames[0] = i ? word : word | 2u << off % 32;
		zone(&rig)->pockets[1].frames[0] = i == 1 ? word : 0;
		if (i == 2)
			rst_set_put(set, off % BLOCK, 0);
		if (i == 0) {
			assert_int_equal(roost_validate(rig.roost, NULL), 0);
			continue;
		}
		assert_int_equal(roost_validate(rig.roost, &v), -ROOST_EUCLEAN);
		assert_int_equal(v.pfn, i == 1 ? off + 1 : off);
		assert_string_equal(v.invariant, "each frame is allocated or free in one place");
	}
	zone(&rig)->pockets[0].frames[0] = 0;
	assert_int_equal(roost_recover(rig.roost), 1);
	rig_home(&rig);
	rig_close(&rig);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(taken_and_not_entered, variants_one),
		SUITE_TEST(freed_and_not_put, variants_one),
		SUITE_TEST(pageblock_in_hand, variants_one),
		SUITE_TEST(large_block_in_hand, variants_one),
		SUITE_TEST(hints_and_moves, variants_one),
		SUITE_TEST(nobodys_current, variants_one),
		SUITE_TEST(stopped_pockets, variants_one),
		SUITE_TEST(counts, variants_one),
		SUITE_TEST(pockets_are_kept, variants_one),
		SUITE_TEST(frames_in_wrong_pockets, variants_one),
	};

	return SUITE_RUN("recover", tests, argc, argv);
}
