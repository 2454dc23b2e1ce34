/* SPDX-License-Identifier: MIT */
/*
 * compare_replay.c - runs one replay, in a program of its engine. The program for times links the
 * library as other programs do, without the lab's counters.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "compare.h"
#include "tool/common/args.h"
#include "tool/common/program.h"
#include "tool/common/say.h"

extern char **environ;

enum { ARGUMENTS = COMPARE_PASSED_ON + 12 };

static char *mark(const char *name, uint32_t value)
{
	char *text;

	return asprintf(&text, "--%s=%u", name, value) < 0 ? NULL : text;
}

/* Of an option that is there twice the last one counts. */
static void make_arguments(char *argv[ARGUMENTS], const struct compare_options *options,
			   const struct contender *contender, const char *path_option,
			   const char *trace, enum replay_kind kind)
{
	static const char *const how[] = {[REPLAY_TIMES] = "--timing",
					  [REPLAY_SAMPLES] = "--samples",
					  [REPLAY_INSTRUCTIONS] = "--instructions"};
	unsigned n = 0;

	argv[n++] = strdup("replay");
	argv[n++] = strdup("--json");
	argv[n++] = strdup("--quiet");
	argv[n++] = strdup(how[kind]);
	argv[n++] = strdup(path_option);
	if (options->parallel)
		argv[n++] = strdup("--parallel");
	for (unsigned i = 0; i < options->nr_passed_on; i++)
		if (contender_takes(contender, &options->passed_on[i]))
			argv[n++] = strdup(options->passed_on[i].text);
	if (contender->high)
		argv[n++] = mark("high", contender->high);
	if (contender->batch)
		argv[n++] = mark("batch", contender->batch);
	argv[n++] = strdup("--");
	argv[n++] = strdup(trace);
	argv[n] = NULL;
	for (unsigned i = 0; i < n; i++)
		if (!argv[i])
			die("out of memory");
}

/* Starts the program with its output in a pipe, and returns the pipe's other end. */
static FILE *start(const char *program, char *argv[], pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	int ends[2], failed;

	if (pipe2(ends, O_CLOEXEC) != 0)
		die("cannot make a pipe: %s", strerror(errno));
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
	failed = posix_spawn(pid, program, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	if (failed)
		die("%s: cannot run: %s", program, strerror(failed));
	return fdopen(ends[0], "r");
}

static int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) != pid)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static json_t *read_report(FILE *in)
{
	json_t *report = in ? json_loadf(in, 0, NULL) : NULL;

	if (in)
		fclose(in);
	return report;
}

json_t *compare_replay(const struct compare_options *options, const struct contender *contender,
		       const char *trace, enum replay_kind kind)
{
	const char *command = kind == REPLAY_TIMES && !contender->peer ? "timing" : "replay";
	char program[PROGRAM_MAX], *path_option;
	char *argv[ARGUMENTS];
	json_t *report;
	pid_t pid;
	int status;

	if (contender->build)
		build_program(program, contender->build, command, contender->engine->name);
	else if (!program_find(program, command,
			       contender->peer ? "peer" : contender->engine->name))
		die("%s is missing", program);
	path_option = contender->peer
			      ? args_again(ARGS_PEER, contender->peer)
			      : args_again(ARGS_FREE, contender->engine->paths[contender->path]);
	make_arguments(argv, options, contender, path_option, trace, kind);
	report = read_report(start(program, argv, &pid));
	status = wait_for(pid);
	for (unsigned i = 0; argv[i]; i++)
		free(argv[i]);
	free(path_option);
	if (status == EXIT_USAGE && contender->build)
		die("%s: that was the program of this build: %s", contender->name, program);
	if (status == EXIT_USAGE)
		exit(EXIT_USAGE); /* it has said why */
	if (!report)
		die("%s: the replay on %s ended without a report (status %d)", trace,
		    contender->name, status);
	return report;
}
