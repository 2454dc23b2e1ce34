/* SPDX-License-Identifier: MIT */
/*
 * trace.c - the store that the readers fill.
 */
#include <inttypes.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <roost/roost.h>

#include "tool/common/say.h"
#include "trace.h"

/*
 * A reader of trace_pipe may, while the kernel writes, get an event of one CPU before an earlier
 * one of another, which was not finished yet: a free before its allocation. Such an event goes back
 * to its place. What is later than that is as the file has it.
 */
enum { LATE_NS = 10 * 1000 * 1000, LATE_EVENTS = 1024 };

static size_t place_of(const struct trace *trace, uint64_t time_ns)
{
	size_t at = trace->nr;

	while (at && trace->nr - at < LATE_EVENTS && trace->events[at - 1].time_ns > time_ns &&
	       trace->events[at - 1].time_ns - time_ns < LATE_NS)
		at--;
	return at;
}

void trace_add(struct trace *trace, const struct trace_event *event)
{
	size_t at;

	if (trace->nr == trace->room) {
		trace->room = trace->room ? trace->room * 2 : 4096;
		trace->events = grow(trace->events, trace->room, sizeof(*trace->events));
	}
	at = place_of(trace, event->time_ns);
	memmove(&trace->events[at + 1], &trace->events[at],
		(trace->nr - at) * sizeof(*trace->events));
	trace->events[at] = *event;
	trace->nr++;
	if (event->kind != TRACE_BATCHED)
		trace->page_events++;
}

bool trace_full(const struct trace *trace)
{
	return trace->limit && trace->page_events >= trace->limit;
}

static int by_name(const void *a, const void *b)
{
	const struct trace_name *x = a, *y = b;

	if (x->length != y->length)
		return x->length < y->length ? -1 : 1;
	return memcmp(x->name, y->name, x->length);
}

/* The name follows it, in the same memory. */
static struct trace_name *new_name(struct trace *trace, const char *name, size_t length)
{
	struct trace_name *entry = grow(NULL, sizeof(*entry) + length, 1);

	memcpy(entry + 1, name, length);
	*entry = (struct trace_name){.name = (const char *)(entry + 1), .length = length};
	if (trace->nr_names == trace->room_names) {
		trace->room_names = trace->room_names ? trace->room_names * 2 : 64;
		trace->names = grow(trace->names, trace->room_names, sizeof(void *));
	}
	trace->names[trace->nr_names++] = entry;
	return entry;
}

void trace_pass_over(struct trace *trace, const char *name, size_t length)
{
	struct trace_name key = {.name = name, .length = length}, *entry;
	struct trace_name **found = tfind(&key, &trace->names_by_name, by_name);

	entry = found ? *found : new_name(trace, name, length);
	if (!found && !tsearch(entry, &trace->names_by_name, by_name))
		die("out of memory");
	entry->count++;
	trace->passed_over++;
}

void trace_lost(struct trace *trace, uint64_t events)
{
	trace->lost_lines++;
	if (__builtin_add_overflow(trace->lost_events, events, &trace->lost_events))
		trace->lost_events = UINT64_MAX;
}

void trace_bad_line(struct trace *trace, const char *reason)
{
	if (trace->bad < TRACE_MAX_BAD) {
		struct trace_bad *bad = &trace->first_bad[trace->bad];

		bad->line = trace->lines;
		snprintf(bad->reason, sizeof(bad->reason), "%s", reason);
	}
	trace->bad++;
}

const char *trace_cpu_error(uint64_t cpu, char reason[])
{
	if (cpu <= UINT32_MAX)
		return NULL;
	snprintf(reason, TRACE_REASON_MAX, "CPU %" PRIu64 " is above %u", cpu, UINT32_MAX);
	return reason;
}

const char *trace_event_error(const struct trace_event *event, char reason[])
{
	reason[0] = '\0';
	if (event->order > ROOST_MAX_ORDER)
		snprintf(reason, TRACE_REASON_MAX, "order %u is above %d", event->order,
			 ROOST_MAX_ORDER);
	else if (event->pfn >> TRACE_MAX_PFN_BITS)
		snprintf(reason, TRACE_REASON_MAX, "pfn 0x%" PRIx64 " is above 2^%d", event->pfn,
			 TRACE_MAX_PFN_BITS);
	else if (event->pfn & ((UINT64_C(1) << event->order) - 1))
		snprintf(reason, TRACE_REASON_MAX, "pfn 0x%" PRIx64 " is no multiple of 2^%u",
			 event->pfn, event->order);
	return reason[0] ? reason : NULL;
}

void trace_release(struct trace *trace)
{
	tdestroy(trace->names_by_name, free);
	free(trace->names);
	for (size_t i = 0; i < trace->nr_buffers; i++)
		free(trace->buffers[i].name);
	free(trace->buffers);
	free(trace->events);
	memset(trace, 0, sizeof(*trace));
}
