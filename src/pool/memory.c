/* SPDX-License-Identifier: MIT */
/*
 * memory.c - reserves a pool's address space, and gets memory from the kernel and gives it back.
 *
 * Memory that is out of use cannot be touched (PROT_NONE) or, if it was in use before, has no
 * pages. Reserved huge pages are mapped only while in use, and get their pages at once. So when the
 * kernel has no more, growing fails, instead of a later write being killed.
 *
 * Locked memory (mlock, mlockall): madvise() cannot give it back. Free pages stay until the program
 * unlocks them. Memory that goes out of use is mapped again, and comes back into use as new memory.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <linux/mman.h>
#include <sys/mman.h>

#include "core/port.h"
#include "pool/pool.h"
#include "raw.h"

/* The caller may be a handler, or malloc itself: see raw.h. As the calls of these names. */
static void *map(void *address, size_t bytes, int protection, int flags)
{
	long result = rst_raw(SYS_mmap, (long)address, (long)bytes, protection, flags, -1, 0);

	return result < 0 && result > -4096 ? MAP_FAILED : (void *)result;
}

static void *move(char *from, size_t bytes, int flags, char *to)
{
	long result = rst_raw(SYS_mremap, (long)from, (long)bytes, (long)bytes, flags, (long)to, 0);

	return result < 0 && result > -4096 ? MAP_FAILED : (void *)result;
}

static bool unmap(char *address, size_t bytes)
{
	return rst_raw(SYS_munmap, (long)address, (long)bytes, 0, 0, 0, 0) == 0;
}

static bool protect(char *address, size_t bytes, int protection)
{
	return rst_raw(SYS_mprotect, (long)address, (long)bytes, protection, 0, 0, 0) == 0;
}

static bool advise(char *address, size_t bytes, int advice)
{
	return rst_raw(SYS_madvise, (long)address, (long)bytes, advice, 0, 0, 0) == 0;
}

static bool resident(char *address, size_t bytes, unsigned char *pages)
{
	return rst_raw(SYS_mincore, (long)address, (long)bytes, (long)pages, 0, 0, 0) == 0;
}

/* ---- Address space ------------------------------------------------------------------------- */

static bool is_huge(const roost_pool_t *pool)
{
	return pool->pages >= ROOST_PAGES_2M;
}

/* Reserved, and inaccessible. */
static void *reserve(void *address, size_t bytes, int flags)
{
	return map(address, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | flags);
}

/* A wish: kernels that cannot do it use small pages. */
static void wish(const roost_pool_t *pool, char *address, size_t bytes)
{
	if (pool->pages == ROOST_PAGES_THP)
		advise(address, bytes, MADV_HUGEPAGE);
	else if (pool->pages == ROOST_PAGES_NO_THP)
		advise(address, bytes, MADV_NOHUGEPAGE);
}

int rst_memory_reserve(roost_pool_t *pool)
{
	size_t align = rst_page_size(pool) << pool->max_order;
	char *reserved = reserve(NULL, pool->limit + align, 0);

	if (reserved == MAP_FAILED)
		return -ENOMEM;
	pool->reserved_size = pool->limit + align;
	atomic_signal_fence(memory_order_seq_cst);
	pool->reserved = reserved;
	pool->base = pool->reserved + (-(uintptr_t)pool->reserved & (align - 1));
	wish(pool, pool->base, pool->limit);
	return 0;
}

/* On the nodes in whose zones address .. address + bytes lies; the memory is at now. */
static void place(const roost_pool_t *pool, const char *address, size_t bytes, char *now)
{
	size_t span = pool->limit / pool->nodes;
	const char *end = address + bytes;

	while (pool->nodes > 1 && address < end) {
		size_t node = (size_t)(address - pool->base) / span;
		const char *last = pool->base + (node + 1) * span;
		size_t part = (size_t)((last < end ? last : end) - address);

		rst_numa_place(now, part, (unsigned)node);
		address += part;
		now += part;
	}
}

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

/*
 * Maps them elsewhere first and then moves them (Linux 5.16). Mapped in place, they would leave a
 * hole when there are no more of them, and other threads map memory in holes.
 *
 * The pages are taken at once. A reservation does not guarantee a page for each later touch: a
 * container may have fewer pages than the machine, and ignores the reservation.
 */
static bool map_huge(const roost_pool_t *pool, char *address, size_t bytes)
{
	int size = pool->pages == ROOST_PAGES_1G ? MAP_HUGE_1GB : MAP_HUGE_2MB;
	char *found = map(NULL, bytes, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | size);

	if (found == MAP_FAILED)
		return false;
	place(pool, address, bytes, found);
	if (advise(found, bytes, MADV_POPULATE_WRITE) &&
	    move(found, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, address) == address)
		return true;
	unmap(found, bytes);
	/* If the move failed half-way there is a hole now. */
	reserve(address, bytes, MAP_FIXED_NOREPLACE);
	return false;
}

int rst_memory_use(const roost_pool_t *pool, char *address, size_t bytes)
{
	if (is_huge(pool))
		return map_huge(pool, address, bytes) ? 0 : -ENOMEM;
	if (!protect(address, bytes, PROT_READ | PROT_WRITE))
		return -ENOMEM;
	place(pool, address, bytes, address);
	return 0;
}

/* New memory takes its place in the kernel's eyes. If the process may lock no more, it is at least
 * unlocked memory. */
static void unuse_locked(const roost_pool_t *pool, char *address, size_t bytes)
{
	if (reserve(address, bytes, MAP_FIXED) != MAP_FAILED)
		wish(pool, address, bytes);
	else if (rst_raw(SYS_munlock, (long)address, (long)bytes, 0, 0, 0, 0) == 0)
		rst_memory_give_back(address, bytes);
}

void rst_memory_unuse(const roost_pool_t *pool, char *address, size_t bytes)
{
	if (is_huge(pool))
		reserve(address, bytes, MAP_FIXED);
	else if (!rst_memory_give_back(address, bytes))
		unuse_locked(pool, address, bytes);
}

bool rst_memory_give_back(char *address, size_t bytes)
{
	return advise(address, bytes, MADV_DONTNEED); /* fails if it is locked */
}

bool rst_memory_is_filled(char *address)
{
	unsigned char has = 0;

	return resident(address, 1, &has) && has & 1;
}

void *rst_memory_zeroed(size_t bytes)
{
	void *memory = map(NULL, bytes, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE);

	return memory == MAP_FAILED ? NULL : memory;
}

void rst_memory_drop(char **address, size_t bytes)
{
	char *memory = *address;

	if (!memory)
		return;
	/* Until the pool forgets the range, no other mapping may have it. */
	reserve(memory, bytes, MAP_FIXED);
	*address = NULL;
	atomic_signal_fence(memory_order_seq_cst);
	unmap(memory, bytes);
}

bool rst_memory_resident(const roost_pool_t *pool, char *address,
			 unsigned char has[RST_PAGEBLOCK_PAGES],
			 uint64_t pages[ROOST_PAGEBLOCK_WORDS])
{
	if (!resident(address, rst_pageblock_size(pool), has))
		return false;
	for (unsigned i = 0; i < ROOST_PAGEBLOCK_WORDS; i++) {
		pages[i] = 0;
		for (unsigned bit = 0; bit < 64; bit++)
			pages[i] |= (uint64_t)(has[i * 64 + bit] & 1) << bit;
	}
	return true;
}

size_t roost_pool_resident(const roost_pool_t *pool)
{
	unsigned char has[RST_PAGEBLOCK_PAGES] = {
		0}; /* an analyzer does not see the kernel write */
	uint64_t pages[ROOST_PAGEBLOCK_WORDS];
	size_t n = 0;

	for (size_t b = 0; b < rst_nr_pageblocks(pool); b++)
		if (rst_memory_resident(pool, rst_address(pool, b << ROOST_PAGEBLOCK_ORDER), has,
					pages))
			for (unsigned i = 0; i < ROOST_PAGEBLOCK_WORDS; i++)
				n += (size_t)__builtin_popcountll(pages[i]);
	return n << pool->page_shift;
}
