/* SPDX-License-Identifier: MIT */
/*
 * linux_pcp.c - the engine linux-pcp: the per-CPU lists of mainline Linux before a zone's buddy.
 *
 * A CPU keeps lists by order (0 to 3, and a pageblock) and migratetype for each zone. When the list
 * of an allocation is empty, a batch comes from the buddy in one hold of the zone lock; when a free
 * brings the pcp to its high mark, blocks go back from the ends of all lists, in one hold. Other
 * orders go to the buddy. Two versions, chosen as if they were free paths:
 *
 *   6.12  high moves between high_min and high_max: up with batches that come and go, down by an
 *         eighth each second (decay_pcp_high() of the vmstat worker) and in a zone below its high
 *         watermark. A batch doubles with each refill without a free between; what a drain frees
 *         grows with the frees without an allocation between.
 *   6.1   high is fixed; only what a drain frees grows.
 *
 * --high fixes the mark in both, as the sysctl percpu_pagelist_high_fraction does. A cache with
 * room for a few batches for each CPU is assumed (PCPF_FREE_HIGH_BATCH).
 */
#include <roost/posix.h>

#include "buddy.h"
#include "linux_pcp.h"

enum {
	SMALL_ORDERS = 4,
	COSTLY_ORDER = 3,
	LISTS = (SMALL_ORDERS + 1) * BUDDY_TYPES,
	SCALE_MAX = 5,	     /* CONFIG_PCP_BATCH_SCALE_MAX */
	HIGH_FRACTION = 8,   /* of a zone, for all pcps together: the most that high_max allows */
	MOST_OF_BATCH = 256, /* frames: 1 MiB */
};

#define TICK_NS UINT64_C(1000000000) /* vm.stat_interval */

struct pcp {
	uint32_t heads; /* the record of its first list */
	int count, high, high_min, high_max, batch;
	int alloc_factor, free_count; /* 6.1: free_count is the exponent free_factor */
	bool freed_high_order;
};

struct policy {
	bool old; /* 6.1 */
	uint64_t next_tick;
	struct pcp pcps[]; /* [zone * nr_cpus + cpu] */
};

static unsigned this_cpu; /* of the step that is replayed */

static int least(int a, int b)
{
	return a < b ? a : b;
}

static int most(int a, int b)
{
	return a > b ? a : b;
}

static int clamp(int value, int low, int high)
{
	return most(low, least(value, high));
}

static struct pcp *pcp_of(const struct roost *roost, const struct zone *zone, unsigned cpu)
{
	struct policy *policy = roost->policy;

	return &policy->pcps[(unsigned)(zone - roost->zones) * roost->nr_cpus + cpu];
}

/* ---- Lists ------------------------------------------------------------------------------- */

static bool on_lists(unsigned order)
{
	return order < SMALL_ORDERS || order == ROOST_PAGEBLOCK_ORDER;
}

/* 6.12 has two lists of pageblocks alone. */
static unsigned list_index(const struct policy *policy, unsigned order, unsigned type)
{
	if (order < SMALL_ORDERS)
		return order * BUDDY_TYPES + type;
	return SMALL_ORDERS * BUDDY_TYPES + (policy->old ? type : type != ROOST_MOVABLE);
}

static unsigned list_order(unsigned list)
{
	return list < SMALL_ORDERS * BUDDY_TYPES ? list / BUDDY_TYPES : ROOST_PAGEBLOCK_ORDER;
}

/* Fills a list from the buddy; the count is of blocks. */
static void refill(struct roost *roost, struct zone *zone, struct pcp *pcp, unsigned list,
		   int blocks, unsigned type)
{
	const unsigned order = list_order(list);
	uint64_t frames = 0;

	for (int i = 0; i < blocks; i++) {
		uint32_t page = buddy_take(roost, zone, order, type);

		if (page == BUDDY_NO_PAGE)
			break;
		roost->pages[page].state = PAGE_ON_PCP;
		roost->pages[page].order = (uint8_t)order;
		ring_add_tail(roost, pcp->heads + list, page);
		frames += UINT64_C(1) << order;
	}
	pcp->count += (int)frames;
	buddy_count_lock(roost, frames);
}

/* Gives frames back from the ends of the lists, in turns, from this list on. */
static void drain(struct roost *roost, struct zone *zone, struct pcp *pcp, int frames,
		  unsigned list)
{
	int left = least(frames, pcp->count);
	const int before = pcp->count;

	while (left > 0) {
		const unsigned order = list_order(list);
		uint32_t page;

		while (left > 0 && (page = ring_last(roost, pcp->heads + list)) != BUDDY_NO_PAGE) {
			ring_remove(roost, page);
			left -= 1 << order;
			pcp->count -= 1 << order;
			buddy_give(roost, zone, page, order);
		}
		list = (list + 1) % LISTS;
	}
	roost->lock_stats.pcp_drained += (uint64_t)(before - pcp->count);
	buddy_count_lock(roost, (uint64_t)(before - pcp->count));
}

/* ---- Allocation -------------------------------------------------------------------------- */

static bool below_high(const struct zone *zone)
{
	return zone->below_high;
}

static int scaled(int batch, unsigned order)
{
	return batch > 1 ? most(batch >> order, 2) : batch;
}

/* How many blocks a refill brings. */
static int refill_blocks(struct pcp *pcp, const struct zone *zone, unsigned order)
{
	int batch = pcp->batch, high, most_blocks;

	high = pcp->high = clamp(pcp->high, pcp->high_min, pcp->high_max);
	if (high < batch)
		return 1;
	if (!order)
		batch <<= pcp->alloc_factor;
	if (pcp->high_min != pcp->high_max && !below_high(zone))
		high = pcp->high = least(high + batch, pcp->high_max);
	if (!order) {
		most_blocks = most(high - pcp->count - pcp->batch, pcp->batch);
		if (batch <= most_blocks && pcp->alloc_factor < SCALE_MAX)
			pcp->alloc_factor++;
		batch = least(batch, most_blocks);
	}
	return scaled(batch, order);
}

static uint32_t alloc_on_pcp(struct roost *roost, struct zone *zone, unsigned order, unsigned type)
{
	const struct policy *policy = roost->policy;
	struct pcp *pcp = pcp_of(roost, zone, this_cpu);
	const unsigned list = list_index(policy, order, type);
	uint32_t page = ring_first(roost, pcp->heads + list);

	pcp->free_count >>= 1;
	if (page == BUDDY_NO_PAGE) {
		refill(roost, zone, pcp, list,
		       policy->old ? scaled(pcp->batch, order) : refill_blocks(pcp, zone, order),
		       type);
		page = ring_first(roost, pcp->heads + list);
	}
	if (page == BUDDY_NO_PAGE)
		return page;
	ring_remove(roost, page);
	pcp->count -= 1 << order;
	roost->stats.alloc_pcp++;
	return page;
}

uint32_t policy_alloc(struct roost *roost, struct zone *zone, unsigned order, unsigned type)
{
	uint32_t page = BUDDY_NO_PAGE;

	if (on_lists(order))
		page = alloc_on_pcp(roost, zone, order, type);
	if (page != BUDDY_NO_PAGE)
		return page;
	page = buddy_take(roost, zone, order, type);
	buddy_count_lock(roost, page == BUDDY_NO_PAGE ? 0 : UINT64_C(1) << order);
	roost->stats.alloc_zone += page != BUDDY_NO_PAGE;
	return page;
}

/* A zone that an allocation finds below its high watermark lets its pcps shrink. */
void policy_look(struct roost *roost, struct zone *zone, unsigned order)
{
	(void)roost;
	if (zone->free < zone->high_mark + (UINT64_C(1) << order))
		zone->below_high = true;
}

/* ---- Free -------------------------------------------------------------------------------- */

/* The mark at which this free drains, and what the frees so far do to it. */
static int mark(struct pcp *pcp, const struct zone *zone, bool empty)
{
	const int freed = most(pcp->free_count, pcp->batch);
	int high;

	high = pcp->high = clamp(pcp->high, pcp->high_min, pcp->high_max);
	if (!high)
		return 0;
	if (empty) {
		pcp->high = most(high - (pcp->batch << SCALE_MAX), pcp->high_min);
		return 0;
	}
	if (pcp->high_min == pcp->high_max)
		return high;
	if (below_high(zone)) {
		pcp->high = most(high - freed, pcp->high_min);
		high = most(pcp->count, pcp->high_min);
	} else if (pcp->count >= high && pcp->high < pcp->free_count + pcp->batch) {
		pcp->high = clamp(pcp->free_count + pcp->batch, pcp->high_min, pcp->high_max);
	}
	return high;
}

static int drain_frames(const struct pcp *pcp, int high, bool empty)
{
	if (empty)
		return least(pcp->count, pcp->batch << SCALE_MAX);
	if (high < pcp->batch)
		return 1;
	return clamp(pcp->free_count, pcp->batch, high - pcp->batch);
}

static void settle(struct roost *roost, struct zone *zone, struct pcp *pcp, unsigned list)
{
	const unsigned order = list_order(list);
	const bool costly = order && order <= COSTLY_ORDER;
	/* Many frees one after the other, of blocks that few will want, fragment the zone. */
	const bool empty = costly && pcp->freed_high_order && pcp->free_count >= pcp->batch &&
			   pcp->count >= pcp->batch;
	int high;

	pcp->alloc_factor >>= 1;
	pcp->freed_high_order = costly;
	if (pcp->free_count < pcp->batch << SCALE_MAX)
		pcp->free_count += 1 << order;
	high = mark(pcp, zone, empty);
	if (pcp->count < high)
		return;
	drain(roost, zone, pcp, drain_frames(pcp, high, empty), list);
	if (zone->free > zone->high_mark)
		zone->below_high = false;
}

/* The same in 6.1. */
static void settle_old(struct roost *roost, struct zone *zone, struct pcp *pcp, unsigned list)
{
	const unsigned order = list_order(list);
	const bool empty = pcp->free_count && order && order <= COSTLY_ORDER;
	int frames = pcp->count;

	if (pcp->count < (empty ? 0 : pcp->high))
		return;
	if (!empty && pcp->high < pcp->batch) {
		frames = 1;
	} else if (!empty) {
		frames = pcp->batch << pcp->free_count;
		if (frames < pcp->high - pcp->batch)
			pcp->free_count++;
		frames = clamp(frames, pcp->batch, most(pcp->high - pcp->batch, pcp->batch));
	}
	drain(roost, zone, pcp, frames, list);
}

void policy_free(struct roost *roost, struct zone *zone, uint32_t page, unsigned order)
{
	const struct policy *policy = roost->policy;
	const unsigned type = page_type(roost, page);
	struct pcp *pcp = pcp_of(roost, zone, this_cpu);
	unsigned list;

	if (!on_lists(order)) {
		buddy_count_lock(roost, UINT64_C(1) << order);
		buddy_give(roost, zone, page, order);
		roost->stats.free_direct++;
		return;
	}
	list = list_index(policy, order, type);
	roost->pages[page].state = PAGE_ON_PCP;
	ring_add(roost, pcp->heads + list, page);
	pcp->count += 1 << order;
	roost->stats.free_local++;
	if (policy->old)
		settle_old(roost, zone, pcp, list);
	else
		settle(roost, zone, pcp, list);
}

/* ---- Time -------------------------------------------------------------------------------- */

/* What the vmstat worker of a CPU does each second. False: there was nothing to do. */
static bool decay(struct roost *roost, struct zone *zone, struct pcp *pcp)
{
	const int high = pcp->high;

	if (pcp->high > pcp->high_min)
		pcp->high = most(
			most(pcp->count - (pcp->batch << SCALE_MAX), pcp->high - (pcp->high >> 3)),
			pcp->high_min);
	if (pcp->count <= pcp->high)
		return pcp->high != high;
	drain(roost, zone, pcp, pcp->count - pcp->high, 0);
	return true;
}

static bool decay_all(struct roost *roost)
{
	bool busy = false;

	for (unsigned i = 0; i < roost->nr_zones; i++)
		for (unsigned cpu = 0; cpu < roost->nr_cpus; cpu++)
			busy |= decay(roost, &roost->zones[i],
				      pcp_of(roost, &roost->zones[i], cpu));
	return busy;
}

void linux_pcp_clock(struct roost *roost, uint64_t now_ns)
{
	struct policy *policy = roost->policy;

	if (policy->old)
		return; /* its worker drains the pcps of other nodes alone */
	if (!policy->next_tick)
		policy->next_tick = now_ns + TICK_NS;
	while (now_ns >= policy->next_tick && decay_all(roost))
		policy->next_tick += TICK_NS;
	if (now_ns >= policy->next_tick)
		policy->next_tick += (now_ns - policy->next_tick) / TICK_NS * TICK_NS + TICK_NS;
}

/* ---- Making it --------------------------------------------------------------------------- */

uint32_t policy_heads(const struct roost_config *config)
{
	return (uint32_t)(BUDDY_ZONES * config->nr_cpus * LISTS);
}

size_t policy_size(const struct roost_config *config)
{
	const size_t size =
		sizeof(struct policy) + (size_t)BUDDY_ZONES * config->nr_cpus * sizeof(struct pcp);

	return (size + 7) / 8 * 8;
}

/* A quarter of a thousandth of the zone, at most of 1 MiB; 2^n - 1, so that lists do not fall into
 * step with the colours of a cache. */
static int default_batch(const struct zone *zone)
{
	uint64_t batch = zone->managed / 1024;
	int power = 1;

	if (batch > MOST_OF_BATCH)
		batch = MOST_OF_BATCH;
	batch /= 4;
	if (batch < 1)
		batch = 1;
	while ((uint64_t)power * 2 <= batch + batch / 2)
		power *= 2;
	return most(power - 1, 1);
}

static void init_pcp(const struct roost *roost, const struct zone *zone, struct pcp *pcp,
		     const struct roost_pcpbuddy_config *config)
{
	const struct policy *policy = roost->policy;
	const int cpus = (int)roost->nr_cpus;

	pcp->batch = default_batch(zone);
	if (config->high) /* which is at least four batches */
		pcp->batch = clamp((int)config->high / 4, 1, pcp->batch);
	if (config->batch)
		pcp->batch = (int)config->batch;
	pcp->high_min = most((int)zone->low_mark / cpus, pcp->batch * 4);
	pcp->high_max = most((int)(zone->managed / HIGH_FRACTION) / cpus, pcp->batch * 4);
	if (policy->old)
		pcp->high_max = pcp->high_min;
	if (config->high)
		pcp->high_min = pcp->high_max = (int)config->high;
	pcp->high = pcp->high_min;
}

void policy_init(struct roost *roost, const struct roost_config *config, uint32_t first_head)
{
	struct policy *policy = roost->policy;

	policy->old = (int)config->pcpbuddy->free_path == LINUX_PCP_6_1;
	for (unsigned i = 0; i < roost->nr_zones; i++)
		for (unsigned cpu = 0; cpu < roost->nr_cpus; cpu++) {
			struct pcp *pcp = pcp_of(roost, &roost->zones[i], cpu);

			pcp->heads = first_head;
			first_head += LISTS;
			init_pcp(roost, &roost->zones[i], pcp, config->pcpbuddy);
		}
}

void policy_drain(struct roost *roost, int cpu)
{
	for (unsigned i = 0; i < roost->nr_zones; i++)
		for (unsigned c = 0; c < roost->nr_cpus; c++) {
			struct pcp *pcp = pcp_of(roost, &roost->zones[i], c);

			if ((cpu < 0 || (unsigned)cpu == c) && pcp->count)
				drain(roost, &roost->zones[i], pcp, pcp->count, 0);
		}
}

uint64_t policy_stranded(const struct roost *roost, const struct zone *zone)
{
	uint64_t sum = 0;

	for (unsigned cpu = 0; cpu < roost->nr_cpus; cpu++)
		sum += (uint64_t)pcp_of(roost, zone, cpu)->count;
	return sum;
}

int roost_pcpbuddy_pcp_info(const roost_t *roost, unsigned zone, unsigned cpu,
			    struct roost_pcpbuddy_pcp_info *info)
{
	const struct pcp *pcp = pcp_of(roost, &roost->zones[zone], cpu);

	*info = (struct roost_pcpbuddy_pcp_info){.high = (uint64_t)pcp->high_max,
						 .batch = (uint64_t)pcp->batch};
	return 0;
}

void roost_posix_set_cpu(int cpu)
{
	this_cpu = (unsigned)cpu;
}
