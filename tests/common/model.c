/* SPDX-License-Identifier: MIT */
/* model.c - see model.h. */
#include "model.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cpus.h"
#include "model_parts.h"

/* ---- What must hold ---------------------------------------------------------------------- */

/* What an allocation asks for: zones that it may come from as bits. */
struct wish {
	unsigned order, flags;
	uint32_t zones;
};

static size_t block_at(const struct model *m, roost_pfn pfn)
{
	return (size_t)((pfn - m->base) / BLOCK);
}

static bool is_apart(const struct model *m, roost_pfn pfn, unsigned order)
{
	for (roost_pfn end = pfn + (UINT64_C(1) << order); pfn < end; pfn += BLOCK)
		if (block_at(m, pfn) < MODEL_BLOCKS && m->apart[block_at(m, pfn)])
			return true;
	return false;
}

static bool any_apart(const struct model *m)
{
	for (unsigned i = 0; i < MODEL_BLOCKS; i++)
		if (m->apart[i])
			return true;
	return false;
}

static bool is_wished(const struct wish *w, int zone)
{
	return zone >= 0 && w->zones >> zone & 1;
}

/* Frames that the zones keep for callers that may use the reserve. */
static uint64_t reserve_of(const struct model *m, uint32_t zones)
{
	uint64_t frames = 0;

	for (size_t i = 0; i < m->rig.config.nr_zones; i++)
		frames += zones >> i & 1 ? m->rig.config.zones[i].reserve : 0;
	return frames;
}

/* Free frames that may be handed out. */
static uint64_t usable(const struct model *m, const struct wish *w)
{
	uint64_t frames = 0;

	for (size_t i = 0; i < m->rig.shadow.nr_ranges; i++) {
		const struct shadow_range *r = &m->rig.shadow.ranges[i];

		if (!is_wished(w, (int)r->zone))
			continue;
		for (roost_pfn pfn = r->start; pfn < r->end; pfn++)
			frames += !is_apart(m, pfn, 0) && r->state[pfn - r->start] == SHADOW_FREE;
	}
	return frames;
}

/* Is there room for such a block, if all that is free were merged? */
static bool room_for(const struct model *m, const struct wish *w)
{
	roost_pfn end = m->base + MODEL_FRAMES, size = UINT64_C(1) << w->order;

	for (roost_pfn pfn = m->base; pfn < end; pfn += size)
		if (!is_apart(m, pfn, w->order) && shadow_is_free(&m->rig.shadow, pfn, w->order) &&
		    is_wished(w, shadow_zone(&m->rig.shadow, pfn)))
			return true;
	return false;
}

/* Does a single free block of at least that order exist? */
static bool block_of(const struct model *m, const struct wish *w)
{
	roost_pfn end = m->base + MODEL_FRAMES;
	struct roost_frame_info info;

	for (roost_pfn pfn = m->base; pfn < end; pfn += UINT64_C(1) << w->order) {
		roost_frame_info(m->rig.roost, pfn, &info);
		if (info.state != ROOST_FRAME_OUTSIDE && info.state != ROOST_FRAME_INSIDE &&
		    info.state != ROOST_FRAME_ALLOCATED && info.order >= w->order &&
		    is_wished(w, info.zone) && !is_apart(m, pfn, info.order))
			return true;
	}
	return false;
}

/* May an allocation fail? Asked before it is made. */
static bool may_fail(const struct model *m, const struct wish *w)
{
	uint64_t reserve = reserve_of(m, w->zones);

	if ((any_apart(m) && !m->drained) || w->flags & (ROOST_ONCE | ROOST_NOSTEAL))
		return true;
	if (reserve && !(w->flags & ROOST_RESERVE))
		return w->order > 0 || usable(m, w) <= reserve;
	if (reserve && w->order > ROOST_PAGEBLOCK_ORDER)
		return true;
	if (w->order == 0 || w->flags & ROOST_WAIT)
		return !room_for(m, w);
	return !block_of(m, w);
}

/* ---- Allocations ------------------------------------------------------------------------- */

unsigned model_some_order(struct model *m)
{
	unsigned k = below(m, 100);

	if (m->large && k & 1)
		return max_order(m) - k % 3;
	return k < 60 ? 0 : k < 90 ? k % 5 : k % (max_order(m) + 1);
}

static unsigned node_of_zone(const struct model *m, unsigned zone)
{
	return zone < m->rig.config.nr_zones ? m->rig.config.zones[zone].node : 0;
}

static uint32_t zones_of_node(const struct model *m, unsigned node)
{
	uint32_t zones = 0;

	for (unsigned i = 0; i < roost_nr_zones(m->rig.roost); i++)
		if (node_of_zone(m, i) == node)
			zones |= UINT32_C(1) << i;
	return zones;
}

static void some_wish(struct model *m, struct wish *w)
{
	static const unsigned looks[] = {ROOST_ONCE, ROOST_ATOMIC, 0, 0};
	unsigned zone = below(m, roost_nr_zones(m->rig.roost));

	w->order = model_some_order(m);
	w->flags = below(m, 3);
	w->zones = UINT32_MAX;
	if (below(m, 2))
		w->flags |= ROOST_WAIT;
	else
		w->flags |= looks[below(m, 4)];
	if (below(m, 4) == 0)
		w->flags |= ROOST_RESERVE;
	if (below(m, 8) == 0)
		w->flags |= ROOST_NOSTEAL;
	switch (below(m, 6)) {
	case 0:
		w->flags |= ROOST_ZONE(zone);
		w->zones = UINT32_C(1) << zone;
		break;
	case 1:
		w->flags |= ROOST_NODE(node_of_zone(m, zone));
		break;
	case 2:
		w->flags |= ROOST_NODE(node_of_zone(m, zone)) | ROOST_THISNODE;
		w->zones = zones_of_node(m, node_of_zone(m, zone));
		break;
	}
}

static void note(struct model *m, roost_pfn pfn)
{
	assert_true(m->nr_blocks < LENGTH(m->blocks));
	m->blocks[m->nr_blocks++] = pfn;
}

static void handed_out(struct model *m, const struct wish *w, roost_pfn pfn)
{
	if (m->drained && is_apart(m, pfn, w->order))
		fail_msg("handed out of a pageblock set apart: pfn %" PRIu64, pfn);
	if (!is_wished(w, shadow_zone(&m->rig.shadow, pfn)))
		fail_msg("pfn %" PRIu64 " is of another zone", pfn);
	assert_int_equal(roost_order(m->rig.roost, pfn), w->order);
	note(m, pfn);
}

/* The free run that holds a frame is free, and none holds one that is not. */
static void check_free_order(struct model *m)
{
	roost_pfn pfn = m->base + below(m, MODEL_FRAMES);
	int order = roost_free_order(m->rig.roost, pfn);

	if (shadow_state(&m->rig.shadow, pfn) != SHADOW_FREE)
		assert_int_equal(order, -1);
	else if (order < 0 ||
		 !shadow_is_free(&m->rig.shadow, pfn >> order << order, (unsigned)order))
		fail_msg("the free run around pfn %" PRIu64 " has order %d", pfn, order);
}

/* Some frames less than a power of two: it fails only if there is no block of that either. */
static void do_alloc_n(struct model *m)
{
	struct wish w;
	uint64_t n;
	roost_pfn pfn;
	bool fail_ok;

	some_wish(m, &w);
	n = (UINT64_C(1) << w.order) - below(m, 1u << w.order) / 2;
	TELL(m, "alloc %" PRIu64 " frames, flags %#x", n, w.flags);
	fail_ok = may_fail(m, &w);
	pfn = rig_alloc_n(&m->rig, n, w.flags);
	if (pfn == ROOST_NONE && !fail_ok)
		fail_msg("no block of %" PRIu64 " frames flags %#x, though there is one", n,
			 w.flags);
	if (pfn == ROOST_NONE)
		return;
	for (uint64_t i = 0; m->drained && i < rig_size(n); i++)
		if (is_apart(m, pfn + i, 0))
			fail_msg("handed out of a pageblock set apart: pfn %" PRIu64, pfn + i);
	if (!is_wished(&w, shadow_zone(&m->rig.shadow, pfn)))
		fail_msg("pfn %" PRIu64 " is of another zone", pfn);
	note(m, pfn);
}

static void do_alloc(struct model *m)
{
	struct wish w;
	bool fail_ok, may;
	roost_pfn pfn;

	some_wish(m, &w);
	TELL(m, "alloc order %u flags %#x", w.order, w.flags);
	fail_ok = may_fail(m, &w);
	check_free_order(m);
	may = roost_may_alloc(m->rig.roost, w.order, w.flags);
	pfn = rig_alloc(&m->rig, w.order, w.flags);
	if (pfn != ROOST_NONE && !may)
		fail_msg("a block of order %u flags %#x, though none was noted", w.order, w.flags);
	if (pfn != ROOST_NONE)
		handed_out(m, &w, pfn);
	else if (!fail_ok)
		fail_msg("no block of order %u flags %#x, though there is one", w.order, w.flags);
}

static void do_alloc_bulk(struct model *m)
{
	roost_pfn pfns[MODEL_BATCH];
	size_t count = below(m, MODEL_BATCH) + 1, got;
	struct wish w;

	some_wish(m, &w);
	TELL(m, "bulk alloc of %zu, order %u flags %#x", count, w.order, w.flags);
	got = rig_bulk(&m->rig, w.order, w.flags, pfns, count);
	for (size_t i = 0; i < got; i++)
		handed_out(m, &w, pfns[i]);
	if (got < count && !may_fail(m, &w))
		fail_msg("%zu of %zu blocks of order %u, though there are more", got, count,
			 w.order);
}

static uint64_t free_in_block(const struct model *m, roost_pfn first, int zone)
{
	uint64_t frames = 0;

	for (roost_pfn pfn = first; pfn < first + BLOCK; pfn++)
		frames += (zone < 0 || shadow_zone(&m->rig.shadow, pfn) == zone) &&
			  shadow_state(&m->rig.shadow, pfn) == SHADOW_FREE;
	return frames;
}

/* All that is free of a pageblock; with pockets or pcps perhaps less. By a frame of a hole: of any
 * zone in it. */
static void do_rest(struct model *m)
{
	unsigned block = below(m, MODEL_BLOCKS);
	uint64_t frames[ROOST_PAGEBLOCK_WORDS], most, found = 0;
	bool all = below(m, 3) == 0;
	roost_pfn first, pfn;
	size_t n;
	int zone;

	if (any_apart(m) && below(m, 2))
		while (!m->apart[block])
			block = (block + 1) % MODEL_BLOCKS;
	first = m->base + (roost_pfn)block * BLOCK;
	pfn = first + below(m, BLOCK);
	zone = shadow_zone(&m->rig.shadow, pfn);
	most = m->apart[block] && !all ? 0 : free_in_block(m, first, zone);
	TELL(m, "the rest of the pageblock of pfn %" PRIu64 "%s", pfn, all ? ", whatever" : "");
	n = all ? roost_take_rest(m->rig.roost, pfn, frames)
		: roost_alloc_rest(m->rig.roost, pfn, frames);
	for (unsigned i = 0; i < BLOCK; i++) {
		if (!(frames[i / 64] >> i % 64 & 1))
			continue;
		if (shadow_take(&m->rig.shadow, first + i, 0) ||
		    (zone >= 0 && shadow_zone(&m->rig.shadow, first + i) != zone))
			fail_msg("pfn %" PRIu64 " cannot be part of a rest", first + i);
		note(m, first + i);
		found++;
	}
	assert_int_equal(found, n);
	assert_true(n <= most);
	if (!library_is_pcpbuddy && !cpus_are_real() && shadow_state(&m->rig.shadow, pfn) &&
	    (all || !reserve_of(m, UINT32_MAX)))
		assert_int_equal(n, most);
}

/* How many frames of a range are not free; *hole: some are no memory, or in another zone. */
static uint64_t in_use(const struct model *m, roost_pfn pfn, uint64_t n, bool *hole)
{
	int zone = shadow_zone(&m->rig.shadow, pfn);
	uint64_t frames = 0;

	*hole = false;
	for (uint64_t i = 0; i < n; i++) {
		unsigned state = shadow_state(&m->rig.shadow, pfn + i);

		*hole |= state == SHADOW_RESERVED || shadow_zone(&m->rig.shadow, pfn + i) != zone;
		frames += state != SHADOW_FREE;
	}
	return frames;
}

/* Frames by address: all or none, wherever they lie; mostly of those that are free. */
static void do_range(struct model *m)
{
	uint64_t n = below(m, 4) ? 1 + below(m, 80) : 1 + below(m, 3 * BLOCK), used;
	roost_pfn pfn = m->base + below(m, MODEL_FRAMES);
	bool hole;
	int err;

	for (unsigned i = 0; i < MODEL_FRAMES && below(m, 16); i++) { /* the next that is free */
		if (shadow_state(&m->rig.shadow, pfn) == SHADOW_FREE)
			break;
		pfn = m->base + (pfn - m->base + 1) % MODEL_FRAMES;
	}
	used = in_use(m, pfn, n, &hole);
	if (used && used < n && below(m, 8)) /* up to the first that is not */
		for (n = 0; shadow_state(&m->rig.shadow, pfn + n) == SHADOW_FREE;)
			n++;
	used = in_use(m, pfn, n, &hole);
	TELL(m, "take range of pfn %" PRIu64 ", %" PRIu64 " frames", pfn, n);
	err = rig_take_range(&m->rig, pfn, n);
	if (hole || !n)
		assert_true(err == -ROOST_EINVAL || (used && err == -ROOST_EBUSY));
	else
		assert_int_equal(err, used ? -ROOST_EBUSY : 0);
	for (uint64_t i = 0; !err && i < n;
	     i += UINT64_C(1) << shadow_order(&m->rig.shadow, pfn + i))
		note(m, pfn + i);
}

/* ---- Frees ------------------------------------------------------------------------------- */

static roost_pfn pick(struct model *m)
{
	size_t i = below(m, (unsigned)m->nr_blocks);
	roost_pfn pfn = m->blocks[i];

	m->blocks[i] = m->blocks[--m->nr_blocks];
	return pfn;
}

static void do_free(struct model *m)
{
	roost_pfn pfn = pick(m);
	bool nolock = below(m, 3) == 0;

	TELL(m, "free pfn %" PRIu64 "%s", pfn, nolock ? " nolock" : "");
	nolock ? rig_free_nolock(&m->rig, pfn) : rig_free(&m->rig, pfn);
	assert_int_equal(roost_order(m->rig.roost, pfn), -1);
}

/* Gives back everything, so that large blocks can be allocated again. */
static void do_free_all(struct model *m)
{
	TELL(m, "free all");
	rig_free_all(&m->rig);
	m->nr_blocks = 0;
}

size_t model_pick_some(struct model *m, struct roost_block blocks[MODEL_BATCH])
{
	size_t count = below(m, MODEL_BATCH) + 1;

	if (count > m->nr_blocks)
		count = m->nr_blocks;
	for (size_t i = 0; i < count; i++) {
		do { /* one of an odd size is no part of a batch */
			if (!m->nr_blocks)
				return i;
			blocks[i].pfn = pick(m);
			if (shadow_order(&m->rig.shadow, blocks[i].pfn) < 0)
				rig_free(&m->rig, blocks[i].pfn);
		} while (!shadow_frames(&m->rig.shadow, blocks[i].pfn));
		blocks[i].order = (unsigned)shadow_order(&m->rig.shadow, blocks[i].pfn);
	}
	return count;
}

static void do_free_bulk(struct model *m)
{
	struct roost_block blocks[MODEL_BATCH];
	size_t count = model_pick_some(m, blocks);
	bool nolock = below(m, 2);

	TELL(m, "bulk free of %zu%s", count, nolock ? " nolock" : "");
	rig_free_bulk(&m->rig, blocks, count, nolock);
}

static void do_split(struct model *m)
{
	roost_pfn pfn = pick(m), end = pfn + shadow_frames(&m->rig.shadow, pfn);
	unsigned from, to;

	if (shadow_order(&m->rig.shadow, pfn) < 0) {
		TELL(m, "split pfn %" PRIu64 ", %" PRIu64 " frames", pfn, end - pfn);
		rig_split_n(&m->rig, pfn);
		for (; pfn < end; pfn += shadow_frames(&m->rig.shadow, pfn))
			note(m, pfn);
		return;
	}
	from = (unsigned)shadow_order(&m->rig.shadow, pfn);
	to = below(m, from + 1);
	if (from - to > 6)
		to = from - 6;
	TELL(m, "split pfn %" PRIu64 " from %u to %u", pfn, from, to);
	rig_split(&m->rig, pfn, to);
	for (unsigned i = 0; i < 1u << (from - to); i++)
		note(m, pfn + ((roost_pfn)i << to));
}

static void list_again(void *context, roost_pfn pfn, unsigned order)
{
	(void)order;
	note(context, pfn);
}

/* A part of a block goes; then merges what can be merged around another one. */
static void do_parts(struct model *m)
{
	roost_pfn pfn = m->blocks[below(m, (unsigned)m->nr_blocks)];
	uint64_t n = shadow_frames(&m->rig.shadow, pfn);
	bool odd = shadow_order(&m->rig.shadow, pfn) < 0, part = below(m, 2);
	unsigned from, order;

	if (odd) { /* one of its pieces */
		for (roost_pfn end = pfn + n; below(m, 3) && n > 1; n = end - pfn) {
			order = shadow_piece(pfn, end, max_order(m));
			if (pfn + (UINT64_C(1) << order) == end)
				break;
			pfn += UINT64_C(1) << order;
		}
		from = shadow_piece(pfn, pfn + n, max_order(m));
	} else {
		from = (unsigned)shadow_order(&m->rig.shadow, pfn);
	}
	order = below(m, from + 1);
	if (part || odd) {
		pfn += (roost_pfn)below(m, 1u << (from - order)) << order;
		TELL(m, "free part of a block of order %u: pfn %" PRIu64 " order %u", from, pfn,
		     order);
		rig_free_part(&m->rig, pfn, order);
	} else {
		order = from;
		while (order < max_order(m) && below(m, 12) &&
		       !shadow_is_made_of_blocks(&m->rig.shadow, pfn >> order << order, order + 1))
			order++;
		while (order < max_order(m) &&
		       shadow_is_made_of_blocks(&m->rig.shadow, pfn >> (order + 1) << (order + 1),
						order + 1))
			order++;
		pfn = pfn >> order << order;
		if (!shadow_is_made_of_blocks(&m->rig.shadow, pfn, order))
			return;
		TELL(m, "merge pfn %" PRIu64 " order %u", pfn, order);
		rig_merge(&m->rig, pfn, order);
	}
	m->nr_blocks = 0;
	shadow_each(&m->rig.shadow, list_again, m);
}

/* ---- CPUs and pageblocks ----------------------------------------------------------------- */

static void do_drain(struct model *m)
{
	int cpu = below(m, 2) ? -1 : (int)below(m, roost_nr_cpus(m->rig.roost));

	TELL(m, "drain %d", cpu);
	roost_drain(m->rig.roost, cpu);
	if (cpu < 0)
		m->drained = true;
}

static void do_hotplug(struct model *m)
{
	unsigned cpu = below(m, roost_nr_cpus(m->rig.roost));
	bool online = below(m, 2);

	TELL(m, "cpu %u %s", cpu, online ? "on-line" : "off-line");
	assert_int_equal(online ? roost_cpu_online(m->rig.roost, cpu)
				: roost_cpu_offline(m->rig.roost, cpu),
			 0);
	if (!online)
		assert_int_equal(rig_cpu_holds(&m->rig, cpu), 0);
}

static bool has_two_zones(const struct model *m, unsigned block)
{
	int zone = -1;

	for (roost_pfn pfn = m->base + block * BLOCK; pfn < m->base + (block + 1) * BLOCK; pfn++) {
		int its = shadow_zone(&m->rig.shadow, pfn);

		if (zone >= 0 && its >= 0 && its != zone)
			return true;
		zone = its >= 0 ? its : zone;
	}
	return false;
}

bool model_can_isolate(const struct model *m, unsigned block)
{
	struct roost_frame_info info;

	roost_frame_info(m->rig.roost, model_middle(m, block), &info);
	return info.state != ROOST_FRAME_OUTSIDE && info.type != ROOST_LIST_RESERVE &&
	       !has_two_zones(m, block);
}

static void set_apart(struct model *m, unsigned block)
{
	m->drained = below(m, 2);
	TELL(m, "set apart block %u%s", block, m->drained ? ", then drain" : "");
	assert_int_equal(roost_isolate(m->rig.roost, model_middle(m, block), true), 0);
	m->apart[block] = true;
	if (m->drained)
		roost_drain(m->rig.roost, -1);
}

static void put_back(struct model *m, unsigned block)
{
	TELL(m, "put back block %u", block);
	assert_int_equal(roost_isolate(m->rig.roost, model_middle(m, block), false), 0);
	m->apart[block] = false;
}

/* Mostly none is apart, so that large blocks can be allocated and freed round the one that is. */
static void do_isolate(struct model *m)
{
	unsigned block = below(m, MODEL_BLOCKS);

	if (m->nr_blocks && below(m, 2)) /* one that is in use */
		block = (unsigned)block_at(m, m->blocks[below(m, (unsigned)m->nr_blocks)]);
	if (any_apart(m) && below(m, 3)) {
		while (!m->apart[block])
			block = (block + 1) % MODEL_BLOCKS;
		put_back(m, block);
	} else if (!m->apart[block] && model_can_isolate(m, block)) {
		set_apart(m, block);
	}
}

/* ---- Memory ------------------------------------------------------------------------------ */

static void plug(struct model *m, unsigned block)
{
	roost_pfn start = m->absent[block].start, end = m->absent[block].end;

	TELL(m, "add pfn %" PRIu64 " to %" PRIu64, start, end);
	assert_int_equal(rig_add_range(&m->rig, start, end - start), 0);
	m->absent[block].start = m->absent[block].end = 0;
}

/* All that a pageblock has, if it is of one zone. None of it may be in use or the reserve. */
static void unplug(struct model *m, unsigned block)
{
	roost_pfn first = m->base + block * BLOCK, start = first, end = first + BLOCK;
	struct roost_pageblock_info info;
	bool hole, isolated = m->apart[block];
	uint64_t used;
	int err;

	while (start < end && !shadow_state(&m->rig.shadow, start))
		start++;
	while (start < end && !shadow_state(&m->rig.shadow, end - 1))
		end--;
	if (start == end || has_two_zones(m, block))
		return;
	assert_int_equal(roost_pageblock_info(m->rig.roost, start, &info), 0);
	used = in_use(m, start, end - start, &hole);
	TELL(m, "remove pfn %" PRIu64 " to %" PRIu64 "%s", start, end, isolated ? ", apart" : "");
	err = rig_remove_range(&m->rig, start, end - start);
	if (info.type == ROOST_LIST_RESERVE)
		assert_int_equal(err, -ROOST_EBUSY);
	else if (hole)
		assert_true(err == -ROOST_EINVAL || err == -ROOST_EBUSY);
	else
		assert_int_equal(err, used ? -ROOST_EBUSY : 0);
	if (err)
		return;
	m->absent[block].start = start;
	m->absent[block].end = end;
	m->apart[block] = false;
}

/* Memory comes or goes, mostly of what is free. */
static void do_plug(struct model *m)
{
	unsigned block = below(m, MODEL_BLOCKS);

	for (unsigned i = 0; i < MODEL_BLOCKS && below(m, 8); i++) {
		roost_pfn first = m->base + block * BLOCK;

		if (m->absent[block].end ||
		    (shadow_is_free(&m->rig.shadow, first, ROOST_PAGEBLOCK_ORDER) &&
		     (m->apart[block] || !any_apart(m))))
			break;
		block = (block + 1) % MODEL_BLOCKS;
	}
	if (m->absent[block].end)
		plug(m, block);
	else
		unplug(m, block);
}

/* At rest there is nothing to recover. */
static void do_recover(struct model *m)
{
	TELL(m, "recover");
	assert_int_equal(roost_recover(m->rig.roost), 0);
}

/* There is no other context that an allocation could wait for. */
static void nobody_waited(const struct model *m)
{
	struct roost_stats stats = {0};

	assert_int_equal(roost_stats(m->rig.roost, -1, -1, &stats), 0);
	assert_int_equal(stats.wait_rounds, 0);
}

/* ---- All of them --------------------------------------------------------------------------- */

void model_event(struct model *m)
{
	unsigned what = below(m, 100);

	m->cpu = below(m, MODEL_CPUS);
	rig_cpu(&m->rig, m->cpu);
	snprintf(m->told, sizeof(m->told), "nothing");
	if (below(m, 80) == 79) {
		m->greedy = below(m, 2);
		m->large = below(m, 2);
		if (m->large)
			do_free_all(m);
	}
	if (what < 8)
		model_misuse(m);
	else if (what < 12)
		do_drain(m);
	else if (what < 15)
		do_hotplug(m);
	else if (what < 17)
		do_isolate(m);
	else if (what < 18)
		do_plug(m);
	else if (what < 19)
		below(m, 2) ? do_rest(m) : do_range(m);
	else if (what < 20)
		below(m, 3) ? do_plug(m) : do_recover(m);
	else if (what < (m->greedy ? 75 : 35) || !m->nr_blocks)
		what % 8 == 0 ? do_alloc_bulk(m) : what % 8 == 1 ? do_alloc_n(m) : do_alloc(m);
	else if (what & 7)
		do_free(m);
	else if (what & 8)
		do_free_bulk(m);
	else
		below(m, 2) ? do_split(m) : do_parts(m);
	rig_expect_none(&m->rig);
	nobody_waited(m);
}

void model_open(struct model *m, const struct roost_config *config, roost_pfn base,
		model_choose *choose, void *chooser)
{
	memset(m, 0, sizeof(*m));
	m->choose = choose;
	m->chooser = chooser;
	m->base = base;
	m->drained = m->greedy = true;
	rig_open(&m->rig, config);
}

void model_close(struct model *m)
{
	for (unsigned block = 0; block < MODEL_BLOCKS; block++)
		if (m->apart[block])
			put_back(m, block);
	for (unsigned block = 0; block < MODEL_BLOCKS; block++)
		if (m->absent[block].end)
			plug(m, block);
	TELL(m, "the end");
	for (unsigned cpu = 0; cpu < roost_nr_cpus(m->rig.roost); cpu++)
		assert_int_equal(roost_cpu_online(m->rig.roost, cpu), 0);
	rig_home(&m->rig);
	rig_close(&m->rig);
}
