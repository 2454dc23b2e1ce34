/* SPDX-License-Identifier: MIT */
/*
 * compare_plot.c - the comparison as an SVG: a row for each trace, in it the free 2 MiB blocks and
 * the free frames on CPUs over time, a curve for each contender.
 */
#include <stdio.h>

#include "compare.h"
#include "tool/common/gnuplot.h"

enum { ROW_HEIGHT = 420, WIDTH = 1280 };

static const json_t *samples_of(const struct score *score)
{
	return json_object_get(json_object_get(score->sampled, "series"),
			       "seconds_blocks_free_on_cpus");
}

static void write_data(FILE *out, const struct compare *compare, unsigned trace, unsigned contender)
{
	const json_t *samples = samples_of(compare_score(compare, trace, contender)), *sample;
	size_t i;

	fprintf(out, "$d%u_%u << END\n", trace, contender);
	json_array_foreach(samples, i, sample)
		fprintf(out, "%.6f %.0f %.0f\n", json_number_value(json_array_get(sample, 0)),
			json_number_value(json_array_get(sample, 1)),
			json_number_value(json_array_get(sample, 3)));
	fputs("END\n", out);
}

static void write_curves(FILE *out, const struct compare *compare, unsigned trace, unsigned column,
			 const char *label)
{
	const struct compare_options *o = compare->options;

	fprintf(out, "set ylabel '%s'\nplot", label);
	for (unsigned i = 0; i < o->nr_contenders; i++)
		fprintf(out, "%s $d%u_%u using 1:%u with lines lw 2 title '%s'", i ? "," : "",
			trace, i, column, o->contenders[i].name);
	fputs("\n", out);
}

static void write_script(FILE *out, const void *context)
{
	const struct compare *compare = context;
	const struct compare_options *o = compare->options;

	for (unsigned trace = 0; trace < o->nr_traces; trace++)
		for (unsigned i = 0; i < o->nr_contenders; i++)
			write_data(out, compare, trace, i);
	gnuplot_begin(out, o->output, WIDTH, ROW_HEIGHT * o->nr_traces);
	fprintf(out,
		"set multiplot layout %u,2\n"
		"set xlabel 'time of the trace (s)'\nset yrange [0:*]\n"
		"set grid\nset key outside bottom center horizontal\n",
		o->nr_traces);
	for (unsigned trace = 0; trace < o->nr_traces; trace++) {
		fprintf(out, "set title 'trace %u of %u'\n", trace + 1, o->nr_traces);
		write_curves(out, compare, trace, 2, "free blocks of 2 MiB in the zones");
		write_curves(out, compare, trace, 3, "free frames on CPUs");
	}
	fputs("unset multiplot\n", out);
}

bool compare_plot(const struct compare *compare, char error[])
{
	return gnuplot_draw(compare->options->output, write_script, compare, error);
}
