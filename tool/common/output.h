/* SPDX-License-Identifier: MIT */
/*
 * output.h - a file that is written whole or not at all: it is made under another name beside the
 * one that is wanted, and gets its name when all is in it. Until then what was there before stays.
 * A device, a pipe or a descriptor (/dev/stdout) is written as it is. What somebody else planted in
 * a folder that all may write is refused: a link could lead to any file, and the maker of a
 * pipe could read what is written.
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
/* The same, for its owner alone. */
bool output_begin_private(struct output *output, const char *option, const char *path,
			  char error[]);
bool output_end(struct output *output, bool good, char error[]);

/* It is written as it is: opening it, as well as writing, may wait for a reader. */
bool output_may_wait(const char *path);

#endif
