/* SPDX-License-Identifier: MIT */
/* ticks.c - timer interrupts for a thread; see ticks.h. */
#define _GNU_SOURCE
#include "ticks.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "frames.h"

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

int ticks_signal(unsigned i)
{
	return SIGRTMIN + 2 + (int)i;
}

void ticks_open(void (*first)(int), void (*second)(int))
{
	void (*const handlers[TICKS_SIGNALS])(int) = {first, second};
	struct sigaction action;

	memset(&action, 0, sizeof(action));
	action.sa_flags = SA_RESTART;
	for (unsigned i = 0; i < TICKS_SIGNALS; i++) {
		action.sa_handler = handlers[i];
		sigemptyset(&action.sa_mask);
		if (i)
			sigaddset(&action.sa_mask, ticks_signal(0));
		if (handlers[i] && sigaction(ticks_signal(i), &action, NULL))
			frames_fault("no handler: signal", i, 0);
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
	struct sigevent event;
	struct itimerspec when;
	sigset_t mine;

	memset(&event, 0, sizeof(event));
	event.sigev_notify = SIGEV_THREAD_ID;
	event.sigev_signo = ticks_signal(i);
	event.sigev_notify_thread_id = (pid_t)syscall(SYS_gettid);
	memset(&when, 0, sizeof(when));
	when.it_interval.tv_sec = hz > 1 ? 0 : 1;
	when.it_interval.tv_nsec = hz > 1 ? (long)(1000000000 / hz) : 0;
	when.it_value = when.it_interval;
	if (timer_create(CLOCK_MONOTONIC, &event, timer) || timer_settime(*timer, 0, &when, NULL))
		frames_fault("no timer: errno", (uint64_t)errno, 0);
	sigemptyset(&mine);
	sigaddset(&mine, ticks_signal(i));
	pthread_sigmask(SIG_UNBLOCK, &mine, NULL);
}

void ticks_stop(const timer_t *timers, unsigned count)
{
	sigset_t old;

	ticks_block(&old);
	while (count--)
		timer_delete(timers[count]);
}
