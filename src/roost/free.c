/* SPDX-License-Identifier: MIT */
/*
 * free.c - the free path: any context, no lock, no loop but over the words of a large block and the
 * levels of a hint.
 *
 *	1  check   om[] says that a block of this order begins here; now it says freed
 *	2  count
 *	3  put     OR into the set of the pageblock, or of the region
 *	4  note    in the hints of the home that the pageblock's place names, read after the put
 *
 * A put that makes its pageblock all free makes it whole, unless it is somebody's current
 * one: eight compare-and-exchanges, twice at most, that others' takes may spoil.
 */
#include "roost/engine.h"

/* ---- 1: check ------------------------------------------------------------------------------ */

/* The order of the free block around a frame, -1 if it is not free. *head: its first frame. */
static int free_order(const struct roost *r, rst_frame_id f, rst_frame_id *head)
{
	rst_block_id b = f >> ROOST_PAGEBLOCK_ORDER;
	unsigned bit, order;
	rst_region_id g = rst_region_of(r, b, &bit);

	if (rst_set_has(&r->regions[g], bit)) {
		order = rst_set_merged(&r->regions[g], bit, 0);
		if (order + RST_SET_ORDER > r->base.max_order)
			order = r->base.max_order - RST_SET_ORDER;
		*head = (b - (bit & ((1u << order) - 1))) << ROOST_PAGEBLOCK_ORDER;
		return (int)(order + RST_SET_ORDER);
	}
	if (!rst_set_has(&r->blocks[b], f % RST_PAGEBLOCK))
		return -1;
	order = rst_set_merged(&r->blocks[b], f % RST_PAGEBLOCK, 0);
	*head = f & ~((1u << order) - 1);
	return (int)order;
}

int rst_block_around(const struct roost *r, const struct rst_span *span, rst_frame_id f,
		     rst_frame_id *head, bool *allocated)
{
	roost_pfn pfn = rst_pfn_of(span, f);
	int free = free_order(r, f, head);

	*allocated = free < 0;
	if (free >= 0)
		return free;
	for (unsigned order = 0; order <= r->base.max_order; order++) {
		roost_pfn first = pfn >> order << order;
		unsigned om;

		if (first < span->start)
			break;
		*head = rst_frame_of(span, first);
		om = rst_load_rlx(&r->om[*head]);
		if (rst_om_is_allocated(om) && om > order)
			return (int)om - 1;
	}
	*allocated = false;
	return -1;
}

/* What lies at pfn is not what the caller says: what is it? Fills in kind and what was found. */
static void classify(const struct roost *r, const struct rst_span *span, struct roost_misuse *m)
{
	rst_frame_id f = rst_frame_of(span, m->pfn), head;
	unsigned om = rst_load_rlx(&r->om[f]);
	bool allocated;
	int order;

	m->kind = ROOST_MISUSE_HOLE;
	if (om == RST_OM_HOLE)
		return;
	order = rst_block_around(r, span, f, &head, &allocated);
	m->kind = allocated && head == f	     ? ROOST_MISUSE_WRONG_ORDER
		  : !allocated && om == RST_OM_FREED ? ROOST_MISUSE_DOUBLE_FREE
						     : ROOST_MISUSE_NOT_ALLOCATED;
	if (order >= 0) {
		m->order_found = order;
		m->head_found = rst_pfn_of(span, head);
	}
}

/* What is wrong with the block that a caller names, whose claim() failed. */
static void explain(const struct roost *r, struct roost_misuse *m)
{
	const struct rst_span *span = rst_misuse_span(&r->base, m);

	if (!span)
		return;
	if (m->kind != ROOST_MISUSE_CORRUPT)
		classify(r, span, m);
}

/*
 * Changes what om[] says of a block from allocated with this order to the given value. False: it is
 * not that, or at check level 3 what is inside of it contradicts it (*kind is CORRUPT then).
 */
static inline bool claim_checked(struct roost *r, rst_frame_id f, unsigned order, unsigned to,
				 enum roost_misuse_kind *kind)
{
	uint8_t expected = (uint8_t)(order + 1), found = expected;

	/* om[] once more behind the look: another free of the same block may have come between. */
	if (r->base.check_level >= ROOST_CHECK_PARANOID && rst_load_rlx(&r->om[f]) == expected &&
	    !rst_is_clean(r, f, order, true) && rst_load_rlx(&r->om[f]) == expected) {
		*kind = ROOST_MISUSE_CORRUPT;
		return false;
	}
	/* Relaxed: the caller alone has the block. If a second caller thinks so too, the
	 * compare-and-exchange lets one of them through; load and store find a double free unless
	 * it happens on two CPUs at the same instant. */
	if (r->base.check_level >= ROOST_CHECK_EXACT)
		return rst_cas8_rlx(&r->om[f], &found, (uint8_t)to);
	if (r->base.check_level >= ROOST_CHECK_STATE && rst_load_rlx(&r->om[f]) != expected)
		return false;
	rst_store_rlx(&r->om[f], (uint8_t)to);
	return true;
}

/* The same for what a caller names: its frame and span, or false and it is reported. */
static inline bool claim(struct roost *r, const char *call, roost_pfn pfn, unsigned order,
			 unsigned to, rst_frame_id *f, const struct rst_span **span)
{
	enum roost_misuse_kind kind = ROOST_MISUSE_NOT_ALLOCATED;
	struct roost_misuse m;

	*span = rst_span_of_pfn(&r->base.map, pfn);
	if (*span && order <= r->base.max_order && !(pfn & (((roost_pfn)1 << order) - 1))) {
		*f = rst_frame_of(*span, pfn);
		if (claim_checked(r, *f, order, to, &kind))
			return true;
	}
	m = rst_misuse_of(call, pfn, order);
	m.kind = kind;
	explain(r, &m);
	rst_report(&r->base, &m);
	return false;
}

/* ---- 2 to 4: count, put, note -------------------------------------------------------------- */

static void count(const struct roost *r, struct rst_zone *z, rst_block_id b, unsigned order,
		  uint64_t n)
{
	unsigned cpu = rst_this_cpu(&r->base);
	/* Racy: for the statistics. */
	int home = rst_home_of(rst_list_of(rst_load_rlx(&r->place[b])));
	struct rst_pcp *pcp = &z->pcps[cpu];

	/* Relaxed, and before the put: the put releases it to who takes the block. */
	rst_add_rlx(&pcp->orders[order].freed, n);
	if (home >= 0 && (uint32_t)home != pcp->home)
		rst_add_rlx(&pcp->orders[order].freed_remote, n);
}

/*
 * The run of order k at off was put: notes the largest free run that it is a part of. That of a
 * current pageblock need not be known: whoever leaves it looks.
 */
static inline void note(struct roost *r, struct rst_zone *z, rst_block_id b, unsigned off,
			unsigned k, unsigned frames)
{
	const struct rst_set *set = &r->blocks[b];
	unsigned place = rst_load_sc(&r->place[b]); /* after the put: see block.c */
	unsigned order, bin = RST_BINS - 1;

	if (place == ROOST_LIST_RESERVE)
		rst_add_rlx(&z->reserve_free, frames);
	if (!(place & RST_CURRENT)) {
		order = rst_set_merged(set, off, k);
		if (order == RST_SET_ORDER) {
			rst_settle(r, z, b);
			return;
		}
		bin = rst_bin_of(order, rst_dense(rst_load_rlx(&set->word[off / 64])));
	}
	rst_hint_note(&z->partial, rst_partial_index(z, rst_list_of(place), bin, b));
}

static void put(struct roost *r, struct rst_zone *z, rst_frame_id f, unsigned order)
{
	rst_block_id b = f >> ROOST_PAGEBLOCK_ORDER;
	unsigned off = f % RST_PAGEBLOCK;

	count(r, z, b, order, 1);
	/* A pageblock of the reserve can be handed out as one block, but is never whole. */
	if (order > RST_SET_ORDER ||
	    (order == RST_SET_ORDER && rst_load_rlx(&r->place[b]) != ROOST_LIST_RESERVE)) {
		rst_put_whole(r, z, b, order - RST_SET_ORDER);
		return;
	}
	rst_set_put(&r->blocks[b], off, order);
	note(r, z, b, off, order, 1u << order);
}

/* ---- Batches ------------------------------------------------------------------------------- */

/* Frames of one word of a set that are put with one OR. */
struct batch {
	struct roost *r;
	struct rst_zone *z;
	rst_block_id block;
	unsigned word, frames;
	uint64_t bits;
};

static void flush(struct batch *batch)
{
	if (!batch->bits)
		return;
	rst_or_sc(&batch->r->blocks[batch->block].word[batch->word], batch->bits);
	if (rst_load_rlx(&batch->r->place[batch->block]) == ROOST_LIST_RESERVE)
		rst_add_rlx(&batch->z->reserve_free, batch->frames);
	rst_settle(batch->r, batch->z, batch->block); /* there may be several runs */
	batch->bits = 0;
	batch->frames = 0;
}

static void add(struct batch *batch, struct rst_zone *z, rst_frame_id f, unsigned order)
{
	rst_block_id b = f >> ROOST_PAGEBLOCK_ORDER;
	unsigned word = f % RST_PAGEBLOCK / 64;

	if (order > RST_WORD_ORDER) {
		put(batch->r, z, f, order);
		return;
	}
	if (batch->bits && (batch->block != b || batch->word != word))
		flush(batch);
	batch->z = z;
	batch->block = b;
	batch->word = word;
	batch->bits |= rst_run(f, order);
	batch->frames += 1u << order;
	count(batch->r, z, b, order, 1);
}

static void free_blocks(struct roost *r, const char *call, const struct roost_block *blocks,
			size_t n)
{
	struct batch batch = {.r = r};
	const struct rst_span *span;
	rst_frame_id f;

	for (size_t i = 0; i < n; i++)
		if (claim(r, call, blocks[i].pfn, blocks[i].order, RST_OM_FREED, &f, &span))
			add(&batch, &r->zones[span->zone], f, blocks[i].order);
	flush(&batch);
}

static inline void free_one(struct roost *r, const char *call, roost_pfn pfn, unsigned order)
{
	const struct rst_span *span;
	rst_frame_id f;

	if (claim(r, call, pfn, order, RST_OM_FREED, &f, &span))
		put(r, &r->zones[span->zone], f, order);
}

/* ---- Interface ----------------------------------------------------------------------------- */

void roost_free(roost_t *roost, roost_pfn pfn, unsigned order)
{
	free_one(roost, "roost_free", pfn, order);
}

void roost_free_nolock(roost_t *roost, roost_pfn pfn, unsigned order)
{
	free_one(roost, "roost_free_nolock", pfn, order);
}

void roost_free_bulk(roost_t *roost, const struct roost_block *blocks, size_t count)
{
	free_blocks(roost, "roost_free_bulk", blocks, count);
}

void roost_free_bulk_nolock(roost_t *roost, const struct roost_block *blocks, size_t count)
{
	free_blocks(roost, "roost_free_bulk_nolock", blocks, count);
}

int roost_split(roost_t *roost, roost_pfn pfn, unsigned from, unsigned to)
{
	const struct rst_span *span;
	rst_frame_id f;

	if (to > from || !claim(roost, "roost_split", pfn, from, to + 1, &f, &span))
		return -ROOST_EINVAL;
	for (uint32_t i = 1u << to; i < 1u << from; i += 1u << to)
		rst_store_rlx(&roost->om[f + i], (uint8_t)(to + 1));
	return 0;
}
