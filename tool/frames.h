/* SPDX-License-Identifier: MIT */
/*
 * frames.h - a number for each frame of the traced machine, 0 at first. A traced machine may have
 * frames anywhere in 64 bits of address, and a trace touches few of them. So memory and time depend
 * on how many pageblocks the trace touches, not on where these are.
 */
#ifndef TOOL_FRAMES_H
#define TOOL_FRAMES_H

#include <stddef.h>
#include <stdint.h>

#include <roost/roost.h>

enum { FRAMES_CHUNK = 1 << ROOST_PAGEBLOCK_ORDER };

struct frames_chunk {
	uint64_t number; /* of the pageblock */
	uint32_t values[FRAMES_CHUNK];
};

struct frames {
	struct frames_chunk *chunks; /* in the order in which they were touched */
	size_t nr, room;
	uint32_t *slots; /* a hash table: index into chunks + 1, or 0 */
	size_t nr_slots; /* a power of two, twice nr at least */
	size_t last;	 /* the chunk that was found last */
	uint64_t probes; /* slots that were looked at */
};

uint32_t frames_get(struct frames *frames, uint64_t pfn);
void frames_set(struct frames *frames, uint64_t pfn, uint64_t count, uint32_t value);
void frames_release(struct frames *frames);

#endif
