/* SPDX-License-Identifier: MIT */
/*
 * series.h - how much memory was free over the time of the trace.
 */
#ifndef TOOL_SERIES_H
#define TOOL_SERIES_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "machine.h"

enum { SERIES_POINTS = 500 }; /* for the whole replay, however long; a plot is not wider */

struct sample {
	uint64_t time_ns; /* of the trace, from its first event */
	uint64_t blocks_2m;
	uint64_t free, on_cpus; /* frames: in the zones; on pcps and on lock-free lists (pcpbuddy)
				 * or in pageblocks that a CPU owns (sets) */
	struct machine_fragments fragments;
};

struct series {
	struct sample *samples;
	size_t room;
	_Atomic size_t nr;
	uint64_t first_ns;
	size_t every; /* steps of one thread between two samples of it */
};

/* Over all samples, which are equal numbers of steps apart. */
struct series_summary {
	size_t samples; /* 0: the rest says nothing */
	double on_cpus_mean, blocks_2m_mean;
	uint64_t on_cpus_max, blocks_2m_min, blocks_2m_end;
	double mixed_mean, empty_2m_mean, empty_1g_mean;
	uint64_t mixed_max, empty_2m_min, empty_1g_min;
	double unusable_mean[MACHINE_FRAGMENT_ORDERS];
	struct machine_fragments end;
};

void series_open(struct series *series, size_t steps, unsigned threads, uint64_t first_ns);
/* For a replay that takes no samples. */
void series_open_idle(struct series *series);
void series_close(struct series *series);

/* Threads may do this side by side. */
void series_take(struct series *series, const struct machine *machine, uint64_t time_ns);

/* Sorts by time; all threads must be done. */
void series_sort(struct series *series);

/* Of a sorted series. */
void series_sum_up(const struct series *series, struct series_summary *summary);

#endif
