/* SPDX-License-Identifier: MIT */
/*
 * roost.h - a page-frame allocator whose free never waits.
 *
 * The allocator hands out blocks of 2^order page frames out of a memory map that the caller
 * describes. It never touches the frames themselves: all metadata lies in memory that the caller
 * gives to roost_init(). It uses no libc, no globals and no dynamic memory.
 *
 * Words used throughout:
 *   frame      one page of memory; what the size of a page is does not matter here
 *   pfn        number of a frame; pfn 0 is a frame like any other, ROOST_NONE is none
 *   order      a block of order k is 2^k frames, aligned to 2^k
 *   pageblock  2^ROOST_PAGEBLOCK_ORDER aligned frames: the unit of ownership and migratetype
 *   zone       a set of frames of one node, with watermarks of its own
 *   pcp        the per-CPU pages of one CPU in one zone
 *
 * What is said here holds for the default engine, sets. What another engine has beside it, and
 * where its calls cost or ask for more, is in a header of its own: roost/pcpbuddy.h.
 *
 * Contexts. "Any context" means thread, signal handler, softirq, hard IRQ and NMI, also while
 * the caller holds locks of its own, also on top of any function of this header. "Thread
 * context" means: may sleep, holds no lock that a handler takes.
 *
 * Errors are negative errno values with Linux's numbers (see enum roost_error): a freestanding
 * program has no <errno.h>.
 */
#ifndef ROOST_ROOST_H
#define ROOST_ROOST_H

#ifdef __KERNEL__ /* Linux's */
#include <linux/types.h>
#else
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#endif

#ifdef __cplusplus
extern "C" {
#ifndef __clang__ /* g++ calls a structure and a function of one name shadowing */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#endif
#endif

/* The version of this header. SemVer; what that promises to programs: docs/abi.md. */
#define ROOST_VERSION_MAJOR  0
#define ROOST_VERSION_MINOR  1
#define ROOST_VERSION_PATCH  0
#define ROOST_VERSION_STRING "0.1.0"
/* One number that can be compared, also by the preprocessor: 10203 is 1.2.3. */
#define ROOST_VERSION                                                                              \
	(ROOST_VERSION_MAJOR * 10000 + ROOST_VERSION_MINOR * 100 + ROOST_VERSION_PATCH)

#if defined(__GNUC__)
#define ROOST_MUST_CHECK __attribute__((warn_unused_result))
#else
#define ROOST_MUST_CHECK
#endif

#ifdef __cplusplus /* for -Wold-style-cast */
#define ROOST_CAST(type, value) static_cast<type>(value)
#else
#define ROOST_CAST(type, value) ((type)(value))
#endif

typedef uint64_t roost_pfn;

/* No frame. */
#define ROOST_NONE (~ROOST_CAST(roost_pfn, 0))

/* The allocator; it lies at the start of the metadata that roost_init() was given. */
typedef struct roost roost_t;

enum {
	ROOST_MAX_ORDER = 18, /* largest order that can be configured: 1 GiB of 4 KiB */
	ROOST_DEFAULT_MAX_ORDER = 10,
	ROOST_PAGEBLOCK_ORDER = 9, /* 2 MiB of 4 KiB frames */
	ROOST_MAX_ZONES = 32,
	ROOST_MAX_NODES = 32,
	ROOST_MAX_CPUS = 1024,
};

enum roost_error {
	ROOST_ENOENT = 2,  /* some of the frames are not present */
	ROOST_EAGAIN = 11, /* somebody holds what is needed; try again */
	ROOST_EBUSY = 16,  /* a frame that is needed is in use */
	ROOST_EEXIST = 17, /* some of the frames are present already */
	ROOST_EINVAL = 22, /* an argument makes no sense; roost_config_error() says which */
	ROOST_ENOSPC = 28, /* the metadata area is too small */
	ROOST_E2BIG = 7, /* the map has more ranges, zones, CPUs, or frames (2^32 - 1024, present or
			    * not) than can be managed */
	ROOST_EUCLEAN = 117, /* roost_validate() found a violated invariant */
};

/* What an error of this header means, in English; never NULL. Any context. */
const char *roost_strerror(int error);

/* ROOST_VERSION of the library that runs, which may be newer than the header. Any context. */
unsigned roost_version(void);

/*
 * How the library was built, as NAME=VALUE with spaces between; never NULL. engine; port; smp=0 is
 * a uniprocessor build; lab=1 has what is wrong on purpose; pockets=0: it has none, whatever
 * roost_config says; checks: the levels that can be chosen; compiler. More may follow. Any context.
 */
const char *roost_build_config(void);

/* ---- Description of the memory ---------------------------------------------------------- */

enum {
	/* The range is there but must never be handed out (firmware, kernel image, ...).
	 * A reserved range may lie over, inside or across ordinary ranges. */
	ROOST_RANGE_RESERVED = 1u << 0,
	/* The range is known, but not there yet (Linux: off-line): roost_add_range(). Its
	 * pageblocks belong to it alone in its zone, and none of it may be reserved. */
	ROOST_RANGE_ABSENT = 1u << 1,
	/* All of the range starts out allocated, in the largest aligned blocks, as if by
	 * roost_take_range(). For a system that boots with an early allocator of its own: it then
	 * frees what is free, by roost_free() or roost_free_part(). */
	ROOST_RANGE_ALLOCATED = 1u << 2,
};

/* Frames [start, end). Ends need no alignment; what no range covers is a hole. */
struct roost_range {
	roost_pfn start;
	roost_pfn end;
	uint16_t zone;	/* index into roost_config.zones; not looked at for reserved ranges */
	uint16_t flags; /* ROOST_RANGE_*, one at most */
};

/* A zone. Numbers of frames; 0 for low and high means: chosen from the zone's size, and anew when
 * memory comes or goes. */
struct roost_zone_config {
	const char *name; /* copied, at most 15 bytes; NULL: "Normal" */
	unsigned node;	  /* NUMA node, 0 .. ROOST_MAX_NODES - 1 */
	/* Frames that only callers with ROOST_RESERVE may take: the min watermark. They lie in
	 * pageblocks of their own at the end of the zone as long as ordinary blocks last: whole
	 * ones, so of a zone of one pageblock nothing is left that a CPU could have for itself. If
	 * less than that is present at first, what is added becomes the reserve until it is
	 * complete. */
	uint64_t reserve;
	/* Free frames under which the pressure hook fires and, if there are other zones, they are
	 * tried first, even if a pcp of this one has frames. */
	uint64_t low;
	uint64_t high; /* free frames over which it is armed again */
};

/* May CPUs keep a few frames about them? What they keep: docs/design.md. */
enum roost_pockets {
	/* Where the port can: x86-64 Linux from 5.10 on, aarch64 Linux 5.10 to 6.18; glibc from
	 * 2.35 on. In POSIX not where the metadata lies in memory that processes share: then each
	 * call goes to the sets, and every process maps the metadata at the same address. */
	ROOST_POCKETS_AUTO = 0,
	ROOST_POCKETS_OFF = 1,
};

enum roost_misuse_kind {
	ROOST_MISUSE_DOUBLE_FREE,   /* the block is free already, or others have it by now */
	ROOST_MISUSE_NOT_ALLOCATED, /* never handed out as the head of a block */
	ROOST_MISUSE_WRONG_ORDER,   /* handed out with another order, or size */
	ROOST_MISUSE_MISALIGNED,    /* pfn is not aligned as a block of that order or size is */
	ROOST_MISUSE_OUT_OF_RANGE,  /* below the first or above the last usable frame */
	ROOST_MISUSE_HOLE,	    /* in a hole or in a reserved range, or not present */
	ROOST_MISUSE_BAD_ORDER,	    /* order above the configured largest one, or no such size */
	ROOST_MISUSE_BAD_FLAGS,	    /* flags, or a zone, node or CPU, that do not exist */
	ROOST_MISUSE_CORRUPT,	    /* check level 3: the metadata contradict themselves */
};

struct roost_misuse {
	enum roost_misuse_kind kind;
	const char *call;     /* the function of this header that was called */
	roost_pfn pfn;	      /* the frame that the caller named, or ROOST_NONE */
	int order_given;      /* the order that the caller named, or -1 */
	int order_found;      /* the order of the block found there, if it has one, or -1 */
	roost_pfn head_found; /* first frame of the block that holds pfn, or ROOST_NONE */
	/* The number of frames that the caller named instead of an order, or 0; that of the block
	 * found there, or 0. */
	uint64_t frames_given, frames_found;
};

/*
 * Called for each misuse that is found, from the context and under the locks of the offending
 * caller, and under no others. When it returns, the call has no effect on the block.
 */
typedef void roost_misuse_fn(void *context, const struct roost_misuse *misuse);

/* What a misuse is called, in English; never NULL. Any context. */
const char *roost_misuse_name(enum roost_misuse_kind kind);

/*
 * Called when a zone falls below its low watermark (once, until it has risen above high), and
 * when an allocation is about to wait or fail. Comes from the context and under the locks of the
 * allocating caller, and under no others. It may free; it may allocate without ROOST_WAIT. While it
 * runs for a zone it is not called for that zone again.
 */
typedef void roost_pressure_fn(void *context, unsigned zone, uint64_t free_frames);

/*
 * How much is checked. Each level does all that the lower ones do. Cost on top of level 0, as a
 * count: 1: one load and compare per call; 2: one atomic compare-and-exchange per free; 3: each
 * frame of the block is looked at, 2^order loads per call.
 */
enum {
	ROOST_CHECK_NONE = 0,	  /* range lookups only; misuse corrupts */
	ROOST_CHECK_STATE = 1,	  /* default: all of enum roost_misuse_kind but CORRUPT */
	ROOST_CHECK_EXACT = 2,	  /* and frees of one block on two CPUs at the same instant */
	ROOST_CHECK_PARANOID = 3, /* and the records of the frames inside each block */
};

struct roost_pcpbuddy_config;

/*
 * Start from ROOST_CONFIG_INIT. Later versions add fields at the end, for which 0 means what was so
 * before. A program that was compiled with an older header is thus taken at its word by a newer
 * library; an older library takes a longer structure if all that it does not know is 0.
 */
struct roost_config {
	size_t size; /* sizeof(struct roost_config): set by ROOST_CONFIG_INIT */
	/* In any order; ordinary ones must not overlap. At most 1024, and 2^32 - 1024 frames with
	 * those that are absent and those that fill up the pageblocks in which ranges begin and
	 * end (4 MiB less than 16 TiB of 4 KiB frames): use several allocators for more. */
	const struct roost_range *ranges;
	size_t nr_ranges;
	const struct roost_zone_config *zones; /* NULL: one zone "Normal" on node 0 */
	size_t nr_zones;
	/* Zones to try for a caller on node n, best first: zone_order[n * nr_zones + i]; 0xff ends
	 * a list early. One list for each node up to the highest one named. NULL: the node's own
	 * zones, the last first, then those of the other nodes by distance of their numbers. */
	const uint8_t *zone_order;
	const uint8_t *cpu_node; /* node of each CPU; NULL: all on node 0 */
	unsigned nr_cpus;	 /* 1 .. ROOST_MAX_CPUS */
	unsigned max_order;	 /* 0: ROOST_DEFAULT_MAX_ORDER; at least ROOST_PAGEBLOCK_ORDER */
	enum roost_pockets pockets;
	unsigned check_level; /* ROOST_CHECK_* */
	/* For the engine pcpbuddy, else NULL: roost/pcpbuddy.h. Other engines refuse it. */
	const struct roost_pcpbuddy_config *pcpbuddy;
	roost_misuse_fn *misuse;     /* NULL: names the misuse and stops (the port's fatal) */
	roost_pressure_fn *pressure; /* NULL: none */
	void *context;		     /* given to both hooks */
};

#ifdef __cplusplus /* which has designated initializers from C++20 on */
static inline roost_config roost_config_init()
{
	roost_config config = roost_config();

	config.size = sizeof(config);
	config.nr_cpus = 1;
	config.check_level = ROOST_CHECK_STATE;
	return config;
}
#define ROOST_CONFIG_INIT roost_config_init()
#else
#define ROOST_CONFIG_INIT                                                                          \
	{                                                                                          \
		.size = sizeof(struct roost_config), .nr_cpus = 1,                                 \
		.check_level = ROOST_CHECK_STATE,                                                  \
	}
#endif

/* Why a configuration is refused, in English, or NULL if it is good. Thread context. */
const char *roost_config_error(const struct roost_config *config);

/* Bytes of metadata that the configuration needs, or 0 if it is refused or is more than
 * size_t can say. Thread context. */
size_t roost_metadata_size(const struct roost_config *config);

/*
 * Makes an allocator in the size bytes at metadata, which must be zeroed, aligned to 64 bytes and
 * stay for as long as the allocator is used. All frames start out free but those of ranges that say
 * otherwise. Writes only a part of the metadata: the records of one frame for each chunk of the
 * largest order (with max_order 18 under 2 % of its pages), and of those that are absent a bit for
 * each pageblock.
 * Returns 0 and sets *out, or -ROOST_EINVAL, -ROOST_ENOSPC, -ROOST_E2BIG (more than 2^32 - 1024
 * frames, or another limit of struct roost_config). Thread context.
 */
ROOST_MUST_CHECK int roost_init(roost_t **out, const struct roost_config *config, void *metadata,
				size_t size);

/* ---- Allocation ------------------------------------------------------------------------- */

enum {
	/* Migratetype: how the block can be moved away later. One of these three. */
	ROOST_MOVABLE = 0,
	ROOST_UNMOVABLE = 1,
	ROOST_RECLAIMABLE = 2,
	ROOST_MIGRATETYPE_MASK = 3,

	/*
	 * The caller is in thread context and may sleep. Then the call fails only with a proof: at
	 * some instant during it no such block was free. While it has neither block nor proof it
	 * searches everything again, asleep in between, and after ROOST_WAIT_ROUNDS searches
	 * (some 60 ms asleep) it gives up without one. So it is if a thread stopped, or was
	 * preempted for that long, in the middle of a call, and frames count as free that nobody
	 * can reach; or if others were first at each block that it saw. What a proof takes on
	 * trust: CAVEATS.md. In an NMI, where the port can tell, the call is as one without this
	 * flag.
	 * Without it the call waits for nothing, is legal in any context, and may fail although
	 * such a block is free: while others move the last ones; and, above order 0, if many
	 * hints lead to what was free once. Such a call follows but a few of them, and the next
	 * one goes on. So a failure costs next to nothing, however large the memory is:
	 * CAVEATS.md.
	 */
	ROOST_WAIT = 1 << 2,
	/* The reserve may be used. */
	ROOST_RESERVE = 1 << 3,
	/* Only zones of the chosen node. */
	ROOST_THISNODE = 1 << 4,
	/*
	 * One look, for callers that are content with less, and are so every day. The call does
	 * without what a plain one does before it fails: it does not search again what others
	 * may have moved, looks into no other CPU's pocket, gathers nothing but
	 * whole pageblocks, and a failure calls no hook. So it may fail although such a block is
	 * free, also at rest. It is not counted in fail_while_free. Not together with ROOST_WAIT.
	 */
	ROOST_ONCE = 1 << 5,
	/* Nothing of pageblocks of other migratetypes, as long as they are not whole. What is kept
	 * for ROOST_ATOMIC has none, and is handed out, too. With ROOST_WAIT the proof is then of a
	 * search: see there, orders above 0. */
	ROOST_NOSTEAL = 1 << 6,
	/*
	 * For orders 1 to 8, where the caller cannot wait and has nothing to fall back on (Linux:
	 * high-order GFP_ATOMIC, MIGRATE_HIGHATOMIC). Each zone keeps up to 1 % of its pageblocks,
	 * and one at least, for such calls: one when such a call succeeds while whole
	 * pageblocks are few (together less than the low watermark). Other calls take what is
	 * free there last, before they fail; then the pageblock is kept no longer, and none is
	 * until whole ones are not few. With other orders it makes no difference. The engine
	 * pcpbuddy keeps none.
	 */
	ROOST_ATOMIC = 1 << 7,
};

enum {
	ROOST_WAIT_ROUNDS = 64, /* searches of an allocation with ROOST_WAIT: see there */
};

/* A number as a field of the flags, or a flag that does not exist: the call is then misuse. */
#define ROOST_FIELD(n, shift) ((n) < 255 ? (ROOST_CAST(unsigned, n) + 1u) << (shift) : 1u << 31)

static inline unsigned roost_field(unsigned long long n, unsigned shift)
{
	return ROOST_FIELD(n, shift);
}

/* A constant if the number is one, which is otherwise evaluated once. */
#if defined(__GNUC__)
#define ROOST_FIELD_OF(n, shift)                                                                   \
	(__builtin_constant_p(n) ? ROOST_FIELD(ROOST_CAST(unsigned long long, n), shift)           \
				 : roost_field(ROOST_CAST(unsigned long long, n), shift))
#else
#define ROOST_FIELD_OF(n, shift) roost_field(ROOST_CAST(unsigned long long, n), shift)
#endif

/* Only this zone. */
#define ROOST_ZONE(zone) ROOST_FIELD_OF(zone, 8)
/* The order of zones of this node instead of that of the current CPU's. */
#define ROOST_NODE(node) ROOST_FIELD_OF(node, 16)

/*
 * Allocates 2^order frames. Any context; with ROOST_WAIT thread context.
 * Returns the first pfn, or ROOST_NONE if no such block can be reached (see ROOST_WAIT).
 * Cost: a few loads and stores from the CPU's pocket, else a compare-and-exchange and a count when
 * its current pageblock has a block, else a search by hints. Orders 0 to 5 also look at up to eight
 * other pageblocks, before a larger run of the current one is broken. Before it fails, a system
 * call (POSIX: membarrier) for each other pocket that is not empty.
 */
ROOST_MUST_CHECK roost_pfn roost_alloc(roost_t *roost, unsigned order, unsigned flags);

/*
 * Allocates at least n frames in one piece, of which less than a fifth are more than n. There are
 * four sizes from one power of two to the next: 4, 5, 6, 7, 8, 10, 12, 14, 16, 20 ... frames (and
 * 1, 2, 3). n is rounded up to the next one, and so is the n of the calls below; roost_frames()
 * says what it became. The block is exactly these frames: what is beside them was never taken and
 * is handed out to others. It is aligned to the largest power of two that divides its size: 20
 * frames to 4, 6 to 2. Blocks of a power of two are those of roost_alloc(), and either call's are
 * freed by either one.
 * The other sizes: up to 64 frames lie within 64 aligned ones, and are taken at once, by a mask of
 * bits; up to 448 lie within a pageblock. Of larger ones, 2^order frames must be free in one piece,
 * of which the last ones are given back at once. Without ROOST_WAIT the call may also fail while
 * there is a place for the block, if no run of the next power of two is free: of pageblocks with
 * smaller runs it looks at 16 of each list and size. There is no bulk form: each call is as cheap.
 * Any context; with ROOST_WAIT thread context; flags and return value as roost_alloc(). n of 0 or
 * above 2^max_order is misuse. Cost: as roost_alloc(); what lies in the pocket is not filled up for
 * it. (After jemalloc's size classes, and Linux's alloc_pages_exact().)
 */
ROOST_MUST_CHECK roost_pfn roost_alloc_n(roost_t *roost, uint64_t n, unsigned flags);

/*
 * Allocates up to count blocks of one order into pfns[]; returns how many. Contexts as
 * roost_alloc().
 */
ROOST_MUST_CHECK size_t roost_alloc_bulk(roost_t *roost, unsigned order, unsigned flags,
					 roost_pfn *pfns, size_t count);

enum {
	ROOST_PAGEBLOCK_WORDS = 1 << (ROOST_PAGEBLOCK_ORDER - 6),
};

/*
 * Allocates, each as a block of order 0, all frames of the pageblock that holds pfn which are free:
 * bit i of frames[] is its frame i. Returns how many. For a caller that gives memory back to a
 * system below: it takes what is free, has it unmapped, and frees it again. Nothing of pageblocks
 * that are isolated or part of the reserve, or while the reserve is short; not what lies in pockets
 * (roost_drain() empties them); 0 if there is no such frame. Any context; waits for nothing. Cost:
 * a few accesses for each word and each frame found.
 */
size_t roost_alloc_rest(roost_t *roost, roost_pfn pfn, uint64_t frames[ROOST_PAGEBLOCK_WORDS]);

/* The same also of pageblocks that are isolated or part of the reserve, however short it is: for a
 * caller that is about to take a certain part of memory out of use. Calls the pressure hook as an
 * allocation does. */
size_t roost_take_rest(roost_t *roost, roost_pfn pfn, uint64_t frames[ROOST_PAGEBLOCK_WORDS]);

/*
 * Allocates exactly the n frames from pfn on, all of them or none, whichever pageblocks they lie
 * in: also in isolated ones and in those of the reserve, however short it is. They become the
 * largest aligned blocks of which the range can be made, from its beginning on, each of which is
 * then freed or split on its own:
 *
 *	for (p = pfn; p < pfn + n; p += (roost_pfn)1 << order) {
 *		order = (unsigned)roost_order(roost, p);
 *		roost_free(roost, p, order);
 *	}
 *
 * Returns 0; -ROOST_EINVAL: not all of them are frames of one zone, without a hole between them
 * (a hole behind a frame that is allocated or on the move may be met too late: then it is one of
 * the next two);
 * -ROOST_EBUSY: one of them is allocated; -ROOST_EAGAIN: none was seen allocated, but others are
 * moving some of them, or hold locks before them, and so it was at each of a few tries (or a thread
 * stopped in the middle of a call that had one).
 * Any context; waits for nothing. Two calls for the same frames may both fail. Cost: a
 * compare-and-exchange for each 64 frames, for each whole pageblock 1 (if it is not whole, 9); as
 * much again to put back what it had when a frame is missing. If one is in a pocket, a system call
 * (POSIX: membarrier) for each pocket that is not empty. At most 4 tries.
 */
ROOST_MUST_CHECK int roost_take_range(roost_t *roost, roost_pfn pfn, uint64_t n);

/* The order of the allocated block that begins at pfn, or -1 if none does, or one whose size is no
 * power of two. Any context; racy unless the caller holds the block. Cost: a few loads. */
int roost_order(const roost_t *roost, roost_pfn pfn);
/* The frames of the allocated block that begins at pfn, whatever its size is; 0 if none does. As
 * above. */
uint64_t roost_frames(const roost_t *roost, roost_pfn pfn);

/*
 * The order of the free run around pfn, wherever it lies, or -1 if the frame is not free; the run
 * is the block of that order that holds pfn. Any context; racy: it was so at some instant. Cost: a
 * few loads, and 4 for each pocket if the frame is in no set.
 */
int roost_free_order(const roost_t *roost, roost_pfn pfn);

/*
 * Would roost_alloc(roost, order, flags) find a block, as far as is noted? False: there is none but
 * what others are moving at this moment. True may be wrong: notes may be old until a search has
 * followed them, and it does not say whether the reserve is in the way. Flags as there; bad ones
 * are misuse, and false. Any context. Cost: no matter how large the memory is, some loads for each
 * CPU, up to 32, and zone, and 4 for each pocket.
 */
bool roost_may_alloc(const roost_t *roost, unsigned order, unsigned flags);

/* ---- Free ------------------------------------------------------------------------------- */

struct roost_block {
	roost_pfn pfn;
	unsigned order;
};

/*
 * Frees a block that was allocated (or split) with this very order. Waits for nothing, takes no
 * lock, makes no system call, keeps errno. Any context. Cost: a few loads and stores into the CPU's
 * pocket; else a count, one OR for each 64 frames (from order 9 on: for each 64 pageblocks), loads;
 * 8 compare-and-exchanges more when it makes a pageblock all free, and an AND for each hint of it.
 */
void roost_free(roost_t *roost, roost_pfn pfn, unsigned order);

/* The same, in any context without exception with every engine: roost/pcpbuddy.h. */
void roost_free_nolock(roost_t *roost, roost_pfn pfn, unsigned order);

/*
 * Frees count blocks of any orders, owners and zones. Contexts as roost_free(). Neighbours in
 * the array share work if they are of one word of a set: sort by address if it is easy.
 */
void roost_free_bulk(roost_t *roost, const struct roost_block *blocks, size_t count);
void roost_free_bulk_nolock(roost_t *roost, const struct roost_block *blocks, size_t count);

/*
 * Turns an allocated block of order from into 2^(from - to) allocated blocks of order to, each
 * of which is then freed on its own. Returns 0, or -ROOST_EINVAL if to > from or the block is not
 * allocated with order from (which is also reported as misuse). Any context. Cost: 2^(from - to)
 * stores.
 */
int roost_split(roost_t *roost, roost_pfn pfn, unsigned from, unsigned to);

/*
 * Frees a block of n frames, rounded up as roost_alloc_n() does. Another size, a part of it, or the
 * rest of a power of two, is misuse. Waits for nothing, with every engine. Any context. Cost: as
 * roost_free_nolock(); of more than 64 frames, of each of the largest aligned blocks that make it
 * up, three at most.
 */
void roost_free_n(roost_t *roost, roost_pfn pfn, uint64_t n);

/*
 * Turns a block of n frames, rounded up as above, into the largest aligned blocks that make it up,
 * each of which is then freed, split or merged on its own, as after roost_take_range(). 0, or
 * -ROOST_EINVAL (no such block, which is also reported as misuse). Any context. Cost: a store for
 * each of them.
 */
int roost_split_n(roost_t *roost, roost_pfn pfn, uint64_t n);

/*
 * Frees an aligned part of an allocated block, or the block. What is left of the block stays
 * allocated, as one block of each order from this one to the one below the block's; if the block's
 * size is no power of two, after a roost_split_n(). The block is
 * the caller's alone: nobody frees, splits or merges any of it at the same time. What is no part of
 * an allocated block is reported as misuse of this call. Any context, waits for nothing. Cost: that
 * of roost_free_nolock(), and a load for each order up to the block's and as many stores.
 */
void roost_free_part(roost_t *roost, roost_pfn pfn, unsigned order);

/*
 * Turns the allocated blocks of any orders that make up 2^order aligned frames, and are the
 * caller's alone, into one. Returns 0 (also if they are one already), -ROOST_EINVAL if there are no
 * such blocks (which is also reported as misuse; what is allocated stays so), or, from order
 * 9 on, -ROOST_EAGAIN: others were setting one of the pageblocks apart, or back. Any context, waits
 * for nothing. Cost: two loads and a store for each block; from order 9 on a
 * compare-and-exchange for each pageblock.
 */
ROOST_MUST_CHECK int roost_merge(roost_t *roost, roost_pfn pfn, unsigned order);

/* ---- CPUs and maintenance --------------------------------------------------------------- */

/*
 * Takes a CPU off-line: its pcps are emptied, its pageblocks disowned, and frees that still come
 * its way go to the zone. Code may go on running there; it allocates from the zones. Visits each
 * pageblock. Thread context. 0 or -ROOST_EINVAL.
 */
int roost_cpu_offline(roost_t *roost, unsigned cpu);
int roost_cpu_online(roost_t *roost, unsigned cpu);

/*
 * Gives what the pcps of one CPU (cpu >= 0) or all CPUs (-1) hold back to the zones. Thread
 * context. Returns the number of frames moved. Any other number is misuse.
 */
size_t roost_drain(roost_t *roost, int cpu);

/*
 * Sets the pageblock that holds pfn apart (isolate = true): its free frames are not handed out any
 * more and frames that come back to it stay there; or undoes that, after which it is movable.
 * Frames of the block that lie on pcps of CPUs that do not own it are still handed out: drain
 * afterwards. Thread context. 0, -ROOST_EINVAL (no such frame, or part of the reserve, or it is so
 * already), -ROOST_EAGAIN (it is set apart, but a thread that was stopped while it emptied a pocket
 * may still hand out frames of it).
 */
ROOST_MUST_CHECK int roost_isolate(roost_t *roost, roost_pfn pfn, bool isolate);

/*
 * Memory that comes (Linux: on-line): the n frames from pfn on, which were absent, are present and
 * free from now on. The unit is the pageblock: the range begins and ends at multiples of
 * 2^ROOST_PAGEBLOCK_ORDER frames, or where only holes of its zone are beside it in the pageblock.
 * Their pageblocks are movable and nobody's; some become the reserve's as long as that is not
 * complete. The zone's low and high watermarks, where the configuration leaves them to the library,
 * are those of its new size.
 * Returns 0; -ROOST_EINVAL: not all of them are frames of one zone without a hole between them, or
 * the range ends within a pageblock; -ROOST_EEXIST: some are present; -ROOST_EAGAIN: another call
 * that adds or removes memory is under way, or somebody stopped in one (roost_recover() ends that).
 * Any context; waits for nothing. Cost: two bits for each pageblock, and a put of the
 * frames as a free makes it: an atomic operation for 64 whole pageblocks.
 * After add_pages() and online_pages() of Linux.
 */
ROOST_MUST_CHECK int roost_add_range(roost_t *roost, roost_pfn pfn, uint64_t n);

/*
 * Memory that goes (Linux: off-line): the n frames from pfn on are absent from now on, if all of
 * them are free; otherwise nothing changes. Wherever the free ones are they are taken as
 * roost_take_range() takes them. Isolated pageblocks are isolated no longer once they are gone. The
 * unit is that of roost_add_range(), which brings them back. From now on a free of such a frame is
 * ROOST_MISUSE_HOLE.
 * Returns 0; -ROOST_EINVAL as there; -ROOST_ENOENT: some are absent; -ROOST_EBUSY: some are
 * allocated, or part of the reserve, which stays; -ROOST_EAGAIN: others are moving some of them at
 * each of a few tries, or as there.
 * Any context; waits for nothing. Calls the pressure hook as an allocation does. Cost: that of
 * roost_take_range().
 *
 * Of a range that is in use, so that nobody takes it meanwhile, thread context:
 *
 *	roost_alloc_range(roost, pfn, n, move, context);	it is the caller's
 *	roost_isolate(roost, p, true);				each pageblock
 *	roost_free(roost, p, order);				each block of it
 *	roost_remove_range(roost, pfn, n);
 *
 * After offline_pages() of Linux.
 */
ROOST_MUST_CHECK int roost_remove_range(roost_t *roost, roost_pfn pfn, uint64_t n);

/*
 * Moves what is in an allocated block elsewhere and frees the block, all of it, by roost_free() or
 * roost_free_part(); true: it did. False: it cannot be moved. A block whose size is no power of two
 * comes with the next larger order; roost_frames() says what it is. Called in the context of the
 * call that it was given to, with no lock held. It may allocate: nothing of what is being emptied
 * is handed out meanwhile. Blocks of other users are shown, too: it refuses those that it does not
 * know.
 */
typedef bool roost_move_fn(void *context, roost_pfn pfn, unsigned order);

/*
 * Allocates the n frames from pfn on like roost_take_range(), but has what is in use of them moved
 * away first. Meanwhile their pageblocks are isolated; those of the reserve stay in use, and what
 * is allocated of these again is moved again, 4 passes at most. Returns 0, -ROOST_EINVAL,
 * -ROOST_EBUSY (move refused a block, somebody else has isolated one of the pageblocks, or frames
 * were in use again each time), -ROOST_EAGAIN; what was moved stays moved. Thread context. Cost: a
 * look at each block and free run, roost_isolate() of each pageblock and back, drains.
 */
ROOST_MUST_CHECK int roost_alloc_range(roost_t *roost, roost_pfn pfn, uint64_t n,
				       roost_move_fn *move, void *context);

/* A compaction under way. Start from {0}. */
struct roost_compaction {
	roost_pfn pfn; /* the block, once roost_compact() returned 0 */
	/* Since it began: pageblocks looked at, ranges tried to empty since the last success,
	 * blocks and frames moved, blocks that could not be. */
	uint64_t looked, tried, moved, moved_frames, refused;
	/* How far it is: the library's own. */
	roost_pfn next, first, best, last;
	uint64_t used, best_used, last_used;
	unsigned order, zone, found, moving, passes;
	uint32_t unused;
	uint64_t reserved[4];
};

/*
 * Obtains a block of this order, from ROOST_PAGEBLOCK_ORDER on, where none is free in one piece. It
 * looks for the aligned range of which the fewest frames are in use, all of one zone without a
 * hole, none of it isolated or part of the reserve, and empties it as roost_alloc_range() does. If
 * a block of it cannot be moved it goes on to the next cheapest one.
 * A call is one step: it looks at 512 pageblocks, or passes 512 blocks and free runs, and returns
 * -ROOST_EAGAIN; call it again with the same *compaction. Returns 0: compaction->pfn is the block,
 * allocated; -ROOST_EBUSY: no range is left that has not been tried since the last success (the
 * next call begins anew); -ROOST_EINVAL: no such order, or another one than in the call before.
 * Between the steps of an evacuation its pageblocks are isolated. Thread context; one call at a
 * time for each compaction.
 */
ROOST_MUST_CHECK int roost_compact(roost_t *roost, unsigned order, roost_move_fn *move,
				   void *context, struct roost_compaction *compaction);

/* Gives a compaction up in the middle: what it has isolated is in use again. Its figures stay; it
 * may begin anew, also with another order. Thread context. */
void roost_compact_end(roost_t *roost, struct roost_compaction *compaction);

/*
 * In a child after fork(), or after all threads that were inside are gone forever: puts back what
 * they had in hand, empties pockets, and makes counts and notes right. Blocks stay allocated that
 * some call had returned, or was about to; one that was being split is whole or completely split.
 * A range that was being added is present, or absent; so is one that was being removed.
 * No other thread may be inside, or return that was. Returns how many frames it put back. Thread
 * context. Cost: a look at each pageblock, and for those that are not all free at each frame's
 * record.
 */
size_t roost_recover(roost_t *roost);

/* ---- Looking at it ---------------------------------------------------------------------- */

struct roost_violation {
	const char *invariant; /* in English */
	roost_pfn pfn;	       /* ROOST_NONE if it concerns no frame */
	int zone, cpu;	       /* -1 if it concerns none */
	uint64_t expected, found;
	uint64_t reserved[2]; /* 0 */
};

/*
 * Checks every invariant of the metadata, reading only. Nobody else may be inside the allocator.
 * Returns 0, or -ROOST_EUCLEAN with the first violation in *violation (may be NULL).
 * Thread context. Cost: several visits of each frame's record.
 */
int roost_validate(const roost_t *roost, struct roost_violation *violation);

/* Counters of every engine, each with what it counts. All are of events since roost_init(). */
#define ROOST_COUNTERS(X)                                                                          \
	X(alloc_pcp, "allocations served by the CPU's own pcp")                                    \
	X(alloc_zone, "allocations served by the zone")                                            \
	X(alloc_other, "allocations served by another CPU's pcp")                                  \
	X(alloc_reserve,                                                                           \
	  "allocations that took from reserve blocks, or those kept for ROOST_ATOMIC")             \
	X(fail_wait, "allocations that were willing to wait and found no memory")                  \
	X(fail_nowait, "allocations that were not willing to wait and reached no memory")          \
	X(fail_while_free, "of those, how many may have missed a block: enough frames were free")  \
	X(free_local, "frees to the pcp of the freeing CPU")                                       \
	X(free_remote, "frees to the pcp of another CPU, the owner")                               \
	X(free_direct, "frees for which the zone is the way: large, isolated or reserve blocks")   \
	X(blocks_claimed, "pageblocks claimed by a CPU")                                           \
	X(blocks_stolen, "pageblocks turned to another migratetype")                               \
	X(wait_rounds, "rounds that allocations slept")                                            \
	X(pressure, "calls of the pressure hook")

enum {
#define ROOST_COUNTER_ONE(name, text) +1
	ROOST_NR_COUNTERS = ROOST_COUNTERS(ROOST_COUNTER_ONE),
#undef ROOST_COUNTER_ONE
};

/* New counters are added after the last. */
struct roost_stats {
#define ROOST_COUNTER_FIELD(name, text) uint64_t name;
	ROOST_COUNTERS(ROOST_COUNTER_FIELD)
#undef ROOST_COUNTER_FIELD
	uint64_t reserved[64 - ROOST_NR_COUNTERS]; /* not written to */
};

/*
 * Adds the counters of one zone (all: -1) on one CPU (all: -1) to *stats.
 * Any context; exact only at rest. 0 or -ROOST_EINVAL.
 */
int roost_stats(const roost_t *roost, int zone, int cpu, struct roost_stats *stats);

enum roost_list_type { /* the free lists of a zone; the first three are migratetypes */
		       ROOST_LIST_MOVABLE = ROOST_MOVABLE,
		       ROOST_LIST_UNMOVABLE = ROOST_UNMOVABLE,
		       ROOST_LIST_RECLAIMABLE = ROOST_RECLAIMABLE,
		       ROOST_LIST_RESERVE,
		       ROOST_LIST_ISOLATE,
		       ROOST_LIST_ATOMIC, /* kept for calls with ROOST_ATOMIC */
		       ROOST_NR_LISTS,
		       ROOST_LISTS_ROOM = 8, /* with those that later versions may have */
};

struct roost_zone_info {
	char name[16];
	unsigned node;
	roost_pfn start_pfn; /* the lowest frame */
	uint64_t spanned;    /* from the lowest to the highest frame, with holes and absent ones */
	uint64_t present;    /* with reserved ranges, without those that are absent */
	uint64_t managed;    /* what can be handed out: allocated + free */
	uint64_t free;	     /* in the zone's buddy system */
	uint64_t free_pcp;   /* on pcps */
	uint64_t free_llist; /* on lock-free lists */
	uint64_t min, low, high; /* watermarks */
	/* Free blocks in the buddy system; how many pageblocks have each type. */
	uint64_t blocks[ROOST_LISTS_ROOM][ROOST_MAX_ORDER + 1];
	uint64_t pageblocks[ROOST_LISTS_ROOM];
	uint64_t absent;      /* known, but not present */
	uint64_t reserved[7]; /* 0 */
};

/* Describes a zone. Any context; exact only at rest. 0 or -ROOST_EINVAL (no such zone). */
int roost_zone_info(const roost_t *roost, unsigned zone, struct roost_zone_info *info);

/*
 * Free frames of a zone, wherever they lie, without a walk; *whole (unless NULL) becomes how many
 * of them are in free blocks of ROOST_PAGEBLOCK_ORDER and above, as far as that is known. 0 if
 * there is no such zone. Any context; exact only at rest. Cost: some loads for each CPU and order.
 */
uint64_t roost_free_frames(const roost_t *roost, unsigned zone, uint64_t *whole);

struct roost_pcp_info {
	bool online;
	uint64_t count;	      /* frames on the lists */
	uint64_t llist;	      /* frames on the lock-free list */
	uint64_t whole;	      /* whole pageblocks among count */
	uint64_t reserved[4]; /* 0 */
};

/* Describes the pcp of a CPU in a zone. Any context; exact only at rest. 0 or -ROOST_EINVAL. */
int roost_pcp_info(const roost_t *roost, unsigned zone, unsigned cpu, struct roost_pcp_info *info);

enum roost_frame_state {
	ROOST_FRAME_OUTSIDE, /* in no range, in a hole, reserved, or absent */
	ROOST_FRAME_INSIDE,  /* inside a block, not its first frame */
	ROOST_FRAME_ALLOCATED,
	ROOST_FRAME_FREE_ZONE,
	ROOST_FRAME_FREE_PCP,
	ROOST_FRAME_FREE_LLIST,
	ROOST_FRAME_BUSY, /* on its way between two of these, or a pool has it out of use */
};

struct roost_frame_info {
	enum roost_frame_state state;
	/* Of the block whose first frame it is: its order, or that of the smallest power of two
	 * that holds it, and its frames. */
	unsigned order;
	int zone;		   /* -1 outside */
	int owner;		   /* CPU that owns the pageblock, -1 if none does */
	enum roost_list_type type; /* of the pageblock */
	uint32_t frames;
	uint32_t reserved[2]; /* 0 */
};

/* Describes a frame. Any context; racy unless the caller owns the block. */
void roost_frame_info(const roost_t *roost, roost_pfn pfn, struct roost_frame_info *info);

struct roost_pageblock_info {
	roost_pfn start, end; /* its frames; the first and the last of a run may have fewer */
	unsigned zone;
	int owner;		   /* CPU that owns it, -1 if none does */
	enum roost_list_type type; /* of whole ones: movable */
	/* Frames of [start, end) that are no hole, not reserved and not absent; 0 also if the pool
	 * below which this allocator is has taken the pageblock out of use. */
	unsigned usable;
	unsigned free; /* of these, without those in pockets of CPUs */
	int largest;   /* order of its largest free run, 9 at most; -1: none */
	int block; /* order of the allocated block that it lies in, if that is 9 or more; else -1 */
	bool whole;  /* it can be handed out in one piece: all free, nobody's, of no reserve */
	bool absent; /* not present: roost_add_range() */
};

/*
 * Describes the pageblock in which pfn is, or the next one above it. Where two zones meet within a
 * pageblock there is one of each. So this walks over all of them, however large the holes:
 *
 *	for (pfn = 0; !roost_pageblock_info(roost, pfn, &info); pfn = info.end)
 *
 * Any context; racy: each field was so at some instant. 0 or -ROOST_EINVAL (none is left). Cost:
 * some 20 loads, and one for each frame if it is neither whole nor one allocated block.
 */
int roost_pageblock_info(const roost_t *roost, roost_pfn pfn, struct roost_pageblock_info *info);

enum roost_dump {
	ROOST_DUMP_BUDDYINFO,	 /* as /proc/buddyinfo */
	ROOST_DUMP_PAGETYPEINFO, /* as /proc/pagetypeinfo */
	ROOST_DUMP_ZONEINFO,	 /* as /proc/zoneinfo */
};

/* Takes length bytes of text; a negative return ends the dump and is handed on. */
typedef int roost_write_fn(void *context, const char *text, size_t length);

/* Writes a text table. Any context in which write is legal. 0 or what write returned. */
int roost_dump(const roost_t *roost, enum roost_dump what, roost_write_fn *write, void *context);

/* Numbers that were configured or found: zones, CPUs, largest order. Any context. */
unsigned roost_nr_zones(const roost_t *roost);
unsigned roost_nr_cpus(const roost_t *roost);
unsigned roost_max_order(const roost_t *roost);

#ifdef __cplusplus
}
#ifndef __clang__
#pragma GCC diagnostic pop
#endif
#endif

#endif
