// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * bench_main.c - roost_bench.ko: Linux's page allocator and roost.ko side by side. A line written
 * to /sys/kernel/debug/roost_bench/run asks for something, which is done before the write returns;
 * the answer is in result.
 *
 *	tsc PEER CASE ORDER N      instructions, in a machine whose clock counts them: bench_tsc.c
 *	step PEER CASE ORDER N     instructions and atomics by single steps: bench_step.c
 *	none PEER CASE ORDER N     just does it, and says which counters of roost.ko changed
 *	pairs PEER ORDER           tsc of 100 pairs in a plain loop
 *	profile PEER ORDER         in which functions the instructions are
 *	time WORK ORDER CPUS N     N rounds of all peers in turn: bench_time.c
 *	frag PEER MIB 0|1          what random churn makes of large blocks: bench_frag.c
 *
 * PEER: none, linux, pages, pfns. For scripts/linux-bench; nothing of it is for a machine in use.
 */
#include <linux/cpumask.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "bench.h"
#include "counters.h"
#include "debugfs.h"
#include "roost/linux.h"

roost_t *bench_engine;

static const struct bench_peer *const peers[] = {
	&bench_none,
	&bench_linux,
	&bench_roost,
	&bench_pfn,
};

static const struct bench_meter *const meters[] = {
	&bench_meter_tsc,
	&bench_meter_step,
	&bench_meter_none,
};

bench_block bench_nothing(bench_block first, unsigned int second)
{
	return second;
}

void bench_say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add_text(format, args);
	va_end(args);
}

/* ---- The meter that is none ---------------------------------------------------------------- */

static int none_start(void)
{
	return 0;
}

static void none_stop(void)
{
}

static void none_begin(void)
{
}

static void none_end(struct bench_sample *sample)
{
	*sample = (struct bench_sample){0};
}

const struct bench_meter bench_meter_none = {
	.name = "none",
	.start = none_start,
	.stop = none_stop,
	.begin = none_begin,
	.end = none_end,
};

/* ---- What can be asked for ----------------------------------------------------------------- */

static const struct bench_peer *find_peer(const char *name)
{
	for (int i = 0; i < ARRAY_SIZE(peers); i++)
		if (!strcmp(peers[i]->name, name))
			return peers[i];
	return NULL;
}

static void say_counters(const struct kt_counters *before)
{
	struct kt_counters now;

	kt_counters_read(&now, bench_engine);
#define SAY(name, text)                                                                            \
	if (now.name != before->name)                                                              \
		bench_say("counter " #name " %llu\n", now.name - before->name);
	KT_COUNTERS(SAY)
#undef SAY
}

static int run_case(const char *word, const struct bench_peer *peer, const char *name,
		    unsigned int order, unsigned int n)
{
	struct kt_counters before;
	int err;

	for (int i = 0; i < ARRAY_SIZE(meters); i++) {
		if (strcmp(meters[i]->name, word))
			continue;
		kt_counters_read(&before, bench_engine);
		err = bench_case(meters[i], peer, name, order, n);
		if (!err && meters[i] == &bench_meter_none)
			say_counters(&before);
		return err;
	}
	return -EINVAL;
}

static int run_one(const char *line)
{
	char word[16], name[16], third[16];
	const struct bench_peer *peer;
	unsigned int a, b, c;

	if (sscanf(line, "time %15s %u %u %u", name, &a, &b, &c) == 4)
		return bench_time(name, a, b, c);
	if (sscanf(line, "frag %15s %u %u", name, &a, &b) == 3) {
		peer = find_peer(name);
		return peer ? bench_frag(peer, a, b) : -EINVAL;
	}
	if (sscanf(line, "%15s %15s %15s %u %u", word, name, third, &a, &b) == 5) {
		peer = find_peer(name);
		return peer ? run_case(word, peer, third, a, b) : -EINVAL;
	}
	if (sscanf(line, "%15s %15s %u", word, name, &a) != 3)
		return -EINVAL;
	peer = find_peer(name);
	if (!peer)
		return -EINVAL;
	if (!strcmp(word, "pairs"))
		return bench_pairs(peer, a);
	if (!strcmp(word, "profile"))
		return bench_profile(peer, a);
	return -EINVAL;
}

static int run(const char *line)
{
	int err = run_one(line);

	set_cpus_allowed_ptr(current, cpu_possible_mask);
	return err;
}

static int __init bench_start(void)
{
	bench_engine = roost_linux();
	make_folder("roost_bench");
	return 0;
}
module_init(bench_start);

static void __exit bench_stop(void)
{
	remove_folder();
}
module_exit(bench_stop);

MODULE_DESCRIPTION("Linux's page allocator and roost.ko side by side");
MODULE_AUTHOR("The roost developers");
MODULE_LICENSE("Dual MIT/GPL");
