/* SPDX-License-Identifier: MIT */
/*
 * oracle.h - what an allocation at rest must and may do, known without asking the allocator.
 *
 * One thread plays all CPUs, so nobody is ever in the middle of anything: there is no excuse. The
 * truth is the shadow (which frames are handed out), which pageblocks are set apart or part of
 * the reserve, and the rules of include/roost/roost.h and docs/design.md, gone through frame by
 * frame. Where the rules of pcpbuddy depend on whether a free frame lies in the zone or on a pcp,
 * roost_frame_info() is asked, which rig_compare() holds against the shadow.
 */
#ifndef TESTS_ORACLE_H
#define TESTS_ORACLE_H

#include "harness.h"
#include "seeds.h"

enum {
	ORACLE_BLOCKS = 64, /* pageblocks of a map, at most */
	ORACLE_ZONES = 3,
	ORACLE_RANGES = 8,
	ORACLE_CPUS = 40,
	ORACLE_EVENTS = SEEDS_EVENTS,
};

/* What roost_isolate() sets apart: the frames of one zone in a pageblock, up to where frames of
 * another zone lie between. */
struct oracle_block {
	roost_pfn first, last; /* usable frames */
	unsigned zone;
	bool reserve, apart, absent;
	bool stray[BLOCK]; /* pcpbuddy: set apart, but on a pcp before the call */
	/* As it was before the call. */
	bool was_whole, was_free; /* can be handed out in one piece; all of it free */
	bool was_kept; /* some of what is free of it lay with a CPU (sets: in a pocket) */
	unsigned was_type;
	bool on_pcp[BLOCK]; /* pcpbuddy */
};

struct oracle {
	struct rig rig;
	bool verbose;
	unsigned cpu;
	struct oracle_block blocks[ORACLE_BLOCKS]; /* ascending */
	unsigned nr_blocks, nr_zones, nr_cpus;
	uint64_t reserve_held[ORACLE_ZONES]; /* frames of the reserve's pageblocks */

	/* What the configuration of the rig points to. */
	struct roost_range ranges[ORACLE_RANGES];
	struct roost_zone_config zones[ORACLE_ZONES];
	uint8_t zone_order[ORACLE_ZONES * ORACLE_ZONES], cpu_node[ORACLE_CPUS];
	struct roost_pcpbuddy_config pcpbuddy; /* if that is the engine */
};

/* A call that allocates, and what was so before it. */
struct oracle_call {
	unsigned order, flags;
	uint64_t frames; /* the order's, or fewer: a size between two powers of two */
	uint32_t zones;	 /* bit z: it may use zone z */
	uint64_t
		in_zone[ORACLE_ZONES]; /* pcpbuddy: free frames of the zone that are not isolated */
	const char *due;	       /* why it must have a block, or NULL */
	struct roost_stats stats;
	unsigned nr_pressure;
	uint64_t kept[ORACLE_CPUS]; /* ROOST_ONCE: what each CPU has that it finds itself alone */
};

/* ---- oracle_rules.c ------------------------------------------------------------------------ */

/* Finds the pageblocks of the rig's map, and which of them are the reserve. */
void oracle_look(struct oracle *o);
/* The pageblock of a usable frame. */
struct oracle_block *oracle_block_of(struct oracle *o, roost_pfn pfn);
/* Pageblocks from first to last were added. */
void oracle_added(struct oracle *o, unsigned first, unsigned last);
/* All is free and drained: each zone has the blocks that its frames make up. */
void oracle_home(struct oracle *o);

/* Before a call of the current CPU for blocks of that many frames; for each block that it returned,
 * in the order in which they came (it is entered in the shadow); and then, with how many it
 * returned and was to. They fail the test if a rule is broken. */
void oracle_before(struct oracle *o, struct oracle_call *call, uint64_t frames, unsigned flags);
void oracle_success(struct oracle *o, const struct oracle_call *call, roost_pfn pfn);
void oracle_after(struct oracle *o, const struct oracle_call *call, size_t got, size_t wanted);

/* What roost_alloc_rest() (all: roost_take_rest()) must return for a frame's pageblock: how many,
 * at least and at most. */
void oracle_rest(struct oracle *o, roost_pfn pfn, bool all, uint64_t *least, uint64_t *most);

/* ---- inside/oracle_count.c ----------------------------------------------------------------- */

/* In the build whose accesses are counted: before roost_init(), before a call that fails, after it.
 */
#if TEST_COUNTED
void oracle_count_open(bool pockets);
void oracle_count_start(const struct oracle *o);
void oracle_count_end(const struct oracle *o, const struct oracle_call *call);
#else
static inline void oracle_count_open(bool pockets)
{
	(void)pockets;
}

static inline void oracle_count_start(const struct oracle *o)
{
	(void)o;
}

static inline void oracle_count_end(const struct oracle *o, const struct oracle_call *call)
{
	(void)o;
	(void)call;
}
#endif

/* ---- oracle_events.c ----------------------------------------------------------------------- */

/* A few numbers, which mean something in whatever state they are applied to. So a list of events
 * stays a list of events when some are left out. */
struct oracle_event {
	uint32_t what, cpu, a, b, c;
};

/* Makes a map, its configuration and a rig of it; false if no allocator can be made of that. */
bool oracle_open(struct oracle *o, uint64_t seed);
void oracle_events(uint64_t seed, struct oracle_event events[ORACLE_EVENTS]);
void oracle_do(struct oracle *o, const struct oracle_event *event);
/* Everything is given back, and can be allocated. */
void oracle_close(struct oracle *o);

#endif
