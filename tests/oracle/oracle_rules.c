/* SPDX-License-Identifier: MIT */
/* oracle_rules.c - what must be so, by brute force; see oracle.h. */
#include "oracle.h"

#include <inttypes.h>
#include <string.h>

#include "counters.h"

enum { PCP_ORDER = ROOST_PAGEBLOCK_ORDER };

/* ---- The map ------------------------------------------------------------------------------- */

static void add_frame(struct oracle *o, unsigned zone, roost_pfn pfn)
{
	struct oracle_block *last = o->nr_blocks ? &o->blocks[o->nr_blocks - 1] : NULL;

	if (!last || last->zone != zone || last->first / BLOCK != pfn / BLOCK) {
		assert_in_range(o->nr_blocks, 0, ORACLE_BLOCKS - 1);
		last = &o->blocks[o->nr_blocks++];
		*last = (struct oracle_block){.first = pfn, .zone = zone};
	}
	last->last = pfn;
}

static uint64_t usable_frames(const struct oracle *o, const struct oracle_block *b)
{
	uint64_t frames = 0;

	for (roost_pfn pfn = b->first; pfn <= b->last; pfn++)
		frames += shadow_state(&o->rig.shadow, pfn) != SHADOW_RESERVED;
	return frames;
}

/* The last pageblocks of the zone, until they hold the reserve. */
static void set_reserve(struct oracle *o, unsigned zone)
{
	uint64_t held = 0;

	for (unsigned i = o->nr_blocks; i-- > 0 && held < o->zones[zone].reserve;) {
		if (o->blocks[i].zone != zone)
			continue;
		o->blocks[i].reserve = true;
		held += usable_frames(o, &o->blocks[i]);
	}
}

void oracle_look(struct oracle *o)
{
	for (size_t i = 0; i < o->rig.shadow.nr_ranges; i++) {
		const struct shadow_range *r = &o->rig.shadow.ranges[i];

		for (roost_pfn pfn = r->start; pfn < r->end; pfn++)
			if (r->state[pfn - r->start] != SHADOW_RESERVED)
				add_frame(o, r->zone, pfn);
	}
	for (unsigned zone = 0; zone < o->nr_zones; zone++)
		set_reserve(o, zone);
}

struct oracle_block *oracle_block_of(struct oracle *o, roost_pfn pfn)
{
	for (unsigned i = 0; i < o->nr_blocks; i++)
		if (pfn >= o->blocks[i].first && pfn <= o->blocks[i].last)
			return &o->blocks[i];
	fail_msg("no pageblock has pfn %" PRIu64, pfn);
	return NULL;
}

/* ---- What is free -------------------------------------------------------------------------- */

/* Free frames of a zone: in what is not set apart, and of these in the reserve's pageblocks. */
static uint64_t available(const struct oracle *o, unsigned zone, uint64_t *reserve)
{
	uint64_t frames = 0;

	*reserve = 0;
	for (unsigned i = 0; i < o->nr_blocks; i++) {
		const struct oracle_block *b = &o->blocks[i];
		uint64_t free;

		if (b->zone != zone || b->apart)
			continue;
		free = shadow_free_in(&o->rig.shadow, zone, b->first, b->last + 1);
		frames += free;
		*reserve += b->reserve ? free : 0;
	}
	return frames;
}

enum kind { ORDINARY, RESERVE };

/* Is the aligned block free, and no frame of it set apart, and all of it of that kind? */
static bool is_run(struct oracle *o, unsigned zone, roost_pfn pfn, unsigned order, enum kind kind)
{
	uint64_t size = UINT64_C(1) << order;

	if (shadow_free_in(&o->rig.shadow, zone, pfn, pfn + size) != size)
		return false;
	for (roost_pfn at = pfn; at < pfn + size; at += BLOCK) {
		const struct oracle_block *b = oracle_block_of(o, at);

		if (b->apart || b->reserve != (kind == RESERVE))
			return false;
	}
	return true;
}

static bool has_run(struct oracle *o, unsigned zone, unsigned order, enum kind kind)
{
	uint64_t size = UINT64_C(1) << order;

	for (unsigned i = 0; i < o->nr_blocks; i++) {
		const struct oracle_block *b = &o->blocks[i];

		if (b->zone != zone || b->apart || b->reserve != (kind == RESERVE))
			continue;
		for (roost_pfn pfn = (b->first + size - 1) & ~(size - 1); pfn <= b->last;
		     pfn += size)
			if (is_run(o, zone, pfn, order, kind))
				return true;
	}
	return false;
}

/* ---- Which zones --------------------------------------------------------------------------- */

static uint32_t zones_for(const struct oracle *o, unsigned flags)
{
	unsigned zone = flags >> 8 & 0xff, node = flags >> 16 & 0xff;
	uint32_t zones = (1u << o->nr_zones) - 1;

	node = node ? node - 1 : o->cpu_node[o->cpu];
	if (zone) {
		zones = 1u << (zone - 1);
	} else if (o->rig.config.zone_order) {
		zones = 0;
		for (unsigned i = 0; i < o->nr_zones; i++) {
			unsigned z = o->zone_order[node * o->nr_zones + i];

			if (z == 0xff)
				break;
			zones |= 1u << z;
		}
	}
	for (unsigned z = 0; z < o->nr_zones; z++)
		if (flags & ROOST_THISNODE && o->zones[z].node != node)
			zones &= ~(1u << z);
	return zones;
}

/* ---- The rules of roost -------------------------------------------------------------------- */

/* May a caller have an ordinary frame, one of the reserve's pageblocks? The reserve is short while
 * less of it is free than its size: then plain callers must leave that much free altogether. */
static bool may_have(const struct oracle *o, const struct oracle_call *call, unsigned zone,
		     enum kind kind)
{
	uint64_t reserve, size = UINT64_C(1) << call->order, min = o->zones[zone].reserve;
	uint64_t all;

	if (kind == RESERVE && call->order > ROOST_PAGEBLOCK_ORDER)
		return false;
	if (call->flags & ROOST_RESERVE || !min)
		return true;
	all = available(o, zone, &reserve);
	if (kind == RESERVE)
		return reserve >= min + size;
	return reserve >= min || all >= min + size;
}

static const char *roost_owes(struct oracle *o, const struct oracle_call *call, unsigned zone)
{
	if (may_have(o, call, zone, ORDINARY) && has_run(o, zone, call->order, ORDINARY))
		return "there is a free run";
	if (may_have(o, call, zone, RESERVE) && has_run(o, zone, call->order, RESERVE))
		return "there is a free run in the reserve's pageblocks";
	return NULL;
}

/* ---- The rules of pcpbuddy ----------------------------------------------------------------- */

/* Free frames in the buddy system of the zone that are not isolated. */
static uint64_t in_zone(const struct oracle *o, unsigned zone)
{
	struct roost_zone_info info;
	uint64_t frames;

	assert_int_equal(roost_zone_info(o->rig.roost, zone, &info), 0);
	frames = info.free;
	for (unsigned k = 0; k <= ROOST_MAX_ORDER; k++)
		frames -= info.blocks[ROOST_LIST_ISOLATE][k] << k;
	return frames;
}

/* Of a pageblock. */
static uint64_t frames_in_zone(const struct oracle *o, const struct oracle_block *b)
{
	uint64_t frames = 0;

	for (roost_pfn pfn = b->first; pfn <= b->last;) {
		const struct shadow *shadow = &o->rig.shadow;
		struct roost_frame_info info;

		roost_frame_info(o->rig.roost, pfn, &info);
		if (info.state == ROOST_FRAME_INSIDE && shadow_state(shadow, pfn) == SHADOW_FREE)
			frames += b->last - pfn + 1, pfn = b->last; /* of a larger free block */
		else if (info.state == ROOST_FRAME_FREE_ZONE)
			frames += info.order > ROOST_PAGEBLOCK_ORDER ? BLOCK : 1u << info.order;
		pfn += info.state == ROOST_FRAME_OUTSIDE ? 1 : UINT64_C(1) << info.order;
	}
	return frames;
}

/* The order of the largest block that lies on a pcp, -1: none. Those on a lock-free list come
 * to a pcp when somebody looks, unless their pageblock is set apart. */
static int largest_on_pcp(const struct oracle *o, unsigned zone)
{
	int largest = -1;

	for (unsigned i = 0; i < o->nr_blocks; i++) {
		const struct oracle_block *b = &o->blocks[i];
		struct roost_frame_info info;

		for (roost_pfn pfn = b->first; b->zone == zone && pfn <= b->last; pfn++) {
			roost_frame_info(o->rig.roost, pfn, &info);
			if ((info.state == ROOST_FRAME_FREE_PCP ||
			     (info.state == ROOST_FRAME_FREE_LLIST && !b->apart)) &&
			    (int)info.order > largest)
				largest = (int)info.order;
		}
	}
	return largest;
}

/* What lies on pcps anybody may take. All else is gathered in the zone, but for order 0, and there
 * plain callers leave the reserve. */
static const char *pcpbuddy_owes(struct oracle *o, const struct oracle_call *call, unsigned zone)
{
	uint64_t min = call->flags & ROOST_RESERVE ? 0 : o->zones[zone].reserve, reserve;
	int on_pcp = largest_on_pcp(o, zone);

	if (call->order <= PCP_ORDER && on_pcp >= (int)call->order)
		return "a pcp has one";
	if (available(o, zone, &reserve) < min + (UINT64_C(1) << call->order))
		return NULL;
	if (has_run(o, zone, call->order, ORDINARY) || has_run(o, zone, call->order, RESERVE))
		return "there is a free run";
	return NULL;
}

/* ---- Before -------------------------------------------------------------------------------- */

static const char *owes(struct oracle *o, const struct oracle_call *call)
{
	const char *due = NULL;

	for (unsigned zone = 0; !due && zone < o->nr_zones; zone++)
		if (call->zones >> zone & 1)
			due = library_is_pcpbuddy ? pcpbuddy_owes(o, call, zone)
						  : roost_owes(o, call, zone);
	return due;
}

/* Of what is set apart, the frames that lie on pcps: roost_isolate() says that they are still
 * handed out. */
static void note_strays(struct oracle *o)
{
	for (unsigned i = 0; i < o->nr_blocks; i++) {
		struct oracle_block *b = &o->blocks[i];
		struct roost_frame_info info;

		memset(b->stray, 0, sizeof(b->stray));
		for (roost_pfn pfn = b->first; b->apart && pfn <= b->last; pfn++) {
			roost_frame_info(o->rig.roost, pfn, &info);
			if (info.state == ROOST_FRAME_FREE_PCP)
				memset(b->stray + pfn % BLOCK, true, (size_t)1 << info.order);
		}
	}
}

void oracle_before(struct oracle *o, struct oracle_call *call, unsigned order, unsigned flags)
{
	memset(call, 0, sizeof(*call));
	call->order = order;
	call->flags = flags;
	call->zones = zones_for(o, flags);
	call->due = owes(o, call);
	for (unsigned zone = 0; library_is_pcpbuddy && zone < o->nr_zones; zone++)
		call->in_zone[zone] = in_zone(o, zone);
	if (library_is_pcpbuddy)
		note_strays(o);
	assert_int_equal(roost_stats(o->rig.roost, -1, -1, &call->stats), 0);
	call->nr_pressure = o->rig.nr_pressure;
}

/* ---- After --------------------------------------------------------------------------------- */

/* Is a frame of the block set apart, and no stray? */
static bool is_apart(struct oracle *o, roost_pfn pfn, unsigned order)
{
	for (roost_pfn at = pfn; at < pfn + (UINT64_C(1) << order); at++) {
		const struct oracle_block *b = oracle_block_of(o, at);

		if (b->apart && !b->stray[at % BLOCK])
			return true;
	}
	return false;
}

/* Why the call may not have this block, or NULL. */
static const char *objection(struct oracle *o, const struct oracle_call *call, roost_pfn pfn)
{
	unsigned zone;

	if (pfn & ((UINT64_C(1) << call->order) - 1))
		return "is not aligned";
	if (!shadow_is_free(&o->rig.shadow, pfn, call->order))
		return "is not free";
	zone = (unsigned)shadow_zone(&o->rig.shadow, pfn);
	if (!(call->zones >> zone & 1))
		return "is of a zone that was not asked for";
	if (is_apart(o, pfn, call->order))
		return "is set apart";
	if (!library_is_pcpbuddy && !may_have(o, call, zone, oracle_block_of(o, pfn)->reserve))
		return "belongs to the reserve";
	return NULL;
}

void oracle_success(struct oracle *o, const struct oracle_call *call, roost_pfn pfn)
{
	const char *wrong = objection(o, call, pfn);

	if (wrong)
		fail_msg("pfn %" PRIu64 " order %u flags %#x %s", pfn, call->order, call->flags,
			 wrong);
	if (shadow_take(&o->rig.shadow, pfn, call->order))
		fail_msg("the shadow has no pfn %" PRIu64, pfn);
}

/* pcpbuddy: what a plain caller takes out of the zone leaves the reserve there. */
static void check_floor(const struct oracle *o, const struct oracle_call *call)
{
	for (unsigned zone = 0; library_is_pcpbuddy && zone < o->nr_zones; zone++) {
		uint64_t left = in_zone(o, zone);

		if (!(call->flags & ROOST_RESERVE) && left < o->zones[zone].reserve &&
		    left < call->in_zone[zone])
			fail_msg("zone %u has %" PRIu64 " frames left, its reserve is %" PRIu64,
				 zone, left, o->zones[zone].reserve);
	}
}

static void check_work(struct oracle *o, const struct oracle_call *call, uint64_t failures)
{
	struct roost_stats stats = {0};
	uint64_t failed;

	assert_int_equal(roost_stats(o->rig.roost, -1, -1, &stats), 0);
	failed = stats.fail_wait + stats.fail_nowait - call->stats.fail_wait -
		 call->stats.fail_nowait;
	if (failed != failures)
		fail_msg("%" PRIu64 " failures counted, not %" PRIu64, failed, failures);
	if (stats.wait_rounds != call->stats.wait_rounds)
		fail_msg("order %u flags %#x slept %" PRIu64 " rounds for nobody", call->order,
			 call->flags, stats.wait_rounds - call->stats.wait_rounds);
}

/* pcpbuddy: a few for each zone, and one for each batch of what a refill takes from there and the
 * search gives back. */
static uint64_t zone_locks(const struct oracle *o)
{
	uint64_t locks = 0, reserve;

	for (unsigned zone = 0; library_is_pcpbuddy && zone < o->nr_zones; zone++) {
		locks += 8 + available(o, zone, &reserve) / marks_of(o->rig.roost, zone, 0).batch;
	}
	return locks;
}

/* Once more: what had to be moved and cleared is. */
static void fail_again(struct oracle *o, const struct oracle_call *call)
{
	struct counters stats, before;
	roost_pfn pfn;

	counters_read(&before, o->rig.roost, -1, -1);
	oracle_count_start(o);
	pfn = roost_alloc(o->rig.roost, call->order, call->flags);
	oracle_count_end(o, call);
	if (pfn != ROOST_NONE)
		fail_msg("order %u flags %#x: the same call fails and then finds pfn %" PRIu64,
			 call->order, call->flags, pfn);
	counters_read(&stats, o->rig.roost, -1, -1);
	if (stats.zone_lock - before.zone_lock > zone_locks(o))
		fail_msg("%" PRIu64 " zone locks for a call that fails, more than %" PRIu64,
			 stats.zone_lock - before.zone_lock, zone_locks(o));
}

void oracle_after(struct oracle *o, const struct oracle_call *call, size_t got, size_t wanted)
{
	const char *due = got ? NULL : call->due;

	check_floor(o, call);
	check_work(o, call, got < wanted);
	if (got == wanted)
		return;
	if (!due)
		due = owes(o, call);
	if (due)
		fail_msg("no block of order %u flags %#x, though %s", call->order, call->flags,
			 due);
	if (call->zones && o->rig.nr_pressure == call->nr_pressure)
		fail_msg("order %u flags %#x failed, and the pressure hook was not called",
			 call->order, call->flags);
	fail_again(o, call);
}

void oracle_rest(struct oracle *o, roost_pfn pfn, bool whatever, uint64_t *least, uint64_t *most)
{
	const struct oracle_block *b = oracle_block_of(o, pfn);
	uint64_t reserve, all = available(o, b->zone, &reserve), min = o->zones[b->zone].reserve;
	struct roost_pageblock_info info;

	*least = *most = 0;
	assert_int_equal(roost_pageblock_info(o->rig.roost, b->first, &info), 0);
	if (whatever)
		*least = *most = library_is_pcpbuddy ? frames_in_zone(o, b) : info.free;
	if (whatever || b->apart || b->reserve)
		return;
	(void)all;
	if (!library_is_pcpbuddy) {
		*least = *most = reserve >= min ? info.free : 0;
		return;
	}
	*most = frames_in_zone(o, b);
	all = in_zone(o, b->zone);
	*least = all >= min + *most ? *most : 0;
	if (all < min + *most)
		*most = all > min ? all - min : 0;
}
