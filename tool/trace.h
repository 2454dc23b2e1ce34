/* SPDX-License-Identifier: MIT */
/*
 * trace.h - the page events of a kernel trace, whatever form the trace has.
 *
 * trace_read() recognises a file by its content, not by its name. It counts everything in it:
 *
 *   lines == comments + blank + lost_lines + bad + failed + passed_over + nr
 *
 * where nr is the number of elements of events[]. In a trace.dat a record counts as a line, and so
 * does a mark that events are missing.
 */
#ifndef TOOL_TRACE_H
#define TOOL_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum trace_kind {
	TRACE_ALLOC,
	TRACE_FREE,
	TRACE_BATCHED, /* mm_page_free_batched: a note on an earlier free, not a second one */
};

enum trace_context {
	TRACE_TASK,
	TRACE_SOFTIRQ,
	TRACE_HARDIRQ,
	TRACE_NMI,
	TRACE_NR_CONTEXTS,
};

struct trace_event {
	uint64_t time_ns;
	uint64_t pfn;
	uint32_t cpu;	 /* as traced: of any number */
	uint8_t kind;	 /* enum trace_kind */
	uint8_t context; /* enum trace_context */
	uint8_t order;
	uint8_t flags; /* of roost_alloc(): migratetype, ROOST_WAIT, ROOST_RESERVE */
};

enum {
	TRACE_MAX_BAD = 10, /* broken lines that are kept with number and reason */
	TRACE_REASON_MAX = 96,
	TRACE_MAX_PFN_BITS = 52, /* 64 bits of address; a line with a larger pfn is broken */
};

struct trace_bad {
	uint64_t line;
	char reason[TRACE_REASON_MAX];
};

/* An event of another kind, and how often it came. */
struct trace_name {
	const char *name; /* as in the trace: see printable.h */
	size_t length;
	uint64_t count;
};

/* A buffer of a trace.dat that has instances, and what it holds. */
struct trace_buffer {
	char *name; /* "" is the main one */
	uint64_t records;
	uint64_t page_events;
	uint64_t first_ns, last_ns; /* of the page events */
};

struct trace {
	struct trace_event *events;
	size_t nr, room;
	uint64_t limit;	      /* allocations and frees to read at most; 0: all */
	uint64_t page_events; /* allocations and frees read */

	uint64_t lines, comments, blank;
	uint64_t failed; /* mm_page_alloc of an allocation that failed in the traced kernel */
	uint64_t bad;
	struct trace_bad first_bad[TRACE_MAX_BAD];
	uint64_t passed_over;
	struct trace_name **names; /* in the order in which they came */
	size_t nr_names, room_names;
	void *names_by_name;	      /* of tsearch() */
	uint64_t gfp_numbers;	      /* allocations whose gfp_flags are a number and no names */
	struct trace_buffer *buffers; /* of a trace.dat with instances */
	size_t nr_buffers;
	uint64_t lost_lines;  /* lines that report lost events */
	uint64_t lost_events; /* how many, as far as the lines say it */

	const char *format;   /* "text" or "trace.dat" */
	char compression[16]; /* "none", "gzip", "zstd", ... */
};

/* Reads path into a trace that is zeroed except for limit. False: error names the file and says
 * why. */
bool trace_read(struct trace *trace, const char *path, char error[]);
void trace_release(struct trace *trace);

/* ---- For the readers -------------------------------------------------------------------- */

/* Each of these says what the last counted line (record) was. */
void trace_add(struct trace *trace, const struct trace_event *event);
void trace_pass_over(struct trace *trace, const char *name, size_t length);
void trace_bad_line(struct trace *trace, const char *reason);
void trace_lost(struct trace *trace, uint64_t events); /* 0: unknown how many */

/* True once limit is reached. */
bool trace_full(const struct trace *trace);

/* Checks whether a kernel can make this event. NULL: yes; otherwise why not, written to
 * reason[TRACE_REASON_MAX]. cpu: as in the trace. */
const char *trace_cpu_error(uint64_t cpu, char reason[]);
const char *trace_event_error(const struct trace_event *event, char reason[]);

/* roost_alloc()'s flags for gfp names as the kernel prints them, and for Linux's migratetype. */
uint8_t trace_gfp_flags(const char *text, size_t length);
uint8_t trace_migratetype(int64_t migratetype);

/* Takes one line without its newline. */
void trace_text_line(struct trace *trace, const char *line, size_t length);

/* Reads a trace.dat from a descriptor that can seek. False: error says why. */
bool trace_dat_read(struct trace *trace, int fd, char error[]);

#endif
