/* SPDX-License-Identifier: MIT */
/* main.c - the kernel: from the boot CPU's first line to power-off. */
#include "arch.h"
#include "console.h"
#include "cpu.h"
#include "mailbox.h"
#include "memory.h"
#include "options.h"
#include "report.h"
#include "rounds.h"

enum { DTB_LIMIT = 2 << 20, LEFT_PER_CPU = 2560, FAULT_STEP = 1000 };

/* Set before the boot CPU's first tick; no other's handler reads the deadline. */
static struct cpu *boot;
static uint64_t deadline;

/* ---- Handlers ---------------------------------------------------------------------------- */

void kernel_timer(void)
{
	struct cpu *cpu = arch_self();

	if (cpu == boot && arch_clock() > deadline) {
		report_progress();
		fail("not done after %lu s", options.seconds + options.patience);
	}
	work_timer(cpu);
}

void kernel_ipi(void)
{
	work_ipi(arch_self());
}

void kernel_fault(const char *what, uint64_t cause, uint64_t pc, uint64_t address)
{
	fail("%s 0x%lx at 0x%lx, address 0x%lx", what, cause, pc, address);
}

/* The port's. */
_Noreturn void rst_fatal(const char *text);

void rst_fatal(const char *text)
{
	fail("%s", text);
}

/* ---- Threads ----------------------------------------------------------------------------- */

/* What is wrong on purpose. */
static void break_something(struct cpu *cpu)
{
	roost_pfn pfn = roost_alloc(memory, 0, ROOST_WAIT);

	switch (options.fault) {
	case FAULT_STAMP:
		for (unsigned i = 0; i < HELD; i++)
			if (cpu->contexts[CONTEXT_THREAD].held[i])
				*(uint64_t *)(block_pfn(cpu->contexts[CONTEXT_THREAD].held[i])
					      << FRAME_SHIFT) = 1;
		break;
	case FAULT_DOUBLE:
		arch_irq_off(); /* or a handler may have it in between */
		roost_free(memory, pfn, 0);
		roost_free(memory, pfn, 0);
		arch_irq_on();
		break;
	case FAULT_ACCESS:
		*(volatile uint64_t *)(1ul << 38) = 1;
		break;
	default:
		break; /* the block stays: a leak */
	}
}

void kernel_secondary(struct cpu *cpu)
{
	cpu_come(cpu);
	while (!atomic_load_explicit(&cpu->leave, memory_order_relaxed) ||
	       options.fault == FAULT_STOP) {
		if (options.fault == FAULT_STOP)
			arch_idle();
		else
			work_thread(cpu);
	}
	work_leave(cpu);
	cpu_go(cpu);
}

static void start_others(void)
{
	for (unsigned i = 0; i < nr_cpus; i++)
		if (&cpus[i] != boot)
			cpu_start(&cpus[i]);
	for (unsigned i = 0; i < nr_cpus; i++)
		while (!atomic_load_explicit(&cpus[i].online, memory_order_relaxed))
			arch_relax();
}

static void stop_others(void)
{
	for (unsigned i = 0; i < nr_cpus; i++)
		atomic_store_explicit(&cpus[i].leave, true, memory_order_relaxed);
	for (unsigned i = 0; i < nr_cpus; i++)
		while (&cpus[i] != boot && !cpu_is_gone(&cpus[i]))
			arch_relax();
}

/* The boot CPU's part of the load, until it was enough for all. */
static void work(void)
{
	uint64_t end = arch_clock() + options.seconds * arch_clock_hz();
	bool more = true;

	for (uint64_t i = 0; rounds_step(more) || more; i++) {
		work_thread(boot);
		if (i == FAULT_STEP && options.fault != FAULT_NONE)
			break_something(boot);
		if (i % 64 == 0)
			more = !report_is_complete() || arch_clock() < end;
	}
}

/* Everything comes home. The others are off, so this CPU is alone with what they left. */
static void check(uint64_t before)
{
	struct roost_violation v;
	uint64_t after;

	arch_irq_off();
	arch_timer_stop();
	for (unsigned i = 0; i < nr_cpus; i++)
		work_end(&cpus[i]);
	mailboxes_close();
	memory_give_back();
	roost_drain(memory, -1);
	after = memory_free();
	report(before, after);
	if (roost_validate(memory, &v))
		fail("%s, frame 0x%lx: %lu instead of %lu", v.invariant, v.pfn, v.found,
		     v.expected);
	if (after != before)
		fail("%lu frames are free, %lu were", after, before);
	if (!report_is_complete())
		fail("something was not done: see above");
}

/* ---- From the beginning ------------------------------------------------------------------ */

static void boot_up(const void *blob)
{
	struct dtb dtb;
	const char *missing;

	say("\nroost on %s\n", arch_name);
	arch_map((uint64_t)blob, (uint64_t)blob + DTB_LIMIT);
	missing = dtb_open(&dtb, blob, DTB_LIMIT);
	if (missing)
		fail("%s", missing);
	options_read(&dtb);
	missing = arch_open(&dtb);
	if (missing)
		fail("%s", missing);
	boot = cpu_open(&dtb);
	memory_open(&dtb, options.fault == FAULT_MAP);
	mailboxes_open();
}

void kernel_main(const void *blob)
{
	uint64_t before;

	boot_up(blob);
	before = memory_free();

	say("%u CPUs, this is number %u; zones %u; free frames %lu\n", nr_cpus, boot->number,
	    roost_nr_zones(memory), before);
	deadline = arch_clock() + (options.seconds + options.patience) * arch_clock_hz();
	cpu_come(boot);
	memory_take_most((uint64_t)nr_cpus * LEFT_PER_CPU);
	start_others();
	work();
	stop_others();
	check(before);
	say("\nVERDICT: PASSED\n");
	arch_power_off();
}
