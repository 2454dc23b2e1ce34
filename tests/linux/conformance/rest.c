// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * rest.c - what must be true of the kernel's counts when nobody allocates:
 *
 *	NR_FREE_PAGES of each zone is what lies in its free lists, exactly, and NR_FREE_CMA_PAGES
 *	what lies in those of contiguous areas
 *	with the lists of CPUs, what is free is what was free before the test, within a
 *	tolerance for what the rest of the machine does meanwhile
 *
 * The zone's lock is held for a look, since frees and allocations change both sides under it. A CPU
 * that folds its share of a count takes no lock, so a look that finds a difference is repeated.
 */
#include <linux/delay.h>
#include <linux/mmzone.h>

#include "test.h"

/* With what CPUs have not folded into it. */
static long count(struct zone *zone, enum zone_stat_item item)
{
	long n = atomic_long_read(&zone->vm_stat[item]);
#ifdef CONFIG_SMP
	int cpu;

	for_each_possible_cpu(cpu) n +=
		per_cpu_ptr(zone->per_cpu_zonestats, cpu)->vm_stat_diff[item];
#endif
	return n;
}

/* Under the zone's lock: pages in the lists of contiguous areas. */
static long in_areas(struct zone *zone)
{
	long n = 0;

#ifdef CONFIG_CMA
	for (unsigned int order = 0; order <= PAT_MAX_ORDER; order++) {
		struct list_head *at;

		list_for_each(at, &zone->free_area[order].free_list[MIGRATE_CMA]) n += 1l << order;
	}
#endif
	return n;
}

/* What differs most, in a zone. */
struct worst {
	long differ; /* the count less what is in the lists */
	struct zone *zone;
	const char *count;
};

static void note(struct worst *worst, struct zone *zone, const char *count, long differ)
{
	if (abs(differ) > abs(worst->differ))
		*worst = (struct worst){differ, zone, count};
}

static void add_zone(struct pat_rest *rest, struct zone *zone, struct worst *worst)
{
	long free, lists = 0, areas;
	unsigned long flags;
	int cpu;

	spin_lock_irqsave(&zone->lock, flags);
	free = count(zone, NR_FREE_PAGES);
	for (unsigned int order = 0; order <= PAT_MAX_ORDER; order++)
		lists += zone->free_area[order].nr_free << order;
	areas = count(zone, NR_FREE_CMA_PAGES) - in_areas(zone);
	spin_unlock_irqrestore(&zone->lock, flags);
	for_each_possible_cpu(cpu) rest->pcp +=
		READ_ONCE(per_cpu_ptr(zone->per_cpu_pageset, cpu)->count);
	rest->free += free;
	rest->lists += lists;
	note(worst, zone, "NR_FREE_PAGES", free - lists);
	note(worst, zone, "NR_FREE_CMA_PAGES", areas);
}

static struct worst read_zones(struct pat_rest *rest)
{
	struct worst worst = {};
	int nid;

	*rest = (struct pat_rest){};
	for_each_online_node(nid) for (unsigned int i = 0; i < MAX_NR_ZONES; i++)
	{
		struct zone *zone = NODE_DATA(nid)->node_zones + i;

		if (populated_zone(zone))
			add_zone(rest, zone, &worst);
	}
	return worst;
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
	read_zones(rest);
	rest->used = used_by_events();
}

long pat_rest_tolerance(void)
{
	return 256 + 32 * num_online_cpus();
}

void pat_rest_check(const struct pat_rest *before)
{
	struct worst worst;
	struct pat_rest now;
	long lost;

	/* Thread stacks and nodes of trees are freed later. */
	for (unsigned int i = 0; i < 100; i++) {
		worst = read_zones(&now);
		lost = before->free + before->pcp - now.free - now.pcp;
		if (!worst.differ && abs(lost) <= pat_rest_tolerance())
			return;
		msleep(20);
	}
	if (worst.differ)
		pat_bad("%s of zone %s is off by %ld from its free lists", worst.count,
			worst.zone->name, worst.differ);
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
