// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * lists.c - what must be true of a zone's free lists at all times, since its lock is held for a
 * look: as many blocks as it says; each free, aligned, of this zone, of the order that its first
 * page says, nobody's, and none with a free buddy with which it should have merged.
 */
#include <linux/mmzone.h>

#include "test.h"

/* Of pages whose lists do not decide whether they merge. */
static bool should_have_merged(struct page *page, unsigned int order)
{
	unsigned long pfn = page_to_pfn(page) ^ (1ul << order);
	struct page *buddy = pfn_to_page(pfn);

	return order < min_t(unsigned int, pageblock_order, PAT_MAX_ORDER) && PageBuddy(buddy) &&
	       page_private(buddy) == order && page_zone(buddy) == page_zone(page);
}

/* False: it is wrong, which has been said. */
static bool is_right(struct zone *zone, struct page *page, unsigned int order)
{
	unsigned long pfn = page_to_pfn(page), owned;

	if (!PageBuddy(page) || page_private(page) != order)
		pat_bad("a free list of order %u has page %#lx, which is %s, order %lu", order, pfn,
			PageBuddy(page) ? "free" : "not free", page_private(page));
	else if (pfn & ((1ul << order) - 1))
		pat_bad("a free list of order %u has page %#lx, where no such block starts", order,
			pfn);
	else if (page_zone(page) != zone)
		pat_bad("a free list of zone %s has page %#lx of zone %s", zone->name, pfn,
			page_zone(page)->name);
	else if (pat_owned(pfn, 1ul << order, &owned))
		pat_bad("a page is free and allocated: page %#lx of a free block of order %u",
			owned, order);
	else if (should_have_merged(page, order))
		pat_bad("two free buddies have not merged: page %#lx of order %u", pfn, order);
	else
		return true;
	return false;
}

static void check_zone(struct zone *zone)
{
	unsigned long flags;

	spin_lock_irqsave(&zone->lock, flags);
	for (unsigned int order = 0; order <= PAT_MAX_ORDER; order++) {
		struct free_area *area = &zone->free_area[order];
		unsigned long n = 0;

		for (unsigned int type = 0; type < MIGRATE_TYPES; type++) {
			struct page *page;

			list_for_each_entry(page, &area->free_list[type], lru)
			{
				if (!is_right(zone, page, order))
					goto out;
				n++;
			}
		}
		if (n != area->nr_free)
			pat_bad("the free lists of order %u of zone %s have %lu blocks, and it "
				"counts %lu",
				order, zone->name, n, area->nr_free);
	}
out:
	spin_unlock_irqrestore(&zone->lock, flags);
}

void pat_lists_check(void)
{
	int nid;

	for_each_online_node(nid) for (unsigned int i = 0; i < MAX_NR_ZONES; i++)
	{
		struct zone *zone = NODE_DATA(nid)->node_zones + i;

		if (populated_zone(zone))
			check_zone(zone);
	}
}
