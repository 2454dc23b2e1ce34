/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * debugfs.h - a folder in /sys/kernel/debug by which a test module gets its orders, for the one
 * file of the module that includes this.
 *
 *	run     a line written to it is done before the write returns. One at a time: -EBUSY
 *	result  what was said of the last one
 */
#ifndef RST_LINUX_DEBUGFS_H
#define RST_LINUX_DEBUGFS_H

#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <linux/uaccess.h>

/* The module's: does what a line says. 0 or an error. */
static int run(const char *line);

static DEFINE_MUTEX(running);
static DEFINE_MUTEX(text_lock);
static char text[1 << 18];
static size_t length;
static struct dentry *folder;

/* Adds to the result; what was added. Thread context, that of the run alone. */
static __printf(1, 0) const char *add_text(const char *format, va_list args)
{
	size_t from = length;

	mutex_lock(&text_lock);
	length += vscnprintf(text + length, sizeof(text) - length, format, args);
	mutex_unlock(&text_lock);
	return text + from;
}

static ssize_t run_write(struct file *file, const char __user *from, size_t size, loff_t *at)
{
	char line[80] = "";
	int err;

	if (size >= sizeof(line))
		return -EINVAL;
	if (copy_from_user(line, from, size))
		return -EFAULT;
	if (!mutex_trylock(&running))
		return -EBUSY;
	mutex_lock(&text_lock);
	length = 0;
	text[0] = 0;
	mutex_unlock(&text_lock);
	err = run(strim(line));
	if (!err && fatal_signal_pending(current))
		err = -EINTR;
	mutex_unlock(&running);
	return err ? err : (ssize_t)size;
}

static const struct file_operations run_fops = {
	.owner = THIS_MODULE,
	.write = run_write,
};

static int result_show(struct seq_file *m, void *unused)
{
	mutex_lock(&text_lock);
	seq_write(m, text, length);
	mutex_unlock(&text_lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(result);

static inline void make_folder(const char *name)
{
	folder = debugfs_create_dir(name, NULL);
	debugfs_create_file("run", 0200, folder, NULL, &run_fops);
	debugfs_create_file("result", 0444, folder, NULL, &result_fops);
}

static inline void remove_folder(void)
{
	debugfs_remove_recursive(folder);
}

#endif
