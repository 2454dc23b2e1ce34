/* SPDX-License-Identifier: MIT */
/*
 * The POSIX port: threads are the tasks, signals are the interrupts.
 *
 * "Interrupts off" is "all signals blocked", a system call each way, so only slow paths do it.
 * The current CPU is the thread's virtual CPU if it was given one, else what the kernel wrote into
 * the thread's rseq area, else what sched_getcpu() says. There are no NMIs: a signal that cannot
 * be blocked kills.
 */
#ifndef RST_PORT_POSIX_H
#define RST_PORT_POSIX_H

#include <stddef.h>
#if __has_include(<sys/rseq.h>)
#include <sys/rseq.h>
#endif

/* Thread sanitizer does not see what sequences read and write. */
#ifdef __has_feature /* clang */
#if __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define __SANITIZE_THREAD__ 1
#endif
#endif
#ifdef __SANITIZE_THREAD__ /* nor what assembly does */
#define RST_PLAIN_ATOMICS 1
#endif
/* A put compares the low half of a word: rst_seq_put(). */
#if defined(RSEQ_SIG) && ROOST_SMP && defined(__LP64__) &&                                         \
	__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ &&                                               \
	(defined(__x86_64__) || defined(__aarch64__)) && !defined(__SANITIZE_THREAD__)
#define RST_SEQ 1
#else
#define RST_SEQ 0
#endif

/* A sigset_t. Its name is POSIX's, which <signal.h> keeps to itself under -std=c11, and the headers
 * of the C library may have been included by now: so what needs it is in posix.c. */
typedef struct {
	unsigned long words[128 / sizeof(unsigned long)];
} rst_irq_t;

#define RST_PORT_NAME "posix"
#define RST_PARK      1

/* Initial-exec: the first use of a thread-local in a dlopened library could call malloc, and this
 * may be a handler. */
#define RST_THREAD_LOCAL _Thread_local __attribute__((tls_model("initial-exec")))

extern RST_THREAD_LOCAL int rst_posix_cpu; /* virtual CPU of the thread; -1: none */

/* Calls of caches that move slabs, and that the thread is inside. */
extern RST_THREAD_LOCAL volatile unsigned rst_posix_inside;
#define RST_INSIDE(delta)                                                                          \
	do {                                                                                       \
		atomic_signal_fence(memory_order_seq_cst);                                         \
		rst_posix_inside += (unsigned)(delta);                                             \
		atomic_signal_fence(memory_order_seq_cst);                                         \
	} while (0)

rst_irq_t rst_irq_save(void);
void rst_irq_restore(rst_irq_t old);
unsigned rst_posix_ask_cpu(void);
void rst_park(_Atomic uint32_t *word, uint32_t value);
void rst_unpark(_Atomic uint32_t *word);
void rst_sleep(unsigned round);
_Noreturn void rst_fatal(const char *text);

static inline unsigned rst_cpu(void)
{
	if (rst_posix_cpu >= 0)
		return (unsigned)rst_posix_cpu;
#ifdef RSEQ_SIG
	/* glibc registered the area when __rseq_size is not 0; the kernel keeps cpu_id in it. */
	if (__rseq_size) {
		const struct rseq *area =
			(const void *)((const char *)__builtin_thread_pointer() + __rseq_offset);
		int cpu = (int)*(const volatile uint32_t *)&area->cpu_id;

		if (cpu >= 0)
			return (unsigned)cpu;
	}
#endif
	return rst_posix_ask_cpu();
}

#if RST_SEQ
#include "seq.h"
#endif

static inline bool rst_nmi(void)
{
	return false;
}

static inline void rst_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield" ::: "memory");
#else
	__asm__ volatile("" ::: "memory");
#endif
}

#if ROOST_LAB
extern RST_THREAD_LOCAL volatile int rst_posix_held; /* try-only locks that the thread holds */

static inline void rst_lock_note(int delta)
{
	rst_posix_held += delta;
}

/* Of a program that measures how long zone locks are held and interrupts are off; others do not
 * have them. rst_irq_save() and rst_irq_restore() call the first and the last. */
void roost_lab_irqs_off(void) __attribute__((weak));
void roost_lab_lock_waits(void) __attribute__((weak));
void roost_lab_lock_taken(void) __attribute__((weak));
void roost_lab_lock_moved(uint64_t frames) __attribute__((weak));
void roost_lab_lock_dropped(void) __attribute__((weak));
void roost_lab_irqs_on(void) __attribute__((weak));

#define RST_HOLD_WAITS()  (roost_lab_lock_waits ? roost_lab_lock_waits() : (void)0)
#define RST_HOLD_BEGIN()  (roost_lab_lock_taken ? roost_lab_lock_taken() : (void)0)
#define RST_HOLD_MOVED(n) (roost_lab_lock_moved ? roost_lab_lock_moved(n) : (void)0)
#define RST_HOLD_END()	  (roost_lab_lock_dropped ? roost_lab_lock_dropped() : (void)0)

/* A handler on top of a lock holder can tell; one on top of anything else is as good as a task. */
static inline bool rst_in_task(void)
{
	return rst_posix_held == 0;
}
#else
static inline void rst_lock_note(int delta)
{
	(void)delta;
}
#endif

#endif
