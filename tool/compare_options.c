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
	KEY_ENGINES = 256,
	KEY_RUNS,
	KEY_HIGH,
	KEY_BATCH,
	KEY_BASELINE,
	KEY_BUILD,
	KEY_INSTRUCTIONS,
	KEY_HTML
};

static const struct argp_option compare_argp_options[] = {
	{0, 0, 0, 0, "What is compared:", ARGS_GROUP_FIRST},
	{"engines", KEY_ENGINES, "LIST", 0,
	 "Engines, separated by commas; ENGINE/PATH is one free path of an engine (default: all "
	 "of roost's that do not deadlock; linux-pcp and zone do as Linux does). With +high=N or "
	 "+batch=N after it, it has a mark of its own",
	 0},
	{"build", KEY_BUILD, "NAME=DIR", 0,
	 "Also replay on the engines of another build of roost (before or after a change), whose "
	 "programs are in DIR; they are called NAME:ENGINE, in LIST as well. May be given "
	 "several times",
	 0},
	{"baseline", KEY_BASELINE, "NAME", 0,
	 "Also show every figure as a ratio to that of NAME, as it is called in the table, or as "
	 "a difference if NAME has 0",
	 0},
	{"runs", KEY_RUNS, "N", 0,
	 "Measure N replays of each (default 11; with fewer than 7 the times say little)", 0},
	{0, 0, 0, 0, "How the events are replayed:", ARGS_GROUP_HOW},
	{0, 0, 0, 0, "The allocator:", ARGS_GROUP_ALLOCATOR},
	{"high", KEY_HIGH, "N", 0, ARGS_HIGH_HELP, 0},
	{"batch", KEY_BATCH, "N", 0, ARGS_BATCH_HELP, 0},
	{0, 0, 0, 0, "The report:", ARGS_GROUP_REPORT},
	{"html", KEY_HTML, "FILE", 0,
	 "Also write all of it as one page to FILE: tables, plots, the command, the machine, and "
	 "the raw data. Needs gnuplot",
	 0},
	{"instructions", KEY_INSTRUCTIONS, 0, 0, ARGS_INSTRUCTIONS_HELP, 0},
	{0},
};

static const char compare_doc[] =
	"Replays each trace on each engine and free path, in turns, and compares operations per "
	"second, zone locks, failed try-locks, frames on CPUs, free 2 MiB blocks and metadata.\v"
	"The times are CPU times of the allocator. They come from replays that do not stamp the "
	"frames and take no samples. In order, the time of the loop over the events is measured "
	"and subtracted. In parallel, the times contain that loop, and the time that threads "
	"wait for each other. One more replay of each engine takes the samples and checks every "
	"frame.\n\n"
	"The picture shows over time the free 2 MiB blocks, the frames on CPUs, the unusable index "
	"of orders 9 and 3, mixed pageblocks, and 2 MiB and 1 GiB without any use. It needs "
	"gnuplot.\n\n"
	"Exit status: 0 all replays were verified, 1 one was not, 2 the command line or a trace "
	"is wrong.";

const char *contender_path(const struct contender *c)
{
	return c->engine && engine_nr_paths(c->engine) > 1 ? c->engine->paths[c->path] : NULL;
}

/* ---- The rest --------------------------------------------------------------------------- */

static bool has_marks(const struct contender *c)
{
	return c->engine && c->engine->has_pcps;
}

static bool has_check_levels(const struct contender *c)
{
	return c->engine && !c->engine->reference;
}

bool contender_takes(const struct contender *c, const struct passed_on *option)
{
	return !option->has || option->has(c);
}

static struct passed_on *pass(struct compare_options *o, char *text)
{
	struct passed_on *option = &o->passed_on[o->nr_passed_on++];

	if (!text)
		die("out of memory");
	option->text = text;
	return option;
}

/* The options of several commands that are passed on to the replays. */
static void pass_common(struct compare_options *o, const struct args_common *c)
{
	static const enum args_option passed_on[] = {ARGS_STORM,     ARGS_LIMIT,  ARGS_STALL,
						     ARGS_CPUS,	     ARGS_MEMORY, ARGS_AGED,
						     ARGS_AGED_SEED, ARGS_CHECK};

	/* With --high and --batch, each once. */
	_Static_assert(sizeof(passed_on) / sizeof(passed_on[0]) + 2 <= COMPARE_PASSED_ON,
		       "all fit");
	for (size_t i = 0; i < sizeof(passed_on) / sizeof(passed_on[0]); i++)
		if (c->text[passed_on[i]]) {
			struct passed_on *option =
				pass(o, args_again(passed_on[i], c->text[passed_on[i]]));

			if (passed_on[i] == ARGS_CHECK) {
				option->has = has_check_levels;
				option->lack = "check levels";
			}
		}
}

/* As with other options, the last one counts. */
static void pass_mark(struct compare_options *o, const char *name, const char *value)
{
	struct passed_on *option;
	char *text;

	if (!value)
		return;
	(void)args_number(name, value, 1, UINT32_MAX);
	if (asprintf(&text, "--%s=%s", name, value) < 0)
		text = NULL;
	option = pass(o, text);
	option->has = has_marks;
	option->lack = "such mark";
}

bool contender_steps(const struct contender *c)
{
	return c->engine && !c->engine->reference;
}

static void check_instructions(const struct compare_options *o)
{
	bool any = false;

	for (unsigned i = 0; i < o->nr_contenders; i++)
		any |= contender_steps(&o->contenders[i]);
	if (o->instructions && o->parallel)
		die("--instructions: leave --parallel out: threads would wait for one that is "
		    "stopped after each instruction");
	if (o->instructions && !any)
		die("--instructions: of none of what is compared anybody knows when it turns "
		    "interrupts off; leave it out, or name others with --engines");
}

/* An option that no engine here has is a mistake. */
static void check_passed_on(const struct compare_options *o)
{
	for (unsigned i = 0; i < o->nr_passed_on; i++) {
		bool taken = false;

		for (unsigned k = 0; k < o->nr_contenders; k++)
			taken |= contender_takes(&o->contenders[k], &o->passed_on[i]);
		if (!taken)
			die("%s: none of what is compared has %s; leave it out, or name others "
			    "with --engines",
			    o->passed_on[i].text, o->passed_on[i].lack);
	}
}

static void find_baseline(struct compare_options *o)
{
	char names[COMPARE_CONTENDERS * sizeof(o->contenders[0].name) * 2] = "";
	size_t length = 0;

	if (!o->baseline_name)
		return;
	for (unsigned i = 0; i < o->nr_contenders; i++) {
		if (!strcmp(o->contenders[i].name, o->baseline_name))
			o->baseline = (int)i;
		length += (size_t)snprintf(names + length, sizeof(names) - length, "%s%s",
					   i ? ", " : "", o->contenders[i].name);
	}
	if (o->baseline < 0)
		die("--baseline=%s: it is not compared; these are: %s", o->baseline_name, names);
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
	case KEY_ENGINES:
		o->lists = grow(o->lists, o->nr_lists + 1u, sizeof(*o->lists));
		o->lists[o->nr_lists++] = text;
		return 0;
	case KEY_BUILD:
		compare_add_build(o, text);
		return 0;
	case KEY_RUNS:
		o->runs = (unsigned)args_number("runs", text, 1, COMPARE_MAX_RUNS);
		return 0;
	case KEY_BASELINE:
		o->baseline_name = text;
		return 0;
	case KEY_HTML:
		o->html = text;
		return 0;
	case KEY_INSTRUCTIONS:
		o->instructions = true;
		return 0;
	case KEY_HIGH:
		o->high = text;
		return 0;
	case KEY_BATCH:
		o->batch = text;
		return 0;
	case ARGP_KEY_ARG:
		add_trace(o, text);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* A word of a shell. */
static void write_word(FILE *out, const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_-+=./,:@%";

	if (*word && !word[strspn(word, plain)]) {
		fputs(word, out);
		return;
	}
	putc('\'', out);
	for (; *word; word++)
		fputs(*word == '\'' ? "'\\''" : (char[]){*word, 0}, out);
	putc('\'', out);
}

static char *command_line(int argc, char **argv)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		die("out of memory");
	fputs("roost", out);
	for (int i = 0; i < argc; i++) {
		putc(' ', out);
		write_word(out, argv[i]);
	}
	if (fclose(out) != 0)
		die("out of memory");
	return text;
}

void compare_parse(struct compare_options *options, int argc, char **argv)
{
	static const struct args_command command = {
		.name = "roost compare",
		.args_doc = "TRACE...",
		.doc = compare_doc,
		.options = compare_argp_options,
		.parser = parse_option,
		.common = ARGS_HAS(PARALLEL) | ARGS_HAS(STORM) | ARGS_HAS(LIMIT) | ARGS_HAS(STALL) |
			  ARGS_HAS(CPUS) | ARGS_HAS(MEMORY) | ARGS_HAS(AGED) | ARGS_HAS(AGED_SEED) |
			  ARGS_HAS(CHECK) | ARGS_HAS(PEER) | ARGS_HAS(JSON) | ARGS_HAS(OUTPUT) |
			  ARGS_HAS(QUIET),
	};
	struct args_common common;

	*options = (struct compare_options){.runs = 11, .baseline = -1};
	options->command = command_line(argc, argv); /* before it is taken apart */
	args_parse(&command, argc, argv, options, &common);
	options->parallel = common.parallel;
	options->json = common.json;
	options->output = common.output;
	options->quiet = common.quiet;
	pass_common(options, &common);
	pass_mark(options, "high", options->high);
	pass_mark(options, "batch", options->batch);
	if (!options->nr_traces)
		die("which traces? Give files: roost compare TRACE...; " SEE_HELP);
	compare_add_engines(options);
	for (unsigned i = 0; i < options->nr_contenders; i++)
		if (options->parallel && options->contenders[i].engine->reference)
			die("--parallel: the engine %s replays in order alone; leave one of the "
			    "two out",
			    options->contenders[i].engine->name);
	if (common.nr_peers && options->parallel)
		die("--parallel: leave it out with --peer: handlers of a parallel replay allocate, "
		    "and an adapter need not allow that");
	for (unsigned i = 0; i < common.nr_peers; i++)
		compare_add_peer(options, common.peers[i]);
	check_passed_on(options);
	check_instructions(options);
	find_baseline(options);
}
