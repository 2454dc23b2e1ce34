/* SPDX-License-Identifier: MIT */
/*
 * free.c - the free paths, single and batched.
 *
 *	check   is this what was handed out? then the record becomes BUSY: the caller's no more
 *	home    the pcp of the pageblock's owner, or the freeing CPU's if no CPU owns it
 *	        trylock:  its lock is only tried
 *	        llist:    from another CPU the block is pushed to its lock-free list
 *	        blocking: its lock is waited for with interrupts off, as before the patch
 *	zone    when the pcp is busy, its CPU off-line, or the block not for pcps. Waits for the
 * zone lock, or (_nolock, NMI) tries it and else pushes to the zone's lock-free list.
 *
 * But for the lab's blocking path no pcp lock is waited for here, so the caller may hold whatever
 * it likes.
 */
#include "pcpbuddy/pcpbuddy.h"

/* ---- Check ------------------------------------------------------------------------------- */

bool rst_interior_clean(const struct roost *r, rst_frame_id f, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++)
		if (rst_load_state(r, f + i) != rst_state(RST_INSIDE, 0))
			return false;
	return true;
}

/* What lies at pfn is not what the caller says: what is it? Fills in kind and what was found. */
static void classify(const struct roost *r, const struct rst_span *span, struct roost_misuse *m)
{
	rst_frame_id f = rst_frame_of(span, m->pfn);

	m->kind = ROOST_MISUSE_NOT_ALLOCATED;
	if (rst_kind_of(rst_load_state(r, f)) == RST_HOLE ||
	    !rst_is_present(&r->base, f / RST_PAGEBLOCK)) {
		m->kind = ROOST_MISUSE_HOLE;
		return;
	}
	for (unsigned order = 0; order <= r->base.max_order; order++) {
		roost_pfn head = m->pfn >> order << order;
		uint32_t state;

		if (head < span->start)
			return;
		state = rst_load_state(r, rst_frame_of(span, head));
		if (!rst_is_head(state) || rst_size_in(state).frames <= m->pfn - head)
			continue;
		rst_misuse_found(m, rst_size_in(state), head);
		if (rst_kind_of(state) == RST_ALLOC)
			m->kind = head == m->pfn ? ROOST_MISUSE_WRONG_ORDER
						 : ROOST_MISUSE_NOT_ALLOCATED;
		else if (rst_load_rlx(&r->frames[f].used))
			m->kind = ROOST_MISUSE_DOUBLE_FREE;
		return;
	}
}

/* The frame at pfn, or RST_NO_FRAME with the misuse. */
static rst_frame_id locate(const struct roost *r, struct roost_misuse *m)
{
	const struct rst_span *span = rst_misuse_span(&r->base, m);

	return span ? rst_frame_of(span, m->pfn) : RST_NO_FRAME;
}

/*
 * Changes the record of the block at pfn from allocated with this order to the given state.
 * Returns its frame, or RST_NO_FRAME with the misuse filled in. Any context.
 */
static rst_frame_id claim_block(struct roost *r, struct roost_misuse *m, uint32_t to)
{
	rst_frame_id f = locate(r, m);
	uint32_t allocated, found;

	if (f == RST_NO_FRAME)
		return f;
	found = allocated = m->order_given >= 0 ? rst_state(RST_ALLOC, (unsigned)m->order_given)
						: rst_state_sized(RST_ALLOC, rst_misuse_size(m));
	if (r->base.check_level >= ROOST_CHECK_PARANOID && rst_load_state(r, f) == allocated &&
	    !rst_interior_clean(r, f, rst_misuse_size(m).frames)) {
		m->kind = ROOST_MISUSE_CORRUPT;
		return RST_NO_FRAME;
	}
	/* Relaxed: the caller alone has the block. If a second caller thinks so too, the
	 * compare-and-exchange of level 2 lets one of them through; load and store find a double
	 * free unless it happens on two CPUs at the same instant. */
	if (r->base.check_level >= ROOST_CHECK_EXACT)
		rst_cas32_rlx(&r->frames[f].state, &found, to);
	else if (r->base.check_level >= ROOST_CHECK_STATE)
		found = rst_load_state(r, f);
	if (found != allocated) {
		classify(r, rst_span_below(&r->base.map, m->pfn), m);
		return RST_NO_FRAME;
	}
	if (r->base.check_level < ROOST_CHECK_EXACT)
		rst_set_state(r, f, to);
	return f;
}

/* ---- Home -------------------------------------------------------------------------------- */

/* A free under way: the pcp whose lock it holds, if any, is kept from block to block. */
struct freeing {
	struct roost *r;
	const char *call;
	struct rst_zone *zone; /* of pcp */
	struct rst_pcp *pcp;   /* locked, or NULL */
	bool wait;	       /* may wait for zone locks */
};

static bool lock_pcp(const struct freeing *q, struct rst_pcp *pcp)
{
#if ROOST_LAB
	if (q->r->free_path == ROOST_FREE_BLOCKING && q->wait && rst_in_task()) {
		rst_irq_t irq = rst_irq_save();

		rst_wait_wrongly(&pcp->lock);
		rst_irq_restore(irq);
		return true;
	}
#endif
	(void)q;
	return rst_try(&pcp->lock);
}

static void leave_pcp(struct freeing *q)
{
	if (q->pcp)
		rst_pcp_leave(q->r, q->zone, q->pcp, q->wait);
	q->pcp = NULL;
}

/* The lock of the pcp is held. */
static void trim(const struct freeing *q, struct rst_zone *z, struct rst_pcp *pcp)
{
	uint32_t high = rst_load_rlx(&pcp->high), batch = rst_load_rlx(&pcp->batch);

	if (rst_load_rlx(&pcp->count) > high)
		rst_pcp_drain(q->r, z, pcp, high > batch ? high - batch : 0, q->wait);
}

static void enter_pcp(struct freeing *q, struct rst_zone *z, struct rst_pcp *pcp)
{
	if (q->pcp == pcp)
		return;
	leave_pcp(q);
	if (lock_pcp(q, pcp)) {
		q->pcp = pcp;
		q->zone = z;
	}
}

/* Takes in what lies on a pcp's lock-free list, if its lock is free. */
static void absorb_remote(const struct freeing *q, struct rst_zone *z, struct rst_pcp *pcp)
{
	rst_fence_sc(); /* the push before the look at the lock: see rst_pcp_leave() */
	if (!rst_try(&pcp->lock))
		return; /* the holder, or the next one, takes it in */
	rst_pcp_absorb(q->r, z, pcp, q->wait);
	trim(q, z, pcp);
	rst_pcp_leave(q->r, z, pcp, q->wait);
}

/*
 * Another CPU's block, free path llist. An owner that is idle must not be left with more than its
 * high mark, nor one that is off-line with anything. For the latter, each writes one thing and then
 * reads the other's, so one of the two sees it:
 *
 *	push_remote()			rst_pcp_leave() of the owner
 *	1  pushes			1  dead is set; drops the lock
 *	2  reads dead (sc)		2  fence, reads the list
 *	set: 3  fence, tries the lock	something: takes it in
 *
 * If 3 does not get the lock, its holder has 2 on the right still before it.
 */
static void push_remote(struct freeing *q, struct rst_zone *z, struct rst_pcp *pcp, rst_frame_id f,
			unsigned order)
{
	uint32_t frames = rst_llist_push(q->r->frames, &pcp->llist, f, order);

	RST_COUNT(q->r, z, free_llist, 1);
	RST_PROBE3(free_remote, pcp->cpu, order, 1);
	if (rst_load_sc(&pcp->dead) || frames > rst_load_rlx(&pcp->high)) {
		leave_pcp(q); /* never two */
		absorb_remote(q, z, pcp);
	}
}

static void to_zone(const struct freeing *q, struct rst_zone *z, rst_frame_id f, unsigned order)
{
	rst_zone_free(q->r, z, f, order, q->wait);
}

static void free_block(struct freeing *q, rst_frame_id f, unsigned order)
{
	struct roost *r = q->r;
	struct rst_zone *z = rst_zone_of(r, f);
	const struct rst_block *block = rst_block_of(r, f);
	unsigned cpu = rst_this_cpu(&r->base);
	/* Racy reads: the owner can only go from somebody to nobody while we have the frame. A
	 * former owner's pcp is as good a place as any, unmarked, unless it is dead. */
	unsigned owner = rst_load_rlx(&block->owner);
	unsigned home = owner ? owner - 1 : cpu;
	struct rst_pcp *pcp = &z->pcps[home];

	if (order >= RST_PCP_ORDERS || rst_load_rlx(&block->type) >= RST_TYPES) {
		RST_COUNT(r, z, free_direct, 1);
		to_zone(q, z, f, order);
		return;
	}
	if (r->free_path == ROOST_FREE_LLIST && home != cpu && !rst_load_rlx(&pcp->dead)) {
		push_remote(q, z, pcp, f, order);
		return;
	}
	enter_pcp(q, z, pcp);
	if (!q->pcp) {
		RST_COUNT(r, z, trylock_fail_free, 1);
		RST_COUNT(r, z, free_fallback, 1);
		RST_PROBE2(free_fallback, home, order);
		to_zone(q, z, f, order);
	} else if (rst_load_rlx(&pcp->dead)) {
		RST_COUNT(r, z, free_dead, 1);
		to_zone(q, z, f, order);
	} else if (!rst_pcp_put_home(r, pcp, f, order)) {
		RST_COUNT(r, z, free_direct, 1);
		to_zone(q, z, f, order);
	} else {
		if (home == cpu) {
			RST_COUNT_PCP(pcp, free_local, 1);
		} else {
			RST_COUNT_PCP(pcp, free_remote, 1);
			RST_PROBE3(free_remote, home, order, 1);
		}
		trim(q, z, pcp);
	}
}

static void free_blocks(struct freeing *q, const struct roost_block *blocks, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct roost_misuse m = rst_misuse_of(q->call, blocks[i].pfn, blocks[i].order);
		rst_frame_id f = claim_block(q->r, &m, rst_state(RST_BUSY, blocks[i].order & 31));

		if (f != RST_NO_FRAME) {
			RST_PROBE2(free, blocks[i].pfn, blocks[i].order);
			free_block(q, f, blocks[i].order);
		} else {
			leave_pcp(q); /* the hook is called with no lock held */
			rst_report(&q->r->base, &m);
		}
	}
	leave_pcp(q);
}

/* ---- Interface --------------------------------------------------------------------------- */

void roost_free(roost_t *roost, roost_pfn pfn, unsigned order)
{
	struct freeing q = {.r = roost, .call = "roost_free", .wait = !rst_nmi()};

	free_blocks(&q, &(struct roost_block){pfn, order}, 1);
}

void roost_free_nolock(roost_t *roost, roost_pfn pfn, unsigned order)
{
	struct freeing q = {.r = roost, .call = "roost_free_nolock"};

	free_blocks(&q, &(struct roost_block){pfn, order}, 1);
}

void roost_free_bulk(roost_t *roost, const struct roost_block *blocks, size_t count)
{
	struct freeing q = {.r = roost, .call = "roost_free_bulk", .wait = !rst_nmi()};

	free_blocks(&q, blocks, count);
}

void roost_free_bulk_nolock(roost_t *roost, const struct roost_block *blocks, size_t count)
{
	struct freeing q = {.r = roost, .call = "roost_free_bulk_nolock"};

	free_blocks(&q, blocks, count);
}

int roost_split(roost_t *roost, roost_pfn pfn, unsigned from, unsigned to)
{
	struct roost_misuse m = rst_misuse_of("roost_split", pfn, from);
	rst_frame_id f;

	if (to > from)
		return -ROOST_EINVAL;
	f = claim_block(roost, &m, rst_state(RST_ALLOC, to));
	if (f == RST_NO_FRAME) {
		rst_report(&roost->base, &m);
		return -ROOST_EINVAL;
	}
	for (uint32_t i = 1u << to; i < 1u << from; i += 1u << to) {
		rst_store_rlx(&roost->frames[f + i].used, 1);
		rst_set_state(roost, f + i, rst_state(RST_ALLOC, to));
	}
	return 0;
}

/* Makes the largest aligned blocks of this kind of a block of n frames that is the caller's; and
 * how many they are. Their records before the first one's: until then it says how large all is. */
static void split_frames(struct roost *r, roost_pfn pfn, uint32_t n, enum rst_kind kind)
{
	const struct rst_span *span = rst_span_below(&r->base.map, pfn);
	unsigned first = rst_piece(pfn, pfn + n);

	for (roost_pfn at = pfn + ((roost_pfn)1 << first); at < pfn + n;) {
		rst_frame_id f = rst_frame_of(span, at);
		unsigned order = rst_piece(at, pfn + n);

		if (kind == RST_ALLOC)
			rst_store_rlx(&r->frames[f].used, 1);
		rst_set_state(r, f, rst_state(kind, order));
		at += (roost_pfn)1 << order;
	}
	rst_set_state(r, rst_frame_of(span, pfn), rst_state(kind, first));
}

/* A block of n frames that the caller names is BUSY now; false: misuse, which was reported. */
static bool claim_frames(struct roost *r, struct roost_misuse *m)
{
	if (claim_block(r, m, rst_state_sized(RST_BUSY, rst_misuse_size(m))) != RST_NO_FRAME)
		return true;
	rst_report(&r->base, m);
	return false;
}

void roost_free_n(roost_t *roost, roost_pfn pfn, uint64_t n)
{
	struct freeing q = {.r = roost, .call = "roost_free_n"};
	struct roost_misuse m = rst_misuse_of_frames(q.call, pfn, n);
	uint32_t frames = rst_size_of(n).frames;

	if (!claim_frames(roost, &m))
		return;
	split_frames(roost, pfn, frames, RST_BUSY);
	for (roost_pfn at = pfn; at < pfn + frames;) {
		unsigned order = rst_piece(at, pfn + frames);

		RST_PROBE2(free, at, order);
		free_block(&q, rst_frame_of(rst_span_below(&roost->base.map, at), at), order);
		at += (roost_pfn)1 << order;
	}
	leave_pcp(&q);
}

int roost_split_n(roost_t *roost, roost_pfn pfn, uint64_t n)
{
	struct roost_misuse m = rst_misuse_of_frames("roost_split_n", pfn, n);

	if (!claim_frames(roost, &m))
		return -ROOST_EINVAL;
	split_frames(roost, pfn, rst_size_of(n).frames, RST_ALLOC);
	return 0;
}

/* A part is in a block of an odd size: that is split. False: misuse, which was reported. */
static bool split_around(struct roost *r, const char *call, roost_pfn head, uint32_t n)
{
	struct roost_misuse m = rst_misuse_of_frames(call, head, n);

	if (!claim_frames(r, &m))
		return false;
	split_frames(r, head, n, RST_ALLOC);
	return true;
}

void roost_free_part(roost_t *roost, roost_pfn pfn, unsigned order)
{
	struct freeing q = {.r = roost, .call = "roost_free_part"};
	struct roost_misuse m = rst_misuse_of(q.call, pfn, order), block;
	const struct rst_span *span = rst_span_below(&roost->base.map, pfn);
	rst_frame_id f = locate(roost, &m), head = 0;
	uint32_t state = f == RST_NO_FRAME ? 0 : rst_state_over(roost, f, order, &head);
	unsigned from;

	if (rst_kind_of(state) == RST_ALLOC && rst_is_odd(rst_size_in(state)) &&
	    f - head + (1u << order) <= rst_frames_in(state)) {
		if (!split_around(roost, q.call, rst_pfn_of(span, head), rst_frames_in(state)))
			return;
		state = rst_state_over(roost, f, order, &head);
	}
	from = rst_order_of(state);
	if (rst_kind_of(state) != RST_ALLOC || from == order) {
		free_blocks(&q, &(struct roost_block){pfn, order}, 1);
		return;
	}
	block = rst_misuse_of(q.call, pfn >> from << from, from);
	if (claim_block(roost, &block, rst_state(RST_BUSY, from)) == RST_NO_FRAME) {
		m.kind = block.kind;
		rst_report(&roost->base, &m);
		return;
	}
	/* The halves that it is in, from the block down to it: the one beside it is a block. */
	for (unsigned k = order; k < from; k++) {
		rst_frame_id half = rst_frame_of(span, (pfn >> k ^ 1) << k);

		rst_store_rlx(&roost->frames[half].used, 1);
		rst_set_state(roost, half, rst_state(RST_ALLOC, k));
	}
	rst_store_rlx(&roost->frames[f].used, 1);
	rst_set_state(roost, f, rst_state(RST_BUSY, order));
	RST_PROBE2(free, pfn, order);
	free_block(&q, f, order);
	leave_pcp(&q);
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
		uint32_t state = rst_load_state(r, f);

		if (rst_kind_of(state) != RST_ALLOC || rst_frames_in(state) > end - f)
			return f;
		f += rst_frames_in(state);
	}
	return fits ? RST_NO_FRAME : end;
}

int roost_merge(roost_t *roost, roost_pfn pfn, unsigned order)
{
	struct roost_misuse m = rst_misuse_of("roost_merge", pfn, order), at;
	rst_frame_id f = locate(roost, &m), missing;
	const struct rst_span *span = rst_span_below(&roost->base.map, pfn);

	missing = f == RST_NO_FRAME ? f : not_allocated(roost, span, f, order);
	if (missing != RST_NO_FRAME) {
		at = rst_misuse_of(m.call, rst_pfn_of(span, missing), order);
		at.kind = ROOST_MISUSE_HOLE;
		if (at.pfn < span->end)
			classify(roost, span, &at);
		m.kind = at.kind;
		m.order_found = at.order_found;
		m.frames_found = at.frames_found;
		m.head_found = at.head_found;
	}
	if (f == RST_NO_FRAME || missing != RST_NO_FRAME) {
		rst_report(&roost->base, &m);
		return -ROOST_EINVAL;
	}
	for (rst_frame_id i = f; i < f + (1u << order);) {
		uint32_t n = rst_frames_in(rst_load_state(roost, i));

		rst_set_state(roost, i,
			      i == f ? rst_state(RST_ALLOC, order) : rst_state(RST_INSIDE, 0));
		i += n;
	}
	return 0;
}
