/* SPDX-License-Identifier: MIT */
/*
 * ticker.h - a timer for a thread, whose ticks are signals on top of whatever the thread is doing.
 *
 * It is armed for one shot, again at the end of each tick: however slow a tick is (under a
 * sanitizer, say), the thread gets its time between two of them.
 */
#ifndef TOOL_TICKER_H
#define TOOL_TICKER_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

/* The fields are those of its thread and of the ticks on top of it. */
struct ticker {
	void (*tick)(void *context); /* in a signal handler; errno is kept */
	void *context;
	timer_t timer;
	struct timespec period;
};

/* The calling thread gets ticks, this many ns after one another, from now until ticker_stop().
 * False: there is no timer. */
bool ticker_start(struct ticker *ticker, uint64_t ns);
void ticker_stop(struct ticker *ticker);

/* A timer that is not armed yet, whose signal comes to the calling thread alone. */
static inline bool ticker_create(timer_t *timer, int signal)
{
	struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = signal};

	event.sigev_notify_thread_id = (pid_t)syscall(SYS_gettid);
	return timer_create(CLOCK_MONOTONIC, &event, timer) == 0;
}

#endif
