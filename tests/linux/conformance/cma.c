// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * cma.c - contiguous memory areas (CMA; the kernel's parameter cma=): movable allocations borrow
 * their pages, and the kernel moves those away when a driver wants them (dma_alloc_pages()).
 *
 *	before   nearly all that is not an area is taken, by blocks that cannot be moved: none may
 *	         come from an area. Then pages of a file (movable.c) do
 *	test     while all contexts allocate and free (contexts.c), a device gets pages of an area
 *	         and gives them back. Nobody may have any of them, and the file's stamps must stay
 *
 * An area is known by the free lists, which have a type for it.
 */
#include <linux/bitmap.h>
#include <linux/err.h>
#include <linux/memory_hotplug.h>
#include <linux/mmzone.h>
#include <linux/platform_device.h>
#include <linux/sched.h>
#include <linux/vmalloc.h>

#include "test.h"

#if defined(CONFIG_CMA) && defined(CONFIG_DMA_CMA) && defined(CONFIG_SHMEM)
enum {
	HELD = 8,	 /* by the device, at most */
	LARGEST = 1024,	 /* pages at once */
	BLOCK_ORDER = 4, /* of what cannot be moved */
};

struct held {
	struct page *page;
	unsigned long n;
	dma_addr_t address;
};

static unsigned long *areas; /* a bit for each pageblock that is of an area */
static struct zone *zone;    /* that has one */
static struct platform_device *device;
static struct held held[HELD];
static pat_block *blocks;
static unsigned long nr_blocks, blocks_max;
static unsigned long borrowed, got, refused;

static unsigned long nr_pageblocks(void)
{
	return (pat_limit() >> pageblock_order) + 1;
}

static bool is_in_area(unsigned long pfn)
{
	return test_bit(pfn >> pageblock_order, areas);
}

/* ---- Where areas are ------------------------------------------------------------------------- */

static void mark_zone(struct zone *z)
{
	unsigned long flags;

	spin_lock_irqsave(&z->lock, flags);
	for (unsigned int order = 0; order <= PAT_MAX_ORDER; order++) {
		struct page *page;

		list_for_each_entry(page, &z->free_area[order].free_list[MIGRATE_CMA], lru)
		{
			unsigned long pfn = page_to_pfn(page), end = pfn + (1ul << order);

			for (; pfn < end; pfn += pageblock_nr_pages)
				__set_bit(pfn >> pageblock_order, areas);
			zone = z;
		}
	}
	spin_unlock_irqrestore(&z->lock, flags);
}

static bool find_areas(void)
{
	int nid;

	zone = NULL;
	bitmap_zero(areas, nr_pageblocks());
	for_each_online_node(nid) for (unsigned int i = 0; i < MAX_NR_ZONES; i++)
	{
		if (populated_zone(NODE_DATA(nid)->node_zones + i))
			mark_zone(NODE_DATA(nid)->node_zones + i);
	}
	return zone;
}

/* ---- Before ---------------------------------------------------------------------------------- */

/* While there is more elsewhere than in the area, movable pages come from elsewhere. But so much
 * must be left that others get what they need: nobody is to be killed. */
static bool is_most_of_it(void)
{
	long area = zone_page_state(zone, NR_FREE_CMA_PAGES),
	     elsewhere = zone_page_state(zone, NR_FREE_PAGES) - area;

	return elsewhere < max(area / 4 * 3, (long)high_wmark_pages(zone) + PAT_FILE_PAGES);
}

static void take_what_is_no_area(void)
{
	while (nr_blocks < blocks_max && !is_most_of_it() && !pat_is_bad()) {
		pat_block block =
			pat_take(GFP_KERNEL | __GFP_THISNODE | __GFP_NORETRY | __GFP_NOWARN,
				 BLOCK_ORDER, zone_to_nid(zone));

		pat_beat(0);
		cond_resched();
		if (!block)
			return;
		blocks[nr_blocks++] = block;
		if (is_in_area(page_to_pfn(pat_page_of(block))))
			pat_bad("a page that cannot be moved comes from a contiguous area: page "
				"%#lx of order %u",
				page_to_pfn(pat_page_of(block)), BLOCK_ORDER);
	}
}

static void give_it_back(void)
{
	while (nr_blocks) {
		pat_give(blocks[--nr_blocks]);
		cond_resched();
	}
}

static void count_borrowed(void)
{
	borrowed = 0;
	for (unsigned long i = 1; i < PAT_FILE_PAGES && !pat_is_bad(); i += 2)
		borrowed += is_in_area(pat_file_check(i));
}

/* ---- The device ------------------------------------------------------------------------------ */

static void give_to_area(struct held *h)
{
	shim_area_free(&device->dev, h->page, h->n, h->address);
	h->page = NULL;
}

static void give(struct held *h)
{
	if (h->page && pat_release_pages(h->page, h->n))
		give_to_area(h);
}

static void get(struct held *h, u32 *random)
{
	unsigned long index = pat_file_some(random), start, pfn;

	h->n = 2 + pat_below(random, LARGEST - 1);
	h->page = shim_area(&device->dev, h->n, &h->address);
	/* From elsewhere, since too much of the area is held by others. */
	if (h->page && !is_in_area(page_to_pfn(h->page)))
		give_to_area(h);
	if (!h->page) {
		refused++;
		return;
	}
	got++;
	start = page_to_pfn(h->page);
	if (!pat_adopt_pages(h->page, h->n) || pat_is_bad()) {
		h->page = NULL;
		return;
	}
	pfn = pat_file_check(index);
	if (pfn >= start && pfn < start + h->n)
		pat_bad("a device gets %lu pages from page %#lx on while page %#lx is a file's",
			h->n, start, pfn);
}

/* ---- The test -------------------------------------------------------------------------------- */

static void work(u32 *random)
{
	unsigned int turns = 0;

	do {
		struct held *h = held + pat_below(random, HELD);

		if (h->page)
			give(h);
		else
			get(h, random);
		if (++turns % 64 == 0)
			pat_file_check_all();
		cond_resched();
	} while (pat_time_left() || (turns < (got ? 20 : 200) && !pat_is_bad()));
}

static void with_a_file(u32 *random)
{
	if (!pat_file_open())
		return;
	count_borrowed();
	/* The contexts need some memory; what has been borrowed stays so. */
	give_it_back();
	if (pat_mix_begin()) {
		work(random);
		pat_mix_end();
		for (unsigned int i = 0; i < HELD; i++)
			give(held + i);
		pat_file_check_all();
		if (!got || !borrowed)
			pat_skip(got ? "no page of the file came from the area"
				     : "no page of the area came");
	}
	pat_file_close();
}

void pat_cma(void)
{
	u32 random = pat_seed();

	borrowed = got = refused = 0;
	areas = vzalloc(BITS_TO_LONGS(nr_pageblocks()) * sizeof(long));
	if (!areas || !find_areas()) {
		pat_skip(areas ? "no contiguous area: boot with cma=128M" : "no memory");
		vfree(areas);
		return;
	}
	blocks_max = NODE_DATA(zone_to_nid(zone))->node_present_pages >> BLOCK_ORDER;
	blocks = vmalloc(array_size(blocks_max, sizeof(*blocks)));
	device = platform_device_register_simple("page_alloc_test", PLATFORM_DEVID_NONE, NULL, 0);
	if (blocks && !IS_ERR(device)) {
		pat_watch(1, NULL);
		take_what_is_no_area();
		pat_watch(0, NULL);
		if (!pat_is_bad())
			with_a_file(&random);
		give_it_back();
		pat_did("%lu pages of a file lay in the area and moved %lu times; a device got %lu "
			"ranges of it, refused %lu times",
			borrowed, pat_file_moved(), got, refused);
	} else {
		pat_skip("no memory for the test's own list, or no device");
	}
	if (!IS_ERR(device))
		platform_device_unregister(device);
	vfree(blocks);
	vfree(areas);
}
#else
void pat_cma(void)
{
	pat_skip("this kernel has no contiguous areas for devices, or no files in memory");
}
#endif
