/* SPDX-License-Identifier: MIT */
/*
 * fork.c - what a child does about the calls that its parent's other threads were inside.
 *
 * Nothing is done before a fork, so fork() waits for no thread. The child repairs what the threads
 * that no longer exist left behind. It works only from what it finds:
 *
 *	1  looks	a word that the kernel wipes in children: the first use of a lock sees it
 *	2  repairs	each lock that was held: what it guards; then the lock is free
 *	3  recovers	what was in hand of the page-frame allocator (roost_recover())
 *
 * 1 and 2 may happen at any time, while other threads work. 3 needs the pool for itself. So the
 * child's atfork handler does it, before any other code runs in the child. It does not if the
 * forking thread itself is inside a call (a handler on top of the call has forked): that call
 * continues in the child, with the frames that it holds. After _Fork() and raw clones, which run no
 * atfork handler, 3 is left to roost_pool_recover().
 */
#define _GNU_SOURCE 1
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/port.h"
#include "pool/pool.h"

/* ---- Whose process is it? ------------------------------------------------------------------ */

/*
 *	process << 2 | state
 *
 * If it names another process, or was wiped, this is a child that has not looked yet. The process
 * is 1 where the kernel wipes the word (Linux 4.14). Elsewhere it is getpid(), which a child in a
 * new namespace may share with its parent.
 */
enum { BREAKING = 1, KNOWN };

static _Atomic uint64_t not_wiped;
static _Atomic uint64_t *mark = &not_wiped;

static uint64_t process(void)
{
	return (mark == &not_wiped ? (uint64_t)getpid() : 1) << 2;
}

/* ---- Look and repair ----------------------------------------------------------------------- */

/* If the thread that forked has the lock, it keeps it, under its new name. If another thread had
 * it, which is gone, the lock is broken. */
static void break_lock(struct rst_pool_lock *lock, uint64_t before)
{
	uint64_t holder = atomic_load(&lock->holder);

	if (!holder)
		return;
	if (holder == before) {
		atomic_store(&lock->holder, rst_thread_self());
		return;
	}
	lock->repair(lock->pool);
	atomic_store_explicit(&lock->holder, 0, memory_order_release);
}

/* No other thread of the child can have a lock until this is done. */
static void break_locks(void)
{
	uint64_t before = rst_thread_rename();

	rst_registry_without_threads();
	break_lock(&rst_registry_lock, before);
	for (unsigned i = 0; i < ROOST_MAX_POOLS; i++) {
		roost_pool_t *pool = rst_registry_get(i);

		if (!pool)
			continue;
		break_lock(&pool->size_lock, before);
		break_lock(&pool->trim_lock, before);
	}
}

/* A function of its own: two sets of signals are a quarter of a KiB of stack. */
static __attribute__((noinline)) bool look_in_child(uint64_t mine, uint64_t found)
{
	sigset_t all, old;

	/* A handler could wait for what this code is about to end, or fork in the middle of it. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	if (atomic_compare_exchange_strong(mark, &found, mine | BREAKING)) {
		break_locks();
		atomic_store_explicit(mark, mine | KNOWN, memory_order_release);
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return atomic_load_explicit(mark, memory_order_acquire) == (mine | KNOWN);
}

bool rst_fork_look(void)
{
	uint64_t mine = process(), found = atomic_load_explicit(mark, memory_order_acquire);

	if (found == (mine | KNOWN))
		return true;
	return found != (mine | BREAKING) && look_in_child(mine, found);
}

/* Objects of caches: after the pages below them. */
static void recover_slabs(roost_pool_t *pool)
{
	char *slabs = rst_slabs_of(pool);

	if (slabs)
		roost_slabs_recover((roost_slabs_t *)(void *)slabs);
}

/* A handler that comes in between would be inside the pool. */
size_t rst_fork_recover(roost_pool_t *pool)
{
	sigset_t all, old;
	size_t pages;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	pool->recover(pool);
	pages = roost_recover(pool->frames);
	recover_slabs(pool);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return pages;
}

/* ---- fork() -------------------------------------------------------------------------------- */

static void in_child(void)
{
	if (mark == &not_wiped)
		atomic_store(mark, 0); /* getpid() may be the same */
	rst_fork_look();
	for (unsigned i = 0; i < ROOST_MAX_POOLS && !rst_pool_inside && !rst_posix_inside; i++) {
		roost_pool_t *pool = rst_registry_get(i);

		if (pool)
			rst_fork_recover(pool);
	}
}

/* Runs when the library is loaded. Atfork handlers that the program registers later run after the
 * pool's in the child. Those of libraries that were loaded earlier run before it; calls in them
 * repair what they need (1 and 2). */
static __attribute__((constructor(101))) void init(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	/* An emulator may report success for requests that it does not know, as QEMU's did. */
	if (page != MAP_FAILED && madvise(page, 4096, MADV_WIPEONFORK) == 0 &&
	    madvise(page, 4096, -1) != 0)
		mark = page;
	else if (page != MAP_FAILED)
		munmap(page, 4096);
	atomic_store(mark, process() | KNOWN);
	pthread_atfork(NULL, NULL, in_child);
}
