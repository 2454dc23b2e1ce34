/* SPDX-License-Identifier: MIT */
/*
 * storm.h - interrupts that come at any instant, also inside the allocator: a timer for each
 * thread, whose signal handler allocates and frees on its own.
 *
 * Handlers and threads share a lock of the caller's, as a kernel's handlers share xa_lock with its
 * tasks: handlers spin for it, threads take it with interrupts off and free under it. A free that
 * waited for a pcp lock would close the circle: the pcp lock's holder is interrupted by a handler
 * that waits for the lock under which the free waits.
 */
#ifndef TOOL_STORM_H
#define TOOL_STORM_H

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "machine.h"
#include "tool/common/ticker.h"

enum {
	STORM_SLOTS = 64,
};

/* What the threads share. */
struct storm_exchange {
	atomic_flag lock;		     /* the caller's */
	_Atomic uint64_t slots[STORM_SLOTS]; /* 0: empty, else a block between two handlers */
};

struct storm_tally {
	uint64_t ticks, allocs, failed, frees;
	uint64_t foreign_frees;	     /* of those: of blocks that another CPU's handler allocated */
	uint64_t interrupted_holder; /* ticks that came while their thread held a pcp lock */
	uint64_t locked_steps;	     /* of threads, under the caller's lock */
};

/* The storm of one thread, which alone touches it. */
struct storm {
	struct machine *machine;
	struct storm_exchange *exchange;
	uint16_t cpu;
	uint32_t random;
	struct ticker ticker;
	struct storm_tally tally;
};

/* Starts the storm of the calling thread. False: there is no timer. */
bool storm_start(struct storm *storm, unsigned hz);
void storm_stop(struct storm *storm);

/* Thread context: the caller's lock, with all signals blocked. */
void storm_lock(struct storm *storm, sigset_t *saved);
void storm_unlock(struct storm *storm, const sigset_t *saved);

/* Frees the blocks that are still on their way; all threads must have ended. */
void storm_drain(struct storm_exchange *exchange, struct machine *machine,
		 struct storm_tally *tally);

void storm_tally_add(struct storm_tally *sum, const struct storm_tally *more);

#endif
