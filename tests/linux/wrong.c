// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * wrong.c - pages that are given to the wrong allocator, or to both, and more misuse than a log can
 * bear. Each must be reported, or counted among those that were left out; no such page may be
 * handed out again, and none may be given to the kernel a second time.
 */
#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/sched.h>

#include "test.h"

static unsigned long misuses; /* this many must be reported */

static struct page *take(void)
{
	struct page *page = roost_alloc_pages(0, ROOST_UNMOVABLE | ROOST_WAIT);

	if (!page)
		kt_fail("there is no page");
	return page;
}

/* Takes all that there is, which is to be good, and gives it back. */
static void take_all(const struct page *spoilt)
{
	struct page *page, *next;
	LIST_HEAD(all);
	unsigned long n = 0;

	while ((page = roost_alloc_pages(0, ROOST_UNMOVABLE))) {
		if (page == spoilt || page_ref_count(page) < 1) {
			kt_fail("page 0x%lx was handed out with %d references", page_to_pfn(page),
				page_ref_count(page));
			continue;
		}
		list_add(&page->lru, &all);
		n++;
		cond_resched();
	}
	list_for_each_entry_safe(page, next, &all, lru)
	{
		list_del(&page->lru);
		roost_free_pages(page, 0);
	}
	kt_say("wrong: %lu pages were good\n", n);
}

/* The kernel is given a page, and roost.ko after it. */
static void kernel_first(void)
{
	struct page *page = take();

	if (!page)
		return;
	__free_page(page);
	roost_free_pages(page, 0);
	misuses++;
}

/* The other way around. The call that takes it finds it. */
static struct page *kernel_last(void)
{
	struct page *page = take();

	if (page) {
		roost_free_pages(page, 0);
		__free_page(page);
	}
	return page;
}

enum {
	FLOOD = 3000,
};

static void flood(void)
{
	struct page *page = alloc_page(GFP_KERNEL);

	for (unsigned int i = 0; i < FLOOD; i++) {
		roost_free_pages(i & 1 ? page : NULL, 0);
		if (i % 64 == 0)
			schedule_timeout_uninterruptible(1);
	}
	misuses += FLOOD;
	if (page)
		__free_page(page);
}

/* Is found when the module goes: one page is not given back. */
void kt_left(void)
{
	kernel_last();
	kt_say("misuses: 1\n");
	kt_verdict("left");
}

void kt_wrong(void)
{
	struct page *spoilt;

	misuses = 0;
	kernel_first();
	spoilt = kernel_last();
	take_all(spoilt);
	misuses++;
	flood();
	kt_say("misuses: %lu\n", misuses);
	kt_verdict("wrong");
}
