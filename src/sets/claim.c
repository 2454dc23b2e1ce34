/* SPDX-License-Identifier: MIT */
/*
 * claim.c - rung 3 of zone.c, and orders 9 and above: whole pageblocks, out of the sets of regions.
 */
#include "sets/rungs.h"

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
	unsigned to = dead ? q->ask.type : rst_own_list(q, z) | RST_CURRENT;

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
		rst_own(q, z, b);
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

	rst_leave_some(q);
	if ((first == RST_TAINTED && claim_emptiest(q, z, f)) || claim_from(q, z, !first, &none, f))
		return true;
	return passed && rst_leave_some(q) && claim_from(q, z, first, &none, f);
}

bool rst_claim_whole(struct rst_call *q, struct rst_zone *z, rst_frame_id *f)
{
	unsigned first = first_list(q), looks = LOOKS;

	return (claim_from(q, z, first, &looks, f) || claim_second(q, z, first, looks < LOOKS, f));
}

/* ---- Orders 9 and above ------------------------------------------------------------------- */

static bool take_in_region(struct rst_call *q, struct rst_zone *z, rst_region_id g, unsigned k,
			   unsigned *bit)
{
	return k <= RST_WORD_ORDER ? rst_set_take(&q->r->regions[g], k, bit)
				   : rst_take_words(q, z, true, g, k, bit);
}

bool rst_from_regions(struct rst_call *q, struct rst_zone *z, rst_frame_id *f)
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
	} while (list != first_list(q) && rst_leave_some(q));
	return false;
}
