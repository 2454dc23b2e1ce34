/* SPDX-License-Identifier: MIT */
/*
 * schedule.h - an execution on paper: which context runs how far, and which loads read something
 * old.
 *
 * It counts each context's own accesses, private ones included, so it does not depend on what the
 * search took for shared, and stays meaningful when a part of it is taken out: what a context did
 * not do in its turn it does in its next one, or when the schedule is over.
 */
#ifndef LAB_SCHEDULE_H
#define LAB_SCHEDULE_H

#include <limits.h>

#include "vm.h"

enum { SCHEDULE_TURNS = 2 * VM_STEPS, SCHEDULE_READS = 1024 };

struct turn {
	uint8_t context;
	uint32_t until; /* accesses that it has behind it then; UINT32_MAX: it is through */
};

struct old_read {
	uint8_t context;
	uint16_t older;
	uint32_t number; /* of the access */
};

struct schedule {
	struct turn turns[SCHEDULE_TURNS];
	struct old_read reads[SCHEDULE_READS];
	unsigned nr_turns, nr_reads;
	unsigned at; /* while it is followed */
};

extern const struct strategy schedule_strategy; /* self: struct schedule */

/* From the last execution. */
void schedule_take(struct schedule *schedule);
/* One execution after the schedule. */
enum outcome schedule_run(struct schedule *schedule);

/* The same, to be shown: with its log, and the places that its failure is about. */
enum outcome schedule_show(struct schedule *schedule, bool verbose);

struct schedule_head {
	/* scenario: its file, from the root, wherever a replay is started. */
	char scenario[PATH_MAX], engine[32], path[16], key[FAILURE_KEY];
	bool weak;
};

bool schedule_write(const struct schedule *schedule, const struct schedule_head *head,
		    const char *file);
bool schedule_read(struct schedule *schedule, struct schedule_head *head, const char *file);

/* shrink.c: takes turns and old reads out for as long as the same failure comes. */
void schedule_shrink(struct schedule *schedule, const char *key);

#endif
