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

/* The order of a block of this many bytes. If it is too large, an order that no pool has. */
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
	rst_pool_fatal(text, n);
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
		report(pool, call, block, "is inside a page: no block begins there");
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
	report(pool, call ? call : misuse->call, block, roost_misuse_name(misuse->kind));
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
 * The engine found nothing. Without WAIT the call looks again only if the pool has grown. With WAIT
 * it also waits for threads that change the size or give frames back, and looks again if any of
 * them did so since its last look began. The engine itself waits only while none of them is at
 * work. Each such wait counts as as many rounds as the engine may sleep.
 */
static roost_pfn grow_or_wait(roost_pool_t *pool, unsigned order, unsigned flags)
{
	bool wait = flags & ROOST_WAIT;

	for (unsigned round = 0, cost; round < AGAIN_ROUNDS && !refused; round += cost) {
		uint64_t seen = atomic_load(&pool->changes);
		enum rst_growth growth;
		roost_pfn pfn = ROOST_NONE;
		bool patient;

		growth = rst_size_grow_for(pool, rst_page_size(pool) << order,
					   wanted_node(pool, flags), flags & ROOST_THISNODE);
		patient = wait && growth != RST_GROWN && !rst_pool_is_busy(pool);
		cost = patient ? ROOST_WAIT_ROUNDS : 1;
		if (wait || growth == RST_GROWN)
			pfn = roost_alloc(pool->frames, order,
					  patient ? flags : flags & ~(unsigned)ROOST_WAIT);
		if (pfn != ROOST_NONE)
			return pfn;
		if (growth == RST_GROWN)
			continue;
		if (wait && round + cost < AGAIN_ROUNDS && rst_pool_is_busy(pool))
			rst_pool_sleep(round);
		else if (!wait || (patient && growth == RST_NOT_GROWN &&
				   atomic_load(&pool->changes) == seen))
			break;
	}
	return ROOST_NONE;
}

static __attribute__((noinline)) roost_pfn pool_alloc_slow(roost_pool_t *pool, unsigned order,
							   unsigned flags)
{
	struct rst_pool_call call;
	roost_pfn pfn;

	rst_fork_look(); /* before it asks which thread has the locks */
	rst_pool_begin(&call);
	pfn = grow_or_wait(pool, order, flags);
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

void *roost_pool_alloc(roost_pool_t *pool, size_t size, unsigned flags)
{
	unsigned order = block_order(pool, size);
	const char *outer;
	roost_pfn pfn;

	if (order > pool->max_order) {
		errno = ENOMEM;
		return NULL;
	}
	rst_pool_enter();
	outer = rst_pool_name("roost_pool_alloc");
	refused = false;
	pfn = roost_alloc(pool->frames, order, flags);
	if (pfn == ROOST_NONE)
		pfn = pool_alloc_slow(pool, order, flags);
	count(pool, 1);
	rst_pool_name(outer);
	rst_pool_leave();
	return pfn == ROOST_NONE ? NULL : rst_address(pool, pfn);
}

size_t roost_pool_alloc_bulk(roost_pool_t *pool, size_t size, unsigned flags, void **blocks,
			     size_t count_of)
{
	unsigned order = block_order(pool, size);
	roost_pfn pfns[RST_POOL_BULK];
	const char *outer;
	size_t done = 0;

	if (order > pool->max_order) {
		errno = ENOMEM;
		return 0;
	}
	rst_pool_enter();
	outer = rst_pool_name("roost_pool_alloc_bulk");
	refused = false;
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
	rst_pool_name(outer);
	rst_pool_leave();
	return done;
}

/* ---- Free ---------------------------------------------------------------------------------- */

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
		rst_trim_mark(pool, pfn, (unsigned)order);
	} else {
		rst_free_none(pool->frames, pfn);
	}
	rst_pool_name(outer);
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
			rst_free_none(next->frames, pfn);
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
	int order = -1;

	if (pool && !((uintptr_t)block & (rst_page_size(pool) - 1)))
		order = roost_order(pool->frames, rst_pfn(pool, block));
	return order < 0 ? 0 : rst_page_size(pool) << order;
}
