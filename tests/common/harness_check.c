/* SPDX-License-Identifier: MIT */
/* harness_check.c - looks at an allocator, and whether it is as the shadow says; see harness.h. */
#include "harness.h"

#include <inttypes.h>

static void must_be_valid(const struct rig *rig)
{
	struct roost_violation v;

	if (roost_validate(rig->roost, &v))
		fail_msg("violated: %s (pfn %" PRIu64 " zone %d cpu %d: %" PRIu64 ", not %" PRIu64
			 ")",
			 v.invariant, v.pfn, v.zone, v.cpu, v.found, v.expected);
}

uint64_t rig_zone_free(const struct rig *rig, unsigned zone)
{
	struct roost_zone_info info;

	assert_int_equal(roost_zone_info(rig->roost, zone, &info), 0);
	return info.free + info.free_pcp + info.free_llist;
}

uint64_t rig_cpu_holds(const struct rig *rig, unsigned cpu)
{
	struct roost_pcp_info info;
	uint64_t frames = 0;

	for (unsigned z = 0; z < roost_nr_zones(rig->roost); z++) {
		assert_int_equal(roost_pcp_info(rig->roost, z, cpu, &info), 0);
		frames += info.count + info.llist;
	}
	return frames;
}

struct counters rig_stats_of(const struct rig *rig, int zone, int cpu)
{
	struct counters stats;

	assert_int_equal(counters_read(&stats, rig->roost, zone, cpu), 0);
	return stats;
}

struct counters rig_stats(const struct rig *rig)
{
	return rig_stats_of(rig, -1, -1);
}

/* The free lists, counted block by block, hold what the zone says is free. */
static void check_lists(const struct roost_zone_info *info)
{
	uint64_t frames = 0;

	for (unsigned list = 0; list < ROOST_NR_LISTS; list++)
		for (unsigned k = 0; k <= ROOST_MAX_ORDER; k++)
			frames += info->blocks[list][k] << k;
	assert_int_equal(frames, info->free);
}

/* What is known without a walk is what a walk finds; but "whole" may leave out a pageblock that is
 * a CPU's current one, or not yet known to be free as a whole. */
static void check_free(const struct rig *rig, unsigned zone, const struct roost_zone_info *info)
{
	uint64_t whole, blocks = 0;
	uint64_t free = roost_free_frames(rig->roost, zone, &whole);

	for (unsigned list = 0; list < ROOST_NR_LISTS; list++)
		for (unsigned k = ROOST_PAGEBLOCK_ORDER; k <= ROOST_MAX_ORDER; k++)
			blocks += info->blocks[list][k] << k;
	assert_int_equal(free, info->free + info->free_pcp + info->free_llist);
	assert_true(whole <= free);
	if (library_is_pcpbuddy)
		assert_true(whole >= blocks && whole <= blocks + info->free_pcp);
	else
		assert_true(whole <= blocks);
	assert_int_equal(roost_free_frames(rig->roost, roost_nr_zones(rig->roost), NULL), 0);
}

void rig_check(const struct rig *rig)
{
	struct roost_zone_info info;

	must_be_valid(rig);
	for (unsigned z = 0; z < roost_nr_zones(rig->roost); z++) {
		assert_int_equal(roost_zone_info(rig->roost, z, &info), 0);
		assert_int_equal(info.managed, shadow_managed(&rig->shadow, (int)z));
		assert_int_equal(info.free + info.free_pcp + info.free_llist,
				 shadow_free(&rig->shadow, (int)z));
		check_lists(&info);
		check_free(rig, z, &info);
	}
}

struct tally {
	uint64_t zone, pcp, llist;
};

static void add_block(struct tally *tally, const struct roost_frame_info *info, roost_pfn pfn)
{
	uint64_t size = UINT64_C(1) << info->order;

	if (info->state == ROOST_FRAME_FREE_ZONE)
		tally->zone += size;
	else if (info->state == ROOST_FRAME_FREE_PCP)
		tally->pcp += size;
	else if (info->state == ROOST_FRAME_FREE_LLIST)
		tally->llist += size;
	else
		fail_msg("pfn %" PRIu64 " is free, but its state is %d", pfn, info->state);
}

/* A block begins at pfn: its state, order and zone agree with the shadow. */
static void compare_head(const struct rig *rig, struct tally *tally, roost_pfn pfn,
			 const struct roost_frame_info *info)
{
	int order = shadow_order(&rig->shadow, pfn);

	if (shadow_frames(&rig->shadow, pfn)) {
		assert_int_equal(info->state, ROOST_FRAME_ALLOCATED);
		assert_int_equal(info->frames, shadow_frames(&rig->shadow, pfn));
		assert_true(order < 0 ? info->frames < 1u << info->order
				      : order == (int)info->order);
		return;
	}
	assert_int_equal(info->frames, 1u << info->order);
	add_block(&tally[info->zone], info, pfn);
	assert_int_equal(pfn & ((UINT64_C(1) << info->order) - 1), 0);
	if (!shadow_is_free(&rig->shadow, pfn, info->order))
		fail_msg("pfn %" PRIu64 " order %u is not free in the shadow", pfn, info->order);
}

/* Walks one range block by block; *next is where the block before it ended. */
static void compare_range(const struct rig *rig, const struct shadow_range *range,
			  struct tally *tally, roost_pfn *next)
{
	struct roost_frame_info info;

	for (roost_pfn pfn = range->start; pfn < range->end; pfn++) {
		roost_frame_info(rig->roost, pfn, &info);
		if (range->state[pfn - range->start] == SHADOW_RESERVED) {
			assert_int_equal(info.state, ROOST_FRAME_OUTSIDE);
			continue;
		}
		assert_int_equal(info.zone, range->zone);
		if (pfn < *next) {
			assert_int_equal(info.state, ROOST_FRAME_INSIDE);
			continue;
		}
		compare_head(rig, tally, pfn, &info);
		*next = pfn + info.frames;
	}
}

/* A hole may begin at pfn: if so it is outside. */
static void compare_hole(const struct rig *rig, roost_pfn pfn)
{
	struct roost_frame_info info;

	if (shadow_range(&rig->shadow, pfn))
		return;
	roost_frame_info(rig->roost, pfn, &info);
	assert_int_equal(info.state, ROOST_FRAME_OUTSIDE);
	assert_int_equal(info.zone, -1);
}

void rig_compare(const struct rig *rig)
{
	struct tally tally[ROOST_MAX_ZONES] = {{0, 0, 0}};
	struct roost_zone_info info;
	roost_pfn next = 0;

	rig_check(rig);
	for (size_t i = 0; i < rig->shadow.nr_ranges; i++) {
		const struct shadow_range *range = &rig->shadow.ranges[i];

		compare_hole(rig, range->start - 1);
		compare_hole(rig, range->end);
		compare_range(rig, range, tally, &next);
	}
	for (unsigned z = 0; z < roost_nr_zones(rig->roost); z++) {
		assert_int_equal(roost_zone_info(rig->roost, z, &info), 0);
		assert_int_equal(tally[z].zone, info.free);
		assert_int_equal(tally[z].pcp, info.free_pcp);
		assert_int_equal(tally[z].llist, info.free_llist);
	}
}

/* All lies in the zone, merged as far as it was at the start. */
static void zone_is_home(const struct rig *rig, unsigned zone)
{
	struct roost_zone_info info;

	assert_int_equal(roost_zone_info(rig->roost, zone, &info), 0);
	assert_int_equal(info.free_pcp, 0);
	assert_int_equal(info.free_llist, 0);
	assert_int_equal(info.free, info.managed);
	for (unsigned k = 0; k <= ROOST_MAX_ORDER; k++) {
		uint64_t blocks = 0;

		for (unsigned list = 0; list < ROOST_NR_LISTS; list++)
			blocks += info.blocks[list][k];
		if (blocks != rig->fresh[zone][k])
			fail_msg("zone %u has %" PRIu64
				 " free blocks of order %u, at first %" PRIu64,
				 zone, blocks, k, rig->fresh[zone][k]);
	}
}

void rig_home(struct rig *rig)
{
	rig_free_all(rig);
	rig_compare(rig);
	roost_drain(rig->roost, -1);
	rig_compare(rig);
	for (unsigned z = 0; z < roost_nr_zones(rig->roost); z++)
		zone_is_home(rig, z);
	rig_expect_none(rig);
}

/* ---- Misuse ------------------------------------------------------------------------------ */

void rig_expect(struct rig *rig, const struct roost_misuse *expected)
{
	const struct roost_misuse *found = &rig->misuse[0];

	if (rig->nr_misuse != 1)
		fail_msg("%u misuses reported, not 1", rig->nr_misuse);
	assert_string_equal(roost_misuse_name(found->kind), roost_misuse_name(expected->kind));
	assert_int_equal(found->kind, expected->kind);
	assert_string_equal(found->call, expected->call);
	assert_int_equal(found->pfn, expected->pfn);
	assert_int_equal(found->order_given, expected->order_given);
	assert_int_equal(found->order_found, expected->order_found);
	assert_int_equal(found->head_found, expected->head_found);
	rig->nr_misuse = 0;
}

void rig_expect_none(const struct rig *rig)
{
	if (rig->nr_misuse)
		fail_msg("misuse reported: %s by %s, pfn %" PRIu64 " order %d",
			 roost_misuse_name(rig->misuse[0].kind), rig->misuse[0].call,
			 rig->misuse[0].pfn, rig->misuse[0].order_given);
}
