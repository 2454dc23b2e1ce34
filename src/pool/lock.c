/* SPDX-License-Identifier: MIT */
/*
 * lock.c - the pool's locks, and what every call that may block has around it.
 *
 * A lock says which thread has it: a name that no other thread ever gets, with the thread's number
 * for the kernel in it. So a thread that asks for what it has is found at once, and one that ended
 * with a lock is found by asking the kernel, not by the time that passes.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "pool/pool.h"

RST_POOL_THREAD volatile unsigned rst_pool_inside;
RST_POOL_THREAD const char *volatile rst_pool_calling;
RST_POOL_THREAD bool rst_pool_no_signals;

struct rst_pool_lock rst_registry_lock;

/* ---- Names --------------------------------------------------------------------------------- */

enum { TID_BITS = 22 }; /* PID_MAX_LIMIT of the kernel */

/* 63 ... 22: a number that is used once; 21 ... 0: of the thread, 0 if the kernel does not tell. 0:
 * none yet. Given anew in a child, where the thread has another number. */
static RST_POOL_THREAD volatile uint64_t name;
static RST_POOL_THREAD volatile unsigned name_process;

static _Atomic uint64_t last_name;    /* a */
static _Atomic unsigned this_process; /* a; counts the forks on the way to this process */

static uint64_t self(void)
{
	unsigned process = atomic_load(&this_process);

	/* A handler that comes in between takes a name of its own, and is through with it. It must
	 * not find the old one to be of this process. */
	if (!name || name_process != process) {
		long tid = syscall(SYS_gettid);

		name = (atomic_fetch_add(&last_name, 1) + 1) << TID_BITS |
		       (uint64_t)(tid > 0 ? tid : 0);
		name_process = process;
	}
	return name;
}

static pid_t number_in(uint64_t thread)
{
	return (pid_t)(thread & (((uint64_t)1 << TID_BITS) - 1));
}

/* The first thread's number is the process's: the kernel knows it as long as that lives. Then its
 * state tells; where /proc is not mounted, nothing does. */
static bool is_first_gone(void)
{
	int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	char text[128];
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
	const char *name_end;

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = 0;
	name_end = strrchr(text, ')');
	return name_end && !strncmp(name_end, ") Z", 3);
}

/* Did the thread, another one, end with the lock? The kernel's number alone may by now be another
 * thread's: if that is not the caller, this waits for its end. */
static bool is_gone(uint64_t holder)
{
	pid_t tid = number_in(holder), process = getpid();
	int saved = errno;
	bool gone = tid && (tid == number_in(self()) ||
			    (syscall(SYS_tgkill, process, tid, 0) != 0 && errno == ESRCH) ||
			    (tid == process && is_first_gone()));

	errno = saved;
	return gone;
}

/* ---- Locks --------------------------------------------------------------------------------- */

/*
 * A thread holds a lock with signals blocked, since others wait for it, perhaps under a lock of
 * their own that a handler of this thread wants. Synchronous signals stay open: blocked, they would
 * kill the process, and who single-steps through a call could not go on.
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

/* The lock from this holder to the caller, with signals blocked from then on. */
static bool take_from(struct rst_pool_lock *lock, uint64_t holder)
{
	sigset_t old;

	if (!rst_pool_no_signals)
		block_signals(&old);
	/* Not while this is a child whose locks are being broken. */
	if (rst_fork_look() &&
	    atomic_compare_exchange_strong_explicit(&lock->holder, &holder, self(),
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

void rst_pool_done(roost_pool_t *pool, struct rst_pool_lock *lock)
{
	/* Before the lock: who sees it free sees this, and looks for memory again. */
	atomic_fetch_add(&pool->changes, 1);
	rst_pool_unlock(lock);
}

/* If its holder ended, the caller has the lock, and what it guards is right. */
static bool inherit(struct rst_pool_lock *lock)
{
	uint64_t holder = atomic_load_explicit(&lock->holder, memory_order_relaxed);

	if (!holder || holder == self() || !is_gone(holder) || !take_from(lock, holder))
		return false;
	rst_fork_repair(lock);
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

/* Has the caller the lock now? */
static bool get(struct rst_pool_lock *lock, const char *call, unsigned round)
{
	if (rst_pool_try(lock))
		return true;
	if (atomic_load_explicit(&lock->holder, memory_order_relaxed) == self())
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

		if (!holder || holder == self())
			continue;
		if (inherit(locks[i]))
			rst_pool_done(pool, locks[i]);
		else
			busy = true;
	}
	return busy;
}

/* ---- In a child ---------------------------------------------------------------------------- */

uint64_t rst_pool_rename(void)
{
	uint64_t before = name;

	atomic_fetch_add(&this_process, 1);
	return before;
}

void rst_pool_disown(struct rst_pool_lock *lock, uint64_t before)
{
	uint64_t holder = atomic_load(&lock->holder);

	if (!holder)
		return;
	if (holder == before) {
		atomic_store(&lock->holder, self());
		return;
	}
	rst_fork_repair(lock);
	atomic_store_explicit(&lock->holder, 0, memory_order_release);
}

/* ---- Around calls -------------------------------------------------------------------------- */

void rst_pool_begin(struct rst_pool_call *call)
{
	call->error = errno;
	call->outer = rst_pool_calling;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &call->cancel);
	rst_pool_enter();
}

void rst_pool_end(struct rst_pool_call *call)
{
	rst_pool_leave();
	rst_pool_name(call->outer);
	pthread_setcancelstate(call->cancel, NULL);
	errno = call->error;
}

void rst_registry_enter(struct rst_pool_call *call, const char *name_of_call)
{
	sigset_t all;

	rst_pool_name(name_of_call);
	sigfillset(&all);
	/* With signals open while it sleeps, never while it has the lock. */
	for (unsigned round = 0;; round++) {
		pthread_sigmask(SIG_SETMASK, &all, &call->signals);
		if (get(&rst_registry_lock, name_of_call, round))
			return;
		pthread_sigmask(SIG_SETMASK, &call->signals, NULL);
		rst_pool_sleep(round);
	}
}

void rst_registry_leave(struct rst_pool_call *call)
{
	rst_pool_unlock(&rst_registry_lock);
	pthread_sigmask(SIG_SETMASK, &call->signals, NULL);
}

/* Also in calls that are not between the two above: those that allocate and wait. */
void rst_pool_sleep(unsigned round)
{
	struct timespec pause = {.tv_nsec = 50000L << (round < 5 ? round : 5)};
	int saved = errno, cancel;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	nanosleep(&pause, NULL);
	pthread_setcancelstate(cancel, NULL);
	errno = saved;
}

void rst_pool_fatal(const char *text, int length)
{
	int cancel;

	/* A write that fails tells no more than abort() does. */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	if (length > 0 && write(STDERR_FILENO, text, (size_t)length) < 0)
		abort();
	abort();
}
