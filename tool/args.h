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

/* For ARGP_KEY_ERROR: what is wrong with the word that argp stumbled over, the one before the next.
 * see_help: "see `roost COMMAND --help`". */
_Noreturn void args_complain(const struct argp_state *state, const struct argp_option *options,
			     const char *see_help);

/* For --help. */
_Noreturn void args_help(const struct argp_state *state);

#endif
