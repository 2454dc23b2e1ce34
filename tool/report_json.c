/* SPDX-License-Identifier: MIT */
/*
 * report_json.c - the report for programs: one object. All keys are always there, so that a
 * program need not ask; but the counters in "paths" are those that the engine has.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool/common/json.h"
#include "tool/common/printable_json.h"
#include "report.h"
#include "tool/common/say.h"

/* Adds a member to the report, or to an object in it. Ends the program if there is no memory. */
static void put(json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, value) != 0)
		die("out of memory");
}

static void put_count(json_t *object, const char *key, uint64_t value)
{
	put(object, key, json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value));
}

static void append(json_t *array, json_t *value)
{
	if (json_array_append_new(array, value) != 0)
		die("out of memory");
}

static void put_names(json_t *root, const struct trace *trace)
{
	json_t *names = json_object();

	for (size_t i = 0; i < trace->nr_names; i++) {
		char *name = printable_copy(trace->names[i]->name, trace->names[i]->length);

		put_count(names, name, trace->names[i]->count);
		free(name);
	}
	put(root, "passed_over", names);
}

/* The buffers of a trace.dat with instances. */
static void put_buffers(json_t *root, const struct trace *trace)
{
	json_t *buffers = json_array();

	for (size_t i = 0; i < trace->nr_buffers; i++) {
		const struct trace_buffer *b = &trace->buffers[i];

		append(buffers, json_pack("{s:o, s:I, s:I}", "name", json_printable(b->name),
					  "records", (json_int_t)b->records, "page_events",
					  (json_int_t)b->page_events));
	}
	put(root, "buffers", buffers);
}

static void put_trace(json_t *root, const struct trace *trace)
{
	json_t *bad = json_array();

	put(root, "format", json_string(trace->format));
	put(root, "compression", json_string(trace->compression));
	put_count(root, "lines", trace->lines);
	put_count(root, "comment_lines", trace->comments);
	put_count(root, "blank_lines", trace->blank);
	put_count(root, "bad_lines", trace->bad);
	put_count(root, "lost_lines", trace->lost_lines);
	put_count(root, "lost_events", trace->lost_events);
	put_count(root, "failed_in_trace", trace->failed);
	put_count(root, "gfp_numbers", trace->gfp_numbers);
	put_names(root, trace);
	put_buffers(root, trace);
	for (uint64_t i = 0; i < trace->bad && i < TRACE_MAX_BAD; i++)
		append(bad, json_pack("{s:I, s:s}", "line", (json_int_t)trace->first_bad[i].line,
				      "reason", trace->first_bad[i].reason));
	put(root, "first_bad_lines", bad);
}

static json_t *class_object(const struct plan_class *class)
{
	json_t *object = json_object();

	put_count(object, "allocs", class->allocs);
	put_count(object, "frees", class->frees);
	return object;
}

static void put_classes(json_t *root, const struct plan *plan)
{
	json_t *orders = json_object(), *contexts = json_object();
	char name[8];

	for (unsigned i = 0; i <= ROOST_MAX_ORDER; i++) {
		snprintf(name, sizeof(name), "%u", i);
		if (plan->orders[i].allocs || plan->orders[i].frees)
			put(orders, name, class_object(&plan->orders[i]));
	}
	for (unsigned i = 0; i < TRACE_NR_CONTEXTS; i++)
		put(contexts, context_names[i], class_object(&plan->contexts[i]));
	put(root, "orders", orders);
	put(root, "contexts", contexts);
}

static void put_plan(json_t *root, const struct plan *plan)
{
	json_t *unmatched = json_object();

	put_count(root, "events", plan->allocs + plan->frees);
	put_count(root, "allocs", plan->allocs);
	put_count(root, "frees", plan->frees);
	put_count(root, "batched", plan->batched);
	put_count(root, "batched_on_live", plan->batched_alone);
	put_count(root, "matched_frees", plan->matched_frees);
	put_count(root, "unmatched_frees", plan_unmatched(plan));
	for (unsigned i = 0; i < UNMATCHED_NR; i++)
		put_count(unmatched, unmatched_names[i], plan->unmatched[i]);
	put(root, "unmatched", unmatched);
	put_count(root, "splits", plan->splits);
	put_count(root, "unseen_frees", plan->unseen_frees);
	put(root, "inferred", json_integer(plan_inferred(plan)));
	put_count(root, "cross_cpu_frees", plan->cross_cpu_frees);
	put_count(root, "peak_frames", plan->peak_frames);
	put_count(root, "end_pfn", plan->end_pfn);
	put_count(root, "traced_cpus", plan->traced_cpus);
	put(root, "trace_seconds", json_real((double)(plan->last_ns - plan->first_ns) / 1e9));
	put_classes(root, plan);
}

static void put_setup(json_t *root, const struct replay *replay)
{
	const struct options *o = replay->options;

	put(root, "mode", json_string(o->parallel ? "parallel" : "ordered"));
	put(root, "engine", json_string(o->engine->name));
	put(root, "free", options_path(o) ? json_string(options_path(o)) : json_null());
	put_count(root, "cpus", replay->plan->nr_cpus);
	put_count(root, "check", o->check);
	put_count(root, "memory", replay->machine.frames << MACHINE_FRAME_SHIFT);
	put(root, "memory_guessed", json_boolean(!o->memory));
	put_count(root, "metadata",
		  o->engine->metadata ? o->engine->metadata() : replay->machine.metadata_size);
	put_count(root, "pcp_high", replay->pcp.high);
	put_count(root, "pcp_batch", replay->pcp.batch);
	put(root, "timing", json_boolean(o->timing));
	put_count(root, "irq_storm", o->storm_hz);
}

static json_t *start_object(const struct replay *replay)
{
	static const char *const types[] = {"movable", "unmovable", "reclaimable", "hole"};
	const struct options *o = replay->options;
	const struct start *start = &replay->start;
	json_t *object = json_object(), *in_use = json_object(), *orders = json_array();

	put(object, "source", json_string(replay->aged.source));
	put(object, "file", o->aged_percent ? json_null() : json_printable(o->aged));
	put(object, "percent", o->aged_percent ? json_integer(o->aged_percent) : json_null());
	put(object, "seed", json_null());
	if (replay->aged.placed)
		put_count(object, "seed", o->aged_seed);
	put_count(object, "capped_counts", replay->aged.capped);
	put_count(object, "overlaps", replay->aged.overlaps);
	put_count(object, "in_use", start->in_use);
	for (unsigned i = 0; i <= AGED_TYPES; i++)
		put_count(in_use, types[i], start->by_type[i]);
	put(object, "in_use_by_type", in_use);
	put_count(object, "outside", start->outside);
	put_count(object, "free", start->sums.free);
	for (unsigned k = 0; k <= ROOST_MAX_ORDER; k++)
		append(orders, json_integer((json_int_t)start->sums.by_order[k]));
	put(object, "free_by_order", orders);
	put_count(object, "mixed", start->sums.fragments.mixed);
	put_count(object, "empty_2m", start->sums.fragments.empty_2m);
	return object;
}

/* null: all memory was free. */
static void put_start(json_t *root, const struct replay *replay)
{
	put(root, "start", replay->options->aged ? start_object(replay) : json_null());
}

static void put_paths(json_t *root, const struct engine *engine, const struct counts *counts)
{
	json_t *paths = json_object();

	for (enum counter i = 0; i < NR_COUNTERS; i++)
		if (engine->counters[i])
			put_count(paths, counter_name(i), counter_value(counts, i));
	put(root, "paths", paths);
}

static void put_handlers(json_t *root, const struct replay *replay)
{
	const struct storm_tally *storm = &replay->storm;
	json_t *handlers = json_object();

	put_count(handlers, "steps", replay->tally.in_handlers);
	put_count(handlers, "storm_ticks", storm->ticks);
	put_count(handlers, "storm_allocs", storm->allocs);
	put_count(handlers, "storm_failed", storm->failed);
	put_count(handlers, "storm_frees", storm->frees);
	put_count(handlers, "storm_foreign_frees", storm->foreign_frees);
	put_count(handlers, "storm_interrupted_holder", storm->interrupted_holder);
	put_count(handlers, "storm_locked_steps", storm->locked_steps);
	put(root, "handlers", handlers);
}

/* What was not measured in this unit is null. */
static void put_lengths(json_t *object, const char *unit, const struct lengths_summary *lengths,
			bool measured)
{
	const uint64_t values[] = {lengths->p50, lengths->p99, lengths->longest};
	static const char *const names[] = {"p50", "p99", "longest"};
	char key[32];

	for (unsigned i = 0; i < 3; i++) {
		snprintf(key, sizeof(key), "%s_%s", unit, names[i]);
		if (measured)
			put_count(object, key, values[i]);
		else
			put(object, key, json_null());
	}
}

/* null: the engine has no zone lock, or nobody looked. */
static void put_holds(json_t *root, const struct replay *replay)
{
	const struct holds_result *h = &replay->holds;
	json_t *holds;

	if (!replay->options->engine->counters[COUNTER_zone_lock] || replay->options->timing) {
		put(root, "holds", json_null());
		return;
	}
	holds = json_object();
	put_count(holds, "count", h->count);
	put_lengths(holds, "frames", &h->frames, true);
	put_lengths(holds, "ns", &h->length, !h->modelled && h->unit == HOLDS_NS);
	put_lengths(holds, "instructions", &h->length,
		    !h->modelled && h->unit == HOLDS_INSTRUCTIONS);
	put_count(holds, "waits", h->waits);
	put_count(holds, "waits_ns", h->waits_ns);
	put_count(holds, "waits_longest_ns", h->waits_longest_ns);
	put_count(holds, "clock_ns", h->clock_ns);
	put(root, "holds", holds);
}

/* null: of an engine of the lab's or by an adapter nobody knows, or nobody looked. */
static void put_irqs(json_t *root, const struct replay *replay)
{
	const struct options *o = replay->options;
	const struct holds_result *h = &replay->holds;
	json_t *irqs;

	if (o->engine->reference || o->engine->metadata || o->timing) {
		put(root, "interrupts_off", json_null());
		return;
	}
	irqs = json_object();
	put_count(irqs, "count", h->irqs_count);
	put_lengths(irqs, "ns", &h->irqs, h->unit == HOLDS_NS);
	put_lengths(irqs, "instructions", &h->irqs, h->unit == HOLDS_INSTRUCTIONS);
	put(root, "interrupts_off", irqs);
}

static void put_failed_by_order(json_t *root, const struct tally *tally)
{
	json_t *orders = json_array();

	for (unsigned i = 0; i <= ROOST_MAX_ORDER; i++)
		append(orders, json_integer((json_int_t)tally->failed_by_order[i]));
	put(root, "failed_by_order", orders);
}

static void put_cost(json_t *root, const struct replay *replay)
{
	uint64_t operations = replay_operations(replay);
	const struct roost_pcpbuddy_stats *stats = &replay->counts.pcpbuddy;

	put_count(root, "operations", operations);
	put(root, "seconds", json_real(replay->seconds));
	put(root, "cpu_seconds", json_real(replay->cpu_seconds));
	put(root, "loop_seconds", json_real(replay->loop_seconds));
	put(root, "operations_per_second", /* with stamps it would mislead */
	    replay->options->timing ? json_real(ratio((double)operations, replay->seconds))
				    : json_null());
	put(root, "zone_lock_per_million", json_real(per_million(stats->zone_lock, operations)));
	put(root, "frames_per_zone_lock",
	    json_real(ratio((double)stats->zone_frames, (double)stats->zone_lock)));
	put_holds(root, replay);
	put_irqs(root, replay);
	put_count(root, "waits", replay->tally.waits);
}

static json_t *samples_array(const struct series *series)
{
	json_t *samples = json_array();

	for (size_t i = 0; i < series->nr; i++) {
		const struct sample *s = &series->samples[i];

		append(samples,
		       json_pack("[f, I, I, I]", (double)s->time_ns / 1e9, (json_int_t)s->blocks_2m,
				 (json_int_t)s->free, (json_int_t)s->on_cpus));
	}
	return samples;
}

static json_t *orders_array(const double values[MACHINE_FRAGMENT_ORDERS])
{
	json_t *array = json_array();

	for (unsigned k = 0; k < MACHINE_FRAGMENT_ORDERS; k++)
		append(array, json_real(values[k]));
	return array;
}

static void put_fragments(json_t *series, const struct series_summary *summary)
{
	put(series, "mixed_mean", json_real(summary->mixed_mean));
	put_count(series, "mixed_max", summary->mixed_max);
	put_count(series, "mixed_end", summary->end.mixed);
	put(series, "empty_2m_mean", json_real(summary->empty_2m_mean));
	put_count(series, "empty_2m_min", summary->empty_2m_min);
	put_count(series, "empty_2m_end", summary->end.empty_2m);
	put(series, "empty_1g_mean", json_real(summary->empty_1g_mean));
	put_count(series, "empty_1g_min", summary->empty_1g_min);
	put_count(series, "empty_1g_end", summary->end.empty_1g);
	put(series, "unusable_mean", orders_array(summary->unusable_mean));
	put(series, "unusable_end", orders_array(summary->end.unusable));
}

/* [seconds, unusable index of the order of 2 MiB, mixed, empty 2 MiB, empty 1 GiB] */
static json_t *fragments_array(const struct series *series)
{
	json_t *array = json_array();

	for (size_t i = 0; i < series->nr; i++) {
		const struct sample *s = &series->samples[i];

		append(array,
		       json_pack("[f, f, I, I, I]", (double)s->time_ns / 1e9,
				 s->fragments.unusable[ROOST_PAGEBLOCK_ORDER],
				 (json_int_t)s->fragments.mixed, (json_int_t)s->fragments.empty_2m,
				 (json_int_t)s->fragments.empty_1g));
	}
	return array;
}

/* [seconds, unusable index of order 0, of order 1, ...] */
static json_t *unusable_array(const struct series *series)
{
	json_t *array = json_array();

	for (size_t i = 0; i < series->nr; i++) {
		json_t *sample = orders_array(series->samples[i].fragments.unusable);

		if (json_array_insert_new(sample, 0,
					  json_real((double)series->samples[i].time_ns / 1e9)) != 0)
			die("out of memory");
		append(array, sample);
	}
	return array;
}

/* null: no sample was taken. */
static void put_series(json_t *root, const struct replay *replay)
{
	struct series_summary summary;
	json_t *series = json_object();

	series_sum_up(&replay->series, &summary);
	if (!summary.samples) {
		json_decref(series);
		put(root, "series", json_null());
		return;
	}
	put_count(series, "samples", summary.samples);
	put(series, "on_cpus_mean", json_real(summary.on_cpus_mean));
	put_count(series, "on_cpus_max", summary.on_cpus_max);
	put(series, "blocks_2m_mean", json_real(summary.blocks_2m_mean));
	put_count(series, "blocks_2m_min", summary.blocks_2m_min);
	put_count(series, "blocks_2m_end", summary.blocks_2m_end);
	put_fragments(series, &summary);
	if (replay->options->samples) {
		put(series, "seconds_blocks_free_on_cpus", samples_array(&replay->series));
		put(series, "seconds_unusable_mixed_empty", fragments_array(&replay->series));
		put(series, "seconds_unusable_by_order", unusable_array(&replay->series));
	}
	put(root, "series", series);
}

static void append_finding(void *context, const char *finding)
{
	append(context, json_string(finding));
}

static void put_verdict(json_t *root, const struct replay *replay)
{
	json_t *findings = json_array();

	put_count(root, "live_at_end", replay->left_at_end);
	put_count(root, "failed_allocs", replay->tally.failed_allocs);
	put_failed_by_order(root, &replay->tally);
	put_count(root, "wrong_failures", replay->tally.wrong_failures);
	put_count(root, "frames_managed", replay->verdict.managed);
	put_count(root, "frames_lost", replay->verdict.lost);
	put_count(root, "frames_doubled", replay->machine.doubled);
	put_count(root, "frames_corrupt", replay->machine.corrupt);
	put_count(root, "misuses", replay->machine.misuses);
	put(root, "stuck", json_boolean(replay->stuck));
	put(root, "verified", json_boolean(replay_verified(replay)));
	report_findings(replay, append_finding, findings);
	put(root, "findings", findings);
}

void report_json(const struct replay *replay)
{
	json_t *root = json_begin("replay", 1);

	put(root, "trace", json_printable(replay->options->trace));
	put_setup(root, replay);
	put_start(root, replay);
	put_trace(root, replay->trace);
	put_plan(root, replay->plan);
	put_paths(root, replay->options->engine, &replay->counts);
	put_handlers(root, replay);
	put_cost(root, replay);
	put_series(root, replay);
	put_verdict(root, replay);
	json_write(root, replay->options->json, JSON_INDENT(1));
	json_decref(root);
}
