/* SPDX-License-Identifier: MIT */
/* pct.c - see pct.h. */
#include "pct.h"

void pct_start(struct pct *pct, uint64_t seed)
{
	pct->random.state = seed * 2 + 1;
	pct->lowest = VM_STEPS;
	if (pct->length < 20)
		pct->length = 20;
	for (unsigned i = 0; i < VM_CONTEXTS; i++)
		pct->priority[i] =
			VM_STEPS + 1 + (unsigned)random_below(&pct->random, 1000) * 16 + i;
	for (unsigned i = 0; i < PCT_DEPTH - 1; i++)
		pct->falls[i] = (int)random_below(&pct->random, pct->length);
}

static int highest(const struct pct *pct, uint16_t enabled)
{
	int best = -1;

	for (unsigned i = 0; i < vm.nr_contexts; i++)
		if (enabled >> i & 1 && (best < 0 || pct->priority[i] > pct->priority[best]))
			best = (int)i;
	return best;
}

static int pick(void *self, uint16_t enabled)
{
	struct pct *pct = self;

	if ((unsigned)vm.nr_steps > pct->length)
		pct->length = (unsigned)vm.nr_steps;
	for (unsigned i = 0; i < PCT_DEPTH - 1; i++)
		if (pct->falls[i] == vm.nr_steps)
			pct->priority[highest(pct, enabled)] = --pct->lowest;
	return highest(pct, enabled);
}

static unsigned pick_store(void *self, unsigned n)
{
	struct pct *pct = self;

	return random_below(&pct->random, 4) ? 0 : (unsigned)random_below(&pct->random, n);
}

const struct strategy pct_strategy = {.pick = pick, .pick_store = pick_store};
