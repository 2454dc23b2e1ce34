/* SPDX-License-Identifier: MIT */
/*
 * replay.h - carries out a plan on a machine, and keeps the results.
 */
#ifndef TOOL_REPLAY_H
#define TOOL_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include <roost/roost.h>

#include "holds.h"
#include "options.h"
#include "plan.h"
#include "player.h"
#include "machine.h"
#include "series.h"
#include "start.h"
#include "storm.h"

struct replay;

/* Called before step look_at is taken. Sets look_at to a later step to be called again. */
typedef void replay_look_fn(struct replay *replay, void *context);

/* Asks the engine for what only it has, into replay->pcp and replay->counts. */
typedef void replay_own_fn(struct replay *replay);

struct replay {
	const struct options *options;
	const struct trace *trace;
	struct plan *plan;
	struct machine machine;
	struct aged aged; /* with --aged */
	struct start start;
	struct series series;
	replay_look_fn *look; /* in order only; NULL: none */
	void *look_context;
	size_t look_at;	    /* up to plan->nr_steps, which is after the last */
	replay_own_fn *own; /* NULL: the engine has nothing of its own */

	double seconds;	     /* from the first step to the last */
	double cpu_seconds;  /* CPU time of all threads together meanwhile */
	double loop_seconds; /* with --timing, in order: of that, what is not the allocator's */
	struct tally tally;
	struct storm_tally storm;
	struct storm_exchange exchange;
	struct roost_pcpbuddy_pcp_info pcp; /* of CPU 0 in the large zone */
	struct holds_result holds;	    /* not with --timing */
	struct counts counts;		    /* before the blocks that are left are freed */
	uint64_t left_at_end; /* blocks, counted after the replay; plan->live_at_end foretold */
	bool stuck;	      /* no step was taken for options->stall seconds */
	struct machine_verdict verdict;
};

/* True if the replay could be done at all; *replay has its results. */
bool replay_run(struct replay *replay, char error[]);
void replay_release(struct replay *replay);

/* Allocations and frees that were carried out. */
uint64_t replay_operations(const struct replay *replay);

bool replay_verified(const struct replay *replay);

#endif
