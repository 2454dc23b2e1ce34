// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * calls.c - each way to allocate and to free, by one task:
 *
 *	orders   single blocks of all orders, for all migratetypes and zones, on all nodes
 *	split    split_page(), and each page freed by itself
 *	parts    __free_pages() of a block whose first page has one more reference: that page stays
 *	exact    alloc_pages_exact(), free_pages_exact()
 *	bulk     alloc_pages_bulk_array() with entries that are not empty
 *	folios   folio_alloc(), freed singly and in batches
 */
#include <linux/mmzone.h>
#include <linux/pagemap.h>
#include <linux/sched.h>

#include "test.h"

enum {
	HELD = 32,	   /* blocks that a test holds at most, */
	HELD_PAGES = 4096, /* and pages */
};

static const struct {
	const char *name;
	gfp_t gfp;
} kinds[] = {
	{"unmovable", GFP_KERNEL},
	{"movable", GFP_HIGHUSER_MOVABLE},
	{"reclaimable", GFP_KERNEL | __GFP_RECLAIMABLE},
	{"atomic", GFP_ATOMIC | __GFP_NOWARN},
	{"nowait", GFP_NOWAIT | __GFP_NOWARN},
	{"noretry", GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN},
	{"zeroed", GFP_KERNEL | __GFP_ZERO},
	{"compound", GFP_KERNEL | __GFP_COMP},
	{"dma", GFP_KERNEL | GFP_DMA | __GFP_NORETRY | __GFP_NOWARN},
	{"dma32", GFP_KERNEL | GFP_DMA32 | __GFP_NORETRY | __GFP_NOWARN},
	{"this node", GFP_KERNEL | __GFP_THISNODE | __GFP_NORETRY | __GFP_NOWARN},
};

static pat_block held[HELD];

static gfp_t quiet_if_large(gfp_t gfp, unsigned int order)
{
	return order > PAGE_ALLOC_COSTLY_ORDER ? gfp | __GFP_NORETRY | __GFP_NOWARN : gfp;
}

/* Frees them in a random order. */
static void give_all(pat_block *blocks, unsigned long n, u32 *random)
{
	for (; n; n--) {
		unsigned int i = pat_below(random, n);

		pat_give(blocks[i]);
		blocks[i] = blocks[n - 1];
	}
}

/* One more step, which the watcher sees. */
static void step(void)
{
	pat_beat(0);
	cond_resched();
}

/* ---- orders ---------------------------------------------------------------------------------- */

/* Some blocks at once. How many came. */
static unsigned long hold(gfp_t gfp, unsigned int order, int nid, u32 *random)
{
	unsigned long n = 0, most = clamp_t(unsigned long, HELD_PAGES >> order, 1, HELD);

	while (n < most) {
		held[n] = pat_take(quiet_if_large(gfp, order), order, nid);
		if (!held[n])
			break;
		n++;
	}
	give_all(held, n, random);
	step();
	return n;
}

void pat_orders(void)
{
	unsigned long blocks = 0, none[PAT_MAX_ORDER + 1] = {}, of[ARRAY_SIZE(kinds)] = {},
		      rounds = 0;
	u32 random = pat_seed();
	int nid;

	pat_watch(1, NULL);
	do {
		for (unsigned int order = 0; order <= PAT_MAX_ORDER; order++)
			for (unsigned int i = 0; i < ARRAY_SIZE(kinds); i++)
				for_each_online_node(nid)
				{
					bool here = kinds[i].gfp & __GFP_THISNODE;
					unsigned long n = hold(kinds[i].gfp, order,
							       here ? nid : NUMA_NO_NODE, &random);

					blocks += n;
					of[i] += n;
					none[order] += !n;
				}
		rounds++;
	} while (pat_time_left());
	for (unsigned int i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!of[i] && !(kinds[i].gfp & (__GFP_DMA | __GFP_DMA32 | __GFP_THISNODE)))
			pat_bad("nothing could be allocated: %s", kinds[i].name);
	pat_did("%lu blocks, %lu rounds; order %d did not come %lu times", blocks, rounds,
		PAT_MAX_ORDER, none[PAT_MAX_ORDER]);
}

/* ---- split, parts ---------------------------------------------------------------------------- */

void pat_split(void)
{
	enum { LARGEST = 9 };
	static pat_block pages[1 << LARGEST];
	unsigned long blocks = 0, n;
	u32 random = pat_seed();
	pat_block block;

	pat_watch(1, NULL);
	do {
		unsigned int order = pat_below(&random, LARGEST + 1);

		block = pat_take(quiet_if_large(GFP_KERNEL, order), order, NUMA_NO_NODE);
		if (block) {
			split_page(pat_page_of(block), order);
			n = pat_break_up(block, pages);
			give_all(pages, n, &random);
			blocks++;
		}
		step();
	} while (pat_time_left());
	pat_did("%lu blocks", blocks);
}

void pat_parts(void)
{
	u32 random = pat_seed();
	unsigned long blocks = 0;

	pat_watch(1, NULL);
	do {
		unsigned int order = 1 + pat_below(&random, 5);
		pat_block block = pat_take(quiet_if_large(GFP_KERNEL, order), order, NUMA_NO_NODE);
		struct page *page;

		if (block) {
			page = pat_release(block);
			if (!pat_adopt_pages(page, 1))
				break;
			get_page(page);
			shim_free(page, order);
			if (page_ref_count(page) != 1)
				pat_bad("the first page of a block has %d references after "
					"__free_pages(), and not the one that was left",
					page_ref_count(page));
			/* What comes now may be its other pages, and not itself. */
			hold(GFP_KERNEL, pat_below(&random, order), NUMA_NO_NODE, &random);
			pat_release_pages(page, 1);
			shim_free(page, 0);
			blocks++;
		}
		step();
	} while (pat_time_left());
	pat_did("%lu blocks", blocks);
}

/* ---- exact ----------------------------------------------------------------------------------- */

void pat_exact(void)
{
	struct {
		void *at;
		size_t size;
	} areas[8];
	u32 random = pat_seed();
	unsigned long count = 0, pages = 0;

	pat_watch(1, NULL);
	do {
		unsigned int n = 0, i;

		for (; n < ARRAY_SIZE(areas); n++) {
			areas[n].size = 1 + pat_below(&random, 100 * PAGE_SIZE);
			areas[n].at = alloc_pages_exact(
				areas[n].size, pat_below(&random, 2) ? GFP_KERNEL | __GFP_NOWARN
								     : GFP_ATOMIC | __GFP_NOWARN);
			if (!areas[n].at)
				break;
			if (!pat_adopt_pages(virt_to_page(areas[n].at),
					     PAGE_ALIGN(areas[n].size) >> PAGE_SHIFT))
				break;
		}
		/* One that was not adopted is somebody else's, too. */
		for (i = 0; i < n; i++) {
			unsigned long size = PAGE_ALIGN(areas[i].size) >> PAGE_SHIFT;

			pat_release_pages(virt_to_page(areas[i].at), size);
			free_pages_exact(areas[i].at, areas[i].size);
			count++;
			pages += size;
		}
		step();
	} while (pat_time_left());
	pat_did("%lu areas, %lu pages", count, pages);
}

/* ---- bulk ------------------------------------------------------------------------------------ */

/* An array in which some entries are not empty. How many. */
static unsigned int fill(struct page **pages, pat_block *mine, unsigned int n, u32 *random)
{
	unsigned int filled = 0;

	for (unsigned int i = 0; i < n; i++) {
		mine[i] = pat_below(random, 3) ? 0 : pat_take(GFP_KERNEL, 0, NUMA_NO_NODE);
		pages[i] = mine[i] ? pat_page_of(mine[i]) : NULL;
		filled += mine[i] != 0;
	}
	return filled;
}

void pat_bulk(void)
{
	enum { MOST = 64 };
	static struct page *pages[MOST];
	static pat_block mine[MOST];
	unsigned long calls = 0, holes = 0, got = 0;
	u32 random = pat_seed();

	pat_watch(1, NULL);
	do {
		gfp_t gfp = pat_below(&random, 2) ? GFP_KERNEL : GFP_ATOMIC | __GFP_NOWARN;
		unsigned int n = 1 + pat_below(&random, MOST), filled;
		unsigned long end;

		filled = fill(pages, mine, n, &random);
		end = shim_bulk(gfp, n, pages);
		if (end > n)
			pat_bad("a bulk allocation for %u entries says it filled %lu", n, end);
		for (unsigned int i = 0; i < n; i++) {
			if (mine[i] && pages[i] != pat_page_of(mine[i]))
				pat_bad("a bulk allocation writes to entry %u, which was not empty",
					i);
			else if (!pages[i] && i < end)
				pat_bad("a bulk allocation says that %lu entries are filled, and "
					"entry "
					"%u is empty",
					end, i);
			if (pages[i] && (!mine[i] || pages[i] != pat_page_of(mine[i]))) {
				got++;
				pat_give(pat_adopt(pages[i], gfp, 0, NUMA_NO_NODE));
			}
			pat_give(mine[i]);
		}
		calls++;
		holes += filled != 0;
		step();
	} while (pat_time_left());
	pat_did("%lu calls, %lu with entries that were not empty, %lu pages", calls, holes, got);
}

/* ---- folios ---------------------------------------------------------------------------------- */

static unsigned int some_folios(struct page **pages, unsigned int n, bool single, u32 *random)
{
	unsigned int got = 0;

	while (got < n) {
		unsigned int order = single ? 0 : min(pat_some_order(random), 9u);
		gfp_t gfp = pat_below(random, 2) ? GFP_HIGHUSER_MOVABLE : GFP_KERNEL;
		struct folio *folio = folio_alloc(quiet_if_large(gfp, order), order);
		pat_block block;

		if (!folio)
			break;
		block = pat_adopt(&folio->page, gfp | __GFP_COMP, order, NUMA_NO_NODE);
		if (!block)
			break;
		held[got] = block;
		pages[got++] = &folio->page;
	}
	return got;
}

void pat_folios(void)
{
	static struct page *pages[HELD];
	unsigned long count = 0, batches = 0;
	u32 random = pat_seed();

	pat_watch(1, NULL);
	do {
		unsigned int way = pat_below(&random, 3), n;
		LIST_HEAD(list);

		n = some_folios(pages, 1 + pat_below(&random, 15), way == 2, &random);
		for (unsigned int i = 0; i < n; i++) {
			pat_release(held[i]);
			if (way == 0)
				folio_put(page_folio(pages[i]));
			else if (way == 2)
				list_add(&pages[i]->lru, &list);
		}
		if (way == 1)
			release_pages(pages, n);
		else if (way == 2)
			put_pages_list(&list);
		count += n;
		batches += way != 0;
		step();
	} while (pat_time_left());
	pat_did("%lu folios, %lu batches", count, batches);
}
