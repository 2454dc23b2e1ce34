/* SPDX-License-Identifier: MIT */
/*
 * config.c - checks a configuration and reads its memory map.
 *
 * Nothing is copied or sorted: there is no memory yet for a copy. A walk visits the ranges in order
 * of address by searching for the next one. It goes over all ranges once for each range that begins
 * or ends an extent, so it is quadratic in the number of ranges (at most RST_MAX_RANGES).
 */
#include "core/map.h"

static const struct roost_zone_config the_zone;

const struct roost_zone_config *rst_config_zones(const struct roost_config *config, unsigned *nr)
{
	*nr = config->zones ? (unsigned)config->nr_zones : 1;
	return config->zones ? config->zones : &the_zone;
}

unsigned rst_config_nodes(const struct roost_config *config)
{
	unsigned nr_zones, nodes = 1;
	const struct roost_zone_config *zones = rst_config_zones(config, &nr_zones);

	for (unsigned i = 0; i < nr_zones; i++)
		if (zones[i].node >= nodes)
			nodes = zones[i].node + 1;
	for (unsigned i = 0; config->cpu_node && i < config->nr_cpus; i++)
		if (config->cpu_node[i] >= nodes)
			nodes = config->cpu_node[i] + 1u;
	return nodes;
}

/* ---- The map ----------------------------------------------------------------------------- */

static bool reserved(const struct roost_range *range)
{
	return range->flags & ROOST_RANGE_RESERVED;
}

/* The ordinary range with the lowest start among those that end above from. */
static const struct roost_range *next_range(const struct roost_config *config, roost_pfn from)
{
	const struct roost_range *next = NULL;

	for (size_t i = 0; i < config->nr_ranges; i++) {
		const struct roost_range *range = &config->ranges[i];

		if (!reserved(range) && range->end > from && (!next || range->start < next->start))
			next = range;
	}
	return next;
}

/* Moves *start out of reserved ranges and cuts *end at the next one. */
static void cut_reserved(const struct roost_config *config, roost_pfn *start, roost_pfn *end)
{
	bool moved;

	do {
		moved = false;
		for (size_t i = 0; i < config->nr_ranges; i++) {
			const struct roost_range *range = &config->ranges[i];

			if (reserved(range) && range->start <= *start && range->end > *start) {
				*start = range->end;
				moved = true;
			}
		}
	} while (moved);
	for (size_t i = 0; i < config->nr_ranges; i++) {
		const struct roost_range *range = &config->ranges[i];

		if (reserved(range) && range->start > *start && range->start < *end)
			*end = range->start;
	}
}

bool rst_next_extent(const struct roost_config *config, roost_pfn *from, struct rst_extent *extent)
{
	const struct roost_range *range;

	while ((range = next_range(config, *from))) {
		roost_pfn start = range->start > *from ? range->start : *from;
		roost_pfn end = range->end;

		cut_reserved(config, &start, &end);
		if (start >= range->end) {
			*from = start; /* all up to there is reserved */
			continue;
		}
		*from = end;
		*extent = (struct rst_extent){
			.start = start, .end = end, .zone = range->zone, .flags = range->flags};
		return true;
	}
	return false;
}

bool rst_walk_extents(const struct roost_config *config, const struct rst_map *map,
		      struct rst_extent_walk *w)
{
	const struct rst_span *before = w->span;
	roost_pfn behind = w->extent.end;

	if (!rst_next_extent(config, &w->from, &w->extent))
		return false;
	w->span = rst_span_below(map, w->extent.start);
	w->hole = w->span == before ? behind : w->extent.start;
	return true;
}

static roost_pfn pageblock_up(roost_pfn pfn)
{
	return (pfn + RST_PAGEBLOCK - 1) & ~(roost_pfn)(RST_PAGEBLOCK - 1);
}

void rst_map_add(struct rst_map_builder *b, const struct rst_extent *extent)
{
	roost_pfn base = extent->start & ~(roost_pfn)(RST_PAGEBLOCK - 1);

	if (b->nr && b->last.zone == extent->zone && base <= pageblock_up(b->last.end)) {
		b->frames -= pageblock_up(b->last.end) - b->last.base;
		b->last.end = extent->end;
	} else {
		b->last = (struct rst_span){.base = base,
					    .start = extent->start,
					    .end = extent->end,
					    .f0 = (rst_frame_id)b->frames,
					    .zone = extent->zone};
		b->nr++;
	}
	b->frames += pageblock_up(b->last.end) - b->last.base;
	if (b->spans)
		b->spans[b->nr - 1] = b->last;
}

void rst_map_build(const struct roost_config *config, struct rst_span *spans,
		   struct rst_map_builder *builder)
{
	struct rst_extent extent;
	roost_pfn from = 0;

	*builder = (struct rst_map_builder){.spans = spans};
	while (rst_next_extent(config, &from, &extent))
		rst_map_add(builder, &extent);
}

bool rst_block_below(const struct rst_map *map, uint32_t zone, uint32_t *block)
{
	for (uint32_t s = map->nr; s-- > 0;) {
		const struct rst_span *span = &map->spans[s];
		uint32_t last = rst_frame_of(span, span->end - 1) / RST_PAGEBLOCK;

		if (span->zone != zone || span->f0 / RST_PAGEBLOCK >= *block)
			continue;
		*block = last < *block ? last : *block - 1;
		return true;
	}
	return false;
}

uint64_t rst_frames_of_block(const struct roost_config *config, const struct rst_map *map,
			     uint32_t block)
{
	const struct rst_span *span = rst_span_of(map, block * RST_PAGEBLOCK);
	roost_pfn from = rst_pfn_of(span, block * RST_PAGEBLOCK), end = from + RST_PAGEBLOCK;
	struct rst_extent extent;
	uint64_t frames = 0;

	/* Another span of the zone may begin in the same aligned frames. */
	from = from < span->start ? span->start : from;
	end = end > span->end ? span->end : end;
	while (from < end && rst_next_extent(config, &from, &extent) && extent.start < end)
		if (extent.zone == span->zone && !(extent.flags & ROOST_RANGE_ABSENT))
			frames += (extent.end < end ? extent.end : end) - extent.start;
	return frames;
}

struct rst_zone_frames rst_zone_frames(const struct roost_config *config, unsigned zone)
{
	struct rst_zone_frames frames = {0};
	struct rst_extent extent;
	roost_pfn from = 0;
	uint64_t present = 0;

	while (rst_next_extent(config, &from, &extent)) {
		uint64_t n = extent.zone == zone ? extent.end - extent.start : 0;

		if (extent.flags & ROOST_RANGE_ABSENT)
			frames.absent += n;
		else
			frames.managed += n;
		if (extent.flags & ROOST_RANGE_ALLOCATED)
			frames.allocated += n;
	}
	for (size_t i = 0; i < config->nr_ranges; i++) {
		const struct roost_range *range = &config->ranges[i];

		if (range->zone == zone && !(range->flags & ROOST_RANGE_RESERVED) &&
		    !(range->flags & ROOST_RANGE_ABSENT))
			present += range->end - range->start;
	}
	frames.reserved = present - frames.managed;
	return frames;
}

/* ---- The order of zones ------------------------------------------------------------------ */

static unsigned distance(unsigned a, unsigned b)
{
	return a < b ? b - a : a - b;
}

void rst_zone_order(const struct roost_config *config, unsigned node, uint8_t *order)
{
	unsigned nr_zones, n = 0, nodes = rst_config_nodes(config);
	const struct roost_zone_config *zones = rst_config_zones(config, &nr_zones);

	if (config->zone_order) {
		for (unsigned i = 0; i < nr_zones; i++)
			order[i] = config->zone_order[node * nr_zones + i];
		order[nr_zones] = 0xff;
		return;
	}
	for (unsigned d = 0; d < nodes; d++)
		for (unsigned i = nr_zones; i-- > 0;)
			if (distance(zones[i].node, node) == d)
				order[n++] = (uint8_t)i;
	order[n] = 0xff;
}

/* ---- Is it good? ------------------------------------------------------------------------- */

/* The complaints that mean "too big" rather than "wrong": -ROOST_E2BIG. */
static const char too_many_ranges[] = "nr_ranges: more than 1024 ranges; join neighbours";
static const char too_many_zones[] = "nr_zones: more than ROOST_MAX_ZONES zones";
static const char too_many_cpus[] = "nr_cpus: more than ROOST_MAX_CPUS CPUs";
static const char too_many_frames[] =
	"ranges: more than 2^32 - 1024 frames, with absent ones and those that fill up pageblocks; "
	"use several allocators";

const char rst_config_too_new[] =
	"size or reserved: the header is newer than the library, and a field is set that it does "
	"not know";

int rst_config_errno(const char *error)
{
	if (!error)
		return 0;
	return error == too_many_ranges || error == too_many_zones || error == too_many_cpus ||
			       error == too_many_frames || error == rst_config_too_new
		       ? -ROOST_E2BIG
		       : -ROOST_EINVAL;
}

/* May memory come and go there by whole pageblocks? */
static const char *absent_error(const struct roost_config *config, const struct roost_range *absent)
{
	for (size_t i = 0; i < config->nr_ranges; i++) {
		const struct roost_range *range = &config->ranges[i];

		if (range == absent)
			continue;
		if (reserved(range) && range->start < absent->end && absent->start < range->end)
			return "ranges: a reserved range lies in an absent one; leave it out there";
		if (!reserved(range) && range->zone == absent->zone &&
		    range->start / RST_PAGEBLOCK <= (absent->end - 1) / RST_PAGEBLOCK &&
		    absent->start / RST_PAGEBLOCK <= (range->end - 1) / RST_PAGEBLOCK)
			return "ranges: an absent range shares a pageblock with another range of "
			       "its zone; join absent ones, and let them meet others at multiples "
			       "of 512 frames";
	}
	return NULL;
}

static const char *range_error(const struct roost_config *config, unsigned nr_zones)
{
	bool ordinary = false;

	if (!config->ranges || !config->nr_ranges)
		return "ranges: the memory map is empty; name at least one range";
	if (config->nr_ranges > RST_MAX_RANGES)
		return too_many_ranges;
	for (size_t i = 0; i < config->nr_ranges; i++) {
		const struct roost_range *range = &config->ranges[i];

		if (range->start >= range->end)
			return "ranges: a range ends at or before its start; end is exclusive";
		if (range->end > (roost_pfn)1 << 52)
			return "ranges: a range ends above pfn 2^52; are these addresses?";
		if (range->flags & (range->flags - 1u) || range->flags > ROOST_RANGE_ALLOCATED)
			return "ranges: unknown flags; there are ROOST_RANGE_RESERVED, "
			       "ROOST_RANGE_ABSENT and ROOST_RANGE_ALLOCATED, one at most for each";
		if (reserved(range))
			continue;
		ordinary = true;
		if (range->zone >= nr_zones)
			return "ranges: a range names a zone that is not configured";
		for (size_t j = 0; j < i; j++)
			if (!reserved(&config->ranges[j]) && range->start < config->ranges[j].end &&
			    config->ranges[j].start < range->end)
				return "ranges: two ordinary ranges overlap";
	}
	for (size_t i = 0; i < config->nr_ranges; i++) {
		const struct roost_range *range = &config->ranges[i];
		const char *error =
			range->flags & ROOST_RANGE_ABSENT ? absent_error(config, range) : NULL;

		if (error)
			return error;
	}
	return ordinary ? NULL : "ranges: all ranges are reserved; nothing is left to allocate";
}

struct rst_watermarks rst_watermarks(const struct roost_zone_config *zone, uint64_t managed)
{
	uint64_t room = managed > zone->reserve ? managed - zone->reserve : 0;
	/* One at least, or plain callers, which never go below the reserve, would not fall below
	 * low in a zone of less than 64 frames; and free memory must be able to rise above high. */
	uint64_t step = room < 64 ? room > 2 : room / 64;
	uint64_t low = zone->low ? zone->low : zone->reserve + step;

	return (struct rst_watermarks){
		.min = zone->reserve, .low = low, .high = zone->high ? zone->high : low + step};
}

static const char *zone_error(const struct roost_config *config,
			      const struct roost_zone_config *zones, unsigned nr_zones)
{
	for (unsigned i = 0; i < nr_zones; i++) {
		struct rst_watermarks marks;
		struct rst_zone_frames frames;

		if (zones[i].node >= ROOST_MAX_NODES)
			return "zones: a zone's node is not below ROOST_MAX_NODES";
		if (!zones[i].reserve && !zones[i].low && !zones[i].high)
			continue; /* spares a walk over the map */
		frames = rst_zone_frames(config, i);
		if (zones[i].reserve > frames.managed + frames.absent)
			return "zones: a zone's reserve is larger than the zone";
		/* When all is present, they are farthest apart. */
		marks = rst_watermarks(&zones[i], frames.managed + frames.absent);
		if (marks.low < marks.min)
			return "zones: a zone's low watermark is below its reserve";
		if (marks.high < marks.low)
			return "zones: a zone's high watermark is below its low one";
	}
	return NULL;
}

static const char *order_error(const struct roost_config *config, unsigned nr_zones)
{
	unsigned nodes = rst_config_nodes(config);

	for (unsigned i = 0; config->zone_order && i < nodes * nr_zones; i++)
		if (config->zone_order[i] != 0xff && config->zone_order[i] >= nr_zones)
			return "zone_order: names a zone that is not configured";
	return NULL;
}

static const char *cpu_error(const struct roost_config *config)
{
	if (!config->nr_cpus)
		return "nr_cpus: must be at least 1";
	if (config->nr_cpus > ROOST_MAX_CPUS)
		return too_many_cpus;
	if (!ROOST_SMP && config->nr_cpus != 1)
		return "nr_cpus: this is a uniprocessor build; must be 1";
	for (unsigned i = 0; config->cpu_node && i < config->nr_cpus; i++)
		if (config->cpu_node[i] >= ROOST_MAX_NODES)
			return "cpu_node: a CPU's node is not below ROOST_MAX_NODES";
	return NULL;
}

static const char *choice_error(const struct roost_config *config)
{
	unsigned max_order = rst_config_max_order(config);

	if (max_order < ROOST_PAGEBLOCK_ORDER || max_order > ROOST_MAX_ORDER)
		return "max_order: must be 9 to 18, or 0 for 10";
	if (config->check_level > ROOST_CHECK_PARANOID)
		return "check_level: must be 0 to 3";
	if ((unsigned)config->pockets > ROOST_POCKETS_OFF)
		return "pockets: must be ROOST_POCKETS_AUTO or ROOST_POCKETS_OFF";
	return rst_engine_config_error(config);
}

/* New fields are only added at the end, and the first version had this length. */
enum {
	CONFIG_SIZE_FIRST = offsetof(struct roost_config, context) + sizeof(void *),
	CONFIG_SIZE_SANE = 4096,
};

static const char *read_known(struct roost_config *config, const struct roost_config *given)
{
	const unsigned char *from = (const void *)given;
	unsigned char *to = (void *)config;

	if (!given)
		return "the configuration is NULL";
	if (given->size < CONFIG_SIZE_FIRST || given->size > CONFIG_SIZE_SANE)
		return "size: start from ROOST_CONFIG_INIT";
	*config = (struct roost_config){0};
	for (size_t i = 0; i < given->size; i++) {
		if (i < sizeof(*config))
			to[i] = from[i];
		else if (from[i])
			return rst_config_too_new;
	}
	return NULL;
}

const char *rst_config_read(struct roost_config *config, const struct roost_config *given)
{
	struct rst_map_builder builder;
	unsigned nr_zones;
	const struct roost_zone_config *zones;
	const char *error = read_known(config, given);

	if (error)
		return error;
	zones = rst_config_zones(config, &nr_zones);
	if (!nr_zones)
		return "nr_zones: must be at least 1, or zones NULL";
	if (config->nr_zones > ROOST_MAX_ZONES)
		return too_many_zones;
	if ((error = range_error(config, nr_zones)) || (error = cpu_error(config)) ||
	    (error = zone_error(config, zones, nr_zones)) ||
	    (error = order_error(config, nr_zones)) || (error = choice_error(config)))
		return error;
	rst_map_build(config, NULL, &builder);
	if (!builder.nr)
		return "ranges: all frames are reserved; nothing is left to allocate";
	if (builder.frames > RST_MAX_FRAME)
		return too_many_frames;
	return NULL;
}

const char *roost_config_error(const struct roost_config *given)
{
	struct roost_config config;

	return rst_config_read(&config, given);
}
