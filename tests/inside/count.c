/* SPDX-License-Identifier: MIT */
/* count.c - see count.h. One thread, and nothing is ordered: the compiler's atomics will do. */
#include "count.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/port.h"

#include <roost/posix.h>

#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#pragma GCC diagnostic ignored "-Wmissing-declarations"
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wbuiltin-declaration-mismatch"
#endif

struct counted counted;

/* ---- What the compiler calls --------------------------------------------------------------- */

void __tsan_init(void)
{
}

void __tsan_func_entry(void *pc)
{
	(void)pc;
}

void __tsan_func_exit(void)
{
}

void __sanitizer_cov_trace_pc(void)
{
}

#define PLAIN(name)                                                                                \
	void __tsan_##name(const void *address)                                                    \
	{                                                                                          \
		(void)address;                                                                     \
	}
#define PLAIN_READ(size)                                                                           \
	void __tsan_read##size(const void *address)                                                \
	{                                                                                          \
		(void)address;                                                                     \
		counted.reads++;                                                                   \
	}
#define PLAIN_SIZE(size)                                                                           \
	PLAIN_READ(size)                                                                           \
	PLAIN(write##size)                                                                         \
	PLAIN(unaligned_read##size)                                                                \
	PLAIN(unaligned_write##size)                                                               \
	PLAIN(read_write##size)                                                                    \
	PLAIN(volatile_read##size)                                                                 \
	PLAIN(volatile_write##size)

PLAIN_SIZE(1)
PLAIN_SIZE(2)
PLAIN_SIZE(4)
PLAIN_SIZE(8)
PLAIN_SIZE(16)

void __tsan_read_range(const void *address, size_t size)
{
	(void)address;
	(void)size;
}

void __tsan_write_range(void *address, size_t size)
{
	(void)address;
	(void)size;
}

void *__tsan_memcpy(void *to, const void *from, size_t size)
{
	return __builtin_memcpy(to, from, size);
}

void *__tsan_memset(void *to, int byte, size_t size)
{
	return __builtin_memset(to, byte, size);
}

static void access_to(const volatile void *word)
{
	counted.accesses++;
	counted.within += word >= counted.from && word < counted.to;
}

static void before_store(void)
{
	if (counted.stores++ == counted.stop_after && counted.on_stop)
		counted.on_stop();
}

static void before_cas(volatile void *word)
{
	before_store();
	access_to(word);
	counted.changes++;
	if (!counted.meddle)
		return;
	counted.tries++;
	counted.meddle(word);
}

#define ATOMIC(bits)                                                                               \
	typedef uint##bits##_t a##bits;                                                            \
	a##bits __tsan_atomic##bits##_load(const volatile a##bits *p, int order)                   \
	{                                                                                          \
		(void)order;                                                                       \
		access_to(p);                                                                      \
		return __atomic_load_n(p, __ATOMIC_SEQ_CST);                                       \
	}                                                                                          \
	void __tsan_atomic##bits##_store(volatile a##bits *p, a##bits v, int order)                \
	{                                                                                          \
		(void)order;                                                                       \
		before_store();                                                                    \
		access_to(p);                                                                      \
		__atomic_store_n(p, v, __ATOMIC_SEQ_CST);                                          \
	}                                                                                          \
	bool __tsan_atomic##bits##_compare_exchange_strong(volatile a##bits *p, a##bits *expected, \
							   a##bits v, int order, int fail)         \
	{                                                                                          \
		(void)order;                                                                       \
		(void)fail;                                                                        \
		before_cas(p);                                                                     \
		return __atomic_compare_exchange_n(p, expected, v, false, __ATOMIC_SEQ_CST,        \
						   __ATOMIC_SEQ_CST);                              \
	}                                                                                          \
	bool __tsan_atomic##bits##_compare_exchange_weak(volatile a##bits *p, a##bits *expected,   \
							 a##bits v, int order, int fail)           \
	{                                                                                          \
		return __tsan_atomic##bits##_compare_exchange_strong(p, expected, v, order, fail); \
	}                                                                                          \
	a##bits __tsan_atomic##bits##_compare_exchange_val(volatile a##bits *p, a##bits expected,  \
							   a##bits v, int order, int fail)         \
	{                                                                                          \
		__tsan_atomic##bits##_compare_exchange_strong(p, &expected, v, order, fail);       \
		return expected;                                                                   \
	}                                                                                          \
	CHANGE(bits, exchange, exchange_n)                                                         \
	CHANGE(bits, fetch_add, fetch_add)                                                         \
	CHANGE(bits, fetch_sub, fetch_sub)                                                         \
	CHANGE(bits, fetch_and, fetch_and)                                                         \
	CHANGE(bits, fetch_or, fetch_or)                                                           \
	CHANGE(bits, fetch_xor, fetch_xor)                                                         \
	CHANGE(bits, fetch_nand, fetch_nand)

#define CHANGE(bits, name, builtin)                                                                \
	a##bits __tsan_atomic##bits##_##name(volatile a##bits *p, a##bits v, int order)            \
	{                                                                                          \
		(void)order;                                                                       \
		before_store();                                                                    \
		access_to(p);                                                                      \
		counted.changes++;                                                                 \
		return __atomic_##builtin(p, v, __ATOMIC_SEQ_CST);                                 \
	}

ATOMIC(8)
ATOMIC(16)
ATOMIC(32)
ATOMIC(64)

void __tsan_atomic_thread_fence(int order)
{
	(void)order;
	counted.accesses++;
}

void __tsan_atomic_signal_fence(int order)
{
	(void)order;
}

/* ---- The port ------------------------------------------------------------------------------ */

static unsigned this_cpu;

void roost_posix_set_cpu(int cpu)
{
	this_cpu = cpu < 0 ? 0 : (unsigned)cpu;
}

unsigned roost_posix_locks_held(void)
{
	return 0;
}

unsigned rst_cpu(void)
{
	return this_cpu;
}

bool rst_nmi(void)
{
	return false;
}

bool rst_in_task(void)
{
	return true;
}

rst_irq_t rst_irq_save(void)
{
	return 0;
}

void rst_irq_restore(rst_irq_t state)
{
	(void)state;
}

void rst_relax(void)
{
}

void rst_sleep(unsigned round)
{
	(void)round;
	counted.sleeps++;
	if (counted.on_sleep)
		counted.on_sleep();
}

void rst_park(_Atomic uint32_t *word, uint32_t value)
{
	(void)word;
	(void)value;
}

void rst_unpark(_Atomic uint32_t *word)
{
	(void)word;
}

/* Counters are not looked at here. */
void rst_counted(unsigned counter, uint64_t n)
{
	(void)counter;
	(void)n;
}

/* An assertion's accesses are not counted. */
void rst_observe(int delta)
{
	static struct counted before;

	if (delta > 0)
		before = counted;
	else
		counted = before;
}

_Noreturn void rst_fatal(const char *text)
{
	fprintf(stderr, "%s\n", text);
	abort();
}

/* ---- Sequences ----------------------------------------------------------------------------- */

bool rst_seq_ready(const void *memory, size_t size)
{
	(void)memory;
	(void)size;
	return counted.pockets;
}

unsigned rst_seq_cpu(void)
{
	return counted.pockets ? this_cpu : RST_NO_CPU;
}

static bool begins(unsigned cpu)
{
	before_store();
	counted.accesses++;
	counted.sequences++;
	return !counted.no_sequence && cpu == this_cpu;
}

bool rst_seq_cas(unsigned cpu, struct rst_seq s)
{
	if (!begins(cpu) || rst_load_rlx(s.stop) || rst_load_rlx(s.word) != s.old)
		return false;
	rst_store_rlx(s.word, s.new);
	return true;
}

bool rst_seq_cas_guarded(unsigned cpu, struct rst_seq s)
{
	return rst_load_rlx(s.guard) == s.expected && rst_seq_cas(cpu, s);
}

bool rst_seq_cas_at(unsigned cpu, struct rst_seq_at s)
{
	if (!begins(cpu) || rst_load_rlx(s.guard) != s.expected || rst_load_rlx(s.word) != s.old)
		return false;
	rst_store_rlx(s.word, s.new);
	return true;
}

bool rst_seq_take(unsigned cpu, struct rst_seq_bit s)
{
	uint64_t word = rst_load_rlx(s.word), bit = (uint64_t)1 << s.bit % 64;

	if (!begins(cpu) || rst_load_rlx(s.guard) != s.expected || !(word & bit))
		return false;
	rst_store_rlx(s.word, word & ~bit);
	return true;
}

bool rst_seq_put(struct rst_seq_bit s, uint32_t *half, uint64_t *now)
{
	uint64_t word = rst_load_rlx(s.word), bit = (uint64_t)1 << s.bit % 64;

	*half = (uint32_t)s.expected + this_cpu;
	*now = word | bit;
	if (!begins(this_cpu) || (uint32_t)rst_load_rlx(s.guard) != *half || word & bit)
		return false;
	rst_store_rlx(s.word, *now);
	return true;
}

bool rst_seq_lock_cas(unsigned cpu, _Atomic uint64_t *word, uint64_t old, uint64_t new)
{
	return begins(cpu) && rst_cas64_sc(word, &old, new);
}

bool rst_seq_add(unsigned cpu, _Atomic uint64_t *word, uint64_t n)
{
	if (!begins(cpu))
		return false;
	rst_store_rlx(word, rst_load_rlx(word) + n);
	return true;
}

bool rst_seq_fence(unsigned cpu)
{
	(void)cpu;
	counted.fences++;
	if (counted.on_fence)
		counted.on_fence();
	return !counted.no_fence;
}
