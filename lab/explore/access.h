/* SPDX-License-Identifier: MIT */
/*
 * access.h - what instrumented code calls (hooks.c, sequence.c), and what a machine that runs it
 * provides: the explorer's is in memory.c and race.c, that of `roost scale` in ../scale/machine.c.
 * Where no context of the machine runs, all of them do just what they say.
 */
#ifndef LAB_ACCESS_H
#define LAB_ACCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rmw { RMW_EXCHANGE, RMW_ADD, RMW_SUB, RMW_AND, RMW_OR, RMW_XOR, RMW_NAND };

uint64_t memory_load(const volatile void *address, unsigned size, int order);
void memory_store(volatile void *address, unsigned size, uint64_t value, int order);
uint64_t memory_rmw(volatile void *address, unsigned size, enum rmw kind, uint64_t value,
		    int order);
bool memory_cas(volatile void *address, unsigned size, uint64_t *expected, uint64_t desired,
		int order, int fail_order);
/* The same, sequentially consistent, for a context that is on this CPU at that instant: else it
 * fails, and *expected says nothing. */
bool memory_cas_on(unsigned cpu, volatile void *address, unsigned size, uint64_t *expected,
		   uint64_t desired);
void memory_fence(int order);
/* The end of a sequence (core/port.h) that began when the CPU's breaks were as given: the store, or
 * false if they are not any more. Sequentially consistent, as what the sequence reads must be; so
 * memory_fence_off() orders both against what the fencing context does. */
bool memory_commit(volatile void *address, uint64_t value, unsigned breaks);
/* How often what a sequence of the CPU was doing has been broken off. */
unsigned memory_breaks(unsigned cpu);
/* Breaks off what a sequence of the CPU is doing. */
void memory_fence_off(unsigned cpu);
/* A volatile access is about to be made: the lock words of uniprocessor builds. All of its users
 * run on one CPU, so it needs no history; that handlers end before what they interrupted goes on is
 * what orders the sections (core/lock.h), so it acquires and releases. */
void memory_volatile(const volatile void *address, unsigned size, bool write);
/* Where in the code the last access was made: the address that it returns to. */
extern uintptr_t access_pc;
#define ACCESS_HERE() ((void)(access_pc = (uintptr_t)__builtin_return_address(0)))
/* A function of the instrumented code begins; pc is in it, and it returns to caller. */
void access_entered(uintptr_t pc, uintptr_t caller);
/* It ends. */
void access_left(void);
/* An access that is not atomic. */
void race_access(const volatile void *address, size_t size, bool write);

#endif
