/* SPDX-License-Identifier: MIT */
/*
 * plot.h - the series of a replay as an SVG.
 */
#ifndef TOOL_PLOT_H
#define TOOL_PLOT_H

#include <stdbool.h>

#include "replay.h"

/* After gnuplot_check(). */
bool plot_draw(const struct replay *replay, const char *path, char error[]);

#endif
