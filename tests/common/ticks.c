/* SPDX-License-Identifier: MIT */
/* ticks.c - timer interrupts for a thread; see ticks.h. */
#define _GNU_SOURCE
#include "ticks.h"

#include <errno.h>
#include <pthread.h>

#include "frames.h"
#include "tool/common/ticker.h"

static void (*on_tick)(unsigned depth);

static int signal_of(unsigned i)
{
	return SIGRTMIN + 2 + (int)i;
}

static void handler(int number)
{
	int saved = errno;

	on_tick((unsigned)(number - signal_of(0)) + 1);
	errno = saved;
}

void ticks_open(void (*tick)(unsigned depth))
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};

	on_tick = tick;
	sigemptyset(&action.sa_mask);
	for (unsigned i = 0; i < TICKS_SIGNALS; i++) {
		if (sigaction(signal_of(i), &action, NULL))
			frames_fault("no handler: signal", i, 0);
		sigaddset(&action.sa_mask, signal_of(i));
	}
}

void ticks_block(sigset_t *old)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, old);
}

void ticks_start(timer_t *timer, unsigned i, unsigned hz)
{
	struct itimerspec when = {0};
	sigset_t mine;

	when.it_interval.tv_sec = hz > 1 ? 0 : 1;
	when.it_interval.tv_nsec = hz > 1 ? (long)(1000000000 / hz) : 0;
	when.it_value = when.it_interval;
	if (!ticker_create(timer, signal_of(i)) || timer_settime(*timer, 0, &when, NULL))
		frames_fault("no timer: errno", (uint64_t)errno, 0);
	sigemptyset(&mine);
	sigaddset(&mine, signal_of(i));
	pthread_sigmask(SIG_UNBLOCK, &mine, NULL);
}

void ticks_stop(const timer_t *timers, unsigned count)
{
	sigset_t old;

	ticks_block(&old);
	while (count--)
		timer_delete(timers[count]);
}
