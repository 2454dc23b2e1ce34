// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * block.c - what is checked of each block: when it comes, and before it goes.
 *
 * A bit for each page says that a test has it; a page that comes while its bit is set has been
 * handed out twice. The first and the last word of each page hold its pfn and a number that was
 * counted up for the block. A check that fails writes nothing to the block: it may
 * be somebody else's.
 */
#include <linux/bitops.h>
#include <linux/mmzone.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "test.h"

enum {
	ORDER_BITS = 4,
	NUMBER_BITS = 22,
};

static atomic_long_t *bits; /* one for each pfn below limit */
static unsigned long limit;
static atomic_t numbers;

/* ---- Owners of pages ------------------------------------------------------------------------- */

/* The word of a pfn's bit, and what of n pages from pfn is in it. */
static atomic_long_t *word_of(unsigned long pfn, unsigned long n, unsigned long *mask)
{
	unsigned int at = pfn % BITS_PER_LONG;
	unsigned long len = min_t(unsigned long, BITS_PER_LONG - at, n);

	*mask = (len == BITS_PER_LONG ? ~0ul : (1ul << len) - 1) << at;
	return bits + pfn / BITS_PER_LONG;
}

static void leave(unsigned long pfn, unsigned long n)
{
	unsigned long mask;

	for (unsigned long i = 0; i < n; i += hweight_long(mask)) {
		atomic_long_t *word = word_of(pfn + i, n - i, &mask);

		if ((atomic_long_fetch_andnot(mask, word) & mask) != mask)
			pat_bad("the test's own error: page %#lx is freed and nobody has it",
				pfn + i);
	}
}

/* False: one of them has an owner, *found. */
static bool claim(unsigned long pfn, unsigned long n, unsigned long *found)
{
	unsigned long mask, old;

	for (unsigned long i = 0; i < n; i += hweight_long(mask)) {
		atomic_long_t *word = word_of(pfn + i, n - i, &mask);

		old = atomic_long_fetch_or(mask, word) & mask;
		if (!old)
			continue;
		atomic_long_andnot(mask & ~old, word);
		leave(pfn, i);
		*found = (pfn + i) / BITS_PER_LONG * BITS_PER_LONG + __ffs(old);
		return false;
	}
	return true;
}

/* ---- Stamps ---------------------------------------------------------------------------------- */

static u64 stamp_of(unsigned long pfn, u32 number)
{
	return (u64)pfn << NUMBER_BITS | number;
}

static u64 *last_word(struct page *page)
{
	return (u64 *)(page_address(page) + PAGE_SIZE) - 1;
}

static void stamp(struct page *page, u32 number)
{
	u64 word = stamp_of(page_to_pfn(page), number);

	WRITE_ONCE(*(u64 *)page_address(page), word);
	WRITE_ONCE(*last_word(page), ~word);
}

static void check_stamp(struct page *page, u32 number)
{
	u64 word = stamp_of(page_to_pfn(page), number);
	u64 first = READ_ONCE(*(u64 *)page_address(page)), last = READ_ONCE(*last_word(page));

	if (first != word || last != ~word)
		pat_bad("a page changed while it was allocated: page %#lx has %#llx and %#llx at "
			"its ends, and not %#llx and %#llx",
			page_to_pfn(page), first, last, word, ~word);
}

static u32 next_number(void)
{
	return atomic_inc_return(&numbers) & ((1u << NUMBER_BITS) - 1);
}

/* ---- Blocks ---------------------------------------------------------------------------------- */

static pat_block block_of(struct page *page, unsigned int order, u32 number)
{
	return stamp_of(page_to_pfn(page), number) << ORDER_BITS | order;
}

struct page *pat_page_of(pat_block block)
{
	return pfn_to_page((unsigned long)(block >> (ORDER_BITS + NUMBER_BITS)));
}

unsigned int pat_order_of(pat_block block)
{
	return block & ((1u << ORDER_BITS) - 1);
}

static u32 number_of(pat_block block)
{
	return (block >> ORDER_BITS) & ((1u << NUMBER_BITS) - 1);
}

static bool is_zero(struct page *page, unsigned int order)
{
	unsigned long bytes = PAGE_SIZE << order, some = min(bytes, 4 * PAGE_SIZE);

	return !memchr_inv(page_address(page), 0, some) &&
	       !memchr_inv(page_address(page) + bytes - PAGE_SIZE, 0, PAGE_SIZE);
}

/* Is this what was asked for? What it says needs nothing of the block but its struct pages. */
static bool is_right(struct page *page, gfp_t gfp, unsigned int order, int nid)
{
	unsigned long pfn = page_to_pfn(page), n = 1ul << order;

	if (pfn & (n - 1))
		pat_bad("a wrong order: page %#lx is no start of a block of order %u", pfn, order);
	else if (gfp & __GFP_COMP && compound_order(page) != order)
		pat_bad("a wrong order: %u where %u was asked for, page %#lx", compound_order(page),
			order, pfn);
	else if (pfn + n > limit)
		pat_bad("page %#lx is past the end of memory, %#lx", pfn + n - 1, limit);
	else if (page_zonenum(page) > gfp_zone(gfp))
		pat_bad("a wrong zone: zone %u for GFP flags %#x that allow zone %u, page %#lx",
			(unsigned int)page_zonenum(page), (__force unsigned int)gfp,
			(unsigned int)gfp_zone(gfp), pfn);
	else if (gfp & __GFP_THISNODE && nid != NUMA_NO_NODE && page_to_nid(page) != nid)
		pat_bad("a wrong node: %d where %d was asked for, page %#lx", page_to_nid(page),
			nid, pfn);
	else if (page_ref_count(page) != 1)
		pat_bad("page %#lx comes with %d references", pfn, page_ref_count(page));
	else
		for (unsigned long i = 0; i < n; i++) {
			if (PageBuddy(page + i)) {
				pat_bad("page %#lx is in a free list: page %lu of a block of order "
					"%u",
					pfn + i, i, order);
				return false;
			}
			if (i && page_ref_count(page + i)) {
				pat_bad("page %#lx has %d references: page %lu of a block of order "
					"%u",
					pfn + i, page_ref_count(page + i), i, order);
				return false;
			}
		}
	return !pat_is_bad();
}

pat_block pat_adopt(struct page *page, gfp_t gfp, unsigned int order, int nid)
{
	unsigned long pfn = page_to_pfn(page), n = 1ul << order, owned;
	u32 number = next_number();

	if (!is_right(page, gfp, order, nid)) {
		shim_free(page, order);
		return 0;
	}
	if (!claim(pfn, n, &owned)) {
		pat_bad("a page is handed out twice: page %#lx of a block of order %u is allocated",
			owned, order);
		return 0; /* its owner frees it */
	}
	if (gfp & __GFP_ZERO && !is_zero(page, order))
		pat_bad("__GFP_ZERO gives a page with something in it: page %#lx, order %u", pfn,
			order);
	for (unsigned long i = shim_skips_stamp(); i < n; i++)
		stamp(page + i, number);
	return block_of(page, order, number);
}

struct page *pat_release(pat_block block)
{
	struct page *page = pat_page_of(block);
	unsigned long n = 1ul << pat_order_of(block);

	for (unsigned long i = 0; i < n; i++)
		check_stamp(page + i, number_of(block));
	leave(page_to_pfn(page), n);
	return page;
}

bool pat_adopt_pages(struct page *page, unsigned long n)
{
	unsigned long owned;

	if (page_to_pfn(page) + n > limit) {
		pat_bad("page %#lx is past the end of memory, %#lx", page_to_pfn(page) + n - 1,
			limit);
		return false;
	}
	if (!claim(page_to_pfn(page), n, &owned)) {
		pat_bad("a page is handed out twice: page %#lx of %lu is allocated", owned, n);
		return false;
	}
	for (unsigned long i = 0; i < n; i++)
		if (page_ref_count(page + i) != 1) {
			pat_bad("page %#lx comes with %d references, as one of %lu",
				page_to_pfn(page + i), page_ref_count(page + i), n);
			leave(page_to_pfn(page), n);
			return false;
		}
	for (unsigned long i = 0; i < n; i++)
		stamp(page + i, n & ((1u << NUMBER_BITS) - 1));
	return true;
}

bool pat_release_pages(struct page *page, unsigned long n)
{
	for (unsigned long i = 0; i < n; i++)
		check_stamp(page + i, n & ((1u << NUMBER_BITS) - 1));
	leave(page_to_pfn(page), n);
	return !pat_is_bad();
}

bool pat_owned(unsigned long pfn, unsigned long n, unsigned long *found)
{
	unsigned long mask, both;

	for (unsigned long i = 0; i < n; i += hweight_long(mask)) {
		both = atomic_long_read(word_of(pfn + i, n - i, &mask));
		if (both & mask) {
			*found = (pfn + i) / BITS_PER_LONG * BITS_PER_LONG + __ffs(both & mask);
			return true;
		}
	}
	return false;
}

unsigned long pat_limit(void)
{
	return limit;
}

unsigned long pat_break_up(pat_block block, pat_block *blocks)
{
	struct page *page = pat_page_of(block);
	unsigned long n = 1ul << pat_order_of(block);

	for (unsigned long i = 0; i < n; i++) {
		if (page_ref_count(page + i) != 1)
			pat_bad("split_page() leaves page %#lx with %d references",
				page_to_pfn(page + i), page_ref_count(page + i));
		blocks[i] = block_of(page + i, 0, number_of(block));
	}
	return n;
}

/* ---- Allocated and freed --------------------------------------------------------------------- */

/* Linux waits for such an allocation until it has something, or ends a process. */
static bool may_not_fail(gfp_t gfp, unsigned int order)
{
	return gfp & __GFP_DIRECT_RECLAIM && order <= PAGE_ALLOC_COSTLY_ORDER &&
	       !(gfp &
		 (__GFP_NORETRY | __GFP_RETRY_MAYFAIL | __GFP_THISNODE | __GFP_DMA | __GFP_DMA32));
}

pat_block pat_take(gfp_t gfp, unsigned int order, int nid)
{
	struct page *page;

	if (pat_is_bad())
		return 0;
	page = shim_alloc(gfp, order, nid);
	if (page)
		return pat_adopt(page, gfp, order, nid);
	if (may_not_fail(gfp, order)) {
		struct pat_rest rest;

		pat_rest_read(&rest);
		pat_bad("an allocation that may wait fails: order %u, %ld pages are free", order,
			rest.free + rest.pcp);
	}
	return 0;
}

void pat_give(pat_block block)
{
	unsigned int order = pat_order_of(block);
	struct page *page;

	if (!block)
		return;
	page = pat_release(block);
	/* A compound page goes either way. */
	if (PageCompound(page) && number_of(block) & 1)
		put_page(page);
	else
		shim_free(page, order);
}

/* ---- Start and end --------------------------------------------------------------------------- */

int pat_blocks_start(void)
{
	int nid;

	for_each_online_node(nid) limit = max(limit, (unsigned long)NODE_DATA(nid)->node_start_pfn +
							     NODE_DATA(nid)->node_spanned_pages);
#ifdef CONFIG_SPARSEMEM
	/* Memory that is there and off-line may come. */
	for (unsigned long pfn = limit; pfn < 1ul << 28; pfn += PAGES_PER_SECTION)
		if (pfn_valid(pfn))
			limit = pfn + PAGES_PER_SECTION;
#endif
	limit = ALIGN(limit, BITS_PER_LONG);
	bits = vzalloc(limit / BITS_PER_BYTE);
	return bits ? 0 : -ENOMEM;
}

void pat_blocks_stop(void)
{
	vfree(bits);
}
