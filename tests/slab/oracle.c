/* SPDX-License-Identifier: MIT */
/*
 * oracle.c - every call of roost/cache.h at rest, against brute force. Each seed is memory with its
 * pages, CPUs and check level (truth.h), and a list of events (events.h). The options are in
 * tests/oracle/seeds.h.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "events.h"
#include "seeds.h"
#include "tool/common/random.h"

static struct event events[SEEDS_EVENTS];

void truth_fail(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vfprintf(stderr, format, list);
	va_end(list);
	fputc('\n', stderr);
	exit(1);
}

/* The first three make caches. */
static bool open_seed(uint64_t seed, bool verbose)
{
	struct random random = {seed};
	uint32_t choices[TRUTH_CHOICES];

	for (unsigned i = 0; i < TRUTH_CHOICES; i++)
		choices[i] = (uint32_t)random_next(&random);
	for (unsigned i = 0; i < SEEDS_EVENTS; i++)
		events[i] = (struct event){
			(uint32_t)random_next(&random), (uint32_t)random_next(&random),
			(uint32_t)random_next(&random), (uint32_t)random_next(&random),
			(uint32_t)random_next(&random)};
	for (unsigned i = 0; i < 3; i++)
		events[i].what = EVENTS_CREATE;
	events_open(choices, verbose);
	return true;
}

static void step(unsigned event, bool strict)
{
	events_do(&events[event], event, strict);
}

int main(int argc, char **argv)
{
	const struct seeds_subject subject = {open_seed, step, events_close};

	return seeds_main(argc, argv, &subject);
}
