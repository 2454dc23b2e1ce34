/* SPDX-License-Identifier: MIT */
/*
 * options.c - the command line of `roost replay`.
 */
#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tool/common/args.h"
#include "options.h"
#include "machine.h"
#include "tool/common/say.h"
#include "storm.h"

#define SEE_HELP "see `roost replay --help`"

enum {
	KEY_ORDERED = 256,
	KEY_PARALLEL,
	KEY_STORM,
	KEY_LIMIT,
	KEY_JSON,
	KEY_SAMPLES,
	KEY_TIMING,
	KEY_SVG,
	KEY_QUIET,
	KEY_STALL,
	KEY_HELP,
};

static const struct argp_option replay_options[] = {
	{0, 0, 0, 0, "How the events are replayed:", 1},
	{"ordered", KEY_ORDERED, 0, 0, "One thread, in the order of the trace (default)", 0},
	{"parallel", KEY_PARALLEL, 0, 0,
	 "One thread per traced CPU; what ran in an interrupt runs in a signal handler", 0},
	{"irq-storm", KEY_STORM, "HZ", 0,
	 "With --parallel: timers whose handlers allocate and free as well, HZ times a second", 0},
	{"limit", KEY_LIMIT, "N", 0, "Only the first N allocations and frees", 0},
	{"stall", KEY_STALL, "SECONDS", 0,
	 "With --parallel: no step for so long means stuck (default 60)", 0},
	{0, 0, 0, 0, "The allocator:", 2},
	{"engine", OPTION_ENGINE, "NAME", 0,
	 "pcpbuddy, the reference, or roost, which has no locks (default: that of the build)", 0},
	{"free", OPTION_FREE, "PATH", 0,
	 "With pcpbuddy: how a free reaches the owner: trylock (default), llist, or blocking, "
	 "which deadlocks",
	 0},
	{"cpus", OPTION_CPUS, "N", 0,
	 "Virtual CPUs (default: as traced); a traced CPU counts modulo N", 0},
	{"memory", OPTION_MEMORY, "SIZE", 0,
	 "Memory to manage, with K, M, G or T (default: as the traced machine)", 0},
	{"check", OPTION_CHECK, "0..3", 0, "Check level (default 1)", 0},
	{"high", OPTION_HIGH, "N", 0,
	 "With pcpbuddy: frames that a pcp holds before it drains (default: by size)", 0},
	{"batch", OPTION_BATCH, "N", 0,
	 "With pcpbuddy: frames moved per zone lock (default: by size)", 0},
	{0, 0, 0, 0, "The report:", 3},
	{"json", KEY_JSON, 0, 0, "For programs: one JSON object on stdout and nothing else", 0},
	{"samples", KEY_SAMPLES, 0, 0,
	 "With --json: the samples over the time of the trace as well", 0},
	{"timing", KEY_TIMING, 0, 0,
	 "For timing: no stamps in the frames, no samples, the metadata touched beforehand; what "
	 "the loop itself takes is measured as well",
	 0},
	{"svg", KEY_SVG, "FILE", 0, "Draw the free 2 MiB blocks over time (needs gnuplot)", 0},
	{"quiet", KEY_QUIET, 0, 0, "No progress bar, no notes on stderr", 0},
	{"help", KEY_HELP, 0, 0, "This text", -1},
	{0},
};

static const char replay_doc[] =
	"Replays the page allocations and frees of a real kernel on roost's allocator and "
	"verifies that no frame is lost, given twice or written by anybody else.\v"
	"TRACE is the text of /sys/kernel/tracing/trace, of `trace-cmd report` or of `perf "
	"script`, or "
	"a trace.dat with all its buffers; "
	"plain or compressed (gzip, zstd, xz, ...); - is standard input. Record one with: "
	"trace-cmd record -e kmem\n\n"
	"Exit status: 0 verified, 1 not verified, 2 the command line or the trace is no good.";

static uint64_t memory_size(const char *text)
{
	static const char units[] = "KMGT";
	char digits[32], *unit;
	size_t length = strlen(text);
	unsigned shift = 0;
	uint64_t value;

	if (length > 0 && length < sizeof(digits)) {
		memcpy(digits, text, length + 1);
		unit = strchr(units, digits[length - 1]);
		if (unit && *unit) {
			shift = 10u * (unsigned)(unit - units + 1);
			digits[length - 1] = '\0';
		}
		if (args_parse_number(digits, 1, UINT64_C(16) << 40 >> shift, &value) &&
		    value << shift >= (uint64_t)MACHINE_MIN_MIB << 20)
			return value << shift;
	}
	die("--memory=%s: give a size from %dM to 16T, such as 512M or 2G", text, MACHINE_MIN_MIB);
}

/* `roost replay` runs the program of the engine that the option names: this one. */
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

/* What the allocator is to be. */
error_t options_parse_allocator(int key, char *text, struct options *o)
{
	switch (key) {
	case OPTION_ENGINE:
		check_engine(o->engine, text);
		return 0;
	case OPTION_FREE:
		o->free_path = free_path(o->engine, text);
		return 0;
	case OPTION_CPUS:
		o->cpus = (unsigned)args_number("cpus", text, 1, ROOST_MAX_CPUS);
		return 0;
	case OPTION_MEMORY:
		o->memory = memory_size(text);
		return 0;
	case OPTION_CHECK:
		o->check = (unsigned)args_number("check", text, 0, 3);
		return 0;
	case OPTION_HIGH:
		o->high = pcp_mark(o->engine, "high", text);
		return 0;
	case OPTION_BATCH:
		o->batch = pcp_mark(o->engine, "batch", text);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse_report_option(int key, char *text, struct options *o)
{
	switch (key) {
	case KEY_JSON:
		o->json = true;
		return 0;
	case KEY_SAMPLES:
		o->samples = true;
		return 0;
	case KEY_TIMING:
		o->timing = true;
		return 0;
	case KEY_SVG:
		o->svg = text;
		return 0;
	case KEY_QUIET:
		o->quiet = true;
		return 0;
	default:
		return options_parse_allocator(key, text, o);
	}
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case KEY_ORDERED:
		o->parallel = false;
		return 0;
	case KEY_PARALLEL:
		o->parallel = true;
		return 0;
	case KEY_STORM:
		o->storm_hz = (unsigned)args_number("irq-storm", text, 1, STORM_MAX_HZ);
		return 0;
	case KEY_LIMIT:
		o->limit = args_number("limit", text, 1, UINT64_MAX);
		return 0;
	case KEY_STALL:
		o->stall = (unsigned)args_number("stall", text, 1, 86400);
		return 0;
	case KEY_HELP:
		args_help(state);
	case ARGP_KEY_ARG:
		set_trace(o, text);
		return 0;
	case ARGP_KEY_ERROR:
		args_complain(state);
	default:
		return parse_report_option(key, text, o);
	}
}

void options_parse(struct options *options, const struct engine *engine, int argc, char **argv)
{
	static const struct argp argp = {
		replay_options, parse_option, "TRACE", replay_doc, 0, 0, 0};

	*options = (struct options){.engine = engine, .check = ROOST_CHECK_STATE, .stall = 60};
	args_parse(&argp, "roost replay", argc, argv, options);
	if (!options->trace)
		die("which trace? Give a file: roost replay TRACE; " SEE_HELP);
	args_check_storm(options->storm_hz > 0, options->parallel);
	if (options->timing && (options->samples || options->svg))
		die("--timing: takes no samples; leave --samples and --svg out");
}

const char *options_path(const struct options *options)
{
	return options->engine->paths[options->free_path];
}
