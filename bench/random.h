/* SPDX-License-Identifier: MIT */
/*
 * random.h - a small random generator (splitmix64): the same seed gives the same run.
 */
#ifndef BENCH_RANDOM_H
#define BENCH_RANDOM_H

#include <stdint.h>

struct random {
	uint64_t state;
};

static inline uint64_t random_next(struct random *r)
{
	uint64_t z = (r->state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* A number below limit, which fits in 32 bits: a multiplication instead of a division. */
static inline uint64_t random_below(struct random *r, uint64_t limit)
{
	return (random_next(r) >> 32) * limit >> 32;
}

#endif
