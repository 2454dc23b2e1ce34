/* SPDX-License-Identifier: MIT */
/* console.c - the firmware's console; riscv64. */
#include "sbi.h"

void arch_putc(char c)
{
	sbi_call(SBI_PUTCHAR, 0, (uint8_t)c, 0, 0);
}
