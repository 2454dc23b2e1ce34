/* SPDX-License-Identifier: MIT */
/*
 * The bare port: a kernel on aarch64 (EL1) or riscv64 (S-mode), to be used as it is or copied.
 * examples/kernel is a kernel that uses it.
 *
 * What the kernel promises:
 *
 *   tpidr_el1, or tp   points at the kernel's own record of the CPU, which begins with the number
 *                      of the CPU, 32 bits, from 0 up to roost_config.nr_cpus - 1
 *   interrupts         nest: a handler ends on the CPU on which it began, before what it
 *                      interrupted goes on. None of them ignores DAIF.I and F or sstatus.SIE (no
 *                      NMIs); a kernel that has some says in rst_nmi() when one runs
 *   a tick             comes to each CPU that has threads, so that wfi ends
 *   rst_fatal()        is the kernel's
 *
 * Waiting is spinning, and there are no sequences, so no pockets.
 */
#ifndef RST_PORT_BARE_H
#define RST_PORT_BARE_H

typedef unsigned long rst_irq_t;

#define RST_PORT_NAME "bare"
#define RST_PARK      0
#define RST_SEQ	      0

_Noreturn void rst_fatal(const char *text);

#if defined(__aarch64__)

/* "memory" keeps the compiler from moving accesses out of the section; the CPU itself takes an
 * interrupt between two instructions and so needs no barrier. */
static inline rst_irq_t rst_irq_save(void)
{
	rst_irq_t state;

	__asm__ volatile("mrs %0, daif\n\tmsr daifset, #3" : "=r"(state) : : "memory");
	return state;
}

static inline void rst_irq_restore(rst_irq_t state)
{
	__asm__ volatile("msr daif, %0" : : "r"(state) : "memory");
}

static inline unsigned rst_cpu(void)
{
	const uint32_t *record;

	__asm__ volatile("mrs %0, tpidr_el1" : "=r"(record));
	return *record;
}

static inline void rst_relax(void)
{
	__asm__ volatile("yield" : : : "memory");
}

#elif defined(__riscv) && __riscv_xlen == 64

#define RST_SSTATUS_SIE 2ul

static inline rst_irq_t rst_irq_save(void)
{
	rst_irq_t state;

	__asm__ volatile("csrrci %0, sstatus, 2" : "=r"(state) : : "memory");
	return state;
}

static inline void rst_irq_restore(rst_irq_t state)
{
	__asm__ volatile("csrs sstatus, %0" : : "r"(state & RST_SSTATUS_SIE) : "memory");
}

static inline unsigned rst_cpu(void)
{
	const uint32_t *record;

	__asm__ volatile("mv %0, tp" : "=r"(record));
	return *record;
}

static inline void rst_relax(void)
{
	__asm__ volatile(".4byte 0x0100000f"
			 :
			 :
			 : "memory"); /* pause; elsewhere a fence of nothing */
}

#else
#error "The bare port knows aarch64 and riscv64; src/port/extern takes eight functions instead."
#endif

/* Thread context, interrupts on. A kernel with a scheduler yields here instead. */
static inline void rst_sleep(unsigned round)
{
	(void)round;
	__asm__ volatile("wfi" : : : "memory");
}

static inline bool rst_nmi(void)
{
	return false;
}

/* Asked in lab builds, which a kernel has no use for. */
static inline bool rst_in_task(void)
{
	return true;
}

static inline void rst_lock_note(int delta)
{
	(void)delta;
}

#endif
