/* SPDX-License-Identifier: MIT */
/* console.c - the serial line of QEMU's virt machine, a PL011; aarch64. It works before anything
 * else does, so its address is a constant. */
#include "../arch.h"

enum { UART = 0x09000000, UART_FLAGS = 0x18, UART_FULL = 1 << 5 };

void arch_putc(char c)
{
	while (*(volatile uint32_t *)(UART + UART_FLAGS) & UART_FULL)
		;
	*(volatile uint32_t *)UART = (uint8_t)c;
}
