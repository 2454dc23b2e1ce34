/* SPDX-License-Identifier: MIT */
/*
 * split.h - one search on several processors.
 *
 * A processor that nobody uses is a byte in a pipe that all processes share. A search that gets
 * one forks: the child takes the untried choice that is nearest to the root of the search tree, as
 * its part, and the parent goes on with all others. What the parent explores until then is asleep
 * in the part, as it would be if the choice came last; the choice is asleep in what the parent
 * tries after it. A part that finds that something else must be tried above it cannot try it
 * itself: it hands such backtrack points to its parent, which waits for its parts before it leaves
 * the node that they hang on. So the same executions are explored as by one process, but for some
 * that sleep would have spared, and the verdict is the same.
 *
 * A process that waits for its parts gives its processor away meanwhile, so that they can be split
 * again.
 */
#ifndef LAB_SPLIT_H
#define LAB_SPLIT_H

#include "job.h"
#include "schedule.h"
#include "search.h"

enum pass {
	PASS_EXHAUSTED,
	PASS_BUDGET,
	PASS_GROWN, /* words turned out to be shared: the pass must start over */
	PASS_FOUND, /* split_find(), or the last execution */
};

/* ---- Processors ---------------------------------------------------------------------------- */

/* Before the first fork, with as many as are free. */
bool split_open(unsigned free_processors);
void split_put_processor(void);

/* ---- Searching ----------------------------------------------------------------------------- */

/* A job begins. */
void split_forget(void);
/* Forks if a processor is free and there is something to give. In the child the search is then the
 * part's, and result counts the part's executions alone. */
void split_try(struct search *search, struct result *result);
/* Is this process a part? Then it ends with this. */
bool split_is_part(void);
_Noreturn void split_report(enum pass pass, const struct search *search, struct result *result);
/* An ancestor does not need this part any more. */
bool split_unwanted(void);

/* Waits for all parts and returns what came of the whole. Unless what came of this process's own
 * work decides it (PASS_FOUND, PASS_GROWN), when they are made to end. */
enum pass split_join(enum pass own, struct search *search, struct result *result);
/* What came of the parts that search_next() has waited for. */
enum pass split_pass(void);
/* The schedule of a part's finding, or NULL if there was none. vm.failure is set to it. */
struct schedule *split_find(void);

#endif
