/* SPDX-License-Identifier: MIT */
/*
 * scenario.c - an input is a scenario of the explorer. What is taken for good has nothing in it
 * that the explorer has no room for.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "explore/scenario.h"

static void check_statement(const struct scenario *s, const struct statement *st)
{
	FUZZ_CHECK(st->verb <= VERB_ASSERT, "an operation that is none");
	FUZZ_CHECK(st->nr_variables <= SCENARIO_ARGUMENTS, "%u variables", st->nr_variables);
	for (unsigned i = 0; i < st->nr_variables; i++)
		FUZZ_CHECK(st->variables[i] < s->nr_variables, "a variable without a name");
	FUZZ_CHECK(st->lock >= 0 && st->lock < SCENARIO_LOCKS, "a lock that is none");
	switch (st->verb) {
	case VERB_OFFLINE:
	case VERB_ONLINE:
	case VERB_DRAIN:
		FUZZ_CHECK(st->number < (int)s->config.nr_cpus && st->number >= -1,
			   "\"%s\": a CPU that the pool does not have", st->text);
		break;
	case VERB_ALLOC:
	case VERB_ALLOC_BULK:
		FUZZ_CHECK(st->nr_variables && (st->flags & ROOST_MIGRATETYPE_MASK) < 3,
			   "\"%s\": a migratetype that is none", st->text);
		break;
	case VERB_OALLOC:
	case VERB_OALLOC_BULK:
		FUZZ_CHECK(st->nr_variables && !(st->flags & ROOST_MIGRATETYPE_MASK),
			   "\"%s\": an object with a migratetype", st->text);
		/* fall through */
	case VERB_SHRINK:
		FUZZ_CHECK(st->number >= 0 && st->number < (int)s->nr_caches,
			   "\"%s\": a cache that is none", st->text);
		break;
	case VERB_SPLIT:
		FUZZ_CHECK(st->number >= 0 && st->number <= ROOST_MAX_ORDER, "split to order %d",
			   st->number);
		break;
	default:
		break;
	}
}

static void check_programs(const struct scenario *s, struct program *list, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++) {
		FUZZ_CHECK(list[i].cpu < s->config.nr_cpus, "%s: a CPU that the pool does not have",
			   list[i].name);
		for (unsigned k = 0; k < list[i].nr; k++)
			check_statement(s, &list[i].statements[k]);
	}
}

static void check_scenario(struct scenario *s)
{
	FUZZ_CHECK(s->config.nr_cpus >= 1 && s->config.nr_cpus <= VM_CPUS, "%u CPUs",
		   s->config.nr_cpus);
	FUZZ_CHECK(s->nr_contexts >= 1 && s->nr_contexts <= SCENARIO_CONTEXTS, "%u contexts",
		   s->nr_contexts);
	FUZZ_CHECK(s->nr_variables <= SCENARIO_VARIABLES && s->nr_locks <= SCENARIO_LOCKS,
		   "too many names");
	FUZZ_CHECK(s->nr_caches <= SCENARIO_CACHES && s->slabs >= 1, "%u caches, %u slabs",
		   s->nr_caches, s->slabs);
	for (unsigned i = 0; i < ENGINE_PATHS; i++)
		FUZZ_CHECK(memchr(s->expect[i].locks, 0, sizeof(s->expect[i].locks)),
			   "names of locks without an end");
	check_programs(s, s->setup, s->nr_setup);
	check_programs(s, s->contexts, s->nr_contexts);
	check_programs(s, s->finally, s->nr_finally);
	check_programs(s, &s->pressure, 1);
}

static void release(struct program *list, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		free(list[i].statements);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct scenario s;

	fuzz_quiet();
	if (scenario_read(fuzz_file(data, size), &s))
		check_scenario(&s);
	release(s.setup, s.nr_setup);
	release(s.contexts, s.nr_contexts);
	release(s.finally, s.nr_finally);
	release(&s.pressure, 1);
	free(s.setup);
	free(s.contexts);
	free(s.finally);
	free((void *)(uintptr_t)s.config.zones);
	return 0;
}
