/* SPDX-License-Identifier: MIT */
/*
 * machine.h - virtual CPUs that run instrumented code (../explore/hooks.c), one access at a time.
 *
 * Before each access a seed chooses the CPU that makes the next one, each with the same
 * probability. Memory is sequentially consistent, and there are no interrupts. What is counted is
 * which CPU's cache an access has to ask (lines.h). All accesses take the same time, unless
 * machine_latency says how much longer such a one takes.
 *
 * A CPU that waits for a lock word reads it again when another CPU has taken the line away.
 */
#ifndef SCALE_MACHINE_H
#define SCALE_MACHINE_H

#include <stdbool.h>

#include "counts.h"
#include "lines.h"

typedef void machine_fn(void *own);

/* Runs run(own[i]) on CPU i, until all have returned. False: all that are left wait forever. */
bool machine_run(unsigned nr, uint64_t seed, machine_fn *run, void *const *own);

/* On a CPU: what it does from now on is counted as this. */
void machine_count(enum kind kind);
/* There is nothing to do yet: others go on. */
void machine_yield(void);
/* Waits until all CPUs have called it. */
void machine_meet(void);

/* Have there been enough accesses since all CPUs met? Was the answer ever yes? */
bool machine_enough(void);
bool machine_cut(void);

/* For how many accesses of other CPUs a CPU waits for a line. */
extern unsigned machine_latency;
/* What passed between the last two times that they met, in accesses of a CPU. */
double machine_elapsed(void);

/* What has been counted, and how. */
extern struct counts machine_counts[KINDS];

/* The CPU of what runs outside, which is not counted. */
void machine_outside(unsigned cpu);

/* ---- port.c: what waits ------------------------------------------------------------------ */

unsigned machine_cpu(void);
bool machine_runs(void);
/* A turn of a loop that waits. */
void machine_turn(void);
/* Sleeps until it is woken, or for a while. */
void machine_park(const volatile void *word);
void machine_unpark(const volatile void *word);
void machine_sleep(unsigned round);

#endif
