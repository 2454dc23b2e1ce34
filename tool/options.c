/* SPDX-License-Identifier: MIT */
/*
 * options.c - the command line of `roost replay`.
 */
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "tool/common/say.h"

#define SEE_HELP "see `roost replay --help`"

enum { STALL_SECONDS = 60 };

enum { KEY_ORDERED = 256, KEY_SAMPLES, KEY_TIMING, KEY_INSTRUCTIONS, KEY_HIGH, KEY_BATCH };

static const struct argp_option replay_options[] = {
	{0, 0, 0, 0, "How the events are replayed:", ARGS_GROUP_HOW},
	{"ordered", KEY_ORDERED, 0, 0,
	 "One thread takes all steps in the order of the trace (default)", 0},
	{0, 0, 0, 0, "The allocator:", ARGS_GROUP_ALLOCATOR},
	{"high", KEY_HIGH, "N", 0, ARGS_HIGH_HELP, 0},
	{"batch", KEY_BATCH, "N", 0, ARGS_BATCH_HELP, 0},
	{0, 0, 0, 0, "The report:", ARGS_GROUP_REPORT},
	{"samples", KEY_SAMPLES, 0, 0, "With --json: list all samples over the time of the trace",
	 0},
	{"timing", KEY_TIMING, 0, 0,
	 "Measure time: do not stamp frames, take no samples, touch the metadata before the start, "
	 "and measure the loop itself as well",
	 0},
	{"instructions", KEY_INSTRUCTIONS, 0, 0, ARGS_INSTRUCTIONS_HELP, 0},
	{0},
};

static const char replay_doc[] =
	"Replays the page allocations and frees of a real kernel on roost's allocator, and "
	"verifies that no frame is lost, handed out twice, or written by anyone else.\v"
	"TRACE is a copy of /sys/kernel/tracing/trace, the output of `trace-cmd report` or `perf "
	"script`, or a trace.dat with all its buffers. It may be compressed (gzip, zstd, xz, "
	"...); - is standard input. To record one: sudo roost record, or sudo trace-cmd record "
	"-e kmem.\n\n"
	"The picture shows over time the free memory, the unusable index by order, mixed "
	"pageblocks, "
	"and 2 MiB and 1 GiB without any use. It needs gnuplot.\n\n"
	"Exit status: 0 verified, 1 not verified, 2 the command line or the trace is wrong.";

/* `roost replay` runs the program of the engine that --engine names, which is this one. */
static void check_engine(const struct engine *engine, const char *text)
{
	if (strcmp(text, engine->name) != 0)
		die("--engine=%s: this program has the engine %s alone; use: roost COMMAND "
		    "--engine=NAME",
		    text, engine->name);
}

static enum roost_free_path free_path(const struct engine *engine, const char *text)
{
	char paths[ENGINE_PATHS_MAX];
	int path = engine_path(engine, text);

	engine_list_paths(engine, paths);
	if (path < 0)
		die("--free=%s: the engine %s has the free path %s", text, engine->name, paths);
	return (enum roost_free_path)path;
}

static uint32_t pcp_mark(const struct engine *engine, const char *option, const char *text)
{
	if (!engine->has_pcps)
		die("--%s=%s: the engine %s has no such mark; leave it out, or choose another "
		    "--engine",
		    option, text, engine->name);
	return (uint32_t)args_number(option, text, 1, UINT32_MAX);
}

static void set_trace(struct options *o, const char *text)
{
	if (o->trace)
		die("%s: one trace at a time, and %s is given already; " SEE_HELP, text, o->trace);
	o->trace = text;
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case KEY_ORDERED:
		o->ordered = true;
		return 0;
	case KEY_SAMPLES:
		o->samples = true;
		return 0;
	case KEY_TIMING:
		o->timing = true;
		return 0;
	case KEY_INSTRUCTIONS:
		o->instructions = true;
		return 0;
	case KEY_HIGH:
		o->pcpbuddy.high = pcp_mark(o->engine, "high", text);
		return 0;
	case KEY_BATCH:
		o->pcpbuddy.batch = pcp_mark(o->engine, "batch", text);
		return 0;
	case ARGP_KEY_ARG:
		set_trace(o, text);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* An engine through an adapter. It has no choice of free paths, and its allocations may not be
 * legal in handlers. */
static void load_engine(struct options *o, const struct args_common *c)
{
	if (c->nr_peers != 1)
		die("--peer=PATH.so: give one adapter");
	if (c->engine)
		die("--engine=%s: --peer is given; leave one of the two out", c->engine);
	if (c->parallel)
		die("--parallel: leave it out with --peer: handlers of a parallel replay allocate, "
		    "and an adapter need not allow that");
	o->engine = o->engine->load(c->peers[0]);
}

/* "60%" is a percentage, anything else a file. */
static void take_aged(struct options *o, const struct args_common *c)
{
	const char *text = c->text[ARGS_AGED], *seed = c->text[ARGS_AGED_SEED];
	const size_t digits = text ? strspn(text, "0123456789") : 0;

	o->aged = text;
	o->aged_seed_given = seed;
	o->aged_seed = seed ? args_number("aged-seed", seed, 0, UINT64_MAX) : 1;
	if (seed && !text)
		die("--aged-seed=%s: there is no start to place; add --aged=FILE or --aged=60%%",
		    seed);
	if (!text || !digits || strcmp(text + digits, "%") != 0)
		return;
	o->aged_percent = digits < 3 ? (unsigned)strtoul(text, NULL, 10) : 0;
	if (!o->aged_percent)
		die("--aged=%s: give a percentage from 1%% to 99%%, or a file", text);
}

void options_take(struct options *o, const struct args_common *c)
{
	o->parallel = c->parallel;
	o->quiet = c->quiet;
	o->json = c->json;
	o->output = c->output;
	o->cpus = c->cpus;
	o->memory = c->memory;
	o->check = c->text[ARGS_CHECK] ? c->check : ROOST_CHECK_STATE;
	o->limit = c->limit;
	o->storm_hz = c->storm_hz;
	take_aged(o, c);
	o->stall = c->stall ? c->stall : STALL_SECONDS;
	if (o->engine->load)
		load_engine(o, c);
	else if (c->nr_peers)
		die("--peer=%s: this program has the engine %s alone", c->peers[0],
		    o->engine->name);
	else if (c->engine)
		check_engine(o->engine, c->engine);
	if (o->engine->reference && o->parallel)
		die("--parallel: the engine %s replays in order alone; leave it out",
		    o->engine->name);
	if (o->engine->reference && c->text[ARGS_CHECK])
		die("--check=%s: the engine %s has no check levels; leave it out",
		    c->text[ARGS_CHECK], o->engine->name);
	if (c->free)
		o->pcpbuddy.free_path = free_path(o->engine, c->free);
}

static void check_instructions(const struct options *o)
{
	if (!o->instructions)
		return;
	if (o->parallel)
		die("--instructions: leave --parallel out: threads would wait for one that is "
		    "stopped after each instruction");
	if (o->timing)
		die("--instructions and --timing: give one of the two");
	if (o->engine->reference || o->engine->metadata)
		die("--instructions: of %s nobody knows when it turns interrupts off or takes a "
		    "lock; leave the option out",
		    o->engine->name);
}

void options_parse(struct options *options, const struct engine *engine, int argc, char **argv)
{
	static const struct args_command command = {
		.name = "roost replay",
		.args_doc = "TRACE",
		.doc = replay_doc,
		.options = replay_options,
		.parser = parse_option,
		.common = ARGS_HAS(PARALLEL) | ARGS_HAS(STORM) | ARGS_HAS(LIMIT) | ARGS_HAS(STALL) |
			  ARGS_HAS(ENGINE) | ARGS_HAS(FREE) | ARGS_HAS(CPUS) | ARGS_HAS(MEMORY) |
			  ARGS_HAS(AGED) | ARGS_HAS(AGED_SEED) | ARGS_HAS(CHECK) | ARGS_HAS(PEER) |
			  ARGS_HAS(JSON) | ARGS_HAS(OUTPUT) | ARGS_HAS(QUIET),
	};
	struct args_common common;

	*options = (struct options){.engine = engine};
	args_parse(&command, argc, argv, options, &common);
	options_take(options, &common);
	if (!options->trace)
		die("which trace? Give a file: roost replay TRACE; " SEE_HELP);
	if (options->ordered && options->parallel)
		die("--ordered and --parallel: give one of the two");
	if (options->timing && (options->samples || options->output))
		die("--timing: takes no samples; leave --samples and --output out");
	check_instructions(options);
}

const char *options_path(const struct options *options)
{
	return engine_nr_paths(options->engine) > 1
		       ? options->engine->paths[options->pcpbuddy.free_path]
		       : NULL;
}
