// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * policy.c - machines with several nodes of memory:
 *
 *	nodes    alloc_pages_node() of each node: with __GFP_THISNODE from there alone, else from
 *	         there while there is room
 *	policy   each policy that a task can have: bind, preferred, interleave, local. Neither an
 *	         interrupt on top of the task nor __GFP_THISNODE follows it
 *
 * The policy is one of this file's, set for the task that loads the module while a test runs.
 */
#include <linux/irq_work.h>
#include <linux/mempolicy.h>
#include <linux/mmzone.h>
#include <linux/nodemask.h>
#include <linux/sched/task.h>

#include "test.h"

enum {
	HELD = 64,   /* blocks at once */
	ROOM = 4096, /* pages above what kswapd keeps: then nothing drives a page elsewhere */
	STRICT = 3,  /* up to this order a node is all that there is, not a preference */
};

static pat_block held[HELD];
static unsigned long blocks;

static bool is_one_node(void)
{
	if (num_node_state(N_MEMORY) > 1)
		return false;
	pat_skip("the machine has one node of memory");
	return true;
}

/* Does a page of order 0 have to come from there, if that is the first choice? */
static bool has_room(int nid, gfp_t gfp)
{
	for (unsigned int i = 0; i <= gfp_zone(gfp); i++) {
		struct zone *zone = NODE_DATA(nid)->node_zones + i;

		/* Pages of contiguous areas are for movable allocations alone. */
		if (populated_zone(zone) && (long)(zone_page_state(zone, NR_FREE_PAGES) -
						   zone_page_state(zone, NR_FREE_CMA_PAGES)) >
						    (long)high_wmark_pages(zone) + ROOM +
							    zone->lowmem_reserve[gfp_zone(gfp)])
			return true;
	}
	return false;
}

static void check_node(const char *what, struct page *page, int wanted)
{
	if (page_to_nid(page) != wanted)
		pat_bad("%s: page %#lx comes from node %d and not %d", what, page_to_pfn(page),
			page_to_nid(page), wanted);
}

/* Some blocks; each must come from nid: always, or, if it is a preference, while there is room. */
static void some(const char *what, gfp_t gfp, unsigned int order, int ask, int nid, bool strict)
{
	unsigned int n = 0;

	gfp |= __GFP_NORETRY | __GFP_NOWARN;
	while (n < HELD >> order) {
		bool must = strict || (!order && has_room(nid, gfp));

		held[n] = pat_take(gfp, order, ask);
		if (!held[n])
			break;
		if (must)
			check_node(what, pat_page_of(held[n]), nid);
		n++;
	}
	blocks += n;
	while (n)
		pat_give(held[--n]);
	pat_beat(0);
	cond_resched();
}

/* ---- nodes ----------------------------------------------------------------------------------- */

void pat_nodes(void)
{
	u32 random = pat_seed();
	int nid;

	if (is_one_node())
		return;
	blocks = 0;
	pat_watch(1, NULL);
	do {
		for_each_node_state(nid, N_MEMORY)
		{
			unsigned int order = pat_below(&random, STRICT + 1);

			some("__GFP_THISNODE", GFP_KERNEL | __GFP_THISNODE, order, nid, nid, true);
			some("__GFP_THISNODE, movable", GFP_HIGHUSER_MOVABLE | __GFP_THISNODE,
			     order, nid, nid, true);
			some("__GFP_THISNODE, atomic", GFP_ATOMIC | __GFP_THISNODE, order, nid, nid,
			     true);
			some("a node that is asked for and has room", GFP_KERNEL, 0, nid, nid,
			     false);
		}
	} while (pat_time_left());
	pat_did("%lu blocks of %d nodes", blocks, num_node_state(N_MEMORY));
}

/* ---- policy ---------------------------------------------------------------------------------- */

#ifdef CONFIG_NUMA
/* A node that has memory, after this one. */
static int next_node_of_memory(int nid)
{
	return next_node_in(nid, node_states[N_MEMORY]);
}

static void set_policy(struct mempolicy *policy)
{
	task_lock(current);
	current->mempolicy = policy;
	task_unlock(current);
}

static void make_policy(struct mempolicy *policy, unsigned short mode, nodemask_t nodes)
{
	*policy = (struct mempolicy){.mode = mode, .nodes = nodes, .home_node = NUMA_NO_NODE};
	atomic_set(&policy->refcnt, 1);
}

/* Round and round the nodes, unless one of them is full. */
static void interleave(void)
{
	static unsigned int of[MAX_NUMNODES];
	unsigned int n = 0, least = HELD, most = 0;
	gfp_t gfp = GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN;
	bool room = true;
	int nid;

	memset(of, 0, sizeof(of));
	for_each_node_state(nid, N_MEMORY) room &= has_room(nid, gfp);
	for (; n < HELD; n++) {
		held[n] = pat_take(gfp, 0, NUMA_NO_NODE);
		if (!held[n])
			break;
		of[page_to_nid(pat_page_of(held[n]))]++;
	}
	for_each_node_state(nid, N_MEMORY)
	{
		room &= has_room(nid, gfp);
		least = min(least, of[nid]);
		most = max(most, of[nid]);
	}
	blocks += n;
	while (n)
		pat_give(held[--n]);
	if (room && most - least > 1)
		pat_bad("interleave: one node gave %u pages and another %u", most, least);
	pat_beat(0);
}

static struct irq_work on_top;
static int interrupted_nid; /* of the page that came; NUMA_NO_NODE: none, or there was no room */

static void interrupt(struct irq_work *work)
{
	bool room = has_room(numa_node_id(), GFP_ATOMIC);
	pat_block block = pat_take(GFP_ATOMIC | __GFP_NOWARN, 0, NUMA_NO_NODE);

	interrupted_nid = block && room ? page_to_nid(pat_page_of(block)) : NUMA_NO_NODE;
	pat_give(block);
}

static void check_interrupt(void)
{
	int here = numa_node_id(); /* the task is bound to its CPU */

	if (IS_ENABLED(CONFIG_PREEMPT_RT)) /* where no hard interrupt may allocate */
		return;
	irq_work_queue(&on_top);
	irq_work_sync(&on_top);
	if (interrupted_nid != NUMA_NO_NODE && interrupted_nid != here)
		pat_bad("an interrupt follows the policy of the task below it: node %d and not %d",
			interrupted_nid, here);
}

static void by_policies(u32 *random)
{
	static struct mempolicy policy; /* the allocator counts nothing in it */
	int here = numa_node_id(), nid;

	for_each_node_state(nid, N_MEMORY)
	{
		int other = next_node_of_memory(nid);

		make_policy(&policy, MPOL_BIND, nodemask_of_node(nid));
		set_policy(&policy);
		some("bind", GFP_KERNEL, pat_below(random, STRICT + 1), NUMA_NO_NODE, nid, true);
		some("bind, movable", GFP_HIGHUSER_MOVABLE, pat_below(random, STRICT + 1),
		     NUMA_NO_NODE, nid, true);
		some("bind, and __GFP_THISNODE of another node", GFP_KERNEL | __GFP_THISNODE, 0,
		     other, other, true);
		check_interrupt();
		make_policy(&policy, MPOL_PREFERRED, nodemask_of_node(nid));
		some("preferred", GFP_KERNEL, 0, NUMA_NO_NODE, nid, false);
	}
	make_policy(&policy, MPOL_INTERLEAVE, node_states[N_MEMORY]);
	interleave();
	make_policy(&policy, MPOL_LOCAL, NODE_MASK_NONE);
	some("local", GFP_KERNEL, 0, NUMA_NO_NODE, here, false);
}

void pat_policy(void)
{
	struct mempolicy *old = current->mempolicy;
	u32 random = pat_seed();

	if (is_one_node())
		return;
	if (!node_state(numa_node_id(), N_MEMORY)) {
		pat_skip("the node of the test's CPU has no memory");
		return;
	}
	blocks = 0;
	on_top = IRQ_WORK_INIT_HARD(interrupt);
	pat_watch(1, NULL);
	do
		by_policies(&random);
	while (pat_time_left());
	set_policy(old);
	pat_did("%lu blocks", blocks);
}
#else
void pat_policy(void)
{
	pat_skip("this kernel has no policies for memory");
}
#endif
