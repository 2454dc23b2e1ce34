/* SPDX-License-Identifier: MIT */
/*
 * map_text.c - a map of letters, coloured on a terminal. What is at least half in use is a capital.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>

#include "map.h"

enum { TEXT_CELLS = 64 * 40 };

/* What most of a cell is. */
static struct map_share most_of(const struct map_cell *cell, enum map_by by)
{
	struct map_share shares[MAP_SHARES], most = {0};
	unsigned nr = map_shares(cell, by, shares);

	for (unsigned i = 0; i < nr; i++)
		if (!i || shares[i].frames > most.frames)
			most = shares[i];
	return most;
}

static int letter(struct map_share s, enum map_by by)
{
	static const char fixed[] = " .#+%"; /* in the order of enum map_kind */
	int c;

	if (s.kind < MAP_ZONES)
		return fixed[s.kind];
	if (s.slabs && s.slabs * 2 >= s.used)
		return s.used * 2 >= s.frames ? '$' : ':';
	if (s.kind == MAP_ZONES)
		return s.used * 2 >= s.frames ? '=' : '-';
	c = by == MAP_BY_TYPE ? "mur"[(s.kind - MAP_FIRST) % 3]
			      : 'a' + (int)(s.kind - MAP_FIRST) % 26;
	return s.used * 2 >= s.frames ? toupper(c) : c;
}

static int colour(enum map_kind kind)
{
	static const int colours[] = {214, 117, 36, 33, 166};

	if (kind >= MAP_FIRST)
		return colours[(kind - MAP_FIRST) % 5];
	return kind == MAP_RESERVE ? 227 : kind == MAP_ISOLATED ? 175 : 250;
}

static void write_cell(FILE *out, const struct map_cell *cell, enum map_by by, bool colours)
{
	struct map_share s = most_of(cell, by);

	if (colours)
		fprintf(out, "\033[38;5;%dm%c\033[0m", colour(s.kind), letter(s, by));
	else
		putc(letter(s, by), out);
}

static void write_map(FILE *out, const struct map *map, enum map_by by, bool colours)
{
	struct map_cells c;
	unsigned column = 0;
	char size[32], each[32];

	map_bin(&c, map, TEXT_CELLS);
	fprintf(out, "%s; a letter: %u pageblock%s (%s)", map->title, c.bin,
		c.bin > 1 ? "s, what most of them are" : "",
		map_size((uint64_t)c.bin * MAP_PAGEBLOCK << map->page_shift, each));
	for (size_t i = 0; i < c.nr; i++) {
		const struct map_cell *cell = &c.cells[i], *last = i ? cell - 1 : NULL;
		const struct map_zone *zone = &map->zones[cell->zone];

		if (!last || last->zone != cell->zone)
			fprintf(out, "\nzone %s, %s", zone->name,
				map_size(zone->managed << map->page_shift, size));
		if (!last || last->zone != cell->zone ||
		    map_row(&c, last->start) != map_row(&c, cell->start)) {
			fprintf(out, "\n%#14" PRIx64 " ",
				(map_row(&c, cell->start) * c.columns * c.bin * MAP_PAGEBLOCK)
					<< map->page_shift);
			column = 0;
		}
		for (; column < map_column(&c, cell->start); column++)
			putc(' ', out);
		write_cell(out, cell, by, colours);
		column++;
	}
	putc('\n', out);
	free(c.cells);
}

void map_write_text(FILE *out, const struct map_view *view, bool colours)
{
	bool has_slabs = false;

	for (size_t i = 0; i < view->nr; i++) {
		write_map(out, &view->maps[i], view->by, colours);
		has_slabs = has_slabs || view->maps[i].slabs;
	}
	fputs(". whole and free  # one large block in use  + reserve  % isolated\n", out);
	fputs(view->by == MAP_BY_TYPE
		      ? "m movable  u unmovable  r reclaimable; capitals: at least half in use\n"
		      : "a CPU 0, b CPU 1, ...  - the zone's; capitals and =: at least half in "
			"use\n",
	      out);
	if (has_slabs)
		fputs(": slabs of object caches have at least half of what is in use; $: and at "
		      "least half is in use\n",
		      out);
}
