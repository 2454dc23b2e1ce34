/* SPDX-License-Identifier: MIT */
/*
 * cpu.c - CPUs that come and go, drains, and pageblocks set apart. Thread context only.
 *
 * A free need not know whether a CPU is off-line: a home is only a place for hints, which all CPUs
 * read. Handing an off-line CPU's pageblocks to the zone lets other CPUs find them sooner.
 */
#include "sets/hidden.h"

/* Leaves the CPU without current pageblocks. */
static void leave_all(struct roost *r, struct rst_zone *z, struct rst_pcp *pcp)
{
	for (unsigned type = 0; type < RST_TYPES; type++)
		rst_set_current(r, z, pcp, type, RST_NO_BLOCK);
}

enum { HAND_OVER_TRIES = 4 };

/*
 * Hands a pageblock to the zone if it belongs to this home, and returns its free frames. Tries
 * again if another CPU has just left the pageblock, which keeps it where it is. A task that adopts
 * one while the CPU goes off-line looks itself: see rst_own() in partial.c.
 */
static size_t hand_over_block(struct roost *r, struct rst_zone *z, rst_block_id b, unsigned home)
{
	for (unsigned i = 0; i < HAND_OVER_TRIES; i++) {
		unsigned place = rst_load_rlx(&r->place[b]), list = rst_list_of(place);
		size_t frames;

		if (rst_home_of(list) != (int)home || !rst_has_block(r, z, b))
			break;
		frames = rst_set_count(&r->blocks[b]);
		if (rst_move(r, z, b, place, rst_type_of(list)))
			return frames;
	}
	return 0;
}

/* Hands all pageblocks of a home to the zone; returns their free frames. */
static size_t hand_over(struct roost *r, struct rst_zone *z, unsigned home)
{
	size_t frames = 0;

	rst_fence_sc(); /* dead before the looks at what is owned: see rst_own() in partial.c */
	for (rst_block_id b = z->first_block; b < z->end_block; b++) {
		if (rst_are_absent(&r->base, b)) {
			b += 63;
			continue;
		}
		frames += hand_over_block(r, z, b, home);
		RST_YIELD();
	}
	return frames;
}

int roost_cpu_offline(roost_t *roost, unsigned cpu)
{
	if (cpu >= roost->base.nr_cpus)
		return -ROOST_EINVAL;
	for (unsigned i = 0; i < roost->base.nr_zones; i++) {
		struct rst_zone *z = &roost->zones[i];

		rst_store_sc(&z->pcps[cpu].dead, 1);
		leave_all(roost, z, &z->pcps[cpu]);
		if (!rst_home_is_used(roost, z, z->pcps[cpu].home))
			hand_over(roost, z, z->pcps[cpu].home);
		/* After that: see pocket.h. */
		rst_pocket_reap_surely(roost, z, cpu, RST_POCKET_CLOSED);
	}
	return 0;
}

int roost_cpu_online(roost_t *roost, unsigned cpu)
{
	if (cpu >= roost->base.nr_cpus)
		return -ROOST_EINVAL;
	for (unsigned i = 0; i < roost->base.nr_zones; i++) {
		uint32_t closed = RST_POCKET_CLOSED;

		/* Relaxed: a call that sees it late gives to the zone what the CPU could have
		 * kept. */
		rst_store_rlx(&roost->zones[i].pcps[cpu].dead, 0);
		/* Relaxed: continues the release of the CPU that closed it; sequences acquire. */
		rst_cas32_rlx(&roost->zones[i].pockets[cpu].stop, &closed, RST_POCKET_OPEN);
	}
	return 0;
}

static size_t drain_cpu(struct roost *r, unsigned cpu)
{
	size_t frames = 0;

	for (unsigned i = 0; i < r->base.nr_zones; i++) {
		struct rst_zone *z = &r->zones[i];

		frames += (size_t)rst_pocket_frames(z, cpu);
		frames += hand_over(r, z, z->pcps[cpu].home);
		rst_pocket_reap_surely(r, z, cpu, RST_POCKET_OPEN); /* after that: see pocket.h */
		leave_all(r, z, &z->pcps[cpu]);
	}
	RST_PROBE2(drain, cpu, frames);
	return frames;
}

size_t roost_drain(roost_t *roost, int cpu)
{
	struct rst_call q = {.r = roost};
	size_t frames = 0;

	if (!rst_are_cpus(&roost->base, "roost_drain", cpu))
		return 0;
	if (cpu >= 0)
		return drain_cpu(roost, (unsigned)cpu);
	for (unsigned i = 0; i < roost->base.nr_cpus; i++)
		frames += drain_cpu(roost, i);
	for (unsigned i = 0; i < roost->base.nr_zones; i++)
		rst_gather(&q, &roost->zones[i]);
	return frames;
}

/* ---- Isolation --------------------------------------------------------------------------- */

/* From now on only allocations that have already begun use the pageblock. */
static void take_from_all(struct roost *r, struct rst_zone *z, rst_block_id b)
{
	for (unsigned cpu = 0; cpu < r->base.nr_cpus; cpu++)
		for (unsigned type = 0; type < RST_TYPES; type++) {
			uint32_t current = b;

			atomic_compare_exchange_strong_explicit(
				&z->pcps[cpu].current[type], &current, RST_NO_BLOCK,
				memory_order_seq_cst, memory_order_relaxed);
		}
}

/* Undoes that. The pageblock is hidden until it is noted again: no search visits the list that it
 * comes from. */
static bool put_together(struct roost *r, struct rst_zone *z, rst_block_id b, unsigned place)
{
	bool done;

	rst_hide(z);
	done = rst_move(r, z, b, place, ROOST_LIST_MOVABLE);
	rst_show(z);
	return done;
}

enum { ISOLATE_TRIES = 16 }; /* for a place that allocations keep changing */

/* Changes the place; *err if it cannot be. */
static bool set_apart(struct roost *r, struct rst_zone *z, rst_block_id b, bool isolate, int *err)
{
	for (unsigned i = 0; i < ISOLATE_TRIES; i++) {
		/* Racy: the compare-and-exchange decides. */
		unsigned place = rst_load_rlx(&r->place[b]), list = rst_list_of(place);

		*err = -ROOST_EINVAL;
		if (list == ROOST_LIST_RESERVE || (list == ROOST_LIST_ISOLATE) == isolate)
			return false;
		*err = -ROOST_EAGAIN;
		if (isolate ? rst_move(r, z, b, place, ROOST_LIST_ISOLATE)
			    : put_together(r, z, b, place))
			return true;
	}
	return false;
}

/* Takes the pageblock, whose place has changed, out of where allocations find frames: pockets and
 * its region. False: a CPU stopped while it was emptying a pocket. */
static bool take_out(struct roost *r, struct rst_zone *z, rst_block_id b)
{
	bool all = true;

	take_from_all(r, z, b);
	for (unsigned cpu = 0; cpu < r->base.nr_cpus; cpu++)
		all &= rst_pocket_reap_surely(r, z, cpu, RST_POCKET_OPEN);
	do
		rst_open_whole(r, z, b);
	while (rst_is_whole(r, b)); /* it gives up when others keep changing the word */
	return all;
}

/*
 * The pageblock was set apart, but it may have been removed at the same time:
 *
 *	here				a removal
 *	1  place = isolate		1  the pageblock is absent
 *	2  absent? undoes that		2  isolate? undoes that
 *
 * All are sequentially consistent, so at least one side does, and the place decides which. Once 2
 * on the left has looked, the pageblock may be added again, with frames: undoing notes them.
 */
static bool is_gone(struct roost *r, struct rst_zone *z, rst_block_id b)
{
	if (rst_is_present(&r->base, b))
		return false;
	if (put_together(r, z, b, ROOST_LIST_ISOLATE))
		rst_add_sc(&z->apart, (uint64_t)-1);
	return true;
}

int roost_isolate(roost_t *roost, roost_pfn pfn, bool isolate)
{
	const struct rst_span *span = rst_span_of_pfn(&roost->base.map, pfn);
	rst_frame_id f = span ? rst_frame_of(span, pfn) : 0;
	rst_block_id b = f >> ROOST_PAGEBLOCK_ORDER;
	struct rst_zone *z;
	bool done;
	int err;

	if (!span || !rst_is_present(&roost->base, b) || rst_load_rlx(&roost->om[f]) == RST_OM_HOLE)
		return -ROOST_EINVAL;
	z = &roost->zones[span->zone];
	/* It is counted for longer than it is set apart, since rst_put_whole() looks at the count
	 * first. */
	if (isolate)
		rst_add_sc(&z->apart, 1);
	done = set_apart(roost, z, b, isolate, &err);
	if (done != isolate)
		rst_add_sc(&z->apart, (uint64_t)-1);
	if (!done)
		return err;
	if (!isolate)
		return 0;
	rst_add_sc(&z->isolations, 1u); /* before the look at its region: put_large() */
	if (is_gone(roost, z, b))
		return -ROOST_EINVAL;
	return take_out(roost, z, b) ? 0 : -ROOST_EAGAIN;
}
