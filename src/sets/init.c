/* SPDX-License-Identifier: MIT */
/*
 * init.c - from a configuration and zeroed memory to an allocator with all frames free.
 *
 * Zeroed sets are empty, a zeroed place is the zone's movable list, a zeroed om[] says that no
 * block was ever handed out. So roost_init() writes only the regions' sets, and the records of
 * pageblocks that are not whole or are in the reserve, and of blocks that start out allocated.
 */
#include "sets/engine.h"

/* What a zone covers, computed from the spans. */
struct zone_shape {
	rst_block_id first_block, end_block;
	rst_region_id first_region, end_region;
};

struct shape {
	struct zone_shape zones[ROOST_MAX_ZONES];
	rst_region_id nr_regions;
};

/* Where the parts of the metadata lie, as offsets from its start. */
struct layout {
	struct rst_base_layout base;
	struct shape shape;
	uint64_t zones, pcps, pockets, blocks, regions, place, om, span_regions, region_span,
		taints, hints, size;
	uint32_t nr_homes;
};

static rst_block_id blocks_of(const struct rst_span *span, rst_block_id *first)
{
	*first = span->f0 >> ROOST_PAGEBLOCK_ORDER;
	return (rst_frame_of(span, span->end - 1) >> ROOST_PAGEBLOCK_ORDER) + 1 - *first;
}

static struct rst_span_regions add_span(struct shape *shape, const struct rst_span *span)
{
	struct zone_shape *z = &shape->zones[span->zone];
	struct rst_span_regions s = {.first = shape->nr_regions,
				     .first_bit = (uint32_t)(span->base >> ROOST_PAGEBLOCK_ORDER) %
						  RST_REGION};
	rst_block_id blocks = blocks_of(span, &s.first_block);

	shape->nr_regions += (s.first_bit + blocks + RST_REGION - 1) / RST_REGION;
	if (!z->end_block) {
		z->first_block = s.first_block;
		z->first_region = s.first;
	}
	z->end_block = s.first_block + blocks;
	z->end_region = shape->nr_regions;
	return s;
}

/* Walks the spans before there is memory to store them. */
static void shape_of(const struct roost_config *config, struct shape *shape)
{
	struct rst_map_builder map = {0};
	struct rst_extent extent;
	struct rst_span before;
	roost_pfn from = 0;
	uint32_t nr = 0;

	*shape = (struct shape){0};
	while (rst_next_extent(config, &from, &extent)) {
		before = map.last;
		rst_map_add(&map, &extent);
		if (map.nr > nr && nr)
			add_span(shape, &before);
		nr = map.nr;
	}
	add_span(shape, &map.last);
}

static unsigned nr_lists(uint32_t nr_homes)
{
	return RST_FIRST_HOME_LIST + nr_homes * RST_TYPES;
}

static uint64_t partial_words(const struct zone_shape *z, uint32_t nr_homes)
{
	return rst_hint_words(nr_lists(nr_homes), RST_BINS, z->end_block - z->first_block);
}

static uint64_t whole_words(const struct zone_shape *z)
{
	return rst_hint_words(RST_WHOLE_LISTS, RST_SET_ORDER + 1, z->end_region - z->first_region);
}

static void lay_out(const struct roost_config *config, struct layout *l)
{
	uint64_t end = sizeof(struct roost), words = 0, blocks;

	rst_base_lay_out(config, &l->base, &end);
	shape_of(config, &l->shape);
	l->nr_homes = config->nr_cpus < RST_MAX_HOMES ? config->nr_cpus : RST_MAX_HOMES;
	blocks = l->base.nr_frames / RST_PAGEBLOCK;
	for (unsigned i = 0; i < l->base.nr_zones; i++)
		words += partial_words(&l->shape.zones[i], l->nr_homes) +
			 whole_words(&l->shape.zones[i]);
	l->zones = rst_carve(&end, l->base.nr_zones * sizeof(struct rst_zone));
	l->pcps = rst_carve(&end,
			    (uint64_t)l->base.nr_zones * config->nr_cpus * sizeof(struct rst_pcp));
	l->pockets = rst_carve(&end, (uint64_t)l->base.nr_zones * config->nr_cpus *
					     sizeof(struct rst_pocket));
	l->span_regions = rst_carve(&end, l->base.nr_spans * sizeof(struct rst_span_regions));
	l->region_span = rst_carve(&end, l->shape.nr_regions * sizeof(uint16_t));
	l->taints = rst_carve(&end, l->shape.nr_regions * sizeof(uint32_t));
	l->regions = rst_carve(&end, l->shape.nr_regions * sizeof(struct rst_set));
	l->hints = rst_carve(&end, words * sizeof(uint64_t));
	l->place = rst_carve(&end, blocks * sizeof(uint16_t));
	l->blocks = rst_carve(&end, blocks * sizeof(struct rst_set));
	l->om = rst_carve(&end, l->base.nr_frames);
	l->size = rst_carve(&end, 0);
}

const char *rst_engine_config_error(const struct roost_config *config)
{
	return config->pcpbuddy ? "pcpbuddy: this library has the engine sets, which has nothing "
				  "of it; must be NULL"
				: NULL;
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

static void init_regions(struct roost *r)
{
	struct shape shape = {0};

	for (uint32_t i = 0; i < r->base.map.nr; i++) {
		rst_region_id g = shape.nr_regions;

		r->span_regions[i] = add_span(&shape, &r->base.map.spans[i]);
		for (; g < shape.nr_regions; g++)
			r->region_span[g] = (uint16_t)i;
	}
}

/* Returns the first word after the zone's hints. */
static _Atomic uint64_t *init_zone(struct roost *r, struct rst_zone *z,
				   const struct zone_shape *shape, _Atomic uint64_t *words)
{
	z->first_block = shape->first_block;
	z->end_block = shape->end_block;
	z->first_region = shape->first_region;
	z->end_region = shape->end_region;
	z->nr_lists = nr_lists(r->nr_homes);
	rst_store_rlx(&z->apart, (uint64_t)RST_NO_BLOCK << 32);
	rst_hint_init(&z->partial, z->nr_lists, RST_BINS, z->end_block - z->first_block, words);
	words += partial_words(shape, r->nr_homes);
	rst_hint_init(&z->whole, RST_WHOLE_LISTS, RST_SET_ORDER + 1,
		      z->end_region - z->first_region, words);
	for (unsigned cpu = 0; cpu < r->base.nr_cpus; cpu++) {
		z->pcps[cpu].home = cpu % r->nr_homes;
		z->pockets[cpu].first_list = rst_home_list(z->pcps[cpu].home, 0);
		for (unsigned type = 0; type < RST_TYPES; type++)
			rst_store_rlx(&z->pcps[cpu].current[type], RST_NO_BLOCK);
	}
	return words + whole_words(shape);
}

/* ---- Frames ------------------------------------------------------------------------------ */

static void free_chunk(struct roost *r, struct rst_zone *z, rst_frame_id f, unsigned order)
{
	rst_block_id b = f >> ROOST_PAGEBLOCK_ORDER;

	if (order >= RST_SET_ORDER) {
		rst_put_whole(r, z, b, order - RST_SET_ORDER);
	} else {
		rst_set_put(&r->blocks[b], f % RST_PAGEBLOCK, order);
		rst_settle(r, z, b);
	}
}

/* What roost_take_range() leaves. */
static void init_allocated(struct roost *r, const struct rst_extent_walk *w)
{
	for (roost_pfn pfn = w->extent.start; pfn < w->extent.end;) {
		unsigned order = rst_chunk_order(&w->extent, pfn, r->base.max_order);

		rst_store_rlx(&r->om[rst_frame_of(w->span, pfn)], (uint8_t)(order + 1));
		pfn += (roost_pfn)1 << order;
	}
}

static void init_extent(struct roost *r, const struct rst_extent_walk *w)
{
	for (roost_pfn pfn = w->hole; pfn < w->extent.start; pfn++)
		rst_store_rlx(&r->om[rst_frame_of(w->span, pfn)], RST_OM_HOLE);
	if (w->extent.flags & ROOST_RANGE_ALLOCATED)
		init_allocated(r, w);
	if (w->extent.flags & (ROOST_RANGE_ALLOCATED | ROOST_RANGE_ABSENT))
		return;
	for (roost_pfn pfn = w->extent.start; pfn < w->extent.end;) {
		unsigned order = rst_chunk_order(&w->extent, pfn, ROOST_MAX_ORDER);

		free_chunk(r, &r->zones[w->extent.zone], rst_frame_of(w->span, pfn), order);
		pfn += (roost_pfn)1 << order;
	}
}

/* Sets pageblocks apart for the reserve, from the last of the zone down, until they hold it. */
static void init_reserve(const struct roost_config *config, struct roost *r, struct rst_zone *z)
{
	rst_block_id b = UINT32_MAX;
	uint64_t held = 0;

	while (z->desc.reserve < z->desc.min && rst_block_below(&r->base.map, z->desc.id, &b)) {
		if (!rst_is_present(&r->base, b))
			continue;
		rst_move(r, z, b, ROOST_LIST_MOVABLE, ROOST_LIST_RESERVE);
		rst_open_whole(r, z, b);
		rst_note_reserve(z, b, b);
		held += rst_set_count(&r->blocks[b]);
		z->desc.reserve += rst_frames_of_block(config, &r->base.map, b);
	}
	rst_store_rlx(&z->reserve_free, (int64_t)held);
}

static void init_frames(const struct roost_config *config, struct roost *r)
{
	struct rst_extent_walk walk = {0};

	while (rst_walk_extents(config, &r->base.map, &walk))
		init_extent(r, &walk);
	for (unsigned i = 0; i < r->base.nr_zones; i++)
		init_reserve(config, r, &r->zones[i]);
}

/* ---- Interface --------------------------------------------------------------------------- */

static void place_parts(struct roost *r, const struct layout *l, char *metadata, bool pockets)
{
	r->zones = (struct rst_zone *)(void *)(metadata + l->zones);
	r->span_regions = (struct rst_span_regions *)(void *)(metadata + l->span_regions);
	r->region_span = (uint16_t *)(void *)(metadata + l->region_span);
	r->taints = (_Atomic uint32_t *)(void *)(metadata + l->taints);
	r->regions = (struct rst_set *)(void *)(metadata + l->regions);
	r->place = (_Atomic uint16_t *)(void *)(metadata + l->place);
	r->blocks = (struct rst_set *)(void *)(metadata + l->blocks);
	r->om = (_Atomic uint8_t *)(void *)(metadata + l->om);
	r->nr_blocks = (uint32_t)(l->base.nr_frames / RST_PAGEBLOCK);
	r->nr_regions = l->shape.nr_regions;
	r->nr_homes = l->nr_homes;
	r->pocket_cpus = pockets && rst_seq_ready(metadata, (size_t)l->size) ? r->base.nr_cpus : 0;
}

int roost_init(roost_t **out, const struct roost_config *given, void *metadata, size_t size)
{
	struct roost_config config;
	struct layout l;
	struct roost *r = metadata;
	_Atomic uint64_t *words;
	int err = rst_base_check(out, &config, given, metadata);

	if (err)
		return err;
	lay_out(&config, &l);
	if (l.size > SIZE_MAX)
		return -ROOST_E2BIG;
	if (size < l.size)
		return -ROOST_ENOSPC;
	rst_base_init(&r->base, &config, &l.base, metadata);
	place_parts(r, &l, metadata, config.pockets == ROOST_POCKETS_AUTO);
	init_regions(r);
	words = (_Atomic uint64_t *)(void *)((char *)metadata + l.hints);
	for (unsigned i = 0; i < r->base.nr_zones; i++) {
		struct rst_zone *z = &r->zones[i];

		rst_zone_desc_init(&z->desc, &config, &r->base, i);
		z->pcps = (struct rst_pcp *)(void *)((char *)metadata + l.pcps) +
			  (size_t)i * r->base.nr_cpus;
		z->pockets = (struct rst_pocket *)(void *)((char *)metadata + l.pockets) +
			     (size_t)i * r->base.nr_cpus;
		words = init_zone(r, z, &l.shape.zones[i], words);
	}
	init_frames(&config, r);
	*out = r;
	return 0;
}
