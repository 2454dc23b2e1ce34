/* SPDX-License-Identifier: MIT */
/*
 * peer_mmap.c - the kernel itself as a peer: each block is a mapping. Nothing is touched, so the
 * kernel hands out no frames; what is measured is what a program pays for asking it at all.
 */
#include <sys/mman.h>
#include <sys/utsname.h>

#include "peer.h"

static struct utsname system_name;

static bool mmap_create(const struct bench_pool *pool)
{
	(void)pool;
	return true;
}

static void mmap_destroy(void)
{
}

static uint64_t mmap_alloc(unsigned order)
{
	void *block = mmap(NULL, (size_t)1 << (BENCH_FRAME_SHIFT + order), PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return block == MAP_FAILED ? BENCH_NONE : (uint64_t)(uintptr_t)block;
}

static void mmap_free(uint64_t block, unsigned order)
{
	munmap((void *)(uintptr_t)block, (size_t)1 << (BENCH_FRAME_SHIFT + order));
}

/* The handler of a signal may make a system call, and this one takes no lock of the program's. */
static struct bench_peer peer = {
	.contract = BENCH_CONTRACT,
	.flags = BENCH_FREE_IN_HANDLER,
	.name = "mmap",
	.create = mmap_create,
	.destroy = mmap_destroy,
	.alloc = mmap_alloc,
	.free = mmap_free,
};

const struct bench_peer *bench_peer(void)
{
	if (uname(&system_name) == 0)
		peer.version = system_name.release;
	return &peer;
}
