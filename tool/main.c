/* SPDX-License-Identifier: MIT */
/*
 * main.c - the tool `roost`: picks the command.
 */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <roost/roost.h>

#include "tool/common/args.h"
#include "compare.h"
#include "tool/common/engine.h"
#include "tool/common/program.h"
#include "tool/common/say.h"
#include "record.h"
#include "top.h"

/* The value of --option=VALUE or --option VALUE, or NULL. The engine's program parses it again. */
static const char *value_of(const char *option, int argc, char **argv)
{
	const size_t length = strlen(option);

	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (!strncmp(argv[i], option, length) && argv[i][length] == '=')
			return argv[i] + length + 1;
		else if (!strcmp(argv[i], option) && i + 1 < argc)
			return argv[i + 1];
	return NULL;
}

/* A replay alone has the lab's engines. */
static bool has_engine(const char *command, const struct engine *engine)
{
	return !engine->reference || !strcmp(command, "replay");
}

/* The engine that --engine names, or one with the free path that --free names, or the default. */
static const char *engine_option(int argc, char **argv)
{
	const char *name = value_of("--engine", argc, argv), *path = value_of("--free", argc, argv);

	if (value_of("--peer", argc, argv))
		return "peer";
	for (unsigned i = 0; !name && path && i < nr_engines; i++)
		if (has_engine(argv[0], &engines[i]) && engine_path(&engines[i], path) >= 0)
			name = engines[i].name;
	return name ? name : ROOST_DEFAULT_ENGINE;
}

static _Noreturn void no_engine(const char *command, const char *engine, const char *missing)
{
	char known[128] = ROOST_ENGINES;

	for (unsigned i = 0; i < nr_engines; i++)
		if (engines[i].reference && has_engine(command, &engines[i]))
			snprintf(known + strlen(known), sizeof(known) - strlen(known), ", %s",
				 engines[i].name);
	die("there is no engine \"%s\": %s is missing (the engines are: %s%s)", engine, missing,
	    known, strcmp(command, "explore") ? "" : "; builds with a sanitizer have no explorer");
}

static int run_program(int argc, char **argv)
{
	const char *engine = engine_option(argc, argv);
	char path[PROGRAM_MAX];

	if (!program_find(path, argv[0], engine))
		no_engine(argv[0], engine, path);
	execv(path, argv);
	die("%s: cannot run: %s", path, strerror(errno));
}

/* A malloc that is loaded at run time (jemalloc, for example) may need more thread-local storage
 * than the C library keeps free by default. That must be set before a program starts. */
static void make_room_for_peers(void)
{
	const char *old = getenv("GLIBC_TUNABLES");
	char *tunables;

	if (asprintf(&tunables, "%s%sglibc.rtld.optional_static_tls=16384", old ? old : "",
		     old && *old ? ":" : "") < 0)
		die("out of memory");
	setenv("GLIBC_TUNABLES", tunables, 1);
	free(tunables);
}

/* The program has no engine in it. */
static int run_alone(int argc, char **argv)
{
	char path[PROGRAM_MAX];

	(void)argc;
	if (!program_find(path, argv[0], NULL))
		die("%s is missing%s", path,
		    strcmp(argv[0], "scale") ? "" : "; builds with a sanitizer have none");
	execv(path, argv);
	die("%s: cannot run: %s", path, strerror(errno));
}

static int run_bench(int argc, char **argv)
{
	make_room_for_peers();
	return run_alone(argc, argv);
}

/* ---- Commands --------------------------------------------------------------------------- */

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv); /* argv[0] is the command's name */
} commands[] = {
	{"record", record_main}, {"replay", run_program}, {"compare", compare_main},
	{"map", run_program},	 {"top", top_main},	  {"explore", run_program},
	{"bench", run_bench},	 {"scale", run_alone},
};

enum { KEY_HELP = 'h', KEY_VERSION = 'V' };

static const struct argp_option top_options[] = {
	{"help", KEY_HELP, 0, 0, "Show this text", -1},
	{"version", KEY_VERSION, 0, 0, "Show the version, and how the default engine was built",
	 -1},
	{0},
};

/* At most 78 columns: argp breaks longer lines. */
static const char top_doc[] =
	"Record, replay, explore and measure page-frame allocators.\v"
	"Commands:\n"
	"  record [COMMAND]     Record the page events of this machine into a trace\n"
	"  replay TRACE         Replay the page events of a real kernel: is any frame\n"
	"                       lost, handed out twice or corrupted?\n"
	"  compare TRACE...     Replay traces on all engines: speed, locks and memory\n"
	"                       side by side\n"
	"  map TRACE            Draw the pageblocks at a moment of a replay: their\n"
	"                       owners, and how much of each is in use\n"
	"  top SOCKET           Watch the pools of a process that serves its statistics\n"
	"  explore SCENARIO...  Explore every interleaving of a few calls, interrupts\n"
	"                       included: deadlocks, lost frames, data races\n"
	"  bench                Measure roost beside other allocators\n"
	"  scale                Count the cache lines that allocators move\n"
	"                       between up to 512 virtual CPUs\n"
	"  help [COMMAND]       Show this text, or the options of a command\n\n"
	"`roost COMMAND --help` lists the options of a command; `man roost` has more.";

static error_t parse_top(int key, char *text, struct argp_state *state)
{
	(void)text;
	switch (key) {
	case KEY_HELP:
		args_help(state);
	case KEY_VERSION:
		printf("roost %u.%u.%u\n%s\n", roost_version() / 10000, roost_version() / 100 % 100,
		       roost_version() % 100, roost_build_config());
		exit(EXIT_OK);
	case ARGP_KEY_ERROR:
		die("%s: unknown option; see `roost --help`",
		    state->argv[state->next > 1 ? state->next - 1 : 1]);
	default:
		return ARGP_ERR_UNKNOWN; /* an argument is the command, and ends the tool's own
					  * options */
	}
}

/* The tool's own options end at the first word that is not one: the command. */
static int find_command(int argc, char **argv)
{
	static const struct argp argp = {top_options, parse_top, "COMMAND [OPTION...]", top_doc, 0,
					 0,	      0};
	int next = argc;

	argp_parse(&argp, argc, argv, ARGP_NO_ERRS | ARGP_NO_HELP | ARGP_IN_ORDER, &next, NULL);
	if (next >= argc)
		die("which command? Try: roost replay TRACE; see `roost --help`");
	return next;
}

/* ---- A word that is no command ---------------------------------------------------------- */

enum { LONGEST = 16 };

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* How many letters must be inserted, removed, changed or swapped with their neighbour to turn one
 * word into the other (Damerau-Levenshtein distance, optimal string alignment). */
static size_t distance(const char *a, const char *b)
{
	size_t d[LONGEST + 1][LONGEST + 1], m = strlen(a), n = strlen(b);

	if (m > LONGEST || n > LONGEST)
		return SIZE_MAX;
	for (size_t i = 0; i <= m; i++)
		for (size_t j = 0; j <= n; j++) {
			if (!i || !j) {
				d[i][j] = i + j;
				continue;
			}
			d[i][j] = least(d[i - 1][j - 1] + (a[i - 1] != b[j - 1]),
					least(d[i - 1][j], d[i][j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
		}
	return d[m][n];
}

static _Noreturn void unknown_command(const char *word)
{
	const char *nearest = "help";

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (distance(word, commands[i].name) < distance(word, nearest))
			nearest = commands[i].name;
	if (distance(word, nearest) <= 2)
		die("%s: unknown command; did you mean %s? See `roost --help`", word, nearest);
	die("%s: unknown command; see `roost --help`", word);
}

/* `help COMMAND` and `COMMAND -h` are `COMMAND --help`, `help` is `--help`. */
static void read_help(int argc, char **argv)
{
	static char help[] = "--help";
	bool asked = argc > 1 && !strcmp(argv[1], "help");

	if (asked && argc > 3)
		die("%s: help takes one command; see `roost --help`", argv[3]);
	if (asked && argc == 3)
		argv[1] = argv[2];
	if (asked || (argc == 3 && !strcmp(argv[2], "-h")))
		argv[argc - 1] = help;
}

int main(int argc, char **argv)
{
	int at;

	program_begin();
	read_help(argc, argv);
	at = find_command(argc, argv);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(argv[at], commands[i].name))
			return commands[i].run(argc - at, argv + at);
	unknown_command(argv[at]);
}
