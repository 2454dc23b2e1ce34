/* SPDX-License-Identifier: MIT */
/*
 * target.c - what the project wants to reach, in one place. A row is named as in the report; `*`
 * stands for anything. The first that fits counts. A row without an entry has no target.
 */
#include <fnmatch.h>

#include "bench.h"

static const struct target {
	const char *row;
	const char *what; /* "at_most" or "at_least" */
	double value;
} targets[] = {
	{"tail/*:free-syscalls", "at_most", 0},
};

json_t *target_of(const char *row)
{
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++)
		if (!fnmatch(targets[i].row, row, 0))
			return json_pack("{s:f}", targets[i].what, targets[i].value);
	return NULL;
}
