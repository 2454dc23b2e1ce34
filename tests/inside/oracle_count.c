/* SPDX-License-Identifier: MIT */
/* oracle_count.c - of the oracle: how much a call of the engine sets does before it fails. */
#include "sets/engine.h"

#include "oracle.h"

#include "count.h"

void oracle_count_open(bool pockets)
{
	counted = (struct counted){.pockets = pockets};
}

void oracle_count_start(const struct oracle *o)
{
	const struct roost *r = o->rig.roost;

	counted.accesses = counted.within = 0;
	counted.from = r->blocks;
	counted.to = r->blocks + r->nr_blocks;
}

/*
 * A call that fails looks at the set of no pageblock but the current one, those to which old hints
 * lead and, to count what is free, those that are set apart. With ROOST_WAIT the call before it has
 * cleared all old hints; without, there may be others, of which it follows a few in each zone, and
 * those to the CPUs' current pageblocks. Only a search that met another CPU walks over all
 * pageblocks, which none does here. The rest are the hints' and the sums of the counters. One zone
 * may be named several times.
 */
void oracle_count_end(const struct oracle *o, const struct oracle_call *call)
{
	unsigned apart = 0, most;
	unsigned searches = o->nr_zones * (call->flags & ROOST_WAIT ? 2 : 1);
	unsigned old = call->flags & ROOST_WAIT
			       ? 0
			       : o->nr_zones * (2 * (RST_BRIEF_HINTS + RST_BRIEF_PASSES) +
						RST_TYPES * o->nr_cpus);

	for (unsigned i = 0; i < o->nr_blocks; i++)
		apart += o->blocks[i].apart;
	most = RST_SET_WORDS * (1 + searches * (4 + 12 * apart) + 4 * old);
	if (counted.within > most)
		fail_msg("%u accesses to sets for a call that fails, more than %u", counted.within,
			 most);
	most = 100 + searches * (500 + 800 * o->nr_cpus + 16 * o->nr_blocks);
	if (counted.accesses > most)
		fail_msg("%u accesses for a call that fails, more than %u", counted.accesses, most);
}
