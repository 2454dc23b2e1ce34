/* SPDX-License-Identifier: MIT */
/*
 * faults.h - every system call that the pool and its port make, as something that a test can have
 * its way with: faults_calls.c, which the linker puts in their place (--wrap).
 */
#ifndef TESTS_POOL_FAULTS_H
#define TESTS_POOL_FAULTS_H

#include <stdbool.h>

/* Each with the errors that it may come back with, 0 at the end. */
#define FAULTS_CALLS(X)                                                                            \
	X(mmap, ENOMEM)                                                                            \
	X(munmap, ENOMEM)                                                                          \
	X(mprotect, ENOMEM)                                                                        \
	X(madvise, EINVAL, EFAULT)                                                                 \
	X(mremap, ENOMEM)                                                                          \
	X(mincore, EAGAIN)                                                                         \
	X(munlock, ENOMEM)                                                                         \
	X(mbind, EPERM, ENOMEM)                                                                    \
	X(membarrier, EPERM)                                                                       \
	X(close_range, ENOSYS)                                                                     \
	X(unshare, EPERM)                                                                          \
	X(nanosleep, EINTR)                                                                        \
	X(pthread_create, EAGAIN)                                                                  \
	X(sem_wait, EINTR)                                                                         \
	X(signalfd, EMFILE)                                                                        \
	X(socket, EMFILE, EACCES)                                                                  \
	X(fchmod, EPERM)                                                                           \
	X(bind, EADDRINUSE, EROFS)                                                                 \
	X(listen, EADDRINUSE)                                                                      \
	X(connect, EAGAIN)                                                                         \
	X(lstat, EACCES)                                                                           \
	X(rename, EACCES)                                                                          \
	X(unlink, EACCES)                                                                          \
	X(link, EPERM)                                                                             \
	X(dup, EMFILE)                                                                             \
	X(poll, EINTR, ENOMEM)                                                                     \
	X(accept4, EMFILE, ECONNABORTED)                                                           \
	X(recv, ECONNRESET)                                                                        \
	X(send, EPIPE, EAGAIN)                                                                     \
	X(open, ENOENT, EMFILE)                                                                    \
	X(read, EAGAIN)                                                                            \
	X(close, EINTR)

enum faults_call {
#define FAULTS_ENUM(name, ...) FAULTS_##name,
	FAULTS_CALLS(FAULTS_ENUM)
#undef FAULTS_ENUM
		FAULTS_NR
};

/* What happens at a call: 0, or the error with which it fails instead. */
int faults_at(enum faults_call call);

/* Reserved huge pages are made of small ones. */
extern bool faults_fake_huge;

#endif
