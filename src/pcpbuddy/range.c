/* SPDX-License-Identifier: MIT */
/*
 * range.c - frames by address: exactly these, all or none.
 *
 * Under the zone lock, which is only tried: if all of them lie in the zone buddy they stay there
 * until the lock is dropped, so looking at them first and then removing them is one step. What
 * lies on pcps is gathered before the next try.
 */
#include "pcpbuddy/pcpbuddy.h"

struct frame_range {
	struct roost *r;
	struct rst_zone *z;
	const struct rst_span *span;
	struct rst_extent extent;
	rst_frame_id first, end;
	const struct rst_hotplug_range *removed; /* it goes off-line; NULL: it is handed out */
};

/* The first of its frames that is not in the zone buddy, or RST_NO_FRAME. The zone lock is held. */
static rst_frame_id missing_in(const struct frame_range *range)
{
	for (rst_frame_id f = range->first; f < range->end;) {
		rst_frame_id chunk = rst_zone_chunk_of(range->r, f);

		if (chunk == RST_NO_FRAME)
			return f;
		f = chunk + (1u << rst_order_of(rst_load_state(range->r, chunk)));
	}
	return RST_NO_FRAME;
}

/* All of them lie in the zone buddy, and the zone lock is held. */
static void remove_all(const struct frame_range *range)
{
	for (rst_frame_id f = range->first; f < range->end;)
		f = rst_zone_cut(range->r, range->z, rst_zone_chunk_of(range->r, f), range->first,
				 range->end);
}

/* In the largest aligned blocks. No lock is held. */
static void hand_out(const struct frame_range *range)
{
	uint64_t blocks = 0;

	for (roost_pfn pfn = range->extent.start; pfn < range->extent.end; blocks++) {
		unsigned order = rst_chunk_order(&range->extent, pfn, range->r->base.max_order);
		rst_frame_id f = rst_frame_of(range->span, pfn);

		rst_hand_out(range->r, "roost_take_range", f, order);
		pfn += (roost_pfn)1 << order;
	}
	RST_COUNT(range->r, range->z, alloc_zone, blocks);
	rst_check_pressure(range->r, range->z);
}

/* 0, or why a frame is not in the zone buddy. Racy. */
static int why_missing(const struct frame_range *range, rst_frame_id f)
{
	rst_frame_id head;

	if (rst_kind_of(rst_load_state(range->r, f)) == RST_HOLE ||
	    !rst_is_present(&range->r->base, f / RST_PAGEBLOCK))
		return -ROOST_EINVAL;
	return rst_kind_of(rst_state_over(range->r, f, 0, &head)) == RST_ALLOC ? -ROOST_EBUSY : 0;
}

/* Enters the zone lock, within RST_TRIES looks at it and as many tries. A look costs no system
 * call, and rst_zone_enter() would give up at the first that finds the lock held. */
static bool enter(struct roost *r, struct rst_zone *z, rst_irq_t *irq)
{
	for (unsigned i = 0; ROOST_SMP && i < RST_TRIES && rst_spin_held(&z->lock); i++)
		rst_relax();
	return rst_zone_enter(r, z, false, irq);
}

/* None of it lies in the zone buddy any more, and the zone lock is held. Of a pageblock that nobody
 * has a frame of, only odd ones have an owner. */
static void go_off_line(const struct frame_range *range)
{
	for (rst_block_id b = range->removed->first; b <= range->removed->last; b++) {
		struct rst_block *block = &range->r->blocks[b];

		if (rst_load_rlx(&block->owner))
			rst_zone_disown(range->r, range->z, block);
		rst_zone_count_blocks(range->z, rst_load_rlx(&block->type), -1);
		rst_store_rlx(&block->type, ROOST_LIST_MOVABLE);
	}
	rst_hotplug_commit(&range->r->base, &range->z->desc, range->removed, RST_HOTPLUG_REMOVE);
	rst_pcp_set_marks(range->r, range->z);
}

enum { RANGE_LOOKS = 4 };

static int obtain(struct frame_range *range, roost_pfn pfn, uint64_t n)
{
	bool missed = false;

	range->z = &range->r->zones[range->span->zone];
	range->extent = (struct rst_extent){.start = pfn, .end = pfn + n};
	range->first = rst_frame_of(range->span, pfn);
	range->end = range->first + (rst_frame_id)n;
	for (unsigned i = 0; i < RANGE_LOOKS; i++) {
		rst_frame_id f;
		rst_irq_t irq;
		int err;

		if (!enter(range->r, range->z, &irq))
			break;
		f = missing_in(range);
		if (f == RST_NO_FRAME)
			remove_all(range);
		if (f == RST_NO_FRAME && range->removed)
			go_off_line(range);
		rst_zone_leave(range->z, irq);
		if (f == RST_NO_FRAME) {
			if (!range->removed)
				hand_out(range);
			return 0;
		}
		err = why_missing(range, f);
		if (err)
			return err;
		rst_gather(range->r, range->z, false, &missed);
	}
	return -ROOST_EAGAIN;
}

int roost_take_range(roost_t *roost, roost_pfn pfn, uint64_t n)
{
	struct frame_range range = {.r = roost,
				    .span = rst_span_of_frames(&roost->base.map, pfn, n)};

	return range.span ? obtain(&range, pfn, n) : -ROOST_EINVAL;
}

/* ---- Memory that comes and goes ------------------------------------------------------------ */

int rst_engine_remove(roost_t *roost, const struct rst_hotplug_range *removed)
{
	struct frame_range range = {.r = roost, .span = removed->span, .removed = removed};

	for (rst_block_id b = removed->first; b <= removed->last; b++)
		if (rst_load_rlx(&roost->blocks[b].type) == ROOST_LIST_RESERVE)
			return -ROOST_EBUSY;
	return obtain(&range, removed->start, removed->end - removed->start);
}

int rst_engine_add(roost_t *roost, struct rst_hotplug_range *added)
{
	struct rst_zone *z = &roost->zones[added->span->zone];
	struct rst_extent extent = {.start = added->start, .end = added->end};
	rst_irq_t irq;

	if (!enter(roost, z, &irq))
		return -ROOST_EAGAIN;
	for (rst_block_id b = added->reserve; b <= added->last; b++)
		rst_store_rlx(&roost->blocks[b].type, ROOST_LIST_RESERVE);
	rst_zone_count_blocks(z, ROOST_LIST_MOVABLE, (int)(added->reserve - added->first));
	rst_zone_count_blocks(z, ROOST_LIST_RESERVE, (int)(added->last + 1 - added->reserve));
	rst_hotplug_commit(&roost->base, &z->desc, added, RST_HOTPLUG_ADD);
	rst_pcp_set_marks(roost, z);
	rst_zone_leave(z, irq);
	/* One by one, as frees that must not wait: other frees wait for the lock only as long. */
	for (roost_pfn pfn = extent.start; pfn < extent.end;) {
		unsigned order = rst_chunk_order(&extent, pfn, roost->base.max_order);

		rst_zone_free(roost, z, rst_frame_of(added->span, pfn), order, false);
		pfn += (roost_pfn)1 << order;
	}
	return 0;
}

void rst_engine_pressure(roost_t *roost, unsigned zone)
{
	rst_check_pressure(roost, &roost->zones[zone]);
}

bool rst_engine_is_hole(const roost_t *roost, rst_frame_id f)
{
	return rst_kind_of(rst_load_state(roost, f)) == RST_HOLE;
}

struct rst_zone_desc *rst_engine_zone(roost_t *roost, unsigned zone)
{
	return &roost->zones[zone].desc;
}
