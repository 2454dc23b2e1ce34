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
 *		caches
 *			object caches: frees in all contexts, wrong calls (caches.c)
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
#include <linux/module.h>
#include <linux/string.h>

#include "debugfs.h"
#include "test.h"

static char *free_path = "trylock";
module_param(free_path, charp, 0444);
MODULE_PARM_DESC(free_path, "what roost.ko was given, see /sys/module/roost/parameters/free_path");

struct kt_about kt_about;

/* ---- What is said --------------------------------------------------------------------------- */

static char reason[160];

void kt_say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	pr_info("%s", add_text(format, args));
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

/* ---- What is asked for ----------------------------------------------------------------------- */

static int run(const char *line)
{
	char how[16] = "", first[16] = "";
	unsigned int seconds, rounds;

	reason[0] = 0;
	if (sscanf(line, "order %15s %15s", how, first) >= 1 &&
	    (!strcmp(how, "single") || !strcmp(how, "bulk")))
		kt_order(!strcmp(how, "bulk"), !strcmp(first, "free_first"));
	else if (sscanf(line, "hang %u", &seconds) == 1)
		kt_hang(seconds);
	else if (sscanf(line, "load %u %15s", &seconds, how) >= 1)
		kt_load(seconds, strcmp(how, "no_nmi"));
	else if (!strcmp(line, "calls"))
		kt_calls();
	else if (sscanf(line, "frees %u", &rounds) == 1)
		kt_frees(rounds);
	else if (!strcmp(line, "caches"))
		kt_caches();
	else if (!strcmp(line, "atomic"))
		kt_atomic();
	else if (!strcmp(line, "wrong"))
		kt_wrong();
	else if (!strcmp(line, "left"))
		kt_left();
	else
		return -EINVAL;
	return 0;
}

/* ---- Start and end -------------------------------------------------------------------------- */

static int __init kt_start(void)
{
	const char *config = roost_build_config();

	kt_about.pcpbuddy = strstr(config, "engine=pcpbuddy");
	kt_about.smp = !strstr(config, "smp=0");
	kt_about.llist = kt_about.pcpbuddy && !strcmp(free_path, "llist");
	kt_about.blocking = kt_about.pcpbuddy && !strcmp(free_path, "blocking");
	make_folder("roost_test");
	return 0;
}
module_init(kt_start);

static void __exit kt_end(void)
{
	remove_folder();
}
module_exit(kt_end);

MODULE_DESCRIPTION("Tests of roost.ko");
MODULE_AUTHOR("The roost developers");
MODULE_LICENSE("Dual MIT/GPL");
