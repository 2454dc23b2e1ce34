/* SPDX-License-Identifier: MIT */
/*
 * map_main.c - the program roost-map-ENGINE, which `roost map` runs.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool/common/args.h"
#include "tool/common/filter.h"
#include "tool/common/json.h"
#include "map.h"
#include "map_options.h"
#include "tool/common/output.h"
#include "plan.h"
#include "tool/common/printable_json.h"
#include "replay.h"
#include "report.h"
#include "tool/common/say.h"
#include "trace.h"

/* The moments, in the order of the steps. */
struct stops {
	const struct map_options *options;
	size_t steps[MAP_MAX]; /* before which */
	uint64_t events[MAP_MAX];
	size_t done;
	struct map *maps;
};

/* ---- Moments ------------------------------------------------------------------------------- */

static bool is_event(const struct step *step)
{
	return step->kind == STEP_ALLOC || step->kind == STEP_FREE;
}

/* Has the moment come before this step? */
static bool has_come(const struct moment *m, const struct plan *plan, const struct step *step,
		     uint64_t events)
{
	if (m->kind == MOMENT_EVENT)
		return events >= m->event;
	return m->kind == MOMENT_SECONDS &&
	       (double)(step->time_ns - plan->first_ns) / 1e9 > m->seconds;
}

static void find_stop(struct stops *stops, const struct plan *plan, size_t at)
{
	const struct moment *m = &stops->options->moments[at];
	uint64_t events = 0;
	size_t i;

	for (i = 0; i < plan->nr_steps; i++) {
		if (has_come(m, plan, &plan->steps[i], events))
			break;
		events += is_event(&plan->steps[i]);
	}
	if (m->kind == MOMENT_EVENT && events < m->event)
		die("--at=%s: the trace has only %llu allocations and frees that are replayed",
		    m->text, (unsigned long long)events);
	if (m->kind == MOMENT_SECONDS &&
	    m->seconds > (double)(plan->last_ns - plan->first_ns) / 1e9)
		die("--at=%s: the trace is %.6f seconds long", m->text,
		    (double)(plan->last_ns - plan->first_ns) / 1e9);
	/* Moments given as seconds and as events are sorted together by step. */
	for (; at > 0 && stops->steps[at - 1] > i; at--) {
		stops->steps[at] = stops->steps[at - 1];
		stops->events[at] = stops->events[at - 1];
	}
	stops->steps[at] = i;
	stops->events[at] = events;
}

static double seconds_at(const struct plan *plan, size_t step)
{
	uint64_t time = step < plan->nr_steps ? plan->steps[step].time_ns : plan->last_ns;

	return (double)(time - plan->first_ns) / 1e9;
}

static void take_map(struct replay *replay, void *context)
{
	struct stops *stops = context;
	size_t nr = stops->options->nr_moments;

	while (stops->done < nr && stops->steps[stops->done] == replay->look_at) {
		struct map *map = &stops->maps[stops->done];
		const char *trace = replay->options->trace, *slash = strrchr(trace, '/');
		double seconds = seconds_at(replay->plan, replay->look_at);
		const bool guessed = !replay->options->memory;
		char name[MAP_NAME];

		map->page_shift = MACHINE_FRAME_SHIFT;
		map_take(map, replay->machine.roost);
		slash = slash ? slash + 1 : trace;
		printable(name, sizeof(name), MAP_NAME_COLUMNS, slash, strlen(slash));
		snprintf(map->title, sizeof(map->title),
			 "%s at %.3f s, after %llu allocations and frees (engine %s), %llu MiB%s",
			 name, seconds, (unsigned long long)stops->events[stops->done],
			 replay->options->engine->name,
			 (unsigned long long)replay->machine.frames >> (20 - MACHINE_FRAME_SHIFT),
			 guessed ? " (a guess)" : "");
		map->about = json_pack("{s:o, s:s, s:f, s:I, s:b}", "trace", json_printable(trace),
				       "engine", replay->options->engine->name, "seconds", seconds,
				       "events", (json_int_t)stops->events[stops->done],
				       "memory_guessed", (int)guessed);
		stops->done++;
	}
	if (stops->done < nr)
		replay->look_at = stops->steps[stops->done];
}

static int map_trace(const struct map_options *options, struct map *maps)
{
	struct stops stops = {.options = options, .maps = maps};
	struct trace trace = {.limit = options->replay.limit};
	struct plan plan;
	struct replay replay = {.options = &options->replay,
				.trace = &trace,
				.plan = &plan,
				.look = take_map,
				.look_context = &stops};
	char error[ERROR_MAX];
	bool verified;

	if (!trace_read(&trace, options->replay.trace, error))
		die("%s", error);
	if (!options->replay.quiet)
		report_trace_notes(&trace, options->replay.trace);
	plan_make(&plan, &trace, options->replay.cpus);
	if (!options->replay.quiet)
		report_plan_notes(&plan, &options->replay);
	for (size_t i = 0; i < options->nr_moments; i++)
		find_stop(&stops, &plan, i);
	replay.look_at = stops.steps[0];
	if (!replay_run(&replay, error))
		die("%s", error);
	verified = replay_verified(&replay);
	if (!verified)
		say_error("%s: the replay was not verified; see `roost replay`",
			  options->replay.trace);
	replay_release(&replay);
	plan_release(&plan);
	trace_release(&trace);
	return verified ? EXIT_OK : EXIT_UNVERIFIED;
}

#define OUTPUT args_name(ARGS_OUTPUT)

/* ---- Forms --------------------------------------------------------------------------------- */

static void check_picture(const struct map_options *o)
{
	char error[ERROR_MAX];

	if (args_is_png(o->replay.output)
		    ? !filter_check("rsvg-convert", "librsvg2-bin", OUTPUT, o->replay.output, error)
		    : !output_check(OUTPUT, o->replay.output, error))
		die("%s", error);
}

static bool write_picture(int fd, const struct map_options *o, const struct map_view *view,
			  char error[])
{
	FILE *out = fdopen(dup(fd), "w");

	if (!out)
		die("out of memory");
	map_write_svg(out, view);
	if (!(ferror(out) | fclose(out)))
		return true;
	snprintf(error, ERROR_MAX, "--%s=%.300s: cannot write: %s", OUTPUT, o->replay.output,
		 strerror(errno));
	return false;
}

static void draw(const struct map_options *o, const struct map_view *view)
{
	static char name[] = "rsvg-convert", zoom[] = "--zoom=2";
	char *const argv[] = {name, zoom, NULL};
	char error[ERROR_MAX];
	struct output output;
	bool good;

	if (args_is_png(o->replay.output))
		good = filter_run(OUTPUT, o->replay.output, argv, map_write_svg, view, error);
	else
		good = output_begin(&output, OUTPUT, o->replay.output, error) &&
		       output_end(&output, write_picture(output.fd, o, view, error), error);
	if (!good)
		die("%s", error);
}

static void write_json(const char *path, const struct map_view *view)
{
	json_t *report = map_json(view);

	json_write(report, path, JSON_COMPACT);
	json_decref(report);
}

int main(int argc, char **argv)
{
	const struct engine *engine = engine_find(TOOL_ENGINE);
	struct map maps[MAP_MAX] = {0};
	struct map_options options;
	struct map_view view = {.maps = maps};
	int status = EXIT_OK;

	program_begin();
	if (!engine)
		die("the table of engines has no %s", TOOL_ENGINE);
	map_options_parse(&options, engine, argc, argv);
	if (options.replay.output)
		check_picture(&options);
	json_check(options.replay.json);
	view.nr = options.nr_moments;
	if (options.live)
		view.nr = map_live(options.live, maps);
	else
		status = map_trace(&options, maps);
	view.by = options.by;
	if (options.replay.json)
		write_json(options.replay.json, &view);
	if (options.replay.output)
		draw(&options, &view);
	else if (!options.replay.json || strcmp(options.replay.json, "-") != 0)
		map_write_text(stdout, &view, has_colours(STDOUT_FILENO));
	check_stdout();
	for (size_t i = 0; i < view.nr; i++)
		map_release(&maps[i]);
	return status;
}
