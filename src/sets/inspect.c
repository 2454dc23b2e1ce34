/* SPDX-License-Identifier: MIT */
/*
 * inspect.c - counters and descriptions, by reading alone. Each figure is one that was true at some
 * instant; sums are exact only at rest.
 */
#include "core/build.h"
#include "sets/pocket.h"

const char *roost_build_config(void)
{
	return "engine=sets " RST_BUILD;
}

/* Frames of the blocks that one of a CPU's counters per order has counted. */
static uint64_t counted(const _Atomic uint64_t *pocket, const _Atomic uint64_t *pcp, unsigned max)
{
	uint64_t frames = 0;

	for (unsigned k = 0; k <= max; k++)
		frames += (rst_load_acq(&pocket[k]) + rst_load_acq(&pcp[k])) << k;
	return frames;
}

uint64_t rst_zone_gone(const struct roost *r, const struct rst_zone *z)
{
	uint64_t allocated = 0;

	for (unsigned cpu = 0; cpu < r->base.nr_cpus; cpu++)
		allocated += counted(z->pockets[cpu].orders.allocated,
				     z->pcps[cpu].orders.allocated, r->base.max_order);
	return rst_load_acq(&z->desc.removed) + allocated;
}

uint64_t rst_zone_come(const struct roost *r, const struct rst_zone *z)
{
	uint64_t freed = 0;

	for (unsigned cpu = 0; cpu < r->base.nr_cpus; cpu++)
		freed += counted(z->pockets[cpu].orders.freed, z->pcps[cpu].orders.freed,
				 r->base.max_order);
	return rst_load_acq(&z->desc.added) + freed;
}

uint64_t rst_zone_free_frames(const struct roost *r, const struct rst_zone *z)
{
	uint64_t gone = rst_zone_gone(r, z);

	return rst_zone_come(r, z) - gone;
}

/* ---- Counters ------------------------------------------------------------------------------ */

static void add_counters(const struct rst_zone *z, unsigned cpu, struct roost_stats *to)
{
	const struct rst_pcp *pcp = &z->pcps[cpu];
	uint64_t no_blocks = RST_SUM(z, cpu, allocated, RST_MORE); /* first: counted last */
	uint64_t allocated = 0, rarer = rst_load_rlx(&pcp->count.alloc_zone) +
					rst_load_rlx(&pcp->count.alloc_other) +
					rst_load_rlx(&pcp->count.alloc_reserve);

	rst_counters_add(&pcp->count, to);
	for (unsigned k = 0; k < RST_ORDERS; k++) {
		uint64_t more = k ? 0 : RST_SUM(z, cpu, freed, RST_MORE);
		uint64_t remote = RST_SUM(z, cpu, freed_remote, k);
		uint64_t freed = RST_SUM(z, cpu, freed, k) - more;

		allocated += RST_SUM(z, cpu, allocated, k);
		to->free_remote += remote;
		if (k < ROOST_PAGEBLOCK_ORDER)
			to->free_local += freed > remote ? freed - remote : 0;
		else
			to->free_direct += freed;
	}
	allocated -= no_blocks;
	/* Allocations that no rarer counter counted came from the CPU's own pageblocks. */
	to->alloc_pcp += allocated > rarer ? allocated - rarer : 0;
}

int roost_stats(const roost_t *roost, int zone, int cpu, struct roost_stats *stats)
{
	const struct rst_base *base = &roost->base;

	if (!rst_stats_are_of(base, zone, cpu))
		return -ROOST_EINVAL;
	for (unsigned i = 0; i < base->nr_zones; i++)
		for (unsigned j = 0; j < base->nr_cpus; j++)
			if ((zone < 0 || (unsigned)zone == i) && (cpu < 0 || (unsigned)cpu == j))
				add_counters(&roost->zones[i], j, stats);
	return 0;
}

/* ---- Zones --------------------------------------------------------------------------------- */

/* Adds the free runs of a set, split where they are larger than an order, to blocks[]. */
static void add_runs(const struct rst_set *set, unsigned largest, uint64_t *blocks)
{
	unsigned off = 0;

	while (off < 1u << RST_SET_ORDER) {
		unsigned order = 0;

		if (off % 64 == 0 && !rst_load_rlx(&set->word[off / 64])) {
			order = RST_WORD_ORDER; /* nothing in this word */
		} else if (rst_set_has(set, off)) {
			order = rst_set_merged(set, off, 0);
			if (order > largest)
				order = largest;
			blocks[order]++;
		}
		off += 1u << order;
	}
}

static uint64_t frames_of(const uint64_t *blocks)
{
	uint64_t frames = 0;

	for (unsigned k = 0; k <= ROOST_MAX_ORDER; k++)
		frames += blocks[k] << k;
	return frames;
}

static void add_block(const struct roost *r, rst_block_id b, struct roost_zone_info *info)
{
	unsigned list = rst_list_of(rst_load_rlx(&r->place[b]));

	info->pageblocks[rst_type_of(list)]++;
	if (rst_is_home_list(list))
		info->free_pcp += rst_set_count(&r->blocks[b]);
	else
		add_runs(&r->blocks[b], RST_SET_ORDER, info->blocks[list]);
}

int roost_zone_info(const roost_t *roost, unsigned zone, struct roost_zone_info *info)
{
	const struct rst_zone *z;

	if (zone >= roost->base.nr_zones)
		return -ROOST_EINVAL;
	z = &roost->zones[zone];
	rst_zone_desc_info(&z->desc, info);
	for (rst_region_id g = z->first_region; g < z->end_region; g++)
		if (rst_has_region(roost, z, g))
			add_runs(&roost->regions[g], roost->base.max_order - RST_SET_ORDER,
				 &info->blocks[ROOST_LIST_MOVABLE][RST_SET_ORDER]);
	for (rst_block_id b = z->first_block; b < z->end_block; b++)
		if (rst_has_block(roost, z, b))
			add_block(roost, b, info);
	for (unsigned cpu = 0; cpu < roost->base.nr_cpus; cpu++)
		info->free_pcp += rst_pocket_frames(z, cpu);
	for (unsigned type = 0; type < ROOST_NR_LISTS; type++)
		info->free += frames_of(info->blocks[type]);
	return 0;
}

uint64_t roost_free_frames(const roost_t *roost, unsigned zone, uint64_t *whole)
{
	const struct rst_zone *z;

	if (zone >= roost->base.nr_zones)
		return 0;
	z = &roost->zones[zone];
	if (whole)
		*whole = rst_load_rlx(&z->nr_whole) * RST_PAGEBLOCK;
	return rst_zone_free_frames(roost, z);
}

int roost_pcp_info(const roost_t *roost, unsigned zone, unsigned cpu, struct roost_pcp_info *info)
{
	const struct rst_zone *z;

	if (zone >= roost->base.nr_zones || cpu >= roost->base.nr_cpus)
		return -ROOST_EINVAL;
	z = &roost->zones[zone];
	*info = (struct roost_pcp_info){.online = !rst_load_rlx(&z->pcps[cpu].dead),
					.count = rst_pocket_frames(z, cpu)};
	for (rst_block_id b = z->first_block; b < z->end_block; b++) {
		unsigned list, frames;

		if (rst_are_absent(&roost->base, b)) {
			b += 63;
			continue;
		}
		list = rst_list_of(rst_load_rlx(&roost->place[b]));
		if (rst_home_of(list) != (int)z->pcps[cpu].home || !rst_has_block(roost, z, b))
			continue;
		frames = rst_set_count(&roost->blocks[b]);
		info->count += frames;
		info->whole += frames == RST_PAGEBLOCK;
	}
	return 0;
}

struct rst_pcp_marks rst_pcp_marks(const roost_t *roost, unsigned zone, unsigned cpu)
{
	(void)roost;
	(void)zone;
	(void)cpu;
	return (struct rst_pcp_marks){0};
}

/* ---- Is there a block? --------------------------------------------------------------------- */

static bool may_have(const struct rst_request *q, const struct roost *r, const struct rst_zone *z)
{
	bool large = q->order >= RST_SET_ORDER;
	unsigned k = large ? q->order - RST_SET_ORDER : 0;
	unsigned low = large ? RST_BINS - 1 : q->order ? rst_lowest_bin(q->order) : 0;

	if (rst_whole_bins(z) >> k)
		return true;
	for (unsigned list = 0;
	     (list = rst_hint_next_list(&z->partial, list, rst_bins_from(low))) < z->nr_lists;
	     list++) {
		bool mine = large || q->steal || rst_type_of(list) == q->type;

		if (list == ROOST_LIST_RESERVE || list == ROOST_LIST_ATOMIC ||
		    (rst_is_ordinary(list) && mine)) /* of large ones: all free, but not whole */
			return true;
	}
	/* Single frames count for every order: other frames may be the rest of a block. */
	for (unsigned cpu = 0; cpu < r->pocket_cpus; cpu++)
		if (!rst_pocket_is_empty(&z->pockets[cpu]))
			return true;
	return false;
}

bool roost_may_alloc(const roost_t *roost, unsigned order, unsigned flags)
{
	struct rst_request q;

	if (!rst_request_read(&q, &roost->base, "roost_may_alloc", order, flags))
		return false;
	for (unsigned i = 0; q.zones[i] != 0xff; i++) {
		const struct rst_zone *z = &roost->zones[q.zones[i]];

		if (rst_request_of_node(&q, z->desc.node) && may_have(&q, roost, z))
			return true;
	}
	return false;
}

/* ---- Frames -------------------------------------------------------------------------------- */

/* A free frame that is not in the set is in a pocket. */
static bool is_in_set(const struct roost *r, rst_frame_id f)
{
	rst_block_id b = f >> ROOST_PAGEBLOCK_ORDER;

	return rst_set_has(&r->blocks[b], f % RST_PAGEBLOCK) || rst_is_whole(r, b);
}

void roost_frame_info(const roost_t *roost, roost_pfn pfn, struct roost_frame_info *info)
{
	const struct rst_span *span = rst_span_of_pfn(&roost->base.map, pfn);
	rst_frame_id f, head;
	struct rst_size size;
	unsigned list;
	bool allocated;

	*info = (struct roost_frame_info){.state = ROOST_FRAME_OUTSIDE, .zone = -1, .owner = -1};
	if (!span)
		return;
	f = rst_frame_of(span, pfn);
	if (!rst_is_present(&roost->base, f >> ROOST_PAGEBLOCK_ORDER) ||
	    rst_load_rlx(&roost->om[f]) == RST_OM_HOLE)
		return;
	list = rst_list_of(rst_load_rlx(&roost->place[f >> ROOST_PAGEBLOCK_ORDER]));
	info->zone = (int)span->zone;
	info->type = rst_type_of(list);
	info->owner = rst_home_of(list);
	size = rst_block_around(roost, span, f, &head, &allocated);
	if (!size.frames) {
		info->state = ROOST_FRAME_BUSY;
	} else if (head != f) {
		info->state = ROOST_FRAME_INSIDE;
	} else {
		info->order = size.order;
		info->frames = size.frames;
		info->state = allocated					 ? ROOST_FRAME_ALLOCATED
			      : info->owner >= 0 || !is_in_set(roost, f) ? ROOST_FRAME_FREE_PCP
									 : ROOST_FRAME_FREE_ZONE;
	}
}

/* ---- Pageblocks ---------------------------------------------------------------------------- */

/* The order of the allocated or held block of order >= 9 in which a pageblock lies, -1: none. */
static int order_over(const struct roost *r, rst_frame_id f, bool *is_held)
{
	rst_frame_id head;
	int order = rst_block_over(r, rst_span_of(&r->base.map, f), f, RST_SET_ORDER, &head);

	/* The last pageblock of an odd block may be a part of it. */
	if (order >= 0 &&
	    head + rst_om_block(rst_load_rlx(&r->om[head])).frames < f + RST_PAGEBLOCK)
		order = -1;
	*is_held = order >= 0 && !rst_om_is_allocated(rst_load_rlx(&r->om[head]));
	return order;
}

static unsigned usable_frames(const struct roost *r, rst_frame_id f, roost_pfn frames)
{
	unsigned n = 0;

	for (rst_frame_id i = f; i < f + frames; i++)
		n += rst_load_rlx(&r->om[i]) != RST_OM_HOLE;
	return n;
}

int roost_pageblock_info(const roost_t *roost, roost_pfn pfn, struct roost_pageblock_info *info)
{
	rst_frame_id f = rst_pageblock_at(&roost->base.map, pfn, info);
	rst_block_id b = f >> ROOST_PAGEBLOCK_ORDER;
	bool is_held = false;
	unsigned list;

	if (f == RST_NO_FRAME)
		return -ROOST_EINVAL;
	info->absent = !rst_is_present(&roost->base, b);
	if (info->absent)
		return 0;
	list = rst_list_of(rst_load_rlx(&roost->place[b]));
	info->owner = rst_home_of(list);
	info->type = rst_type_of(list);
	info->whole = rst_is_whole(roost, b);
	info->usable = RST_PAGEBLOCK;
	if (info->whole) {
		info->free = RST_PAGEBLOCK;
		info->largest = RST_SET_ORDER;
		return 0;
	}
	info->block = order_over(roost, f, &is_held);
	if (info->block >= 0 && is_held)
		info->usable = 0;
	if (info->block >= 0)
		return 0;
	info->usable = usable_frames(roost, f, info->end - info->start);
	info->free = rst_set_count(&roost->blocks[b]);
	info->largest = rst_set_largest(&roost->blocks[b]);
	return 0;
}
