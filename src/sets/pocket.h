/* SPDX-License-Identifier: MIT */
/*
 * pocket.h - a few free frames for a CPU, which it takes and puts without an atomic operation.
 *
 *	frames[type]   | 63 ... 32: frame id >> 5 | 31 ... 0: which of these 32 frames |
 *	spare          | 47 ... 40: migratetype | 39 ... 32: order + 1, or 0 | 31 ... 0: frame id |
 *
 * So a CPU holds back at most RST_POCKET_FRAMES: one block of the orders 6 to 9, and for each
 * migratetype at most 32 frames, all out of one half of a word of a pageblock's set. All are of the
 * zone that the CPU allocates from first. Freed blocks of order 9 may go there, and smaller ones
 * only if their pageblock belongs to the CPU's home; all others go home at once.
 *
 *	take	a run of the frames, or the spare
 *
 *	put	into the frames if it is one of these 32; else they go back to the set, and it is
 *		the first of its own 32. Or it becomes the spare, and the one before goes back
 *
 *	fill	when there is nothing to take: all free frames of half a word of the current
 *		pageblock
 *
 *	reap	by anybody: a search that found nothing, a drain, off-lining, isolation
 *
 * Take, put and fill are sequences of the CPU (core/port.h). The place of the pageblock guards what
 * comes in. A reaper sets stop, fences the CPU, and has the words to itself until it clears stop.
 * If it finds stop set, it leaves the words to the other reaper. So when a place has changed, and a
 * reap that began afterwards has ended, no frame of that pageblock is in the pocket, and none can
 * come there. The pocket of an off-line CPU stays stopped.
 *
 * Frames in a pocket count as free. On their way between a pocket and a set they are hidden
 * (hidden.h). A CPU that stops forever hides those that it was moving. If it stops between setting
 * stop and clearing it, it hides the pocket that it was reaping.
 *
 * After the per-CPU magazines of Bonwick and Adams (2001), and tcmalloc's under rseq.
 */
#ifndef RST_POCKET_H
#define RST_POCKET_H

#include "sets/engine.h"

enum {
	RST_POCKET_ORDER = 5, /* of the largest run among the frames */
	RST_SPARE_ORDER = 9,  /* largest of the spare; the smallest is one above that */
	RST_POCKET_FRAMES = RST_TYPES * 32 + 512,
};

static inline uint64_t rst_pocket_word(rst_frame_id f, uint64_t bits)
{
	return (uint64_t)(f >> RST_POCKET_ORDER) << 32 | bits;
}

static inline rst_frame_id rst_pocket_first(uint64_t word)
{
	return (rst_frame_id)(word >> 32 << RST_POCKET_ORDER);
}

/* Blocks of a whole pageblock are of all types. */
static inline uint64_t rst_spare_word(rst_frame_id f, unsigned k, unsigned type)
{
	return (uint64_t)(k + 1) << 32 | (uint64_t)(k == RST_SPARE_ORDER ? 0 : type) << 40 | f;
}

static inline unsigned rst_spare_order(uint64_t word)
{
	return (unsigned)(word >> 32 & 0xff) - 1;
}

/* Racy. */
static inline bool rst_pocket_is_empty(const struct rst_pocket *pocket)
{
	uint64_t all = rst_load_acq(&pocket->spare);

	for (unsigned type = 0; type < RST_TYPES; type++)
		all |= rst_load_acq(&pocket->frames[type]) & UINT32_MAX;
	return !all;
}

/*
 * Takes a block of order k <= 9 for this migratetype. May fail although there is one. The block's
 * pageblock may belong to another CPU by now, which does no harm.
 */
static RST_HOT bool rst_pocket_take(struct rst_pocket *pocket, unsigned cpu, unsigned type,
				    unsigned k, rst_frame_id *f)
{
	bool one = k > RST_POCKET_ORDER;
	struct rst_seq s = {.stop = &pocket->stop,
			    .word = one ? &pocket->spare : &pocket->frames[type]};
	uint64_t runs;

	/* Acquire: the handler or earlier thread of this CPU that put it there has finished with
	 * the frames. */
	s.old = rst_load_acq(s.word);
	if (one) {
		if (s.old >> 32 != rst_spare_word(0, k, type) >> 32)
			return false;
		*f = (rst_frame_id)s.old;
	} else {
		runs = rst_runs(s.old & UINT32_MAX, k);
		if (!runs)
			return false;
		*f = rst_pocket_first(s.old) | (unsigned)__builtin_ctzll(runs);
		s.new = s.old & ~rst_run(*f & 31, k);
	}
	return rst_seq_cas(cpu, s);
}

/* The same for an odd size: only out of the frames. */
static inline bool rst_pocket_take_odd(struct rst_pocket *pocket, unsigned cpu, unsigned type,
				       unsigned n, rst_frame_id *f)
{
	struct rst_seq s = {.stop = &pocket->stop, .word = &pocket->frames[type]};
	uint64_t runs;

	if (n > 32)
		return false;
	s.old = rst_load_acq(s.word); /* as above */
	runs = rst_odd_runs(s.old & UINT32_MAX, n);
	if (!runs)
		return false;
	*f = rst_pocket_first(s.old) | (unsigned)__builtin_ctzll(runs);
	s.new = s.old & ~(RST_FULL >> (64 - n) << (*f & 31));
	return rst_seq_cas(cpu, s);
}

/* Puts a block, these bits of 32 frames from f & ~31 on, into the pocket if that has the same 32.
 */
static RST_HOT bool rst_pocket_add(struct roost *r, struct rst_pocket *pocket, unsigned cpu,
				   rst_frame_id f, uint64_t bits)
{
	struct rst_seq s = {.stop = &pocket->stop, .guard = &r->place[f >> ROOST_PAGEBLOCK_ORDER]};
	unsigned type;

	/* Racy: the sequence compares it again. */
	s.expected = rst_load_rlx(s.guard);
	type = rst_list_of(s.expected) - pocket->first_list;
	if (type >= RST_TYPES)
		return false;
	s.word = &pocket->frames[type];
	s.old = rst_load_acq(s.word);
	s.new = s.old | bits;
	return rst_pocket_first(s.old) == (f & ~31u) && rst_seq_cas_guarded(cpu, s);
}

/*
 * Puts a block of order k <= 9, whose pageblock has this place, into the pocket. What it displaces
 * goes back to its set as a free puts it. False: the block does not belong in this pocket, or
 * something came in between. Then nothing has changed.
 */
static inline bool rst_pocket_put(struct roost *r, struct rst_zone *z, unsigned cpu, rst_frame_id f,
				  unsigned k, unsigned place)
{
	struct rst_pocket *pocket = &z->pockets[cpu];
	unsigned list = rst_list_of(place), type = list - pocket->first_list;
	rst_block_id b = f >> ROOST_PAGEBLOCK_ORDER;

	if (k == RST_SPARE_ORDER ? list != ROOST_LIST_MOVABLE : type >= RST_TYPES)
		return false;
	if (k > RST_POCKET_ORDER)
		return rst_pocket_swap(r, z, cpu, &pocket->spare, rst_spare_word(f, k, type), b,
				       place);
	return rst_pocket_swap(r, z, cpu, &pocket->frames[type],
			       rst_pocket_word(f, rst_run(f & 31, k)), b, place);
}

/* Puts a block of an odd size into the pocket, either way. False: as above. */
static inline bool rst_pocket_put_odd(struct roost *r, struct rst_zone *z, unsigned cpu,
				      rst_frame_id f, unsigned n, unsigned place)
{
	struct rst_pocket *pocket = &z->pockets[cpu];
	unsigned type = rst_list_of(place) - pocket->first_list;
	uint64_t bits;

	if (type >= RST_TYPES || (f & 31) + n > 32)
		return false;
	bits = RST_FULL >> (64 - n) << (f & 31);
	return rst_pocket_add(r, pocket, cpu, f, bits) ||
	       rst_pocket_swap(r, z, cpu, &pocket->frames[type], rst_pocket_word(f, bits),
			       f >> ROOST_PAGEBLOCK_ORDER, place);
}

/* The CPU's first zone, if a request may take from there without more ado. */
static RST_HOT struct rst_zone *rst_fast_zone(const struct roost *r, unsigned cpu, unsigned flags)
{
	unsigned either = flags & ROOST_WAIT ? ROOST_WAIT : ROOST_ONCE; /* both: misuse */
	unsigned known =
		ROOST_MIGRATETYPE_MASK | ROOST_RESERVE | ROOST_NOSTEAL | ROOST_ATOMIC | either;
	unsigned first = r->base.cpu_zone[cpu];
	struct rst_zone *z = &r->zones[first];

	return !(flags & ~known) && (flags & ROOST_MIGRATETYPE_MASK) < RST_TYPES && first != 0xff &&
			       !rst_reserve_is_short(z) &&
			       (r->base.nr_zones == 1 || !rst_load_rlx(&z->below_low))
		       ? z
		       : NULL;
}

#endif
