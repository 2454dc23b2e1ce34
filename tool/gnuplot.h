/* SPDX-License-Identifier: MIT */
/*
 * gnuplot.h - an SVG, drawn by gnuplot.
 */
#ifndef TOOL_GNUPLOT_H
#define TOOL_GNUPLOT_H

#include <stdbool.h>
#include <stdio.h>

/* Writes the script, with the data. */
typedef void gnuplot_write_fn(FILE *out, const void *context);

/* Before the work, so that nothing is done in vain. option: the one that named the path, without
 * dashes. A descriptor, or -1: error says why. */
int gnuplot_open(const char *option, const char *path, char error[]);

/* Closes the descriptor. */
bool gnuplot_draw(int fd, const char *path, gnuplot_write_fn *write, const void *context,
		  char error[]);

#endif
