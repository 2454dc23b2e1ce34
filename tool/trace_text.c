/* SPDX-License-Identifier: MIT */
/*
 * trace_text.c - reads one line of a trace as text.
 *
 *   TASK-PID [(TGID)] [CPU] [FLAGS] TIME: [SYSTEM:]EVENT: KEY=VALUE ...    ftrace, trace-cmd
 *   TASK-PID CPUFLAGS TIME: ...                               trace-cmd report -l, latency-format
 *
 * The name of a task may hold anything, also blanks, brackets and what looks like the rest of a
 * line. It is at most 15 bytes long, though, too short for a whole "-PID [CPU] TIME: EVENT: ";
 * so the first dash after which everything matches is the right one, and a dash inside a later
 * event's text comes too late to be taken.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "trace_text.h"

struct cursor {
	const char *at, *end;
};

struct header {
	uint64_t cpu;
	uint64_t time_ns;
	enum trace_context context;
	const char *name;
	size_t name_length;
	struct cursor body;
};

/* How far a line could be read: the next thing is missing. */
enum missing { NO_PID, NO_CPU, NO_TIME, NO_NAME, NOTHING_MISSING };

static const char *const missing_texts[] = {
	[NO_PID] = "no TASK-PID at its start",
	[NO_CPU] = "no [CPU] after TASK-PID",
	[NO_TIME] = "no time stamp after [CPU]",
	[NO_NAME] = "no event name after the time stamp",
};

/* ---- Pieces ----------------------------------------------------------------------------- */

static char peek(const struct cursor *c)
{
	return *(c->at < c->end ? c->at : "");
}

static bool take(struct cursor *c, char wanted)
{
	if (peek(c) != wanted)
		return false;
	c->at++;
	return true;
}

static bool take_text(struct cursor *c, const char *text)
{
	size_t length = strlen(text);

	if ((size_t)(c->end - c->at) < length || memcmp(c->at, text, length) != 0)
		return false;
	c->at += length;
	return true;
}

static void skip_blanks(struct cursor *c)
{
	while (c->at < c->end && (*c->at == ' ' || *c->at == '\t'))
		c->at++;
}

static bool is_digit(char ch)
{
	return ch >= '0' && ch <= '9';
}

static bool is_word(char ch)
{
	return is_digit(ch) || (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || ch == '_';
}

static int digit_value(char ch)
{
	if (is_digit(ch))
		return ch - '0';
	if (ch >= 'a' && ch <= 'f')
		return ch - 'a' + 10;
	if (ch >= 'A' && ch <= 'F')
		return ch - 'A' + 10;
	return 99;
}

static bool take_number(struct cursor *c, unsigned base, uint64_t *value)
{
	const char *start = c->at;

	for (*value = 0; (unsigned)digit_value(peek(c)) < base; c->at++) {
		if (__builtin_mul_overflow(*value, base, value) ||
		    __builtin_add_overflow(*value, (unsigned)digit_value(*c->at), value))
			return false;
	}
	return c->at > start;
}

static bool starts_with(const char *line, size_t length, const char *text)
{
	struct cursor c = {line, line + length};

	return take_text(&c, text);
}

/* ---- The heading of an event ------------------------------------------------------------ */

/* The third flag tells the context, in ftrace's four columns and in its five. */
static enum trace_context flag_context(const char *flags, size_t length)
{
	switch (length > 2 ? flags[2] : '.') {
	case 'h': /* hard interrupt */
	case 'H': /* hard interrupt inside a soft one */
		return TRACE_HARDIRQ;
	case 's':
		return TRACE_SOFTIRQ;
	case 'z': /* NMI */
	case 'Z': /* NMI inside a hard interrupt */
		return TRACE_NMI;
	default:
		return TRACE_TASK;
	}
}

static void take_flags(struct cursor *c, struct header *h)
{
	const char *start = c->at;

	while (c->at < c->end && *c->at != ' ' && *c->at != ':')
		c->at++;
	h->context = flag_context(start, (size_t)(c->at - start));
}

/* "(1234)" or "(-----)", a column that the option record-tgid adds. */
static void skip_tgid(struct cursor *c)
{
	struct cursor t = *c;

	if (!take(&t, '('))
		return;
	while (is_digit(peek(&t)) || peek(&t) == '-' || peek(&t) == ' ')
		t.at++;
	if (take(&t, ')')) {
		*c = t;
		skip_blanks(c);
	}
}

static bool take_cpu(struct cursor *c, struct header *h)
{
	bool bracket = take(c, '[');

	if (!take_number(c, 10, &h->cpu))
		return false;
	if (bracket && !take(c, ']'))
		return false;
	if (!bracket && (peek(c) == ' ' || peek(c) == ':'))
		return false; /* the form without brackets always has flags */
	if (!bracket)
		take_flags(c, h);
	skip_blanks(c);
	return true;
}

/* Seconds with a fraction, whole ticks of another clock, or "12us+" of the latency format. */
static bool take_time(struct cursor *c, struct header *h)
{
	uint64_t scale = UINT64_C(1000000000);
	uint64_t value;

	if (!take_number(c, 10, &value))
		return false;
	if (take(c, '.')) {
		value *= scale;
		for (; is_digit(peek(c)); c->at++) {
			scale /= 10;
			value += (uint64_t)(*c->at - '0') * scale;
		}
	} else if (take_text(c, "us")) {
		value *= 1000;
		while (c->at < c->end && *c->at != ':' && !is_word(*c->at))
			c->at++;
	}
	h->time_ns = value;
	return take(c, ':');
}

static bool take_word(struct cursor *c, struct header *h)
{
	h->name = c->at;
	while (is_word(peek(c)))
		c->at++;
	h->name_length = (size_t)(c->at - h->name);
	return h->name_length > 0;
}

/* Stacks and the function tracer write no event's name; they are still no broken lines. */
static bool take_nameless(struct cursor *c, struct header *h)
{
	static const char stack[] = "(stack trace)", function[] = "(function)";
	struct cursor t = *c;

	if (take_text(&t, "<stack trace>")) {
		h->name = stack;
		h->name_length = sizeof(stack) - 1;
		return true;
	}
	if (!take_word(&t, h) || !take_text(&t, " <-"))
		return false;
	h->name = function;
	h->name_length = sizeof(function) - 1;
	return true;
}

static bool take_name(struct cursor *c, struct header *h)
{
	if (take_nameless(c, h))
		return true;
	if (!take_word(c, h) || !take(c, ':'))
		return false;
	if (is_word(peek(c)) && !(take_word(c, h) && take(c, ':')))
		return false;
	return c->at == c->end || *c->at == ' ' || *c->at == '\t';
}

/* c stands behind a dash. */
static enum missing take_header(struct cursor c, struct header *h)
{
	uint64_t pid;

	h->context = TRACE_TASK;
	if (!take_number(&c, 10, &pid) || peek(&c) != ' ')
		return NO_PID;
	skip_blanks(&c);
	skip_tgid(&c);
	if (!take_cpu(&c, h))
		return NO_CPU;
	if (!is_digit(peek(&c)))
		take_flags(&c, h);
	skip_blanks(&c);
	if (!take_time(&c, h))
		return NO_TIME;
	skip_blanks(&c);
	if (!take_name(&c, h))
		return NO_NAME;
	h->body = c;
	return NOTHING_MISSING;
}

static enum missing find_header(const char *line, size_t length, struct header *h)
{
	const char *end = line + length;
	enum missing furthest = NO_PID;

	for (const char *dash = line; (dash = memchr(dash, '-', (size_t)(end - dash))); dash++) {
		enum missing missing = take_header((struct cursor){dash + 1, end}, h);

		if (missing == NOTHING_MISSING)
			return missing;
		if (missing > furthest)
			furthest = missing;
	}
	return furthest;
}

/* ---- The fields of an event ------------------------------------------------------------- */

enum { HAS_PFN = 1, HAS_ORDER = 2, HAS_MIGRATETYPE = 4, HAS_GFP = 8 };

struct fields {
	unsigned has;
	uint64_t pfn, order, migratetype;
	bool null_page;
	uint8_t gfp;
};

static bool value_is_null(struct cursor v)
{
	if (take_text(&v, "(nil)") || take_text(&v, "(null)"))
		return true;
	take_text(&v, "0x");
	while (take(&v, '0'))
		;
	return v.at == v.end;
}

static bool parse_value(struct cursor v, uint64_t *value)
{
	bool minus = take(&v, '-');
	unsigned base = take_text(&v, "0x") ? 16 : 10;

	if (!take_number(&v, base, value) || v.at != v.end)
		return false;
	if (minus)
		*value = -*value;
	return true;
}

static bool bad_value(struct text_line *out, struct cursor word)
{
	out->class = TEXT_BAD;
	snprintf(out->reason, sizeof(out->reason), "%.*s is no number",
		 (int)(word.end - word.at > 40 ? 40 : word.end - word.at), word.at);
	return false;
}

/* One KEY=VALUE; words without '=' and unknown keys are let be. */
static bool parse_field(struct cursor word, struct fields *f, struct text_line *out)
{
	struct cursor v = word;

	if (take_text(&v, "pfn=")) {
		f->has |= HAS_PFN;
		return parse_value(v, &f->pfn) || bad_value(out, word);
	}
	if (take_text(&v, "order=")) {
		f->has |= HAS_ORDER;
		return parse_value(v, &f->order) || bad_value(out, word);
	}
	if (take_text(&v, "migratetype=")) {
		f->has |= HAS_MIGRATETYPE;
		return parse_value(v, &f->migratetype) || bad_value(out, word);
	}
	if (take_text(&v, "gfp_flags=")) {
		f->has |= HAS_GFP;
		f->gfp = trace_gfp_flags(v.at, (size_t)(v.end - v.at));
	} else if (take_text(&v, "page=")) {
		f->null_page = value_is_null(v);
	}
	return true;
}

static bool parse_fields(struct cursor c, struct fields *f, struct text_line *out)
{
	for (skip_blanks(&c); c.at < c.end; skip_blanks(&c)) {
		struct cursor word = c;

		while (c.at < c.end && *c.at != ' ' && *c.at != '\t')
			c.at++;
		word.end = c.at;
		if (!parse_field(word, f, out))
			return false;
	}
	return true;
}

static bool fields_complete(const struct fields *f, unsigned needed, struct text_line *out)
{
	static const char *const keys[] = {"pfn", "order", "migratetype", "gfp_flags"};

	for (unsigned i = 0; i < 4; i++) {
		if (!(needed & ~f->has & (1u << i)))
			continue;
		out->class = TEXT_BAD;
		snprintf(out->reason, sizeof(out->reason),
			 "%.*s without %s=", (int)out->name_length, out->name, keys[i]);
		return false;
	}
	return true;
}

static bool is_event(const struct text_line *out, const char *name)
{
	return out->name_length == strlen(name) && !memcmp(out->name, name, out->name_length);
}

/* Which of the three it is and what must be there; false: another event. */
static bool known_event(struct text_line *out, unsigned *needed)
{
	if (is_event(out, "mm_page_alloc")) {
		out->event.kind = TRACE_ALLOC;
		*needed = HAS_PFN | HAS_ORDER | HAS_MIGRATETYPE | HAS_GFP;
	} else if (is_event(out, "mm_page_free")) {
		out->event.kind = TRACE_FREE;
		*needed = HAS_PFN | HAS_ORDER;
	} else if (is_event(out, "mm_page_free_batched")) {
		out->event.kind = TRACE_BATCHED;
		*needed = HAS_PFN;
	} else {
		return false;
	}
	return true;
}

static void fill_event(struct text_line *out, const struct header *h, const struct fields *f)
{
	struct trace_event *event = &out->event;

	event->time_ns = h->time_ns;
	event->pfn = f->pfn;
	event->cpu = h->cpu > UINT16_MAX ? UINT16_MAX : (uint16_t)h->cpu;
	event->context = (uint8_t)h->context;
	event->order = f->order > UINT8_MAX ? UINT8_MAX : (uint8_t)f->order;
	if (event->kind == TRACE_ALLOC)
		event->flags = f->gfp | trace_migratetype((int64_t)f->migratetype);
}

static void parse_event(struct text_line *out, const struct header *h)
{
	struct fields f = {0};
	unsigned needed;

	out->name = h->name;
	out->name_length = h->name_length;
	out->class = TEXT_OTHER;
	if (!known_event(out, &needed))
		return;
	if (!parse_fields(h->body, &f, out) || !fields_complete(&f, needed, out))
		return;
	if (out->event.kind == TRACE_ALLOC && f.null_page && f.pfn == 0) {
		out->class = TEXT_FAILED;
		return;
	}
	fill_event(out, h, &f);
	out->class = trace_event_error(&out->event, out->reason) ? TEXT_BAD : TEXT_EVENT;
}

/* ---- Lines that are no events ----------------------------------------------------------- */

/* "CPU:2 [LOST 123 EVENTS]" of ftrace, "CPU:2 [123 EVENTS DROPPED]" of trace-cmd. */
static bool parse_lost(struct cursor c, struct text_line *out)
{
	uint64_t cpu;

	if (!take_text(&c, "CPU:") || !take_number(&c, 10, &cpu) || !take_text(&c, " ["))
		return false;
	if (take_text(&c, "LOST "))
		take_number(&c, 10, &out->lost);
	else if (take_number(&c, 10, &out->lost))
		skip_blanks(&c);
	skip_blanks(&c);
	if (!take_text(&c, "EVENTS"))
		return false;
	out->class = TEXT_LOST;
	return true;
}

/* What trace-cmd writes on top: "cpus=4", "CPU 3 is empty", "version = 6". */
static bool is_heading(const char *line, size_t length)
{
	struct cursor c = {line, line + length};
	uint64_t number;

	if (peek(&c) == '#')
		return true;
	if (take_text(&c, "CPU "))
		return take_number(&c, 10, &number) && take_text(&c, " is empty");
	return (take_text(&c, "cpus=") || take_text(&c, "version = ")) &&
	       take_number(&c, 10, &number) && c.at == c.end;
}

void trace_text_parse(const char *line, size_t length, struct text_line *out)
{
	struct cursor c = {line, line + length};
	struct header h = {0};
	enum missing missing;

	memset(out, 0, sizeof(*out));
	skip_blanks(&c);
	if (c.at == c.end) {
		out->class = TEXT_BLANK;
	} else if (is_heading(c.at, (size_t)(c.end - c.at))) {
		out->class = TEXT_COMMENT;
	} else if (parse_lost(c, out)) {
		return;
	} else if (starts_with(c.at, (size_t)(c.end - c.at), "=> ")) {
		out->class = TEXT_OTHER;
		out->name = "(stack trace)";
		out->name_length = strlen(out->name);
	} else if ((missing = find_header(line, length, &h)) != NOTHING_MISSING) {
		out->class = TEXT_BAD;
		snprintf(out->reason, sizeof(out->reason), "%s", missing_texts[missing]);
	} else {
		parse_event(out, &h);
	}
}

void trace_text_line(struct trace *trace, const char *line, size_t length)
{
	struct text_line parsed;

	trace->lines++;
	trace_text_parse(line, length, &parsed);
	switch (parsed.class) {
	case TEXT_EVENT:
		trace_add(trace, &parsed.event);
		break;
	case TEXT_OTHER:
		trace_pass_over(trace, parsed.name, parsed.name_length);
		break;
	case TEXT_FAILED:
		trace->failed++;
		break;
	case TEXT_COMMENT:
		trace->comments++;
		break;
	case TEXT_BLANK:
		trace->blank++;
		break;
	case TEXT_LOST:
		trace->lost_lines++;
		trace->lost_events += parsed.lost;
		break;
	case TEXT_BAD:
		trace_bad_line(trace, parsed.reason);
		break;
	}
}
