/* SPDX-License-Identifier: MIT */
/*
 * rungs.h - what the rungs of zone.c have from partial.c and claim.c. Each takes a block out of the
 * zone, as the call asks: true and *f, or false.
 */
#ifndef RST_RUNGS_H
#define RST_RUNGS_H

#include "sets/hidden.h"

static inline unsigned rst_own_list(const struct rst_call *q, const struct rst_zone *z)
{
	return rst_home_list(rst_pcp_of(q, z)->home, q->ask.type);
}

/* A brief call has some old hints left for each zone, and for each list of its regions. */
static inline bool rst_leave_some(struct rst_call *q)
{
	if (q->cleared >= RST_BRIEF_HINTS)
		q->cleared = RST_BRIEF_HINTS - 1;
	if (q->passed > RST_BRIEF_PASSES / 2)
		q->passed = RST_BRIEF_PASSES / 2;
	return true;
}

/* Is a hole better for the call than any run? A CPU without a pocket would look for one with each
 * call. */
static inline bool rst_is_for_holes(const struct rst_call *q)
{
	return q->here.seq != RST_NO_CPU && q->ask.order < RST_HOLE_ORDERS &&
	       !rst_is_odd(rst_asked(q));
}

static inline bool rst_may_fill(const struct rst_call *q, const struct rst_zone *z)
{
	return rst_is_for_holes(q) && rst_wants_hole(z, rst_own_list(q, z), q->ask.order);
}

/* ---- partial.c ---------------------------------------------------------------------------- */

/* Takes a run of order k > 6 out of a pageblock or region, and settles it if that disturbed it. */
bool rst_take_words(struct rst_call *q, struct rst_zone *z, bool region, uint32_t id, unsigned k,
		    unsigned *off);

/* Is the pageblock that a hint of the list names in that list, and has it a block? Racy: the caller
 * clears the hint, and renews it if it was not old. */
bool rst_visit(struct rst_call *q, struct rst_zone *z, unsigned list, rst_block_id b,
	       rst_frame_id *f);

enum { RST_ODD_LOOKS = 16 }; /* at pageblocks of a bin in which an odd block need not fit */

/* A block out of a bin, out of pageblock *b, which the caller then settles or adopts. */
bool rst_from_bin(struct rst_call *q, struct rst_zone *z, struct rst_hint_bin in, rst_block_id *b,
		  rst_frame_id *f);

/* The same out of a list, bins [low, high]. */
static inline bool rst_from_list(struct rst_call *q, struct rst_zone *z, unsigned list,
				 unsigned low, unsigned high, rst_block_id *b, rst_frame_id *f)
{
	/* Anew for each bin: what a demotion found may lie in a higher one. */
	for (unsigned bins; low <= high && (bins = rst_hint_bins(&z->partial, list) >> low);
	     low++) {
		low += (unsigned)__builtin_ctz(bins);
		if (low <= high && rst_from_bin(q, z, (struct rst_hint_bin){list, low}, b, f))
			return true;
	}
	return false;
}

/* Rung 1: up to count blocks out of the CPU's current pageblock; returns how many. */
size_t rst_from_current(struct rst_call *q, struct rst_zone *z, rst_frame_id *out, size_t count);

/* If rst_may_fill(), before a larger run of that is broken: a hole of another pageblock. */
bool rst_from_holes(struct rst_call *q, struct rst_zone *z, rst_frame_id *f);

/* Rungs 2 and 4: pageblocks of the CPU's home and of the zone, and of other homes, with a run in
 * this bin or a higher one. Rung 5 is the same from a lower bin on. */
bool rst_from_own(struct rst_call *q, struct rst_zone *z, unsigned low, rst_frame_id *f);
bool rst_from_others(struct rst_call *q, struct rst_zone *z, unsigned low, rst_frame_id *f);

/* Makes a pageblock, whose place says already that it is the CPU's current one, just that. */
void rst_own(const struct rst_call *q, struct rst_zone *z, rst_block_id b);

/* A block was taken out of the pageblock: it becomes the CPU's current one, or is settled. */
void rst_adopt_if_due(const struct rst_call *q, struct rst_zone *z, rst_block_id b);

/* ---- claim.c ------------------------------------------------------------------------------ */

/* Rung 3, if rst_whole_bins(): the first frames of a whole pageblock, which becomes current. */
bool rst_claim_whole(struct rst_call *q, struct rst_zone *z, rst_frame_id *f);

/* Order 9 and above: as many whole pageblocks. */
bool rst_from_regions(struct rst_call *q, struct rst_zone *z, rst_frame_id *f);

#endif
