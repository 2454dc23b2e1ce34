/* SPDX-License-Identifier: MIT */
/* test_range.c - roost_take_range(): frames by address, all of them or none. */
#include "harness.h"

enum { BLOCKS = 8, FRAMES = BLOCKS * BLOCK, CPUS = 3 };

/* Starts and lengths at and around the borders of words and pageblocks. */
static const struct {
	roost_pfn pfn;
	uint64_t n;
} ranges[] = {
	{0, 1},
	{5, 1},
	{63, 2},
	{1, 62},
	{0, 64},
	{7, 250},
	{BLOCK - 1, 2},
	{BLOCK, BLOCK},
	{BLOCK - 64, BLOCK + 64},
	{3, 2 * BLOCK},
	{BLOCK + 1, 3 * BLOCK + 77},
	{0, 4 * BLOCK},
	{2 * BLOCK, 5 * BLOCK + 1},
	{0, FRAMES},
	{FRAMES - 1, 1},
};

static void in_the_largest_blocks(void **state)
{
	struct rig rig;

	rig_open_simple(&rig, state, 0, FRAMES, CPUS);
	for (unsigned i = 0; i < LENGTH(ranges); i++) {
		rig_cpu(&rig, i % CPUS);
		assert_int_equal(rig_take_range(&rig, ranges[i].pfn, ranges[i].n), 0);
		rig_compare(&rig);
		assert_int_equal(rig_take_range(&rig, ranges[i].pfn, ranges[i].n), -ROOST_EBUSY);
		rig_cpu(&rig, (i + 1) % CPUS);
		rig_free_all(&rig);
		rig_compare(&rig);
	}
	rig_home(&rig);
	rig_close(&rig);
}

/* One frame of the range is in use: nothing changes. */
static void all_or_none(void **state)
{
	struct rig rig;

	rig_open_simple(&rig, state, 0, FRAMES, CPUS);
	for (unsigned i = 0; i < LENGTH(ranges); i++) {
		roost_pfn used[] = {ranges[i].pfn, ranges[i].pfn + ranges[i].n / 2,
				    ranges[i].pfn + ranges[i].n - 1};

		for (unsigned k = 0; k < LENGTH(used); k++) {
			struct roost_zone_info before, after;

			assert_int_equal(rig_take_range(&rig, used[k], 1), 0);
			roost_drain(rig.roost, -1);
			assert_int_equal(roost_zone_info(rig.roost, 0, &before), 0);
			assert_int_equal(rig_take_range(&rig, ranges[i].pfn, ranges[i].n),
					 -ROOST_EBUSY);
			assert_int_equal(roost_zone_info(rig.roost, 0, &after), 0);
			assert_memory_equal(&before, &after, sizeof(before));
			rig_compare(&rig);
			rig_free_all(&rig);
		}
	}
	rig_home(&rig);
	rig_close(&rig);
}

/* Each pageblock is another CPU's, some current; a part lies in pockets or on pcps. */
static void whoever_has_them(void **state)
{
	struct rig rig;
	roost_pfn pfns[CPUS][2];

	rig_open_simple(&rig, state, 0, FRAMES, CPUS);
	for (unsigned cpu = 0; cpu < CPUS; cpu++) {
		rig_cpu(&rig, cpu);
		for (unsigned i = 0; i < 2; i++)
			pfns[cpu][i] = rig_get(&rig, cpu * 3 + i * 3, cpu);
	}
	for (unsigned cpu = 0; cpu < CPUS; cpu++)
		for (unsigned i = 0; i < 2; i++) {
			rig_cpu(&rig, (cpu + i) % CPUS);
			rig_free(&rig, pfns[cpu][i]);
		}
	assert_int_equal(rig_take_range(&rig, 0, FRAMES), 0);
	assert_int_equal(roost_alloc(rig.roost, 0, ROOST_WAIT), ROOST_NONE);
	rig_compare(&rig);
	rig_home(&rig);
	rig_close(&rig);
}

/* A pageblock that becomes one block was a CPU's current one: freed, it is whole. */
static void current_pageblocks(void **state)
{
	struct rig rig;
	roost_pfn pfn, first;

	rig_open_simple(&rig, state, 0, FRAMES, 2);
	rig_cpu(&rig, 1);
	pfn = rig_get(&rig, 8, ROOST_UNMOVABLE);
	first = pfn & ~(roost_pfn)(BLOCK - 1);
	rig_free(&rig, pfn);
	rig_cpu(&rig, 0);
	assert_int_equal(rig_take_range(&rig, first, BLOCK), 0);
	assert_int_equal(roost_order(rig.roost, first), ROOST_PAGEBLOCK_ORDER);
	rig_cpu(&rig, 1); /* which no longer allocates there */
	assert_int_not_equal(rig_get(&rig, 0, ROOST_UNMOVABLE) / BLOCK, first / BLOCK);
	rig_free(&rig, first);
	rig_compare(&rig);
	rig_home(&rig);
	rig_close(&rig);
}

/* Taken out of pageblocks that are set apart, and given back to them. */
static void out_of_isolated_pageblocks(void **state)
{
	struct rig rig;

	rig_open_simple(&rig, state, 0, FRAMES, CPUS);
	for (unsigned block = 2; block < 5; block++)
		assert_int_equal(roost_isolate(rig.roost, block * BLOCK, true), 0);
	for (unsigned i = 0; i < LENGTH(ranges); i++) {
		assert_int_equal(rig_take_range(&rig, ranges[i].pfn, ranges[i].n), 0);
		rig_compare(&rig);
		rig_free_all(&rig);
		rig_compare(&rig);
	}
	roost_drain(rig.roost, -1);
	assert_int_equal(rig_take_all(&rig, 0, 0), FRAMES - 3 * BLOCK);
	rig_free_all(&rig);
	/* One that is apart is taken, and back in use when it is freed. */
	assert_int_equal(rig_take_range(&rig, 2 * BLOCK, 2 * BLOCK), 0);
	for (unsigned block = 2; block < 5; block++)
		assert_int_equal(roost_isolate(rig.roost, block * BLOCK, false), 0);
	rig_home(&rig);
	rig_close(&rig);
}

/* The reserve's frames, also in one block with others: freed, they are the reserve's again. */
static void out_of_the_reserve(void **state)
{
	struct roost_config config = rig_config(state);
	struct roost_range range = {.start = 0, .end = FRAMES};
	struct roost_zone_config zone = {.name = "Normal", .reserve = BLOCK + 5};
	struct rig rig;
	uint64_t got;

	config.ranges = &range;
	config.nr_ranges = 1;
	config.zones = &zone;
	config.nr_zones = 1;
	config.max_order = ROOST_PAGEBLOCK_ORDER + 3;
	rig_open(&rig, &config);
	for (unsigned i = 0; i < LENGTH(ranges); i++) {
		assert_int_equal(rig_take_range(&rig, ranges[i].pfn, ranges[i].n), 0);
		rig_compare(&rig);
		rig_free_all(&rig);
		rig_compare(&rig);
	}
	assert_int_equal(rig_take_range(&rig, 0, FRAMES), 0);
	assert_int_equal(roost_order(rig.roost, 0), ROOST_PAGEBLOCK_ORDER + 3);
	rig_free(&rig, 0);
	rig_check(&rig);
	/* While somebody has some of it, others leave as much of what else is free. */
	assert_int_equal(rig_take_range(&rig, FRAMES - 10, 10), 0);
	got = rig_take_all(&rig, 0, 0);
	assert_int_equal(got, FRAMES - 10 - (BLOCK + 5));
	rig_home(&rig);
	rig_close(&rig);
}

static void only_what_is_memory(void **state)
{
	const roost_pfn top = UINT64_MAX;
	struct rig rig;

	rig_open_unlike(&rig, state, CPUS);
	for (roost_pfn pfn = 0; pfn < RIG_UNLIKE_END + 4; pfn++)
		for (uint64_t n = 1; n < 4; n++) {
			bool good = true;

			for (uint64_t i = 0; i < n; i++)
				good &= shadow_state(&rig.shadow, pfn + i) == SHADOW_FREE &&
					shadow_zone(&rig.shadow, pfn + i) ==
						shadow_zone(&rig.shadow, pfn);
			assert_int_equal(rig_take_range(&rig, pfn, n), good ? 0 : -ROOST_EINVAL);
			if (good)
				rig_free_all(&rig);
		}
	assert_int_equal(roost_take_range(rig.roost, 100, 0), -ROOST_EINVAL);
	assert_int_equal(roost_take_range(rig.roost, 100, top), -ROOST_EINVAL);
	assert_int_equal(roost_take_range(rig.roost, 100, top - 99), -ROOST_EINVAL);
	assert_int_equal(roost_take_range(rig.roost, top, 1), -ROOST_EINVAL);
	assert_int_equal(roost_take_range(rig.roost, top, 2), -ROOST_EINVAL);
	assert_int_equal(roost_take_range(rig.roost, 100, (uint64_t)1 << 32), -ROOST_EINVAL);
	rig_compare(&rig);
	rig_home(&rig);
	rig_close(&rig);
}

static void free_again(struct rig *rig)
{
	if (!rig->in_hook)
		return;
	rig_free_all(rig);
}

/* The zone falls below its low mark by it. */
static void pressure_is_noticed(void **state)
{
	const struct roost_zone_config zone = {.low = BLOCK, .high = 2 * BLOCK};
	struct rig rig;

	rig_open_zone(&rig, state, FRAMES, &zone, 1);
	assert_int_equal(rig_take_range(&rig, 0, FRAMES - BLOCK), 0);
	assert_int_equal(rig.nr_pressure, 0);
	rig.on_pressure = free_again;
	assert_int_equal(roost_take_range(rig.roost, FRAMES - 1, 1), 0);
	assert_int_equal(rig.nr_pressure, 1);
	assert_int_equal(rig.pressure_free, BLOCK - 1);
	roost_free(rig.roost, FRAMES - 1, 0);
	rig_home(&rig);
	rig_close(&rig);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(in_the_largest_blocks, variants_all),
		SUITE_TEST(all_or_none, variants_paths),
		SUITE_TEST(whoever_has_them, variants_all),
		SUITE_TEST(current_pageblocks, variants_owners),
		SUITE_TEST(out_of_isolated_pageblocks, variants_owners),
		SUITE_TEST(out_of_the_reserve, variants_owners),
		SUITE_TEST(only_what_is_memory, variants_one),
		SUITE_TEST(pressure_is_noticed, variants_one),
	};

	return SUITE_RUN("range", tests, argc, argv);
}
