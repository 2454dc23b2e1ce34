/* SPDX-License-Identifier: MIT */
#include "args.h"
#include "gnuplot.h"

bool gnuplot_check(const char *path, char error[])
{
	return filter_check("gnuplot", "gnuplot-nox", args_name(ARGS_OUTPUT), path, error);
}

bool gnuplot_draw(const char *path, filter_write_fn *write, const void *context, char error[])
{
	static char name[] = "gnuplot";
	char *const argv[] = {name, NULL};

	return filter_run(args_name(ARGS_OUTPUT), path, argv, write, context, error);
}

void gnuplot_begin(FILE *script, const char *path, unsigned width, unsigned height)
{
	fprintf(script, "set terminal %s noenhanced size %u,%u%s background rgb 'white'\n",
		args_is_png(path) ? "pngcairo" : "svg", width, height,
		args_is_png(path) ? "" : " dynamic");
}

void gnuplot_text(FILE *script, const char *text)
{
	putc('\'', script);
	for (; *text; text++)
		fputs(*text == '\'' ? "''" : (char[]){*text, 0}, script);
	putc('\'', script);
}
