// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * hotplug.c - CPUs and memory go and come while all contexts allocate and free (contexts.c):
 *
 *	cpus     each CPU but the first goes off-line and comes back. What it had in its lists and
 *	         counts must be in the zones' by then
 *	memory   a block of memory that is off-line when the test begins, or that is in
 *	         ZONE_MOVABLE, goes and comes, by sysfs. It may refuse to go while it is in use, not
 *	         when all is freed. One that was off-line is removed as well, with the descriptors
 *	         of its pages, and added again
 */
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/memory.h>
#include <linux/memory_hotplug.h>
#include <linux/mmzone.h>
#include <linux/sched/signal.h>

#include "test.h"

/* ---- cpus ------------------------------------------------------------------------------------ */

#ifdef CONFIG_HOTPLUG_CPU
/* False: it does not go, or does not come. */
static bool one_cpu(unsigned int cpu, u32 *random)
{
	if (remove_cpu(cpu))
		return false;
	pat_rest_of_cpu(cpu);
	msleep(20 + pat_below(random, 50));
	if (add_cpu(cpu)) {
		pat_bad("the test's own error: CPU %u does not come back", cpu);
		return false;
	}
	pat_load_settle(cpu);
	msleep(20 + pat_below(random, 50));
	return true;
}

void pat_cpus(void)
{
	unsigned int cpus[PAT_MAX_CPUS], n, times = 0, refused = 0;
	u32 random = pat_seed();

	if (num_online_cpus() < 2) {
		pat_skip("it takes two CPUs");
		return;
	}
	n = pat_workers(cpus);
	if (!pat_mix_begin())
		return;
	/* The CPU of this thread goes as well. */
	set_cpus_allowed_ptr(current, cpumask_of(cpumask_first(cpu_online_mask)));
	do {
		if (one_cpu(cpus[pat_below(&random, n)], &random))
			times++;
		else
			refused++;
	} while ((pat_time_left() || (times < 2 && !pat_is_bad())) && refused < 10);
	set_cpus_allowed_ptr(current, cpumask_of(cpus[0]));
	pat_mix_end();
	if (!times)
		pat_skip("no CPU goes off-line");
	pat_did("%u times a CPU went off-line and came back", times);
}
#else
void pat_cpus(void)
{
	pat_skip("this kernel's CPUs stay");
}
#endif

/* ---- memory ---------------------------------------------------------------------------------- */

#if defined(CONFIG_MEMORY_HOTPLUG) && defined(CONFIG_MEMORY_HOTREMOVE)
static unsigned int block;
static bool was_online; /* when the test began */
static unsigned long times, came, refused, removed;

static int write_state(const char *what)
{
	return pat_write("/sys/devices/system/memory/memory%u/state", block, what);
}

static bool block_has(const char *file, const char *what)
{
	char path[80], text[80];

	scnprintf(path, sizeof(path), "/sys/devices/system/memory/memory%%u/%s", file);
	return pat_read(path, block, text, sizeof(text)) > 0 && strstr(text, what) == text;
}

/* One that may come and go; false: there is none. */
static bool find_block(void)
{
	unsigned long end = pat_limit() / (memory_block_size_bytes() >> PAGE_SHIFT);

	for (was_online = false;; was_online = true) {
		for (block = 0; block < end; block++)
			if (was_online ? block_has("valid_zones", "Movable")
				       : block_has("state", "offline"))
				return true;
		if (was_online)
			return false;
	}
}

static long present(void)
{
	long pages = 0;
	int nid;

	for_each_online_node(nid) for (unsigned int i = 0; i < MAX_NR_ZONES; i++) pages +=
		NODE_DATA(nid)->node_zones[i].present_pages;
	return pages;
}

/* Of a block that is off-line the descriptors of its pages go, and come again. A CPU's list or a
 * zone's that still had one of its pages would then point nowhere. */
static void remove_and_add(int nid)
{
	u64 size = memory_block_size_bytes(), start = block * size;
	int err = shim_remove(start, size);

	if (err)
		pat_bad("memory block %u is off-line, and cannot be removed: error %d", block, err);
	else if (pfn_valid(PHYS_PFN(start)))
		pat_bad("memory block %u is removed, and page %#lx is there", block,
			PHYS_PFN(start));
	else if ((err = add_memory(nid, start, size, MHP_NONE)))
		pat_bad("memory block %u does not come back after its removal: error %d", block,
			err);
	else
		removed++;
}

/* The block comes and goes until the thread is stopped. A signal ends an off-lining that does not
 * end. */
static int plug(void *unused)
{
	allow_signal(SIGKILL);
	while (!kthread_should_stop()) {
		long pages = present(), size = memory_block_size_bytes() >> PAGE_SHIFT;
		int err = write_state("online_movable"), nid;

		if (err) {
			pat_bad("memory block %u does not come: error %d", block, err);
			break;
		}
		came++;
		nid = pfn_to_nid(block * (unsigned long)size);
		if (present() - pages != size)
			pat_bad("memory block %u of %ld pages comes, and the zones have %ld more",
				block, size, present() - pages);
		msleep(100);
		while ((err = shim_offline(block)) && !kthread_should_stop() && !pat_is_bad()) {
			refused++;
			msleep(10);
		}
		if (err)
			break;
		if (present() != pages)
			pat_bad("memory block %u goes, and the zones have %ld pages more than "
				"before it came",
				block, present() - pages);
		else if (!was_online)
			remove_and_add(nid);
		times++;
	}
	while (!kthread_should_stop())
		msleep(10);
	return 0;
}

static const char *where(void)
{
	static char text[80];

	scnprintf(text, sizeof(text), "memory block %u goes off-line, all of its pages being free",
		  block);
	return text;
}

/* When all is freed it must go. If a page was lost, the kernel tries forever, which is a hang. */
static void leave_off_line(void)
{
	int err = 0;

	pat_watch(1, where);
	for (unsigned int i = 0; i < 10 && !block_has("state", "offline"); i++) {
		pat_beat(0);
		err = write_state("offline");
		if (err)
			msleep(100);
	}
	pat_watch(0, NULL);
	if (!block_has("state", "offline"))
		pat_bad("memory block %u does not go off-line when all of its pages are free: "
			"error %d",
			block, err);
}

static bool is_used(void)
{
	return pat_mix_movable();
}

void pat_memory(void)
{
	struct task_struct *plugger;

	if (!find_block()) {
		pat_skip("no block of memory is off-line or in ZONE_MOVABLE");
		return;
	}
	times = came = refused = removed = 0;
	if (was_online)
		leave_off_line();
	if (pat_is_bad() || !pat_mix_begin())
		goto out;
	plugger = pat_thread(plug, NULL, cpumask_first(cpu_online_mask));
	if (IS_ERR(plugger)) {
		pat_mix_end();
		pat_skip("a thread could not be made");
		goto out;
	}
	pat_time_wait_for(is_used);
	pat_mix_end();
	/* What is left of an off-lining has all pages free. */
	for (unsigned int i = 0; i < 300 && !pat_is_bad() && !times; i++)
		msleep(100);
	send_sig(SIGKILL, plugger, 1);
	pat_join(plugger);
	leave_off_line();
	if (!pat_mix_movable() && times)
		pat_bad("the test's own error: no page came from memory that goes");
	pat_did("%lu times block %u came and went, refused %lu times, removed %lu times; %ld "
		"blocks in ZONE_MOVABLE",
		times, block, refused, removed, pat_mix_movable());
out:
	if (was_online)
		came += !write_state("online_movable");
	/* Memory that comes is freed to the allocator, which counts that. */
	pat_rest_add(0, -(long)(came * (memory_block_size_bytes() >> PAGE_SHIFT)));
}
#else
void pat_memory(void)
{
	pat_skip("this kernel's memory stays");
}
#endif
