/* SPDX-License-Identifier: MIT */
/* cover.c - see cover.h. Two blocks whose addresses agree in 16 bits would count as one. */
#include "cover.h"

#include <string.h>

#include "vm.h"

bool cover_hits[COVER_BITS];

/* What code built with -fsanitize-coverage=trace-pc calls in each basic block. */
void __sanitizer_cov_trace_pc(void);
void __sanitizer_cov_trace_pc(void)
{
	if (vm.current)
		cover_hit((uintptr_t)__builtin_return_address(0));
}

static void set(uint8_t *map, uintptr_t pc)
{
	uint32_t bit = (uint32_t)(pc & (COVER_BITS - 1));

	map[bit / 8] |= (uint8_t)(1u << bit % 8);
}

void cover_forget(void)
{
	memset(cover_hits, 0, sizeof(cover_hits));
}

void cover_take(uint8_t *map)
{
	memset(map, 0, COVER_BITS / 8);
	for (uintptr_t i = 0; i < COVER_BITS; i++)
		if (cover_hits[i])
			set(map, i);
}

void cover_add(const uint8_t *map)
{
	for (uintptr_t i = 0; i < COVER_BITS; i++)
		cover_hits[i] |= map[i / 8] >> i % 8 & 1;
}

unsigned cover_count(const uint8_t *map)
{
	unsigned n = 0;

	for (unsigned i = 0; i < COVER_BITS / 8; i++)
		n += (unsigned)__builtin_popcount(map[i]);
	return n;
}

void cover_merge(uint8_t *into, const uint8_t *from)
{
	for (unsigned i = 0; i < COVER_BITS / 8; i++)
		into[i] |= from[i];
}

#if defined(__x86_64__)

extern const char __executable_start[] __attribute__((weak)), etext[] __attribute__((weak));

unsigned cover_total(void)
{
	static uint8_t map[COVER_BITS / 8];
	uintptr_t target = (uintptr_t)__sanitizer_cov_trace_pc;

	if (!__executable_start || !etext)
		return 0;
	for (const char *at = __executable_start; at + 5 < etext; at++) {
		int32_t distance;

		memcpy(&distance, at + 1, sizeof(distance));
		if (*(const uint8_t *)at == 0xe8 &&
		    (uintptr_t)at + 5 + (uintptr_t)(intptr_t)distance == target)
			set(map, (uintptr_t)at + 5);
	}
	return cover_count(map);
}

#else

unsigned cover_total(void)
{
	return 0;
}

#endif
