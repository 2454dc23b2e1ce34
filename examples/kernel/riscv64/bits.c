/* SPDX-License-Identifier: MIT */
/* bits.c - what gcc calls where riscv64 has no instruction (Zbb) to count zeros; libgcc has it too,
 * but only for kernels that use floating point. After C. Leiserson, H. Prokop, K. Randall: Using de
 * Bruijn sequences to index a 1 in a computer word (1998). */
#include <stdint.h>

int __ctzdi2(uint64_t value);
int __ctzsi2(uint32_t value);

int __ctzdi2(uint64_t value)
{
	static const uint64_t sequence = 0x03f79d71b4cb0a89;
	static const uint8_t place[64] = {
		0,  1,	48, 2,	57, 49, 28, 3,	61, 58, 50, 42, 38, 29, 17, 4,
		62, 55, 59, 36, 53, 51, 43, 22, 45, 39, 33, 30, 24, 18, 12, 5,
		63, 47, 56, 27, 60, 41, 37, 16, 54, 35, 52, 21, 44, 32, 23, 11,
		46, 26, 40, 15, 34, 20, 31, 10, 25, 14, 19, 9,	13, 8,	7,  6,
	};

	/* The lowest bit that is set moves the sequence up by its place. */
	return place[(value & -value) * sequence >> 58];
}

int __ctzsi2(uint32_t value)
{
	return __ctzdi2(value);
}

/* What the compiler asks for to count leading zeros; 0 has none that it asks for. */
int __clzdi2(uint64_t value);
int __clzdi2(uint64_t value)
{
	int zeros = 0;

	for (unsigned half = 32; half; half /= 2)
		if (!(value >> (64 - half))) {
			zeros += (int)half;
			value <<= half;
		}
	return zeros;
}
