/* SPDX-License-Identifier: MIT */
/*
 * filter.h - runs another program that turns text into a file: gnuplot for a script, rsvg-convert
 * for a picture.
 */
#ifndef TOOL_FILTER_H
#define TOOL_FILTER_H

#include <stdbool.h>
#include <stdio.h>

typedef void filter_write_fn(FILE *out, const void *context);

/* Called before the work, so that none is done in vain: can the file be made? False: error says
 * why. program and package: what is needed, and the package that has it. option: the option that
 * named the path, without dashes. */
bool filter_check(const char *program, const char *package, const char *option, const char *path,
		  char error[]);

/* Runs argv[0], whose input is what write() writes. Its output becomes the file, if all goes
 * well. */
bool filter_run(const char *option, const char *path, char *const argv[], filter_write_fn *write,
		const void *context, char error[]);

/* The same, but its output, which has no zero bytes, is returned; the caller frees it. NULL: error
 * says why. */
char *filter_text(char *const argv[], filter_write_fn *write, const void *context, char error[]);

#endif
