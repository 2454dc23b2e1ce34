/* SPDX-License-Identifier: MIT */
/*
 * validate.c - one read-only walk over the invariants of engine.h.
 *
 * Frame by frame: it is free, or in an allocated block, or no memory, and never two of these. Then
 * pageblock by pageblock and region by region: what is free is noted where searches look for it.
 * Then the sums.
 */
#include "sets/hidden.h"
#include "sets/pocket.h"

/* A number of frames, with a sum that identifies them: other frames hardly have the same sum. */
struct bag {
	uint64_t frames, sum;
};

struct walk {
	const struct roost *r;
	const struct rst_zone *z;
	struct rst_walk note;
	uint64_t allocated, free, reserve, isolated, atomic, usable;
	struct bag pocketed; /* frames in pockets */
	struct bag hidden;   /* frames that are neither allocated nor in a set: must be the same */
	rst_block_id block;  /* the last one that was looked at, and whether it is whole */
	bool whole;
};

static bool fail(struct walk *w, const char *invariant, roost_pfn pfn, uint64_t expected,
		 uint64_t found)
{
	return rst_violated(&w->note, invariant, (int)w->z->desc.id, pfn, expected, found);
}

static bool equal(struct walk *w, const char *invariant, uint64_t expected, uint64_t found)
{
	return expected == found || fail(w, invariant, ROOST_NONE, expected, found);
}

/* ---- Frames -------------------------------------------------------------------------------- */

static bool is_free(struct walk *w, rst_frame_id f)
{
	rst_block_id b = f >> ROOST_PAGEBLOCK_ORDER;

	if (w->block != b) {
		w->block = b;
		w->whole = rst_is_whole(w->r, b);
	}
	return w->whole || rst_set_has(&w->r->blocks[b], f % RST_PAGEBLOCK);
}

/* Moves *f to the next pageblock if that of it is absent. */
static bool is_absent(const struct walk *w, rst_frame_id *f)
{
	if (rst_is_present(&w->r->base, *f >> ROOST_PAGEBLOCK_ORDER))
		return false;
	*f = ((*f >> ROOST_PAGEBLOCK_ORDER) + 1) << ROOST_PAGEBLOCK_ORDER;
	return true;
}

static void put_in_bag(struct bag *bag, rst_frame_id f)
{
	uint64_t mixed = (f + 1) * 0x9e3779b97f4a7c15;

	bag->frames++;
	bag->sum += mixed ^ mixed >> 29;
}

static bool check_allocated(struct walk *w, const struct rst_span *span, rst_frame_id f,
			    struct rst_size size)
{
	roost_pfn pfn = rst_pfn_of(span, f);

	if (size.order > w->r->base.max_order || pfn & (rst_alignment(size) - 1) ||
	    pfn + size.frames > span->end)
		return fail(w, "an allocated block is aligned and lies in its zone's range", pfn,
			    w->r->base.max_order, size.order);
	for (uint32_t i = 0; i < size.frames; i++) {
		unsigned om = rst_load_rlx(&w->r->om[f + i]);

		if (is_free(w, f + i))
			return fail(w, "no frame of an allocated block is free", pfn + i, 0, 1);
		if (i && (rst_om_order(om) >= 0 || om == RST_OM_HOLE))
			return fail(w, "no block begins inside of another", pfn + i, 0, om);
	}
	w->allocated += size.frames;
	return true;
}

/* Checks one frame or one allocated block, and moves *f past it. */
static bool check_frame(struct walk *w, const struct rst_span *span, rst_frame_id *f)
{
	unsigned om = rst_load_rlx(&w->r->om[*f]);
	rst_frame_id at = *f;
	struct rst_size size = rst_om_block(om);

	*f += size.frames ? size.frames : 1;
	if (size.frames)
		return check_allocated(w, span, at, size);
	if (om == RST_OM_HOLE)
		return !is_free(w, at) ||
		       fail(w, "no frame of a hole is free", rst_pfn_of(span, at), 0, 1);
	if (om != RST_OM_NEVER && om != RST_OM_FREED)
		return fail(w, "what is recorded of a frame exists", rst_pfn_of(span, at), 0, om);
	w->free++;
	if (!is_free(w, at))
		put_in_bag(&w->hidden, at);
	return true;
}

/* ---- Pockets ------------------------------------------------------------------------------- */

/* Adds up frames of a pocket, from f on. */
static bool check_pocketed(struct walk *w, rst_frame_id f, uint32_t n)
{
	for (; n--; f++) {
		if (f / RST_PAGEBLOCK >= w->r->nr_blocks || is_free(w, f))
			return fail(w, "each frame is allocated or free in one place",
				    rst_pfn_of(rst_span_of(&w->r->base.map, f), f), 0, 1);
		put_in_bag(&w->pocketed, f);
	}
	return true;
}

static bool check_pocket(struct walk *w, const struct rst_pocket *pocket)
{
	uint64_t spare = rst_load_rlx(&pocket->spare);

	for (unsigned type = 0; type < RST_TYPES; type++) {
		uint64_t word = rst_load_rlx(&pocket->frames[type]);

		for (uint64_t left = word & UINT32_MAX; left; left &= left - 1)
			if (!check_pocketed(
				    w, rst_pocket_first(word) | (unsigned)__builtin_ctzll(left), 1))
				return false;
	}
	if (!spare)
		return true;
	/* Checked first: a shift by what is not an order is undefined. */
	if (rst_spare_order(spare) > RST_SPARE_ORDER)
		return fail(w, "each frame is allocated or free in one place", ROOST_NONE,
			    RST_SPARE_ORDER, rst_spare_order(spare));
	return check_pocketed(w, (rst_frame_id)spare, 1u << rst_spare_order(spare));
}

/* Finds the first frame that is nowhere, for the report. It looks into all pockets for each
 * frame. */
static bool fail_at_lost(struct walk *w)
{
	for (uint32_t s = 0; s < w->r->base.map.nr; s++) {
		const struct rst_span *span = &w->r->base.map.spans[s];
		rst_frame_id f = rst_frame_of(span, span->start), head;

		while (w->r->base.map.spans[s].zone == w->z->desc.id &&
		       f <= rst_frame_of(span, span->end - 1)) {
			unsigned om;
			uint32_t frames;

			if (is_absent(w, &f))
				continue;
			om = rst_load_rlx(&w->r->om[f]);
			frames = rst_om_block(om).frames;
			if (!frames && om != RST_OM_HOLE && !is_free(w, f) &&
			    rst_pocket_order(w->r, w->z, f, &head) < 0)
				return fail(w, "each frame is allocated or free in one place",
					    rst_pfn_of(span, f), 1, 0);
			f += frames ? frames : 1;
		}
	}
	return fail(w, "the frames in pockets are free", ROOST_NONE, w->hidden.frames,
		    w->pocketed.frames);
}

/* After the frames. Goes over the pockets once: looking into all of them for each frame would be
 * quadratic. */
static bool check_pockets(struct walk *w)
{
	for (unsigned cpu = 0; cpu < w->r->base.nr_cpus; cpu++)
		if (!check_pocket(w, &w->z->pockets[cpu]))
			return false;
	return (w->pocketed.frames == w->hidden.frames && w->pocketed.sum == w->hidden.sum) ||
	       fail_at_lost(w);
}

/* ---- Pageblocks and regions ---------------------------------------------------------------- */

static bool is_noted(const struct rst_hint *hint, struct rst_hint_bin in, uint64_t i)
{
	for (unsigned level = 0; level < hint->nr_levels; level++, i >>= 6)
		if (!(rst_load_rlx(rst_hint_word(hint, in, level, i >> 6)) >> (i & 63) & 1))
			return false;
	return rst_hint_bins(hint, in.list) >> in.bin & 1;
}

static bool check_noted(struct walk *w, unsigned list, rst_block_id b, roost_pfn pfn)
{
	int order = rst_set_largest(&w->r->blocks[b]);
	unsigned bin;

	if (order < 0)
		return true;
	bin = rst_bin_of((unsigned)order, rst_set_dense(&w->r->blocks[b]));
	for (unsigned i = bin; i < RST_BINS; i++)
		if (is_noted(&w->z->partial, (struct rst_hint_bin){list, i}, b - w->z->first_block))
			return true;
	return fail(w, "a pageblock with free frames is noted in its list", pfn, bin, RST_BINS);
}

static bool check_pageblock(struct walk *w, const struct rst_span *span, rst_block_id b)
{
	unsigned list = rst_list_of(rst_load_rlx(&w->r->place[b]));
	unsigned frames = rst_set_count(&w->r->blocks[b]);
	roost_pfn pfn = rst_pfn_of(span, b << ROOST_PAGEBLOCK_ORDER);

	if (!rst_is_present(&w->r->base, b))
		return !frames && list == ROOST_LIST_MOVABLE && !rst_is_whole(w->r, b)
			       ? true
			       : fail(w,
				      "nothing of an absent pageblock is free, and it is nobody's",
				      pfn, 0, frames);
	if (list >= w->z->nr_lists)
		return fail(w, "a pageblock's list exists", pfn, w->z->nr_lists - 1, list);
	if (rst_is_home_list(list) && !rst_home_is_used(w->r, w->z, (unsigned)rst_home_of(list)))
		return fail(w, "no pageblock is owned by an off-line CPU", pfn, 0, list);
	if (rst_is_whole(w->r, b) && (frames || list != ROOST_LIST_MOVABLE))
		return fail(w, "the set of a whole pageblock is empty, and it has no owner", pfn, 0,
			    frames);
	if (list == ROOST_LIST_RESERVE)
		w->reserve += frames;
	w->isolated += list == ROOST_LIST_ISOLATE;
	w->atomic += list == ROOST_LIST_ATOMIC;
	return check_noted(w, list, b, pfn);
}

/* The pageblocks of a region that taint it. */
static uint32_t taints_of(const struct walk *w, rst_region_id g)
{
	const struct roost *r = w->r;
	const struct rst_span *span = &r->base.map.spans[r->region_span[g]];
	rst_block_id first = rst_frame_of(span, span->start) >> ROOST_PAGEBLOCK_ORDER;
	rst_block_id last = rst_frame_of(span, span->end - 1) >> ROOST_PAGEBLOCK_ORDER;
	uint32_t n = 0;

	for (unsigned bit = 0; bit < RST_REGION; bit++) {
		rst_block_id b = rst_block_at(r, g, bit);

		/* A region may begin and end beyond its span. */
		n += b >= first && b <= last && rst_is_present(&r->base, b) &&
		     rst_taints(rst_load_rlx(&r->place[b]));
	}
	return n;
}

static bool check_region(struct walk *w, rst_region_id g)
{
	int order = rst_set_largest(&w->r->regions[g]);
	uint64_t index = g - w->z->first_region;

	if (!equal(w, "a region's count of pageblocks that do not move is right", taints_of(w, g),
		   rst_load_rlx(&w->r->taints[g])))
		return false;
	w->usable += rst_set_count(&w->r->regions[g]);
	for (int i = order; i <= RST_SET_ORDER; i++)
		if (order < 0 ||
		    is_noted(&w->z->whole, (struct rst_hint_bin){RST_CLEAN, (unsigned)i}, index) ||
		    is_noted(&w->z->whole, (struct rst_hint_bin){RST_TAINTED, (unsigned)i}, index))
			return true;
	return fail(w, "a region with whole pageblocks is noted", ROOST_NONE, (uint64_t)order, g);
}

/* ---- Zones --------------------------------------------------------------------------------- */

static bool check_span(struct walk *w, const struct rst_span *span)
{
	rst_frame_id f = rst_frame_of(span, span->start), end = rst_frame_of(span, span->end - 1);

	for (rst_block_id b = f >> ROOST_PAGEBLOCK_ORDER; b <= end >> ROOST_PAGEBLOCK_ORDER; b++)
		if (!check_pageblock(w, span, b))
			return false;
	while (f <= end) {
		if (f % RST_PAGEBLOCK == 0)
			RST_YIELD();
		if (is_absent(w, &f))
			continue;
		if (!check_frame(w, span, &f))
			return false;
	}
	return true;
}

static bool check_zone(struct walk *w)
{
	const struct rst_zone *z = w->z;

	for (uint32_t s = 0; s < w->r->base.map.nr; s++)
		if (w->r->base.map.spans[s].zone == z->desc.id &&
		    !check_span(w, &w->r->base.map.spans[s]))
			return false;
	for (rst_region_id g = z->first_region; g < z->end_region; g++)
		if (rst_has_region(w->r, z, g) && !check_region(w, g))
			return false;
	return check_pockets(w) &&
	       equal(w, "no context is moving frames", rst_sections(w->r, z, true),
		     rst_sections(w->r, z, false)) &&
	       equal(w, "the zone's count of whole pageblocks is right", w->usable,
		     rst_load_rlx(&z->nr_whole)) &&
	       equal(w, "the zone's count of the reserve is right", w->reserve,
		     (uint64_t)rst_load_rlx(&z->reserve_free)) &&
	       equal(w, "the zone's count of isolated pageblocks is right", w->isolated,
		     rst_isolated(z)) &&
	       equal(w, "the zone's count of pageblocks kept for high orders is right", w->atomic,
		     rst_load_rlx(&z->nr_atomic)) &&
	       equal(w, "the counters know what is free", w->free, rst_zone_free_frames(w->r, z)) &&
	       equal(w, "every frame is in exactly one place", rst_zone_managed(&z->desc),
		     w->allocated + w->free) &&
	       equal(w, "no change of what is present is under way", RST_HOTPLUG_IDLE,
		     rst_load_rlx(&w->r->base.hotplug.state));
}

int roost_validate(const roost_t *roost, struct roost_violation *violation)
{
	for (unsigned i = 0; i < roost->base.nr_zones; i++) {
		struct walk w = {.r = roost,
				 .z = &roost->zones[i],
				 .note.out = violation,
				 .block = RST_NO_BLOCK};

		if (!check_zone(&w))
			return -ROOST_EUCLEAN;
	}
	return 0;
}
