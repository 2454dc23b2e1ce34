// SPDX-License-Identifier: MIT OR GPL-2.0
/* pages.c - what other modules call: the engine's calls, with pages instead of pfns. */
#include <linux/module.h>

#include "linux.h"

/* ---- Pages and the engine's numbers -------------------------------------------------------- */

struct page *roost_page_of_pfn(u64 pfn)
{
	return rst_page_of(pfn);
}
EXPORT_SYMBOL_GPL(roost_page_of_pfn);

u64 roost_pfn_of_page(const struct page *page)
{
	return rst_pfn_of(page);
}
EXPORT_SYMBOL_GPL(roost_pfn_of_page);

unsigned int roost_zone_of_node(int node)
{
	return rst_chunks.zone_of_node[node];
}
EXPORT_SYMBOL_GPL(roost_zone_of_node);

roost_t *roost_linux(void)
{
	return rst_chunks.roost;
}
EXPORT_SYMBOL_GPL(roost_linux);

/* ---- Allocation ---------------------------------------------------------------------------- */

enum {
	KNOWN_FLAGS = ROOST_MIGRATETYPE_MASK | ROOST_WAIT | ROOST_RESERVE | ROOST_THISNODE |
		      0xff << 8 | 0xff << 16,
	GROW_TURNS = 8, /* others may be quicker than who has grown it */
};

/* The engine has complained of what makes no sense when it was asked the first time. */
static bool makes_sense(unsigned int order, unsigned int flags)
{
	return order <= rst_chunks.order && !(flags & ~(unsigned int)KNOWN_FLAGS) &&
	       (flags & ROOST_MIGRATETYPE_MASK) != ROOST_MIGRATETYPE_MASK;
}

/* There is none. So another chunk is taken, and the block out of it; if none is to be had, the
 * engine waits for others. */
static noinline u64 alloc_waiting(unsigned int order, unsigned int flags)
{
	unsigned int there = flags & (ROOST_MIGRATETYPE_MASK | ROOST_RESERVE);

	might_sleep();
	if (!makes_sense(order, flags))
		return ROOST_NONE;
	for (int turn = 0; turn < GROW_TURNS; turn++) {
		int zone = rst_balance_grow_for(flags);
		u64 pfn;

		if (zone < 0)
			break;
		pfn = roost_alloc(rst_chunks.roost, order, there | ROOST_ZONE(zone));
		if (pfn != ROOST_NONE)
			return pfn;
	}
	return roost_alloc(rst_chunks.roost, order, flags);
}

struct page *roost_alloc_pages(unsigned int order, unsigned int flags)
{
	u64 pfn = roost_alloc(rst_chunks.roost, order, flags & ~(unsigned int)ROOST_WAIT);

	if (flags & ROOST_WAIT) {
		might_sleep();
		if (unlikely(pfn == ROOST_NONE))
			pfn = alloc_waiting(order, flags);
	}
	return likely(pfn != ROOST_NONE) ? rst_page_of(pfn) : NULL;
}
EXPORT_SYMBOL_GPL(roost_alloc_pages);

enum {
	BULK = 32, /* blocks that are on their way at a time, on the stack */
};

/* At least one, if there is one; *none if there is none. */
static size_t alloc_some(unsigned int order, unsigned int flags, roost_pfn *pfns, size_t n)
{
	size_t got = roost_alloc_bulk(rst_chunks.roost, order, flags & ~(unsigned int)ROOST_WAIT,
				      pfns, n);

	if (!got && flags & ROOST_WAIT) {
		pfns[0] = alloc_waiting(order, flags);
		got = pfns[0] != ROOST_NONE;
	}
	return got;
}

size_t roost_alloc_pages_bulk(unsigned int order, unsigned int flags, struct page **pages, size_t n)
{
	roost_pfn pfns[BULK];
	size_t done = 0, got;

	do {
		got = alloc_some(order, flags, pfns, min_t(size_t, n - done, BULK));
		for (size_t i = 0; i < got; i++)
			pages[done++] = rst_page_of(pfns[i]);
	} while (got && done < n);
	return done;
}
EXPORT_SYMBOL_GPL(roost_alloc_pages_bulk);

/* ---- Free ---------------------------------------------------------------------------------- */

static noinline void complain(const char *call, const struct page *page, u64 pfn)
{
	if (!page)
		rst_misuse("%s: NULL is no page", call);
	else if (pfn == ROOST_NONE)
		rst_misuse("%s: page 0x%lx was not allocated by roost_alloc_pages()", call,
			   page_to_pfn(page));
	else
		rst_misuse("%s: page 0x%lx has %d references, not 1: it is not freed", call,
			   page_to_pfn(page), page_ref_count(page));
}

/* Is the page one of ours, which nobody else refers to? Complains if not. */
static __always_inline bool is_ours(const char *call, const struct page *page, u64 *pfn)
{
	*pfn = page ? rst_pfn_of(page) : ROOST_NONE;
	if (likely(*pfn != ROOST_NONE && page_ref_count(page) == 1))
		return true;
	complain(call, page, *pfn);
	return false;
}

void roost_free_pages(struct page *page, unsigned int order)
{
	u64 pfn;

	if (is_ours("roost_free_pages", page, &pfn))
		roost_free(rst_chunks.roost, pfn, order);
}
EXPORT_SYMBOL_GPL(roost_free_pages);

void roost_free_pages_nolock(struct page *page, unsigned int order)
{
	u64 pfn;

	if (is_ours("roost_free_pages_nolock", page, &pfn))
		roost_free_nolock(rst_chunks.roost, pfn, order);
}
EXPORT_SYMBOL_GPL(roost_free_pages_nolock);

void roost_free_pages_bulk(struct page **pages, size_t n, unsigned int order)
{
	struct roost_block blocks[BULK];
	size_t count = 0;

	for (size_t i = 0; i < n; i++) {
		u64 pfn;

		if (is_ours("roost_free_pages_bulk", pages[i], &pfn))
			blocks[count++] = (struct roost_block){pfn, order};
		if (count == BULK || (i == n - 1 && count)) {
			roost_free_bulk(rst_chunks.roost, blocks, count);
			count = 0;
		}
	}
}
EXPORT_SYMBOL_GPL(roost_free_pages_bulk);
