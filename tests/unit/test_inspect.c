/* SPDX-License-Identifier: MIT */
/*
 * test_inspect.c - looking at the allocator: counters that add up, frames that know their state,
 * tables that can be parsed back, texts for errors.
 */
#include "cpus.h"
#include "harness.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CPUS = 3 };

/* An allocator with work behind it: blocks allocated, on pcps, in both zones. */
static void open_busy(struct rig *rig, void *const *state)
{
	struct random random = {21};

	rig_open_unlike(rig, state, CPUS);
	for (unsigned i = 0; i < 500; i++) {
		roost_pfn pfn;

		rig_cpu(rig, (unsigned)random_below(&random, CPUS));
		pfn = rig_alloc(rig, (unsigned)random_below(&random, 4), ROOST_ZONE(i & 1) | i % 3);
		rig_cpu(rig, (unsigned)random_below(&random, CPUS));
		if (pfn != ROOST_NONE && i % 3)
			rig_free(rig, pfn);
	}
	rig_check(rig);
}

/* ---- Counters ---------------------------------------------------------------------------- */

static void add(struct counters *to, const struct counters *from)
{
#define ADD(name, text) to->name += from->name;
	ALL_COUNTERS(ADD)
#undef ADD
}

static void same(const struct counters *a, const struct counters *b)
{
#define SAME(name, text) assert_int_equal(a->name, b->name);
	ALL_COUNTERS(SAME)
#undef SAME
}

/* The parts are the whole, by zones, by CPUs, and by both. */
static void sums(void **state)
{
	struct counters whole, by_zone = {0}, by_cpu = {0}, by_both = {0}, part;
	struct rig rig;

	open_busy(&rig, state);
	whole = rig_stats(&rig);
	for (int zone = 0; zone < 2; zone++) {
		part = rig_stats_of(&rig, zone, -1);
		add(&by_zone, &part);
		for (int cpu = 0; cpu < (int)roost_nr_cpus(rig.roost); cpu++) {
			part = rig_stats_of(&rig, zone, cpu);
			add(&by_both, &part);
		}
	}
	for (int cpu = 0; cpu < (int)roost_nr_cpus(rig.roost); cpu++) {
		part = rig_stats_of(&rig, -1, cpu);
		add(&by_cpu, &part);
	}
	same(&whole, &by_zone);
	same(&whole, &by_cpu);
	same(&whole, &by_both);
	rig_home(&rig);
	rig_close(&rig);
}

static void stats_are_added(void **state)
{
	struct roost_stats twice = {0};
	struct counters once;
	struct rig rig;

	open_busy(&rig, state);
	once = rig_stats(&rig);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(roost_stats(rig.roost, -1, -1, &twice), 0);
	assert_int_not_equal(once.alloc_pcp + once.alloc_zone, 0);
	assert_int_equal(twice.alloc_pcp, 2 * once.alloc_pcp);
	assert_int_equal(roost_stats(rig.roost, 2, -1, &twice), -ROOST_EINVAL);
	assert_int_equal(roost_stats(rig.roost, -1, CPUS, &twice), -ROOST_EINVAL);
	assert_int_equal(roost_stats(rig.roost, -2, 0, &twice), -ROOST_EINVAL);
	rig_home(&rig);
	rig_close(&rig);
}

static uint64_t allocations(const struct counters *s)
{
	return s->alloc_pcp + s->alloc_zone + s->alloc_other;
}

static uint64_t frees(const struct counters *s)
{
	return s->free_local + s->free_remote + s->free_llist + s->free_fallback + s->free_dead +
	       s->free_direct;
}

/* Each call is counted once, under one name. */
static void each_call_counts_once(void **state)
{
	struct counters before, after;
	struct rig rig;
	roost_pfn pfn;

	rig_open_simple(&rig, state, 0, 16 * BLOCK, CPUS);
	for (unsigned i = 0; i < 200; i++) {
		before = rig_stats(&rig);
		rig_cpu(&rig, i);
		pfn = rig_get(&rig, i % 11, i % 2 ? ROOST_WAIT : 0);
		after = rig_stats(&rig);
		assert_int_equal(allocations(&after) - allocations(&before), 1);
		assert_int_equal(frees(&after), frees(&before));
		rig_cpu(&rig, i / 3);
		rig_free(&rig, pfn);
		before = rig_stats(&rig);
		assert_int_equal(frees(&before) - frees(&after), 1);
		assert_int_equal(allocations(&before), allocations(&after));
	}
	rig_home(&rig);
	rig_close(&rig);
}

static void bulk_counts_each_block(void **state)
{
	struct counters before, after;
	struct roost_block blocks[30];
	roost_pfn pfns[30];
	struct rig rig;

	rig_open_simple(&rig, state, 0, 16 * BLOCK, CPUS);
	before = rig_stats(&rig);
	assert_int_equal(rig_bulk(&rig, 2, 0, pfns, 30), 30);
	after = rig_stats(&rig);
	assert_int_equal(allocations(&after) - allocations(&before), 30);
	for (unsigned i = 0; i < 30; i++)
		blocks[i] = (struct roost_block){pfns[i], 2};
	rig_free_bulk(&rig, blocks, 30, false);
	before = rig_stats(&rig);
	assert_int_equal(frees(&before) - frees(&after), 30);
	rig_home(&rig);
	rig_close(&rig);
}

/* The counts of the pcps are those of the zone. */
static void pcps_are_the_zone(void **state)
{
	struct rig rig;

	open_busy(&rig, state);
	for (unsigned zone = 0; zone < 2; zone++) {
		struct roost_zone_info info;
		uint64_t held = 0;

		assert_int_equal(roost_zone_info(rig.roost, zone, &info), 0);
		for (unsigned cpu = 0; cpu < roost_nr_cpus(rig.roost); cpu++) {
			struct roost_pcp_info pcp;

			assert_int_equal(roost_pcp_info(rig.roost, zone, cpu, &pcp), 0);
			assert_true(pcp.online);
			assert_true(pcp.whole * BLOCK <= pcp.count);
			held += pcp.count;
		}
		assert_int_equal(held, info.free_pcp);
		assert_int_equal(info.node, rig_unlike_zones[zone].node);
	}
	rig_home(&rig);
	rig_close(&rig);
}

/* Looking changes nothing: two looks see the same, and so does a third after validation. */
static void looking_changes_nothing(void **state)
{
	struct roost_pageblock_info info;
	void *copy;
	struct rig rig;

	open_busy(&rig, state);
	copy = malloc(rig.metadata_size);
	assert_non_null(copy);
	memcpy(copy, rig.metadata, rig.metadata_size);
	rig_compare(&rig);
	rig_stats(&rig);
	for (roost_pfn pfn = 0; !roost_pageblock_info(rig.roost, pfn, &info);)
		pfn = info.end;
	assert_memory_equal(copy, rig.metadata, rig.metadata_size);
	free(copy);
	rig_home(&rig);
	rig_close(&rig);
}

/* ---- Pageblocks -------------------------------------------------------------------------- */

/* What a pageblock is by its frames' own descriptions. */
static struct roost_pageblock_info by_frames(const struct rig *rig, roost_pfn start, roost_pfn end)
{
	struct roost_pageblock_info info = {.start = start, .end = end, .owner = -1, .largest = -1};

	for (roost_pfn pfn = start / BLOCK * BLOCK; pfn < end; pfn++) {
		struct roost_frame_info frame;
		unsigned size;

		roost_frame_info(rig->roost, pfn, &frame);
		if (pfn < start || frame.state == ROOST_FRAME_OUTSIDE)
			continue;
		info.usable++;
		info.zone = (unsigned)frame.zone;
		info.owner = frame.owner;
		info.type = frame.type;
		if (frame.state < ROOST_FRAME_FREE_ZONE || frame.state > ROOST_FRAME_FREE_LLIST)
			continue;
		size = frame.order < 9 ? 1u << frame.order : (unsigned)BLOCK;
		info.free += size;
		if (info.largest < (int)frame.order)
			info.largest = frame.order < 9 ? (int)frame.order : 9;
	}
	return info;
}

/* They come in order, each frame is in one of them, and they add up to their zones. */
static void check_pageblocks(const struct rig *rig)
{
	uint64_t usable[2] = {0}, free[2] = {0}, types[2][ROOST_NR_LISTS] = {{0}};
	struct roost_pageblock_info info, frames;
	struct roost_zone_info zone;
	roost_pfn pfn = 0;

	for (; !roost_pageblock_info(rig->roost, pfn, &info); pfn = info.end) {
		assert_true(info.start >= pfn && info.start < info.end);
		assert_int_equal(info.start / BLOCK, (info.end - 1) / BLOCK);
		frames = by_frames(rig, info.start, info.end);
		assert_int_equal(info.zone, frames.zone);
		assert_int_equal(info.owner, frames.owner);
		assert_int_equal(info.type, frames.type);
		assert_int_equal(info.usable, frames.usable);
		if (!info.whole && info.block < 0) { /* else its head may be in another */
			assert_int_equal(info.free, frames.free);
			assert_int_equal(info.largest, frames.largest);
		}
		usable[info.zone] += info.usable;
		free[info.zone] += info.free;
		types[info.zone][info.type]++;
	}
	for (unsigned z = 0; z < roost_nr_zones(rig->roost); z++) {
		assert_int_equal(roost_zone_info(rig->roost, z, &zone), 0);
		assert_int_equal(usable[z], zone.managed);
		assert_int_equal(free[z], rig_zone_free(rig, z));
		for (unsigned type = 0; type < ROOST_NR_LISTS; type++)
			assert_int_equal(types[z][type], zone.pageblocks[type]);
	}
}

static void pageblocks_are_the_zone(void **state)
{
	struct rig rig;

	open_busy(&rig, state);
	if (!cpus_are_real()) /* whose pockets no pageblock has */
		check_pageblocks(&rig);
	roost_drain(rig.roost, -1);
	check_pageblocks(&rig);
	rig_home(&rig);
	rig_close(&rig);
}

static struct roost_pageblock_info pageblock(const struct rig *rig, roost_pfn pfn)
{
	struct roost_pageblock_info info;

	assert_int_equal(roost_pageblock_info(rig->roost, pfn, &info), 0);
	return info;
}

/* Whole, part of a large block, with a part in use, set apart. */
static void pageblocks_in_each_state(void **state)
{
	struct roost_pageblock_info info;
	struct rig rig;
	roost_pfn large, small;

	rig_open_simple(&rig, state, BLOCK, 16 * BLOCK, 1);
	info = pageblock(&rig, 0); /* none is there: the next one */
	assert_int_equal(info.start, BLOCK);
	assert_int_equal(info.end, 2 * BLOCK);
	assert_int_equal(info.free, BLOCK);
	assert_int_equal(info.largest, 9);
	assert_true(info.whole);
	assert_int_equal(roost_pageblock_info(rig.roost, 17 * BLOCK, &info), -ROOST_EINVAL);

	large = rig_get(&rig, 10, 0);
	for (unsigned i = 0; i < 2; i++) {
		info = pageblock(&rig, large + i * BLOCK + 7);
		assert_int_equal(info.start, large + i * BLOCK);
		assert_int_equal(info.block, 10);
		assert_int_equal(info.free, 0);
		assert_int_equal(info.largest, -1);
		assert_false(info.whole);
	}
	small = rig_get(&rig, 8, ROOST_UNMOVABLE);
	info = pageblock(&rig, small);
	assert_int_equal(info.block, -1);
	assert_int_equal(info.usable, BLOCK);
	assert_int_equal(info.free, BLOCK / 2);
	assert_int_equal(info.largest, 8);
	assert_int_equal(info.type, ROOST_LIST_UNMOVABLE);
	assert_false(info.whole);

	assert_int_equal(roost_isolate(rig.roost, 16 * BLOCK, true), 0);
	info = pageblock(&rig, 16 * BLOCK);
	assert_int_equal(info.type, ROOST_LIST_ISOLATE);
	assert_int_equal(info.free, BLOCK);
	assert_false(info.whole);
	assert_int_equal(roost_isolate(rig.roost, 16 * BLOCK, false), 0);
	rig_home(&rig);
	rig_close(&rig);
}

/* ---- Violations -------------------------------------------------------------------------- */

/*
 * The canary: validation is no constant. Bytes of the metadata are spoiled one at a time; most of
 * them lie in records of frames, and a fair part must be noticed.
 */
static void validation_sees_spoiled_metadata(void **state)
{
	struct roost_violation violation;
	struct random random = {99};
	unsigned char *bytes;
	unsigned seen = 0;
	struct rig rig;

	open_busy(&rig, state);
	bytes = rig.metadata;
	for (unsigned i = 0; i < 200; i++) {
		size_t at = rig.metadata_size / 2 + random_below(&random, rig.metadata_size / 2);

		bytes[at] ^= 0x15;
		if (roost_validate(rig.roost, &violation)) {
			seen++;
			assert_non_null(violation.invariant);
			assert_true(strlen(violation.invariant) > 5);
			assert_int_equal(roost_validate(rig.roost, NULL), -ROOST_EUCLEAN);
		}
		bytes[at] ^= 0x15;
	}
	assert_in_range(seen, 20, 200);
	rig_home(&rig);
	rig_close(&rig);
}

static void errors_have_texts(void **state)
{
	static const int errors[] = {ROOST_EAGAIN,  ROOST_EINVAL, ROOST_ENOSPC, ROOST_E2BIG,
				     ROOST_EUCLEAN, ROOST_EBUSY,  ROOST_EEXIST, ROOST_ENOENT};

	(void)state;
	for (size_t i = 0; i < LENGTH(errors); i++) {
		assert_true(strlen(roost_strerror(-errors[i])) > 5);
		assert_string_equal(roost_strerror(errors[i]), roost_strerror(-errors[i]));
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(roost_strerror(-errors[i]),
						roost_strerror(-errors[k]));
	}
	assert_non_null(roost_strerror(0));
	assert_non_null(roost_strerror(-12345));
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(sums, variants_paths),
		SUITE_TEST(stats_are_added, variants_one),
		SUITE_TEST(each_call_counts_once, variants_all),
		SUITE_TEST(bulk_counts_each_block, variants_paths),
		SUITE_TEST(pcps_are_the_zone, variants_paths),
		SUITE_TEST(pageblocks_are_the_zone, variants_paths),
		SUITE_TEST(pageblocks_in_each_state, variants_owners),
		SUITE_TEST(looking_changes_nothing, variants_paths),
		SUITE_TEST(validation_sees_spoiled_metadata, variants_paths),
		SUITE_TEST(errors_have_texts, variants_one),
	};

	return SUITE_RUN("inspect", tests, argc, argv);
}
