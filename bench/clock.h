/* SPDX-License-Identifier: MIT */
/*
 * clock.h - times, and whether they can be believed.
 */
#ifndef BENCH_CLOCK_H
#define BENCH_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline uint64_t now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

/*
 * For single calls: the processor's counter where there is one that programs may read, which takes
 * a third of the time of a clock. It waits for what comes before it, so that a call's end is seen.
 */
static inline uint64_t ticks(void)
{
#if defined(__x86_64__)
	unsigned processor;

	return __builtin_ia32_rdtscp(&processor);
#else
	return now_ns();
#endif
}

/* A stretch of time of one thread. */
struct watch {
	uint64_t wall, cpu; /* ns; while it runs, when it began */
	uint64_t switches;  /* involuntary context switches, likewise */
};

void watch_start(struct watch *watch);
void watch_stop(struct watch *watch);

/* The part of the time in which the thread had no CPU, 0 to 1. */
double watch_off_cpu(const struct watch *watch);

#endif
