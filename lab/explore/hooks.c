/* SPDX-License-Identifier: MIT */
/*
 * hooks.c - the entry points that gcc and clang call in code built with -fsanitize=thread, here
 * instead of those of libtsan: each access goes to the machine that runs the code (access.h).
 * Compare-and-exchange never fails spuriously.
 */
#include <stdint.h>
#include <stddef.h>

#include "access.h"

#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#pragma GCC diagnostic ignored "-Wmissing-declarations"
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wbuiltin-declaration-mismatch"
#endif

void __tsan_init(void)
{
}

uintptr_t access_pc;

void __tsan_func_entry(void *caller)
{
	access_entered((uintptr_t)__builtin_return_address(0), (uintptr_t)caller);
}

void __tsan_func_exit(void)
{
	access_left();
}

#define PLAIN(size)                                                                                \
	void __tsan_read##size(const void *address)                                                \
	{                                                                                          \
		ACCESS_HERE();                                                                     \
		race_access(address, size, false);                                                 \
	}                                                                                          \
	void __tsan_write##size(void *address)                                                     \
	{                                                                                          \
		ACCESS_HERE();                                                                     \
		race_access(address, size, true);                                                  \
	}                                                                                          \
	void __tsan_unaligned_read##size(const void *address)                                      \
	{                                                                                          \
		ACCESS_HERE();                                                                     \
		race_access(address, size, false);                                                 \
	}                                                                                          \
	void __tsan_unaligned_write##size(void *address)                                           \
	{                                                                                          \
		ACCESS_HERE();                                                                     \
		race_access(address, size, true);                                                  \
	}                                                                                          \
	void __tsan_read_write##size(void *address)                                                \
	{                                                                                          \
		ACCESS_HERE();                                                                     \
		race_access(address, size, true);                                                  \
	}                                                                                          \
	void __tsan_volatile_read##size(const void *address)                                       \
	{                                                                                          \
		ACCESS_HERE();                                                                     \
		memory_volatile(address, size, false);                                             \
	}                                                                                          \
	void __tsan_volatile_write##size(void *address)                                            \
	{                                                                                          \
		ACCESS_HERE();                                                                     \
		memory_volatile(address, size, true);                                              \
	}

PLAIN(1)
PLAIN(2)
PLAIN(4)
PLAIN(8)
PLAIN(16)

void __tsan_read_range(const void *address, size_t size)
{
	ACCESS_HERE();
	race_access(address, size, false);
}

void __tsan_write_range(void *address, size_t size)
{
	ACCESS_HERE();
	race_access(address, size, true);
}

/* clang calls these for the memory functions. */
void *__tsan_memcpy(void *to, const void *from, size_t size)
{
	ACCESS_HERE();
	race_access(from, size, false);
	race_access(to, size, true);
	return __builtin_memcpy(to, from, size);
}

void *__tsan_memset(void *to, int byte, size_t size)
{
	ACCESS_HERE();
	race_access(to, size, true);
	return __builtin_memset(to, byte, size);
}

#define ATOMIC(bits)                                                                               \
	typedef uint##bits##_t a##bits;                                                            \
	a##bits __tsan_atomic##bits##_load(const volatile a##bits *p, int order)                   \
	{                                                                                          \
		ACCESS_HERE();                                                                     \
		return (a##bits)memory_load(p, bits / 8, order);                                   \
	}                                                                                          \
	void __tsan_atomic##bits##_store(volatile a##bits *p, a##bits v, int order)                \
	{                                                                                          \
		ACCESS_HERE();                                                                     \
		memory_store(p, bits / 8, v, order);                                               \
	}                                                                                          \
	static bool cas##bits(volatile a##bits *p, a##bits *expected, a##bits desired, int order,  \
			      int fail)                                                            \
	{                                                                                          \
		uint64_t found = *expected;                                                        \
		bool hit = memory_cas(p, bits / 8, &found, desired, order, fail);                  \
                                                                                                   \
		*expected = (a##bits)found;                                                        \
		return hit;                                                                        \
	}                                                                                          \
	bool __tsan_atomic##bits##_compare_exchange_strong(volatile a##bits *p, a##bits *expected, \
							   a##bits desired, int order, int fail)   \
	{                                                                                          \
		ACCESS_HERE();                                                                     \
		return cas##bits(p, expected, desired, order, fail);                               \
	}                                                                                          \
	bool __tsan_atomic##bits##_compare_exchange_weak(volatile a##bits *p, a##bits *expected,   \
							 a##bits desired, int order, int fail)     \
	{                                                                                          \
		ACCESS_HERE();                                                                     \
		return cas##bits(p, expected, desired, order, fail);                               \
	}                                                                                          \
	a##bits __tsan_atomic##bits##_compare_exchange_val(volatile a##bits *p, a##bits expected,  \
							   a##bits desired, int order, int fail)   \
	{                                                                                          \
		ACCESS_HERE();                                                                     \
		cas##bits(p, &expected, desired, order, fail);                                     \
		return expected;                                                                   \
	}                                                                                          \
	RMW(bits, exchange, RMW_EXCHANGE)                                                          \
	RMW(bits, fetch_add, RMW_ADD)                                                              \
	RMW(bits, fetch_sub, RMW_SUB)                                                              \
	RMW(bits, fetch_and, RMW_AND)                                                              \
	RMW(bits, fetch_or, RMW_OR)                                                                \
	RMW(bits, fetch_xor, RMW_XOR)                                                              \
	RMW(bits, fetch_nand, RMW_NAND)

#define RMW(bits, name, kind)                                                                      \
	a##bits __tsan_atomic##bits##_##name(volatile a##bits *p, a##bits v, int order)            \
	{                                                                                          \
		ACCESS_HERE();                                                                     \
		return (a##bits)memory_rmw(p, bits / 8, kind, v, order);                           \
	}

ATOMIC(8)
ATOMIC(16)
ATOMIC(32)
ATOMIC(64)

void __tsan_atomic_thread_fence(int order)
{
	ACCESS_HERE();
	memory_fence(order);
}

void __tsan_atomic_signal_fence(int order)
{
	(void)order; /* interrupts are in program order here anyway */
}
