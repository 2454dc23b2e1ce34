/* SPDX-License-Identifier: MIT */
/*
 * pcpbuddy.h - the per-CPU pageblock buddy allocator: its data and what guards them.
 *
 * Glossary
 *   zone buddy   free lists per order and list type under the zone lock, the classic allocator
 *   pcp          per-CPU pages: a small buddy system of one CPU in one zone under the pcp lock
 *   owner        the CPU that claimed a whole pageblock; frees of its frames go to that pcp
 *   mark         (PCPBuddy in Linux) a free chunk on the pcp of its block's owner; such
 *                chunks merge there. Chunks of other blocks are only cached, never merged.
 *   fragment     a free chunk of an owned block that lies in the zone buddy
 *   floor        frames that a caller must leave free in a zone: its min watermark or 0
 *
 * Letters beside a field say what guards it:
 *   c  constant after roost_init()
 *   p  the lock of the pcp (held with interrupts on, only ever tried)
 *   z  the lock of the zone (held with interrupts off)
 *   zr the zone lock to write; read racily
 *   pr the pcp lock to write; read racily
 *   a  nothing: atomic
 *   h  the holder of the frame: see enum rst_kind
 *
 * Where a frame is, and what allows to change its record:
 *
 *	kind     links in            changed by the holder of
 *	INSIDE   -                   the block that it is a part of
 *	HOLE     -                   nobody
 *	ALLOC    -                   the block (the caller of the allocator)
 *	BUSY     -                   the block (a free that is under way)
 *	ZONE     zone free list      the zone lock
 *	PCP      pcp free list       that pcp's lock
 *	LLIST    lock-free list      an exchange of the list's head, under the lock of its consumer
 *
 * So a record may be read by anybody, and what a reader learns holds on only if it is positive and
 * the reader has the right lock: a zone holder that reads ZONE of an order knows that the block
 * is there to merge; all else it takes for "not mine".
 *
 * Invariants (roost_validate() checks them):
 *   1  every usable frame is in exactly one block; the frames behind a block's first are INSIDE
 *   2  a free chunk lies on the list that its record names; two buddies of one order never both
 *      lie in the zone buddy (unless their pageblocks are set apart differently)
 *   3  a chunk on pcp c is marked <=> the owner of its pageblock is c
 *   4  a pageblock that lies whole in the zone buddy has no owner
 *   5  for an owned block: zone_free == its frames in the zone buddy, and it is on its owner's
 *      list of fragmented blocks <=> zone_free > 0
 *   6  managed == allocated + in the zone buddy + on pcps + on lock-free lists
 *   7  the frames of an absent pageblock are INSIDE or HOLE; it is movable and nobody's
 *
 * Changes of the owner. Always under the zone lock. 0 -> c: the claim, under pcp lock c also,
 * of a block that is whole in the zone. c -> 0: when the block becomes whole in the zone (then
 * no context holds a frame of it), or under pcp lock c. Hence: a context that holds a frame of the
 * block that is not in the zone, and the lock of pcp c, and reads owner == c, can rely on it.
 */
#ifndef RST_PCPBUDDY_H
#define RST_PCPBUDDY_H

#include "core/base.h"
#include "core/lock.h"
#include "roost/pcpbuddy.h"

enum {
	RST_PCP_ORDERS = ROOST_PAGEBLOCK_ORDER + 1, /* orders 0 .. 9 */
};

enum rst_kind {
	RST_INSIDE = 0, /* so that zeroed metadata is valid */
	RST_HOLE,
	RST_ALLOC,
	RST_BUSY,
	RST_ZONE,
	RST_PCP,
	RST_LLIST,
};

/*
 * state:	 22      12 11 10   8 7     5 4     0
 *		|   cpu    | m | list | kind | order |
 * cpu, m(ark): only for PCP. list: for ZONE and PCP; for ALLOC and BUSY of an odd size
 * (core/size.h) how many eighths, else 0. order: for all but INSIDE and HOLE.
 */
struct rst_frame {
	rst_frame_id next;	/* h */
	rst_frame_id prev;	/* h; unused on lock-free lists */
	_Atomic uint32_t state; /* h */
	_Atomic uint32_t used;	/* h; 1 once a block was handed out that starts here */
};
_Static_assert(sizeof(struct rst_frame) == 16, "four records to a cache line");

#define RST_MARK (1u << 11)

static inline uint32_t rst_state(enum rst_kind kind, unsigned order)
{
	return (uint32_t)kind << 5 | order;
}

static inline uint32_t rst_state_zone(unsigned order, unsigned list)
{
	return rst_state(RST_ZONE, order) | list << 8;
}

static inline uint32_t rst_state_pcp(unsigned order, unsigned list, unsigned cpu, bool mark)
{
	return rst_state(RST_PCP, order) | list << 8 | (mark ? RST_MARK : 0) | cpu << 12;
}

static inline unsigned rst_order_of(uint32_t state)
{
	return state & 31;
}

static inline enum rst_kind rst_kind_of(uint32_t state)
{
	return (enum rst_kind)(state >> 5 & 7);
}

static inline unsigned rst_list_of(uint32_t state)
{
	return state >> 8 & 7;
}

/* Of a kind that is not on a list. */
static inline uint32_t rst_state_sized(enum rst_kind kind, struct rst_size size)
{
	return rst_state(kind, size.order) | (rst_is_odd(size) ? rst_eighths(size) << 8 : 0);
}

/* The size of the block whose record this is. */
static inline struct rst_size rst_size_in(uint32_t state)
{
	enum rst_kind kind = rst_kind_of(state);

	return (kind == RST_ALLOC || kind == RST_BUSY) && rst_list_of(state)
		       ? rst_size_of_eighths(rst_order_of(state), rst_list_of(state))
		       : rst_size_of_order(rst_order_of(state));
}

/* How many frames to go on from a record to the next one. */
static inline uint32_t rst_frames_in(uint32_t state)
{
	return rst_kind_of(state) >= RST_ALLOC ? rst_size_in(state).frames : 1;
}

static inline unsigned rst_cpu_of(uint32_t state)
{
	return state >> 12;
}

/* A frame of this kind is the first of a block, and its record has the block's order. */
static inline bool rst_is_head(uint32_t state)
{
	return rst_kind_of(state) >= RST_ALLOC;
}

/* Index of a pageblock; frames of block b have ids b << 9 .. (b << 9) + 511. */
typedef uint32_t rst_block_id;

#define RST_NO_BLOCK UINT32_MAX

struct rst_block {
	_Atomic uint16_t owner; /* zr; CPU + 1, 0: none */
	_Atomic uint8_t type;	/* zr; enum roost_list_type */
	uint8_t unused;
	uint32_t zone_free; /* z; owned blocks: frames in the zone buddy */
	rst_block_id next;  /* z; the owner's fragmented blocks of this type, a ring */
	rst_block_id prev;  /* z */
};

struct rst_list {
	rst_frame_id head;   /* p or z */
	_Atomic uint32_t nr; /* pr or zr; blocks on the list */
};

/*
 * A lock-free list: any CPU pushes, the holder of the consumer's lock takes all. No CPU ever takes
 * one element, so no ABA. The word holds the first frame's id plus one (low half) and the number
 * of frames on the list (high half).
 */
struct rst_llist {
	_Atomic uint64_t word; /* a */
};

/* Those that every engine has, where struct rst_counters has them, and then its own. */
struct rst_pcp_counters {
	union {
		struct rst_counters every;
		struct {
			ROOST_COUNTERS(RST_COUNTER_FIELD)
		};
	};
	ROOST_PCPBUDDY_COUNTERS(RST_COUNTER_FIELD)
};

struct rst_pcp {
	rst_trylock_t lock;
	_Atomic uint32_t dead;	/* pr; the CPU is off-line, nothing may be put here */
	_Atomic uint32_t count; /* pr; frames on the lists */
	/* Written when memory comes or goes, one after the other. A caller that reads the old one
	 * of one and the new one of the other drains too much or too little, once. */
	_Atomic uint32_t high;	/* a; more frames than this are drained */
	_Atomic uint32_t batch; /* a; frames moved per hold of the zone lock */
	uint32_t cpu;		/* c */
	_Atomic uint32_t puts;	/* pr; how often frames came: says whether a search missed any */
	uint32_t nonempty[RST_TYPES]; /* p; bit k: lists[type][k] is not empty */
	struct rst_list lists[RST_TYPES][RST_PCP_ORDERS];

	/* Other CPUs write here; the lines above are the owner's as long as nobody frees to it. */
	_Alignas(RST_CACHE_LINE) struct rst_llist llist;
	rst_block_id fragmented[RST_TYPES]; /* z; owned blocks with frames in the zone */

	/* What happened on this CPU, or to this pcp for what its lock guards. */
	_Alignas(RST_CACHE_LINE) struct rst_pcp_counters count_of;
};

struct rst_zone {
	_Alignas(RST_CACHE_LINE) rst_spinlock_t lock;
	_Atomic uint32_t puts;	   /* zr; as in struct rst_pcp */
	_Atomic uint64_t free;	   /* zr; frames on the lists */
	_Atomic uint64_t isolated; /* zr; of these, frames on the lists of isolated blocks */
	uint32_t nonempty[ROOST_NR_LISTS];	 /* z; bit k: lists[type][k] is not empty */
	_Atomic uint32_t blocks[ROOST_NR_LISTS]; /* zr; pageblocks of each type */
	struct rst_list lists[ROOST_NR_LISTS][RST_ORDERS];

	_Alignas(RST_CACHE_LINE) struct rst_llist llist;
	struct rst_pressure pressure; /* a */
	struct rst_pcp *pcps;	      /* c; one for each CPU */
	struct rst_zone_desc desc;    /* c */
};

/* All constant after roost_init(); what the pointers lead to is guarded as said there. */
struct roost {
	struct rst_base base;
	struct rst_frame *frames;
	struct rst_block *blocks;
	struct rst_zone *zones;
	uint32_t nr_blocks;
	uint32_t high, batch; /* of each pcp, as configured; 0: chosen from the zone's size */
	enum roost_free_path free_path;
};

/* ---- Small helpers ----------------------------------------------------------------------- */

static inline struct rst_block *rst_block_of(const struct roost *r, rst_frame_id f)
{
	return &r->blocks[f >> ROOST_PAGEBLOCK_ORDER];
}

static inline uint32_t rst_load_state(const struct roost *r, rst_frame_id f)
{
	return rst_load_rlx(&r->frames[f].state);
}

static inline void rst_set_state(struct roost *r, rst_frame_id f, uint32_t state)
{
	rst_store_rlx(&r->frames[f].state, state);
}

/* The zone that a frame's record belongs to. */
static inline struct rst_zone *rst_zone_of(const struct roost *r, rst_frame_id f)
{
	return &r->zones[rst_span_of(&r->base.map, f)->zone];
}

/* Counts on the current CPU; exact from any context. */
static inline void rst_count(const struct roost *r, struct rst_zone *z, size_t offset, uint64_t n)
{
	struct rst_pcp_counters *counters = &z->pcps[rst_this_cpu(&r->base)].count_of;

	RST_PROBE_COUNT(offset, n);
	rst_add_rlx((_Atomic uint64_t *)(void *)((char *)counters + offset), n);
}

#define RST_COUNT(r, z, name, n) rst_count(r, z, offsetof(struct rst_pcp_counters, name), n)

/* Counts in a pcp whose lock is held. No counter is counted both this way and the other: then
 * load and store need not be one. */
#define RST_COUNT_PCP(pcp, name, n)                                                                \
	do {                                                                                       \
		RST_PROBE_COUNT(offsetof(struct rst_pcp_counters, name), n);                       \
		rst_store_rlx(&(pcp)->count_of.name,                                               \
			      rst_load_rlx(&(pcp)->count_of.name) + (uint64_t)(n));                \
	} while (0)

/* ---- list.c: free lists and lock-free lists; lock nothing --------------------------------- */

void rst_list_init(struct rst_list *list);
void rst_list_push(struct rst_frame *frames, struct rst_list *list, rst_frame_id f);
void rst_list_del(struct rst_frame *frames, struct rst_list *list, rst_frame_id f);

/*
 * Pushes a block that the caller holds; its record becomes LLIST. Any context. The loop ends after
 * one turn for each push or take-all that comes in between: lock-free, not wait-free. Returns the
 * number of frames then on the list.
 */
uint32_t rst_llist_push(struct rst_frame *frames, struct rst_llist *list, rst_frame_id f,
			unsigned order);
/* Takes all; returns the first of a chain through next that ends with RST_NO_FRAME. */
rst_frame_id rst_llist_take(struct rst_llist *list);

static inline uint32_t rst_llist_frames(const struct rst_llist *list)
{
	return (uint32_t)(rst_load_rlx(&list->word) >> 32);
}

/* ---- zone.c: the zone buddy -------------------------------------------------------------- */

/*
 * Enters the zone lock with interrupts off and takes in what lies on the zone's lock-free list.
 * wait: waits for the lock. Otherwise tries a bounded number of times; false if it fails.
 */
bool rst_zone_enter(struct roost *r, struct rst_zone *z, bool wait, rst_irq_t *irq);
void rst_zone_leave(struct rst_zone *z, rst_irq_t irq);

/* The rest of this section: the zone lock is held. */

/* Puts a block that the caller holds into the buddy system and merges it. */
void rst_zone_put(struct roost *r, struct rst_zone *z, rst_frame_id f, unsigned order);
/* Takes a block of the smallest sufficient size off the lists of one type, or RST_NO_FRAME. */
rst_frame_id rst_zone_take(struct roost *r, struct rst_zone *z, unsigned order, unsigned type);
/* Takes a free chunk that is known to lie in the zone buddy. */
void rst_zone_remove(struct roost *r, struct rst_zone *z, rst_frame_id f, unsigned order);
/* Takes those frames of such a chunk that lie in [first, end), which become INSIDE; the rest stays
 * in the zone buddy. Returns the frame behind the chunk. */
rst_frame_id rst_zone_cut(struct roost *r, struct rst_zone *z, rst_frame_id chunk,
			  rst_frame_id first, rst_frame_id end);
/* Turns the largest block of another migratetype to type, if that is worth it: the block
 * is whole, or may be a part and at least half of it is free and nobody owns it. */
bool rst_zone_convert(struct roost *r, struct rst_zone *z, unsigned order, unsigned type,
		      bool part);
/* Takes a block off the lists of the other migratetypes, largest first. */
rst_frame_id rst_zone_take_other(struct roost *r, struct rst_zone *z, unsigned order,
				 unsigned type);
/* The chunk in the zone buddy that holds frame f, or RST_NO_FRAME. */
rst_frame_id rst_zone_chunk_of(const struct roost *r, rst_frame_id f);
/* The next chunk in the zone buddy from frame *f on, below end, in one pageblock; moves *f behind
 * it. RST_NO_FRAME if there is none. */
rst_frame_id rst_zone_next_in_block(const struct roost *r, rst_frame_id *f, rst_frame_id end);
/* Gives the pageblock another type and puts its frames in the zone buddy on its lists;
 * returns how many those are. */
uint32_t rst_zone_retype(struct roost *r, struct rst_zone *z, struct rst_block *block,
			 unsigned type);
/* The zone has n more pageblocks of a type. */
void rst_zone_count_blocks(struct rst_zone *z, unsigned type, int n);
/* Takes a block's owner away. */
void rst_zone_disown(struct roost *r, struct rst_zone *z, struct rst_block *block);

/* Frames that can be handed out: free and not isolated. Any context; exact under the lock. */
static inline uint64_t rst_zone_available(const struct rst_zone *z)
{
	uint64_t free = rst_load_rlx(&z->free), isolated = rst_load_rlx(&z->isolated);

	return free > isolated ? free - isolated : 0;
}

/* Frames that a caller with this floor may take. */
static inline uint64_t rst_zone_room(const struct rst_zone *z, uint64_t floor)
{
	uint64_t available = rst_zone_available(z);

	return available > floor ? available - floor : 0;
}

/* The record of the block, free or not, of at least this order that holds a frame, and its first
 * frame; or 0. No lock need be held: racy. */
uint32_t rst_state_over(const struct roost *r, rst_frame_id f, unsigned order, rst_frame_id *head);

/* Frees a block that the caller holds to the zone: by the lock or, if it must not wait and the
 * lock is taken, by the lock-free list. No zone lock is held. */
void rst_zone_free(struct roost *r, struct rst_zone *z, rst_frame_id f, unsigned order, bool wait);

/* ---- pcp.c: the pcp ---------------------------------------------------------------------- */

/*
 * Drops the lock of a pcp. That of a dead CPU is left only with an empty lock-free list: a
 * CPU that pushes to one and does not get the lock relies on its holder (push_remote() in free.c).
 */
void rst_pcp_leave(struct roost *r, struct rst_zone *z, struct rst_pcp *pcp, bool wait);

/* The rest of this section: the pcp lock is held. */

/* Puts a block that the caller holds on the pcp's list of one migratetype. */
void rst_pcp_put(struct roost *r, struct rst_pcp *pcp, rst_frame_id f, unsigned order,
		 unsigned type);
/* The same on the list of its pageblock's type; false if that type is not for pcps. */
bool rst_pcp_put_home(struct roost *r, struct rst_pcp *pcp, rst_frame_id f, unsigned order);
/* Takes a block off the lists of one type, splitting a larger one, or RST_NO_FRAME. */
rst_frame_id rst_pcp_take(struct roost *r, struct rst_pcp *pcp, unsigned order, unsigned type);
/* Takes a chunk that is known to lie on this pcp. */
void rst_pcp_remove(struct roost *r, struct rst_pcp *pcp, rst_frame_id f);
/* Merges marked chunks, bottom-up. Cost: one visit of each chunk. */
void rst_pcp_merge(struct roost *r, struct rst_pcp *pcp);
/* Takes in the lock-free list; what is not for pcps goes to the zone; returns that many. */
size_t rst_pcp_absorb(struct roost *r, struct rst_zone *z, struct rst_pcp *pcp, bool wait);
/* Merges, then gives the largest chunks to the zone until at most target frames are left; the
 * zone lock is held for about batch frames at a time. Returns the frames moved. */
size_t rst_pcp_drain(struct roost *r, struct rst_zone *z, struct rst_pcp *pcp, uint32_t target,
		     bool wait);
/* Takes in the lock-free list and drains everything. */
size_t rst_pcp_empty(struct roost *r, struct rst_zone *z, struct rst_pcp *pcp, bool wait);

/* ---- init.c ------------------------------------------------------------------------------- */

/* Chooses the marks of a zone's pcps for what is managed now. */
void rst_pcp_set_marks(struct roost *r, struct rst_zone *z);

/* ---- refill.c ---------------------------------------------------------------------------- */

/* The four phases: fills the pcp for an allocation. The pcp lock is held. Returns the frames that
 * came; 0 also if it did not get the zone lock. */
size_t rst_pcp_refill(struct roost *r, struct rst_zone *z, struct rst_pcp *pcp,
		      const struct rst_request *ask, uint64_t floor);

/* ---- alloc.c ----------------------------------------------------------------------------- */

/* Marks a block that the caller holds as allocated by a call. No lock is held. */
roost_pfn rst_hand_out(struct roost *r, const char *call, rst_frame_id f, unsigned order);
/* No lock is held. rst_zone_put() arms the hook again. */
void rst_check_pressure(struct roost *r, struct rst_zone *z);
/* Empties all pcps of a zone whose locks can be acquired into the zone. *missed: a try-lock
 * failed. */
size_t rst_gather(struct roost *r, struct rst_zone *z, bool wait, bool *missed);

/* ---- free.c ------------------------------------------------------------------------------ */

/* At check level 3: are the frames after the first of n all INSIDE? */
bool rst_interior_clean(const struct roost *r, rst_frame_id f, uint32_t n);

#endif
