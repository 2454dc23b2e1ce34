/* SPDX-License-Identifier: MIT */
/* log.c - see log.h. */
#include "log.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct line {
	uint8_t cpu, level;
	char *text;
};

static struct line *lines;
static size_t nr, room;

void log_begin(void)
{
	while (nr)
		free(lines[--nr].text);
}

static _Noreturn void no_memory(void)
{
	perror("roost: memory");
	exit(2);
}

static void add(const struct context *c, const char *format, va_list list)
{
	if (nr == room) {
		room = room ? 2 * room : 1024;
		lines = realloc(lines, room * sizeof(*lines));
		if (!lines)
			no_memory();
	}
	lines[nr].cpu = c ? c->cpu : VM_CPUS;
	lines[nr].level = c ? c->level : 0;
	if (vasprintf(&lines[nr].text, format, list) < 0)
		no_memory();
	nr++;
}

void log_line_now(const struct context *c, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	add(c, format, list);
	va_end(list);
}

void log_address(const void *address, char *text, size_t size)
{
	if (!vm.guest->name(address, text, size))
		snprintf(text, size, "+0x%zx", (size_t)((const char *)address - vm.arena));
}

void log_access_now(const struct context *c, enum op_kind kind, const volatile void *address,
		    uint64_t value, int order, unsigned older)
{
	static const char *const orders[] = {"rlx", "con", "acq", "rel", "acq_rel", "sc"};
	char name[64];

	if (kind == OP_FENCE) {
		log_line_now(c, "  fence %s", orders[order]);
		return;
	}
	log_address((const void *)(uintptr_t)address, name, sizeof(name));
	if (older)
		log_line_now(c, "  %s is read as 0x%llx (%s), %u older than the newest", name,
			     (unsigned long long)value, orders[order], older);
	else
		log_line_now(c, "  %s %s 0x%llx (%s)", name,
			     kind == OP_LOAD  ? "is"
			     : kind == OP_RMW ? "<=>"
					      : "=",
			     (unsigned long long)value, orders[order]);
}

/* ---- Columns ------------------------------------------------------------------------------- */

enum { COLUMN = 46, GAP = 2 };

static void cell(FILE *out, const char *text, unsigned indent, unsigned column, size_t from,
		 size_t length)
{
	fprintf(out, "%*s%.*s\n", (int)(column * (COLUMN + GAP) + indent), "", (int)length,
		text + from);
}

/* Lines longer than a column are broken at blanks; the rest is indented. */
static void print_line(FILE *out, const struct line *line)
{
	unsigned column = line->cpu == VM_CPUS ? 0 : line->cpu;
	unsigned indent = line->level * 3u;
	size_t length = strlen(line->text), from = 0;

	while (from < length) {
		size_t fits = COLUMN - indent, n = length - from;

		if (n > fits)
			for (n = fits; n > fits / 2 && line->text[from + n] != ' ';)
				n--;
		cell(out, line->text, indent + (from ? 2 : 0), column, from, n);
		from += n;
		while (line->text[from] == ' ')
			from++;
	}
}

void log_print(FILE *out)
{
	for (unsigned cpu = 0; cpu < vm.nr_cpus; cpu++)
		fprintf(out, "%*sCPU%u", cpu ? COLUMN + GAP - 4 : 0, "", cpu);
	fputc('\n', out);
	for (unsigned cpu = 0; cpu < vm.nr_cpus; cpu++)
		fprintf(out, "%*s----", cpu ? COLUMN + GAP - 4 : 0, "");
	fputc('\n', out);
	for (size_t i = 0; i < nr; i++)
		print_line(out, &lines[i]);
}
