/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "report.h"
#include "tool/common/say.h"

double ratio(double a, double b)
{
	return b > 0 ? a / b : 0;
}

double per_million(uint64_t a, uint64_t b)
{
	return ratio((double)a * 1e6, (double)b);
}

struct finder {
	report_finding_fn *found;
	void *context;
	unsigned nr;
};

static void find(struct finder *f, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void find(struct finder *f, const char *format, ...)
{
	char text[REPORT_FINDING_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	f->found(f->context, text);
	f->nr++;
}

static void find_misuse(struct finder *f, const struct machine *machine)
{
	const struct roost_misuse *m = &machine->first_misuse;

	if (machine->misuses)
		find(f,
		     "misuse reported %" PRIu64 " times, first: %s: %s (pfn 0x%" PRIx64
		     ", order %d, found order %d)",
		     machine->misuses, m->call, roost_misuse_name(m->kind), m->pfn, m->order_given,
		     m->order_found);
}

static void find_violation(struct finder *f, const struct machine_verdict *verdict)
{
	const struct roost_violation *v = &verdict->violation;

	if (!verdict->valid)
		find(f,
		     "roost_validate: %s (pfn 0x%" PRIx64 ", zone %d, CPU %d: expected %" PRIu64
		     ", found %" PRIu64 ")",
		     v->invariant, v->pfn, v->zone, v->cpu, v->expected, v->found);
	if (verdict->lost)
		find(f, "%" PRIu64 " frames lost", verdict->lost);
}

void report_findings(const struct replay *replay, report_finding_fn *found, void *context)
{
	struct finder f = {.found = found, .context = context};
	const struct machine *machine = &replay->machine;

	if (replay->stuck)
		find(&f, "stuck: no step was taken for %u seconds", replay->options->stall);
	if (machine->doubled)
		find(&f, "%" PRIu64 " frames handed out twice", machine->doubled);
	if (machine->corrupt)
		find(&f, "%" PRIu64 " frames came back with another stamp", machine->corrupt);
	find_misuse(&f, machine);
	if (replay->tally.wrong_failures)
		find(&f, "%" PRIu64 " allocations failed while memory was free",
		     replay->tally.wrong_failures);
	if (replay->stuck)
		return;
	find_violation(&f, &replay->verdict);
	if (f.nr == 0 && !replay_verified(replay))
		find(&f, "what was done is not what the trace says: allocs + inferred != "
			 "matched frees + live at the end");
}

/* Two buffers that were filled at the same time may hold each event twice. */
static bool at_once(const struct trace_buffer *a, const struct trace_buffer *b)
{
	return a->page_events && b->page_events && a->first_ns <= b->last_ns &&
	       b->first_ns <= a->last_ns;
}

static void note_buffers(const struct trace *trace, const char *path)
{
	for (size_t i = 1; i < trace->nr_buffers; i++)
		for (size_t j = 0; j < i; j++)
			if (at_once(&trace->buffers[i], &trace->buffers[j])) {
				say_error("%s: the buffers \"%s\" and \"%s\" have page events of "
					  "the same time; if both recorded the same ones, they are "
					  "replayed twice: record them in one buffer",
					  path, trace->buffers[j].name, trace->buffers[i].name);
				return;
			}
}

void report_trace_notes(const struct trace *trace, const char *path)
{
	uint64_t shown = trace->bad < TRACE_MAX_BAD ? trace->bad : TRACE_MAX_BAD;

	for (uint64_t i = 0; i < shown; i++)
		say_error("%s:%" PRIu64 ": %s", path, trace->first_bad[i].line,
			  trace->first_bad[i].reason);
	if (trace->bad > shown)
		say_error("%s: and %" PRIu64 " more lines that cannot be read", path,
			  trace->bad - shown);
	if (trace->gfp_numbers)
		say_error("%s: %" PRIu64 " allocations give their gfp_flags as a number, whose "
			  "meaning depends on the traced kernel: they are replayed as ones that do "
			  "not wait",
			  path, trace->gfp_numbers);
	note_buffers(trace, path);
	if (trace->lost_lines || trace->lost_events)
		say_error("%s: the traced kernel lost events (%" PRIu64 " that it counted); "
			  "record with a larger buffer",
			  path, trace->lost_events);
}

void report_plan_notes(const struct plan *plan, const struct options *options)
{
	if (plan->renumbered)
		say_error("%s: CPUs above %d: the %u that are in it count from 0 on, in the order "
			  "of their numbers",
			  options->trace, ROOST_MAX_CPUS - 1, plan->traced_cpus);
	if (!options->memory && plan_machine(plan) < plan->end_pfn)
		say_error("%s: frames up to 0x%" PRIx64 ", of which it touches %" PRIu64
			  " pageblocks: replayed on %" PRIu64 " MiB; choose with --memory",
			  options->trace, plan->end_pfn - 1, plan->touched,
			  plan_machine(plan) >> (20 - MACHINE_FRAME_SHIFT));
}
