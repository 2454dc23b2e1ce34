/* SPDX-License-Identifier: MIT */
/*
 * test_brief.c - an allocation that does not wait follows but a few old hints. It finds what is
 * free all the same, whatever busy CPUs and earlier calls have noted.
 */
#include "harness.h"

enum { BLOCKS = 64, ROUNDS = 20, MOST = 12 };

static void open_cpus(struct rig *rig, void *const *state, unsigned cpus, uint64_t blocks)
{
	struct roost_range range = {0, blocks * BLOCK, 0, 0};
	struct roost_config config = rig_config(state);

	config.ranges = &range;
	config.nr_ranges = 1;
	config.nr_cpus = cpus;
	config.max_order = ROOST_MAX_ORDER;
	rig_open(rig, &config);
	rig->config.ranges = NULL;
	rig->config.nr_ranges = 0;
}

/* CPUs that take and free one frame note their current pageblocks each time. That of the last CPU
 * is all free. */
static void large_blocks_beside_busy_cpus(void **state)
{
	NEED_SMP();
	for (unsigned cpus = 2; cpus <= MOST; cpus += 5) {
		roost_pfn keep[MOST];
		struct rig rig;

		open_cpus(&rig, state, cpus, BLOCKS);
		for (unsigned cpu = 0; cpu < cpus; cpu++) {
			rig_cpu(&rig, cpu);
			keep[cpu] = rig_get(&rig, 0, 0);
		}
		rig_take_all(&rig, 9, 0);
		for (unsigned i = 0; i < ROUNDS; i++) {
			rig_cpu(&rig, cpus - 1);
			rig_free(&rig, keep[cpus - 1]);
			for (unsigned cpu = 0; cpu < cpus - 1; cpu++) {
				rig_cpu(&rig, cpu);
				rig_free(&rig, rig_get(&rig, 0, 0));
			}
			rig_cpu(&rig, cpus - 1);
			rig_free(&rig, rig_get(&rig, 9, 0));
			keep[cpus - 1] = rig_get(&rig, 0, 0);
		}
		rig_home(&rig);
		rig_close(&rig);
	}
}

/* More CPUs than homes: the last CPU's current pageblock is in CPU 0's list, behind those of 15
 * others, which are full, and noted in the same bin, whatever is free of it. */
static void small_runs_beside_busy_cpus(void **state)
{
	enum { HOMES = 32, SHARE = 16, LAST = (SHARE - 1) * HOMES, ORDER = 3 };
	roost_pfn firsts[SHARE], pfns[BLOCK];
	struct rig rig;

	NEED_SMP();
	open_cpus(&rig, state, LAST + 1, SHARE + 7);
	for (unsigned i = 0; i < SHARE; i++) {
		unsigned order = i * HOMES == LAST ? ORDER : 0;

		rig_cpu(&rig, i * HOMES);
		assert_int_equal(rig_bulk(&rig, order, 0, pfns, BLOCK >> order), BLOCK >> order);
		firsts[i] = pfns[0];
	}
	rig_cpu(&rig, 1);
	rig_take_all(&rig, 0, 0);
	for (unsigned round = 0; round < ROUNDS; round++) {
		for (unsigned i = 0; i < SHARE - 1; i++) {
			rig_cpu(&rig, i * HOMES);
			rig_free(&rig, firsts[i]);
			firsts[i] = rig_get(&rig, 0, 0);
		}
		rig_cpu(&rig, LAST);
		rig_free(&rig, firsts[SHARE - 1]);
		rig_cpu(&rig, 1);
		firsts[SHARE - 1] = rig_get(&rig, ORDER, 0);
	}
	rig_home(&rig);
	rig_close(&rig);
}

/* Regions that were emptied by their addresses do not hide the last one. */
static void whole_regions_behind_taken_ones(void **state)
{
	enum { GIB = 1 << 18, REGIONS = 12 };
	static const unsigned orders[] = {3, 6, 9};
	struct rig rig;

	for (unsigned i = 0; i < LENGTH(orders); i++) {
		open_cpus(&rig, state, 1, REGIONS * GIB / BLOCK);
		for (roost_pfn pfn = 0; pfn < (REGIONS - 1) * GIB; pfn += BLOCK)
			assert_int_equal(rig_take_range(&rig, pfn, BLOCK), 0);
		rig_get(&rig, orders[i], 0);
		rig_home(&rig);
		rig_close(&rig);
	}
}

/* Four CPUs' current pageblocks are all that there is, and all free. */
static void all_of_it_is_current(void **state)
{
	enum { CPUS = 4 };
	roost_pfn pfns[CPUS];
	struct rig rig;

	NEED_SMP();
	open_cpus(&rig, state, CPUS, CPUS);
	for (unsigned cpu = 0; cpu < CPUS; cpu++) {
		rig_cpu(&rig, cpu);
		pfns[cpu] = rig_get(&rig, 0, 0);
	}
	for (unsigned cpu = 0; cpu < CPUS; cpu++) {
		rig_cpu(&rig, cpu);
		rig_free(&rig, pfns[cpu]);
	}
	rig_get(&rig, 11, 0);
	rig_home(&rig);
	rig_close(&rig);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(large_blocks_beside_busy_cpus, variants_one),
		SUITE_TEST(small_runs_beside_busy_cpus, variants_one),
		SUITE_TEST(whole_regions_behind_taken_ones, variants_one),
		SUITE_TEST(all_of_it_is_current, variants_one),
	};

	return SUITE_RUN("brief", tests, argc, argv);
}
