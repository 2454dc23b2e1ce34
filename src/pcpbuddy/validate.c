/* SPDX-License-Identifier: MIT */
/*
 * validate.c - one read-only walk over every invariant of pcpbuddy.h.
 *
 * First the records, in order of address: each block in its place, aligned, of frames that are
 * INSIDE, in a state that exists at rest, and with the owner, mark and list that go together; what
 * was seen is added up per pageblock and per zone. Then the lists: each element says that it is on
 * that list and is linked both ways, and there are as many as the list says. A chunk that says it
 * is on a list, but is not, shows as a difference between the two sums.
 */
#include "pcpbuddy/pcpbuddy.h"

struct seen {
	uint64_t allocated, in_zone, on_pcps, on_llists, blocks[ROOST_NR_LISTS];
};

struct walk {
	const struct roost *r;
	struct rst_walk note;
};

static bool fail(struct walk *w, const char *invariant, const struct rst_zone *z, roost_pfn pfn,
		 uint64_t expected, uint64_t found)
{
	return rst_violated(&w->note, invariant, z ? (int)z->desc.id : -1, pfn, expected, found);
}

static bool equal(struct walk *w, const char *invariant, const struct rst_zone *z,
		  uint64_t expected, uint64_t found)
{
	return expected == found || fail(w, invariant, z, ROOST_NONE, expected, found);
}

/* ---- Records ----------------------------------------------------------------------------- */

static bool check_inside(struct walk *w, const struct rst_span *span, rst_frame_id f,
			 unsigned order, uint32_t n)
{
	const struct rst_zone *z = &w->r->zones[span->zone];
	roost_pfn pfn = rst_pfn_of(span, f);

	if (pfn & (((roost_pfn)1 << order) - 1))
		return fail(w, "a block is aligned to its size", z, pfn, 0, order);
	if (order > w->r->base.max_order || pfn + n > span->end)
		return fail(w, "a block lies in its zone's range", z, pfn, w->r->base.max_order,
			    order);
	for (uint32_t i = 1; i < n; i++)
		if (rst_load_state(w->r, f + i) != rst_state(RST_INSIDE, 0))
			return fail(w, "the frames behind a block's first are inside it", z,
				    pfn + i, RST_INSIDE, rst_kind_of(rst_load_state(w->r, f + i)));
	return true;
}

static bool check_unmerged(struct walk *w, const struct rst_span *span, rst_frame_id f,
			   uint32_t state)
{
	unsigned order = rst_order_of(state);
	roost_pfn pfn = rst_pfn_of(span, f) ^ (roost_pfn)1 << order;
	uint32_t other;

	if (order == w->r->base.max_order || pfn < span->start ||
	    pfn + ((roost_pfn)1 << order) > span->end)
		return true;
	other = rst_load_state(w->r, rst_frame_of(span, pfn));
	if (rst_kind_of(other) == RST_ZONE && rst_order_of(other) == order &&
	    rst_list_of(other) == rst_list_of(state))
		return fail(w, "two free buddies in the zone are merged", &w->r->zones[span->zone],
			    pfn, order + 1, order);
	return true;
}

static bool check_zone_chunk(struct walk *w, const struct rst_span *span, rst_frame_id f,
			     uint32_t state)
{
	const struct rst_zone *z = &w->r->zones[span->zone];
	const struct rst_block *block = rst_block_of(w->r, f);
	unsigned owner = rst_load_rlx(&block->owner), type = rst_load_rlx(&block->type);

	if (rst_list_of(state) != type)
		return fail(w, "a chunk in the zone is on the list of its pageblock's type", z,
			    rst_pfn_of(span, f), type, rst_list_of(state));
	if (owner && rst_order_of(state) >= ROOST_PAGEBLOCK_ORDER)
		return fail(w, "a pageblock whole in the zone has no owner", z, rst_pfn_of(span, f),
			    0, owner);
	for (unsigned i = 1; i < 1u << rst_order_of(state) >> ROOST_PAGEBLOCK_ORDER; i++) {
		unsigned other = rst_load_rlx(&block[i].type);

		if (other != type && (other >= RST_TYPES || type >= RST_TYPES))
			return fail(w, "a chunk does not reach across what is set apart", z,
				    rst_pfn_of(span, f) + (roost_pfn)i * RST_PAGEBLOCK, type,
				    other);
	}
	return check_unmerged(w, span, f, state);
}

static bool check_pcp_chunk(struct walk *w, const struct rst_span *span, rst_frame_id f,
			    uint32_t state)
{
	const struct rst_zone *z = &w->r->zones[span->zone];
	unsigned owner = rst_load_rlx(&rst_block_of(w->r, f)->owner);
	bool own = owner == rst_cpu_of(state) + 1, marked = state & RST_MARK;

	if (rst_load_rlx(&rst_block_of(w->r, f)->type) == ROOST_LIST_RESERVE)
		return fail(w, "no frame of the reserve's pageblocks lies on a pcp", z,
			    rst_pfn_of(span, f), 0, 1);

	if (rst_cpu_of(state) >= w->r->base.nr_cpus)
		return fail(w, "a chunk lies on the pcp of a CPU that exists", z,
			    rst_pfn_of(span, f), w->r->base.nr_cpus - 1, rst_cpu_of(state));
	return own == marked ||
	       fail(w, "a chunk on a pcp is marked if and only if that CPU owns its pageblock", z,
		    rst_pfn_of(span, f), own, marked);
}

/* One of an absent pageblock; *f moves past it. */
static bool check_absent(struct walk *w, const struct rst_span *span, rst_frame_id *f)
{
	uint32_t state = rst_load_state(w->r, (*f)++);

	return state == rst_state(RST_INSIDE, 0) || rst_kind_of(state) == RST_HOLE ||
	       fail(w, "no block begins in an absent pageblock", &w->r->zones[span->zone],
		    rst_pfn_of(span, *f - 1), RST_INSIDE, rst_kind_of(state));
}

/* One block; *f moves past it. */
static bool check_block(struct walk *w, const struct rst_span *span, rst_frame_id *f,
			struct seen *seen)
{
	const struct rst_zone *z = &w->r->zones[span->zone];
	uint32_t state = rst_load_state(w->r, *f);
	unsigned order = rst_order_of(state);
	rst_frame_id at = *f, frames = rst_frames_in(state);

	if (rst_kind_of(state) == RST_HOLE) {
		++*f;
		return true;
	}
	if (!rst_is_head(state) || rst_kind_of(state) == RST_BUSY)
		return fail(w, "each frame is in a block that is allocated or free", z,
			    rst_pfn_of(span, at), RST_ALLOC, rst_kind_of(state));
	/* A state that was spoiled may name none, or more than there are. */
	if (!frames || frames > rst_frame_of(span, span->end - 1) - at + 1)
		return fail(w, "a block has frames, all of one span", z, rst_pfn_of(span, at), 1,
			    frames);
	if (!check_inside(w, span, at, order, frames))
		return false;
	*f += frames;
	switch (rst_kind_of(state)) {
	case RST_ZONE:
		seen->in_zone += 1ull << order;
		return check_zone_chunk(w, span, at, state);
	case RST_PCP:
		seen->on_pcps += 1ull << order;
		return check_pcp_chunk(w, span, at, state);
	case RST_LLIST:
		seen->on_llists += 1ull << order;
		return true;
	case RST_ALLOC:
	case RST_BUSY:
	case RST_HOLE:
	case RST_INSIDE:
	default:
		seen->allocated += rst_frames_in(state);
		return true;
	}
}

/* What the pageblock records say about the block that begins at frame f. */
static bool check_pageblock(struct walk *w, const struct rst_span *span, rst_block_id id,
			    struct seen *seen)
{
	const struct rst_zone *z = &w->r->zones[span->zone];
	const struct rst_block *block = &w->r->blocks[id];
	rst_frame_id at = id << ROOST_PAGEBLOCK_ORDER, end = at + RST_PAGEBLOCK, f;
	unsigned type = rst_load_rlx(&block->type), owner = rst_load_rlx(&block->owner);
	uint32_t frames = 0;

	if (!rst_is_present(&w->r->base, id))
		return (type == ROOST_LIST_MOVABLE && !owner) ||
		       fail(w, "an absent pageblock is movable and nobody's", z,
			    rst_pfn_of(span, at), 0, owner);
	if (type >= ROOST_NR_LISTS)
		return fail(w, "a pageblock's type exists", z, rst_pfn_of(span, at),
			    ROOST_NR_LISTS - 1, type);
	seen->blocks[type]++;
	if (!owner)
		return true;
	if (owner > w->r->base.nr_cpus || type >= RST_TYPES)
		return fail(w, "a pageblock is owned by a CPU and of a migratetype", z,
			    rst_pfn_of(span, at), w->r->base.nr_cpus, owner);
	if (rst_load_rlx(&z->pcps[owner - 1].dead))
		return fail(w, "no pageblock is owned by an off-line CPU", z, rst_pfn_of(span, at),
			    0, owner);
	while ((f = rst_zone_next_in_block(w->r, &at, end)) != RST_NO_FRAME)
		frames += 1u << rst_order_of(rst_load_state(w->r, f));
	return equal(w, "an owned pageblock's count of frames in the zone is right", z, frames,
		     block->zone_free);
}

static bool check_span(struct walk *w, const struct rst_span *span, struct seen *seen)
{
	rst_frame_id f = rst_frame_of(span, span->start), end = rst_frame_of(span, span->end - 1);

	for (rst_block_id id = span->f0 >> ROOST_PAGEBLOCK_ORDER;
	     id <= end >> ROOST_PAGEBLOCK_ORDER; id++)
		if (!check_pageblock(w, span, id, seen))
			return false;
	while (f <= end) {
		if (f % RST_PAGEBLOCK == 0)
			RST_YIELD();
		if (rst_is_present(&w->r->base, f / RST_PAGEBLOCK) ? !check_block(w, span, &f, seen)
								   : !check_absent(w, span, &f))
			return false;
	}
	return true;
}

/* ---- Lists ------------------------------------------------------------------------------- */

static bool frame_exists(struct walk *w, const struct rst_zone *z, rst_frame_id f)
{
	uint64_t frames = (uint64_t)w->r->nr_blocks * RST_PAGEBLOCK;

	return f < frames ||
	       fail(w, "a link leads to a frame that exists", z, ROOST_NONE, frames, f);
}

/* All elements carry this state, but for the bits of ignore. Adds the frames to *frames. */
static bool check_list(struct walk *w, const struct rst_zone *z, const struct rst_list *list,
		       uint32_t state, uint32_t ignore, uint64_t *frames)
{
	uint32_t nr = rst_load_rlx(&list->nr), n = 0;
	rst_frame_id prev = RST_NO_FRAME;

	for (rst_frame_id f = list->head; f != RST_NO_FRAME; f = w->r->frames[f].next) {
		uint32_t found;

		if (n++ == nr)
			break;
		if (!frame_exists(w, z, f))
			return false;
		found = rst_load_state(w->r, f) & ~ignore;
		if (found != state)
			return fail(w, "a chunk on a list says that it is on that list", z,
				    rst_pfn_of(rst_span_of(&w->r->base.map, f), f), state, found);
		if (w->r->frames[f].prev != prev)
			return fail(w, "a list is linked both ways", z,
				    rst_pfn_of(rst_span_of(&w->r->base.map, f), f), prev,
				    w->r->frames[f].prev);
		*frames += 1ull << rst_order_of(state);
		prev = f;
	}
	return equal(w, "a list is as long as it says", z, nr, n);
}

static bool check_bits(struct walk *w, const struct rst_zone *z, uint32_t nonempty,
		       const struct rst_list *lists, unsigned orders)
{
	uint32_t bits = 0;

	for (unsigned order = 0; order < orders; order++)
		bits |= (uint32_t)(lists[order].head != RST_NO_FRAME) << order;
	return equal(w, "the bits of the lists that are not empty are right", z, bits, nonempty);
}

static bool check_llist(struct walk *w, const struct rst_zone *z, const struct rst_llist *list,
			uint64_t *frames)
{
	uint64_t word = rst_load_rlx(&list->word), n = 0;
	rst_frame_id f = (uint32_t)word ? (uint32_t)word - 1 : RST_NO_FRAME;

	for (; f != RST_NO_FRAME && n <= word >> 32; f = w->r->frames[f].next) {
		if (!frame_exists(w, z, f))
			return false;
		if (rst_kind_of(rst_load_state(w->r, f)) != RST_LLIST)
			return fail(w, "a block on a lock-free list says so", z,
				    rst_pfn_of(rst_span_of(&w->r->base.map, f), f), RST_LLIST,
				    rst_kind_of(rst_load_state(w->r, f)));
		n += 1ull << rst_order_of(rst_load_state(w->r, f));
	}
	*frames += n;
	return equal(w, "a lock-free list holds as many frames as it says", z, word >> 32, n);
}

/* The owner's lists of fragmented blocks: right owner, right type, fragments there. */
static bool check_fragmented(struct walk *w, const struct rst_zone *z, const struct rst_pcp *pcp,
			     uint64_t *listed)
{
	for (unsigned type = 0; type < RST_TYPES; type++) {
		rst_block_id head = pcp->fragmented[type], id = head;
		uint32_t n = 0;

		while (id != RST_NO_BLOCK) {
			const struct rst_block *block = &w->r->blocks[id];

			if (id >= w->r->nr_blocks || block->next >= w->r->nr_blocks)
				return fail(w, "a link leads to a pageblock that exists", z,
					    ROOST_NONE, w->r->nr_blocks, id);
			if (rst_load_rlx(&block->owner) != pcp->cpu + 1 || !block->zone_free ||
			    rst_load_rlx(&block->type) != type ||
			    w->r->blocks[block->next].prev != id || n++ == w->r->nr_blocks)
				return fail(w, "a CPU's fragmented blocks are its own", z,
					    ROOST_NONE, pcp->cpu + 1, rst_load_rlx(&block->owner));
			id = block->next == head ? RST_NO_BLOCK : block->next;
		}
		*listed += n;
	}
	return true;
}

static bool check_pcp(struct walk *w, const struct rst_zone *z, const struct rst_pcp *pcp,
		      struct seen *found, uint64_t *listed)
{
	uint64_t frames = 0;

	for (unsigned type = 0; type < RST_TYPES; type++) {
		for (unsigned order = 0; order < RST_PCP_ORDERS; order++)
			if (!check_list(w, z, &pcp->lists[type][order],
					rst_state_pcp(order, type, pcp->cpu, false), RST_MARK,
					&frames))
				return false;
		if (!check_bits(w, z, pcp->nonempty[type], pcp->lists[type], RST_PCP_ORDERS))
			return false;
	}
	found->on_pcps += frames;
	if (rst_load_rlx(&pcp->dead) && (frames || rst_llist_frames(&pcp->llist)))
		return fail(w, "an off-line CPU holds nothing", z, ROOST_NONE, 0, frames);
	return equal(w, "no pcp lock is held", z, 0, rst_try_held(&pcp->lock)) &&
	       equal(w, "a pcp's count is right", z, frames, rst_load_rlx(&pcp->count)) &&
	       check_llist(w, z, &pcp->llist, &found->on_llists) &&
	       check_fragmented(w, z, pcp, listed);
}

static bool check_zone_lists(struct walk *w, const struct rst_zone *z, struct seen *found)
{
	for (unsigned type = 0; type < ROOST_NR_LISTS; type++) {
		for (unsigned order = 0; order < RST_ORDERS; order++)
			if (!check_list(w, z, &z->lists[type][order], rst_state_zone(order, type),
					0, &found->in_zone))
				return false;
		if (!check_bits(w, z, z->nonempty[type], z->lists[type], RST_ORDERS))
			return false;
	}
	return check_llist(w, z, &z->llist, &found->on_llists);
}

/* Owned pageblocks of the zone that have frames in the zone buddy. */
static uint64_t count_fragmented(const struct roost *r, const struct rst_zone *z)
{
	uint64_t n = 0;

	for (uint32_t s = 0; s < r->base.map.nr; s++) {
		const struct rst_span *span = &r->base.map.spans[s];
		rst_block_id id = span->f0 >> ROOST_PAGEBLOCK_ORDER;
		rst_block_id end = rst_frame_of(span, span->end - 1) >> ROOST_PAGEBLOCK_ORDER;

		for (; &r->zones[span->zone] == z && id <= end; id++)
			n += rst_is_present(&r->base, id) && rst_load_rlx(&r->blocks[id].owner) &&
			     r->blocks[id].zone_free;
	}
	return n;
}

static uint64_t isolated(const struct rst_zone *z)
{
	uint64_t frames = 0;

	for (unsigned order = 0; order < RST_ORDERS; order++)
		frames += (uint64_t)rst_load_rlx(&z->lists[ROOST_LIST_ISOLATE][order].nr) << order;
	return frames;
}

static bool check_zone(struct walk *w, const struct rst_zone *z)
{
	struct seen seen = {0}, found = {0};
	uint64_t listed = 0;

	for (uint32_t s = 0; s < w->r->base.map.nr; s++)
		if (&w->r->zones[w->r->base.map.spans[s].zone] == z &&
		    !check_span(w, &w->r->base.map.spans[s], &seen))
			return false;
	if (!check_zone_lists(w, z, &found))
		return false;
	for (unsigned cpu = 0; cpu < w->r->base.nr_cpus; cpu++)
		if (!check_pcp(w, z, &z->pcps[cpu], &found, &listed))
			return false;
	for (unsigned type = 0; type < ROOST_NR_LISTS; type++)
		if (!equal(w, "the number of pageblocks of a type is right", z, seen.blocks[type],
			   rst_load_rlx(&z->blocks[type])))
			return false;
	return equal(w, "no change of what is present is under way", z, RST_HOTPLUG_IDLE,
		     rst_load_rlx(&w->r->base.hotplug.state)) &&
	       equal(w, "the zone lock is not held", z, 0, rst_spin_held(&z->lock)) &&
	       equal(w, "fragmented blocks are on their owners' lists", z,
		     count_fragmented(w->r, z), listed) &&
	       equal(w, "the zone's count of isolated frames is right", z, isolated(z),
		     rst_load_rlx(&z->isolated)) &&
	       equal(w, "the zone's count is right", z, seen.in_zone, rst_load_rlx(&z->free)) &&
	       equal(w, "chunks in the zone are on its lists", z, seen.in_zone, found.in_zone) &&
	       equal(w, "chunks on pcps are on their lists", z, seen.on_pcps, found.on_pcps) &&
	       equal(w, "blocks on lock-free lists are on them", z, seen.on_llists,
		     found.on_llists) &&
	       equal(w, "every frame is in exactly one place", z, rst_zone_managed(&z->desc),
		     seen.allocated + seen.in_zone + seen.on_pcps + seen.on_llists);
}

int roost_validate(const roost_t *roost, struct roost_violation *violation)
{
	struct walk w = {.r = roost, .note.out = violation};

	for (unsigned i = 0; i < roost->base.nr_zones; i++)
		if (!check_zone(&w, &roost->zones[i]))
			return -ROOST_EUCLEAN;
	return 0;
}
