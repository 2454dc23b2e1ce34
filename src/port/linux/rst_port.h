/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * The Linux port: the engines as a part of a kernel, which is 6.1 or newer.
 *
 *	interrupts   are turned off by local_irq_save(); softirqs and hard interrupts are handlers
 *	rst_nmi()    in_nmi(): NMIs, and on x86 the exceptions that can come where interrupts are
 *	             off (machine check, #DB, int3). Not the callbacks of kprobes, ftrace and
 *	             tracepoints, which may run in the middle of the allocator: they must use the
 *	             _nolock calls
 *	locks        raw spinlocks, which spin on PREEMPT_RT as well, and which lockdep watches. UP
 *	             kernels, whose trylock always succeeds, get core/lock.h's words
 *	probes       are tracepoints: trace.h
 *
 * There are no sequences, so no pockets: a reaper would have to interrupt the other CPU and
 * wait until it answers, which a CPU that spins for the reaper's own lock never would.
 */
#ifndef RST_PORT_LINUX_H
#define RST_PORT_LINUX_H

#include <linux/delay.h>
#include <linux/irqflags.h>
#include <linux/panic.h>
#include <linux/preempt.h>
#include <linux/processor.h>
#include <linux/smp.h>
#include <linux/spinlock.h>

#include "roost/roost.h"
#include "trace.h"

#ifndef CONFIG_64BIT
#error "roost.ko is for 64-bit kernels: there must be atomic operations of 64 bits"
#endif

typedef unsigned long rst_irq_t;

#define RST_PORT_NAME "linux"
#define RST_PARK      0
#define RST_SEQ	      0

static inline rst_irq_t rst_irq_save(void)
{
	unsigned long flags;

	local_irq_save(flags);
	return flags;
}

static inline void rst_irq_restore(rst_irq_t flags)
{
	local_irq_restore(flags);
	/* A lock that was dropped while they were off was no point of preemption; this is one. */
	preempt_disable();
	preempt_enable();
}

static inline unsigned rst_cpu(void)
{
	return raw_smp_processor_id();
}

static inline bool rst_nmi(void)
{
	return in_nmi();
}

static inline bool rst_in_task(void)
{
	return in_task();
}

static inline void rst_relax(void)
{
	cpu_relax();
}

static inline void rst_sleep(unsigned round)
{
	unsigned long us = 50ul << (round < 4 ? round : 4);

	usleep_range(us, us * 2);
}

/* In walks that take long, in thread context, with no lock held. */
#define RST_YIELD() cond_resched()

static inline _Noreturn void rst_fatal(const char *text)
{
	panic("roost: %s\n", text);
}

/* ---- Counts ------------------------------------------------------------------------------- */

#ifdef CONFIG_X86_64
#define RST_LOCAL_ADD 1

/* One instruction is one step to all that runs on this CPU, and a store releases. Without the
 * tracer's eyes, because a tracer may be the one that frees. */
static inline bool rst_local_add(unsigned cpu, _Atomic u64 *word, u64 n)
{
	bool here;

	preempt_disable_notrace();
	here = raw_smp_processor_id() == cpu;
	if (here)
		asm volatile("addq %1, %0" : "+m"(*(u64 *)word) : "er"(n) : "memory", "cc");
	preempt_enable_notrace();
	return here;
}
#endif

/* ---- Locks --------------------------------------------------------------------------------- */

/* A task that has one, or (sets) frames in transit from one set to another, is not preempted:
 * no task is to search in vain because of one that does not run. */
static inline void rst_lock_note(int delta)
{
	if (delta > 0)
		preempt_disable();
	else
		preempt_enable();
}

#if ROOST_SMP

#define RST_PORT_LOCKS 1

enum {
	RST_LINUX_TRIES =
		64, /* as core/lock.h has it: a caller that must not wait tries this often */
};

typedef struct {
	raw_spinlock_t raw;
} rst_trylock_t;

typedef struct {
	raw_spinlock_t raw;
} rst_spinlock_t;

/* Their classes, by which lockdep calls them. */
extern struct lock_class_key rst_linux_pcp_key, rst_linux_zone_key;

static inline void rst_try_init(rst_trylock_t *lock)
{
	raw_spin_lock_init(&lock->raw);
	lockdep_set_class_and_name(&lock->raw, &rst_linux_pcp_key, "roost_pcp_lock");
}

/*
 * The engines take and drop locks in different functions, under conditions that sparse cannot
 * follow. So it learns that nothing is held; lockdep looks at what is. _raw_spin_trylock() is
 * raw_spin_trylock() without a word to sparse.
 */

static inline bool rst_try(rst_trylock_t *lock)
{
	return _raw_spin_trylock(&lock->raw);
}

static inline void rst_drop(rst_trylock_t *lock)
{
	__acquire(&lock->raw);
	raw_spin_unlock(&lock->raw);
}

static inline bool rst_try_held(const rst_trylock_t *lock)
{
	return raw_spin_is_locked((raw_spinlock_t *)&lock->raw);
}

static inline void rst_spin_init(rst_spinlock_t *lock)
{
	raw_spin_lock_init(&lock->raw);
	lockdep_set_class_and_name(&lock->raw, &rst_linux_zone_key, "roost_zone_lock");
}

static inline void rst_spin_might_wait(rst_spinlock_t *lock)
{
	might_lock(&lock->raw);
}

static inline bool rst_spin_held(const rst_spinlock_t *lock)
{
	return raw_spin_is_locked((raw_spinlock_t *)&lock->raw);
}

static inline bool rst_spin_try(rst_spinlock_t *lock)
{
	for (unsigned i = 0; i < RST_LINUX_TRIES; i++) {
		if (_raw_spin_trylock(&lock->raw))
			return true;
		cpu_relax();
	}
	return false;
}

static inline void rst_spin_wait(rst_spinlock_t *lock)
{
	raw_spin_lock(&lock->raw);
	__release(&lock->raw);
}

static inline void rst_spin_drop(rst_spinlock_t *lock)
{
	__acquire(&lock->raw);
	raw_spin_unlock(&lock->raw);
}

#if ROOST_LAB
static inline void rst_wait_wrongly(rst_trylock_t *lock)
{
	raw_spin_lock(&lock->raw);
	__release(&lock->raw);
}
#endif

#endif /* else words: core/lock.h */

/* ---- Probes -------------------------------------------------------------------------------- */

/* Nothing is computed for a tracepoint that is off. */
#define RST_PORT_PROBES 1
#define RST_PROBE(name, ...)                                                                       \
	do {                                                                                       \
		if (trace_roost_##name##_enabled())                                                \
			trace_roost_##name(__VA_ARGS__);                                           \
	} while (0)
#define RST_PROBE1(name, a)	     RST_PROBE(name, a)
#define RST_PROBE2(name, a, b)	     RST_PROBE(name, a, b)
#define RST_PROBE3(name, a, b, c)    RST_PROBE(name, a, b, c)
#define RST_PROBE4(name, a, b, c, d) RST_PROBE(name, a, b, c, d)
#define RST_PROBE_COUNT(offset, n)   RST_PROBE(count, (unsigned)((offset) / sizeof(u64)), n)

/* Macros of the kernel's that are names in the engines. */
#undef clamp
#undef current
#undef noinline

#endif
