/* SPDX-License-Identifier: MIT */
/*
 * player.h - takes one step of a plan.
 */
#ifndef TOOL_PLAYER_H
#define TOOL_PLAYER_H

#include <stdbool.h>
#include <stdint.h>

#include "plan.h"
#include "machine.h"

/* Counts of one thread, including the steps in its handlers: the thread stands still meanwhile. */
struct tally {
	uint64_t allocs; /* that got memory */
	uint64_t failed_allocs;
	uint64_t failed_by_order[ROOST_MAX_ORDER + 1];
	uint64_t wrong_failures; /* of those, while a large enough block was free */
	uint64_t frees, frees_of_failed;
	uint64_t unseen_frees, splits;
	uint64_t in_handlers; /* steps that were taken in a signal handler */
	uint64_t waits;	      /* steps that slept until their block was there */
};

struct player {
	struct machine *machine;
	struct plan *plan;
	bool parallel;
	struct tally tally;
};

/* Thread context. Returns once the block that the step works on is there. */
void player_wait(struct player *player, const struct step *step);

/* Any context, after player_wait(). */
void player_step(struct player *player, const struct step *step);

/* Steps that called the allocator. */
uint64_t tally_operations(const struct tally *tally);
void tally_add(struct tally *sum, const struct tally *more);

#endif
