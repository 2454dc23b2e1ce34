/* SPDX-License-Identifier: MIT */
/*
 * compare_plot.c - the comparison in panels: a figure over the time of the trace, a curve for each
 * contender. As one picture there are two columns of them for each trace.
 */
#include <stdio.h>

#include "compare.h"
#include "tool/common/gnuplot.h"

enum { PANEL_HEIGHT = 320, WIDTH = 1280, COLUMNS = 2 };

/* Of the series of the run with samples: an array of points, each of which is an array; or, as of
 * each order at the end, one that has no time. */
struct panel {
	const char *title, *array;
	unsigned column;
	const char *most; /* of the axis if all is 0 */
	bool of_peers;	  /* known of an adapter's as well */
	bool by_order;
};

static const struct panel panels[] = {
	{"free blocks of 2 MiB in the zones", "seconds_blocks_free_on_cpus", 1, "1", false, false},
	{"free frames on CPUs", "seconds_blocks_free_on_cpus", 3, "1", false, false},
	{"unusable index of order 9 (2 MiB)", "seconds_unusable_by_order", 10, "0.01", false,
	 false},
	{"unusable index of order 3 (32 KiB)", "seconds_unusable_by_order", 4, "0.01", false,
	 false},
	{"unusable index by order, at the end", "unusable_end", 0, "0.01", false, true},
	{"mixed pageblocks", "seconds_unusable_mixed_empty", 2, "1", true, false},
	{"2 MiB without any use", "seconds_unusable_mixed_empty", 3, "1", true, false},
	{"1 GiB without any use", "seconds_unusable_mixed_empty", 4, "1", true, false},
};

/* Neither light nor dark, so that they show on white and, inverted, on black. From the seventh on
 * with dashes. */
static const char *const colours[] = {"#0072b2", "#d55e00", "#008f68",
				      "#a54fa0", "#8a6d00", "#5c6670"};

enum { NR_COLOURS = sizeof(colours) / sizeof(colours[0]) };

const unsigned nr_compare_panels = sizeof(panels) / sizeof(panels[0]);

const char *compare_panel_title(unsigned panel)
{
	return panels[panel].title;
}

static const json_t *points_of(const struct score *score, const struct panel *panel)
{
	return json_object_get(json_object_get(score->sampled, "series"), panel->array);
}

static double x_of(const struct panel *panel, const json_t *point, size_t index)
{
	return panel->by_order ? (double)index : json_number_value(json_array_get(point, 0));
}

static double y_of(const struct panel *panel, const json_t *point)
{
	return json_number_value(panel->by_order ? point : json_array_get(point, panel->column));
}

/* As in the table, what an adapter does not say is 0 throughout. An older build may not have it. */
static bool is_known(const struct contender *contender, const json_t *points,
		     const struct panel *panel)
{
	const json_t *point;
	size_t i;

	if (!contender->peer || panel->of_peers)
		return json_array_size(points) > 0;
	json_array_foreach(points, i, point) if (y_of(panel, point) != 0) return true;
	return false;
}

/* Is any not 0? */
static bool write_points(FILE *out, const json_t *points, const struct panel *panel)
{
	const json_t *point;
	bool any = false;
	size_t i;

	json_array_foreach(points, i, point)
	{
		any |= y_of(panel, point) != 0;
		fprintf(out, "%.6f %.6g\n", x_of(panel, point, i), y_of(panel, point));
	}
	return any;
}

/* Names of the data are for this panel alone. */
static void write_curves(FILE *out, const struct compare *compare, unsigned trace,
			 const struct panel *panel)
{
	const struct compare_options *o = compare->options;
	bool known[COMPARE_CONTENDERS], any = false;

	for (unsigned i = 0; i < o->nr_contenders; i++) {
		const json_t *points = points_of(compare_score(compare, trace, i), panel);

		known[i] = is_known(&o->contenders[i], points, panel);
		fprintf(out, "$d%u << END\n", i);
		any |= write_points(out, points, panel);
		fputs("END\n", out);
	}
	fprintf(out, "set yrange [0:%s]\n", any ? "*" : panel->most);
	fputs("plot NaN notitle", out); /* so that there is a panel even without a curve */
	for (unsigned i = 0; i < o->nr_contenders; i++) {
		if (!known[i])
			continue;
		fprintf(out, ", $d%u using 1:2 with %s lw 2 lc rgb '%s' dt %u title ", i,
			panel->by_order ? "linespoints pt 7 ps 0.4" : "lines",
			colours[i % NR_COLOURS], i / NR_COLOURS + 1);
		gnuplot_text(out, o->contenders[i].name);
	}
	fputs("\n", out);
}

void compare_panel(FILE *out, const struct compare *compare, unsigned trace, unsigned number)
{
	const struct panel *panel = &panels[number];

	fprintf(out, "set grid\nset key below horizontal\nset xlabel '%s'\n",
		panel->by_order ? "order" : "time of the trace (s)");
	write_curves(out, compare, trace, panel);
}

static void write_script(FILE *out, const void *context)
{
	const struct compare *compare = context;
	const struct compare_options *o = compare->options;
	const unsigned rows = o->nr_traces * ((nr_compare_panels + COLUMNS - 1) / COLUMNS);

	gnuplot_begin(out, o->output, WIDTH, PANEL_HEIGHT * rows);
	fprintf(out, "set multiplot layout %u,%d\n", rows, COLUMNS);
	for (unsigned trace = 0; trace < o->nr_traces; trace++)
		for (unsigned i = 0; i < nr_compare_panels; i++) {
			fprintf(out, "set title 'trace %u of %u: %s'\n", trace + 1, o->nr_traces,
				panels[i].title);
			compare_panel(out, compare, trace, i);
		}
	fputs("unset multiplot\n", out);
}

bool compare_plot(const struct compare *compare, char error[])
{
	return gnuplot_draw(compare->options->output, write_script, compare, error);
}
