// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * nmi.c - NMIs come in the middle of whatever the contexts do (contexts.c). In one nothing may be
 * allocated or freed: the CPU that was interrupted may hold the lock. Newer kernels have
 * alloc_pages_nolock() for that; neither 6.1 nor 6.12 does. So an NMI does what is allowed: it
 * takes blocks out of the slots, and queues an irq_work, which frees them and allocates others on
 * the same CPU.
 *
 * On x86, by the local APIC, whose variable apic is exported.
 */
#include <linux/delay.h>
#include <linux/irq_work.h>
#include <linux/percpu.h>

#include "test.h"

#ifdef CONFIG_X86_LOCAL_APIC
#include <asm/apic.h>
#include <asm/nmi.h>

enum {
	BATCH = 4, /* blocks that an NMI hands on */
};

/* Of one CPU. */
struct target {
	struct irq_work work;
	pat_block blocks[BATCH]; /* the irq_work's while it is queued, else the NMI's */
	bool queued;		 /* set by the NMI, cleared by the irq_work, on one CPU */
	int asked;		 /* an NMI was sent and has not come */
	u32 random, random_nmi;
	unsigned long nmis, with_interrupts_off, freed;
};

static DEFINE_PER_CPU(struct target, targets);

static void hand_on(struct target *t)
{
	for (unsigned int i = 0; i < BATCH; i++)
		t->blocks[i] = pat_mix_swap(&t->random_nmi, 0);
	WRITE_ONCE(t->queued, true);
	irq_work_queue(&t->work);
}

static int on_nmi(unsigned int type, struct pt_regs *regs)
{
	struct target *t = this_cpu_ptr(&targets);

	if (!xchg(&t->asked, 0))
		return NMI_DONE;
	t->nmis++;
	t->with_interrupts_off += !(regs->flags & X86_EFLAGS_IF);
	if (!READ_ONCE(t->queued) && !pat_is_bad())
		hand_on(t);
	return NMI_HANDLED;
}

static void on_work(struct irq_work *work)
{
	struct target *t = container_of(work, struct target, work);

	for (unsigned int i = 0; i < BATCH; i++) {
		unsigned int order = pat_some_order(&t->random);

		t->freed += t->blocks[i] != 0;
		pat_give(t->blocks[i]);
		pat_give(pat_mix_swap(&t->random,
				      pat_take(GFP_ATOMIC | __GFP_NOWARN, order, NUMA_NO_NODE)));
	}
	WRITE_ONCE(t->queued, false);
}

static void send(unsigned int cpu)
{
	if (xchg(&per_cpu_ptr(&targets, cpu)->asked, 1))
		return;
	preempt_disable();
	apic->send_IPI_mask(cpumask_of(cpu), NMI_VECTOR);
	preempt_enable();
}

/* One that comes when the handler is gone would be one that nobody knows. */
static bool has_come(unsigned int cpu)
{
	for (unsigned int i = 0; i < 1000; i++) {
		if (!READ_ONCE(per_cpu_ptr(&targets, cpu)->asked))
			return true;
		msleep(1);
	}
	return false;
}

void pat_nmi(void)
{
	unsigned int cpus[PAT_MAX_CPUS], n = pat_workers(cpus);
	unsigned long nmis = 0, off = 0, freed = 0;
	struct target *t;

	for (unsigned int i = 0; i < n; i++) {
		t = per_cpu_ptr(&targets, cpus[i]);
		*t = (struct target){.work = PAT_IRQ_WORK_INIT(on_work),
				     .random = pat_seed(),
				     .random_nmi = pat_seed()};
	}
	if (register_nmi_handler(NMI_LOCAL, on_nmi, 0, "page_alloc_test")) {
		pat_skip("the handler of NMIs cannot be registered");
		return;
	}
	if (pat_mix_begin()) {
		while (pat_time_left()) {
			for (unsigned int i = 0; i < n * 16; i++) {
				send(cpus[i % n]);
				udelay(10);
			}
			usleep_range(50, 150);
		}
		for (unsigned int i = 0; i < n; i++) {
			t = per_cpu_ptr(&targets, cpus[i]);
			if (!has_come(cpus[i]))
				pat_bad("the test's own error: an NMI for CPU %u does not come",
					cpus[i]);
			irq_work_sync(&t->work);
			nmis += t->nmis;
			off += t->with_interrupts_off;
			freed += t->freed;
		}
		pat_mix_end();
		pat_did("%lu NMIs, %lu of them with interrupts off; %lu blocks that they had freed",
			nmis, off, freed);
	}
	unregister_nmi_handler(NMI_LOCAL, "page_alloc_test");
}
#else
void pat_nmi(void)
{
	pat_skip("there is no way here to send an NMI");
}
#endif
