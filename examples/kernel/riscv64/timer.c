/* SPDX-License-Identifier: MIT */
/* timer.c - the timer, by SBI TIME; riscv64. */
#include "sbi.h"

#include "../cpu.h"

static uint64_t clock_hz;

const char *timer_open(const struct dtb *dtb)
{
	dtb_node node = dtb_find(dtb, "cpus");

	clock_hz = node ? dtb_number(dtb, node, "timebase-frequency", 0) : 0;
	return clock_hz ? NULL : "no timebase-frequency in the device tree";
}

static void set(uint64_t when)
{
	sbi_call(SBI_TIME, 0, when, 0, 0);
}

void arch_timer_start(unsigned hz)
{
	arch_self()->period = clock_hz / hz;
	timer_again();
}

void arch_timer_stop(void)
{
	set(UINT64_MAX);
}

void timer_again(void)
{
	set(arch_clock() + arch_self()->period);
}

uint64_t arch_clock(void)
{
	uint64_t now;

	__asm__ volatile("rdtime %0" : "=r"(now) : : "memory");
	return now;
}

uint64_t arch_clock_hz(void)
{
	return clock_hz;
}
