/* SPDX-License-Identifier: MIT */
/*
 * oracle.c - every success and every failure of every allocation, held against brute force: the
 * options are in seeds.h.
 *
 * Each seed is a map with its zones, reserves and CPUs, and a list of events (oracle_events.c),
 * after each of which the rules must hold (oracle_rules.c).
 */
#include "oracle.h"

#include <inttypes.h>
#include <stdio.h>

#include "seeds.h"

static struct oracle o;
static struct oracle_event events[ORACLE_EVENTS];

static void describe(void)
{
	const struct roost_config *c = &o.rig.config;

	printf("%u CPUs, largest order %u, check level %u, free path %u, pockets %u, high %u, "
	       "batch %u%s\n",
	       c->nr_cpus, c->max_order, c->check_level, (unsigned)o.pcpbuddy.free_path,
	       (unsigned)c->pockets, o.pcpbuddy.high, o.pcpbuddy.batch,
	       c->zone_order ? ", an order of zones" : "");
	for (size_t i = 0; i < c->nr_ranges; i++)
		printf("range %" PRIu64 " to %" PRIu64 "%s zone %u\n", c->ranges[i].start,
		       c->ranges[i].end, c->ranges[i].flags ? " reserved" : "", c->ranges[i].zone);
	for (unsigned i = 0; i < o.nr_zones; i++)
		printf("zone %u: node %u, reserve %" PRIu64 ", low %" PRIu64 ", high %" PRIu64 "\n",
		       i, c->zones[i].node, c->zones[i].reserve, c->zones[i].low, c->zones[i].high);
}

static bool open_seed(uint64_t seed, bool verbose)
{
	if (!oracle_open(&o, seed))
		return false;
	o.verbose = verbose;
	if (verbose)
		describe();
	oracle_events(seed, events);
	return true;
}

static void step(unsigned event, bool strict)
{
	oracle_do(&o, &events[event]);
	if (strict)
		rig_compare(&o.rig);
	else if (events[event].what >> 29 == 0)
		rig_check(&o.rig);
}

static void close_seed(void)
{
	oracle_close(&o);
}

int main(int argc, char **argv)
{
	const struct seeds_subject subject = {open_seed, step, close_seed};

	return seeds_main(argc, argv, &subject);
}
