/* SPDX-License-Identifier: MIT */
/*
 * main.c - the program roost-bench, which `roost bench` runs.
 */
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "tool/common/gnuplot.h"
#include "tool/common/json.h"
#include "tool/common/printable.h"
#include "tool/common/say.h"

static void list_peer(const struct peer *p)
{
	const char *version = p->peer->version ? p->peer->version : "";
	char text[128];

	printf("  %-10s %s\n", p->name, printable(text, sizeof(text), 0, version, strlen(version)));
}

static void list_all(const struct bench_options *options)
{
	puts("Workloads:");
	for (unsigned i = 0; i < nr_workloads; i++) {
		const struct workload *w = &workloads[i];
		bool more = i && !strcmp(w->name, workloads[i - 1].name); /* of the same */

		printf("  %-10s %s\n%13s", more ? "" : w->name, w->text, "");
		for (unsigned f = 0; f < workload_figures(w); f++)
			printf("%s%s (%s)", f ? ", " : "", w->figures[f].name, w->figures[f].unit);
		putchar('\n');
	}
	puts("Peers:");
	for (unsigned i = 0; i < options->peers.nr; i++) {
		const struct peer *p = &options->peers.list[i];

		if (p->peer)
			list_peer(p);
		else
			printf("  %-10s not measured: %s\n", p->name, p->reason);
	}
}

static json_t *make(const struct bench_options *options, int argc, char **argv)
{
	return options->report ? report_read(options->report) : report_make(options, argc, argv);
}

/* What cannot be read or written is to be known before the work. */
static json_t *check_all(const struct bench_options *options)
{
	char error[ERROR_MAX];

	json_check(options->json);
	if (options->output && !gnuplot_check(options->output, error))
		die("%s", error);
	return options->compare ? report_read(options->compare) : NULL;
}

int main(int argc, char **argv)
{
	struct bench_options options;
	json_t *report, *old;
	char error[ERROR_MAX];
	bool good = true, say;

	program_begin();
	bench_parse(&options, argc, argv);
	if (options.list) {
		list_all(&options);
		return EXIT_OK;
	}
	old = check_all(&options);
	say = !options.json || strcmp(options.json, "-") != 0;
	report = make(&options, argc, argv);
	if (say)
		bench_text(report);
	if (old)
		good = bench_compare(report, old, options.compare, say);
	if (options.json)
		json_write(report, options.json, JSON_INDENT(1));
	if (options.output && !bench_plot(report, options.output, error))
		die("%s", error);
	check_stdout();
	json_decref(old);
	json_decref(report);
	return good ? EXIT_OK : EXIT_UNVERIFIED;
}
