// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * nmi.c - NMIs, on x86: sent by the local APIC to any CPU, or coming from outside.
 *
 * The variable apic is exported to modules in 6.1 and in 6.12, so its send_IPI_mask() with
 * NMI_VECTOR does it in both, on one CPU as well; the kernel's own callers of the latter go by
 * static calls. It comes at once to a CPU that sends it to itself.
 *
 * QEMU's inject-nmi works, too, but reaches the first CPU alone, since Linux has the input masked
 * on the others. Without a handler of the type NMI_UNKNOWN the kernel complains of each. To try it,
 * with fifos FIFO.in and FIFO.out of which the second is read (cat FIFO.out >/dev/null &):
 *
 *	scripts/guest --qemu "-chardev pipe,id=m,path=FIFO -mon chardev=m" ...
 *	while sleep 0.1; do echo nmi; done >FIFO.in
 */
#include <linux/errno.h>
#include <linux/jiffies.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/smp.h>

#include "test.h"

#ifdef CONFIG_X86_LOCAL_APIC
#include <asm/apic.h>
#include <asm/nmi.h>

static void (*run)(void);
static DEFINE_PER_CPU(int, asked); /* one was sent and has not come */
static atomic_long_t foreign;

static int on_ours(unsigned int type, struct pt_regs *regs)
{
	if (!this_cpu_xchg(asked, 0))
		return NMI_DONE;
	run();
	return NMI_HANDLED;
}

static int on_unknown(unsigned int type, struct pt_regs *regs)
{
	atomic_long_inc(&foreign);
	run();
	return NMI_HANDLED;
}

/* If the CPU went while one was on its way to it, that one never comes. */
void kt_nmi_forget(unsigned int cpu)
{
	WRITE_ONCE(per_cpu(asked, cpu), 0);
}

int kt_nmi_start(void (*fn)(void))
{
	int err;

	run = fn;
	atomic_long_set(&foreign, 0);
	for (unsigned int cpu = 0; cpu < nr_cpu_ids; cpu++)
		if (cpu_possible(cpu))
			kt_nmi_forget(cpu);
	err = register_nmi_handler(NMI_LOCAL, on_ours, 0, "roost_test");
	if (err)
		return err;
	err = register_nmi_handler(NMI_UNKNOWN, on_unknown, 0, "roost_test");
	if (err)
		unregister_nmi_handler(NMI_LOCAL, "roost_test");
	return err;
}

/* An NMI that comes too late would be one that nobody knows. */
static bool one_is_on_its_way(void)
{
	for (unsigned int cpu = 0; cpu < nr_cpu_ids; cpu++)
		if (cpu_online(cpu) && READ_ONCE(per_cpu(asked, cpu)))
			return true;
	return false;
}

void kt_nmi_stop(void)
{
	unsigned long end = jiffies + HZ;

	while (one_is_on_its_way() && time_before(jiffies, end))
		schedule_timeout_uninterruptible(1);
	unregister_nmi_handler(NMI_UNKNOWN, "roost_test");
	unregister_nmi_handler(NMI_LOCAL, "roost_test");
}

void kt_nmi_send(unsigned int cpu)
{
	if (xchg(per_cpu_ptr(&asked, cpu), 1))
		return;
	preempt_disable();
	apic->send_IPI_mask(cpumask_of(cpu), NMI_VECTOR);
	preempt_enable();
}

unsigned long kt_nmi_foreign(void)
{
	return atomic_long_read(&foreign);
}
#else
int kt_nmi_start(void (*fn)(void))
{
	return -EOPNOTSUPP;
}

void kt_nmi_stop(void)
{
}

void kt_nmi_send(unsigned int cpu)
{
}

void kt_nmi_forget(unsigned int cpu)
{
}

unsigned long kt_nmi_foreign(void)
{
	return 0;
}
#endif
