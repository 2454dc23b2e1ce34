/* SPDX-License-Identifier: MIT */
/*
 * args.h - what the command lines of all commands have in common. Each ends the program with one
 * line when something makes no sense.
 */
#ifndef TOOL_ARGS_H
#define TOOL_ARGS_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>

bool args_parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *value);

/* The value of --option=text. */
uint64_t args_number(const char *option, const char *text, uint64_t min, uint64_t max);

/* Parses the options of the command that is called so, as in "roost replay"; its parser calls
 * args_complain() on ARGP_KEY_ERROR and args_help() on --help. */
void args_parse(const struct argp *argp, const char *name, int argc, char **argv, void *input);

/* Says what is wrong with the word that argp stumbled over, the one before the next. */
_Noreturn void args_complain(const struct argp_state *state);
_Noreturn void args_help(const struct argp_state *state);

/* An interrupt storm is for threads alone. */
void args_check_storm(bool storm, bool parallel);

#endif
