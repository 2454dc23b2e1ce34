/* SPDX-License-Identifier: MIT */
/* oracle_rules.c - what must be so, by brute force; see oracle.h. */
#include "oracle.h"

#include <inttypes.h>
#include <string.h>

#include "counters.h"

enum {
	PCP_ORDER = ROOST_PAGEBLOCK_ORDER,
	ODD_LOOKS = 16, /* pageblocks of a list and size at which a call that does not wait looks */
};

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

/* Of these pageblocks the last ones of the zone, until they hold the reserve. */
static void set_reserve(struct oracle *o, unsigned zone, unsigned first, unsigned end)
{
	uint64_t *held = &o->reserve_held[zone];

	while (end-- > first && *held < o->zones[zone].reserve) {
		if (o->blocks[end].zone != zone || o->blocks[end].absent)
			continue;
		o->blocks[end].reserve = true;
		*held += usable_frames(o, &o->blocks[end]);
	}
}

void oracle_added(struct oracle *o, unsigned first, unsigned last)
{
	for (unsigned i = first; i <= last; i++)
		o->blocks[i].absent = false;
	set_reserve(o, o->blocks[first].zone, first, last + 1);
}

static bool is_absent(const struct oracle *o, const struct shadow_range *r)
{
	for (size_t i = 0; i < o->rig.config.nr_ranges; i++)
		if (o->ranges[i].start == r->start && o->ranges[i].flags & ROOST_RANGE_ABSENT)
			return true;
	return false;
}

void oracle_look(struct oracle *o)
{
	for (size_t i = 0; i < o->rig.shadow.nr_ranges; i++) {
		const struct shadow_range *r = &o->rig.shadow.ranges[i];
		bool absent = is_absent(o, r);

		for (roost_pfn pfn = r->start; pfn < r->end; pfn++) {
			if (r->state[pfn - r->start] == SHADOW_RESERVED && !absent)
				continue;
			add_frame(o, r->zone, pfn);
			o->blocks[o->nr_blocks - 1].absent = absent;
		}
	}
	for (unsigned zone = 0; zone < o->nr_zones; zone++)
		set_reserve(o, zone, 0, o->nr_blocks);
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

static uint64_t free_of(const struct oracle *o, const struct oracle_block *b)
{
	return shadow_free_in(&o->rig.shadow, b->zone, b->first, b->last + 1);
}

/*
 * May the call have what is free of a pageblock, as far as ROOST_ONCE and ROOST_NOSTEAL say? Of
 * what the frames of a pocket would be a part of only what is in the sets counts for ROOST_ONCE:
 * if it has some in a pocket, roost_pageblock_info() says how large its largest run in the set is.
 */
static bool is_served(const struct oracle *o, const struct oracle_call *call,
		      const struct oracle_block *b)
{
	struct roost_pageblock_info info;

	if (!(call->flags & (ROOST_ONCE | ROOST_NOSTEAL)))
		return true;
	assert_int_equal(roost_pageblock_info(o->rig.roost, b->first, &info), 0);
	if (call->flags & ROOST_NOSTEAL && call->frames < BLOCK && !b->reserve &&
	    info.type != (call->flags & ROOST_MIGRATETYPE_MASK) && info.type != ROOST_LIST_ATOMIC &&
	    !info.whole)
		return false;
	if (!(call->flags & ROOST_ONCE) || info.free == free_of(o, b))
		return true;
	return call->frames < BLOCK && info.largest >= (int)call->order;
}

/* Are these frames free, and none of them set apart, and all of that kind? */
static bool is_run(struct oracle *o, const struct oracle_call *call, unsigned zone, roost_pfn pfn,
		   uint64_t size, enum kind kind)
{
	if (shadow_free_in(&o->rig.shadow, zone, pfn, pfn + size) != size)
		return false;
	for (roost_pfn at = pfn; at < pfn + size; at += BLOCK) {
		const struct oracle_block *b = oracle_block_of(o, at);

		if (b->apart || b->reserve != (kind == RESERVE) ||
		    (call->frames >= BLOCK && !is_served(o, call, b)))
			return false;
	}
	return true;
}

/* Does a block of an odd size fit there? */
static bool fits(roost_pfn pfn, uint64_t frames)
{
	uint64_t within = frames <= 64 ? 64 : BLOCK;

	return pfn / within == (pfn + frames - 1) / within;
}

static bool has_run_of(struct oracle *o, const struct oracle_call *call, unsigned zone,
		       uint64_t frames, enum kind kind)
{
	bool odd = frames & (frames - 1);
	uint64_t step = frames & -frames;

	for (unsigned i = 0; i < o->nr_blocks; i++) {
		const struct oracle_block *b = &o->blocks[i];

		if (b->zone != zone || b->apart || b->reserve != (kind == RESERVE) ||
		    !free_of(o, b) || !is_served(o, call, b))
			continue;
		for (roost_pfn pfn = (b->first + step - 1) & ~(step - 1); pfn <= b->last;
		     pfn += step)
			if ((!odd || fits(pfn, frames)) && is_run(o, call, zone, pfn, frames, kind))
				return true;
	}
	return false;
}

/* Is there a place for what is asked for? Of an odd size: where the engine must find it. */
static bool has_run(struct oracle *o, const struct oracle_call *call, unsigned zone, enum kind kind)
{
	uint64_t whole = UINT64_C(1) << call->order;

	if (has_run_of(o, call, zone, whole, kind))
		return true;
	if (call->frames == whole || call->frames > BLOCK || library_is_pcpbuddy)
		return false;
	return (call->flags & ROOST_WAIT || o->nr_blocks <= ODD_LOOKS) &&
	       has_run_of(o, call, zone, call->frames, kind);
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
	uint64_t reserve, size = call->frames, min = o->zones[zone].reserve;
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
	if (may_have(o, call, zone, ORDINARY) && has_run(o, call, zone, ORDINARY))
		return "there is a free run";
	if (may_have(o, call, zone, RESERVE) && has_run(o, call, zone, RESERVE))
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
		pfn += info.frames ? info.frames : 1;
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

/* Is a chunk of that order in the zone buddy that the call may have? */
static bool zone_has_chunk(const struct oracle *o, const struct oracle_call *call, unsigned zone)
{
	for (unsigned i = 0; i < o->nr_blocks; i++) {
		const struct oracle_block *b = &o->blocks[i];
		struct roost_frame_info info;

		for (roost_pfn pfn = b->first; b->zone == zone && !b->apart && pfn <= b->last;
		     pfn++) {
			roost_frame_info(o->rig.roost, pfn, &info);
			if (info.state == ROOST_FRAME_FREE_ZONE && info.order >= call->order &&
			    (!(call->flags & ROOST_NOSTEAL) || b->reserve ||
			     info.order >= ROOST_PAGEBLOCK_ORDER ||
			     info.type == (call->flags & ROOST_MIGRATETYPE_MASK)))
				return true;
		}
	}
	return false;
}

/* What a refill may move to the CPU's pcp on the way, in the zone now. */
static uint64_t frames_to_recover(const struct oracle *o, unsigned zone)
{
	struct roost_pageblock_info info;
	uint64_t frames = 0;

	for (unsigned i = 0; i < o->nr_blocks; i++) {
		const struct oracle_block *b = &o->blocks[i];

		if (b->zone != zone || b->absent)
			continue;
		assert_int_equal(roost_pageblock_info(o->rig.roost, b->first, &info), 0);
		if (info.owner == (int)o->cpu)
			frames += frames_in_zone(o, b);
	}
	return frames;
}

/* With ROOST_ONCE a call gathers nothing, nor does one for order 0 with ROOST_NOSTEAL, which leaves
 * what lies on the pcps' lists of other migratetypes: it has what lies in the zone. */
static const char *pcpbuddy_owes_as_it_is(const struct oracle *o, const struct oracle_call *call,
					  unsigned zone)
{
	uint64_t min = call->flags & ROOST_RESERVE ? 0 : o->zones[zone].reserve;
	uint64_t size = UINT64_C(1) << call->order;

	if (min)
		size += min + frames_to_recover(o, zone);
	return in_zone(o, zone) >= size && zone_has_chunk(o, call, zone) ? "the zone has one"
									 : NULL;
}

/* What lies on pcps anybody may take. All else is gathered in the zone, but for order 0, and there
 * plain callers leave the reserve. */
static const char *pcpbuddy_owes(struct oracle *o, const struct oracle_call *call, unsigned zone)
{
	uint64_t min = call->flags & ROOST_RESERVE ? 0 : o->zones[zone].reserve, reserve;
	bool steal = !(call->flags & ROOST_NOSTEAL);

	if (call->flags & ROOST_ONCE || (!steal && !call->order && !(call->flags & ROOST_WAIT)))
		return pcpbuddy_owes_as_it_is(o, call, zone);
	if (steal && call->order <= PCP_ORDER && largest_on_pcp(o, zone) >= (int)call->order)
		return "a pcp has one";
	if (available(o, zone, &reserve) < min + (UINT64_C(1) << call->order))
		return NULL;
	if (has_run(o, call, zone, ORDINARY) || has_run(o, call, zone, RESERVE))
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

/* What a CPU has that no other one finds: sets: in its pocket; pcpbuddy: on its pcps. */
static uint64_t kept_by(const struct oracle *o, unsigned cpu)
{
	uint64_t frames = rig_cpu_holds(&o->rig, cpu);

	for (unsigned i = 0; !library_is_pcpbuddy && i < o->nr_blocks; i++) {
		struct roost_pageblock_info info;

		assert_int_equal(roost_pageblock_info(o->rig.roost, o->blocks[i].first, &info), 0);
		frames -= info.owner == (int)cpu ? info.free : 0;
	}
	return frames;
}

static void note_blocks(struct oracle *o)
{
	for (unsigned i = 0; i < o->nr_blocks; i++) {
		struct oracle_block *b = &o->blocks[i];
		struct roost_pageblock_info info;
		struct roost_frame_info frame;

		assert_int_equal(roost_pageblock_info(o->rig.roost, b->first, &info), 0);
		b->was_whole = info.whole;
		b->was_type = info.type;
		b->was_free = free_of(o, b) == BLOCK;
		b->was_kept = info.free != free_of(o, b);
		memset(b->on_pcp, 0, sizeof(b->on_pcp));
		for (roost_pfn pfn = b->first; library_is_pcpbuddy && pfn <= b->last; pfn++) {
			roost_frame_info(o->rig.roost, pfn, &frame);
			if (frame.state == ROOST_FRAME_FREE_PCP ||
			    frame.state == ROOST_FRAME_FREE_LLIST)
				memset(b->on_pcp + pfn % BLOCK, true, (size_t)1 << frame.order);
		}
	}
}

/* ROOST_ONCE takes nothing from other CPUs; above 32 of them share homes. */
static bool keeps_apart(const struct oracle *o, const struct oracle_call *call)
{
	return call->flags & ROOST_ONCE && o->nr_cpus <= 32;
}

void oracle_before(struct oracle *o, struct oracle_call *call, uint64_t frames, unsigned flags)
{
	memset(call, 0, sizeof(*call));
	while (UINT64_C(1) << call->order < frames)
		call->order++;
	call->frames = frames;
	call->flags = flags;
	call->zones = zones_for(o, flags);
	call->due = owes(o, call);
	for (unsigned zone = 0; library_is_pcpbuddy && zone < o->nr_zones; zone++)
		call->in_zone[zone] = in_zone(o, zone);
	if (library_is_pcpbuddy)
		note_strays(o);
	if (flags & ROOST_NOSTEAL)
		note_blocks(o);
	for (unsigned cpu = 0; keeps_apart(o, call) && cpu < o->nr_cpus; cpu++)
		call->kept[cpu] = kept_by(o, cpu);
	assert_int_equal(roost_stats(o->rig.roost, -1, -1, &call->stats), 0);
	call->nr_pressure = o->rig.nr_pressure;
}

/* ---- After --------------------------------------------------------------------------------- */

/* Is a frame of the block set apart, and no stray? */
static bool is_apart(struct oracle *o, roost_pfn pfn, uint64_t frames)
{
	for (roost_pfn at = pfn; at < pfn + frames; at++) {
		const struct oracle_block *b = oracle_block_of(o, at);

		if (b->apart && !b->stray[at % BLOCK])
			return true;
	}
	return false;
}

/* Of a pageblock all of which was free: has the call made it whole and then claimed it? What it
 * steals keeps its migratetype, or is counted. */
static bool is_claimed(const struct oracle *o, const struct oracle_call *call, roost_pfn pfn)
{
	struct roost_pageblock_info info;
	struct roost_stats stats = {0}; /* the call adds */

	assert_int_equal(roost_pageblock_info(o->rig.roost, pfn, &info), 0);
	assert_int_equal(roost_stats(o->rig.roost, -1, -1, &stats), 0);
	return (info.type == (call->flags & ROOST_MIGRATETYPE_MASK) ||
		(call->flags & ROOST_ATOMIC && info.type == ROOST_LIST_ATOMIC)) &&
	       stats.blocks_stolen == call->stats.blocks_stolen;
}

/*
 * ROOST_NOSTEAL: is it of a pageblock of another migratetype that was not whole? What lies with a
 * CPU goes by the migratetype that it had when it was freed. If all of the pageblock was free, but
 * some of it with a CPU, the search made it whole; sets does so above order 8 of all that is free,
 * and below when the CPU leaves a pageblock that was its current one once.
 */
static bool is_stolen(struct oracle *o, const struct oracle_call *call, roost_pfn pfn)
{
	const struct oracle_block *b = oracle_block_of(o, pfn);

	if (!(call->flags & ROOST_NOSTEAL) || b->reserve || b->was_whole ||
	    b->was_type == ROOST_LIST_ATOMIC ||
	    b->was_type == (call->flags & ROOST_MIGRATETYPE_MASK))
		return false;
	if (library_is_pcpbuddy)
		return !b->was_free && !b->on_pcp[pfn % BLOCK];
	return !b->was_kept &&
	       !(b->was_free && (call->frames >= BLOCK || is_claimed(o, call, pfn)));
}

static bool are_free(const struct oracle *o, roost_pfn pfn, uint64_t frames)
{
	int zone = shadow_zone(&o->rig.shadow, pfn);

	return zone >= 0 &&
	       shadow_free_in(&o->rig.shadow, (unsigned)zone, pfn, pfn + frames) == frames;
}

/* Why the call may not have this block, or NULL. */
static const char *objection(struct oracle *o, const struct oracle_call *call, roost_pfn pfn)
{
	unsigned zone;

	if (pfn & ((call->frames & -call->frames) - 1))
		return "is not aligned";
	if (!are_free(o, pfn, call->frames))
		return "is not free";
	zone = (unsigned)shadow_zone(&o->rig.shadow, pfn);
	if (!(call->zones >> zone & 1))
		return "is of a zone that was not asked for";
	if (is_apart(o, pfn, call->frames))
		return "is set apart";
	if (is_stolen(o, call, pfn))
		return "is of a pageblock of another migratetype";
	if (!library_is_pcpbuddy && !may_have(o, call, zone, oracle_block_of(o, pfn)->reserve))
		return "belongs to the reserve";
	return NULL;
}

void oracle_success(struct oracle *o, const struct oracle_call *call, roost_pfn pfn)
{
	const char *wrong = objection(o, call, pfn);

	if (wrong)
		fail_msg("pfn %" PRIu64 " of %" PRIu64 " frames flags %#x %s", pfn, call->frames,
			 call->flags, wrong);
	if (shadow_take_n(&o->rig.shadow, pfn, call->frames))
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
	if (call->flags & ROOST_ONCE && stats.fail_while_free != call->stats.fail_while_free)
		fail_msg("a failure with ROOST_ONCE was counted in fail_while_free");
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

static roost_pfn call_again(const struct oracle *o, const struct oracle_call *call)
{
	return call->frames & (call->frames - 1)
		       ? roost_alloc_n(o->rig.roost, call->frames, call->flags)
		       : roost_alloc(o->rig.roost, call->order, call->flags);
}

/* Once more: what had to be moved and cleared is. */
static void fail_again(struct oracle *o, const struct oracle_call *call)
{
	bool odd = call->frames & (call->frames - 1);
	struct counters stats, before;
	roost_pfn pfn;

	counters_read(&before, o->rig.roost, -1, -1);
	if (!odd)
		oracle_count_start(o);
	pfn = call_again(o, call);
	if (!odd)
		oracle_count_end(o, call);
	if (pfn != ROOST_NONE)
		fail_msg("%" PRIu64 " frames flags %#x: the same call fails and then finds pfn "
			 "%" PRIu64,
			 call->frames, call->flags, pfn);
	counters_read(&stats, o->rig.roost, -1, -1);
	if (stats.zone_lock - before.zone_lock > zone_locks(o))
		fail_msg("%" PRIu64 " zone locks for a call that fails, more than %" PRIu64,
			 stats.zone_lock - before.zone_lock, zone_locks(o));
}

static void must_not_be_due(struct oracle *o, const struct oracle_call *call, const char *due)
{
	if (!due)
		due = owes(o, call);
	if (due)
		fail_msg("no block of %" PRIu64 " frames flags %#x, though %s", call->frames,
			 call->flags, due);
}

/* ROOST_ONCE: others' pockets and pcps are as they were, and a failure called no hook. */
static void check_once(const struct oracle *o, const struct oracle_call *call, size_t got)
{
	for (unsigned cpu = 0; keeps_apart(o, call) && cpu < o->nr_cpus; cpu++)
		if (cpu != o->cpu && kept_by(o, cpu) != call->kept[cpu])
			fail_msg("a call with ROOST_ONCE moved %" PRIu64 " frames of CPU %u, of "
				 "%" PRIu64,
				 call->kept[cpu] - kept_by(o, cpu), cpu, call->kept[cpu]);
	if (call->flags & ROOST_ONCE && !got && o->rig.nr_pressure != call->nr_pressure)
		fail_msg("a call with ROOST_ONCE failed, and the pressure hook was called");
}

void oracle_after(struct oracle *o, const struct oracle_call *call, size_t got, size_t wanted)
{
	check_floor(o, call);
	check_work(o, call, got < wanted);
	check_once(o, call, got);
	if (got == wanted)
		return;
	must_not_be_due(o, call, got ? NULL : call->due);
	if (call->flags & ROOST_ONCE)
		return;
	if (call->zones && o->rig.nr_pressure == call->nr_pressure)
		fail_msg("%" PRIu64
			 " frames flags %#x failed, and the pressure hook was not called",
			 call->frames, call->flags);
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

/* ---- At the end ---------------------------------------------------------------------------- */

/* Are the frames free, and their pageblocks all of the reserve, or none of them? */
static bool may_merge(struct oracle *o, roost_pfn pfn, unsigned order)
{
	bool reserve = oracle_block_of(o, pfn)->reserve;

	if (!shadow_is_free(&o->rig.shadow, pfn, order))
		return false;
	for (roost_pfn at = pfn; at < pfn + (UINT64_C(1) << order); at += BLOCK)
		if (oracle_block_of(o, at)->reserve != reserve)
			return false;
	return true;
}

/* The order of the largest block that begins there when all is free. */
static unsigned order_at_home(struct oracle *o, roost_pfn pfn)
{
	unsigned order = 0, most = roost_max_order(o->rig.roost);

	if (oracle_block_of(o, pfn)->reserve && !library_is_pcpbuddy)
		most = ROOST_PAGEBLOCK_ORDER; /* these are never whole */
	while (order < most && !(pfn >> order & 1) && may_merge(o, pfn, order + 1))
		order++;
	return order;
}

void oracle_home(struct oracle *o)
{
	uint64_t blocks[ORACLE_ZONES][ROOST_MAX_ORDER + 1] = {{0}};
	struct roost_zone_info info;
	roost_pfn pfn = 0;

	for (unsigned i = 0; i < o->nr_blocks; i++) {
		const struct oracle_block *b = &o->blocks[i];

		pfn = pfn < b->first ? b->first : pfn;
		while (pfn <= b->last) {
			unsigned order = 0;

			if (shadow_state(&o->rig.shadow, pfn) == SHADOW_FREE) {
				order = order_at_home(o, pfn);
				blocks[b->zone][order]++;
			}
			pfn += UINT64_C(1) << order;
		}
	}
	for (unsigned zone = 0; zone < o->nr_zones; zone++) {
		assert_int_equal(roost_zone_info(o->rig.roost, zone, &info), 0);
		assert_int_equal(info.free, info.managed);
		for (unsigned k = 0; k <= ROOST_MAX_ORDER; k++) {
			uint64_t found = 0;

			for (unsigned list = 0; list < ROOST_NR_LISTS; list++)
				found += info.blocks[list][k];
			if (found != blocks[zone][k])
				fail_msg("zone %u has %" PRIu64 " free blocks of order %u, not "
					 "%" PRIu64,
					 zone, found, k, blocks[zone][k]);
		}
	}
}
