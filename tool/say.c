/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "say.h"

static void say(const char *format, va_list args)
{
	fputs("roost: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
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
