/* SPDX-License-Identifier: MIT */
/*
 * args.h - the command line of a command: its own options, and those that several commands have.
 * The latter are in one table, so that an option has the same meaning and the same help everywhere.
 */
#ifndef TOOL_ARGS_H
#define TOOL_ARGS_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>

/* ---- Options that several commands have ------------------------------------------------- */

/* In the order of the table. */
enum args_option {
	ARGS_PARALLEL,
	ARGS_STORM,
	ARGS_LIMIT,
	ARGS_STALL,
	ARGS_ENGINE,
	ARGS_FREE,
	ARGS_CPUS,
	ARGS_MEMORY,
	ARGS_AGED,
	ARGS_AGED_SEED,
	ARGS_CHECK,
	ARGS_PEER,
	ARGS_JSON,
	ARGS_OUTPUT,
	ARGS_QUIET,
	ARGS_HELP,
	ARGS_OPTIONS,
};

enum { ARGS_PEERS = 8 };

/* The common options that were given. */
struct args_common {
	const char
		*text[ARGS_OPTIONS]; /* the value; "" of an option without one; NULL: not given */
	unsigned storm_hz, stall, cpus; /* 0: not given, as in the next line */
	uint64_t limit, memory;
	unsigned check;
	/* As given; the command checks whether there are such an engine and free path. */
	const char *engine, *free;
	const char *json;   /* a file, "-" for stdout, or NULL */
	const char *output; /* a picture, .svg or .png, or NULL */
	bool parallel, quiet;
	const char *peers[ARGS_PEERS]; /* each that was given */
	unsigned nr_peers;
};

/* The sections of --help, which a command's own options may join. */
enum args_group {
	ARGS_GROUP_FIRST = 1, /* what the command does, under a heading of its own */
	ARGS_GROUP_HOW,
	ARGS_GROUP_ALLOCATOR,
	ARGS_GROUP_REPORT,
};

#define ARGS_HAS(option) (1u << ARGS_##option)

struct args_command {
	const char *name; /* "roost replay" */
	const char *args_doc, *doc;
	const struct argp_option *options; /* of its own */
	argp_parser_t parser;		   /* its input is what args_parse() gets */
	unsigned common;		   /* ARGS_HAS() of its common options; all have --help */
	bool in_order;			   /* words after the first argument are no options */
	bool writes_trace;		   /* --output is a trace, not a picture */
};

/* Two commands have these of their own. */
#define ARGS_HIGH_HELP                                                                             \
	"With pcpbuddy and linux-pcp: frames that a pcp holds before it drains (default: by the "  \
	"size of the zone)"
#define ARGS_INSTRUCTIONS_HELP                                                                     \
	"Also count the instructions of each hold of the zone lock and with interrupts off, by "   \
	"stopping after each one; in order alone"
#define ARGS_BATCH_HELP                                                                            \
	"With pcpbuddy and linux-pcp: frames moved under one zone lock (default: by the size of "  \
	"the zone)"

/* The name of an option without dashes, and how to pass it on: "--NAME" or "--NAME=VALUE". */
const char *args_name(enum args_option option);
char *args_again(enum args_option option, const char *text);

/* Parses the command line. An error ends the program, and so does --help. argv[0] is the name of
 * the command. */
void args_parse(const struct args_command *command, int argc, char **argv, void *input,
		struct args_common *common);

/* ---- Values ----------------------------------------------------------------------------- */

/* A whole number from min to max, or the program ends and says what the option takes. */
uint64_t args_number(const char *option, const char *text, uint64_t min, uint64_t max);

/* The same; false if it is none. */
bool args_parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *value);

/* Reads a size: a whole number, with K, M, G or T, of min to max bytes. False: it is none.
 */
bool args_parse_size(const char *text, uint64_t min, uint64_t max, uint64_t *value);

/* Calls the function with each item of a list with commas, which it may change, and its context. */
typedef void args_item_fn(void *context, char *item);
void args_each(const char *list, args_item_fn *add, void *context);

/* Does the name of a picture end in .png? Ends the program if it ends in neither .png nor .svg. */
bool args_is_png(const char *path);

/* Prints the whole help and ends the program. */
_Noreturn void args_help(const struct argp_state *state);

/* For ARGP_KEY_ERROR: names the option that argp did not accept, and ends the program. */
_Noreturn void args_complain(const struct argp_state *state);

#endif
