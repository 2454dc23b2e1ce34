/* SPDX-License-Identifier: MIT */
/* fuzz.c - see fuzz.h. */
#include "fuzz.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void fuzz_fail(const char *format, ...)
{
	char text[1024];
	va_list list;
	int n;

	va_start(list, format);
	n = vsnprintf(text, sizeof(text) - 1, format, list);
	va_end(list);
	n = n < 0 ? 0 : n > (int)sizeof(text) - 2 ? (int)sizeof(text) - 2 : n;
	text[n] = '\n';
	(void)!write(STDERR_FILENO, "FOUND: ", 7);
	(void)!write(STDERR_FILENO, text, (size_t)n + 1);
	abort();
}

/* ---- Decisions ----------------------------------------------------------------------------- */

bool fuzz_more(const struct fuzz_bytes *b)
{
	return b->at < b->end;
}

uint64_t fuzz_number(struct fuzz_bytes *b, unsigned bytes)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < bytes && fuzz_more(b); i++)
		value |= (uint64_t)*b->at++ << 8 * i;
	return value;
}

unsigned fuzz_below(struct fuzz_bytes *b, unsigned limit)
{
	unsigned bytes = limit <= 1 ? 0 : limit <= 1 << 8 ? 1 : limit <= 1 << 16 ? 2 : 4;

	return (unsigned)(fuzz_number(b, bytes) % limit);
}

uint64_t fuzz_any(struct fuzz_bytes *b)
{
	unsigned how = fuzz_below(b, 8);

	if (how < 3)
		return fuzz_number(b, 1);
	if (how < 5)
		return fuzz_number(b, 2);
	if (how == 5)
		return fuzz_number(b, 8);
	if (how == 6)
		return (UINT64_C(1) << fuzz_below(b, 64)) + fuzz_number(b, 1);
	return (UINT64_C(1) << fuzz_below(b, 64)) - fuzz_number(b, 1);
}

void fuzz_text(struct fuzz_bytes *b, char *to, size_t room)
{
	size_t n = 0;

	while (n + 1 < room && fuzz_more(b) && (to[n] = (char)*b->at++))
		n++;
	to[n] = 0;
}

/* ---- Files --------------------------------------------------------------------------------- */

const char *fuzz_file(const uint8_t *data, size_t size)
{
	static char path[64];
	static int fd = -1;

	if (fd < 0) {
		fd = memfd_create("fuzz", MFD_CLOEXEC);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	if (fd < 0 || ftruncate(fd, 0) || lseek(fd, 0, SEEK_SET) ||
	    (size && write(fd, data, size) != (ssize_t)size))
		abort();
	return path;
}

bool fuzz_log(void)
{
	return getenv("FUZZ_LOG");
}

void fuzz_quiet(void)
{
	static bool done;

	if (done || fuzz_log())
		return;
	done = true;
	stderr = fopen("/dev/null", "w");
	if (!stderr)
		abort();
}

/* ---- Ends ---------------------------------------------------------------------------------- */

char fuzz_error[1024];

static jmp_buf back;
static bool trying;

bool fuzz_try(void (*what)(void *context), void *context)
{
	bool good = false;

	fuzz_error[0] = 0;
	trying = true;
	if (!setjmp(back)) {
		what(context);
		good = true;
	}
	trying = false;
	return good;
}

void fuzz_give_up(void)
{
	if (!trying)
		fuzz_fail("it gives up: %s", fuzz_error);
	longjmp(back, 1);
}

/* ---- Text ---------------------------------------------------------------------------------- */

/* Bytes of the well-formed character that begins here, or 0. */
static size_t character(const unsigned char *at, size_t left)
{
	static const struct {
		unsigned char first, last;
		unsigned char low, high; /* of the second byte */
		size_t length;
	} kinds[] = {
		{0x20, 0x7e, 0, 0, 1},	     {0xc2, 0xdf, 0x80, 0xbf, 2},
		{0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
		{0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
		{0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4},
		{0xf4, 0xf4, 0x80, 0x8f, 4},
	};

	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		if (*at < kinds[k].first || *at > kinds[k].last || kinds[k].length > left)
			continue;
		if (kinds[k].length > 1 && (at[1] < kinds[k].low || at[1] > kinds[k].high))
			return 0;
		for (size_t i = 2; i < kinds[k].length; i++)
			if (at[i] >> 6 != 2)
				return 0;
		if (at[0] == 0xc2 && at[1] < 0xa0) /* control characters up there */
			return 0;
		return kinds[k].length;
	}
	return 0;
}

void fuzz_check_text(const char *what, const char *text, size_t length, size_t longest)
{
	const unsigned char *at = (const unsigned char *)text, *line = at, *end = at + length;

	while (at < end) {
		size_t n = *at == '\n' ? 1 : character(at, (size_t)(end - at));

		if (!n)
			fuzz_fail("%s: the byte %#x goes out as it came, at %zu: \"%.40s\"", what,
				  *at, (size_t)(at - line), line);
		if (*at == '\n')
			line = at + 1;
		at += n;
		if ((size_t)(at - line) > longest)
			fuzz_fail("%s: a line longer than %zu bytes: \"%.60s...\"", what, longest,
				  line);
	}
}

void fuzz_check_line(const char *what, const char *text)
{
	if (!*text)
		fuzz_fail("%s: says nothing", what);
	if (strchr(text, '\n'))
		fuzz_fail("%s: more than one line: \"%s\"", what, text);
	fuzz_check_text(what, text, strlen(text), 1024);
}
