/* SPDX-License-Identifier: MIT */
/* engine_sets.c - the engine sets as the explorer sees it. It has no locks. */
#include "engine.h"

#include <string.h>

#include "names.h"
#include "sets/engine.h"
#include "vm.h"

enum { POOLS = 2 };

static struct {
	const struct roost *roost;
	const char *prefix;
} pools[POOLS];
static unsigned nr_pools;

void engine_configure(struct roost_config *config, struct roost_pcpbuddy_config *own, unsigned path)
{
	(void)config;
	(void)own;
	(void)path;
}

void engine_register(roost_t *roost, const char *prefix)
{
	if (!*prefix)
		nr_pools = 0;
	pools[nr_pools].roost = roost;
	pools[nr_pools++].prefix = prefix;
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

static bool name_in_zone(const struct roost *pool, const struct rst_zone *z, const void *address,
			 char *text, size_t size)
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

static bool name_in_pool(const struct roost *pool, const void *address, char *text, size_t size)
{
	for (unsigned i = 0; i < pool->base.nr_zones; i++)
		if (name_in_zone(pool, &pool->zones[i], address, text, size))
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

bool engine_address(const void *address, char *text, size_t size)
{
	for (unsigned i = 0; i < nr_pools; i++) {
		size_t length = strlen(pools[i].prefix);

		if (length < size &&
		    name_in_pool(pools[i].roost, address, text + length, size - length)) {
			memcpy(text, pools[i].prefix, length);
			return true;
		}
	}
	return false;
}
