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
	{"repeat/*:pair", "at_most", 6},
	{"bulk/*", "at_most", 12},
	{"batch/*", "at_most", 4},
	{"rand/*/1:pair", "at_most", 60},
	{"rand/*/2:pair", "at_most", 80},
	{"order/*/1[0-8]:pair", "at_most", 200},
	{"order/*:pair", "at_most", 30},
	{"remote/*/one-way:freed", "at_least", 20},
	{"remote/*/both-ways:freed", "at_least", 30},
	{"nearfull/*-p50", "at_most", 100},
	{"nearfull/*-p99.9", "at_most", 1000},
	{"tail/*:free-p99.9", "at_most", 500},
	{"tail/*:free-syscalls", "at_most", 0},
	{"frag/*/50:huge", "at_least", 95},
	{"frag/*/80:huge", "at_least", 93},
	{"init/1T:ready", "at_most", 5000},
	{"objects/one-way*:freed", "at_least", 60},
	{"init/*:metadata", "at_most", 0.05},
};

json_t *target_of(const char *row)
{
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++)
		if (!fnmatch(targets[i].row, row, 0))
			return json_pack("{s:f}", targets[i].what, targets[i].value);
	return NULL;
}
