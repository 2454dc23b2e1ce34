/* SPDX-License-Identifier: MIT */
/*
 * places.c - whose current pageblock is what: after calls that end it, nobody's, though an
 * allocation would get along with a stale one.
 */
#include "sets/engine.h"

#include "harness.h"
#include "hints.h"

enum { CPUS = 3 };

static unsigned nr_current(const struct rig *rig, unsigned cpu)
{
	unsigned n = 0;

	for (unsigned zone = 0; zone < rig->roost->base.nr_zones; zone++)
		for (unsigned type = 0; type < RST_TYPES; type++)
			n += rig->roost->zones[zone].pcps[cpu].current[type] != RST_NO_BLOCK;
	return n;
}

static bool is_current(const struct rig *rig, roost_pfn pfn)
{
	return rig->roost->place[pfn / BLOCK] & RST_CURRENT;
}

/* Each CPU with a current pageblock of each migratetype; the first frames of each. */
static void open_current(struct rig *rig, void *const *state, roost_pfn pfns[CPUS][RST_TYPES])
{
	rig_open_simple(rig, state, 0, 16 * BLOCK, CPUS);
	for (unsigned cpu = 0; cpu < CPUS; cpu++) {
		rig_cpu(rig, cpu);
		for (unsigned type = 0; type < RST_TYPES; type++) {
			pfns[cpu][type] = rig_get(rig, 0, type);
			assert_true(is_current(rig, pfns[cpu][type]));
		}
		assert_int_equal(nr_current(rig, cpu), RST_TYPES);
	}
}

static void drained_cpus_have_none(void **state)
{
	roost_pfn pfns[CPUS][RST_TYPES];
	struct rig rig;

	open_current(&rig, state, pfns);
	roost_drain(rig.roost, 1);
	for (unsigned cpu = 0; cpu < CPUS; cpu++) {
		assert_int_equal(nr_current(&rig, cpu), cpu == 1 ? 0 : RST_TYPES);
		for (unsigned type = 0; type < RST_TYPES; type++)
			assert_int_equal(is_current(&rig, pfns[cpu][type]), cpu != 1);
	}
	roost_drain(rig.roost, -1);
	for (unsigned cpu = 0; cpu < CPUS; cpu++)
		assert_int_equal(nr_current(&rig, cpu), 0);
	rig_home(&rig);
	rig_close(&rig);
}

static void offline_cpus_have_none(void **state)
{
	roost_pfn pfns[CPUS][RST_TYPES];
	struct rig rig;

	open_current(&rig, state, pfns);
	assert_int_equal(roost_cpu_offline(rig.roost, 2), 0);
	assert_int_equal(nr_current(&rig, 2), 0);
	rig_cpu(&rig, 2); /* a call that is late */
	rig_get(&rig, 0, 0);
	rig_get(&rig, 8, 0);
	assert_int_equal(nr_current(&rig, 2), 0);
	assert_int_equal(nr_current(&rig, 1), RST_TYPES);
	rig_home(&rig);
	rig_close(&rig);
}

static void isolated_pageblocks_are_nobodys(void **state)
{
	roost_pfn pfns[CPUS][RST_TYPES];
	struct rig rig;

	open_current(&rig, state, pfns);
	for (unsigned cpu = 0; cpu < CPUS; cpu++)
		for (unsigned type = 0; type < RST_TYPES; type++) {
			assert_int_equal(nr_current(&rig, cpu), RST_TYPES - type);
			assert_int_equal(roost_isolate(rig.roost, pfns[cpu][type], true), 0);
			assert_int_equal(nr_current(&rig, cpu), RST_TYPES - type - 1);
			assert_false(is_current(&rig, pfns[cpu][type]));
		}
	for (unsigned cpu = 0; cpu < CPUS; cpu++)
		for (unsigned type = 0; type < RST_TYPES; type++)
			assert_int_equal(roost_isolate(rig.roost, pfns[cpu][type], false), 0);
	rig_home(&rig);
	rig_close(&rig);
}

/* CPUs beyond RST_MAX_HOMES share homes: a CPU that goes off-line leaves the others their
 * pageblocks. */
static void shared_homes_outlive_a_cpu(void **state)
{
	struct rig rig;

	rig_open_simple(&rig, state, 0, 16 * BLOCK, RST_MAX_HOMES + 2);
	rig_cpu(&rig, 1);
	rig_get(&rig, 0, 0);
	assert_int_equal(rig_cpu_holds(&rig, 1), BLOCK - 1);
	assert_int_equal(rig_cpu_holds(&rig, RST_MAX_HOMES + 1), BLOCK - 1);
	assert_int_equal(roost_cpu_offline(rig.roost, RST_MAX_HOMES + 1), 0);
	assert_int_equal(rig_cpu_holds(&rig, 1), BLOCK - 1);
	rig_check(&rig);
	assert_int_equal(roost_cpu_offline(rig.roost, 1), 0);
	assert_int_equal(rig_cpu_holds(&rig, 1), 0);
	rig_check(&rig);
	/* What it leaves all free is whole at once, though nobody takes it over. */
	rig_free_all(&rig);
	assert_int_equal(roost_cpu_online(rig.roost, 1), 0);
	rig_cpu(&rig, RST_MAX_HOMES + 1);
	assert_int_equal(roost_cpu_online(rig.roost, RST_MAX_HOMES + 1), 0);
	rig_get(&rig, 0, 0);
	rig_free_all(&rig);
	assert_int_equal(rig.roost->zones[0].nr_whole, 15);
	assert_int_equal(roost_cpu_offline(rig.roost, RST_MAX_HOMES + 1), 0);
	assert_int_equal(rig.roost->zones[0].nr_whole, 16);
	/* The other way round: the one with the higher number stays. */
	rig_cpu(&rig, RST_MAX_HOMES);
	rig_get(&rig, 0, 0);
	assert_true(rig_cpu_holds(&rig, 0) > 0);
	assert_int_equal(roost_cpu_offline(rig.roost, 0), 0);
	assert_true(rig_cpu_holds(&rig, RST_MAX_HOMES) > 0);
	assert_int_equal(roost_cpu_offline(rig.roost, RST_MAX_HOMES), 0);
	assert_int_equal(rig_cpu_holds(&rig, RST_MAX_HOMES), 0);
	rig_home(&rig);
	rig_close(&rig);
}

/* A merge ends what CPUs have of its own pageblocks, and not of the next one. */
static void a_merge_leaves_the_next_one(void **state)
{
	struct rig rig;
	roost_pfn pfn;

	rig_open_simple(&rig, state, 0, 4 * BLOCK, 1);
	assert_int_equal(rig_take_range(&rig, 0, BLOCK), 0);
	pfn = rig_get(&rig, 0, 0);
	assert_int_equal(pfn / BLOCK, 1);
	assert_true(is_current(&rig, pfn));
	rig_merge(&rig, 0, ROOST_PAGEBLOCK_ORDER);
	assert_true(is_current(&rig, pfn));
	rig_home(&rig);
	rig_close(&rig);
}

/* Gathering makes whole what is all free but somebody's current pageblock, and says how many. */
static void gathers_current_ones(void **state)
{
	roost_pfn pfns[CPUS][RST_TYPES];
	struct rst_call q = {0};
	struct rst_zone *z;
	struct rig rig;

	open_current(&rig, state, pfns);
	q.r = rig.roost;
	z = &rig.roost->zones[0];
	for (unsigned type = 0; type < RST_TYPES; type++)
		rig_free(&rig, pfns[type][type]);
	assert_int_equal(z->nr_whole, 16 - CPUS * RST_TYPES);
	assert_int_equal(rst_gather(&q, z), RST_TYPES);
	assert_int_equal(z->nr_whole, 16 - CPUS * RST_TYPES + RST_TYPES);
	rig_check(&rig);
	assert_int_equal(rst_gather(&q, z), 0);
	/* No hint is left behind that leads nowhere. */
	for (unsigned list = 0; list < z->nr_lists; list++)
		for (rst_block_id b = z->first_block; b < z->end_block; b++)
			assert_false(hint_has(z, list, RST_BINS - 1, b));
	rig_home(&rig);
	rig_close(&rig);
}

/* A large block from elsewhere leaves a current pageblock alone that still serves small ones; if
 * there is none, its pageblock becomes the current one. */
static void large_blocks_leave_the_current_one(void **state)
{
	struct rig rig;

	for (unsigned has_current = 0; has_current < 2; has_current++) {
		rig_open_simple(&rig, state, 0, 2 * BLOCK, 1);
		if (has_current) {
			assert_int_equal(rig_get(&rig, 8, 0), 0);
			assert_int_equal(rig_get(&rig, 0, 0), BLOCK / 2);
		} else {
			assert_int_equal(rig_get(&rig, 9, 0), 0);
		}
		/* Half of the other one, which is nobody's. */
		assert_int_equal(rig_get(&rig, 9, 0), BLOCK);
		rig_split(&rig, BLOCK, 8);
		rig_free(&rig, BLOCK);
		assert_false(is_current(&rig, BLOCK));
		assert_int_equal(rig_get(&rig, 8, 0), BLOCK);
		assert_int_equal(is_current(&rig, 0), has_current);
		assert_int_equal(is_current(&rig, BLOCK), !has_current);
		rig_home(&rig);
		rig_close(&rig);
	}
}

/* A pageblock that is all free, but stayed behind in the zone's list: two tries to make it whole
 * were spoiled by others. */
static void leave_behind(const struct rig *rig, roost_pfn pfn)
{
	struct roost *r = rig->roost;
	rst_block_id b = (rst_block_id)(pfn / BLOCK);
	struct rst_zone *z = &r->zones[0];
	unsigned bit;
	rst_region_id g = rst_region_of(r, b, &bit);

	assert_true(rst_set_take_at(&r->regions[g], bit));
	z->nr_whole--;
	rst_set_put(&r->blocks[b], 0, RST_SET_ORDER);
	hint_note(z, ROOST_LIST_MOVABLE, RST_BINS - 1, b);
	rig_check(rig);
}

static void drain_gathers_what_stayed_behind(void **state)
{
	struct rig rig;

	rig_open_simple(&rig, state, 0, 8 * BLOCK, 2);
	leave_behind(&rig, 3 * BLOCK);
	assert_int_equal(rig.roost->zones[0].nr_whole, 7);
	roost_drain(rig.roost, 0);
	assert_int_equal(rig.roost->zones[0].nr_whole, 7);
	roost_drain(rig.roost, -1);
	assert_int_equal(rig.roost->zones[0].nr_whole, 8);
	/* So does an allocation of a large block. */
	leave_behind(&rig, 5 * BLOCK);
	rig_take_all(&rig, 10, 0);
	assert_int_equal(rig.roost->zones[0].nr_whole, 0);
	rig_home(&rig);
	rig_close(&rig);
}

/* With nothing to gather, gathering changes no pageblock, however many hints there could be. */
static void gathers_nothing_else(void **state)
{
	enum { BLOCKS = 1024 };
	static uint16_t before[BLOCKS];
	struct rst_call q = {0};
	struct rig rig;

	rig_open_simple(&rig, state, 0, (uint64_t)BLOCKS * BLOCK, 2);
	q.r = rig.roost;
	for (unsigned i = 0; i < 2 * (BLOCKS - 100); i++)
		rig_get(&rig, 8, i / 2 % RST_TYPES);
	for (unsigned b = 0; b < BLOCKS; b++)
		before[b] = rig.roost->place[b];
	assert_int_equal(rst_gather(&q, &rig.roost->zones[0]), 0);
	for (unsigned b = 0; b < BLOCKS; b++)
		assert_int_equal(rig.roost->place[b], before[b]);
	rig_check(&rig);
	rig_home(&rig);
	rig_close(&rig);
}

/* Two frames are few, three close together are worth a visit; of larger runs one is. */
static void few_frames_have_a_bin_of_their_own(void **state)
{
	static const struct {
		unsigned order, blocks, bin;
	} cases[] = {{0, 1, 0}, {0, 2, 0}, {0, 3, 1}, {1, 1, 2}, {4, 1, 5}, {6, 1, 7}};
	struct rst_zone *z;
	struct rig rig;

	for (unsigned i = 0; i < LENGTH(cases); i++) {
		rig_open_simple(&rig, state, 0, BLOCK, 1);
		z = &rig.roost->zones[0];
		rig_take_all(&rig, cases[i].order, 0);
		for (roost_pfn n = 0; n < cases[i].blocks; n++)
			rig_free(&rig, 2 * n << cases[i].order);
		hint_clear(z, 0, 0);
		roost_drain(rig.roost, 0);
		for (unsigned bin = 0; bin < RST_BINS; bin++)
			assert_int_equal(hint_has(z, ROOST_LIST_MOVABLE, bin, 0),
					 bin == cases[i].bin);
		rig_home(&rig);
		rig_close(&rig);
	}
}

/* ---- Corrupt state ------------------------------------------------------------------------- */

/* At check level 3: a pageblock that is allocated and whole at once. */
static void finds_allocated_whole_ones(void **state)
{
	const struct variant *variant = *state;
	struct roost_misuse corrupt = {.kind = ROOST_MISUSE_CORRUPT,
				       .call = "roost_free",
				       .order_found = -1,
				       .head_found = ROOST_NONE};
	struct rig rig;

	if (variant->check < ROOST_CHECK_PARANOID)
		return;
	rig_open_simple(&rig, state, 0, 2 * BLOCK, 1);
	for (unsigned order = 0; order < 11; order += 10) {
		corrupt.pfn = rig_get(&rig, order, 0);
		assert_int_equal(corrupt.pfn, 0);
		corrupt.order_given = (int)order;
		for (unsigned bit = 0; bit < 1 + order / 10; bit++) {
			rst_set_put(&rig.roost->regions[0], bit, 0);
			roost_free(rig.roost, 0, order); /* does nothing but complain */
			rig_expect(&rig, &corrupt);
			assert_true(rst_set_take_at(&rig.roost->regions[0], bit));
		}
		rig_free(&rig, 0);
		roost_drain(rig.roost, -1);
	}
	rig_home(&rig);
	rig_close(&rig);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(drained_cpus_have_none, variants_owners),
		SUITE_TEST(offline_cpus_have_none, variants_owners),
		SUITE_TEST(isolated_pageblocks_are_nobodys, variants_owners),
		SUITE_TEST(shared_homes_outlive_a_cpu, variants_owners),
		SUITE_TEST(large_blocks_leave_the_current_one, variants_owners),
		SUITE_TEST(a_merge_leaves_the_next_one, variants_one),
		SUITE_TEST(gathers_current_ones, variants_owners),
		SUITE_TEST(drain_gathers_what_stayed_behind, variants_owners),
		SUITE_TEST(gathers_nothing_else, variants_one),
		SUITE_TEST(few_frames_have_a_bin_of_their_own, variants_one),
		SUITE_TEST(finds_allocated_whole_ones, variants_all),
	};

	return SUITE_RUN("sets_places", tests, argc, argv);
}
