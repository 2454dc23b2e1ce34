/* SPDX-License-Identifier: MIT */
/*
 * gnuplot.h - an SVG, drawn by gnuplot.
 */
#ifndef TOOL_GNUPLOT_H
#define TOOL_GNUPLOT_H

#include "filter.h"

/* Before the work, so that nothing is done in vain. option: the one that named the path, without
 * dashes. False: error says why. */
bool gnuplot_check(const char *option, const char *path, char error[]);

bool gnuplot_draw(const char *option, const char *path, filter_write_fn *write, const void *context,
		  char error[]);

#endif
