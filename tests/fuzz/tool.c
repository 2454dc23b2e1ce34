/* SPDX-License-Identifier: MIT */
/* tool.c - see tool.h. */
#include "tool.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include <roost/roost.h>

#include "fuzz.h"
#include "plan.h"

_Noreturn void __wrap_die(const char *format, ...) __attribute__((format(printf, 1, 2)));

void __wrap_die(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(fuzz_error, sizeof(fuzz_error), format, list);
	va_end(list);
	fuzz_give_up();
}

void tool_read_input(const uint8_t *data, size_t size, void (*read)(void *path))
{
	char path[64];

	fuzz_quiet();
	snprintf(path, sizeof(path), "%s", fuzz_file(data, size));
	if (!fuzz_try(read, path))
		fuzz_check_line("what the tool dies of", fuzz_error);
}

/* ---- Traces -------------------------------------------------------------------------------- */

static void check_counts(const struct trace *t)
{
	uint64_t named = 0;

	for (size_t i = 0; i < t->nr_names; i++)
		named += t->names[i]->count;
	FUZZ_CHECK(named == t->passed_over, "%" PRIu64 " events have names, of %" PRIu64, named,
		   t->passed_over);
	FUZZ_CHECK(t->lines == t->comments + t->blank + t->lost_lines + t->bad + t->failed +
				       t->passed_over + t->nr,
		   "a line was passed over in silence");
	FUZZ_CHECK(t->page_events <= t->nr, "more page events than events");
}

static void check_event(const struct trace_event *e)
{
	uint64_t size = UINT64_C(1) << e->order;

	FUZZ_CHECK(e->kind <= TRACE_BATCHED && e->context < TRACE_NR_CONTEXTS &&
			   e->order <= ROOST_MAX_ORDER && !(e->pfn >> TRACE_MAX_PFN_BITS) &&
			   !(e->pfn & (size - 1)),
		   "an event that makes no sense: pfn %" PRIu64 " order %u", e->pfn, e->order);
	FUZZ_CHECK((e->flags & ROOST_MIGRATETYPE_MASK) < 3, "a migratetype that is none");
}

static void check_trace(const struct trace *t)
{
	check_counts(t);
	for (size_t i = 0; i < t->bad && i < TRACE_MAX_BAD; i++)
		fuzz_check_line("why a line is broken", t->first_bad[i].reason);
	for (size_t i = 0; i < t->nr; i++)
		check_event(&t->events[i]);
}

static void check_plan(const struct plan *plan, const struct trace *t)
{
	FUZZ_CHECK((int64_t)plan->allocs + plan_inferred(plan) ==
			   (int64_t)(plan->matched_frees + plan->live_at_end),
		   "the plan's counts do not add up");
	FUZZ_CHECK(plan->frees == plan->matched_frees + plan_unmatched(plan),
		   "frees are lost in the plan");
	FUZZ_CHECK(plan->allocs + plan->frees + plan->batched == t->nr,
		   "events are lost in the plan");
	for (size_t i = 0; i < plan->nr_steps; i++)
		FUZZ_CHECK(plan->steps[i].block < plan->nr_blocks &&
				   plan->steps[i].cpu < plan->nr_cpus,
			   "a step of a block that is none");
}

static void try_plan(const struct trace *t)
{
	struct plan plan;

	plan_make(&plan, t, 0);
	check_plan(&plan, t);
	plan_release(&plan);
}

void tool_read_trace(const char *path, char error[ERROR_MAX])
{
	struct trace trace = {0};

	error[0] = 0;
	if (trace_read(&trace, path, error)) {
		check_trace(&trace);
		try_plan(&trace);
	} else {
		fuzz_check_line("the error of a trace", error);
	}
	trace_release(&trace);
}
