/* SPDX-License-Identifier: MIT */
/*
 * histogram.h - how often a call took how long. Eight buckets for each power of two, so that a
 * quantile is at most an eighth too large.
 */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_STEPS = 8, HISTOGRAM_BUCKETS = 40 * HISTOGRAM_STEPS };

struct histogram {
	uint64_t counts[HISTOGRAM_BUCKETS];
	uint64_t all, most; /* the largest value as it was */
};

void histogram_add(struct histogram *histogram, uint64_t value);

/* The largest value of a bucket. */
uint64_t histogram_bound(unsigned bucket);

/* The value that so large a part of all, 0 to 1, does not exceed. */
uint64_t histogram_quantile(const struct histogram *histogram, double part);

#endif
