// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * bench_tsc.c - instructions by the time stamp counter, in a virtual machine whose clock counts
 * them: QEMU's -icount. Anywhere else what is read is time, and the calibration says no.
 */
#include <linux/errno.h>
#include <linux/irqflags.h>
#include <linux/preempt.h>

#include "bench.h"

#ifdef CONFIG_X86_64
#include <asm/msr.h>

static u64 ticks_of_nops, stamp;
static unsigned long irq_flags;

/* This many instructions, and then twice as many: what differs is no overhead. */
#define NOPS	  1000
#define RUN(nops) asm volatile(".rept %c0\n\tnop\n\t.endr" : : "i"(nops))

static noinline u64 ticks_once(void)
{
	u64 t0, t1, t2;

	t0 = rdtsc_ordered();
	RUN(NOPS);
	t1 = rdtsc_ordered();
	RUN(2 * NOPS);
	t2 = rdtsc_ordered();
	return t2 - t1 - (t1 - t0);
}

/* Each time the same, if it is instructions that are counted. */
int bench_tsc_calibrate(void)
{
	unsigned long flags;
	bool same = true;

	local_irq_save(flags);
	ticks_once();
	ticks_of_nops = ticks_once();
	for (int i = 0; i < 20; i++)
		same &= ticks_once() == ticks_of_nops;
	local_irq_restore(flags);
	return same && ticks_of_nops >= NOPS ? 0 : -EOPNOTSUPP;
}

u32 bench_tsc_instructions(u64 ticks)
{
	return (u32)(ticks * NOPS / ticks_of_nops);
}

static void tsc_begin(void)
{
	preempt_disable();
	local_irq_save(irq_flags);
	stamp = rdtsc_ordered();
}

static void tsc_end(struct bench_sample *sample)
{
	u64 ticks = rdtsc_ordered() - stamp;

	local_irq_restore(irq_flags);
	preempt_enable();
	*sample = (struct bench_sample){.instructions = bench_tsc_instructions(ticks)};
}
#else
int bench_tsc_calibrate(void)
{
	return -EOPNOTSUPP;
}

u32 bench_tsc_instructions(u64 ticks)
{
	return 0;
}

static void tsc_begin(void)
{
}

static void tsc_end(struct bench_sample *sample)
{
}
#endif

static void tsc_stop(void)
{
}

const struct bench_meter bench_meter_tsc = {
	.name = "tsc",
	.start = bench_tsc_calibrate,
	.stop = tsc_stop,
	.begin = tsc_begin,
	.end = tsc_end,
};
