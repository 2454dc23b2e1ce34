/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guard.h"
#include "tool/common/say.h"

enum { STACK = 1 << 16 };

static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

enum { SIGNALS = sizeof(signals) / sizeof(signals[0]) };

static struct {
	char text[ERROR_MAX + 128];
	struct sigaction before[SIGNALS];
	stack_t stack_before;
} guard;

/* The message was formatted before: only write() and _exit() are safe here. */
static void on_crash(int signal)
{
	(void)signal;
	(void)!write(STDERR_FILENO, guard.text, strlen(guard.text));
	_exit(EXIT_USAGE);
}

/* The handler has a stack of its own: the input decides how deep a library recurses. */
static void change_stack(void)
{
	static char stack[STACK];
	const stack_t other = {.ss_sp = stack, .ss_size = sizeof(stack)};

	if (sigaltstack(&other, &guard.stack_before) != 0)
		die("no stack for signals");
}

void guard_begin(const char *what, const char *name)
{
	struct sigaction action = {.sa_handler = on_crash, .sa_flags = SA_ONSTACK};

	snprintf(guard.text, sizeof(guard.text),
		 "roost: %.400s: %s crashed while reading it; is the file damaged?\n", name, what);
	change_stack();
	for (unsigned i = 0; i < SIGNALS; i++)
		sigaction(signals[i], &action, &guard.before[i]);
}

void guard_end(void)
{
	for (unsigned i = 0; i < SIGNALS; i++)
		sigaction(signals[i], &guard.before[i], NULL);
	sigaltstack(&guard.stack_before, NULL);
}
