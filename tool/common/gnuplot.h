/* SPDX-License-Identifier: MIT */
/*
 * gnuplot.h - the picture of --output, drawn by gnuplot: SVG or PNG, by the end of its name.
 */
#ifndef TOOL_GNUPLOT_H
#define TOOL_GNUPLOT_H

#include "filter.h"

/* Called before the work, so that none is done in vain. False: error says why. */
bool gnuplot_check(const char *path, char error[]);
/* For a file of another option, in which pictures are. */
bool gnuplot_check_for(const char *option, const char *path, char error[]);

/* write() writes a script, which begins with gnuplot_begin(). */
bool gnuplot_draw(const char *path, filter_write_fn *write, const void *context, char error[]);

/* An SVG of that size as an element of HTML, which the caller frees; write() writes the script, all
 * but the kind of the picture. Its ids begin with this prefix. NULL: error says why. */
char *gnuplot_element(unsigned width, unsigned height, const char *prefix, filter_write_fn *write,
		      const void *context, char error[]);

/* The kind of the picture, and its size. A text shows as it is: _ and ^ mean nothing. */
void gnuplot_begin(FILE *script, const char *path, unsigned width, unsigned height);

/* A text as a string of the script. */
void gnuplot_text(FILE *script, const char *text);

#endif
