/* SPDX-License-Identifier: MIT */
/*
 * irq.c - interrupts and traps; riscv64.
 *
 * While the timer's handler runs its own interrupt is masked: if it turns interrupts on,
 * inter-processor ones come through.
 */
#include "sbi.h"

#include "../cpu.h"

const char arch_name[] = "riscv64";

extern const uint64_t boot_hart;

enum { SBI_PROBE = 3 };

/* Nothing to do: there is no translation. */
void arch_map(uint64_t start, uint64_t end)
{
	(void)start;
	(void)end;
}

const char *arch_open(const struct dtb *dtb)
{
	static const enum sbi_extension wanted[] = {SBI_TIME, SBI_IPI, SBI_HSM, SBI_RESET};

	for (unsigned i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		if (!sbi_call(SBI_BASE, SBI_PROBE, wanted[i], 0, 0).value)
			return "the firmware lacks one of the SBI extensions TIME, IPI, HSM, SRST";
	return timer_open(dtb);
}

/* S-mode cannot ask; the firmware said it once. */
uint64_t arch_hardware_id(void)
{
	return boot_hart;
}

void arch_irq_open(struct cpu *cpu)
{
	__asm__ volatile("mv tp, %0" : : "r"(cpu) : "memory");
	__asm__ volatile("csrs sie, %0" : : "r"(1ul << IRQ_IPI | 1ul << IRQ_TIMER));
}

struct cpu *arch_self(void)
{
	struct cpu *cpu;

	__asm__ volatile("mv %0, tp" : "=r"(cpu));
	return cpu;
}

void arch_irq_on(void)
{
	__asm__ volatile("csrsi sstatus, 2" : : : "memory");
}

void arch_irq_off(void)
{
	__asm__ volatile("csrci sstatus, 2" : : : "memory");
}

void arch_idle(void)
{
	__asm__ volatile("wfi" : : : "memory");
}

void arch_relax(void)
{
	__asm__ volatile(".4byte 0x0100000f" : : : "memory"); /* pause */
}

/* From start.S. */
void irq_take(uint64_t cause)
{
	switch (cause << 1 >> 1) {
	case IRQ_TIMER:
		__asm__ volatile("csrc sie, %0" : : "r"(1ul << IRQ_TIMER) : "memory");
		timer_again();
		kernel_timer();
		__asm__ volatile("csrs sie, %0" : : "r"(1ul << IRQ_TIMER) : "memory");
		break;
	case IRQ_IPI:
		/* Before the handler looks: what is sent later raises it again. */
		__asm__ volatile("csrc sip, %0" : : "r"(1ul << IRQ_IPI) : "memory");
		kernel_ipi();
		break;
	default:
		kernel_fault("unknown interrupt (scause)", cause, 0, 0);
	}
}

_Noreturn void irq_fault(uint64_t cause, uint64_t pc, uint64_t address)
{
	kernel_fault("trap (scause)", cause, pc, address);
}
