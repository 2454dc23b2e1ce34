/* SPDX-License-Identifier: MIT */
/* gic.h - what the files of aarch64 share: the interrupt controller's registers, its interrupts. */
#ifndef KERNEL_GIC_H
#define KERNEL_GIC_H

#include "../arch.h"

enum { IRQ_IPI = 0, IRQ_TIMER = 27 }; /* an SGI; the PPI of the virtual timer */

extern struct gic {
	uint64_t distributor, interface;
} gic;

static inline volatile uint32_t *gic_word(uint64_t base, unsigned offset)
{
	return (volatile uint32_t *)(base + offset);
}

static inline volatile uint8_t *gic_byte(uint64_t base, unsigned offset)
{
	return (volatile uint8_t *)(base + offset);
}

void irq_take(void);
_Noreturn void irq_fault(uint64_t cause, uint64_t pc, uint64_t address);
void timer_again(void); /* the next tick */
const char *power_open(const struct dtb *dtb);

#endif
