// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * main.c - page_alloc_test.ko: does the page allocator of this kernel keep its promises?
 *
 * It runs when it is loaded, says in the log what came out, as KTAP, and stays until it is removed.
 * For a virtual machine: a kernel that fails may have harmed memory by then, and a hang ends the
 * machine. It uses only what the kernel exports. docs/conformance.md.
 */
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/sched/signal.h>
#include <linux/string.h>

#include "test.h"

static unsigned int seed = 1;
module_param(seed, uint, 0444);
MODULE_PARM_DESC(seed, "of all that is random");

static unsigned int seconds = 3;
module_param(seconds, uint, 0444);
MODULE_PARM_DESC(seconds, "that each test takes");

static char *tests = "";
module_param(tests, charp, 0444);
MODULE_PARM_DESC(tests, "names with commas between them; all if there are none");

static char *fault = "";
module_param(fault, charp, 0444);
MODULE_PARM_DESC(fault, "a fault to plant between the tests and the allocator, see shim.c");

static unsigned int failures;
module_param(failures, uint, 0444);
MODULE_PARM_DESC(failures, "(read) tests that failed");

static const struct {
	const char *name;
	void (*run)(void);
} all[] = {
	{"orders", pat_orders}, {"split", pat_split},	    {"parts", pat_parts},
	{"exact", pat_exact},	{"bulk", pat_bulk},	    {"folios", pat_folios},
	{"nodes", pat_nodes},	{"policy", pat_policy},	    {"lock", pat_lock},
	{"slab", pat_slab},	{"contexts", pat_contexts}, {"nmi", pat_nmi},
	{"cpus", pat_cpus},	{"memory", pat_memory},	    {"contig", pat_contig},
	{"cma", pat_cma},	{"exhaust", pat_exhaust},   {"counters", pat_counters},
};

/* ---- The test that runs ---------------------------------------------------------------------- */

static const char *name;	   /* of the test */
static unsigned int number;	   /* its number */
static atomic_t bad;		   /* how often pat_bad() was called */
static char reason[240], did[200]; /* of the first call of pat_bad(); pat_did() */
static const char *skipped;
static ktime_t end;
static struct pat_rest before; /* it ran */

void pat_bad(const char *format, ...)
{
	va_list args;

	if (atomic_inc_return(&bad) != 1)
		return;
	va_start(args, format);
	vscnprintf(reason, sizeof(reason), format, args);
	va_end(args);
}

bool pat_is_bad(void)
{
	return atomic_read(&bad);
}

void pat_skip(const char *why)
{
	skipped = why;
}

void pat_did(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vscnprintf(did, sizeof(did), format, args);
	va_end(args);
}

void pat_time_begin(void)
{
	end = ktime_add_ms(ktime_get(), seconds * 1000ul);
}

bool pat_time_left(void)
{
	return !pat_is_bad() && !fatal_signal_pending(current) && ktime_before(ktime_get(), end);
}

void pat_time_wait(void)
{
	while (pat_time_left())
		msleep(20);
}

void pat_time_wait_for(bool (*done)(void))
{
	pat_time_wait();
	for (unsigned int i = 0; i < 20 && !done() && !pat_is_bad(); i++) {
		pat_time_begin();
		pat_time_wait();
	}
}

void pat_rest_add(long free, long used)
{
	before.free += free;
	before.used += used;
}

unsigned int pat_workers(unsigned int *cpus)
{
	unsigned int first = cpumask_first(cpu_online_mask), n = 0, cpu;

	for_each_online_cpu(cpu) if (n < PAT_MAX_CPUS && (cpu != first || num_online_cpus() == 1))
		cpus[n++] = cpu;
	return n;
}

u32 pat_seed(void)
{
	static atomic_t calls;
	u32 x = seed * 2654435761u + atomic_inc_return(&calls) * 2246822519u;

	x ^= x >> 15;
	return x | 1;
}

void pat_say_hang(const char *where, unsigned int after)
{
	pr_emerg("not ok %u %s # hang: no step for %u s%s%s\n", number, name, after,
		 where ? "; " : "", where ? where : "");
	pr_emerg("Bail out! The machine ends, since nothing else ends a hang\n");
}

/* ---- The run --------------------------------------------------------------------------------- */

static bool is_named(const char *list, const char *what)
{
	size_t n = strlen(what);

	for (; *list; list += strcspn(list, ",") + (list[strcspn(list, ",")] == ','))
		if (strcspn(list, ",") == n && !strncmp(list, what, n))
			return true;
	return false;
}

/* How many tests were asked for; -EINVAL if one of the names is none. */
static int count_wanted(void)
{
	unsigned int wanted = 0, names = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(all); i++)
		wanted += !*tests || is_named(tests, all[i].name);
	for (const char *at = tests; *at; at += strcspn(at, ",") + (at[strcspn(at, ",")] == ','))
		names++;
	if (!*tests || wanted == names)
		return wanted;
	pr_err("page_alloc_test: tests=%s: give names out of these, each once:\n", tests);
	for (unsigned int i = 0; i < ARRAY_SIZE(all); i++)
		pr_err("page_alloc_test:   %s\n", all[i].name);
	return -EINVAL;
}

/* False: it failed. */
static bool run_one(void (*run)(void))
{
	atomic_set(&bad, 0);
	reason[0] = did[0] = 0;
	skipped = NULL;
	/* On the console, at the level that scripts/linux-conformance asks for: if the machine ends
	 * without a word, this is the last one. */
	pr_warn("page_alloc_test: %s begins\n", name);
	pat_rest_read(&before);
	pat_time_begin();
	run();
	pat_watch(0, NULL);
	if (!pat_is_bad())
		pat_rest_check(&before);
	if (!pat_is_bad())
		pat_lists_check();
	pat_rest_note(name, &before);
	if (pat_is_bad())
		pr_info("not ok %u %s # %s\n", number, name, reason);
	else if (skipped)
		pr_info("ok %u %s # SKIP %s\n", number, name, skipped);
	else
		pr_info("ok %u %s%s%s\n", number, name, did[0] ? " # " : "", did);
	return !pat_is_bad();
}

static void run_all(unsigned int wanted)
{
	ktime_t start = ktime_get();
	unsigned int skips = 0;

	pr_info("KTAP version 1\n");
	pr_info("1..%u\n", wanted);
	pr_info("# page_alloc_test: seed %u, %u s for each test, %u CPUs, fault %s\n", seed,
		seconds, num_online_cpus(), *fault ? fault : "none");
	for (unsigned int i = 0; i < ARRAY_SIZE(all) && !fatal_signal_pending(current); i++) {
		if (*tests && !is_named(tests, all[i].name))
			continue;
		name = all[i].name;
		number++;
		if (!run_one(all[i].run)) {
			failures++;
			if (*fault)
				break;
		}
		skips += skipped != NULL;
	}
	pr_info("# totals: pass:%u fail:%u skip:%u total:%u after %lld ms%s\n",
		number - failures - skips, failures, skips, number,
		ktime_ms_delta(ktime_get(), start), number < wanted ? ", ended early" : "");
}

static int __init pat_start(void)
{
	unsigned int cpus[PAT_MAX_CPUS];
	static struct cpumask mask;
	int wanted = count_wanted(), err;

	BUILD_BUG_ON(!IS_ENABLED(CONFIG_64BIT));
	if (wanted < 0)
		return wanted;
	err = pat_blocks_start();
	if (err)
		return err;
	err = pat_shim_start(fault);
	if (err)
		goto no_shim;
	err = pat_watch_start();
	if (err)
		goto no_watch;
	cpus_read_lock();
	pat_workers(cpus);
	cpus_read_unlock();
	/* The first CPU watches this one. */
	cpumask_copy(&mask, current->cpus_ptr);
	set_cpus_allowed_ptr(current, cpumask_of(cpus[0]));
	run_all(wanted);
	set_cpus_allowed_ptr(current, &mask);
	pat_watch_stop();
no_watch:
	pat_shim_stop();
no_shim:
	pat_blocks_stop();
	return err;
}
module_init(pat_start);

static void __exit pat_end(void)
{
}
module_exit(pat_end);

MODULE_DESCRIPTION("Conformance test of the page allocator");
MODULE_AUTHOR("The roost developers");
MODULE_LICENSE("Dual MIT/GPL");
