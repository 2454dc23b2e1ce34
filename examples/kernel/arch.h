/* SPDX-License-Identifier: MIT */
/*
 * arch.h - what the common part asks of an architecture, and what it is called for.
 *
 * Each function is in the file of the same name in aarch64/ and riscv64/; the entry points and
 * the exceptions' in start.S. cpu is the number of a CPU.
 */
#ifndef KERNEL_ARCH_H
#define KERNEL_ARCH_H

#include <stdbool.h>
#include <stdint.h>

#include "dtb.h"

struct cpu;

extern const char arch_name[];

/* ---- start.S and irq.c ------------------------------------------------------------------- */

/* Makes [start, end) readable and writable at its own address. Boot CPU. */
void arch_map(uint64_t start, uint64_t end);

/* Finds in the device tree what the other functions need. Boot CPU, once; NULL or what is missing.
 */
const char *arch_open(const struct dtb *dtb);

/* The hardware's number of the CPU on which this runs: what /cpus calls reg. */
uint64_t arch_hardware_id(void);

/* Makes this CPU ready to take interrupts, and arch_self() its record. On each CPU, whenever it has
 * come on-line. */
void arch_irq_open(struct cpu *cpu);
struct cpu *arch_self(void);
void arch_irq_on(void);
void arch_irq_off(void);

/* Sleeps until an interrupt is pending, also when interrupts are off. */
void arch_idle(void);

/* One turn of a spin. */
void arch_relax(void);

/* ---- timer.c ----------------------------------------------------------------------------- */

/* kernel_timer() from now on this many times a second, on this CPU. */
void arch_timer_start(unsigned hz);
void arch_timer_stop(void);

/* A clock that all CPUs share, and its rate. */
uint64_t arch_clock(void);
uint64_t arch_clock_hz(void);

/* ---- ipi.c ------------------------------------------------------------------------------- */

/* kernel_ipi() on that CPU; several that come close together may be one. Any context. */
void arch_ipi(const struct cpu *to);

/* ---- power.c ----------------------------------------------------------------------------- */

/* Starts a CPU that is off: it goes to kernel_secondary(cpu). 0 or the firmware's error. */
long arch_cpu_start(struct cpu *cpu);

/* Turns this CPU off; interrupts are off. */
_Noreturn void arch_cpu_stop(void);

/* The firmware says that it is off. */
bool arch_cpu_is_off(const struct cpu *cpu);

_Noreturn void arch_power_off(void);

/* ---- console.c --------------------------------------------------------------------------- */

void arch_putc(char c);

/* ---- What the common part has for it ------------------------------------------------------ */

_Noreturn void kernel_main(const void *dtb);
_Noreturn void kernel_secondary(struct cpu *cpu);

/* Interrupt handlers, interrupts off. A timer handler may be interrupted by kernel_ipi() if it
 * turns interrupts on; it turns them off again. */
void kernel_timer(void);
void kernel_ipi(void);

_Noreturn void kernel_fault(const char *what, uint64_t cause, uint64_t pc, uint64_t address);

#endif
