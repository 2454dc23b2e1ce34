/* SPDX-License-Identifier: MIT */
/*
 * memory.h - atomic accesses as C11 orders them.
 *
 * Each shared word has the history of its stores; each CPU has a view: per word the oldest store
 * that it may still read. A load may read any store from there on, and which one is a choice of
 * the search's. A release store carries the view of its CPU, an acquire load that reads it takes
 * that over. Read-modify-writes read the newest store and go on with its release sequence. Fences
 * and accesses that are sequentially consistent meet in one more view.
 *
 * Interrupts run on their CPU's view: they are in program order with what they interrupt.
 *
 * Left out, so not found: load buffering (a load never reads a store that is still to come), and
 * stores that come before older ones in modification order (2+2W). C11 permits both.
 */
#ifndef LAB_MEMORY_H
#define LAB_MEMORY_H

#include "access.h"
#include "vm.h"

/* What travels from a release to an acquire. */
struct view {
	vm_clock clock;	 /* of races */
	uint16_t seen[]; /* per shared word; vm.width of them, none without vm.weak */
};

void memory_begin(void); /* an execution */
/* Words that were found shared in the last execution are shared from now on. */
void memory_share(void);
void memory_forget(void);
/* A word's place in the arena, for other processes. */
struct place {
	uint32_t at, size;
};
/* The words that are shared, or would be by memory_share(); VM_SHARED at most. How many. */
unsigned memory_shared(struct place *places);
void memory_share_word(struct word *word);
void memory_share_more(const struct place *places, unsigned nr);
/* For tables outside: the word at an address of the arena, made if need be. Words of different
 * sizes that overlap cannot be ordered; the program says so and ends. */
struct word *memory_word(const void *address, unsigned size);

/* Scenario locks hand views on, too. */
void memory_acquire_lock(const struct context *context, unsigned lock);
void memory_release_lock(const struct context *context, unsigned lock);

/* A task leaves its CPU, and takes what it has seen there to the one on which it goes on. */
void memory_leave(const struct context *context);
void memory_arrive(const struct context *context);

/* The context has read everything that it watches anew: see OP_SPIN. */
void memory_refresh(struct context *context);

/* ---- race.c: accesses that are not atomic ------------------------------------------------- */

void race_begin(void);
/* On: the two accesses of a race have places, if it is again in what the last race was in. */
void race_watch(bool on);

static inline void clock_join(vm_clock into, const vm_clock from)
{
	for (int i = 0; i < VM_CONTEXTS; i++)
		into[i] = into[i] > from[i] ? into[i] : from[i];
}

#endif
