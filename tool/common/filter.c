/* SPDX-License-Identifier: MIT */
/*
 * filter.c - see filter.h. The program reads from a pipe, and writes to a file that is opened here.
 * So no path needs quoting.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "filter.h"
#include "output.h"
#include "say.h"

extern char **environ;

static bool in_path(const char *program)
{
	const char *path = getenv("PATH");
	char file[4096];

	while (path && *path) {
		size_t length = strcspn(path, ":");

		snprintf(file, sizeof(file), "%.*s/%s", (int)length, path, program);
		if (access(file, X_OK) == 0)
			return true;
		path += length + (path[length] == ':');
	}
	return false;
}

bool filter_check(const char *program, const char *package, const char *option, const char *path,
		  char error[])
{
	if (in_path(program))
		return output_check(option, path, error);
	snprintf(error, ERROR_MAX,
		 "--%s: %s is not installed; install the package %s, or leave --%s out", option,
		 program, package, option);
	return false;
}

/* Starts the program with its input from a pipe and its output in fd. Returns the pipe's other end,
 * or -1.
 */
static int start(int fd, char *const argv[], pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	int ends[2], failed;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return -1;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[0], STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, fd, STDOUT_FILENO);
	failed = posix_spawnp(pid, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(ends[0]);
	if (!failed)
		return ends[1];
	close(ends[1]);
	errno = failed;
	return -1;
}

static bool feed(int end, filter_write_fn *write, const void *context)
{
	FILE *out = fdopen(end, "w");
	bool good;

	if (!out)
		return false;
	write(out, context);
	good = !ferror(out);
	return fclose(out) == 0 && good;
}

/* Between output_begin() and output_end(). */
static bool run(int fd, const char *path, char *const argv[], filter_write_fn *write,
		const void *context, char error[])
{
	int end, status = 0;
	pid_t pid;
	bool good;

	end = start(fd, argv, &pid);
	if (end < 0) {
		snprintf(error, ERROR_MAX, "%.300s: cannot start %s: %s", path, argv[0],
			 strerror(errno));
		return false;
	}
	good = feed(end, write, context);
	good &= waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
	if (!good)
		snprintf(error, ERROR_MAX, "%.300s: %s failed (status %d)", path, argv[0], status);
	return good;
}

bool filter_run(const char *option, const char *path, char *const argv[], filter_write_fn *write,
		const void *context, char error[])
{
	struct output output;

	signal(SIGPIPE, SIG_IGN); /* if the program dies, write() fails */
	return output_begin(&output, option, path, error) &&
	       output_end(&output, run(output.fd, path, argv, write, context, error), error);
}

/* All that is in it; NULL: it cannot be read. */
static char *text_of(int fd)
{
	const off_t length = lseek(fd, 0, SEEK_END);
	char *text = length < 0 ? NULL : grow(NULL, (size_t)length + 1, 1);

	if (text && pread(fd, text, (size_t)length, 0) == (ssize_t)length) {
		text[length] = '\0';
		return text;
	}
	free(text);
	return NULL;
}

char *filter_text(char *const argv[], filter_write_fn *write, const void *context, char error[])
{
	const int fd = memfd_create(argv[0], MFD_CLOEXEC);
	char *text = NULL;

	signal(SIGPIPE, SIG_IGN); /* as above */
	if (fd < 0) {
		snprintf(error, ERROR_MAX, "cannot keep what %s draws: %s", argv[0],
			 strerror(errno));
		return NULL;
	}
	if (run(fd, argv[0], argv, write, context, error)) {
		text = text_of(fd);
		if (!text)
			snprintf(error, ERROR_MAX, "cannot read what %s drew: %s", argv[0],
				 strerror(errno));
	}
	close(fd);
	return text;
}
