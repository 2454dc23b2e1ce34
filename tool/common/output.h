/* SPDX-License-Identifier: MIT */
/*
 * output.h - a file that is written whole or not at all: it is made under another name beside the
 * one that is wanted, and gets its name when all is in it. Until then what was there before stays.
 * A device or a pipe is written as it is.
 */
#ifndef TOOL_OUTPUT_H
#define TOOL_OUTPUT_H

#include <stdbool.h>

struct output {
	const char *option;
	int fd;
	char *path, *temporary; /* NULL: written as it is */
};

/* Before the work, so that nothing is done in vain: can it be written? Leaves no trace. False:
 * error (say.h) says why. option: the one that named the path, without dashes. */
bool output_check(const char *option, const char *path, char error[]);

/* Then one of the two ends it; output_end() closes fd in any case. */
bool output_begin(struct output *output, const char *option, const char *path, char error[]);
bool output_end(struct output *output, bool good, char error[]);

#endif
