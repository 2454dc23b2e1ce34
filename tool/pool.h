/* SPDX-License-Identifier: MIT */
/*
 * pool.h - an allocator with real memory behind it, and a witness beside it.
 *
 * The allocator under test never touches the frames. The pool does: each frame that is handed out
 * is marked in a byte map of the pool's own and stamped at both ends in real memory with its
 * number and the serial number of its allocation. Both are checked when it comes back.
 *
 *   frame handed out while it is marked, or one that is no memory   -> doubled
 *   stamp or mark not as it was left                                -> corrupt
 *   managed - free of all zones after everything was freed          -> lost
 *
 * Blocks belong to whoever got them from pool_alloc(), so marks and stamps need no lock; the map
 * is atomic because the point of it is to notice when that is not true.
 */
#ifndef TOOL_POOL_H
#define TOOL_POOL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <roost/roost.h>

enum {
	POOL_FRAME_SHIFT = 12,
	POOL_ZONES = 2,
	POOL_MIN_MIB = 32,
};

struct pool_config {
	uint64_t frames; /* one above the highest frame */
	unsigned cpus, max_order, check;
	uint32_t high, batch;
	enum roost_free_path free_path;
	bool bare; /* for timing: no marks and no stamps, the metadata touched beforehand */
};

struct pool {
	roost_t *roost;
	struct roost_zone_config zones[POOL_ZONES];
	void *metadata;
	size_t metadata_size;
	unsigned char *memory;
	size_t memory_size;
	_Atomic unsigned char *out; /* per frame: 1 handed out, 2 no memory */
	uint64_t frames;
	bool bare;
	bool dry;			   /* the allocator is not called: what is done besides */
	_Atomic uint64_t doubled, corrupt; /* frames */
	_Atomic uint64_t misuses;
	struct roost_misuse first_misuse; /* valid once misuses > 0 and the threads are gone */
};

/* What is left when all is over. */
struct pool_verdict {
	uint64_t managed, lost;
	bool valid;
	struct roost_violation violation; /* if not valid */
};

struct pool_sums { /* over all zones, in frames but for blocks_2m */
	uint64_t managed, free, free_pcp, free_llist, blocks_2m;
};

/* False: error says why. */
bool pool_open(struct pool *pool, const struct pool_config *config, char error[]);
void pool_close(struct pool *pool);

/* Any context, as roost_alloc() and roost_free(). The serial given to both must be the same. */
roost_pfn pool_alloc(struct pool *pool, unsigned order, unsigned flags, uint64_t serial);
void pool_free(struct pool *pool, roost_pfn pfn, unsigned order, uint64_t serial, bool nolock);

/* Into halves; any context, as roost_split(). False: the block stays whole. */
bool pool_split(struct pool *pool, roost_pfn pfn, unsigned order);

/* Frames in free blocks of at least this order that a caller with these flags may have. */
uint64_t pool_fitting(const struct pool *pool, unsigned order, unsigned flags);

void pool_sum(const struct pool *pool, struct pool_sums *sums);

/* Thread context, at rest, all blocks freed. */
void pool_finish(struct pool *pool, struct pool_verdict *verdict);

#endif
