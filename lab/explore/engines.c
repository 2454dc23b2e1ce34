/* SPDX-License-Identifier: MIT */
/* engines.c - see engine.h. The build says which engine this program has (LAB_ENGINE). */
#include "engine.h"

#include <string.h>

#include <roost/pcpbuddy.h>

#define ENGINE_INDEX(name)  ENGINE_INDEX_(name)
#define ENGINE_INDEX_(name) ENGINE_##name
#define TEXT(name)	    TEXT_(name)
#define TEXT_(name)	    #name

#if defined(ROOST_SMP) && !ROOST_SMP
#define SUFFIX "-up"
#else
#define SUFFIX ""
#endif

enum { ENGINE_pcpbuddy, ENGINE_sets };

const struct engine engines[] = {
	[ENGINE_pcpbuddy] = {.name = "pcpbuddy",
			     .paths = {"trylock", "llist", "blocking"},
			     .locks = {"pcp", "zone"},
			     .events = {"over high"},
			     .pcpbuddy_counters = true},
	[ENGINE_sets] = {.name = "sets", .paths = {"sets"}},
};
const unsigned nr_engines = sizeof(engines) / sizeof(engines[0]);

const struct engine *const engine = &engines[ENGINE_INDEX(LAB_ENGINE)];
const char *const engine_program = TEXT(LAB_ENGINE) SUFFIX;

unsigned engine_nr_paths(const struct engine *e)
{
	unsigned n = 0;

	while (n < ENGINE_PATHS && e->paths[n])
		n++;
	return n;
}

int engine_path(const char *name)
{
	for (unsigned i = 0; i < engine_nr_paths(engine); i++)
		if (!strcmp(engine->paths[i], name))
			return (int)i;
	return -1;
}

#define NAME(name, text) #name,
static const char *const counters[] = {ROOST_COUNTERS(NAME) ROOST_PCPBUDDY_COUNTERS(NAME)};
#undef NAME

int engine_counter(const char *name)
{
	for (unsigned i = 0; i < sizeof(counters) / sizeof(counters[0]); i++)
		if (!strcmp(counters[i], name))
			return (int)i;
	return -1;
}

const char *engine_counter_name(unsigned counter)
{
	return counters[counter];
}

unsigned engine_nr_counters(const struct engine *e)
{
	return ROOST_NR_COUNTERS + (e->pcpbuddy_counters ? ROOST_NR_PCPBUDDY_COUNTERS : 0);
}
