/* SPDX-License-Identifier: MIT */
/* lines.c - see lines.h. A hash table by the line's number, open addressing. */
#include "lines.h"

#include <stdlib.h>
#include <string.h>

#include "tool/common/say.h"

enum { WORDS = LINES_CPUS / 64, FIRST_SIZE = 1 << 16 };

struct line {
	uintptr_t number; /* 0: no line; nothing lies at address 0 */
	uint64_t held[WORDS];
	unsigned holders;
};

static struct line *table;
static size_t size, used;

void lines_reset(void)
{
	size = FIRST_SIZE;
	used = 0;
	table = grow(table, size, sizeof(*table));
	memset(table, 0, size * sizeof(*table));
}

/* Its entry, or the empty one where it belongs. */
static struct line *find(struct line *in, size_t entries, uintptr_t number)
{
	size_t at = (size_t)(number * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (entries - 1);

	while (in[at].number && in[at].number != number)
		at = (at + 1) & (entries - 1);
	return &in[at];
}

static void enlarge(void)
{
	struct line *larger = grow(NULL, 2 * size, sizeof(*larger));

	memset(larger, 0, 2 * size * sizeof(*larger));
	for (size_t i = 0; i < size; i++)
		if (table[i].number)
			*find(larger, 2 * size, table[i].number) = table[i];
	free(table);
	table = larger;
	size *= 2;
}

static struct line *line_of(uintptr_t number)
{
	struct line *line = find(table, size, number);

	if (line->number)
		return line;
	if (2 * ++used > size) {
		enlarge();
		line = find(table, size, number);
	}
	line->number = number;
	return line;
}

static bool holds(const struct line *line, unsigned cpu)
{
	return line->held[cpu / 64] >> cpu % 64 & 1;
}

static void add(struct line *line, unsigned cpu)
{
	line->held[cpu / 64] |= UINT64_C(1) << cpu % 64;
	line->holders++;
}

struct transfer lines_access(unsigned cpu, uintptr_t number, bool write)
{
	struct line *line = line_of(number);
	const bool held = holds(line, cpu);
	struct transfer t = {.fetched = !held && line->holders > 0};

	if (write && line->holders > held) {
		t.upgraded = held;
		t.invalidated = line->holders - held;
		memset(line->held, 0, sizeof(line->held));
		line->holders = 0;
		add(line, cpu);
	} else if (!held) {
		add(line, cpu);
	}
	return t;
}

bool lines_held(unsigned cpu, uintptr_t number)
{
	return holds(line_of(number), cpu);
}

bool lines_moves(unsigned cpu, uintptr_t number, bool write)
{
	const struct line *line = line_of(number);
	const bool held = holds(line, cpu);

	return held ? write && line->holders > 1 : line->holders > 0;
}
