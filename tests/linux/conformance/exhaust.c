// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * exhaust.c - one node to the last page, and back. First large blocks and then pages are taken by
 *
 *	kernel     GFP_KERNEL with __GFP_NORETRY, which may fail, but only at the min watermark
 *	nowait     GFP_NOWAIT, which stays above it
 *	atomic     GFP_ATOMIC, which gets a part of what is below, and leaves a part
 *	memalloc   __GFP_MEMALLOC, which gets the rest, down to the last page
 *
 * With __GFP_THISNODE, on the last node: from the others, if there are any, the machine lives.
 * Where there is but one, others may run out meanwhile; a notifier keeps the kernel from killing
 * tasks for that. The marks are judged by NR_FREE_PAGES of each zone. A CPU's share of it that is
 * not folded yet, and what others take and free meanwhile, is the tolerance.
 */
#include <linux/mmzone.h>
#include <linux/nodemask.h>
#include <linux/oom.h>
#include <linux/sched.h>
#include <linux/vmalloc.h>

#include "test.h"

static int nid;
static pat_block *blocks;
static unsigned long nr_blocks, blocks_max;
static atomic_t ooms;

static int on_oom(struct notifier_block *self, unsigned long unused, void *freed)
{
	atomic_inc(&ooms);
	*(unsigned long *)freed += 1; /* "try again": the test gives all back soon */
	return NOTIFY_OK;
}

static struct notifier_block oom_notifier = {.notifier_call = on_oom};

static long tolerance(void)
{
	return 64 + 125 * num_online_cpus();
}

/* ---- A zone's marks -------------------------------------------------------------------------- */

struct zone_state {
	long free, pcp, min, reserve, highatomic;
	long kept; /* free pages of that reserve, which count for nobody else */
	long own;  /* pages in this CPU's list, a whole batch of which may come at the mark */
	long usable[PAT_MAX_ORDER + 1]; /* blocks in lists from which any allocation may take */
};

static struct zone *zone_of(unsigned int i)
{
	return NODE_DATA(nid)->node_zones + i;
}

static void read_zone(struct zone *zone, gfp_t gfp, struct zone_state *s)
{
	unsigned long flags;
	int cpu;

	*s = (struct zone_state){.min = zone->_watermark[WMARK_MIN],
				 .reserve = zone->lowmem_reserve[gfp_zone(gfp)],
				 .highatomic = zone->nr_reserved_highatomic};
	spin_lock_irqsave(&zone->lock, flags);
	/* Pages of contiguous areas are for movable allocations alone. */
	s->free = zone_page_state(zone, NR_FREE_PAGES) - zone_page_state(zone, NR_FREE_CMA_PAGES);
	for (unsigned int order = 0; order <= PAT_MAX_ORDER; order++)
		for (unsigned int type = 0; type < MIGRATE_PCPTYPES; type++) {
			struct list_head *at;

			list_for_each(at, &zone->free_area[order].free_list[type])
				s->usable[order]++;
		}
	for (unsigned int order = 0; order <= PAT_MAX_ORDER; order++) {
		struct list_head *at;

		list_for_each(at, &zone->free_area[order].free_list[MIGRATE_HIGHATOMIC]) s->kept +=
			1l << order;
	}
	spin_unlock_irqrestore(&zone->lock, flags);
	s->own = READ_ONCE(raw_cpu_ptr(zone->per_cpu_pageset)->count);
	for_each_possible_cpu(cpu) s->pcp +=
		READ_ONCE(per_cpu_ptr(zone->per_cpu_pageset, cpu)->count);
}

/* Could a block of this order have come, at the min watermark? */
static bool should_have_come(gfp_t gfp, unsigned int order, struct zone **which, long *above)
{
	for (unsigned int i = 0; i <= gfp_zone(gfp); i++) {
		struct zone *zone = zone_of(i);
		struct zone_state s;

		if (!populated_zone(zone))
			continue;
		read_zone(zone, gfp, &s);
		*above = s.free - s.min - s.reserve - s.highatomic - (1l << order) -
			 (long)READ_ONCE(zone->watermark_boost);
		if (*above <= tolerance())
			continue;
		*which = zone;
		for (unsigned int o = order; o <= PAT_MAX_ORDER; o++)
			if (s.usable[o])
				return true;
	}
	return false;
}

/* ---- Taking ---------------------------------------------------------------------------------- */

/* Until nothing comes. How many pages. */
static unsigned long take(gfp_t gfp, unsigned int order)
{
	unsigned long pages = 0;

	while (nr_blocks < blocks_max) {
		pat_block block = pat_take(gfp | __GFP_THISNODE | __GFP_NOWARN, order, nid);

		pat_beat(0);
		if (!block)
			break;
		blocks[nr_blocks++] = block;
		pages += 1ul << order;
		if (!(nr_blocks % 64))
			cond_resched();
	}
	return pages;
}

/* Until nothing comes, which must be right. */
static unsigned long take_to_the_mark(unsigned int order)
{
	gfp_t gfp = GFP_KERNEL | __GFP_NORETRY;
	struct zone *zone = NULL;
	unsigned long pages = 0;
	long above = 0;

	/* Somebody may have freed something just after it failed. */
	for (unsigned int i = 0; i < 5 && !pat_is_bad(); i++) {
		unsigned long more = take(gfp, order);

		pages += more;
		if (!should_have_come(gfp, order, &zone, &above))
			return pages;
		if (more)
			i = 0;
	}
	if (zone)
		pat_bad("an allocation fails too early: order %u, while zone %s of node %d has %ld "
			"pages above its min watermark (tolerance %ld)",
			order, zone->name, nid, above, tolerance());
	return pages;
}

static void give_all(void)
{
	while (nr_blocks) {
		pat_give(blocks[--nr_blocks]);
		if (!(nr_blocks % 64)) {
			pat_beat(0);
			cond_resched();
		}
	}
}

/* ---- Judging --------------------------------------------------------------------------------- */

/* Sums for the zones that GFP_KERNEL takes from, but for those that it must leave alone. */
static struct zone_state sums(void)
{
	struct zone_state sum = {}, s;

	for (unsigned int i = 0; i <= gfp_zone(GFP_KERNEL); i++) {
		if (!populated_zone(zone_of(i)))
			continue;
		read_zone(zone_of(i), GFP_KERNEL, &s);
		sum.free += s.free;
		sum.pcp += s.pcp;
		sum.min += s.min;
		sum.highatomic += s.highatomic;
		for (unsigned int o = 0; o <= PAT_MAX_ORDER; o++)
			sum.usable[o] += s.usable[o];
	}
	return sum;
}

static void check_above_min(void)
{
	for (unsigned int i = 0; i <= gfp_zone(GFP_KERNEL); i++) {
		struct zone *zone = zone_of(i);
		struct zone_state s;

		if (!populated_zone(zone))
			continue;
		read_zone(zone, GFP_KERNEL, &s);
		if (s.free - s.kept + s.own < s.min - tolerance())
			pat_bad("GFP_NOWAIT goes below the min watermark: zone %s of node %d has "
				"%ld "
				"pages and not %ld (tolerance %ld)",
				zone->name, nid, s.free - s.kept + s.own, s.min, tolerance());
		if (s.highatomic > (long)(zone_managed_pages(zone) / 100 + 2 * pageblock_nr_pages))
			pat_bad("zone %s of node %d keeps %ld pages for atomic allocations of high "
				"orders, more than 1 %% of %lu",
				zone->name, nid, s.highatomic, zone_managed_pages(zone));
	}
}

/* The marks, to see that an allocation goes below them. */
static bool are_too_low(const struct zone_state *sum)
{
	return sum->min < 4 * tolerance();
}

/* Half of what is below the mark is for such allocations, and something is not. */
static void check_atomic(void)
{
	struct zone_state after = sums();

	if (are_too_low(&after))
		return;
	if (after.free > after.min / 4 * 3)
		pat_bad("GFP_ATOMIC fails while node %d has %ld pages free, and its min watermarks "
			"are %ld together",
			nid, after.free, after.min);
	if (after.free + after.pcp < after.min / 8)
		pat_bad("GFP_ATOMIC leaves only %ld pages of node %d, whose min watermarks are %ld "
			"together",
			after.free + after.pcp, nid, after.min);
}

static void check_nothing_left(void)
{
	struct zone_state s;
	long left = 0;

	/* Others free meanwhile, and CPUs have lists. */
	for (unsigned int i = 0; i < 10; i++) {
		take(GFP_NOWAIT | __GFP_MEMALLOC, 0);
		s = sums();
		left = 0;
		for (unsigned int order = 0; order <= PAT_MAX_ORDER; order++)
			left += s.usable[order] << order;
		if (left <= 64)
			return;
	}
	pat_bad("__GFP_MEMALLOC fails while node %d has %ld pages in its lists", nid, left);
}

/* ---- The test -------------------------------------------------------------------------------- */

struct got {
	unsigned long kernel, nowait, atomic, memalloc;
};

static void round_of(unsigned int largest, struct got *got)
{
	*got = (struct got){};
	for (int order = largest; order >= 0; order--)
		got->kernel += take_to_the_mark(order);
	got->nowait = take(GFP_NOWAIT, 0);
	check_above_min();
	for (int order = 3; order >= 0; order--)
		got->atomic += take(GFP_ATOMIC, order);
	if (!pat_is_bad())
		check_atomic();
	for (int order = 3; order >= 0; order--)
		got->memalloc += take(GFP_NOWAIT | __GFP_MEMALLOC, order);
	if (!pat_is_bad())
		check_nothing_left();
	give_all();
}

static long killed(void)
{
#ifdef CONFIG_VM_EVENT_COUNTERS
	static unsigned long events[NR_VM_EVENT_ITEMS];

	all_vm_events(events);
	return events[OOM_KILL];
#else
	return 0;
#endif
}

void pat_exhaust(void)
{
	struct zone_state sum;
	long kills = killed(), free;
	unsigned int rounds = 0;
	struct got got;
	int node;

	for_each_node_state(node, N_NORMAL_MEMORY) nid = node;
	blocks_max = NODE_DATA(nid)->node_present_pages;
	blocks = vmalloc(array_size(blocks_max, sizeof(*blocks)));
	if (!blocks) {
		pat_skip("no memory for the test's own list");
		return;
	}
	register_oom_notifier(&oom_notifier);
	atomic_set(&ooms, 0);
	pat_watch(1, NULL);
	free = pat_rest_free();
	/* The first round reclaims what can be reclaimed, which is no page too many. */
	round_of(PAT_MAX_ORDER, &got);
	pat_rest_add(pat_rest_free() - free, 0);
	do
		round_of(rounds++ % 2 ? PAT_MAX_ORDER : 0, &got);
	while (pat_time_left());
	unregister_oom_notifier(&oom_notifier);
	vfree(blocks);
	if (killed() != kills)
		pat_bad("%ld tasks were killed for want of memory", killed() - kills);
	sum = sums();
	pat_did("%u rounds on node %d; of the last: %lu pages by GFP_KERNEL, %lu more by "
		"GFP_NOWAIT, %lu by GFP_ATOMIC, %lu by __GFP_MEMALLOC%s",
		rounds + 1, nid, got.kernel, got.nowait, got.atomic, got.memalloc,
		are_too_low(&sum) ? "; too low a min_free_kbytes to judge GFP_ATOMIC" : "");
}
