// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * counters.c - a known number of pages is allocated, and each count of free pages must fall by it,
 * and come back. By blocks of one order at a time.
 */
#include <linux/sched.h>
#include <linux/vmalloc.h>

#include "test.h"

enum {
	PAGES_MAX = 1 << 14,
};

static pat_block *blocks;

static void differ(const char *what, unsigned int order, long pages, long seen, long tolerance)
{
	if (abs(pages - seen) > tolerance)
		pat_bad("%s moves by %ld when %ld pages are allocated in blocks of order %u "
			"(tolerance %ld)",
			what, seen, pages, order, tolerance);
}

/* What everybody sees may lack what CPUs have not folded yet. */
static long global_tolerance(void)
{
	long tolerance = pat_rest_tolerance();
	int nid;

	for_each_online_node(nid) for (unsigned int i = 0; i < MAX_NR_ZONES;
				       i++) if (populated_zone(NODE_DATA(nid)->node_zones + i))
		tolerance += 125 * num_online_cpus();
	return tolerance;
}

static void check_global(const struct pat_rest *rest)
{
	long global = global_zone_page_state(NR_FREE_PAGES);

	if (abs(global - rest->free) > global_tolerance())
		pat_bad("NR_FREE_PAGES of all zones is %ld, and %ld with what CPUs have not folded "
			"(tolerance %ld)",
			global, rest->free, global_tolerance());
}

/* How many pages came. */
static long one_order(unsigned int order)
{
	struct pat_rest before, after;
	long available, pages = 0, most;
	unsigned long n = 0;

	pat_rest_read(&before);
	available = si_mem_available();
	most = min_t(long, before.free / 8, PAGES_MAX);
	for (; pages < most; pages += 1l << order) {
		blocks[n] =
			pat_take(GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN, order, NUMA_NO_NODE);
		if (!blocks[n])
			break;
		n++;
		pat_beat(0);
		cond_resched();
	}
	pat_rest_read(&after);
	available -= si_mem_available();
	differ("what is free, with the lists of CPUs,", order, pages,
	       before.free + before.pcp - after.free - after.pcp, pat_rest_tolerance());
	differ("si_mem_available() with the lists of CPUs", order, pages,
	       available + before.pcp - after.pcp, global_tolerance());
	if (IS_ENABLED(CONFIG_VM_EVENT_COUNTERS))
		differ("pgalloc less pgfree", order, pages, after.used - before.used,
		       pat_rest_tolerance());
	check_global(&after);
	while (n) {
		pat_give(blocks[--n]);
		pat_beat(0);
		cond_resched();
	}
	return pages;
}

void pat_counters(void)
{
	static const unsigned int orders[] = {0, 1, 3, 5, 9, PAT_MAX_ORDER};
	unsigned long pages = 0;
	struct pat_rest before;

	blocks = vmalloc(array_size(PAGES_MAX, sizeof(*blocks)));
	if (!blocks) {
		pat_skip("no memory for the test's own list");
		return;
	}
	pat_watch(1, NULL);
	for (unsigned int i = 0; i < ARRAY_SIZE(orders) && !pat_is_bad(); i++) {
		pat_rest_read(&before);
		pages += one_order(orders[i]);
		pat_rest_check(&before);
	}
	vfree(blocks);
	pat_did("%lu pages of %zu orders", pages, ARRAY_SIZE(orders));
}
