/* SPDX-License-Identifier: MIT */
/*
 * ring.h - blocks on their way from one thread to one other.
 *
 * Only the giver writes tail and only the taker head. Release and acquire on them order the slots:
 * without, a block could be seen before it is there, or be overwritten before it is taken.
 */
#ifndef BENCH_RING_H
#define BENCH_RING_H

#include <stdatomic.h>
#include <stdbool.h>

#include "peer.h"

enum { RING_SLOTS = 1024, RING_LINE = 64 };

struct ring {
	_Alignas(RING_LINE) _Atomic unsigned tail; /* the giver's */
	unsigned head_seen;			   /* so that the taker's line is seldom read */
	_Alignas(RING_LINE) _Atomic unsigned head; /* the taker's */
	unsigned tail_seen;
	_Alignas(RING_LINE) struct bench_block slots[RING_SLOTS];
};

static inline bool ring_has_room(struct ring *ring)
{
	unsigned tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);

	if (tail - ring->head_seen == RING_SLOTS)
		ring->head_seen = atomic_load_explicit(&ring->head, memory_order_acquire);
	return tail - ring->head_seen != RING_SLOTS;
}

/* There must be room. */
static inline void ring_give(struct ring *ring, struct bench_block block)
{
	unsigned tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);

	ring->slots[tail % RING_SLOTS] = block;
	atomic_store_explicit(&ring->tail, tail + 1, memory_order_release);
}

static inline bool ring_take(struct ring *ring, struct bench_block *block)
{
	unsigned head = atomic_load_explicit(&ring->head, memory_order_relaxed);

	if (head == ring->tail_seen)
		ring->tail_seen = atomic_load_explicit(&ring->tail, memory_order_acquire);
	if (head == ring->tail_seen)
		return false;
	*block = ring->slots[head % RING_SLOTS];
	atomic_store_explicit(&ring->head, head + 1, memory_order_release);
	return true;
}

#endif
