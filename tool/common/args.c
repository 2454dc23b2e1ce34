/* SPDX-License-Identifier: MIT */
/*
 * args.c - what the command lines of all commands have in common.
 *
 * Three argp structures parse a command line: a root that reports errors, the command's own, and
 * the common table, reduced to the options that the command has.
 *
 * argp's own messages take two lines, and it exits with a status of its own. So its messages are
 * off, and the root reports the error, in one line that says what to do.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <roost/roost.h>

#include "args.h"
#include "say.h"

#define STORM_MAX_HZ 50000 /* a processor that only handles interrupts does nothing else */
#define MEMORY_MIN   (UINT64_C(32) << 20)
#define MEMORY_MAX   (UINT64_C(16) << 40)
#define STALL_MAX    86400
#define FIRST_KEY    2048
#define KEY(option)  (FIRST_KEY + ARGS_##option)

/* ---- The table -------------------------------------------------------------------------- */

/* An alias follows its option and has the key 0. The group is that of the section. */
static const struct argp_option common_options[] = {
	{"parallel", KEY(PARALLEL), 0, 0,
	 "One thread per traced CPU; events of an interrupt run in a signal handler",
	 ARGS_GROUP_HOW},
	{"irq-storm", KEY(STORM), "HZ", 0,
	 "With --parallel: also run timer handlers that allocate and free, HZ times a second",
	 ARGS_GROUP_HOW},
	{"limit", KEY(LIMIT), "N", 0, "Stop after the first N allocations and frees",
	 ARGS_GROUP_HOW},
	{"stall", KEY(STALL), "SECONDS", 0,
	 "With --parallel: give up after SECONDS without progress (default 60)", ARGS_GROUP_HOW},
	{"engine", KEY(ENGINE), "NAME", 0,
	 "sets, which has no locks, or pcpbuddy, the reference (default: chosen at build time); "
	 "`replay` also has linux-pcp and zone, which do as Linux does",
	 ARGS_GROUP_ALLOCATOR},
	{"free", KEY(FREE), "PATH", 0,
	 "With pcpbuddy: how a free reaches the owner: trylock (default), llist, or blocking, "
	 "which deadlocks; with linux-pcp: the version, 6.12 (default) or 6.1",
	 ARGS_GROUP_ALLOCATOR},
	{"cpus", KEY(CPUS), "N", 0,
	 "Number of virtual CPUs (default: as traced); traced CPU X becomes X modulo N",
	 ARGS_GROUP_ALLOCATOR},
	{"memory", KEY(MEMORY), "SIZE", 0,
	 "Memory to manage, with K, M, G or T (default: a guess, up to the highest traced frame)",
	 ARGS_GROUP_ALLOCATOR},
	{"aged", KEY(AGED), "START", 0,
	 "Begin with memory that is in use and fragmented, as a file says (a copy of "
	 "/proc/pagetypeinfo, /proc/kpageflags or debugfs's page_owner), or so full: 60% "
	 "(docs/lab.md)",
	 ARGS_GROUP_ALLOCATOR},
	{"aged-seed", KEY(AGED_SEED), "N", 0,
	 "With --aged: which frames these are, where START does not say (default 1)",
	 ARGS_GROUP_ALLOCATOR},
	{"check", KEY(CHECK), "0..3", 0, "Check level (default 1)", ARGS_GROUP_ALLOCATOR},
	{"peer", KEY(PEER), "PATH.so", 0,
	 "Your own allocator, through an adapter (bench/peer.h, docs/lab.md)",
	 ARGS_GROUP_ALLOCATOR},
	{"json", KEY(JSON), "FILE", OPTION_ARG_OPTIONAL,
	 "Print one JSON object instead of the report, or write it to FILE beside the report",
	 ARGS_GROUP_REPORT},
	{"output", 'o', "FILE", 0,
	 "Write a picture to FILE, which ends in .svg or .png (the program that draws it must be "
	 "installed: see below); `record` writes the trace to it",
	 ARGS_GROUP_REPORT},
	{"svg", 0, "FILE", OPTION_ALIAS | OPTION_HIDDEN, 0, 0},
	{"quiet", KEY(QUIET), 0, 0, "Show no progress bar, and no notes on stderr",
	 ARGS_GROUP_REPORT},
	{"help", KEY(HELP), 0, 0, "Show this text", -1},
	{0},
};

enum { NR_COMMON = sizeof(common_options) / sizeof(common_options[0]) };

static enum args_option option_of(int key)
{
	return key == 'o' ? ARGS_OUTPUT : (enum args_option)(key - FIRST_KEY);
}

static const struct argp_option *entry_of(enum args_option option)
{
	const struct argp_option *o = common_options;

	while (option_of(o->key) != option)
		o++;
	return o;
}

const char *args_name(enum args_option option)
{
	return entry_of(option)->name;
}

char *args_again(enum args_option option, const char *text)
{
	bool with_value = entry_of(option)->arg;
	char *again;

	if (asprintf(&again, "--%s%s%s", args_name(option), with_value ? "=" : "",
		     with_value ? text : "") < 0)
		die("out of memory");
	return again;
}

/* Selects the lines of the table that a command has. */
static void take_common(struct argp_option out[NR_COMMON], unsigned has)
{
	const struct argp_option *real = common_options;

	for (const struct argp_option *o = common_options; o->name; o++) {
		real = o->flags & OPTION_ALIAS ? real : o;
		if ((has | ARGS_HAS(HELP)) & 1u << option_of(real->key))
			*out++ = *o;
	}
	*out = (struct argp_option){0};
}

/* ---- Values ----------------------------------------------------------------------------- */

bool args_parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoull(text, &end, 10);
	return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && *value >= min &&
	       *value <= max;
}

bool args_parse_size(const char *text, uint64_t min, uint64_t max, uint64_t *value)
{
	static const char units[] = "KMGT";
	const size_t length = strlen(text);
	const char *unit = length ? strchr(units, text[length - 1]) : NULL;
	char digits[32];
	unsigned shift;

	if (!unit || length > sizeof(digits))
		return false;
	shift = 10u * (unsigned)(unit - units + 1);
	snprintf(digits, sizeof(digits), "%.*s", (int)length - 1, text);
	if (!args_parse_number(digits, 1, max >> shift, value))
		return false;
	*value <<= shift;
	return *value >= min;
}

uint64_t args_number(const char *option, const char *text, uint64_t min, uint64_t max)
{
	uint64_t value;

	if (args_parse_number(text, min, max, &value))
		return value;
	if (max < UINT32_MAX) /* above that the limit is of no interest */
		die("--%s=%s: give a whole number from %" PRIu64 " to %" PRIu64, option, text, min,
		    max);
	die("--%s=%s: give a %s number", option, text, min ? "positive whole" : "whole");
}

bool args_is_png(const char *path)
{
	const char *dot = strrchr(path, '.');

	if (!dot || (strcmp(dot, ".svg") != 0 && strcmp(dot, ".png") != 0))
		die("--%s=%s: give a name that ends with .svg or .png", args_name(ARGS_OUTPUT),
		    path);
	return !strcmp(dot, ".png");
}

static uint64_t memory_size(const char *text)
{
	uint64_t value;

	/* A number without a suffix is a number of bytes. */
	if (args_parse_size(text, MEMORY_MIN, MEMORY_MAX, &value) ||
	    args_parse_number(text, MEMORY_MIN, MEMORY_MAX, &value))
		return value;
	die("--memory=%s: give a size from 32M to 16T, such as 512M or 2G", text);
}

static const char *json_path(const char *text)
{
	if (text && !*text)
		die("--json=: give the name of a file, or leave =FILE out for stdout");
	return text ? text : "-";
}

/* ---- Parsing ---------------------------------------------------------------------------- */

static void set_value(struct args_common *c, enum args_option option, const char *text)
{
	switch (option) {
	case ARGS_STORM:
		c->storm_hz = (unsigned)args_number("irq-storm", text, 1, STORM_MAX_HZ);
		break;
	case ARGS_LIMIT:
		c->limit = args_number("limit", text, 1, UINT64_MAX);
		break;
	case ARGS_STALL:
		c->stall = (unsigned)args_number("stall", text, 1, STALL_MAX);
		break;
	case ARGS_CPUS:
		c->cpus = (unsigned)args_number("cpus", text, 1, ROOST_MAX_CPUS);
		break;
	case ARGS_MEMORY:
		c->memory = memory_size(text);
		break;
	case ARGS_CHECK:
		c->check = (unsigned)args_number("check", text, 0, 3);
		break;
	default: /* words */
		break;
	}
}

static error_t parse_common(int key, char *text, struct argp_state *state)
{
	struct args_common *c = state->input;
	enum args_option option = option_of(key);

	if (key != 'o' && (key < FIRST_KEY || key >= FIRST_KEY + ARGS_OPTIONS))
		return ARGP_ERR_UNKNOWN;
	if (option == ARGS_HELP)
		args_help(state);
	set_value(c, option, text);
	c->text[option] = text ? text : "";
	c->parallel |= option == ARGS_PARALLEL;
	c->quiet |= option == ARGS_QUIET;
	if (option == ARGS_JSON)
		c->json = json_path(text);
	if (option == ARGS_PEER) {
		if (c->nr_peers == ARGS_PEERS)
			die("--peer: more than %d peers", ARGS_PEERS);
		c->peers[c->nr_peers++] = text;
	}
	return 0;
}

/* What the root passes to the two below it. */
struct inputs {
	void *command;
	struct args_common *common;
};

static error_t parse_root(int key, char *text, struct argp_state *state)
{
	const struct inputs *inputs = state->input;

	(void)text;
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = inputs->command;
		state->child_inputs[1] = inputs->common;
		return 0;
	case ARGP_KEY_ERROR:
		args_complain(state);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

void args_parse(const struct args_command *command, int argc, char **argv, void *input,
		struct args_common *common)
{
	struct argp_option options[NR_COMMON];
	struct argp own = {command->options, command->parser, 0, 0, 0, 0, 0};
	struct argp table = {options, parse_common, 0, 0, 0, 0, 0};
	struct argp_child children[] = {{&own, 0, NULL, 0}, {&table, 0, NULL, 0}, {0}};
	struct argp root = {0, parse_root, command->args_doc, command->doc, children, 0, 0};
	struct inputs inputs = {input, common};
	char *word = argv[0], name[32];

	*common = (struct args_common){0};
	take_common(options, command->common);
	snprintf(name, sizeof(name), "%s", command->name);
	argv[0] = name; /* what argp calls the program */
	argp_parse(&root, argc, argv,
		   ARGP_NO_ERRS | ARGP_NO_HELP | (command->in_order ? ARGP_IN_ORDER : 0), NULL,
		   &inputs);
	argv[0] = word;
	common->engine = common->text[ARGS_ENGINE];
	common->free = common->text[ARGS_FREE];
	common->output = common->text[ARGS_OUTPUT];
	if (common->output && !command->writes_trace)
		(void)args_is_png(common->output);
	if (common->text[ARGS_STORM] && !common->parallel)
		die("--irq-storm: interrupts need threads to interrupt; add --parallel");
}

void args_help(const struct argp_state *state)
{
	/* Without argp's note on short options, which repeats what the list shows. */
	setenv("ARGP_HELP_FMT", "no-dup-args-note", 0);
	argp_help(state->root_argp, stdout,
		  ARGP_HELP_USAGE | ARGP_HELP_PRE_DOC | ARGP_HELP_LONG | ARGP_HELP_POST_DOC,
		  state->name);
	exit(EXIT_OK);
}

void args_each(const char *list, args_item_fn *add, void *context)
{
	char *copy = strdup(list), *rest = copy, *item;

	if (!copy)
		die("out of memory");
	while ((item = strsep(&rest, ",")))
		add(context, item);
	free(copy);
}

/* Reports an error if the word is one of these options; otherwise returns how many begin with
 * it. */
static unsigned find_option(const struct argp_option *options, const char *word, size_t length,
			    const char *name)
{
	unsigned fits = 0;

	for (const struct argp_option *o = options; o && (o->name || o->doc); o++) {
		if (!o->name || length <= 2 || strncmp(word + 2, o->name, length - 2) != 0)
			continue;
		fits++;
		if (strlen(o->name) != length - 2)
			continue;
		if (o->arg)
			die("%s: a value is missing: --%s=%s; see `%s --help`", word, o->name,
			    o->arg, name);
		die("%s: --%s takes no value; see `%s --help`", word, o->name, name);
	}
	return fits;
}

void args_complain(const struct argp_state *state)
{
	const struct argp *root = state->root_argp;
	const char *word = state->argv[state->next > 0 ? state->next - 1 : 0], *name = state->name;
	size_t length;
	unsigned fits;

	if (word[0] != '-' && state->next < state->argc)
		word = state->argv[state->next]; /* argp leaves "-xy" only after y */
	length = strcspn(word, "=");
	fits = find_option(root->options, word, length, name);
	for (const struct argp_child *child = root->children; child && child->argp; child++)
		fits += find_option(child->argp->options, word, length, name);
	if (fits > 1)
		die("%s: which option is meant? Write it out; see `%s --help`", word, name);
	die("%s: unknown option; see `%s --help`", word, name);
}
