/* SPDX-License-Identifier: MIT */
/* model.c - see model.h. */
#include "model.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "cpus.h"

#define TELL(m, ...)                                                                               \
	do {                                                                                       \
		snprintf((m)->told, sizeof((m)->told), __VA_ARGS__);                               \
		if ((m)->log)                                                                      \
			fprintf((m)->log, "  CPU %u: %s\n", (m)->cpu, (m)->told);                  \
	} while (0)

static unsigned below(struct model *m, unsigned limit)
{
	return m->choose(m, limit);
}

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

	if (any_apart(m) && !m->drained)
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

static unsigned max_order(const struct model *m)
{
	return m->rig.shadow.max_order;
}

static unsigned some_order(struct model *m)
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
	unsigned zone = below(m, roost_nr_zones(m->rig.roost));

	w->order = some_order(m);
	w->flags = below(m, 3);
	w->zones = UINT32_MAX;
	if (below(m, 2))
		w->flags |= ROOST_WAIT;
	if (below(m, 4) == 0)
		w->flags |= ROOST_RESERVE;
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

static void do_alloc(struct model *m)
{
	struct wish w;
	bool fail_ok;
	roost_pfn pfn;

	some_wish(m, &w);
	TELL(m, "alloc order %u flags %#x", w.order, w.flags);
	fail_ok = may_fail(m, &w);
	pfn = rig_alloc(&m->rig, w.order, w.flags);
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
	roost_pfn first, pfn;
	size_t n;
	int zone;

	if (any_apart(m) && below(m, 2))
		while (!m->apart[block])
			block = (block + 1) % MODEL_BLOCKS;
	first = m->base + (roost_pfn)block * BLOCK;
	pfn = first + below(m, BLOCK);
	zone = shadow_zone(&m->rig.shadow, pfn);
	most = m->apart[block] ? 0 : free_in_block(m, first, zone);
	TELL(m, "the rest of the pageblock of pfn %" PRIu64, pfn);
	n = roost_alloc_rest(m->rig.roost, pfn, frames);
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
	    !reserve_of(m, UINT32_MAX))
		assert_int_equal(n, most);
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

static size_t pick_some(struct model *m, struct roost_block blocks[MODEL_BATCH])
{
	size_t count = below(m, MODEL_BATCH) + 1;

	if (count > m->nr_blocks)
		count = m->nr_blocks;
	for (size_t i = 0; i < count; i++) {
		blocks[i].pfn = pick(m);
		blocks[i].order = (unsigned)shadow_order(&m->rig.shadow, blocks[i].pfn);
	}
	return count;
}

static void do_free_bulk(struct model *m)
{
	struct roost_block blocks[MODEL_BATCH];
	size_t count = pick_some(m, blocks);
	bool nolock = below(m, 2);

	TELL(m, "bulk free of %zu%s", count, nolock ? " nolock" : "");
	rig_free_bulk(&m->rig, blocks, count, nolock);
}

static void do_split(struct model *m)
{
	roost_pfn pfn = pick(m);
	unsigned from = (unsigned)shadow_order(&m->rig.shadow, pfn), to = below(m, from + 1);

	if (from - to > 6)
		to = from - 6;
	TELL(m, "split pfn %" PRIu64 " from %u to %u", pfn, from, to);
	rig_split(&m->rig, pfn, to);
	for (unsigned i = 0; i < 1u << (from - to); i++)
		note(m, pfn + ((roost_pfn)i << to));
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

/* Frames of the middle; where two zones meet there, only one of the two is meant. */
static roost_pfn middle(const struct model *m, unsigned block)
{
	return m->base + block * BLOCK + BLOCK / 2;
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

static bool can_isolate(const struct model *m, unsigned block)
{
	struct roost_frame_info info;

	roost_frame_info(m->rig.roost, middle(m, block), &info);
	return info.state != ROOST_FRAME_OUTSIDE && info.type != ROOST_LIST_RESERVE &&
	       !has_two_zones(m, block);
}

static void set_apart(struct model *m, unsigned block)
{
	m->drained = below(m, 2);
	TELL(m, "set apart block %u%s", block, m->drained ? ", then drain" : "");
	assert_int_equal(roost_isolate(m->rig.roost, middle(m, block), true), 0);
	m->apart[block] = true;
	if (m->drained)
		roost_drain(m->rig.roost, -1);
}

static void put_back(struct model *m, unsigned block)
{
	TELL(m, "put back block %u", block);
	assert_int_equal(roost_isolate(m->rig.roost, middle(m, block), false), 0);
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
	} else if (!m->apart[block] && can_isolate(m, block)) {
		set_apart(m, block);
	}
}

/* At rest there is nothing to recover. */
static void do_recover(struct model *m)
{
	TELL(m, "recover");
	assert_int_equal(roost_recover(m->rig.roost), 0);
}

/* ---- Misuse: it is reported and changes nothing -------------------------------------------- */

/* The report about a block fits what is known of it. */
static void check_told(const struct model *m, const struct roost_misuse *told, roost_pfn pfn,
		       unsigned order)
{
	const struct shadow *s = &m->rig.shadow;
	unsigned state = shadow_state(s, pfn);
	bool aligned = order <= max_order(m) && !(pfn & ((UINT64_C(1) << order) - 1));

	assert_int_equal(told->pfn, pfn);
	assert_int_equal(told->order_given, order > INT_MAX ? INT_MAX : (int)order);
	if (order > max_order(m))
		assert_int_equal(told->kind, ROOST_MISUSE_BAD_ORDER);
	else if (state == SHADOW_RESERVED)
		assert_true(told->kind == ROOST_MISUSE_HOLE ||
			    told->kind == ROOST_MISUSE_OUT_OF_RANGE ||
			    (!aligned && told->kind == ROOST_MISUSE_MISALIGNED));
	else if (!aligned)
		assert_int_equal(told->kind, ROOST_MISUSE_MISALIGNED);
	else if (state == SHADOW_FREE)
		assert_true(told->kind == ROOST_MISUSE_DOUBLE_FREE ||
			    told->kind == ROOST_MISUSE_NOT_ALLOCATED);
	else
		assert_int_equal(told->kind, state == SHADOW_INSIDE ? ROOST_MISUSE_NOT_ALLOCATED
								    : ROOST_MISUSE_WRONG_ORDER);
	if (state >= SHADOW_HEAD && told->head_found != ROOST_NONE) {
		assert_int_equal(told->head_found, pfn);
		assert_int_equal(told->order_found, shadow_order(s, pfn));
	}
}

static void one_misuse(struct model *m, const char *call)
{
	if (m->rig.nr_misuse != 1)
		fail_msg("%u misuses were reported, not 1", m->rig.nr_misuse);
	assert_string_equal(m->rig.misuse[0].call, call);
	m->rig.nr_misuse = 0;
}

static roost_pfn foreign_frame(struct model *m)
{
	const roost_pfn end = m->base + MODEL_FRAMES;

	switch (below(m, 6)) {
	case 0:
		return ROOST_NONE;
	case 1:
		return end + below(m, 256);
	case 2:
		return m->base - 1 - below(m, 256);
	case 3:
		return UINT64_C(1) << below(m, 64);
	case 4:
		return end + (UINT64_C(1) << below(m, 64));
	default:
		return m->base + (UINT64_C(1) << 32) * (1 + below(m, 256)) + below(m, MODEL_FRAMES);
	}
}

/* A pfn and an order of which no block is handed out. */
static struct roost_block no_block(struct model *m)
{
	static const unsigned orders[] = {1, 31, 32, 63, 64, 255, 256, INT_MAX, UINT_MAX};
	struct roost_block b = {.order = below(m, 3) ? 0 : some_order(m)};
	unsigned how = below(m, 8);

	b.pfn = m->base + below(m, MODEL_FRAMES);
	if (how == 0)
		b.pfn = foreign_frame(m);
	else if (how == 1)
		b.order = orders[below(m, LENGTH(orders))];
	if (how == 1 && b.order <= max_order(m))
		b.order += max_order(m);
	if (how == 2 && m->nr_blocks) /* near one */
		b.pfn = m->blocks[below(m, (unsigned)m->nr_blocks)];
	if (shadow_order(&m->rig.shadow, b.pfn) == (int)b.order)
		b.order++;
	return b;
}

static void wrong_free(struct model *m)
{
	static const char *const calls[] = {"roost_free", "roost_free_nolock", "roost_free_bulk",
					    "roost_free_bulk_nolock"};
	struct roost_block b = no_block(m);
	unsigned way = below(m, 4);

	TELL(m, "wrong %s of pfn %" PRIu64 " order %u", calls[way], b.pfn, b.order);
	if (way == 0)
		roost_free(m->rig.roost, b.pfn, b.order);
	else if (way == 1)
		roost_free_nolock(m->rig.roost, b.pfn, b.order);
	else if (way == 2)
		roost_free_bulk(m->rig.roost, &b, 1);
	else
		roost_free_bulk_nolock(m->rig.roost, &b, 1);
	one_misuse(m, calls[way]);
	check_told(m, &m->rig.misuse[0], b.pfn, b.order);
}

static void wrong_split(struct model *m)
{
	struct roost_block b = no_block(m);
	unsigned to = below(m, b.order < 20 ? b.order + 1 : 20);

	TELL(m, "wrong split of pfn %" PRIu64 " from %u to %u", b.pfn, b.order, to);
	assert_int_equal(roost_split(m->rig.roost, b.pfn, b.order, to), -ROOST_EINVAL);
	one_misuse(m, "roost_split");
	check_told(m, &m->rig.misuse[0], b.pfn, b.order);
}

/* The good ones are freed all the same. */
static void bad_one_in_a_batch(struct model *m)
{
	struct roost_block blocks[MODEL_BATCH + 1], bad = no_block(m);
	size_t count = pick_some(m, blocks), at = below(m, (unsigned)count + 1);
	bool nolock = below(m, 2);

	/* What it would be misuse of is as it was when the call is made, not after a part of it. */
	for (size_t i = 0; i < count; i++)
		if (blocks[i].pfn <= bad.pfn &&
		    bad.pfn - blocks[i].pfn < UINT64_C(1) << blocks[i].order)
			bad.pfn = ROOST_NONE;
	memmove(blocks + at + 1, blocks + at, (count - at) * sizeof(*blocks));
	blocks[at] = bad;
	TELL(m, "bulk free of %zu%s, one of them wrong: pfn %" PRIu64 " order %u", count + 1,
	     nolock ? " nolock" : "", bad.pfn, bad.order);
	for (size_t i = 0; i <= count; i++)
		if (i != at)
			assert_null(shadow_put(&m->rig.shadow, blocks[i].pfn));
	if (nolock)
		roost_free_bulk_nolock(m->rig.roost, blocks, count + 1);
	else
		roost_free_bulk(m->rig.roost, blocks, count + 1);
	one_misuse(m, nolock ? "roost_free_bulk_nolock" : "roost_free_bulk");
	assert_int_equal(m->rig.misuse[0].pfn, bad.pfn);
}

static unsigned bad_flags(struct model *m)
{
	unsigned nr_zones = roost_nr_zones(m->rig.roost);

	switch (below(m, 4)) {
	case 0:
		return 3;
	case 1:
		return 1u << (5 + below(m, 3));
	case 2:
		return 1u << (24 + below(m, 8));
	default:
		return ROOST_ZONE(nr_zones + below(m, 255 - nr_zones));
	}
}

static void wrong_alloc(struct model *m)
{
	bool bulk = below(m, 2), by_flags = below(m, 2);
	unsigned flags = by_flags ? bad_flags(m) : below(m, 3), order = some_order(m);
	roost_pfn pfns[2];

	if (!by_flags)
		order += max_order(m) + 1;
	if (below(m, 2))
		flags |= ROOST_WAIT;
	TELL(m, "wrong%s alloc order %u flags %#x", bulk ? " bulk" : "", order, flags);
	if (bulk)
		assert_int_equal(roost_alloc_bulk(m->rig.roost, order, flags, pfns, 2), 0);
	else
		assert_int_equal(roost_alloc(m->rig.roost, order, flags), ROOST_NONE);
	one_misuse(m, bulk ? "roost_alloc_bulk" : "roost_alloc");
	assert_int_equal(m->rig.misuse[0].kind,
			 by_flags ? ROOST_MISUSE_BAD_FLAGS : ROOST_MISUSE_BAD_ORDER);
}

/* Calls that return an error and are no misuse. */
static void refused(struct model *m)
{
	unsigned block = below(m, MODEL_BLOCKS), cpu = roost_nr_cpus(m->rig.roost);
	unsigned far = cpu + below(m, 256);
	roost_pfn foreign = foreign_frame(m);
	uint64_t frames[ROOST_PAGEBLOCK_WORDS];

	TELL(m, "what is refused: CPU %u, pfn %" PRIu64 ", block %u", far, foreign, block);
	assert_int_equal(roost_cpu_offline(m->rig.roost, far), -ROOST_EINVAL);
	assert_int_equal(roost_cpu_online(m->rig.roost, far), -ROOST_EINVAL);
	if (foreign - m->base >= MODEL_FRAMES) {
		assert_int_equal(roost_isolate(m->rig.roost, foreign, true), -ROOST_EINVAL);
		assert_int_equal(roost_isolate(m->rig.roost, foreign, false), -ROOST_EINVAL);
		assert_int_equal(roost_order(m->rig.roost, foreign), -1);
		assert_int_equal(roost_alloc_rest(m->rig.roost, foreign, frames), 0);
	}
	if (can_isolate(m, block))
		assert_int_equal(roost_isolate(m->rig.roost, middle(m, block), m->apart[block]),
				 -ROOST_EINVAL);
	rig_expect_none(&m->rig);
}

static void do_misuse(struct model *m)
{
	unsigned what = below(m, 8);

	if (what == 0)
		refused(m);
	else if (what == 1)
		wrong_alloc(m);
	else if (m->rig.config.check_level == ROOST_CHECK_NONE)
		return;
	else if (what == 2)
		wrong_split(m);
	else if (what == 3)
		bad_one_in_a_batch(m);
	else
		wrong_free(m);
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
		do_misuse(m);
	else if (what < 12)
		do_drain(m);
	else if (what < 15)
		do_hotplug(m);
	else if (what < 18)
		do_isolate(m);
	else if (what < 19)
		do_rest(m);
	else if (what < 20)
		do_recover(m);
	else if (what < (m->greedy ? 75 : 35) || !m->nr_blocks)
		what & 7 ? do_alloc(m) : do_alloc_bulk(m);
	else if (what & 7)
		do_free(m);
	else if (what & 8)
		do_free_bulk(m);
	else
		do_split(m);
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
	TELL(m, "the end");
	for (unsigned cpu = 0; cpu < roost_nr_cpus(m->rig.roost); cpu++)
		assert_int_equal(roost_cpu_online(m->rig.roost, cpu), 0);
	rig_home(&m->rig);
	rig_close(&m->rig);
}
