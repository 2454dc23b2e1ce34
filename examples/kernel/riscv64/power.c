/* SPDX-License-Identifier: MIT */
/* power.c - harts by SBI HSM, the machine by SBI SRST; riscv64. */
#include "sbi.h"

#include "../cpu.h"

enum { HSM_START, HSM_STOP, HSM_STATUS };
enum { STATUS_STOPPED = 1 };

extern const char start[];

long arch_cpu_start(struct cpu *cpu)
{
	return sbi_call(SBI_HSM, HSM_START, cpu->hardware_id, (unsigned long)start, 0).error;
}

_Noreturn void arch_cpu_stop(void)
{
	sbi_call(SBI_HSM, HSM_STOP, 0, 0, 0);
	kernel_fault("the firmware does not stop a hart", 0, 0, 0);
}

bool arch_cpu_is_off(const struct cpu *cpu)
{
	struct sbi answer = sbi_call(SBI_HSM, HSM_STATUS, cpu->hardware_id, 0, 0);

	return !answer.error && answer.value == STATUS_STOPPED;
}

_Noreturn void arch_power_off(void)
{
	sbi_call(SBI_RESET, 0, 0, 0, 0); /* shutdown, no reason */
	while (true)
		arch_idle();
}
