/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "printable.h"
#include "say.h"

const char *say_who = "roost";

/* One line, whatever is in the names of files that it quotes. */
static void say(const char *format, va_list args)
{
	char *raw, *text;

	if (vasprintf(&raw, format, args) < 0) {
		fprintf(stderr, "%s: out of memory\n", say_who);
		return;
	}
	text = printable_again_copy(raw);
	fprintf(stderr, "%s: %s\n", say_who, text);
	free(text);
	free(raw);
}

void say_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
}

void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
	exit(EXIT_USAGE);
}

void check_stdout(void)
{
	bool flushed;

	errno = 0;
	flushed = fflush(stdout) == 0;
	if (flushed && !ferror(stdout))
		return;
	say_error("cannot write to stdout%s%s", errno ? ": " : "", errno ? strerror(errno) : "");
	_exit(EXIT_USAGE);
}

void program_begin(void)
{
	setlocale(LC_CTYPE, "C.UTF-8"); /* what printable() makes */
	atexit(check_stdout);
}

void *grow(void *old, size_t count, size_t size)
{
	void *new = reallocarray(old, count ? count : 1, size);

	if (!new)
		die("out of memory; use --limit to replay a part of the trace");
	return new;
}

void *map_memory(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

void unmap_memory(void *memory, size_t size)
{
	if (memory)
		munmap(memory, size);
}

bool has_colours(int fd)
{
	const char *without = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(fd) && !(without && *without) && term && strcmp(term, "dumb") != 0;
}

void bar_open(struct bar *bar, const char *title, bool enabled)
{
	bar->enabled = enabled && isatty(STDERR_FILENO);
	bar->shown = -1;
	bar->title = title;
}

void bar_show(struct bar *bar, uint64_t done, uint64_t all)
{
	static const char full[] = "########################################";
	int percent = all ? (int)(done * 100 / all) : 100;
	int width = percent * (int)(sizeof(full) - 1) / 100;

	if (!bar->enabled || percent == bar->shown)
		return;
	bar->shown = percent;
	fprintf(stderr, "\r%s [%-40.*s] %3d%%", bar->title, width, full, percent);
	fflush(stderr);
}

void bar_close(struct bar *bar)
{
	if (bar->enabled)
		fputs("\r\033[K", stderr);
}
