/* SPDX-License-Identifier: MIT */
/*
 * posix.h - what a user program can tell the POSIX port, where threads are the tasks and signals
 * are the interrupts.
 */
#ifndef ROOST_POSIX_H
#define ROOST_POSIX_H

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The calling thread runs on virtual CPU cpu from now on, or, with -1 (how threads start), on
 * whichever CPU the kernel has it. Any context.
 */
void roost_posix_set_cpu(int cpu);

/*
 * How many try-only locks (pcp locks) the calling thread holds at this instant; with the engine
 * sets, which has none, in how many moves of frames from one place to another it is. For a signal
 * handler that wants to know what it interrupted. Counted in builds with ROOST_LAB; 0 in others.
 */
unsigned roost_posix_locks_held(void);

#ifdef __cplusplus
}
#endif

#endif
