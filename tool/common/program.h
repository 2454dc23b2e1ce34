/* SPDX-License-Identifier: MIT */
/*
 * program.h - the programs that lie beside the tool, or in ROOST_LIBEXEC when it is installed. All
 * engines have the same symbols, so what has an engine inside is a program of its own for each:
 * roost-COMMAND-ENGINE. The benchmark, which has them all beside it, is roost-bench.
 */
#ifndef TOOL_PROGRAM_H
#define TOOL_PROGRAM_H

#include <stdbool.h>

enum { PROGRAM_MAX = 4096 + 256 };

/* Writes where the program is; false if it is not there. engine NULL: it is of none. */
bool program_find(char path[PROGRAM_MAX], const char *command, const char *engine);

#endif
