/* SPDX-License-Identifier: MIT */
/*
 * args.c - what the command lines of all commands have in common.
 *
 * argp's own messages take two lines and a status of their own. So it is told to keep quiet, and
 * what it stumbled over is said here, in one line that says what to do.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "say.h"

bool args_parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoull(text, &end, 10);
	return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && *value >= min &&
	       *value <= max;
}

uint64_t args_number(const char *option, const char *text, uint64_t min, uint64_t max)
{
	uint64_t value;

	if (!args_parse_number(text, min, max, &value))
		die("--%s=%s: give a whole number from %" PRIu64 " to %" PRIu64, option, text, min,
		    max);
	return value;
}

void args_help(const struct argp_state *state)
{
	argp_help(state->root_argp, stdout,
		  ARGP_HELP_USAGE | ARGP_HELP_PRE_DOC | ARGP_HELP_LONG | ARGP_HELP_POST_DOC,
		  state->name);
	exit(EXIT_OK);
}

void args_complain(const struct argp_state *state)
{
	const char *word = state->argv[state->next > 0 ? state->next - 1 : 0], *name = state->name;
	size_t length;
	unsigned fits = 0;

	if (word[0] != '-' && state->next < state->argc)
		word = state->argv[state->next]; /* "-xy" is done with only after y */
	length = strcspn(word, "=");
	for (const struct argp_option *o = state->root_argp->options; o->name || o->doc; o++) {
		if (!o->name || length <= 2 || strncmp(word + 2, o->name, length - 2) != 0)
			continue;
		fits++;
		if (strlen(o->name) != length - 2)
			continue;
		if (o->arg)
			die("%s: a value is missing: --%s=%s; see `%s --help`", word, o->name,
			    o->arg, name);
		die("%s: --%s takes no value; see `%s --help`", word, o->name, name);
	}
	if (fits > 1)
		die("%s: which option is meant? Write it out; see `%s --help`", word, name);
	die("%s: unknown option; see `%s --help`", word, name);
}

void args_parse(const struct argp *argp, const char *name, int argc, char **argv, void *input)
{
	char *command = argv[0], text[32];

	snprintf(text, sizeof(text), "%s", name);
	argv[0] = text; /* what argp calls the program */
	argp_parse(argp, argc, argv, ARGP_NO_ERRS | ARGP_NO_HELP, NULL, input);
	argv[0] = command;
}

void args_check_storm(bool storm, bool parallel)
{
	if (storm && !parallel)
		die("--irq-storm: interrupts need threads to interrupt; add --parallel");
}
