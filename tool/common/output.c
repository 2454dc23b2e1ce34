/* SPDX-License-Identifier: MIT */
/* output.c - see output.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "output.h"
#include "say.h"

static bool fail(const char *option, const char *path, char error[])
{
	snprintf(error, ERROR_MAX, "--%s=%.300s: cannot write: %s", option, path, strerror(errno));
	return false;
}

/* What is to be replaced by a new file; else it is written as it is. */
static bool is_replaced(const char *path)
{
	struct stat st;

	if (!strncmp(path, "/dev/", 5) || !strncmp(path, "/proc/", 6))
		return false;
	return stat(path, &st) != 0 || S_ISREG(st.st_mode);
}

static mode_t mode_for(const char *path)
{
	struct stat st;
	mode_t mask;

	if (stat(path, &st) == 0)
		return st.st_mode & 07777;
	mask = umask(0);
	umask(mask);
	return 0666 & ~mask;
}

/* A file in the same directory, whose name is no longer than that of any file may be. */
static int make_temporary(struct output *o)
{
	const char *slash = strrchr(o->path, '/');
	int directory = slash ? (int)(slash + 1 - o->path) : 0;
	char *name;

	if (asprintf(&name, "%.*s.roost-XXXXXX", directory, o->path) < 0)
		die("out of memory");
	o->temporary = name;
	return mkostemp(name, O_CLOEXEC);
}

static void forget(struct output *o)
{
	free(o->temporary);
	free(o->path);
	*o = (struct output){.fd = -1};
}

bool output_begin(struct output *o, const char *option, const char *path, char error[])
{
	*o = (struct output){.option = option, .fd = -1};
	o->path = realpath(path, NULL); /* through symbolic links */
	if (!o->path && !(o->path = strdup(path)))
		die("out of memory");
	if (!is_replaced(path))
		o->fd = open(path, O_WRONLY | O_CLOEXEC);
	else if ((access(path, F_OK) != 0 || access(path, W_OK) == 0) &&
		 (o->fd = make_temporary(o)) >= 0)
		(void)fchmod(o->fd, mode_for(o->path));
	if (o->fd >= 0)
		return true;
	fail(option, path, error);
	forget(o);
	return false;
}

bool output_end(struct output *o, bool good, char error[])
{
	bool written = close(o->fd) == 0;

	if (good && written && o->temporary)
		written = rename(o->temporary, o->path) == 0;
	if (good && !written)
		fail(o->option, o->path, error);
	if (o->temporary && !(good && written))
		unlink(o->temporary);
	forget(o);
	return good && written;
}

bool output_check(const char *option, const char *path, char error[])
{
	char ignored[ERROR_MAX];
	struct output o;
	struct stat st;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
		snprintf(error, ERROR_MAX, "--%s=%.300s: is a directory", option, path);
		return false;
	}
	if (!is_replaced(path)) /* opening it might wait for its reader */
		return access(path, W_OK) == 0 || fail(option, path, error);
	if (!output_begin(&o, option, path, error))
		return false;
	output_end(&o, false, ignored);
	return true;
}
