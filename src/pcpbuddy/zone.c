/* SPDX-License-Identifier: MIT */
/*
 * zone.c - the zone buddy: free lists per order and list type, merging, stealing.
 *
 * A chunk lies on the lists of the type of its first frame's pageblock, whatever it was
 * allocated as. Chunks merge across pageblocks of different migratetypes but never across the
 * border of what is set apart (reserve, isolate), since that would hand it out.
 */
#include "pcpbuddy/pcpbuddy.h"

/* ---- The lock ---------------------------------------------------------------------------- */

static void absorb(struct roost *r, struct rst_zone *z)
{
	rst_frame_id f = rst_llist_take(&z->llist);

	while (f != RST_NO_FRAME) {
		rst_frame_id next = r->frames[f].next;
		unsigned order = rst_order_of(rst_load_state(r, f));

		RST_COUNT(r, z, absorbed, 1u << order);
		rst_zone_put(r, z, f, order);
		f = next;
	}
}

bool rst_zone_enter(struct roost *r, struct rst_zone *z, bool wait, rst_irq_t *irq)
{
	/* Spares a caller that must not wait the two system calls of a try that will fail. Racy. */
	if (!wait && rst_spin_held(&z->lock)) {
		RST_COUNT(r, z, zone_trylock_fail, 1);
		return false;
	}
	*irq = rst_irq_save();
	if (wait)
		rst_spin_might_wait(&z->lock);
	if (!rst_spin_try(&z->lock)) {
		if (!wait) {
			rst_irq_restore(*irq);
			RST_COUNT(r, z, zone_trylock_fail, 1);
			return false;
		}
		RST_COUNT(r, z, zone_lock_waited, 1);
		RST_HOLD_WAITS();
		rst_spin_wait(&z->lock);
	}
	RST_COUNT(r, z, zone_lock, 1);
	RST_PROBE2(zone_lock, z->desc.id, wait);
	RST_HOLD_BEGIN();
	absorb(r, z);
	return true;
}

void rst_zone_leave(struct rst_zone *z, rst_irq_t irq)
{
	RST_HOLD_END();
	rst_spin_drop(&z->lock);
	rst_irq_restore(irq);
}

static void count_moved(struct roost *r, struct rst_zone *z, uint64_t frames)
{
	RST_COUNT(r, z, zone_frames, frames);
	RST_HOLD_MOVED(frames);
}

/* ---- Lists ------------------------------------------------------------------------------- */

static void count_isolated(struct rst_zone *z, unsigned type, int64_t frames)
{
	if (type == ROOST_LIST_ISOLATE)
		rst_store_rlx(&z->isolated, rst_load_rlx(&z->isolated) + (uint64_t)frames);
}

/* These two count nothing. Returns the type of the list. */
static unsigned list_link(struct roost *r, struct rst_zone *z, rst_frame_id f, unsigned order)
{
	unsigned type = rst_load_rlx(&rst_block_of(r, f)->type);

	rst_set_state(r, f, rst_state_zone(order, type));
	rst_list_push(r->frames, &z->lists[type][order], f);
	z->nonempty[type] |= 1u << order;
	return type;
}

/* Leaves the record as it is. */
static unsigned list_unlink(struct roost *r, struct rst_zone *z, rst_frame_id f)
{
	uint32_t state = rst_load_state(r, f);
	unsigned type = rst_list_of(state), order = rst_order_of(state);

	rst_list_del(r->frames, &z->lists[type][order], f);
	if (z->lists[type][order].head == RST_NO_FRAME)
		z->nonempty[type] &= ~(1u << order);
	return type;
}

static void zone_link(struct roost *r, struct rst_zone *z, rst_frame_id f, unsigned order)
{
	count_isolated(z, list_link(r, z, f, order), (int64_t)1 << order);
}

static void zone_unlink(struct roost *r, struct rst_zone *z, rst_frame_id f)
{
	unsigned order = rst_order_of(rst_load_state(r, f));

	count_isolated(z, list_unlink(r, z, f), -((int64_t)1 << order));
}

/* Splits an unlinked chunk until the half that holds frame f has the wanted order; links the
 * other halves; returns that half. */
static rst_frame_id split(struct roost *r, struct rst_zone *z, rst_frame_id chunk, unsigned order,
			  unsigned wanted, rst_frame_id f)
{
	while (order > wanted) {
		rst_frame_id upper = chunk + (1u << --order);

		zone_link(r, z, f < upper ? upper : chunk, order);
		if (f >= upper) {
			chunk = upper;
		}
	}
	return chunk;
}

/* ---- Owners ------------------------------------------------------------------------------ */

static rst_block_id block_id(const struct roost *r, const struct rst_block *block)
{
	return (rst_block_id)(block - r->blocks);
}

static rst_block_id *fragmented_list(struct rst_zone *z, struct rst_block *block)
{
	return &z->pcps[rst_load_rlx(&block->owner) - 1].fragmented[rst_load_rlx(&block->type)];
}

/* A ring: the last one is before the head. */
static void fragmented_add(struct roost *r, struct rst_zone *z, struct rst_block *block)
{
	rst_block_id *head = fragmented_list(z, block), id = block_id(r, block);

	if (*head == RST_NO_BLOCK) {
		block->next = block->prev = *head = id;
		return;
	}
	block->next = *head;
	block->prev = r->blocks[*head].prev;
	r->blocks[block->prev].next = id;
	r->blocks[*head].prev = id;
}

static void fragmented_del(struct roost *r, struct rst_zone *z, struct rst_block *block)
{
	rst_block_id *head = fragmented_list(z, block), id = block_id(r, block);

	r->blocks[block->next].prev = block->prev;
	r->blocks[block->prev].next = block->next;
	if (*head == id)
		*head = block->next == id ? RST_NO_BLOCK : block->next;
}

/* Frames of a block come to the zone buddy (n > 0) or leave it. */
static void account(struct roost *r, struct rst_zone *z, struct rst_block *block, int64_t n)
{
	uint32_t before = block->zone_free;

	rst_store_rlx(&z->free, rst_load_rlx(&z->free) + (uint64_t)n);
	if (!rst_load_rlx(&block->owner))
		return;
	block->zone_free += (uint32_t)n;
	if (!before && block->zone_free)
		fragmented_add(r, z, block);
	else if (before && !block->zone_free)
		fragmented_del(r, z, block);
}

void rst_zone_disown(struct roost *r, struct rst_zone *z, struct rst_block *block)
{
	if (block->zone_free)
		fragmented_del(r, z, block);
	block->zone_free = 0;
	/* Relaxed: a free that still reads the old owner finds a pcp that will take the frame or
	 * is dead; either is right. */
	rst_store_rlx(&block->owner, 0);
}

/* The block lies whole in the zone buddy: its last owner owns nothing of it any more. */
static void whole(struct roost *r, struct rst_zone *z, struct rst_block *block)
{
	if (!rst_load_rlx(&block->owner))
		return;
	rst_zone_disown(r, z, block);
	RST_COUNT(r, z, blocks_returned, 1);
}

/* ---- Put and take ------------------------------------------------------------------------ */

static bool set_apart(const struct roost *r, rst_frame_id f)
{
	return rst_load_rlx(&rst_block_of(r, f)->type) >= RST_TYPES;
}

/* The chunk's buddy if it lies in the zone buddy with the same order, or RST_NO_FRAME. */
static rst_frame_id free_buddy(const struct roost *r, const struct rst_span *span, rst_frame_id f,
			       unsigned order)
{
	roost_pfn pfn = rst_pfn_of(span, f) ^ (roost_pfn)1 << order;
	rst_frame_id buddy;
	uint32_t state;

	if (pfn < span->start || pfn + ((roost_pfn)1 << order) > span->end)
		return RST_NO_FRAME;
	buddy = rst_frame_of(span, pfn);
	state = rst_load_state(r, buddy);
	if (rst_kind_of(state) != RST_ZONE || rst_order_of(state) != order)
		return RST_NO_FRAME;
	/* Chunks of pageblock order and more: both set apart alike, or neither. */
	if (order >= ROOST_PAGEBLOCK_ORDER && (set_apart(r, f) || set_apart(r, buddy)) &&
	    rst_load_rlx(&rst_block_of(r, f)->type) != rst_list_of(state))
		return RST_NO_FRAME;
	return buddy;
}

static void put_chunk(struct roost *r, struct rst_zone *z, rst_frame_id f, unsigned order)
{
	const struct rst_span *span = rst_span_of(&r->base.map, f);
	struct rst_block *block = rst_block_of(r, f);
	rst_frame_id buddy;

	count_moved(r, z, 1u << order);
	rst_store_rel(&z->puts, rst_load_rlx(&z->puts) + 1); /* see rst_pcp_put() */
	account(r, z, block, (int64_t)1 << order);
	if (order == ROOST_PAGEBLOCK_ORDER)
		whole(r, z, block);
	while (order < r->base.max_order &&
	       (buddy = free_buddy(r, span, f, order)) != RST_NO_FRAME) {
		zone_unlink(r, z, buddy);
		rst_set_state(r, f > buddy ? f : buddy, rst_state(RST_INSIDE, 0));
		if (buddy < f)
			f = buddy;
		if (++order == ROOST_PAGEBLOCK_ORDER)
			whole(r, z, block);
	}
	zone_link(r, z, f, order);
	rst_pressure_rises(&z->pressure, &z->desc, rst_zone_available(z));
}

/* Of a large block, is any pageblock set apart or somebody's? */
static bool is_mixed(const struct roost *r, rst_frame_id f, unsigned order)
{
	for (rst_frame_id i = f; i < f + (1u << order); i += RST_PAGEBLOCK)
		if (set_apart(r, i) || rst_load_rlx(&rst_block_of(r, i)->owner))
			return true;
	return false;
}

void rst_zone_put(struct roost *r, struct rst_zone *z, rst_frame_id f, unsigned order)
{
	unsigned whole_blocks = 1;

	/* Pageblocks of a large block may have been set apart while it was allocated; one that was
	 * taken by its address may hold some of the reserve, and one that was merged may hold some
	 * that a CPU owns: one by one, each goes to the lists of its own type, and those that may
	 * merge do so. */
	if (order > ROOST_PAGEBLOCK_ORDER && is_mixed(r, f, order)) {
		whole_blocks = 1u << (order - ROOST_PAGEBLOCK_ORDER);
		order = ROOST_PAGEBLOCK_ORDER;
	}
	for (unsigned i = 0; i < whole_blocks; i++)
		put_chunk(r, z, f + i * RST_PAGEBLOCK, order);
}

static rst_frame_id taken(struct roost *r, struct rst_zone *z, rst_frame_id f, unsigned order)
{
	rst_set_state(r, f, rst_state(RST_BUSY, order));
	account(r, z, rst_block_of(r, f), -((int64_t)1 << order));
	count_moved(r, z, 1u << order);
	return f;
}

rst_frame_id rst_zone_take(struct roost *r, struct rst_zone *z, unsigned order, unsigned type)
{
	uint32_t sufficient = z->nonempty[type] >> order << order;
	rst_frame_id f;
	unsigned found;

	if (!sufficient)
		return RST_NO_FRAME;
	found = (unsigned)__builtin_ctz(sufficient);
	f = z->lists[type][found].head;
	zone_unlink(r, z, f);
	return taken(r, z, split(r, z, f, found, order, f), order);
}

void rst_zone_remove(struct roost *r, struct rst_zone *z, rst_frame_id f, unsigned order)
{
	zone_unlink(r, z, f);
	taken(r, z, f, order);
}

/* Links frames [f, end) of an unlinked chunk, in the largest aligned blocks. */
static void link_rest(struct roost *r, struct rst_zone *z, rst_frame_id f, rst_frame_id end)
{
	const struct rst_span *span = rst_span_of(&r->base.map, f);
	struct rst_extent rest = {.end = rst_pfn_of(span, f) + (end - f)};

	while (f < end) {
		unsigned order = rst_chunk_order(&rest, rst_pfn_of(span, f), r->base.max_order);

		list_link(r, z, f, order);
		f += 1u << order;
	}
}

rst_frame_id rst_zone_cut(struct roost *r, struct rst_zone *z, rst_frame_id chunk,
			  rst_frame_id first, rst_frame_id end)
{
	rst_frame_id behind = chunk + (1u << rst_order_of(rst_load_state(r, chunk)));
	unsigned type = list_unlink(r, z, chunk);
	int64_t n;

	rst_set_state(r, chunk, rst_state(RST_INSIDE, 0));
	first = first > chunk ? first : chunk;
	end = end < behind ? end : behind;
	/* Their buddies hold frames that are cut out: they merge with none of them. */
	link_rest(r, z, chunk, first);
	link_rest(r, z, end, behind);
	/* What stays free was never counted as gone, since others read the counts without the lock.
	 * If the chunk has more than one pageblock, nobody owns them. */
	n = (int64_t)(end - first);
	count_isolated(z, type, -n);
	account(r, z, rst_block_of(r, chunk), -n);
	count_moved(r, z, (uint64_t)n);
	return behind;
}

uint32_t rst_state_over(const struct roost *r, rst_frame_id f, unsigned order, rst_frame_id *head)
{
	const struct rst_span *span = rst_span_of(&r->base.map, f);
	roost_pfn pfn = rst_pfn_of(span, f);

	for (; order <= r->base.max_order && pfn >> order << order >= span->start; order++) {
		uint32_t state;

		*head = rst_frame_of(span, pfn >> order << order);
		state = rst_load_state(r, *head);
		if (rst_is_head(state) && rst_order_of(state) >= order &&
		    f - *head < rst_frames_in(state))
			return state;
	}
	return 0;
}

rst_frame_id rst_zone_chunk_of(const struct roost *r, rst_frame_id f)
{
	const struct rst_span *span = rst_span_of(&r->base.map, f);
	roost_pfn pfn = rst_pfn_of(span, f);

	for (unsigned order = 0; order <= r->base.max_order; order++) {
		roost_pfn head = pfn >> order << order;
		uint32_t state;

		if (head < span->start)
			break;
		state = rst_load_state(r, rst_frame_of(span, head));
		if (rst_kind_of(state) == RST_ZONE && rst_order_of(state) >= order)
			return rst_frame_of(span, head);
	}
	return RST_NO_FRAME;
}

/* ---- Migratetypes ------------------------------------------------------------------------ */

/* Which migratetypes to steal from, in order. */
static const uint8_t fallbacks[RST_TYPES][RST_TYPES - 1] = {
	[ROOST_MOVABLE] = {ROOST_RECLAIMABLE, ROOST_UNMOVABLE},
	[ROOST_UNMOVABLE] = {ROOST_RECLAIMABLE, ROOST_MOVABLE},
	[ROOST_RECLAIMABLE] = {ROOST_UNMOVABLE, ROOST_MOVABLE},
};

/* The largest chunk of at least this order on the other migratetypes' lists. */
static rst_frame_id largest_other(struct rst_zone *z, unsigned order, unsigned type,
				  unsigned *found)
{
	for (unsigned k = ROOST_MAX_ORDER + 1; k-- > order;)
		for (unsigned i = 0; i < RST_TYPES - 1; i++) {
			unsigned other = fallbacks[type][i];

			if (z->nonempty[other] >> k & 1) {
				*found = k;
				return z->lists[other][k].head;
			}
		}
	return RST_NO_FRAME;
}

void rst_zone_count_blocks(struct rst_zone *z, unsigned type, int n)
{
	rst_store_rlx(&z->blocks[type], rst_load_rlx(&z->blocks[type]) + (uint32_t)n);
}

static void set_type(struct rst_zone *z, struct rst_block *block, unsigned type)
{
	unsigned old = rst_load_rlx(&block->type);

	rst_zone_count_blocks(z, old, -1);
	rst_zone_count_blocks(z, type, 1);
	rst_store_rlx(&block->type, (uint8_t)type);
}

rst_frame_id rst_zone_next_in_block(const struct roost *r, rst_frame_id *f, rst_frame_id end)
{
	/* A record that belongs to somebody else may change while it is read, but its frames
	 * cannot come to the zone while the lock is held, so to step over them is right. */
	while (*f < end) {
		uint32_t state = rst_load_state(r, *f);
		rst_frame_id found = *f;

		*f += rst_frames_in(state);
		if (rst_kind_of(state) == RST_ZONE)
			return found;
	}
	return RST_NO_FRAME;
}

static uint32_t free_in_block(const struct roost *r, const struct rst_block *block)
{
	rst_frame_id at = block_id(r, block) << ROOST_PAGEBLOCK_ORDER, end = at + RST_PAGEBLOCK, f;
	uint32_t frames = 0;

	while ((f = rst_zone_next_in_block(r, &at, end)) != RST_NO_FRAME)
		frames += 1u << rst_order_of(rst_load_state(r, f));
	return frames;
}

uint32_t rst_zone_retype(struct roost *r, struct rst_zone *z, struct rst_block *block,
			 unsigned type)
{
	rst_frame_id at = block_id(r, block) << ROOST_PAGEBLOCK_ORDER, end = at + RST_PAGEBLOCK, f;
	rst_frame_id chunk = rst_zone_chunk_of(r, at);
	unsigned order = chunk == RST_NO_FRAME ? 0 : rst_order_of(rst_load_state(r, chunk));
	uint32_t frames = 0;

	if (order > ROOST_PAGEBLOCK_ORDER) { /* part of a larger chunk: cut it out */
		zone_unlink(r, z, chunk);
		split(r, z, chunk, order, ROOST_PAGEBLOCK_ORDER, at);
		zone_link(r, z, at, ROOST_PAGEBLOCK_ORDER);
	}
	set_type(z, block, type);
	while ((f = rst_zone_next_in_block(r, &at, end)) != RST_NO_FRAME) {
		order = rst_order_of(rst_load_state(r, f));
		rst_zone_remove(r, z, f, order);
		rst_zone_put(r, z, f, order);
		frames += 1u << order;
	}
	return frames;
}

static void note_stolen(struct roost *r, struct rst_zone *z, rst_frame_id f, unsigned type,
			unsigned blocks)
{
	RST_PROBE3(steal, rst_this_cpu(&r->base), rst_pfn_of(rst_span_of(&r->base.map, f), f),
		   type);
	RST_COUNT(r, z, blocks_stolen, blocks);
}

bool rst_zone_convert(struct roost *r, struct rst_zone *z, unsigned order, unsigned type, bool part)
{
	unsigned found = 0;
	rst_frame_id f = largest_other(z, order, type, &found);

	if (f == RST_NO_FRAME)
		return false;
	if (found >= ROOST_PAGEBLOCK_ORDER) {
		unsigned wanted = order > ROOST_PAGEBLOCK_ORDER ? order : ROOST_PAGEBLOCK_ORDER;
		unsigned blocks = 1u << (wanted - ROOST_PAGEBLOCK_ORDER);

		zone_unlink(r, z, f);
		split(r, z, f, found, wanted, f);
		for (unsigned i = 0; i < blocks; i++)
			set_type(z, rst_block_of(r, f) + i, type);
		zone_link(r, z, f, wanted);
		note_stolen(r, z, f, type, blocks);
		return true;
	}
	if (!part || rst_load_rlx(&rst_block_of(r, f)->owner) ||
	    free_in_block(r, rst_block_of(r, f)) < RST_PAGEBLOCK / 2)
		return false;
	rst_zone_retype(r, z, rst_block_of(r, f), type);
	note_stolen(r, z, f, type, 1);
	return true;
}

rst_frame_id rst_zone_take_other(struct roost *r, struct rst_zone *z, unsigned order, unsigned type)
{
	unsigned found = 0;
	rst_frame_id f = largest_other(z, order, type, &found);

	if (f == RST_NO_FRAME)
		return f;
	zone_unlink(r, z, f);
	return taken(r, z, split(r, z, f, found, order, f), order);
}

/* ---- Free -------------------------------------------------------------------------------- */

void rst_zone_free(struct roost *r, struct rst_zone *z, rst_frame_id f, unsigned order, bool wait)
{
	rst_irq_t irq;

	if (rst_zone_enter(r, z, wait, &irq)) {
		rst_zone_put(r, z, f, order);
		rst_zone_leave(z, irq);
	} else {
		/* The next one to enter takes it in. */
		rst_llist_push(r->frames, &z->llist, f, order);
		RST_COUNT(r, z, free_zone_llist, 1);
	}
}
