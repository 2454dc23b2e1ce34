/* SPDX-License-Identifier: MIT */
/*
 * fails.c - at rest an allocation that cannot succeed fails at once: whatever is free in pieces,
 * set apart, reserved, pocketed or off-line. It waits for nobody, hides nothing from others, and
 * makes no more accesses than what follows allows, however large the memory is.
 *
 *	a look into a list	2 loads for each level of the hint, and 2
 *	a walk			each list twice, 16 further looks, a pageblock; and twice how much
 *				is free
 *	how much is free	4 loads for each CPU and order; while pageblocks are set apart also
 *				4 for each of the zone, and 16 for each of those: more than are made
 *	the first call		also 64 for each hint that is old
 *
 * A call walks twice, with ROOST_WAIT three times, once more if pockets were emptied; and asks four
 * times how much is free.
 */
#include "sets/hidden.h"

#include "harness.h"

#include "count.h"
#include "hints.h"

enum { CPUS = 3, SMALL = 16, ORDERS = 19, M = ROOST_MOVABLE };

/* What else the memory is like. */
enum { RESERVE = 1, ISOLATED = 2, OFFLINE = 4, POCKETS = 8, STATES = 16 };

static struct rst_zone *zone(const struct rig *rig)
{
	return &rig->roost->zones[0];
}

/* ---- States -------------------------------------------------------------------------------- */

static void open_memory(struct rig *rig, void *const *state, roost_pfn start, uint64_t blocks,
			uint64_t reserve)
{
	const struct roost_zone_config zones[] = {{.name = "A", .reserve = reserve}};
	const struct roost_range range = {start, start + blocks * BLOCK, 0, 0};
	struct roost_config config = rig_config(state);

	config.ranges = &range;
	config.nr_ranges = 1;
	config.zones = zones;
	config.nr_zones = 1;
	config.nr_cpus = CPUS;
	config.max_order = ORDERS - 1;
	rig_open(rig, &config);
	rig->config.ranges = NULL;
	rig->config.nr_ranges = 0;
	rig_cpu(rig, 0);
}

/* Of a block of order 9 every second part of this order is free. */
static void break_up(struct rig *rig, roost_pfn pfn, unsigned order)
{
	rig_split(rig, pfn, order);
	for (roost_pfn i = 0; i < BLOCK; i += (roost_pfn)2 << order)
		rig_free(rig, pfn + i);
}

/* Nothing but runs of this order is free; -1: nothing at all. First that they are in a pageblock of
 * CPU 0's own, and so also in its pocket. */
static void open_small(struct rig *rig, void *const *state, unsigned like, int run)
{
	roost_pfn own[BLOCK], pfn;
	size_t n;

	open_memory(rig, state, 0, SMALL, like & RESERVE ? 100 : 0);
	n = rig_bulk(rig, run < 0 ? 0 : (unsigned)run, M, own, BLOCK >> (run < 0 ? 0 : run));
	for (unsigned i = 0; i < 6; i++) {
		pfn = rig_get(rig, 9, M);
		if (run >= 0)
			break_up(rig, pfn, (unsigned)run);
	}
	pfn = rig_get(rig, 9, M);
	rig_take_all(rig, 9, M);
	if (like & ISOLATED) {
		assert_int_equal(roost_isolate(rig->roost, pfn, true), 0);
		rig_free(rig, pfn);
		assert_int_equal(roost_isolate(rig->roost, own[0], true), 0);
	}
	if (like & RESERVE)
		break_up(rig, rig_get(rig, 9, M | ROOST_RESERVE), 0);
	if (like & OFFLINE)
		assert_int_equal(roost_cpu_offline(rig->roost, 0), 0);
	for (size_t i = 0; run >= 0 && i < n; i += 2)
		rig_free(rig, own[i]);
}

/* ---- Counting ------------------------------------------------------------------------------ */

static unsigned bound(const struct rig *rig, unsigned wait, unsigned pocketed)
{
	const struct rst_zone *z = zone(rig);
	unsigned look = 2 * z->partial.nr_levels + 2, apart = rst_isolated(z);
	unsigned free =
		4u * CPUS * ORDERS + (apart ? 4 * (z->end_block - z->first_block) + 16 * apart : 0);
	unsigned walk = (2 * z->nr_lists + 16) * look + RST_SET_WORDS + 2 * free;

	return (2 + wait + pocketed) * walk + 4 * free;
}

/* Fails, and how: first with what earlier allocations and frees left behind, then again. */
static void fails_at_once(const struct rig *rig, unsigned order, unsigned flags)
{
	const struct rst_zone *z = zone(rig);
	unsigned old = hint_count(&z->partial, false) + hint_count(&z->whole, false);

	for (unsigned again = 0; again < 2; again++) {
		struct roost_stats before = {0}, after = {0};
		uint64_t begun = rst_sections(rig->roost, z, true);
		bool pocketed = false;

		for (unsigned cpu = 0; cpu < CPUS; cpu++)
			pocketed |= rst_pocket_frames(z, cpu);
		assert_false(again && pocketed);
		roost_stats(rig->roost, -1, -1, &before);
		reset();
		assert_int_equal(roost_alloc(rig->roost, order, flags), ROOST_NONE);
		assert_int_equal(counted.sleeps, 0);
		if (counted.accesses >
		    bound(rig, !!(flags & ROOST_WAIT), pocketed) + (again ? 0 : 64 * old))
			fail_msg("order %u, flags %x: %u accesses", order, flags, counted.accesses);
		/* The counters of failures, and of calls of the pressure hook. */
		if (again) {
			assert_in_range(counted.changes, 1, 5);
			assert_int_equal(rst_sections(rig->roost, z, true), begun);
		}
		roost_stats(rig->roost, -1, -1, &after);
		assert_int_equal(after.wait_rounds, before.wait_rounds);
	}
}

static void fails_from(const struct rig *rig, unsigned first)
{
	for (unsigned order = first; order < ORDERS; order++)
		for (unsigned wait = 0; wait < 2; wait++) {
			fails_at_once(rig, order, M | (wait ? ROOST_WAIT : 0));
			fails_at_once(rig, order, ROOST_UNMOVABLE | (wait ? ROOST_WAIT : 0));
		}
}

/* ---- Tests --------------------------------------------------------------------------------- */

/* Orders 0 to 8 in pieces. */
static void small_pieces(void **state)
{
	struct rig rig;

	for (unsigned like = 0; like < STATES; like++)
		for (int run = -1; run < 9; run++) {
			/* Single frames of the reserve can be allocated. */
			unsigned first = run < 0 && like & RESERVE ? 1 : (unsigned)(run + 1);

			counted.pockets = like & POCKETS;
			open_small(&rig, state, like, run);
			fails_from(&rig, first);
			rig_cpu(&rig, 1);
			fails_from(&rig, first);
			rig_check(&rig);
			rig_close(&rig);
		}
	counted.pockets = false;
}

/* Orders 9 to 17 in pieces, in two regions. */
static void large_pieces(void **state)
{
	enum { BLOCKS = 700 };
	static roost_pfn pfns[BLOCKS];
	struct rig rig;

	for (unsigned run = 9; run < ORDERS - 1; run++) {
		uint64_t n = 0;

		open_memory(&rig, state, 100 * BLOCK, BLOCKS, 0);
		while ((pfns[n] = rig_alloc(&rig, run, M)) != ROOST_NONE)
			n++;
		for (unsigned order = run; order-- > 9;)
			rig_take_all(&rig, order, M);
		while (n-- > 0)
			if ((pfns[n] >> run) % 2)
				rig_free(&rig, pfns[n]);
		fails_from(&rig, run + 1);
		rig_close(&rig);
	}
}

/* Others fail at the same time: none is taken for a CPU that holds frames. So it stays when
 * what was at hand is used up, and each call looks into a current pageblock and an empty pocket. */
static void failures_do_not_disturb_others(void **state)
{
	struct rig rig;
	uint64_t begun;

	for (unsigned pockets = 0; pockets < 2; pockets++) {
		counted.pockets = pockets;
		open_memory(&rig, state, 0, 4, 0);
		for (unsigned cpu = 0; cpu < CPUS; cpu++) {
			rig_cpu(&rig, cpu);
			rig_get(&rig, 0, M);
		}
		rig_take_all(&rig, 0, M);
		for (unsigned round = 0; round < 2; round++) {
			begun = rst_sections(rig.roost, zone(&rig), true);
			for (unsigned cpu = 0; cpu < CPUS; cpu++)
				for (unsigned order = 0; order < 10; order++) {
					rig_cpu(&rig, cpu);
					assert_int_equal(roost_alloc(rig.roost, order, M),
							 ROOST_NONE);
				}
		}
		assert_int_equal(rst_sections(rig.roost, zone(&rig), true), begun);
		rig_home(&rig);
		rig_close(&rig);
	}
	counted.pockets = false;
}

/* A pocket cannot be emptied. What is there is missing in no list: no CPU hides anything, so
 * the hints are not made anew from all pageblocks. */
static void lists_are_right_unless_somebody_hides(void **state)
{
	enum { BLOCKS = 400 };
	struct rig rig;
	roost_pfn pfn;

	counted.pockets = true;
	open_memory(&rig, state, 0, BLOCKS, 0);
	rig_cpu(&rig, 1);
	pfn = rig_get(&rig, 0, M);
	rig_take_all(&rig, 9, M);
	for (unsigned order = 8; order > 0; order--)
		rig_take_all(&rig, order, M);
	rig_take_all(&rig, 0, M);
	rig_free(&rig, pfn);
	assert_int_equal(rst_pocket_frames(zone(&rig), 1), 1);
	rig_cpu(&rig, 0);
	for (unsigned hide = 0; hide < 2; hide++) {
		reset();
		counted.from = rig.roost->blocks;
		counted.to = rig.roost->blocks + BLOCKS;
		counted.no_fence = true;
		if (hide)
			rst_hide(zone(&rig));
		assert_int_equal(roost_alloc(rig.roost, 0, M), ROOST_NONE);
		if (hide)
			rst_show(zone(&rig));
		if (hide)
			assert_true(counted.within >= RST_SET_WORDS * BLOCKS);
		else
			assert_in_range(counted.within, 0, 20 * RST_SET_WORDS);
	}
	reset();
	assert_true(rig_alloc(&rig, 0, M) == pfn);
	rig_home(&rig);
	rig_close(&rig);
	counted.pockets = false;
}

/* ---- What a search uncovers ---------------------------------------------------------------- */

static void ask(struct rst_call *q, struct rig *rig, unsigned order)
{
	*q = (struct rst_call){.r = rig->roost,
			       .here = {1, RST_NO_CPU},
			       .hints = RST_ALL_HINTS,
			       .ask = {.order = order, .frames = 1u << order, .type = M, .cpu = 1}};
}

/*
 * CPU 0's pageblock goes to the zone's list and is not noted there yet when CPU 1's search comes by
 * that list. Then it finds the pageblock in CPU 0's, where it is not any more: it has not seen that
 * there is nothing.
 */
static void moved_behind_its_back(void **state)
{
	for (unsigned order = 1; order < 10; order++) { /* for order 0 it comes by twice */
		struct rst_call q;
		rst_frame_id f;
		struct rig rig;
		unsigned list;

		open_memory(&rig, state, 0, 3, 0);
		rig_get(&rig, order < 9 ? order : 8, M);
		rig_take_all(&rig, 9, M);
		list = rst_list_of(rig.roost->place[0]);
		assert_true(rst_is_home_list(list));
		roost_drain(rig.roost, 0);
		assert_int_equal(rig.roost->place[0], ROOST_LIST_MOVABLE);
		hint_clear(zone(&rig), M, 0);
		hint_note(zone(&rig), list, RST_BINS - 1, 0);
		ask(&q, &rig, order);
		assert_int_equal(rst_from_zone(&q, zone(&rig), &f, 1), 0);
		/* Is there what was asked for? */
		assert_int_equal(q.missed, order < 9);
		q.missed = false;
		assert_int_equal(rst_from_zone(&q, zone(&rig), &f, 1), order < 9);
		assert_false(q.missed);
		if (order < 9)
			rst_put(rig.roost, zone(&rig), f, order);
		zone(&rig)->pcps[1].orders.freed[order] += order < 9;
		rig_home(&rig);
		rig_close(&rig);
	}
}

/* Somebody notes a pageblock that was just set apart in the list that it was in. What is behind the
 * hint is none of what a search looks for. */
static void set_apart_is_not_missed(void **state)
{
	struct rst_call q;
	rst_frame_id f;
	struct rig rig;
	roost_pfn pfn;

	open_memory(&rig, state, 0, 3, 0);
	pfn = rig_get(&rig, 3, M);
	rig_take_all(&rig, 9, M);
	roost_drain(rig.roost, 0);
	assert_int_equal(roost_isolate(rig.roost, pfn, true), 0);
	hint_note(zone(&rig), M, 8, (rst_block_id)(pfn / BLOCK));
	ask(&q, &rig, 3);
	assert_int_equal(rst_from_zone(&q, zone(&rig), &f, 1), 0);
	assert_true(q.own > 0);
	assert_false(q.missed);
	assert_int_equal(roost_isolate(rig.roost, pfn, false), 0);
	rig_home(&rig);
	rig_close(&rig);
}

/* A region's hint was cleared: what is there now was missed, if it is large enough. */
static void what_a_region_has_is_missed(void **state)
{
	const struct rst_hint_bin in = {RST_CLEAN, 0};

	for (unsigned whole = 0; whole < 2; whole++)
		for (unsigned order = 8; order < 11; order++) {
			struct rst_call q;
			struct rig rig;
			roost_pfn pfn;

			open_memory(&rig, state, 0, SMALL, 0);
			pfn = rig_get(&rig, 9, M);
			rig_take_all(&rig, 9, M);
			if (whole)
				rig_free(&rig, pfn);
			rst_hint_note(&zone(&rig)->whole, in, 0);
			ask(&q, &rig, order);
			rst_demote_region(&q, zone(&rig), in, 0);
			assert_int_equal(q.missed, whole && order < 10);
			assert_int_equal(rst_hint_has(&zone(&rig)->whole, in, 0), whole);
			rig_home(&rig);
			rig_close(&rig);
		}
}

/* Old hints of regions that have nothing whole, down to the lowest bin: a claim that looks for the
 * emptiest one comes by each of them once. */
static void a_claim_looks_at_a_region_once(void **state)
{
	enum { REGIONS = 8 };
	struct rst_call q;
	rst_frame_id f;
	struct rig rig;

	open_memory(&rig, state, 0, REGIONS * RST_REGION, 0);
	rig_take_all(&rig, ORDERS - 1, M);
	for (uint64_t g = 0; g < REGIONS; g++)
		rst_hint_note(&zone(&rig)->whole, (struct rst_hint_bin){RST_CLEAN, 0}, g);
	ask(&q, &rig, 8);
	q.ask.type = ROOST_UNMOVABLE;
	q.brief = true;
	reset();
	counted.from = rig.roost->regions;
	counted.to = rig.roost->regions + REGIONS;
	assert_int_equal(rst_from_zone(&q, zone(&rig), &f, 1), 0);
	/* Again by the search of all clean ones, and by what it settles. */
	assert_in_range(counted.within, REGIONS * RST_SET_WORDS, 4 * REGIONS * RST_SET_WORDS);
	reset();
	rig_home(&rig);
	rig_close(&rig);
}

/* Pageblocks with runs of two frames, in which no block of three fits. A call that does not wait
 * looks at some, and has missed what is behind these: nothing if those were all. */
static void odd_blocks_miss_what_is_behind(void **state)
{
	enum { ODD_LOOKS = 16 };

	for (unsigned more = 0; more < 2; more++) {
		struct roost_stats before = {0}, after = {0};
		struct rig rig;

		open_memory(&rig, state, 0, ODD_LOOKS + more, 0);
		for (unsigned i = 0; i < ODD_LOOKS + more; i++)
			break_up(&rig, rig_get(&rig, 9, M), 1);
		roost_drain(rig.roost, -1);
		roost_stats(rig.roost, -1, -1, &before);
		assert_int_equal(roost_alloc_n(rig.roost, 3, M), ROOST_NONE);
		roost_stats(rig.roost, -1, -1, &after);
		assert_int_equal(after.fail_nowait - before.fail_nowait, 1);
		assert_int_equal(after.fail_while_free - before.fail_while_free, more);
		rig_home(&rig);
		rig_close(&rig);
	}
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(small_pieces, variants_one),
		SUITE_TEST(large_pieces, variants_one),
		SUITE_TEST(failures_do_not_disturb_others, variants_one),
		SUITE_TEST(lists_are_right_unless_somebody_hides, variants_one),
		SUITE_TEST(moved_behind_its_back, variants_one),
		SUITE_TEST(set_apart_is_not_missed, variants_one),
		SUITE_TEST(what_a_region_has_is_missed, variants_one),
		SUITE_TEST(a_claim_looks_at_a_region_once, variants_one),
		SUITE_TEST(odd_blocks_miss_what_is_behind, variants_one),
	};

	return SUITE_RUN("sets_fails", tests, argc, argv);
}
