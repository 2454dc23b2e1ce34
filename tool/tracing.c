/* SPDX-License-Identifier: MIT */
/* tracing.c - see tracing.h. */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <tracefs.h>

#include "tool/common/say.h"
#include "tracing.h"

/* Those that a replay reads, and no others: each costs the kernel time and the buffers room. */
static const char *const events[] = {"mm_page_alloc", "mm_page_free", "mm_page_free_batched"};

/* Then the process, and a number if there is such an instance already. */
#define PREFIX "roost-"

enum { NR_EVENTS = sizeof(events) / sizeof(events[0]), FILE_MAX = 4096, NAMES_MAX = 100 };
enum { PAUSE_NS = 10 * 1000 * 1000, TRIES = 200 };

/* ---- What is missing -------------------------------------------------------------------- */

static bool kernel_has_tracefs(void)
{
	FILE *file = fopen("/proc/filesystems", "r");
	char line[128];
	bool found = false;

	while (file && fgets(line, sizeof(line), file))
		found |= strstr(line, "\ttracefs\n") != NULL;
	if (file)
		fclose(file);
	return found;
}

static bool is_locked_down(void)
{
	FILE *file = fopen("/sys/kernel/security/lockdown", "r");
	char line[128] = "";
	bool locked;

	locked = file && fgets(line, sizeof(line), file) && !strstr(line, "[none]");
	if (file)
		fclose(file);
	return locked;
}

/* Why something in tracefs could not be done, and what to do. */
static bool explain(const char *what, int why, char error[])
{
	const char *advice = "";

	if (why == EROFS)
		advice = "; tracefs is mounted read-only, as in a container: record on its host";
	else if ((why == EPERM || why == EACCES) && is_locked_down())
		advice = "; the kernel is locked down (/sys/kernel/security/lockdown)";
	else if ((why == EPERM || why == EACCES) && geteuid() != 0)
		advice = "; recording takes the rights of root: sudo roost record";
	else if (why == EPERM || why == EACCES)
		advice = "; root of a container has no right to trace: record on its host";
	else if (why == ENOMEM)
		advice = "; give a smaller --buffer";
	snprintf(error, ERROR_MAX, "cannot %.200s: %s%s", what, strerror(why), advice);
	return false;
}

static bool check_mounted(const char **directory, char error[])
{
	if (tracefs_tracing_dir_is_mounted(false, directory) > 0)
		return true;
	if (kernel_has_tracefs())
		snprintf(error, ERROR_MAX,
			 "tracefs is not mounted; as root: mount -t tracefs tracefs "
			 "/sys/kernel/tracing (in a container: record on its host)");
	else
		snprintf(error, ERROR_MAX,
			 "this kernel has no tracefs; it takes one with CONFIG_FTRACE and "
			 "CONFIG_EVENT_TRACING");
	return false;
}

/* Nobody but root may look into it, so a file that is not seen may be there. */
static bool check_rights(const char *directory, char error[])
{
	char path[FILE_MAX], what[FILE_MAX + 32];

	snprintf(path, sizeof(path), "%s/instances", directory);
	snprintf(what, sizeof(what), "write to %s", path);
	return access(path, W_OK) == 0 || explain(what, errno, error);
}

static bool check_events(const char *directory, char error[])
{
	char path[FILE_MAX];

	for (size_t i = 0; i < NR_EVENTS; i++) {
		snprintf(path, sizeof(path), "%s/events/kmem/%s/enable", directory, events[i]);
		if (access(path, F_OK) == 0)
			continue;
		snprintf(error, ERROR_MAX,
			 "the kernel has no event kmem/%s (%.200s: %s); it takes one with "
			 "CONFIG_EVENT_TRACING",
			 events[i], path, strerror(errno));
		return false;
	}
	return true;
}

/* ---- The instance ----------------------------------------------------------------------- */

/* Of the process of its name, or -1 if it is not one of these. */
static long owner_of(const char *name)
{
	char *end;
	long pid;

	if (strncmp(name, PREFIX, strlen(PREFIX)) != 0)
		return -1;
	pid = strtol(name + strlen(PREFIX), &end, 10);
	return pid > 0 && pid <= INT_MAX && (!*end || *end == '-') ? pid : -1;
}

/* Those that killed recordings left behind. One that is still read is busy, and stays. */
static void remove_stale(const char *directory)
{
	char **names = tracefs_instances(NULL);

	for (char **name = names; name && *name; name++) {
		long pid = owner_of(*name);
		char path[FILE_MAX];

		if (pid < 0 || kill((pid_t)pid, 0) == 0 || errno != ESRCH)
			continue;
		snprintf(path, sizeof(path), "%s/instances/%s", directory, *name);
		(void)rmdir(path);
	}
	tracefs_list_free(names);
}

/* One that is there is another's, and has its own buffers and events. */
static bool make_instance(struct tracing *t, char error[])
{
	char name[48], what[96];

	for (unsigned i = 0; i < NAMES_MAX; i++) {
		snprintf(name, sizeof(name), i ? PREFIX "%d-%u" : PREFIX "%d", (int)getpid(), i);
		errno = 0;
		t->instance = tracefs_instance_create(name);
		if (!t->instance)
			break;
		if (tracefs_instance_is_new(t->instance))
			return true;
		tracefs_instance_free(t->instance);
		t->instance = NULL;
		errno = EEXIST;
	}
	snprintf(what, sizeof(what), "make the trace instance %s", name);
	return explain(what, errno ? errno : EIO, error);
}

/* An instance begins with the options of the machine's own trace: those that change the text which
 * a replay reads. A kernel may lack some of them. */
static bool set_options(struct tracing *t, char error[])
{
	static const char *const wanted[] = {
		"noraw",
		"nohex",
		"nobin",
		"nofields",
		"noverbose",
		"noblock",
		"nolatency-format",
		"noprintk-msg-only",
		"nostacktrace",
		"nouserstacktrace",
		"norecord-tgid",
		"nopause-on-trace",
		"nodisable_on_free",
		"context-info",
		"irq-info",
		"record-cmd",
		"overwrite",
	};

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		char what[64];

		errno = 0;
		if (tracefs_instance_file_write(t->instance, "trace_options", wanted[i]) >= 0 ||
		    errno == EINVAL)
			continue;
		snprintf(what, sizeof(what), "set the trace option %s", wanted[i]);
		return explain(what, errno ? errno : EIO, error);
	}
	return true;
}

/* A new instance has the clock "local": fast, but those of two CPUs may differ, and then a free on
 * another CPU comes before its allocation. */
static bool set_clock(struct tracing *t, char error[])
{
	errno = 0;
	if (tracefs_instance_file_write(t->instance, "trace_clock", TRACING_CLOCK) >= 0)
		return true;
	return explain("set the trace clock " TRACING_CLOCK, errno ? errno : EIO, error);
}

/* ---- Recording -------------------------------------------------------------------------- */

static bool begin(struct tracing *t, uint64_t buffer, char error[])
{
	char what[128];

	errno = 0;
	if (tracefs_instance_set_buffer_size(t->instance, buffer >> 10, -1) < 0) {
		snprintf(what, sizeof(what), "have buffers of %" PRIu64 " KiB for each CPU",
			 buffer >> 10);
		return explain(what, errno ? errno : ENOMEM, error);
	}
	for (size_t i = 0; i < NR_EVENTS; i++) {
		snprintf(what, sizeof(what), "enable the event kmem/%s", events[i]);
		errno = 0;
		if (tracefs_event_enable(t->instance, "kmem", events[i]) < 0)
			return explain(what, errno ? errno : EIO, error);
	}
	t->pipe = tracefs_instance_file_open(t->instance, "trace_pipe",
					     O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (t->pipe < 0)
		return explain("read trace_pipe", errno, error);
	if (tracefs_trace_on(t->instance) < 0)
		return explain("begin to trace", errno, error);
	return true;
}

bool tracing_open(struct tracing *t, uint64_t buffer, char error[])
{
	static const char *directory; /* libtracefs does not say whose it is: never given back */

	*t = (struct tracing){.pipe = -1};
	if (!check_mounted(&directory, error) || !check_rights(directory, error) ||
	    !check_events(directory, error))
		return false;
	remove_stale(directory);
	if (!make_instance(t, error))
		return false;
	/* As soon as there is an event it is recorded, so the buffers come first. */
	errno = 0;
	if (tracefs_trace_off(t->instance) < 0)
		explain("hold the trace", errno ? errno : EIO, error);
	else if (set_options(t, error) && set_clock(t, error) && begin(t, buffer, error))
		return true;
	tracing_close(t);
	return false;
}

long tracing_read(struct tracing *t, char *text, size_t room)
{
	ssize_t n = read(t->pipe, text, room);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	return n;
}

void tracing_stop(struct tracing *t)
{
	if (t->instance) /* without one it would be the machine's own trace */
		tracefs_trace_off(t->instance);
}

/* The number behind a word of a CPU's statistics. */
static uint64_t stat_of(const char *stats, const char *word)
{
	const char *at = strstr(stats, word);

	return at ? strtoull(at + strlen(word), NULL, 10) : 0;
}

uint64_t tracing_lost(const struct tracing *t, uint64_t by_cpu[TRACING_CPUS])
{
	char *pattern = tracefs_instance_get_file(t->instance, "per_cpu/cpu*/stats");
	glob_t files = {0};
	uint64_t lost = 0;

	if (!pattern || glob(pattern, 0, NULL, &files) != 0)
		files.gl_pathc = 0;
	for (size_t i = 0; i < files.gl_pathc; i++) {
		char *file = strstr(files.gl_pathv[i], "per_cpu/");
		char *stats = tracefs_instance_file_read(t->instance, file, NULL);
		const unsigned long cpu = strtoul(file + strlen("per_cpu/cpu"), NULL, 10);
		uint64_t its;

		if (!stats)
			continue; /* the CPU has just gone */
		its = stat_of(stats, "\noverrun: ") + stat_of(stats, "commit overrun: ") +
		      stat_of(stats, "dropped events: ");
		if (cpu < TRACING_CPUS)
			by_cpu[cpu] = its;
		lost += its;
		free(stats);
	}
	globfree(&files);
	tracefs_put_tracing_file(pattern);
	return lost;
}

/*
 * A process that has one of its files open keeps it. Often only for a moment: it has a look, or a
 * command was begun a moment ago and has not closed trace_pipe yet. A process that was made by
 * posix_spawn() does so after its parent has gone on.
 */
static int remove_instance(struct tracing *t)
{
	const struct timespec pause = {.tv_nsec = PAUSE_NS};
	int tries = 0, status;

	while ((status = tracefs_instance_destroy(t->instance)) < 0 && errno == EBUSY &&
	       ++tries < TRIES)
		nanosleep(&pause, NULL);
	return status;
}

void tracing_close(struct tracing *t)
{
	if (t->pipe >= 0)
		close(t->pipe);
	if (t->instance) {
		tracefs_trace_off(t->instance);
		if (remove_instance(t) < 0)
			say_error("the trace instance %s stays behind: %s",
				  tracefs_instance_get_name(t->instance), strerror(errno));
		tracefs_instance_free(t->instance);
	}
	*t = (struct tracing){.pipe = -1};
}
