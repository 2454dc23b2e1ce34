/* SPDX-License-Identifier: MIT */
/*
 * map_options.h - the command line of `roost map`.
 */
#ifndef TOOL_MAP_OPTIONS_H
#define TOOL_MAP_OPTIONS_H

#include "map.h"
#include "options.h"

/* A moment of a trace. */
struct moment {
	enum { MOMENT_SECONDS, MOMENT_EVENT, MOMENT_END } kind;
	double seconds; /* from its first event */
	uint64_t event; /* allocations and frees before it */
	const char *text;
};

struct map_options {
	struct options replay;
	struct moment moments[MAP_MAX];
	size_t nr_moments;
	const char *live;
	enum map_by by;
};

void map_options_parse(struct map_options *options, const struct engine *engine, int argc,
		       char **argv);

#endif
