/* SPDX-License-Identifier: MIT */
/*
 * lengths.h - how long many things took: half of them, 99 of 100, the longest. Threads may add side
 * by side.
 */
#ifndef TOOL_LENGTHS_H
#define TOOL_LENGTHS_H

#include <stdatomic.h>
#include <stdint.h>

enum { LENGTHS_BUCKETS = 56 * 512 };

struct lengths {
	_Atomic uint64_t buckets[LENGTHS_BUCKETS];
	_Atomic uint64_t longest;
};

/* p50: half of them are at most as long. Lengths above 1023 are known to 0.2 % but for the longest.
 */
struct lengths_summary {
	uint64_t p50, p99, longest;
};

void lengths_clear(struct lengths *lengths);
void lengths_add(struct lengths *lengths, uint64_t length);
uint64_t lengths_count(const struct lengths *lengths);
struct lengths_summary lengths_sum_up(const struct lengths *lengths); /* zeroes: there are none */

#endif
