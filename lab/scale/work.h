/* SPDX-License-Identifier: MIT */
/*
 * work.h - the workloads: those of `roost bench` (docs/benchmarks.md), in turns that end after a
 * number of operations instead of a time. They run on virtual CPUs (model.c), and to calibrate the
 * model on threads (calibrate.c).
 */
#ifndef SCALE_WORK_H
#define SCALE_WORK_H

#include "bench/peer.h"
#include "counts.h"
#include "tool/common/random.h"

enum { WORK_ERROR_MAX = 160 };

struct work;
struct worker;

/* What runs the workers. */
struct stage {
	void (*count)(enum kind kind); /* may be NULL: it does not matter what is being done */
	void (*yield)(void);	       /* others have to do something first */
	void (*meet)(struct worker *worker); /* all wait for the last one */
	void (*outside)(unsigned cpu); /* what follows, before they run, is done on that CPU */
	bool (*enough)(void);	       /* no further turn begins; NULL: never */
	void (*turned)(struct worker *worker); /* after each that counts; may be NULL */
	unsigned (*cpus)(unsigned nr);	       /* CPUs of a pool for nr workers; NULL: nr */
};

/* No two on a line of the cache, nor on a pair of lines that a processor fetches at once. */
struct worker {
	_Alignas(128) const struct work *work;
	const struct bench_peer *peer;
	const struct stage *stage;
	struct worker *all;
	unsigned index, nr; /* of all */
	uint64_t turns;	    /* that are counted */
	bool counts;	    /* now */
	struct random random;
	uint64_t *blocks; /* that it holds */
	unsigned held;
	struct ring *ring; /* what it gives to others */
	char *error;	   /* WORK_ERROR_MAX, of all; "": none */
	uint64_t turned;   /* turns that have ended: for its stage */
};

struct work {
	const char *name, *text;
	unsigned holds;			   /* blocks at most */
	unsigned ops;			   /* of a turn: allocations */
	unsigned warm;			   /* turns before it is in its steady state */
	unsigned pageblocks;		   /* of the pool, for each CPU */
	bool full;			   /* the pool is filled before it begins */
	void (*prepare)(struct worker *w); /* may be NULL */
	void (*turn)(struct worker *w);
	bool half; /* of the CPUs allocate, and the others free */
};

extern const struct work works[];
extern const unsigned nr_works;

/* NULL: there is none of this name. */
const struct work *work_find(const char *name);

/* A pool and workers for it, or NULL: error says why. At least ops counted allocations for each. */
struct worker *work_begin(const struct work *work, const struct bench_peer *peer, unsigned cpus,
			  unsigned ops, uint64_t seed, const struct stage *stage,
			  char error[WORK_ERROR_MAX]);

/* What one worker does. */
void work_run(void *worker);

#endif
