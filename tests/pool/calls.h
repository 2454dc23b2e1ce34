/* SPDX-License-Identifier: MIT */
/*
 * calls.h - the system calls that the pool makes, seen by a test: its own madvise() and so on stand
 * before the C library's. So a test stops a thread at each of them, and counts them.
 */
#ifndef TESTS_POOL_CALLS_H
#define TESTS_POOL_CALLS_H

#include <pthread.h>
#include <stdbool.h>

/* Called by whichever thread before and after each of them. */
extern void (*calls_hook)(const char *name, bool done);
/* Of those that syscall() makes: the number of the one that fails with EPERM, as a filter may have
 * it; 0: none. */
extern long calls_refused;

/* What calls_park() is to stop. */
struct parking {
	void *(*work)(void *arg);
	void *arg;
	unsigned at;	  /* event: the beginning and the end of each call is one */
	const char *only; /* the calls that count; NULL: all */
	pthread_t thread;
};

/* Runs the work in a thread and stops it at that event. False: it ended before, and is joined. */
bool calls_park(struct parking *parking);
/* Lets it go on, and joins it; what the work returned. */
void *calls_unpark(struct parking *parking);

#endif
