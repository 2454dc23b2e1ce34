// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * keeper.c - two threads that make it hard for the rest.
 *
 * The hoarder takes all that there is, keeps it for a while, and gives it back, and then whole
 * chunks to the kernel. While it has it all, the zone is empty, and every task has to look
 * elsewhere or fail.
 *
 * The keeper does at random what an administrator can do: drains, shrinks, grows, looks at
 * everything, sets a pageblock apart. And it takes CPUs off-line for roost.ko alone, which go on
 * allocating and freeing: only so frees come to an off-line CPU in numbers. When a CPU really goes
 * (which another task does, by sysfs), nothing runs there any more at the time roost.ko hears of
 * it, and then its pageblocks have no owner; what is left are frees that read the owner before.
 */
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/mm.h>

#include "load.h"

static unsigned long hoarded, drained, shrunk, grown, set_apart, offlined, looked;

/* ---- The hoarder ----------------------------------------------------------------------------- */

enum {
	HOARD = 1 << 15,
};

static size_t take_all(struct kt_who *who, kt_block *held)
{
	int order = 8;
	size_t n = 0;

	while (order >= 0 && n < HOARD && !kthread_should_stop()) {
		held[n] = kt_take(who, order);
		if (held[n])
			n++;
		else
			order--;
		cond_resched();
	}
	return n;
}

static void give_all(struct kt_who *who, const kt_block *held, size_t n)
{
	for (size_t i = 0; i < n; i += KT_BULK) {
		size_t some = min_t(size_t, KT_BULK, n - i);

		if (kt_chance(who, 2))
			kt_give_bulk(who, held + i, some);
		else
			for (size_t j = 0; j < some; j++)
				kt_give_nolock(who, held[i + j]);
		cond_resched();
	}
}

static int hoard(void *held)
{
	struct kt_who who = {.kind = KT_HOARDER, .random = 12345};

	while (!kthread_should_stop()) {
		size_t n;

		kt_count_turn(&who);
		who.flags = kt_chance(&who, 4) ? 0 : ROOST_WAIT;
		n = take_all(&who, held);
		hoarded = max_t(unsigned long, hoarded, n);
		usleep_range(20000, 100000);
		give_all(&who, held, n);
		/* Else some page of each chunk is in use. */
		kt_slots_clear(&who);
		kt_tree_clear(&who);
		kt_objects_clear(&who);
		shrunk += roost_shrink();
		usleep_range(1000, 50000);
	}
	return 0;
}

/* ---- The keeper ------------------------------------------------------------------------------ */

static void drain(struct kt_who *who)
{
	unsigned int cpus = roost_nr_cpus(roost_linux());

	drained +=
		roost_drain(roost_linux(), kt_chance(who, 2) ? -1 : (int)(kt_random(who) % cpus));
}

static void shrink(struct kt_who *who)
{
	shrunk += roost_shrink();
}

static void grow(struct kt_who *who)
{
	grown += roost_grow(1ul << 20);
}

static int count_bytes(void *context, const char *text, size_t length)
{
	*(size_t *)context += length;
	return 0;
}

static void look(struct kt_who *who)
{
	static struct roost_zone_info zone; /* large */
	static struct roost_stats stats;
	size_t length = 0;

	for (enum roost_dump what = ROOST_DUMP_BUDDYINFO; what <= ROOST_DUMP_ZONEINFO; what++)
		roost_dump(roost_linux(), what, count_bytes, &length);
	roost_zone_info(roost_linux(), 0, &zone);
	roost_stats(roost_linux(), -1, -1, &stats);
	looked += length;
}

/* Frees of its blocks go to the zone, whichever CPU owned them. */
static void set_a_pageblock_apart(struct kt_who *who)
{
	u64 pfn = kt_some_pfn(who);
	int err = pfn == ROOST_NONE ? -ROOST_EINVAL : roost_isolate(roost_linux(), pfn, true);

	if (err == -ROOST_EINVAL)
		return;
	set_apart++;
	usleep_range(5000, 20000);
	/* After -EAGAIN it may be apart or not. */
	while (roost_isolate(roost_linux(), pfn, false) == -ROOST_EAGAIN)
		usleep_range(100, 1000);
}

/* No CPU really comes or goes meanwhile: roost.ko would hear of it in between. */
static void take_a_cpu_off_line(struct kt_who *who)
{
	unsigned int cpu = (kt_random(who) >> 8) % roost_nr_cpus(roost_linux());

	cpus_read_lock();
	if (cpu_online(cpu)) {
		roost_cpu_offline(roost_linux(), cpu);
		usleep_range(5000, 20000);
		roost_cpu_online(roost_linux(), cpu);
		offlined++;
	}
	cpus_read_unlock();
}

static int keep(void *unused)
{
	static void (*const deeds[])(struct kt_who *) = {
		drain, shrink, grow, look, set_a_pageblock_apart, take_a_cpu_off_line};
	struct kt_who who = {.kind = KT_TASK, .random = 54321};

	while (!kthread_should_stop()) {
		deeds[(kt_random(&who) >> 8) % ARRAY_SIZE(deeds)](&who);
		usleep_range(1000, 10000);
	}
	return 0;
}

/* ---- Start and end --------------------------------------------------------------------------- */

static struct task_struct *hoarder, *keeper;
static kt_block *held;

static void stop(struct task_struct *task)
{
	if (!IS_ERR_OR_NULL(task))
		kthread_stop(task);
}

int kt_keepers_begin(void)
{
	hoarded = drained = shrunk = grown = set_apart = offlined = looked = 0;
	held = kvcalloc(HOARD, sizeof(*held), GFP_KERNEL);
	if (!held)
		return -ENOMEM;
	hoarder = kthread_run(hoard, held, "roost_hoarder");
	keeper = kthread_run(keep, NULL, "roost_keeper");
	if (!IS_ERR(hoarder) && !IS_ERR(keeper))
		return 0;
	kt_keepers_end();
	return -ENOMEM;
}

void kt_keepers_end(void)
{
	stop(hoarder);
	stop(keeper);
	kvfree(held);
}

void kt_keepers_report(void)
{
	kt_say("hoarded %lu blocks at most; pages drained %lu, shrunk %lu, grown %lu\n", hoarded,
	       drained, shrunk, grown);
	kt_say("pageblocks set apart %lu, CPUs off-line for roost.ko %lu, bytes of dumps %lu\n",
	       set_apart, offlined, looked);
	if (!kt_keepers_did_all())
		kt_fail("a keeper did not do all that it can");
}

bool kt_keepers_did_all(void)
{
	return hoarded && drained && shrunk && grown && set_apart && offlined && looked;
}
