/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "calls.h"

void (*calls_hook)(const char *name, bool done);
long calls_refused;

static _Thread_local unsigned events_left; /* of a thread that is to be stopped */
static _Thread_local const char *only;
static sem_t stopped, go_on;
static volatile bool is_stopped;

static void event(const char *name, bool done)
{
	int saved = errno;

	if (events_left && (!only || !strcmp(only, name)) && !--events_left) {
		is_stopped = true;
		sem_post(&stopped);
		while (sem_wait(&go_on))
			;
	}
	if (calls_hook)
		calls_hook(name, done);
	errno = saved;
}

static long real(long number, long a, long b, long c, long d, long e, long f)
{
	static long (*next)(long, ...);

	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "syscall");
	return next(number, a, b, c, d, e, f);
}

/* The compiler's attributes of the library's declarations are of no use here. */
#define SEEN(name, ...)                                                                            \
	do {                                                                                       \
		long result;                                                                       \
                                                                                                   \
		event(name, false);                                                                \
		result = real(__VA_ARGS__);                                                        \
		event(name, true);                                                                 \
		return (__typeof__(return_type))result;                                            \
	} while (0)

int madvise(void *address, size_t size, int advice)
{
	int return_type = 0;

#ifdef CALLS_WIPE_NOTHING /* as kernels before Linux 4.14 */
	if (advice == MADV_WIPEONFORK) {
		errno = EINVAL;
		return -1;
	}
#endif
	SEEN("madvise", SYS_madvise, (long)address, (long)size, advice, 0, 0, 0);
}

int mincore(void *address, size_t size, unsigned char *pages)
{
	int return_type = 0;

	SEEN("mincore", SYS_mincore, (long)address, (long)size, (long)pages, 0, 0, 0);
}

int mprotect(void *address, size_t size, int protection)
{
	int return_type = 0;

	SEEN("mprotect", SYS_mprotect, (long)address, (long)size, protection, 0, 0, 0);
}

void *mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
	void *return_type = NULL;

	SEEN("mmap", SYS_mmap, (long)address, (long)size, protection, flags, fd, offset);
}

int munmap(void *address, size_t size)
{
	int return_type = 0;

	SEEN("munmap", SYS_munmap, (long)address, (long)size, 0, 0, 0, 0);
}

int nanosleep(const struct timespec *pause, struct timespec *left)
{
	int return_type = 0;

	SEEN("nanosleep", SYS_nanosleep, (long)pause, (long)left, 0, 0, 0, 0);
}

/* membarrier(2) and what else has no function. */
long syscall(long number, ...)
{
	long return_type = 0, a[6];
	va_list args;

	va_start(args, number);
	for (unsigned i = 0; i < 6; i++)
		a[i] = va_arg(args, long);
	va_end(args);
	if (number && number == calls_refused) {
		errno = EPERM;
		return -1;
	}
	SEEN("syscall", number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* What the library makes without the C library. */
long roost_lab_call(long number, const long args[6]);
long roost_lab_call(long number, const long args[6])
{
	static const struct {
		long number;
		const char *name;
	} names[] = {{SYS_mmap, "mmap"},
		     {SYS_munmap, "munmap"},
		     {SYS_mprotect, "mprotect"},
		     {SYS_madvise, "madvise"},
		     {SYS_mincore, "mincore"}};
	const char *name = "syscall";
	int saved = errno;
	long result;

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].number == number)
			name = names[i].name;
	if (number == calls_refused)
		return -EPERM;
	event(name, false);
	result = real(number, args[0], args[1], args[2], args[3], args[4], args[5]);
	if (result == -1)
		result = -errno;
	event(name, true);
	errno = saved;
	return result;
}

static void *stop_at(void *arg)
{
	struct parking *parking = arg;
	void *result;

	only = parking->only;
	events_left = parking->at;
	result = parking->work(parking->arg);
	events_left = 0;
	sem_post(&stopped);
	return result;
}

bool calls_park(struct parking *parking)
{
	sem_init(&stopped, 0, 0);
	sem_init(&go_on, 0, 0);
	is_stopped = false;
	if (pthread_create(&parking->thread, NULL, stop_at, parking))
		return false;
	while (sem_wait(&stopped))
		;
	if (is_stopped)
		return true;
	pthread_join(parking->thread, NULL);
	return false;
}

void *calls_unpark(struct parking *parking)
{
	void *result;

	sem_post(&go_on);
	pthread_join(parking->thread, &result);
	return result;
}
