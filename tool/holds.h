/* SPDX-License-Identifier: MIT */
/*
 * holds.h - how long the zone lock is held: in frames that move meanwhile, and in time.
 *
 * The lab's builds of an engine tell of each hold: they call roost_lab_lock_*() if the program has
 * these functions. The engines in lab/engines take no lock, and tell what would be a hold.
 */
#ifndef TOOL_HOLDS_H
#define TOOL_HOLDS_H

#include <stdbool.h>
#include <stdint.h>

/* p50: half of the holds are at most as long. Lengths above 1023 are known to 0.2 % but for the
 * longest. */
struct holds_summary {
	uint64_t p50, p99, longest;
};

struct holds_result {
	uint64_t count;
	struct holds_summary frames, ns;
	bool timed;	   /* false: ns says nothing */
	uint64_t clock_ns; /* what the clock itself adds to each */
};

/* From now on, by all threads, until the end. */
void holds_begin(void);
void holds_end(struct holds_result *result);

/* Called by the engines. */
void roost_lab_lock_taken(void);
void roost_lab_lock_moved(uint64_t frames);
void roost_lab_lock_dropped(void);
void roost_lab_lock_modelled(uint64_t frames);

#endif
