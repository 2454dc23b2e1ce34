/* SPDX-License-Identifier: MIT */
/*
 * where.h - where a context is: the calls that it is in, and its last access. Code notes it as it
 * runs, by return addresses; what they are called is only looked up when a finding is printed
 * (source.h, sights.h).
 */
#ifndef LAB_WHERE_H
#define LAB_WHERE_H

#include <stdbool.h>
#include <stdint.h>

enum { WHERE_DEPTH = 20 };

struct where {
	uint32_t depth;	     /* calls; those beyond WHERE_DEPTH are not kept */
	uint32_t statements; /* bits: these frames are statements of the scenario */
	/* Outermost first: a return address, or a struct statement. */
	uintptr_t frames[WHERE_DEPTH];
};

static inline void where_enter(struct where *w, uintptr_t frame, bool statement)
{
	if (w->depth < WHERE_DEPTH) {
		w->frames[w->depth] = frame;
		w->statements &= ~(UINT32_C(1) << w->depth);
		w->statements |= (uint32_t)statement << w->depth;
	}
	w->depth++;
}

static inline void where_leave(struct where *w)
{
	w->depth--;
}

static inline bool where_is_statement(const struct where *w, unsigned frame)
{
	return w->statements >> frame & 1;
}

/* What a context does, or has done, at a place that a finding is about. */
enum sight_kind {
	SIGHT_FAILS,
	SIGHT_WAITS,
	SIGHT_ACQUIRED,
	SIGHT_INTERRUPTIBLE, /* has interrupts on with the lock held */
	SIGHT_INTERRUPTED,
	SIGHT_PREEMPTED, /* does not run: another task of the CPU cannot be preempted */
	SIGHT_STUCK,	 /* waits for no lock */
	SIGHT_READS,
	SIGHT_WRITES,
	SIGHT_KINDS,
};

struct sight {
	enum sight_kind kind;
	char context[24], what[64]; /* a lock, a word, another context, or "" */
	struct where where;
};

enum { MOST_SIGHTS = 32 };

struct sights {
	unsigned nr, left_out;
	struct sight list[MOST_SIGHTS];
};

#endif
