/* SPDX-License-Identifier: MIT */
/* cpus.c - see cpus.h. */
#define _GNU_SOURCE
#include "cpus.h"

#include <errno.h>
#include <roost/posix.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

bool cpus_are_real(void)
{
	const char *cpus = getenv("ROOST_TEST_CPUS");

	return cpus && !strcmp(cpus, "real");
}

void cpus_go(unsigned cpu)
{
	int saved = errno;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (cpus_are_real() && !sched_setaffinity(0, sizeof(set), &set))
		roost_posix_set_cpu(-1);
	else
		roost_posix_set_cpu((int)cpu);
	errno = saved;
}
