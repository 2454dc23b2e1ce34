/* SPDX-License-Identifier: MIT */
/*
 * report_text.c - the report for people: sections of aligned lines.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool/common/printable.h"
#include "report.h"

enum { REPORT_NAME_COLUMNS = 80, REPORT_NAME_MAX = 4 * REPORT_NAME_COLUMNS };

static void section(const char *title)
{
	printf("\n%s\n", title);
}

static void count(const char *what, uint64_t value)
{
	printf("  %-34s %14" PRIu64 "\n", what, value);
}

static void count_with(const char *what, uint64_t value, const char *note)
{
	printf("  %-34s %14" PRIu64 "  %s\n", what, value, note);
}

/* The same, for a name of any bytes. */
static void count_name(const char *before, const char *name, size_t length, uint64_t value,
		       const char *note)
{
	char text[REPORT_NAME_MAX];
	unsigned used;

	printable(text, sizeof(text), REPORT_NAME_COLUMNS, name, length);
	used = printable_columns(before) + printable_columns(text);
	printf("  %s%s%*s %14" PRIu64 "  %s\n", before, text, used < 34 ? (int)(34 - used) : 0, "",
	       value, note);
}

/* Prints nothing for a zero. */
static void count_any(const char *what, uint64_t value)
{
	if (value)
		count(what, value);
}

static void show_setup(const struct replay *replay)
{
	const struct options *o = replay->options;

	char *name = printable_copy(o->trace, strlen(o->trace));

	printf("roost replay: %s (%s, %s)\n", name, replay->trace->format,
	       replay->trace->compression);
	free(name);
	printf("%s, engine %s, ", o->parallel ? "in parallel" : "in order", o->engine->name);
	if (options_path(o))
		printf("free path %s, ", options_path(o));
	printf("%u CPU%s, %" PRIu64 " MiB%s, check level %u", replay->plan->nr_cpus,
	       replay->plan->nr_cpus > 1 ? "s" : "",
	       replay->machine.frames >> (20 - MACHINE_FRAME_SHIFT),
	       o->memory ? "" : " (a guess; --memory sets it)", o->check);
	if (o->storm_hz)
		printf(", interrupts at %u Hz per CPU", o->storm_hz);
	printf("\n");
}

static void name_file(const struct replay *replay)
{
	char *name = printable_copy(replay->options->aged, strlen(replay->options->aged));

	printf("\nStart: %s %s", replay->aged.source, name);
	if (replay->aged.placed)
		printf(", seed %" PRIu64, replay->options->aged_seed);
	printf("\n");
	free(name);
}

static void show_start(const struct replay *replay)
{
	static const char *const types[] = {"  movable", "  unmovable", "  reclaimable",
					    "  of holes of the file's machine"};
	const struct options *o = replay->options;
	const struct start *start = &replay->start;

	if (!o->aged)
		return;
	if (o->aged_percent)
		printf("\nStart: %u%% in use, seed %" PRIu64 "\n", o->aged_percent, o->aged_seed);
	else
		name_file(replay);
	count("frames in use", start->in_use);
	for (unsigned i = 0; i <= AGED_TYPES; i++)
		count_any(types[i], start->by_type[i]);
	count_any("in use where no memory is here", start->outside);
	count("free frames", start->sums.free);
	for (unsigned k = 0; k <= ROOST_MAX_ORDER; k++)
		if (start->sums.by_order[k])
			printf("    in blocks of order %-2u %10s %14" PRIu64 "\n", k, "",
			       start->sums.by_order[k]);
}

static void show_buffer(const struct trace_buffer *b)
{
	if (*b->name)
		count_name("records of instance ", b->name, strlen(b->name), b->records, "");
	else
		count("records of the main buffer", b->records);
}

static void show_trace(const struct trace *trace, const struct plan *plan)
{
	section("Trace");
	count("lines or records", trace->lines);
	count("mm_page_alloc", plan->allocs);
	count("mm_page_free", plan->frees);
	count_with("mm_page_free_batched", plan->batched, "notes on frees, not counted as frees");
	count_any("  on frames that are in use", plan->batched_alone);
	count_any("failed in the traced kernel", trace->failed);
	if (trace->gfp_numbers)
		count_with("gfp_flags that are a number", trace->gfp_numbers,
			   "replayed as allocations that do not wait");
	for (size_t i = 0; i < trace->nr_names; i++)
		count_name("", trace->names[i]->name, trace->names[i]->length,
			   trace->names[i]->count, "passed over");
	for (size_t i = 0; i < trace->nr_buffers; i++)
		show_buffer(&trace->buffers[i]);
	count_any("comment lines", trace->comments);
	count_any("blank lines", trace->blank);
	count_any("lines that cannot be read", trace->bad);
	count_any("notes of lost events", trace->lost_lines);
	count_any("lost events", trace->lost_events);
	printf("  %-34s %14.6f\n", "seconds traced",
	       (double)(plan->last_ns - plan->first_ns) / 1e9);
}

static void show_classes(const struct plan *plan)
{
	section("Events                                       allocs          frees");
	for (unsigned i = 0; i <= ROOST_MAX_ORDER; i++)
		if (plan->orders[i].allocs || plan->orders[i].frees)
			printf("  order %-28u %14" PRIu64 " %14" PRIu64 "\n", i,
			       plan->orders[i].allocs, plan->orders[i].frees);
	for (unsigned i = 0; i < TRACE_NR_CONTEXTS; i++)
		if (plan->contexts[i].allocs || plan->contexts[i].frees)
			printf("  %-34s %14" PRIu64 " %14" PRIu64 "\n", context_names[i],
			       plan->contexts[i].allocs, plan->contexts[i].frees);
}

static void show_matching(const struct plan *plan)
{
	section("Matching (in blocks)");
	count("allocations", plan->allocs);
	count_any("+ splits into halves", plan->splits);
	count_any("- frees that left no event", plan->unseen_frees);
	count("= matched frees", plan->matched_frees);
	count("+ live at the end", plan->live_at_end);
	count_with("frees on another CPU", plan->cross_cpu_frees, "than the allocation's");
	count_with("frees without allocation", plan_unmatched(plan), "not replayed");
	for (unsigned i = 0; i < UNMATCHED_NR; i++)
		if (plan->unmatched[i])
			printf("    %-32s %14" PRIu64 "  %s\n", unmatched_names[i],
			       plan->unmatched[i], unmatched_texts[i]);
}

static void show_paths(const struct engine *engine, const struct counts *counts)
{
	section("Paths");
	for (enum counter i = 0; i < NR_COUNTERS; i++)
		if (engine->counters[i] && counter_value(counts, i))
			count_with(counter_name(i), counter_value(counts, i), engine->counters[i]);
}

static void show_handlers(const struct replay *replay)
{
	const struct storm_tally *storm = &replay->storm;

	if (!replay->options->parallel)
		return;
	section("Threads and handlers");
	count("steps that waited for another CPU", replay->tally.waits);
	count("steps in signal handlers", replay->tally.in_handlers);
	if (!replay->options->storm_hz)
		return;
	count("interrupts of the storm", storm->ticks);
	if (replay->options->engine->has_pcps)
		count("  that met a holder of a pcp lock", storm->interrupted_holder);
	count("  steps under the handlers' lock", storm->locked_steps);
	count("  allocations", storm->allocs);
	count("  allocations that failed", storm->failed);
	count("  frees", storm->frees);
	count("  of those of another CPU's block", storm->foreign_frees);
}

/* when: of what, after the unit. */
static void show_lengths(const char *when, const struct lengths_summary *lengths,
			 enum holds_unit unit)
{
	char text[64];

	snprintf(text, sizeof(text), "%s%s, p50", unit == HOLDS_NS ? "ns" : "instructions", when);
	if (unit == HOLDS_NS)
		count_with(text, lengths->p50, "the clock's included");
	else
		count(text, lengths->p50);
	count("  p99", lengths->p99);
	count("  longest", lengths->longest);
}

static void show_cost(const struct replay *replay)
{
	uint64_t operations = replay_operations(replay);
	const struct roost_pcpbuddy_stats *stats = &replay->counts.pcpbuddy;
	const struct holds_result *holds = &replay->holds;

	section("Cost");
	count("operations", operations);
	if (replay->options->timing) {
		printf("  %-34s %14.6f\n", "seconds", replay->seconds);
		printf("  %-34s %14.0f  the loop included\n", "operations per second",
		       ratio((double)operations, replay->seconds));
	} else {
		printf("  %-34s %14.6f  most of it for the stamps of the frames: --timing "
		       "measures\n",
		       "seconds", replay->seconds);
	}
	if (!replay->options->engine->counters[COUNTER_zone_lock])
		return;
	printf("  %-34s %14.1f\n", "zone locks per million operations",
	       per_million(stats->zone_lock, operations));
	printf("  %-34s %14.2f\n", "frames moved per zone lock",
	       ratio((double)stats->zone_frames, (double)stats->zone_lock));
	if (replay->options->timing)
		return;
	count("  half of the holds: at most", holds->frames.p50);
	count("  99 of 100: at most", holds->frames.p99);
	count("  the longest", holds->frames.longest);
	if (holds->modelled)
		return;
	show_lengths(" in a hold", &holds->length, holds->unit);
	show_lengths(", interrupts off", &holds->irqs, holds->unit);
	count_any("waits for zone locks", holds->waits);
	count_any("  nanoseconds of all", holds->waits_ns);
	count_any("  of the longest", holds->waits_longest_ns);
}

static void print_finding(void *context, const char *finding)
{
	(void)context;
	printf("  NOT VERIFIED: %s\n", finding);
}

static void show_verdict(const struct replay *replay)
{
	section("Verdict");
	count_any("allocations that failed", replay->tally.failed_allocs);
	for (unsigned i = 0; i <= ROOST_MAX_ORDER; i++)
		if (replay->tally.failed_by_order[i])
			printf("    of order %-2u %26s %14" PRIu64 "\n", i, "",
			       replay->tally.failed_by_order[i]);
	if (!replay->stuck)
		count("frames lost", replay->verdict.lost);
	if (replay->options->timing)
		printf("  the frames had no stamps, so frames handed out twice were not looked "
		       "for\n");
	else
		count("frames handed out twice", replay->machine.doubled);
	count("frames corrupt", replay->machine.corrupt);
	report_findings(replay, print_finding, NULL);
	if (replay_verified(replay))
		printf("  verified\n");
}

void report_text(const struct replay *replay)
{
	show_setup(replay);
	show_start(replay);
	show_trace(replay->trace, replay->plan);
	show_classes(replay->plan);
	show_matching(replay->plan);
	show_paths(replay->options->engine, &replay->counts);
	show_handlers(replay);
	show_cost(replay);
	show_verdict(replay);
}
