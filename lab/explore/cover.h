/* SPDX-License-Identifier: MIT */
/*
 * cover.h - which of the engine's basic blocks ran on the virtual machine.
 *
 * The compiler puts a call of __sanitizer_cov_trace_pc() into each (-fsanitize-coverage=trace-pc);
 * how many there are is counted by looking for those calls in the program's own code (x86-64).
 */
#ifndef LAB_COVER_H
#define LAB_COVER_H

#include <stdbool.h>
#include <stdint.h>

enum { COVER_BITS = 1 << 16 };

extern bool cover_hits[COVER_BITS];

static inline void cover_hit(uintptr_t pc)
{
	cover_hits[pc & (COVER_BITS - 1)] = true;
}

void cover_forget(void);
/* What was hit, as a map of bits. */
void cover_take(uint8_t *map);
void cover_add(const uint8_t *map);
unsigned cover_count(const uint8_t *map);
/* All that there are, 0 if that is not known. */
unsigned cover_total(void);
void cover_merge(uint8_t *into, const uint8_t *from);

#endif
