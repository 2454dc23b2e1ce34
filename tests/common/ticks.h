/* SPDX-License-Identifier: MIT */
/*
 * ticks.h - timer interrupts for a thread: POSIX timers whose signals come to one thread alone.
 *
 * There are two signals. The handler of the second may come on top of that of the first, not the
 * other way round.
 */
#ifndef TESTS_TICKS_H
#define TESTS_TICKS_H

#include <signal.h>
#include <time.h>

enum { TICKS_SIGNALS = 2 };

/* Number of the signal. */
int ticks_signal(unsigned i);
/* Sets the handlers; NULL: none. Call once. */
void ticks_open(void (*first)(int), void (*second)(int));

/* Blocks all signals of the calling thread. */
void ticks_block(sigset_t *old);
/* The calling thread gets signal i this many times a second, from now until ticks_stop(). */
void ticks_start(timer_t *timer, unsigned i, unsigned hz);
/* Blocks the thread's signals for good. */
void ticks_stop(const timer_t *timers, unsigned count);

#endif
