// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * rest.c - what must be true of the kernel's counts when nobody allocates:
 *
 *	NR_FREE_PAGES of each zone is what lies in its free lists, exactly
 *	with the lists of CPUs, what is free is what was free before the test, within a
 *	tolerance for what the rest of the machine does meanwhile
 *
 * The zone's lock is held for a look, since frees and allocations change both sides under it. A CPU
 * that folds its share of a count takes no lock, so a look that finds a difference is repeated.
 */
#include <linux/delay.h>
#include <linux/mmzone.h>

#include "test.h"

/* Adds a zone. Returns NR_FREE_PAGES less what is in its lists. */
static long add_zone(struct pat_rest *rest, struct zone *zone)
{
	long free = 0, lists = 0;
	unsigned long flags;
	int cpu;

	spin_lock_irqsave(&zone->lock, flags);
	free = atomic_long_read(&zone->vm_stat[NR_FREE_PAGES]);
#ifdef CONFIG_SMP
	for_each_possible_cpu(cpu) free +=
		per_cpu_ptr(zone->per_cpu_zonestats, cpu)->vm_stat_diff[NR_FREE_PAGES];
#endif
	for (unsigned int order = 0; order <= PAT_MAX_ORDER; order++)
		lists += zone->free_area[order].nr_free << order;
	spin_unlock_irqrestore(&zone->lock, flags);
	for_each_possible_cpu(cpu) rest->pcp +=
		READ_ONCE(per_cpu_ptr(zone->per_cpu_pageset, cpu)->count);
	rest->free += free;
	rest->lists += lists;
	return free - lists;
}

/* The zone whose two counts differ most, and by how much. */
static long read_zones(struct pat_rest *rest, struct zone **worst)
{
	long most = 0;
	int nid;

	*rest = (struct pat_rest){};
	*worst = NULL;
	for_each_online_node(nid) for (unsigned int i = 0; i < MAX_NR_ZONES; i++)
	{
		struct zone *zone = NODE_DATA(nid)->node_zones + i;
		long differ = populated_zone(zone) ? add_zone(rest, zone) : 0;

		if (abs(differ) > abs(most)) {
			most = differ;
			*worst = zone;
		}
	}
	return most;
}

static long used_by_events(void)
{
#ifdef CONFIG_VM_EVENT_COUNTERS
	static unsigned long events[NR_VM_EVENT_ITEMS]; /* for the test's own thread */
	long used = 0;

	all_vm_events(events);
	for (int i = 0; i <= ZONE_MOVABLE; i++)
		used += events[PGALLOC_NORMAL - ZONE_NORMAL + i];
	return used - events[PGFREE];
#else
	return 0;
#endif
}

long pat_rest_free(void)
{
	struct pat_rest rest;

	pat_rest_read(&rest);
	return rest.free + rest.pcp;
}

void pat_rest_of_cpu(unsigned int cpu)
{
	int nid;

	for_each_online_node(nid) for (unsigned int i = 0; i < MAX_NR_ZONES; i++)
	{
		struct zone *zone = NODE_DATA(nid)->node_zones + i;
		int pages;

		if (!populated_zone(zone))
			continue;
		pages = READ_ONCE(per_cpu_ptr(zone->per_cpu_pageset, cpu)->count);
		if (pages)
			pat_bad("%d pages of zone %s stay in the lists of CPU %u, which is "
				"off-line",
				pages, zone->name, cpu);
#ifdef CONFIG_SMP
		pages = per_cpu_ptr(zone->per_cpu_zonestats, cpu)->vm_stat_diff[NR_FREE_PAGES];
		if (pages)
			pat_bad("NR_FREE_PAGES of zone %s lacks %d pages that CPU %u counted, "
				"which is off-line",
				zone->name, pages, cpu);
#endif
	}
}

void pat_rest_read(struct pat_rest *rest)
{
	struct zone *zone;

	read_zones(rest, &zone);
	rest->used = used_by_events();
}

long pat_rest_tolerance(void)
{
	return 256 + 32 * num_online_cpus();
}

void pat_rest_check(const struct pat_rest *before)
{
	long differ, lost;
	struct pat_rest now;
	struct zone *zone;

	/* Thread stacks and nodes of trees are freed later. */
	for (unsigned int i = 0; i < 100; i++) {
		differ = read_zones(&now, &zone);
		lost = before->free + before->pcp - now.free - now.pcp;
		if (!differ && abs(lost) <= pat_rest_tolerance())
			return;
		msleep(20);
	}
	if (differ)
		pat_bad("NR_FREE_PAGES of zone %s is off by %ld from its free lists", zone->name,
			differ);
	else if (lost > 0)
		pat_bad("pages are lost: %ld fewer are free than before (tolerance %ld)", lost,
			pat_rest_tolerance());
	else
		pat_bad("pages come from nowhere: %ld more are free than before (tolerance %ld)",
			-lost, pat_rest_tolerance());
}

/* Linux 6.1 does not count a free in PGFREE that the lock of the CPU's lists turns away. */
void pat_rest_note(const char *name, const struct pat_rest *before)
{
	struct pat_rest now;
	long off;

	pat_rest_read(&now);
	off = now.used - before->used - (before->free + before->pcp - now.free - now.pcp);
	if (IS_ENABLED(CONFIG_VM_EVENT_COUNTERS) && abs(off) > pat_rest_tolerance())
		pr_info("# %s: pgalloc less pgfree moved by %ld more than the pages in use\n", name,
			off);
}
