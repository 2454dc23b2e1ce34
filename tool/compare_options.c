/* SPDX-License-Identifier: MIT */
/*
 * compare_options.c - the command line of `roost compare`.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool/common/args.h"
#include "compare.h"
#include "tool/common/say.h"

#define SEE_HELP "see `roost compare --help`"

enum {
	KEY_PARALLEL = 256,
	KEY_STORM,
	KEY_LIMIT,
	KEY_STALL,
	KEY_ENGINES,
	KEY_RUNS,
	KEY_CPUS,
	KEY_MEMORY,
	KEY_CHECK,
	KEY_JSON,
	KEY_SVG,
	KEY_QUIET,
	KEY_HELP,
};

static const struct argp_option compare_argp_options[] = {
	{0, 0, 0, 0, "What is compared:", 1},
	{"engines", KEY_ENGINES, "LIST", 0,
	 "Engines, or ENGINE/PATH for one free path of it, with commas (default: all that do not "
	 "deadlock)",
	 0},
	{"runs", KEY_RUNS, "N", 0, "Replays of each for the times, at least 7 (default 11)", 0},
	{0, 0, 0, 0, "How the events are replayed, see `roost replay --help`:", 2},
	{"parallel", KEY_PARALLEL, 0, 0, "One thread per traced CPU", 0},
	{"irq-storm", KEY_STORM, "HZ", 0,
	 "With --parallel: timers whose handlers allocate and free as well", 0},
	{"limit", KEY_LIMIT, "N", 0, "Only the first N allocations and frees", 0},
	{"stall", KEY_STALL, "SECONDS", 0, "No step for so long means stuck", 0},
	{"cpus", KEY_CPUS, "N", 0, "Virtual CPUs", 0},
	{"memory", KEY_MEMORY, "SIZE", 0, "Memory to manage, with K, M, G or T", 0},
	{"check", KEY_CHECK, "0..3", 0, "Check level", 0},
	{0, 0, 0, 0, "The report:", 3},
	{"json", KEY_JSON, 0, 0, "For programs: one JSON object on stdout and nothing else", 0},
	{"svg", KEY_SVG, "FILE", 0,
	 "Draw the free 2 MiB blocks and the frames on CPUs over time (needs gnuplot)", 0},
	{"quiet", KEY_QUIET, 0, 0, "No progress bar", 0},
	{"help", KEY_HELP, 0, 0, "This text", -1},
	{0},
};

static const char compare_doc[] =
	"Replays each trace on each engine and free path, in turns, and compares: events a second, "
	"zone locks, failed try-locks, frames that lie on CPUs, free 2 MiB blocks, metadata.\v"
	"The times are CPU times of the allocator's part: they come from replays that neither "
	"stamp the frames nor look at the allocator, and in order what the loop over the "
	"events takes is measured and taken off; in parallel it is in, and so is what threads "
	"spend waiting for one another. One more replay of each takes the samples and "
	"checks every frame.\n\n"
	"Exit status: 0 all replays verified, 1 one was not, 2 the command line or a trace is no "
	"good.";

/* ---- Contenders ------------------------------------------------------------------------- */

static void add_contender(struct compare_options *o, const struct engine *engine, unsigned path)
{
	struct contender *c = &o->contenders[o->nr_contenders];

	for (unsigned i = 0; i < o->nr_contenders; i++)
		if (o->contenders[i].engine == engine && o->contenders[i].path == path)
			die("--engines: %s is named twice", o->contenders[i].name);
	if (o->nr_contenders == COMPARE_CONTENDERS)
		die("--engines: more than %d", COMPARE_CONTENDERS);
	o->nr_contenders++;
	c->engine = engine;
	c->path = path;
	snprintf(c->name, sizeof(c->name), engine_nr_paths(engine) > 1 ? "%s/%s" : "%s",
		 engine->name, engine->paths[path]);
}

static void add_engine(struct compare_options *o, const struct engine *engine)
{
	for (unsigned path = 0; path < engine_nr_paths(engine); path++)
		if (path != ROOST_FREE_BLOCKING)
			add_contender(o, engine, path);
}

static void add_named(struct compare_options *o, char *name)
{
	char *path = strchr(name, '/');
	char paths[ENGINE_PATHS_MAX];
	const struct engine *engine;
	int number = 0;

	if (path)
		*path++ = '\0';
	engine = engine_find(name);
	if (!engine)
		die("--engines: there is no engine \"%s\"; " SEE_HELP, name);
	if (path)
		number = engine_path(engine, path);
	engine_list_paths(engine, paths);
	if (number < 0)
		die("--engines: %s/%s: the engine has the free path %s", name, path, paths);
	if (number == ROOST_FREE_BLOCKING)
		die("--engines: %s/%s deadlocks, so there is nothing to compare", name, path);
	if (path)
		add_contender(o, engine, (unsigned)number);
	else
		add_engine(o, engine);
}

static void add_list(struct compare_options *o, const char *text)
{
	char *list = strdup(text), *rest = list, *name;

	if (!list)
		die("out of memory");
	while ((name = strsep(&rest, ",")))
		add_named(o, name);
	free(list);
}

/* ---- The rest --------------------------------------------------------------------------- */

/* An option that the replays understand, as they are to get it. */
static void pass_on(struct compare_options *o, int key, const char *value)
{
	const struct argp_option *option = compare_argp_options;
	char *text;

	while (option->key != key)
		option++;
	if (o->nr_passed_on == COMPARE_PASSED_ON)
		die("--%s: too many options; " SEE_HELP, option->name);
	if (asprintf(&text, "--%s=%s", option->name, value) < 0)
		die("out of memory");
	o->passed_on[o->nr_passed_on++] = text;
}

static void add_trace(struct compare_options *o, const char *text)
{
	if (!strcmp(text, "-"))
		die("-: each trace is read many times, so it must be a file");
	o->traces = grow(o->traces, o->nr_traces + 1u, sizeof(*o->traces));
	o->traces[o->nr_traces++] = text;
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
	struct compare_options *o = state->input;

	switch (key) {
	case KEY_PARALLEL:
		o->parallel = true;
		return 0;
	case KEY_STORM:
	case KEY_LIMIT:
	case KEY_STALL:
	case KEY_CPUS:
	case KEY_MEMORY:
	case KEY_CHECK:
		o->storm |= key == KEY_STORM;
		pass_on(o, key, text);
		return 0;
	case KEY_ENGINES:
		add_list(o, text);
		return 0;
	case KEY_RUNS:
		o->runs = (unsigned)args_number("runs", text, COMPARE_MIN_RUNS, COMPARE_MAX_RUNS);
		return 0;
	case KEY_JSON:
		o->json = true;
		return 0;
	case KEY_SVG:
		o->svg = text;
		return 0;
	case KEY_QUIET:
		o->quiet = true;
		return 0;
	case KEY_HELP:
		args_help(state);
	case ARGP_KEY_ARG:
		add_trace(o, text);
		return 0;
	case ARGP_KEY_ERROR:
		args_complain(state);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

void compare_parse(struct compare_options *options, int argc, char **argv)
{
	static const struct argp argp = {
		compare_argp_options, parse_option, "TRACE...", compare_doc, 0, 0, 0};

	*options = (struct compare_options){.runs = 11};
	args_parse(&argp, "roost compare", argc, argv, options);
	if (!options->nr_traces)
		die("which traces? Give files: roost compare TRACE...; " SEE_HELP);
	args_check_storm(options->storm, options->parallel);
	if (options->nr_contenders)
		return;
	for (unsigned i = 0; i < nr_engines; i++)
		add_engine(options, &engines[i]);
}
