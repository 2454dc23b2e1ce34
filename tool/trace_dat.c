/* SPDX-License-Identifier: MIT */
/*
 * trace_dat.c - reads a trace.dat of trace-cmd through libtracecmd, record by record in the order
 * of time.
 *
 * The fields come as numbers; gfp_flags alone is printed by libtraceevent with the format that
 * the traced kernel wrote into the file, because what a bit means depends on that kernel. Each
 * value is printed once: a trace holds only a few dozen of them.
 */
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

#include <trace-cmd.h>

#include <roost/roost.h>

#include "say.h"
#include "trace.h"

enum {
	GFP_CACHE_BITS = 8,
	FLAG_NMI = 0x40, /* of common_flags; the header of libtraceevent 1.7 has no name for it */
};

struct gfp_entry {
	unsigned long long gfp;
	bool used;
	uint8_t flags;
};

struct reader {
	struct trace *trace;
	struct tep_handle *tep;
	struct gfp_entry cache[1 << GFP_CACHE_BITS];
};

static uint8_t print_gfp(struct reader *r, struct tep_record *record)
{
	static const char key[] = "gfp_flags=";
	struct trace_seq seq;
	const char *text;
	uint8_t flags = 0;

	trace_seq_init(&seq);
	tep_print_event(r->tep, &seq, record, "%s", TEP_PRINT_INFO);
	trace_seq_terminate(&seq);
	text = seq.buffer ? strstr(seq.buffer, key) : NULL;
	if (text) {
		text += sizeof(key) - 1;
		flags = trace_gfp_flags(text, strcspn(text, " \n"));
	}
	trace_seq_destroy(&seq);
	return flags;
}

static uint8_t gfp_flags(struct reader *r, struct tep_record *record, unsigned long long gfp)
{
	struct gfp_entry *entry = &r->cache[gfp * 0x9e3779b97f4a7c15ull >> (64 - GFP_CACHE_BITS)];

	if (!entry->used || entry->gfp != gfp) {
		entry->flags = print_gfp(r, record);
		entry->gfp = gfp;
		entry->used = true;
	}
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
	char reason[TRACE_REASON_MAX];

	if (tep_get_field_val(NULL, event, name, record, value, 0) >= 0)
		return true;
	snprintf(reason, sizeof(reason), "%s without the field %s", event->name, name);
	trace_bad_line(trace, reason);
	return false;
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
	if (kind == TRACE_ALLOC && (pfn == ~0ull || pfn == UINT32_MAX)) {
		r->trace->failed++;
		return;
	}
	e.pfn = pfn;
	e.cpu = record->cpu < 0 || record->cpu > UINT16_MAX ? UINT16_MAX : (uint16_t)record->cpu;
	e.context = (uint8_t)record_context(r, record);
	e.order = order > UINT8_MAX ? UINT8_MAX : (uint8_t)order;
	if (kind == TRACE_ALLOC)
		e.flags = gfp_flags(r, record, gfp) | trace_migratetype((int32_t)migratetype);
	if (trace_event_error(&e, reason))
		trace_bad_line(r->trace, reason);
	else
		trace_add(r->trace, &e);
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

/* Counts as a line of its own, as it is one in the text. Negative: nobody knows how many. */
static void note_lost(struct trace *trace, long long missed)
{
	trace->lines++;
	trace->lost_lines++;
	if (missed > 0)
		trace->lost_events += (uint64_t)missed;
}

static int read_record(struct tracecmd_input *input, struct tep_record *record, int cpu,
		       void *context)
{
	struct reader *r = context;
	struct tep_event *event = tep_find_event_by_record(r->tep, record);

	(void)input;
	(void)cpu;
	if (record->missed_events)
		note_lost(r->trace, record->missed_events);
	r->trace->lines++;
	if (event)
		read_event(r, event, record);
	else
		trace_bad_line(r->trace, "a record of an event that the file does not describe");
	return trace_full(r->trace);
}

bool trace_dat_read(struct trace *trace, int fd, char error[])
{
	struct reader reader = {.trace = trace};
	struct tracecmd_input *input;
	int failed;

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
	reader.tep = tracecmd_get_tep(input);
	failed = tracecmd_iterate_events(input, NULL, 0, read_record, &reader);
	tracecmd_close(input);
	if (failed < 0)
		snprintf(error, ERROR_MAX, "a trace.dat whose records libtracecmd cannot read");
	return failed >= 0;
}
