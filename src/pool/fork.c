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
#define _GNU_SOURCE 1
#include <errno.h>
#include <sys/mman.h>

#include "pool/pool.h"

RST_POOL_THREAD volatile unsigned rst_pool_inside;

struct rst_pool_lock rst_registry_lock;

/* KNOWN in the process that mapped it; wiped in a child of which nobody knows, until it has broken
 * the locks. With old kernels always KNOWN. */
enum { WIPED, BREAKING, KNOWN };

static _Atomic uint32_t always_known = KNOWN;
static _Atomic uint32_t *known = &always_known;

static uintptr_t self(void)
{
	return (uintptr_t)&rst_pool_inside;
}

/* ---- Locks --------------------------------------------------------------------------------- */

bool rst_pool_try(struct rst_pool_lock *lock)
{
	uintptr_t nobody = 0;

	/* Not while the locks of those who are no more are being broken. */
	return atomic_load(known) == KNOWN &&
	       atomic_compare_exchange_strong_explicit(&lock->holder, &nobody, self(),
						       memory_order_acquire, memory_order_relaxed);
}

void rst_pool_unlock(struct rst_pool_lock *lock)
{
	atomic_store_explicit(&lock->holder, 0, memory_order_release);
}

void rst_pool_done(roost_pool_t *pool, struct rst_pool_lock *lock)
{
	/* Before the lock: who sees it free sees this, and looks for memory again. */
	atomic_fetch_add(&pool->changes, 1);
	rst_pool_unlock(lock);
}

bool rst_pool_is_busy(const roost_pool_t *pool)
{
	return atomic_load(&pool->size_lock.holder) || atomic_load(&pool->trim_lock.holder);
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

/* What the forking thread took: it had not before. Guarded by the registry's lock; without that it
 * takes no other (a handler's fork(), see take()). */
static struct {
	bool registry, size[ROOST_MAX_POOLS], trim[ROOST_MAX_POOLS];
} took;

enum { TAKE_ROUNDS = 64 };

/*
 * In thread context the lock is had, however long that takes. In a handler on top of a call it may
 * be that call's, or its holder may wait for what that call holds: then only for a while.
 */
static bool take(struct rst_pool_lock *lock)
{
	if (is_mine(lock))
		return false;
	if (!rst_pool_inside) {
		rst_pool_lock(lock);
		return true;
	}
	rst_fork_look();
	for (unsigned round = 0; round < TAKE_ROUNDS; round++) {
		if (rst_pool_try(lock))
			return true;
		rst_pool_sleep(round);
	}
	return false;
}

/* A fork() in a handler on top of these, or these registered twice by a child of one that came
 * while they were being registered: the outermost counts. */
static RST_POOL_THREAD unsigned fork_depth;

static void before_fork(void)
{
	bool registry;

	if (fork_depth++)
		return;
	registry = take(&rst_registry_lock);
	if (!is_mine(&rst_registry_lock))
		return;
	took.registry = registry;
	for (unsigned i = 0; i < ROOST_MAX_POOLS; i++) {
		roost_pool_t *pool = rst_registry_get(i);

		took.size[i] = pool && take(&pool->size_lock);
		took.trim[i] = pool && take(&pool->trim_lock);
	}
}

static void let_go(void)
{
	bool registry = took.registry;

	if (!is_mine(&rst_registry_lock))
		return;
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

static void after_fork(void)
{
	if (!--fork_depth)
		let_go();
}

/* ---- In the child ------------------------------------------------------------------------- */

/* Takes a lock from who is no more; true if somebody was. */
static bool break_lock(struct rst_pool_lock *lock)
{
	if (is_mine(lock) || !atomic_load(&lock->holder))
		return false;
	atomic_store(&lock->holder, 0);
	return true;
}

/* Nobody else runs, or can have a lock, until this is done. */
static void break_locks(void)
{
	break_lock(&rst_registry_lock);
	for (unsigned i = 0; i < ROOST_MAX_POOLS; i++) {
		roost_pool_t *pool = rst_registry_get(i);

		if (!pool)
			continue;
		pool->has_thread = false;
		if (break_lock(&pool->size_lock))
			rst_size_repair(pool);
		if (break_lock(&pool->trim_lock))
			rst_trim_set_aside(pool);
	}
}

static void in_child(void)
{
	if (--fork_depth)
		return;
	let_go();
	break_locks(); /* those that a handler could not have */
	for (unsigned i = 0; i < ROOST_MAX_POOLS; i++) {
		roost_pool_t *pool = rst_registry_get(i);

		if (pool && !rst_pool_inside)
			roost_recover(pool->frames);
	}
	atomic_store(known, KNOWN);
}

static void init(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page != MAP_FAILED && madvise(page, 4096, MADV_WIPEONFORK) == 0) { /* Linux 4.14 */
		*(uint32_t *)page = KNOWN;
		known = page;
	}
	pthread_atfork(before_fork, after_fork, in_child);
}

void rst_fork_init(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, init);
}

/* ---- Children of which nobody knew --------------------------------------------------------- */

void rst_fork_look(void)
{
	uint32_t wiped = WIPED;

	/* One call gets through; until it is done nobody has a lock. */
	if (atomic_load_explicit(known, memory_order_relaxed) != WIPED ||
	    !atomic_compare_exchange_strong(known, &wiped, BREAKING))
		return;
	break_locks();
	atomic_store(known, KNOWN);
}

enum { SEIZE_ROUNDS = 1024 }; /* for the pool's own thread; then it is somebody who is no more */

static void lock_or_seize(struct rst_pool_lock *lock)
{
	rst_fork_look();
	for (unsigned round = 0; round < SEIZE_ROUNDS; round++) {
		if (rst_pool_try(lock))
			return;
		rst_pool_sleep(round);
	}
	atomic_store(&lock->holder, self());
}

size_t roost_pool_recover(roost_pool_t *pool)
{
	size_t pages;

	lock_or_seize(&pool->size_lock);
	lock_or_seize(&pool->trim_lock);
	rst_trim_set_aside(pool);
	pages = rst_trim_recover(pool) + roost_recover(pool->frames);
	rst_size_repair(pool);
	rst_size_recount(pool);
	rst_pool_done(pool, &pool->trim_lock);
	rst_pool_done(pool, &pool->size_lock);
	return pages << pool->page_shift;
}
