/* SPDX-License-Identifier: MIT */
/* timer.c - the virtual timer; aarch64. */
#include "gic.h"

#include "../cpu.h"

void arch_timer_start(unsigned hz)
{
	arch_self()->period = arch_clock_hz() / hz;
	timer_again();
	__asm__ volatile("msr cntv_ctl_el0, %0\n\tisb" : : "r"(1ul));
}

void arch_timer_stop(void)
{
	__asm__ volatile("msr cntv_ctl_el0, xzr\n\tisb");
}

void timer_again(void)
{
	__asm__ volatile("msr cntv_tval_el0, %0\n\tisb" : : "r"(arch_self()->period));
}

uint64_t arch_clock(void)
{
	uint64_t now;

	__asm__ volatile("isb\n\tmrs %0, cntvct_el0" : "=r"(now) : : "memory");
	return now;
}

uint64_t arch_clock_hz(void)
{
	uint64_t hz;

	__asm__("mrs %0, cntfrq_el0" : "=r"(hz));
	return hz;
}
