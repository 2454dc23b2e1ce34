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

#include "core/port.h"
#include "pool/pool.h"

enum { CLOCK_EVERY = 256 }; /* allocations of a thread from one look at the clock to the next */

static RST_POOL_THREAD unsigned allocations;

/* The thread's last allocation was misuse, so there is no reason to look again. A handler's
 * allocation in between may clear this; then the misuse is reported twice. */
static RST_POOL_THREAD bool refused;

/* The pages of a block of this many bytes, which may be more than a pool has. */
static size_t block_pages(const roost_pool_t *pool, size_t bytes)
{
	return bytes ? ((bytes - 1) >> pool->page_shift) + 1 : 1;
}

static bool is_too_large(const roost_pool_t *pool, size_t pages)
{
	return pages > (size_t)1 << pool->max_order;
}

static bool is_order(size_t pages)
{
	return !(pages & (pages - 1));
}

static unsigned pages_order(size_t pages)
{
	return (unsigned)__builtin_ctzll(pages);
}

/* Of the first look: see size.c. */
static unsigned first_flags(const roost_pool_t *pool, unsigned flags)
{
	unsigned narrow = atomic_load_explicit(&pool->narrow, memory_order_relaxed);

	return narrow ? (flags & ~(unsigned)ROOST_WAIT) | narrow : flags;
}

static roost_pfn take_pages(roost_pool_t *pool, size_t pages, unsigned flags)
{
	return is_order(pages) ? roost_alloc(pool->frames, pages_order(pages), flags)
			       : roost_alloc_n(pool->frames, pages, flags);
}

/* ---- Misuse -------------------------------------------------------------------------------- */

static void report(const roost_pool_t *pool, const char *call, const void *block, const char *what)
{
	char text[192];
	int n;

	RST_PROBE3(pool_misuse, call, block, what);
	if (pool && pool->misuse) {
		pool->misuse(pool->context, call, block, what);
		return;
	}
	/* snprintf() of these is safe in handlers with glibc: it has nothing to allocate. */
	n = snprintf(text, sizeof(text), "%s(%p): %s\n", call, block, what);
	rst_pool_fatal(text, n);
}

/* The same of a pointer at which no block begins. In a slab: names the cache. Not inlined, so that
 * frees do not have the text on their stack. */
static __attribute__((noinline, cold)) void report_none(const roost_pool_t *pool, const char *call,
							const void *block, const char *what)
{
	const roost_slabs_t *slabs = (roost_slabs_t *)(void *)rst_slabs_of(pool);
	const roost_cache_t *cache = slabs ? roost_slabs_cache(slabs, block) : NULL;
	char text[128];

	if (cache)
		snprintf(text, sizeof(text),
			 "is in a slab of the cache \"%s\": roost_cache_free() frees objects",
			 roost_cache_name(cache));
	report(pool, call, block, cache ? text : what);
}

/* The pool and frame of a pointer that is freed. NULL: it is misuse, and has been reported. */
static roost_pool_t *find(const char *call, const void *block, roost_pfn *pfn)
{
	roost_pool_t *pool = roost_pool_of(block);

	if (!pool) {
		report(NULL, call, block, "is not in any pool");
		return NULL;
	}
	if ((uintptr_t)block & (rst_page_size(pool) - 1)) {
		report_none(pool, call, block, "is inside a page: no block begins there");
		return NULL;
	}
	*pfn = rst_pfn(pool, block);
	return pool;
}

/* The hook of the page-frame allocator, which knows the frame: passes its text on. Its caller need
 * not be the pool. */
void rst_pool_frame_misuse(void *context, const struct roost_misuse *misuse)
{
	const roost_pool_t *pool = context;
	const void *block = misuse->pfn == ROOST_NONE ? NULL : rst_address(pool, misuse->pfn);
	const char *call = rst_pool_calling;

	if (misuse->kind == ROOST_MISUSE_BAD_FLAGS)
		refused = true;
	report_none(pool, call ? call : misuse->call, block, roost_misuse_name(misuse->kind));
}

/* ---- Allocation ---------------------------------------------------------------------------- */

/* Some 1.7 s asleep at most, including the engine. */
enum { AGAIN_ROUNDS = 1024 };

/* The node on which the pool should grow. */
static unsigned wanted_node(const roost_pool_t *pool, unsigned flags)
{
	unsigned named = flags >> 16 & 0xff, cpu = pool->nodes > 1 ? rst_cpu() : 0;

	return named ? named - 1 : cpu < ROOST_MAX_CPUS ? pool->cpu_node[cpu] : 0;
}

/*
 * The engine found nothing. Without WAIT the call looks again only if it has made the pool grow, or
 * its first look was narrow. With WAIT it also waits for threads that change the size or give
 * frames back, and looks again if any of them did so since its last look began. The engine itself
 * waits only while none of them is at work. Each such wait counts as as many rounds as the engine
 * may sleep.
 */
static roost_pfn grow_or_wait(roost_pool_t *pool, size_t pages, unsigned flags)
{
	bool wait = flags & ROOST_WAIT;
	unsigned order =
		is_order(pages) ? pages_order(pages) : 64 - (unsigned)__builtin_clzll(pages);

	for (unsigned round = 0, cost; round < AGAIN_ROUNDS && !refused; round += cost) {
		uint64_t seen = atomic_load(&pool->changes);
		roost_pfn pfn = ROOST_NONE;
		bool patient, narrow = atomic_load_explicit(&pool->narrow, memory_order_relaxed);
		bool grown = rst_size_grow_for(pool, rst_page_size(pool) << order,
					       wanted_node(pool, flags), flags & ROOST_THISNODE);

		patient = wait && !grown && !rst_pool_is_busy(pool);
		cost = patient ? ROOST_WAIT_ROUNDS : 1;
		if (wait || grown || (narrow && !round))
			pfn = take_pages(pool, pages,
					 patient ? flags : flags & ~(unsigned)ROOST_WAIT);
		if (pfn != ROOST_NONE)
			return pfn;
		if (grown)
			continue;
		if (wait && round + cost < AGAIN_ROUNDS && rst_pool_is_busy(pool))
			rst_pool_sleep(round);
		else if (!wait || (patient && atomic_load(&pool->changes) == seen))
			break;
	}
	return ROOST_NONE;
}

/* Caches keep slabs that are empty, as long as nobody wants their pages. */
static roost_pfn reclaim(roost_pool_t *pool, size_t pages, unsigned flags)
{
	char *slabs = rst_slabs_of(pool);
	unsigned now = flags & ~(unsigned)ROOST_WAIT;
	roost_pfn pfn;

	if (!slabs)
		return ROOST_NONE;
	pfn = grow_or_wait(pool, pages, now);
	if (pfn == ROOST_NONE && !refused &&
	    roost_slabs_reclaim((roost_slabs_t *)(void *)slabs, pages))
		pfn = take_pages(pool, pages, now);
	return pfn;
}

static __attribute__((noinline)) roost_pfn pool_alloc_slow(roost_pool_t *pool, size_t pages,
							   unsigned flags)
{
	struct rst_pool_call call;
	roost_pfn pfn;

	rst_fork_look(); /* before it asks which thread has the locks */
	rst_pool_begin(&call);
	pfn = reclaim(pool, pages, flags);
	if (pfn == ROOST_NONE)
		pfn = grow_or_wait(pool, pages, flags);
	rst_pool_end(&call);
	if (pfn == ROOST_NONE)
		errno = ENOMEM;
	return pfn;
}

static __attribute__((noinline)) void step(roost_pool_t *pool)
{
	struct rst_pool_call call;

	rst_pool_begin(&call);
	rst_trim_step(pool);
	rst_pool_end(&call);
}

static inline void count(roost_pool_t *pool, unsigned n)
{
	unsigned before = allocations;

	allocations = before + n;
	if ((before ^ allocations) / CLOCK_EVERY)
		step(pool);
}

/* Clears those that were used. */
static __attribute__((noinline)) void clear_used(const roost_pool_t *pool, roost_pfn pfn,
						 roost_pfn end)
{
	bool all = atomic_load_explicit(&pool->direct, memory_order_relaxed);

	for (; pfn < end; pfn++)
		if (all ||
		    atomic_load_explicit(&pool->used[pfn / 64], memory_order_relaxed) >> pfn % 64 &
			    1)
			memset(rst_address(pool, pfn), 0, rst_page_size(pool));
}

/* Before the call returns these pages. Relaxed: a page's bit changes only while some context has
 * the page, and the allocator orders these contexts. */
static inline void note_used(roost_pool_t *pool, roost_pfn pfn, size_t pages, unsigned flags)
{
	roost_pfn end = pfn + (is_order(pages) ? pages : roost_frames(pool->frames, pfn));

	if (flags & ROOST_ZEROED)
		clear_used(pool, pfn, end);
	for (; pfn < end; pfn = (pfn | 63) + 1) {
		_Atomic uint64_t *word = &pool->used[pfn / 64];
		uint64_t bits = rst_used_bits(pfn, end);

		if (bits & ~atomic_load_explicit(word, memory_order_relaxed))
			atomic_fetch_or_explicit(word, bits, memory_order_relaxed);
	}
}

void *roost_pool_alloc(roost_pool_t *pool, size_t size, unsigned flags)
{
	size_t pages = block_pages(pool, size);
	const char *outer;
	roost_pfn pfn;

	if (is_too_large(pool, pages)) {
		errno = ENOMEM;
		return NULL;
	}
	rst_pool_enter();
	outer = rst_pool_name("roost_pool_alloc");
	refused = false;
	pfn = take_pages(pool, pages, first_flags(pool, flags & ~ROOST_ZEROED));
	if (pfn == ROOST_NONE)
		pfn = pool_alloc_slow(pool, pages, flags & ~ROOST_ZEROED);
	if (pfn != ROOST_NONE)
		note_used(pool, pfn, pages, flags);
	count(pool, 1);
	rst_pool_name(outer);
	rst_pool_leave();
	return pfn == ROOST_NONE ? NULL : rst_address(pool, pfn);
}

/* Up to RST_POOL_BULK blocks. */
static size_t take_many(roost_pool_t *pool, size_t pages, unsigned flags, roost_pfn *pfns, size_t n)
{
	size_t got = 0;

	n = n < RST_POOL_BULK ? n : RST_POOL_BULK;
	if (is_order(pages))
		return roost_alloc_bulk(pool->frames, pages_order(pages), flags, pfns, n);
	while (got < n && (pfns[got] = roost_alloc_n(pool->frames, pages, flags)) != ROOST_NONE)
		got++;
	return got;
}

size_t roost_pool_alloc_bulk(roost_pool_t *pool, size_t size, unsigned flags, void **blocks,
			     size_t count_of)
{
	size_t pages = block_pages(pool, size);
	roost_pfn pfns[RST_POOL_BULK];
	const char *outer;
	size_t done = 0;

	if (is_too_large(pool, pages)) {
		errno = ENOMEM;
		return 0;
	}
	rst_pool_enter();
	outer = rst_pool_name("roost_pool_alloc_bulk");
	refused = false;
	while (done < count_of) {
		size_t n = take_many(pool, pages, first_flags(pool, flags & ~ROOST_ZEROED), pfns,
				     count_of - done);

		if (!n) {
			pfns[0] = pool_alloc_slow(pool, pages, flags & ~ROOST_ZEROED);
			if (pfns[0] == ROOST_NONE)
				break;
			n = 1;
		}
		for (size_t i = 0; i < n; i++) {
			note_used(pool, pfns[i], pages, flags);
			blocks[done++] = rst_address(pool, pfns[i]);
		}
		count(pool, (unsigned)n);
	}
	rst_pool_name(outer);
	rst_pool_leave();
	return done;
}

/* ---- Free ---------------------------------------------------------------------------------- */

/* A block begins there that has no order, or none does. */
static __attribute__((noinline)) void free_sized(roost_pool_t *pool, roost_pfn pfn)
{
	uint64_t pages = roost_frames(pool->frames, pfn);

	if (!pages) {
		rst_free_none(pool->frames, pfn);
		return;
	}
	roost_free_n(pool->frames, pfn, pages);
	rst_trim_mark(pool, pfn, pages);
}

void roost_pool_free(void *block)
{
	roost_pool_t *pool;
	const char *outer;
	roost_pfn pfn;
	int order;

	if (!block)
		return;
	pool = find("roost_pool_free", block, &pfn);
	if (!pool)
		return;
	rst_pool_enter();
	outer = rst_pool_name("roost_pool_free");
	order = roost_order(pool->frames, pfn);
	if (order >= 0) {
		roost_free(pool->frames, pfn, (unsigned)order);
		rst_trim_mark(pool, pfn, (uint64_t)1 << order);
	} else {
		free_sized(pool, pfn);
	}
	rst_pool_name(outer);
	rst_pool_leave();
}

/* Some blocks of one pool. */
static void free_some(roost_pool_t *pool, const struct roost_block *blocks, size_t n)
{
	roost_free_bulk(pool->frames, blocks, n);
	for (size_t i = 0; i < n; i++)
		rst_trim_mark(pool, blocks[i].pfn, (uint64_t)1 << blocks[i].order);
}

void roost_pool_free_bulk(void *const *blocks, size_t count_of)
{
	struct roost_block some[RST_POOL_BULK];
	roost_pool_t *pool = NULL;
	const char *outer;
	size_t n = 0;

	rst_pool_enter();
	outer = rst_pool_name("roost_pool_free_bulk");
	for (size_t i = 0; i < count_of; i++) {
		roost_pool_t *next;
		roost_pfn pfn;
		int order;

		if (!blocks[i] || !(next = find("roost_pool_free_bulk", blocks[i], &pfn)))
			continue;
		order = roost_order(next->frames, pfn);
		if (order < 0) {
			free_sized(next, pfn);
			continue;
		}
		if (n && (n == RST_POOL_BULK || next != pool)) {
			free_some(pool, some, n);
			n = 0;
		}
		pool = next;
		some[n++] = (struct roost_block){pfn, (unsigned)order};
	}
	if (n)
		free_some(pool, some, n);
	rst_pool_name(outer);
	rst_pool_leave();
}

size_t roost_pool_usable_size(const void *block)
{
	const roost_pool_t *pool = roost_pool_of(block);

	if (!pool || (uintptr_t)block & (rst_page_size(pool) - 1))
		return 0;
	return (size_t)roost_frames(pool->frames, rst_pfn(pool, block)) << pool->page_shift;
}
