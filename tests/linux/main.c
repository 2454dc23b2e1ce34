// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * main.c - roost_test.ko: tests of roost.ko from inside of the kernel, whatever engine it has.
 *
 * In /sys/kernel/debug/roost_test:
 *
 *	run     written to, does one of these, and returns when it is done:
 *
 *		load SECONDS [no_nmi]
 *			everything at once, in all contexts (load.c)
 *		order single|bulk [free_first]
 *			the seed's order of locks, for lockdep (proof.c)
 *		hang SECONDS
 *			the seed's deadlock, for pcpbuddy's free path "blocking"; if it comes
 *			the machine ends (hang.c)
 *
 *		calls
 *			arguments at their limits, references for a moment (calls.c)
 *		frees ROUNDS
 *			right frees, for somebody else to walk over all pages meanwhile (calls.c)
 *		atomic
 *			calls that may sleep where nothing may, for the kernel to complain (calls.c)
 *		wrong
 *			pages that are given to both allocators, and floods of misuse (wrong.c)
 *
 *		left
 *			one such page, for the end of the module to find
 *
 *	        A signal that kills the writer ends the load and the hang early; they fail.
 *
 *	result  what the last run said. The last line is the verdict
 *
 * The same is in the kernel's log, as information; "verdict: hang yes" has the highest level.
 */
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>

#include "test.h"

static char *free_path = "trylock";
module_param(free_path, charp, 0444);
MODULE_PARM_DESC(free_path, "what roost.ko was given, see /sys/module/roost/parameters/free_path");

struct kt_about kt_about;

static struct dentry *folder;
static DEFINE_MUTEX(running);

/* ---- What is said --------------------------------------------------------------------------- */

static DEFINE_MUTEX(text_lock);
static char text[1 << 16], reason[160];
static size_t length;

static __printf(1, 0) void add(const char *format, va_list args)
{
	size_t from = length;

	mutex_lock(&text_lock);
	length += vscnprintf(text + length, sizeof(text) - length, format, args);
	mutex_unlock(&text_lock);
	pr_info("%s", text + from);
}

void kt_say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(format, args);
	va_end(args);
}

void kt_fail(const char *format, ...)
{
	char line[sizeof(reason)];
	va_list args;

	va_start(args, format);
	vscnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (!reason[0])
		strscpy(reason, line, sizeof(reason));
	kt_say("failed: %s\n", line);
}

bool kt_failed(void)
{
	return reason[0];
}

void kt_verdict(const char *what)
{
	if (kt_failed())
		kt_say("verdict: %s FAIL %s\n", what, reason);
	else
		kt_say("verdict: %s pass\n", what);
}

static void begin_text(void)
{
	mutex_lock(&text_lock);
	length = 0;
	text[0] = 0;
	reason[0] = 0;
	mutex_unlock(&text_lock);
}

/* ---- What is asked for ----------------------------------------------------------------------- */

static int run(const char *command)
{
	char how[16] = "", first[16] = "";
	unsigned int seconds, rounds;

	if (sscanf(command, "order %15s %15s", how, first) >= 1 &&
	    (!strcmp(how, "single") || !strcmp(how, "bulk")))
		kt_order(!strcmp(how, "bulk"), !strcmp(first, "free_first"));
	else if (sscanf(command, "hang %u", &seconds) == 1)
		kt_hang(seconds);
	else if (sscanf(command, "load %u %15s", &seconds, how) >= 1)
		kt_load(seconds, strcmp(how, "no_nmi"));
	else if (!strcmp(command, "calls"))
		kt_calls();
	else if (sscanf(command, "frees %u", &rounds) == 1)
		kt_frees(rounds);
	else if (!strcmp(command, "atomic"))
		kt_atomic();
	else if (!strcmp(command, "wrong"))
		kt_wrong();
	else if (!strcmp(command, "left"))
		kt_left();
	else
		return -EINVAL;
	return 0;
}

static ssize_t run_write(struct file *file, const char __user *from, size_t size, loff_t *at)
{
	char command[64] = "";
	int err;

	if (size >= sizeof(command) || copy_from_user(command, from, size))
		return -EINVAL;
	if (!mutex_trylock(&running))
		return -EBUSY;
	begin_text();
	err = run(strim(command));
	if (!err && fatal_signal_pending(current))
		err = -EINTR;
	mutex_unlock(&running);
	return err ? err : size;
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

/* ---- Start and end -------------------------------------------------------------------------- */

static int __init kt_start(void)
{
	const char *config = roost_build_config();

	kt_about.pcpbuddy = strstr(config, "engine=pcpbuddy");
	kt_about.smp = !strstr(config, "smp=0");
	kt_about.llist = kt_about.pcpbuddy && !strcmp(free_path, "llist");
	kt_about.blocking = kt_about.pcpbuddy && !strcmp(free_path, "blocking");
	folder = debugfs_create_dir("roost_test", NULL);
	debugfs_create_file("run", 0200, folder, NULL, &run_fops);
	debugfs_create_file("result", 0444, folder, NULL, &result_fops);
	return 0;
}
module_init(kt_start);

static void __exit kt_end(void)
{
	debugfs_remove_recursive(folder);
}
module_exit(kt_end);

MODULE_DESCRIPTION("Tests of roost.ko");
MODULE_AUTHOR("The roost developers");
MODULE_LICENSE("Dual MIT/GPL");
