// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * objects.c - a module whose hard interrupt writes down events, and a task that frees them: objects
 * of a cache, allocated in the one and freed in the other, and the other way round.
 */
#include <linux/hrtimer.h>
#include <linux/llist.h>
#include <linux/module.h>

#include "roost/linux.h"

struct event {
	struct llist_node node;
	ktime_t when;
};

static roost_cache_t *cache;
static LLIST_HEAD(events);
static struct hrtimer timer;
static unsigned long seen; /* by the task */

static enum hrtimer_restart interrupt(struct hrtimer *t)
{
	/* Takes what is there: nothing is waited for here. */
	struct event *event = roost_cache_alloc(cache, 0);

	if (event) {
		event->when = ktime_get();
		llist_add(&event->node, &events);
	}
	hrtimer_forward_now(t, ms_to_ktime(1));
	return HRTIMER_RESTART;
}

static void free_events(void)
{
	struct llist_node *node = llist_del_all(&events);

	while (node) {
		struct event *event = llist_entry(node, struct event, node);

		node = node->next;
		roost_cache_free(cache, event); /* it could be in an NMI, under any lock */
		seen++;
	}
}

static int show(char *text, const struct kernel_param *param)
{
	free_events();
	return sysfs_emit(text, "%lu\n", seen);
}

/* A read of /sys/module/objects/parameters/events says how many there were. */
static const struct kernel_param_ops ops = {.get = show};
module_param_cb(events, &ops, NULL, 0400);

static int __init objects_start(void)
{
	roost_slabs_t *slabs = roost_linux_slabs();

	if (!slabs || roost_cache_create(&cache, slabs, "events", sizeof(struct event), 0, 0, NULL))
		return -ENOMEM;
	hrtimer_init(&timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_HARD);
	timer.function = interrupt;
	hrtimer_start(&timer, ms_to_ktime(1), HRTIMER_MODE_REL_HARD);
	return 0;
}
module_init(objects_start);

static void __exit objects_end(void)
{
	hrtimer_cancel(&timer);
	free_events();
	if (roost_cache_destroy(cache, NULL))
		pr_err("objects: some are still allocated\n");
}
module_exit(objects_end);

MODULE_DESCRIPTION("An example of object caches of roost.ko");
MODULE_LICENSE("Dual MIT/GPL");
