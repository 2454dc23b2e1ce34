/* SPDX-License-Identifier: MIT */
/*
 * recover.c - puts back what threads held that disappeared inside a call.
 *
 * om[] says which frames are allocated. All others are free, so a free frame that is in no set was
 * held by such a thread. A block that was being split stays whole. If a CPU was being off-lined or
 * a pageblock set apart, that is completed. All counts are taken again from what is there, and
 * everything is noted again. A range that was being added or removed is so now (core/hotplug.h). No
 * other thread is inside, so no access here needs an order.
 */
#include "sets/hidden.h"

/* Empties all pockets, whose words are right, and opens those whose reap did not end. The frames in
 * them then count as lost as well. Returns how many these are. */
static uint64_t empty_pockets(struct rst_zone *z, unsigned nr_cpus)
{
	uint64_t frames = 0;

	for (unsigned cpu = 0; cpu < nr_cpus; cpu++) {
		struct rst_pocket *pocket = &z->pockets[cpu];

		frames += rst_pocket_frames(z, cpu);
		for (unsigned type = 0; type < RST_TYPES; type++)
			rst_store_rlx(&pocket->frames[type], 0);
		rst_store_rlx(&pocket->spare, 0);
		rst_store_rlx(&pocket->stop, rst_load_rlx(&z->pcps[cpu].dead) ? RST_POCKET_CLOSED
									      : RST_POCKET_OPEN);
	}
	return frames;
}

/* Its place says that it is some CPU's current pageblock. Is it? */
static bool is_current(const struct roost *r, const struct rst_zone *z, rst_block_id b)
{
	for (unsigned cpu = 0; cpu < r->base.nr_cpus; cpu++)
		for (unsigned type = 0; type < RST_TYPES; type++)
			if (rst_load_rlx(&z->pcps[cpu].current[type]) == b)
				return true;
	return false;
}

/* For a split that did not end: the block stays whole. */
static void join(struct roost *r, rst_frame_id f, unsigned om)
{
	for (rst_frame_id i = f + 1; i < f + rst_om_size(om).frames; i++)
		if (rst_om_is_allocated(rst_load_rlx(&r->om[i])))
			rst_store_rlx(&r->om[i], RST_OM_NEVER);
	rst_store_rlx(&r->om[f], (uint8_t)om);
}

/* Looks at one frame or one allocated block and moves *f past it. True if it is a frame that is
 * lost. */
static bool is_lost(struct roost *r, rst_frame_id *f)
{
	unsigned om = rst_load_rlx(&r->om[*f]);
	rst_frame_id at = *f;
	uint32_t frames;

	if (om > RST_OM_SPLIT && rst_om_is_allocated(om - RST_OM_SPLIT)) {
		om -= RST_OM_SPLIT;
		join(r, at, om);
	}
	frames = rst_om_block(om).frames;
	*f += frames ? frames : 1;
	return !frames && om != RST_OM_HOLE &&
	       !rst_set_has(&r->blocks[at >> ROOST_PAGEBLOCK_ORDER], at % RST_PAGEBLOCK);
}

enum { SINGLE = RST_OM_NEVER + 1 }; /* what om[] says of an allocated block of one frame */

/* The first frame from f on, before end, of which more has to be asked. The others of this
 * pageblock are allocated, each as a block of its own, or are free and in its set. Most are, and a
 * child of fork() walks over all of memory. */
static rst_frame_id skip_right(const struct roost *r, rst_frame_id f, rst_frame_id end)
{
	const struct rst_set *set = &r->blocks[f >> ROOST_PAGEBLOCK_ORDER];
	uint64_t om;

	while (f < end) {
		if (f % sizeof(om) == 0 && end - f >= sizeof(om)) {
			__builtin_memcpy(&om, (const char *)(uintptr_t)&r->om[f], sizeof(om));
			if (om == SINGLE * 0x0101010101010101ull) {
				f += sizeof(om);
				continue;
			}
		}
		if (rst_load_rlx(&r->om[f]) != SINGLE && !rst_set_has(set, f % RST_PAGEBLOCK))
			break;
		f++;
	}
	return f;
}

/* Puts the lost frames of a pageblock back that has some present, from *f on, before end. It ends
 * past the last block that begins there. *present: adds what is present. */
static uint64_t put_lost_of(struct roost *r, rst_frame_id *f, rst_frame_id end, uint64_t *present)
{
	struct rst_set *set = &r->blocks[*f >> ROOST_PAGEBLOCK_ORDER];
	uint64_t n = 0;

	while (*f < end) {
		rst_frame_id at = skip_right(r, *f, end);

		*present += at - *f;
		*f = at;
		if (at == end)
			break;
		if (is_lost(r, f)) {
			rst_set_put(set, at % RST_PAGEBLOCK, 0);
			n++;
		}
		*present += rst_load_rlx(&r->om[at]) == RST_OM_HOLE ? 0 : *f - at;
	}
	return n;
}

/* The same for a span. */
static uint64_t put_lost(struct roost *r, const struct rst_span *span, uint64_t *present)
{
	const rst_frame_id end = rst_frame_of(span, span->end - 1) + 1;
	rst_frame_id f = rst_frame_of(span, span->start);
	uint64_t n = 0;

	while (f < end) {
		rst_block_id b = f >> ROOST_PAGEBLOCK_ORDER;
		rst_frame_id next = (b + 1) * RST_PAGEBLOCK;

		if (!rst_is_present(&r->base, b)) {
			f = next;
		} else if (f % RST_PAGEBLOCK == 0 && rst_is_whole(r, b)) {
			*present += RST_PAGEBLOCK;
			f = next;
		} else {
			n += put_lost_of(r, &f, next < end ? next : end, present);
		}
	}
	return n;
}

/* Counts what a zone has, by looking at it. */
struct census {
	uint64_t free, reserve, present;
	uint32_t isolated, atomic;
};

static void take_census(struct roost *r, struct rst_zone *z, rst_block_id b, struct census *census)
{
	unsigned place = rst_load_rlx(&r->place[b]), frames = rst_set_count(&r->blocks[b]);
	unsigned bit;

	if (rst_is_home_list(rst_list_of(place)) &&
	    !rst_home_is_used(r, z, (unsigned)rst_home_of(rst_list_of(place))))
		place = rst_type_of(rst_list_of(place));
	if (place & RST_CURRENT && !is_current(r, z, b))
		place = rst_list_of(place);
	rst_store_rlx(&r->place[b], (uint16_t)place);
	rst_add_rlx(&r->taints[rst_region_of(r, b, &bit)], rst_taints(place) ? 1u : 0u);
	census->free += rst_is_whole(r, b) ? RST_PAGEBLOCK : frames;
	census->reserve += rst_list_of(place) == ROOST_LIST_RESERVE ? frames : 0;
	census->isolated += rst_list_of(place) == ROOST_LIST_ISOLATE;
	census->atomic += rst_list_of(place) == ROOST_LIST_ATOMIC;
}

/* Removals that did not end may have left it somebody's. */
static void forget_absent(struct roost *r, const struct rst_zone *z)
{
	for (rst_block_id b = z->first_block; b < z->end_block; b++)
		if (rst_is_of_zone(r, z, b) && !rst_is_present(&r->base, b) &&
		    rst_load_rlx(&r->place[b]) != ROOST_LIST_MOVABLE)
			rst_store_rlx(&r->place[b], ROOST_LIST_MOVABLE);
}

static void put_right(struct roost *r, struct rst_zone *z, const struct census *census)
{
	uint64_t counted, whole = 0;

	rst_store_rlx(&z->desc.added,
		      census->present + rst_load_rlx(&z->desc.removed) - z->desc.allocated);
	counted = rst_zone_free_frames(r, z);
	rst_add_rlx(&z->ended, rst_sections(r, z, true) - rst_sections(r, z, false));
	for (rst_region_id g = z->first_region; g < z->end_region; g++)
		whole += rst_has_region(r, z, g) ? rst_set_count(&r->regions[g]) : 0;
	rst_store_rlx(&z->nr_whole, whole);
	rst_store_rlx(&z->reserve_free, (int64_t)census->reserve);
	rst_store_rlx(&z->apart, rst_load_rlx(&z->apart) >> 32 << 32 | census->isolated);
	rst_store_rlx(&z->nr_atomic, census->atomic);
	rst_store_rlx(&z->pressure.calling, 0);
	/* Counts what was taken or freed but not counted. */
	rst_add_rlx(&z->pcps[0].orders.freed[0], census->free - counted);
}

static void note_zone(struct roost *r, struct rst_zone *z)
{
	for (rst_block_id b = z->first_block; b < z->end_block; b++)
		if (rst_has_block(r, z, b))
			rst_settle(r, z, b);
	for (rst_region_id g = z->first_region; g < z->end_region; g++)
		if (rst_has_region(r, z, g))
			rst_settle_region(r, z, g);
}

size_t roost_recover(roost_t *roost)
{
	size_t lost = 0;

	rst_hotplug_recover(&roost->base);
	for (unsigned i = 0; i < roost->base.nr_zones; i++) {
		struct rst_zone *z = &roost->zones[i];
		struct census census = {0};

		forget_absent(roost, z);
		lost -= empty_pockets(z, roost->base.nr_cpus); /* which put_lost() counts too */
		for (uint32_t s = 0; s < roost->base.map.nr; s++)
			if (roost->base.map.spans[s].zone == i)
				lost += put_lost(roost, &roost->base.map.spans[s], &census.present);
		for (rst_region_id g = z->first_region; g < z->end_region; g++)
			if (rst_has_region(roost, z, g))
				rst_store_rlx(&roost->taints[g], 0);
		for (rst_block_id b = z->first_block; b < z->end_block; b++)
			if (rst_has_block(roost, z, b))
				take_census(roost, z, b, &census);
		put_right(roost, z, &census);
		note_zone(roost, z);
	}
	return lost;
}
