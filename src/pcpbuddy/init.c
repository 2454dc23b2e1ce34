/* SPDX-License-Identifier: MIT */
/*
 * init.c - from a configuration and zeroed memory to an allocator with all frames free.
 *
 * Of the frame records only those are written that begin a free chunk or lie in a hole of less
 * than two pageblocks; a zeroed record is INSIDE, a zeroed pageblock movable and unowned.
 */
#include "pcpbuddy/pcpbuddy.h"

/* Where the parts of the metadata lie, as offsets from its start. */
struct layout {
	uint64_t spans, zones, pcps, zone_order, cpu_node, blocks, frames, size;
	unsigned nr_zones, nr_nodes;
	uint64_t nr_frames;
	uint32_t nr_spans;
};

static uint64_t carve(uint64_t *end, uint64_t bytes)
{
	uint64_t start = (*end + RST_CACHE_LINE - 1) & ~(uint64_t)(RST_CACHE_LINE - 1);

	*end = start + bytes;
	return start;
}

static void lay_out(const struct roost_config *config, struct layout *l)
{
	struct rst_map_builder map;
	uint64_t end = sizeof(struct roost);

	rst_config_zones(config, &l->nr_zones);
	l->nr_nodes = rst_config_nodes(config);
	rst_map_build(config, NULL, &map);
	l->nr_spans = map.nr;
	l->nr_frames = map.frames;
	l->spans = carve(&end, map.nr * sizeof(struct rst_span));
	l->zones = carve(&end, l->nr_zones * sizeof(struct rst_zone));
	l->pcps = carve(&end, (uint64_t)l->nr_zones * config->nr_cpus * sizeof(struct rst_pcp));
	l->zone_order = carve(&end, (uint64_t)l->nr_nodes * (l->nr_zones + 1));
	l->cpu_node = carve(&end, config->nr_cpus);
	l->blocks = carve(&end, map.frames / RST_PAGEBLOCK * sizeof(struct rst_block));
	l->frames = carve(&end, map.frames * sizeof(struct rst_frame));
	l->size = carve(&end, 0);
}

size_t roost_metadata_size(const struct roost_config *config)
{
	struct layout layout;

	if (roost_config_error(config))
		return 0;
	lay_out(config, &layout);
	return layout.size <= SIZE_MAX ? (size_t)layout.size : 0;
}

/* ---- Parts ------------------------------------------------------------------------------- */

static uint32_t clamp(uint64_t value, uint32_t low, uint32_t high)
{
	return value < low ? low : value > high ? high : (uint32_t)value;
}

static void init_pcp(const struct roost_config *config, const struct rst_zone *z,
		     struct rst_pcp *pcp, unsigned cpu)
{
	/* All pcps together hold at most a quarter of the zone, each at most four pageblocks. */
	uint32_t high = clamp(z->managed / (4ull * config->nr_cpus), 16, 4 * RST_PAGEBLOCK);

	pcp->cpu = cpu;
	pcp->high = config->pcp_high ? config->pcp_high : high;
	pcp->batch = config->pcp_batch ? config->pcp_batch : clamp(pcp->high / 8, 1, 128);
	if (pcp->batch > pcp->high)
		pcp->batch = pcp->high;
	for (unsigned type = 0; type < RST_PCP_TYPES; type++) {
		pcp->fragmented[type] = RST_NO_BLOCK;
		for (unsigned order = 0; order < RST_PCP_ORDERS; order++)
			rst_list_init(&pcp->lists[type][order]);
	}
}

static void init_zone(const struct roost_config *config, struct rst_zone *z, unsigned id)
{
	unsigned nr;
	const struct roost_zone_config *zone = &rst_config_zones(config, &nr)[id];
	const char *name = zone->name ? zone->name : "Normal";
	struct rst_watermarks marks = rst_watermarks(zone, z->managed);

	z->id = id;
	z->node = zone->node;
	for (unsigned i = 0; i < sizeof(z->name) - 1 && name[i]; i++)
		z->name[i] = name[i];
	z->present = rst_zone_present(config, id);
	z->start_pfn = ROOST_NONE;
	z->min = marks.min;
	z->low = marks.low;
	z->high = marks.high;
	for (unsigned type = 0; type < ROOST_NR_LISTS; type++)
		for (unsigned order = 0; order < RST_ORDERS; order++)
			rst_list_init(&z->lists[type][order]);
	for (unsigned cpu = 0; cpu < config->nr_cpus; cpu++)
		init_pcp(config, z, &z->pcps[cpu], cpu);
}

static void count_managed(const struct roost_config *config, struct roost *r)
{
	struct rst_extent extent;
	roost_pfn from = 0;

	while (rst_next_extent(config, &from, &extent))
		r->zones[extent.zone].managed += extent.end - extent.start;
}

static void init_topology(const struct roost_config *config, struct roost *r)
{
	for (unsigned node = 0; node < r->nr_nodes; node++)
		rst_zone_order(config, node, r->zone_order + (size_t)node * (r->nr_zones + 1));
	for (unsigned cpu = 0; config->cpu_node && cpu < r->nr_cpus; cpu++)
		r->cpu_node[cpu] = config->cpu_node[cpu];
}

/* ---- Frames ------------------------------------------------------------------------------ */

static void mark_hole(struct roost *r, const struct rst_span *span, roost_pfn from, roost_pfn to)
{
	for (; from < to; from++)
		rst_set_state(r, rst_frame_of(span, from), rst_state(RST_HOLE, 0));
}

/* Holes inside spans, where each zone begins, how far it spans, how many pageblocks it has. */
static void init_spans(const struct roost_config *config, struct roost *r)
{
	struct rst_extent extent;
	roost_pfn from = 0, behind = 0;
	const struct rst_span *span, *before = NULL;

	while (rst_next_extent(config, &from, &extent)) {
		span = rst_span_below(&r->map, extent.start);
		if (before && span == before)
			mark_hole(r, span, behind, extent.start);
		behind = extent.end;
		before = span;
	}
	for (uint32_t i = 0; i < r->map.nr; i++) {
		struct rst_zone *z = &r->zones[r->map.spans[i].zone];
		roost_pfn base = r->map.spans[i].base, end = r->map.spans[i].end;

		if (z->start_pfn == ROOST_NONE)
			z->start_pfn = r->map.spans[i].start;
		z->spanned = end - z->start_pfn;
		rst_store_rlx(&z->blocks[ROOST_LIST_MOVABLE],
			      rst_load_rlx(&z->blocks[ROOST_LIST_MOVABLE]) +
				      (uint32_t)((end - base + RST_PAGEBLOCK - 1) / RST_PAGEBLOCK));
	}
}

/* Puts all frames of an extent into the zone buddy in chunks as large as fit. */
static void free_extent(struct roost *r, const struct rst_extent *extent)
{
	struct rst_zone *z = &r->zones[extent->zone];
	roost_pfn pfn = extent->start;

	while (pfn < extent->end) {
		unsigned order = pfn ? (unsigned)__builtin_ctzll(pfn) : r->max_order;
		const struct rst_span *span = rst_span_below(&r->map, pfn);

		if (order > r->max_order)
			order = r->max_order;
		while ((roost_pfn)1 << order > extent->end - pfn)
			order--;
		rst_zone_put(r, z, rst_frame_of(span, pfn), order);
		pfn += (roost_pfn)1 << order;
	}
}

/* Sets pageblocks apart for the reserve, from the last of the zone down, until they hold it. */
static void init_reserve(struct roost *r, struct rst_zone *z)
{
	uint64_t held = 0;

	for (uint32_t s = r->map.nr; s-- > 0 && held < z->min;) {
		const struct rst_span *span = &r->map.spans[s];
		rst_block_id id = rst_frame_of(span, span->end - 1) >> ROOST_PAGEBLOCK_ORDER;
		rst_block_id first = span->f0 >> ROOST_PAGEBLOCK_ORDER;

		for (; &r->zones[span->zone] == z && held < z->min && id + 1 > first; id--)
			held += rst_zone_retype(r, z, &r->blocks[id], ROOST_LIST_RESERVE);
	}
}

static void init_frames(const struct roost_config *config, struct roost *r)
{
	struct rst_extent extent;
	roost_pfn from = 0;

	init_spans(config, r);
	while (rst_next_extent(config, &from, &extent))
		free_extent(r, &extent);
	for (unsigned i = 0; i < r->nr_zones; i++)
		init_reserve(r, &r->zones[i]);
}

/* Start-up is no event. */
static void forget_counters(struct roost *r)
{
	for (unsigned i = 0; i < r->nr_zones; i++)
		for (unsigned cpu = 0; cpu < r->nr_cpus; cpu++)
			r->zones[i].pcps[cpu].count_of = (struct rst_counters){0};
}

/* ---- Interface --------------------------------------------------------------------------- */

int roost_init(roost_t **out, const struct roost_config *config, void *metadata, size_t size)
{
	const char *error = roost_config_error(config);
	struct rst_map_builder map;
	struct layout layout;
	struct roost *r = metadata;
	char *base = metadata;

	if (error)
		return rst_config_errno(error);
	if (!out || !metadata || (uintptr_t)metadata % RST_CACHE_LINE)
		return -ROOST_EINVAL;
	lay_out(config, &layout);
	if (layout.size > SIZE_MAX)
		return -ROOST_E2BIG;
	if (size < layout.size)
		return -ROOST_ENOSPC;
	rst_map_build(config, (struct rst_span *)(void *)(base + layout.spans), &map);
	r->map.spans = (struct rst_span *)(void *)(base + layout.spans);
	r->map.nr = layout.nr_spans;
	r->zones = (struct rst_zone *)(void *)(base + layout.zones);
	r->zone_order = (uint8_t *)base + layout.zone_order;
	r->cpu_node = (uint8_t *)base + layout.cpu_node;
	r->blocks = (struct rst_block *)(void *)(base + layout.blocks);
	r->frames = (struct rst_frame *)(void *)(base + layout.frames);
	r->nr_zones = layout.nr_zones;
	r->nr_nodes = layout.nr_nodes;
	r->nr_cpus = config->nr_cpus;
	r->nr_blocks = (uint32_t)(layout.nr_frames / RST_PAGEBLOCK);
	r->max_order = rst_config_max_order(config);
	r->check_level = config->check_level;
	r->free_path = config->free_path;
	r->misuse = config->misuse;
	r->pressure = config->pressure;
	r->context = config->context;
	count_managed(config, r);
	for (unsigned i = 0; i < r->nr_zones; i++) {
		r->zones[i].pcps =
			(struct rst_pcp *)(void *)(base + layout.pcps) + (size_t)i * r->nr_cpus;
		init_zone(config, &r->zones[i], i);
	}
	init_topology(config, r);
	init_frames(config, r);
	forget_counters(r);
	*out = r;
	return 0;
}
