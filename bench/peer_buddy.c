/* SPDX-License-Identifier: MIT */
/*
 * peer_buddy.c - a buddy allocator as textbooks have it, under one lock: what the others must be
 * better than.
 *
 * For each order a doubly linked list of free blocks; for each frame a record with the links and
 * what it is the first frame of. Frames are numbered from 0. A block is split on its way out and
 * merged with its buddy, again and again, on its way in. The lock is pthread's spin lock, so a
 * handler must not free here.
 *
 * Guarded by the lock: all of it.
 */
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "peer.h"

enum { ORDERS = 19, TAKEN = 0x40, FREE = 0x80 };

/* So that zeroed memory, of which most is never written, is no block: frame + 1, 0 for none. */
struct record {
	uint32_t next, prev;
};

static struct {
	pthread_spinlock_t lock;
	uint64_t frames;
	unsigned top; /* the largest order */
	uint32_t first[ORDERS];
	uint64_t blocks[ORDERS]; /* free, of each order */
	struct record *records;
	uint8_t *state; /* of each first frame: FREE or TAKEN and its order; else 0 */
	size_t size;	/* of both arrays */
} buddy;

static void push(uint32_t frame, unsigned order)
{
	uint32_t second = buddy.first[order];

	buddy.records[frame] = (struct record){.next = second};
	if (second)
		buddy.records[second - 1].prev = frame + 1;
	buddy.first[order] = frame + 1;
	buddy.blocks[order]++;
	buddy.state[frame] = (uint8_t)(FREE | order);
}

static void take_out(uint32_t frame, unsigned order)
{
	struct record *record = &buddy.records[frame];

	if (record->prev)
		buddy.records[record->prev - 1].next = record->next;
	else
		buddy.first[order] = record->next;
	if (record->next)
		buddy.records[record->next - 1].prev = record->prev;
	buddy.blocks[order]--;
	buddy.state[frame] = 0;
}

static uint64_t alloc_locked(unsigned order)
{
	unsigned from = order;
	uint32_t frame;

	while (from <= buddy.top && !buddy.first[from])
		from++;
	if (from > buddy.top)
		return BENCH_NONE;
	frame = buddy.first[from] - 1;
	take_out(frame, from);
	while (from-- > order)
		push(frame + (1u << from), from);
	buddy.state[frame] = (uint8_t)(TAKEN | order);
	return frame;
}

static void free_locked(uint32_t frame, unsigned order)
{
	if (buddy.state[frame] != (TAKEN | order))
		abort(); /* as the others, it checks what is freed */
	buddy.state[frame] = 0;
	while (order < buddy.top) {
		uint32_t other = frame ^ (1u << order);

		if (other >= buddy.frames || buddy.state[other] != (FREE | order))
			break;
		take_out(other, order);
		frame &= ~(1u << order);
		order++;
	}
	push(frame, order);
}

static uint64_t buddy_alloc(unsigned order)
{
	uint64_t block;

	pthread_spin_lock(&buddy.lock);
	block = alloc_locked(order);
	pthread_spin_unlock(&buddy.lock);
	return block;
}

static void buddy_free(uint64_t block, unsigned order)
{
	pthread_spin_lock(&buddy.lock);
	free_locked((uint32_t)block, order);
	pthread_spin_unlock(&buddy.lock);
}

static bool buddy_create(const struct bench_pool *pool)
{
	uint64_t frames = pool->bytes >> BENCH_FRAME_SHIFT, at = 0;
	size_t size = frames * (sizeof(struct record) + 1);
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED || pool->max_order >= ORDERS || frames >= UINT32_MAX)
		return false;
	pthread_spin_init(&buddy.lock, PTHREAD_PROCESS_PRIVATE);
	buddy.frames = frames;
	buddy.top = pool->max_order;
	buddy.records = memory;
	buddy.state = (uint8_t *)(buddy.records + frames);
	buddy.size = size;
	for (unsigned order = buddy.top + 1; order-- > 0;)
		for (; at + (UINT64_C(1) << order) <= frames; at += UINT64_C(1) << order)
			push((uint32_t)at, order);
	return true;
}

static void buddy_destroy(void)
{
	munmap(buddy.records, buddy.size);
}

static uint64_t buddy_metadata(void)
{
	return buddy.size + sizeof(buddy);
}

static uint64_t buddy_free_huge(void)
{
	uint64_t huge = 0;

	for (unsigned order = BENCH_HUGE_ORDER; order <= buddy.top; order++)
		huge += buddy.blocks[order] << (order - BENCH_HUGE_ORDER);
	return huge;
}

static const struct bench_peer peer = {
	.contract = BENCH_CONTRACT,
	.flags = BENCH_BOUNDED | BENCH_FRAMES,
	.name = "buddy",
	.version = "textbook, one spin lock",
	.create = buddy_create,
	.destroy = buddy_destroy,
	.alloc = buddy_alloc,
	.free = buddy_free,
	.metadata = buddy_metadata,
	.free_huge = buddy_free_huge,
};

const struct bench_peer *bench_peer(void)
{
	return &peer;
}
