/* SPDX-License-Identifier: MIT */
/*
 * peer.h - what `roost bench` asks of an allocator that it measures: a peer.
 *
 * A peer is a shared object that exports one function, bench_peer(). This header needs nothing of
 * roost, so that anybody can write such an adapter for an allocator of their own and set it beside
 * the others with `roost bench --peer=PATH.so`; docs/benchmarks.md has one of twenty lines. With
 * BENCH_BOUNDED and BENCH_FRAMES `roost compare --peer=PATH.so` replays traces on it, as well:
 * docs/lab.md.
 *
 * A process has one pool of a peer at a time, so no function takes it. Each sample is taken in a
 * process of its own. Threads are pinned; a peer that wants to know the CPU asks the system, as in
 * use.
 *
 * A block is whatever 64 bits tell the peer which it is: a frame number or an address. Nobody
 * touches the memory of a block but the peer itself.
 */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Changes when the structs of this file do. */
enum { BENCH_CONTRACT = 3 };

enum { BENCH_FRAME_SHIFT = 12, BENCH_HUGE_ORDER = 9 };

/* No block. */
#define BENCH_NONE (~(uint64_t)0)

struct bench_block {
	uint64_t block;
	unsigned order;
};

/* What a pool must be able to do. */
struct bench_pool {
	uint64_t bytes;	    /* a multiple of 2 MiB; blocks are 4 KiB << order */
	unsigned cpus;	    /* CPU numbers of threads are below */
	unsigned max_order; /* the largest order that will be asked for */
};

enum {
	/* It manages bytes and no more, so that it can be full. */
	BENCH_BOUNDED = 1u << 0,
	/* free is legal in a signal handler on top of any call of the peer. */
	BENCH_FREE_IN_HANDLER = 1u << 1,
	/* A block is the number of its first frame, from 0 on, a multiple of 1 << order. */
	BENCH_FRAMES = 1u << 2,
	/* With BENCH_FRAMES: a block may be freed in parts, each by its own number and order. */
	BENCH_FREES_PARTS = 1u << 3,
};

/* Objects of one size, with or without blocks of frames. A process has objects or a pool. The
 * benchmark writes the first eight bytes of an object that it has. */
struct bench_objects {
	/* Before all else, once in a process; at most `bytes` are in use at a time. False: it has
	 * no such objects. */
	bool (*create)(size_t size, uint64_t bytes);

	/* From any thread. NULL: there is none. */
	void *(*alloc)(void);
	void (*free)(void *object);

	/* May both be NULL: then many are taken and freed one by one. */
	size_t (*alloc_bulk)(void **objects, size_t count); /* how many */
	void (*free_bulk)(void *const *objects, size_t count);
};

struct bench_peer {
	unsigned contract;   /* BENCH_CONTRACT */
	unsigned flags;	     /* BENCH_BOUNDED ... */
	const char *name;    /* one word */
	const char *version; /* NULL: unknown */
	/* Why it cannot be measured on this machine, or NULL: it can. May be NULL itself. */
	const char *(*absent)(void);

	/* create, destroy, alloc and free may be NULL if there are objects: it has no blocks. */

	/* Before all else, once in a process. False: it has no such pool. */
	bool (*create)(const struct bench_pool *pool);
	void (*destroy)(void);

	/* From any thread. BENCH_NONE: there is no such block. */
	uint64_t (*alloc)(unsigned order);
	void (*free)(uint64_t block, unsigned order);

	/* The rest may be NULL: what needs it then reads "not measured". */
	size_t (*alloc_bulk)(unsigned order, uint64_t *blocks, size_t count); /* how many */
	void (*free_bulk)(const struct bench_block *blocks, size_t count);
	void (*drain)(void); /* what CPUs keep goes back */
	/* A block that nobody moves later. NULL: it makes no difference, so alloc has it too. */
	uint64_t (*alloc_unmovable)(unsigned order);
	uint64_t (*metadata)(void);  /* bytes that the pool takes beside its memory */
	uint64_t (*free_huge)(void); /* free aligned 2 MiB, at rest */
	const struct bench_objects *objects;
};

/* The one symbol of a peer. */
const struct bench_peer *bench_peer(void);

#ifdef __cplusplus
}
#endif

#endif
