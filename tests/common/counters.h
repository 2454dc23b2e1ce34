/* SPDX-License-Identifier: MIT */
/*
 * counters.h - the counters and marks of whichever engine the test is built with, in one
 * structure. Those that only pcpbuddy has are 0 with another.
 */
#ifndef TESTS_COUNTERS_H
#define TESTS_COUNTERS_H

#include <roost/pcpbuddy.h>
#include <roost/roost.h>

#define ALL_COUNTERS(X)                                                                            \
	ROOST_COUNTERS(X)                                                                          \
	ROOST_PCPBUDDY_COUNTERS(X)

struct counters {
#define FIELD(name, text) uint64_t name;
	ALL_COUNTERS(FIELD)
#undef FIELD
};

/* Sets *c to the counters of one zone (all: -1) on one CPU (all: -1). 0 or -ROOST_EINVAL. Any
 * context. */
int counters_read(struct counters *c, const roost_t *roost, int zone, int cpu);

/* The marks of a CPU in a zone; 0: the engine has none, or there is no such CPU or zone. */
struct roost_pcpbuddy_pcp_info marks_of(const roost_t *roost, unsigned zone, unsigned cpu);

#endif
