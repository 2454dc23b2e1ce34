/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "tool/common/gnuplot.h"
#include "plot.h"

static void write_data(FILE *out, const struct series *series)
{
	const double mib = (double)(1 << (20 - MACHINE_FRAME_SHIFT));

	fputs("$data << END\n", out);
	for (size_t i = 0; i < series->nr; i++) {
		const struct sample *s = &series->samples[i];

		fprintf(out, "%.6f %llu %.3f %.3f\n", (double)s->time_ns / 1e9,
			(unsigned long long)s->blocks_2m, (double)s->free / mib,
			(double)s->on_cpus / mib);
	}
	fputs("END\n", out);
}

static void write_script(FILE *out, const void *context)
{
	const struct replay *replay = context;
	const char *path = options_path(replay->options);

	write_data(out, &replay->series);
	gnuplot_begin(out, replay->options->output, 960, 540);
	fprintf(out,
		"set title 'Free 2 MiB blocks while the trace is replayed (%s, engine %s%s%s)'\n"
		"set xlabel 'time of the trace (s)'\n"
		"set ylabel 'free blocks of 2 MiB'\n"
		"set y2label 'free memory (MiB)'\n"
		"set ytics nomirror\nset y2tics\n"
		"set yrange [0:*]\nset y2range [0:*]\n"
		"set grid\nset key outside bottom center horizontal\n"
		"plot $data using 1:2 with lines lw 2 title '2 MiB blocks in the zones',"
		" $data using 1:3 axes x1y2 with lines title 'free in the zones (MiB)',"
		" $data using 1:4 axes x1y2 with lines title 'free on the CPUs (MiB)'\n",
		replay->options->parallel ? "parallel" : "in order", replay->options->engine->name,
		path ? ", free path " : "", path ? path : "");
}

bool plot_draw(const struct replay *replay, char error[])
{
	return gnuplot_draw(replay->options->output, write_script, replay, error);
}
