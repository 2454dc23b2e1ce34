/* SPDX-License-Identifier: MIT */
/*
 * args.h - the command line of a command: options of its own, and those that several commands have.
 * The latter are one table, so that a word means the same and is explained in the same words
 * everywhere.
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
	ARGS_CHECK,
	ARGS_PEER,
	ARGS_JSON,
	ARGS_OUTPUT,
	ARGS_QUIET,
	ARGS_HELP,
	ARGS_OPTIONS,
};

enum { ARGS_PEERS = 8 };

/* What was given of them. */
struct args_common {
	const char
		*text[ARGS_OPTIONS]; /* the value; "" of an option without one; NULL: not given */
	unsigned storm_hz, stall, cpus; /* 0: not given, as in the next line */
	uint64_t limit, memory;
	unsigned check;
	/* As given; what engines and free paths there are the command knows. */
	const char *engine, *free;
	const char *json;   /* a file, "-" for stdout, or NULL */
	const char *output; /* a picture, .svg or .png, or NULL */
	bool parallel, quiet;
	const char *peers[ARGS_PEERS]; /* each that was given */
	unsigned nr_peers;
};

/* The sections of --help, which a command's own options may join. */
enum args_group {
	ARGS_GROUP_FIRST = 1, /* what the command is to do: named by itself */
	ARGS_GROUP_HOW,
	ARGS_GROUP_ALLOCATOR,
	ARGS_GROUP_REPORT,
};

#define ARGS_HAS(option) (1u << ARGS_##option)

struct args_command {
	const char *name; /* "roost replay" */
	const char *args_doc, *doc;
	const struct argp_option *options; /* of its own */
	argp_parser_t parser;		   /* with what args_parse() is given as input */
	unsigned common;		   /* ARGS_HAS() of those that it has; --help has each */
	bool in_order;			   /* what follows the first argument is no option */
	bool writes_trace;		   /* --output is one, and no picture */
};

/* The name of an option without dashes, and how it is given again: "--NAME" or "--NAME=VALUE". */
const char *args_name(enum args_option option);
char *args_again(enum args_option option, const char *text);

/* Parses the command line. What is wrong with it ends the program, and so does --help. argv[0] is
 * the command's word. */
void args_parse(const struct args_command *command, int argc, char **argv, void *input,
		struct args_common *common);

/* ---- Values ----------------------------------------------------------------------------- */

/* A whole number from min to max, or the program ends and says what the option takes. */
uint64_t args_number(const char *option, const char *text, uint64_t min, uint64_t max);

/* The same; false if it is none. */
bool args_parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *value);

/* Bytes: a whole number with K, M, G or T, and what comes out from min to max. False: it is none.
 */
bool args_parse_size(const char *text, uint64_t min, uint64_t max, uint64_t *value);

/* Does the name of a picture end in .png? Neither that nor .svg: the program ends. */
bool args_is_png(const char *path);

/* Prints the whole help and ends the program. */
_Noreturn void args_help(const struct argp_state *state);

/* For ARGP_KEY_ERROR: names the option that argp stumbled over and ends the program. */
_Noreturn void args_complain(const struct argp_state *state);

#endif
