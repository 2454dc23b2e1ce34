/* SPDX-License-Identifier: MIT */
/*
 * fork.c - the pool's locks, and what becomes of them in a child.
 *
 * fork() runs handlers: the forking thread takes all locks in rank order first, so nobody else is
 * in the middle of anything that they guard; the child then puts back what other threads had in
 * hand of the page-frame allocator, which has no locks (roost_recover()). Not if the forking thread
 * itself is inside of a call, that is, fork() came from a handler on top of it: that call goes on
 * in the child, with what it has in hand.
 *
 * _Fork() and raw clones run none. The child finds that out by a word that the kernel wipes in
 * children, when it first needs a lock; it breaks the locks of threads that are no more, whose
 * names are in them, and sets aside what these guarded.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/mman.h>

#include "pool/pool.h"

RST_POOL_THREAD volatile unsigned rst_pool_inside;

struct rst_pool_lock rst_registry_lock;

/* 1 in the process that mapped it, 0 in a child of which nobody knows; with old kernels always 1.
 */
static _Atomic uint32_t always_known = 1;
static _Atomic uint32_t *known = &always_known;

static uintptr_t self(void)
{
	return (uintptr_t)&rst_pool_inside;
}

/* ---- Locks --------------------------------------------------------------------------------- */

bool rst_pool_try(struct rst_pool_lock *lock)
{
	uintptr_t nobody = 0;

	return atomic_compare_exchange_strong_explicit(&lock->holder, &nobody, self(),
						       memory_order_acquire, memory_order_relaxed);
}

void rst_pool_unlock(struct rst_pool_lock *lock)
{
	atomic_store_explicit(&lock->holder, 0, memory_order_release);
}

void rst_pool_sleep(unsigned round)
{
	struct timespec pause = {.tv_nsec = 50000L << (round < 5 ? round : 5)};
	int saved = errno;

	nanosleep(&pause, NULL);
	errno = saved;
}

void rst_pool_lock(struct rst_pool_lock *lock)
{
	rst_fork_look();
	for (unsigned round = 0; !rst_pool_try(lock); round++)
		rst_pool_sleep(round);
}

/* Racy, but nobody else writes the caller's own name. */
static bool is_mine(const struct rst_pool_lock *lock)
{
	return atomic_load_explicit(&lock->holder, memory_order_relaxed) == self();
}

/* ---- fork() -------------------------------------------------------------------------------- */

/* What the forking thread took: it had not before. Guarded by the registry's lock. */
static struct {
	bool registry, size[ROOST_MAX_POOLS], trim[ROOST_MAX_POOLS];
} took;

static bool take(struct rst_pool_lock *lock)
{
	if (is_mine(lock)) /* by what this handler interrupted */
		return false;
	rst_pool_lock(lock);
	return true;
}

static void before_fork(void)
{
	bool registry = take(&rst_registry_lock);

	took.registry = registry;
	for (unsigned i = 0; i < ROOST_MAX_POOLS; i++) {
		roost_pool_t *pool = rst_registry_get(i);

		took.size[i] = pool && take(&pool->size_lock);
		took.trim[i] = pool && take(&pool->trim_lock);
	}
}

static void after_fork(void)
{
	bool registry = took.registry;

	for (unsigned i = 0; i < ROOST_MAX_POOLS; i++) {
		roost_pool_t *pool = rst_registry_get(i);

		if (took.trim[i])
			rst_pool_unlock(&pool->trim_lock);
		if (took.size[i])
			rst_pool_unlock(&pool->size_lock);
	}
	if (registry)
		rst_pool_unlock(&rst_registry_lock);
}

static void in_child(void)
{
	atomic_store(known, 1);
	for (unsigned i = 0; i < ROOST_MAX_POOLS; i++) {
		roost_pool_t *pool = rst_registry_get(i);

		if (!pool)
			continue;
		pool->has_thread = false;
		if (rst_pool_inside)
			atomic_store(&pool->unseen_fork, 1);
		else
			roost_recover(pool->frames);
	}
	after_fork();
}

static void init(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page != MAP_FAILED && madvise(page, 4096, MADV_WIPEONFORK) == 0) { /* Linux 4.14 */
		known = page;
		atomic_store(known, 1);
	}
	pthread_atfork(before_fork, after_fork, in_child);
}

void rst_fork_init(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, init);
}

/* ---- Children of which nobody knew --------------------------------------------------------- */

/* Takes a lock from who is no more; true if somebody was. */
static bool break_lock(struct rst_pool_lock *lock)
{
	if (is_mine(lock) || !atomic_load(&lock->holder))
		return false;
	atomic_store(&lock->holder, 0);
	return true;
}

static void break_locks_of(roost_pool_t *pool)
{
	pool->has_thread = false;
	atomic_store(&pool->unseen_fork, 1);
	break_lock(&pool->size_lock);
	if (break_lock(&pool->trim_lock) && pool->in_hand != ROOST_NONE) {
		for (unsigned i = 0; i < ROOST_PAGEBLOCK_WORDS; i++)
			atomic_fetch_add(&pool->set_aside,
					 (uint64_t)__builtin_popcountll(pool->in_hand_frames[i])
						 << pool->page_shift);
		pool->in_hand = ROOST_NONE;
	}
}

void rst_fork_look(void)
{
	uint32_t wiped = 0;

	/* The child begins with one thread; the exchange lets one call through. Another that comes
	 * while that is under way may find a lock taken for a little longer. */
	if (atomic_load_explicit(known, memory_order_relaxed) ||
	    !atomic_compare_exchange_strong(known, &wiped, 1))
		return;
	break_lock(&rst_registry_lock);
	for (unsigned i = 0; i < ROOST_MAX_POOLS; i++) {
		roost_pool_t *pool = rst_registry_get(i);

		if (pool)
			break_locks_of(pool);
	}
}

size_t roost_pool_recover(roost_pool_t *pool)
{
	size_t pages;

	rst_pool_lock(&pool->trim_lock);
	pages = rst_trim_let_go(pool) + roost_recover(pool->frames);
	atomic_store(&pool->unseen_fork, 0);
	atomic_store(&pool->set_aside, 0);
	rst_pool_unlock(&pool->trim_lock);
	return pages << pool->page_shift;
}
