/* SPDX-License-Identifier: MIT */
/*
 * pcpbuddy.h - the engine pcpbuddy: what it has beside roost.h, and where it is not as said there.
 *
 * The default engine, sets, has nothing of this. The functions below are only in libraries that
 * were built with the engine pcpbuddy (roost_build_config() names the engine): a program that calls
 * one of them does not link with another library.
 *
 * It has two kinds of locks, and no context ever holds two of one kind. The lock of a pcp is held
 * with interrupts on and only ever tried. The lock of a zone is held only with interrupts off (in
 * POSIX: signals blocked), so it may be waited for. The hooks are called under neither. It keeps no
 * pockets, whatever roost_config.pockets says.
 *
 * The calls of roost.h with this engine:
 *
 * roost_alloc() tries the lock of the CPU's pcp and takes a block off a list there. If the pcp has
 * none, or its lock is taken, it goes to the zone: with ROOST_WAIT it waits for the zone lock,
 * without it tries it. So a call without ROOST_WAIT may also fail while others hold the locks
 * before the last frames. A call with ROOST_WAIT gives up without a proof for orders above 0 alone.
 * roost_alloc_bulk() takes each pcp lock once for many blocks.
 *
 * roost_alloc_rest() takes nothing that lies on pcps, and returns 0 if the zone lock is taken.
 * roost_take_rest() is the same.
 *
 * roost_take_range() looks at the range at most 4 times. Before each look it tries the zone lock,
 * RST_TRIES (64) times with a pause in between, and returns -ROOST_EAGAIN if it is taken all that
 * time; after each look that finds a frame missing it empties each pcp that it can lock. A look and
 * the taking are one hold of the zone lock, with interrupts off: a few accesses for each free chunk
 * in the range, as many as there are. So a large range that is in small pieces keeps interrupts off
 * for long, and others from the zone; a caller that minds takes parts of it, one after the other.
 *
 * roost_free_order() says the order of the chunk, which may not be merged yet.
 * roost_may_alloc() is true as long as pcps hold anything, since that may merge. ROOST_ONCE looks
 * at the CPU's pcp and the zones alone. roost_merge() never returns -ROOST_EAGAIN.
 *
 * roost_free() tries the lock of the owner's pcp and never waits for it. May wait, spinning with
 * interrupts off, for the zone lock. So it must not be called on top of code that runs with
 * interrupts off (an NMI), unless the port can tell (see src/core/port.h): there call
 * roost_free_nolock(), which only tries the zone lock too. roost_free_bulk() frees neighbours in
 * the array that have the same owner in one hold of its lock.
 *
 * roost_drain() passes over a pcp whose lock is taken. roost_cpu_offline() sleeps until it has had
 * each pcp lock of the CPU once. roost_isolate() returns -ROOST_EAGAIN if the owner is busy with
 * the pageblock: then nothing was done.
 *
 * roost_recover() does nothing, and returns 0: what was in hand is lost, and locks stay taken. If
 * somebody stopped in roost_add_range() or roost_remove_range(), these return -ROOST_EAGAIN from
 * then on.
 *
 * roost_pageblock_info() looks at the record of each block in the pageblock; its field free has
 * also what lies on pcps.
 */
#ifndef ROOST_PCPBUDDY_H
#define ROOST_PCPBUDDY_H

#include <roost/roost.h>

#ifdef __cplusplus
extern "C" {
#ifndef __clang__ /* g++ calls a structure and a function of one name shadowing */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#endif
#endif

/* ---- Configuration ---------------------------------------------------------------------- */

/* How a free reaches the CPU that owns the pageblock. */
enum roost_free_path {
	/* The seed: the pcp lock is only tried; when that fails the block goes to the zone. */
	ROOST_FREE_TRYLOCK = 0,
	/* v2 of the series: frees from other CPUs go to a lock-free list of the owner. */
	ROOST_FREE_LLIST = 1,
	/* Before the patch: waits for the pcp lock. Deadlocks. Only in builds with ROOST_LAB. */
	ROOST_FREE_BLOCKING = 2,
};

/* What roost_config.pcpbuddy points to; roost_init() reads it and keeps no pointer to it. Later
 * versions make fields out of what is reserved, for which 0 means what was so before. */
struct roost_pcpbuddy_config {
	/* Frames that a pcp holds before it drains; 0: from the zone's size. Below a pageblock,
	 * 512, no CPU owns pageblocks: so it is by default in zones of fewer pageblocks than
	 * CPUs. */
	uint32_t high;
	uint32_t batch; /* frames moved for each hold of a zone lock; 0: from high */
	enum roost_free_path free_path;
	uint32_t reserved[5]; /* must be 0 */
};

/* ---- Counters --------------------------------------------------------------------------- */

/* Those that it has beside ROOST_COUNTERS, each with what it counts. */
#define ROOST_PCPBUDDY_COUNTERS(X)                                                                 \
	X(free_llist, "frees pushed to the lock-free list of the owner")                           \
	X(free_fallback, "frees given to the zone because the pcp lock was taken")                 \
	X(free_dead, "frees given to the zone because the CPU was off-line")                       \
	X(free_zone_llist, "frees pushed to the zone's lock-free list, its lock being taken")      \
	X(trylock_fail_alloc, "pcp try-locks that failed in an allocation")                        \
	X(trylock_fail_free, "pcp try-locks that failed in a free")                                \
	X(trylock_fail_drain, "pcp try-locks that failed in a drain or a search for memory")       \
	X(zone_lock, "acquisitions of the zone lock")                                              \
	X(zone_lock_waited, "of those, how many had to wait")                                      \
	X(zone_trylock_fail, "failed tries of the zone lock")                                      \
	X(zone_frames, "frames moved under the zone lock, either way")                             \
	X(refill_recovered, "phase 0: frames recovered from owned blocks")                         \
	X(refill_claimed, "phase 1: frames of claimed blocks")                                     \
	X(refill_chunks, "phase 2: frames taken in chunks without stealing")                       \
	X(refill_stolen, "phase 3: frames taken from blocks of another migratetype")               \
	X(blocks_returned, "owned pageblocks that became whole in the zone and lost their owner")  \
	X(blocks_recovered, "owned pageblocks of which phase 0 found fragments in the zone")       \
	X(blocks_disowned, "pageblocks taken from an off-line CPU")                                \
	X(pcp_merged, "merges on a pcp")                                                           \
	X(pcp_drained, "frames drained from a pcp to the zone")                                    \
	X(absorbed, "frames taken off a lock-free list")

enum {
#define ROOST_COUNTER_ONE(name, text) +1
	ROOST_NR_PCPBUDDY_COUNTERS = ROOST_PCPBUDDY_COUNTERS(ROOST_COUNTER_ONE),
#undef ROOST_COUNTER_ONE
};

/* New counters are added after the last. */
struct roost_pcpbuddy_stats {
#define ROOST_COUNTER_FIELD(name, text) uint64_t name;
	ROOST_PCPBUDDY_COUNTERS(ROOST_COUNTER_FIELD)
#undef ROOST_COUNTER_FIELD
	uint64_t reserved[40 - ROOST_NR_PCPBUDDY_COUNTERS]; /* not written to */
};

/*
 * As roost_stats(): adds the counters of one zone (all: -1) on one CPU (all: -1) to *stats.
 * Any context; exact only at rest. 0 or -ROOST_EINVAL.
 */
int roost_pcpbuddy_stats(const roost_t *roost, int zone, int cpu,
			 struct roost_pcpbuddy_stats *stats);

/* ---- Marks ------------------------------------------------------------------------------ */

struct roost_pcpbuddy_pcp_info {
	uint64_t high;	      /* frames on its lists above which a free drains it */
	uint64_t batch;	      /* frames that a drain moves for each hold of the zone lock */
	uint64_t reserved[2]; /* 0 */
};

/* What roost_pcp_info() does not say of the pcp of a CPU in a zone. Any context. 0 or
 * -ROOST_EINVAL. */
int roost_pcpbuddy_pcp_info(const roost_t *roost, unsigned zone, unsigned cpu,
			    struct roost_pcpbuddy_pcp_info *info);

#ifdef __cplusplus
}
#ifndef __clang__
#pragma GCC diagnostic pop
#endif
#endif

#endif
