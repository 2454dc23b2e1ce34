/* SPDX-License-Identifier: MIT */
/*
 * filter.h - a file that another program makes of a text which is written here: gnuplot of a
 * script, rsvg-convert of a picture.
 */
#ifndef TOOL_FILTER_H
#define TOOL_FILTER_H

#include <stdbool.h>
#include <stdio.h>

typedef void filter_write_fn(FILE *out, const void *context);

/* Before the work, so that nothing is done in vain: the file, or -1 and error says why. program and
 * package: what is needed, and where from. option: the one that named the path, without dashes. */
int filter_open(const char *program, const char *package, const char *option, const char *path,
		char error[]);

/* Runs argv[0] with what write says as its input and the file as its output. Closes the file. */
bool filter_run(int fd, const char *path, char *const argv[], filter_write_fn *write,
		const void *context, char error[]);

#endif
