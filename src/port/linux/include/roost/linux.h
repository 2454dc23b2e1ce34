/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * linux.h - roost.ko for other modules: pages whose free never waits.
 *
 * roost.ko takes memory from the kernel in contiguous chunks of 2^chunk_order pages, hands out
 * blocks of them, and gives chunks that are all free back when the kernel wants memory. For what
 * calls may come from where, "any context" includes NMIs: see roost.h.
 *
 * A block is pages in the kernel's direct map (page_address()), each with a reference of its own,
 * which the free takes back, whatever others hold just then: walkers over all pages take references
 * for a moment. A caller that has taken more drops them before it frees, for the page may be
 * handed out again at once. page_private() of each page belongs to roost.ko.
 *
 * A page that is given to the kernel's allocator instead (__free_pages()), or as well, is found
 * when it is freed here; when it would be handed out again (as the first of its block, as any
 * at check level 3); or when its chunk goes back to the kernel. It is reported in the log,
 * and it is the kernel's from then on.
 *
 * Objects: caches of roost/cache.h out of these pages, by roost_linux_slabs(). A free of an object
 * is legal in any context, too. It waits for nothing but (pcpbuddy) the zone lock, when it gives a
 * slab's pages back. Misuse is reported in the log.
 *
 * Flags are those of roost_alloc(), all of them. With ROOST_WAIT the caller may sleep, which
 * kernels that look for that check at each call, and roost.ko takes another chunk from the kernel
 * before the call fails. A task that is being killed gets what is there. Without it (any context) a
 * call takes what is there; roost.ko sees to it from a workqueue that there is something.
 */
#ifndef ROOST_LINUX_H
#define ROOST_LINUX_H

#include <linux/mm_types.h>
#include <linux/types.h>

#include "roost/cache.h"

/* 2^order pages, order <= chunk_order, or NULL. */
struct page *roost_alloc_pages(unsigned int order, unsigned int flags);

/* Up to n blocks of one order into pages[]; returns how many. n may be 0. */
size_t roost_alloc_pages_bulk(unsigned int order, unsigned int flags, struct page **pages,
			      size_t n);

/* Any context, under any locks; waits for nothing but (pcpbuddy) the zone lock. */
void roost_free_pages(struct page *page, unsigned int order);
void roost_free_pages_bulk(struct page **pages, size_t n, unsigned int order);

/* The same from where even that is too much: a tracer's callback inside of the allocator. */
void roost_free_pages_nolock(struct page *page, unsigned int order);

/* The allocator itself: for its statistics, dumps, validation, and drains. Its pfns are not the
 * kernel's: they number the pages of the chunks. What is none of its pages, and what is the number
 * of none, gives ROOST_NONE, and NULL. */
roost_t *roost_linux(void);
/* For ROOST_ZONE() and ROOST_NODE(): roost.ko's number of one of the kernel's nodes, or the
 * nearest one that has memory. What is no node (NUMA_NO_NODE): that of the caller. */
unsigned int roost_zone_of_node(int node);
u64 roost_pfn_of_page(const struct page *page);
struct page *roost_page_of_pfn(u64 pfn);

/* Where caches are made. The first call makes it, and may sleep: thread context. NULL: there is no
 * memory for its metadata, 0.1 % of the machine's memory and 0.8 % of limit_mb. A module destroys
 * its caches before it ends. Pages of memory that is plugged in after the first call become no
 * slabs, unless they lie between others. */
roost_slabs_t *roost_linux_slabs(void);

/* Takes chunks until that many pages of each node are free; gives back what is free but for the two
 * chunks that are kept for callers that cannot wait. Thread context. Return pages that came, that
 * went. Both end early for a task that is being killed; growth does when the kernel has no more, or
 * when it takes back what is there. */
unsigned long roost_grow(unsigned long pages);
unsigned long roost_shrink(void);

#endif
