/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* load.h - what the parts of the load share. What it does: load.c. */
#ifndef RST_LINUX_LOAD_H
#define RST_LINUX_LOAD_H

#include <linux/mm.h>

#include "test.h"

/* ---- blocks.c: blocks with stamps ------------------------------------------------------------ */

/* The workers: in what context, or for what. */
enum kt_kind {
	KT_TASK,
	KT_SOFTIRQ,
	KT_HRTIMER,
	KT_IRQ_WORK,
	KT_NMI,
	KT_HOARDER,
	KT_TREE,     /* a task, under the tree's lock */
	KT_TREE_IRQ, /* a hard interrupt, under the tree's lock */
	KT_NR_KINDS,
};

struct kt_who {
	enum kt_kind kind;
	unsigned int flags; /* for allocations: ROOST_WAIT or 0 */
	u32 random;	    /* not 0 */
};

static inline u32 kt_random(struct kt_who *who)
{
	u32 x = who->random;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return who->random = x;
}

/* Once in n times. */
static inline bool kt_chance(struct kt_who *who, u32 n)
{
	return (kt_random(who) >> 8) % n == 0;
}

/* A block that is allocated: 36 bits of its pfn, 22 of a number that was counted up for it, 5 of
 * its order. 0 is none. */
typedef u64 kt_block;

static inline unsigned int kt_order_of(kt_block block)
{
	return block & 31;
}

static inline struct page *kt_page_of(kt_block block)
{
	return pfn_to_page((unsigned long)(block >> 27));
}

enum {
	KT_BULK = 16, /* blocks of a batch at most */
};

/* Allocates, looks at what came, and stamps it. 0: there was nothing. */
kt_block kt_take(struct kt_who *who, unsigned int order);
size_t kt_take_bulk(struct kt_who *who, unsigned int order, kt_block *blocks, size_t n);
/* Looks at the stamps, and frees. The second in one batch, of whatever orders. */
void kt_give(struct kt_who *who, kt_block block);
void kt_give_nolock(struct kt_who *who, kt_block block);
void kt_give_bulk(struct kt_who *who, const kt_block *blocks, size_t n);
/* Splits into 2^order blocks of order 0; how many. */
size_t kt_split(struct kt_who *who, kt_block block, kt_block *blocks);
/* An order from 0 to 9, or 10 if there is one; k half as often as k - 1. */
unsigned int kt_random_order(struct kt_who *who);

/* Something is not as it should be with a page; the first such is reported. Any context. */
void kt_bad(const struct kt_who *who, const char *what, const struct page *page, unsigned int word,
	    u64 found, u64 expected);

/* What each kind did. */
struct kt_tally {
	u64 turns, taken, failed, given; /* blocks; failed: allocations */
	u64 pages_taken, pages_given;
};

void kt_count_turn(const struct kt_who *who);
void kt_tally(enum kt_kind kind, struct kt_tally *tally);
const char *kt_kind_name(enum kt_kind kind);
/* Says what was bad, and what each kind did; fails if somebody did nothing. */
void kt_blocks_begin(void);
void kt_blocks_report(bool nmi);

/* ---- slots.c: blocks that wait for any taker ------------------------------------------------- */

/* Exchanges a block, or none, for what is in a slot. Any context. */
kt_block kt_swap(struct kt_who *who, kt_block block);
/* The pfn, as the engine has it, of a block that was in a slot just now, or ROOST_NONE. */
u64 kt_some_pfn(struct kt_who *who);
/* Allocates something and frees something. Any context. */
void kt_turn(struct kt_who *who);
void kt_slots_clear(struct kt_who *who);

/* ---- xarray.c and objects.c: under the lock of an XArray ------------------------------------- */

void kt_tree_begin(void);
void kt_tree_task(struct kt_who *who);
void kt_tree_interrupt(struct kt_who *who);
void kt_tree_clear(struct kt_who *who);
void kt_tree_end(void);
void kt_tree_report(void);

void kt_objects_begin(void);
void kt_objects_task(struct kt_who *who);
void kt_objects_interrupt(struct kt_who *who);
void kt_objects_clear(struct kt_who *who);
void kt_objects_end(void);
void kt_objects_report(void);

/* ---- contexts.c: on every CPU, in every context ---------------------------------------------- */

/* Starts what works on each CPU that is there or comes, and stops it on one that goes. */
int kt_contexts_begin(bool nmi);
void kt_contexts_end(void);

/* ---- keeper.c: what else happens ------------------------------------------------------------- */

int kt_keepers_begin(void);
void kt_keepers_end(void);
bool kt_keepers_did_all(void);
void kt_keepers_report(void);

/* ---- count.c: which rung was used in which context ------------------------------------------- */

int kt_count_begin(void);
void kt_count_end(void);
/* While it is on, NMIs come where the zone lock has just been taken. After kt_nmi_start(). */
void kt_direct_nmis(bool on);
/* Has every rung been used where it must be? */
bool kt_count_all_seen(bool nmi);
/* Says the table; fails for what was never used, and for what must not have been. */
void kt_count_report(bool nmi);

#endif
