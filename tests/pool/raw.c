/* SPDX-License-Identifier: MIT */
/*
 * raw.c - the pool's calls enter no function of the C library that makes a system call for memory,
 * which the program or a library may have put its own before.
 */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <roost/pool.h>

#define MIB ((size_t)1 << 20)

enum { PAGE = 4096, BLOCKS = 8192 };

static volatile unsigned entered;
static const char *volatile which;

static long call(const char *name, long number, long a, long b, long c, long d, long e, long f)
{
	static long (*volatile make)(long, ...) = syscall;

	entered++;
	which = name;
	return make(number, a, b, c, d, e, f);
}

void *mmap(void *address, size_t bytes, int how, int flags, int fd, off_t offset)
{
	return (void *)call("mmap", SYS_mmap, (long)address, (long)bytes, how, flags, fd, offset);
}

int munmap(void *address, size_t bytes)
{
	return (int)call("munmap", SYS_munmap, (long)address, (long)bytes, 0, 0, 0, 0);
}

int mprotect(void *address, size_t bytes, int how)
{
	return (int)call("mprotect", SYS_mprotect, (long)address, (long)bytes, how, 0, 0, 0);
}

int madvise(void *address, size_t bytes, int advice)
{
	return (int)call("madvise", SYS_madvise, (long)address, (long)bytes, advice, 0, 0, 0);
}

int mincore(void *address, size_t bytes, unsigned char *pages)
{
	return (int)call("mincore", SYS_mincore, (long)address, (long)bytes, (long)pages, 0, 0, 0);
}

int main(void)
{
	struct roost_pool_config config = ROOST_POOL_CONFIG_INIT;
	static void *blocks[BLOCKS];
	roost_pool_t *pool;
	unsigned n = 0;

	config.limit = BLOCKS * PAGE;
	config.pages = ROOST_PAGES_NO_THP;
	entered = 0; /* the constructor, which nobody interrupts, may */
	if (roost_pool_create(&pool, &config))
		return 2;
	while (n < BLOCKS && (blocks[n] = roost_pool_alloc(pool, PAGE, 0)))
		*(char *)blocks[n++] = 1;
	if (n != BLOCKS || roost_pool_alloc(pool, PAGE, ROOST_WAIT))
		return 3;
	roost_pool_free_bulk(blocks, n);
	if (roost_pool_resident(pool) != BLOCKS * PAGE || roost_pool_trim(pool) != BLOCKS * PAGE)
		return 4;
	if (roost_pool_resize(pool, 2 * MIB) || roost_pool_resize(pool, BLOCKS * PAGE))
		return 5;
	roost_pool_destroy(pool);
	if (entered)
		fprintf(stderr, "%s() was called, %u calls in all\n", which, entered);
	return entered != 0;
}
