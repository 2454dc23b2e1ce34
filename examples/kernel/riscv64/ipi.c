/* SPDX-License-Identifier: MIT */
/* ipi.c - inter-processor interrupts, by SBI IPI; riscv64. */
#include "sbi.h"

#include "../cpu.h"

void arch_ipi(const struct cpu *to)
{
	/* What was written before is seen by the handler: a write to the device that the firmware
	 * makes comes after writes to memory. */
	__asm__ volatile("fence w, o" : : : "memory");
	sbi_call(SBI_IPI, 0, 1, to->hardware_id, 0);
}
