/* SPDX-License-Identifier: MIT */
/*
 * start.h - brings a machine into the state of aged.h before a trace begins.
 *
 * The machine opens with all memory allocated (machine_config.full), and what is free in the map is
 * freed. So every engine starts with the same frames in use, whatever its policy. A pageblock gets
 * its migratetype while it is the only one that is free: allocations of that migratetype, frame by
 * frame, can get no other. What the trace allocates and frees is none of these frames.
 */
#ifndef TOOL_START_H
#define TOOL_START_H

#include "aged.h"
#include "machine.h"

/* What it came to. */
struct start {
	uint64_t in_use;		  /* of the machine's frames */
	uint64_t by_type[AGED_TYPES + 1]; /* the same by migratetype, as in the map, then holes */
	uint64_t outside;		  /* in use in the map, but no memory of the machine */
	struct machine_sums sums;
};

/* cpus: the machine's. typed: the engine has migratetypes. False: error says why. */
bool start_make(struct start *start, struct machine *machine, const struct aged *aged,
		unsigned cpus, bool typed, char error[]);

/* Frees the frames that are in use since the start. */
void start_end(struct machine *machine, const struct aged *aged, bool typed);

#endif
