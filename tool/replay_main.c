/* SPDX-License-Identifier: MIT */
/*
 * replay_main.c - the program roost-replay-ENGINE, which `roost replay` runs: all of the replay but
 * the engine.
 */
#include <string.h>
#include <unistd.h>

#include "tool/common/gnuplot.h"
#include "tool/common/json.h"
#include "options.h"
#include "plan.h"
#include "plot.h"
#include "replay.h"
#include "replay_main.h"
#include "report.h"
#include "step.h"
#include "tool/common/say.h"
#include "trace.h"

static void make_plan(struct plan *plan, struct trace *trace, const struct options *options)
{
	char error[ERROR_MAX];

	trace->limit = options->limit;
	if (!trace_read(trace, options->trace, error))
		die("%s", error);
	if (!options->quiet)
		report_trace_notes(trace, options->trace);
	plan_make(plan, trace, options->cpus);
	if (!options->quiet)
		report_plan_notes(plan, options);
}

static int finish(const struct replay *replay)
{
	const struct options *options = replay->options;
	char error[ERROR_MAX];

	if (options->json)
		report_json(replay);
	if (!options->json || strcmp(options->json, "-") != 0)
		report_text(replay);
	check_stdout();
	if (options->output && !plot_draw(replay, error))
		die("%s", error);
	if (replay->stuck)
		_exit(EXIT_UNVERIFIED); /* its threads cannot be waited for */
	return replay_verified(replay) ? EXIT_OK : EXIT_UNVERIFIED;
}

int replay_main(const struct engine *engine, replay_own_fn *own, int argc, char **argv)
{
	struct options options;
	struct trace trace = {0};
	struct plan plan;
	struct replay replay = {.options = &options, .trace = &trace, .plan = &plan, .own = own};
	char error[ERROR_MAX];
	int status;

	program_begin();
	if (!engine)
		die("the table of engines does not have the engine of this program");
	options_parse(&options, engine, argc, argv);
	make_plan(&plan, &trace, &options);
	if (options.output && !gnuplot_check(options.output, error))
		die("%s", error);
	json_check(options.json);
	if (options.instructions && !step_begin(error))
		die("%s", error);
	if (!replay_run(&replay, error))
		die("%s", error);
	if (options.instructions)
		step_end();
	status = finish(&replay);
	replay_release(&replay);
	plan_release(&plan);
	trace_release(&trace);
	return status;
}
