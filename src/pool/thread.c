/* SPDX-License-Identifier: MIT */
/*
 * thread.c - the calling thread: its name, the call that it is in, and the frame around every call
 * that may block.
 *
 * A name is a number that no other thread ever gets, and contains the kernel's number of the
 * thread. So a lock's holder is known for sure, and the kernel, not a time limit, says whether it
 * has ended.
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

/* ---- Names --------------------------------------------------------------------------------- */

enum { TID_BITS = 22 }; /* PID_MAX_LIMIT of the kernel */

/* 63 ... 22: a number that is used once; 21 ... 0: of the thread, 0 if the kernel does not say. 0:
 * none yet. Given anew in a child, where the thread has another number. */
static RST_POOL_THREAD volatile uint64_t name;
static RST_POOL_THREAD volatile unsigned name_process;

static _Atomic uint64_t last_name;    /* a */
static _Atomic unsigned this_process; /* a; counts the forks on the way to this process */

uint64_t rst_thread_self(void)
{
	unsigned process = atomic_load(&this_process);

	/* A handler that comes in between takes a name of its own, and is done with it. It must not
	 * take the old name for one of this process. */
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

/* The first thread's number is that of the process, so the kernel knows it as long as the process
 * lives. For this thread its state in /proc says whether it has ended. Without /proc nothing
 * does. */
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

/* The kernel may have given this number to another thread since. Unless that is the caller, this
 * waits for that thread's end. */
bool rst_thread_is_gone(uint64_t thread)
{
	pid_t tid = number_in(thread), process = getpid();
	int saved = errno;
	bool gone = tid && (tid == number_in(rst_thread_self()) ||
			    (syscall(SYS_tgkill, process, tid, 0) != 0 && errno == ESRCH) ||
			    (tid == process && is_first_gone()));

	errno = saved;
	return gone;
}

uint64_t rst_thread_rename(void)
{
	uint64_t before = name;

	atomic_fetch_add(&this_process, 1);
	return before;
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

/* Used also in calls that are not between the two above: those that allocate and wait. */
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

	/* If the write fails, abort() still ends the process. */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	if (length > 0 && write(STDERR_FILENO, text, (size_t)length) < 0)
		abort();
	abort();
}
