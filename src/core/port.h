/* SPDX-License-Identifier: MIT */
/*
 * port.h - what the allocator asks of the system it runs on: the contract of all ports.
 *
 * A port is a folder src/port/NAME with a header rst_port.h of static inline functions; the build
 * puts one such folder on the include path. It defines:
 *
 *   RST_PORT_NAME                 its name, a string
 *   rst_irq_t                     the interrupt state of the current CPU
 *   rst_irq_t rst_irq_save()      turn interrupts off, return how they were. In POSIX: block all
 *   void rst_irq_restore(state)   signals. From save to restore no interrupt handler that uses
 *                                 the allocator runs on this CPU, and the task stays on it.
 *   unsigned rst_cpu()            the current CPU, any number; may be stale on return, which
 *                                 costs locality and nothing else. Any context.
 *   bool rst_nmi()                the current context can have interrupted code that runs with
 *                                 interrupts off. Then nothing may be waited for at all.
 *   bool rst_in_task()            the current context is no handler (asked in lab builds only).
 *   void rst_relax()              one turn of a spin: a pause instruction.
 *   RST_PARK, rst_park(w, v), rst_unpark(w)
 *                                 if RST_PARK is 1: sleep while *w == v, wake one that does. Must
 *                                 keep errno. If 0, waiting is spinning.
 *   void rst_sleep(round)         a task waits for others to make progress, longer with each
 *                                 round (about 50 us to 1 ms). Thread context.
 *   void rst_fatal(text)          does not return.
 *   RST_SEQ                       1 if the port has sequences (struct rst_seq below). If it is 0,
 *                                 or undefined, the port has none of these:
 *   bool rst_seq_ready(memory, size)
 *                                 there are sequences here, for words that lie there; asked before
 *                                 the others are. Thread
 *                                 context.
 *   unsigned rst_seq_cpu()        the CPU on which the caller can run sequences now; RST_NO_CPU
 *                                 or any number above all CPUs: none. Any context.
 *   unsigned rst_seq_here()       the same, for words that belong to that CPU whatever rst_cpu()
 *                                 says; where a port lets callers choose their rst_cpu(), the
 *                                 two may differ.
 *   bool rst_seq_cas(cpu, seq), rst_seq_cas_guarded(cpu, seq)
 *                                 run a sequence. May fail for no reason, and does on another
 *                                 CPU. Any context.
 *   bool rst_seq_cas_at(cpu, seq)  the same for a guard of 64 bits, and without stop: struct
 *                                 rst_seq_at.
 *   bool rst_seq_take(cpu, bit), rst_seq_put(bit, &half, &now)
 *                                 run a sequence on one bit: struct rst_seq_bit. They may fail
 *                                 for no reason, too.
 *   bool rst_seq_lock_cas(cpu, word, old, new)
 *                                 a compare-and-exchange that is one step to all CPUs
 *                                 (sequentially consistent), and fails unless the caller is on
 *                                 this one: no sequence of it is under way at that instant.
 *   bool rst_seq_add(cpu, word, n)
 *                                 adds to a word that nothing but these calls on that CPU change
 *                                 (release). Fails as the others do.
 *   bool rst_seq_fence(cpu)       what sequences of that CPU committed before is seen by the
 *                                 caller, and those that commit later see what the caller wrote
 *                                 before. False: not possible just now. Any context.
 *   RST_YIELD()                   in walks over all memory, in thread context: lets others run, on
 *                                 systems that do not preempt. Undefined: not needed.
 *   RST_OBSERVE(delta)            +1 before an assertion reads, -1 afterwards: for ports to which
 *                                 accesses are steps. Undefined: they are not.
 *   RST_INSIDE(delta)             +1 before a call of a cache moves slabs, -1 afterwards: for ports
 *                                 where a handler on top of it may copy everything (fork) and look
 *                                 in the copy. Undefined: they do not.
 *   RST_LOCAL_ADD                 1 if a port without sequences has rst_local_add(cpu, word, n):
 *                                 as rst_seq_add(), for a CPU that rst_cpu() named. 0 if undefined.
 *   RST_PORT_LOCKS, RST_PORT_PROBES
 *                                 1 if the port has locks, static probes of its own: lock.h,
 *                                 probe.h. If it does not say, it has none.
 *   void rst_lock_note(delta)     +1 before a try-only lock is tried, -1 after the try failed or it
 *                                 was dropped (or what takes a lock's place in an engine without);
 *                                 for lab builds, otherwise empty.
 *
 * Preconditions of all ports: interrupts nest (a handler ends before what it interrupted goes
 * on); 32- and 64-bit atomics are lock-free; the caller's frames are no memory of the port's.
 */
#ifndef RST_PORT_H
#define RST_PORT_H

/* 0 builds for a uniprocessor: one CPU, on which handlers are the only concurrency. */
#ifndef ROOST_SMP
#define ROOST_SMP 1
#endif

/* 1 builds for the lab: with what is wrong on purpose, and with hooks for observers. */
#ifndef ROOST_LAB
#define ROOST_LAB 0
#endif

#include "core/atomic.h"

#define RST_NO_CPU UINT32_MAX

/*
 * A sequence: a compare-and-exchange that is one step to everything on its CPU, handlers too, but
 * not to other CPUs. So it costs no more than loads and a store. If *stop is 0 (acquire) and *word
 * is old, *word becomes new (release); the guarded form also requires that *guard is as expected.
 * Other CPUs may change *word after they have set *stop and then called rst_seq_fence().
 */
struct rst_seq {
	_Atomic uint32_t *stop;
	_Atomic uint64_t *word;
	uint64_t old, new;
	_Atomic uint16_t *guard;
	uint16_t expected;
};

/* If *guard is expected (acquire) and *word is old, *word becomes new (release). Other CPUs may
 * change *word after they have changed *guard and then called rst_seq_fence(). */
struct rst_seq_at {
	_Atomic uint64_t *guard, *word;
	uint64_t expected, old, new;
};

/*
 * A bit of *word that a sequence changes (release; acquire for what is taken). A take wants
 * *guard to be expected (acquire) and the bit to be set, and clears it. A put wants the low half
 * of *guard to be expected + the number of the CPU on which it runs, whichever that is, and the
 * bit to be clear. It sets the bit, and says what the half and the word are then. Other CPUs may
 * change *word as in struct rst_seq_at.
 */
struct rst_seq_bit {
	_Atomic uint64_t *guard, *word;
	uint64_t expected, bit; /* bit: modulo 64 */
};

#include "rst_port.h"

#ifndef RST_OBSERVE
#define RST_OBSERVE(delta) ((void)0)
#endif

#ifndef RST_INSIDE
#define RST_INSIDE(delta) ((void)0)
#endif

#ifndef RST_YIELD
#define RST_YIELD() ((void)0)
#endif

#if !RST_SEQ
static inline bool rst_seq_ready(const void *memory, size_t size)
{
	(void)memory;
	(void)size;
	return false;
}

static inline unsigned rst_seq_cpu(void)
{
	return RST_NO_CPU;
}

static inline unsigned rst_seq_here(void)
{
	return RST_NO_CPU;
}

static inline bool rst_seq_cas(unsigned cpu, struct rst_seq s)
{
	(void)cpu;
	(void)s;
	return false;
}

static inline bool rst_seq_cas_guarded(unsigned cpu, struct rst_seq s)
{
	return rst_seq_cas(cpu, s);
}

static inline bool rst_seq_cas_at(unsigned cpu, struct rst_seq_at s)
{
	(void)cpu;
	(void)s;
	return false;
}

static inline bool rst_seq_take(unsigned cpu, struct rst_seq_bit s)
{
	(void)cpu;
	(void)s;
	return false;
}

static inline bool rst_seq_put(struct rst_seq_bit s, uint32_t *half, uint64_t *now)
{
	(void)s;
	(void)half;
	(void)now;
	return false;
}

static inline bool rst_seq_lock_cas(unsigned cpu, _Atomic uint64_t *word, uint64_t old,
				    uint64_t new)
{
	(void)cpu;
	(void)word;
	(void)old;
	(void)new;
	return false;
}

static inline bool rst_seq_add(unsigned cpu, _Atomic uint64_t *word, uint64_t n)
{
	(void)cpu;
	(void)word;
	(void)n;
	return false;
}

static inline bool rst_seq_fence(unsigned cpu)
{
	(void)cpu;
	return false;
}
#endif

#ifndef RST_LOCAL_ADD
#define RST_LOCAL_ADD 0
#endif

#endif
