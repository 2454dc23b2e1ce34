/* SPDX-License-Identifier: MIT */
/*
 * holds.c - see holds.h. A thread holds one zone lock at a time, with all signals blocked, so what
 * it notes of a hold is its own. The sums are of all threads.
 */
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "holds.h"

/* Lengths up to 1023 have a bucket each; above, 512 buckets for each power of two. */
enum {
	EXACT_BITS = 10,
	EXACT = 1 << EXACT_BITS,
	STEPS = EXACT / 2,
	BUCKETS = (64 - EXACT_BITS + 2) * STEPS,
};

struct lengths {
	_Atomic uint64_t buckets[BUCKETS];
	_Atomic uint64_t longest;
};

static struct lengths frames, ns;
static atomic_bool on;
static atomic_bool modelled;

static _Thread_local uint64_t moved, taken_ns;

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

static void add(struct lengths *lengths, uint64_t length)
{
	uint64_t longest = atomic_load_explicit(&lengths->longest, memory_order_relaxed);

	atomic_fetch_add_explicit(&lengths->buckets[bucket_of(length)], 1, memory_order_relaxed);
	while (length > longest &&
	       !atomic_compare_exchange_weak_explicit(&lengths->longest, &longest, length,
						      memory_order_relaxed, memory_order_relaxed))
		;
}

static uint64_t count_of(const struct lengths *lengths)
{
	uint64_t count = 0;

	for (unsigned i = 0; i < BUCKETS; i++)
		count += lengths->buckets[i];
	return count;
}

/* The least length that at least this part of the holds, in per cent, do not exceed. */
static uint64_t percentile(const struct lengths *lengths, uint64_t count, unsigned percent)
{
	uint64_t left = count / 100 * percent + (count % 100 * percent + 99) / 100;
	unsigned i = 0;

	while (i + 1 < BUCKETS && lengths->buckets[i] < left)
		left -= lengths->buckets[i++];
	return length_of(i);
}

static void sum_up(const struct lengths *lengths, uint64_t count, struct holds_summary *summary)
{
	*summary = (struct holds_summary){0};
	if (!count)
		return;
	summary->p50 = percentile(lengths, count, 50);
	summary->p99 = percentile(lengths, count, 99);
	summary->longest = lengths->longest;
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t clock_cost(void)
{
	uint64_t least = UINT64_MAX;

	for (unsigned i = 0; i < 1000; i++) {
		const uint64_t before = now(), took = now() - before;

		if (took < least)
			least = took;
	}
	return least;
}

void holds_begin(void)
{
	memset(&frames, 0, sizeof(frames));
	memset(&ns, 0, sizeof(ns));
	modelled = false;
	on = true;
}

void holds_end(struct holds_result *result)
{
	on = false;
	result->count = count_of(&frames);
	result->timed = !modelled;
	result->clock_ns = clock_cost();
	sum_up(&frames, result->count, &result->frames);
	sum_up(&ns, count_of(&ns), &result->ns);
}

void roost_lab_lock_taken(void)
{
	if (!atomic_load_explicit(&on, memory_order_relaxed))
		return;
	moved = 0;
	taken_ns = now();
}

void roost_lab_lock_moved(uint64_t count)
{
	moved += count;
}

void roost_lab_lock_dropped(void)
{
	if (!atomic_load_explicit(&on, memory_order_relaxed))
		return;
	add(&ns, now() - taken_ns);
	add(&frames, moved);
}

void roost_lab_lock_modelled(uint64_t count)
{
	if (!atomic_load_explicit(&on, memory_order_relaxed))
		return;
	modelled = true;
	add(&frames, count);
}
