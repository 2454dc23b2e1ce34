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

/* Before the work, so that nothing is done in vain. False: error says why. program and package:
 * what is needed, and where from. option: the one that named the path, without dashes. */
bool filter_check(const char *program, const char *package, const char *option, const char *path,
		  char error[]);

/* Runs argv[0] with what write says as its input; its output becomes the file, if all went well. */
bool filter_run(const char *option, const char *path, char *const argv[], filter_write_fn *write,
		const void *context, char error[]);

#endif
