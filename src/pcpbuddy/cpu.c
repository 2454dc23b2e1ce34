/* SPDX-License-Identifier: MIT */
/* cpu.c - CPUs that come and go, drains, and pageblocks set apart. Thread context only. */
#include "pcpbuddy/pcpbuddy.h"

/* The law: a lock that is held with interrupts on is only tried, by off-lining too. */
static void lock_sleeping(struct rst_pcp *pcp)
{
	for (unsigned round = 0; !rst_try(&pcp->lock); round++)
		rst_sleep(round);
}

enum {
	DISOWN_BATCH = 1024, /* pageblocks looked at per hold of the zone lock */
};

/* Takes all pageblocks from a CPU whose pcp is locked, dead and empty. */
static void disown_all(struct roost *r, struct rst_zone *z, const struct rst_pcp *pcp)
{
	for (uint32_t s = 0; s < r->base.map.nr; s++) {
		const struct rst_span *span = &r->base.map.spans[s];
		rst_block_id id = span->f0 >> ROOST_PAGEBLOCK_ORDER;
		rst_block_id end = (rst_frame_of(span, span->end - 1) >> ROOST_PAGEBLOCK_ORDER) + 1;

		while (&r->zones[span->zone] == z && id < end) {
			rst_block_id stop = end - id < DISOWN_BATCH ? end : id + DISOWN_BATCH;
			rst_irq_t irq;

			rst_zone_enter(r, z, true, &irq);
			for (; id < stop; id++) {
				struct rst_block *block = &r->blocks[id];

				if (!rst_is_present(&r->base, id) ||
				    rst_load_rlx(&block->owner) != pcp->cpu + 1)
					continue;
				rst_zone_disown(r, z, block);
				RST_COUNT(r, z, blocks_disowned, 1);
			}
			rst_zone_leave(z, irq);
		}
	}
}

int roost_cpu_offline(roost_t *roost, unsigned cpu)
{
	if (cpu >= roost->base.nr_cpus)
		return -ROOST_EINVAL;
	for (unsigned i = 0; i < roost->base.nr_zones; i++) {
		struct rst_zone *z = &roost->zones[i];
		struct rst_pcp *pcp = &z->pcps[cpu];

		lock_sleeping(pcp);
		/* Relaxed: the fence in rst_pcp_leave() comes between this and the last look at the
		 * lock-free list; a push that the look misses sees dead (push_remote()). */
		rst_store_rlx(&pcp->dead, 1);
		rst_pcp_empty(roost, z, pcp, true);
		disown_all(roost, z, pcp);
		rst_pcp_leave(roost, z, pcp, true);
	}
	return 0;
}

int roost_cpu_online(roost_t *roost, unsigned cpu)
{
	if (cpu >= roost->base.nr_cpus)
		return -ROOST_EINVAL;
	for (unsigned i = 0; i < roost->base.nr_zones; i++) {
		struct rst_pcp *pcp = &roost->zones[i].pcps[cpu];

		lock_sleeping(pcp);
		rst_store_rlx(&pcp->dead, 0);
		rst_pcp_leave(roost, &roost->zones[i], pcp, true);
	}
	return 0;
}

static size_t drain_cpu(struct roost *r, unsigned cpu)
{
	size_t moved = 0;

	for (unsigned i = 0; i < r->base.nr_zones; i++) {
		struct rst_zone *z = &r->zones[i];
		struct rst_pcp *pcp = &z->pcps[cpu];

		if (rst_try(&pcp->lock)) {
			moved += rst_pcp_empty(r, z, pcp, true);
			rst_pcp_leave(r, z, pcp, true);
		} else {
			RST_COUNT(r, z, trylock_fail_drain, 1);
		}
	}
	return moved;
}

size_t roost_drain(roost_t *roost, int cpu)
{
	size_t moved = 0;

	if (!rst_are_cpus(&roost->base, "roost_drain", cpu))
		return 0;
	if (cpu >= 0)
		return drain_cpu(roost, (unsigned)cpu);
	for (unsigned i = 0; i < roost->base.nr_cpus; i++)
		moved += drain_cpu(roost, i);
	for (unsigned i = 0; i < roost->base.nr_zones; i++)
		if (rst_llist_frames(&roost->zones[i].llist)) {
			rst_irq_t irq;

			rst_zone_enter(roost, &roost->zones[i], true, &irq);
			rst_zone_leave(&roost->zones[i], irq);
		}
	return moved;
}

/* ---- Isolation --------------------------------------------------------------------------- */

/* Gives what the owner's pcp holds of a block to the zone. Pcp lock and zone lock are held. */
static void flush_block(struct roost *r, struct rst_zone *z, struct rst_pcp *pcp, rst_frame_id f)
{
	rst_frame_id end = f + RST_PAGEBLOCK;

	while (f < end) {
		uint32_t state = rst_load_state(r, f);
		unsigned order = rst_order_of(state);

		if (rst_kind_of(state) == RST_PCP && rst_cpu_of(state) == pcp->cpu) {
			rst_pcp_remove(r, pcp, f);
			rst_zone_put(r, z, f, order);
		}
		f += rst_frames_in(state);
	}
}

/* The pageblock's owner, if any, is pcp, whose lock is held. */
static int isolate_locked(struct roost *r, struct rst_zone *z, struct rst_pcp *pcp, rst_frame_id f,
			  bool isolate)
{
	struct rst_block *block = rst_block_of(r, f);
	unsigned type = rst_load_rlx(&block->type);
	unsigned owner = rst_load_rlx(&block->owner);

	if (!rst_is_present(&r->base, f / RST_PAGEBLOCK) || type == ROOST_LIST_RESERVE ||
	    (type == ROOST_LIST_ISOLATE) == isolate)
		return -ROOST_EINVAL;
	if (owner && (!pcp || owner != pcp->cpu + 1))
		return -ROOST_EAGAIN;
	if (pcp)
		flush_block(r, z, pcp, f & ~(rst_frame_id)(RST_PAGEBLOCK - 1));
	if (rst_load_rlx(&block->owner))
		rst_zone_disown(r, z, block);
	rst_zone_retype(r, z, block, isolate ? ROOST_LIST_ISOLATE : ROOST_LIST_MOVABLE);
	return 0;
}

int roost_isolate(roost_t *roost, roost_pfn pfn, bool isolate)
{
	const struct rst_span *span = rst_span_of_pfn(&roost->base.map, pfn);
	rst_frame_id f = span ? rst_frame_of(span, pfn) : 0;
	struct rst_zone *z;
	struct rst_pcp *pcp = NULL;
	unsigned owner;
	rst_irq_t irq;
	int err;

	if (!span || rst_kind_of(rst_load_state(roost, f)) == RST_HOLE)
		return -ROOST_EINVAL;
	z = &roost->zones[span->zone];
	owner = rst_load_rlx(&rst_block_of(roost, f)->owner); /* racy; looked at again inside */
	if (owner) {
		pcp = &z->pcps[owner - 1];
		if (!rst_try(&pcp->lock))
			return -ROOST_EAGAIN;
	}
	rst_zone_enter(roost, z, true, &irq);
	err = isolate_locked(roost, z, pcp, f, isolate);
	rst_zone_leave(z, irq);
	if (pcp)
		rst_pcp_leave(roost, z, pcp, true);
	return err;
}

/* ---- The rest of a pageblock, and threads that never come back ----------------------------- */

/* Takes a pageblock that is part of a larger chunk of the zone buddy; false if it is not. */
static bool cut_out(struct roost *r, struct rst_zone *z, rst_frame_id first)
{
	rst_frame_id chunk = rst_zone_chunk_of(r, first);
	unsigned order = chunk == RST_NO_FRAME ? 0 : rst_order_of(rst_load_state(r, chunk));

	if (order <= ROOST_PAGEBLOCK_ORDER)
		return false;
	rst_zone_remove(r, z, chunk, order);
	while (order-- > ROOST_PAGEBLOCK_ORDER) { /* the half that does not hold it goes back */
		rst_frame_id upper = chunk + (1u << order);

		rst_set_state(r, first < upper ? upper : chunk, rst_state(RST_BUSY, order));
		rst_zone_put(r, z, first < upper ? upper : chunk, order);
		chunk = first < upper ? chunk : upper;
	}
	return true;
}

/* Marks a chunk that the caller holds as allocated, frame by frame. */
static void hand_out_frames(struct roost *r, rst_frame_id f, unsigned n, unsigned bit,
			    uint64_t *frames)
{
	for (unsigned i = 0; i < n; i++) {
		rst_store_rlx(&r->frames[f + i].used, 1);
		rst_set_state(r, f + i, rst_state(RST_ALLOC, 0));
		frames[(bit + i) / 64] |= (uint64_t)1 << (bit + i) % 64;
	}
}

/* all: also of what is set apart, and below the mark. */
static size_t rest_locked(struct roost *r, struct rst_zone *z, rst_frame_id first, uint64_t *frames,
			  bool all)
{
	rst_frame_id at = first, end = first + RST_PAGEBLOCK, f;
	uint64_t room = all ? UINT64_MAX : rst_zone_room(z, z->desc.min);
	size_t n = 0;

	if (!all && rst_load_rlx(&rst_block_of(r, first)->type) >= RST_TYPES)
		return 0;
	if (room >= RST_PAGEBLOCK && cut_out(r, z, first)) {
		hand_out_frames(r, first, RST_PAGEBLOCK, 0, frames);
		return RST_PAGEBLOCK;
	}
	while ((f = rst_zone_next_in_block(r, &at, end)) != RST_NO_FRAME) {
		unsigned order = rst_order_of(rst_load_state(r, f));

		if (order > ROOST_PAGEBLOCK_ORDER || n + (1u << order) > room)
			break;
		rst_zone_remove(r, z, f, order);
		hand_out_frames(r, f, 1u << order, f - first, frames);
		n += (size_t)1 << order;
	}
	return n;
}

static size_t take_rest(struct roost *roost, roost_pfn pfn, uint64_t *frames, bool all)
{
	const struct rst_span *span = rst_span_of_pfn(&roost->base.map, pfn);
	struct rst_zone *z = span ? &roost->zones[span->zone] : NULL;
	rst_irq_t irq;
	size_t n;

	for (unsigned i = 0; i < ROOST_PAGEBLOCK_WORDS; i++)
		frames[i] = 0;
	if (!span || !rst_zone_enter(roost, z, false, &irq))
		return 0;
	n = rest_locked(roost, z, rst_frame_of(span, pfn) & ~(rst_frame_id)(RST_PAGEBLOCK - 1),
			frames, all);
	rst_zone_leave(z, irq);
	if (all && n)
		rst_check_pressure(roost, z);
	return n;
}

size_t roost_alloc_rest(roost_t *roost, roost_pfn pfn, uint64_t frames[ROOST_PAGEBLOCK_WORDS])
{
	return take_rest(roost, pfn, frames, false);
}

size_t roost_take_rest(roost_t *roost, roost_pfn pfn, uint64_t frames[ROOST_PAGEBLOCK_WORDS])
{
	return take_rest(roost, pfn, frames, true);
}

size_t roost_recover(roost_t *roost)
{
	(void)roost; /* its lists are as they were left, perhaps in the middle of a change */
	return 0;
}
