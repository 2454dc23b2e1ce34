/* SPDX-License-Identifier: MIT */
/* ipi.c - software-generated interrupts of the GICv2; aarch64. */
#include "gic.h"

#include "../cpu.h"

enum { GICD_SGIR = 0xf00 };

void arch_ipi(const struct cpu *to)
{
	/* What was written before is seen by the handler. */
	__asm__ volatile("dsb ishst" : : : "memory");
	*gic_word(gic.distributor, GICD_SGIR) = (uint32_t)to->interface << 16 | IRQ_IPI;
}
