/* SPDX-License-Identifier: MIT */
/* The parts of the POSIX port that are no inline functions. */
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "core/port.h"
#include "raw.h"
#include "roost/posix.h"

RST_THREAD_LOCAL int rst_posix_cpu = -1;
RST_THREAD_LOCAL volatile unsigned rst_posix_inside;

void roost_posix_set_cpu(int cpu)
{
	rst_posix_cpu = cpu;
}

unsigned roost_posix_locks_held(void)
{
#if ROOST_LAB
	return (unsigned)rst_posix_held;
#else
	return 0;
#endif
}

#if ROOST_LAB
RST_THREAD_LOCAL volatile int rst_posix_held;
#endif

_Static_assert(sizeof(sigset_t) <= sizeof(rst_irq_t), "rst_irq_t holds it");

rst_irq_t rst_irq_save(void)
{
	sigset_t all, old;
	rst_irq_t state;

	/* All but the two that glibc keeps for itself: so no thread may be cancelled asynchronously
	 * (which nothing here survives anyway). */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	/* pthread_sigmask() is opaque to the compiler and so a barrier to it, also when this file
	 * is compiled together with its callers. */
	memcpy(&state, &old, sizeof(old));
#if ROOST_LAB
	if (roost_lab_irqs_off)
		roost_lab_irqs_off();
#endif
	return state;
}

void rst_irq_restore(rst_irq_t old)
{
	sigset_t set;

#if ROOST_LAB
	if (roost_lab_irqs_on)
		roost_lab_irqs_on();
#endif
	memcpy(&set, &old, sizeof(set));
	pthread_sigmask(SIG_SETMASK, &set, NULL);
}

unsigned rst_posix_ask_cpu(void)
{
	int saved = errno;
	int cpu = sched_getcpu();

	errno = saved;
	return cpu < 0 ? 0 : (unsigned)cpu;
}

/* What a system call must not change or end: errno, and the thread. No call of the library is a
 * cancellation point. */
struct kept {
	int error, cancel;
};

static struct kept keep_begin(void)
{
	struct kept kept = {.error = errno};

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &kept.cancel);
	return kept;
}

static void keep_end(struct kept kept)
{
	pthread_setcancelstate(kept.cancel, NULL);
	errno = kept.error;
}

/* Not FUTEX_PRIVATE_FLAG: the metadata may lie in memory that several processes share. */
void rst_park(_Atomic uint32_t *word, uint32_t value)
{
	struct kept kept = keep_begin();

	syscall(SYS_futex, word, FUTEX_WAIT, value, NULL, NULL, 0);
	keep_end(kept);
}

void rst_unpark(_Atomic uint32_t *word)
{
	struct kept kept = keep_begin();

	syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
	keep_end(kept);
}

void rst_sleep(unsigned round)
{
	long us = 50L << (round < 4 ? round : 4);
	struct timespec pause = {.tv_nsec = us * 1000};
	struct kept kept = keep_begin();

	nanosleep(&pause, NULL);
	keep_end(kept);
}

#if RST_SEQ
static bool membarrier(int command, unsigned cpu)
{
	long flags = command == MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ ? MEMBARRIER_CMD_FLAG_CPU : 0;

	return rst_raw(SYS_membarrier, command, flags, cpu, 0, 0, 0) == 0;
}

/*
 * Does the kernel break sequences off whenever it should? From 6.19 on, that of arm64 does it no
 * more when another thread runs on the same CPU (reported as a regression on 22 April 2026); which
 * releases have the fix is not known here.
 */
static bool are_broken_off(void)
{
#ifdef __aarch64__
	struct utsname system;
	unsigned major, minor;

	if (uname(&system) || sscanf(system.release, "%u.%u", &major, &minor) != 2)
		return false;
	return major < 6 || (major == 6 && minor < 19);
#else
	return true;
#endif
}

/* Does a line of /proc/self/maps describe shared memory that holds some of [start, stop)? */
static bool is_shared_in(const char *line, uintptr_t start, uintptr_t stop)
{
	char *end;
	uintptr_t first = strtoul(line, &end, 16),
		  last = *end == '-' ? strtoul(end + 1, &end, 16) : 0;

	return first < stop && start < last && strlen(end) > 4 && end[4] == 's';
}

/* May other processes use this memory too? Without stdio, which may allocate. Where /proc is not
 * mounted it is thought to be the caller's own; if the file is there but cannot be opened or read
 * (no descriptor left, a sandbox), it may be shared. */
static bool is_shared(const void *memory, size_t size)
{
	uintptr_t start = (uintptr_t)memory;
	struct kept kept = keep_begin();
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	char buffer[2048], line[64] = "";
	size_t length = 0;
	bool shared = fd < 0 && errno != ENOENT;
	ssize_t n = 0;

	while (fd >= 0 && (n = read(fd, buffer, sizeof(buffer))) > 0)
		for (ssize_t i = 0; i < n; i++) {
			if (buffer[i] == '\n') {
				shared |= is_shared_in(line, start, start + size);
				length = 0;
			} else if (length < sizeof(line) - 1) {
				line[length++] = buffer[i];
				line[length] = 0;
			}
		}
	if (fd >= 0)
		close(fd);
	keep_end(kept);
	return shared || n < 0;
}

bool rst_seq_ready(const void *memory, size_t size)
{
	/* The fence reaches the threads of the caller's process alone. */
	return __rseq_size && are_broken_off() && !is_shared(memory, size) &&
	       membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ, 0); /* Linux 5.10 */
}

bool rst_seq_fence(unsigned cpu)
{
	/* Again registered if need be: whether a child is after a fork is the kernel's affair. */
	return membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ, cpu) ||
	       (membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ, 0) &&
		membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ, cpu));
}
#endif

void rst_fatal(const char *text)
{
	int cancel;

	/* Nothing but system calls: the caller may be a signal handler. */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	if (write(STDERR_FILENO, text, strlen(text)) < 0 || write(STDERR_FILENO, "\n", 1) < 0)
		abort();
	abort();
}
