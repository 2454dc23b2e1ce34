/* SPDX-License-Identifier: MIT */
/*
 * map_options.c - the command line of `roost map`.
 */
#include <argp.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tool/common/args.h"
#include "map_options.h"
#include "tool/common/say.h"

#define SEE_HELP "see `roost map --help`"

enum {
	KEY_AT = 256,
	KEY_LIVE,
	KEY_BY,
	KEY_LIMIT,
	KEY_JSON,
	KEY_QUIET,
	KEY_HELP,
};

static const struct argp_option map_argp_options[] = {
	{0, 0, 0, 0, "What is shown:", 1},
	{"at", KEY_AT, "WHEN", 0,
	 "A moment of the trace, or several, separated by commas: 2.5s (seconds from its first "
	 "event), 10000 (after so many allocations and frees), or end (default)",
	 0},
	{"live", KEY_LIVE, "SOCKET", 0,
	 "A process that serves its statistics there, instead of a trace", 0},
	{"by", KEY_BY, "WHAT", 0, "What the colours are: owner (default) or type, the migratetype",
	 0},
	{0, 0, 0, 0, "The allocator of the replay:", 2},
	{"engine", OPTION_ENGINE, "NAME", 0, "pcpbuddy or roost (default: that of the build)", 0},
	{"free", OPTION_FREE, "PATH", 0, "With pcpbuddy: how a free reaches the owner", 0},
	{"cpus", OPTION_CPUS, "N", 0, "Virtual CPUs (default: as traced)", 0},
	{"memory", OPTION_MEMORY, "SIZE", 0, "Memory to manage (default: as the traced machine)",
	 0},
	{"limit", KEY_LIMIT, "N", 0, "Only the first N allocations and frees", 0},
	{0, 0, 0, 0, "The form:", 3},
	{"output", 'o', "FILE", 0,
	 "A picture, FILE.svg or FILE.png, instead of text (PNG needs "
	 "rsvg-convert)",
	 0},
	{"json", KEY_JSON, 0, 0, "For programs: one JSON object", 0},
	{"quiet", KEY_QUIET, 0, 0, "No progress bar, no notes on stderr", 0},
	{"help", KEY_HELP, 0, 0, "This text", -1},
	{0},
};

static const char map_doc[] =
	"Draws the pageblocks (2 MiB) of an allocator, in the order of their addresses: whose they "
	"are, of which migratetype, how much of each is in use, and which are whole.\v"
	"TRACE is replayed in order, as by `roost replay`. With too many pageblocks for a picture "
	"a "
	"cell shows several, each kind by its share, and the picture says so.\n\n"
	"Exit status: 0 done, 1 the replay was not verified, 2 usage or file error.";

static void add_moment(struct map_options *o, const char *text)
{
	struct moment *m = &o->moments[o->nr_moments];
	char *end;

	if (o->nr_moments == MAP_MAX)
		die("--at: at most %d moments", MAP_MAX);
	*m = (struct moment){.text = text};
	if (!strcmp(text, "end")) {
		m->kind = MOMENT_END;
	} else if (args_parse_number(text, 0, UINT64_MAX, &m->event)) {
		m->kind = MOMENT_EVENT;
	} else {
		m->kind = MOMENT_SECONDS;
		m->seconds = strtod(text, &end);
		if (text[0] < '0' || text[0] > '9' || strcmp(end, "s") != 0 ||
		    !isfinite(m->seconds))
			die("--at=%s: give seconds (2.5s), a number of events (10000), or end",
			    text);
	}
	o->nr_moments++;
}

static void add_moments(struct map_options *o, char *text)
{
	char *part;

	if (!*text)
		die("--at=: give seconds (2.5s), a number of events (10000), or end");
	while ((part = strsep(&text, ",")))
		add_moment(o, part);
}

static enum map_by read_by(const char *text)
{
	if (!strcmp(text, "owner"))
		return MAP_BY_OWNER;
	if (!strcmp(text, "type"))
		return MAP_BY_TYPE;
	die("--by=%s: the colours are by owner or by type", text);
}

static void set_output(struct map_options *o, const char *text)
{
	const char *dot = strrchr(text, '.');

	if (!dot || (strcmp(dot, ".svg") != 0 && strcmp(dot, ".png") != 0))
		die("--output=%s: give a name that ends with .svg or .png", text);
	o->out = text;
	o->png = !strcmp(dot, ".png");
}

static error_t parse_replay_option(int key, char *text, struct options *o)
{
	switch (key) {
	case KEY_LIMIT:
		o->limit = args_number("limit", text, 1, UINT64_MAX);
		return 0;
	case KEY_JSON:
		o->json = true;
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
	struct map_options *o = state->input;

	switch (key) {
	case KEY_AT:
		add_moments(o, text);
		return 0;
	case KEY_LIVE:
		o->live = text;
		return 0;
	case KEY_BY:
		o->by = read_by(text);
		return 0;
	case 'o':
		set_output(o, text);
		return 0;
	case KEY_HELP:
		args_help(state);
	case ARGP_KEY_ARG:
		if (o->replay.trace)
			die("%s: one trace at a time, and %s is given already; " SEE_HELP, text,
			    o->replay.trace);
		o->replay.trace = text;
		return 0;
	case ARGP_KEY_ERROR:
		args_complain(state);
	default:
		return parse_replay_option(key, text, &o->replay);
	}
}

static int before(const void *a, const void *b)
{
	const struct moment *x = a, *y = b;

	if (x->kind != y->kind)
		return (int)x->kind - (int)y->kind;
	if (x->kind == MOMENT_EVENT)
		return (x->event > y->event) - (x->event < y->event);
	return (x->seconds > y->seconds) - (x->seconds < y->seconds);
}

void map_options_parse(struct map_options *o, const struct engine *engine, int argc, char **argv)
{
	static const struct argp argp = {map_argp_options, parse_option, "TRACE", map_doc, 0, 0, 0};
	static char end[] = "end";

	*o = (struct map_options){
		.replay = {.engine = engine, .check = ROOST_CHECK_STATE, .stall = 60}};
	args_parse(&argp, "roost map", argc, argv, o);
	if (o->live && (o->replay.trace || o->nr_moments))
		die("--live=%s: shows a process as it is now; leave %s out", o->live,
		    o->replay.trace ? o->replay.trace : "--at");
	if (!o->live && !o->replay.trace)
		die("which trace? Give a file: roost map TRACE; " SEE_HELP);
	if (o->replay.json && o->out)
		die("--output=%s: --json goes to stdout; give one of the two", o->out);
	if (!o->nr_moments)
		add_moment(o, end);
	qsort(o->moments, o->nr_moments, sizeof(o->moments[0]), before);
}
