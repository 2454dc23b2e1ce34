/* SPDX-License-Identifier: MIT */
/*
 * options.h - the command line of `roost replay`.
 */
#ifndef TOOL_OPTIONS_H
#define TOOL_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "tool/common/args.h"
#include "tool/common/engine.h"

struct options {
	const struct engine *engine;
	const char *trace;
	const char *output, *json; /* files, as in struct args_common, or NULL */
	bool ordered, parallel, quiet, samples, timing, instructions;
	struct roost_pcpbuddy_config pcpbuddy; /* what the engine pcpbuddy is given */
	unsigned cpus;			       /* 0: as traced */
	uint64_t memory;		       /* bytes; 0: as traced */
	unsigned check;			       /* 0..3 */
	unsigned storm_hz;		       /* 0: no storm */
	uint64_t limit;			       /* 0: the whole trace */
	const char *aged;      /* file or percentage, as given; NULL: all memory is free */
	unsigned aged_percent; /* 0: a file */
	uint64_t aged_seed;
	bool aged_seed_given;
	unsigned stall; /* seconds without a step after which a replay is stuck */
};

/* argv[0] is "replay". Ends the program on --help and on options that do not fit the engine. */
void options_parse(struct options *options, const struct engine *engine, int argc, char **argv);

/* Reads the options of all commands that replay. Ends the program if they do not fit the engine. */
void options_take(struct options *options, const struct args_common *common);

/* NULL: the engine has only one. */
const char *options_path(const struct options *options);

#endif
