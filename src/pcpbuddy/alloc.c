/* SPDX-License-Identifier: MIT */
/*
 * alloc.c - the allocation path.
 *
 *	1  for each zone in the caller's order: this CPU's pcp by try-lock, refilled from the zone
 *	   when it has nothing; if the pcp is busy or the order too large, the zone itself. When
 *	   there are several zones, first those above their low watermark, then all.
 *	2  waiting for nothing: what other pcps hold, by try-lock; for orders above 0 everything
 *	   is gathered in the zones first. Then the zones once more. A bounded number of steps.
 *	   ROOST_WAIT: then rounds. Each gathers everything in the zones and looks there,
 *	   waiting for the zone lock. It fails only after a round in which no try-lock failed,
 *	   nothing moved and nothing came in from anybody else: then there was an instant at
 *	   which no such block was free. Otherwise it sleeps, holding nothing, and goes round
 *	   again; for orders above 0 it goes ROOST_WAIT_ROUNDS rounds.
 *
 * A busy pcp is never taken for an empty one. The pressure hook is called when no lock is held.
 */
#include "pcpbuddy/pcpbuddy.h"

struct request {
	struct rst_request ask;
	struct roost *r;
};

/* The next zone that the request may use, from position *i on, or NULL. */
static struct rst_zone *zone_to_try(const struct request *q, unsigned *i)
{
	while (q->ask.zones[*i] != 0xff) {
		struct rst_zone *z = &q->r->zones[q->ask.zones[(*i)++]];

		if (rst_request_of_node(&q->ask, z->desc.node))
			return z;
	}
	return NULL;
}

static uint64_t floor_of(const struct request *q, const struct rst_zone *z)
{
	return q->ask.reserve ? 0 : z->desc.min;
}

/* ---- Pressure ----------------------------------------------------------------------------- */

static void call_pressure(struct roost *r, struct rst_zone *z)
{
	uint64_t free = rst_zone_available(z);

	if (rst_pressure_call(&r->base, &z->pressure, &z->desc, free))
		RST_COUNT(r, z, pressure, 1);
}

void rst_check_pressure(struct roost *r, struct rst_zone *z)
{
	if (rst_pressure_falls(&z->pressure, &z->desc, rst_zone_available(z)))
		call_pressure(r, z);
}

static void pressure_everywhere(const struct request *q)
{
	struct rst_zone *z;

	for (unsigned i = 0; (z = zone_to_try(q, &i));)
		call_pressure(q->r, z);
}

/* ---- Handing out -------------------------------------------------------------------------- */

static RST_COLD void complain_corrupt(const struct roost *r, struct roost_misuse m)
{
	m.kind = ROOST_MISUSE_CORRUPT;
	rst_report(&r->base, &m);
}

roost_pfn rst_hand_out(struct roost *r, const char *call, rst_frame_id f, unsigned order)
{
	roost_pfn pfn = rst_pfn_of(rst_span_of(&r->base.map, f), f);

	if (r->base.check_level >= ROOST_CHECK_PARANOID && !rst_interior_clean(r, f, 1u << order))
		complain_corrupt(r, rst_misuse_of(call, pfn, order));
	rst_store_rlx(&r->frames[f].used, 1);
	rst_set_state(r, f, rst_state(RST_ALLOC, order));
	RST_PROBE2(alloc, pfn, order);
	return pfn;
}

/* The same for an odd size; probes see its pieces. */
static roost_pfn hand_out_odd(struct roost *r, const char *call, rst_frame_id f,
			      struct rst_size size)
{
	roost_pfn pfn = rst_pfn_of(rst_span_of(&r->base.map, f), f);

	if (r->base.check_level >= ROOST_CHECK_PARANOID && !rst_interior_clean(r, f, size.frames))
		complain_corrupt(r, rst_misuse_of_frames(call, pfn, size.frames));
	rst_store_rlx(&r->frames[f].used, 1);
	rst_set_state(r, f, rst_state_sized(RST_ALLOC, size));
	for (roost_pfn at = pfn; at < pfn + size.frames;) {
		unsigned order = rst_piece(at, pfn + size.frames);

		RST_PROBE2(alloc, at, order);
		at += (roost_pfn)1 << order;
	}
	return pfn;
}

/* Of a power of two that was taken for a smaller block, the rest goes back to where it came from:
 * to the pcp, on the list of a type, or to the zone. Under the lock under which it was taken, so
 * nobody sees the block larger than it is. */
static __attribute__((noinline)) void give_back_rest(const struct request *q, struct rst_zone *z,
						     struct rst_pcp *pcp, unsigned type,
						     rst_frame_id f)
{
	struct rst_size size = {q->ask.order, q->ask.frames};
	uint32_t at = size.frames;

	if (f == RST_NO_FRAME || !rst_is_odd(size))
		return;
	rst_set_state(q->r, f, rst_state_sized(RST_BUSY, size));
	for (uint32_t n; at < 1u << size.order; at += n) {
		unsigned order = (unsigned)__builtin_ctz(at);

		n = 1u << order;
		if (pcp) {
			rst_pcp_put(q->r, pcp, f + at, order, type);
		} else {
			rst_set_state(q->r, f + at, rst_state(RST_BUSY, order));
			rst_zone_put(q->r, z, f + at, order);
		}
	}
}

/* ---- Step 1 ------------------------------------------------------------------------------- */

static rst_frame_id from_pcp_locked(const struct request *q, struct rst_zone *z,
				    struct rst_pcp *pcp)
{
	struct roost *r = q->r;
	rst_frame_id f = rst_pcp_take(r, pcp, q->ask.order, q->ask.type);

	if (f != RST_NO_FRAME)
		return f;
	rst_pcp_absorb(r, z, pcp, q->ask.wait);
	if (q->ask.order && rst_load_rlx(&pcp->count) >= 1u << q->ask.order)
		rst_pcp_merge(r, pcp);
	f = rst_pcp_take(r, pcp, q->ask.order, q->ask.type);
	/* Never below min, for any caller: any CPU may take what lies on a pcp. */
	if (f == RST_NO_FRAME && rst_pcp_refill(r, z, pcp, &q->ask, z->desc.min))
		f = rst_pcp_take(r, pcp, q->ask.order, q->ask.type);
	return f;
}

/* Up to count blocks from this CPU's pcp; how many. */
static size_t from_pcp(const struct request *q, struct rst_zone *z, rst_frame_id *out, size_t count)
{
	struct rst_pcp *pcp = z->pcps + q->ask.cpu;
	size_t n = 0;

	if (q->ask.order >= RST_PCP_ORDERS)
		return 0;
	if (!rst_try(&pcp->lock)) {
		RST_COUNT(q->r, z, trylock_fail_alloc, 1);
		return 0;
	}
	while (!rst_load_rlx(&pcp->dead) && n < count) {
		out[n] = from_pcp_locked(q, z, pcp);
		if (rst_is_odd((struct rst_size){q->ask.order, q->ask.frames}))
			give_back_rest(q, z, pcp, q->ask.type, out[n]);
		if (out[n] == RST_NO_FRAME)
			break;
		n++;
	}
	RST_COUNT_PCP(pcp, alloc_pcp, n);
	rst_pcp_leave(q->r, z, pcp, q->ask.wait);
	return n;
}

static rst_frame_id from_zone_locked(const struct request *q, struct rst_zone *z)
{
	struct roost *r = q->r;
	rst_frame_id f;

	if (rst_zone_room(z, floor_of(q, z)) < 1u << q->ask.order)
		return RST_NO_FRAME;
	f = rst_zone_take(r, z, q->ask.order, q->ask.type);
	if (f == RST_NO_FRAME && rst_zone_convert(r, z, q->ask.order, q->ask.type, q->ask.steal))
		f = rst_zone_take(r, z, q->ask.order, q->ask.type);
	if (f == RST_NO_FRAME && q->ask.steal)
		f = rst_zone_take_other(r, z, q->ask.order, q->ask.type);
	if (f == RST_NO_FRAME) {
		f = rst_zone_take(r, z, q->ask.order, ROOST_LIST_RESERVE);
		RST_COUNT(r, z, alloc_reserve, f != RST_NO_FRAME);
	}
	return f;
}

static rst_frame_id from_zone(const struct request *q, struct rst_zone *z)
{
	rst_frame_id f;
	rst_irq_t irq;

	if (!rst_zone_enter(q->r, z, q->ask.wait, &irq))
		return RST_NO_FRAME;
	f = from_zone_locked(q, z);
	give_back_rest(q, z, NULL, 0, f);
	rst_zone_leave(z, irq);
	RST_COUNT(q->r, z, alloc_zone, f != RST_NO_FRAME);
	return f;
}

static size_t from_zones(const struct request *q, rst_frame_id *out, size_t count, bool above_low)
{
	struct rst_zone *z;
	size_t n = 0;

	for (unsigned i = 0; n < count && (z = zone_to_try(q, &i));) {
		if (above_low && rst_zone_available(z) < rst_load_rlx(&z->desc.low))
			continue;
		n += from_pcp(q, z, out + n, count - n);
		while (n < count && (out[n] = from_zone(q, z)) != RST_NO_FRAME)
			n++;
		if (n || !rst_is_once(&q->ask))
			rst_check_pressure(q->r, z);
	}
	return n;
}

static size_t alloc_fast(const struct request *q, rst_frame_id *out, size_t count)
{
	size_t n = 0;

	if (q->ask.zones[1] != 0xff)
		n = from_zones(q, out, count, true);
	if (n < count)
		n += from_zones(q, out + n, count - n, false);
	return n;
}

/* ---- Step 2, waiting for nothing ---------------------------------------------------------- */

static rst_frame_id from_other_locked(const struct request *q, struct rst_zone *z,
				      struct rst_pcp *pcp)
{
	rst_frame_id f = RST_NO_FRAME;

	rst_pcp_absorb(q->r, z, pcp, false);
	if (q->ask.order)
		rst_pcp_merge(q->r, pcp);
	for (unsigned i = 0; f == RST_NO_FRAME && i < (q->ask.steal ? RST_TYPES : 1); i++) {
		unsigned type = (q->ask.type + i) % RST_TYPES;

		f = rst_pcp_take(q->r, pcp, q->ask.order, type);
		give_back_rest(q, z, pcp, type, f);
	}
	return f;
}

/* Any pcp that has a block, of whatever migratetype, this CPU's first. */
static rst_frame_id from_others(const struct request *q, struct rst_zone *z)
{
	for (unsigned i = 0; i < q->r->base.nr_cpus; i++) {
		struct rst_pcp *pcp = &z->pcps[(q->ask.cpu + i) % q->r->base.nr_cpus];
		rst_frame_id f;

		if (!rst_try(&pcp->lock)) {
			RST_COUNT(q->r, z, trylock_fail_drain, 1);
			continue;
		}
		f = from_other_locked(q, z, pcp);
		rst_pcp_leave(q->r, z, pcp, false);
		if (f != RST_NO_FRAME) {
			RST_COUNT(q->r, z, alloc_other, 1);
			return f;
		}
	}
	return RST_NO_FRAME;
}

size_t rst_gather(struct roost *r, struct rst_zone *z, bool wait, bool *missed)
{
	size_t moved = 0;

	for (unsigned cpu = 0; cpu < r->base.nr_cpus; cpu++) {
		struct rst_pcp *pcp = &z->pcps[cpu];

		/* Racy, so not for calls that wait: what a holder takes in from the lock-free list
		 * is free all the time, and a call that sees list and lock empty need not see it
		 * counted yet, nor in puts. The try acquires. */
		if (!wait && !rst_load_rlx(&pcp->count) && !rst_llist_frames(&pcp->llist) &&
		    !rst_try_held(&pcp->lock))
			continue;
		if (rst_try(&pcp->lock)) {
			moved += rst_pcp_empty(r, z, pcp, wait);
			rst_pcp_leave(r, z, pcp, wait);
		} else {
			RST_COUNT(r, z, trylock_fail_drain, 1);
			*missed = true;
		}
	}
	return moved;
}

static uint64_t free_everywhere(const struct request *q)
{
	struct rst_zone *z;
	uint64_t frames = 0;

	for (unsigned i = 0; (z = zone_to_try(q, &i));) {
		frames += rst_zone_room(z, floor_of(q, z));
		for (unsigned cpu = 0; cpu < q->r->base.nr_cpus; cpu++)
			frames += rst_load_rlx(&z->pcps[cpu].count) +
				  rst_llist_frames(&z->pcps[cpu].llist);
	}
	return frames;
}

static rst_frame_id from_others_anywhere(const struct request *q)
{
	struct rst_zone *z;
	rst_frame_id f = RST_NO_FRAME;

	for (unsigned i = 0; f == RST_NO_FRAME && (z = zone_to_try(q, &i));)
		if (q->ask.order < RST_PCP_ORDERS)
			f = from_others(q, z);
	return f;
}

static rst_frame_id alloc_nowait(const struct request *q)
{
	struct rst_zone *z;
	rst_frame_id f = from_others_anywhere(q);
	bool missed = false;

	for (unsigned i = 0; f == RST_NO_FRAME && (z = zone_to_try(q, &i));) {
		if (q->ask.order && free_everywhere(q) >= 1u << q->ask.order)
			rst_gather(q->r, z, false, &missed);
		f = from_zone(q, z);
	}
	if (f == RST_NO_FRAME) {
		z = &q->r->zones[q->ask.zones[0] == 0xff ? 0 : q->ask.zones[0]];
		RST_PROBE3(alloc_failed, q->ask.order, q->ask.type, q->ask.wait);
		RST_COUNT(q->r, z, fail_nowait, 1);
		RST_COUNT(q->r, z, fail_while_free, free_everywhere(q) >= 1u << q->ask.order);
		pressure_everywhere(q);
	}
	return f;
}

/* ---- Step 2, ROOST_WAIT ------------------------------------------------------------------- */

/* How often frames came in anywhere, and whether some are on their way. If it is the same before
 * and after a search that found nothing, the search missed nothing. */
static uint64_t arrivals(const struct request *q, bool *missed)
{
	struct rst_zone *z;
	uint64_t sum = 0;

	for (unsigned i = 0; (z = zone_to_try(q, &i));) {
		sum += rst_load_acq(&z->puts);
		*missed |= rst_llist_frames(&z->llist) != 0;
		for (unsigned cpu = 0; cpu < q->r->base.nr_cpus; cpu++) {
			sum += rst_load_acq(&z->pcps[cpu].puts);
			*missed |= rst_llist_frames(&z->pcps[cpu].llist) != 0;
		}
	}
	return sum;
}

/* Larger blocks can be out of reach forever, while frames come and go or since the holder of a lock
 * stopped: the search for one ends after ROOST_WAIT_ROUNDS. One for a single frame goes on. */
static rst_frame_id alloc_wait(const struct request *q)
{
	struct rst_zone *first = &q->r->zones[q->ask.zones[0] == 0xff ? 0 : q->ask.zones[0]], *z;
	rst_frame_id f = from_others_anywhere(q);

	if (f != RST_NO_FRAME)
		return f;
	for (unsigned round = 0;; round++) {
		bool missed = false, ignored = false;
		uint64_t before = arrivals(q, &ignored);
		size_t moved = 0;

		for (unsigned i = 0; (z = zone_to_try(q, &i));)
			moved += rst_gather(q->r, z, true, &missed);
		for (unsigned i = 0; f == RST_NO_FRAME && (z = zone_to_try(q, &i));)
			f = from_zone(q, z);
		if (f != RST_NO_FRAME)
			return f;
		if (round == 0)
			pressure_everywhere(q); /* may free: its frames count as arrived */
		if (moved && round == 0)
			continue;
		if (!moved && arrivals(q, &missed) == before && !missed)
			break;
		if (q->ask.order && round + 1 >= ROOST_WAIT_ROUNDS)
			break;
		RST_COUNT(q->r, first, wait_rounds, 1);
		rst_sleep(round);
	}
	RST_PROBE3(alloc_failed, q->ask.order, q->ask.type, q->ask.wait);
	RST_COUNT(q->r, first, fail_wait, 1);
	return RST_NO_FRAME;
}

static rst_frame_id alloc_slow(const struct request *q)
{
	struct rst_zone *z = &q->r->zones[q->ask.zones[0] == 0xff ? 0 : q->ask.zones[0]];

	if (q->ask.wait)
		return alloc_wait(q);
	if (!rst_is_once(&q->ask))
		return alloc_nowait(q);
	RST_PROBE3(alloc_failed, q->ask.order, q->ask.type, q->ask.wait);
	RST_COUNT(q->r, z, fail_nowait, 1);
	return RST_NO_FRAME;
}

/* ---- Interface ---------------------------------------------------------------------------- */

roost_pfn roost_alloc(roost_t *roost, unsigned order, unsigned flags)
{
	struct request q = {.r = roost};
	rst_frame_id f;

	if (!rst_request_read(&q.ask, &roost->base, "roost_alloc", order, flags))
		return ROOST_NONE;
	if (!alloc_fast(&q, &f, 1)) {
		f = alloc_slow(&q);
		if (f == RST_NO_FRAME)
			return ROOST_NONE;
	}
	return rst_hand_out(roost, q.ask.call, f, order);
}

roost_pfn roost_alloc_n(roost_t *roost, uint64_t n, unsigned flags)
{
	struct rst_size size = rst_size_of(n);
	struct request q = {.r = roost};
	rst_frame_id f;

	if (!rst_request_read(&q.ask, &roost->base, "roost_alloc_n", n ? size.order : UINT32_MAX,
			      flags))
		return ROOST_NONE;
	q.ask.frames = size.frames;
	if (!alloc_fast(&q, &f, 1))
		f = alloc_slow(&q);
	if (f == RST_NO_FRAME)
		return ROOST_NONE;
	return rst_is_odd(size) ? hand_out_odd(roost, q.ask.call, f, size)
				: rst_hand_out(roost, q.ask.call, f, size.order);
}

size_t roost_alloc_bulk(roost_t *roost, unsigned order, unsigned flags, roost_pfn *pfns,
			size_t count)
{
	enum { CHUNK = 32 };
	struct request q = {.r = roost};
	rst_frame_id frames[CHUNK];
	size_t done = 0;

	if (!rst_request_read(&q.ask, &roost->base, "roost_alloc_bulk", order, flags))
		return 0;
	while (done < count) {
		size_t want = count - done < CHUNK ? count - done : CHUNK;
		size_t n = alloc_fast(&q, frames, want);

		if (!n) {
			frames[0] = alloc_slow(&q);
			if (frames[0] == RST_NO_FRAME)
				break;
			n = 1;
		}
		for (size_t i = 0; i < n; i++)
			pfns[done++] = rst_hand_out(roost, q.ask.call, frames[i], order);
	}
	return done;
}
