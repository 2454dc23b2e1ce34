/* SPDX-License-Identifier: MIT */
/*
 * pct.h - random schedules that find a bug of depth d with a known least probability:
 * Burckhardt, Kothari, Musuvathi, Nagarakatte, ASPLOS 2010.
 *
 * Each context has a random priority, handlers too, and the highest enabled one runs; at depth - 1
 * random steps the running one falls to the lowest. Old stores are read now and then.
 */
#ifndef LAB_PCT_H
#define LAB_PCT_H

#include "tool/common/random.h"
#include "vm.h"

enum { PCT_DEPTH = 4 };

struct pct {
	struct random random;
	unsigned length; /* longest execution so far */
	unsigned priority[VM_CONTEXTS], lowest;
	int falls[PCT_DEPTH - 1];
};

extern const struct strategy pct_strategy;

/* Prepares the execution of this seed. */
void pct_start(struct pct *pct, uint64_t seed);

#endif
