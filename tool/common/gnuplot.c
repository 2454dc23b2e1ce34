/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "gnuplot.h"
#include "say.h"

bool gnuplot_check_for(const char *option, const char *path, char error[])
{
	return filter_check("gnuplot", "gnuplot-nox", option, path, error);
}

bool gnuplot_check(const char *path, char error[])
{
	return gnuplot_check_for(args_name(ARGS_OUTPUT), path, error);
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

/* ---- In a page --------------------------------------------------------------------------- */

struct element {
	unsigned width, height;
	filter_write_fn *write;
	const void *context;
};

static void write_element(FILE *script, const void *context)
{
	const struct element *e = context;

	fprintf(script, "set terminal svg noenhanced size %u,%u dynamic font 'sans-serif,14'\n",
		e->width, e->height);
	e->write(script, e->context);
}

/* An id is unique in a page, and gnuplot's are the same in each picture. */
static void write_with_prefix(FILE *out, const char *svg, const char *prefix)
{
	static const char *const before[] = {" id='", " id=\"", "href='#", "url(#"};

	while (*svg) {
		size_t length = 1;

		for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++)
			if (!strncmp(svg, before[i], strlen(before[i])))
				length = strlen(before[i]);
		fwrite(svg, 1, length, out);
		if (length > 1)
			fputs(prefix, out);
		svg += length;
	}
}

char *gnuplot_element(unsigned width, unsigned height, const char *prefix, filter_write_fn *write,
		      const void *context, char error[])
{
	static char name[] = "gnuplot";
	char *const argv[] = {name, NULL};
	const struct element element = {width, height, write, context};
	char *svg = filter_text(argv, write_element, &element, error), *page = NULL, *start;
	size_t size;
	FILE *out;

	if (!svg)
		return NULL;
	start = strstr(svg, "<svg"); /* after the declaration of XML */
	out = open_memstream(&page, &size);
	if (!out || !start)
		die("gnuplot: its picture is no SVG, or memory is out");
	write_with_prefix(out, start, prefix);
	if (fclose(out) != 0)
		die("out of memory");
	free(svg);
	return page;
}
