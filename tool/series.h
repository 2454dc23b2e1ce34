/* SPDX-License-Identifier: MIT */
/*
 * series.h - how much memory was free over the time of the trace.
 */
#ifndef TOOL_SERIES_H
#define TOOL_SERIES_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "pool.h"

enum { SERIES_POINTS = 500 }; /* for the whole replay, however long; a plot is not wider */

struct sample {
	uint64_t time_ns; /* of the trace, from its first event */
	uint64_t blocks_2m;
	uint64_t free, free_pcp; /* frames: in the zones, on pcps and on lock-free lists */
};

struct series {
	struct sample *samples;
	size_t room;
	_Atomic size_t nr;
	uint64_t first_ns;
	size_t every; /* steps of one thread between two samples of it */
};

void series_open(struct series *series, size_t steps, unsigned threads, uint64_t first_ns);
void series_close(struct series *series);

/* Threads may do this side by side. */
void series_take(struct series *series, const struct pool *pool, uint64_t time_ns);

/* Sorts by time; all threads must be done. */
void series_sort(struct series *series);

#endif
