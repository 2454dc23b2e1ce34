/* SPDX-License-Identifier: MIT */
/*
 * counted.c - a peer for `roost scale` whose accesses are known. Each CPU has a word of its own,
 * which an allocation increments. By COUNTED in the environment, a free does:
 *
 *	own	the same		none of its lines moves
 *	shared	increments a word of all	it moves each time that another CPU was last
 *	spin	so under a lock of pthread's	and waiters look again
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "peer.h"

/* The port's, which the program provides. */
unsigned rst_cpu(void);

enum { CPUS = 512, LINE = 64 };

static struct {
	_Alignas(LINE) _Atomic uint64_t word;
} own[CPUS], shared;
static _Alignas(LINE) pthread_spinlock_t lock;
static const char *how;

static bool create(const struct bench_pool *pool)
{
	(void)pool;
	how = getenv("COUNTED");
	pthread_spin_init(&lock, 0);
	return how != NULL;
}

static void destroy(void)
{
}

static uint64_t alloc(unsigned order)
{
	(void)order;
	return atomic_fetch_add(&own[rst_cpu()].word, 1);
}

static void free_block(uint64_t block, unsigned order)
{
	(void)block;
	(void)order;
	if (!strcmp(how, "own")) {
		atomic_fetch_add(&own[rst_cpu()].word, 1);
	} else if (!strcmp(how, "shared")) {
		atomic_fetch_add(&shared.word, 1);
	} else {
		pthread_spin_lock(&lock);
		atomic_store(&shared.word, atomic_load(&shared.word) + 1);
		pthread_spin_unlock(&lock);
	}
}

static const struct bench_peer peer = {
	.contract = BENCH_CONTRACT,
	.flags = BENCH_BOUNDED,
	.name = "counted",
	.create = create,
	.destroy = destroy,
	.alloc = alloc,
	.free = free_block,
};

const struct bench_peer *bench_peer(void)
{
	return &peer;
}
