/* SPDX-License-Identifier: MIT */
/* cpu.c - see cpu.h. */
#include "cpu.h"

#include <stddef.h>

#include "arch.h"
#include "console.h"
#include "stack.h"

_Static_assert(offsetof(struct cpu, hardware_id) == CPU_HARDWARE_ID, "as start.S has it");
_Static_assert(offsetof(struct cpu, stack) == CPU_STACK, "as start.S has it");
_Static_assert(sizeof(struct cpu) == CPU_SIZE, "as start.S has it");

enum { TIMER_HZ = 2000 };

struct cpu cpus[MAX_CPUS];
unsigned nr_cpus;

static uint8_t stacks[MAX_CPUS][STACK_SIZE] __attribute__((aligned(16)));

static bool is_usable(const struct dtb *dtb, dtb_node node)
{
	uint32_t length;

	return dtb_property_is(dtb, node, "device_type", "cpu") &&
	       (!dtb_property(dtb, node, "status", &length) ||
		dtb_property_is(dtb, node, "status", "okay"));
}

static void add(const struct dtb *dtb, dtb_node parent, dtb_node node)
{
	struct cpu *cpu = &cpus[nr_cpus];
	struct dtb_range id;

	if (nr_cpus == MAX_CPUS)
		fail("more than %u CPUs", MAX_CPUS);
	if (dtb_ranges(dtb, parent, node, &id, 1) != 1)
		fail("a CPU of the device tree has no number");
	cpu->number = nr_cpus++;
	cpu->hardware_id = id.start;
	cpu->stack = stacks[cpu->number] + STACK_SIZE;
	cpu->node = (unsigned)dtb_number(dtb, node, "numa-node-id", 0);
	for (unsigned i = 0; i < CONTEXTS; i++)
		context_open(&cpu->contexts[i], cpu->number * CONTEXTS + i);
}

struct cpu *cpu_open(const struct dtb *dtb)
{
	dtb_node parent = dtb_find(dtb, "cpus");
	uint64_t here = arch_hardware_id();

	for (dtb_node n = parent ? dtb_child(dtb, parent) : 0; n; n = dtb_sibling(dtb, n))
		if (is_usable(dtb, n))
			add(dtb, parent, n);
	for (unsigned i = 0; i < nr_cpus; i++)
		if (cpus[i].hardware_id == here)
			return &cpus[i];
	fail("the device tree does not know the CPU that this runs on, %lu", here);
}

void cpu_start(struct cpu *cpu)
{
	long err;

	atomic_store_explicit(&cpu->leave, false, memory_order_relaxed);
	err = arch_cpu_start(cpu);
	if (err)
		fail("CPU %u does not start: firmware error -%lu", cpu->number,
		     -(unsigned long)err);
}

void cpu_come(struct cpu *cpu)
{
	arch_irq_open(cpu);
	arch_timer_start(TIMER_HZ);
	atomic_store_explicit(&cpu->online, true, memory_order_relaxed);
	arch_irq_on();
}

void cpu_go(struct cpu *cpu)
{
	atomic_store_explicit(&cpu->online, false, memory_order_relaxed);
	arch_irq_off();
	arch_timer_stop();
	arch_cpu_stop();
}

bool cpu_is_gone(const struct cpu *cpu)
{
	return !atomic_load_explicit(&cpu->online, memory_order_relaxed) && arch_cpu_is_off(cpu);
}
