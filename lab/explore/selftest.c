/* SPDX-License-Identifier: MIT */
/*
 * selftest.c - checks the explorer with litmus tests: exactly the outcomes that the memory model
 * permits must be seen, with and without reduction, with weak and with strong memory.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "explore.h"
#include "litmus.h"
#include "memory.h"
#include "schedule.h"
#include "search.h"
#include "source.h"

enum { OUTCOMES = 256 };

static const struct litmus *litmus;
static struct litmus_state *state;
static bool seen[OUTCOMES];
static enum failure_kind failure; /* that was found, which ends the search */

static const struct lock_class tried = {"tried", LOCK_TRIED, 1};
static const struct lock_class waited = {"waited", LOCK_WAITED, 2};

static void run(struct context *c)
{
	if (c->id < litmus->threads) /* else it is idle */
		litmus->thread(state, c->id);
}

static void finished(void)
{
}

static bool name(const void *address, char *text, size_t size)
{
	(void)address;
	(void)text;
	(void)size;
	return false;
}

static const struct vm_guest guest = {run, finished, name};

/* Two bits for each result. */
static unsigned outcome(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < LITMUS_RESULTS; i++)
		n |= (state->r[i] & 3) << 2 * i;
	return n;
}

static uint64_t explore(bool reduce)
{
	struct search search = {
		.reduce = reduce, .bound = SEARCH_NO_BOUND, .stale = SEARCH_NO_BOUND};
	uint64_t executions = 0;
	bool again;

	memset(seen, 0, sizeof(seen));
	failure = FAIL_NONE;
	search_start(&search);
	do {
		enum outcome how = vm_run(&search_strategy, &search);

		again = false;
		if (vm.grown) {
			memory_share();
			memset(seen, 0, sizeof(seen));
			executions = 0;
			search_start(&search);
			again = true;
			continue;
		}
		executions++;
		if (how == RUN_FAILED) {
			failure = vm.failure.kind;
			return executions;
		}
		if (how == RUN_DONE)
			seen[outcome()] = true;
	} while (again || search_next(&search));
	return executions;
}

static unsigned digits(const char *wanted)
{
	size_t n = strcspn(wanted, " ");

	return n > LITMUS_RESULTS ? LITMUS_RESULTS : (unsigned)n;
}

static void list_seen(const char *wanted, char *text, size_t size)
{
	char lines[OUTCOMES][LITMUS_RESULTS + 2], one[LITMUS_RESULTS + 2];
	unsigned nr = 0, n = digits(wanted);
	size_t at = 0;

	text[0] = 0;
	if (failure) {
		snprintf(text, size, "%s", failure_name(failure));
		return;
	}
	for (unsigned i = 0; i < OUTCOMES; i++) {
		unsigned k = nr;

		if (!seen[i])
			continue;
		for (unsigned d = 0; d < n; d++)
			one[d] = (char)('0' + (i >> 2 * d & 3));
		one[n] = 0;
		for (; k > 0 && strcmp(lines[k - 1], one) > 0; k--)
			memcpy(lines[k], lines[k - 1], sizeof(lines[k]));
		memcpy(lines[k], one, sizeof(lines[k]));
		nr++;
	}
	for (unsigned i = 0; i < nr; i++)
		at += (size_t)snprintf(text + at, at < size ? size - at : 0, "%s%.*s", i ? " " : "",
				       (int)n, lines[i]);
}

static void set_up(const struct litmus *test, bool preempted, bool weak)
{
	litmus = test;
	vm_reset();
	vm.guest = &guest;
	vm.weak = weak;
	state = vm_alloc(sizeof(*state), 64);
	vm_ignore(state->r, sizeof(state->r));
	vm_add_lock(&tried, &state->tried, "tried");
	vm_add_lock(&waited, &state->waited, "waited");
	for (unsigned i = 0; i < test->threads; i++)
		vm_add(preempted ? 0 : i, LEVEL_TASK, "thread", NULL);
	vm.preempts = preempted;
	if (preempted)
		vm_add(0, LEVEL_TASK, "idle", NULL);
	vm_freeze();
}

static unsigned check(const struct litmus *test, bool preempted, bool weak, bool reduce)
{
	const char *wanted = weak ? test->weak : test->sc;
	char text[512];
	uint64_t executions;

	set_up(test, preempted, weak);
	executions = explore(reduce);
	list_seen(wanted, text, sizeof(text));
	printf("%-20s %-4s %-10s %6llu executions  %s\n", test->name, weak ? "weak" : "sc",
	       reduce ? "reduced" : "all", (unsigned long long)executions,
	       strcmp(text, wanted) != 0 ? "FAILED" : "ok");
	if (strcmp(text, wanted) != 0) {
		printf("\twanted %s\n\tfound  %s\n", wanted, text);
		return 1;
	}
	return 0;
}

/* The place of a race is the line of the litmus test, if lines are known. */
static bool is_at(const struct sight *sight, enum sight_kind kind, unsigned line)
{
	struct source_call calls[SOURCE_INLINED];

	if (sight->kind != kind || !sight->where.depth || sight->where.depth > WHERE_DEPTH)
		return false;
	source_calls(sight->where.frames[sight->where.depth - 1], calls);
	return !strcmp(calls[0].function, "race") &&
	       (source_missing() ||
		(!strcmp(calls[0].file, "lab/explore/litmus.c") && calls[0].line == line));
}

/* A race that is found is shown with both accesses, whichever comes first. */
static unsigned check_places(void)
{
	static struct schedule schedule;
	const struct sights *sights = &vm.failure.sights;
	unsigned test = 0, reads;

	while (strcmp(litmus_tests[test].name, "race") != 0)
		test++;
	set_up(&litmus_tests[test], false, true);
	explore(true);
	schedule_take(&schedule);
	schedule_show(&schedule, false);
	reads = sights->list[0].kind == SIGHT_READS ? 0 : 1;
	if (sights->nr == 2 && is_at(&sights->list[reads], SIGHT_READS, litmus_race_lines[1]) &&
	    is_at(&sights->list[1 - reads], SIGHT_WRITES, litmus_race_lines[0])) {
		printf("%-20s ok\n", "places of a race");
		return 0;
	}
	printf("%-20s FAILED\n", "places of a race");
	return 1;
}

unsigned selftest(void)
{
	unsigned failed = 0;

	for (unsigned i = 0; i < nr_litmus_tests; i++)
		for (unsigned how = 0; how < 4; how++)
			failed += check(&litmus_tests[i], false, how & 1, how & 2);
	for (unsigned i = 0; i < nr_litmus_preempted; i++)
		for (unsigned how = 0; how < 4; how++)
			failed += check(&litmus_preempted[i], true, how & 1, how & 2);
	failed += check_places();
	printf("%u failed\n", failed);
	return failed;
}
