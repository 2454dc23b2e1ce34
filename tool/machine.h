/* SPDX-License-Identifier: MIT */
/*
 * machine.h - an allocator with real memory behind it, and a check of what it hands out.
 *
 * The allocator under test never touches the frames. The machine does: each frame that is handed
 * out is marked in a byte map of the machine's own and stamped at both ends in real memory with its
 * number and the serial number of its allocation. Both are checked when it comes back.
 *
 *   frame handed out while it is marked, or one that is no memory   -> doubled
 *   stamp or mark not as it was left                                -> corrupt
 *   managed - free of all zones after everything was freed          -> lost
 *
 * A block belongs to the thread that got it from machine_alloc(), so marks and stamps need no lock.
 * The map is atomic because it exists to detect when that is not true.
 */
#ifndef TOOL_MACHINE_H
#define TOOL_MACHINE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <roost/roost.h>

enum {
	MACHINE_FRAME_SHIFT = 12,
	MACHINE_ZONES = 2,
	MACHINE_FRAGMENT_ORDERS = ROOST_DEFAULT_MAX_ORDER + 1,
};

struct machine_config {
	uint64_t frames; /* one above the highest frame */
	unsigned cpus, max_order, check;
	const struct roost_pcpbuddy_config *pcpbuddy; /* NULL: the engine is another */
	bool bare; /* for timing: no marks and no stamps, the metadata touched beforehand */
	bool full; /* all memory starts out allocated: start.c frees what is free */
};

struct machine {
	roost_t *roost;
	struct roost_zone_config zones[MACHINE_ZONES];
	void *metadata;
	size_t metadata_size;
	unsigned char *memory;
	size_t memory_size;
	_Atomic unsigned char *out; /* per frame: 1 handed out, 2 no memory */
	uint64_t frames;
	/* What callers use, wherever the engine keeps the rest; not with bare. */
	_Atomic uint64_t *pageblocks, *regions; /* of 2 MiB and 1 GiB */
	_Atomic uint64_t mixed, empty_2m, empty_1g;
	bool bare;
	bool dry;			   /* the allocator is not called, all else is done */
	_Atomic uint64_t doubled, corrupt; /* frames */
	_Atomic uint64_t misuses;
	struct roost_misuse first_misuse; /* valid once misuses > 0 and the threads are gone */
};

/* The state at the end, after everything was freed. */
struct machine_verdict {
	uint64_t managed, lost;
	bool valid;
	struct roost_violation violation; /* if not valid */
};

/* How large the blocks are in which memory is free. */
struct machine_fragments {
	uint64_t mixed; /* pageblocks in which there are movable frames and others */
	/* Aligned pieces of memory in which nothing is in use, whether or not it is free as one. */
	uint64_t empty_2m, empty_1g;
	/* By order: how much of what is free in the zones lies in smaller blocks, 0 to 1. */
	double unusable[MACHINE_FRAGMENT_ORDERS];
};

struct machine_sums { /* over all zones, in frames but for blocks_2m */
	uint64_t managed, free, free_pcp, free_llist, blocks_2m;
	uint64_t by_order[ROOST_MAX_ORDER + 1]; /* of free, in blocks of that order */
	struct machine_fragments fragments;
};

/* False: error says why. */
bool machine_open(struct machine *machine, const struct machine_config *config, char error[]);
void machine_close(struct machine *machine);

/* Any context, as roost_alloc() and roost_free(). The serial given to both must be the same. */
roost_pfn machine_alloc(struct machine *machine, unsigned order, unsigned flags, uint64_t serial);
void machine_free(struct machine *machine, roost_pfn pfn, unsigned order, uint64_t serial,
		  bool nolock);

/* Into halves; any context, as roost_split(). False: the block stays whole. */
bool machine_split(struct machine *machine, roost_pfn pfn, unsigned order);

/* Frames in free blocks of at least this order that a caller with these flags may have. */
uint64_t machine_fitting(const struct machine *machine, unsigned order, unsigned flags);

/* ---- For the start (start.h) --------------------------------------------------------------- */

/* Is there such a frame that can be handed out? */
bool machine_has(const struct machine *machine, roost_pfn pfn);

/* A frame that is in use from the start on is marked, but has no stamp. */
void machine_mark(struct machine *machine, roost_pfn pfn, bool fixed);
void machine_unmark(struct machine *machine, roost_pfn pfn);

/* ---- Looking at it ------------------------------------------------------------------------- */

void machine_sum(const struct machine *machine, struct machine_sums *sums);

/* Thread context, at rest, all blocks freed. */
void machine_finish(struct machine *machine, struct machine_verdict *verdict);

#endif
