/* SPDX-License-Identifier: MIT */
/*
 * trace_dat.c - reads a trace.dat of trace-cmd through libtracecmd, record by record in the order
 * of time. The records come from the main buffer, and from buffers of instances if there are any
 * (`trace-cmd record -B NAME`).
 *
 * The fields are numbers. Only gfp_flags is turned into names, by libtraceevent and with the format
 * that the traced kernel wrote into the file: what a bit means depends on that kernel. Each value
 * is printed once, since a trace has only a few dozen of them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include <trace-cmd.h>

#include <roost/roost.h>

#include "tool/common/printable.h"
#include "tool/common/say.h"
#include "trace.h"

enum {
	GFP_CACHE_BITS = 8,
	FLAG_NMI = 0x40, /* of common_flags; the header of libtraceevent 1.7 has no name for it */
};

struct gfp_entry {
	unsigned long long gfp;
	bool used;
	bool number; /* the file's format has no name for it */
	uint8_t flags;
};

struct reader {
	struct trace *trace;
	struct tracecmd_input **inputs; /* as trace->buffers, from the main one on */
	int nr_inputs;
	struct tep_handle *tep; /* of the current record */
	struct trace_buffer *buffer;
	struct gfp_entry cache[1 << GFP_CACHE_BITS];
};

static void print_gfp(struct reader *r, struct tep_record *record, struct gfp_entry *entry)
{
	static const char key[] = "gfp_flags=";
	struct trace_seq seq;
	const char *text;

	entry->flags = 0;
	entry->number = true;
	trace_seq_init(&seq);
	tep_print_event(r->tep, &seq, record, "%s", TEP_PRINT_INFO);
	trace_seq_terminate(&seq);
	text = seq.buffer ? strstr(seq.buffer, key) : NULL;
	if (text) {
		text += sizeof(key) - 1;
		entry->flags = trace_gfp_flags(text, strcspn(text, " \n"));
		entry->number = *text >= '0' && *text <= '9';
	}
	trace_seq_destroy(&seq);
}

static uint8_t gfp_flags(struct reader *r, struct tep_record *record, unsigned long long gfp)
{
	struct gfp_entry *entry = &r->cache[gfp * 0x9e3779b97f4a7c15ull >> (64 - GFP_CACHE_BITS)];

	if (!entry->used || entry->gfp != gfp) {
		print_gfp(r, record, entry);
		entry->gfp = gfp;
		entry->used = true;
	}
	r->trace->gfp_numbers += entry->number;
	return entry->flags;
}

static enum trace_context record_context(struct reader *r, struct tep_record *record)
{
	int flags = tep_data_flags(r->tep, record);

	if (flags & FLAG_NMI)
		return TRACE_NMI;
	if (flags & TRACE_FLAG_HARDIRQ)
		return TRACE_HARDIRQ;
	return flags & TRACE_FLAG_SOFTIRQ ? TRACE_SOFTIRQ : TRACE_TASK;
}

static bool get_field(struct tep_event *event, struct tep_record *record, const char *name,
		      unsigned long long *value, struct trace *trace)
{
	char reason[TRACE_REASON_MAX], text[48];

	if (tep_get_field_val(NULL, event, name, record, value, 0) >= 0)
		return true;
	printable(text, sizeof(text), 0, event->name, strlen(event->name));
	snprintf(reason, sizeof(reason), "%s without the field %s", text, name);
	trace_bad_line(trace, reason);
	return false;
}

/* A pfn of -1, in as many bytes as the traced kernel's had. */
static bool is_none(struct tep_event *event, unsigned long long pfn)
{
	const struct tep_format_field *field = tep_find_field(event, "pfn");

	return pfn == (field && field->size == 4 ? UINT32_MAX : UINT64_MAX);
}

static void note_page_event(struct reader *r, const struct trace_event *e)
{
	struct trace_buffer *buffer = r->buffer;

	trace_add(r->trace, e);
	if (!buffer)
		return;
	if (!buffer->page_events++)
		buffer->first_ns = e->time_ns;
	buffer->last_ns = e->time_ns;
}

static void read_page_event(struct reader *r, struct tep_event *event, struct tep_record *record,
			    enum trace_kind kind)
{
	unsigned long long pfn, order = 0, migratetype = 0, gfp = 0;
	struct trace_event e = {.time_ns = record->ts, .kind = (uint8_t)kind};
	char reason[TRACE_REASON_MAX];

	if (!get_field(event, record, "pfn", &pfn, r->trace))
		return;
	if (kind != TRACE_BATCHED && !get_field(event, record, "order", &order, r->trace))
		return;
	if (kind == TRACE_ALLOC &&
	    (!get_field(event, record, "migratetype", &migratetype, r->trace) ||
	     !get_field(event, record, "gfp_flags", &gfp, r->trace)))
		return;
	if (kind == TRACE_ALLOC && is_none(event, pfn)) {
		r->trace->failed++;
		return;
	}
	e.pfn = pfn;
	e.cpu = (uint32_t)record->cpu;
	e.context = (uint8_t)record_context(r, record);
	e.order = order > UINT8_MAX ? UINT8_MAX : (uint8_t)order;
	if (trace_event_error(&e, reason)) {
		trace_bad_line(r->trace, reason);
		return;
	}
	if (kind == TRACE_ALLOC)
		e.flags = gfp_flags(r, record, gfp) | trace_migratetype((int32_t)migratetype);
	note_page_event(r, &e);
}

static void read_event(struct reader *r, struct tep_event *event, struct tep_record *record)
{
	static const char *const names[] = {
		[TRACE_ALLOC] = "mm_page_alloc",
		[TRACE_FREE] = "mm_page_free",
		[TRACE_BATCHED] = "mm_page_free_batched",
	};

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(event->name, names[i])) {
			read_page_event(r, event, record, (enum trace_kind)i);
			return;
		}
	trace_pass_over(r->trace, event->name, strlen(event->name));
}

/* Counts as a line of its own, as it is one in the text. Negative: unknown how many. */
static void note_lost(struct trace *trace, long long missed)
{
	trace->lines++;
	trace_lost(trace, missed > 0 ? (uint64_t)missed : 0);
}

static void find_buffer(struct reader *r, struct tracecmd_input *input)
{
	r->tep = tracecmd_get_tep(input);
	for (int i = 0; i < r->nr_inputs && r->trace->nr_buffers; i++)
		if (r->inputs[i] == input)
			r->buffer = &r->trace->buffers[i];
	if (r->buffer)
		r->buffer->records++;
}

static int read_record(struct tracecmd_input *input, struct tep_record *record, int cpu,
		       void *context)
{
	struct reader *r = context;
	struct tep_event *event;

	(void)cpu;
	find_buffer(r, input);
	event = tep_find_event_by_record(r->tep, record);
	if (record->missed_events)
		note_lost(r->trace, record->missed_events);
	r->trace->lines++;
	if (event)
		read_event(r, event, record);
	else
		trace_bad_line(r->trace, "a record of an event that the file does not describe");
	return trace_full(r->trace);
}

/* ---- Buffers ----------------------------------------------------------------------------- */

static void add_buffer(struct trace *trace, const char *name)
{
	char *copy = strdup(name ? name : "?");

	if (!copy)
		die("out of memory");
	trace->buffers = grow(trace->buffers, trace->nr_buffers + 1, sizeof(*trace->buffers));
	trace->buffers[trace->nr_buffers++] = (struct trace_buffer){.name = copy};
}

/* The main buffer and those of instances, if there are any. */
static bool open_buffers(struct reader *r, struct tracecmd_input *input, char error[])
{
	int instances = tracecmd_buffer_instances(input);

	r->inputs = grow(NULL, (size_t)(instances > 0 ? instances : 0) + 1, sizeof(void *));
	r->inputs[r->nr_inputs++] = input;
	if (instances > 0)
		add_buffer(r->trace, "");
	for (int i = 0; i < instances; i++) {
		const char *name = tracecmd_buffer_instance_name(input, i);
		struct tracecmd_input *buffer = tracecmd_buffer_instance_handle(input, i);

		if (!buffer) {
			snprintf(error, ERROR_MAX,
				 "a trace.dat whose buffer \"%.100s\" libtracecmd cannot read",
				 name ? name : "?");
			return false;
		}
		add_buffer(r->trace, name);
		r->inputs[r->nr_inputs++] = buffer;
	}
	return true;
}

/* The main buffer last: the others depend on it. */
static void close_buffers(struct reader *r)
{
	while (r->nr_inputs > 0)
		tracecmd_close(r->inputs[--r->nr_inputs]);
	free(r->inputs);
}

bool trace_dat_read(struct trace *trace, int fd, char error[])
{
	struct reader reader = {.trace = trace};
	struct tracecmd_input *input;
	bool good;

	tracecmd_set_loglevel(TEP_LOG_NONE);
	tep_set_loglevel(TEP_LOG_NONE);
	trace->format = "trace.dat";
	input = tracecmd_open_fd(fd,
				 TRACECMD_FL_LOAD_NO_PLUGINS | TRACECMD_FL_LOAD_NO_SYSTEM_PLUGINS);
	if (!input) {
		snprintf(error, ERROR_MAX,
			 "a trace.dat that libtracecmd cannot read; "
			 "is it cut short?");
		return false;
	}
	good = open_buffers(&reader, input, error);
	if (good && tracecmd_iterate_events_multi(reader.inputs, reader.nr_inputs, read_record,
						  &reader) < 0) {
		snprintf(error, ERROR_MAX, "a trace.dat whose records libtracecmd cannot read");
		good = false;
	}
	close_buffers(&reader);
	return good;
}
