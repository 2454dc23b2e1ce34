/* SPDX-License-Identifier: MIT */
/*
 * pcp.c - the per-CPU pages: a small buddy system of chunks of orders 0 to 9.
 *
 * Frees only push; merging is put off until a drain or a search for a larger block, and then runs
 * bottom-up over the lists ("lazy merge" of the RFC). Only marked chunks merge: their buddies, if
 * marked, lie on this very pcp under the lock that is held.
 */
#include "pcpbuddy/pcpbuddy.h"

void rst_pcp_leave(struct roost *r, struct rst_zone *z, struct rst_pcp *pcp, bool wait)
{
	bool dead = rst_load_rlx(&pcp->dead);

	rst_drop(&pcp->lock);
	while (dead) {
		/* Orders dead and the drop before the look at the list, against a push before the
		 * looks at dead and at the lock (push_remote()): one sees the other. Each turn
		 * but the last takes what somebody pushed meanwhile. */
		rst_fence_sc();
		if (!rst_llist_frames(&pcp->llist) || !rst_try(&pcp->lock))
			return;
		rst_pcp_absorb(r, z, pcp, wait);
		dead = rst_load_rlx(&pcp->dead);
		rst_drop(&pcp->lock);
	}
}

static void link_chunk(struct roost *r, struct rst_pcp *pcp, rst_frame_id f, unsigned order,
		       unsigned type, bool mark)
{
	rst_set_state(r, f, rst_state_pcp(order, type, pcp->cpu, mark));
	rst_list_push(r->frames, &pcp->lists[type][order], f);
	pcp->nonempty[type] |= 1u << order;
}

/* Leaves the record as it is. */
static void unlink_chunk(struct roost *r, struct rst_pcp *pcp, rst_frame_id f)
{
	uint32_t state = rst_load_state(r, f);
	unsigned type = rst_list_of(state), order = rst_order_of(state);

	rst_list_del(r->frames, &pcp->lists[type][order], f);
	if (pcp->lists[type][order].head == RST_NO_FRAME)
		pcp->nonempty[type] &= ~(1u << order);
}

static void add_count(struct rst_pcp *pcp, uint32_t n)
{
	rst_store_rlx(&pcp->count, rst_load_rlx(&pcp->count) + n);
}

void rst_pcp_put(struct roost *r, struct rst_pcp *pcp, rst_frame_id f, unsigned order,
		 unsigned type)
{
	/* The caller holds f and the lock, so "owner is this CPU" cannot change (pcpbuddy.h). */
	bool mark = rst_load_rlx(&rst_block_of(r, f)->owner) == pcp->cpu + 1;

	link_chunk(r, pcp, f, order, type, mark);
	add_count(pcp, 1u << order);
	/* Release: a search that sees this in arrivals() also sees the count, and does not pass it
	 * over as empty; else it could take "nothing came since" for "nothing is there". */
	rst_store_rel(&pcp->puts, rst_load_rlx(&pcp->puts) + 1);
}

bool rst_pcp_put_home(struct roost *r, struct rst_pcp *pcp, rst_frame_id f, unsigned order)
{
	/* Racy for a block that this CPU does not own: it may be isolated right now. Then the
	 * frame is one of those that roost_isolate() says to drain. */
	unsigned type = rst_load_rlx(&rst_block_of(r, f)->type);

	if (type >= RST_TYPES)
		return false;
	rst_pcp_put(r, pcp, f, order, type);
	return true;
}

void rst_pcp_remove(struct roost *r, struct rst_pcp *pcp, rst_frame_id f)
{
	unsigned order = rst_order_of(rst_load_state(r, f));

	unlink_chunk(r, pcp, f);
	add_count(pcp, -(1u << order));
	rst_set_state(r, f, rst_state(RST_BUSY, order));
}

rst_frame_id rst_pcp_take(struct roost *r, struct rst_pcp *pcp, unsigned order, unsigned type)
{
	uint32_t sufficient = pcp->nonempty[type] >> order << order;
	unsigned found;
	rst_frame_id f;
	bool mark;

	if (!sufficient)
		return RST_NO_FRAME;
	found = (unsigned)__builtin_ctz(sufficient);
	f = pcp->lists[type][found].head;
	mark = rst_load_state(r, f) & RST_MARK;
	unlink_chunk(r, pcp, f);
	while (found > order) {
		found--;
		link_chunk(r, pcp, f + (1u << found), found, type, mark);
	}
	add_count(pcp, -(1u << order));
	rst_set_state(r, f, rst_state(RST_BUSY, order));
	return f;
}

/* ---- Merge ------------------------------------------------------------------------------- */

/* The marked buddy of a marked chunk, or RST_NO_FRAME. Both lie in one pageblock, and pageblocks
 * are aligned in frame ids as in pfns, so the buddy's id is a matter of bits. */
static rst_frame_id marked_buddy(const struct roost *r, rst_frame_id f, unsigned order)
{
	rst_frame_id buddy = f ^ 1u << order;
	uint32_t state = rst_load_state(r, buddy);

	return rst_kind_of(state) == RST_PCP && (state & RST_MARK) && rst_order_of(state) == order
		       ? buddy
		       : RST_NO_FRAME;
}

static void merge_list(struct roost *r, struct rst_pcp *pcp, unsigned order, unsigned type)
{
	rst_frame_id f = pcp->lists[type][order].head;

	while (f != RST_NO_FRAME) {
		rst_frame_id next = r->frames[f].next, buddy, low, high;

		if ((rst_load_state(r, f) & RST_MARK) &&
		    (buddy = marked_buddy(r, f, order)) != RST_NO_FRAME) {
			if (next == buddy)
				next = r->frames[buddy].next;
			low = f < buddy ? f : buddy;
			high = f ^ buddy ^ low;
			unlink_chunk(r, pcp, low);
			unlink_chunk(r, pcp, high);
			rst_set_state(r, high, rst_state(RST_INSIDE, 0));
			link_chunk(r, pcp, low, order + 1, type, true);
			RST_COUNT_PCP(pcp, pcp_merged, 1);
		}
		f = next;
	}
}

void rst_pcp_merge(struct roost *r, struct rst_pcp *pcp)
{
	for (unsigned order = 0; order < ROOST_PAGEBLOCK_ORDER; order++)
		for (unsigned type = 0; type < RST_TYPES; type++)
			merge_list(r, pcp, order, type);
}

/* ---- Drain ------------------------------------------------------------------------------- */

/* Moves largest chunks to the zone, up to about batch frames; the zone lock is held too. */
static size_t drain_batch(struct roost *r, struct rst_zone *z, struct rst_pcp *pcp, uint32_t target)
{
	size_t moved = 0;

	while (moved < rst_load_rlx(&pcp->batch) && rst_load_rlx(&pcp->count) > target) {
		unsigned type = 0, order;
		rst_frame_id f;

		for (unsigned i = 1; i < RST_TYPES; i++)
			if (pcp->nonempty[i] > pcp->nonempty[type])
				type = i;
		order = 31u - (unsigned)__builtin_clz(pcp->nonempty[type]);
		f = pcp->lists[type][order].head;
		rst_pcp_remove(r, pcp, f);
		rst_zone_put(r, z, f, order);
		moved += 1u << order;
	}
	return moved;
}

size_t rst_pcp_drain(struct roost *r, struct rst_zone *z, struct rst_pcp *pcp, uint32_t target,
		     bool wait)
{
	size_t moved = 0;
	rst_irq_t irq;

	if (rst_load_rlx(&pcp->count) <= target)
		return 0;
	rst_pcp_merge(r, pcp);
	while (rst_load_rlx(&pcp->count) > target && rst_zone_enter(r, z, wait, &irq)) {
		moved += drain_batch(r, z, pcp, target);
		rst_zone_leave(z, irq);
	}
	RST_PROBE2(drain, pcp->cpu, moved);
	RST_COUNT_PCP(pcp, pcp_drained, moved);
	return moved;
}

size_t rst_pcp_absorb(struct roost *r, struct rst_zone *z, struct rst_pcp *pcp, bool wait)
{
	rst_frame_id f = rst_llist_take(&pcp->llist);
	size_t passed_on = 0;

	while (f != RST_NO_FRAME) {
		rst_frame_id next = r->frames[f].next;
		unsigned order = rst_order_of(rst_load_state(r, f));

		RST_COUNT(r, z, absorbed, 1u << order);
		if (rst_load_rlx(&pcp->dead) || !rst_pcp_put_home(r, pcp, f, order)) {
			rst_zone_free(r, z, f, order, wait);
			passed_on += (size_t)1 << order;
		}
		f = next;
	}
	return passed_on;
}

size_t rst_pcp_empty(struct roost *r, struct rst_zone *z, struct rst_pcp *pcp, bool wait)
{
	size_t passed_on = rst_pcp_absorb(r, z, pcp, wait);

	return passed_on + rst_pcp_drain(r, z, pcp, 0, wait);
}
