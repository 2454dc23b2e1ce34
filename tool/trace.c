/* SPDX-License-Identifier: MIT */
/*
 * trace.c - the store that the readers fill.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <roost/roost.h>

#include "say.h"
#include "trace.h"

void trace_add(struct trace *trace, const struct trace_event *event)
{
	if (trace->nr == trace->room) {
		trace->room = trace->room ? trace->room * 2 : 4096;
		trace->events = grow(trace->events, trace->room, sizeof(*trace->events));
	}
	trace->events[trace->nr++] = *event;
	if (event->kind != TRACE_BATCHED)
		trace->page_events++;
}

bool trace_full(const struct trace *trace)
{
	return trace->limit && trace->page_events >= trace->limit;
}

static bool is_name(const struct trace_name *entry, const char *name, size_t length)
{
	return strlen(entry->name) == length && !memcmp(entry->name, name, length);
}

/* A kernel has some thousand kinds of events, a trace of pages a handful: a list will do. */
void trace_pass_over(struct trace *trace, const char *name, size_t length)
{
	size_t i = 0;

	trace->passed_over++;
	while (i < trace->nr_names && !is_name(&trace->names[i], name, length))
		i++;
	if (i == trace->nr_names) {
		trace->names = grow(trace->names, i + 1, sizeof(*trace->names));
		trace->names[i].name = strndup(name, length);
		if (!trace->names[i].name)
			die("out of memory");
		trace->names[i].count = 0;
		trace->nr_names++;
	}
	trace->names[i].count++;
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

const char *trace_event_error(const struct trace_event *event, char reason[])
{
	reason[0] = '\0';
	if (event->cpu >= ROOST_MAX_CPUS)
		snprintf(reason, TRACE_REASON_MAX, "CPU %u is above %d", event->cpu,
			 ROOST_MAX_CPUS - 1);
	else if (event->order > ROOST_MAX_ORDER)
		snprintf(reason, TRACE_REASON_MAX, "order %u is above %d", event->order,
			 ROOST_MAX_ORDER);
	else if (event->pfn >> TRACE_MAX_PFN_BITS)
		snprintf(reason, TRACE_REASON_MAX, "pfn 0x%" PRIx64 " is above 16 TiB", event->pfn);
	else if (event->pfn & ((UINT64_C(1) << event->order) - 1))
		snprintf(reason, TRACE_REASON_MAX, "pfn 0x%" PRIx64 " is no multiple of 2^%u",
			 event->pfn, event->order);
	return reason[0] ? reason : NULL;
}

void trace_release(struct trace *trace)
{
	for (size_t i = 0; i < trace->nr_names; i++)
		free(trace->names[i].name);
	free(trace->names);
	free(trace->events);
	memset(trace, 0, sizeof(*trace));
}
