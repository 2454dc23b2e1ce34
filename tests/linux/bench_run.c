// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * bench_run.c - orders of a module of benchmarks. A line written to /sys/kernel/debug/FOLDER/run
 * asks for something, which is done before the write returns; the answer is in result.
 *
 *	tsc PEER CASE ORDER N      instructions, in a machine whose clock counts them: bench_tsc.c
 *	step PEER CASE ORDER N     instructions, atomics, locks by single steps: bench_step.c
 *	none PEER CASE ORDER N     just does it
 *	pairs PEER ORDER           tsc of 100 pairs in a plain loop
 *	profile PEER ORDER         in which functions the instructions are
 *	frag PEER MIB 0|1          what random churn makes of large blocks: bench_frag.c
 */
#include <linux/cpumask.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "bench.h"
#include "debugfs.h"

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
	for (int i = 0; bench_peers[i]; i++)
		if (!strcmp(bench_peers[i]->name, name))
			return bench_peers[i];
	return NULL;
}

static int run_case(const char *word, const struct bench_peer *peer, const char *name,
		    unsigned int order, unsigned int n)
{
	int err;

	for (int i = 0; i < ARRAY_SIZE(meters); i++) {
		if (strcmp(meters[i]->name, word))
			continue;
		if (meters[i] == &bench_meter_none)
			bench_before();
		err = bench_case(meters[i], peer, name, order, n);
		if (!err && meters[i] == &bench_meter_none)
			bench_after();
		return err;
	}
	return -EINVAL;
}

static int run_one(const char *line)
{
	char word[16], name[16], third[16];
	const struct bench_peer *peer;
	unsigned int a, b;
	int err = bench_own(line);

	if (err != -ENOENT)
		return err;
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

void bench_open(const char *name)
{
	make_folder(name);
}

void bench_close(void)
{
	remove_folder();
}
