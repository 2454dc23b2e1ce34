/* SPDX-License-Identifier: MIT */
/*
 * engine.c - an allocator of your own beside the engines: a bitmap, searched from where the last
 * search ended, under a lock.
 *
 *	cc -O2 -shared -fPIC -I bench -o mine.so examples/engine.c
 *	roost compare --peer=mine.so TRACE...
 *	roost replay --peer=mine.so TRACE
 *	roost bench --peer=mine.so
 *
 * Put your allocator's calls into create(), alloc() and release(). A block is the number of its
 * first frame, from 0 on.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "peer.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned char *used; /* by frame */
static uint64_t frames, next;

static bool create(const struct bench_pool *pool)
{
	frames = pool->bytes >> BENCH_FRAME_SHIFT;
	next = 0;
	used = calloc(frames, 1);
	return used;
}

static void destroy(void)
{
	free(used);
}

static bool is_free(uint64_t block, uint64_t count)
{
	return !memchr(used + block, 1, count);
}

static uint64_t alloc(unsigned order)
{
	const uint64_t count = UINT64_C(1) << order;
	uint64_t found = BENCH_NONE;

	pthread_mutex_lock(&lock);
	next = (next + count - 1) & -count;
	for (uint64_t tried = 0; tried < frames && found == BENCH_NONE; tried += count) {
		if (next + count > frames)
			next = 0;
		if (is_free(next, count))
			found = next;
		next += count;
	}
	if (found != BENCH_NONE)
		memset(used + found, 1, count);
	pthread_mutex_unlock(&lock);
	return found;
}

static void release(uint64_t block, unsigned order)
{
	pthread_mutex_lock(&lock);
	memset(used + block, 0, UINT64_C(1) << order);
	pthread_mutex_unlock(&lock);
}

static uint64_t metadata(void)
{
	return frames;
}

const struct bench_peer *bench_peer(void)
{
	static const struct bench_peer peer = {
		.contract = BENCH_CONTRACT,
		.flags = BENCH_BOUNDED | BENCH_FRAMES | BENCH_FREES_PARTS,
		.name = "bitmap",
		.create = create,
		.destroy = destroy,
		.alloc = alloc,
		.free = release,
		.metadata = metadata,
	};

	return &peer;
}
