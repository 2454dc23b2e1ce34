/* SPDX-License-Identifier: MIT */
/*
 * fork.c - what a child does with what its parent's threads were in the middle of.
 *
 * Nothing is done before a fork, so it waits for nobody. What threads that are no more left, the
 * child puts right by what it finds, each time from scratch:
 *
 *	1  looks	a word that the kernel wipes in children: the first use of a lock sees it
 *	2  repairs	each lock that was held: what it guards; then the lock is free
 *	3  recovers	what was in hand of the page-frame allocator (roost_recover())
 *
 * 1 and 2 may be done at any time, with other threads at work. 3 needs the pool for itself, so it
 * is the child's handler that does it after fork(), before anybody else runs in the child; and not
 * if the forking thread itself is inside of a call, that is, fork() came from a handler on top of
 * it: that call goes on in the child, with what it has in hand. After _Fork() and raw clones, which
 * run no handler, 3 is left to roost_pool_recover().
 */
#define _GNU_SOURCE 1
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pool/pool.h"

/* ---- Whose process is it? ------------------------------------------------------------------ */

/*
 *	process << 2 | state
 *
 * Of another process, or wiped: this is a child that has not looked. The process is 1 where the
 * kernel wipes the word (Linux 4.14), else getpid(), which a child in a new namespace may share
 * with its parent.
 */
enum { BREAKING = 1, KNOWN };

static _Atomic uint64_t not_wiped;
static _Atomic uint64_t *mark = &not_wiped;

static uint64_t process(void)
{
	return (mark == &not_wiped ? (uint64_t)getpid() : 1) << 2;
}

/* ---- Look and repair ----------------------------------------------------------------------- */

/* The lock stays with the thread that has forked, which had another name then. The lock of another
 * thread, which is gone, is broken. */
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

bool rst_fork_look(void)
{
	uint64_t mine = process(), found = atomic_load_explicit(mark, memory_order_acquire);
	sigset_t all, old;

	if (found == (mine | KNOWN))
		return true;
	if (found == (mine | BREAKING))
		return false;
	/* A handler could wait for what this is about to end, or fork in the middle. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	if (atomic_compare_exchange_strong(mark, &found, mine | BREAKING)) {
		break_locks();
		atomic_store_explicit(mark, mine | KNOWN, memory_order_release);
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return atomic_load_explicit(mark, memory_order_acquire) == (mine | KNOWN);
}

/* A handler that comes in between would be inside. */
size_t rst_fork_recover(roost_pool_t *pool)
{
	sigset_t all, old;
	size_t pages;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	pages = roost_recover(pool->frames);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return pages;
}

/* ---- fork() -------------------------------------------------------------------------------- */

static void in_child(void)
{
	if (mark == &not_wiped)
		atomic_store(mark, 0); /* getpid() may be the same */
	rst_fork_look();
	for (unsigned i = 0; i < ROOST_MAX_POOLS && !rst_pool_inside; i++) {
		roost_pool_t *pool = rst_registry_get(i);

		if (pool)
			rst_fork_recover(pool);
	}
}

/* When the library is loaded: handlers that the program registers later come after the pool's in
 * the child. Those of libraries that were loaded earlier find what they need by looking. */
static __attribute__((constructor(101))) void init(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	/* An emulator may say yes to all that it does not know, as QEMU's did. */
	if (page != MAP_FAILED && madvise(page, 4096, MADV_WIPEONFORK) == 0 &&
	    madvise(page, 4096, -1) != 0)
		mark = page;
	else if (page != MAP_FAILED)
		munmap(page, 4096);
	atomic_store(mark, process() | KNOWN);
	pthread_atfork(NULL, NULL, in_child);
}
