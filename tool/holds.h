/* SPDX-License-Identifier: MIT */
/*
 * holds.h - how long the zone lock is held, how long threads wait for it, and how long interrupts
 * are off: in frames that move meanwhile, in time, or in instructions.
 *
 * The lab's builds of an engine tell of each: they call roost_lab_*() if the program has these
 * functions. The engines in lab/engines take no lock and turn no interrupts off. They tell what
 * would be a hold.
 */
#ifndef TOOL_HOLDS_H
#define TOOL_HOLDS_H

#include <stdbool.h>
#include <stdint.h>

#include "lengths.h"

enum holds_unit { HOLDS_NS, HOLDS_INSTRUCTIONS };

struct holds_result {
	enum holds_unit unit; /* of what is not in frames */
	bool modelled;	      /* by an engine of the lab's: nothing but count and frames says
			       * anything */
	uint64_t count;	      /* holds */
	struct lengths_summary frames, length;
	uint64_t irqs_count; /* stretches with interrupts off */
	struct lengths_summary irqs;
	uint64_t waits, waits_ns, waits_longest_ns; /* not with HOLDS_INSTRUCTIONS */
	uint64_t clock_ns; /* the least that two readings of the clock are apart */
};

/* From now on, by all threads, until the end. Instructions: after step_begin(). */
void holds_begin(enum holds_unit unit);
void holds_end(struct holds_result *result);

/* Called by the engines, in this order; a hold is inside a stretch with interrupts off. */
void roost_lab_irqs_off(void);
void roost_lab_lock_waits(void);
void roost_lab_lock_taken(void);
void roost_lab_lock_moved(uint64_t frames);
void roost_lab_lock_dropped(void);
void roost_lab_irqs_on(void);
void roost_lab_lock_modelled(uint64_t frames);

#endif
