/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * linux.h - what the parts of roost.ko know of each other.
 *
 *	module.c    parameters, CPUs, what is exported
 *	pages.c     what other modules call
 *	balance.c   when chunks come from the kernel and go back to it
 *	chunks.c    chunks, slots, pages and pfns
 *	caches.c    objects out of the pages
 *	misuse.c    reports misuse, from wherever it happens
 *	report.c    debugfs
 *	trace.c     tracepoints
 *	lock.c      classes of locks
 */
#ifndef RST_LINUX_H
#define RST_LINUX_H

#include <linux/atomic.h>
#include <linux/mm.h>

#include "roost/linux.h"

/* ---- chunks.c ------------------------------------------------------------------------------ */

/* All but the counts and the contents of the arrays is constant once the module runs. */
struct rst_chunks {
	roost_t *roost;
	unsigned int order; /* of a chunk */
	unsigned int check_level;
	unsigned int nr_zones;	 /* one for each node that has memory for the kernel */
	unsigned long nr_slots;	 /* of a zone: chunks that it can have at most */
	unsigned long all_slots; /* of all zones */
	struct page **slot;	 /* of each chunk its first page; NULL: none is there */
	/* Bits: slots without a chunk. The task that clears one has it, its frames being
	 * allocated. */
	unsigned long *absent;
	int node[ROOST_MAX_NODES];     /* of each zone */
	u8 zone_of_node[MAX_NUMNODES]; /* the nearest, for nodes that have none */
	atomic_long_t nr, grown, shrunk, grow_failed;
};

extern struct rst_chunks rst_chunks;

int rst_chunks_init(const struct roost_config *config, unsigned int order, unsigned long slots);
void rst_chunks_exit(void);

/* Takes a chunk from the kernel, or gives one back, if there is one; may sleep for it. */
bool rst_chunk_come(unsigned int zone);
bool rst_chunk_go(unsigned int zone);

static inline unsigned long rst_chunk_pages(void)
{
	return 1ul << rst_chunks.order;
}

static inline unsigned int rst_zone_here(void)
{
	return rst_chunks.zone_of_node[numa_node_id()];
}

static __always_inline struct page *rst_page_of(u64 pfn)
{
	struct page *first = READ_ONCE(rst_chunks.slot[pfn >> rst_chunks.order]);

	return first + (pfn & (rst_chunk_pages() - 1));
}

/* What a page's private word is for. Never 0, which the kernel writes there when it hands out a
 * page: so one that it has got and handed out again differs from ours. */
static inline unsigned long rst_private_of(u64 pfn)
{
	return (unsigned long)pfn + 1;
}

static __always_inline bool rst_is_there(u64 pfn)
{
	return pfn >> rst_chunks.order < rst_chunks.all_slots;
}

/* A page that is none of roost.ko's has anything as its private word: ROOST_NONE then. In a slot
 * without a chunk lies what is no page of anybody's: it begins at NULL. */
static __always_inline u64 rst_pfn_of(const struct page *page)
{
	u64 pfn = (u64)READ_ONCE(page->private) - 1;

	return rst_is_there(pfn) && rst_page_of(pfn) == page ? pfn : ROOST_NONE;
}

/*
 * Is a page that nobody has still roost.ko's? It has a reference of roost.ko's as long as it is
 * there. More come and go: a walker over all pages takes one for a moment
 * (get_page_unless_zero()), so no number above 0 means anything. 0, or another private word: the
 * kernel's allocator was given the page, by a wrong call, and may have handed it out again.
 */
static __always_inline bool rst_is_intact(const struct page *page, u64 pfn, int *references)
{
	*references = page_ref_count(page);
	return *references > 0 && READ_ONCE(page->private) == rst_private_of(pfn);
}

/* ---- balance.c ----------------------------------------------------------------------------- */

/* Is told by the log if it gets fewer chunks for each node; -EINTR: the task is being killed. */
int rst_balance_start(unsigned int initial_chunks);
void rst_balance_stop(void);
/* For the pressure hook: any context. */
void rst_balance_want_more(void);
/* For a caller that may sleep and found nothing: another chunk where the flags say. Its zone, -1:
 * none. */
int rst_balance_grow_for(unsigned int flags);

/* ---- caches.c ------------------------------------------------------------------------------ */

/* The slabs, or NULL: nobody has asked for them yet. */
roost_slabs_t *rst_caches_slabs(void);
/* Gives slabs without objects back to the engine, until that many pages went. Any context. */
void rst_caches_reclaim(unsigned long pages);
/* Says which caches were never destroyed. */
void rst_caches_exit(void);

/* ---- misuse.c ------------------------------------------------------------------------------ */

/* A line for the log, with the stack of the caller. Any context, under any locks: what is said
 * here is printed a moment later. */
__printf(1, 2) void rst_misuse(const char *format, ...);
/* Only a few at a time are printed, and then how many were not. */
void rst_misuse_stop(void);

/* ---- report.c ------------------------------------------------------------------------------ */

void rst_report_init(void);
void rst_report_exit(void);

#endif
