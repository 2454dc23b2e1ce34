/* SPDX-License-Identifier: MIT */
/* tool.h - what drivers of the tool's readers share. die() of the tool goes back to fuzz_try(). */
#ifndef TESTS_FUZZ_TOOL_H
#define TESTS_FUZZ_TOOL_H

#include <stddef.h>
#include <stdint.h>

#include "tool/common/say.h"
#include "trace.h"

/* Reads a file. Everything in it was counted, each event makes sense, and it can be planned, with
 * nothing lost on the way. Or it cannot be read, and error is a line that says why. */
void tool_read_trace(const char *path, char error[ERROR_MAX]);

/* Has a reader read the input as a file, whose path is its context. If the tool dies of it, a line
 * says why. */
void tool_read_input(const uint8_t *data, size_t size, void (*read)(void *path));

#endif
