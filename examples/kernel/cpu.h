/* SPDX-License-Identifier: MIT */
/* cpu.h - the CPUs: the record that each has, and how they come and go. */
#ifndef KERNEL_CPU_H
#define KERNEL_CPU_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "dtb.h"
#include "mailbox.h"
#include "work.h"

enum { MAX_CPUS = 8 }; /* that many a GICv2 has; and block.h has 3 bits */

struct cpu {
	uint32_t number;      /* first: the bare port reads it here */
	uint64_t hardware_id; /* what the firmware calls it */
	void *stack;	      /* its top, for start.S */
	unsigned node;
	uint64_t period;   /* of the timer, in ticks of the clock */
	uint8_t interface; /* its bit in the interrupt controller (aarch64) */
	/* Takes mail. Set by the CPU itself; a reader is late at worst, and then mail stays in
	 * the box until the CPU is back, or the end: relaxed. */
	atomic_bool online;
	/* Wanted: to finish, for good or not. Set by the boot CPU, read by the CPU's thread. What
	 * the boot CPU did before, it need not see: relaxed. */
	atomic_bool leave;
	struct mailbox mailbox;
	struct context contexts[CONTEXTS];
};

extern struct cpu cpus[MAX_CPUS];
extern unsigned nr_cpus;

/* Finds the CPUs in the device tree; returns the one that this runs on. */
struct cpu *cpu_open(const struct dtb *dtb);

/* Another CPU is started, and comes on-line soon. */
void cpu_start(struct cpu *cpu);

/* This CPU takes interrupts and mail; turns itself off. */
void cpu_come(struct cpu *cpu);
_Noreturn void cpu_go(struct cpu *cpu);

/* A CPU that had come is off again. The firmware alone does not say so: QEMU's calls a CPU off from
 * CPU_ON until that CPU's thread runs, which on a busy host is later than 300 steps. */
bool cpu_is_gone(const struct cpu *cpu);

#endif
