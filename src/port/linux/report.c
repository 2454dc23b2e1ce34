// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * report.c - /sys/kernel/debug/roost: what there is to see, and what can be asked for.
 *
 *	stats          the counters of roost_stats(), a line each
 *	buddyinfo, pagetypeinfo, zoneinfo    as in /proc
 *	memory         chunks: how many are there, may be, came and went
 *	validate       walks everything: "ok", or the invariant that is violated. Exact at rest
 *	config         how it is built
 *	drain, shrink, grow    written to: roost_drain() of a CPU (-1: all), roost_shrink(),
 *	               roost_grow() of so many pages
 */
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/seq_file.h>

#include "linux.h"

static struct dentry *folder;

static int to_seq(void *context, const char *text, size_t length)
{
	seq_write(context, text, length);
	return 0;
}

static int stats_show(struct seq_file *m, void *unused)
{
	struct roost_stats stats = {0};

	roost_stats(rst_chunks.roost, -1, -1, &stats);
#define SHOW(name, text) seq_printf(m, "%-20s %12llu  %s\n", #name, stats.name, text);
	ROOST_COUNTERS(SHOW)
#undef SHOW
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(stats);

static int buddyinfo_show(struct seq_file *m, void *unused)
{
	return roost_dump(rst_chunks.roost, ROOST_DUMP_BUDDYINFO, to_seq, m);
}
DEFINE_SHOW_ATTRIBUTE(buddyinfo);

static int pagetypeinfo_show(struct seq_file *m, void *unused)
{
	return roost_dump(rst_chunks.roost, ROOST_DUMP_PAGETYPEINFO, to_seq, m);
}
DEFINE_SHOW_ATTRIBUTE(pagetypeinfo);

static int zoneinfo_show(struct seq_file *m, void *unused)
{
	return roost_dump(rst_chunks.roost, ROOST_DUMP_ZONEINFO, to_seq, m);
}
DEFINE_SHOW_ATTRIBUTE(zoneinfo);

static int validate_show(struct seq_file *m, void *unused)
{
	struct roost_violation v;
	int err = roost_validate(rst_chunks.roost, &v);

	if (!err)
		seq_puts(m, "ok\n");
	else
		seq_printf(m, "violated: %s (zone %d, cpu %d, pfn 0x%llx: %llu, not %llu)\n",
			   v.invariant, v.zone, v.cpu, v.pfn, v.found, v.expected);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(validate);

static int memory_show(struct seq_file *m, void *unused)
{
	seq_printf(m, "chunk_pages %lu\nchunks %ld\nchunks_max %lu\n", 1ul << rst_chunks.order,
		   atomic_long_read(&rst_chunks.nr), rst_chunks.all_slots);
	seq_printf(m, "grown %ld\nshrunk %ld\ngrow_failed %ld\n",
		   atomic_long_read(&rst_chunks.grown), atomic_long_read(&rst_chunks.shrunk),
		   atomic_long_read(&rst_chunks.grow_failed));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(memory);

static int config_show(struct seq_file *m, void *unused)
{
	seq_printf(m, "version=" ROOST_VERSION_STRING " %s\n", roost_build_config());
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(config);

static int drain_set(void *unused, u64 cpu)
{
	roost_drain(rst_chunks.roost, (int)(s64)cpu);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE_SIGNED(drain_fops, NULL, drain_set, "%lld\n");

static int shrink_set(void *unused, u64 any)
{
	roost_shrink();
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(shrink_fops, NULL, shrink_set, "%llu\n");

static int grow_set(void *unused, u64 pages)
{
	roost_grow((unsigned long)pages);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(grow_fops, NULL, grow_set, "%llu\n");

void rst_report_init(void)
{
	folder = debugfs_create_dir("roost", NULL);
#define FILE_OF(name) debugfs_create_file(#name, 0444, folder, NULL, &name##_fops)
	FILE_OF(stats);
	FILE_OF(buddyinfo);
	FILE_OF(pagetypeinfo);
	FILE_OF(zoneinfo);
	FILE_OF(validate);
	FILE_OF(memory);
	FILE_OF(config);
#undef FILE_OF
	debugfs_create_file_unsafe("drain", 0200, folder, NULL, &drain_fops);
	debugfs_create_file_unsafe("shrink", 0200, folder, NULL, &shrink_fops);
	debugfs_create_file_unsafe("grow", 0200, folder, NULL, &grow_fops);
}

void rst_report_exit(void)
{
	debugfs_remove_recursive(folder);
}
