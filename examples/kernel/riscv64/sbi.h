/* SPDX-License-Identifier: MIT */
/* sbi.h - calls of the firmware, and what the files of riscv64 share. */
#ifndef KERNEL_SBI_H
#define KERNEL_SBI_H

#include "../arch.h"

enum sbi_extension {
	SBI_PUTCHAR = 1, /* of the oldest interface; all firmware has it */
	SBI_BASE = 0x10,
	SBI_TIME = 0x54494d45,
	SBI_IPI = 0x735049,
	SBI_HSM = 0x48534d,
	SBI_RESET = 0x53525354,
};

/* Bits of sie and sip, and the numbers of the interrupts. */
enum { IRQ_IPI = 1, IRQ_TIMER = 5 };

struct sbi {
	long error, value;
};

static inline struct sbi sbi_call(enum sbi_extension extension, unsigned long function,
				  unsigned long a, unsigned long b, unsigned long c)
{
	register unsigned long a0 __asm__("a0") = a;
	register unsigned long a1 __asm__("a1") = b;
	register unsigned long a2 __asm__("a2") = c;
	register unsigned long a6 __asm__("a6") = function;
	register unsigned long a7 __asm__("a7") = extension;

	__asm__ volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a2), "r"(a6), "r"(a7) : "memory");
	return (struct sbi){.error = (long)a0, .value = (long)a1};
}

void irq_take(uint64_t cause);
_Noreturn void irq_fault(uint64_t cause, uint64_t pc, uint64_t address);
void timer_again(void); /* the next tick */
const char *timer_open(const struct dtb *dtb);

#endif
