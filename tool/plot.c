/* SPDX-License-Identifier: MIT */
/*
 * plot.c - a replay in three panels over the time of the trace: what is free, how much of it lies
 * in small blocks, and what nobody uses.
 */
#include <stdio.h>

#include "tool/common/gnuplot.h"
#include "plot.h"

enum { WIDTH = 960, PANEL_HEIGHT = 420 };

/* Of the data, as gnuplot counts them. */
enum column {
	SECONDS = 1,
	BLOCKS_2M,
	FREE_MIB,
	ON_CPUS_MIB,
	EMPTY_2M,
	EMPTY_1G,
	MIXED,
	UNUSABLE, /* of order 0; the others follow */
	LAST = UNUSABLE + MACHINE_FRAGMENT_ORDERS - 1,
};

static double value_of(const struct sample *s, unsigned column)
{
	const double mib = (double)(1 << (20 - MACHINE_FRAME_SHIFT));

	switch (column) {
	case SECONDS:
		return (double)s->time_ns / 1e9;
	case BLOCKS_2M:
		return (double)s->blocks_2m;
	case FREE_MIB:
		return (double)s->free / mib;
	case ON_CPUS_MIB:
		return (double)s->on_cpus / mib;
	case MIXED:
		return (double)s->fragments.mixed;
	case EMPTY_2M:
		return (double)s->fragments.empty_2m;
	case EMPTY_1G:
		return (double)s->fragments.empty_1g;
	default:
		return s->fragments.unusable[column - UNUSABLE];
	}
}

static void write_data(FILE *out, const struct series *series)
{
	fputs("$data << END\n", out);
	for (size_t i = 0; i < series->nr; i++)
		for (unsigned column = SECONDS; column <= LAST; column++)
			fprintf(out, "%.10g%c", value_of(&series->samples[i], column),
				column < LAST ? ' ' : '\n');
	fputs("END\n", out);
}

/* From 0 to the most in these columns. */
static void write_range(FILE *out, const struct series *series, const char *axis, unsigned first,
			unsigned last, const char *if_all_0)
{
	bool any = false;

	for (size_t i = 0; i < series->nr; i++)
		for (unsigned column = first; column <= last; column++)
			any |= value_of(&series->samples[i], column) != 0;
	fprintf(out, "set %srange [0:%s]\n", axis, any ? "*" : if_all_0);
}

static void write_memory(FILE *out, const struct replay *replay)
{
	const struct options *o = replay->options;
	const char *path = options_path(o);
	char title[256];

	snprintf(title, sizeof(title), "Memory while the trace is replayed (%s, engine %s%s%s)",
		 o->parallel ? "parallel" : "in order", o->engine->name, path ? ", free path " : "",
		 path ? path : "");
	fputs("set title ", out);
	gnuplot_text(out, title);
	fputs("\nset ylabel 'free blocks of 2 MiB'\nset y2label 'free memory (MiB)'\n", out);
	write_range(out, &replay->series, "y", BLOCKS_2M, BLOCKS_2M, "1");
	write_range(out, &replay->series, "y2", FREE_MIB, ON_CPUS_MIB, "1");
	fprintf(out,
		"plot $data using 1:%d with lines lw 2 title '2 MiB blocks in the zones',"
		" $data using 1:%d axes x1y2 with lines title 'free in the zones (MiB)',"
		" $data using 1:%d axes x1y2 with lines title 'free on the CPUs (MiB)'\n",
		BLOCKS_2M, FREE_MIB, ON_CPUS_MIB);
}

static void write_use(FILE *out, const struct replay *replay)
{
	fputs("set title 'What nobody uses, and what is mixed'\n"
	      "set ylabel 'aligned 2 MiB'\nset y2label 'mixed pageblocks, GiB'\n",
	      out);
	write_range(out, &replay->series, "y", EMPTY_2M, EMPTY_2M, "1");
	write_range(out, &replay->series, "y2", EMPTY_1G, MIXED, "1");
	fprintf(out,
		"plot $data using 1:%d with lines lw 2 title '2 MiB without any use',"
		" $data using 1:%d axes x1y2 with lines title 'mixed pageblocks (right)',"
		" $data using 1:%d axes x1y2 with lines title '1 GiB without any use (right)'\n",
		EMPTY_2M, MIXED, EMPTY_1G);
}

/* Of an engine by an adapter nobody knows how large its free blocks are. */
static void write_unusable(FILE *out, const struct replay *replay)
{
	fputs("unset y2tics\nunset y2label\nset ytics mirror\n"
	      "set title 'Unusable index: how much of what is free in the zones lies in smaller "
	      "blocks'\n"
	      "set ylabel 'unusable index'\n",
	      out);
	write_range(out, &replay->series, "y", UNUSABLE, LAST, "0.01");
	fputs("plot NaN notitle", out);
	for (unsigned k = 1; k <= ROOST_PAGEBLOCK_ORDER && !replay->options->engine->metadata;
	     k += 2)
		fprintf(out, ", $data using 1:%u with lines title 'order %u'", UNUSABLE + k, k);
	fputs("\n", out);
}

static void write_script(FILE *out, const void *context)
{
	const struct replay *replay = context;

	write_data(out, &replay->series);
	gnuplot_begin(out, replay->options->output, WIDTH, 3 * PANEL_HEIGHT);
	fputs("set multiplot layout 3,1\nset xlabel 'time of the trace (s)'\n"
	      "set grid\nset key below horizontal\nset ytics nomirror\nset y2tics\n",
	      out);
	write_memory(out, replay);
	write_use(out, replay);
	write_unusable(out, replay);
	fputs("unset multiplot\n", out);
}

bool plot_draw(const struct replay *replay, char error[])
{
	return gnuplot_draw(replay->options->output, write_script, replay, error);
}
