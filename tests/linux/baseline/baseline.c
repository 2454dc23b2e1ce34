// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * baseline.c - page_alloc_bench.ko: what the page allocator of a kernel takes, whatever kernel it
 * is. It needs no roost.ko. PEER: none, linux. For scripts/linux-baseline; nothing of it is for a
 * machine in use.
 */
#include <linux/errno.h>
#include <linux/module.h>

#include "bench.h"

const struct bench_peer *const bench_peers[] = {&bench_none, &bench_linux, NULL};

int bench_own(const char *line)
{
	return -ENOENT;
}

void bench_before(void)
{
}

void bench_after(void)
{
}

void bench_make_room(const struct bench_peer *peer, unsigned int pages)
{
}

static int __init baseline_start(void)
{
	bench_open("page_alloc_bench");
	return 0;
}
module_init(baseline_start);

static void __exit baseline_stop(void)
{
	bench_close();
}
module_exit(baseline_stop);

MODULE_DESCRIPTION("What the page allocator takes");
MODULE_AUTHOR("The roost developers");
MODULE_LICENSE("Dual MIT/GPL");
