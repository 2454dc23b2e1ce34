// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * shim.c - the calls of the allocator that tests make, and the faults that can be planted in them,
 * to see that a test finds each. None of them harms memory that is not the test's; what they keep
 * back is freed in the end.
 *
 *	lose    a page that is freed goes nowhere, now and then
 *	half    a free of a block loses its second half, now and then
 *	twice   one page is handed out again and again
 *	order   a compound page comes one order too large
 *	align   a block starts in the middle of where it should
 *	zone    __GFP_DMA is ignored
 *	zero    __GFP_ZERO is ignored
 *	drift   each free counts a page too much in NR_FREE_PAGES, now and then
 *	bulk    a bulk allocation fills entries that are not empty
 *	fail    an allocation fails though there is memory, now and then
 *	node    __GFP_THISNODE is ignored, now and then
 *	policy  the policy of a task is ignored, now and then
 *	early   an allocation of a node fails while half of it is free
 *	reserve GFP_NOWAIT goes below the min watermark
 *	atomic  GFP_ATOMIC does not
 *	object  a kmem_cache hands out an object that is in use
 *	contig  a contiguous range comes in which pages are still free, or used
 *	stay    a block of memory is said to be off-line, and is not
 *	keep    memory that is off-line is said to be removed, and is not
 *	borrow  pages that cannot be moved come from a contiguous area (CMA)
 *	area    a driver gets pages of a contiguous area that it has already
 *	wait    a free waits for a lock of the CPU that allocated the page, which that CPU holds
 *	        with interrupts on while it allocates: the seed's deadlock
 *	stamp   the test itself leaves out a stamp, now and then: are stamps checked?
 */
#include <linux/delay.h>
#include <linux/dma-mapping.h>
#include <linux/list.h>
#include <linux/memory_hotplug.h>
#include <linux/nodemask.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "test.h"

enum fault {
	NONE,
	LOSE,
	HALF,
	TWICE,
	ORDER,
	ALIGN,
	ZONE,
	ZERO,
	DRIFT,
	BULK,
	FAIL,
	NODE,
	POLICY,
	EARLY,
	RESERVE,
	ATOMIC,
	OBJECT,
	CONTIG,
	STAY,
	KEEP,
	BORROW,
	AREA,
	WAIT,
	STAMP,
};

static const char *const names[] = {
	[LOSE] = "lose",     [HALF] = "half",	    [TWICE] = "twice",	 [ORDER] = "order",
	[ALIGN] = "align",   [ZONE] = "zone",	    [ZERO] = "zero",	 [DRIFT] = "drift",
	[BULK] = "bulk",     [FAIL] = "fail",	    [NODE] = "node",	 [POLICY] = "policy",
	[EARLY] = "early",   [RESERVE] = "reserve", [ATOMIC] = "atomic", [OBJECT] = "object",
	[CONTIG] = "contig", [STAY] = "stay",	    [KEEP] = "keep",	 [BORROW] = "borrow",
	[AREA] = "area",     [WAIT] = "wait",	    [STAMP] = "stamp",
};

enum {
	LOST_MAX = 8192, /* pages that are kept back at most */
};

static enum fault fault;
static atomic_t calls;
static struct zone *drift_zone; /* of "drift", the only one */
static atomic_long_t drift;
static LIST_HEAD(lost); /* by page->lru; page_private() is the order */
static long nr_lost;	/* guarded by lost_lock, like the list */
static DEFINE_RAW_SPINLOCK(lost_lock);
static struct page *one;			   /* of "twice" */
static void *object;				   /* of "object" */
static DEFINE_PER_CPU(raw_spinlock_t, owner_lock); /* of "wait" */
static u16 *owners;				   /* of "wait": CPU + 1 for each pfn */
static unsigned long nr_owners;

static bool is(enum fault wanted)
{
	return unlikely(fault == wanted);
}

static bool once_in(unsigned int n)
{
	return atomic_inc_return(&calls) % n == 0;
}

/* ---- Faults ---------------------------------------------------------------------------------- */

/* False: enough is lost, or somebody else has the page as well. */
static bool lose(struct page *page, unsigned int order)
{
	unsigned long flags;
	bool does;

	raw_spin_lock_irqsave(&lost_lock, flags);
	does = nr_lost + (1l << order) <= LOST_MAX && page_ref_count(page) == 1;
	if (does) {
		set_page_private(page, order);
		list_add(&page->lru, &lost);
		nr_lost += 1l << order;
	}
	raw_spin_unlock_irqrestore(&lost_lock, flags);
	return does;
}

static void free_half(struct page *page, unsigned int order)
{
	unsigned long n = 1ul << order;

	split_page(page, order);
	for (unsigned long i = 0; i < n; i++)
		if (i < n / 2 || !lose(page + i, 0))
			__free_pages(page + i, 0);
}

static struct page *alloc_while_locked(gfp_t gfp, unsigned int order)
{
	raw_spinlock_t *lock;
	struct page *page;
	bool locked;

	preempt_disable();
	lock = this_cpu_ptr(&owner_lock);
	locked = raw_spin_trylock(lock);
	page = alloc_pages(gfp, order);
	udelay(20);
	if (page && page_to_pfn(page) < nr_owners)
		owners[page_to_pfn(page)] = locked ? raw_smp_processor_id() + 1 : 0;
	if (locked)
		raw_spin_unlock(lock);
	preempt_enable();
	return page;
}

static void wait_for_owner(struct page *page)
{
	unsigned long pfn = page_to_pfn(page), flags;
	raw_spinlock_t *lock;

	if (pfn >= nr_owners || !owners[pfn])
		return;
	lock = per_cpu_ptr(&owner_lock, owners[pfn] - 1);
	owners[pfn] = 0;
	raw_spin_lock_irqsave(lock, flags);
	raw_spin_unlock_irqrestore(lock, flags);
}

/* ---- Calls ----------------------------------------------------------------------------------- */

static bool has_policy(void)
{
#ifdef CONFIG_NUMA
	return in_task() && current->mempolicy;
#else
	return false;
#endif
}

static struct page *alloc(gfp_t gfp, unsigned int order, int nid)
{
	if (is(NODE) && gfp & __GFP_THISNODE && once_in(8))
		return alloc_pages_node(next_node_in(nid, node_states[N_MEMORY]), gfp, order);
	if (is(POLICY) && nid == NUMA_NO_NODE && has_policy() && once_in(8))
		nid = numa_node_id();
	return nid == NUMA_NO_NODE ? alloc_pages(gfp, order) : alloc_pages_node(nid, gfp, order);
}

static bool is_half_used(int nid)
{
	unsigned long free = 0;

	for (unsigned int i = 0; i < MAX_NR_ZONES; i++)
		free += zone_page_state(NODE_DATA(nid)->node_zones + i, NR_FREE_PAGES);
	return free < NODE_DATA(nid)->node_present_pages / 2;
}

struct page *shim_alloc(gfp_t gfp, unsigned int order, int nid)
{
	if (is(FAIL) && once_in(100))
		return NULL;
	if (is(TWICE) && !order &&
	    !(gfp & (__GFP_DMA | __GFP_DMA32 | __GFP_THISNODE | __GFP_ZERO)) && once_in(8))
		return one;
	if (is(ORDER) && gfp & __GFP_COMP && order && order < PAT_MAX_ORDER && once_in(8))
		return alloc(gfp, order + 1, nid);
	if (is(ALIGN) && !(gfp & __GFP_COMP) && order && order < PAT_MAX_ORDER && once_in(8)) {
		struct page *page = alloc(gfp, order + 1, nid);

		return page ? page + (1ul << (order - 1)) : NULL;
	}
	if (is(BORROW))
		gfp |= __GFP_MOVABLE;
	if (is(ZONE))
		gfp &= ~__GFP_DMA;
	if (is(ZERO))
		gfp &= ~__GFP_ZERO;
	if (is(EARLY) && nid != NUMA_NO_NODE && gfp & __GFP_DIRECT_RECLAIM && is_half_used(nid))
		return NULL;
	if (is(RESERVE) && !(gfp & (__GFP_DIRECT_RECLAIM | __GFP_HIGH)))
		gfp |= __GFP_MEMALLOC;
	if (is(ATOMIC))
		gfp &= ~__GFP_HIGH;
	if (is(WAIT) && !order && !(gfp & __GFP_DIRECT_RECLAIM))
		return alloc_while_locked(gfp, order);
	return alloc(gfp, order, nid);
}

void shim_free(struct page *page, unsigned int order)
{
	if (is(TWICE) && page == one)
		return;
	if (is(ORDER) && PageCompound(page))
		order = compound_order(page);
	if (is(ALIGN) && page_to_pfn(page) & ((1ul << order) - 1)) {
		__free_pages(page - (1ul << (order - 1)), order + 1);
		return;
	}
	if (is(LOSE) && !PageCompound(page) && once_in(16) && lose(page, order))
		return;
	if (is(HALF) && !PageCompound(page) && order && order < 6 && once_in(4)) {
		free_half(page, order);
		return;
	}
	if (is(DRIFT) && page_zone(page) == drift_zone && once_in(16)) {
		mod_zone_page_state(drift_zone, NR_FREE_PAGES, 1);
		atomic_long_inc(&drift);
	}
	if (is(WAIT))
		wait_for_owner(page);
	__free_pages(page, order);
}

unsigned long shim_bulk(gfp_t gfp, unsigned int n, struct page **pages)
{
	if (is(BULK))
		for (unsigned int i = 0; i < n; i++)
			if (pages[i] && once_in(8)) {
				pages[i] = alloc_pages(gfp, 0);
				break;
			}
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 14, 0)
	return alloc_pages_bulk(gfp, n, pages);
#else
	return alloc_pages_bulk_array(gfp, n, pages);
#endif
}

void *shim_object(struct kmem_cache *cache, gfp_t gfp)
{
	if (is(OBJECT) && !object && gfpflags_allow_blocking(gfp)) {
		object = kmem_cache_alloc(cache, gfp);
		if (object)
			*(u64 *)object = 1; /* as the test does while it has one */
	}
	return is(OBJECT) && object && once_in(64) ? object : kmem_cache_alloc(cache, gfp);
}

void shim_object_stop(struct kmem_cache *cache)
{
	if (object)
		kmem_cache_free(cache, object);
	object = NULL;
}

#ifdef CONFIG_CONTIG_ALLOC
static bool has_others(unsigned long pfn, unsigned long n)
{
	for (unsigned long i = 0; i < n; i++)
		if (page_ref_count(pfn_to_page(pfn + i)) != 1)
			return true;
	return false;
}

int shim_contig(unsigned long pfn, unsigned long n)
{
	if (is(CONTIG) && has_others(pfn, n))
		return 0;
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 17, 0)
	return alloc_contig_range(pfn, pfn + n, 0, GFP_KERNEL | __GFP_NOWARN);
#else
	return alloc_contig_range(pfn, pfn + n, MIGRATE_MOVABLE, GFP_KERNEL | __GFP_NOWARN);
#endif
}
#endif

static struct page *area; /* of "area": what came last, while it is not freed */

struct page *shim_area(struct device *device, unsigned long n, dma_addr_t *address)
{
	if (is(AREA) && area && once_in(4))
		return area;
	area = dma_alloc_pages(device, n << PAGE_SHIFT, address, DMA_BIDIRECTIONAL,
			       GFP_KERNEL | __GFP_NOWARN);
	return area;
}

void shim_area_free(struct device *device, struct page *page, unsigned long n, dma_addr_t address)
{
	if (page == area)
		area = NULL;
	dma_free_pages(device, n << PAGE_SHIFT, page, address, DMA_BIDIRECTIONAL);
}

#ifdef CONFIG_MEMORY_HOTREMOVE
int shim_remove(u64 start, u64 size)
{
	return is(KEEP) ? 0 : remove_memory(start, size);
}
#endif

int shim_offline(unsigned int block)
{
	return is(STAY) ? 0
			: pat_write("/sys/devices/system/memory/memory%u/state", block, "offline");
}

bool shim_skips_stamp(void)
{
	return is(STAMP) && once_in(100);
}

/* ---- Start and end --------------------------------------------------------------------------- */

int pat_shim_start(const char *fault_name)
{
	int cpu, nid;

	for (unsigned int i = 1; i < ARRAY_SIZE(names); i++)
		if (!strcmp(names[i], fault_name))
			fault = i;
	if (!fault && *fault_name) {
		pr_err("page_alloc_test: fault=%s: there is no such fault; there are:\n",
		       fault_name);
		for (unsigned int i = 1; i < ARRAY_SIZE(names); i++)
			pr_err("page_alloc_test:   %s\n", names[i]);
		return -EINVAL;
	}
	/* There the interrupt is a thread, which sleeps, and the allocation goes on. */
	if (is(WAIT) && IS_ENABLED(CONFIG_PREEMPT_RT)) {
		pr_err("page_alloc_test: SKIP fault=wait: on PREEMPT_RT that order hangs nobody\n");
		return -EOPNOTSUPP;
	}
	for_each_possible_cpu(cpu) raw_spin_lock_init(per_cpu_ptr(&owner_lock, cpu));
	if (is(TWICE) || is(DRIFT)) {
		one = alloc_pages(GFP_KERNEL, 0);
		if (!one)
			return -ENOMEM;
		drift_zone = page_zone(one);
	}
	if (!is(WAIT))
		return 0;
	for_each_online_node(nid) nr_owners =
		max(nr_owners, (unsigned long)NODE_DATA(nid)->node_start_pfn +
				       NODE_DATA(nid)->node_spanned_pages);
	owners = vzalloc(array_size(nr_owners, sizeof(*owners)));
	return owners ? 0 : -ENOMEM;
}

void pat_shim_stop(void)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, &lost, lru)
	{
		unsigned int order = page_private(page);

		list_del(&page->lru);
		set_page_private(page, 0);
		__free_pages(page, order);
	}
	if (one)
		__free_pages(one, 0);
	vfree(owners);
	if (is(DRIFT))
		mod_zone_page_state(drift_zone, NR_FREE_PAGES, -atomic_long_read(&drift));
}
