/* SPDX-License-Identifier: MIT */
/*
 * plot.h - the series of a replay as an SVG, drawn by gnuplot.
 */
#ifndef TOOL_PLOT_H
#define TOOL_PLOT_H

#include <stdbool.h>

#include "replay.h"

/* Before the replay, so that nothing is done in vain. A descriptor, or -1: error says why. */
int plot_open(const char *path, char error[]);

/* Closes the descriptor. */
bool plot_draw(const struct replay *replay, const char *path, int fd, char error[]);

#endif
