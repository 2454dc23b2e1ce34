// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * calls.c - each call of roost/linux.h with arguments at their limits and beyond, and pages to
 * which others have references for a moment, as walkers over all pfns do. Nothing may be lost, and
 * but for orders and flags that do not exist, nothing may be called a misuse.
 */
#include <linux/delay.h>
#include <linux/gfp.h>
#include <linux/limits.h>
#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/preempt.h>
#include <linux/sched/signal.h>

#include "test.h"

#define IS(condition)                                                                              \
	do {                                                                                       \
		if (!(condition))                                                                  \
			kt_fail("calls.c:%d: not so: %s", __LINE__, #condition);                   \
	} while (0)

static unsigned long misuses; /* this many must be reported */

/* ---- None, and too many ---------------------------------------------------------------------- */

enum {
	MANY = 40, /* more than go in one turn */
};

static struct page *const untouched = (struct page *)0x5a5a5a5a;

static void batches_of_none(unsigned int flags)
{
	struct page *page = untouched;

	IS(roost_alloc_pages_bulk(0, flags, NULL, 0) == 0);
	IS(roost_alloc_pages_bulk(9, flags, &page, 0) == 0);
	IS(page == untouched);
	roost_free_pages_bulk(NULL, 0, 0);
	roost_free_pages_bulk(&page, 0, ~0u);
}

static void batches(unsigned int flags)
{
	struct page *pages[MANY + 1];

	for (size_t n = 1; n <= MANY; n += 13) {
		pages[n] = untouched;
		IS(roost_alloc_pages_bulk(0, flags, pages, n) == n);
		IS(pages[n] == untouched);
		roost_free_pages_bulk(pages, n, 0);
	}
}

/* More than there can be: all there is, and then an end. */
static void batch_beyond_all(unsigned int flags)
{
	static struct page *pages[1 << 10];
	size_t got = roost_alloc_pages_bulk(9, flags, pages, ARRAY_SIZE(pages));

	IS(got < ARRAY_SIZE(pages));
	roost_free_pages_bulk(pages, got, 9);
}

static void refused(unsigned int order, unsigned int flags)
{
	struct page *page = untouched;

	IS(!roost_alloc_pages(order, flags));
	IS(!roost_alloc_pages_bulk(order, flags, &page, 1));
	IS(page == untouched);
	misuses += 2;
}

static void orders_and_flags(unsigned int flags)
{
	refused(roost_max_order(roost_linux()) + 1, flags);
	refused(64, flags);
	refused(~0u, flags);
	refused(0, flags | 1u << 31);
	refused(0, flags | ROOST_MIGRATETYPE_MASK);
	refused(0, ~0u);
	refused(0, flags | ROOST_ZONE(200));
	refused(0, flags | ROOST_NODE(200));
	refused(0, flags | ROOST_WAIT | ROOST_ONCE);
}

/* How many chunks there are for such calls. Each call but the first ones has to take one from the
 * kernel. */
static size_t all_chunks(unsigned int flags)
{
	static struct page *held[1 << 10];
	unsigned int order = roost_max_order(roost_linux());
	size_t n = roost_alloc_pages_bulk(order, ROOST_UNMOVABLE | ROOST_WAIT | flags, held,
					  ARRAY_SIZE(held));

	roost_free_pages_bulk(held, n, order);
	roost_shrink();
	return n;
}

/* Each flag of the engine, in calls that wait and that do not. */
static void each_flag(void)
{
	static const unsigned int flags[] = {ROOST_RESERVE, ROOST_NOSTEAL, ROOST_ATOMIC,
					     ROOST_NOSTEAL | ROOST_ATOMIC | ROOST_RESERVE};
	size_t plain = all_chunks(0);

	for (unsigned int i = 0; i < ARRAY_SIZE(flags); i++) {
		struct page *page = roost_alloc_pages(1, ROOST_UNMOVABLE | ROOST_WAIT | flags[i]);
		struct page *once = roost_alloc_pages(1, ROOST_UNMOVABLE | ROOST_ONCE | flags[i]);

		IS(page && once);
		if (page)
			roost_free_pages(page, 1);
		if (once)
			roost_free_pages(once, 1);
		IS(all_chunks(flags[i]) + 1 >= plain);
	}
	kt_say("calls: %zu chunks, whatever the flags\n", plain);
}

static void nodes(void)
{
	static const int numbers[] = {INT_MIN, -2,   NUMA_NO_NODE, 0,	    1,
				      64,      4096, 65536,	   INT_MAX, MAX_NUMNODES};

	for (unsigned int i = 0; i < ARRAY_SIZE(numbers); i++)
		IS(roost_zone_of_node(numbers[i]) < roost_nr_zones(roost_linux()));
}

static void pfns(void)
{
	struct page *page = alloc_page(GFP_KERNEL);
	u64 words[] = {0, 1, 2, 1024, 12345, LONG_MAX, ULONG_MAX - 1, ULONG_MAX};
	static struct roost_zone_info zone; /* large */

	roost_zone_info(roost_linux(), roost_nr_zones(roost_linux()) - 1, &zone);
	IS(!roost_page_of_pfn(ROOST_NONE));
	IS(!roost_page_of_pfn(zone.start_pfn + zone.spanned));
	IS(!roost_page_of_pfn(1ull << 63));
	IS(roost_pfn_of_page(NULL) == ROOST_NONE);
	for (unsigned int i = 0; page && i < ARRAY_SIZE(words); i++) {
		set_page_private(page, words[i]);
		IS(roost_pfn_of_page(page) == ROOST_NONE);
	}
	if (page) {
		set_page_private(page, 0);
		__free_page(page);
	}
	/* Slots without a chunk have no pages. */
	for (u64 pfn = zone.start_pfn; pfn < zone.start_pfn + zone.spanned; pfn += 512) {
		page = roost_page_of_pfn(pfn);
		IS(!page || (pfn_valid(page_to_pfn(page)) && roost_pfn_of_page(page) == pfn));
	}
}

/* ---- References for a moment ----------------------------------------------------------------- */

static void free_with_references(unsigned int order)
{
	unsigned long n = 1ul << order;
	struct page *page = roost_alloc_pages(order, ROOST_UNMOVABLE | ROOST_WAIT);

	IS(page);
	if (!page)
		return;
	for (unsigned long i = 0; i < n; i++)
		get_page(page + i);
	if (order & 1)
		roost_free_pages_bulk(&page, 1, order);
	else
		roost_free_pages(page, order);
	for (unsigned long i = 0; i < n; i++)
		put_page(page + i);
}

/* All chunks that go to the kernel do so under somebody's eyes. */
static void give_back_with_references(void)
{
	static struct page *held[1 << 10];
	unsigned int order = roost_max_order(roost_linux());
	size_t n, all = roost_alloc_pages_bulk(order, ROOST_UNMOVABLE | ROOST_WAIT, held,
					       ARRAY_SIZE(held));
	unsigned long went;

	for (n = 0; n < all; n++)
		get_page(held[n] + n % (1ul << order));
	roost_free_pages_bulk(held, all, order);
	went = roost_shrink();
	IS(went > 0);
	for (n = 0; n < all; n++)
		put_page(held[n] + n % (1ul << order));
	kt_say("calls: %zu chunks were held, %lu pages went\n", all, went);
}

void kt_calls(void)
{
	static const unsigned int waits[] = {ROOST_UNMOVABLE, ROOST_UNMOVABLE | ROOST_WAIT};

	misuses = 0;
	each_flag();
	for (unsigned int i = 0; i < ARRAY_SIZE(waits); i++) {
		batches_of_none(waits[i]);
		batches(waits[i]);
		batch_beyond_all(waits[i]);
		orders_and_flags(waits[i]);
	}
	nodes();
	pfns();
	IS(roost_grow(0) == 0);
	for (unsigned int order = 0; order <= roost_max_order(roost_linux()); order++)
		free_with_references(order);
	give_back_with_references();
	kt_say("misuses: %lu\n", misuses);
	kt_verdict("calls");
}

/* ---- Right frees ----------------------------------------------------------------------------- */

enum {
	AT_ONCE = 4096, /* blocks of a round at most */
};

static void free_rightly(struct page **pages, unsigned int order)
{
	size_t n, got = 0;

	while (got < AT_ONCE / 4 && (pages[got] = roost_alloc_pages(order, ROOST_UNMOVABLE)))
		got++;
	got += roost_alloc_pages_bulk(order, ROOST_UNMOVABLE, pages + got, AT_ONCE - got);
	for (n = 0; n < got / 2; n++)
		if (n & 1)
			roost_free_pages(pages[n], order);
		else
			roost_free_pages_nolock(pages[n], order);
	roost_free_pages_bulk(pages + n, got - n, order);
	cond_resched();
}

void kt_frees(unsigned int rounds)
{
	struct page **pages = kvmalloc_array(AT_ONCE, sizeof(*pages), GFP_KERNEL);

	for (unsigned int i = 0; pages && i < rounds && !fatal_signal_pending(current); i++) {
		roost_grow(8ul << roost_max_order(roost_linux()));
		for (unsigned int order = 0; order < 4; order++)
			free_rightly(pages, order);
		roost_shrink();
	}
	kvfree(pages);
	if (!pages)
		kt_fail("no memory");
	kt_verdict("frees");
}

/* ---- Calls that may sleep, where nothing may ------------------------------------------------- */

static void end_atomic(const char *what)
{
	preempt_enable();
	kt_say("atomic: %s\n", what);
	msleep(1100); /* the kernel tells it once in a second */
}

/* Each has all that it needs and would not sleep this time. The kernel must complain of each. */
void kt_atomic(void)
{
	struct page *page = NULL;
	size_t n;

	preempt_disable();
	page = roost_alloc_pages(0, ROOST_UNMOVABLE | ROOST_WAIT);
	end_atomic("a page");
	if (page)
		roost_free_pages(page, 0);
	preempt_disable();
	n = roost_alloc_pages_bulk(0, ROOST_UNMOVABLE | ROOST_WAIT, &page, 1);
	end_atomic("a batch");
	roost_free_pages_bulk(&page, n, 0);
	preempt_disable();
	n = roost_alloc_pages_bulk(0, ROOST_UNMOVABLE | ROOST_WAIT, &page, 0);
	end_atomic("a batch of none");
	preempt_disable();
	roost_grow(0);
	end_atomic("growth by nothing");
	preempt_disable();
	roost_shrink();
	end_atomic("shrinking");
	kt_verdict("atomic");
}
