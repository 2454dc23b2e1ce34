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

/* Sets the handler, which need not keep errno. depth: 1 on the first signal, 2 on the second. Call
 * once. */
void ticks_open(void (*tick)(unsigned depth));

/* Blocks all signals of the calling thread. */
void ticks_block(sigset_t *old);
/* The calling thread gets signal i this many times a second, from now until ticks_stop(). */
void ticks_start(timer_t *timer, unsigned i, unsigned hz);
/* Blocks the thread's signals for good. */
void ticks_stop(const timer_t *timers, unsigned count);

#endif
