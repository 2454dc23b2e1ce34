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

#include "vm.h"

enum rmw { RMW_EXCHANGE, RMW_ADD, RMW_SUB, RMW_AND, RMW_OR, RMW_XOR, RMW_NAND };

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

uint64_t memory_load(const volatile void *address, unsigned size, int order);
void memory_store(volatile void *address, unsigned size, uint64_t value, int order);
uint64_t memory_rmw(volatile void *address, unsigned size, enum rmw kind, uint64_t value,
		    int order);
bool memory_cas(volatile void *address, unsigned size, uint64_t *expected, uint64_t desired,
		int order, int fail_order);
void memory_fence(int order);
/* The end of a sequence (core/port.h) that began when the CPU's breaks were as given: the store, or
 * false if they are not any more. Sequentially consistent, as what the sequence reads must be; so
 * memory_fence_off() orders both against what the fencing context does. */
bool memory_commit(volatile void *address, uint64_t value, unsigned breaks);
/* Breaks off what a sequence of the CPU is doing. */
void memory_fence_off(unsigned cpu);
/* A volatile access is about to be made: the lock words of uniprocessor builds. All of its users
 * run on one CPU, so it needs no history; that handlers end before what they interrupted goes on is
 * what orders the sections (core/lock.h), so it acquires and releases. */
void memory_volatile(const volatile void *address, unsigned size, bool write);

/* Scenario locks hand views on, too. */
void memory_acquire_lock(const struct context *context, unsigned lock);
void memory_release_lock(const struct context *context, unsigned lock);

/* The context has read everything that it watches anew: see OP_SPIN. */
void memory_refresh(struct context *context);

/* ---- race.c: accesses that are not atomic ------------------------------------------------- */

void race_begin(void);
void race_access(const volatile void *address, size_t size, bool write);
static inline void clock_join(vm_clock into, const vm_clock from)
{
	for (int i = 0; i < VM_CONTEXTS; i++)
		into[i] = into[i] > from[i] ? into[i] : from[i];
}

#endif
