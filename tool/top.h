/* SPDX-License-Identifier: MIT */
/*
 * top.h - `roost top`: the pools of a process, again and again.
 */
#ifndef TOOL_TOP_H
#define TOOL_TOP_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

int top_main(int argc, char **argv);

enum top_sort { TOP_BY_USED, TOP_BY_NAME, TOP_BY_ALLOCS, TOP_NR_SORTS };

extern const char *const top_sort_names[TOP_NR_SORTS];

struct top_view {
	enum top_sort sort;
	bool cpus; /* a line for each */
	bool no_caches;
};

/* The table of a sample; rates are against the one before, which may be NULL. */
void top_write(FILE *out, const json_t *now, const json_t *before, const struct top_view *view);

#endif
