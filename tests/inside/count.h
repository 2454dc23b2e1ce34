/* SPDX-License-Identifier: MIT */
/*
 * count.h - the engine sets with each of its atomic accesses counted. It is built as for the
 * explorer, for thread sanitizer, whose entry points count.c provides; and on the model port, whose
 * CPUs, sequences and sleeps are count.c's too.
 */
#ifndef TESTS_COUNT_H
#define TESTS_COUNT_H

#include <stdbool.h>

struct counted {
	/* Since they were last set to 0. A sequence is one access. */
	unsigned accesses; /* all of them */
	unsigned changes;  /* of these, those that read and write in one: exchange, add, or, ... */
	unsigned sequences;
	unsigned sleeps, fences;
	unsigned reads;	 /* of what is not atomic */
	unsigned within; /* accesses to [from, to) */
	const volatile void *from, *to;

	/* How the port behaves. */
	bool pockets;	  /* there are sequences; set it before roost_init() */
	bool no_sequence; /* but each fails */
	bool no_fence;	  /* others' sequences cannot be fenced off */

	/* Called before each compare-and-exchange, unless NULL: what comes in between. */
	void (*meddle)(volatile void *word);
	unsigned tries; /* compare-and-exchanges while it was set */
	void (*on_sleep)(void);
	void (*on_fence)(void);

	/* Stores of any kind, tried ones too, since it was set to 0. on_stop is called before the
	 * one after stop_after of them, unless NULL: the thread may be gone there. */
	unsigned stores, stop_after;
	void (*on_stop)(void);
};

extern struct counted counted;

/* Counts from 0 on. The port behaves as it should, and nothing comes in between. */
static inline void reset(void)
{
	bool pockets = counted.pockets;

	counted = (struct counted){.pockets = pockets};
}

#endif
