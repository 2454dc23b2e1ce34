/* SPDX-License-Identifier: MIT */
/*
 * random.h - a small random generator (splitmix64) whose whole state is one word, so that a run can
 * be repeated from its seed, and so that a signal handler can have its own.
 */
#ifndef TOOL_RANDOM_H
#define TOOL_RANDOM_H

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

/* A number below limit, limit > 0. */
static inline uint64_t random_below(struct random *r, uint64_t limit)
{
	return random_next(r) % limit;
}

/* Another such number, by a multiplication instead of a division, for what is timed;
 * limit < 2^32. */
static inline uint64_t random_scaled(struct random *r, uint64_t limit)
{
	return (random_next(r) >> 32) * limit >> 32;
}

/* True in percent of 100 cases. */
static inline int random_chance(struct random *r, unsigned percent)
{
	return random_below(r, 100) < percent;
}

#endif
