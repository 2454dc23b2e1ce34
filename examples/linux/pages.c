// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * pages.c - a module that frees pages where nothing else may: in a hard interrupt, while it holds
 * a lock of its own with interrupts off.
 */
#include <linux/hrtimer.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/spinlock.h>

#include "roost/linux.h"

static DEFINE_RAW_SPINLOCK(lock);
static struct page *page; /* lock */
static struct hrtimer timer;

static enum hrtimer_restart interrupt(struct hrtimer *t)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&lock, flags);
	if (page)
		roost_free_pages(page, 0);
	/* Takes what is there: nothing is waited for here. */
	page = roost_alloc_pages(0, ROOST_UNMOVABLE);
	raw_spin_unlock_irqrestore(&lock, flags);
	if (page)
		memset(page_address(page), 0, PAGE_SIZE);
	hrtimer_forward_now(t, ms_to_ktime(1));
	return HRTIMER_RESTART;
}

static int __init pages_start(void)
{
	/* May sleep, so roost.ko may take memory from the kernel for it. */
	page = roost_alloc_pages(0, ROOST_UNMOVABLE | ROOST_WAIT);
	if (!page)
		return -ENOMEM;
	hrtimer_init(&timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_HARD);
	timer.function = interrupt;
	hrtimer_start(&timer, ms_to_ktime(1), HRTIMER_MODE_REL_HARD);
	return 0;
}
module_init(pages_start);

static void __exit pages_end(void)
{
	hrtimer_cancel(&timer);
	if (page)
		roost_free_pages(page, 0);
}
module_exit(pages_end);

MODULE_DESCRIPTION("An example of roost.ko's use");
MODULE_LICENSE("Dual MIT/GPL");
