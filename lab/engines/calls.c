/* SPDX-License-Identifier: MIT */
/*
 * calls.c - the calls of roost.h that a replay makes, for the engines linux-pcp and zone: the
 * description of the memory, the watermarks, and what is known of each block.
 */
#include <roost/posix.h>

#include <string.h>

#include "buddy.h"

enum {
	PAGEBLOCK = 1 << ROOST_PAGEBLOCK_ORDER,
	MOST_ON_PCP = 1 << 20, /* frames, as with pcpbuddy; sums and doubled batches fit an int */
};

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
		return "this engine has less than 16 TiB; use a smaller --memory";
	if (config->pcpbuddy &&
	    (config->pcpbuddy->high > MOST_ON_PCP || config->pcpbuddy->batch > MOST_ON_PCP))
		return "high, batch: must be at most 2^20 frames";
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

static bool is_reserved(const struct roost_range *range)
{
	return range->flags & ROOST_RANGE_RESERVED;
}

/* The first frame from start on that is not to be handed out, or end. */
static roost_pfn first_reserved(const struct roost_config *config, roost_pfn start, roost_pfn end)
{
	for (size_t i = 0; i < config->nr_ranges; i++) {
		const struct roost_range *r = &config->ranges[i];

		if (is_reserved(r) && r->start < end && r->end > start)
			end = r->start > start ? r->start : start;
	}
	return end;
}

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

static void begin_allocated(struct roost *roost, uint16_t zone, uint32_t page, unsigned order)
{
	roost->pages[page].state = PAGE_OUT;
	roost->pages[page].order = (uint8_t)order;
	roost->pages[page].type = ROOST_MOVABLE;
	roost->pages[page].zone = (uint8_t)zone;
	count_movable(roost, page, order, ROOST_MOVABLE, 1);
}

/* As a booting kernel does: upwards, in the largest aligned blocks that fit. The records of frames
 * inside a block stay untouched, so that a large machine needs little. */
static void free_range(struct roost *roost, const struct roost_config *config,
		       const struct roost_range *range)
{
	struct zone *zone = &roost->zones[range->zone];
	roost_pfn at = range->start;

	while (at < range->end) {
		const roost_pfn end = first_reserved(config, at, range->end);
		unsigned order = 0;

		while (order < roost->max_order && !(at & ((roost_pfn)1 << order)) &&
		       at + ((roost_pfn)2 << order) <= end)
			order++;
		if (at < end) {
			if (range->flags & ROOST_RANGE_ALLOCATED)
				begin_allocated(roost, range->zone, (uint32_t)at, order);
			else
				buddy_give_at_boot(roost, zone, (uint32_t)at, order);
			zone->managed += UINT64_C(1) << order;
			at += (roost_pfn)1 << order;
		} else {
			at++;
		}
	}
}

static void set_zone(struct roost *roost, const struct roost_range *range)
{
	struct zone *zone = &roost->zones[range->zone];

	if (!zone->end || range->start < zone->start)
		zone->start = (uint32_t)range->start;
	if (range->end > zone->end)
		zone->end = (uint32_t)range->end;
}

static uint64_t square_root(uint64_t value)
{
	uint64_t root = 0;

	while ((root + 1) * (root + 1) <= value)
		root++;
	return root;
}

enum { LEAST_FOR_HUGE = 512 << (20 - 12) }; /* frames, with which Linux uses huge pages */

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
	if (all < LEAST_FOR_HUGE)
		huge = 0;
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
	for (unsigned i = 0; i < roost->nr_zones; i++)
		roost->zones[i].config = config->zones[i];
	for (size_t i = 0; i < config->nr_ranges; i++)
		if (!is_reserved(&config->ranges[i]))
			set_zone(roost, &config->ranges[i]);
	for (size_t i = 0; i < config->nr_ranges; i++)
		if (!is_reserved(&config->ranges[i]))
			free_range(roost, config, &config->ranges[i]);
	set_marks(roost);
	policy_init(roost, config, roost->frames + BUDDY_ZONES * BUDDY_ORDERS * BUDDY_TYPES);
	*out = roost;
	return 0;
}

/* ---- Blocks ------------------------------------------------------------------------------ */

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
	if (p && p->state != PAGE_INSIDE)
		misuse.order_found = p->order;
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

/* Halves the block until pfn is a block of that order. */
static void split_to(struct roost *roost, uint32_t head, uint32_t page, unsigned order)
{
	while (roost->pages[head].order > order) {
		const uint32_t half = UINT32_C(1) << (roost->pages[head].order - 1u);

		roost_split(roost, head, roost->pages[head].order, roost->pages[head].order - 1u);
		if (page - head >= half)
			head += half;
	}
}

void roost_free_part(roost_t *roost, roost_pfn pfn, unsigned order)
{
	for (unsigned k = order; k <= roost->max_order && pfn < roost->frames; k++) {
		const uint32_t head = (uint32_t)(pfn & ~(((roost_pfn)1 << k) - 1));

		if (roost->pages[head].state == PAGE_OUT && roost->pages[head].order == k) {
			split_to(roost, head, (uint32_t)pfn, order);
			break;
		}
	}
	roost_free(roost, pfn, order);
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
		p->zone = whole.zone;
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

		if (p->state != PAGE_INSIDE)
			frames[p->zone][p->state] += UINT64_C(1) << p->order;
		mixed[p->zone] += p->state == PAGE_FREE && p->type != page_type(roost, i);
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
