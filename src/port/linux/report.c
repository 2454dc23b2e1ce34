// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * report.c - /sys/kernel/debug/roost: what the module shows, and what a user can ask it to do.
 *
 *	stats          the counters of roost_stats(), a line each, then those that only pcpbuddy has
 *	buddyinfo, pagetypeinfo, zoneinfo    as in /proc
 *	memory         chunks: how many there are, how many there may be, how many came and went
 *	caches         the object caches, a line each
 *	validate       walks everything: "ok", or the invariant that is violated. Exact at rest
 *	config         how the module was built
 *	drain          a write calls roost_drain() with the CPU that was written (-1: all)
 *	grow           a write calls roost_grow() with that number of pages
 *	shrink         a write of anything calls roost_shrink()
 *
 * A write fails with -EINVAL if it is no number, with -ERANGE if there is no such CPU or the number
 * is too large, and with -ENOMEM if that many pages could not be made free.
 */
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "linux.h"
#include "roost/pcpbuddy.h"

static struct dentry *folder;

static int to_seq(void *context, const char *text, size_t length)
{
	seq_write(context, text, length);
	return 0;
}

#define SHOW(name, text) seq_printf(m, "%-20s %12llu  %s\n", #name, stats.name, text);

static void own_stats_show(struct seq_file *m)
{
#if ROOST_PCPBUDDY
	struct roost_pcpbuddy_stats stats = {0};

	roost_pcpbuddy_stats(rst_chunks.roost, -1, -1, &stats);
	ROOST_PCPBUDDY_COUNTERS(SHOW)
#endif
}

static int stats_show(struct seq_file *m, void *unused)
{
	struct roost_stats stats = {0};

	roost_stats(rst_chunks.roost, -1, -1, &stats);
	ROOST_COUNTERS(SHOW)
	own_stats_show(m);
	return 0;
}
#undef SHOW
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

	if (!err && rst_caches_slabs())
		err = roost_slabs_validate(rst_caches_slabs(), &v);
	if (!err)
		seq_puts(m, "ok\n");
	else
		seq_printf(m, "violated: %s (zone %d, cpu %d, pfn 0x%llx: %llu, not %llu)\n",
			   v.invariant, v.zone, v.cpu, v.pfn, v.found, v.expected);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(validate);

static int caches_show(struct seq_file *m, void *unused)
{
	return rst_caches_slabs()
		       ? roost_slabs_dump(rst_caches_slabs(), ROOST_SLABS_TEXT, to_seq, m)
		       : 0;
}
DEFINE_SHOW_ATTRIBUTE(caches);

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

/* ---- What can be asked for ----------------------------------------------------------------- */

enum {
	NUMBER = 24, /* bytes of what may be one, with its end */
};

/* What was written, all of it: nothing is cut off. */
static int read_text(char *text, const char __user *from, size_t size)
{
	if (size >= NUMBER)
		return -EINVAL;
	if (copy_from_user(text, from, size))
		return -EFAULT;
	text[size] = 0;
	return strlen(text) == size ? 0 : -EINVAL;
}

static ssize_t drain_write(struct file *file, const char __user *from, size_t size, loff_t *at)
{
	char text[NUMBER];
	int cpu, err = read_text(text, from, size);

	if (!err)
		err = kstrtoint(text, 10, &cpu);
	if (err)
		return err;
	if (cpu < -1 || cpu >= (int)roost_nr_cpus(rst_chunks.roost))
		return -ERANGE;
	roost_drain(rst_chunks.roost, cpu);
	return (ssize_t)size;
}

static bool all_have(unsigned long pages)
{
	for (unsigned int zone = 0; zone < rst_chunks.nr_zones; zone++)
		if (roost_free_frames(rst_chunks.roost, zone, NULL) < pages)
			return false;
	return true;
}

static ssize_t grow_write(struct file *file, const char __user *from, size_t size, loff_t *at)
{
	unsigned long pages;
	char text[NUMBER];
	int err = read_text(text, from, size);

	if (!err)
		err = kstrtoul(text, 10, &pages);
	if (err)
		return err;
	roost_grow(pages);
	if (fatal_signal_pending(current))
		return -EINTR;
	return all_have(pages) ? (ssize_t)size : -ENOMEM;
}

static ssize_t shrink_write(struct file *file, const char __user *from, size_t size, loff_t *at)
{
	roost_shrink();
	return fatal_signal_pending(current) ? -EINTR : (ssize_t)size;
}

#define WRITTEN_TO(name)                                                                           \
	static const struct file_operations name##_fops = {.owner = THIS_MODULE,                   \
							   .write = name##_write}
WRITTEN_TO(drain);
WRITTEN_TO(grow);
WRITTEN_TO(shrink);

void rst_report_init(void)
{
	folder = debugfs_create_dir("roost", NULL);
#define FILE_OF(name) debugfs_create_file(#name, 0444, folder, NULL, &name##_fops)
	FILE_OF(stats);
	FILE_OF(buddyinfo);
	FILE_OF(pagetypeinfo);
	FILE_OF(zoneinfo);
	FILE_OF(validate);
	FILE_OF(caches);
	FILE_OF(memory);
	FILE_OF(config);
#undef FILE_OF
	debugfs_create_file("drain", 0200, folder, NULL, &drain_fops);
	debugfs_create_file("shrink", 0200, folder, NULL, &shrink_fops);
	debugfs_create_file("grow", 0200, folder, NULL, &grow_fops);
}

void rst_report_exit(void)
{
	debugfs_remove_recursive(folder);
}
