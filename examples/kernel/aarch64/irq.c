/* SPDX-License-Identifier: MIT */
/*
 * irq.c - the interrupt controller (GICv2) and exceptions; aarch64.
 *
 * An inter-processor interrupt has the better priority: it comes through while the timer's handler
 * has interrupts on, but not the other way round, and neither interrupts itself.
 */
#include "gic.h"

#include "../cpu.h"

const char arch_name[] = "aarch64";

struct gic gic;

enum { GICD_CTLR = 0, GICD_ISENABLER = 0x100, GICD_IPRIORITYR = 0x400, GICD_ITARGETSR = 0x800 };
enum { GICC_CTLR = 0, GICC_PMR = 4, GICC_IAR = 0xc, GICC_EOIR = 0x10 };
enum { PRIORITY_IPI = 0x80, PRIORITY_TIMER = 0xa0, NO_INTERRUPT = 1020 };

const char *arch_open(const struct dtb *dtb)
{
	struct dtb_range registers[2];
	dtb_node node = dtb_find_compatible(dtb, "arm,cortex-a15-gic");
	uint64_t el;

	__asm__("mrs %0, CurrentEL" : "=r"(el));
	if (el != 1 << 2)
		return "not entered at EL1";
	if (!node || dtb_ranges(dtb, dtb_root(dtb), node, registers, 2) != 2)
		return "no interrupt controller (GICv2) in the device tree";
	gic.distributor = registers[0].start;
	gic.interface = registers[1].start;
	return power_open(dtb);
}

uint64_t arch_hardware_id(void)
{
	uint64_t mpidr;

	__asm__("mrs %0, mpidr_el1" : "=r"(mpidr));
	return mpidr & 0xff00ffffff;
}

void arch_irq_open(struct cpu *cpu)
{
	__asm__ volatile("msr tpidr_el1, %0" : : "r"(cpu) : "memory");
	/* Registers of interrupts below 32 are each CPU's own; so is what its targets read: 0 if
	 * there is but one CPU. */
	cpu->interface = *gic_byte(gic.distributor, GICD_ITARGETSR);
	if (!cpu->interface)
		cpu->interface = 1;
	*gic_byte(gic.distributor, GICD_IPRIORITYR + IRQ_IPI) = PRIORITY_IPI;
	*gic_byte(gic.distributor, GICD_IPRIORITYR + IRQ_TIMER) = PRIORITY_TIMER;
	*gic_word(gic.distributor, GICD_ISENABLER) = 1u << IRQ_IPI | 1u << IRQ_TIMER;
	*gic_word(gic.distributor, GICD_CTLR) = 1;
	*gic_word(gic.interface, GICC_PMR) = 0xff;
	*gic_word(gic.interface, GICC_CTLR) = 1;
}

struct cpu *arch_self(void)
{
	struct cpu *cpu;

	__asm__ volatile("mrs %0, tpidr_el1" : "=r"(cpu));
	return cpu;
}

void arch_irq_on(void)
{
	__asm__ volatile("msr daifclr, #2" : : : "memory");
}

void arch_irq_off(void)
{
	__asm__ volatile("msr daifset, #2" : : : "memory");
}

void arch_idle(void)
{
	__asm__ volatile("wfi" : : : "memory");
}

void arch_relax(void)
{
	__asm__ volatile("yield" : : : "memory");
}

/* From start.S. */
void irq_take(void)
{
	uint32_t taken = *gic_word(gic.interface, GICC_IAR);
	uint32_t number = taken & 0x3ff;

	if (number >= NO_INTERRUPT)
		return;
	if (number == IRQ_TIMER) {
		timer_again();
		kernel_timer();
	} else if (number == IRQ_IPI) {
		kernel_ipi();
	}
	*gic_word(gic.interface, GICC_EOIR) = taken;
}

_Noreturn void irq_fault(uint64_t cause, uint64_t pc, uint64_t address)
{
	kernel_fault("exception (esr)", cause, pc, address);
}
