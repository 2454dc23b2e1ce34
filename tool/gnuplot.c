/* SPDX-License-Identifier: MIT */
#include "gnuplot.h"

int gnuplot_open(const char *option, const char *path, char error[])
{
	return filter_open("gnuplot", "gnuplot-nox", option, path, error);
}

bool gnuplot_draw(int fd, const char *path, filter_write_fn *write, const void *context,
		  char error[])
{
	static char name[] = "gnuplot";
	char *const argv[] = {name, NULL};

	return filter_run(fd, path, argv, write, context, error);
}
