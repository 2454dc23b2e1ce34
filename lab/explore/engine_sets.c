/* SPDX-License-Identifier: MIT */
/* engine_sets.c - the engine sets as the explorer sees it. It has no locks. */
#include "engine.h"

#include "names.h"
#include "sets/engine.h"
#include "vm.h"

static const struct roost *pool;

void engine_configure(struct roost_config *config, struct roost_pcpbuddy_config *own, unsigned path)
{
	(void)config;
	(void)own;
	(void)path;
}

void engine_register(roost_t *roost)
{
	pool = roost;
	for (unsigned i = 0; i < roost->base.nr_zones; i++) {
		struct rst_zone *z = &roost->zones[i];

		for (unsigned cpu = 0; cpu < roost->base.nr_cpus; cpu++)
			vm_ignore(&z->pcps[cpu].count, sizeof(z->pcps[cpu].count));
	}
}

/* ---- Names --------------------------------------------------------------------------------- */

static const struct field pcp_fields[] = {FIELD(rst_pcp, current), FIELD(rst_pcp, dead),
					  FIELD(rst_pcp, orders)};
static const struct field pocket_fields[] = {FIELD(rst_pocket, frames), FIELD(rst_pocket, spare),
					     FIELD(rst_pocket, begun),	FIELD(rst_pocket, ended),
					     FIELD(rst_pocket, stop),	FIELD(rst_pocket, orders)};
static const struct field zone_fields[] = {
	FIELD(rst_zone, begun),	       FIELD(rst_zone, ended),	   FIELD(rst_zone, nr_whole),
	FIELD(rst_zone, reserve_free), FIELD(rst_zone, apart),	   FIELD(rst_zone, pressure),
	FIELD(rst_zone, below_low),    FIELD(rst_zone, isolations)};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static bool name_hint(const struct rst_hint *hint, const char *const names[], const void *address,
		      char *text, size_t size)
{
	for (unsigned level = 0; level <= hint->nr_levels; level++) {
		bool top = level == hint->nr_levels;
		const struct array words = {names[level],
					    top ? hint->top : hint->level[level],
					    top ? (hint->nr_lists + 3) / 4
						: (size_t)hint->nr_lists * hint->nr_bins *
							    hint->width[level],
					    sizeof(uint64_t),
					    NULL,
					    0};

		if (name_address(&words, 1, address, text, size))
			return true;
	}
	return false;
}

static bool name_in_zone(const struct rst_zone *z, const void *address, char *text, size_t size)
{
	static const char *const partial[] = {"partial", "partial'", "partial''", "partial'''"};
	static const char *const whole[] = {"whole", "whole'", "whole''", "whole'''"};
	const struct array cpus[] = {
		{"pcp", z->pcps, pool->base.nr_cpus, sizeof(struct rst_pcp), pcp_fields,
		 COUNT_OF(pcp_fields)},
		{"pocket", z->pockets, pool->base.nr_cpus, sizeof(struct rst_pocket), pocket_fields,
		 COUNT_OF(pocket_fields)},
	};

	return name_address(cpus, COUNT_OF(cpus), address, text, size) ||
	       name_hint(&z->partial, partial, address, text, size) ||
	       name_hint(&z->whole, whole, address, text, size);
}

bool engine_address(const void *address, char *text, size_t size)
{
	if (!pool)
		return false;
	for (unsigned i = 0; i < pool->base.nr_zones; i++)
		if (name_in_zone(&pool->zones[i], address, text, size))
			return true;
	const struct array arrays[] = {
		{"zone", pool->zones, pool->base.nr_zones, sizeof(struct rst_zone), zone_fields,
		 COUNT_OF(zone_fields)},
		{"free", pool->blocks, (size_t)pool->nr_blocks * RST_SET_WORDS, sizeof(uint64_t),
		 NULL, 0},
		{"region", pool->regions, (size_t)pool->nr_regions * RST_SET_WORDS,
		 sizeof(uint64_t), NULL, 0},
		{"place", pool->place, pool->nr_blocks, sizeof(uint16_t), NULL, 0},
		{"taints", pool->taints, pool->nr_regions, sizeof(uint32_t), NULL, 0},
		{"om", pool->om, (size_t)pool->nr_blocks << ROOST_PAGEBLOCK_ORDER, 1, NULL, 0},
	};

	return name_address(arrays, COUNT_OF(arrays), address, text, size);
}
