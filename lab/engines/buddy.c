/* SPDX-License-Identifier: MIT */
#include "buddy.h"

enum { PAGEBLOCK = 1 << ROOST_PAGEBLOCK_ORDER };

/* Where to look when a migratetype has nothing left, best first. */
static const uint8_t fallbacks[BUDDY_TYPES][BUDDY_TYPES - 1] = {
	[ROOST_MOVABLE] = {ROOST_RECLAIMABLE, ROOST_UNMOVABLE},
	[ROOST_UNMOVABLE] = {ROOST_RECLAIMABLE, ROOST_MOVABLE},
	[ROOST_RECLAIMABLE] = {ROOST_UNMOVABLE, ROOST_MOVABLE},
};

/* ---- Rings ------------------------------------------------------------------------------- */

void ring_init(struct roost *roost, uint32_t head)
{
	roost->pages[head].next = roost->pages[head].prev = head;
}

static void ring_insert(struct roost *roost, uint32_t before, uint32_t page)
{
	struct page *pages = roost->pages;

	pages[page].next = pages[before].next;
	pages[page].prev = before;
	pages[pages[before].next].prev = page;
	pages[before].next = page;
}

void ring_add(struct roost *roost, uint32_t head, uint32_t page)
{
	ring_insert(roost, head, page);
}

void ring_add_tail(struct roost *roost, uint32_t head, uint32_t page)
{
	ring_insert(roost, roost->pages[head].prev, page);
}

void ring_remove(struct roost *roost, uint32_t page)
{
	struct page *pages = roost->pages;

	pages[pages[page].prev].next = pages[page].next;
	pages[pages[page].next].prev = pages[page].prev;
}

uint32_t ring_first(const struct roost *roost, uint32_t head)
{
	const uint32_t page = roost->pages[head].next;

	return page == head ? BUDDY_NO_PAGE : page;
}

uint32_t ring_last(const struct roost *roost, uint32_t head)
{
	const uint32_t page = roost->pages[head].prev;

	return page == head ? BUDDY_NO_PAGE : page;
}

/* ---- Free lists -------------------------------------------------------------------------- */

static uint32_t head_of(const struct roost *roost, const struct zone *zone, unsigned order,
			unsigned type)
{
	const uint32_t index = (uint32_t)(zone - roost->zones);

	return roost->frames + (index * BUDDY_ORDERS + order) * BUDDY_TYPES + type;
}

static void add_block(struct roost *roost, struct zone *zone, uint32_t page, unsigned order,
		      unsigned type, bool tail)
{
	struct page *p = &roost->pages[page];

	p->state = PAGE_FREE;
	p->order = (uint8_t)order;
	p->type = (uint8_t)type;
	p->zone = (uint8_t)(zone - roost->zones);
	zone->blocks[order][type]++;
	zone->free += UINT64_C(1) << order;
	if (tail)
		ring_add_tail(roost, head_of(roost, zone, order, type), page);
	else
		ring_add(roost, head_of(roost, zone, order, type), page);
}

static void remove_block(struct roost *roost, struct zone *zone, uint32_t page)
{
	struct page *p = &roost->pages[page];

	ring_remove(roost, page);
	p->state = PAGE_INSIDE;
	zone->blocks[p->order][p->type]--;
	zone->free -= UINT64_C(1) << p->order;
}

/* Gives back the upper halves of a block that was taken until order is left. */
static void expand(struct roost *roost, struct zone *zone, uint32_t page, unsigned from,
		   unsigned order, unsigned type)
{
	while (from-- > order)
		add_block(roost, zone, page + (UINT32_C(1) << from), from, type, false);
}

static uint32_t take_own(struct roost *roost, struct zone *zone, unsigned order, unsigned type)
{
	for (unsigned k = order; k <= roost->max_order; k++) {
		uint32_t page = ring_first(roost, head_of(roost, zone, k, type));

		if (page == BUDDY_NO_PAGE)
			continue;
		remove_block(roost, zone, page);
		expand(roost, zone, page, k, order, type);
		return page;
	}
	return BUDDY_NO_PAGE;
}

/* ---- Taking from another migratetype ----------------------------------------------------- */

/* The migratetype to take a block of this order from; -1: none has one. */
static int find_fallback(const struct zone *zone, unsigned order, unsigned type)
{
	for (unsigned i = 0; i < BUDDY_TYPES - 1; i++)
		if (zone->blocks[order][fallbacks[type][i]])
			return fallbacks[type][i];
	return -1;
}

/* May the whole pageblock be turned? Small movable blocks do no harm where they are. */
static bool may_claim(unsigned order, unsigned type)
{
	return order >= ROOST_PAGEBLOCK_ORDER / 2 || type != ROOST_MOVABLE;
}

static void set_types(struct roost *roost, uint32_t page, unsigned order, unsigned type)
{
	for (uint32_t i = 0; i < UINT32_C(1) << order; i += PAGEBLOCK) {
		struct pageblock *block = &roost->pageblocks[(page + i) >> ROOST_PAGEBLOCK_ORDER];

		roost->stats.blocks_stolen += block->type != type;
		block->type = (uint8_t)type;
	}
}

static uint32_t free_in(const struct roost *roost, const struct zone *zone, uint32_t start)
{
	uint32_t sum = 0;

	for (uint32_t i = start; i < start + PAGEBLOCK && i < roost->frames;)
		if (roost->pages[i].state == PAGE_FREE &&
		    &roost->zones[roost->pages[i].zone] == zone) {
			sum += UINT32_C(1) << roost->pages[i].order;
			i += UINT32_C(1) << roost->pages[i].order;
		} else {
			i++;
		}
	return sum;
}

/* A pageblock with frames of two zones, or beyond the end, is nobody's to turn. */
static bool is_whole(const struct roost *roost, const struct zone *zone, uint32_t start)
{
	(void)roost;
	return start >= zone->start && start + PAGEBLOCK <= zone->end;
}

static void move_free(struct roost *roost, struct zone *zone, uint32_t start, unsigned type)
{
	for (uint32_t i = start; i < start + PAGEBLOCK;) {
		const unsigned order = roost->pages[i].order;

		if (roost->pages[i].state != PAGE_FREE) {
			i++;
			continue;
		}
		remove_block(roost, zone, i);
		add_block(roost, zone, i, order, type, false);
		i += UINT32_C(1) << order;
	}
}

/* Turns the pageblock if at least half of it is free, or can be moved as the allocation can. */
static bool claim(struct roost *roost, struct zone *zone, uint32_t page, unsigned type)
{
	const uint32_t start = page & ~(uint32_t)(PAGEBLOCK - 1);
	struct pageblock *block = &roost->pageblocks[start >> ROOST_PAGEBLOCK_ORDER];
	uint32_t free_frames, alike = 0;

	if (!is_whole(roost, zone, start))
		return false;
	free_frames = free_in(roost, zone, start);
	if (type == ROOST_MOVABLE)
		alike = block->movable;
	else if (block->type == ROOST_MOVABLE)
		alike = PAGEBLOCK - (free_frames + block->movable);
	if (free_frames + alike < PAGEBLOCK / 2)
		return false;
	move_free(roost, zone, start, type);
	set_types(roost, start, ROOST_PAGEBLOCK_ORDER, type);
	return true;
}

static uint32_t steal(struct roost *roost, struct zone *zone, unsigned from, unsigned order,
		      unsigned type, unsigned other)
{
	uint32_t page = ring_first(roost, head_of(roost, zone, from, other));

	if (from >= ROOST_PAGEBLOCK_ORDER) {
		remove_block(roost, zone, page);
		set_types(roost, page, from, type);
		expand(roost, zone, page, from, order, type);
		return page;
	}
	if (may_claim(from, type) && claim(roost, zone, page, type))
		return take_own(roost, zone, order, type);
	remove_block(roost, zone, page);
	expand(roost, zone, page, from, order, other);
	return page;
}

/* The largest block of another type, so that this comes seldom. But where the pageblock cannot be
 * turned, a movable allocation takes the smallest one that will do. */
static uint32_t take_other(struct roost *roost, struct zone *zone, unsigned order, unsigned type)
{
	for (unsigned k = roost->max_order + 1; k-- > order;) {
		int other = find_fallback(zone, k, type);

		if (other < 0)
			continue;
		if (!may_claim(k, type))
			for (k = order; (other = find_fallback(zone, k, type)) < 0;)
				k++;
		roost->lock_stats.refill_stolen += UINT64_C(1) << order;
		return steal(roost, zone, k, order, type, (unsigned)other);
	}
	return BUDDY_NO_PAGE;
}

uint32_t buddy_take(struct roost *roost, struct zone *zone, unsigned order, unsigned type)
{
	uint32_t page = take_own(roost, zone, order, type);

	if (page == BUDDY_NO_PAGE)
		page = take_other(roost, zone, order, type);
	if (page != BUDDY_NO_PAGE)
		roost->lock_stats.refill_chunks += UINT64_C(1) << order;
	return page;
}

/* ---- Merging ----------------------------------------------------------------------------- */

static bool is_free_block(const struct roost *roost, const struct zone *zone, uint32_t page,
			  unsigned order)
{
	return page < roost->frames && roost->pages[page].state == PAGE_FREE &&
	       roost->pages[page].order == order && &roost->zones[roost->pages[page].zone] == zone;
}

/* Is the buddy of the next larger block free? Then this one goes to the back, where it is taken
 * last: its own buddy may come home as well, and all four merge. */
static bool merges_soon(const struct roost *roost, const struct zone *zone, uint32_t page,
			unsigned order)
{
	const uint32_t larger = page & ~(UINT32_C(1) << order);

	return order + 1 < roost->max_order &&
	       is_free_block(roost, zone, larger ^ (UINT32_C(2) << order), order + 1);
}

static void merge(struct roost *roost, struct zone *zone, uint32_t page, unsigned order, bool boot)
{
	const unsigned type = page_type(roost, page);

	while (order < roost->max_order) {
		const uint32_t other = page ^ (UINT32_C(1) << order);

		if (!is_free_block(roost, zone, other, order))
			break;
		remove_block(roost, zone, other);
		if (order >= ROOST_PAGEBLOCK_ORDER)
			for (uint32_t i = 0; i < UINT32_C(1) << order; i += PAGEBLOCK)
				roost->pageblocks[(other + i) >> ROOST_PAGEBLOCK_ORDER].type =
					(uint8_t)type;
		page &= other;
		order++;
	}
	add_block(roost, zone, page, order, type, boot || merges_soon(roost, zone, page, order));
}

void buddy_give(struct roost *roost, struct zone *zone, uint32_t page, unsigned order)
{
	roost->pages[page].state = PAGE_INSIDE;
	merge(roost, zone, page, order, false);
}

void buddy_give_at_boot(struct roost *roost, struct zone *zone, uint32_t page, unsigned order)
{
	merge(roost, zone, page, order, true);
}

/* Of a program that wants to know the lengths of holds. */
void roost_lab_lock_modelled(uint64_t frames) __attribute__((weak));

void buddy_count_lock(struct roost *roost, uint64_t frames)
{
	if (roost_lab_lock_modelled)
		roost_lab_lock_modelled(frames);
	roost->lock_stats.zone_lock++;
	roost->lock_stats.zone_frames += frames;
}
