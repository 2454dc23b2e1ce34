/* SPDX-License-Identifier: MIT */
/* test_hotplug.c - memory that comes and goes: roost_add_range(), roost_remove_range(), and ranges
 * that start out absent or allocated. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"

enum { FIRST = 4 * BLOCK, FRAMES = 12 * BLOCK, CPUS = 3 }; /* what is absent begins at FIRST */

static const struct roost_range half[] = {{0, FIRST, 0, 0}, {FIRST, FRAMES, 0, ROOST_RANGE_ABSENT}};

static void open_half(struct rig *rig, void *const *state)
{
	rig_open_zones(rig, state, half, LENGTH(half), NULL, 0, CPUS);
}

/* Parts of what is absent. */
static const struct {
	roost_pfn pfn;
	uint64_t n;
} parts[] = {
	{FIRST, BLOCK},		 {FIRST, FRAMES - FIRST},	 {FIRST + BLOCK, 3 * BLOCK},
	{FRAMES - BLOCK, BLOCK}, {FIRST + 4 * BLOCK, 4 * BLOCK},
};

/* ---- Come and go ---------------------------------------------------------------------------- */

static void comes_and_goes(void **state)
{
	struct rig rig;

	open_half(&rig, state);
	rig_compare(&rig);
	for (unsigned i = 0; i < 2 * LENGTH(parts); i++) {
		roost_pfn pfn = parts[i / 2].pfn;
		uint64_t n = parts[i / 2].n, all = 0;

		rig_cpu(&rig, i % CPUS);
		assert_int_equal(rig_add_range(&rig, pfn, n), 0);
		rig_compare(&rig);
		if (i % 2)
			for (unsigned k = 0; k <= ROOST_PAGEBLOCK_ORDER; k += 3)
				for (unsigned type = 0; type < 3; type++)
					rig_alloc(&rig, k, type);
		all = rig_take_all(&rig, 0, ROOST_WAIT);
		assert_int_equal(all ? shadow_free(&rig.shadow, -1) : 0, 0);
		rig_compare(&rig);
		rig_cpu(&rig, (i + 1) % CPUS);
		rig_free_all(&rig);
		assert_int_equal(rig_remove_range(&rig, pfn, n), 0);
		rig_compare(&rig);
		assert_int_equal(roost_recover(rig.roost), 0);
		rig_compare(&rig);
	}
	rig_home(&rig);
	rig_close(&rig);
}

/* What was there at first can go, all of it, and come back in other parts. */
static void all_of_it_goes(void **state)
{
	struct rig rig;

	rig_open_simple(&rig, state, 10, FRAMES - 13, CPUS);
	rig_free(&rig, rig_get(&rig, 3, ROOST_UNMOVABLE));
	rig_take_all(&rig, 0, ROOST_WAIT | ROOST_RECLAIMABLE); /* also of the odd ends */
	rig_free_all(&rig);
	assert_int_equal(rig_remove_range(&rig, 10, FRAMES - 13), 0);
	rig_compare(&rig);
	for (unsigned order = 0; order <= ROOST_PAGEBLOCK_ORDER; order++) {
		assert_int_equal(roost_alloc(rig.roost, order, ROOST_WAIT), ROOST_NONE);
		assert_int_equal(roost_alloc(rig.roost, order, ROOST_RESERVE), ROOST_NONE);
	}
	assert_int_equal(rig_stats(&rig).wait_rounds, 0);
	assert_int_equal(rig_add_range(&rig, 3 * BLOCK, 2 * BLOCK), 0);
	assert_int_equal(rig_add_range(&rig, 10, 3 * BLOCK - 10), 0);
	rig_compare(&rig);
	assert_int_equal(rig_add_range(&rig, 5 * BLOCK, FRAMES - 3 - 5 * BLOCK), 0);
	rig_home(&rig);
	rig_close(&rig);
}

/* A block may lie in what was there and in what came. */
static void blocks_reach_across(void **state)
{
	const struct roost_range ranges[] = {{0, BLOCK, 0, 0},
					     {BLOCK, 2 * BLOCK, 0, ROOST_RANGE_ABSENT}};
	struct rig rig;
	roost_pfn pfn;

	rig_open_zones(&rig, state, ranges, LENGTH(ranges), NULL, 0, 1);
	assert_int_equal(roost_alloc(rig.roost, ROOST_PAGEBLOCK_ORDER + 1, ROOST_WAIT), ROOST_NONE);
	assert_int_equal(rig_add_range(&rig, BLOCK, BLOCK), 0);
	pfn = rig_get(&rig, ROOST_PAGEBLOCK_ORDER + 1, ROOST_WAIT);
	assert_int_equal(rig_remove_range(&rig, BLOCK, BLOCK), -ROOST_EBUSY);
	rig_free(&rig, pfn);
	assert_int_equal(rig_remove_range(&rig, BLOCK, BLOCK), 0);
	rig_home(&rig);
	rig_close(&rig);
}

/* ---- What a caller may name ----------------------------------------------------------------- */

static bool same_zone_beside(const struct rig *rig, roost_pfn from, roost_pfn to, int zone)
{
	for (; from < to; from++)
		if (shadow_zone(&rig->shadow, from) == zone)
			return true;
	return false;
}

/* Whole pageblocks of one zone's frames, but for odd ends. */
static bool is_unit(const struct rig *rig, roost_pfn pfn, uint64_t n)
{
	int zone = shadow_zone(&rig->shadow, pfn);
	roost_pfn end = pfn + n;

	for (uint64_t i = 0; i < n; i++)
		if (shadow_zone(&rig->shadow, pfn + i) != zone)
			return false;
	return zone >= 0 && !same_zone_beside(rig, pfn / BLOCK * BLOCK, pfn, zone) &&
	       !same_zone_beside(rig, end, (end + BLOCK - 1) / BLOCK * BLOCK, zone);
}

/* Zones that begin, meet and end within pageblocks, with a short hole; all start out absent. */
static void units(void **state)
{
	static const struct roost_range ranges[] = {
		{10, 2 * BLOCK + 7, 0, ROOST_RANGE_ABSENT},
		{2 * BLOCK + 7, 4 * BLOCK, 1, ROOST_RANGE_ABSENT},
		{4 * BLOCK + 3, 6 * BLOCK - 5, 1, ROOST_RANGE_ABSENT},
		{6 * BLOCK + 1, 7 * BLOCK + 1, 1, ROOST_RANGE_ABSENT},
	};
	static const struct roost_zone_config zones[2];
	const roost_pfn at[] = {0,
				9,
				10,
				11,
				BLOCK - 1,
				BLOCK,
				BLOCK + 1,
				2 * BLOCK,
				2 * BLOCK + 6,
				2 * BLOCK + 7,
				2 * BLOCK + 8,
				3 * BLOCK,
				4 * BLOCK,
				4 * BLOCK + 2,
				4 * BLOCK + 3,
				5 * BLOCK,
				6 * BLOCK - 6,
				6 * BLOCK - 5,
				6 * BLOCK,
				6 * BLOCK + 1,
				7 * BLOCK,
				7 * BLOCK + 1,
				7 * BLOCK + 2};
	struct rig rig;

	rig_open_zones(&rig, state, ranges, LENGTH(ranges), zones, 2, 2);
	for (unsigned i = 0; i < LENGTH(at); i++)
		for (unsigned k = 0; k < LENGTH(at); k++) {
			uint64_t n = at[k] - at[i]; /* also none, or more than there are */
			bool good = k > i && is_unit(&rig, at[i], n);

			assert_int_equal(rig_remove_range(&rig, at[i], n),
					 good ? -ROOST_ENOENT
					      : roost_remove_range(rig.roost, at[i], n));
			assert_int_equal(rig_add_range(&rig, at[i], n), good ? 0 : -ROOST_EINVAL);
			if (!good)
				continue;
			rig_compare(&rig);
			assert_int_equal(rig_add_range(&rig, at[i], n), -ROOST_EEXIST);
			assert_int_equal(rig_take_range(&rig, at[i], n), 0);
			assert_int_equal(rig_remove_range(&rig, at[i], n), -ROOST_EBUSY);
			rig_free_all(&rig);
			assert_int_equal(rig_remove_range(&rig, at[i], n), 0);
		}
	assert_int_equal(roost_add_range(rig.roost, ROOST_NONE, 1), -ROOST_EINVAL);
	assert_int_equal(roost_remove_range(rig.roost, 10, UINT64_MAX), -ROOST_EINVAL);
	rig_home(&rig);
	rig_close(&rig);
}

/* Of memory with reserved frames: a pageblock with a hole in the middle stays. */
static void holes_stay(void **state)
{
	static const struct roost_range ranges[] = {
		{0, 6 * BLOCK, 0, 0},
		{BLOCK + 10, BLOCK + 20, 0, ROOST_RANGE_RESERVED},
		{3 * BLOCK - 4, 3 * BLOCK + 4, 0, ROOST_RANGE_RESERVED},
	};
	struct rig rig;

	rig_open_zones(&rig, state, ranges, LENGTH(ranges), NULL, 0, 1);
	assert_int_equal(roost_remove_range(rig.roost, BLOCK, BLOCK), -ROOST_EINVAL);
	assert_int_equal(roost_remove_range(rig.roost, BLOCK, 10), -ROOST_EINVAL);
	assert_int_equal(roost_remove_range(rig.roost, BLOCK + 20, BLOCK - 20), -ROOST_EINVAL);
	assert_int_equal(roost_remove_range(rig.roost, 2 * BLOCK, BLOCK), -ROOST_EINVAL);
	assert_int_equal(roost_remove_range(rig.roost, 2 * BLOCK, 2 * BLOCK), -ROOST_EINVAL);
	rig_compare(&rig);
	assert_int_equal(rig_remove_range(&rig, 2 * BLOCK, BLOCK - 4), 0);
	assert_int_equal(rig_remove_range(&rig, 3 * BLOCK + 4, BLOCK - 4), 0);
	assert_int_equal(roost_add_range(rig.roost, 2 * BLOCK, 2 * BLOCK), -ROOST_EINVAL);
	assert_int_equal(roost_add_range(rig.roost, 2 * BLOCK, BLOCK), -ROOST_EINVAL);
	rig_compare(&rig);
	assert_int_equal(rig_add_range(&rig, 2 * BLOCK, BLOCK - 4), 0);
	assert_int_equal(rig_add_range(&rig, 3 * BLOCK + 4, BLOCK - 4), 0);
	rig_home(&rig);
	rig_close(&rig);
}

/* One frame is in use, or a pageblock is there or not: nothing changes. */
static void all_or_none(void **state)
{
	struct rig rig;

	open_half(&rig, state);
	assert_int_equal(rig_add_range(&rig, FIRST, 4 * BLOCK), 0);
	for (unsigned i = 0; i < 4; i++) {
		roost_pfn used = FIRST + i * (BLOCK + 170);
		struct roost_zone_info before, after;

		assert_int_equal(rig_take_range(&rig, used, 1), 0);
		roost_drain(rig.roost, -1);
		assert_int_equal(roost_zone_info(rig.roost, 0, &before), 0);
		assert_int_equal(rig_remove_range(&rig, FIRST, 4 * BLOCK), -ROOST_EBUSY);
		assert_int_equal(rig_remove_range(&rig, FIRST, 8 * BLOCK), -ROOST_ENOENT);
		assert_int_equal(rig_remove_range(&rig, FIRST + 4 * BLOCK, BLOCK), -ROOST_ENOENT);
		assert_int_equal(rig_add_range(&rig, FIRST + 3 * BLOCK, 2 * BLOCK), -ROOST_EEXIST);
		assert_int_equal(rig_add_range(&rig, 0, 5 * BLOCK), -ROOST_EEXIST);
		assert_int_equal(roost_zone_info(rig.roost, 0, &after), 0);
		assert_memory_equal(&before, &after, sizeof(before));
		rig_compare(&rig);
		rig_free_all(&rig);
	}
	assert_int_equal(rig_remove_range(&rig, FIRST, 4 * BLOCK), 0);
	rig_home(&rig);
	rig_close(&rig);
}

/* ---- Where they are ------------------------------------------------------------------------- */

/* In pockets, on pcps, in current pageblocks of several CPUs, isolated. */
static void wherever_they_are(void **state)
{
	struct rig rig;
	roost_pfn pfns[CPUS][4];

	open_half(&rig, state);
	assert_int_equal(rig_add_range(&rig, FIRST, FRAMES - FIRST), 0);
	assert_int_equal(rig_remove_range(&rig, 0, FIRST), 0);
	for (unsigned cpu = 0; cpu < CPUS; cpu++) {
		rig_cpu(&rig, cpu);
		for (unsigned i = 0; i < 4; i++)
			pfns[cpu][i] = rig_get(&rig, i * 3, cpu);
	}
	for (unsigned cpu = 0; cpu < CPUS; cpu++)
		for (unsigned i = 0; i < 4; i++) {
			rig_cpu(&rig, (cpu + i) % CPUS);
			rig_free(&rig, pfns[cpu][i]);
		}
	assert_int_equal(rig_remove_range(&rig, FIRST, FRAMES - FIRST), 0);
	rig_compare(&rig);
	for (unsigned cpu = 0; cpu < CPUS; cpu++) {
		rig_cpu(&rig, cpu);
		assert_int_equal(roost_alloc(rig.roost, 0, cpu), ROOST_NONE);
	}
	assert_int_equal(rig_add_range(&rig, 0, FIRST), 0);
	for (unsigned cpu = 0; cpu < CPUS; cpu++) {
		rig_cpu(&rig, cpu);
		rig_get(&rig, 0, cpu);
	}
	rig_home(&rig);
	rig_close(&rig);
}

/* What is isolated can go, and comes back as any other. What is absent cannot be isolated. */
static void isolated_pageblocks_go(void **state)
{
	struct roost_zone_info info;
	struct rig rig;

	open_half(&rig, state);
	assert_int_equal(roost_isolate(rig.roost, FIRST, true), -ROOST_EINVAL);
	assert_int_equal(roost_isolate(rig.roost, FIRST, false), -ROOST_EINVAL);
	assert_int_equal(rig_add_range(&rig, FIRST, 3 * BLOCK), 0);
	assert_int_equal(roost_isolate(rig.roost, FIRST, true), 0);
	assert_int_equal(roost_isolate(rig.roost, FIRST + BLOCK, true), 0);
	assert_int_equal(rig_remove_range(&rig, FIRST, 3 * BLOCK), 0);
	assert_int_equal(roost_zone_info(rig.roost, 0, &info), 0);
	assert_int_equal(info.pageblocks[ROOST_LIST_ISOLATE], 0);
	assert_int_equal(info.pageblocks[ROOST_LIST_MOVABLE], FIRST / BLOCK);
	rig_compare(&rig);
	assert_int_equal(rig_add_range(&rig, FIRST, 3 * BLOCK), 0);
	assert_int_equal(rig_take_all(&rig, 0, ROOST_WAIT), FIRST + 3 * BLOCK);
	rig_free_all(&rig);
	assert_int_equal(rig_remove_range(&rig, FIRST, 3 * BLOCK), 0);
	rig_home(&rig);
	rig_close(&rig);
}

static bool move_it(void *context, roost_pfn pfn, unsigned order)
{
	struct rig *rig = context;

	rig_get(rig, order, ROOST_WAIT);
	rig_free(rig, pfn);
	return true;
}

/* As the header says: what is in use is moved, and nobody takes it before it goes. */
static void what_is_in_use_is_moved(void **state)
{
	struct rig rig;

	open_half(&rig, state);
	assert_int_equal(rig_add_range(&rig, FIRST, 4 * BLOCK), 0);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(rig_take_range(&rig, FIRST + i * 400, 70), 0);
	assert_int_equal(roost_alloc_range(rig.roost, FIRST, 4 * BLOCK, move_it, &rig), 0);
	for (roost_pfn p = FIRST; p < FIRST + 4 * BLOCK; p += BLOCK)
		assert_int_equal(roost_isolate(rig.roost, p, true), 0);
	for (roost_pfn p = FIRST, next; p < FIRST + 4 * BLOCK; p = next) {
		int order = roost_order(rig.roost, p);

		assert_true(order >= 0);
		next = p + ((roost_pfn)1 << order);
		roost_free(rig.roost, p, (unsigned)order);
	}
	assert_int_equal(roost_take_range(rig.roost, FIRST, 1), 0); /* by address */
	assert_int_equal(roost_remove_range(rig.roost, FIRST, 4 * BLOCK), -ROOST_EBUSY);
	roost_free(rig.roost, FIRST, 0);
	assert_int_equal(rig_remove_range(&rig, FIRST, 4 * BLOCK), 0);
	rig_compare(&rig);
	rig_home(&rig);
	rig_close(&rig);
}

/* No call finds anything in what is absent. */
static bool never_moved(void *context, roost_pfn pfn, unsigned order)
{
	(void)context;
	(void)pfn;
	(void)order;
	return false;
}

static void others_skip_what_is_absent(void **state)
{
	uint64_t frames[ROOST_PAGEBLOCK_WORDS];
	struct roost_compaction c = {0};
	struct roost_pageblock_info info;
	struct roost_frame_info frame;
	unsigned absent = 0, there = 0;
	struct rig rig;
	int err;

	open_half(&rig, state);
	assert_int_equal(rig_add_range(&rig, FRAMES - BLOCK, BLOCK), 0);
	for (roost_pfn pfn = 0; !roost_pageblock_info(rig.roost, pfn, &info); pfn = info.end) {
		bool is_there = info.start < FIRST || info.start == FRAMES - BLOCK;

		assert_int_equal(info.absent, !is_there);
		assert_int_equal(info.usable, is_there ? BLOCK : 0);
		assert_int_equal(info.free, is_there ? BLOCK : 0);
		assert_int_equal(info.whole, is_there);
		absent += info.absent;
		there += is_there;
	}
	assert_int_equal(absent, 7);
	assert_int_equal(there, 5);
	for (roost_pfn pfn = FIRST; pfn < FRAMES - BLOCK; pfn += 100) {
		roost_frame_info(rig.roost, pfn, &frame);
		assert_int_equal(frame.state, ROOST_FRAME_OUTSIDE);
		assert_int_equal(roost_order(rig.roost, pfn), -1);
		assert_int_equal(roost_free_order(rig.roost, pfn), -1);
		assert_int_equal(roost_take_range(rig.roost, pfn, 1), -ROOST_EINVAL);
		assert_int_equal(roost_take_rest(rig.roost, pfn, frames), 0);
		assert_int_equal(roost_alloc_rest(rig.roost, pfn, frames), 0);
	}
	assert_int_equal(roost_take_range(rig.roost, FIRST - 1, 2), -ROOST_EINVAL);
	assert_int_equal(roost_alloc_range(rig.roost, FIRST - 1, 2, never_moved, NULL),
			 -ROOST_EINVAL);
	assert_int_equal(roost_alloc_range(rig.roost, FIRST, BLOCK, never_moved, NULL),
			 -ROOST_EINVAL);
	while ((err = roost_compact(rig.roost, ROOST_PAGEBLOCK_ORDER + 1, never_moved, NULL, &c)) ==
	       -ROOST_EAGAIN)
		;
	assert_int_equal(err, 0);
	assert_true(c.pfn + 2 * BLOCK <= FIRST);
	roost_free(rig.roost, c.pfn, ROOST_PAGEBLOCK_ORDER + 1);
	roost_compact_end(rig.roost, &c);
	assert_int_equal(rig_remove_range(&rig, FRAMES - BLOCK, BLOCK), 0);
	rig_home(&rig);
	rig_close(&rig);
}

/* ---- Misuse --------------------------------------------------------------------------------- */

static void expect_hole(struct rig *rig, const char *call, roost_pfn pfn, unsigned order)
{
	rig_expect(rig, &(struct roost_misuse){.kind = ROOST_MISUSE_HOLE,
					       .call = call,
					       .pfn = pfn,
					       .order_given = (int)order,
					       .order_found = -1,
					       .head_found = ROOST_NONE});
}

static void free_in_every_way(struct rig *rig, roost_pfn pfn, unsigned order)
{
	const struct roost_block block = {pfn, order};
	roost_t *r = rig->roost;

	roost_free(r, pfn, order);
	expect_hole(rig, "roost_free", pfn, order);
	roost_free_nolock(r, pfn, order);
	expect_hole(rig, "roost_free_nolock", pfn, order);
	roost_free_bulk(r, &block, 1);
	expect_hole(rig, "roost_free_bulk", pfn, order);
	roost_free_bulk_nolock(r, &block, 1);
	expect_hole(rig, "roost_free_bulk_nolock", pfn, order);
	roost_free_part(r, pfn, order);
	expect_hole(rig, "roost_free_part", pfn, order);
	assert_int_equal(roost_split(r, pfn, order, 0), -ROOST_EINVAL);
	expect_hole(rig, "roost_split", pfn, order);
	assert_int_equal(roost_merge(r, pfn, order), -ROOST_EINVAL);
	expect_hole(rig, "roost_merge", pfn, order);
}

/* Frames that never were there, that were freed before they went, and whose block was. */
static void a_free_of_what_is_absent(void **state)
{
	struct rig rig;

	open_half(&rig, state);
	free_in_every_way(&rig, FIRST + 8, 3);
	assert_int_equal(rig_add_range(&rig, FIRST, 2 * BLOCK), 0);
	assert_int_equal(rig_take_range(&rig, FIRST, 2 * BLOCK), 0);
	rig_free_all(&rig);
	assert_int_equal(rig_remove_range(&rig, FIRST, 2 * BLOCK), 0);
	free_in_every_way(&rig, FIRST, ROOST_PAGEBLOCK_ORDER + 1);
	free_in_every_way(&rig, FIRST + BLOCK + 1, 0);
	rig_compare(&rig);
	rig_home(&rig);
	rig_close(&rig);
}

/* ---- The reserve, the marks ----------------------------------------------------------------- */

/* The reserve is larger than what is there: what comes is of it until it is complete, and stays. */
static void the_reserve_is_completed(void **state)
{
	const struct roost_zone_config zone = {.reserve = 5 * BLOCK + 10};
	struct roost_zone_info info;
	struct rig rig;

	rig_open_zones(&rig, state, half, LENGTH(half), &zone, 1, 1);
	assert_int_equal(roost_zone_info(rig.roost, 0, &info), 0);
	assert_int_equal(info.pageblocks[ROOST_LIST_RESERVE], 4);
	assert_int_equal(roost_alloc(rig.roost, 0, ROOST_WAIT), ROOST_NONE);
	assert_int_equal(rig_remove_range(&rig, 0, BLOCK), -ROOST_EBUSY);
	assert_int_equal(rig_add_range(&rig, FIRST, BLOCK), 0);
	assert_int_equal(roost_alloc(rig.roost, 0, ROOST_WAIT), ROOST_NONE);
	rig_compare(&rig);
	assert_int_equal(rig_add_range(&rig, FIRST + BLOCK, 4 * BLOCK), 0);
	assert_int_equal(roost_zone_info(rig.roost, 0, &info), 0);
	assert_int_equal(info.pageblocks[ROOST_LIST_RESERVE], 6);
	assert_int_equal(info.pageblocks[ROOST_LIST_MOVABLE], 3);
	rig_compare(&rig);
	assert_int_equal(rig_remove_range(&rig, FIRST, 5 * BLOCK), -ROOST_EBUSY);
	assert_int_equal(rig_take_all(&rig, 0, ROOST_WAIT), 9 * BLOCK - (5 * BLOCK + 10));
	rig_free_all(&rig);
	assert_int_equal(rig_remove_range(&rig, FIRST + BLOCK, 3 * BLOCK), 0);
	rig_compare(&rig);
	assert_int_equal(rig_add_range(&rig, FIRST + BLOCK, 3 * BLOCK), 0);
	assert_int_equal(roost_zone_info(rig.roost, 0, &info), 0);
	assert_int_equal(info.pageblocks[ROOST_LIST_RESERVE], 6);
	rig_close(&rig);
}

/* Blocks that begin or end in the reserve, which is no longer at the end of the zone, go back to it
 * in parts. */
static void the_reserve_in_the_middle(void **state)
{
	static const struct roost_range ranges[] = {{0, 4 * BLOCK, 0, 0},
						    {4 * BLOCK, 16 * BLOCK, 0, ROOST_RANGE_ABSENT}};
	static const struct roost_zone_config zone = {.reserve = BLOCK + 10};
	static const struct {
		roost_pfn pfn;
		unsigned order;
	} blocks[] = {{0, 12}, {2 * BLOCK, 10}, {0, 11}, {4 * BLOCK, 11}, {8 * BLOCK, 12}};
	struct roost_config config = rig_config(state);
	struct roost_zone_info info;
	struct rig rig;

	config.ranges = ranges;
	config.nr_ranges = LENGTH(ranges);
	config.zones = &zone;
	config.nr_zones = 1;
	config.max_order = 12;
	rig_open(&rig, &config);
	assert_int_equal(rig_add_range(&rig, 4 * BLOCK, 12 * BLOCK), 0);
	for (unsigned i = 0; i < LENGTH(blocks); i++) {
		assert_int_equal(
			rig_take_range(&rig, blocks[i].pfn, UINT64_C(1) << blocks[i].order), 0);
		assert_int_equal(roost_order(rig.roost, blocks[i].pfn), blocks[i].order);
		rig_compare(&rig);
		rig_free(&rig, blocks[i].pfn);
		rig_compare(&rig);
	}
	assert_int_equal(roost_zone_info(rig.roost, 0, &info), 0);
	assert_int_equal(info.pageblocks[ROOST_LIST_RESERVE], 2);
	assert_int_equal(rig_take_all(&rig, 0, ROOST_WAIT), 16 * BLOCK - (BLOCK + 10));
	rig_free_all(&rig);
	assert_int_equal(rig_remove_range(&rig, 4 * BLOCK, 12 * BLOCK), 0);
	rig_home(&rig);
	rig_close(&rig);
}

/* The marks are those of a zone of that size; what is configured stays. */
static void marks_follow(void **state)
{
	static const struct roost_zone_config zones[] = {
		{.reserve = 100}, {.low = 1000}, {.low = 1000, .high = 2000}};

	for (unsigned i = 0; i < LENGTH(zones); i++) {
		struct roost_zone_info fresh[2], info;
		struct rig rig;

		for (unsigned k = 0; k < 2; k++) {
			rig_open_zone(&rig, state, k ? FRAMES : FIRST, &zones[i], 1);
			assert_int_equal(roost_zone_info(rig.roost, 0, &fresh[k]), 0);
			rig_close(&rig);
		}
		rig_open_zones(&rig, state, half, LENGTH(half), &zones[i], 1, 1);
		for (unsigned k = 0; k < 4; k++) {
			assert_int_equal(roost_zone_info(rig.roost, 0, &info), 0);
			assert_int_equal(info.min, fresh[k & 1].min);
			assert_int_equal(info.low, fresh[k & 1].low);
			assert_int_equal(info.high, fresh[k & 1].high);
			assert_int_equal(info.managed, fresh[k & 1].managed);
			assert_int_equal(info.present, fresh[k & 1].present);
			assert_int_equal(info.absent, k & 1 ? 0 : FRAMES - FIRST);
			assert_int_equal(info.spanned, FRAMES);
			assert_int_equal(roost_free_frames(rig.roost, 0, NULL), info.managed);
			if (k & 1)
				assert_int_equal(rig_remove_range(&rig, FIRST, FRAMES - FIRST), 0);
			else
				assert_int_equal(rig_add_range(&rig, FIRST, FRAMES - FIRST), 0);
		}
		rig_close(&rig);
	}
}

/* A removal is pressure as an allocation is, and what comes ends it. */
static void pressure_is_noticed(void **state)
{
	const struct roost_zone_config zone = {.low = 3 * BLOCK, .high = 5 * BLOCK};
	struct rig rig;

	rig_open_zones(&rig, state, half, LENGTH(half), &zone, 1, 1);
	assert_int_equal(rig_remove_range(&rig, 3 * BLOCK, BLOCK), 0);
	assert_int_equal(rig.nr_pressure, 0);
	assert_int_equal(rig_remove_range(&rig, 2 * BLOCK, BLOCK), 0);
	assert_int_equal(rig.nr_pressure, 1);
	assert_int_equal(rig.pressure_free, 2 * BLOCK);
	assert_int_equal(rig_remove_range(&rig, BLOCK, BLOCK), 0);
	assert_int_equal(rig.nr_pressure, 1);
	assert_int_equal(rig_add_range(&rig, FIRST, FRAMES - FIRST), 0);
	assert_int_equal(rig_remove_range(&rig, FIRST, FRAMES - FIRST), 0);
	assert_int_equal(rig.nr_pressure, 2);
	assert_int_equal(rig_add_range(&rig, BLOCK, 3 * BLOCK), 0);
	rig_home(&rig);
	rig_close(&rig);
}

/* What comes and goes is neither allocated nor freed. */
static void nothing_is_counted(void **state)
{
	struct roost_stats before = {0}, after = {0};
	struct rig rig;

	open_half(&rig, state);
	assert_int_equal(roost_stats(rig.roost, -1, -1, &before), 0);
	assert_int_equal(rig_add_range(&rig, FIRST, FRAMES - FIRST), 0);
	assert_int_equal(rig_remove_range(&rig, FIRST, FRAMES - FIRST), 0);
	assert_int_equal(roost_stats(rig.roost, -1, -1, &after), 0);
	assert_memory_equal(&before, &after, sizeof(before));
	rig_home(&rig);
	rig_close(&rig);
}

/* ---- At the start --------------------------------------------------------------------------- */

/* As a kernel boots: all is in use, and what its early allocator has not handed out is freed. */
static void starts_allocated(void **state)
{
	static const struct roost_range ranges[] = {
		{5, 3 * BLOCK + 100, 0, ROOST_RANGE_ALLOCATED},
		{3 * BLOCK + 100, 9 * BLOCK - 3, 1, ROOST_RANGE_ALLOCATED},
		{5 * BLOCK + 7, 5 * BLOCK + 9, 0, ROOST_RANGE_RESERVED},
	};
	static const struct roost_zone_config zones[] = {{.name = "DMA"}, {.reserve = 700}};
	struct roost_stats stats = {0};
	struct roost_zone_info info;
	struct rig rig;

	rig_open_zones(&rig, state, ranges, LENGTH(ranges), zones, 2, CPUS);
	rig_compare(&rig);
	assert_int_equal(shadow_free(&rig.shadow, -1), 0);
	assert_int_equal(roost_alloc(rig.roost, 0, ROOST_WAIT | ROOST_RESERVE), ROOST_NONE);
	assert_int_equal(roost_stats(rig.roost, -1, -1, &stats), 0);
	assert_int_equal(stats.alloc_pcp + stats.alloc_zone + stats.wait_rounds, 0);
	assert_int_equal(roost_zone_info(rig.roost, 1, &info), 0);
	assert_int_equal(info.pageblocks[ROOST_LIST_RESERVE], 2);
	assert_int_equal(info.managed, shadow_managed(&rig.shadow, 1));
	rig_free_part(&rig, 3 * BLOCK - 64, 6);
	rig_free_part(&rig, 5, 0);
	rig_free_part(&rig, 8 * BLOCK, 7);
	rig_compare(&rig);
	assert_int_equal(rig_take_all(&rig, 0, ROOST_WAIT), 65);
	rig_free_all(&rig);
	rig_compare(&rig);
	assert_int_equal(rig_take_all(&rig, 0, ROOST_WAIT), shadow_managed(&rig.shadow, -1) - 700);
	rig_free_all(&rig);
	roost_drain(rig.roost, -1);
	assert_int_equal(roost_recover(rig.roost), 0);
	rig_compare(&rig);
	rig_close(&rig);
}

static unsigned touched(const void *metadata, size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), pages = (size + page - 1) / page;
	unsigned char *there = malloc(pages);
	unsigned n = 0;
	union {
		const void *from;
		void *to;
	} start = {.from = metadata};

	assert_non_null(there);
	assert_int_equal(mincore(start.to, size, there), 0);
	for (size_t i = 0; i < pages; i++)
		n += there[i] & 1;
	free(there);
	return n;
}

/* Pages of the metadata that are touched, by reads or writes, by the start; and then by whatever
 * is done with what is there; and then with another 128 MiB. */
static void count_touched(void **state, uint64_t absent, unsigned n[3])
{
	enum { there = 64 * BLOCK };
	roost_pfn pfns[there / 8 + 1];
	const struct roost_range ranges[] = {{0, there, 0, 0},
					     {there, there + absent, 0, ROOST_RANGE_ABSENT}};
	struct roost_config config = rig_config(state);
	struct roost_zone_info info;
	unsigned nr = 0;
	size_t size;
	void *metadata;
	roost_t *r;

	config.ranges = ranges;
	config.nr_ranges = absent ? 2 : 1;
	config.pockets = ROOST_POCKETS_OFF;
	size = roost_metadata_size(&config);
	metadata = mmap(NULL, size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_ptr_not_equal(metadata, MAP_FAILED);
	assert_int_equal(madvise(metadata, size, MADV_NOHUGEPAGE), 0);
	assert_int_equal(roost_init(&r, &config, metadata, size), 0);
	n[0] = touched(metadata, size);
	while ((pfns[nr] = roost_alloc(r, 3, ROOST_WAIT)) != ROOST_NONE)
		nr++;
	assert_int_equal(nr, there / 8);
	for (unsigned i = 0; i < nr; i++)
		if (i % 3)
			roost_free(r, pfns[i], 3);
	roost_drain(r, -1);
	assert_int_equal(roost_zone_info(r, 0, &info), 0);
	assert_int_equal(roost_isolate(r, 5 * BLOCK, true), 0);
	if (roost_alloc(r, 10, ROOST_WAIT) != ROOST_NONE)
		fail_msg("every third block of order 3 is in use");
	roost_recover(r);
	n[1] = touched(metadata, size);
	if (absent)
		assert_int_equal(roost_add_range(r, there + absent / 2, 64 * BLOCK), 0);
	n[2] = touched(metadata, size);
	munmap(metadata, size);
}

static void what_is_absent_is_not_touched(void **state)
{
	unsigned without[3], with[3];

	count_touched(state, 0, without);
	count_touched(state, (uint64_t)1 << 24, with); /* 64 GiB of 4 KiB */
	/* Parts that lie side by side begin on other pages; and a bit for each pageblock. */
	assert_in_range(with[0], 1, without[0] + 8);
	assert_in_range(with[1], with[0], without[1] + 80);
	/* Of what is added: pcpbuddy writes the record of one frame for each chunk. */
	assert_in_range(with[2], with[1], with[1] + 8 + (library_is_pcpbuddy ? 64 : 0));
}

/* ---- Configurations ------------------------------------------------------------------------- */

static void configurations(void **state)
{
	static const struct {
		struct roost_range ranges[2];
		const char *error;
	} cases[] = {
		{{{0, 5 * BLOCK, 0, 0}, {5 * BLOCK, 9 * BLOCK, 0, ROOST_RANGE_ABSENT}}, NULL},
		{{{0, 5 * BLOCK, 0, ROOST_RANGE_ABSENT}, {6 * BLOCK - 5, 9 * BLOCK, 0, 0}}, NULL},
		{{{3, 9, 0, ROOST_RANGE_ABSENT}, {9, 11, 1, 0}}, NULL},
		{{{3, 9, 0, ROOST_RANGE_ABSENT}, {9, 11, 0, 0}}, "shares a pageblock"},
		{{{3, 9, 0, ROOST_RANGE_ABSENT}, {100, 200, 0, ROOST_RANGE_ABSENT}},
		 "shares a pageblock"},
		{{{0, 5 * BLOCK + 1, 0, 0}, {5 * BLOCK + 1, 9 * BLOCK, 0, ROOST_RANGE_ABSENT}},
		 "shares a pageblock"},
		{{{0, 5 * BLOCK, 0, ROOST_RANGE_ABSENT},
		  {BLOCK, BLOCK + 1, 0, ROOST_RANGE_RESERVED}},
		 "reserved range lies in an absent one"},
		{{{0, BLOCK, 0, ROOST_RANGE_ABSENT | ROOST_RANGE_RESERVED},
		  {BLOCK, 2 * BLOCK, 0, 0}},
		 "one at most for each"},
		{{{0, BLOCK, 0, ROOST_RANGE_ABSENT | ROOST_RANGE_ALLOCATED},
		  {BLOCK, 2 * BLOCK, 0, 0}},
		 "one at most for each"},
		{{{0, BLOCK, 0, 8}, {BLOCK, 2 * BLOCK, 0, 0}}, "unknown flags"},
		{{{0, BLOCK, 0, 0}, {BLOCK, (uint64_t)1 << 32, 0, ROOST_RANGE_ABSENT}},
		 "2^32 - 1024 frames"},
		{{{0, BLOCK, 0, 0}, {BLOCK, ((uint64_t)1 << 32) - 1024, 0, ROOST_RANGE_ABSENT}},
		 NULL},
	};
	static const struct roost_zone_config zones[2];

	for (unsigned i = 0; i < LENGTH(cases); i++) {
		struct roost_config config = rig_config(state);
		const char *error;

		config.ranges = cases[i].ranges;
		config.nr_ranges = 2;
		config.zones = zones;
		config.nr_zones = 2;
		error = roost_config_error(&config);
		if (!cases[i].error && error)
			fail_msg("case %u is refused: %s", i, error);
		if (cases[i].error && (!error || !strstr(error, cases[i].error)))
			fail_msg("case %u: %s", i, error ? error : "accepted");
	}
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(comes_and_goes, variants_all),
		SUITE_TEST(all_of_it_goes, variants_paths),
		SUITE_TEST(blocks_reach_across, variants_one),
		SUITE_TEST(units, variants_paths),
		SUITE_TEST(holes_stay, variants_one),
		SUITE_TEST(all_or_none, variants_paths),
		SUITE_TEST(wherever_they_are, variants_all),
		SUITE_TEST(isolated_pageblocks_go, variants_owners),
		SUITE_TEST(what_is_in_use_is_moved, variants_owners),
		SUITE_TEST(others_skip_what_is_absent, variants_one),
		SUITE_TEST(a_free_of_what_is_absent, variants_checked),
		SUITE_TEST(the_reserve_is_completed, variants_owners),
		SUITE_TEST(the_reserve_in_the_middle, variants_owners),
		SUITE_TEST(marks_follow, variants_one),
		SUITE_TEST(pressure_is_noticed, variants_one),
		SUITE_TEST(nothing_is_counted, variants_one),
		SUITE_TEST(starts_allocated, variants_owners),
		SUITE_TEST(what_is_absent_is_not_touched, variants_one),
		SUITE_TEST(configurations, variants_one),
	};

	return SUITE_RUN("hotplug", tests, argc, argv);
}
