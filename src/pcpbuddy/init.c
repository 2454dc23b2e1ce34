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
	struct rst_base_layout base;
	uint64_t zones, pcps, blocks, frames, size;
};

static void lay_out(const struct roost_config *config, struct layout *l)
{
	uint64_t end = sizeof(struct roost);

	rst_base_lay_out(config, &l->base, &end);
	l->zones = rst_carve(&end, l->base.nr_zones * sizeof(struct rst_zone));
	l->pcps = rst_carve(&end,
			    (uint64_t)l->base.nr_zones * config->nr_cpus * sizeof(struct rst_pcp));
	l->blocks = rst_carve(&end, l->base.nr_frames / RST_PAGEBLOCK * sizeof(struct rst_block));
	l->frames = rst_carve(&end, l->base.nr_frames * sizeof(struct rst_frame));
	l->size = rst_carve(&end, 0);
}

size_t roost_metadata_size(const struct roost_config *given)
{
	struct roost_config config;
	struct layout layout;

	if (rst_config_read(&config, given))
		return 0;
	lay_out(&config, &layout);
	return layout.size <= SIZE_MAX ? (size_t)layout.size : 0;
}

/* ---- Parts ------------------------------------------------------------------------------- */

static uint32_t clamp(uint64_t value, uint32_t low, uint32_t high)
{
	return value < low ? low : value > high ? high : (uint32_t)value;
}

const char *rst_engine_config_error(const struct roost_config *config)
{
	const struct roost_pcpbuddy_config *own = config->pcpbuddy;

	if (!own)
		return NULL;
	for (unsigned i = 0; i < sizeof(own->reserved) / sizeof(own->reserved[0]); i++)
		if (own->reserved[i])
			return rst_config_too_new;
	if ((unsigned)own->free_path > ROOST_FREE_BLOCKING)
		return "pcpbuddy: free_path: no such free path";
	if (own->free_path == ROOST_FREE_BLOCKING && !ROOST_LAB)
		return "pcpbuddy: free_path: blocking deadlocks; only builds with ROOST_LAB=1 "
		       "have it";
	if (own->high > 1u << 20 || own->batch > 1u << 20)
		return "pcpbuddy: high, batch: must be at most 2^20 frames";
	return NULL;
}

/* What a configuration has of this engine. */
static struct roost_pcpbuddy_config own_config(const struct roost_config *config)
{
	return config->pcpbuddy ? *config->pcpbuddy : (struct roost_pcpbuddy_config){0};
}

void rst_pcp_set_marks(struct roost *r, struct rst_zone *z)
{
	/* All pcps together hold at most a quarter of the zone, each at most four pageblocks. But a
	 * claim needs room for a pageblock: a zone that has one for each CPU leaves that much. */
	uint64_t each = rst_zone_managed(&z->desc) / r->base.nr_cpus;
	uint32_t high =
		clamp(each / 4, each < RST_PAGEBLOCK ? 16 : RST_PAGEBLOCK, 4 * RST_PAGEBLOCK);
	uint32_t batch;

	high = r->high ? r->high : high;
	batch = r->batch ? r->batch : clamp(high / 8, 1, 128);
	for (unsigned cpu = 0; cpu < r->base.nr_cpus; cpu++) {
		rst_store_rlx(&z->pcps[cpu].high, high);
		rst_store_rlx(&z->pcps[cpu].batch, batch < high ? batch : high);
	}
}

static void init_pcp(struct rst_pcp *pcp, unsigned cpu)
{
	rst_try_init(&pcp->lock);
	pcp->cpu = cpu;
	for (unsigned type = 0; type < RST_TYPES; type++) {
		pcp->fragmented[type] = RST_NO_BLOCK;
		for (unsigned order = 0; order < RST_PCP_ORDERS; order++)
			rst_list_init(&pcp->lists[type][order]);
	}
}

static void init_zone(struct roost *r, struct rst_zone *z)
{
	rst_spin_init(&z->lock);
	for (unsigned type = 0; type < ROOST_NR_LISTS; type++)
		for (unsigned order = 0; order < RST_ORDERS; order++)
			rst_list_init(&z->lists[type][order]);
	for (unsigned cpu = 0; cpu < r->base.nr_cpus; cpu++)
		init_pcp(&z->pcps[cpu], cpu);
	rst_pcp_set_marks(r, z);
}

/* ---- Frames ------------------------------------------------------------------------------ */

/* How many pageblocks each zone has. */
static void init_spans(struct roost *r)
{
	for (uint32_t i = 0; i < r->base.map.nr; i++) {
		const struct rst_span *span = &r->base.map.spans[i];
		struct rst_zone *z = &r->zones[span->zone];
		rst_block_id last = rst_frame_of(span, span->end - 1) / RST_PAGEBLOCK;

		for (rst_block_id b = span->f0 / RST_PAGEBLOCK; b <= last; b++)
			rst_store_rlx(&z->blocks[ROOST_LIST_MOVABLE],
				      rst_load_rlx(&z->blocks[ROOST_LIST_MOVABLE]) +
					      rst_is_present(&r->base, b));
	}
}

/* Puts all frames of an extent into the zone buddy in chunks as large as fit, or makes them
 * allocated. */
static void init_extent(struct roost *r, const struct rst_extent_walk *w)
{
	for (roost_pfn pfn = w->hole; pfn < w->extent.start; pfn++)
		rst_set_state(r, rst_frame_of(w->span, pfn), rst_state(RST_HOLE, 0));
	if (w->extent.flags & ROOST_RANGE_ABSENT)
		return;
	for (roost_pfn pfn = w->extent.start; pfn < w->extent.end;) {
		unsigned order = rst_chunk_order(&w->extent, pfn, r->base.max_order);

		rst_frame_id f = rst_frame_of(w->span, pfn);

		if (w->extent.flags & ROOST_RANGE_ALLOCATED) {
			rst_store_rlx(&r->frames[f].used, 1);
			rst_set_state(r, f, rst_state(RST_ALLOC, order));
		} else {
			rst_zone_put(r, &r->zones[w->extent.zone], f, order);
		}
		pfn += (roost_pfn)1 << order;
	}
}

/* Sets pageblocks apart for the reserve, from the last of the zone down, until they hold it. */
static void init_reserve(const struct roost_config *config, struct roost *r, struct rst_zone *z)
{
	rst_block_id b = UINT32_MAX;

	while (z->desc.reserve < z->desc.min && rst_block_below(&r->base.map, z->desc.id, &b)) {
		if (!rst_is_present(&r->base, b))
			continue;
		rst_zone_retype(r, z, &r->blocks[b], ROOST_LIST_RESERVE);
		z->desc.reserve += rst_frames_of_block(config, &r->base.map, b);
	}
}

static void init_frames(const struct roost_config *config, struct roost *r)
{
	struct rst_extent_walk walk = {0};

	init_spans(r);
	while (rst_walk_extents(config, &r->base.map, &walk))
		init_extent(r, &walk);
	for (unsigned i = 0; i < r->base.nr_zones; i++)
		init_reserve(config, r, &r->zones[i]);
}

/* Start-up is no event. */
static void forget_counters(struct roost *r)
{
	for (unsigned i = 0; i < r->base.nr_zones; i++)
		for (unsigned cpu = 0; cpu < r->base.nr_cpus; cpu++)
			r->zones[i].pcps[cpu].count_of = (struct rst_pcp_counters){0};
}

/* ---- Interface --------------------------------------------------------------------------- */

int roost_init(roost_t **out, const struct roost_config *given, void *metadata, size_t size)
{
	struct roost_config config;
	struct layout layout;
	struct roost *r = metadata;
	char *base = metadata;
	int err = rst_base_check(out, &config, given, metadata);

	if (err)
		return err;
	lay_out(&config, &layout);
	if (layout.size > SIZE_MAX)
		return -ROOST_E2BIG;
	if (size < layout.size)
		return -ROOST_ENOSPC;
	rst_base_init(&r->base, &config, &layout.base, base);
	r->free_path = own_config(&config).free_path;
	r->high = own_config(&config).high;
	r->batch = own_config(&config).batch;
	r->zones = (struct rst_zone *)(void *)(base + layout.zones);
	r->blocks = (struct rst_block *)(void *)(base + layout.blocks);
	r->frames = (struct rst_frame *)(void *)(base + layout.frames);
	r->nr_blocks = (uint32_t)(layout.base.nr_frames / RST_PAGEBLOCK);
	for (unsigned i = 0; i < r->base.nr_zones; i++) {
		struct rst_zone *z = &r->zones[i];

		rst_zone_desc_init(&z->desc, &config, &r->base, i);
		z->pcps = (struct rst_pcp *)(void *)(base + layout.pcps) +
			  (size_t)i * r->base.nr_cpus;
		init_zone(r, z);
	}
	init_frames(&config, r);
	forget_counters(r);
	*out = r;
	return 0;
}
