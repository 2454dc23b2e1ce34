/* SPDX-License-Identifier: MIT */
/*
 * search.h - depth-first search over all choices of an execution.
 *
 * Reduction: source sets with sleep sets (Abdulla, Aronis, Jonsson, Sagonas: Optimal Dynamic
 * Partial Order Reduction, POPL 2014, algorithm 1). Which store a load reads is a choice below that
 * of the context.
 *
 * Handlers. Each step of a CPU depends on the start of each of its handlers. So the start races
 * with the CPU's step before it; to turn them round is to start the handler there, or, if it was
 * not enabled there, at the latest earlier step of that CPU where it was. And what the CPU does
 * after a handler has returned races with the handler's start; to turn those round is to put the
 * start off. The steps of a handler and of what it interrupted are else ordered, so each place for
 * the handler is reached from its neighbours.
 *
 * Tasks of one CPU. Their steps all depend on each other. A step races with the CPU's step before
 * it if that was another task's; to turn them round is to switch there, or at the latest earlier
 * step of that CPU at which there could be a switch. The move of a task is begun like a handler.
 *
 * Spins, sleeps and parking. A context that is woken comes after the steps that woke it.
 *
 * Bounded: every execution with at most `bound` preemptions, `bound` stale loads and `bound` + 1
 * handlers that interrupt something, without reduction. (Reduction under a bound needs extra
 * backtrack points that eat up most of it, and sleep sets are wrong then: Coons, Musuvathi,
 * McKinley, OOPSLA 2013.) The reduced search then has no bound on either but, in its first passes,
 * on stale loads: that one is sound with it, since executions that differ only in the order of
 * steps that do not depend on each other read equally many stale values.
 */
#ifndef LAB_SEARCH_H
#define LAB_SEARCH_H

#include "vm.h"

enum { SEARCH_NO_BOUND = 255 };

struct search {
	bool reduce;
	unsigned bound;	 /* preemptions, interrupts, stale loads; SEARCH_NO_BOUND */
	unsigned stale;	 /* stale loads alone */
	bool pruned;	 /* the bound kept something out */
	uint64_t states; /* places at which somebody had to be chosen, each once */
	/* Called when all of a node has been tried but what was given away; NULL: never given. */
	void (*wait_for)(struct search *search, int node);
};

extern const struct strategy search_strategy;

void search_start(struct search *search);
/* To the next execution; false when there is none. */
bool search_next(struct search *search);

/* ---- For split.c --------------------------------------------------------------------------- */

/* The node nearest to the root that has an untried choice to give away, or -1. */
int search_gift(void);
/* The choice is somebody else's. */
void search_give(int node);
/* The choice is all that there is to search. */
void search_take(int node);
/* The backtrack points of the first n nodes; and those that the part found that hangs on a node. */
void search_backtracks(uint16_t *backtracks, unsigned n);
void search_learn(int node, const uint16_t *backtracks);

#endif
