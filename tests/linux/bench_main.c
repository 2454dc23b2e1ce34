// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * bench_main.c - roost_bench.ko: Linux's page allocator and roost.ko side by side. More than
 * bench_run.c knows:
 *
 *	none PEER CASE ORDER N     says which counters of roost.ko changed
 *	time WORK ORDER CPUS N     N rounds of all peers in turn: bench_time.c
 *
 * PEER: none, linux, pages, pfns. For scripts/linux-bench; nothing of it is for a machine in use.
 */
#include <linux/module.h>

#include "bench_ours.h"
#include "counters.h"
#include "roost/linux.h"

roost_t *bench_engine;

const struct bench_peer *const bench_peers[] = {
	&bench_none, &bench_linux, &bench_roost, &bench_pfn, NULL,
};

static struct kt_counters before;

void bench_before(void)
{
	kt_counters_read(&before, bench_engine);
}

void bench_after(void)
{
	struct kt_counters now;

	kt_counters_read(&now, bench_engine);
#define SAY(name, text)                                                                            \
	if (now.name != before.name)                                                               \
		bench_say("counter " #name " %llu\n", now.name - before.name);
	KT_COUNTERS(SAY)
#undef SAY
}

int bench_own(const char *line)
{
	char name[16];
	unsigned int a, b, c;

	if (sscanf(line, "time %15s %u %u %u", name, &a, &b, &c) == 4)
		return bench_time(name, a, b, c);
	return -ENOENT;
}

/* What roost.ko has would come back to the kernel in the middle of it. */
void bench_make_room(const struct bench_peer *peer, unsigned int pages)
{
	if (peer == &bench_linux)
		roost_shrink();
	else
		roost_grow(pages);
}

static int __init bench_start(void)
{
	bench_engine = roost_linux();
	bench_open("roost_bench");
	return 0;
}
module_init(bench_start);

static void __exit bench_stop(void)
{
	bench_close();
}
module_exit(bench_stop);

MODULE_DESCRIPTION("Linux's page allocator and roost.ko side by side");
MODULE_AUTHOR("The roost developers");
MODULE_LICENSE("Dual MIT/GPL");
