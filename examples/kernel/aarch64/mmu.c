/* SPDX-License-Identifier: MIT */
/* mmu.c - adds RAM to the table that start.S turned on; aarch64. */
#include "../arch.h"

extern volatile uint64_t mmu_table[512];

enum { GIB_SHIFT = 30, RAM = 0x705 }; /* a block: valid, accessed, inner shareable, attribute 1 */

/*
 * Whole GiBs, so memory that is not there becomes reachable too; a kernel for real hardware maps
 * finer, since a CPU may read ahead.
 */
void arch_map(uint64_t start, uint64_t end)
{
	for (uint64_t i = start >> GIB_SHIFT; i < 512 && i << GIB_SHIFT < end; i++)
		if (!mmu_table[i])
			mmu_table[i] = i << GIB_SHIFT | RAM;
	/* The entries before any access by way of them; what was invalid is in no TLB. */
	__asm__ volatile("dsb ishst\n\tisb" : : : "memory");
}
