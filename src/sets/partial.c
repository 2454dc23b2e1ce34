/* SPDX-License-Identifier: MIT */
/*
 * partial.c - rungs 1, 2, 4 and 5 of zone.c: pageblocks of which something is free and in use.
 *
 * All but the first follow hints to a set. A pageblock that they have found may become the CPU's
 * current one: adopt().
 */
#include "sets/rungs.h"

bool rst_take_words(struct rst_call *q, struct rst_zone *z, bool region, uint32_t id, unsigned k,
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

/* As rst_take_words(), for a block of an odd size that is larger than a word. */
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

static bool take_in_block(struct rst_call *q, struct rst_zone *z, rst_block_id b, rst_frame_id *f)
{
	struct rst_set *set = &q->r->blocks[b];
	unsigned off = 0;
	bool had;

	if (rst_is_odd(rst_asked(q)))
		had = q->ask.frames <= 64 ? rst_set_take_odd(set, q->ask.frames, &off)
					  : take_odd_words(q, z, b, &off);
	else if (rst_is_for_holes(q))
		had = rst_set_take_best(set, q->ask.order, &off);
	else if (q->ask.order <= RST_WORD_ORDER)
		had = rst_set_take(set, q->ask.order, &off);
	else
		had = rst_take_words(q, z, false, b, q->ask.order, &off);
	*f = b << ROOST_PAGEBLOCK_ORDER | off;
	return had;
}

/* ---- 1: the current pageblock ------------------------------------------------------------- */

/* RST_NO_BLOCK, too, if it has been set apart or gone to somebody else meanwhile. Racy. */
static rst_block_id current_of(const struct rst_call *q, const struct rst_zone *z)
{
	rst_block_id b = rst_load_rlx(&rst_pcp_of(q, z)->current[q->ask.type]);

	if (b != RST_NO_BLOCK &&
	    rst_load_rlx(&q->r->place[b]) != (rst_own_list(q, z) | RST_CURRENT))
		return RST_NO_BLOCK;
	return b;
}

size_t rst_from_current(struct rst_call *q, struct rst_zone *z, rst_frame_id *out, size_t count)
{
	rst_block_id b = current_of(q, z);
	uint16_t offs[RST_BULK];
	unsigned n;

	if (b == RST_NO_BLOCK)
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

bool rst_visit(struct rst_call *q, struct rst_zone *z, unsigned list, rst_block_id b,
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

/*
 * A block out of a bin, out of pageblock *b. Of the hints that lead to nothing only the first
 * q->hints are cleared, then the bin is left: a pageblock that was freed to the last frame leaves
 * one in each.
 */
bool rst_from_bin(struct rst_call *q, struct rst_zone *z, struct rst_hint_bin in, rst_block_id *b,
		  rst_frame_id *f)
{
	uint32_t left = q->hints;
	enum rst_old_hint then;

	for (uint64_t i = 0; (i = rst_hint_find(&z->partial, in, i)) != RST_NO_HINT; i++) {
		*b = z->first_block + (rst_block_id)i;
		if (rst_visit(q, z, in.list, *b, f))
			return true;
		if (!left--) {
			/* The odd block may fit in one behind these. */
			if (q->hints == RST_ODD_LOOKS - 1 &&
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
void rst_own(const struct rst_call *q, struct rst_zone *z, rst_block_id b)
{
	struct rst_pcp *pcp = rst_pcp_of(q, z);

	RST_ASSERT("own: a CPU owns a pageblock of that zone", rst_is_of_zone(q->r, z, b));
	rst_set_current(q->r, z, pcp, q->ask.type, b);
	if (!rst_load_sc(&pcp->dead))
		return;
	rst_set_current(q->r, z, pcp, q->ask.type, RST_NO_BLOCK);
	/* Still current if another on this CPU has put its own in its place and not left it yet; in
	 * this order, since it may do so in between. */
	if (!rst_move(q->r, z, b, rst_own_list(q, z) | RST_CURRENT, q->ask.type))
		rst_move(q->r, z, b, rst_own_list(q, z), q->ask.type);
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
		   !(place & RST_CURRENT) && rst_is_home_list(rst_own_list(q, z)) &&
			   rst_own_list(q, z) < z->nr_lists);
	if (!rst_move(q->r, z, b, place, rst_own_list(q, z) | RST_CURRENT))
		return false;
	rst_own(q, z, b);
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
void rst_adopt_if_due(const struct rst_call *q, struct rst_zone *z, rst_block_id b)
{
	adopt_or_settle(q, z, b, !q->ask.order || current_of(q, z) == RST_NO_BLOCK);
}

bool rst_from_own(struct rst_call *q, struct rst_zone *z, unsigned low, rst_frame_id *f)
{
	rst_block_id b;

	if (!rst_from_list(q, z, rst_own_list(q, z), low, RST_BINS - 1, &b, f)) {
		if (!rst_from_list(q, z, q->ask.type, low, RST_BINS - 1, &b, f))
			return false;
		RST_COUNT(rst_pcp_of(q, z), alloc_zone, 1);
	}
	rst_adopt_if_due(q, z, b);
	return true;
}

enum {
	HOLE_LOOKS = 4,	  /* at pageblocks of a bin */
	NEARLY_FULL = 16, /* frames that are free beside the block */
};

/* How bad is it to take the block out of this pageblock? By what is free there; very, if it has no
 * hole. 0: there is no block, or not in the list. */
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
	return !runs ? 0 : holes ? free : RST_PAGEBLOCK;
}

/* Of a few pageblocks of a bin the best, or the first that is good. RST_NO_BLOCK: none has a hole,
 * or they are half free, and may soon be whole. Clears old hints. */
static rst_block_id fullest(struct rst_call *q, struct rst_zone *z, struct rst_hint_bin in)
{
	unsigned least = RST_PAGEBLOCK / 2, good = (1u << q->ask.order) + NEARLY_FULL;
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

enum {
	HOLES_ON_END = 8,    /* of a pageblock; then it becomes current */
	HOLES_AT_ONCE = 512, /* then a larger run is broken before the next, soon many */
	MOST_PASSES = 63,
};

/*
 * Counts a hole. A program that takes and frees a few blocks in turns finds each time the holes
 * that it has just freed. So the more holes are filled, the more often the CPU breaks a larger run
 * instead; true. If the program needs memory, and not only the same holes again, the current
 * pageblock has soon nothing more; then the count begins anew.
 */
static bool count_hole(struct rst_pcp *pcp)
{
	uint32_t n = (rst_load_rlx(&pcp->holes) >> 8) + 1;
	uint32_t passes = n < HOLES_AT_ONCE ? 0 : (n - HOLES_AT_ONCE) / 4 + 1;

	if (passes > MOST_PASSES) {
		passes = MOST_PASSES;
		n--;
	}
	rst_store_rlx(&pcp->holes, n << 8 | passes);
	return passes;
}

/* A pageblock of which the CPU fills one hole after the other becomes its current one. Otherwise
 * pairs of calls would look for the hole that they have just freed, until that is seldom done. */
static bool hole_of(struct rst_call *q, struct rst_zone *z, unsigned list, rst_frame_id *f)
{
	struct rst_hint_bin in = {list, rst_bin_of(q->ask.order, true)};
	struct rst_pcp *pcp = rst_pcp_of(q, z);
	rst_block_id b = fullest(q, z, in);
	bool seldom, on_end;

	if (b == RST_NO_BLOCK || !take_in_block(q, z, b, f))
		return false;
	if (list == q->ask.type)
		RST_COUNT(pcp, alloc_zone, 1);
	seldom = count_hole(pcp);
	on_end = filled_on_end(pcp, b) >= HOLES_ON_END;
	adopt_or_settle(q, z, b, !q->ask.order || (on_end && !seldom));
	return true;
}

/*
 * The current pageblock has no hole for the block: one of another pageblock, if hints lead to any.
 * So small blocks fill holes, and pageblocks that are nearly empty become whole. Of single frames
 * only where there are several: to come for each costs too much. What this clears or passes by the
 * rungs below see: nothing is missed.
 */
bool rst_from_holes(struct rst_call *q, struct rst_zone *z, rst_frame_id *f)
{
	bool missed = q->missed, out = q->out, had;
	rst_block_id b;

	b = current_of(q, z);
	if (b == RST_NO_BLOCK ||
	    rst_set_word_with_exact(&q->r->blocks[b], q->ask.order) < RST_SET_WORDS)
		return false;
	had = hole_of(q, z, rst_own_list(q, z), f) || hole_of(q, z, q->ask.type, f);
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
		    !rst_from_list(q, z, list, low, RST_BINS - 1, &b, f))
			continue;
		RST_COUNT(rst_pcp_of(q, z), alloc_other, 1);
		rst_adopt_if_due(q, z, b);
		return true;
	}
	return false;
}

/* Those behind the CPU's own home first: not all CPUs ask the same one first. */
bool rst_from_others(struct rst_call *q, struct rst_zone *z, unsigned low, rst_frame_id *f)
{
	unsigned own = rst_own_list(q, z);

	return from_homes(q, z, low, own + 1, z->nr_lists, f) ||
	       from_homes(q, z, low, RST_FIRST_HOME_LIST, own, f);
}
