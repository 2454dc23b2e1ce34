/* SPDX-License-Identifier: MIT */
#include <sys/resource.h>

#include "clock.h"

static uint64_t switches(void)
{
	struct rusage usage;

	return getrusage(RUSAGE_THREAD, &usage) == 0 ? (uint64_t)usage.ru_nivcsw : 0;
}

void watch_start(struct watch *watch)
{
	watch->switches = switches();
	watch->cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	watch->wall = now_ns();
}

void watch_stop(struct watch *watch)
{
	watch->wall = now_ns() - watch->wall;
	watch->cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID) - watch->cpu;
	watch->switches = switches() - watch->switches;
}

double watch_off_cpu(const struct watch *watch)
{
	if (watch->cpu >= watch->wall)
		return 0;
	return (double)(watch->wall - watch->cpu) / (double)watch->wall;
}
