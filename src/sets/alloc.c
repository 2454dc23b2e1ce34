/* SPDX-License-Identifier: MIT */
/*
 * alloc.c - the allocation path: zone by zone in the caller's order; when there are several, first
 * those above their low watermark, then all. What a zone does is in zone.c.
 *
 * The ladder. Each tier calls the next one when it has found nothing, and adds:
 *
 *	roost_alloc	an order that is known when it is compiled
 *	alloc		the CPU's pocket
 *	alloc_far	the CPU's current pageblock, whose neighbours go into the pocket
 *	alloc_slow	a request that is checked; every zone that it names. From here on:
 *	rst_alloc_one	  from_anywhere(), and then alloc_nowait() or alloc_wait(). Odd sizes: odd.c
 *	alloc_wait	  rounds of search(), asleep in between, until there is a proof
 *	search		  passes of from_anywhere(), others' pockets emptied in between
 *	from_anywhere	  from_zones() above their low mark, then all
 *	rst_from_zone	  zone.c: watermarks; pocket, current pageblock, from_blocks()
 *	from_blocks	  zone.c: rungs 2 to 8, of partial.c and claim.c too
 *
 * A search that found nothing is repeated if frames may have been hidden from it (hidden.h); if
 * some still are in the end, perhaps forever, everything is noted anew. With ROOST_WAIT that goes
 * on in rounds, sleeping, until the counters prove that memory was out for an instant.
 */
#include "core/held.h"
#include "sets/hidden.h"
#include "sets/pocket.h"

/* The next zone that the request may use, from position *i on, or NULL. */
static struct rst_zone *zone_to_try(const struct rst_call *q, unsigned *i)
{
	while (q->ask.zones[*i] != 0xff) {
		struct rst_zone *z = &q->r->zones[q->ask.zones[(*i)++]];

		if (rst_request_of_node(&q->ask, z->desc.node))
			return z;
	}
	return NULL;
}

static struct rst_zone *first_zone(const struct rst_call *q)
{
	return &q->r->zones[q->ask.zones[0] == 0xff ? 0 : q->ask.zones[0]];
}

/* If there are several zones, first those above their low mark. */
static size_t from_anywhere(struct rst_call *q, rst_frame_id *out, size_t count)
{
	bool above_low = q->ask.zones[0] != 0xff && q->ask.zones[1] != 0xff;
	struct rst_zone *z;
	size_t n = 0;

	do {
		q->out = false;
		for (unsigned i = 0; n < count && (z = zone_to_try(q, &i));)
			if (!above_low || !rst_load_rlx(&z->below_low))
				n += rst_from_zone(q, z, out + n, count - n);
		above_low = !above_low;
	} while (!above_low);
	return n;
}

/* ---- When nothing was found --------------------------------------------------------------- */

/* Sections that have begun, or ended, in which frames were hidden from the request. */
static uint64_t sections(const struct rst_call *q, bool begun)
{
	struct rst_zone *z;
	uint64_t sum = 0;

	for (unsigned i = 0; (z = zone_to_try(q, &i));)
		sum += rst_sections(q->r, z, begun);
	return sum;
}

enum { NOTE_SOME = 16 };

/* Notes n pageblocks anew from this one on, round about, and their regions. */
static void note_blocks(struct roost *r, struct rst_zone *z, uint32_t from, uint32_t n)
{
	rst_region_id noted = RST_NO_BLOCK, g;
	unsigned bit;

	for (uint32_t nr = z->end_block - z->first_block; n; n--, from++) {
		rst_block_id b = z->first_block + from % nr;

		if (!rst_has_block(r, z, b))
			continue;
		rst_settle(r, z, b);
		g = rst_region_of(r, b, &bit);
		if (g != noted)
			rst_settle_region(r, z, g);
		noted = g;
	}
}

/* Notes anew what is free: somebody may have stopped between clearing and looking. All of it, or
 * some pageblocks, which are others the next time. */
static void note_anew(const struct rst_call *q, bool all)
{
	struct rst_zone *z;

	for (unsigned i = 0; (z = zone_to_try(q, &i));) {
		uint32_t nr = z->end_block - z->first_block, from = 0;

		if (!all && nr > NOTE_SOME) {
			nr = NOTE_SOME;
			from = rst_load_rlx(&z->next_note); /* two may note the same ones */
			rst_store_rlx(&z->next_note, from + NOTE_SOME);
		}
		note_blocks(q->r, z, from, nr);
	}
}

/* Does another CPU hide frames now? In this order: one that is not counted as begun comes later. */
static bool are_hidden(const struct rst_call *q)
{
	uint64_t ended = sections(q, false);

	return sections(q, true) != ended;
}

static bool reap(const struct rst_call *q)
{
	struct rst_zone *z;
	bool any = false;

	for (unsigned i = 0; (z = zone_to_try(q, &i));)
		any |= rst_pocket_reap_any(q->r, z);
	return any;
}

/*
 * Frames that the request might have; never fewer than at some instant during the call. Each step
 * is for all zones before the next step for any, so that it is one instant for all: otherwise a
 * frame is missed that is taken from one zone while another comes to the next.
 */
static uint64_t usable(const struct rst_call *q)
{
	uint64_t out[ROOST_MAX_ZONES] = {0}, sum = 0, come;
	struct rst_zone *z;
	unsigned n = 0;

	for (unsigned i = 0; (z = zone_to_try(q, &i));)
		out[n++] = rst_zone_gone(q->r, z) + (q->ask.reserve ? 0 : z->desc.min);
	n = 0;
	for (unsigned i = 0; (z = zone_to_try(q, &i));)
		out[n++] += rst_isolated_frames(q->r, z);
	n = 0;
	for (unsigned i = 0; (z = zone_to_try(q, &i)); n++) {
		come = rst_zone_come(q->r, z);
		sum += come > out[n] ? come - out[n] : 0;
	}
	return sum;
}

/*
 * A call that does not wait is brief: it clears a few hints and walks over no lists. It goes on as
 * one that waits only if the counters say that a frame is free which it must find, since it asks
 * for one. So what fails has cost little, and what costs more succeeds if nobody comes in between.
 */
static bool goes_on(struct rst_call *q)
{
	if (q->brief && !q->ask.order) {
		q->brief = !usable(q);
		q->missed = !q->brief; /* if none is free, nothing */
	}
	return !q->brief;
}

enum { PASSES = 4, NOTES = 2 };

/*
 * Passes of from_anywhere(), until one of these. q->missed is then what the search could not see:
 *
 *	found
 *	missed none	a pass in which no other CPU hid frames, no hint led astray and no pocket
 *			was emptied into the sets
 *	missed some	each of PASSES passes did, and so may the one or two that follow once all
 *			that is free is noted anew. So the caller cannot tell if a frame is free.
 *			Or there are more old hints than a call follows that does not wait
 */
static bool search(struct rst_call *q, rst_frame_id *f)
{
	for (unsigned pass = 0; pass < PASSES; pass++) {
		uint64_t ended = sections(q, false), own = q->own;

		q->missed = false;
		if (from_anywhere(q, f, 1))
			return true;
		/* Were there others than its own? */
		if (reap(q) || sections(q, true) - ended != q->own - own)
			q->missed = true;
		if (!q->missed || (q->out && !goes_on(q)))
			return false;
	}
	/* If none are then all that is free is noted, but for a pageblock that is on its way from
	 * one list to another: the walk itself uncovers it, perhaps too late. So it is if the CPU
	 * goes on, clears what was just noted, and stops there: hence once more. */
	for (unsigned i = 0, hidden = true; i < NOTES && hidden; i++) {
		hidden = are_hidden(q);
		if (hidden)
			note_anew(q, goes_on(q));
		q->missed = false;
		if (from_anywhere(q, f, 1) || (q->missed && from_anywhere(q, f, 1)))
			return true;
	}
	q->missed = true;
	return false;
}

static uint64_t events(const struct rst_call *q)
{
	struct rst_zone *z;
	uint64_t sum = 0;

	for (unsigned i = 0; (z = zone_to_try(q, &i));)
		for (unsigned cpu = 0; cpu < q->r->base.nr_cpus; cpu++)
			for (unsigned k = 0; k < RST_ORDERS; k++)
				sum += RST_SUM(z, cpu, allocated, k) + RST_SUM(z, cpu, freed, k);
	for (unsigned i = 0; (z = zone_to_try(q, &i));)
		sum += rst_load_acq(&z->desc.added) + rst_load_acq(&z->desc.removed);
	return sum;
}

static void pressure_everywhere(const struct rst_call *q)
{
	struct rst_zone *z;

	for (unsigned i = 0; q->r->base.pressure && (z = zone_to_try(q, &i));)
		rst_call_pressure(q, z, rst_available(q->r, z));
}

static __attribute__((noinline)) bool alloc_nowait(struct rst_call *q, rst_frame_id *f)
{
	struct rst_pcp *pcp = rst_pcp_of(q, first_zone(q));

	if ((!q->out || goes_on(q) || reap(q)) && search(q, f))
		return true;
	RST_PROBE3(alloc_failed, q->ask.order, q->ask.type, q->ask.wait);
	RST_COUNT(pcp, fail_nowait, 1);
	RST_COUNT(pcp, fail_while_free, q->missed && usable(q) >= q->ask.frames);
	pressure_everywhere(q);
	return false;
}

/*
 * Rounds of searches, and asleep in between, never after the last, until one of these:
 *
 *	found		a block
 *	proof		the counters say that at some instant too few frames were free
 *	proof		orders above 0, or without stealing, so that it is no matter of numbers
 *			alone: two searches on end missed nothing, and no block was
 *			allocated or freed from the start of the first to the end of the second
 *	no proof	ROOST_WAIT_ROUNDS searches: frames count as free, but somebody stopped
 *			before the put, or others were faster each time
 */
static __attribute__((noinline)) bool alloc_wait(struct rst_call *q, rst_frame_id *f)
{
	struct rst_pcp *pcp = rst_pcp_of(q, first_zone(q));
	uint64_t before = events(q), now;
	unsigned quiet = 0; /* searches on end */
	bool by_search = q->ask.order || !q->ask.steal;

	for (unsigned round = 0; round < ROOST_WAIT_ROUNDS; round++) {
		if (search(q, f))
			return true;
		if (round == 0) {
			quiet = !q->missed;
			pressure_everywhere(q); /* may free */
			continue;
		}
		if (usable(q) < q->ask.frames)
			break;
		now = events(q);
		quiet = q->missed || now != before ? 0 : quiet + 1;
		before = now;
		if (by_search && quiet > 1)
			break;
		if (round + 1 < ROOST_WAIT_ROUNDS && (!by_search || !quiet)) {
			RST_COUNT(pcp, wait_rounds, 1);
			rst_sleep(round);
		}
	}
	RST_PROBE3(alloc_failed, q->ask.order, q->ask.type, q->ask.wait);
	RST_COUNT(pcp, fail_wait, 1);
	return false;
}

/* ---- Handing out -------------------------------------------------------------------------- */

/* Does a block begin at f already, or (level 3) something look free in it? Reported, if by a call.
 */
static RST_COLD bool is_corrupt_free(struct roost *r, const char *call, rst_frame_id f,
				     struct rst_size size)
{
	struct roost_misuse m;
	roost_pfn pfn;

	if (!rst_om_is_allocated(rst_load_rlx(&r->om[f])) &&
	    (r->base.check_level < ROOST_CHECK_PARANOID || rst_is_clean(r, f, size.frames, false)))
		return false;
	if (!call)
		return true;
	pfn = rst_pfn_of(rst_span_of(&r->base.map, f), f);
	m = rst_is_odd(size) ? rst_misuse_of_frames(call, pfn, size.frames)
			     : rst_misuse_of(call, pfn, size.order);
	m.kind = ROOST_MISUSE_CORRUPT;
	rst_report(&r->base, &m);
	return true;
}

/* Does a block that looks free have to be looked at more closely? */
static RST_HOT bool is_suspect(const struct roost *r, rst_frame_id f)
{
	return r->base.check_level != ROOST_CHECK_NONE &&
	       (r->base.check_level == ROOST_CHECK_PARANOID ||
		rst_om_is_allocated(rst_load_rlx(&r->om[f])));
}

/* Enters the block in om[]. Relaxed: it is the caller's alone; the put and the take of its bits
 * order this between one holder and the next. */
static RST_HOT roost_pfn enter(struct roost *r, rst_frame_id f, unsigned order)
{
	roost_pfn pfn = rst_pfn_of(rst_span_of(&r->base.map, f), f);

	RST_ASSERT("take: what is handed out is in no set any more",
		   !rst_is_whole(r, f >> ROOST_PAGEBLOCK_ORDER) &&
			   !rst_set_has(&r->blocks[f >> ROOST_PAGEBLOCK_ORDER], f % RST_PAGEBLOCK));
	rst_store_rlx(&r->om[f], (uint8_t)(order + 1));
	RST_PROBE2(alloc, pfn, order);
	return pfn;
}

/* False if a block begins there already: a double free that no check could see has made it free,
 * and it stays with its holder. In line also where a probe in it looks large to the compiler. */
static RST_HOT bool hand_out(struct roost *r, rst_frame_id f, unsigned order, roost_pfn *pfn)
{
	if (is_suspect(r, f) && is_corrupt_free(r, "roost_alloc", f, rst_size_of_order(order)))
		return false;
	*pfn = enter(r, f, order);
	return true;
}

bool rst_is_unfit(struct roost *r, const char *call, rst_frame_id f, struct rst_size size)
{
	return is_suspect(r, f) && is_corrupt_free(r, call, f, size);
}

void rst_enter(struct roost *r, rst_frame_id f, unsigned order)
{
	enter(r, f, order);
}

static bool alloc_once(struct rst_call *q)
{
	RST_PROBE3(alloc_failed, q->ask.order, q->ask.type, q->ask.wait);
	RST_COUNT(rst_pcp_of(q, first_zone(q)), fail_nowait, 1);
	return false;
}

bool rst_alloc_one(struct rst_call *q, rst_frame_id *f)
{
	if (from_anywhere(q, f, 1))
		return true;
	if (rst_is_once(&q->ask))
		return alloc_once(q);
	return q->ask.wait ? alloc_wait(q, f) : alloc_nowait(q, f);
}

/* ---- Interface ---------------------------------------------------------------------------- */

/* For the next block. */
static void begin(struct rst_call *q)
{
	q->brief = !q->ask.wait;
	q->cleared = q->passed = 0;
	q->out = q->missed = false;
}

bool rst_call_read(struct rst_call *q, struct roost *r, const char *call, unsigned order,
		   unsigned flags)
{
	q->r = r;
	if (!rst_request_read(&q->ask, &r->base, call, order, flags))
		return false;
	q->here = rst_here(r);
	q->hints = RST_ALL_HINTS;
	begin(q);
	return true;
}

static RST_COLD roost_pfn alloc_slow(struct roost *r, unsigned order, unsigned flags)
{
	struct rst_call q = {0};
	rst_frame_id f;
	roost_pfn pfn;

	if (!rst_call_read(&q, r, "roost_alloc", order, flags))
		return ROOST_NONE;
	do {
		if (!rst_alloc_one(&q, &f))
			return ROOST_NONE;
	} while (!hand_out(r, f, order, &pfn));
	return pfn;
}

/* Out of the CPU's current pageblock; what is free around the block goes into the pocket. */
static bool take_current(struct roost *r, struct rst_zone *z, struct rst_here here, unsigned type,
			 unsigned order, rst_frame_id *f)
{
	const struct rst_pcp *pcp = &z->pcps[here.cpu];
	rst_block_id b;
	unsigned off;

	if (here.seq != RST_NO_CPU && order <= RST_POCKET_ORDER)
		return rst_pocket_fill(r, z, here.seq, type, order, f);
	b = rst_load_rlx(&pcp->current[type]);
	/* Racy: see rst_from_current() in partial.c. */
	if (order > RST_WORD_ORDER || b == RST_NO_BLOCK ||
	    rst_load_rlx(&r->place[b]) != (rst_home_list(pcp->home, type) | RST_CURRENT) ||
	    !rst_set_take(&r->blocks[b], order, &off))
		return false;
	*f = b << ROOST_PAGEBLOCK_ORDER | off;
	return true;
}

/* A function of its own, so that the search does not have its frame below it on the stack. */
static __attribute__((noinline)) roost_pfn alloc_current(struct roost *r, unsigned order,
							 unsigned flags)
{
	struct rst_here here = rst_here(r);
	struct rst_zone *z = rst_fast_zone(r, here.cpu, flags);
	rst_frame_id f;
	roost_pfn pfn;

	if (z && take_current(r, z, here, flags & ROOST_MIGRATETYPE_MASK, order, &f)) {
		RST_COUNT_BLOCKS(z, here, allocated, order, 1);
		if (hand_out(r, f, order, &pfn))
			return pfn;
	}
	return ROOST_NONE;
}

/* Not out of the pocket. */
static __attribute__((noinline)) roost_pfn alloc_far(struct roost *r, unsigned order,
						     unsigned flags)
{
	roost_pfn pfn = alloc_current(r, order, flags);

	return pfn != ROOST_NONE ? pfn : alloc_slow(r, order, flags);
}

/* A suspect block was taken. */
static RST_COLD roost_pfn alloc_suspect(struct roost *r, rst_frame_id f, unsigned order,
					unsigned flags)
{
	return is_corrupt_free(r, "roost_alloc", f, rst_size_of_order(order))
		       ? alloc_far(r, order, flags)
		       : enter(r, f, order);
}

/* The common case on one page, and nothing that it calls comes back: so it saves little. */
static RST_HOT roost_pfn alloc(struct roost *r, unsigned order, unsigned flags)
{
	unsigned cpu = rst_pocket_cpu(r);
	struct rst_pocket *pocket;
	struct rst_zone *z;
	rst_frame_id f;

	if (cpu == RST_NO_CPU || order > RST_SPARE_ORDER)
		return alloc_far(r, order, flags);
	z = rst_fast_zone(r, cpu, flags);
	if (!z)
		return alloc_far(r, order, flags);
	pocket = &z->pockets[cpu];
	if (!rst_pocket_take(pocket, cpu, flags & ROOST_MIGRATETYPE_MASK, order, &f))
		return alloc_far(r, order, flags);
	RST_COUNT_ONE(z, pocket, cpu, allocated, order);
	return is_suspect(r, f) ? alloc_suspect(r, f, order, flags) : enter(r, f, order);
}

static __attribute__((noinline)) roost_pfn alloc_larger(struct roost *r, unsigned order,
							unsigned flags)
{
	return alloc(r, order, flags);
}

roost_pfn roost_alloc(roost_t *roost, unsigned order, unsigned flags)
{
	/* With a known order half of the instructions fall away. */
	return order ? alloc_larger(roost, order, flags) : alloc(roost, 0, flags);
}

size_t roost_alloc_bulk(roost_t *roost, unsigned order, unsigned flags, roost_pfn *pfns,
			size_t count)
{
	struct rst_call q = {0};
	rst_frame_id frames[RST_BULK];
	size_t done = 0;

	if (!rst_call_read(&q, roost, "roost_alloc_bulk", order, flags))
		return 0;
	while (done < count) {
		size_t n;

		begin(&q);
		n = from_anywhere(&q, frames, count - done < RST_BULK ? count - done : RST_BULK);
		if (!n && !(n = rst_is_once(&q.ask) ? alloc_once(&q) : rst_alloc_one(&q, frames)))
			break;
		for (size_t i = 0; i < n; i++)
			done += hand_out(roost, frames[i], order, &pfns[done]);
	}
	return done;
}

/* ---- Held blocks and the rest of a pageblock ----------------------------------------------- */

/* As hand_out() and enter(). Release, and so in rst_unhold(): a copy of the process that has this
 * record has what was written before it. */
static bool hold(struct roost *r, rst_frame_id f, unsigned order)
{
	if (is_suspect(r, f) && is_corrupt_free(r, "roost_alloc", f, rst_size_of_order(order)))
		return false;
	RST_PROBE2(alloc, rst_pfn_of(rst_span_of(&r->base.map, f), f), order);
	rst_store_rel(&r->om[f], (uint8_t)(RST_OM_HELD + order + 1));
	return true;
}

roost_pfn rst_hold(roost_t *roost, unsigned order)
{
	struct rst_call q = {0};
	rst_frame_id f;

	if (!rst_call_read(&q, roost, "roost_alloc", order, 0))
		return ROOST_NONE;
	q.brief = false; /* a thread's: what it gets is to be trimmed, or to grow */
	do {
		if (!rst_alloc_one(&q, &f))
			return ROOST_NONE;
	} while (!hold(roost, f, order));
	return rst_pfn_of(rst_span_of(&roost->base.map, f), f);
}

/* Takes all bits of a word of a set, and hands them out or holds them; how many. */
static unsigned take_word(struct roost *r, struct rst_zone *z, struct rst_here here,
			  rst_frame_id first, uint64_t *bits, bool is_held)
{
	unsigned place = rst_load_rlx(&r->place[first >> ROOST_PAGEBLOCK_ORDER]);
	_Atomic uint64_t *word =
		&r->blocks[first >> ROOST_PAGEBLOCK_ORDER].word[first % RST_PAGEBLOCK / 64];
	unsigned n = 0, taken = 0;
	roost_pfn pfn;

	/* As a take. *bits never has what is not the caller's. */
	*bits = rst_load_rlx(word) ? rst_xchg_acq(word, 0) : 0;
	for (uint64_t left = *bits; left; left &= left - 1)
		taken++;
	/* Before the records: a free of what these say must find it counted. */
	if (taken)
		RST_COUNT_BLOCKS(z, here, allocated, 0, taken);
	if (taken && place == ROOST_LIST_RESERVE)
		rst_add_rlx(&z->reserve_free, -(int64_t)taken);
	for (uint64_t left = *bits; left; left &= left - 1) {
		unsigned bit = (unsigned)__builtin_ctzll(left);

		if (is_held ? hold(r, first + bit, 0) : hand_out(r, first + bit, 0, &pfn))
			n++;
		else
			*bits &= ~rst_run(bit, 0);
	}
	if (n < taken) /* they were not free after all */
		RST_COUNT_BLOCKS(z, here, freed, 0, taken - n);
	return n;
}

/* all: whatever its place is. */
static size_t take_rest(struct roost *r, roost_pfn pfn, uint64_t *frames, bool is_held, bool all)
{
	const struct rst_span *span = rst_span_of_pfn(&r->base.map, pfn);
	rst_frame_id first = span ? rst_frame_of(span, pfn) & ~(RST_PAGEBLOCK - 1u) : 0;
	rst_block_id b = first >> ROOST_PAGEBLOCK_ORDER;
	struct rst_here here = rst_here(r);
	struct rst_zone *z = span ? &r->zones[span->zone] : NULL;
	bool may = z && (all || (!rst_reserve_is_short(z) &&
				 rst_is_searched(rst_list_of(rst_load_rlx(&r->place[b])))));
	size_t n = 0;

	if (may && rst_is_whole(r, b))
		rst_open_whole(r, z, b);
	for (unsigned i = 0; i < ROOST_PAGEBLOCK_WORDS; i++) {
		frames[i] = 0;
		if (may)
			n += take_word(r, z, here, first + i * 64, &frames[i], is_held);
	}
	if (all && n)
		rst_check_pressure(&(struct rst_call){.r = r, .here = here, .ask.cpu = here.cpu},
				   z);
	return n;
}

size_t roost_alloc_rest(roost_t *roost, roost_pfn pfn, uint64_t frames[ROOST_PAGEBLOCK_WORDS])
{
	return take_rest(roost, pfn, frames, false, false);
}

size_t roost_take_rest(roost_t *roost, roost_pfn pfn, uint64_t frames[ROOST_PAGEBLOCK_WORDS])
{
	return take_rest(roost, pfn, frames, false, true);
}

size_t rst_hold_rest(roost_t *roost, roost_pfn pfn, uint64_t frames[ROOST_PAGEBLOCK_WORDS])
{
	return take_rest(roost, pfn, frames, true, false);
}
