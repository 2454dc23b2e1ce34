/* SPDX-License-Identifier: MIT */
/*
 * map_options.c - the command line of `roost map`.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "map_options.h"
#include "tool/common/say.h"

#define SEE_HELP "see `roost map --help`"

enum { KEY_AT = 256, KEY_LIVE, KEY_BY };

static const struct argp_option map_argp_options[] = {
	{0, 0, 0, 0, "What is shown:", ARGS_GROUP_FIRST},
	{"at", KEY_AT, "WHEN", 0,
	 "Moments of the trace, separated by commas: 2.5s is seconds after the first event, 10000 "
	 "is after that many allocations and frees, end is the default",
	 0},
	{"live", KEY_LIVE, "SOCKET", 0,
	 "Show the pools of a process that serves at SOCKET, instead of a trace", 0},
	{"by", KEY_BY, "WHAT", 0,
	 "What the colours mean: owner (default), or type for the migratetype", 0},
	{0, 0, 0, 0, "How the events are replayed:", ARGS_GROUP_HOW},
	{0, 0, 0, 0, "The allocator:", ARGS_GROUP_ALLOCATOR},
	{0, 0, 0, 0, "The report:", ARGS_GROUP_REPORT},
	{0},
};

static const char map_doc[] =
	"Draws the pageblocks (2 MiB) of an allocator, in the order of their addresses: the owner "
	"and migratetype of each, how much of it is in use, and which are whole.\v"
	"`roost map` replays TRACE in order, as `roost replay` does. If there are too many "
	"pageblocks, a cell shows several, each kind by its share, and the picture says so. "
	"Without --output the map is drawn in letters. A PNG needs rsvg-convert.\n\n"
	"Exit status: 0 done, 1 the replay was not verified, 2 the command line or a file is "
	"wrong.";

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
	case ARGP_KEY_ARG:
		if (o->replay.trace)
			die("%s: one trace at a time, and %s is given already; " SEE_HELP, text,
			    o->replay.trace);
		o->replay.trace = text;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
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
	static const struct args_command command = {
		.name = "roost map",
		.args_doc = "TRACE",
		.doc = map_doc,
		.options = map_argp_options,
		.parser = parse_option,
		.common = ARGS_HAS(LIMIT) | ARGS_HAS(ENGINE) | ARGS_HAS(FREE) | ARGS_HAS(CPUS) |
			  ARGS_HAS(MEMORY) | ARGS_HAS(AGED) | ARGS_HAS(AGED_SEED) | ARGS_HAS(JSON) |
			  ARGS_HAS(OUTPUT) | ARGS_HAS(QUIET),
	};
	static char end[] = "end";
	struct args_common common;

	*o = (struct map_options){.replay = {.engine = engine}};
	args_parse(&command, argc, argv, o, &common);
	options_take(&o->replay, &common);
	if (o->live && (o->replay.trace || o->nr_moments))
		die("--live=%s: shows a process as it is now; leave %s out", o->live,
		    o->replay.trace ? o->replay.trace : "--at");
	if (o->live && o->replay.aged)
		die("--live=%s: shows a process as it is now; leave --aged out", o->live);
	if (!o->live && !o->replay.trace)
		die("which trace? Give a file: roost map TRACE; " SEE_HELP);
	if (!o->nr_moments)
		add_moment(o, end);
	qsort(o->moments, o->nr_moments, sizeof(o->moments[0]), before);
}
