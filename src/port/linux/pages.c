// SPDX-License-Identifier: MIT OR GPL-2.0
/* pages.c - what other modules call: the engine's calls, with pages instead of pfns. */
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>

#include "linux.h"

/* ---- Pages and the engine's numbers -------------------------------------------------------- */

struct page *roost_page_of_pfn(u64 pfn)
{
	return rst_is_there(pfn) && READ_ONCE(rst_chunks.slot[pfn >> rst_chunks.order])
		       ? rst_page_of(pfn)
		       : NULL;
}
EXPORT_SYMBOL_GPL(roost_page_of_pfn);

u64 roost_pfn_of_page(const struct page *page)
{
	return page ? rst_pfn_of(page) : ROOST_NONE;
}
EXPORT_SYMBOL_GPL(roost_pfn_of_page);

unsigned int roost_zone_of_node(int node)
{
	if (node < 0 || node >= MAX_NUMNODES || !node_possible(node))
		return rst_zone_here(); /* NUMA_NO_NODE: any will do */
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
	/* Those that go with any zone; and, with ROOST_WAIT, all that make sense. */
	ANYWHERE = ROOST_MIGRATETYPE_MASK | ROOST_RESERVE | ROOST_NOSTEAL | ROOST_ATOMIC,
	KNOWN_FLAGS = ANYWHERE | ROOST_WAIT | ROOST_THISNODE | 0xff << 8 | 0xff << 16,
	GROW_TURNS = 8, /* others may be quicker than the task that has grown it */
	SPOILT = 8,	/* blocks that are passed over at most, in one call */
};

/* The pages of a block that level 3 looks at are all, else the first. Complains if the kernel has
 * one: such a block stays allocated forever. */
static noinline bool are_intact(const struct page *first, u64 pfn, unsigned int order)
{
	bool all = rst_chunks.check_level == ROOST_CHECK_PARANOID;
	int references;

	for (unsigned long i = 0; i < (all ? 1ul << order : 1); i++)
		if (!rst_is_intact(first + i, pfn + i, &references)) {
			rst_misuse("page 0x%lx was freed to the kernel, too: it has %d references; "
				   "it is not handed out again",
				   page_to_pfn(first + i), references);
			return false;
		}
	return true;
}

static __always_inline bool is_intact(const struct page *page, u64 pfn, unsigned int order)
{
	int references;

	return likely(rst_chunks.check_level != ROOST_CHECK_PARANOID &&
		      rst_is_intact(page, pfn, &references)) ||
	       are_intact(page, pfn, order);
}

static noinline u64 alloc_intact(unsigned int order, unsigned int flags)
{
	for (int i = 0; i < SPOILT; i++) {
		u64 pfn = roost_alloc(rst_chunks.roost, order, flags);

		if (pfn == ROOST_NONE || is_intact(rst_page_of(pfn), pfn, order))
			return pfn;
	}
	return ROOST_NONE;
}

/* The engine has complained of what makes no sense when it was asked the first time. */
static bool makes_sense(unsigned int order, unsigned int flags)
{
	return order <= rst_chunks.order && !(flags & ~(unsigned int)KNOWN_FLAGS) &&
	       (flags & ROOST_MIGRATETYPE_MASK) != ROOST_MIGRATETYPE_MASK &&
	       (flags >> 8 & 0xff) <= rst_chunks.nr_zones &&
	       (flags >> 16 & 0xff) <= rst_chunks.nr_zones;
}

/* There is none. So another chunk is taken, and the block out of it; if there is none, the
 * engine waits for others. A task that is being killed waits for nothing. */
static noinline u64 alloc_waiting(unsigned int order, unsigned int flags)
{
	if (!makes_sense(order, flags) || fatal_signal_pending(current))
		return ROOST_NONE;
	for (int turn = 0; turn < GROW_TURNS; turn++) {
		int zone = rst_balance_grow_for(flags);
		u64 pfn;

		if (zone < 0)
			break;
		pfn = alloc_intact(order, (flags & ANYWHERE) | ROOST_ZONE(zone));
		if (pfn != ROOST_NONE)
			return pfn;
	}
	return alloc_intact(order, flags);
}

/* The flags for a first try, which takes what is there. The call may sleep, though this time it may
 * not have to. Of ROOST_ONCE the engine then says that it makes no sense. */
static __always_inline unsigned int first_flags(unsigned int flags)
{
	if (!(flags & ROOST_WAIT))
		return flags;
	might_alloc(GFP_KERNEL);
	return flags & ROOST_ONCE ? flags : flags & ~(unsigned int)ROOST_WAIT;
}

/* The first try has brought nothing, or what the kernel has. */
static noinline struct page *alloc_again(unsigned int order, unsigned int flags, u64 pfn)
{
	if (pfn != ROOST_NONE)
		pfn = alloc_intact(order, flags & ~(unsigned int)ROOST_WAIT);
	if (pfn == ROOST_NONE && flags & ROOST_WAIT)
		pfn = alloc_waiting(order, flags);
	return pfn != ROOST_NONE ? rst_page_of(pfn) : NULL;
}

struct page *roost_alloc_pages(unsigned int order, unsigned int flags)
{
	u64 pfn = roost_alloc(rst_chunks.roost, order, first_flags(flags));

	if (likely(pfn != ROOST_NONE)) {
		struct page *page = rst_page_of(pfn);

		if (likely(is_intact(page, pfn, order)))
			return page;
	}
	return alloc_again(order, flags, pfn);
}
EXPORT_SYMBOL_GPL(roost_alloc_pages);

enum {
	BULK = 32, /* blocks that are on their way at a time, on the stack */
};

/* At least one of n, if there is one. */
static size_t alloc_some(unsigned int order, unsigned int flags, roost_pfn *pfns, size_t n)
{
	size_t got = roost_alloc_bulk(rst_chunks.roost, order, first_flags(flags), pfns, n);

	if (!got && flags & ROOST_WAIT) {
		pfns[0] = alloc_waiting(order, flags);
		got = pfns[0] != ROOST_NONE;
	}
	return got;
}

size_t roost_alloc_pages_bulk(unsigned int order, unsigned int flags, struct page **pages, size_t n)
{
	roost_pfn pfns[BULK];
	size_t done = 0, got = 1;
	int spoilt = 0;

	first_flags(flags); /* none may be asked for */
	while (done < n && got && spoilt < SPOILT) {
		got = alloc_some(order, flags, pfns, min_t(size_t, n - done, BULK));
		for (size_t i = 0; i < got; i++) {
			struct page *page = rst_page_of(pfns[i]);

			if (likely(is_intact(page, pfns[i], order)))
				pages[done++] = page;
			else
				spoilt++;
		}
	}
	return done;
}
EXPORT_SYMBOL_GPL(roost_alloc_pages_bulk);

/* ---- Free ---------------------------------------------------------------------------------- */

static noinline void complain(const char *call, const struct page *page, u64 pfn, int references)
{
	if (!page)
		rst_misuse("%s: NULL is no page", call);
	else if (pfn == ROOST_NONE)
		rst_misuse("%s: page 0x%lx was not allocated by roost_alloc_pages()", call,
			   page_to_pfn(page));
	else
		rst_misuse("%s: page 0x%lx has %d references: the kernel has it, and keeps it",
			   call, page_to_pfn(page), references);
}

/* Is the page one of ours, which the kernel's allocator has not got? Complains if not. */
static __always_inline bool is_ours(const char *call, const struct page *page, u64 *pfn)
{
	int references = 0;

	*pfn = page ? rst_pfn_of(page) : ROOST_NONE;
	if (likely(*pfn != ROOST_NONE)) {
		references = page_ref_count(page); /* see rst_is_intact() */
		if (likely(references > 0))
			return true;
	}
	complain(call, page, *pfn, references);
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
