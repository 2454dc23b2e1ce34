/* SPDX-License-Identifier: MIT */
/*
 * plan.h - turns a trace into steps, before any of them is taken.
 *
 * The plan matches each free with its allocation by the traced pfn, and turns the events into
 * steps on blocks. A block is one life of one run of traced frames: it comes out of an allocation
 * or a split and ends in a free or a split. Blocks have numbers; where the allocator under test
 * puts them is known only when the steps are taken.
 *
 * Three things in a trace are not as simple as an allocation and its free:
 *
 *   split        A free of a part of a block. The block is halved, and the half that holds the
 *                part again, until the part is a block of its own. One step per halving.
 *   unseen free  An allocation (or a larger free) on frames that are still in use: their free is
 *                not in the trace. It is made up just before.
 *   unmatched    A free whose allocation is not in the trace. It is counted and not replayed.
 *
 * So that, counted in blocks, with inferred = splits - unseen_frees:
 *
 *   allocs + inferred == matched_frees + live_at_end
 */
#ifndef TOOL_PLAN_H
#define TOOL_PLAN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <roost/roost.h>

#include "trace.h"

enum block_state {
	BLOCK_PENDING, /* its allocation has not been done yet */
	BLOCK_AWAITED, /* and a thread sleeps until it is */
	BLOCK_LIVE,
	BLOCK_FAILED, /* the allocator had no memory for it */
	BLOCK_FREED,
};

struct block {
	roost_pfn pfn; /* where it is in the replay; valid once state is LIVE */
	_Atomic uint32_t state;
	uint32_t serial; /* of the allocation that it is a part of: what its frames are stamped with
			  */
	uint16_t cpu;	 /* virtual CPU of that allocation */
	uint8_t order;
};

enum step_kind { STEP_ALLOC, STEP_FREE, STEP_SPLIT, STEP_UNSEEN_FREE };

struct step {
	uint64_t time_ns;
	uint32_t block;
	uint32_t child; /* STEP_SPLIT: the lower half; the upper one is child + 1 */
	uint16_t cpu;
	uint8_t kind;	 /* enum step_kind */
	uint8_t context; /* enum trace_context */
	uint8_t flags;	 /* STEP_ALLOC: of roost_alloc() */
};

enum unmatched_reason {
	UNMATCHED_BEFORE_TRACE, /* no frame of it was seen before: allocated before the trace */
	UNMATCHED_BULK,		/* order 0 and seen before: bulk allocations leave no event */
	UNMATCHED_UNKNOWN,
	UNMATCHED_NR,
};

extern const char *const unmatched_names[UNMATCHED_NR];
extern const char *const unmatched_texts[UNMATCHED_NR];
extern const char *const context_names[TRACE_NR_CONTEXTS];

struct plan_class { /* allocations and frees of one class */
	uint64_t allocs, frees;
};

struct plan {
	struct step *steps;
	size_t nr_steps, room_steps;
	struct block *blocks;
	uint32_t nr_blocks, room_blocks;
	unsigned nr_cpus;
	unsigned
		traced_cpus; /* highest CPU of the trace + 1, or how many there are if renumbered */
	bool renumbered;     /* CPU numbers went beyond ROOST_MAX_CPUS: they count anew from 0 on */
	unsigned max_order;  /* of the trace */

	uint64_t allocs, frees;
	uint64_t matched_frees, cross_cpu_frees, splits, unseen_frees, live_at_end;
	uint64_t batched, batched_alone; /* notes, and those on frames that are in use */
	uint64_t unmatched[UNMATCHED_NR];
	struct plan_class orders[ROOST_MAX_ORDER + 1];
	struct plan_class contexts[TRACE_NR_CONTEXTS];
	uint64_t touched;     /* pageblocks in which frames are */
	uint64_t end_pfn;     /* one above the highest traced frame */
	uint64_t peak_frames; /* most frames in use at once, as traced */
	uint64_t first_ns, last_ns;
};

/* cpus: virtual CPUs of the replay, or 0: as many as were traced. Not reentrant with itself. */
void plan_make(struct plan *plan, const struct trace *trace, unsigned cpus);
void plan_release(struct plan *plan);

/* How many frames a machine like the traced one has: up to the highest frame. Beyond 16 GiB, at
 * most 16 for each frame in a pageblock that the trace touches. A trace does not show where memory
 * is: its highest frames may be on another node, or on a device. */
uint64_t plan_machine(const struct plan *plan);

/* Blocks that come from no allocation event; may be negative. */
int64_t plan_inferred(const struct plan *plan);
uint64_t plan_unmatched(const struct plan *plan);

#endif
