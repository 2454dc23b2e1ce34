// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * fail_load.c - roost_fail.ko: of the allocations that a task makes from where roost.ko's start has
 * its turn, the one with this number fails. For kernels with FAULT_INJECTION.
 *
 *	parameter nth	its number, 1 and up; 0: none
 *	parameter left	what was left of it when the start had ended; 0: it has failed
 */
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/sched.h>
#include <linux/string.h>

static unsigned int nth, left;
module_param(nth, uint, 0644);
module_param(left, uint, 0444);

/* In the task that loads or unloads the module. */
static int on_module(struct notifier_block *block, unsigned long state, void *data)
{
	const struct module *module = data;

	if (strcmp(module->name, "roost"))
		return NOTIFY_DONE;
	if (state == MODULE_STATE_COMING) {
		current->fail_nth = nth;
	} else {
		left = current->fail_nth;
		current->fail_nth = 0;
	}
	return NOTIFY_DONE;
}

/* Other listeners come first: their allocations are not counted. */
static struct notifier_block notifier = {.notifier_call = on_module, .priority = INT_MIN};

static int __init fail_load_start(void)
{
	return register_module_notifier(&notifier);
}
module_init(fail_load_start);

static void __exit fail_load_end(void)
{
	unregister_module_notifier(&notifier);
}
module_exit(fail_load_end);

MODULE_DESCRIPTION("Lets an allocation of roost.ko's start fail");
MODULE_AUTHOR("The roost developers");
MODULE_LICENSE("Dual MIT/GPL");
