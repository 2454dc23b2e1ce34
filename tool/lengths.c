/* SPDX-License-Identifier: MIT */
/* lengths.c - see lengths.h. */
#include <string.h>

#include "lengths.h"

/* Lengths up to 1023 have a bucket each; above, 512 buckets for each power of two. */
enum { EXACT_BITS = 10, EXACT = 1 << EXACT_BITS, STEPS = EXACT / 2 };

_Static_assert(LENGTHS_BUCKETS == (64 - EXACT_BITS + 2) * STEPS, "one for each");

static unsigned bucket_of(uint64_t length)
{
	unsigned shift;

	if (length < EXACT)
		return (unsigned)length;
	shift = 64 - EXACT_BITS - (unsigned)__builtin_clzll(length);
	return shift * STEPS + (unsigned)(length >> shift);
}

static uint64_t length_of(unsigned bucket)
{
	const unsigned shift = bucket < EXACT ? 0 : bucket / STEPS - 1;

	return (uint64_t)(bucket - shift * STEPS) << shift;
}

void lengths_clear(struct lengths *lengths)
{
	memset(lengths, 0, sizeof(*lengths));
}

void lengths_add(struct lengths *lengths, uint64_t length)
{
	uint64_t longest = atomic_load_explicit(&lengths->longest, memory_order_relaxed);

	atomic_fetch_add_explicit(&lengths->buckets[bucket_of(length)], 1, memory_order_relaxed);
	while (length > longest &&
	       !atomic_compare_exchange_weak_explicit(&lengths->longest, &longest, length,
						      memory_order_relaxed, memory_order_relaxed))
		;
}

uint64_t lengths_count(const struct lengths *lengths)
{
	uint64_t count = 0;

	for (unsigned i = 0; i < LENGTHS_BUCKETS; i++)
		count += lengths->buckets[i];
	return count;
}

/* The least length that at least this part of them, in per cent, do not exceed. */
static uint64_t percentile(const struct lengths *lengths, uint64_t count, unsigned percent)
{
	uint64_t left = count / 100 * percent + (count % 100 * percent + 99) / 100;
	unsigned i = 0;

	while (i + 1 < LENGTHS_BUCKETS && lengths->buckets[i] < left)
		left -= lengths->buckets[i++];
	return length_of(i);
}

struct lengths_summary lengths_sum_up(const struct lengths *lengths)
{
	const uint64_t count = lengths_count(lengths);

	if (!count)
		return (struct lengths_summary){0};
	return (struct lengths_summary){.p50 = percentile(lengths, count, 50),
					.p99 = percentile(lengths, count, 99),
					.longest = lengths->longest};
}
