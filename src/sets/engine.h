/* SPDX-License-Identifier: MIT */
/*
 * engine.h - the engine sets: its data, and what orders the accesses to them.
 *
 * There are no locks and no lists. What is free is said by sets of bits alone (set.h): one set of
 * 512 frames for each pageblock, one set of 512 pageblocks for each region (1 GiB of 4 KiB frames).
 * A frame is free if its bit is set in its pageblock's set, or if the bit of its pageblock
 * is set in its region's (then the pageblock's own set is empty). Where to look for something free
 * is said by hints (hint.h), whose index says whose list it is in and how large it may be.
 *
 * Glossary
 *   frame id   dense index of a frame, see core/map.h; block: of a pageblock, frame id >> 9
 *   set        the 512 bits of a pageblock or a region
 *   whole      a pageblock of which all frames are free and which is a bit of its region's set
 *   home       a CPU as far as pageblocks belong to it (CPUs beyond RST_MAX_HOMES share homes), or
 *              the zone. Frees note a pageblock in its home's hints: they come home
 *   list       pageblocks of one home and one migratetype; the zone has one for the reserve, one
 *              for isolated pageblocks, and one for those that are kept for ROOST_ATOMIC, too. A
 *              name, not a list in memory
 *   place      of a pageblock: its list, and whether it is current
 *   current    the pageblock that a CPU allocates from; it does not become whole meanwhile, or
 *              a CPU that takes and frees its last frame would claim and give it back each time
 *   bin        how large the largest free run of a pageblock may be: a part of the hint's index
 *   hole       an exact run: a free run that no larger one contains
 *   tainted    a region of which a pageblock is in a list of a migratetype other than movable
 *
 * and its verbs, each of which is a function or a part of one:
 *   take, put  bits out of a set, by compare-and-exchange, and back, by OR
 *   note       sets a hint: here may be something
 *   demote     clears a hint that led to nothing, looks again, and notes what is there
 *   settle     looks at a pageblock or region again and notes it; all free: makes it whole
 *   claim      takes a whole pageblock's bit for a CPU, whose current one it becomes; the set is
 *              filled. open does the same for nobody
 *   move       changes a pageblock's place, and settles it there
 *   adopt      moves one that has something to a CPU's home, where it becomes current
 *   own        makes one whose place says so the CPU's current one; leave undoes that
 *   gather     makes current pageblocks whole that are all free
 *   disown     moves a pageblock, all of whose frames the caller holds, to where whole ones are
 *   keep       moves a pageblock to the list for ROOST_ATOMIC, until a search that finds nothing
 *              else gives it back
 *   reap       empties a CPU's pocket, which others do; hide, show: hidden.h
 *
 * What is the engine's own begins with rst_ (roost, as against roost_ for what is public). Letters:
 * r the allocator, z a zone, b a pageblock, g a region, f a frame id, k an order, q a call under
 * way, i an index of a hint.
 *
 * Letters beside a field say what guards it:
 *   c  constant after roost_init()
 *   a  nothing: atomic
 *   s  changed by sequences of its CPU alone; a pocket's also by the CPU that stopped it
 *   h  the holder of the frame; atomic, since misuse reads it from anywhere
 *
 * Invariants (roost_validate() checks them at rest):
 *   1  every usable frame is either free or in exactly one allocated block
 *   2  the set of a whole pageblock, and that of one in an allocated block of order >= 9, is empty
 *   3  a pageblock whose largest free run has order k is noted in the list that its place
 *      names, in the bin of k or a higher one; so is a region, in the order of its largest
 *      run of whole pageblocks or a higher one
 *   4  reserve_free == free frames of the reserve's pageblocks
 *   5  free frames == added + freed - removed - allocated (core/base.h)
 *   6  begun == ended: no CPU hides frames (hidden.h)
 *   7  nothing of a pageblock that is absent is free or allocated (core/hotplug.h)
 *
 * What each operation may do, at any time and in any context, on top of anything:
 *
 *	free      OR into a set, then note                     no loop, no lock; to make a
 *	                                                       pageblock whole 8 CAS, twice,
 *	                                                       an AND for each hint of it, and
 *	                                                       one off its region's taints
 *	allocate  find a hint, CAS a set; if nothing is there: clear the hint, look again, note
 *	claim     CAS a bit of a region's set, then fill the pageblock's set
 *	move      CAS a pageblock's place, then look and note in the new list
 *	range     CAS each word and each region's bit; a failure puts back what it has: range.c
 *
 * Each look again and each note comes after what it must not miss, sequentially consistent: hint.h.
 * A few frames lie in each CPU's pocket, for it alone until another CPU reaps them: pocket.h.
 *
 * A CPU that stops forever hides what its registers hold: an allocation or a free one block, and
 * making a pageblock whole or claiming one that pageblock. Hints that it has cleared and not noted
 * anew are found by walking all pageblocks, which each search that fails then does; a brief one
 * (struct rst_call) walks over some of them.
 */
#ifndef RST_ENGINE_H
#define RST_ENGINE_H

#include "core/base.h"
#include "core/hint.h"
#include "core/set.h"

typedef uint32_t rst_block_id;
typedef uint32_t rst_region_id;

#define RST_NO_BLOCK UINT32_MAX

enum {
	RST_MAX_HOMES = 32,
	RST_BINS = RST_SET_ORDER + 2,	  /* order 0 has two */
	RST_REGION = 1 << RST_SET_ORDER,  /* pageblocks of a region */
	RST_HOLE_ORDERS = RST_WORD_ORDER, /* for orders below this calls look for holes */

	/* A migratetype's blocks of the zone have its number as their list, so have the reserve's
	 * and the isolated ones (enum roost_list_type). Then those of the homes. */
	RST_FIRST_HOME_LIST = ROOST_NR_LISTS,

	RST_CURRENT = 1 << 15, /* in a place */

	/* What om[] says of a frame at which no allocated block begins. */
	RST_OM_NEVER = 0, /* none ever did */
	RST_OM_FREED = 0x80,
	RST_OM_HOLE = 0xff,
	/* Of an allocated block: order + 1; of an odd one (core/size.h) from RST_OM_ODD on, three
	 * of each order. */
	RST_OM_ODD = RST_ORDERS + 1,
	RST_OM_LAST = RST_OM_ODD + 3 * (RST_ORDERS - 2) - 1,
	/* Added to what it says of an allocated block: it is being split, and of its other frames
	 * some may say already that a part begins there. */
	RST_OM_SPLIT = 0x80,
	/* Added to what it says of an allocated block of an order: it is held (core/held.h). */
	RST_OM_HELD = 0x50,

	/* An odd block is counted as the largest power of two in it and blocks of order 0, which
	 * are counted here, too: they are no blocks. */
	RST_MORE = RST_ORDERS,
};
_Static_assert(RST_OM_LAST <= (int)RST_OM_HELD &&
		       (int)RST_OM_HELD + (int)RST_ORDERS < (int)RST_OM_FREED &&
		       (int)RST_OM_SPLIT + (int)RST_OM_LAST < (int)RST_OM_HOLE,
	       "one byte says which");

/*
 * Blocks of each order, counted on one CPU: a free before it is seen, an allocation after it was
 * made. So adding up allocations first and frees then never yields fewer free frames than there
 * were in between: see rst_zone_gone(). Each CPU has two of these.
 */
struct rst_order_counts {
	_Atomic uint64_t allocated[RST_ORDERS + 1], freed[RST_ORDERS + 1]; /* and RST_MORE */
	_Atomic uint64_t freed_remote[RST_ORDERS]; /* of these, blocks of another home */
};

struct rst_pcp {
	_Alignas(RST_CACHE_LINE) _Atomic uint32_t current[RST_TYPES]; /* a; RST_NO_BLOCK: none */
	_Atomic uint32_t dead;					      /* a; the CPU is off-line */
	/* a; the pageblock of the last hole that was filled, << 8, and how many of it on end */
	_Atomic uint32_t filled;
	/* a; holes that were filled since the current pageblock had nothing, << 8, and how many
	 * times the CPU breaks a larger run before it looks for the next: rst_passes_hole() */
	_Atomic uint32_t holes;
	uint32_t home;			/* c */
	struct rst_order_counts orders; /* a; for callers that cannot run sequences there */
	_Alignas(RST_CACHE_LINE) struct rst_counters count; /* a; the rarer events */
};

enum {
	RST_POCKET_OPEN,
	RST_POCKET_REAPED, /* somebody is at it */
	RST_POCKET_CLOSED, /* empty, for the CPU is off-line */
};

/* What a CPU has about it: pocket.h. On lines that no other CPU writes, but to reap. */
struct rst_pocket {
	_Alignas(RST_CACHE_LINE) _Atomic uint64_t frames[RST_TYPES]; /* s */
	_Atomic uint64_t spare;					     /* s */
	_Atomic uint64_t begun, ended;	/* s; its moves to and from sets: hidden.h */
	_Atomic uint32_t stop;		/* a; not OPEN: hands off */
	uint32_t first_list;		/* c; that of the CPU's home for migratetype 0 */
	struct rst_order_counts orders; /* s */
};

/* What different CPUs write is on different lines. */
_Static_assert((int)RST_BINS <= (int)RST_HINT_BINS && RST_SET_ORDER + 1 <= (int)RST_HINT_BINS,
	       "bins of a word");
_Static_assert(sizeof(struct rst_pocket) % RST_CACHE_LINE == 0 &&
		       sizeof(struct rst_pcp) % RST_CACHE_LINE == 0 &&
		       offsetof(struct rst_pocket, orders) <= RST_CACHE_LINE &&
		       offsetof(struct rst_pcp, count) % RST_CACHE_LINE == 0,
	       "lines of the cache");

struct rst_zone {
	struct rst_hint partial; /* c; index: block - first_block */
	/* Two lists, rst_whole_list(); bins are the orders of the largest run. Index: region -
	 * first_region */
	struct rst_hint whole;			/* c */
	rst_block_id first_block, end_block;	/* c */
	rst_region_id first_region, end_region; /* c */
	unsigned nr_lists;			/* c */
	struct rst_pcp *pcps;			/* c; one for each CPU */
	struct rst_pocket *pockets;		/* c; one for each CPU */
	struct rst_zone_desc desc;		/* c */

	/* Sections in which free frames may be hidden from searches: hidden.h. Those of what each
	 * CPU moves to and from its pocket are to be added. */
	_Alignas(RST_CACHE_LINE) _Atomic uint64_t begun; /* a */
	_Atomic uint64_t ended;				 /* a */
	_Atomic uint64_t nr_whole; /* a; bits of the regions' sets; may be off for an instant */
	/* Seldom written. */
	/* a; the first pageblock of the reserve, << 32, and how many are isolated, never too low.
	 * In one word, since a free of a large block asks for both. */
	_Alignas(RST_CACHE_LINE) _Atomic uint64_t apart;
	_Atomic uint32_t isolations; /* a; raised after a pageblock was set apart */
	_Atomic uint32_t nr_atomic;  /* a; pageblocks that are kept */
	/* a; a plain call needed what was kept; nothing is kept until there is enough again */
	_Atomic uint32_t given_back;
	_Atomic uint32_t below_low;   /* a; as seen by the last allocation that looked */
	_Atomic int64_t reserve_free; /* a; too high by what callers with RESERVE are taking */
	_Atomic uint32_t next_note;   /* a; the pageblock at which note_anew() goes on */
	/* a; no pageblock after this one is of the reserve, nor before the first. They change
	 * before one that is added becomes visible to anybody. */
	_Atomic uint32_t reserve_last;
	struct rst_pressure pressure; /* a */
};
_Static_assert(offsetof(struct rst_zone, begun) % RST_CACHE_LINE == 0 &&
		       offsetof(struct rst_zone, apart) % RST_CACHE_LINE == 0,
	       "what every search reads is not on the line of what claims write");

/* The regions of a span, numbered on over all spans; each has pageblocks of one span only. */
struct rst_span_regions {
	rst_region_id first;
	rst_block_id first_block; /* of the span */
	uint32_t first_bit;	  /* of that block in its region */
};

struct roost {
	struct rst_base base;
	struct rst_set *blocks;	 /* c; sets of frames */
	struct rst_set *regions; /* c; sets of whole pageblocks */
	_Atomic uint16_t *place; /* c; a: of each pageblock */
	_Atomic uint8_t *om;	 /* c; h: the size where an allocated block begins, or RST_OM_* */
	struct rst_span_regions *span_regions; /* c; of each span */
	uint16_t *region_span;		       /* c; the span of each region */
	/* a: pageblocks of each region whose place has a migratetype other than movable */
	_Atomic uint32_t *taints;		  /* c; never too low */
	struct rst_zone *zones;			  /* c */
	uint32_t nr_blocks, nr_regions, nr_homes; /* c */
	uint32_t pocket_cpus;			  /* c; CPUs that may use their pockets: all or 0 */
};

/* ---- Names and indices --------------------------------------------------------------------- */

static inline unsigned rst_list_of(unsigned place)
{
	return place & ~(unsigned)RST_CURRENT;
}

/* The list of a home's pageblocks of one migratetype. */
static inline unsigned rst_home_list(unsigned home, unsigned type)
{
	return RST_FIRST_HOME_LIST + home * RST_TYPES + type;
}

static inline bool rst_is_home_list(unsigned list)
{
	return list >= RST_FIRST_HOME_LIST;
}

/* The migratetype of a list that frames are given out from to anybody. */
static inline bool rst_is_ordinary(unsigned list)
{
	return list < RST_TYPES || rst_is_home_list(list);
}

/* Does any allocation take from it, in the end? */
static inline bool rst_is_searched(unsigned list)
{
	return list != ROOST_LIST_RESERVE && list != ROOST_LIST_ISOLATE;
}

static inline enum roost_list_type rst_type_of(unsigned list)
{
	return (enum roost_list_type)(
		rst_is_home_list(list) ? (list - RST_FIRST_HOME_LIST) % RST_TYPES : list);
}

/* Does a pageblock with this place taint its region? What is set apart does not. */
static inline bool rst_taints(unsigned place)
{
	unsigned list = rst_list_of(place);

	return list == ROOST_LIST_ATOMIC ||
	       (rst_is_ordinary(list) && rst_type_of(list) != ROOST_LIST_MOVABLE);
}

/* Regions with whole pageblocks are noted in one list if they are tainted and in the other one if
 * not. A search for either kind looks through both in the end: what is noted in the wrong one, or
 * in both, is found all the same. A region that is clean again stays where it is until a claim for
 * what is not movable comes upon it, which settles it. */
enum { RST_CLEAN, RST_TAINTED, RST_WHOLE_LISTS };

static inline unsigned rst_whole_list(const struct roost *r, rst_region_id g)
{
	return rst_load_rlx(&r->taints[g]) ? RST_TAINTED : RST_CLEAN;
}

/* The bins of the regions of a list, as bits. The second has those of both. One load, since the
 * lists share a word; acquire, as in a search. */
static inline unsigned rst_region_bins(const struct rst_zone *z, unsigned list)
{
	return (uint16_t)(rst_load_acq(z->whole.top) >> list * RST_HINT_BINS);
}

static inline unsigned rst_whole_bins(const struct rst_zone *z)
{
	uint64_t top = rst_load_acq(z->whole.top);

	return (uint16_t)(top | top >> RST_HINT_BINS);
}

/* Pageblocks that are isolated. Sequentially consistent: an isolation counts and then looks for
 * what may be whole. */
static inline uint32_t rst_isolated(const struct rst_zone *z)
{
	return (uint32_t)rst_load_sc(&z->apart);
}

/* The home of a list, -1: the zone. */
static inline int rst_home_of(unsigned list)
{
	return rst_is_home_list(list) ? (int)((list - RST_FIRST_HOME_LIST) / RST_TYPES) : -1;
}

/* The bin of a free run: order 0 has two, the lower for blocks with but a few frames left, which
 * are not worth it as long as there are others. */
static inline unsigned rst_bin_of(unsigned order, bool dense)
{
	return order == 0 ? dense : order + 1;
}

/* Bins from this one on, as bits. */
static inline unsigned rst_bins_from(unsigned low)
{
	return (1u << RST_BINS) - (1u << low);
}

/* The lowest bin in which a block may have a run of this order and is worth a visit. */
static inline unsigned rst_lowest_bin(unsigned order)
{
	return order + 1;
}

static inline struct rst_zone *rst_zone_of_block(const struct roost *r, rst_block_id b)
{
	return &r->zones[rst_span_of(&r->base.map, b << ROOST_PAGEBLOCK_ORDER)->zone];
}

/* Zones may lie between each other's pageblocks and regions. */
static inline bool rst_is_of_zone(const struct roost *r, const struct rst_zone *z, rst_block_id b)
{
	return rst_zone_of_block(r, b) == z;
}

/* For walks: the records of what is absent are left alone. */
static inline bool rst_has_block(const struct roost *r, const struct rst_zone *z, rst_block_id b)
{
	return rst_is_present(&r->base, b) && rst_is_of_zone(r, z, b);
}

static inline bool rst_has_region(const struct roost *r, const struct rst_zone *z, rst_region_id g)
{
	return r->base.map.spans[r->region_span[g]].zone == z->desc.id;
}

/* Where the bit of a pageblock is. */
static inline rst_region_id rst_region_of(const struct roost *r, rst_block_id b, unsigned *bit)
{
	const struct rst_span *span = rst_span_of(&r->base.map, b << ROOST_PAGEBLOCK_ORDER);
	const struct rst_span_regions *s = &r->span_regions[span - r->base.map.spans];
	uint32_t at = b - s->first_block + s->first_bit;

	*bit = at % RST_REGION;
	return s->first + at / RST_REGION;
}

static inline rst_block_id rst_block_at(const struct roost *r, rst_region_id g, unsigned bit)
{
	const struct rst_span_regions *s = &r->span_regions[r->region_span[g]];

	return s->first_block + (g - s->first) * RST_REGION + bit - s->first_bit;
}

static inline bool rst_is_whole(const struct roost *r, rst_block_id b)
{
	unsigned bit;
	rst_region_id g = rst_region_of(r, b, &bit);

	return rst_set_has(&r->regions[g], bit);
}

static inline bool rst_om_is_allocated(unsigned om)
{
	return om > RST_OM_NEVER && om <= RST_OM_LAST;
}

/* What om[] says of an allocated block of this size, and the size of what it says that of. */
static inline unsigned rst_om_of(struct rst_size size)
{
	return rst_is_odd(size) ? RST_OM_ODD + 3 * (size.order - 2) + rst_eighths(size) - 5
				: size.order + 1;
}

static inline struct rst_size rst_om_size(unsigned om)
{
	return om < RST_OM_ODD
		       ? rst_size_of_order(om - 1)
		       : rst_size_of_eighths(2 + (om - RST_OM_ODD) / 3, 5 + (om - RST_OM_ODD) % 3);
}

/* Is a CPU of the home on-line? */
static inline bool rst_home_is_used(const struct roost *r, const struct rst_zone *z, unsigned home)
{
	/* Sequentially consistent: see rst_own() in partial.c. */
	for (unsigned cpu = home; cpu < r->base.nr_cpus; cpu += r->nr_homes)
		if (!rst_load_sc(&z->pcps[cpu].dead))
			return true;
	return false;
}

/* The size of the block that begins there, allocated or held; no frames: none does. */
static inline struct rst_size rst_om_block(unsigned om)
{
	if (om > RST_OM_HELD && om <= RST_OM_HELD + RST_ORDERS)
		om -= RST_OM_HELD;
	return rst_om_is_allocated(om) ? rst_om_size(om) : (struct rst_size){0};
}

/* Its order, or that of the smallest power of two that holds it; -1: none does. */
static inline int rst_om_order(unsigned om)
{
	struct rst_size size = rst_om_block(om);

	return size.frames ? (int)size.order : -1;
}

/* ---- Counting ------------------------------------------------------------------------------ */

#define RST_COUNT(pcp, name, n)                                                                    \
	do {                                                                                       \
		uint64_t rst_n = (uint64_t)(n); /* once: it may be different the next time */      \
                                                                                                   \
		RST_PROBE_COUNT(offsetof(struct rst_counters, name), rst_n);                       \
		rst_add_rlx(&(pcp)->count.name, rst_n);                                            \
	} while (0)

/* Where the caller's calls are counted and what it may pocket: seq is cpu if it can run sequences
 * there, or RST_NO_CPU. */
struct rst_here {
	unsigned cpu, seq;
};

/* The CPU whose pocket the caller can use, or RST_NO_CPU. */
static RST_HOT unsigned rst_pocket_cpu(const struct roost *r)
{
	unsigned cpu = rst_seq_cpu();

	return cpu < r->pocket_cpus ? cpu : RST_NO_CPU;
}

static inline struct rst_here rst_here(const struct roost *r)
{
	unsigned seq = rst_pocket_cpu(r);

	return (struct rst_here){seq != RST_NO_CPU ? seq : rst_this_cpu(&r->base), seq};
}

/* Counts blocks of an order: in the CPU's pocket, or beside it. Release: a sum that has the count
 * sees what came before. */
#if RST_LOCAL_ADD
#define RST_COUNT_BLOCKS(z, here, name, k, n)                                                      \
	do {                                                                                       \
		if (!rst_local_add((here).cpu, &(z)->pockets[(here).cpu].orders.name[k], (n)))     \
			rst_add_rel(&(z)->pcps[(here).cpu].orders.name[k], (n));                   \
	} while (0)
#else
#define RST_COUNT_BLOCKS(z, here, name, k, n)                                                      \
	do {                                                                                       \
		if ((here).seq == RST_NO_CPU ||                                                    \
		    !rst_seq_add((here).seq, &(z)->pockets[(here).seq].orders.name[k], (n)))       \
			rst_add_rel(&(z)->pcps[(here).cpu].orders.name[k], (n));                   \
	} while (0)
#endif

#define RST_COUNT_ONE(z, pocket, cpu, name, k)                                                     \
	do {                                                                                       \
		if (!rst_seq_add((cpu), &(pocket)->orders.name[k], 1))                             \
			rst_add_rel(&(z)->pcps[cpu].orders.name[k], 1);                            \
	} while (0)

/* The same for n blocks of one size. */
#define RST_COUNT_SIZE(z, here, name, size, n)                                                     \
	do {                                                                                       \
		unsigned rst_k = (size).order - rst_is_odd(size);                                  \
                                                                                                   \
		RST_COUNT_BLOCKS(z, here, name, rst_k, n);                                         \
		if (rst_is_odd(size)) {                                                            \
			uint64_t rst_more =                                                        \
				(uint64_t)(n) * ((size).frames - (1u << (rst_k & 31)));            \
                                                                                                   \
			RST_COUNT_BLOCKS(z, here, name, 0, rst_more);                              \
			RST_COUNT_BLOCKS(z, here, name, RST_MORE, rst_more);                       \
		}                                                                                  \
	} while (0)

/* What was counted on a CPU. Acquire: see rst_zone_gone(). */
#define RST_SUM(z, cpu, name, k)                                                                   \
	(rst_load_acq(&(z)->pockets[cpu].orders.name[k]) +                                         \
	 rst_load_acq(&(z)->pcps[cpu].orders.name[k]))

/*
 * Frames of a zone that were allocated or removed so far; that were added (first those that it
 * began with) or freed so far.
 * O(CPUs). Acquire: each allocation that the first counts got its block from a free that was
 * counted before the block was put. So the first, and then the second, yield no
 * fewer free frames than there were at the instant in between. Of several zones it is one instant
 * if the first is asked of all of them before the second of any.
 */
uint64_t rst_zone_gone(const struct roost *r, const struct rst_zone *z);
uint64_t rst_zone_come(const struct roost *r, const struct rst_zone *z);

/* The free frames of one zone, wherever they are: the difference. Exact at rest. */
uint64_t rst_zone_free_frames(const struct roost *r, const struct rst_zone *z);

/* ---- zone.c: what one zone has ------------------------------------------------------------- */

enum { RST_BULK = 64 }; /* blocks at a time: a word of a set */

#define RST_ALL_HINTS UINT32_MAX

/* An allocation under way, or a drain that gathers. */
struct rst_call {
	struct rst_request ask;
	struct roost *r;
	struct rst_here here; /* as it began */
	bool missed;	      /* the search may have passed by what was hidden or moved */
	uint64_t own;	      /* sections in which it hid something itself: hidden.h */
	uint32_t hints;	      /* old ones of each bin that it clears on the rung that it is at */
	/* A call that does not wait is brief: of the old hints that it meets it clears a few and
	 * passes by a few more, however many there are. out: there were more, and it has missed
	 * what is behind them. */
	bool brief, out;
	uint32_t cleared, passed;
};

enum { RST_BRIEF_HINTS = 2, RST_BRIEF_PASSES = 4 };

/* What a call does about an old hint. */
enum rst_old_hint { RST_CLEAR_HINT, RST_PASS_HINT, RST_LEAVE_REST };

static inline struct rst_size rst_asked(const struct rst_call *q)
{
	return (struct rst_size){q->ask.order, q->ask.frames};
}

/* current: of a CPU's current pageblock. Frees note these again and again, so they do not count. */
static inline enum rst_old_hint rst_old_hint(struct rst_call *q, bool current)
{
	if (!q->brief || q->cleared < RST_BRIEF_HINTS) {
		q->cleared += q->brief;
		return RST_CLEAR_HINT;
	}
	if (current)
		return RST_PASS_HINT;
	if (q->passed++ < RST_BRIEF_PASSES)
		return RST_PASS_HINT;
	q->missed = q->out = true;
	return RST_LEAVE_REST;
}

static inline struct rst_pcp *rst_pcp_of(const struct rst_call *q, const struct rst_zone *z)
{
	return &z->pcps[q->ask.cpu];
}

/* Are there fewer whole pageblocks than the low mark? One load: only then more has to be known. */
static inline bool rst_few_whole(const struct rst_zone *z)
{
	return rst_load_rlx(&z->nr_whole) << ROOST_PAGEBLOCK_ORDER < rst_load_rlx(&z->desc.low);
}

/*
 * Is it worth it to look for a hole of order k, before a larger run is broken, in pageblocks of
 * this list of a home and of the zone? Not when whole pageblocks are few: soon all are broken up.
 * Four loads.
 */
static inline bool rst_wants_hole(const struct rst_zone *z, unsigned list, unsigned k)
{
	return k < RST_HOLE_ORDERS && !rst_few_whole(z) &&
	       (rst_hint_bins(&z->partial, list) | rst_hint_bins(&z->partial, rst_type_of(list))) >>
			       rst_bin_of(k, true) &
		       1;
}

/* Does the CPU break a larger run this time? Racy: a handler on top may count, too. */
static inline bool rst_passes_hole(struct rst_pcp *pcp)
{
	uint32_t holes = rst_load_rlx(&pcp->holes);

	if (!(holes & 0xff))
		return false;
	rst_store_rlx(&pcp->holes, holes - 1);
	return true;
}

/* May a plain caller not take from anywhere without asking how much is left? So it is while callers
 * with RESERVE have some of what is set apart. */
static inline bool rst_reserve_is_short(const struct rst_zone *z)
{
	return rst_load_rlx(&z->reserve_free) < (int64_t)z->desc.min;
}

/* Takes up to count blocks; how many. Calls the pressure hook. */
size_t rst_from_zone(struct rst_call *q, struct rst_zone *z, rst_frame_id *out, size_t count);
/*
 * Free frames of isolated pageblocks: a walk if there are such. Ask for them after rst_zone_gone()
 * and before rst_zone_come(). Then a frame that an allocation under way takes out of them
 * meanwhile is taken off once at most, and one that is freed to them is added, too.
 */
uint64_t rst_isolated_frames(const struct roost *r, const struct rst_zone *z);
/* Free frames that are not isolated: rst_zone_come() less the other two. */
uint64_t rst_available(const struct roost *r, const struct rst_zone *z);
void rst_call_pressure(const struct rst_call *q, struct rst_zone *z, uint64_t free);
/* After the rarer rungs. As long as whole pageblocks alone are above the mark it is a few loads. */
void rst_check_pressure(const struct rst_call *q, struct rst_zone *z);

/* ---- alloc.c ------------------------------------------------------------------------------- */

/* Of a block that the caller has taken: is it somebody's all the same, or (check level 3) not as a
 * free one is? A double free that no check could see brings that about. Reported as misuse by the
 * call, unless that is NULL. */
bool rst_is_unfit(struct roost *r, const char *call, rst_frame_id f, struct rst_size size);
/* Enters a block that the caller has taken, and counted, in om[]. */
void rst_enter(struct roost *r, rst_frame_id f, unsigned order);
/* Searches until there is a block or a reason to fail. */
bool rst_alloc_one(struct rst_call *q, rst_frame_id *f);
/* Reads a request. False: it is misuse, which was reported. */
bool rst_call_read(struct rst_call *q, struct roost *r, const char *call, unsigned order,
		   unsigned flags);

/* ---- free.c ------------------------------------------------------------------------------- */

/* The order of the block, allocated or held, of at least this order that holds a frame, and its
 * first frame; -1: none does. Of an odd one: rst_om_order(). Any context; racy unless the caller
 * holds the block. Cost: a load for each order; if it finds none, one for each frame before it in
 * its pageblock. */
int rst_block_over(const struct roost *r, const struct rst_span *span, rst_frame_id f,
		   unsigned order, rst_frame_id *head);
/* The size of the allocated or free block that holds a frame, and its first frame; no frames: it is
 * on its way between the two. Any context; racy unless the caller holds the block. */
struct rst_size rst_block_around(const struct roost *r, const struct rst_span *span, rst_frame_id f,
				 rst_frame_id *head, bool *allocated);
/* If a block of n frames, rounded up to a size, is allocated at pfn, sets its om[] to the given
 * value, *f and *span. If not, reports that as misuse by the call; false. */
bool rst_claim(struct roost *r, const char *call, roost_pfn pfn, uint64_t n, unsigned to,
	       rst_frame_id *f, const struct rst_span **span);
/* Puts a block that was claimed and counted into the pocket, or home. */
void rst_free_counted(struct roost *r, struct rst_zone *z, struct rst_here here, rst_frame_id f,
		      unsigned order);
/* Counts a block that was freed, if it belongs to another home. For the statistics. */
void rst_count_remote(struct rst_zone *z, struct rst_here here, unsigned order, unsigned place);

/* ---- pocket.c, pocket.h -------------------------------------------------------------------- */

/* Changes a word of the CPU's pocket, whatever is there, for a block whose pageblock b has that
 * place; what was there goes back. */
bool rst_pocket_swap(struct roost *r, struct rst_zone *z, unsigned cpu, _Atomic uint64_t *word,
		     uint64_t new, rst_block_id b, unsigned place);
/* A block of order k <= 5 from the CPU's current pageblock; what is free around it is pocketed. */
bool rst_pocket_fill(struct roost *r, struct rst_zone *z, unsigned cpu, unsigned type, unsigned k,
		     rst_frame_id *f);
/* Empties a CPU's pocket; then it is OPEN or CLOSED. False: somebody else is at it, or it cannot be
 * had now. Any context; a system call in POSIX. */
bool rst_pocket_reap(struct roost *r, struct rst_zone *z, unsigned cpu, uint32_t afterwards);
/* Empties each CPU's pocket that holds something, if it can; was there any? */
bool rst_pocket_reap_any(struct roost *r, struct rst_zone *z);
/* The same, and waits a while for another reaper. Thread context. */
bool rst_pocket_reap_surely(struct roost *r, struct rst_zone *z, unsigned cpu, uint32_t afterwards);
/* Frames in a pocket, racy. */
uint64_t rst_pocket_frames(const struct rst_zone *z, unsigned cpu);
/* The order and first frame of the run in anybody's pocket that holds a frame; -1: none. Racy. */
int rst_pocket_order(const struct roost *r, const struct rst_zone *z, rst_frame_id f,
		     rst_frame_id *head);

/* ---- block.c: pageblocks from one place to another ----------------------------------------- */

/*
 * Looks at a pageblock again and notes what is free of it; makes it whole if it is all free and may
 * be. For a CPU that has cleared a hint, put back what it had taken, or changed the place. The
 * order of the largest run that any CPU may take, -1: none.
 */
int rst_settle(struct roost *r, struct rst_zone *z, rst_block_id b);
/* The same for a region, whose runs are of pageblocks; opens what was set apart while it was
 * away. */
int rst_settle_region(struct roost *r, struct rst_zone *z, rst_region_id g);
/* Pageblocks were taken out of a region: if these were the last ones its hints lead nowhere. */
void rst_settle_emptied(struct roost *r, struct rst_zone *z, rst_region_id g);

/* Has a pageblock's set what is asked for? Racy. */
bool rst_has_room(const struct rst_call *q, rst_block_id b);
/* Clears a hint where the search found nothing, and settles. If there is something now the search
 * may have missed it: it was freed meanwhile, or the hint was in a list that it is not in. */
void rst_demote(struct rst_call *q, struct rst_zone *z, struct rst_hint_bin in, rst_block_id b);
void rst_demote_region(struct rst_call *q, struct rst_zone *z, struct rst_hint_bin in,
		       rst_region_id g);

/* Pageblocks from first to last may be of the reserve from now on. */
void rst_note_reserve(struct rst_zone *z, rst_block_id first, rst_block_id last);
/* Puts whole pageblocks that the caller holds into their region's set: 2^order of them from b. */
void rst_put_whole(struct roost *r, struct rst_zone *z, rst_block_id b, unsigned order);
/* Puts a block that the caller holds: into its set, and notes it. As a free does: any context. */
void rst_put(struct roost *r, struct rst_zone *z, rst_frame_id f, unsigned order);
/* The same for n frames, which are no block or an odd one. */
void rst_put_frames(struct roost *r, struct rst_zone *z, rst_frame_id f, uint32_t n);
/* The run of order k <= 9 at off was put: notes the largest free run that it is a part of. */
void rst_note_run(struct roost *r, struct rst_zone *z, rst_block_id b, unsigned off, unsigned k);
/* The caller holds all frames of the pageblock. It is moved to where whole ones are, unless it is
 * set apart or part of the reserve. False: others keep changing its place. */
bool rst_disown(struct roost *r, rst_block_id b);
/* Takes a pageblock that is set apart out of its region's set and puts its frames in its own. */
void rst_open_whole(struct roost *r, struct rst_zone *z, rst_block_id b);

/* Changes a pageblock's place if it is still *from, and counts whether it taints its region. The
 * caller settles it. */
bool rst_replace(struct roost *r, rst_block_id b, uint16_t *from, unsigned to);
/* Changes a pageblock's list if it is still the given one; it is settled there. */
bool rst_move(struct roost *r, struct rst_zone *z, rst_block_id b, unsigned from, unsigned to);
/* The pageblock is nobody's current one any more. */
void rst_leave(struct roost *r, struct rst_zone *z, rst_block_id b);
/* Makes b the CPU's current block, or none (RST_NO_BLOCK), and leaves the one before. */
void rst_set_current(struct roost *r, struct rst_zone *z, struct rst_pcp *pcp, unsigned type,
		     rst_block_id b);
/* Does nothing of n frames look free or allocated but, if they are a block, the first as allocated?
 * n loads. */
bool rst_is_clean(const struct roost *r, rst_frame_id f, uint32_t n, bool allocated);

/* Makes pageblocks whole that are all free but somebody's current one, or kept; how many there
 * were. Of those that are kept one, if that is enough. */
unsigned rst_gather(struct rst_call *q, struct rst_zone *z);

#endif
