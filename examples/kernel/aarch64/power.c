/* SPDX-License-Identifier: MIT */
/* power.c - CPUs and the machine, by the firmware's PSCI; aarch64. */
#include "gic.h"

#include "../cpu.h"

enum psci {
	PSCI_CPU_OFF = 0x84000002,
	PSCI_SYSTEM_OFF = 0x84000008,
	PSCI_CPU_ON = 0xc4000003,
	PSCI_AFFINITY_INFO = 0xc4000004,
};

enum { AFFINITY_OFF = 1 };

extern const char secondary_start[];

static bool by_smc; /* how the firmware is called */

static long psci(enum psci function, uint64_t a, uint64_t b, uint64_t c)
{
	register uint64_t x0 __asm__("x0") = function;
	register uint64_t x1 __asm__("x1") = a;
	register uint64_t x2 __asm__("x2") = b;
	register uint64_t x3 __asm__("x3") = c;

	if (by_smc)
		__asm__ volatile("smc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3) : : "memory");
	else
		__asm__ volatile("hvc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3) : : "memory");
	return (long)x0;
}

const char *power_open(const struct dtb *dtb)
{
	dtb_node node = dtb_find_compatible(dtb, "arm,psci-0.2");

	if (!node)
		return "no PSCI 0.2 in the device tree";
	by_smc = dtb_property_is(dtb, node, "method", "smc");
	return NULL;
}

long arch_cpu_start(struct cpu *cpu)
{
	return psci(PSCI_CPU_ON, cpu->hardware_id, (uint64_t)secondary_start, (uint64_t)cpu);
}

_Noreturn void arch_cpu_stop(void)
{
	psci(PSCI_CPU_OFF, 0, 0, 0);
	kernel_fault("the firmware does not turn a CPU off", 0, 0, 0);
}

bool arch_cpu_is_off(const struct cpu *cpu)
{
	return psci(PSCI_AFFINITY_INFO, cpu->hardware_id, 0, 0) == AFFINITY_OFF;
}

_Noreturn void arch_power_off(void)
{
	psci(PSCI_SYSTEM_OFF, 0, 0, 0);
	while (true)
		arch_idle();
}
