/* SPDX-License-Identifier: MIT */
/*
 * events.h - calls of roost/cache.h as numbers, which mean something in whatever state they are
 * made. Each is held against what is known (truth.h).
 */
#ifndef TESTS_SLAB_EVENTS_H
#define TESTS_SLAB_EVENTS_H

#include "truth.h"

struct event {
	uint32_t what, cpu, a, b, c;
};

enum { EVENTS_CREATE = 200 }; /* what: an event that makes a cache */

/* aloud: each is printed. */
void events_open(const uint32_t choices[TRUTH_CHOICES], bool aloud);
/* Event `number`. strict: compares all afterwards, not now and then. */
void events_do(const struct event *event, unsigned number, bool strict);
/* All that is out comes back, and nothing is left. */
void events_close(void);

#endif
