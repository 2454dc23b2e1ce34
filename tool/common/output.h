/* SPDX-License-Identifier: MIT */
/*
 * output.h - a file that is written whole or not at all. It is written under another name in the
 * same folder, and renamed when it is complete; until then the old file stays. A device, a pipe or
 * a descriptor (/dev/stdout) is written directly. A link or pipe that another user planted in a
 * folder that all may write is refused: the link could lead to any file, and the maker of the pipe
 * could read what is written.
 */
#ifndef TOOL_OUTPUT_H
#define TOOL_OUTPUT_H

#include <stdbool.h>

struct output {
	const char *option;
	int fd;
	char *path, *temporary; /* NULL: written directly */
};

/* Called before the work, so that none is done in vain: can the file be written? Leaves no trace.
 * False: error (say.h) says why. option: the option that named the path, without dashes. */
bool output_check(const char *option, const char *path, char error[]);

/* Begins the file. output_end() must follow, which closes fd in any case. */
bool output_begin(struct output *output, const char *option, const char *path, char error[]);
/* The same, for a file that only its owner may read and write. */
bool output_begin_private(struct output *output, const char *option, const char *path,
			  char error[]);
bool output_end(struct output *output, bool good, char error[]);

/* Is it written directly? Then opening it, as well as writing to it, may wait for a reader. */
bool output_may_wait(const char *path);

#endif
