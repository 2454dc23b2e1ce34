/* SPDX-License-Identifier: MIT */
/*
 * zone.c - what one zone has for an allocation, rung by rung.
 *
 *	orders 0..8	1  the CPU's current pageblock of the migratetype; for orders 0..5, before
 *			   a larger run of it is broken, a hole of another one
 *			2  partial pageblocks of the CPU's home, then the zone's own, smallest
 *			   sufficient run first; it becomes the current one
 *			3  a whole pageblock is claimed (if few are left: after 4)
 *			4  partial pageblocks of other homes
 *			5  pageblocks with but a few frames left (order 0); those whose largest
 *			   run is smaller than the next power of two (odd sizes)
 *			6  other migratetypes' pageblocks, largest run first; if half free
 *			   they are taken over
 *			7  the reserve
 *			8  pageblocks that are kept for high orders; for ROOST_ATOMIC after 3
 *	orders 9..18	whole pageblocks of a region; those that are whole but for being current
 *
 * Rungs 1, 2, 4 and 5 are in partial.c, rung 3 and orders 9 and above in claim.c. Every rung takes
 * with a compare-and-exchange what it sees, waits for nothing and holds nothing.
 */
#include "sets/pocket.h"
#include "sets/rungs.h"

/* The lowest bin in which there may be what is asked for, if nothing better is left. */
static unsigned last_bin(const struct rst_call *q)
{
	if (rst_is_odd(rst_asked(q)))
		return rst_lowest_bin(rst_order_within(rst_asked(q)));
	return q->ask.order ? rst_lowest_bin(q->ask.order) : 0;
}

/* ---- 6: other migratetypes ---------------------------------------------------------------- */

/* For probes. */
static inline roost_pfn first_pfn(const struct roost *r, rst_block_id b)
{
	rst_frame_id f = b << ROOST_PAGEBLOCK_ORDER;

	return rst_pfn_of(rst_span_of(&r->base.map, f), f);
}

/* A pageblock of another migratetype becomes one of ours when at least half of it is free. */
static void convert(const struct rst_call *q, struct rst_zone *z, rst_block_id b)
{
	if (rst_set_count(&q->r->blocks[b]) + q->ask.frames < RST_PAGEBLOCK / 2) {
		rst_settle(q->r, z, b);
		return;
	}
	rst_adopt_if_due(q, z, b);
	if (rst_type_of(rst_list_of(rst_load_rlx(&q->r->place[b]))) == q->ask.type) {
		RST_PROBE3(steal, q->ask.cpu, first_pfn(q->r, b), q->ask.type);
		RST_COUNT(rst_pcp_of(q, z), blocks_stolen, 1);
	}
}

/* The largest run of a list of another migratetype: what is left of it serves longest. */
static bool steal_from(struct rst_call *q, struct rst_zone *z, unsigned list, unsigned low,
		       rst_block_id *b, rst_frame_id *f)
{
	for (unsigned bin = RST_BINS; bin-- > low;)
		if (rst_from_list(q, z, list, bin, bin, b, f))
			return true;
	return false;
}

/* The first pageblock behind those of its span in this one's region. */
static rst_block_id behind_region(const struct roost *r, rst_block_id b, unsigned bit)
{
	const struct rst_span *span = rst_span_of(&r->base.map, b << ROOST_PAGEBLOCK_ORDER);
	rst_frame_id last = rst_frame_of(span, span->end - 1);
	rst_block_id behind = b - bit + RST_REGION;

	return behind <= last >> ROOST_PAGEBLOCK_ORDER ? behind
						       : (last >> ROOST_PAGEBLOCK_ORDER) + 1;
}

/* The same in regions that are tainted already, among the few that *looks allows. */
static bool steal_tainted(struct rst_call *q, struct rst_zone *z, unsigned list, unsigned low,
			  unsigned *looks, rst_block_id *b, rst_frame_id *f)
{
	for (unsigned bin = RST_BINS; bin-- > low;) {
		const struct rst_hint_bin in = {list, bin};
		unsigned bit;

		if (!(rst_hint_bins(&z->partial, list) >> bin & 1))
			continue;
		for (uint64_t i = 0;
		     *looks && (i = rst_hint_find(&z->partial, in, i)) != RST_NO_HINT; --*looks) {
			*b = z->first_block + (rst_block_id)i++;
			if (rst_whole_list(q->r, rst_region_of(q->r, *b, &bit)) == RST_CLEAN)
				i = behind_region(q->r, *b, bit) - z->first_block;
			else if (rst_visit(q, z, list, *b, f))
				return true;
		}
	}
	return false;
}

/* looks: in tainted regions alone. */
static bool steal_any(struct rst_call *q, struct rst_zone *z, unsigned *looks, rst_block_id *b,
		      rst_frame_id *f)
{
	unsigned low = last_bin(q);

	for (unsigned list = 0;
	     (!looks || *looks) &&
	     (list = rst_hint_next_list(&z->partial, list, rst_bins_from(low))) < z->nr_lists;
	     list++)
		if (rst_is_ordinary(list) && rst_type_of(list) != q->ask.type &&
		    (looks ? steal_tainted(q, z, list, low, looks, b, f)
			   : steal_from(q, z, list, low, b, f)))
			return true;
	return false;
}

enum { STEAL_LOOKS = 16 };

/* What is not movable taints what it steals from: better where that makes no difference. */
static bool steal(struct rst_call *q, struct rst_zone *z, rst_frame_id *f)
{
	unsigned looks = q->ask.type == ROOST_LIST_MOVABLE ? 0 : STEAL_LOOKS;
	rst_block_id b;

	if (!(looks && steal_any(q, z, &looks, &b, f)) && !steal_any(q, z, NULL, &b, f))
		return false;
	RST_COUNT(rst_pcp_of(q, z), alloc_zone, 1);
	convert(q, z, b);
	return true;
}

/* ---- 7: the reserve ----------------------------------------------------------------------- */

static bool from_reserve(struct rst_call *q, struct rst_zone *z, rst_frame_id *f)
{
	int64_t size = q->ask.frames, mark = (int64_t)z->desc.min;
	rst_block_id b;

	if (q->ask.order > RST_SET_ORDER ||
	    (!q->ask.reserve && rst_load_acq(&z->reserve_free) - size < mark))
		return false;
	if (!rst_from_list(q, z, ROOST_LIST_RESERVE, last_bin(q), RST_BINS - 1, &b, f))
		return false;
	rst_settle(q->r, z, b);
	RST_COUNT(rst_pcp_of(q, z), alloc_reserve, 1);
	return true;
}

/* ---- 8: what is kept for high orders ------------------------------------------------------- */

/* May it use what is kept from the start? Then pageblocks are kept for it, too. */
static inline bool is_atomic(const struct rst_call *q)
{
	return q->ask.flags & ROOST_ATOMIC && q->ask.order;
}

static bool from_kept(struct rst_call *q, struct rst_zone *z, rst_frame_id *f)
{
	bool half = false;
	rst_block_id b;

	if (!rst_from_list(q, z, ROOST_LIST_ATOMIC, last_bin(q), RST_BINS - 1, &b, f))
		return false;
	/* Others are about to fail: it is kept no longer. As with one of another migratetype, it
	 * becomes of this one if half of it is free. */
	if (!is_atomic(q)) {
		half = rst_set_count(&q->r->blocks[b]) + q->ask.frames >= RST_PAGEBLOCK / 2;
		rst_store_rlx(&z->given_back, 1);
	}
	if (is_atomic(q) ||
	    !rst_move(q->r, z, b, ROOST_LIST_ATOMIC, half ? q->ask.type : ROOST_LIST_MOVABLE))
		rst_settle(q->r, z, b);
	RST_COUNT(rst_pcp_of(q, z), alloc_reserve, 1);
	return true;
}

/* A call for a high order has got a block of this pageblock, which is kept if whole ones are few.
 * At most 1 % of the zone, and one at least; and one more for each CPU that does so just now. None
 * once a plain call has needed what was kept, until whole ones are not few: otherwise the two would
 * move it back and forth. Relaxed: a call that misses that moves it once more. */
static void keep(const struct rst_call *q, struct rst_zone *z, rst_block_id b)
{
	uint64_t most = rst_zone_managed(&z->desc) / 100 >> ROOST_PAGEBLOCK_ORDER;
	unsigned place = rst_load_rlx(&q->r->place[b]), own = rst_own_list(q, z) | RST_CURRENT;
	_Atomic uint32_t *mine = &rst_pcp_of(q, z)->current[q->ask.type];
	uint32_t current = b;

	if (!rst_few_whole(z)) {
		if (rst_load_rlx(&z->given_back))
			rst_store_rlx(&z->given_back, 0);
		return;
	}
	/* CPUs that share a home have the same list. */
	if (rst_load_rlx(&z->given_back) || rst_load_rlx(&z->nr_atomic) >= (most ? most : 1) ||
	    !rst_is_ordinary(rst_list_of(place)) ||
	    (place & RST_CURRENT && (place != own || rst_load_rlx(mine) != b)) ||
	    rst_set_count(&q->r->blocks[b]) < RST_PAGEBLOCK / 2)
		return;
	/* Relaxed: a call that still takes it for the current one reads its place first. */
	if (rst_move(q->r, z, b, place, ROOST_LIST_ATOMIC))
		rst_cas32_rlx(mine, &current, RST_NO_BLOCK);
}

/* ---- A zone ------------------------------------------------------------------------------- */

enum { HINTS = 3 };

/* Old hints of a bin that a call clears before it claims. All of them if whole pageblocks are few,
 * or if what is claimed does not become current: then each such call would claim. */
static uint32_t hints_before_claim(const struct rst_call *q, const struct rst_zone *z)
{
	bool may_claim = rst_load_rlx(&z->nr_whole) && !rst_few_whole(z);

	return may_claim && !rst_load_rlx(&rst_pcp_of(q, z)->dead) ? HINTS : RST_ALL_HINTS;
}

/* Is there a hint of these bins in any list that is neither the reserve's nor set apart? */
static bool is_any_noted(const struct rst_zone *z, unsigned low)
{
	return rst_hint_next_list(&z->partial, 0, rst_bins_from(low)) < RST_TYPES ||
	       rst_hint_next_list(&z->partial, RST_FIRST_HOME_LIST, rst_bins_from(low)) <
		       z->nr_lists;
}

static bool from_rungs(struct rst_call *q, struct rst_zone *z, rst_frame_id *f)
{
	unsigned low = rst_lowest_bin(q->ask.order);
	bool brief;

	q->hints = hints_before_claim(q, z);
	rst_leave_some(q);
	if (rst_from_own(q, z, low, f) || (rst_few_whole(z) && rst_from_others(q, z, low, f)) ||
	    (rst_leave_some(q) && rst_whole_bins(z) && rst_claim_whole(q, z, f)))
		return true;
	brief = q->hints != RST_ALL_HINTS;
	q->hints = RST_ALL_HINTS;
	if (is_atomic(q) && from_kept(q, z, f))
		return true;
	if (is_any_noted(z, last_bin(q))) {
		if ((brief && rst_from_own(q, z, low, f)) || rst_from_others(q, z, low, f))
			return true;
		if (rst_is_odd(rst_asked(q)) && !q->ask.wait)
			q->hints = RST_ODD_LOOKS - 1;
		low = last_bin(q);
		if ((low < rst_lowest_bin(q->ask.order) &&
		     (rst_from_own(q, z, low, f) || rst_from_others(q, z, low, f))) ||
		    (q->ask.steal && steal(q, z, f)))
			return true;
	}
	return from_reserve(q, z, f) || (!is_atomic(q) && from_kept(q, z, f));
}

static bool from_blocks(struct rst_call *q, struct rst_zone *z, rst_frame_id *f)
{
	struct rst_pcp *pcp = rst_pcp_of(q, z);
	bool had = from_rungs(q, z, f);

	/* Others that fail read this line, to add up counters. */
	if (rst_load_rlx(&pcp->holes))
		rst_store_rlx(&pcp->holes, 0);
	if (had && is_atomic(q))
		keep(q, z, *f >> ROOST_PAGEBLOCK_ORDER);
	return had;
}

/* The next pageblock from this index on that a hint of a list names, in whatever bin. */
static uint64_t next_of_list(const struct rst_zone *z, unsigned list, uint64_t i)
{
	uint64_t first = RST_NO_HINT;

	for (unsigned bins = rst_hint_bins(&z->partial, list); bins; bins &= bins - 1) {
		struct rst_hint_bin in = {list, (unsigned)__builtin_ctz(bins)};
		uint64_t next = rst_hint_find(&z->partial, in, i);

		first = next < first ? next : first;
	}
	return first;
}

static bool from_whole(struct rst_call *q, struct rst_zone *z, rst_frame_id *f)
{
	return (rst_leave_some(q) && rst_from_regions(q, z, f)) ||
	       (rst_leave_some(q) && rst_gather(q, z) && rst_from_regions(q, z, f)) ||
	       from_reserve(q, z, f);
}

uint64_t rst_isolated_frames(const struct roost *r, const struct rst_zone *z)
{
	uint64_t frames = 0;

	/* Each that has some is noted. */
	for (uint64_t i = 0;
	     rst_isolated(z) && (i = next_of_list(z, ROOST_LIST_ISOLATE, i)) != RST_NO_HINT; i++) {
		rst_block_id b = z->first_block + (rst_block_id)i;

		if (rst_list_of(rst_load_rlx(&r->place[b])) == ROOST_LIST_ISOLATE)
			frames += rst_set_count(&r->blocks[b]);
	}
	return frames;
}

uint64_t rst_available(const struct roost *r, const struct rst_zone *z)
{
	uint64_t gone = rst_zone_gone(r, z), isolated = rst_isolated_frames(r, z);
	uint64_t come = rst_zone_come(r, z);

	return come > gone + isolated ? come - gone - isolated : 0;
}

void rst_call_pressure(const struct rst_call *q, struct rst_zone *z, uint64_t free)
{
	if (rst_pressure_call(&q->r->base, &z->pressure, &z->desc, free))
		RST_COUNT(rst_pcp_of(q, z), pressure, 1);
}

void rst_check_pressure(const struct rst_call *q, struct rst_zone *z)
{
	uint64_t free;

	if (!rst_few_whole(z) && !rst_load_rlx(&z->pressure.pressed) &&
	    !rst_load_rlx(&z->below_low))
		return;
	if (!q->r->base.pressure && q->r->base.nr_zones == 1)
		return; /* nobody wants to know */
	free = rst_available(q->r, z);
	if (rst_load_rlx(&z->below_low) != (free < rst_load_rlx(&z->desc.low)))
		rst_store_rlx(&z->below_low, free < rst_load_rlx(&z->desc.low));
	rst_pressure_rises(&z->pressure, &z->desc, free);
	if (rst_pressure_falls(&z->pressure, &z->desc, free))
		rst_call_pressure(q, z, free);
}

/* Is there a block above the reserve? Two that ask at once may both get true. */
static bool may_take(const struct rst_call *q, const struct rst_zone *z)
{
	return q->ask.reserve || !rst_reserve_is_short(z) ||
	       rst_available(q->r, z) >= z->desc.min + q->ask.frames;
}

/* Before anybody else's: what the fast path had reasons not to take. */
static size_t from_pocket(const struct rst_call *q, struct rst_zone *z, rst_frame_id *f)
{
	unsigned cpu = q->here.seq;

	if (cpu == RST_NO_CPU || cpu != q->ask.cpu)
		return false;
	if (rst_is_odd(rst_asked(q)))
		return rst_pocket_take_odd(&z->pockets[cpu], cpu, q->ask.type, q->ask.frames, f);
	return q->ask.order <= RST_SPARE_ORDER &&
	       rst_pocket_take(&z->pockets[cpu], cpu, q->ask.type, q->ask.order, f);
}

/* Counts it. One of several pageblocks is the power of two: the rest of that goes back. */
static __attribute__((noinline)) void odd_was_taken(const struct rst_call *q, struct rst_zone *z,
						    rst_frame_id f)
{
	RST_COUNT_SIZE(z, q->here, allocated, rst_asked(q), 1);
	if (q->ask.frames >= RST_PAGEBLOCK)
		rst_put_frames(q->r, z, f + q->ask.frames, (1u << q->ask.order) - q->ask.frames);
}

size_t rst_from_zone(struct rst_call *q, struct rst_zone *z, rst_frame_id *out, size_t count)
{
	size_t n = 0;
	bool large = q->ask.frames >= RST_PAGEBLOCK, had = true;

	while (n < count && had && may_take(q, z)) {
		size_t most = rst_reserve_is_short(z) ? 1 : count - n;
		size_t got = from_pocket(q, z, out + n);
		bool rare = !got && !large && most == 1 && rst_may_fill(q, z) &&
			    rst_from_holes(q, z, out + n);

		got += rare;
		if (!got && !large)
			got = rst_from_current(q, z, out + n, most);
		if (!got) {
			rare = true;
			had = large ? from_whole(q, z, out + n) : from_blocks(q, z, out + n);
			got = had;
		}
		/* Release: a sum that has it sees the free that this block came from. */
		if (got && rst_is_odd(rst_asked(q)))
			odd_was_taken(q, z, out[n]);
		else if (got)
			RST_COUNT_BLOCKS(z, q->here, allocated, q->ask.order, got);
		n += got;
		/* One that fails changes nothing, but the hook may free. */
		if (rare && (n || (q->r->base.pressure && !rst_is_once(&q->ask))))
			rst_check_pressure(q, z);
	}
	return n;
}
