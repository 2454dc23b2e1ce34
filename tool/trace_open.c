/* SPDX-License-Identifier: MIT */
/*
 * trace_open.c - opens a trace, and calls the reader of its format.
 *
 * The first bytes tell a trace.dat from text. libtracecmd has to seek, so a trace.dat that is
 * compressed or comes through a pipe goes to a temporary file.
 */
#include <archive.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guard.h"
#include "source.h"
#include "tool/common/printable.h"
#include "tool/common/say.h"
#include "trace.h"

enum {
	CHUNK = SOURCE_CHUNK, /* the longest line, too */
	HOPELESS = 1 << 16,   /* broken lines before the first event: the file is no trace */
};

static const unsigned char dat_magic[] = {0x17, 0x08, 0x44, 't', 'r', 'a', 'c', 'i', 'n', 'g'};

/* ---- Text ------------------------------------------------------------------------------- */

static bool is_hopeless(const struct trace *trace)
{
	return trace->bad >= HOPELESS && !trace->nr && !trace->passed_over;
}

static bool text_goes_on(const struct trace *trace)
{
	return !trace_full(trace) && !is_hopeless(trace);
}

static void take_line(struct trace *trace, const char *line, size_t length, bool *skipping)
{
	if (length && line[length - 1] == '\r')
		length--;
	if (!*skipping)
		trace_text_line(trace, line, length);
	*skipping = false;
}

/* Passes on whole lines and moves the rest to the front. */
static void split_lines(struct trace *trace, struct source *s, bool *skipping)
{
	char *line = s->data, *end = s->data + s->used, *newline;

	while (text_goes_on(trace) && (newline = memchr(line, '\n', (size_t)(end - line)))) {
		take_line(trace, line, (size_t)(newline - line), skipping);
		line = newline + 1;
	}
	s->used = (size_t)(end - line);
	memmove(s->data, line, s->used);
	if (s->used >= CHUNK) {
		if (!*skipping) {
			trace->lines++;
			trace_bad_line(trace, "longer than 65536 bytes");
		}
		*skipping = true;
		s->used = 0;
	}
}

/* Some editors put a byte order mark before the first line. */
static void skip_mark(struct source *s)
{
	static const char mark[] = "\xef\xbb\xbf";

	if (s->used < 3 || memcmp(s->data, mark, 3) != 0)
		return;
	s->used -= 3;
	memmove(s->data, s->data + 3, s->used);
}

static bool read_text(struct trace *trace, struct source *s)
{
	bool skipping = false; /* the rest of a line that is too long */
	ssize_t got = 0;

	trace->format = "text";
	skip_mark(s);
	do {
		split_lines(trace, s, &skipping);
	} while (text_goes_on(trace) && (got = source_fill(s)) > 0);
	if (!text_goes_on(trace))
		return true;
	if (got == 0 && s->used)
		take_line(trace, s->data, s->used, &skipping);
	return got == 0;
}

/* ---- trace.dat -------------------------------------------------------------------------- */

static bool write_all(FILE *file, const char *data, size_t size)
{
	return fwrite(data, 1, size, file) == size;
}

/* The unpacked file as a descriptor that can seek, or -1. */
static int unpack(struct source *s, char error[])
{
	FILE *file = tmpfile();
	ssize_t got = 1;
	int fd = -1;

	while (file && write_all(file, s->data, s->used)) {
		s->used = 0;
		got = source_fill(s);
		if (got <= 0)
			break;
	}
	if (file && got == 0 && fflush(file) == 0 && lseek(fileno(file), 0, SEEK_SET) == 0)
		fd = dup(fileno(file));
	if (fd < 0)
		snprintf(error, ERROR_MAX, "cannot unpack the trace.dat into a temporary file: %s",
			 got < 0 ? archive_error_string(s->archive) : strerror(errno));
	if (file)
		fclose(file);
	return fd;
}

static bool is_plain_file(const struct source *s)
{
	struct stat st;

	return archive_filter_code(s->archive, 0) == ARCHIVE_FILTER_NONE &&
	       fstat(s->fd, &st) == 0 && S_ISREG(st.st_mode);
}

static bool read_dat(struct trace *trace, struct source *s, char error[])
{
	int fd = is_plain_file(s) ? dup(s->fd) : unpack(s, error);
	bool good;

	if (fd < 0)
		return false;
	if (lseek(fd, 0, SEEK_SET) != 0) {
		snprintf(error, ERROR_MAX, "cannot seek: %s", strerror(errno));
		close(fd);
		return false;
	}
	/*
	 * libtracecmd closes the descriptor of a file that it read or gave up on, but not of one
	 * that it refused at once. Closing it again is harmless: nothing was opened in between.
	 */
	guard_begin("libtracecmd", s->name);
	good = trace_dat_read(trace, fd, error);
	guard_end();
	if (!good)
		close(fd);
	return good;
}

/* ---- Both ------------------------------------------------------------------------------- */

static bool read_content(struct trace *trace, struct source *s, char error[])
{
	ssize_t got = 1;

	while (s->used < sizeof(dat_magic) && (got = source_fill(s)) > 0)
		;
	snprintf(trace->compression, sizeof(trace->compression), "%s",
		 archive_filter_name(s->archive, 0));
	if (got >= 0 && s->used >= sizeof(dat_magic) &&
	    !memcmp(s->data, dat_magic, sizeof(dat_magic)))
		return read_dat(trace, s, error);
	if (got < 0 || !read_text(trace, s)) {
		snprintf(error, ERROR_MAX, "cannot read on after line %llu: %s",
			 (unsigned long long)trace->lines, archive_error_string(s->archive));
		return false;
	}
	return true;
}

/* A file without anything to replay is an error: says what was in it, and why the first bad line
 * could not be read. */
static bool has_events(const struct trace *trace, char error[])
{
	char first[TRACE_REASON_MAX + 32] = "";

	if (trace->page_events)
		return true;
	if (trace->bad)
		snprintf(first, sizeof(first), "; line %llu: %s",
			 (unsigned long long)trace->first_bad[0].line, trace->first_bad[0].reason);
	if (!trace->nr && !trace->passed_over && !trace->failed)
		snprintf(error, ERROR_MAX,
			 "is no trace, neither text of ftrace, `trace-cmd report` or `perf script` "
			 "nor a trace.dat: %llu line%s and not one event in them%s",
			 (unsigned long long)trace->lines, trace->lines == 1 ? "" : "s", first);
	else
		snprintf(error, ERROR_MAX,
			 "holds no mm_page_alloc and no mm_page_free that can be replayed; record "
			 "with: trace-cmd record -e kmem%s",
			 first);
	return false;
}

bool trace_read(struct trace *trace, const char *path, char error[])
{
	char why[ERROR_MAX] = "", name[ERROR_MAX / 2];
	struct source source = {.fd = -1, .name = name};
	bool good;

	printable(name, sizeof(name), 0, path, strlen(path));
	good = source_open(&source, path, "trace", false, why) &&
	       read_content(trace, &source, why) && has_events(trace, why);
	source_close(&source);
	if (!good)
		snprintf(error, ERROR_MAX, "%s: %s", name, why);
	return good;
}
