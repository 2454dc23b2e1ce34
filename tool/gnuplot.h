/* SPDX-License-Identifier: MIT */
/*
 * gnuplot.h - an SVG, drawn by gnuplot.
 */
#ifndef TOOL_GNUPLOT_H
#define TOOL_GNUPLOT_H

#include "filter.h"

/* Before the work, so that nothing is done in vain. option: the one that named the path, without
 * dashes. A descriptor, or -1: error says why. */
int gnuplot_open(const char *option, const char *path, char error[]);

/* Closes the descriptor. */
bool gnuplot_draw(int fd, const char *path, filter_write_fn *write, const void *context,
		  char error[]);

#endif
