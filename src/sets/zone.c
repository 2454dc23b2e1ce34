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
 * Every rung takes with a compare-and-exchange what it sees, waits for nothing and holds nothing.
 */
#include "sets/hidden.h"
#include "sets/pocket.h"

/* Takes a run of order k > 6 out of a pageblock or region, and settles it if that disturbed it. */
static bool take_words(struct rst_call *q, struct rst_zone *z, bool region, uint32_t id, unsigned k,
		       unsigned *off)
{
	struct rst_set *set = region ? &q->r->regions[id] : &q->r->blocks[id];
	bool had = false, put_back;

	for (unsigned at = 0; !had && (at = rst_set_words_free(set, at, k)) < RST_SET_SIZE;
	     at += 1u << k) {
		*off = at;
		rst_hide_searching(q, z);
		had = rst_set_take_words(set, at, k, &put_back);
		if (put_back && region)
			rst_settle_region(q->r, z, id);
		else if (put_back)
			rst_settle(q->r, z, id);
		rst_show(z);
	}
	return had;
}

/* As take_words(), for a block of an odd size that is larger than a word. */
static bool take_odd_words(struct rst_call *q, struct rst_zone *z, rst_block_id b, unsigned *off)
{
	uint32_t n = q->ask.frames, step = rst_alignment(rst_asked(q));
	struct rst_set *set = &q->r->blocks[b];
	bool had = false, put_back;

	for (unsigned at = 0; !had && (at = rst_set_odd_free(set, at, n)) < RST_SET_SIZE;
	     at += step) {
		*off = at;
		rst_hide_searching(q, z);
		had = rst_set_take_part(set, at, n, &put_back);
		if (put_back)
			rst_settle(q->r, z, b);
		rst_show(z);
	}
	return had;
}

/* Is a hole better for the call than any run? A CPU without a pocket would look for one with each
 * call. */
static bool is_for_holes(const struct rst_call *q)
{
	return q->here.seq != RST_NO_CPU && q->ask.order < RST_HOLE_ORDERS &&
	       !rst_is_odd(rst_asked(q));
}

static bool take_in_block(struct rst_call *q, struct rst_zone *z, rst_block_id b, rst_frame_id *f)
{
	struct rst_set *set = &q->r->blocks[b];
	unsigned off = 0;
	bool had;

	if (rst_is_odd(rst_asked(q)))
		had = q->ask.frames <= 64 ? rst_set_take_odd(set, q->ask.frames, &off)
					  : take_odd_words(q, z, b, &off);
	else if (is_for_holes(q))
		had = rst_set_take_best(set, q->ask.order, &off);
	else if (q->ask.order <= RST_WORD_ORDER)
		had = rst_set_take(set, q->ask.order, &off);
	else
		had = take_words(q, z, false, b, q->ask.order, &off);
	*f = b << ROOST_PAGEBLOCK_ORDER | off;
	return had;
}

static unsigned own_list(const struct rst_call *q, const struct rst_zone *z)
{
	return rst_home_list(rst_pcp_of(q, z)->home, q->ask.type);
}

/* ---- 1: the current pageblock ------------------------------------------------------------- */

static size_t from_current(struct rst_call *q, struct rst_zone *z, rst_frame_id *out, size_t count)
{
	rst_block_id b = rst_load_rlx(&rst_pcp_of(q, z)->current[q->ask.type]);
	uint16_t offs[RST_BULK];
	unsigned n;

	/* Racy: it may have been set apart or gone to somebody else meanwhile. */
	if (b == RST_NO_BLOCK || rst_load_rlx(&q->r->place[b]) != (own_list(q, z) | RST_CURRENT))
		return 0;
	if (count == 1 || q->ask.order > RST_WORD_ORDER)
		return take_in_block(q, z, b, out);
	n = rst_set_take_some(&q->r->blocks[b], q->ask.order,
			      count < RST_BULK ? (unsigned)count : RST_BULK, offs);
	for (unsigned i = 0; i < n; i++)
		out[i] = b << ROOST_PAGEBLOCK_ORDER | offs[i];
	return n;
}

/* ---- 2, 4, 5: partial pageblocks ---------------------------------------------------------- */

/*
 * Out of a pageblock of the reserve, whose count is kept. Plain callers may have what is above the
 * mark: they count first, and give back what they do not get. Meanwhile others find less than there
 * is; release and acquire: a call that sees the lower count sees that it may be so. Callers with
 * RESERVE take what there is and count then: no count keeps them from it.
 */
static bool take_in_reserve(struct rst_call *q, struct rst_zone *z, rst_block_id b, rst_frame_id *f)
{
	int64_t size = q->ask.frames, mark = (int64_t)z->desc.min;
	bool had;

	if (q->ask.reserve) {
		had = take_in_block(q, z, b, f);
		if (had)
			rst_add_rlx(&z->reserve_free, -size);
		/* Others outran it; of ordinary pageblocks that shows when the hint is demoted. */
		q->missed |= !had && rst_has_room(q, b);
		return had;
	}
	if (!rst_has_room(q, b))
		return false;
	rst_hide_searching(q, z);
	had = rst_take_rel(&z->reserve_free, size) >= mark && take_in_block(q, z, b, f);
	if (!had)
		rst_add_rlx(&z->reserve_free, size);
	q->missed |= !had && rst_has_room(q, b);
	rst_show(z);
	return had;
}

/* Is the pageblock that a hint of the list names in that list, and has it a block? Racy: the caller
 * clears the hint, and renews it if it was not old. */
static bool visit(struct rst_call *q, struct rst_zone *z, unsigned list, rst_block_id b,
		  rst_frame_id *f)
{
	if (rst_list_of(rst_load_rlx(&q->r->place[b])) != list)
		return false;
	return list == ROOST_LIST_RESERVE ? take_in_reserve(q, z, b, f) : take_in_block(q, z, b, f);
}

/* A pageblock that has runs of an order that an odd block holds need not have a place for the
 * block: then the hint that led here is right all the same. */
static bool is_right(const struct rst_call *q, unsigned list, unsigned bin, rst_block_id b)
{
	return rst_is_odd(rst_asked(q)) && rst_list_of(rst_load_rlx(&q->r->place[b])) == list &&
	       rst_set_has_run(&q->r->blocks[b], bin - 1);
}

enum { ODD_LOOKS = 16 }; /* at pageblocks of a bin in which an odd block need not fit */

/*
 * A block out of a bin, out of pageblock *b. Of the hints that lead to nothing only the first
 * q->hints are cleared, then the bin is left: a pageblock that was freed to the last frame leaves
 * one in each.
 */
static bool from_bin(struct rst_call *q, struct rst_zone *z, struct rst_hint_bin in,
		     rst_block_id *b, rst_frame_id *f)
{
	uint32_t left = q->hints;
	enum rst_old_hint then;

	for (uint64_t i = 0; (i = rst_hint_find(&z->partial, in, i)) != RST_NO_HINT; i++) {
		*b = z->first_block + (rst_block_id)i;
		if (visit(q, z, in.list, *b, f))
			return true;
		if (!left--) {
			/* The odd block may fit in one behind these. */
			if (q->hints == ODD_LOOKS - 1 &&
			    rst_hint_find(&z->partial, in, i + 1) != RST_NO_HINT)
				q->missed = q->out = true;
			return false;
		}
		if (is_right(q, in.list, in.bin, *b))
			continue;
		then = rst_old_hint(q, rst_load_rlx(&q->r->place[*b]) & RST_CURRENT);
		if (then == RST_LEAVE_REST)
			return false;
		if (then == RST_CLEAR_HINT)
			rst_demote(q, z, in, *b);
	}
	return false;
}

/* A block out of a list, bins [low, high]: out of pageblock *b. */
static bool from_list(struct rst_call *q, struct rst_zone *z, unsigned list, unsigned low,
		      unsigned high, rst_block_id *b, rst_frame_id *f)
{
	/* Anew for each bin: what a demotion found may lie in a higher one. */
	for (unsigned bins; low <= high && (bins = rst_hint_bins(&z->partial, list) >> low);
	     low++) {
		low += (unsigned)__builtin_ctz(bins);
		if (low <= high && from_bin(q, z, (struct rst_hint_bin){list, low}, b, f))
			return true;
	}
	return false;
}

/*
 * The pageblock's place says that it is this CPU's current one; now the CPU says so too. What a CPU
 * that goes off-line just now would leave behind is given to the zone:
 *
 *	here					roost_cpu_offline()
 *	1  place = own list | CURRENT		1  dead = 1
 *	2  current = b				2  current = none; leaves what was there
 *	3  reads dead; set: undoes both		3  hands over what places say is of this home
 *
 * All are sequentially consistent: either 3 on the left sees dead, or 2 and 3 on the right see b.
 */
static void own(const struct rst_call *q, struct rst_zone *z, rst_block_id b)
{
	struct rst_pcp *pcp = rst_pcp_of(q, z);

	RST_ASSERT("own: a CPU owns a pageblock of that zone", rst_is_of_zone(q->r, z, b));
	rst_set_current(q->r, z, pcp, q->ask.type, b);
	if (!rst_load_sc(&pcp->dead))
		return;
	rst_set_current(q->r, z, pcp, q->ask.type, RST_NO_BLOCK);
	/* Still current if another on this CPU has put its own in its place and not left it yet; in
	 * this order, since it may do so in between. */
	if (!rst_move(q->r, z, b, own_list(q, z) | RST_CURRENT, q->ask.type))
		rst_move(q->r, z, b, own_list(q, z), q->ask.type);
}

/* Makes the pageblock, which others may see, the CPU's own and current one. False: it stays where
 * it is. */
static bool adopt(const struct rst_call *q, struct rst_zone *z, rst_block_id b)
{
	const struct rst_pcp *pcp = rst_pcp_of(q, z);
	unsigned place = rst_load_rlx(&q->r->place[b]);

	if (rst_load_rlx(&pcp->dead) || place & RST_CURRENT || !rst_is_ordinary(place))
		return false;
	RST_ASSERT("adopt: nobody's current pageblock, and for a list of the CPU's own",
		   !(place & RST_CURRENT) && rst_is_home_list(own_list(q, z)) &&
			   own_list(q, z) < z->nr_lists);
	if (!rst_move(q->r, z, b, place, own_list(q, z) | RST_CURRENT))
		return false;
	own(q, z, b);
	return true;
}

/* A block was taken out of a pageblock, to which a hint led. Settles it if it is not adopted, or
 * the hint stays, and the next one comes in vain. */
static void adopt_or_settle(const struct rst_call *q, struct rst_zone *z, rst_block_id b,
			    bool wanted)
{
	if (!wanted || !adopt(q, z, b))
		rst_settle(q->r, z, b);
}

/* Larger blocks leave a current pageblock alone that still serves the smaller ones. */
static void adopt_if_due(const struct rst_call *q, struct rst_zone *z, rst_block_id b)
{
	adopt_or_settle(q, z, b,
			!q->ask.order || rst_load_rlx(&rst_pcp_of(q, z)->current[q->ask.type]) ==
						 RST_NO_BLOCK);
}

static bool from_own(struct rst_call *q, struct rst_zone *z, unsigned low, rst_frame_id *f)
{
	rst_block_id b;

	if (!from_list(q, z, own_list(q, z), low, RST_BINS - 1, &b, f)) {
		if (!from_list(q, z, q->ask.type, low, RST_BINS - 1, &b, f))
			return false;
		RST_COUNT(rst_pcp_of(q, z), alloc_zone, 1);
	}
	adopt_if_due(q, z, b);
	return true;
}

enum {
	HOLE_LOOKS = 8,	  /* at pageblocks of a bin */
	NEARLY_FULL = 16, /* frames that are free beside the block */
};

/* How bad is it to take the block out of this pageblock? By what is free there, and by whether that
 * has a hole. 0: there is none, or not in the list. */
static unsigned badness(const struct rst_call *q, unsigned list, rst_block_id b)
{
	uint64_t runs = 0, holes = 0;
	unsigned free = 0;

	if (rst_list_of(rst_load_rlx(&q->r->place[b])) != list)
		return 0;
	for (unsigned i = 0; i < RST_SET_WORDS; i++) {
		uint64_t word = rst_load_rlx(&q->r->blocks[b].word[i]); /* racy: a guess */
		uint64_t here = rst_runs(word, q->ask.order);

		runs |= here;
		holes |= rst_exact_of(here, q->ask.order);
		free += rst_weight(word);
	}
	return !runs ? 0 : holes ? free : free + RST_PAGEBLOCK;
}

/* Of a few pageblocks of a bin the best, or the first that is good, or RST_NO_BLOCK. Clears old
 * hints. */
static rst_block_id fullest(struct rst_call *q, struct rst_zone *z, struct rst_hint_bin in)
{
	unsigned least = UINT32_MAX, good = (1u << q->ask.order) + NEARLY_FULL;
	rst_block_id best = RST_NO_BLOCK;
	uint64_t i = 0;

	for (unsigned n = 0; n < HOLE_LOOKS && least >= good; n++, i++) {
		enum rst_old_hint then;
		rst_block_id b;
		unsigned bad;

		i = rst_hint_find(&z->partial, in, i);
		if (i == RST_NO_HINT)
			break;
		b = z->first_block + (rst_block_id)i;
		bad = badness(q, in.list, b);
		if (!bad) {
			then = rst_old_hint(q, rst_load_rlx(&q->r->place[b]) & RST_CURRENT);
			if (then == RST_LEAVE_REST)
				break;
			if (then == RST_CLEAR_HINT)
				rst_demote(q, z, in, b);
		} else if (bad < least) {
			least = bad;
			best = b;
		}
	}
	return best;
}

/* How many holes of this pageblock the CPU has filled on end, without this one. Racy: a handler may
 * fill one in between. */
static unsigned filled_on_end(struct rst_pcp *pcp, rst_block_id b)
{
	uint32_t last = rst_load_rlx(&pcp->filled), n = last >> 8 == b ? last & 0xff : 0;

	rst_store_rlx(&pcp->filled, b << 8 | (n < 0xff ? n + 1 : n));
	return n;
}

enum { HOLES_ON_END = 8 };

/* A pageblock of which the CPU fills one hole after the other becomes its current one. Otherwise
 * pairs of calls would look each time for the hole that they have just freed. */
static bool hole_of(struct rst_call *q, struct rst_zone *z, unsigned list, rst_frame_id *f)
{
	struct rst_hint_bin in = {list, rst_bin_of(q->ask.order, true)};
	rst_block_id b = fullest(q, z, in);

	if (b == RST_NO_BLOCK || !take_in_block(q, z, b, f))
		return false;
	adopt_or_settle(q, z, b,
			filled_on_end(rst_pcp_of(q, z), b) >= HOLES_ON_END || !q->ask.order);
	return true;
}

/*
 * The current pageblock has no hole for the block: one of another pageblock, if hints lead to any.
 * So small blocks fill holes, and pageblocks that are nearly empty become whole. Of single frames
 * only where there are several: to come for each costs too much. What this clears or passes by the
 * rungs below see: nothing is missed.
 */
static bool from_holes(struct rst_call *q, struct rst_zone *z, rst_frame_id *f)
{
	bool missed = q->missed, out = q->out, had;
	rst_block_id b;

	if (!is_for_holes(q) || !rst_wants_hole(z, own_list(q, z), q->ask.order))
		return false;
	b = rst_load_rlx(&rst_pcp_of(q, z)->current[q->ask.type]);
	if (b == RST_NO_BLOCK ||
	    rst_set_word_with_exact(&q->r->blocks[b], q->ask.order) < RST_SET_WORDS)
		return false;
	had = hole_of(q, z, own_list(q, z), f) || hole_of(q, z, q->ask.type, f);
	q->missed = missed;
	q->out = out;
	return had;
}

/* Of the homes whose lists are [list, end). */
static bool from_homes(struct rst_call *q, struct rst_zone *z, unsigned low, unsigned list,
		       unsigned end, rst_frame_id *f)
{
	rst_block_id b;

	for (; (list = rst_hint_next_list(&z->partial, list, rst_bins_from(low))) < end; list++) {
		if (rst_type_of(list) != q->ask.type ||
		    !from_list(q, z, list, low, RST_BINS - 1, &b, f))
			continue;
		RST_COUNT(rst_pcp_of(q, z), alloc_other, 1);
		adopt_if_due(q, z, b);
		return true;
	}
	return false;
}

/* Those behind the CPU's own home first: not all CPUs ask the same one first. */
static bool from_others(struct rst_call *q, struct rst_zone *z, unsigned low, rst_frame_id *f)
{
	unsigned own = own_list(q, z);

	return from_homes(q, z, low, own + 1, z->nr_lists, f) ||
	       from_homes(q, z, low, RST_FIRST_HOME_LIST, own, f);
}

/* ---- 3: claim ----------------------------------------------------------------------------- */

/* Fills the set of a pageblock that nobody else knows, but for its first n frames. */
static void fill_set(struct rst_set *set, unsigned n)
{
	/* Release: to the next taker from this word, as a put does. */
	for (unsigned i = 0; i < RST_SET_WORDS; i++, n -= n < 64 ? n : 64)
		rst_store_rel(&set->word[i], n < 64 ? RST_FULL << n : 0);
}

/*
 * A pageblock that was whole and is the caller's now: its first frames are what was asked for.
 *
 *	place	by compare-and-exchange: an isolation may have come first
 *	set	by plain stores: nobody else takes or puts there yet, nothing is noted
 *	fence	the stores before the loads of settle
 *	settle	notes what is left, while the place already says where
 *	own	last: then the CPU allocates from it
 */
static bool open_claimed(const struct rst_call *q, struct rst_zone *z, rst_block_id b,
			 rst_frame_id *f)
{
	struct roost *r = q->r;
	bool dead = rst_load_rlx(&rst_pcp_of(q, z)->dead);
	uint16_t place = ROOST_LIST_MOVABLE; /* as all whole ones */
	unsigned to = dead ? q->ask.type : own_list(q, z) | RST_CURRENT;

	if (!rst_replace(r, b, &place, to)) {
		rst_set_put(&r->blocks[b], 0, RST_SET_ORDER); /* it was just isolated */
		rst_settle(r, z, b);
		return false;
	}
	RST_ASSERT_WALK("claim: nothing is in the set of a whole pageblock",
			!rst_set_count(&r->blocks[b]));
	fill_set(&r->blocks[b], q->ask.frames);
	/* The stores before the loads of hints, as a put's OR would do: a hint of an earlier life
	 * of the pageblock may be cleared just now by a search that saw the set empty. */
	rst_fence_sc();
	*f = b << ROOST_PAGEBLOCK_ORDER;
	rst_settle(r, z, b);
	if (!dead)
		own(q, z, b);
	RST_PROBE3(claim, q->ask.cpu, rst_pfn_of(rst_span_of(&r->base.map, *f), *f), q->ask.type);
	RST_COUNT(rst_pcp_of(q, z), blocks_claimed, 1);
	RST_COUNT(rst_pcp_of(q, z), alloc_zone, 1);
	return true;
}

/* A whole pageblock of a region; *mine: and it is the caller's. False: there is none. */
static bool claim_in(struct rst_call *q, struct rst_zone *z, rst_region_id g, rst_frame_id *f,
		     bool *mine)
{
	struct rst_set *region = &q->r->regions[g];
	unsigned bit;
	bool had;

	*mine = false;
	if (!rst_set_has_run(region, 0))
		return false;
	rst_hide_searching(q, z);
	had = rst_set_take(region, 0, &bit);
	if (had) {
		rst_add_rlx(&z->nr_whole, (uint64_t)-1);
		rst_settle_emptied(q->r, z, g);
		*mine = open_claimed(q, z, rst_block_at(q->r, g, bit), f);
	}
	rst_show(z);
	return had;
}

/*
 * Regions are searched in two lists. What is movable has the clean ones first, those with the
 * smallest sufficient run before others. What is not has the tainted ones, and then, if it taints
 * one, the emptiest of the clean ones, so that the next such claims find room in it.
 */
static inline unsigned first_list(const struct rst_call *q)
{
	return q->ask.type == ROOST_LIST_MOVABLE ? RST_CLEAN : RST_TAINTED;
}

/* The next region that a hint of a list names, from index *i of this bin on; RST_NO_BLOCK: none. */
static RST_HOT rst_region_id next_region(const struct rst_zone *z, struct rst_hint_bin *in,
					 uint64_t *i)
{
	for (unsigned bins; (bins = rst_region_bins(z, in->list) >> in->bin); in->bin++, *i = 0) {
		if (!(bins & 1)) {
			in->bin += (unsigned)__builtin_ctz(bins);
			*i = 0;
		}
		*i = rst_hint_find(&z->whole, *in, *i);
		if (*i != RST_NO_HINT)
			return z->first_region + (rst_region_id)*i;
	}
	return RST_NO_BLOCK;
}

/* The same downwards. */
static RST_COLD rst_region_id next_fuller(const struct rst_zone *z, struct rst_hint_bin *in,
					  uint64_t *i)
{
	unsigned bins, bin;

	while ((bins = rst_region_bins(z, in->list) & ((2u << in->bin) - 1))) {
		bin = 31 - (unsigned)__builtin_clz(bins);
		if (bin != in->bin)
			*i = 0;
		in->bin = bin;
		*i = rst_hint_find(&z->whole, *in, *i);
		if (*i != RST_NO_HINT)
			return z->first_region + (rst_region_id)*i;
		if (!in->bin--)
			break;
		*i = 0;
	}
	return RST_NO_BLOCK;
}

/* An old hint of a region. False: go no further. */
static bool pass_region(struct rst_call *q, struct rst_zone *z, struct rst_hint_bin in,
			rst_region_id g)
{
	enum rst_old_hint then = rst_old_hint(q, false);

	if (then == RST_CLEAR_HINT)
		rst_demote_region(q, z, in, g);
	return then != RST_LEAVE_REST;
}

/* A brief call has some old hints left for each zone, and for each list of its regions. */
static bool leave_some(struct rst_call *q)
{
	if (q->cleared >= RST_BRIEF_HINTS)
		q->cleared = RST_BRIEF_HINTS - 1;
	if (q->passed > RST_BRIEF_PASSES / 2)
		q->passed = RST_BRIEF_PASSES / 2;
	return true;
}

enum {
	SETTLES = 16, /* of regions by a claim; a brief one: RST_BRIEF_HINTS */
	LOOKS = 64,   /* for the emptiest region; at those of the other kind */
};

static unsigned settles(const struct rst_call *q)
{
	return q->brief ? RST_BRIEF_HINTS : SETTLES;
}

/* Is the region of the other kind than those of the list? It may be clean again, or was noted while
 * its kind changed. The claim passes by *looks such regions. The first it settles, so that they are
 * found in the other list. */
static bool is_misplaced(const struct rst_call *q, struct rst_zone *z, unsigned list,
			 rst_region_id g, unsigned *looks)
{
	if (!*looks || rst_whole_list(q->r, g) == list)
		return false;
	if (LOOKS - (*looks)-- < settles(q))
		rst_settle_region(q->r, z, g);
	return true;
}

/* Out of the regions of a list, smallest sufficient run first. */
static bool claim_from(struct rst_call *q, struct rst_zone *z, unsigned list, unsigned *looks,
		       rst_frame_id *f)
{
	struct rst_hint_bin in = {list, 0};
	uint64_t i = 0;
	rst_region_id g;
	bool mine;

	for (; (g = next_region(z, &in, &i)) != RST_NO_BLOCK; i++) {
		bool had;

		if (is_misplaced(q, z, list, g, looks))
			continue;
		had = claim_in(q, z, g, f, &mine);
		if (mine)
			return true;
		q->missed |= had; /* what else the region has */
		if (!had && !pass_region(q, z, in, g))
			return false;
	}
	return false;
}

/*
 * The clean region with the largest run of whole pageblocks; racy. It comes first in the list but
 * for those with hints that are too high. The walk looks at these, remembers the best, and settles
 * some, so that the next such walk is shorter.
 */
static rst_region_id emptiest(const struct rst_call *q, struct rst_zone *z)
{
	struct rst_hint_bin in = {RST_CLEAN, RST_SET_ORDER};
	unsigned looks = LOOKS, left = settles(q);
	rst_region_id g, best = RST_NO_BLOCK;
	int most = -1;

	for (uint64_t i = 0; looks-- && (g = next_fuller(z, &in, &i)) != RST_NO_BLOCK; i++) {
		const struct rst_set *region = &q->r->regions[g];

		/* A look at most regions of many is this. */
		if (rst_set_has_run(region, (unsigned)(most + 1))) {
			most = rst_set_largest(region);
			best = g;
		}
		if (most >= (int)in.bin)
			break;
		if (left) {
			left--;
			rst_settle_region(q->r, z, g);
		}
	}
	return best;
}

static RST_COLD bool claim_emptiest(struct rst_call *q, struct rst_zone *z, rst_frame_id *f)
{
	rst_region_id g = emptiest(q, z);
	bool mine = false;

	q->missed |= g != RST_NO_BLOCK && claim_in(q, z, g, f, &mine) && !mine;
	return mine;
}

/* In the end out of whatever has a whole pageblock. */
static RST_COLD bool claim_second(struct rst_call *q, struct rst_zone *z, unsigned first,
				  bool passed, rst_frame_id *f)
{
	unsigned none = 0;

	leave_some(q);
	if ((first == RST_TAINTED && claim_emptiest(q, z, f)) || claim_from(q, z, !first, &none, f))
		return true;
	return passed && leave_some(q) && claim_from(q, z, first, &none, f);
}

static bool claim_whole(struct rst_call *q, struct rst_zone *z, rst_frame_id *f)
{
	unsigned first = first_list(q), looks = LOOKS;

	return rst_whole_bins(z) &&
	       (claim_from(q, z, first, &looks, f) || claim_second(q, z, first, looks < LOOKS, f));
}

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
	adopt_if_due(q, z, b);
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
		if (from_list(q, z, list, bin, bin, b, f))
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
			else if (visit(q, z, list, *b, f))
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
	if (!from_list(q, z, ROOST_LIST_RESERVE, last_bin(q), RST_BINS - 1, &b, f))
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
	rst_block_id b;

	if (!from_list(q, z, ROOST_LIST_ATOMIC, last_bin(q), RST_BINS - 1, &b, f))
		return false;
	/* Others are about to fail: it is kept no longer. */
	if (is_atomic(q) || !rst_move(q->r, z, b, ROOST_LIST_ATOMIC, q->ask.type))
		rst_settle(q->r, z, b);
	RST_COUNT(rst_pcp_of(q, z), alloc_reserve, 1);
	return true;
}

/* A call for a high order has got a block of this pageblock, which is kept if whole ones are few.
 * At most 1 % of the zone, and one at least; and one more for each CPU that does so just now. */
static void keep(const struct rst_call *q, struct rst_zone *z, rst_block_id b)
{
	uint64_t most = rst_zone_managed(&z->desc) / 100 >> ROOST_PAGEBLOCK_ORDER;
	unsigned place = rst_load_rlx(&q->r->place[b]), own = own_list(q, z) | RST_CURRENT;
	uint32_t current = b;

	if (!rst_few_whole(z) || rst_load_rlx(&z->nr_atomic) >= (most ? most : 1) ||
	    !rst_is_ordinary(rst_list_of(place)) || (place & RST_CURRENT && place != own) ||
	    rst_set_count(&q->r->blocks[b]) < RST_PAGEBLOCK / 2)
		return;
	/* Relaxed: a call that still takes it for the current one reads its place first. */
	if (rst_move(q->r, z, b, place, ROOST_LIST_ATOMIC))
		rst_cas32_rlx(&rst_pcp_of(q, z)->current[q->ask.type], &current, RST_NO_BLOCK);
}

/* ---- Orders 9 and above ------------------------------------------------------------------- */

static bool take_in_region(struct rst_call *q, struct rst_zone *z, rst_region_id g, unsigned k,
			   unsigned *bit)
{
	return k <= RST_WORD_ORDER ? rst_set_take(&q->r->regions[g], k, bit)
				   : take_words(q, z, true, g, k, bit);
}

static bool from_regions(struct rst_call *q, struct rst_zone *z, rst_frame_id *f)
{
	unsigned k = q->ask.order - RST_SET_ORDER, list = first_list(q), bit;
	rst_region_id g;

	do {
		struct rst_hint_bin in = {list, k};

		for (uint64_t i = 0; (g = next_region(z, &in, &i)) != RST_NO_BLOCK; i++) {
			if (take_in_region(q, z, g, k, &bit)) {
				rst_add_rlx(&z->nr_whole, -((uint64_t)1 << k));
				rst_settle_emptied(q->r, z, g);
				*f = rst_block_at(q->r, g, bit) << ROOST_PAGEBLOCK_ORDER;
				RST_COUNT(rst_pcp_of(q, z), alloc_zone, 1);
				return true;
			}
			if (!pass_region(q, z, in, g))
				break;
		}
		list = !list;
	} while (list != first_list(q) && leave_some(q));
	return false;
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
	leave_some(q);
	if (from_own(q, z, low, f) || (rst_few_whole(z) && from_others(q, z, low, f)) ||
	    (leave_some(q) && claim_whole(q, z, f)) || (is_atomic(q) && from_kept(q, z, f)))
		return true;
	brief = q->hints != RST_ALL_HINTS;
	q->hints = RST_ALL_HINTS;
	if (is_any_noted(z, last_bin(q))) {
		if ((brief && from_own(q, z, low, f)) || from_others(q, z, low, f))
			return true;
		if (rst_is_odd(rst_asked(q)) && !q->ask.wait)
			q->hints = ODD_LOOKS - 1;
		low = last_bin(q);
		if ((low < rst_lowest_bin(q->ask.order) &&
		     (from_own(q, z, low, f) || from_others(q, z, low, f))) ||
		    (q->ask.steal && steal(q, z, f)))
			return true;
	}
	return from_reserve(q, z, f) || (!is_atomic(q) && from_kept(q, z, f));
}

static bool from_blocks(struct rst_call *q, struct rst_zone *z, rst_frame_id *f)
{
	bool had = from_rungs(q, z, f);

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
	return (leave_some(q) && from_regions(q, z, f)) ||
	       (leave_some(q) && rst_gather(q, z) && from_regions(q, z, f)) ||
	       from_reserve(q, z, f);
}

uint64_t rst_isolated_frames(const struct roost *r, const struct rst_zone *z)
{
	uint64_t frames = 0;

	/* Each that has some is noted. */
	for (uint64_t i = 0; rst_load_rlx(&z->nr_isolated) &&
			     (i = next_of_list(z, ROOST_LIST_ISOLATE, i)) != RST_NO_HINT;
	     i++) {
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
		bool rare = !got && !large && most == 1 && from_holes(q, z, out + n);

		got += rare;
		if (!got && !large)
			got = from_current(q, z, out + n, most);
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
