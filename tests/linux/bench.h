/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * bench.h - what the parts of roost_bench.ko know of each other.
 *
 * A peer is an allocator, or one way to call it. A case is what is done with it; it has one or two
 * phases, each of one operation again and again. A meter says what an operation took. How to ask
 * for what: bench_run.c; what the answers mean: scripts/linux-bench, scripts/linux-baseline. Two
 * modules are made of these files: roost_bench.ko, which has bench_ours.h as well, and
 * page_alloc_bench.ko (baseline.c), which needs no roost.ko.
 */
#ifndef BENCH_H
#define BENCH_H

#include <linux/types.h>

/* What a peer gave: a struct page *, or a pfn. */
typedef unsigned long bench_block;

enum bench_how {
	BENCH_WAIT,   /* the caller may sleep: GFP_KERNEL, ROOST_WAIT */
	BENCH_ATOMIC, /* an interrupt handler: GFP_ATOMIC */
	BENCH_TRY,    /* what is there, with no effort */
};

enum {
	BENCH_BATCH = 64,
	BENCH_EXIT = 512, /* as many as the end of a process frees at once */
};

/* Loops over operations, so that the calls in them are direct ones. */
struct bench_peer {
	const char *name;
	void (*pairs)(unsigned int order, enum bench_how how, unsigned int n);
	/* Until one fails: how many succeeded. */
	unsigned int (*get)(unsigned int order, enum bench_how how, bench_block *blocks,
			    unsigned int n);
	void (*put)(unsigned int order, bench_block *blocks, unsigned int n);
	/* Order 0; at most BENCH_BATCH, and of the kernel's own pages BENCH_EXIT. get_batch() finds
	 * zeroes in blocks[]. */
	unsigned int (*get_batch)(bench_block *blocks, unsigned int n);
	void (*put_batch)(bench_block *blocks, unsigned int n);
	/* Gives what CPUs keep back; NULL: nobody outside of it can ask for that. */
	void (*drain)(void);
};

/* The loops with nothing in them, and the kernel. */
extern const struct bench_peer bench_none, bench_linux;

/* ---- The module's own: bench_main.c, or baseline.c ------------------------------------------- */

/* All peers, and NULL. */
extern const struct bench_peer *const bench_peers[];
/* Does what a line says that only this module knows. -ENOENT: it does not. */
int bench_own(const char *line);
/* Around a case under no meter: says which counters have changed. */
void bench_before(void);
void bench_after(void);
/* Before frag: this many pages for a peer; the kernel gets those of others. */
void bench_make_room(const struct bench_peer *peer, unsigned int pages);

/* ---- bench_run.c ----------------------------------------------------------------------------- */

/* A folder in debugfs, by which the module gets its orders. */
void bench_open(const char *folder);
void bench_close(void);
/* Returns its second argument. */
bench_block bench_nothing(bench_block first, unsigned int second);
/* Adds to the answer. */
__printf(1, 2) void bench_say(const char *format, ...);

/* What one operation took. The locks are calls that take one of the kernel's own, or try to. */
struct bench_sample {
	u32 instructions, atomics, zone_locks, pcp_locks;
};

struct bench_meter {
	const char *name;
	int (*start)(void);
	void (*stop)(void);
	/* In between interrupts are off and nothing can be scheduled, though some ask for it. */
	void (*begin)(void);
	void (*end)(struct bench_sample *sample);
};

extern const struct bench_meter bench_meter_none;
extern const struct bench_meter bench_meter_tsc;  /* bench_tsc.c: by the clock of -icount */
extern const struct bench_meter bench_meter_step; /* bench_step.c: by single steps */

/* bench_tsc.c: time stamps to an instruction. */
int bench_tsc_calibrate(void);
u32 bench_tsc_instructions(u64 ticks);

/* bench_case.c */
int bench_case(const struct bench_meter *meter, const struct bench_peer *peer, const char *name,
	       unsigned int order, unsigned int times);
int bench_pairs(const struct bench_peer *peer, unsigned int order);
int bench_run_on(unsigned int cpu);

/* bench_step.c: in which functions the instructions of one allocation and its free are, as things
 * stand. */
int bench_profile(const struct bench_peer *peer, unsigned int order);

/* bench_frag.c */
int bench_frag(const struct bench_peer *peer, unsigned int pool_mb, bool mixed);

#endif
