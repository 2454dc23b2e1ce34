/* SPDX-License-Identifier: MIT */
/*
 * cover.h - which of the engine's basic blocks ran on the virtual machine.
 *
 * The compiler puts a call of __sanitizer_cov_trace_pc() into each (-fsanitize-coverage=trace-pc);
 * how many there are is counted by looking for those calls in the program's own code (x86-64).
 */
#ifndef LAB_COVER_H
#define LAB_COVER_H

#include <stdint.h>

enum { COVER_BITS = 1 << 16 };

extern uint8_t cover_map[COVER_BITS / 8];

static inline void cover_hit(uintptr_t pc)
{
	uint32_t bit = (uint32_t)(pc & (COVER_BITS - 1));

	cover_map[bit / 8] |= (uint8_t)(1u << bit % 8);
}

unsigned cover_count(const uint8_t *map);
/* All that there are, 0 if that is not known. */
unsigned cover_total(void);
void cover_merge(uint8_t *into, const uint8_t *from);

#endif
