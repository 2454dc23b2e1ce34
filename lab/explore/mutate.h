/* SPDX-License-Identifier: MIT */
/*
 * mutate.h - `roost explore --mutate`: the options that it has beside those of a search. Another
 * program does what they ask for, lab/mutate/roost-mutate.
 */
#ifndef LAB_MUTATE_H
#define LAB_MUTATE_H

#include <stdbool.h>
#include <stdint.h>

#include "job.h"

/* Executions of each scenario and free path, unless the command line says how many. */
enum { MUTATE_EXECUTIONS = 1000 };

struct mutate {
	bool wanted, first;
	const char *changes;			  /* a file, or NULL */
	const char *tree, *build, *only, *option; /* option: the last one that --mutate needs */
	uint64_t generate;
};

/* Of the options, which are in explore.c. */
enum {
	KEY_MUTATE = 512,
	KEY_GENERATE,
	KEY_TREE,
	KEY_BUILD,
	KEY_ONLY,
	KEY_FIRST,
};
/* False: the key is none of these. */
bool mutate_parse(int key, const char *text, struct mutate *m);

/* What else the command line says. */
struct mutate_search {
	const struct options *options;
	bool executions_given;
	unsigned workers;
	const char *path, *json; /* or NULL */
	bool quiet;
	const char *const *files;
	unsigned nr_files;
};

/* Ends the program if an option needs --mutate and it is not there, or --mutate does not say what.
 */
void mutate_check(const struct mutate *m);
/* Becomes the other program. */
_Noreturn void mutate_run(const struct mutate *m, const struct mutate_search *search);

#endif
