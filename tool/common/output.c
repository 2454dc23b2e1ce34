/* SPDX-License-Identifier: MIT */
/* output.c - see output.h. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "output.h"
#include "say.h"

enum { DEPTH_MAX = 40 }; /* links, the kernel's limit */

static bool fail(const char *option, const char *path, char error[])
{
	snprintf(error, ERROR_MAX, "--%s=%.300s: cannot write: %s", option, path, strerror(errno));
	return false;
}

/* The descriptor that a path names, or -1. The path need not exist as a file. */
static int descriptor_of(const char *path)
{
	static const char *const folders[] = {"/dev/fd/", "/proc/self/fd/"};

	if (!strcmp(path, "/dev/stdout"))
		return STDOUT_FILENO;
	if (!strcmp(path, "/dev/stderr"))
		return STDERR_FILENO;
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		const char *number = path + strlen(folders[i]);
		size_t digits;

		if (strncmp(path, folders[i], strlen(folders[i])) != 0)
			continue;
		digits = strspn(number, "0123456789");
		if (digits && digits < 8 && !number[digits])
			return atoi(number);
	}
	return -1;
}

/* Does a new file replace what is there, or is nothing there? Otherwise it is written directly. */
static bool is_replaced(const char *path)
{
	struct stat st;

	if (descriptor_of(path) >= 0)
		return false;
	return stat(path, &st) != 0 || S_ISREG(st.st_mode);
}

/* Did another user put it into a folder in which all users may make files? */
static bool is_planted(const struct stat *what, const char *folder)
{
	struct stat st;

	return stat(folder, &st) == 0 && (st.st_mode & S_ISVTX) && (st.st_mode & S_IWOTH) &&
	       what->st_uid != geteuid() && what->st_uid != st.st_uid;
}

/* Is a symbolic link on the way planted? The kernel checks this too, but only with
 * protected_symlinks, and not where links are only read, as by realpath(). */
static bool has_planted_link(const char *path, unsigned depth)
{
	char *way = strdup(path), target[PATH_MAX], *followed;
	bool planted = false;
	struct stat st;

	if (!way)
		die("out of memory");
	for (char *name = way, *end; *(name += strspn(name, "/")); name = end) {
		char after = *(end = name + strcspn(name, "/")), first = *name;
		ssize_t length;

		*end = '\0';
		length = lstat(way, &st) == 0 && S_ISLNK(st.st_mode)
				 ? readlink(way, target, sizeof(target) - 1)
				 : 0;
		*end = after;
		if (length <= 0 || depth > DEPTH_MAX)
			continue;
		*name = '\0'; /* its folder */
		target[length] = '\0';
		if (asprintf(&followed, "%s%s%s", *target == '/' ? "" : way, target, end) < 0)
			die("out of memory");
		planted =
			is_planted(&st, *way ? way : ".") || has_planted_link(followed, depth + 1);
		*name = first;
		free(followed);
		break;
	}
	free(way);
	return planted;
}

/* A planted FIFO is not trusted either: its maker would read what is written. */
static bool is_trusted(const char *path)
{
	struct stat st;
	char *folder, *slash;
	bool trusted;

	if (has_planted_link(path, 0))
		return false;
	if (lstat(path, &st) != 0 || S_ISREG(st.st_mode))
		return true;
	folder = strdup(path);
	if (!folder)
		die("out of memory");
	slash = strrchr(folder, '/');
	if (slash)
		slash[1] = '\0';
	trusted = !is_planted(&st, slash ? folder : ".");
	free(folder);
	return trusted;
}

/* The mode of the file that is replaced, but no more than `most`, and no setuid. If the owner
 * changes, only the owner may write. */
static mode_t mode_for(const char *path, mode_t most)
{
	struct stat st;
	mode_t mask;

	if (stat(path, &st) == 0)
		return st.st_mode & most & (st.st_uid == geteuid() ? 0777 : 0755);
	mask = umask(0);
	umask(mask);
	return 0666 & ~mask & most;
}

/* Makes a file in the same directory. Its name is short enough for any file system. */
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

/* Follows symbolic links. If nothing is there, the result is the path itself. */
static bool resolve(struct output *o, const char *path)
{
	o->path = realpath(path, NULL);
	if (o->path || errno != ENOENT)
		return o->path;
	o->path = strdup(path);
	if (!o->path)
		die("out of memory");
	return true;
}

static int make_file(struct output *o, const char *path, mode_t most)
{
	int fd = descriptor_of(path);

	if (fd >= 0)
		return fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (!is_replaced(path))
		return open(path, O_WRONLY | O_CLOEXEC);
	if (access(path, W_OK) != 0 && errno != ENOENT)
		return -1;
	fd = make_temporary(o);
	if (fd >= 0)
		(void)fchmod(fd, mode_for(o->path, most));
	return fd;
}

static bool begin(struct output *o, const char *option, const char *path, mode_t most, char error[])
{
	*o = (struct output){.option = option, .fd = -1};
	if (descriptor_of(path) < 0 && !is_trusted(path)) {
		snprintf(error, ERROR_MAX,
			 "--%s=%.300s: somebody else made this link or pipe, in a folder that all "
			 "may write; give another name",
			 option, path);
		return false;
	}
	if (resolve(o, path) && (o->fd = make_file(o, path, most)) >= 0)
		return true;
	fail(option, path, error);
	forget(o);
	return false;
}

bool output_begin(struct output *o, const char *option, const char *path, char error[])
{
	return begin(o, option, path, 0777, error);
}

bool output_begin_private(struct output *o, const char *option, const char *path, char error[])
{
	return begin(o, option, path, 0600, error);
}

bool output_may_wait(const char *path)
{
	return !is_replaced(path);
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
	if (descriptor_of(path) >= 0) {
		int flags = fcntl(descriptor_of(path), F_GETFL);

		errno = flags < 0 ? errno : EBADF;
		return (flags >= 0 && (flags & O_ACCMODE) != O_RDONLY) || fail(option, path, error);
	}
	if (!is_replaced(path) && is_trusted(path)) /* opening it might wait for its reader */
		return access(path, W_OK) == 0 || fail(option, path, error);
	if (!output_begin(&o, option, path, error))
		return false;
	output_end(&o, false, ignored);
	return true;
}
