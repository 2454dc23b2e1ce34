// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * page_alloc_fault.c - a fault in the page allocator of the kernel that runs, planted by a kprobe
 * at the start of one of its functions, while the module is loaded (fault=):
 *
 *	free    free_unref_page() does nothing, now and then: a page is in no list
 *	merge   __free_one_page() does nothing, now and then: a block is lost on its way to the zone
 *	drift   __mod_zone_page_state() counts a page too much in NR_FREE_PAGES, now and then
 *	wait    a free waits for the lock of its CPU's lists, where the kernel only tries it: a free
 *	        in an interrupt on top of an allocation or a free of the same CPU never ends
 *
 * All frees of the kernel take part, so what is lost has a limit. For a virtual machine that is
 * thrown away. docs/conformance.md.
 */
#include <linux/kallsyms.h>
#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#ifndef CONFIG_X86_64
#error "it knows where x86-64 has the arguments of a function"
#endif

enum {
	LOST_MAX = 4096, /* pages */
};

static char *fault = "";
module_param(fault, charp, 0444);
MODULE_PARM_DESC(fault, "free, merge, drift or wait");

static atomic_t calls, lost;

static bool once_in(unsigned int n)
{
	return atomic_inc_return(&calls) % n == 0;
}

static noinline notrace void nothing(void)
{
	barrier();
}

/* Instead of the probed function. A probe that is a call of ftrace cannot change the stack. */
static int skip(struct pt_regs *regs)
{
	regs->ip = (unsigned long)nothing;
	return 1;
}

static int lose(struct pt_regs *regs, unsigned int order)
{
	if (order > 5 || !once_in(16) || atomic_read(&lost) >= LOST_MAX)
		return 0;
	atomic_add(1 << order, &lost);
	return skip(regs);
}

/* free_unref_page(page, order) */
static int on_free(struct kprobe *probe, struct pt_regs *regs)
{
	return lose(regs, regs->si);
}

/* __free_one_page(page, pfn, zone, order, ...) */
static int on_merge(struct kprobe *probe, struct pt_regs *regs)
{
	return lose(regs, regs->cx);
}

/* __mod_zone_page_state(zone, item, delta) */
static int on_count(struct kprobe *probe, struct pt_regs *regs)
{
	if ((u32)regs->si == NR_FREE_PAGES && atomic_read(&lost) < LOST_MAX && once_in(16)) {
		atomic_inc(&lost);
		regs->dx++;
	}
	return 0;
}

static bool is_pcp_lock(unsigned long lock)
{
	int nid, cpu = raw_smp_processor_id();

	for_each_online_node(nid) for (unsigned int i = 0; i < MAX_NR_ZONES; i++)
	{
		struct zone *zone = NODE_DATA(nid)->node_zones + i;

		if (populated_zone(zone) &&
		    lock == (unsigned long)&per_cpu_ptr(zone->per_cpu_pageset, cpu)->lock)
			return true;
	}
	return false;
}

static bool is_in_a_free(unsigned long ip)
{
	char name[KSYM_SYMBOL_LEN];

	sprint_symbol_no_offset(name, ip);
	return !strncmp(name, "free_unref_", strlen("free_unref_")) ||
	       !strncmp(name, "free_frozen_", strlen("free_frozen_"));
}

static notrace int wait_for_lock(spinlock_t *lock)
{
	spin_lock(lock);
	return 1;
}

/* _raw_spin_trylock(lock) */
static int on_trylock(struct kprobe *probe, struct pt_regs *regs)
{
	if (!is_pcp_lock(regs->di) || !is_in_a_free(*(unsigned long *)regs->sp))
		return 0;
	regs->ip = (unsigned long)wait_for_lock;
	return 1;
}

/* A probe that has one is not optimized into a jump, after which there is no other way to go. */
static void after(struct kprobe *probe, struct pt_regs *regs, unsigned long flags)
{
}

static const struct {
	const char *name, *function;
	kprobe_pre_handler_t handler;
} all[] = {
	{"free", "free_unref_page", on_free},
	{"merge", "__free_one_page", on_merge},
	{"drift", "__mod_zone_page_state", on_count},
	{"wait", "_raw_spin_trylock", on_trylock},
};

static struct kprobe probe = {.post_handler = after};

static int __init fault_start(void)
{
	int err;

	for (unsigned int i = 0; i < ARRAY_SIZE(all); i++) {
		if (strcmp(all[i].name, fault))
			continue;
		/* There a task that waits for a lock sleeps, and the holder goes on. */
		if (IS_ENABLED(CONFIG_PREEMPT_RT) && all[i].handler == on_trylock) {
			pr_err("page_alloc_fault: no probe at %s(): PREEMPT_RT\n", all[i].function);
			return -EOPNOTSUPP;
		}
		probe.symbol_name = all[i].function;
		probe.pre_handler = all[i].handler;
		err = register_kprobe(&probe);
		if (err)
			pr_err("page_alloc_fault: no probe at %s(): %d\n", all[i].function, err);
		return err;
	}
	pr_err("page_alloc_fault: fault=%s: free, merge, drift or wait\n", fault);
	return -EINVAL;
}
module_init(fault_start);

static void __exit fault_stop(void)
{
	unregister_kprobe(&probe);
}
module_exit(fault_stop);

MODULE_DESCRIPTION("Faults in the page allocator");
MODULE_AUTHOR("The roost developers");
MODULE_LICENSE("Dual MIT/GPL");
