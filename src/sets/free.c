/* SPDX-License-Identifier: MIT */
/*
 * free.c - the free path: any context, no lock, no loop but over the words of a large block and the
 * levels of a hint.
 *
 *	1  check   om[] says that a block of this order begins here; now it says freed
 *	2  count
 *	3  put     into the CPU's pocket if it is one of its own (pocket.h): done; else
 *	           OR into the set of the pageblock or region
 *	4  note    in the hints of the home that the pageblock's place names, read after the put
 *
 * A put that makes its pageblock all free then makes it whole, unless it is some CPU's current one.
 * That takes eight compare-and-exchanges. It is tried twice at most, since takes by other CPUs may
 * spoil it.
 */
#include "core/held.h"
#include "sets/pocket.h"

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
		return rst_pocket_order(r, rst_zone_of_block(r, b), f, head);
	order = rst_set_merged(&r->blocks[b], f % RST_PAGEBLOCK, 0);
	*head = f & ~((1u << order) - 1);
	return (int)order;
}

/* An odd block may begin at any frame of its pageblock. */
static int odd_over(const struct roost *r, const struct rst_span *span, rst_frame_id f,
		    unsigned order, rst_frame_id *head)
{
	rst_frame_id first = rst_frame_of(span, span->start);

	if (first < (f & ~(RST_PAGEBLOCK - 1u)))
		first = f & ~(RST_PAGEBLOCK - 1u);
	for (*head = f;; --*head) {
		struct rst_size found = rst_om_block(rst_load_rlx(&r->om[*head]));

		if (found.frames >= 1u << order && found.frames > f - *head)
			return (int)found.order;
		if (found.frames || *head == first)
			return -1;
	}
}

int rst_block_over(const struct roost *r, const struct rst_span *span, rst_frame_id f,
		   unsigned order, rst_frame_id *head)
{
	roost_pfn pfn = rst_pfn_of(span, f);

	for (unsigned k = order; k <= r->base.max_order && pfn >> k << k >= span->start; k++) {
		struct rst_size found;

		*head = rst_frame_of(span, pfn >> k << k);
		found = rst_om_block(rst_load_rlx(&r->om[*head]));
		if (found.frames >= 1u << order && found.frames > f - *head)
			return (int)found.order;
	}
	return order < ROOST_PAGEBLOCK_ORDER ? odd_over(r, span, f, order, head) : -1;
}

struct rst_size rst_block_around(const struct roost *r, const struct rst_span *span, rst_frame_id f,
				 rst_frame_id *head, bool *allocated)
{
	int order = free_order(r, f, head);
	unsigned om;

	*allocated = false;
	if (order >= 0)
		return rst_size_of_order((unsigned)order);
	order = rst_block_over(r, span, f, 0, head);
	om = order >= 0 ? rst_load_rlx(&r->om[*head]) : RST_OM_NEVER;
	*allocated = rst_om_is_allocated(om);
	return *allocated ? rst_om_size(om) : (struct rst_size){0};
}

/* The block at pfn is not what the caller says. Fills in the kind of misuse, and what is there. */
static void classify(const struct roost *r, const struct rst_span *span, struct roost_misuse *m)
{
	rst_frame_id f = rst_frame_of(span, m->pfn), head;
	unsigned om = rst_load_rlx(&r->om[f]);
	struct rst_size size;
	bool allocated;

	m->kind = ROOST_MISUSE_HOLE;
	if (om == RST_OM_HOLE || !rst_is_present(&r->base, f >> ROOST_PAGEBLOCK_ORDER))
		return;
	size = rst_block_around(r, span, f, &head, &allocated);
	m->kind = ROOST_MISUSE_NOT_ALLOCATED;
	if (allocated && head == f)
		m->kind = ROOST_MISUSE_WRONG_ORDER;
	/* Or was it free, and another CPU has allocated it since, perhaps with the same order? */
	if (allocated ? head == f && size.frames == rst_misuse_size(m).frames : om == RST_OM_FREED)
		m->kind = ROOST_MISUSE_DOUBLE_FREE;
	if (size.frames)
		rst_misuse_found(m, size, rst_pfn_of(span, head));
}

/* Reports what is wrong with the block that a caller names. */
static RST_COLD void complain_block(const struct roost *r, struct roost_misuse *m, bool corrupt)
{
	const struct rst_span *span = rst_misuse_span(&r->base, m);

	if (span && corrupt)
		m->kind = ROOST_MISUSE_CORRUPT;
	else if (span)
		classify(r, span, m);
	rst_report(&r->base, m);
}

static RST_COLD void complain_free(const struct roost *r, const char *call, roost_pfn pfn,
				   unsigned order, bool corrupt)
{
	struct roost_misuse m = rst_misuse_of(call, pfn, order);

	complain_block(r, &m, corrupt);
}

/* Level 3: om[] says that a block of this size begins at f. Does something contradict that? */
static RST_COLD bool is_corrupt(const struct roost *r, rst_frame_id f, struct rst_size size)
{
	/* Reads om[] once more after the look: another free of the same block may have come in
	 * between. */
	return rst_load_rlx(&r->om[f]) == rst_om_of(size) &&
	       !rst_is_clean(r, f, size.frames, true) && rst_load_rlx(&r->om[f]) == rst_om_of(size);
}

/*
 * If om[] says that a block is allocated with this order, sets om[] to the given value. Relaxed:
 * only the caller has the block. If a second caller believes the same, the compare-and-exchange
 * lets one of them through. Load and store find a double free unless it happens on two CPUs at the
 * same instant.
 */
static RST_HOT bool change_om(struct roost *r, rst_frame_id f, unsigned from, unsigned to)
{
	uint8_t found = (uint8_t)from;

	if (r->base.check_level >= ROOST_CHECK_EXACT)
		return rst_cas8_rlx(&r->om[f], &found, (uint8_t)to);
	if (r->base.check_level == ROOST_CHECK_STATE && rst_load_rlx(&r->om[f]) != found)
		return false;
	rst_store_rlx(&r->om[f], (uint8_t)to);
	return true;
}

static RST_HOT bool change(struct roost *r, rst_frame_id f, unsigned order, unsigned to)
{
	return change_om(r, f, order + 1, to);
}

/* The span of what a caller names, or NULL if it cannot be a block. */
static RST_HOT const struct rst_span *span_of(const struct roost *r, roost_pfn pfn, unsigned order)
{
	const struct rst_span *span = rst_span_of_pfn(&r->base.map, pfn);

	return span && order <= r->base.max_order && !(pfn & (((roost_pfn)1 << order) - 1)) ? span
											    : NULL;
}

/* change() for a block that a caller names. Sets its frame and span; if false, the misuse has been
 * reported. */
static bool claim(struct roost *r, const char *call, roost_pfn pfn, unsigned order, unsigned to,
		  rst_frame_id *f, const struct rst_span **span)
{
	bool corrupt = false;

	*span = span_of(r, pfn, order);
	if (*span) {
		*f = rst_frame_of(*span, pfn);
		corrupt = r->base.check_level == ROOST_CHECK_PARANOID &&
			  is_corrupt(r, *f, rst_size_of_order(order));
		if (!corrupt && change(r, *f, order, to))
			return true;
	}
	complain_free(r, call, pfn, order, corrupt);
	return false;
}

bool rst_claim(struct roost *r, const char *call, roost_pfn pfn, uint64_t n, unsigned to,
	       rst_frame_id *f, const struct rst_span **span)
{
	struct roost_misuse m = rst_misuse_of_frames(call, pfn, n);
	struct rst_size size = rst_size_of(n);
	bool corrupt = false;

	*span = n && size.order <= r->base.max_order && !(pfn & (rst_alignment(size) - 1))
			? rst_span_of_pfn(&r->base.map, pfn)
			: NULL;
	if (*span) {
		*f = rst_frame_of(*span, pfn);
		corrupt = r->base.check_level == ROOST_CHECK_PARANOID && is_corrupt(r, *f, size);
		if (!corrupt && change_om(r, *f, rst_om_of(size), to))
			return true;
	}
	complain_block(r, &m, corrupt);
	return false;
}

/* ---- 2 to 4: count, put, note -------------------------------------------------------------- */

/* For the statistics: the freed blocks that belong to another home. */
static void count_remote(struct rst_zone *z, struct rst_here here, unsigned order, unsigned place,
			 uint64_t n)
{
	int home = rst_home_of(rst_list_of(place));

	if (home >= 0 && (uint32_t)home != z->pcps[here.cpu].home) {
		RST_PROBE3(free_remote, home, order, n);
		RST_COUNT_BLOCKS(z, here, freed_remote, order, n);
	}
}

void rst_count_remote(struct rst_zone *z, struct rst_here here, unsigned order, unsigned place)
{
	count_remote(z, here, order, place, 1);
}

/* Before the put, which releases it to the next holder of the block. */
static void count_free(struct rst_zone *z, struct rst_here here, unsigned order, unsigned place,
		       uint64_t n)
{
	RST_COUNT_BLOCKS(z, here, freed, order, n);
	count_remote(z, here, order, place, n);
}

/* ---- Batches ------------------------------------------------------------------------------- */

/* Blocks of one order in one word of a set: counted at once and put with one OR. */
struct batch {
	struct roost *r;
	struct rst_zone *z;
	struct rst_here here;
	rst_frame_id word; /* its first frame */
	unsigned order, n;
	uint64_t bits;
};

static void flush(struct batch *batch)
{
	rst_block_id b = batch->word >> ROOST_PAGEBLOCK_ORDER;
	struct rst_zone *z = batch->z;
	unsigned place;

	if (!batch->n)
		return;
	place = rst_load_rlx(&batch->r->place[b]);
	count_free(z, batch->here, batch->order, place, batch->n);
	rst_set_put_bits(&batch->r->blocks[b].word[batch->word % RST_PAGEBLOCK / 64], batch->bits);
	if (place == ROOST_LIST_RESERVE)
		rst_add_rlx(&z->reserve_free, (int64_t)batch->n << batch->order);
	rst_settle(batch->r, z, b); /* there may be several runs */
	batch->bits = 0;
	batch->n = 0;
}

static void add(struct batch *batch, struct rst_zone *z, rst_frame_id f, unsigned order)
{
	unsigned place;

	if (order > RST_WORD_ORDER) {
		place = rst_load_rlx(&batch->r->place[f >> ROOST_PAGEBLOCK_ORDER]);
		count_free(z, batch->here, order, place, 1);
		rst_put(batch->r, z, f, order);
		return;
	}
	if (batch->n && (batch->word != (f & ~63u) || batch->order != order))
		flush(batch);
	batch->z = z;
	batch->word = f & ~63u;
	batch->order = order;
	batch->bits |= rst_run(f, order);
	batch->n++;
}

static void free_blocks(struct roost *r, const char *call, const struct roost_block *blocks,
			size_t n)
{
	struct batch batch = {.r = r, .here = rst_here(r)};
	const struct rst_span *span;
	rst_frame_id f;

	for (size_t i = 0; i < n; i++)
		if (claim(r, call, blocks[i].pfn, blocks[i].order, RST_OM_FREED, &f, &span)) {
			RST_PROBE2(free, blocks[i].pfn, blocks[i].order);
			add(&batch, &r->zones[span->zone], f, blocks[i].order);
		}
	flush(&batch);
}

/* ---- One ----------------------------------------------------------------------------------- */

/* The block was counted, but is not one of the pocket's 32 frames. It goes into the pocket another
 * way, or home. */
static __attribute__((noinline)) void free_far(struct roost *r, struct rst_zone *z,
					       struct rst_here here, rst_frame_id f, unsigned order)
{
	unsigned place = rst_load_rlx(&r->place[f >> ROOST_PAGEBLOCK_ORDER]);

	if (here.seq != RST_NO_CPU && order <= RST_SPARE_ORDER &&
	    z->desc.id == r->base.cpu_zone[here.cpu] &&
	    rst_pocket_put(r, z, here.seq, f, order, place))
		return;
	count_remote(z, here, order, place, 1);
	rst_put(r, z, f, order);
}

void rst_free_counted(struct roost *r, struct rst_zone *z, struct rst_here here, rst_frame_id f,
		      unsigned order)
{
	if (here.seq == RST_NO_CPU || order > RST_POCKET_ORDER ||
	    z->desc.id != r->base.cpu_zone[here.cpu] ||
	    !rst_pocket_add(r, &z->pockets[here.cpu], here.cpu, f, rst_run(f & 31, order)))
		free_far(r, z, here, f, order);
}

static __attribute__((noinline)) void free_slow(struct roost *r, const char *call, roost_pfn pfn,
						unsigned order)
{
	struct rst_here here = rst_here(r);
	const struct rst_span *span;
	struct rst_zone *z;
	rst_frame_id f;

	if (!claim(r, call, pfn, order, RST_OM_FREED, &f, &span))
		return;
	RST_PROBE2(free, pfn, order);
	z = &r->zones[span->zone];
	RST_COUNT_BLOCKS(z, here, freed, order, 1);
	free_far(r, z, here, f, order);
}

/* The common case fits on one page. Its calls are tail calls, so it saves few registers. */
static RST_HOT void free_one(struct roost *r, const char *call, roost_pfn pfn, unsigned order)
{
	unsigned cpu = rst_pocket_cpu(r);
	const struct rst_span *span = cpu != RST_NO_CPU ? span_of(r, pfn, order) : NULL;
	struct rst_pocket *pocket;
	struct rst_zone *z;
	rst_frame_id f;

	if (!span || r->base.check_level == ROOST_CHECK_PARANOID) {
		free_slow(r, call, pfn, order);
		return;
	}
	f = rst_frame_of(span, pfn);
	if (!change(r, f, order, RST_OM_FREED)) { /* which free_slow() finds too, and reports */
		free_slow(r, call, pfn, order);
		return;
	}
	RST_PROBE2(free, pfn, order);
	z = &r->zones[span->zone];
	pocket = &z->pockets[cpu];
	/* Before the put: a caller that adds up the counters never finds fewer free frames than
	 * there are. */
	RST_COUNT_ONE(z, pocket, cpu, freed, order);
	/* Only what this CPU takes from first: see fast_zone(). */
	if (order > RST_POCKET_ORDER || span->zone != r->base.cpu_zone[cpu] ||
	    !rst_pocket_add(r, pocket, cpu, f, rst_run(f & 31, order)))
		free_far(r, z, (struct rst_here){cpu, cpu}, f, order);
}

static __attribute__((noinline)) void free_larger(struct roost *r, roost_pfn pfn, unsigned order)
{
	free_one(r, "roost_free", pfn, order);
}

/* ---- Interface ----------------------------------------------------------------------------- */

void roost_free(roost_t *roost, roost_pfn pfn, unsigned order)
{
	/* With a constant order half of the instructions disappear. */
	if (order)
		free_larger(roost, pfn, order);
	else
		free_one(roost, "roost_free", pfn, 0);
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

	if (to > from ||
	    !claim(roost, "roost_split", pfn, from, RST_OM_SPLIT + from + 1, &f, &span))
		return -ROOST_EINVAL;
	/* Release, each after the ones before it. A recovery from an unfinished split that sees a
	 * part also sees that the split began, and one that sees the first part sees all parts. */
	for (uint32_t i = 1u << from; i > 0; i -= 1u << to)
		rst_store_rel(&roost->om[f + i - (1u << to)], (uint8_t)(to + 1));
	return 0;
}

/* Into the largest aligned blocks. As a split of any other block. */
static bool split_frames(struct roost *r, const char *call, roost_pfn pfn, uint64_t n)
{
	struct rst_size size = rst_size_of(n);
	roost_pfn end = pfn + size.frames;
	const struct rst_span *span;
	rst_frame_id f;
	unsigned first;

	if (!rst_claim(r, call, pfn, n, RST_OM_SPLIT + rst_om_of(size), &f, &span))
		return false;
	first = rst_piece(pfn, end);
	for (roost_pfn at = pfn + ((roost_pfn)1 << first); at < end;) {
		unsigned order = rst_piece(at, end);

		rst_store_rel(&r->om[rst_frame_of(span, at)], (uint8_t)(order + 1));
		at += (roost_pfn)1 << order;
	}
	rst_store_rel(&r->om[f], (uint8_t)(first + 1));
	return true;
}

int roost_split_n(roost_t *roost, roost_pfn pfn, uint64_t n)
{
	return split_frames(roost, "roost_split_n", pfn, n) ? 0 : -ROOST_EINVAL;
}

/* Is this a part of an odd block? */
static bool is_in_odd(const struct roost *r, rst_frame_id head, rst_frame_id f, unsigned order)
{
	unsigned om = rst_load_rlx(&r->om[head]);

	return rst_om_is_allocated(om) && rst_is_odd(rst_om_size(om)) &&
	       f - head + (1u << order) <= rst_om_size(om).frames;
}

/* The halves that a part is in, from the block down to it: the one beside it is a block of its own.
 * Each after the ones before it, the record of the block's first frame last, as in a split. */
static void cut_out(struct roost *r, const struct rst_span *span, rst_frame_id head, unsigned from,
		    rst_frame_id f, unsigned to)
{
	roost_pfn pfn = rst_pfn_of(span, f);
	unsigned first = RST_OM_FREED;

	for (unsigned k = to; k < from; k++) {
		rst_frame_id half = rst_frame_of(span, (pfn >> k ^ 1) << k);

		if (half == head)
			first = k + 1;
		else
			rst_store_rel(&r->om[half], (uint8_t)(k + 1));
	}
	if (f != head)
		rst_store_rel(&r->om[f], RST_OM_FREED);
	rst_store_rel(&r->om[head], (uint8_t)first);
}

void roost_free_part(roost_t *roost, roost_pfn pfn, unsigned order)
{
	const struct rst_span *span = span_of(roost, pfn, order);
	rst_frame_id f = span ? rst_frame_of(span, pfn) : 0, head = f;
	int from = span ? rst_block_over(roost, span, f, order, &head) : -1;
	struct rst_here here = rst_here(roost);
	bool corrupt;

	if (from >= 0 && is_in_odd(roost, head, f, order)) { /* out of the piece that it is in */
		if (!split_frames(roost, "roost_free_part", rst_pfn_of(span, head),
				  rst_om_size(rst_load_rlx(&roost->om[head])).frames))
			return;
		from = rst_block_over(roost, span, f, order, &head);
	}
	/* Without a span the order may be any number, also one that is negative as an int. */
	if (!span || from <= (int)order || !rst_om_is_allocated(rst_load_rlx(&roost->om[head]))) {
		free_slow(roost, "roost_free_part", pfn, order);
		return;
	}
	corrupt = roost->base.check_level == ROOST_CHECK_PARANOID &&
		  is_corrupt(roost, head, rst_size_of_order((unsigned)from));
	if (corrupt || !change(roost, head, (unsigned)from, RST_OM_SPLIT + (unsigned)from + 1)) {
		complain_free(roost, "roost_free_part", pfn, order, corrupt);
		return;
	}
	cut_out(roost, span, head, (unsigned)from, f, order);
	RST_PROBE2(free, pfn, order);
	RST_COUNT_BLOCKS(&roost->zones[span->zone], here, freed, order, 1);
	free_far(roost, &roost->zones[span->zone], here, f, order);
}

/* The first frame of a block where no allocated block begins that ends in it, or RST_NO_FRAME. It
 * may be the one behind the span. */
static rst_frame_id not_allocated(const struct roost *r, const struct rst_span *span,
				  rst_frame_id f, unsigned order)
{
	roost_pfn left = span->end - rst_pfn_of(span, f);
	bool fits = left >> order;
	rst_frame_id end = f + (fits ? 1u << order : (rst_frame_id)left);

	while (f < end) {
		unsigned om = rst_load_rlx(&r->om[f]);

		if (!rst_om_is_allocated(om) || rst_om_size(om).frames > end - f)
			return f;
		f += rst_om_size(om).frames;
	}
	return fits ? RST_NO_FRAME : end;
}

static int complain_merge(const struct roost *r, roost_pfn pfn, unsigned order)
{
	struct roost_misuse m = rst_misuse_of("roost_merge", pfn, order), at;
	const struct rst_span *span = rst_misuse_span(&r->base, &m);
	rst_frame_id missing;

	if (span) {
		missing = not_allocated(r, span, rst_frame_of(span, pfn), order);
		at = rst_misuse_of(
			m.call, missing == RST_NO_FRAME ? pfn : rst_pfn_of(span, missing), order);
		at.kind = ROOST_MISUSE_HOLE;
		if (at.pfn < span->end)
			classify(r, span, &at);
		m.kind = at.kind;
		m.order_found = at.order_found;
		m.frames_found = at.frames_found;
		m.head_found = at.head_found;
	}
	rst_report(&r->base, &m);
	return -ROOST_EINVAL;
}

/* Others freed a piece at this instant: those before it are again allocated, as large as can be.
 * The piece may have been noted before its pageblock was moved to where whole ones are. */
static void undo_merge(struct roost *r, const struct rst_span *span, rst_frame_id f,
		       rst_frame_id end, unsigned order)
{
	struct rst_extent done = {.start = rst_pfn_of(span, f), .end = rst_pfn_of(span, end)};
	rst_block_id b = f >> ROOST_PAGEBLOCK_ORDER;

	for (roost_pfn pfn = done.start; pfn < done.end;) {
		unsigned k = rst_chunk_order(&done, pfn, r->base.max_order);

		rst_store_rel(&r->om[rst_frame_of(span, pfn)], (uint8_t)(k + 1));
		pfn += (roost_pfn)1 << k;
	}
	for (unsigned i = 0; order >= RST_SET_ORDER && i < 1u << (order - RST_SET_ORDER); i++)
		rst_settle(r, &r->zones[span->zone], b + i);
}

int roost_merge(roost_t *roost, roost_pfn pfn, unsigned order)
{
	const struct rst_span *span = span_of(roost, pfn, order);
	rst_frame_id f = span ? rst_frame_of(span, pfn) : 0, end = f + (1u << (order & 31)), i;
	uint32_t n;

	if (!span || not_allocated(roost, span, f, order) != RST_NO_FRAME)
		return complain_merge(roost, pfn, order);
	/* What is freed as one block was whole, or might have been. */
	for (i = f; order >= RST_SET_ORDER && i < end; i += RST_PAGEBLOCK)
		if (!rst_disown(roost, i >> ROOST_PAGEBLOCK_ORDER))
			return -ROOST_EAGAIN;
	/* As a split, backwards: a recovery that finds the mark ends it. */
	for (i = f; i < end; i += n) {
		unsigned om = rst_load_rlx(&roost->om[i]);

		n = rst_om_is_allocated(om) ? rst_om_size(om).frames : 0;
		if (n && change_om(roost, i, om, i == f ? RST_OM_SPLIT + order + 1 : RST_OM_NEVER))
			continue;
		undo_merge(roost, span, f, i, order);
		return complain_merge(roost, pfn, order);
	}
	rst_store_rel(&roost->om[f], (uint8_t)(order + 1));
	return 0;
}

int roost_order(const roost_t *roost, roost_pfn pfn)
{
	const struct rst_span *span = rst_span_of_pfn(&roost->base.map, pfn);
	unsigned om = span ? rst_load_rlx(&roost->om[rst_frame_of(span, pfn)]) : RST_OM_NEVER;

	return om > RST_OM_NEVER && om < RST_OM_ODD ? (int)om - 1 : -1;
}

int roost_free_order(const roost_t *roost, roost_pfn pfn)
{
	const struct rst_span *span = rst_span_of_pfn(&roost->base.map, pfn);
	rst_frame_id head;

	return span ? free_order(roost, rst_frame_of(span, pfn), &head) : -1;
}

/* ---- Held blocks --------------------------------------------------------------------------- */

int rst_held_order(const roost_t *roost, roost_pfn pfn)
{
	rst_frame_id f = rst_frame_of(rst_span_of_pfn(&roost->base.map, pfn), pfn);
	unsigned om = rst_load_rlx(&roost->om[f]);

	return rst_om_is_allocated(om) ? -1 : rst_om_order(om);
}

void rst_hold_block(roost_t *roost, roost_pfn pfn, unsigned order)
{
	rst_frame_id f = rst_frame_of(rst_span_of_pfn(&roost->base.map, pfn), pfn);

	rst_store_rel(&roost->om[f], (uint8_t)(RST_OM_HELD + order + 1));
}

void rst_free_none(roost_t *roost, roost_pfn pfn)
{
	complain_free(roost, "roost_free", pfn, 0, false);
}

void rst_unhold(roost_t *roost, roost_pfn pfn, unsigned order)
{
	const struct rst_span *span = rst_span_of_pfn(&roost->base.map, pfn);
	struct rst_zone *z = &roost->zones[span->zone];
	rst_frame_id f = rst_frame_of(span, pfn);
	unsigned place = rst_load_rlx(&roost->place[f >> ROOST_PAGEBLOCK_ORDER]);

	RST_PROBE2(free, pfn, order);
	rst_store_rel(&roost->om[f], RST_OM_FREED);
	count_free(z, rst_here(roost), order, place, 1);
	rst_put(roost, z, f, order);
}

size_t rst_unhold_rest(roost_t *roost, roost_pfn pfn, const uint64_t frames[ROOST_PAGEBLOCK_WORDS])
{
	const struct rst_span *span = rst_span_of_pfn(&roost->base.map, pfn);
	rst_frame_id first = rst_frame_of(span, pfn) & ~(RST_PAGEBLOCK - 1u);
	struct batch batch = {.r = roost, .here = rst_here(roost)};
	size_t n = 0;

	for (unsigned i = 0; i < RST_PAGEBLOCK; i++) {
		if (!(frames[i / 64] >> i % 64 & 1) ||
		    rst_load_rlx(&roost->om[first + i]) != RST_OM_HELD + 1)
			continue;
		RST_PROBE2(free, rst_pfn_of(span, first + i), 0);
		rst_store_rel(&roost->om[first + i], RST_OM_FREED);
		add(&batch, &roost->zones[span->zone], first + i, 0);
		n++;
	}
	flush(&batch);
	return n;
}
