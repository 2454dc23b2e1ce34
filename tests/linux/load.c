// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * load.c - the load: everything at once, on all CPUs, in all contexts, for some seconds, with
 * little memory; then all is freed, and everything must be as it was.
 *
 * CPUs may come and go meanwhile, by sysfs, at the hands of the task that started this; and the
 * kernel's shrinkers may run (/proc/sys/vm/drop_caches).
 */
#include <linux/delay.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/sched/signal.h>
#include <linux/smp.h>

#include "load.h"

/* Frames of chunks that are there; those that are absent are an allocated block each. */
static u64 present_frames(unsigned int zone, const struct roost_zone_info *info)
{
	unsigned int order = roost_max_order(roost_linux());
	u64 frames = info->managed;

	for (u64 pfn = info->start_pfn; pfn < info->start_pfn + info->spanned; pfn += 1ull << order)
		if (roost_order(roost_linux(), pfn) == (int)order)
			frames -= 1ull << order;
	return frames;
}

static bool all_is_free(u64 *free, u64 *present)
{
	*free = *present = 0;
	for (unsigned int zone = 0; zone < roost_nr_zones(roost_linux()); zone++) {
		struct roost_zone_info info;

		roost_zone_info(roost_linux(), zone, &info);
		*free += info.free + info.free_pcp + info.free_llist;
		*present += present_frames(zone, &info);
	}
	return *free == *present;
}

enum {
	TRIES = 20, /* the kernel's shrinkers and roost.ko's worker may be at it just now */
};

static void check_the_end(void)
{
	struct roost_violation v;
	u64 free, present;
	int err;

	roost_drain(roost_linux(), -1);
	for (unsigned int i = 0; i < TRIES && !all_is_free(&free, &present); i++)
		msleep(50);
	kt_say("free pages %llu, of chunks that are there %llu\n", free, present);
	if (free != present)
		kt_fail("%llu of %llu pages are free", free, present);
	for (unsigned int i = 0; (err = roost_validate(roost_linux(), &v)) && i < TRIES; i++)
		msleep(50);
	if (err)
		kt_fail("validate: %s (zone %d, cpu %d, pfn 0x%llx: %llu, not %llu)", v.invariant,
			v.zone, v.cpu, v.pfn, v.found, v.expected);
}

/* Each node with memory has a zone, whose pages are its own. */
static void check_nodes(void)
{
	unsigned int nodes = 0;
	int node;

	for_each_node_state(node, N_NORMAL_MEMORY)
	{
		unsigned int zone = roost_zone_of_node(node);
		struct page *page = roost_alloc_pages(0, ROOST_WAIT | ROOST_ZONE(zone));

		if (!page)
			kt_fail("node %d has no page", node);
		else if (page_to_nid(page) != node)
			kt_fail("a page of node %d is node %d's", node, page_to_nid(page));
		if (page)
			roost_free_pages(page, 0);
		nodes++;
	}
	kt_say("load: pages of %u nodes\n", nodes);
}

static void begin(void)
{
	kt_blocks_begin();
	kt_tree_begin();
	kt_objects_begin();
}

static void clear(void)
{
	struct kt_who task = {.kind = KT_TASK, .random = 1}, tree = {.kind = KT_TREE, .random = 1};

	kt_slots_clear(&task);
	kt_tree_clear(&tree);
	kt_objects_clear(&tree);
	kt_tree_end();
	kt_objects_end();
}

enum {
	PATIENCE = 6,
};

/* On a slow or busy machine it takes longer until all has happened that must. Jiffies are no
 * measure: they fall behind where interrupts take long. */
static void wait(unsigned int seconds, bool nmi)
{
	ktime_t start = ktime_get();
	s64 ms, enough = seconds * 1000ll;

	do {
		msleep(100);
		ms = ktime_ms_delta(ktime_get(), start);
	} while (!fatal_signal_pending(current) &&
		 (ms < enough ||
		  (ms < PATIENCE * enough && !(kt_count_all_seen(nmi) && kt_keepers_did_all()))));
	if (fatal_signal_pending(current))
		kt_fail("a signal ended it");
	kt_say("load: it took %lld ms\n", ms);
}

static void run(unsigned int seconds, bool nmi)
{
	int err = kt_contexts_begin(nmi);

	if (err) {
		kt_fail("the load could not begin: %d", err);
		return;
	}
	err = kt_keepers_begin();
	if (err) {
		kt_fail("the keepers could not begin: %d", err);
	} else {
		kt_say("load: all contexts are at work\n");
		wait(seconds, nmi);
	}
	kt_contexts_end();
	if (!err)
		kt_keepers_end();
}

void kt_load(unsigned int seconds, bool nmi)
{
	int err;

	kt_say("load: %s, %u s, %u CPUs\n", roost_build_config(), seconds, num_online_cpus());
	check_nodes();
	begin();
	err = kt_count_begin();
	if (err) {
		kt_fail("no tracepoints: %d", err);
	} else {
		run(seconds, nmi);
		clear();
		check_the_end();
		kt_count_end();
		kt_blocks_report(nmi);
		kt_tree_report();
		kt_objects_report();
		kt_keepers_report();
		kt_count_report(nmi);
		if (nmi)
			kt_say("NMIs from outside: %lu\n", kt_nmi_foreign());
	}
	kt_verdict("load");
}
