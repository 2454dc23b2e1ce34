/* SPDX-License-Identifier: MIT */
/*
 * Values under HISTOGRAM_STEPS have a bucket each. Above, the bucket is the position of the leading
 * one and the three bits after it.
 */
#include "histogram.h"

enum { STEP_BITS = 3 };

_Static_assert(HISTOGRAM_STEPS == 1 << STEP_BITS, "this number of bits makes a step");

static unsigned bucket_of(uint64_t value)
{
	unsigned shift, bucket;

	if (value < HISTOGRAM_STEPS)
		return (unsigned)value;
	shift = 63u - (unsigned)__builtin_clzll(value) - STEP_BITS;
	bucket = (shift << STEP_BITS) + (unsigned)(value >> shift);
	return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

uint64_t histogram_bound(unsigned bucket)
{
	unsigned shift;

	if (bucket < HISTOGRAM_STEPS)
		return bucket;
	shift = (bucket >> STEP_BITS) - 1;
	return ((uint64_t)(bucket - (shift << STEP_BITS) + 1) << shift) - 1;
}

void histogram_add(struct histogram *histogram, uint64_t value)
{
	histogram->counts[bucket_of(value)]++;
	histogram->all++;
	if (value > histogram->most)
		histogram->most = value;
}

uint64_t histogram_quantile(const struct histogram *histogram, double part)
{
	double wanted = part * (double)histogram->all;
	uint64_t seen = 0;

	for (unsigned bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
		seen += histogram->counts[bucket];
		if (seen > 0 && (double)seen >= wanted) {
			uint64_t bound = histogram_bound(bucket);

			return bound < histogram->most ? bound : histogram->most;
		}
	}
	return histogram->most;
}
