/* SPDX-License-Identifier: MIT */
/*
 * plot.c - a report as a picture: a panel for each figure of each workload. In it each case has a
 * place on the x axis, each peer a point with a bar from quartile to quartile. A case whose figures
 * are a series has a panel of its own, and each peer a line in it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "tool/common/gnuplot.h"

enum { WIDTH = 1280, PANEL_HEIGHT = 340, COLUMNS = 2, PANELS_MOST = 64 };

struct panel {
	const char *workload, *text; /* of two workloads of one name the second differs */
	const json_t *figure;	     /* as the first case has it */
	size_t index;		     /* of the figure */
	const json_t *series;	     /* the case, if its figures are one; then the first is above */
};

struct drawing {
	const json_t *report;
	const char *path;
	struct panel panels[PANELS_MOST];
	unsigned nr;
};

static const char *string(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* Words in a script of gnuplot's: a quote would end them. */
static void write_word(FILE *out, const char *text)
{
	for (; *text; text++)
		if (*text != '\'' && *text != '"' && *text != '\\' && *text != '\n')
			fputc(*text, out);
}

static bool is_of(const struct panel *panel, const json_t *what)
{
	return !strcmp(string(what, "workload"), panel->workload) &&
	       !strcmp(string(what, "text"), panel->text);
}

static void find_panels(struct drawing *d)
{
	const json_t *what, *figure;
	size_t i, f;

	json_array_foreach(json_object_get(d->report, "cases"), i, what)
	{
		if (json_object_get(what, "series")) {
			figure = json_array_get(json_object_get(what, "figures"), 0);
			if (d->nr < PANELS_MOST)
				d->panels[d->nr++] =
					(struct panel){string(what, "name"), string(what, "text"),
						       figure, 0, what};
			continue;
		}
		if (d->nr && is_of(&d->panels[d->nr - 1], what))
			continue;
		json_array_foreach(json_object_get(what, "figures"), f, figure)
		{
			if (d->nr == PANELS_MOST)
				return;
			d->panels[d->nr++] = (struct panel){string(what, "workload"),
							    string(what, "text"), figure, f, NULL};
		}
	}
}

/* The same of a series: when, median, quartiles. */
static unsigned write_series(FILE *out, const struct panel *panel, size_t peer)
{
	const json_t *p = json_array_get(json_object_get(panel->series, "peers"), peer), *figure;
	unsigned lines = 0;
	struct summary s;
	size_t i;

	json_array_foreach(json_object_get(panel->series, "figures"), i, figure)
	{
		if (!p || json_object_get(p, "not_measured") || !summary_make(&s, p, i))
			continue;
		lines++;
		if (out)
			fprintf(out, "%d %g %g %g\n", atoi(string(figure, "name")), s.median, s.q1,
				s.q3);
	}
	return lines;
}

/* Lines: place, median, quartiles. What has no figure has no line. How many; out may be NULL. */
static unsigned write_peer(FILE *out, const struct drawing *d, const struct panel *panel,
			   size_t peer, size_t nr_peers)
{
	unsigned lines = 0;
	const json_t *what;
	struct summary s;
	unsigned place = 0;
	size_t i;

	if (panel->series)
		return write_series(out, panel, peer);
	json_array_foreach(json_object_get(d->report, "cases"), i, what)
	{
		const json_t *p = json_array_get(json_object_get(what, "peers"), peer);

		if (!is_of(panel, what))
			continue;
		place++;
		if (!p || json_object_get(p, "not_measured") || !summary_make(&s, p, panel->index))
			continue;
		lines++;
		if (out)
			fprintf(out, "%g %g %g %g\n",
				place + 0.7 * ((double)peer / (double)nr_peers) - 1.3, s.median,
				s.q1, s.q3);
	}
	return lines;
}

static void write_data(FILE *out, const struct drawing *d, unsigned number)
{
	const json_t *peers = json_object_get(d->report, "peers");

	for (size_t peer = 0; peer < json_array_size(peers); peer++) {
		fprintf(out, "$p%u_%zu << END\n", number, peer);
		write_peer(out, d, &d->panels[number], peer, json_array_size(peers));
		fputs("END\n", out);
	}
}

static void write_places(FILE *out, const struct drawing *d, const struct panel *panel)
{
	const json_t *what;
	unsigned place = 0;
	size_t i;

	fputs("set xtics rotate by -50 font ',9' (", out);
	json_array_foreach(json_object_get(d->report, "cases"), i, what)
	{
		const char *name = string(what, "name");

		if (!is_of(panel, what))
			continue;
		fprintf(out, "%s'", place ? "," : "");
		write_word(out, strchr(name, '/') ? strchr(name, '/') + 1 : name);
		fprintf(out, "' %u", place++);
	}
	fprintf(out, ")\nset xrange [-0.5:%g]\n", place - 0.5);
}

/* What is never 0 has an axis of powers of ten: peers lie far apart. */
static bool is_time(const struct panel *panel)
{
	const char *unit = string(panel->figure, "unit");

	return !strcmp(unit, "ns") || !strcmp(unit, "us");
}

static void write_panel(FILE *out, const struct drawing *d, unsigned number)
{
	const struct panel *panel = &d->panels[number];
	const json_t *peers = json_object_get(d->report, "peers"), *peer;
	size_t i;

	fputs(is_time(panel) ? "set logscale y\nset yrange [*:*]\n"
			     : "unset logscale y\nset yrange [0:*]\n",
	      out);
	fputs("set title '", out);
	write_word(out, panel->workload);
	fputs(panel->series ? ", by " : ": ", out);
	write_word(out,
		   panel->series ? string(panel->series, "series") : string(panel->figure, "name"));
	fputs("'\nset ylabel '", out);
	write_word(out, string(panel->figure, "unit"));
	fputs("'\n", out);
	if (panel->series)
		fputs("set xtics norotate autofreq\nset xrange [*:*]\n", out);
	else
		write_places(out, d, panel);
	fputs("plot NaN notitle", out); /* so that there is a panel even without a point */
	json_array_foreach(peers, i, peer)
	{
		if (!write_peer(NULL, d, panel, i, json_array_size(peers)))
			continue;
		fprintf(out, ", $p%u_%zu using 1:2:3:4 with %s pt 7 ps 0.5 lc %zu title '", number,
			i, panel->series ? "yerrorlines" : "yerrorbars", i + 1);
		write_word(out, string(peer, "name"));
		fputs("'", out);
	}
	fputc('\n', out);
}

static void write_script(FILE *out, const void *context)
{
	const struct drawing *d = context;
	unsigned rows = (d->nr + COLUMNS - 1) / COLUMNS;

	for (unsigned i = 0; i < d->nr; i++)
		write_data(out, d, i);
	gnuplot_begin(out, d->path, WIDTH, PANEL_HEIGHT * rows);
	fprintf(out,
		"set multiplot layout %u,%d\n"
		"set offsets 0, 0, graph 0.05, 0\nset grid y\nset key outside right "
		"noenhanced\nset title noenhanced\n",
		rows, COLUMNS);
	for (unsigned i = 0; i < d->nr; i++)
		write_panel(out, d, i);
	fputs("unset multiplot\n", out);
}

bool bench_plot(const json_t *report, const char *path, char error[])
{
	struct drawing drawing = {.report = report, .path = path};

	find_panels(&drawing);
	return gnuplot_draw(path, write_script, &drawing, error);
}
