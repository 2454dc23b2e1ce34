/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "engine.h"

#define COUNTER_TEXT(name, text) [COUNTER_##name] = (text),

const struct engine engines[] = {
	{
		.name = "pcpbuddy",
		.paths = {[ROOST_FREE_TRYLOCK] = "trylock",
			  [ROOST_FREE_LLIST] = "llist",
			  [ROOST_FREE_BLOCKING] = "blocking"},
		.has_pcps = true,
		.counters = {ROOST_COUNTERS(COUNTER_TEXT) ROOST_PCPBUDDY_COUNTERS(COUNTER_TEXT)},
	},
	{
		.name = "sets",
		.paths = {"sets"},
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
