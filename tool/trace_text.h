/* SPDX-License-Identifier: MIT */
/*
 * trace_text.h - one line of a trace as text: of ftrace, `trace-cmd report` or `perf script`.
 */
#ifndef TOOL_TRACE_TEXT_H
#define TOOL_TRACE_TEXT_H

#include "trace.h"

enum text_class {
	TEXT_EVENT,   /* one of the three: event is set */
	TEXT_OTHER,   /* another event: name is set */
	TEXT_FAILED,  /* an allocation that failed in the traced kernel */
	TEXT_COMMENT, /* a heading of ftrace or trace-cmd */
	TEXT_BLANK,
	TEXT_LOST, /* events were lost: lost is how many, 0 if unknown */
	TEXT_BAD,  /* reason says why */
};

struct text_line {
	enum text_class class;
	struct trace_event event;
	const char *name; /* points into the line */
	size_t name_length;
	uint64_t lost;
	bool gfp_number; /* TEXT_EVENT: its gfp_flags are a number, which is ignored */
	char reason[TRACE_REASON_MAX];
};

void trace_text_parse(const char *line, size_t length, struct text_line *out);

#endif
