/* SPDX-License-Identifier: MIT */
/* plot.c - transfers for each operation over CPUs: a panel for each workload and kind. */
#include <stdio.h>

#include "scale.h"
#include "tool/common/gnuplot.h"

enum { WIDTH = 1280, PANEL_HEIGHT = 300, COLUMNS = 2 };

/* What is less, 0 too, lies on the axis: there is no 0 among powers of ten. */
static const double least = 0.01;

struct drawing {
	const struct scale *scale;
	const char *path;
};

static bool has_points(const struct scale *s, unsigned w, unsigned p, enum kind kind)
{
	for (unsigned c = 0; c < s->options.nr_cpus; c++)
		if (s->results[w][p][c].counts[kind].ops && !s->results[w][p][c].error[0])
			return true;
	return false;
}

static unsigned points(FILE *out, const struct scale *s, unsigned w, enum kind kind)
{
	unsigned lines = 0;

	for (unsigned p = 0; p < s->options.nr_peers; p++) {
		if (!has_points(s, w, p, kind))
			continue;
		lines++;
		if (!out)
			continue;
		fprintf(out, "$d%u_%u_%u << END\n", w, (unsigned)kind, p);
		for (unsigned c = 0; c < s->options.nr_cpus; c++) {
			const struct result *r = &s->results[w][p][c];
			double each =
				scale_each(&r->counts[kind], counts_transfers(&r->counts[kind]));

			if (!r->error[0])
				fprintf(out, "%u %g\n", s->options.cpus[c],
					each < least ? least : each);
		}
		fputs("END\n", out);
	}
	return lines;
}

static void write_panel(FILE *out, const struct scale *s, unsigned w, enum kind kind)
{
	fprintf(out, "set title '%s: %s'\nplot NaN notitle", s->options.works[w]->name,
		kind_names[kind]);
	for (unsigned p = 0; p < s->options.nr_peers; p++) {
		if (!has_points(s, w, p, kind))
			continue;
		fprintf(out,
			", $d%u_%u_%u using 1:2 with linespoints pt %u ps 0.7 lw 1.5 lc %u title '",
			w, (unsigned)kind, p, p + 4, p + 1);
		for (const char *name = s->options.peers[p].name; *name; name++)
			if (*name != '\'' && *name != '"' && *name != '\\')
				fputc(*name, out);
		fputc('\'', out);
	}
	fputc('\n', out);
}

static void write_script(FILE *out, const void *context)
{
	const struct drawing *d = context;
	const struct scale *s = d->scale;
	unsigned panels = 0, rows;

	for (unsigned w = 0; w < s->options.nr_works; w++)
		for (enum kind kind = KIND_ALLOC; kind < KINDS; kind++)
			panels += points(out, s, w, kind) > 0;
	rows = (panels + COLUMNS - 1) / COLUMNS;
	gnuplot_begin(out, d->path, WIDTH, PANEL_HEIGHT * (rows ? rows : 1));
	fprintf(out,
		"set multiplot layout %u,%d title 'modelled: transfers of cache lines for each "
		"operation'\n"
		"set grid y\nset key outside right noenhanced\nset title noenhanced\n"
		"set logscale x 2\nset logscale y 10\nset yrange [%g:*]\nset xlabel 'CPUs'\n"
		"set ytics add ('<= %g' %g)\nset offsets graph 0.02, graph 0.02, 0, 0\n",
		rows ? rows : 1, COLUMNS, least, least, least);
	for (unsigned w = 0; w < s->options.nr_works; w++)
		for (enum kind kind = KIND_ALLOC; kind < KINDS; kind++)
			if (points(NULL, s, w, kind))
				write_panel(out, s, w, kind);
	fputs("unset multiplot\n", out);
}

bool scale_plot(const struct scale *scale, const char *path, char error[])
{
	struct drawing drawing = {scale, path};

	return gnuplot_draw(path, write_script, &drawing, error);
}
