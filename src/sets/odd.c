/* SPDX-License-Identifier: MIT */
/*
 * odd.c - blocks that are no power of two: 5, 6 or 7 eighths of one (core/size.h).
 *
 * Such a block is a mask of bits like any other, which begins at a multiple of the largest power of
 * two that divides its size. The search is the one of its order, the next power of two, with
 * another mask (partial.c); om[] has one byte that says both (rst_om_of()). So what remains of the
 * power of two was never taken, and nobody has to give it back or to note it. A block of several
 * pageblocks is the exception: it is the power of two, whose rest is put back at once.
 *
 * Probes show such a block as the largest aligned blocks that it is made of.
 */
#include "sets/pocket.h"

static bool hand_out_odd(struct roost *r, rst_frame_id f, struct rst_size size, roost_pfn *pfn)
{
	if (rst_is_unfit(r, "roost_alloc_n", f, size))
		return false;
	/* Relaxed: as in rst_enter(). */
	rst_store_rlx(&r->om[f], (uint8_t)rst_om_of(size));
	*pfn = rst_pfn_of(rst_span_of(&r->base.map, f), f);
	for (roost_pfn at = *pfn, end = at + size.frames; at < end;) {
		unsigned order = rst_piece(at, end);

		RST_PROBE2(alloc, at, order);
		at += (roost_pfn)1 << order;
	}
	return true;
}

/* Out of the CPU's current pageblock, from one word of its set. */
static bool odd_from_current(struct roost *r, const struct rst_pcp *pcp, unsigned type,
			     struct rst_size size, rst_frame_id *f)
{
	rst_block_id b = rst_load_rlx(&pcp->current[type]);
	unsigned off;

	/* Racy: see rst_from_current() in partial.c. */
	if (size.frames > 64 || b == RST_NO_BLOCK ||
	    rst_load_rlx(&r->place[b]) != (rst_home_list(pcp->home, type) | RST_CURRENT) ||
	    !rst_set_take_odd(&r->blocks[b], size.frames, &off))
		return false;
	*f = b << ROOST_PAGEBLOCK_ORDER | off;
	return true;
}

/* As alloc.c does for orders: out of the pocket, or the current pageblock. */
static bool take_here(struct roost *r, struct rst_size size, unsigned flags, rst_frame_id *f)
{
	struct rst_here here = rst_here(r);
	struct rst_zone *z = rst_fast_zone(r, here.cpu, flags);
	unsigned type = flags & ROOST_MIGRATETYPE_MASK;

	if (!z || ((here.seq == RST_NO_CPU ||
		    !rst_pocket_take_odd(&z->pockets[here.cpu], here.seq, type, size.frames, f)) &&
		   !odd_from_current(r, &z->pcps[here.cpu], type, size, f)))
		return false;
	RST_COUNT_SIZE(z, here, allocated, size, 1);
	return true;
}

static RST_COLD roost_pfn search_odd(struct roost *roost, uint64_t n, unsigned flags)
{
	struct rst_size size = rst_size_of(n);
	struct rst_call q = {0};
	rst_frame_id f;
	roost_pfn pfn;

	if (!rst_call_read(&q, roost, "roost_alloc_n", n ? size.order : UINT32_MAX, flags))
		return ROOST_NONE;
	q.ask.frames = size.frames;
	do {
		if (!rst_alloc_one(&q, &f))
			return ROOST_NONE;
	} while (!hand_out_odd(roost, f, size, &pfn));
	return pfn;
}

/* A function of its own, as alloc_current() in alloc.c. */
static __attribute__((noinline)) roost_pfn alloc_here(struct roost *roost, struct rst_size size,
						      unsigned flags)
{
	rst_frame_id f;
	roost_pfn pfn;

	return take_here(roost, size, flags, &f) && hand_out_odd(roost, f, size, &pfn) ? pfn
										       : ROOST_NONE;
}

roost_pfn roost_alloc_n(roost_t *roost, uint64_t n, unsigned flags)
{
	struct rst_size size = rst_size_of(n);
	roost_pfn pfn = ROOST_NONE;

	if (n && !rst_is_odd(size))
		return roost_alloc(roost, size.order, flags);
	if (n && size.order <= roost->base.max_order)
		pfn = alloc_here(roost, size, flags);
	return pfn != ROOST_NONE ? pfn : search_odd(roost, n, flags);
}

void roost_free_n(roost_t *roost, roost_pfn pfn, uint64_t n)
{
	struct rst_size size = rst_size_of(n);
	const struct rst_span *span;
	struct rst_here here;
	struct rst_zone *z;
	rst_frame_id f;
	unsigned place;

	if (!rst_claim(roost, "roost_free_n", pfn, n, RST_OM_FREED, &f, &span))
		return;
	for (roost_pfn at = pfn, end = pfn + size.frames; at < end;) {
		unsigned order = rst_piece(at, end);

		RST_PROBE2(free, at, order);
		at += (roost_pfn)1 << order;
	}
	here = rst_here(roost);
	z = &roost->zones[span->zone];
	place = rst_load_rlx(&roost->place[f >> ROOST_PAGEBLOCK_ORDER]);
	RST_COUNT_SIZE(z, here, freed, size, 1); /* before the put, as each free */
	if (!rst_is_odd(size)) {
		rst_free_counted(roost, z, here, f, size.order);
		return;
	}
	if (here.seq != RST_NO_CPU && z->desc.id == roost->base.cpu_zone[here.cpu] &&
	    rst_pocket_put_odd(roost, z, here.seq, f, size.frames, place))
		return;
	rst_count_remote(z, here, size.order - 1, place);
	rst_put_frames(roost, z, f, size.frames);
}

uint64_t roost_frames(const roost_t *roost, roost_pfn pfn)
{
	const struct rst_span *span = rst_span_of_pfn(&roost->base.map, pfn);
	unsigned om = span ? rst_load_rlx(&roost->om[rst_frame_of(span, pfn)]) : RST_OM_NEVER;

	return rst_om_is_allocated(om) ? rst_om_size(om).frames : 0;
}
