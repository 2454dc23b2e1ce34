/* SPDX-License-Identifier: MIT */
/*
 * lock.c - the pool's locks.
 *
 * A lock names the thread that has it. So a thread that asks for a lock that it has is found at
 * once, and the kernel can say whether a holder has ended. A lock also has a function that repairs
 * what it guards, for when its holder has ended.
 */
#define _GNU_SOURCE 1
#include <signal.h>
#include <stdio.h>

#include "pool/pool.h"

/*
 * A thread holds a lock with signals blocked: other threads wait for it, perhaps under a lock of
 * their own that a handler of this thread wants. Synchronous signals stay open. Blocked, they would
 * kill the process, and a program that single-steps through a call could not go on.
 */
static void block_signals(sigset_t *old)
{
	static const int synchronous[] = {SIGTRAP, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGSYS};
	sigset_t most;

	sigfillset(&most);
	for (unsigned i = 0; i < sizeof(synchronous) / sizeof(synchronous[0]); i++)
		sigdelset(&most, synchronous[i]);
	pthread_sigmask(SIG_BLOCK, &most, old);
}

/* Takes the lock from this holder for the caller, and blocks signals. */
static bool take_from(struct rst_pool_lock *lock, uint64_t holder)
{
	sigset_t old;

	if (!rst_pool_no_signals)
		block_signals(&old);
	/* Not while this is a child whose locks are being broken. */
	if (rst_fork_look() &&
	    atomic_compare_exchange_strong_explicit(&lock->holder, &holder, rst_thread_self(),
						    memory_order_acquire, memory_order_relaxed)) {
		if (!rst_pool_no_signals)
			lock->signals = old;
		return true;
	}
	if (!rst_pool_no_signals)
		pthread_sigmask(SIG_SETMASK, &old, NULL);
	return false;
}

bool rst_pool_try(struct rst_pool_lock *lock)
{
	return !atomic_load_explicit(&lock->holder, memory_order_relaxed) && take_from(lock, 0);
}

void rst_pool_unlock(struct rst_pool_lock *lock)
{
	sigset_t old = lock->signals;

	atomic_store_explicit(&lock->holder, 0, memory_order_release);
	if (!rst_pool_no_signals)
		pthread_sigmask(SIG_SETMASK, &old, NULL);
}

/* If the lock's holder has ended: takes the lock for the caller and repairs what it guards. */
static bool inherit(struct rst_pool_lock *lock)
{
	uint64_t holder = atomic_load_explicit(&lock->holder, memory_order_relaxed);

	if (!holder || holder == rst_thread_self() || !rst_thread_is_gone(holder) ||
	    !take_from(lock, holder))
		return false;
	lock->repair(lock->pool);
	if (lock->pool)
		rst_pool_has_more(lock->pool);
	return true;
}

static _Noreturn void would_wait_for_itself(const char *call)
{
	char text[160];

	rst_pool_fatal(text, snprintf(text, sizeof(text),
				      "roost: %s(): called on top of a call of the pool, by a "
				      "signal handler or a misuse hook, which has to end first\n",
				      call));
}

/* True if the caller has the lock now. */
static bool get(struct rst_pool_lock *lock, const char *call, unsigned round)
{
	if (rst_pool_try(lock))
		return true;
	if (atomic_load_explicit(&lock->holder, memory_order_relaxed) == rst_thread_self())
		would_wait_for_itself(call);
	return round && inherit(lock);
}

void rst_pool_lock(struct rst_pool_lock *lock, const char *call)
{
	rst_pool_name(call);
	for (unsigned round = 0; !get(lock, call, round); round++)
		rst_pool_sleep(round);
}

bool rst_pool_is_busy(roost_pool_t *pool)
{
	struct rst_pool_lock *locks[] = {&pool->size_lock, &pool->trim_lock};
	bool busy = false;

	for (unsigned i = 0; i < 2; i++) {
		uint64_t holder = atomic_load(&locks[i]->holder);

		if (!holder || holder == rst_thread_self())
			continue;
		if (inherit(locks[i]))
			rst_pool_unlock(locks[i]);
		else
			busy = true;
	}
	return busy;
}

void rst_registry_enter(sigset_t *signals, const char *name_of_call)
{
	sigset_t all;

	rst_pool_name(name_of_call);
	sigfillset(&all);
	/* Signals are open while it sleeps, and blocked while it has the lock. */
	for (unsigned round = 0;; round++) {
		pthread_sigmask(SIG_SETMASK, &all, signals);
		if (get(&rst_registry_lock, name_of_call, round))
			return;
		pthread_sigmask(SIG_SETMASK, signals, NULL);
		rst_pool_sleep(round);
	}
}

void rst_registry_leave(const sigset_t *signals)
{
	rst_pool_unlock(&rst_registry_lock);
	pthread_sigmask(SIG_SETMASK, signals, NULL);
}
