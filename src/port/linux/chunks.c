// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * chunks.c - the pages of roost.ko: chunks that come from the kernel and go back to it.
 *
 * The engine's memory map is a window of numbers that has nothing to do with the kernel's pfns: a
 * zone for each NUMA node with memory, in it slots of one chunk each.
 *
 *	engine's pfn   ... |  slot 0  |  slot 1  |  slot 2  | ...     2^order frames each
 *	                        |       absent        |
 *	kernel's pages     a chunk                 a chunk            contiguous, anywhere
 *
 * The frames of a slot without a chunk are allocated, as far as the engine is concerned, as one
 * block, which belongs to the task that finds its bit in absent and clears it. So a chunk comes by
 * a free, and goes by an allocation; nothing but the engine's own calls is needed for either, and
 * no lock. Each page has the engine's pfn, and 1, in page_private().
 */
#include <linux/bitops.h>
#include <linux/gfp.h>
#include <linux/module.h>
#include <linux/nodemask.h>
#include <linux/topology.h>
#include <linux/vmalloc.h>

#include "linux.h"
#include "trace.h"

struct rst_chunks rst_chunks;

static void *metadata;

static u64 pfn_of_slot(unsigned long slot)
{
	return (u64)slot << rst_chunks.order;
}

/* ---- One chunk ----------------------------------------------------------------------------- */

/* A slot of the zone without a chunk, which is the caller's now; all_slots: none. */
static unsigned long take_absent(unsigned int zone)
{
	unsigned long from = zone * rst_chunks.nr_slots, end = from + rst_chunks.nr_slots, slot;

	do {
		slot = find_next_bit(rst_chunks.absent, end, from);
		if (slot >= end)
			return rst_chunks.all_slots;
	} while (!test_and_clear_bit(slot, rst_chunks.absent));
	return slot;
}

bool rst_chunk_come(unsigned int zone)
{
	unsigned long slot = take_absent(zone);
	struct page *page;

	if (slot == rst_chunks.all_slots)
		return false;
	page = alloc_pages_node(rst_chunks.node[zone],
				GFP_KERNEL | __GFP_THISNODE | __GFP_NOWARN | __GFP_NORETRY,
				rst_chunks.order);
	if (!page) {
		atomic_long_inc(&rst_chunks.grow_failed);
		set_bit(slot, rst_chunks.absent);
		return false;
	}
	split_page(page, rst_chunks.order);
	for (unsigned long i = 0; i < rst_chunk_pages(); i++)
		set_page_private(page + i, rst_private_of(pfn_of_slot(slot) + i));
	WRITE_ONCE(rst_chunks.slot[slot], page); /* the free releases it */
	atomic_long_inc(&rst_chunks.nr);
	atomic_long_inc(&rst_chunks.grown);
	trace_roost_grow(pfn_of_slot(slot), page_to_pfn(page));
	roost_free(rst_chunks.roost, pfn_of_slot(slot), rst_chunks.order);
	return true;
}

/* What the kernel can have got with page i of a chunk, if it was given to its allocator by a wrong
 * call: at most the aligned block that begins there. */
static unsigned long got_with(unsigned long i)
{
	return i ? 1ul << __ffs(i) : rst_chunk_pages();
}

/* Page by page: a task that has a reference for a moment gives a page back when it drops it. What
 * the kernel has already it does not get once more. */
static void give_to_kernel(struct page *first, u64 pfn)
{
	int references;

	for (unsigned long i = 0; i < rst_chunk_pages();) {
		struct page *page = first + i;

		if (rst_is_intact(page, pfn + i, &references)) {
			set_page_private(page, 0);
			__free_page(page);
			i++;
		} else {
			rst_misuse("page 0x%lx was freed to the kernel, too: it has %d references; "
				   "%lu pages are not given back",
				   page_to_pfn(page), references, got_with(i));
			i += got_with(i);
		}
	}
}

bool rst_chunk_go(unsigned int zone)
{
	u64 pfn = roost_alloc(rst_chunks.roost, rst_chunks.order, ROOST_ZONE(zone));
	unsigned long slot = (unsigned long)(pfn >> rst_chunks.order);
	struct page *page;

	if (pfn == ROOST_NONE)
		return false;
	page = rst_chunks.slot[slot];
	WRITE_ONCE(rst_chunks.slot[slot], NULL);
	atomic_long_dec(&rst_chunks.nr);
	atomic_long_inc(&rst_chunks.shrunk);
	trace_roost_shrink(pfn, page_to_pfn(page));
	give_to_kernel(page, pfn);
	/* A task that finds the bit sees the slot empty. */
	smp_mb__before_atomic();
	set_bit(slot, rst_chunks.absent);
	return true;
}

/* ---- Start --------------------------------------------------------------------------------- */

/* What a configuration points to. */
struct description {
	struct roost_config config;
	struct roost_range ranges[ROOST_MAX_NODES];
	struct roost_zone_config zones[ROOST_MAX_NODES];
	u8 zone_order[ROOST_MAX_NODES * ROOST_MAX_NODES];
	u8 cpu_node[ROOST_MAX_CPUS];
};

/* The zones, the one nearest to a node first. */
static void __init order_zones(u8 *order, int node)
{
	for (unsigned int n = 0; n < rst_chunks.nr_zones; n++) {
		unsigned int at = n;

		for (; at > 0 && node_distance(node, rst_chunks.node[order[at - 1]]) >
					 node_distance(node, rst_chunks.node[n]);
		     at--)
			order[at] = order[at - 1];
		order[at] = (u8)n;
	}
}

static int __init number_nodes(void)
{
	u8 order[ROOST_MAX_NODES];
	int node;

	for_each_node_state(node, N_NORMAL_MEMORY)
	{
		if (rst_chunks.nr_zones == ROOST_MAX_NODES) {
			pr_err("roost: more than %d nodes have memory\n", ROOST_MAX_NODES);
			return -E2BIG;
		}
		rst_chunks.node[rst_chunks.nr_zones++] = node;
	}
	for_each_node(node)
	{
		order_zones(order, node);
		rst_chunks.zone_of_node[node] = order[0];
	}
	return 0;
}

/* A zone for each node, with enough free that callers that cannot wait for more find something. */
static void __init describe_zones(struct description *d)
{
	u64 frames = (u64)rst_chunks.nr_slots << rst_chunks.order;
	unsigned int nr = rst_chunks.nr_zones;

	for (unsigned int i = 0; i < nr; i++) {
		d->ranges[i] = (struct roost_range){
			.start = i * frames, .end = (i + 1) * frames, .zone = (u16)i};
		d->zones[i] = (struct roost_zone_config){
			.node = i, .low = rst_chunk_pages(), .high = 2 * rst_chunk_pages()};
		order_zones(&d->zone_order[i * nr], rst_chunks.node[i]);
	}
	d->config.ranges = d->ranges;
	d->config.nr_ranges = nr;
	d->config.zones = d->zones;
	d->config.nr_zones = nr;
	d->config.zone_order = d->zone_order;
}

static void __init describe_cpus(struct description *d)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
	{
		int node = cpu_to_node(cpu);

		if (cpu < d->config.nr_cpus && node != NUMA_NO_NODE)
			d->cpu_node[cpu] = rst_chunks.zone_of_node[node];
	}
	d->config.cpu_node = d->cpu_node;
}

/* All slots are without a chunk: what the engine has to give is taken out. */
static int __init empty(unsigned int zone)
{
	for (unsigned long i = 0; i < rst_chunks.nr_slots; i++) {
		u64 pfn = roost_alloc(rst_chunks.roost, rst_chunks.order, ROOST_ZONE(zone));

		cond_resched();
		if (pfn == ROOST_NONE ||
		    test_and_set_bit((unsigned long)(pfn >> rst_chunks.order), rst_chunks.absent))
			return -ENOMEM;
	}
	return 0;
}

/* A limit that is too large is reported without the kernel's help. */
static void *zeroed(size_t size)
{
	return __vmalloc(size, GFP_KERNEL | __GFP_ZERO | __GFP_NOWARN);
}

static int __init make(const struct roost_config *config)
{
	const char *error = roost_config_error(config);
	size_t size;
	int err;

	if (error) {
		pr_err("roost: %s\n", error);
		return -EINVAL;
	}
	size = roost_metadata_size(config);
	metadata = zeroed(size);
	rst_chunks.slot = zeroed(array_size(rst_chunks.all_slots, sizeof(*rst_chunks.slot)));
	rst_chunks.absent = zeroed(array_size(BITS_TO_LONGS(rst_chunks.all_slots), sizeof(long)));
	if (!metadata || !rst_chunks.slot || !rst_chunks.absent) {
		pr_err("roost: no memory for the metadata, %zu KiB; a smaller limit_mb takes "
		       "less\n",
		       size / 1024);
		return -ENOMEM;
	}
	err = roost_init(&rst_chunks.roost, config, metadata, size);
	for (unsigned int zone = 0; !err && zone < rst_chunks.nr_zones; zone++)
		err = empty(zone);
	return err;
}

int __init rst_chunks_init(const struct roost_config *config, unsigned int order,
			   unsigned long slots)
{
	struct description *d = kzalloc(sizeof(*d), GFP_KERNEL);
	int err;

	if (!d)
		return -ENOMEM;
	rst_chunks.order = order;
	rst_chunks.check_level = config->check_level;
	err = number_nodes();
	rst_chunks.nr_slots = slots / rst_chunks.nr_zones;
	rst_chunks.all_slots = rst_chunks.nr_slots * rst_chunks.nr_zones;
	d->config = *config;
	d->config.max_order = order;
	describe_zones(d);
	describe_cpus(d);
	if (!err)
		err = make(&d->config);
	if (err)
		rst_chunks_exit();
	kfree(d);
	return err;
}

void rst_chunks_exit(void)
{
	/* No task is left that could free them; no other gets them, for they may be in use. */
	if (atomic_long_read(&rst_chunks.nr))
		pr_err("roost: %ld chunks with pages that were never freed are lost\n",
		       atomic_long_read(&rst_chunks.nr));
	vfree(rst_chunks.absent);
	vfree(rst_chunks.slot);
	vfree(metadata);
}
