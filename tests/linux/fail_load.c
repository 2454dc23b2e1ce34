// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * fail_load.c - roost_fail.ko: of the allocations that a task makes from where roost.ko's own start
 * begins, the one with this number fails. For kernels with FAULT_INJECTION and KPROBES.
 *
 *	parameter nth	its number, 1 and up; 0: none
 *	parameter left	what was left of it when the start had ended; 0: it has failed
 */
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/sched.h>
#include <linux/string.h>

static unsigned int nth, left;
module_param(nth, uint, 0644);
module_param(left, uint, 0444);

static struct task_struct *loads; /* roost.ko, and has not come to its start */

/* What the kernel allocates for any module, before that, is not counted. */
static int on_initcall(struct kprobe *probe, struct pt_regs *registers)
{
	if (cmpxchg(&loads, current, NULL) == current)
		current->fail_nth = nth;
	return 0;
}

static struct kprobe initcall = {.symbol_name = "do_one_initcall", .pre_handler = on_initcall};

/* In the task that loads or unloads the module. */
static int on_module(struct notifier_block *block, unsigned long state, void *data)
{
	const struct module *module = data;

	if (strcmp(module->name, "roost"))
		return NOTIFY_DONE;
	if (state == MODULE_STATE_COMING) {
		WRITE_ONCE(loads, current);
	} else {
		WRITE_ONCE(loads, NULL);
		left = current->fail_nth;
		current->fail_nth = 0;
	}
	return NOTIFY_DONE;
}

static struct notifier_block notifier = {.notifier_call = on_module};

static int __init fail_load_start(void)
{
	int err = register_kprobe(&initcall);

	if (err)
		return err;
	err = register_module_notifier(&notifier);
	if (err)
		unregister_kprobe(&initcall);
	return err;
}
module_init(fail_load_start);

static void __exit fail_load_end(void)
{
	unregister_module_notifier(&notifier);
	unregister_kprobe(&initcall);
}
module_exit(fail_load_end);

MODULE_DESCRIPTION("Lets an allocation of roost.ko's start fail");
MODULE_AUTHOR("The roost developers");
MODULE_LICENSE("Dual MIT/GPL");
