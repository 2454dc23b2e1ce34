/* SPDX-License-Identifier: MIT */
/*
 * raw.h - system calls without the C library.
 *
 * A function of the library may be another one: MPI, sandboxes and profilers put their own mmap()
 * and madvise() before it, which take locks or allocate. Here the caller may be a handler, or
 * malloc itself. Nor is a raw call a cancellation point, and it leaves errno alone.
 */
#ifndef RST_POSIX_RAW_H
#define RST_POSIX_RAW_H

#include <sys/syscall.h>

/* Sanitizers have to see what is mapped. */
#ifdef __has_feature /* clang */
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
	__has_feature(memory_sanitizer)
#define RST_RAW_SEEN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define RST_RAW_SEEN 1
#endif

#if defined(RST_RAW_SEEN) || (!defined(__x86_64__) && !defined(__aarch64__))
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>
#endif

#if ROOST_LAB
/* Of a test, which sees the calls, stops at them and lets them fail; others do not have it. */
long roost_lab_call(long number, const long args[6]) __attribute__((weak));
#endif

/* The kernel's answer: a negative error number, or what the call returns. */
static inline long rst_raw_call(long number, const long args[6])
{
#if defined(RST_RAW_SEEN) || (!defined(__x86_64__) && !defined(__aarch64__))
	int saved = errno;
	long result;

	if (number == SYS_mmap)
		result = (long)mmap((void *)args[0], (size_t)args[1], (int)args[2], (int)args[3],
				    (int)args[4], args[5]);
	else if (number == SYS_munmap)
		result = munmap((void *)args[0], (size_t)args[1]);
	else
		result = syscall(number, args[0], args[1], args[2], args[3], args[4], args[5]);
	if (result == -1)
		result = -errno;
	errno = saved;
	return result;
#elif defined(__x86_64__)
	register long d __asm__("r10") = args[3];
	register long e __asm__("r8") = args[4];
	register long f __asm__("r9") = args[5];
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(args[0]), "S"(args[1]), "d"(args[2]), "r"(d), "r"(e),
			   "r"(f)
			 : "rcx", "r11", "memory");
	return result;
#else /* aarch64 */
	register long nr __asm__("x8") = number;
	register long a __asm__("x0") = args[0];
	register long b __asm__("x1") = args[1];
	register long c __asm__("x2") = args[2];
	register long d __asm__("x3") = args[3];
	register long e __asm__("x4") = args[4];
	register long f __asm__("x5") = args[5];

	__asm__ volatile("svc 0"
			 : "+r"(a)
			 : "r"(nr), "r"(b), "r"(c), "r"(d), "r"(e), "r"(f)
			 : "memory");
	return a;
#endif
}

static inline long rst_raw(long number, long a, long b, long c, long d, long e, long f)
{
	const long args[6] = {a, b, c, d, e, f};

#if ROOST_LAB
	if (roost_lab_call)
		return roost_lab_call(number, args);
#endif
	return rst_raw_call(number, args);
}

#endif
