/* SPDX-License-Identifier: MIT */
/*
 * engine.h - what the tool knows about each engine. All programs of the tool share this table. (All
 * engines have the same symbols, so each engine's replay is a program of its own.)
 */
#ifndef TOOL_ENGINE_H
#define TOOL_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include <roost/pcpbuddy.h>
#include <roost/roost.h>

#define ENGINE_COUNTER(name, text) COUNTER_##name,
enum counter { ROOST_COUNTERS(ENGINE_COUNTER) ROOST_PCPBUDDY_COUNTERS(ENGINE_COUNTER) NR_COUNTERS };
#undef ENGINE_COUNTER

/* What was counted: by every engine, and by pcpbuddy alone. */
struct counts {
	struct roost_stats every;
	struct roost_pcpbuddy_stats pcpbuddy;
};

enum { ENGINE_PATHS = 3, ENGINE_PATHS_MAX = 64 };

struct engine {
	const char *name;
	/* Indexed by enum roost_free_path, then NULLs. An engine without a choice has one path. */
	const char *paths[ENGINE_PATHS];
	bool has_pcps;	     /* pcps with marks (--high, --batch) */
	bool reference;	     /* not roost: compared if it is named, and in order alone */
	const char *on_cpus; /* what its free frames on CPUs are; NULL: it has none */
	/* What each counter counts in this engine; NULL: the engine does not have it. */
	const char *counters[NR_COUNTERS];
	/* For an engine through an adapter (peer_engine.c): loads the adapter; returns the size of
	 * its metadata. NULL: the engine is in the program. */
	const struct engine *(*load)(const char *path);
	uint64_t (*metadata)(void);
	/* For an engine to which time matters: called with that of each step, in order. */
	void (*clock)(roost_t *roost, uint64_t now_ns);
};

extern const struct engine engines[];
extern const unsigned nr_engines;

/* NULL: there is none of this name. */
const struct engine *engine_find(const char *name);

unsigned engine_nr_paths(const struct engine *engine);

/* -1: the engine has no such path. */
int engine_path(const struct engine *engine, const char *name);

/* "trylock, llist or blocking". */
void engine_list_paths(const struct engine *engine, char text[ENGINE_PATHS_MAX]);

const char *counter_name(enum counter counter);
uint64_t counter_value(const struct counts *counts, enum counter counter);

#endif
