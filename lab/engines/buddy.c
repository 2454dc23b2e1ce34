/* SPDX-License-Identifier: MIT */
#include <roost/posix.h>

#include <string.h>

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

static unsigned type_of(const struct roost *roost, uint32_t page)
{
	return roost->pageblocks[page >> ROOST_PAGEBLOCK_ORDER].type;
}

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
	const unsigned type = type_of(roost, page);

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

void buddy_count_lock(struct roost *roost, uint64_t frames)
{
	roost->lock_stats.zone_lock++;
	roost->lock_stats.zone_frames += frames;
}

/* ---- Making it --------------------------------------------------------------------------- */

static uint64_t end_of(const struct roost_config *config)
{
	uint64_t end = 0;

	for (size_t i = 0; i < config->nr_ranges; i++)
		if (config->ranges[i].end > end)
			end = config->ranges[i].end;
	return end;
}

static uint32_t heads(const struct roost_config *config)
{
	return BUDDY_ZONES * BUDDY_ORDERS * BUDDY_TYPES + policy_heads(config);
}

const char *roost_config_error(const struct roost_config *config)
{
	if (config->nr_zones > BUDDY_ZONES)
		return "this engine has at most two zones";
	if (end_of(config) >= UINT32_MAX - heads(config))
		return "this engine has at most 16 TiB";
	return NULL;
}

size_t roost_metadata_size(const struct roost_config *config)
{
	const uint64_t end = end_of(config);

	return sizeof(struct roost) + policy_size(config) +
	       (end + heads(config)) * sizeof(struct page) +
	       ((end >> ROOST_PAGEBLOCK_ORDER) + 1) * sizeof(struct pageblock);
}

const char *roost_strerror(int error)
{
	return strerror(-error);
}

static void set_range(struct roost *roost, const struct roost_range *range)
{
	struct zone *zone = &roost->zones[range->zone];

	if (!(range->flags & ROOST_RANGE_RESERVED) && (!zone->end || range->start < zone->start))
		zone->start = (uint32_t)range->start;
	if (!(range->flags & ROOST_RANGE_RESERVED) && range->end > zone->end)
		zone->end = (uint32_t)range->end;
	for (roost_pfn i = range->start; i < range->end; i++) {
		struct page *p = &roost->pages[i];

		p->state = range->flags & ROOST_RANGE_RESERVED ? PAGE_NONE : PAGE_INSIDE;
		p->zone = (uint8_t)range->zone;
	}
}

/* As a booting kernel does: upwards, in the largest aligned blocks that fit. */
static void free_all(struct roost *roost, struct zone *zone)
{
	for (uint32_t at = zone->start; at < zone->end;) {
		unsigned order = 0;

		if (roost->pages[at].state == PAGE_NONE) {
			at++;
			continue;
		}
		while (order < roost->max_order && !(at & (UINT32_C(1) << order))) {
			uint32_t half = at + (UINT32_C(1) << order), i = half;

			while (i < zone->end && i < half + (half - at) &&
			       roost->pages[i].state != PAGE_NONE)
				i++;
			if (i < half + (half - at))
				break;
			order++;
		}
		merge(roost, zone, at, order, true);
		zone->managed += UINT64_C(1) << order;
		at += UINT32_C(1) << order;
	}
}

static uint64_t square_root(uint64_t value)
{
	uint64_t root = 0;

	while ((root + 1) * (root + 1) <= value)
		root++;
	return root;
}

/*
 * The marks that Linux gives machines of this size, in frames of 4 KiB, if it may use huge pages
 * without being asked: the free memory that khugepaged recommends (two pageblocks in each zone, and
 * as many for each pair of migratetypes) or 4 * sqrt(KiB) KiB, spread over the zones by size.
 */
static void set_marks(struct roost *roost)
{
	const uint64_t types = BUDDY_TYPES;
	uint64_t all = 0, least, huge;

	for (unsigned i = 0; i < roost->nr_zones; i++)
		all += roost->zones[i].managed;
	least = square_root(all * 4 * 16) / 4;
	huge = (uint64_t)PAGEBLOCK * roost->nr_zones * (2 + types * types);
	if (huge > all / 20)
		huge = all / 20;
	if (huge > least)
		least = huge;
	for (unsigned i = 0; i < roost->nr_zones; i++) {
		struct zone *zone = &roost->zones[i];
		const uint64_t min = all ? least * zone->managed / all : 0;
		const uint64_t step =
			min / 4 > zone->managed / 1000 ? min / 4 : zone->managed / 1000;

		zone->min = zone->config.reserve;
		zone->low_mark = min + step;
		zone->high_mark = min + 2 * step;
	}
}

int roost_init(roost_t **out, const struct roost_config *config, void *metadata, size_t size)
{
	roost_t *roost = metadata;
	char *at = (char *)(roost + 1) + policy_size(config);

	(void)size;
	roost->frames = (uint32_t)end_of(config);
	roost->nr_zones = (unsigned)config->nr_zones;
	roost->nr_cpus = config->nr_cpus;
	roost->max_order = config->max_order;
	roost->misuse = config->misuse;
	roost->context = config->context;
	roost->policy = roost + 1;
	roost->pages = (struct page *)(void *)at;
	roost->pageblocks = (struct pageblock *)(roost->pages + roost->frames + heads(config));
	for (uint32_t i = 0; i < heads(config); i++)
		ring_init(roost, roost->frames + i);
	for (unsigned pass = 0; pass < 2; pass++) /* what is reserved may lie over the others */
		for (size_t i = 0; i < config->nr_ranges; i++)
			if (!(config->ranges[i].flags & ROOST_RANGE_RESERVED) == !pass)
				set_range(roost, &config->ranges[i]);
	for (unsigned i = 0; i < roost->nr_zones; i++) {
		roost->zones[i].config = config->zones[i];
		free_all(roost, &roost->zones[i]);
	}
	set_marks(roost);
	policy_init(roost, config, roost->frames + BUDDY_ZONES * BUDDY_ORDERS * BUDDY_TYPES);
	*out = roost;
	return 0;
}

/* ---- Blocks ------------------------------------------------------------------------------ */

static void count_movable(struct roost *roost, uint32_t page, unsigned order, unsigned type, int by)
{
	uint32_t frames = UINT32_C(1) << order;

	if (type != ROOST_MOVABLE)
		return;
	for (uint32_t i = 0; i < frames; i += PAGEBLOCK) {
		struct pageblock *block = &roost->pageblocks[(page + i) >> ROOST_PAGEBLOCK_ORDER];

		block->movable = (uint16_t)(block->movable +
					    by * (int)(frames < PAGEBLOCK ? frames : PAGEBLOCK));
	}
}

static bool above_mark(const struct zone *zone, unsigned order, uint64_t mark)
{
	return zone->free >= mark + (UINT64_C(1) << order);
}

static uint32_t alloc_from_zones(struct roost *roost, unsigned order, unsigned flags)
{
	const unsigned type = flags & ROOST_MIGRATETYPE_MASK;

	for (unsigned i = roost->nr_zones; i-- > 0;) {
		struct zone *zone = &roost->zones[i];
		uint32_t page;

		policy_look(roost, zone, order);
		if (!above_mark(zone, order, flags & ROOST_RESERVE ? 0 : zone->min))
			continue;
		page = policy_alloc(roost, zone, order, type);
		if (page != BUDDY_NO_PAGE)
			return page;
	}
	return BUDDY_NO_PAGE;
}

roost_pfn roost_alloc(roost_t *roost, unsigned order, unsigned flags)
{
	uint32_t page = alloc_from_zones(roost, order, flags);
	struct page *p;

	if (page == BUDDY_NO_PAGE && (flags & ROOST_WAIT)) { /* as reclaim does in the end */
		policy_drain(roost, -1);
		page = alloc_from_zones(roost, order, flags);
	}
	if (page == BUDDY_NO_PAGE) {
		if (flags & ROOST_WAIT)
			roost->stats.fail_wait++;
		else
			roost->stats.fail_nowait++;
		return ROOST_NONE;
	}
	p = &roost->pages[page];
	p->state = PAGE_OUT;
	p->order = (uint8_t)order;
	p->type = (uint8_t)(flags & ROOST_MIGRATETYPE_MASK);
	count_movable(roost, page, order, p->type, 1);
	return page;
}

static bool good_free(struct roost *roost, roost_pfn pfn, unsigned order)
{
	struct roost_misuse misuse = {.call = "roost_free",
				      .pfn = pfn,
				      .order_given = (int)order,
				      .order_found = -1,
				      .head_found = ROOST_NONE};
	const struct page *p = pfn < roost->frames ? &roost->pages[pfn] : NULL;

	if (p && p->state == PAGE_OUT && p->order == order)
		return true;
	misuse.kind = !p		     ? ROOST_MISUSE_OUT_OF_RANGE
		      : p->state == PAGE_OUT ? ROOST_MISUSE_WRONG_ORDER
		      : p->state == PAGE_FREE || p->state == PAGE_ON_PCP
			      ? ROOST_MISUSE_DOUBLE_FREE
			      : ROOST_MISUSE_NOT_ALLOCATED;
	roost->misuse(roost->context, &misuse);
	return false;
}

void roost_free(roost_t *roost, roost_pfn pfn, unsigned order)
{
	const uint32_t page = (uint32_t)pfn;

	if (!good_free(roost, pfn, order))
		return;
	count_movable(roost, page, order, roost->pages[page].type, -1);
	policy_free(roost, &roost->zones[roost->pages[page].zone], page, order);
}

void roost_free_nolock(roost_t *roost, roost_pfn pfn, unsigned order)
{
	roost_free(roost, pfn, order);
}

int roost_split(roost_t *roost, roost_pfn pfn, unsigned from, unsigned to)
{
	const struct page whole = roost->pages[pfn];

	for (roost_pfn i = 0; i < (roost_pfn)1 << from; i += (roost_pfn)1 << to) {
		struct page *p = &roost->pages[pfn + i];

		p->state = PAGE_OUT;
		p->order = (uint8_t)to;
		p->type = whole.type;
	}
	return 0;
}

size_t roost_drain(roost_t *roost, int cpu)
{
	uint64_t before = 0, after = 0;

	for (unsigned i = 0; i < roost->nr_zones; i++)
		before += roost->zones[i].free;
	policy_drain(roost, cpu);
	for (unsigned i = 0; i < roost->nr_zones; i++)
		after += roost->zones[i].free;
	return (size_t)(after - before);
}

/* ---- Looking at it ----------------------------------------------------------------------- */

int roost_zone_info(const roost_t *roost, unsigned zone, struct roost_zone_info *info)
{
	const struct zone *z = &roost->zones[zone];

	memset(info, 0, sizeof(*info));
	info->managed = z->managed;
	info->free = z->free;
	info->free_pcp = policy_stranded(roost, z);
	info->min = z->min;
	info->low = z->low_mark;
	info->high = z->high_mark;
	for (unsigned order = 0; order < BUDDY_ORDERS; order++)
		for (unsigned type = 0; type < BUDDY_TYPES; type++)
			info->blocks[type][order] = z->blocks[order][type];
	return 0;
}

static int violated(struct roost_violation *violation, const char *what, unsigned zone,
		    uint64_t expected, uint64_t found)
{
	if (violation)
		*violation = (struct roost_violation){.invariant = what,
						      .pfn = ROOST_NONE,
						      .zone = (int)zone,
						      .cpu = -1,
						      .expected = expected,
						      .found = found};
	return -ROOST_EUCLEAN;
}

/* Each frame is in one place, and each list has the type of its pageblocks. */
int roost_validate(const roost_t *roost, struct roost_violation *violation)
{
	uint64_t frames[BUDDY_ZONES][PAGE_OUT + 1] = {0}, mixed[BUDDY_ZONES] = {0};

	for (uint32_t i = 0; i < roost->frames; i++) {
		const struct page *p = &roost->pages[i];

		if (p->state > PAGE_INSIDE)
			frames[p->zone][p->state] += UINT64_C(1) << p->order;
		mixed[p->zone] += p->state == PAGE_FREE && p->type != type_of(roost, i);
	}
	for (unsigned i = 0; i < roost->nr_zones; i++) {
		const struct zone *z = &roost->zones[i];
		const uint64_t found = frames[i][PAGE_ON_PCP];

		if (frames[i][PAGE_FREE] != z->free)
			return violated(violation, "free frames of the zone", i, z->free,
					frames[i][PAGE_FREE]);
		if (found != policy_stranded(roost, z))
			return violated(violation, "frames on pcps", i, policy_stranded(roost, z),
					found);
		if (z->managed != z->free + found + frames[i][PAGE_OUT])
			return violated(violation, "free + on pcps + allocated", i, z->managed,
					z->free + found + frames[i][PAGE_OUT]);
		if (mixed[i])
			return violated(violation, "free blocks on the list of another type", i, 0,
					mixed[i]);
	}
	return 0;
}

/* Of all zones and CPUs together, whatever is asked for. */
int roost_stats(const roost_t *roost, int zone, int cpu, struct roost_stats *stats)
{
	(void)zone;
	(void)cpu;
	*stats = roost->stats;
	return 0;
}

int roost_pcpbuddy_stats(const roost_t *roost, int zone, int cpu,
			 struct roost_pcpbuddy_stats *stats)
{
	(void)zone;
	(void)cpu;
	*stats = roost->lock_stats;
	return 0;
}

const char *roost_misuse_name(enum roost_misuse_kind kind)
{
	return kind == ROOST_MISUSE_DOUBLE_FREE	   ? "double free"
	       : kind == ROOST_MISUSE_WRONG_ORDER  ? "wrong order"
	       : kind == ROOST_MISUSE_OUT_OF_RANGE ? "out of range"
						   : "not allocated";
}

unsigned roost_posix_locks_held(void)
{
	return 0;
}
