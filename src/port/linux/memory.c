// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * memory.c - the pages of roost.ko: chunks that come from the kernel and go back to it.
 *
 * The engine's memory map is a window of numbers that has nothing to do with the kernel's pfns: a
 * zone for each NUMA node with memory, in it slots of one chunk each.
 *
 *	engine's pfn   ... |  slot 0  |  slot 1  |  slot 2  | ...     2^order frames each
 *	                        |       absent        |
 *	kernel's pages     a chunk                 a chunk            contiguous, anywhere
 *
 * The frames of a slot without a chunk are allocated, as far as the engine is concerned, as one
 * block, which belongs to who finds its bit in absent and clears it. So a chunk comes by a free,
 *and goes by an allocation; nothing but the engine's own calls is needed for either, and no lock.
 * Each page has the engine's pfn in page_private().
 */
#include <linux/bitmap.h>
#include <linux/gfp.h>
#include <linux/init.h>
#include <linux/irq_work.h>
#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/shrinker.h>
#include <linux/version.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>

#include "linux.h"
#include "trace.h"

struct rst_memory rst_memory;

static void *metadata;
static int zone_node[ROOST_MAX_ZONES];

static unsigned long chunk_pages(void)
{
	return 1ul << rst_memory.order;
}

static unsigned long slot_of(u64 pfn)
{
	return (unsigned long)(pfn >> rst_memory.order);
}

static u64 pfn_of_slot(unsigned long slot)
{
	return (u64)slot << rst_memory.order;
}

/* ---- Pages and the engine's pfns ----------------------------------------------------------- */

static __always_inline struct page *page_of(u64 pfn)
{
	struct page *first = READ_ONCE(rst_memory.slot[slot_of(pfn)]);

	return first + (pfn & (chunk_pages() - 1));
}

/* A page that is none of roost.ko's has anything as its private word: ROOST_NONE then. In a slot
 * without a chunk lies what is no page of anybody's: it begins at NULL. */
static __always_inline u64 pfn_of(const struct page *page)
{
	u64 pfn = page_private(page);

	return slot_of(pfn) < rst_memory.all_slots && page_of(pfn) == page ? pfn : ROOST_NONE;
}

struct page *roost_page_of_pfn(u64 pfn)
{
	return page_of(pfn);
}
EXPORT_SYMBOL_GPL(roost_page_of_pfn);

u64 roost_pfn_of_page(const struct page *page)
{
	return pfn_of(page);
}
EXPORT_SYMBOL_GPL(roost_pfn_of_page);

/* ---- Chunks -------------------------------------------------------------------------------- */

static void give_to_kernel(struct page *page)
{
	for (unsigned long i = 0; i < chunk_pages(); i++) {
		set_page_private(page + i, 0);
		__free_page(page + i);
	}
}

/* A slot of the zone without a chunk, which is the caller's now; all_slots: none. */
static unsigned long take_absent(unsigned int zone)
{
	unsigned long from = zone * rst_memory.nr_slots, end = from + rst_memory.nr_slots, slot;

	do {
		slot = find_next_bit(rst_memory.absent, end, from);
		if (slot >= end)
			return rst_memory.all_slots;
	} while (!test_and_clear_bit(slot, rst_memory.absent));
	return slot;
}

static bool grow_zone(unsigned int zone, gfp_t gfp)
{
	unsigned long slot = take_absent(zone);
	struct page *page;

	if (slot == rst_memory.all_slots)
		return false;
	page = alloc_pages_node(zone_node[zone],
				gfp | __GFP_THISNODE | __GFP_NOWARN | __GFP_NORETRY,
				rst_memory.order);
	if (!page) {
		atomic_long_inc(&rst_memory.grow_failed);
		set_bit(slot, rst_memory.absent);
		return false;
	}
	split_page(page, rst_memory.order);
	for (unsigned long i = 0; i < chunk_pages(); i++)
		set_page_private(page + i, pfn_of_slot(slot) + i);
	WRITE_ONCE(rst_memory.slot[slot], page); /* the free releases it */
	atomic_long_inc(&rst_memory.nr_chunks);
	atomic_long_inc(&rst_memory.grown);
	trace_roost_grow(pfn_of_slot(slot), page_to_pfn(page));
	roost_free(rst_memory.roost, pfn_of_slot(slot), rst_memory.order);
	return true;
}

static bool shrink_zone(unsigned int zone)
{
	u64 pfn = roost_alloc(rst_memory.roost, rst_memory.order, ROOST_ZONE(zone));
	unsigned long slot = slot_of(pfn);
	struct page *page;

	if (pfn == ROOST_NONE)
		return false;
	page = rst_memory.slot[slot];
	WRITE_ONCE(rst_memory.slot[slot], NULL);
	atomic_long_dec(&rst_memory.nr_chunks);
	atomic_long_inc(&rst_memory.shrunk);
	trace_roost_shrink(pfn, page_to_pfn(page));
	give_to_kernel(page);
	/* Who finds the bit sees the slot empty. */
	smp_mb__before_atomic();
	set_bit(slot, rst_memory.absent);
	return true;
}

static u64 zone_free(unsigned int zone)
{
	struct roost_zone_info info;

	return roost_zone_info(rst_memory.roost, zone, &info) ? 0 : info.free;
}

unsigned long roost_grow(unsigned long pages)
{
	unsigned long came = 0;

	for (unsigned int zone = 0; zone < rst_memory.nr_zones; zone++)
		while (zone_free(zone) < pages && grow_zone(zone, GFP_KERNEL))
			came += chunk_pages();
	return came;
}
EXPORT_SYMBOL_GPL(roost_grow);

static unsigned long shrink(unsigned long wanted)
{
	unsigned long went = 0;

	for (int drained = 0; drained < 2; drained++) {
		for (unsigned int zone = 0; zone < rst_memory.nr_zones; zone++)
			while (went < wanted && shrink_zone(zone))
				went += chunk_pages();
		if (went >= wanted)
			break;
		roost_drain(rst_memory.roost, -1);
	}
	return went;
}

/* ---- The shrinker -------------------------------------------------------------------------- */

/* Free pages of chunks that can go. What a caller in atomic context may want at any moment stays.
 */
static unsigned long spare_pages(void)
{
	unsigned long pages = 0;

	for (unsigned int zone = 0; zone < rst_memory.nr_zones; zone++) {
		struct roost_zone_info info;

		if (!roost_zone_info(rst_memory.roost, zone, &info) && info.free > info.high)
			pages += (info.free - info.high) & ~(chunk_pages() - 1);
	}
	return pages;
}

unsigned long roost_shrink(void)
{
	roost_drain(rst_memory.roost, -1);
	return shrink(spare_pages());
}
EXPORT_SYMBOL_GPL(roost_shrink);

static unsigned long shrinker_count(struct shrinker *shrinker, struct shrink_control *control)
{
	unsigned long pages = spare_pages();

	return pages ? pages : SHRINK_EMPTY;
}

static unsigned long shrinker_scan(struct shrinker *shrinker, struct shrink_control *control)
{
	unsigned long spare = spare_pages();
	unsigned long went = shrink(min(spare, control->nr_to_scan));

	control->nr_scanned = max(went, control->nr_to_scan);
	return went ? went : SHRINK_STOP;
}

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
static struct shrinker *shrinker;

static int start_shrinker(void)
{
	shrinker = shrinker_alloc(0, "roost");
	if (!shrinker)
		return -ENOMEM;
	shrinker->count_objects = shrinker_count;
	shrinker->scan_objects = shrinker_scan;
	shrinker->batch = (long)chunk_pages();
	shrinker_register(shrinker);
	return 0;
}

static void stop_shrinker(void)
{
	shrinker_free(shrinker);
}
#else
static struct shrinker the_shrinker = {
	.count_objects = shrinker_count,
	.scan_objects = shrinker_scan,
	.seeks = DEFAULT_SEEKS,
};

static int start_shrinker(void)
{
	the_shrinker.batch = (long)chunk_pages();
	return register_shrinker(&the_shrinker, "roost");
}

static void stop_shrinker(void)
{
	unregister_shrinker(&the_shrinker);
}
#endif

/* ---- More, when there is little left -------------------------------------------------------- */

static void grow_zones(struct work_struct *work)
{
	for (unsigned int zone = 0; zone < rst_memory.nr_zones; zone++) {
		struct roost_zone_info info;

		while (!roost_zone_info(rst_memory.roost, zone, &info) && info.free <= info.high)
			if (!grow_zone(zone, GFP_KERNEL))
				break;
	}
}

static DECLARE_WORK(grow_work, grow_zones);

static void queue_grow(struct irq_work *work)
{
	queue_work(system_unbound_wq, &grow_work);
}

static DEFINE_IRQ_WORK(grow_irq_work, queue_grow);

static bool closing; /* nobody is left who could want something */

void rst_memory_want_more(void)
{
	if (READ_ONCE(closing))
		return;
	irq_work_queue(&grow_irq_work);
}

/* ---- Blocks -------------------------------------------------------------------------------- */

static unsigned int zone_here(void)
{
	for (unsigned int zone = 0; zone < rst_memory.nr_zones; zone++)
		if (zone_node[zone] == numa_node_id())
			return zone;
	return 0;
}

/* For who may sleep and found nothing: another chunk where the flags say. */
static bool grow_for(unsigned int flags)
{
	unsigned int only = flags >> 8 & 0xff, node = flags >> 16 & 0xff;
	unsigned int first = only ? only - 1 : node ? node - 1 : zone_here();

	if (first >= rst_memory.nr_zones)
		return false; /* the engine has complained */
	if (grow_zone(first, GFP_KERNEL))
		return true;
	if (only || flags & ROOST_THISNODE)
		return false;
	for (unsigned int zone = 0; zone < rst_memory.nr_zones; zone++)
		if (zone != first && grow_zone(zone, GFP_KERNEL))
			return true;
	return false;
}

/* There was none. */
static noinline u64 alloc_waiting(unsigned int order, unsigned int flags)
{
	while (grow_for(order, flags)) {
		u64 pfn = roost_alloc(rst_memory.roost, order, flags & ~(unsigned)ROOST_WAIT);

<<<<<<< HEAD
	do {
		pfn = roost_alloc(rst_memory.roost, order, flags & ~(unsigned)ROOST_WAIT);
	} while (pfn == ROOST_NONE && order <= rst_memory.order && grow_for(flags));
	if (pfn == ROOST_NONE && order <= rst_memory.order)
		pfn = roost_alloc(rst_memory.roost, order, flags);
	return pfn;
=======
		if (pfn != ROOST_NONE)
			return pfn;
	}
	return roost_alloc(rst_memory.roost, order, flags);
>>>>>>> kbench
}

struct page *roost_alloc_pages(unsigned int order, unsigned int flags)
{
	u64 pfn;

	if (flags & ROOST_WAIT)
		might_sleep();
	pfn = roost_alloc(rst_memory.roost, order, flags & ~(unsigned)ROOST_WAIT);
	if (unlikely(pfn == ROOST_NONE && (flags & ROOST_WAIT)))
		pfn = alloc_waiting(order, flags);
	return likely(pfn != ROOST_NONE) ? page_of(pfn) : NULL;
}
EXPORT_SYMBOL_GPL(roost_alloc_pages);

enum {
	BULK = 32, /* blocks that are on their way at a time, on the stack */
};

size_t roost_alloc_pages_bulk(unsigned int order, unsigned int flags, struct page **pages, size_t n)
{
	roost_pfn pfns[BULK];
	size_t done = 0, got, wanted;

	do {
		wanted = min_t(size_t, n - done, BULK);
		got = roost_alloc_bulk(rst_memory.roost, order, flags & ~(unsigned)ROOST_WAIT, pfns,
				       wanted);
		for (size_t i = 0; i < got; i++)
			pages[done + i] = page_of(pfns[i]);
		done += got;
		if (got < wanted &&
		    (!(flags & ROOST_WAIT) || order > rst_memory.order || !grow_for(flags)))
			break;
	} while (done < n);
	return done;
}
EXPORT_SYMBOL_GPL(roost_alloc_pages_bulk);

/* False, after a complaint, if the page is not of roost.ko. */
static __always_inline bool is_ours(const struct page *page, u64 *pfn)
{
	*pfn = pfn_of(page);
	if (likely(*pfn != ROOST_NONE))
		return true;
	WARN_ONCE(1, "roost: page 0x%lx was not allocated by roost_alloc_pages()\n",
		  page_to_pfn(page));
	return false;
}

void roost_free_pages(struct page *page, unsigned int order)
{
	u64 pfn;

	if (is_ours(page, &pfn))
		roost_free(rst_memory.roost, pfn, order);
}
EXPORT_SYMBOL_GPL(roost_free_pages);

void roost_free_pages_nolock(struct page *page, unsigned int order)
{
	u64 pfn;

	if (is_ours(page, &pfn))
		roost_free_nolock(rst_memory.roost, pfn, order);
}
EXPORT_SYMBOL_GPL(roost_free_pages_nolock);

void roost_free_pages_bulk(struct page **pages, size_t n, unsigned int order)
{
	struct roost_block blocks[BULK];
	size_t count = 0;

	for (size_t i = 0; i < n; i++) {
		u64 pfn;

		if (is_ours(pages[i], &pfn))
			blocks[count++] = (struct roost_block){pfn, order};
		if (count == BULK || (i == n - 1 && count)) {
			roost_free_bulk(rst_memory.roost, blocks, count);
			count = 0;
		}
	}
}
EXPORT_SYMBOL_GPL(roost_free_pages_bulk);

roost_t *roost_linux(void)
{
	return rst_memory.roost;
}
EXPORT_SYMBOL_GPL(roost_linux);

/* ---- Start and end ------------------------------------------------------------------------- */

/* All slots are without a chunk: what the engine has to give is taken out. */
static int __init empty_all(void)
{
	for (unsigned long i = 0; i < rst_memory.all_slots; i++) {
		u64 pfn = roost_alloc(rst_memory.roost, rst_memory.order, ROOST_RESERVE);

		if (pfn == ROOST_NONE)
			return -ENOMEM;
		set_bit(slot_of(pfn), rst_memory.absent);
	}
	return 0;
}

static int __init allocate(const struct roost_config *config)
{
	size_t size = roost_metadata_size(config);
	unsigned long slots = rst_memory.all_slots;
	int err;

	metadata = vzalloc(size);
	rst_memory.slot = vzalloc(array_size(slots, sizeof(*rst_memory.slot)));
	rst_memory.absent = bitmap_zalloc(slots, GFP_KERNEL);
	if (!metadata || !rst_memory.slot || !rst_memory.absent)
		return -ENOMEM;
	err = roost_init(&rst_memory.roost, config, metadata, size);
	return err ? err : empty_all();
}

static void release(void)
{
	bitmap_free(rst_memory.absent);
	vfree(rst_memory.slot);
	vfree(metadata);
}

/* Ranges and zones of the configuration: one of each for each node. */
static u8 zone_of_node[MAX_NUMNODES] __initdata;

static int __init describe(struct roost_config *config, struct roost_range *ranges,
			   struct roost_zone_config *zones, u8 *cpu_node)
{
	u64 frames = (u64)rst_memory.nr_slots << rst_memory.order;
	unsigned int nr = 0, cpu;
	int node;

	for_each_node_state(node, N_MEMORY)
	{
		if (nr == ROOST_MAX_NODES)
			return -E2BIG;
		zone_of_node[node] = (u8)nr;
		zone_node[nr] = node;
		ranges[nr] = (struct roost_range){
			.start = nr * frames, .end = (nr + 1) * frames, .zone = (u16)nr};
		/* So much is there for callers that cannot wait for more. */
		zones[nr] = (struct roost_zone_config){
			.node = nr, .low = chunk_pages(), .high = 2 * chunk_pages()};
		nr++;
	}
	for_each_possible_cpu(cpu) if (cpu < config->nr_cpus) cpu_node[cpu] =
		zone_of_node[cpu_to_node(cpu)];
	rst_memory.nr_zones = nr;
	rst_memory.all_slots = nr * rst_memory.nr_slots;
	config->ranges = ranges;
	config->nr_ranges = nr;
	config->zones = zones;
	config->nr_zones = nr;
	config->cpu_node = cpu_node;
	return 0;
}

int __init rst_memory_init(const struct roost_config *given, unsigned int order,
			   unsigned long slots, unsigned long initial)
{
	struct {
		struct roost_config config;
		struct roost_range ranges[ROOST_MAX_NODES];
		struct roost_zone_config zones[ROOST_MAX_NODES];
		u8 cpu_node[ROOST_MAX_CPUS];
	} *d = kzalloc(sizeof(*d), GFP_KERNEL);
	const char *error;
	int err;

	if (!d)
		return -ENOMEM;
	d->config = *given;
	d->config.max_order = order;
	rst_memory.order = order;
	rst_memory.nr_slots = slots;
	err = describe(&d->config, d->ranges, d->zones, d->cpu_node);
	error = err ? NULL : roost_config_error(&d->config);
	if (error)
		pr_err("roost: %s\n", error);
	if (!err)
		err = error ? -EINVAL : allocate(&d->config);
	kfree(d);
	if (!err)
		err = start_shrinker();
	if (err) {
		release();
		return err;
	}
	roost_grow(initial << order);
	return 0;
}

void rst_memory_exit(void)
{
	WRITE_ONCE(closing, true);
	stop_shrinker();
	irq_work_sync(&grow_irq_work);
	cancel_work_sync(&grow_work);
	shrink(ULONG_MAX);
	/* Nobody who could have them is left. They are not the kernel's as long as it may be
	 * otherwise. */
	if (atomic_long_read(&rst_memory.nr_chunks))
		pr_err("roost: %ld chunks with pages that were never freed are lost\n",
		       atomic_long_read(&rst_memory.nr_chunks));
	release();
}
