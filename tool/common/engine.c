/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "engine.h"

#define COUNTER_TEXT(name, text) [COUNTER_##name] = (text),

/* Of the engines in lab/engines: what all of them count. */
#define LINUX_COUNTERS                                                                             \
	[COUNTER_alloc_zone] = "allocations out of the zone, under its lock",                      \
	[COUNTER_fail_wait] = "allocations that were willing to wait and found no memory",         \
	[COUNTER_fail_nowait] = "allocations that were not willing to wait and found no memory",   \
	[COUNTER_free_direct] = "frees to the zone, under its lock",                               \
	[COUNTER_blocks_stolen] = "pageblocks turned to another migratetype",                      \
	[COUNTER_zone_lock] = "acquisitions of the zone lock",                                     \
	[COUNTER_zone_frames] = "frames moved under the zone lock, either way",                    \
	[COUNTER_refill_chunks] = "frames taken from the zone",                                    \
	[COUNTER_refill_stolen] = "of those, frames of another migratetype"

const struct engine engines[] = {
	{
		.name = "pcpbuddy",
		.paths = {[ROOST_FREE_TRYLOCK] = "trylock",
			  [ROOST_FREE_LLIST] = "llist",
			  [ROOST_FREE_BLOCKING] = "blocking"},
		.has_pcps = true,
		.on_cpus = "on pcps and lock-free lists, up to the limit in each zone; other CPUs "
			   "get them by a drain or a search",
		.counters = {ROOST_COUNTERS(COUNTER_TEXT) ROOST_PCPBUDDY_COUNTERS(COUNTER_TEXT)},
	},
	{
		.name = "sets",
		.paths = {"sets"},
		.on_cpus = "in pageblocks that a CPU owns; other CPUs may take them, and take the "
			   "zone's first",
		/* clang-format off */
		.counters = {
			[COUNTER_alloc_pcp] = "allocations out of the CPU's own pageblocks",
			[COUNTER_alloc_zone] = "allocations out of the zone's pageblocks",
			[COUNTER_alloc_other] = "allocations out of another CPU's pageblocks",
			[COUNTER_alloc_reserve] = "allocations out of the reserve blocks",
			[COUNTER_fail_wait] =
				"allocations that were willing to wait and found no memory",
			[COUNTER_fail_nowait] =
				"allocations that were not willing to wait and found no memory",
			[COUNTER_fail_while_free] =
				"of those, how many failed while enough frames were free",
			[COUNTER_free_local] =
				"frees to the freeing CPU's own pageblocks or the zone's",
			[COUNTER_free_remote] = "frees to another CPU's pageblocks",
			[COUNTER_free_direct] = "frees of whole pageblocks",
			[COUNTER_blocks_claimed] = "pageblocks claimed by a CPU",
			[COUNTER_blocks_stolen] = "pageblocks turned to another migratetype",
			[COUNTER_wait_rounds] = "rounds that allocations slept",
			[COUNTER_pressure] = "calls of the pressure hook",
		},
		/* clang-format on */
	},
	{
		.name = "linux-pcp",
		.paths = {"6.12", "6.1"},
		.has_pcps = true,
		.reference = true,
		.on_cpus = "on pcps, up to the limit in each zone; other CPUs get them when an "
			   "allocation is about to fail",
		/* clang-format off */
		.counters = {
			LINUX_COUNTERS,
			[COUNTER_alloc_pcp] = "allocations out of the CPU's pcp",
			[COUNTER_free_local] = "frees to the freeing CPU's pcp",
			[COUNTER_pcp_drained] = "frames drained from pcps to the zone",
		},
		/* clang-format on */
	},
	{
		.name = "zone",
		.paths = {"zone"},
		.reference = true,
		.counters = {LINUX_COUNTERS},
	},
};
#undef COUNTER_TEXT

const unsigned nr_engines = sizeof(engines) / sizeof(engines[0]);

const struct engine *engine_find(const char *name)
{
	for (unsigned i = 0; i < nr_engines; i++)
		if (!strcmp(engines[i].name, name))
			return &engines[i];
	return NULL;
}

unsigned engine_nr_paths(const struct engine *engine)
{
	unsigned n = 0;

	while (n < ENGINE_PATHS && engine->paths[n])
		n++;
	return n;
}

int engine_path(const struct engine *engine, const char *name)
{
	for (unsigned i = 0; i < engine_nr_paths(engine); i++)
		if (!strcmp(engine->paths[i], name))
			return (int)i;
	return -1;
}

void engine_list_paths(const struct engine *engine, char text[ENGINE_PATHS_MAX])
{
	unsigned nr = engine_nr_paths(engine);
	int length = 0;

	for (unsigned i = 0; i < nr; i++)
		length += snprintf(text + length, (size_t)(ENGINE_PATHS_MAX - length), "%s%s",
				   i == 0	 ? ""
				   : i + 1 == nr ? " or "
						 : ", ",
				   engine->paths[i]);
}

const char *counter_name(enum counter counter)
{
#define COUNTER_NAME(name, text) [COUNTER_##name] = #name,
	static const char *const names[] = {
		ROOST_COUNTERS(COUNTER_NAME) ROOST_PCPBUDDY_COUNTERS(COUNTER_NAME)
	};
#undef COUNTER_NAME

	return names[counter];
}

uint64_t counter_value(const struct counts *counts, enum counter counter)
{
#define EVERY_FIELD(name, text)	   [COUNTER_##name] = &counts->every.name,
#define PCPBUDDY_FIELD(name, text) [COUNTER_##name] = &counts->pcpbuddy.name,
	const uint64_t *const values[] = {
		ROOST_COUNTERS(EVERY_FIELD) ROOST_PCPBUDDY_COUNTERS(PCPBUDDY_FIELD)
	};
#undef EVERY_FIELD
#undef PCPBUDDY_FIELD

	return *values[counter];
}
