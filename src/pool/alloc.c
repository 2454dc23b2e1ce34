/* SPDX-License-Identifier: MIT */
/*
 * alloc.c - blocks of a pool. The page-frame allocator does the work; here pointers become frames,
 * and what is freed is marked for a later trim.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pool/pool.h"

enum { CLOCK_EVERY = 256 }; /* allocations of a thread from one look at the clock to the next */

static RST_POOL_THREAD unsigned allocations;

/* The order of a block of so many bytes; more than any pool has if it is too large. */
static unsigned block_order(const roost_pool_t *pool, size_t bytes)
{
	size_t last = bytes ? (bytes - 1) >> pool->page_shift : 0;

	return last ? 64 - (unsigned)__builtin_clzll(last) : 0;
}

/* ---- Misuse -------------------------------------------------------------------------------- */

static void report(const roost_pool_t *pool, const char *call, const void *block, const char *what)
{
	char text[160];
	int n;

	RST_PROBE3(pool_misuse, call, block, what);
	if (pool && pool->misuse) {
		pool->misuse(pool->context, call, block, what);
		return;
	}
	/* snprintf() of these is safe in handlers with glibc: it has nothing to allocate. */
	n = snprintf(text, sizeof(text), "%s(%p): %s\n", call, block, what);
	if (n > 0 && write(STDERR_FILENO, text, (size_t)n) < 0)
		abort();
	abort();
}

/* The pool and frame of a pointer that is freed, or NULL and it is reported. */
static roost_pool_t *find(const char *call, const void *block, roost_pfn *pfn)
{
	roost_pool_t *pool = roost_pool_of(block);

	if (!pool) {
		report(NULL, call, block, "lies in no pool");
		return NULL;
	}
	if ((uintptr_t)block & (rst_page_size(pool) - 1)) {
		report(pool, call, block, "lies inside of a page: no block begins there");
		return NULL;
	}
	*pfn = rst_pfn(pool, block);
	return pool;
}

/* The allocator's own words for what is wrong; it knows the frame. */
void rst_pool_frame_misuse(void *context, const struct roost_misuse *misuse)
{
	const roost_pool_t *pool = context;
	bool alloc = misuse->kind == ROOST_MISUSE_BAD_FLAGS || misuse->kind == ROOST_MISUSE_CORRUPT;
	const void *block = misuse->pfn == ROOST_NONE ? NULL : rst_address(pool, misuse->pfn);

	report(pool, alloc ? "roost_pool_alloc" : "roost_pool_free", block,
	       roost_misuse_name(misuse->kind));
}

/* ---- Allocation ---------------------------------------------------------------------------- */

enum { AGAIN_ROUNDS = 64 };

/*
 * Nothing was found. Is there a reason to look again? Without WAIT only if the pool has grown. With
 * it the call also waits for who grows it or has frames in hand to give them back; once more after
 * nobody does, for it may just have ended.
 */
static bool again(roost_pool_t *pool, unsigned order, bool wait, unsigned round)
{
	rst_fork_look();
	if (rst_size_grow_for(pool, rst_page_size(pool) << order))
		return true;
	if (!wait || round == AGAIN_ROUNDS)
		return false;
	if (rst_size_is_changing(pool) || rst_trim_is_running(pool)) {
		rst_pool_sleep(round);
		return true;
	}
	return round == 0;
}

static __attribute__((noinline)) roost_pfn pool_alloc_slow(roost_pool_t *pool, unsigned order,
							   unsigned flags)
{
	roost_pfn pfn = ROOST_NONE;

	for (unsigned round = 0; pfn == ROOST_NONE && again(pool, order, flags & ROOST_WAIT, round);
	     round++)
		pfn = roost_alloc(pool->frames, order, flags);
	if (pfn == ROOST_NONE)
		errno = ENOMEM;
	return pfn;
}

static __attribute__((noinline)) void step(roost_pool_t *pool)
{
	int saved = errno;

	rst_trim_step(pool);
	errno = saved;
}

static inline void count(roost_pool_t *pool, unsigned n)
{
	unsigned before = allocations;

	allocations = before + n;
	if ((before ^ allocations) / CLOCK_EVERY)
		step(pool);
}

void *roost_pool_alloc(roost_pool_t *pool, size_t size, unsigned flags)
{
	unsigned order = block_order(pool, size);
	roost_pfn pfn;

	if (order > pool->max_order) {
		errno = ENOMEM;
		return NULL;
	}
	rst_pool_enter();
	pfn = roost_alloc(pool->frames, order, flags);
	if (pfn == ROOST_NONE)
		pfn = pool_alloc_slow(pool, order, flags);
	count(pool, 1);
	rst_pool_leave();
	return pfn == ROOST_NONE ? NULL : rst_address(pool, pfn);
}

size_t roost_pool_alloc_bulk(roost_pool_t *pool, size_t size, unsigned flags, void **blocks,
			     size_t count_of)
{
	unsigned order = block_order(pool, size);
	roost_pfn pfns[RST_POOL_BULK];
	size_t done = 0;

	if (order > pool->max_order) {
		errno = ENOMEM;
		return 0;
	}
	rst_pool_enter();
	while (done < count_of) {
		size_t left = count_of - done;
		size_t n = roost_alloc_bulk(pool->frames, order, flags, pfns,
					    left < RST_POOL_BULK ? left : RST_POOL_BULK);

		if (!n) {
			pfns[0] = pool_alloc_slow(pool, order, flags);
			if (pfns[0] == ROOST_NONE)
				break;
			n = 1;
		}
		for (size_t i = 0; i < n; i++)
			blocks[done++] = rst_address(pool, pfns[i]);
		count(pool, (unsigned)n);
	}
	rst_pool_leave();
	return done;
}

/* ---- Free ---------------------------------------------------------------------------------- */

void roost_pool_free(void *block)
{
	roost_pool_t *pool;
	roost_pfn pfn;
	int order;

	if (!block)
		return;
	pool = find("roost_pool_free", block, &pfn);
	if (!pool)
		return;
	rst_pool_enter();
	order = roost_order(pool->frames, pfn);
	/* If no block begins there this says what is wrong. */
	roost_free(pool->frames, pfn, order < 0 ? 0 : (unsigned)order);
	if (order >= 0)
		rst_trim_mark(pool, pfn, (unsigned)order);
	rst_pool_leave();
}

/* Some blocks of one pool. */
static void free_some(roost_pool_t *pool, const struct roost_block *blocks, size_t n)
{
	roost_free_bulk(pool->frames, blocks, n);
	for (size_t i = 0; i < n; i++)
		rst_trim_mark(pool, blocks[i].pfn, blocks[i].order);
}

void roost_pool_free_bulk(void *const *blocks, size_t count_of)
{
	struct roost_block some[RST_POOL_BULK];
	roost_pool_t *pool = NULL;
	size_t n = 0;

	rst_pool_enter();
	for (size_t i = 0; i < count_of; i++) {
		roost_pool_t *next;
		roost_pfn pfn;
		int order;

		if (!blocks[i] || !(next = find("roost_pool_free_bulk", blocks[i], &pfn)))
			continue;
		if (n && (n == RST_POOL_BULK || next != pool)) {
			free_some(pool, some, n);
			n = 0;
		}
		pool = next;
		order = roost_order(pool->frames, pfn);
		some[n++] = (struct roost_block){pfn, order < 0 ? 0 : (unsigned)order};
	}
	if (n)
		free_some(pool, some, n);
	rst_pool_leave();
}

size_t roost_pool_usable_size(const void *block)
{
	const roost_pool_t *pool = roost_pool_of(block);
	int order = -1;

	if (pool && !((uintptr_t)block & (rst_page_size(pool) - 1)))
		order = roost_order(pool->frames, rst_pfn(pool, block));
	return order < 0 ? 0 : rst_page_size(pool) << order;
}
