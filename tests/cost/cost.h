/* SPDX-License-Identifier: MIT */
/* cost.h - what the parts of the programs that instructions.sh runs share. */
#ifndef TESTS_COST_H
#define TESTS_COST_H

#include <roost/roost.h>

/* Counts from here to end(), and divides by the number of operations. */
void begin(void);
void end(const char *name, unsigned operations);

/* The thread is on this virtual CPU. */
void be_on(int cpu);

/* A block, or the program ends (instructions.c). */
roost_pfn get(roost_t *roost, unsigned order);

/* longest.c: single calls, each where it takes longest. The memory is all free, and is lost. */
void longest(roost_t *roost, uint64_t frames);

#endif
