/* SPDX-License-Identifier: MIT */
/*
 * options.h - the command line of `roost replay`.
 */
#ifndef TOOL_OPTIONS_H
#define TOOL_OPTIONS_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>

#include "tool/common/engine.h"

struct options {
	const struct engine *engine;
	const char *trace;
	const char *svg;
	bool parallel, json, quiet, samples, timing;
	enum roost_free_path free_path;
	unsigned cpus;	      /* 0: as traced */
	uint64_t memory;      /* bytes; 0: as traced */
	unsigned check;	      /* 0..3 */
	uint32_t high, batch; /* 0: the allocator's choice */
	unsigned storm_hz;    /* 0: no storm */
	uint64_t limit;	      /* 0: the whole trace */
	unsigned stall;	      /* seconds without a step after which a replay is stuck */
};

/* argv[0] is "replay". Ends the program on --help and on what makes no sense to the engine. */
void options_parse(struct options *options, const struct engine *engine, int argc, char **argv);

/* The options that say what the allocator is to be, for all commands that replay. */
enum options_key {
	OPTION_ENGINE = 1024,
	OPTION_FREE,
	OPTION_CPUS,
	OPTION_MEMORY,
	OPTION_CHECK,
	OPTION_HIGH,
	OPTION_BATCH,
};

/* Takes one of these; ARGP_ERR_UNKNOWN if it is another. Ends the program if it makes no sense. */
error_t options_parse_allocator(int key, char *text, struct options *options);

const char *options_path(const struct options *options);

#endif
