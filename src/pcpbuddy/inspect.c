/* SPDX-License-Identifier: MIT */
/*
 * inspect.c - counters and descriptions. Takes no lock: every field read here is atomic or
 * constant, each figure is one that was true at some instant, sums are exact only at rest.
 */
#include "core/build.h"
#include "pcpbuddy/pcpbuddy.h"

const char *roost_build_config(void)
{
	return "engine=pcpbuddy " RST_BUILD;
}

/* Adds the counters of one zone (all: -1) on one CPU (all: -1) to what is wanted of the two. */
static int add_counters(const roost_t *roost, int zone, int cpu, struct roost_stats *every,
			struct roost_pcpbuddy_stats *own)
{
	if (!rst_stats_are_of(&roost->base, zone, cpu))
		return -ROOST_EINVAL;
	for (unsigned i = 0; i < roost->base.nr_zones; i++) {
		for (unsigned j = 0; j < roost->base.nr_cpus; j++) {
			const struct rst_pcp_counters *from = &roost->zones[i].pcps[j].count_of;

			if ((zone >= 0 && (unsigned)zone != i) || (cpu >= 0 && (unsigned)cpu != j))
				continue;
			if (every)
				rst_counters_add(&from->every, every);
			if (!own)
				continue;
#define ADD(name, text) own->name += rst_load_rlx(&from->name);
			ROOST_PCPBUDDY_COUNTERS(ADD)
#undef ADD
		}
	}
	return 0;
}

int roost_stats(const roost_t *roost, int zone, int cpu, struct roost_stats *stats)
{
	return add_counters(roost, zone, cpu, stats, NULL);
}

int roost_pcpbuddy_stats(const roost_t *roost, int zone, int cpu,
			 struct roost_pcpbuddy_stats *stats)
{
	return add_counters(roost, zone, cpu, NULL, stats);
}

int roost_zone_info(const roost_t *roost, unsigned zone, struct roost_zone_info *info)
{
	const struct rst_zone *z;

	if (zone >= roost->base.nr_zones)
		return -ROOST_EINVAL;
	z = &roost->zones[zone];
	rst_zone_desc_info(&z->desc, info);
	info->free = rst_load_rlx(&z->free);
	info->free_llist = rst_llist_frames(&z->llist);
	for (unsigned cpu = 0; cpu < roost->base.nr_cpus; cpu++) {
		info->free_pcp += rst_load_rlx(&z->pcps[cpu].count);
		info->free_llist += rst_llist_frames(&z->pcps[cpu].llist);
	}
	for (unsigned type = 0; type < ROOST_NR_LISTS; type++) {
		info->pageblocks[type] = rst_load_rlx(&z->blocks[type]);
		for (unsigned order = 0; order < RST_ORDERS; order++)
			info->blocks[type][order] = rst_load_rlx(&z->lists[type][order].nr);
	}
	return 0;
}

static uint64_t frames_in(const struct rst_list *list, unsigned order)
{
	return (uint64_t)rst_load_rlx(&list->nr) << order;
}

uint64_t roost_free_frames(const roost_t *roost, unsigned zone, uint64_t *whole)
{
	const struct rst_zone *z;
	uint64_t free, large = 0;

	if (zone >= roost->base.nr_zones)
		return 0;
	z = &roost->zones[zone];
	free = rst_load_rlx(&z->free) + rst_llist_frames(&z->llist);
	for (unsigned cpu = 0; cpu < roost->base.nr_cpus; cpu++) {
		const struct rst_pcp *pcp = &z->pcps[cpu];

		free += rst_load_rlx(&pcp->count) + rst_llist_frames(&pcp->llist);
		for (unsigned type = 0; type < RST_TYPES; type++)
			large += frames_in(&pcp->lists[type][ROOST_PAGEBLOCK_ORDER],
					   ROOST_PAGEBLOCK_ORDER);
	}
	for (unsigned type = 0; type < ROOST_NR_LISTS; type++)
		for (unsigned k = ROOST_PAGEBLOCK_ORDER; k <= roost->base.max_order; k++)
			large += frames_in(&z->lists[type][k], k);
	if (whole)
		*whole = large;
	return free;
}

int roost_pcp_info(const roost_t *roost, unsigned zone, unsigned cpu, struct roost_pcp_info *info)
{
	const struct rst_pcp *pcp;

	if (zone >= roost->base.nr_zones || cpu >= roost->base.nr_cpus)
		return -ROOST_EINVAL;
	pcp = &roost->zones[zone].pcps[cpu];
	*info = (struct roost_pcp_info){
		.online = !rst_load_rlx(&pcp->dead),
		.count = rst_load_rlx(&pcp->count),
		.llist = rst_llist_frames(&pcp->llist),
	};
	for (unsigned type = 0; type < RST_TYPES; type++)
		info->whole += rst_load_rlx(&pcp->lists[type][ROOST_PAGEBLOCK_ORDER].nr);
	return 0;
}

struct rst_pcp_marks rst_pcp_marks(const roost_t *roost, unsigned zone, unsigned cpu)
{
	const struct rst_pcp *pcp = &roost->zones[zone].pcps[cpu];

	return (struct rst_pcp_marks){.high = rst_load_rlx(&pcp->high),
				      .batch = rst_load_rlx(&pcp->batch)};
}

int roost_pcpbuddy_pcp_info(const roost_t *roost, unsigned zone, unsigned cpu,
			    struct roost_pcpbuddy_pcp_info *info)
{
	struct rst_pcp_marks marks;

	if (zone >= roost->base.nr_zones || cpu >= roost->base.nr_cpus)
		return -ROOST_EINVAL;
	marks = rst_pcp_marks(roost, zone, cpu);
	*info = (struct roost_pcpbuddy_pcp_info){.high = marks.high, .batch = marks.batch};
	return 0;
}

void roost_frame_info(const roost_t *roost, roost_pfn pfn, struct roost_frame_info *info)
{
	static const enum roost_frame_state states[] = {
		[RST_INSIDE] = ROOST_FRAME_INSIDE,    [RST_HOLE] = ROOST_FRAME_OUTSIDE,
		[RST_ALLOC] = ROOST_FRAME_ALLOCATED,  [RST_BUSY] = ROOST_FRAME_BUSY,
		[RST_ZONE] = ROOST_FRAME_FREE_ZONE,   [RST_PCP] = ROOST_FRAME_FREE_PCP,
		[RST_LLIST] = ROOST_FRAME_FREE_LLIST,
	};
	const struct rst_span *span = rst_span_of_pfn(&roost->base.map, pfn);
	const struct rst_block *block;
	uint32_t state;

	*info = (struct roost_frame_info){.state = ROOST_FRAME_OUTSIDE, .zone = -1, .owner = -1};
	if (!span || !rst_is_present(&roost->base, rst_frame_of(span, pfn) / RST_PAGEBLOCK))
		return;
	state = rst_load_state(roost, rst_frame_of(span, pfn));
	if (rst_kind_of(state) == RST_HOLE)
		return;
	block = rst_block_of(roost, rst_frame_of(span, pfn));
	info->state = states[rst_kind_of(state)];
	info->order = rst_order_of(state);
	info->frames = rst_is_head(state) ? rst_frames_in(state) : 0;
	info->zone = (int)span->zone;
	info->owner = (int)rst_load_rlx(&block->owner) - 1;
	info->type = (enum roost_list_type)rst_load_rlx(&block->type);
}

int roost_order(const roost_t *roost, roost_pfn pfn)
{
	const struct rst_span *span = rst_span_of_pfn(&roost->base.map, pfn);
	uint32_t state = span ? rst_load_state(roost, rst_frame_of(span, pfn)) : 0;

	return rst_kind_of(state) == RST_ALLOC && !rst_is_odd(rst_size_in(state))
		       ? (int)rst_order_of(state)
		       : -1;
}

uint64_t roost_frames(const roost_t *roost, roost_pfn pfn)
{
	const struct rst_span *span = rst_span_of_pfn(&roost->base.map, pfn);
	uint32_t state = span ? rst_load_state(roost, rst_frame_of(span, pfn)) : 0;

	return rst_kind_of(state) == RST_ALLOC ? rst_frames_in(state) : 0;
}

static bool is_free(uint32_t state)
{
	return rst_kind_of(state) >= RST_ZONE;
}

int roost_free_order(const roost_t *roost, roost_pfn pfn)
{
	const struct rst_span *span = rst_span_of_pfn(&roost->base.map, pfn);
	rst_frame_id head;
	uint32_t state = span ? rst_state_over(roost, rst_frame_of(span, pfn), 0, &head) : 0;

	return is_free(state) ? (int)rst_order_of(state) : -1;
}

/* ---- Is there a block? --------------------------------------------------------------------- */

/* In the zone, or made of what lies on pcps and lock-free lists, which may merge with anything. */
static bool may_have(const struct rst_request *q, const struct roost *r, const struct rst_zone *z)
{
	if (rst_llist_frames(&z->llist))
		return true;
	for (unsigned type = 0; type < ROOST_LIST_ISOLATE; type++)
		for (unsigned k = q->order; k < RST_ORDERS; k++)
			if ((q->steal || type == q->type || type >= RST_TYPES ||
			     k >= ROOST_PAGEBLOCK_ORDER) &&
			    rst_load_acq(&z->lists[type][k].nr))
				return true;
	for (unsigned cpu = 0; cpu < r->base.nr_cpus; cpu++)
		if (rst_load_acq(&z->pcps[cpu].count) || rst_llist_frames(&z->pcps[cpu].llist))
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

/* ---- Pageblocks ---------------------------------------------------------------------------- */

/* Adds up the blocks in a pageblock. Racy: INSIDE where no block is (any more) is passed over. */
static void add_blocks(const struct roost *r, rst_frame_id f, struct roost_pageblock_info *info)
{
	unsigned step;

	for (unsigned i = 0; i < info->end - info->start; i += step) {
		uint32_t state = rst_load_state(r, f + i);
		unsigned order = rst_is_head(state) ? rst_order_of(state) : 0;

		step = rst_frames_in(state);
		info->usable += rst_kind_of(state) == RST_HOLE ? 0 : step;
		if (!is_free(state))
			continue;
		info->free += step;
		if (info->largest < (int)order)
			info->largest = (int)order;
	}
}

int roost_pageblock_info(const roost_t *roost, roost_pfn pfn, struct roost_pageblock_info *info)
{
	rst_frame_id f = rst_pageblock_at(&roost->base.map, pfn, info), head;
	const struct rst_block *block;
	uint32_t over;

	if (f == RST_NO_FRAME)
		return -ROOST_EINVAL;
	info->absent = !rst_is_present(&roost->base, f / RST_PAGEBLOCK);
	if (info->absent)
		return 0;
	block = rst_block_of(roost, f);
	over = rst_state_over(roost, f, ROOST_PAGEBLOCK_ORDER, &head);
	info->owner = (int)rst_load_rlx(&block->owner) - 1;
	info->type = (enum roost_list_type)rst_load_rlx(&block->type);
	/* The last pageblock of an odd block may be a part of it. */
	if (!over || head + rst_frames_in(over) < f + RST_PAGEBLOCK) {
		add_blocks(roost, f, info);
		return 0;
	}
	info->usable = RST_PAGEBLOCK;
	if (is_free(over)) {
		info->free = RST_PAGEBLOCK;
		info->largest = ROOST_PAGEBLOCK_ORDER;
		info->whole = rst_kind_of(over) == RST_ZONE && info->type < ROOST_LIST_RESERVE;
	} else {
		info->block = (int)rst_order_of(over);
	}
	return 0;
}
