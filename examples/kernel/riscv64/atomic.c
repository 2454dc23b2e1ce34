/* SPDX-License-Identifier: MIT */
/*
 * atomic.c - the atomic operations of 8 and 16 bits that riscv64's instructions do not have and for
 * which gcc before 14 calls these functions (elsewhere they are in libatomic): on the aligned 32
 * bits around, by load-reserved and store-conditional, sequentially consistent whatever was asked.
 */
#include <stdbool.h>
#include <stdint.h>

bool compare_exchange_1(volatile void *at, void *expected, uint8_t desired, int success,
			int failure) __asm__("__atomic_compare_exchange_1");
bool compare_exchange_2(volatile void *at, void *expected, uint16_t desired, int success,
			int failure) __asm__("__atomic_compare_exchange_2");
uint16_t fetch_and_2(volatile void *at, uint16_t operand,
		     int order) __asm__("__atomic_fetch_and_2");

static volatile uint32_t *word_of(volatile void *at)
{
	return (volatile uint32_t *)((uintptr_t)at & ~(uintptr_t)3);
}

static unsigned shift_of(volatile void *at)
{
	return (unsigned)((uintptr_t)at & 3) * 8;
}

/* If the bits of mask at word are those of old they become those of new; returns the whole word as
 * it was. aqrl on both: nothing moves across. */
static uint32_t exchange(volatile uint32_t *word, uint32_t mask, uint32_t old, uint32_t new)
{
	uint32_t found, next, failed;

	__asm__ volatile("1:\tlr.w.aqrl %[found], %[word]\n\t"
			 "and %[next], %[found], %[mask]\n\t"
			 "bne %[next], %[old], 2f\n\t"
			 "xor %[next], %[found], %[flip]\n\t"
			 "sc.w.rl %[failed], %[next], %[word]\n\t"
			 "bnez %[failed], 1b\n"
			 "2:"
			 : [found] "=&r"(found), [next] "=&r"(next), [failed] "=&r"(failed),
			   [word] "+A"(*word)
			 : [mask] "r"((long)(int)mask), [old] "r"((long)(int)old),
			   [flip] "r"((long)(int)(old ^ new))
			 : "memory");
	return found;
}

static bool compare_exchange(volatile void *at, uint32_t mask, uint32_t *expected, uint32_t desired)
{
	unsigned shift = shift_of(at);
	uint32_t found = exchange(word_of(at), mask << shift, *expected << shift, desired << shift);
	uint32_t was = found >> shift & mask;
	bool done = was == *expected;

	*expected = was;
	return done;
}

bool compare_exchange_1(volatile void *at, void *expected, uint8_t desired, int success,
			int failure)
{
	uint32_t value = *(uint8_t *)expected;
	bool done = compare_exchange(at, 0xff, &value, desired);

	(void)success;
	(void)failure;
	*(uint8_t *)expected = (uint8_t)value;
	return done;
}

bool compare_exchange_2(volatile void *at, void *expected, uint16_t desired, int success,
			int failure)
{
	uint32_t value = *(uint16_t *)expected;
	bool done = compare_exchange(at, 0xffff, &value, desired);

	(void)success;
	(void)failure;
	*(uint16_t *)expected = (uint16_t)value;
	return done;
}

/* One instruction: an AND of the word with ones around. */
uint16_t fetch_and_2(volatile void *at, uint16_t operand, int order)
{
	unsigned shift = shift_of(at);
	uint32_t with = (uint32_t)operand << shift | ~(0xffffu << shift);

	(void)order;
	return (uint16_t)(__atomic_fetch_and(word_of(at), with, __ATOMIC_SEQ_CST) >> shift);
}
