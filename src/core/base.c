/* SPDX-License-Identifier: MIT */
/* base.c - what every engine has, except requests (request.c). */
#include "core/base.h"
#include "core/text.h"

/* ---- Start-up ------------------------------------------------------------------------------ */

void rst_base_lay_out(const struct roost_config *config, struct rst_base_layout *l, uint64_t *end)
{
	struct rst_map_builder map;

	rst_config_zones(config, &l->nr_zones);
	l->nr_nodes = rst_config_nodes(config);
	rst_map_build(config, NULL, &map);
	l->nr_spans = map.nr;
	l->nr_frames = map.frames;
	l->spans = rst_carve(end, map.nr * sizeof(struct rst_span));
	l->zone_order = rst_carve(end, (uint64_t)l->nr_nodes * (l->nr_zones + 1));
	l->cpu_node = rst_carve(end, config->nr_cpus);
	l->cpu_zone = rst_carve(end, config->nr_cpus);
	l->present = rst_carve(end, (map.frames / RST_PAGEBLOCK + 63) / 64 * sizeof(uint64_t));
	l->odd = rst_carve(end, (map.frames / RST_PAGEBLOCK + 63) / 64 * sizeof(uint64_t));
	l->brought = rst_carve(end, (map.frames / RST_PAGEBLOCK + 63) / 64 * sizeof(uint64_t));
}

/* The pageblocks of each extent that is there, and those that it has not for itself. */
static void init_present(struct rst_base *base, const struct roost_config *config)
{
	struct rst_extent_walk w = {0};

	while (rst_walk_extents(config, &base->map, &w)) {
		uint32_t b = rst_frame_of(w.span, w.extent.start) / RST_PAGEBLOCK;
		uint32_t last = rst_frame_of(w.span, w.extent.end - 1) / RST_PAGEBLOCK;

		if (w.extent.start % RST_PAGEBLOCK)
			base->odd[b / 64] |= rst_hotplug_bit(b);
		if (w.extent.end % RST_PAGEBLOCK)
			base->odd[last / 64] |= rst_hotplug_bit(last);
		for (; !(w.extent.flags & ROOST_RANGE_ABSENT) && b <= last; b++)
			rst_store_rlx(&base->present[b / 64],
				      rst_load_rlx(&base->present[b / 64]) | rst_hotplug_bit(b));
	}
}

void rst_base_init(struct rst_base *base, const struct roost_config *config,
		   const struct rst_base_layout *l, char *metadata)
{
	struct rst_span *spans = (struct rst_span *)(void *)(metadata + l->spans);
	struct rst_map_builder map;

	rst_map_build(config, spans, &map);
	base->map.spans = spans;
	base->map.nr = l->nr_spans;
	base->zone_order = (uint8_t *)metadata + l->zone_order;
	base->cpu_node = (uint8_t *)metadata + l->cpu_node;
	base->cpu_zone = (uint8_t *)metadata + l->cpu_zone;
	base->present = (_Atomic uint64_t *)(void *)(metadata + l->present);
	base->odd = (uint64_t *)(void *)(metadata + l->odd);
	base->brought = (_Atomic uint64_t *)(void *)(metadata + l->brought);
	base->nr_zones = l->nr_zones;
	base->nr_nodes = l->nr_nodes;
	base->nr_cpus = config->nr_cpus;
	base->max_order = rst_config_max_order(config);
	base->check_level = config->check_level;
	base->misuse = config->misuse;
	base->pressure = config->pressure;
	base->context = config->context;
	for (unsigned node = 0; node < base->nr_nodes; node++)
		rst_zone_order(config, node, rst_zones_of(base, node));
	for (unsigned cpu = 0; cpu < base->nr_cpus; cpu++) {
		if (config->cpu_node)
			base->cpu_node[cpu] = config->cpu_node[cpu];
		base->cpu_zone[cpu] = *rst_zones_of(base, base->cpu_node[cpu]);
	}
	init_present(base, config);
}

int rst_base_check(roost_t **out, struct roost_config *config, const struct roost_config *given,
		   const void *metadata)
{
	const char *error = rst_config_read(config, given);

	if (error)
		return rst_config_errno(error);
	if (!out || !metadata || (uintptr_t)metadata % RST_CACHE_LINE)
		return -ROOST_EINVAL;
	return 0;
}

/* ---- Zones --------------------------------------------------------------------------------- */

/* Where the zone begins and how far it spans. */
static void measure(struct rst_zone_desc *desc, const struct rst_base *base)
{
	desc->start_pfn = ROOST_NONE;
	for (uint32_t i = 0; i < base->map.nr; i++) {
		const struct rst_span *span = &base->map.spans[i];

		if (span->zone != desc->id)
			continue;
		if (desc->start_pfn == ROOST_NONE)
			desc->start_pfn = span->start;
		desc->spanned = span->end - desc->start_pfn;
	}
}

void rst_zone_desc_init(struct rst_zone_desc *desc, const struct roost_config *config,
			const struct rst_base *base, unsigned id)
{
	unsigned nr;
	const struct roost_zone_config *zone = &rst_config_zones(config, &nr)[id];
	const char *name = zone->name ? zone->name : "Normal";
	struct rst_zone_frames frames = rst_zone_frames(config, id);

	desc->id = id;
	desc->node = zone->node;
	desc->allocated = frames.allocated;
	desc->known = frames.managed + frames.absent;
	desc->reserved = frames.reserved;
	rst_store_rlx(&desc->added, frames.managed - frames.allocated);
	measure(desc, base);
	desc->min = zone->reserve;
	desc->low_set = zone->low;
	desc->high_set = zone->high;
	rst_zone_set_marks(desc);
	for (unsigned i = 0; i < sizeof(desc->name) - 1 && name[i]; i++)
		desc->name[i] = name[i];
}

void rst_zone_set_marks(struct rst_zone_desc *desc)
{
	const struct roost_zone_config zone = {
		.reserve = desc->min, .low = desc->low_set, .high = desc->high_set};
	struct rst_watermarks marks = rst_watermarks(&zone, rst_zone_managed(desc));

	/* Racy: an allocation that reads the old mark of one and the new one of the other calls the
	 * hook too early or too late by what came or went. */
	rst_store_rlx(&desc->low, marks.low);
	rst_store_rlx(&desc->high, marks.high);
}

void rst_zone_desc_info(const struct rst_zone_desc *desc, struct roost_zone_info *info)
{
	uint64_t managed = rst_zone_managed(desc);

	*info = (struct roost_zone_info){
		.node = desc->node,
		.start_pfn = desc->start_pfn,
		.spanned = desc->spanned,
		.present = managed + desc->reserved,
		.managed = managed,
		.min = desc->min,
		.low = rst_load_rlx(&desc->low),
		.high = rst_load_rlx(&desc->high),
		.absent = desc->known - managed,
	};
	for (unsigned i = 0; i < sizeof(info->name); i++)
		info->name[i] = desc->name[i];
}

/* ---- Pressure, counters -------------------------------------------------------------------- */

bool rst_pressure_call(const struct rst_base *base, struct rst_pressure *pressure,
		       const struct rst_zone_desc *desc, uint64_t free)
{
	/* The hook may allocate: it is not called again from inside itself. */
	if (!base->pressure || rst_xchg_acq(&pressure->calling, 1))
		return false;
	base->pressure(base->context, desc->id, free);
	rst_store_rel(&pressure->calling, 0);
	return true;
}

void rst_counters_add(const struct rst_counters *from, struct roost_stats *to)
{
#define ADD(name, text) to->name += rst_load_rlx(&from->name);
	ROOST_COUNTERS(ADD)
#undef ADD
}

/* ---- Misuse, validation -------------------------------------------------------------------- */

void rst_report(const struct rst_base *base, const struct roost_misuse *misuse)
{
	RST_PROBE4(misuse, misuse->kind, misuse->pfn, misuse->order_given, misuse->call);
	if (base->misuse) {
		base->misuse(base->context, misuse);
	} else {
		struct rst_text text;
		char line[256];

		rst_text_start(&text, line, sizeof(line));
		rst_text_misuse(&text, misuse);
		rst_fatal(line);
	}
}

bool rst_are_cpus(const struct rst_base *base, const char *call, int cpu)
{
	struct roost_misuse misuse = rst_misuse_of(call, ROOST_NONE, 0);

	if (cpu >= -1 && cpu < (int)base->nr_cpus)
		return true;
	misuse.kind = ROOST_MISUSE_BAD_FLAGS;
	misuse.order_given = -1;
	rst_report(base, &misuse);
	return false;
}

/* 0: there is no such size. */
static RST_COLD roost_pfn alignment_of_frames(const struct rst_base *base,
					      const struct roost_misuse *m)
{
	struct rst_size size = rst_size_of(m->frames_given);

	return m->frames_given && size.order <= base->max_order ? rst_alignment(size) : 0;
}

const struct rst_span *rst_misuse_span(const struct rst_base *base, struct roost_misuse *m)
{
	const struct rst_span *span;
	roost_pfn last = base->map.spans[base->map.nr - 1].end;
	roost_pfn alignment;

	if (m->order_given < 0)
		alignment = alignment_of_frames(base, m);
	else
		alignment = (unsigned)m->order_given > base->max_order
				    ? 0
				    : (roost_pfn)1 << m->order_given;
	if (!alignment) {
		m->kind = ROOST_MISUSE_BAD_ORDER;
		return NULL;
	}
	span = rst_span_of_pfn(&base->map, m->pfn);
	if (!span) {
		m->kind = m->pfn < base->map.spans[0].start || m->pfn >= last
				  ? ROOST_MISUSE_OUT_OF_RANGE
				  : ROOST_MISUSE_HOLE;
	} else if (m->pfn & (alignment - 1)) {
		m->kind = ROOST_MISUSE_MISALIGNED;
		span = NULL;
	}
	return span;
}

bool rst_violated(struct rst_walk *w, const char *invariant, int zone, roost_pfn pfn,
		  uint64_t expected, uint64_t found)
{
	if (!w->bad && w->out)
		*w->out = (struct roost_violation){.invariant = invariant,
						   .pfn = pfn,
						   .zone = zone,
						   .cpu = -1,
						   .expected = expected,
						   .found = found};
	w->bad = true;
	return false;
}

/* ---- Pageblocks ---------------------------------------------------------------------------- */

rst_frame_id rst_pageblock_at(const struct rst_map *map, roost_pfn pfn,
			      struct roost_pageblock_info *info)
{
	const struct rst_span *span = rst_span_below(map, pfn);
	roost_pfn first;

	if (pfn >= span->end && ++span == map->spans + map->nr)
		return RST_NO_FRAME;
	if (pfn < span->start)
		pfn = span->start;
	first = pfn & ~(roost_pfn)(RST_PAGEBLOCK - 1);
	*info = (struct roost_pageblock_info){
		.start = first < span->start ? span->start : first,
		.end = span->end - first < RST_PAGEBLOCK ? span->end : first + RST_PAGEBLOCK,
		.zone = span->zone,
		.owner = -1,
		.largest = -1,
		.block = -1,
	};
	return rst_frame_of(span, info->start);
}
