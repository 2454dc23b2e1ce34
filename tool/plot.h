/* SPDX-License-Identifier: MIT */
/*
 * plot.h - the series of a replay as a picture.
 */
#ifndef TOOL_PLOT_H
#define TOOL_PLOT_H

#include <stdbool.h>

#include "replay.h"

/* After gnuplot_check(). */
bool plot_draw(const struct replay *replay, char error[]);

#endif
