/* SPDX-License-Identifier: MIT */
/*
 * range.c - frames by address: exactly these, all or none, whichever list their pageblocks are in.
 *
 * A range is cut at pageblocks into parts. Each is taken by itself: a pageblock's bit out of its
 * region, whose other frames go into its set; or words out of its set. A part that is not all free
 * ends it, and what was taken before is put back as frees put it. Meanwhile the frames are in
 * nobody's reach, so it is a section in which free frames are hidden (hidden.h). It begins when all
 * parts looked free the moment before. What CPUs have in their pockets is reaped, if frames are
 * missing that nobody has allocated.
 *
 * No list need be searched, and no hint be cleared: those that lead to what is gone are old, as
 * after any other take.
 */
#include "core/held.h"
#include "sets/hidden.h"
#include "sets/pocket.h"

/* Frames [low, high) of a pageblock. */
struct part {
	rst_block_id b;
	unsigned low, high;
};

struct frame_range {
	struct roost *r;
	struct rst_zone *z;
	const struct rst_span *span;
	struct rst_extent extent;
	rst_frame_id first, last;		 /* the frames of its ends */
	const struct rst_hotplug_range *removed; /* it goes off-line; NULL: it is handed out */
};

/* ---- A part -------------------------------------------------------------------------------- */

/* The part that begins at f and ends with its pageblock or before. */
static struct part part_at(const struct frame_range *range, rst_frame_id f)
{
	struct part p = {f >> ROOST_PAGEBLOCK_ORDER, f % RST_PAGEBLOCK, RST_PAGEBLOCK};

	if (p.b == range->last >> ROOST_PAGEBLOCK_ORDER)
		p.high = range->last % RST_PAGEBLOCK + 1;
	return p;
}

static bool is_all_of_it(const struct part *p)
{
	return p->high - p->low == RST_PAGEBLOCK;
}

/* Its bits of one word. */
static uint64_t bits_of(const struct part *p, unsigned word)
{
	return rst_bits_of(p->low, p->high, word);
}

/* What an open pageblock has beside the part, or what a part has, into the set. */
static void put_bits(struct roost *r, const struct part *p, unsigned words, bool outside)
{
	for (unsigned i = 0; i < words; i++) {
		uint64_t bits = outside ? ~bits_of(p, i) : bits_of(p, i);

		if (bits)
			rst_set_put_bits(&r->blocks[p->b].word[i], bits);
	}
}

/* Out of its region, if it is whole there. */
static bool take_whole(struct roost *r, struct rst_zone *z, const struct part *p)
{
	unsigned bit;
	rst_region_id g = rst_region_of(r, p->b, &bit);

	if (!rst_set_take_at(&r->regions[g], bit))
		return false;
	RST_ASSERT_WALK("range: nothing is in the set of a whole pageblock",
			!rst_set_count(&r->blocks[p->b]));
	rst_add_rlx(&z->nr_whole, (uint64_t)-1);
	rst_settle_emptied(r, z, g);
	if (!is_all_of_it(p)) {
		put_bits(r, p, RST_SET_WORDS, true);
		rst_settle(r, z, p->b);
	}
	return true;
}

/* Out of its set. What is full leaves its home: it will be freed as what was whole. */
static bool take_bits(struct roost *r, struct rst_zone *z, const struct part *p)
{
	unsigned words = 0;

	while (words < RST_SET_WORDS &&
	       (!bits_of(p, words) ||
		rst_set_take_bits(&r->blocks[p->b].word[words], bits_of(p, words))))
		words++;
	if (words == RST_SET_WORDS && (!is_all_of_it(p) || rst_disown(r, p->b))) {
		if (rst_load_rlx(&r->place[p->b]) == ROOST_LIST_RESERVE)
			rst_add_rlx(&z->reserve_free, -(int64_t)(p->high - p->low));
		return true;
	}
	put_bits(r, p, words, false);
	rst_settle(r, z, p->b); /* others may have looked meanwhile */
	return false;
}

enum { PART_TRIES = 2 }; /* others may open it, or make it whole, in between */

static bool take_part(struct roost *r, struct rst_zone *z, const struct part *p)
{
	for (unsigned i = 0; i < PART_TRIES; i++)
		if (take_whole(r, z, p) || take_bits(r, z, p))
			return true;
	return false;
}

static void put_part(struct roost *r, struct rst_zone *z, const struct part *p)
{
	if (is_all_of_it(p)) {
		rst_put(r, z, p->b << ROOST_PAGEBLOCK_ORDER, RST_SET_ORDER);
		return;
	}
	put_bits(r, p, RST_SET_WORDS, false);
	if (rst_load_rlx(&r->place[p->b]) == ROOST_LIST_RESERVE)
		rst_add_rlx(&z->reserve_free, (int64_t)(p->high - p->low));
	rst_settle(r, z, p->b);
}

/* The first of its frames that is not free, or RST_NO_FRAME. Racy: a part that goes from the set to
 * the region or back may seem not to be. */
static rst_frame_id missing_of(const struct roost *r, const struct part *p)
{
	if (rst_is_whole(r, p->b))
		return RST_NO_FRAME;
	for (unsigned i = 0; i < RST_SET_WORDS; i++) {
		uint64_t bits = bits_of(p, i) & ~rst_load_acq(&r->blocks[p->b].word[i]);

		if (bits)
			return (p->b << ROOST_PAGEBLOCK_ORDER) + i * 64 +
			       (unsigned)__builtin_ctzll(bits);
	}
	return RST_NO_FRAME;
}

/* ---- All parts ----------------------------------------------------------------------------- */

static rst_frame_id behind(const struct part *p)
{
	return (p->b << ROOST_PAGEBLOCK_ORDER) + p->high;
}

static rst_frame_id missing_in(const struct frame_range *range)
{
	for (rst_frame_id f = range->first; f <= range->last;) {
		struct part p = part_at(range, f);
		rst_frame_id missing = missing_of(range->r, &p);

		if (missing != RST_NO_FRAME)
			return missing;
		f = behind(&p);
	}
	return RST_NO_FRAME;
}

/* What was taken before frame end. */
static void put_parts(const struct frame_range *range, rst_frame_id end)
{
	for (rst_frame_id f = range->first; f < end;) {
		struct part p = part_at(range, f);

		put_part(range->r, range->z, &p);
		f = behind(&p);
	}
}

static bool take_parts(const struct frame_range *range)
{
	for (rst_frame_id f = range->first; f <= range->last;) {
		struct part p = part_at(range, f);

		if (!take_part(range->r, range->z, &p)) {
			put_parts(range, f);
			return false;
		}
		f = behind(&p);
	}
	return true;
}

/* ---- Blocks -------------------------------------------------------------------------------- */

/* The next of the largest aligned blocks that a range is made of; *pfn moves behind it. */
static rst_frame_id next_block(const struct frame_range *range, roost_pfn *pfn, unsigned *order)
{
	rst_frame_id f = rst_frame_of(range->span, *pfn);

	*order = rst_chunk_order(&range->extent, *pfn, range->r->base.max_order);
	*pfn += (roost_pfn)1 << *order;
	return f;
}

/* Is any block that was taken, and counted, unfit? That one stays with its holder. */
static bool is_any_unfit(const struct frame_range *range, const char *call)
{
	unsigned order;
	bool any = false;

	for (roost_pfn pfn = range->extent.start; pfn < range->extent.end;) {
		rst_frame_id f = next_block(range, &pfn, &order);

		any |= rst_is_unfit(range->r, call, f, rst_size_of_order(order));
	}
	return any;
}

/* Counted before the records: a free of what these say must find it counted. */
static void count_range(const struct frame_range *range, const struct rst_call *q)
{
	uint64_t n[RST_ORDERS] = {0}, blocks = 0;
	unsigned order;

	for (roost_pfn pfn = range->extent.start; pfn < range->extent.end; blocks++) {
		next_block(range, &pfn, &order);
		n[order]++;
	}
	for (order = 0; order < RST_ORDERS; order++)
		if (n[order])
			RST_COUNT_BLOCKS(range->z, q->here, allocated, order, n[order]);
	RST_COUNT(rst_pcp_of(q, range->z), alloc_zone, blocks);
}

/* False: a double free that no check could see has made some of it free. The rest is put back. */
static bool hand_out_range(const struct frame_range *range)
{
	struct rst_call q = {.r = range->r, .here = rst_here(range->r)};
	bool unfit;
	unsigned order;

	q.ask.cpu = q.here.cpu;
	count_range(range, &q);
	unfit = is_any_unfit(range, "roost_take_range");
	for (roost_pfn pfn = range->extent.start; pfn < range->extent.end;) {
		rst_frame_id f = next_block(range, &pfn, &order);

		if (!unfit) {
			rst_enter(range->r, f, order);
		} else if (!rst_is_unfit(range->r, NULL, f, rst_size_of_order(order))) {
			RST_COUNT_BLOCKS(range->z, q.here, freed, order, 1);
			rst_put(range->r, range->z, f, order);
		}
	}
	rst_check_pressure(&q, range->z);
	return !unfit;
}

/* ---- Memory that goes ---------------------------------------------------------------------- */

/* As rst_disown(), and of pageblocks with odd ends. */
static bool disown_parts(const struct frame_range *range)
{
	for (rst_block_id b = range->removed->first; b <= range->removed->last; b++)
		if (!rst_disown(range->r, b))
			return false;
	return true;
}

/* It is gone, so it is isolated no longer. Nothing is free there, so there is nothing to note. */
static void unset_apart(struct roost *r, struct rst_zone *z, rst_block_id b)
{
	uint16_t place = ROOST_LIST_ISOLATE;

	if (rst_load_sc(&r->place[b]) == place &&
	    rst_cas16_sc(&r->place[b], &place, ROOST_LIST_MOVABLE))
		rst_add_sc(&z->apart, (uint64_t)-1);
}

/* All of it is in the caller's hands, and stays there. Others that still have one of its pageblocks
 * in mind find nothing free in it. */
static bool go_off_line(const struct frame_range *range)
{
	if (is_any_unfit(range, NULL) || !disown_parts(range)) {
		put_parts(range, range->last + 1);
		return false;
	}
	rst_hotplug_commit(&range->r->base, &range->z->desc, range->removed, RST_HOTPLUG_REMOVE);
	/* After the commit: see roost_isolate(). */
	for (rst_block_id b = range->removed->first; b <= range->removed->last; b++)
		unset_apart(range->r, range->z, b);
	return true;
}

/* ---- Interface ----------------------------------------------------------------------------- */

enum { RANGE_TRIES = 4 };

/* All frames looked free. */
static bool take(const struct frame_range *range)
{
	bool had;

	rst_hide(range->z);
	had = take_parts(range);
	if (had && range->removed)
		had = go_off_line(range);
	rst_show(range->z);
	return had && (range->removed || hand_out_range(range));
}

/* Some of them may be holes, or absent. */
static int obtain(struct frame_range *range, roost_pfn pfn, uint64_t n)
{
	struct roost *r = range->r;
	rst_frame_id f, head;

	range->z = &r->zones[range->span->zone];
	range->extent = (struct rst_extent){.start = pfn, .end = pfn + n};
	range->first = rst_frame_of(range->span, pfn);
	range->last = rst_frame_of(range->span, pfn + n - 1);
	for (unsigned i = 0; i < RANGE_TRIES; i++) {
		f = missing_in(range);
		if (f == RST_NO_FRAME && take(range))
			return 0;
		if (f == RST_NO_FRAME)
			continue;
		if (rst_load_rlx(&r->om[f]) == RST_OM_HOLE ||
		    !rst_is_present(&r->base, f >> ROOST_PAGEBLOCK_ORDER))
			return -ROOST_EINVAL;
		if (rst_block_over(r, range->span, f, 0, &head) >= 0)
			return -ROOST_EBUSY;
		rst_pocket_reap_any(r, range->z);
	}
	return -ROOST_EAGAIN;
}

int roost_take_range(roost_t *roost, roost_pfn pfn, uint64_t n)
{
	struct frame_range range = {.r = roost,
				    .span = rst_span_of_frames(&roost->base.map, pfn, n)};

	return range.span ? obtain(&range, pfn, n) : -ROOST_EINVAL;
}

int rst_engine_remove(roost_t *roost, const struct rst_hotplug_range *removed)
{
	struct frame_range range = {.r = roost, .span = removed->span, .removed = removed};

	/* What is of the reserve when it is added is so until it is removed: never. */
	for (rst_block_id b = removed->first; b <= removed->last; b++)
		if (rst_load_rlx(&roost->place[b]) == ROOST_LIST_RESERVE)
			return -ROOST_EBUSY;
	return obtain(&range, removed->start, removed->end - removed->start);
}

/* Absent pageblocks become the reserve's, or are so no longer. False: an isolation that found one
 * of them present, and has not looked again, is at it. */
static bool set_reserve(struct roost *r, rst_block_id b, rst_block_id end, bool reserve)
{
	for (; b < end; b++) {
		uint16_t place = reserve ? ROOST_LIST_MOVABLE : ROOST_LIST_RESERVE;

		if (!rst_cas16_sc(&r->place[b], &place,
				  reserve ? ROOST_LIST_RESERVE : ROOST_LIST_MOVABLE))
			return false;
	}
	return true;
}

/* As frees put them. */
static void put_new(struct roost *r, const struct rst_span *span, roost_pfn pfn, roost_pfn end)
{
	const struct rst_extent extent = {.start = pfn, .end = end};

	while (pfn < end) {
		unsigned order = rst_chunk_order(&extent, pfn, ROOST_MAX_ORDER);

		rst_put(r, &r->zones[span->zone], rst_frame_of(span, pfn), order);
		pfn += (roost_pfn)1 << order;
	}
}

int rst_engine_add(roost_t *roost, struct rst_hotplug_range *added)
{
	struct rst_zone *z = &roost->zones[added->span->zone];

	if (!set_reserve(roost, added->reserve, added->last + 1, true)) {
		set_reserve(roost, added->reserve, added->last + 1, false);
		return -ROOST_EAGAIN;
	}
	/* Before anybody can see them. */
	if (added->reserve <= added->last)
		rst_note_reserve(z, added->reserve, added->last);
	rst_hotplug_commit(&roost->base, &z->desc, added, RST_HOTPLUG_ADD);
	put_new(roost, added->span, added->start, added->end);
	return 0;
}

/* ---- A pool's ------------------------------------------------------------------------------ */

void rst_brings(roost_t *roost)
{
	for (uint32_t i = 0; i < (roost->nr_blocks + 63) / 64; i++)
		if (rst_load_rlx(&roost->base.present[i])) /* else it stays untouched */
			rst_store_rlx(&roost->base.brought[i],
				      rst_load_rlx(&roost->base.present[i]));
	roost->base.brings = true;
}

void rst_bring(roost_t *roost, roost_pfn pfn, uint64_t n)
{
	const struct rst_span *span = rst_span_of_pfn(&roost->base.map, pfn);
	struct rst_zone *z = &roost->zones[span->zone];
	rst_block_id first = rst_frame_of(span, pfn) >> ROOST_PAGEBLOCK_ORDER;
	rst_block_id last = rst_frame_of(span, pfn + n - 1) >> ROOST_PAGEBLOCK_ORDER;

	/* Before the put, as a free counts. Release: see rst_hotplug_commit(). */
	rst_add_rel(&z->desc.added, n);
	rst_hotplug_set(roost->base.present, first, last, true);
	rst_hotplug_set(roost->base.brought, first, last, true);
	put_new(roost, span, pfn, pfn + n);
}

void rst_banish(roost_t *roost, roost_pfn pfn, unsigned order)
{
	const struct rst_span *span = rst_span_of_pfn(&roost->base.map, pfn);
	struct rst_zone *z = &roost->zones[span->zone];
	rst_frame_id f = rst_frame_of(span, pfn);
	rst_block_id first = f >> ROOST_PAGEBLOCK_ORDER;
	rst_block_id last = (f + (1u << order) - 1) >> ROOST_PAGEBLOCK_ORDER;

	rst_hotplug_set(roost->base.present, first, last, false);
	rst_hotplug_set(roost->base.brought, first, last, false);
	/* It was counted as allocated, and is removed instead. In this order, so that no sum is
	 * lower than what is free: see rst_zone_free_frames(). */
	RST_COUNT_BLOCKS(z, rst_here(roost), freed, order, 1);
	rst_add_rel(&z->desc.removed, (uint64_t)1 << order);
	rst_store_rel(&roost->om[f], RST_OM_NEVER);
}

bool rst_bring_recover(roost_t *roost, roost_pfn pfn, uint64_t n)
{
	const struct rst_span *span = rst_span_of_pfn(&roost->base.map, pfn);
	rst_block_id first = rst_frame_of(span, pfn) >> ROOST_PAGEBLOCK_ORDER;
	rst_block_id last = rst_frame_of(span, pfn + n - 1) >> ROOST_PAGEBLOCK_ORDER;

	for (rst_block_id b = first; b <= last; b++) {
		if (rst_was_brought(&roost->base, b))
			continue;
		rst_hotplug_set(roost->base.present, first, last, false);
		rst_hotplug_set(roost->base.brought, first, last, false);
		return false;
	}
	return true;
}

void rst_engine_pressure(roost_t *roost, unsigned zone)
{
	struct rst_here here = rst_here(roost);

	rst_check_pressure(&(struct rst_call){.r = roost, .here = here, .ask.cpu = here.cpu},
			   &roost->zones[zone]);
}

bool rst_engine_is_hole(const roost_t *roost, rst_frame_id f)
{
	return rst_load_rlx(&roost->om[f]) == RST_OM_HOLE;
}

struct rst_zone_desc *rst_engine_zone(roost_t *roost, unsigned zone)
{
	return &roost->zones[zone].desc;
}
