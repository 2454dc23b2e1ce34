/* SPDX-License-Identifier: MIT */
/* faults_calls.c - the calls of faults.h: each asks the test what is to happen, then is made. */
#define _GNU_SOURCE
#include "faults.h"

#include <errno.h>
#include <linux/mman.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "nodes.h"

bool faults_fake_huge;

/* The call, or its error: result -1 and errno. */
#define WRAP(type, name, parameters, arguments)                                                    \
	type __real_##name parameters;                                                             \
	type __wrap_##name parameters;                                                             \
	type __wrap_##name parameters                                                              \
	{                                                                                          \
		int error = faults_at(FAULTS_##name);                                              \
                                                                                                   \
		if (!error)                                                                        \
			return __real_##name arguments;                                            \
		errno = error;                                                                     \
		return -1;                                                                         \
	}

WRAP(int, munmap, (void *address, size_t bytes), (address, bytes))
WRAP(int, mprotect, (void *address, size_t bytes, int how), (address, bytes, how))
WRAP(int, munlock, (const void *address, size_t bytes), (address, bytes))
WRAP(int, mincore, (void *address, size_t bytes, unsigned char *pages), (address, bytes, pages))
WRAP(int, unshare, (int flags), (flags))
WRAP(int, nanosleep, (const struct timespec *time, struct timespec *left), (time, left))
WRAP(int, sem_wait, (sem_t * sem), (sem))
WRAP(int, signalfd, (int fd, const sigset_t *set, int flags), (fd, set, flags))
WRAP(int, socket, (int domain, int type, int protocol), (domain, type, protocol))
WRAP(int, fchmod, (int fd, mode_t mode), (fd, mode))
WRAP(int, bind, (int fd, const struct sockaddr *to, socklen_t size), (fd, to, size))
WRAP(int, listen, (int fd, int backlog), (fd, backlog))
WRAP(int, connect, (int fd, const struct sockaddr *to, socklen_t size), (fd, to, size))
WRAP(int, lstat, (const char *path, struct stat *to), (path, to))
WRAP(int, rename, (const char *from, const char *to), (from, to))
WRAP(int, link, (const char *from, const char *to), (from, to))
WRAP(int, unlink, (const char *path), (path))
WRAP(int, dup, (int fd), (fd))
WRAP(int, poll, (struct pollfd * fds, nfds_t n, int ms), (fds, n, ms))
WRAP(int, accept4, (int fd, struct sockaddr *from, socklen_t *size, int flags),
     (fd, from, size, flags))
WRAP(ssize_t, recv, (int fd, void *to, size_t size, int flags), (fd, to, size, flags))
WRAP(ssize_t, send, (int fd, const void *from, size_t size, int flags), (fd, from, size, flags))
WRAP(ssize_t, read, (int fd, void *to, size_t size), (fd, to, size))

/* Of the files that the library opens none is made. */
int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
	int error = faults_at(FAULTS_open);

	if (!error)
		return __real_open(path, flags);
	errno = error;
	return -1;
}

/* Closed all the same, as Linux does it. */
int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_close(int fd)
{
	int error = faults_at(FAULTS_close), done = __real_close(fd);

	if (!error)
		return done;
	errno = error;
	return -1;
}

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *),
			  void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *),
			  void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *),
			  void *arg)
{
	int error = faults_at(FAULTS_pthread_create);

	return error ? error : __real_pthread_create(thread, attr, run, arg);
}

void *__real_mmap(void *address, size_t bytes, int how, int flags, int fd, off_t offset);
void *__wrap_mmap(void *address, size_t bytes, int how, int flags, int fd, off_t offset);
void *__wrap_mmap(void *address, size_t bytes, int how, int flags, int fd, off_t offset)
{
	int error = faults_at(FAULTS_mmap);

	if (error) {
		errno = error;
		return MAP_FAILED;
	}
	if (flags & MAP_HUGETLB && faults_fake_huge)
		flags &= ~(MAP_HUGETLB | MAP_HUGE_MASK << MAP_HUGE_SHIFT);
	return __real_mmap(address, bytes, how, flags, fd, offset);
}

void *__real_mremap(void *from, size_t old, size_t new, int flags, ...);
void *__wrap_mremap(void *from, size_t old, size_t new, int flags, ...);
void *__wrap_mremap(void *from, size_t old, size_t new, int flags, ...)
{
	int error = faults_at(FAULTS_mremap);
	void *to = NULL;
	va_list args;

	if (error) {
		errno = error;
		return MAP_FAILED;
	}
	va_start(args, flags);
	if (flags & MREMAP_FIXED)
		to = va_arg(args, void *);
	va_end(args);
	return flags & MREMAP_FIXED ? __real_mremap(from, old, new, flags, to)
				    : __real_mremap(from, old, new, flags);
}

int __real_madvise(void *address, size_t bytes, int advice);
int __wrap_madvise(void *address, size_t bytes, int advice);
int __wrap_madvise(void *address, size_t bytes, int advice)
{
	int error = faults_at(FAULTS_madvise);

	bool huge = faults_fake_huge && advice == 23; /* MADV_POPULATE_WRITE */

	if (error && huge)
		__real_mprotect(address, bytes, PROT_NONE); /* a thread that goes on is killed */
	if (error) {
		errno = error;
		return -1;
	}
	if (huge)
		return 0; /* small ones can be allocated later */
	return __real_madvise(address, bytes, advice);
}

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);
long __wrap_syscall(long number, ...)
{
	long arguments[6];
	va_list args;
	int error = 0;

	va_start(args, number);
	for (unsigned i = 0; i < 6; i++)
		arguments[i] = va_arg(args, long);
	va_end(args);
	if (number == SYS_membarrier)
		error = faults_at(FAULTS_membarrier);
#ifdef SYS_close_range
	if (number == SYS_close_range)
		error = faults_at(FAULTS_close_range);
#endif
	if (error) {
		errno = error;
		return -1;
	}
	return __real_syscall(number, arguments[0], arguments[1], arguments[2], arguments[3],
			      arguments[4], arguments[5]);
}

/* What the library makes without the C library: as that of the same name, but none of them is a
 * cancellation point. */
long roost_lab_call(long number, const long args[6]);
long roost_lab_call(long number, const long args[6])
{
	void *address = (void *)args[0];
	size_t bytes = (size_t)args[1];
	int saved = errno, cancel;
	long result;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	switch (number) {
	case SYS_mmap:
		result = (long)__wrap_mmap(address, bytes, (int)args[2], (int)args[3], (int)args[4],
					   args[5]);
		break;
	case SYS_mremap:
		result = (long)__wrap_mremap(address, bytes, (size_t)args[2], (int)args[3],
					     (void *)args[4]);
		break;
	case SYS_munmap:
		result = __wrap_munmap(address, bytes);
		break;
	case SYS_mprotect:
		result = __wrap_mprotect(address, bytes, (int)args[2]);
		break;
	case SYS_madvise:
		result = __wrap_madvise(address, bytes, (int)args[2]);
		break;
	case SYS_mincore:
		result = __wrap_mincore(address, bytes, (unsigned char *)args[2]);
		break;
	case SYS_munlock:
		result = __wrap_munlock(address, bytes);
		break;
	default:
		result = __wrap_syscall(number, args[0], args[1], args[2], args[3], args[4],
					args[5]);
	}
	if (result == -1)
		result = -errno;
	pthread_setcancelstate(cancel, NULL);
	errno = saved;
	return result;
}

/* The clock that tells when free memory is old goes faster. */
int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
	static _Atomic long more;

	if (__real_clock_gettime(clock, now) != 0)
		return -1;
	if (clock == CLOCK_MONOTONIC_COARSE)
		now->tv_sec += ++more;
	return 0;
}

/* ---- Two nodes, by a libnuma of this test's own -------------------------------------------- */

int numa_available(void)
{
	return 0;
}

int numa_max_node(void)
{
	return 1;
}

int numa_node_of_cpu(int cpu)
{
	return cpu & 1;
}

long mbind(void *address, unsigned long bytes, int mode, const unsigned long *nodes,
	   unsigned long most, unsigned flags)
{
	int error = faults_at(FAULTS_mbind);

	(void)address;
	(void)bytes;
	(void)mode;
	(void)nodes;
	(void)most;
	(void)flags;
	errno = error ? error : errno;
	return error ? -1 : 0;
}
