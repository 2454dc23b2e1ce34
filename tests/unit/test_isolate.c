/* SPDX-License-Identifier: MIT */
/* test_isolate.c - setting pageblocks apart and back. */
#include "harness.h"

enum { BLOCKS = 8, FRAMES = BLOCKS * BLOCK, CPUS = 3 };

static bool in_block(roost_pfn pfn, unsigned block)
{
	return pfn >> ROOST_PAGEBLOCK_ORDER == block;
}

/* Isolates one pageblock; the drain takes its frames off the pcps of those who do not own it. */
static void set_apart(struct rig *rig, unsigned block)
{
	assert_int_equal(roost_isolate(rig->roost, block * BLOCK + 7, true), 0);
	roost_drain(rig->roost, -1);
}

static void put_back(struct rig *rig, unsigned block)
{
	assert_int_equal(roost_isolate(rig->roost, block * BLOCK + 500, false), 0);
}

static struct roost_zone_info zone_of(const struct rig *rig)
{
	struct roost_zone_info info;

	assert_int_equal(roost_zone_info(rig->roost, 0, &info), 0);
	return info;
}

static uint64_t isolated_frames(const struct rig *rig)
{
	struct roost_zone_info info = zone_of(rig);
	uint64_t frames = 0;

	for (unsigned k = 0; k <= ROOST_MAX_ORDER; k++)
		frames += info.blocks[ROOST_LIST_ISOLATE][k] << k;
	return frames;
}

/* A free pageblock that is set apart is not handed out, whatever it was part of. */
static void free_block(void **state)
{
	struct rig rig;

	rig_open_simple(&rig, state, 0, FRAMES, CPUS);
	for (unsigned block = 0; block < BLOCKS; block++) {
		roost_pfn pfn;

		set_apart(&rig, block);
		rig_compare(&rig);
		assert_int_equal(isolated_frames(&rig), BLOCK);
		assert_int_equal(zone_of(&rig).pageblocks[ROOST_LIST_ISOLATE], 1);
		while ((pfn = rig_alloc(&rig, block % 10, block & 1 ? ROOST_WAIT : 0)) !=
		       ROOST_NONE)
			assert_false(in_block(pfn, block));
		assert_int_equal(shadow_free(&rig.shadow, 0), BLOCK);
		put_back(&rig, block);
		assert_int_equal(rig_take_all(&rig, block % 10, 0), BLOCK >> (block % 10));
		rig_free_all(&rig);
		rig_compare(&rig);
	}
	assert_int_equal(zone_of(&rig).pageblocks[ROOST_LIST_ISOLATE], 0);
	rig_home(&rig);
	rig_close(&rig);
}

/* Frames of a pageblock set apart that are freed later stay there. */
static void frees_stay(void **state)
{
	struct rig rig;

	rig_open_simple(&rig, state, 0, FRAMES, CPUS);
	for (unsigned cpu = 0; cpu < CPUS; cpu++) {
		rig_cpu(&rig, cpu);
		assert_int_equal(rig_take_all(&rig, 0, 0), FRAMES);
		set_apart(&rig, 2);
		assert_int_equal(isolated_frames(&rig), 0);
		for (roost_pfn pfn = 2 * BLOCK; pfn < 3 * BLOCK; pfn++) {
			rig_cpu(&rig, (unsigned)pfn);
			pfn % 3 ? rig_free(&rig, pfn) : rig_free_nolock(&rig, pfn);
		}
		rig_compare(&rig);
		assert_int_equal(isolated_frames(&rig), BLOCK);
		assert_int_equal(rig_alloc(&rig, 0, 0), ROOST_NONE);
		assert_int_equal(rig_alloc(&rig, 0, ROOST_WAIT | ROOST_RESERVE), ROOST_NONE);
		put_back(&rig, 2);
		assert_int_equal(rig_take_all(&rig, 0, 0), BLOCK);
		rig_free_all(&rig);
	}
	rig_home(&rig);
	rig_close(&rig);
}

/* Bulk frees, large blocks across a pageblock set apart, and its neighbours. */
static void large_blocks(void **state)
{
	struct roost_block blocks[BLOCKS / 2];
	struct rig rig;

	rig_open_simple(&rig, state, 0, FRAMES, CPUS);
	for (unsigned i = 0; i < BLOCKS / 2; i++) {
		blocks[i].order = ROOST_DEFAULT_MAX_ORDER;
		blocks[i].pfn = rig_get(&rig, ROOST_DEFAULT_MAX_ORDER, 0);
	}
	set_apart(&rig, 3);
	set_apart(&rig, 4);
	rig_free_bulk(&rig, blocks, BLOCKS / 2, false);
	rig_compare(&rig);
	assert_int_equal(isolated_frames(&rig), 2 * BLOCK);
	assert_int_equal(rig_take_all(&rig, ROOST_DEFAULT_MAX_ORDER, ROOST_WAIT), 2);
	assert_int_equal(rig_take_all(&rig, ROOST_PAGEBLOCK_ORDER, ROOST_WAIT), 2);
	assert_int_equal(rig_alloc(&rig, 0, ROOST_WAIT), ROOST_NONE);
	rig_compare(&rig);
	put_back(&rig, 4);
	put_back(&rig, 3);
	rig_home(&rig);
	rig_close(&rig);
}

/* The owner's pcp holds frames of the block: they are taken off it. */
static void owned_block(void **state)
{
	struct roost_frame_info info;
	struct rig rig;
	roost_pfn pfn;
	unsigned block;

	rig_open_simple(&rig, state, 0, FRAMES, CPUS);
	rig_cpu(&rig, 1);
	pfn = rig_get(&rig, 0, 0);
	roost_frame_info(rig.roost, pfn, &info);
	assert_int_equal(info.owner, 1 % roost_nr_cpus(rig.roost));
	block = (unsigned)(pfn >> ROOST_PAGEBLOCK_ORDER);
	rig_cpu(&rig, 0);
	assert_int_equal(roost_isolate(rig.roost, pfn, true), 0);
	rig_compare(&rig);
	assert_int_equal(isolated_frames(&rig), BLOCK - 1);
	rig_cpu(&rig, 1);
	for (unsigned i = 0; i < 2 * BLOCK; i++)
		assert_false(in_block(rig_get(&rig, 0, 0), block));
	rig_free(&rig, pfn);
	assert_int_equal(isolated_frames(&rig), BLOCK);
	put_back(&rig, block);
	rig_home(&rig);
	rig_close(&rig);
}

/* So are those that others freed on their way to the owner, without a drain. */
static void owned_block_with_frames_under_way(void **state)
{
	struct rig rig;
	roost_pfn pfns[100];
	unsigned block;

	NEED_SMP();
	rig_open_simple(&rig, state, 0, FRAMES, CPUS);
	rig_cpu(&rig, 1);
	for (unsigned i = 0; i < LENGTH(pfns); i++)
		pfns[i] = rig_get(&rig, 0, 0);
	block = (unsigned)(pfns[0] >> ROOST_PAGEBLOCK_ORDER);
	rig_cpu(&rig, 0);
	for (unsigned i = 0; i < LENGTH(pfns); i++)
		if (in_block(pfns[i], block))
			rig_free(&rig, pfns[i]);
	assert_int_equal(roost_isolate(rig.roost, pfns[0], true), 0);
	rig_compare(&rig);
	rig_cpu(&rig, 1);
	for (unsigned i = 0; i < 3 * BLOCK; i++)
		assert_false(in_block(rig_get(&rig, 0, 0), block));
	rig_check(&rig);
	put_back(&rig, block);
	rig_home(&rig);
	rig_close(&rig);
}

/* Frames of the block lie on all pcps, whichever CPU owns it: after the drain they are all
 * apart. */
static void block_on_many_pcps(void **state)
{
	struct rig rig;

	rig_open_simple(&rig, state, 0, FRAMES, CPUS);
	for (unsigned round = 0; round < 10; round++) {
		for (unsigned i = 0; i < FRAMES; i++) {
			rig_cpu(&rig, i / 20);
			rig_get(&rig, 0, 0);
		}
		for (roost_pfn pfn = 0; pfn < FRAMES; pfn++)
			if (pfn % 10 || !in_block(pfn, 5)) {
				rig_cpu(&rig, (unsigned)pfn / 30 + round);
				rig_free(&rig, pfn);
			}
		set_apart(&rig, 5);
		rig_compare(&rig);
		assert_int_equal(isolated_frames(&rig), BLOCK - (BLOCK + 9) / 10);
		assert_int_equal(rig_take_all(&rig, 0, 0), FRAMES - BLOCK);
		rig_free_all(&rig);
		put_back(&rig, 5);
	}
	rig_home(&rig);
	rig_close(&rig);
}

static void all_blocks(void **state)
{
	struct rig rig;

	rig_open_simple(&rig, state, 0, FRAMES, CPUS);
	for (unsigned block = 0; block < BLOCKS; block++)
		set_apart(&rig, block);
	for (unsigned k = 0; k <= ROOST_DEFAULT_MAX_ORDER; k++)
		assert_int_equal(rig_alloc(&rig, k, k & 1 ? ROOST_WAIT : 0), ROOST_NONE);
	assert_int_equal(isolated_frames(&rig), FRAMES);
	rig_compare(&rig);
	for (unsigned block = BLOCKS; block-- > 0;)
		put_back(&rig, block);
	rig_home(&rig);
	rig_close(&rig);
}

static void refusals(void **state)
{
	static const struct roost_range ranges[] = {{0, 3 * BLOCK, 0, 0},
						    {BLOCK, BLOCK + 5, 0, ROOST_RANGE_RESERVED}};
	static const struct roost_zone_config zone = {.reserve = 100};
	struct roost_config config = rig_config(state);
	struct roost_frame_info info;
	struct rig rig;

	config.ranges = ranges;
	config.nr_ranges = 2;
	config.zones = &zone;
	config.nr_zones = 1;
	rig_open(&rig, &config);
	assert_int_equal(roost_isolate(rig.roost, 3 * BLOCK, true), -ROOST_EINVAL);
	assert_int_equal(roost_isolate(rig.roost, ROOST_NONE, true), -ROOST_EINVAL);
	assert_int_equal(roost_isolate(rig.roost, BLOCK + 2, true), -ROOST_EINVAL);
	assert_int_equal(roost_isolate(rig.roost, 5, false), -ROOST_EINVAL);
	assert_int_equal(roost_isolate(rig.roost, 5, true), 0);
	assert_int_equal(roost_isolate(rig.roost, 9, true), -ROOST_EINVAL);
	rig_compare(&rig);
	assert_int_equal(roost_isolate(rig.roost, 9, false), 0);
	roost_frame_info(rig.roost, 3 * BLOCK - 1, &info);
	if (info.type == ROOST_LIST_RESERVE)
		assert_int_equal(roost_isolate(rig.roost, 3 * BLOCK - 1, true), -ROOST_EINVAL);
	rig_compare(&rig);
	rig_home(&rig);
	rig_close(&rig);
}

/* Put back, a pageblock is movable. */
static void type_comes_back(void **state)
{
	struct roost_frame_info info;
	struct rig rig;
	roost_pfn pfn;

	rig_open_simple(&rig, state, 0, FRAMES, CPUS);
	for (unsigned type = 0; type < 3; type++) {
		pfn = rig_get(&rig, 0, type);
		roost_drain(rig.roost, -1);
		assert_int_equal(roost_isolate(rig.roost, pfn, true), 0);
		roost_frame_info(rig.roost, pfn, &info);
		assert_int_equal(info.type, ROOST_LIST_ISOLATE);
		assert_int_equal(roost_isolate(rig.roost, pfn, false), 0);
		roost_frame_info(rig.roost, pfn, &info);
		assert_int_equal(info.type, ROOST_LIST_MOVABLE);
		rig_check(&rig);
	}
	rig_home(&rig);
	rig_close(&rig);
}

/* A pageblock with holes, of two zones. */
static void odd_blocks(void **state)
{
	static const struct roost_range ranges[] = {
		{10, 300, 0, 0}, {350, 1000, 0, 0}, {1000, 1500, 1, 0}};
	static const struct roost_zone_config zones[2] = {{0}};
	struct roost_config config = rig_config(state);
	struct rig rig;

	config.ranges = ranges;
	config.zones = zones;
	config.nr_ranges = 3;
	config.nr_zones = 2;
	config.nr_cpus = 2;
	rig_open(&rig, &config);
	assert_int_equal(roost_isolate(rig.roost, 20, true), 0);
	rig_compare(&rig);
	assert_int_equal(rig_take_all(&rig, 0, ROOST_ZONE(0)), 1000 - 512);
	rig_free_all(&rig);
	assert_int_equal(roost_isolate(rig.roost, 400, false), 0);
	assert_int_equal(rig_take_all(&rig, 0, ROOST_ZONE(0)), 290 + 650);
	assert_int_equal(rig_take_all(&rig, 0, 0), 500);
	rig_home(&rig);
	rig_close(&rig);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(free_block, variants_all),
		SUITE_TEST(frees_stay, variants_all),
		SUITE_TEST(large_blocks, variants_all),
		SUITE_TEST(owned_block, variants_owners),
		SUITE_TEST(owned_block_with_frames_under_way, variants_owners),
		SUITE_TEST(block_on_many_pcps, variants_all),
		SUITE_TEST(all_blocks, variants_paths),
		SUITE_TEST(refusals, variants_paths),
		SUITE_TEST(type_comes_back, variants_paths),
		SUITE_TEST(odd_blocks, variants_paths),
	};

	return SUITE_RUN("isolate", tests, argc, argv);
}
