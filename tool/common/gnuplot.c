/* SPDX-License-Identifier: MIT */
#include "gnuplot.h"

bool gnuplot_check(const char *option, const char *path, char error[])
{
	return filter_check("gnuplot", "gnuplot-nox", option, path, error);
}

bool gnuplot_draw(const char *option, const char *path, filter_write_fn *write, const void *context,
		  char error[])
{
	static char name[] = "gnuplot";
	char *const argv[] = {name, NULL};

	return filter_run(option, path, argv, write, context, error);
}
