/* SPDX-License-Identifier: MIT */
/*
 * trace_text.c - reads one line of a trace as text.
 *
 *   TASK-PID [(TGID)] [CPU] [FLAGS] TIME: [SYSTEM:]EVENT: KEY=VALUE ...    ftrace, trace-cmd
 *   TASK-PID CPUFLAGS TIME: ...                               trace-cmd report -l, latency-format
 *   TASK-PID [CPU] TIME: (+DIFFERENCE) EVENT: ...             trace-cmd report --ts-diff
 *   FILE: TASK-PID ...                                        trace-cmd report of several buffers
 *   TASK PID [CPU] TIME: SYSTEM:EVENT: ...                    perf script
 *
 * The name of a task may contain anything: blanks, brackets, and text that looks like the rest of a
 * line. But it has at most TASK_MAX bytes, and the heading of an event is longer than that. So only
 * a dash within the first TASK_MAX + 1 bytes can end the name, and the last of these after which
 * everything matches is the right one; a later match is in the event's text. If none of them
 * matches, a FILE comes before the name, and the first dash that matches is the right one.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tool/common/printable.h"
#include "trace_text.h"

enum { TASK_MAX = 15, COLUMNS = 5 /* of flags, in trace-cmd report -l */ };

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

/* How far a line could be read: what is missing next. */
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

static bool is_blank(char ch)
{
	return ch == ' ' || ch == '\t';
}

static void skip_blanks(struct cursor *c)
{
	while (c->at < c->end && is_blank(*c->at))
		c->at++;
}

/* A word: up to the next blank, which stays there. */
static void skip_word(struct cursor *c)
{
	while (c->at < c->end && !is_blank(*c->at))
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

/* ---- The heading of an event ------------------------------------------------------------ */

/*
 * Kernels have four to seven columns of flags. The third or fourth has the context; no other column
 * uses its letters.
 */
static enum trace_context flag_context(const char *flags, size_t length)
{
	for (size_t i = 0; i < length; i++)
		switch (flags[i]) {
		case 'h': /* hard interrupt */
		case 'H': /* hard interrupt inside a soft one */
			return TRACE_HARDIRQ;
		case 's':
			return TRACE_SOFTIRQ;
		case 'z': /* NMI */
		case 'Z': /* NMI inside a hard interrupt */
			return TRACE_NMI;
		}
	return TRACE_TASK;
}

static void take_flags(struct cursor *c, struct header *h)
{
	const char *start = c->at;

	while (c->at < c->end && !is_blank(*c->at) && *c->at != ':')
		c->at++;
	if (peek(c) == ':' && c->at - start > COLUMNS) /* --raw-ts -l: no blank before the time */
		c->at = start + COLUMNS;
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
	if (!bracket && (is_blank(peek(c)) || peek(c) == ':'))
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
		if (value > UINT64_MAX / scale - 1)
			return false;
		value *= scale;
		for (; is_digit(peek(c)); c->at++) {
			scale /= 10;
			value += (uint64_t)(*c->at - '0') * scale;
		}
	} else if (take_text(c, "us")) {
		if (__builtin_mul_overflow(value, UINT64_C(1000), &value))
			return false;
		while (c->at < c->end && *c->at != ':' && !is_word(*c->at))
			c->at++;
	}
	h->time_ns = value;
	return take(c, ':');
}

/* "(+33)", the time since the event before. */
static void skip_difference(struct cursor *c)
{
	struct cursor t = *c;

	if (!take_text(&t, "(+"))
		return;
	while (is_digit(peek(&t)) || peek(&t) == '-' || peek(&t) == '.')
		t.at++;
	if (take(&t, ')')) {
		*c = t;
		skip_blanks(c);
	}
}

static void set_name(struct header *h, const char *from, const char *to)
{
	h->name = from;
	h->name_length = (size_t)(to - from);
}

static void set_other(struct header *h, const char *name)
{
	set_name(h, name, name + strlen(name));
}

/* "<stack trace>", "<user stack trace>": a mark of the tracer's own, to the end of the line. */
static bool take_mark(struct cursor c, struct header *h)
{
	const char *start = c.at;

	while (c.end > c.at && is_blank(c.end[-1]))
		c.end--;
	if (!take(&c, '<') || c.end[-1] != '>')
		return false;
	set_name(h, start, c.end);
	if (memmem(start, h->name_length, "stack trace", strlen("stack trace")))
		set_other(h, "(stack trace)");
	return true;
}

/* "FUNCTION <-CALLER" or "FUNCTION [MODULE] <-CALLER" */
static bool take_function(struct cursor c, struct header *h)
{
	const char *start = c.at;

	skip_word(&c);
	if (c.at == start || c.at[-1] == ':')
		return false;
	if (take_text(&c, " ["))
		skip_word(&c);
	set_other(h, "(function)");
	return take_text(&c, " <-");
}

static bool is_words(const char *from, const char *to)
{
	const char *at = from;

	while (at < to && is_word(*at))
		at++;
	return at == to && from < to;
}

/* Any bytes but blanks up to a colon at their end; of "SYSTEM:EVENT:" the second word. */
static bool take_name(struct cursor *c, struct header *h)
{
	const char *start = c->at, *end, *colon;

	skip_word(c);
	end = c->at - 1;
	if (end <= start || *end != ':')
		return false;
	colon = memchr(start, ':', (size_t)(end - start));
	if (colon && is_words(start, colon) && is_words(colon + 1, end))
		start = colon + 1;
	set_name(h, start, end);
	return true;
}

/* Lines of stacks and of the function tracer have no event name, but are not broken. */
static bool take_event(struct cursor *c, struct header *h)
{
	return take_mark(*c, h) || take_function(*c, h) || take_name(c, h);
}

/* c stands after the dash, or after the blank of perf. */
static enum missing take_header(struct cursor c, bool perf, struct header *h)
{
	uint64_t pid, thread;

	h->context = TRACE_TASK;
	if (!take_number(&c, 10, &pid) || (take(&c, '/') && !take_number(&c, 10, &thread)) ||
	    !is_blank(peek(&c)))
		return NO_PID;
	skip_blanks(&c);
	skip_tgid(&c);
	if ((perf && peek(&c) != '[') || !take_cpu(&c, h))
		return NO_CPU;
	if (!is_digit(peek(&c)))
		take_flags(&c, h);
	skip_blanks(&c);
	if (!take_time(&c, h))
		return NO_TIME;
	skip_blanks(&c);
	skip_difference(&c);
	if (!take_event(&c, h))
		return NO_NAME;
	h->body = c;
	return NOTHING_MISSING;
}

/* The heading after a dash: which of several, see above. */
static enum missing find_dash(struct cursor line, struct header *h)
{
	enum missing furthest = NO_PID;

	for (const char *dash = line.at; furthest != NOTHING_MISSING || dash - line.at <= TASK_MAX;
	     dash++) {
		struct header found = {0};
		enum missing missing;

		dash = memchr(dash, '-', (size_t)(line.end - dash));
		if (!dash || (furthest == NOTHING_MISSING && dash - line.at > TASK_MAX))
			break;
		missing = take_header((struct cursor){dash + 1, line.end}, false, &found);
		if (missing == NOTHING_MISSING)
			*h = found;
		if (missing > furthest)
			furthest = missing;
	}
	return furthest;
}

/* perf puts blanks between the name and the number, and the CPU always in brackets. */
static bool find_blank(struct cursor line, struct header *h)
{
	for (const char *at = line.at + 1; at < line.end; at++)
		if (is_digit(*at) && is_blank(at[-1]) &&
		    take_header((struct cursor){at, line.end}, true, h) == NOTHING_MISSING)
			return true;
	return false;
}

/* line begins without blanks. */
static enum missing find_header(struct cursor line, struct header *h)
{
	enum missing missing = find_dash(line, h);

	if (missing == NOTHING_MISSING || find_blank(line, h))
		return NOTHING_MISSING;
	return missing;
}

/* ---- The fields of an event ------------------------------------------------------------- */

enum { HAS_PFN = 1, HAS_ORDER = 2, HAS_MIGRATETYPE = 4, HAS_GFP = 8 };

struct fields {
	unsigned has;
	uint64_t pfn, order, migratetype;
	bool page;	/* page= is there, and it is no null pointer */
	bool null_page; /* page is a null pointer if pfn is 0 as well */
	bool no_page;	/* page is certainly a null pointer */
	bool gfp_number;
	uint8_t gfp;
};

static void parse_page(struct cursor v, struct fields *f)
{
	f->no_page = take_text(&v, "(nil)") || take_text(&v, "(null)");
	take_text(&v, "0x");
	while (take(&v, '0'))
		;
	f->null_page = v.at == v.end;
	f->page = !f->null_page && !f->no_page;
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
	char text[64];

	out->class = TEXT_BAD;
	printable(text, sizeof(text), 40, word.at, (size_t)(word.end - word.at));
	snprintf(out->reason, sizeof(out->reason), "%s is no number", text);
	return false;
}

/* Reads one KEY=VALUE; ignores words without '=' and unknown keys. */
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
		f->gfp_number = is_digit(peek(&v));
	} else if (take_text(&v, "page=")) {
		parse_page(v, f);
	}
	return true;
}

static bool parse_fields(struct cursor c, struct fields *f, struct text_line *out)
{
	for (skip_blanks(&c); c.at < c.end; skip_blanks(&c)) {
		struct cursor word = c;

		skip_word(&c);
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

/* Finds out which of the three events it is, and what fields it must have. False: another event. */
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

/* As ftrace prints it, and as the raw fields say it. */
static bool has_failed(const struct fields *f)
{
	return f->no_page || (f->null_page && f->pfn == 0) || f->pfn == UINT64_MAX ||
	       (!f->page && f->pfn == UINT32_MAX); /* -1, of a kernel of 32 bits */
}

static void fill_event(struct text_line *out, const struct header *h, const struct fields *f)
{
	struct trace_event *event = &out->event;

	event->time_ns = h->time_ns;
	event->pfn = f->pfn;
	event->cpu = (uint32_t)h->cpu;
	event->context = (uint8_t)h->context;
	event->order = f->order > UINT8_MAX ? UINT8_MAX : (uint8_t)f->order;
	if (event->kind == TRACE_ALLOC)
		event->flags = f->gfp | trace_migratetype((int64_t)f->migratetype);
	out->gfp_number = f->gfp_number;
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
	if (out->event.kind == TRACE_ALLOC && has_failed(&f)) {
		out->class = TEXT_FAILED;
		return;
	}
	fill_event(out, h, &f);
	out->class =
		trace_cpu_error(h->cpu, out->reason) || trace_event_error(&out->event, out->reason)
			? TEXT_BAD
			: TEXT_EVENT;
}

/* ---- Lines that are no events ----------------------------------------------------------- */

/* "CPU:2 [LOST 123 EVENTS]" of ftrace, "CPU:2 [123 EVENTS DROPPED]" of trace-cmd. */
static bool parse_lost(struct cursor c, struct text_line *out)
{
	uint64_t cpu;
	bool good = true;

	if (!take_text(&c, "CPU:") || !take_number(&c, 10, &cpu) || !take_text(&c, " ["))
		return false;
	take_text(&c, "LOST ");
	if (is_digit(peek(&c)))
		good = take_number(&c, 10, &out->lost);
	skip_blanks(&c);
	if (!good || !take_text(&c, "EVENTS"))
		return false;
	out->class = TEXT_LOST;
	return true;
}

/* perf's: "TASK PID [CPU] TIME: PERF_RECORD_LOST lost 123" */
static bool parse_perf_lost(struct cursor c, struct text_line *out)
{
	static const char mark[] = ": PERF_RECORD_LOST lost ";
	const char *at = memmem(c.at, (size_t)(c.end - c.at), mark, sizeof(mark) - 1);

	if (!at)
		return false;
	c.at = at + sizeof(mark) - 1;
	if (!take_number(&c, 10, &out->lost))
		return false;
	out->class = TEXT_LOST;
	return true;
}

/* What trace-cmd writes on top: "cpus=4", "CPU 3 is empty", "version = 6"; with --debug: where the
 * pages of a buffer begin. */
static bool is_heading(struct cursor c)
{
	uint64_t number;

	if (peek(&c) == '#')
		return true;
	if (take_text(&c, "CPU "))
		return take_number(&c, 10, &number) && take_text(&c, " is empty") && c.at == c.end;
	if (take_text(&c, "CPU:"))
		return take_number(&c, 10, &number) && take_text(&c, " [SUBBUFFER START]");
	return (take_text(&c, "cpus=") || take_text(&c, "version = ")) &&
	       take_number(&c, 10, &number) && c.at == c.end;
}

/* " => FUNCTION" of ftrace, "ffffffff81000000 FUNCTION (MODULE)" of perf. */
static bool is_stack(struct cursor c)
{
	uint64_t address;
	const char *start = c.at;

	if (take_text(&c, "=>"))
		return c.at == c.end || is_blank(*c.at);
	return take_number(&c, 16, &address) && c.at - start >= 4 && is_blank(peek(&c)) &&
	       c.end[-1] == ')';
}

static bool parse_other(struct cursor c, struct text_line *out)
{
	if (is_heading(c)) {
		out->class = TEXT_COMMENT;
	} else if (is_stack(c)) {
		out->class = TEXT_OTHER;
		out->name = "(stack trace)";
		out->name_length = strlen(out->name);
	} else {
		return parse_lost(c, out);
	}
	return true;
}

/* The same after "FILE: ", in a report of several files or buffers. */
static bool parse_other_of_file(struct cursor c, struct text_line *out)
{
	for (const char *at; (at = memmem(c.at, (size_t)(c.end - c.at), ": ", 2));) {
		c.at = at + 2;
		skip_blanks(&c);
		if (parse_other(c, out))
			return true;
	}
	return false;
}

/* A heading of ftrace begins in the first column. A task's name, which may begin with # as well,
 * does not. */
void trace_text_parse(const char *line, size_t length, struct text_line *out)
{
	struct cursor c = {line, line + length};
	struct header h = {0};
	enum missing missing;

	memset(out, 0, sizeof(*out));
	skip_blanks(&c);
	if (c.at == c.end) {
		out->class = TEXT_BLANK;
	} else if (*line == '#') {
		out->class = TEXT_COMMENT;
	} else if ((missing = find_header(c, &h)) == NOTHING_MISSING) {
		parse_event(out, &h);
	} else if (!parse_other(c, out) && !parse_other_of_file(c, out) &&
		   !parse_perf_lost(c, out)) {
		out->class = TEXT_BAD;
		snprintf(out->reason, sizeof(out->reason), "%s", missing_texts[missing]);
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
		trace->gfp_numbers += parsed.gfp_number;
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
		trace_lost(trace, parsed.lost);
		break;
	case TEXT_BAD:
		trace_bad_line(trace, parsed.reason);
		break;
	}
}
