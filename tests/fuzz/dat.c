/* SPDX-License-Identifier: MIT */
/*
 * dat.c - an input is a trace.dat, read in a process of its own: libtracecmd may crash, which ends
 * the tool with a line of text; our own code may not, and nothing may go on forever.
 *
 * So libFuzzer sees nothing of what an input covers, and changes the corpus blindly. AFL++ sees it.
 */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tool.h"

enum { PATIENCE_S = 60, TEXT = 1 << 16, NO_FIND = 0 };

static void read_it(void *context)
{
	char error[ERROR_MAX];

	tool_read_trace(context, error);
}

static void in_child(const char *path, int log)
{
	alarm(PATIENCE_S);
	if (dup2(log, STDERR_FILENO) < 0)
		abort();
	if (!fuzz_try(read_it, (void *)(uintptr_t)path))
		fuzz_check_line("what the tool dies of", fuzz_error);
	_exit(NO_FIND);
}

/* What a sanitizer found is ours if our sources come before those of libtracecmd and
 * libtraceevent; and if it was left to it to say of a signal that it means a crash. */
static bool is_ours(const char *text)
{
	const char *theirs = strstr(text, "libtrace"), *ours = strstr(text, "/tool/");

	if (strstr(text, "AddressSanitizer: SEGV") || strstr(text, "runtime error: "))
		return true;
	return ours && (!theirs || ours < theirs);
}

/* A sanitizer or libFuzzer, which looks after memory, ended the process. */
static bool is_report(const char *text)
{
	return strstr(text, "ERROR: AddressSanitizer") || strstr(text, "runtime error: ") ||
	       strstr(text, "libFuzzer: out-of-memory");
}

static void check_end(int status, int log)
{
	static char text[TEXT];
	ssize_t n = pread(log, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = 0;
	if (is_report(text) && !is_ours(text))
		return;
	if (WIFSIGNALED(status) ||
	    (WEXITSTATUS(status) != NO_FIND && WEXITSTATUS(status) != EXIT_USAGE) ||
	    (is_report(text) && is_ours(text)))
		fuzz_fail("reading a trace.dat ends with status %#x: %.900s", (unsigned)status,
			  text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *path = fuzz_file(data, size);
	int log = memfd_create("log", MFD_CLOEXEC), status;
	pid_t child = fork();

	if (log < 0 || child < 0)
		abort();
	if (!child)
		in_child(path, log);
	while (waitpid(child, &status, 0) != child)
		;
	check_end(status, log);
	close(log);
	return 0;
}
