/* SPDX-License-Identifier: MIT */
/*
 * program.h - finds the programs beside the tool, or, if it is installed, in ROOST_LIBEXEC. All
 * engines have the same symbols, so a program that contains an engine exists once for each engine:
 * roost-COMMAND-ENGINE. The benchmark loads all engines from shared objects, and is roost-bench.
 */
#ifndef TOOL_PROGRAM_H
#define TOOL_PROGRAM_H

#include <stdbool.h>

enum { PROGRAM_MAX = 4096 + 256 };

/* Writes the path of the program; false if it is not there. engine NULL: the program contains
 * none. */
bool program_find(char path[PROGRAM_MAX], const char *command, const char *engine);

/* Writes the path of roost-KIND-NAME.so, beside the program that runs. */
void program_shared(char path[PROGRAM_MAX], const char *kind, const char *name);

#endif
