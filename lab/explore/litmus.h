/* SPDX-License-Identifier: MIT */
/*
 * litmus.h - classic litmus tests, compiled like the engine, to check the explorer.
 */
#ifndef LAB_LITMUS_H
#define LAB_LITMUS_H

#include <stdint.h>

enum { LITMUS_RESULTS = 4 };

/* In the arena. tried and waited are locks of these kinds, in this order of ranks. */
struct litmus_state {
	_Alignas(64) _Atomic uint32_t x;
	_Alignas(64) _Atomic uint32_t y;
	_Alignas(64) _Atomic uint32_t tried;
	_Alignas(64) _Atomic uint32_t waited;
	_Alignas(64) _Atomic uint8_t byte;
	_Alignas(64) _Atomic uint16_t half;
	_Alignas(64) _Atomic uint64_t bits;
	_Alignas(64) uint32_t plain;
	_Alignas(64) uint32_t r[LITMUS_RESULTS];
};

struct litmus {
	const char *name;
	unsigned threads;
	void (*thread)(struct litmus_state *s, unsigned id);
	const char *weak; /* outcomes that must be seen, sorted: "00 01"; or a kind of failure */
	const char *sc;	  /* the same with sequentially consistent memory */
};

extern const struct litmus litmus_tests[];
extern const unsigned litmus_race_lines[2]; /* of "race": where it writes, where it reads */
extern const unsigned nr_litmus_tests;
/* The same with tasks of one CPU, which preempt each other. */
extern const struct litmus litmus_preempted[];
extern const unsigned nr_litmus_preempted;

#endif
