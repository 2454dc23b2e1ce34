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

	if (rst_kind_of(rst_load_state(range->r, f)) == RST_HOLE)
		return -ROOST_EINVAL;
	return rst_kind_of(rst_state_over(range->r, f, 0, &head)) == RST_ALLOC ? -ROOST_EBUSY : 0;
}

/* Enters the zone lock, within RST_TRIES looks at it and as many tries. A look costs no system
 * call, and rst_zone_enter() would give up at the first that finds the lock held. */
static bool enter(const struct frame_range *range, rst_irq_t *irq)
{
	for (unsigned i = 0; ROOST_SMP && i < RST_TRIES && rst_spin_held(&range->z->lock); i++)
		rst_relax();
	return rst_zone_enter(range->r, range->z, false, irq);
}

enum { RANGE_LOOKS = 4 };

int roost_take_range(roost_t *roost, roost_pfn pfn, uint64_t n)
{
	const struct rst_span *span = rst_span_of_pfn(&roost->base.map, pfn);
	struct frame_range range = {.r = roost, .span = span};
	bool missed = false;

	if (!span || !n || n > span->end - pfn)
		return -ROOST_EINVAL;
	range.z = &roost->zones[span->zone];
	range.extent = (struct rst_extent){.start = pfn, .end = pfn + n, .zone = span->zone};
	range.first = rst_frame_of(span, pfn);
	range.end = range.first + (rst_frame_id)n;
	for (unsigned i = 0; i < RANGE_LOOKS; i++) {
		rst_frame_id f;
		rst_irq_t irq;
		int err;

		if (!enter(&range, &irq))
			break;
		f = missing_in(&range);
		if (f == RST_NO_FRAME)
			remove_all(&range);
		rst_zone_leave(range.z, irq);
		if (f == RST_NO_FRAME) {
			hand_out(&range);
			return 0;
		}
		err = why_missing(&range, f);
		if (err)
			return err;
		rst_gather(roost, range.z, false, &missed);
	}
	return -ROOST_EAGAIN;
}
