/* SPDX-License-Identifier: MIT */
/*
 * map.h - the pageblocks of an allocator at one moment, and how they are shown.
 */
#ifndef TOOL_MAP_H
#define TOOL_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>
#include <roost/roost.h>

enum {
	MAP_PAGEBLOCK = 1 << ROOST_PAGEBLOCK_ORDER,
	MAP_NAME_COLUMNS = 60, /* of a title */
	MAP_NAME = 4 * MAP_NAME_COLUMNS,
	MAP_TITLE = 3 * MAP_NAME,
	MAP_MAX = 16, /* of one picture */
};

struct map_zone {
	char name[64];		/* printable */
	uint64_t managed, free; /* frames; free ones wherever they are, as in roost_zone_info() */
};

struct map {
	char title[MAP_TITLE];
	unsigned page_shift; /* 12: 4 KiB */
	unsigned nr_zones, nr_cpus;
	struct map_zone zones[ROOST_MAX_ZONES];
	struct roost_pageblock_info *blocks; /* by zone, then by address */
	/* How many frames of each of them are slabs', or NULL: of none. */
	uint16_t *slabs;
	size_t nr, room;
	json_int_t frames; /* how many map_read_runs() has read */
	json_t *about;	   /* more for --json, or NULL */
};

/* What the colours mean. */
enum map_by { MAP_BY_OWNER, MAP_BY_TYPE };

/* What each word of the colours means. Owners and types have the next ones. */
enum map_kind {
	MAP_HOLE,
	MAP_WHOLE, /* all free, without an owner */
	MAP_LARGE, /* of one allocated block of 2 MiB or more */
	MAP_RESERVE,
	MAP_ISOLATED,
	MAP_ZONES, /* without an owner, partly free; by type: movable and so on from MAP_FIRST on */
	MAP_FIRST,
};

enum map_kind map_kind(const struct roost_pageblock_info *block, enum map_by by);
/* "CPU 3", "movable", "reserve"... */
const char *map_kind_name(enum map_kind kind, enum map_by by, char name[32]);

void map_take(struct map *map, const roost_t *roost);
void map_release(struct map *map);
/* Adds a pageblock at the end. After the last one the caller calls map_sort(). */
void map_sort(struct map *map);
void map_add(struct map *map, const struct roost_pageblock_info *block);

/* ---- Cells: one for each pageblock, or for several where there are too many ----------------- */

struct map_cell {
	roost_pfn start;
	unsigned zone;
	unsigned blocks; /* that are in it; never 0 */
	const struct roost_pageblock_info *first;
	const uint16_t *slabs; /* of each of them, or NULL */
};

struct map_cells {
	unsigned bin;	  /* pageblocks of a cell, a power of two */
	unsigned columns; /* a power of two */
	struct map_cell *cells;
	size_t nr;
};

/* Makes the cells, no more than most of them. */
void map_bin(struct map_cells *cells, const struct map *map, size_t most);

/* A cell's share of one kind. Whole and hole are kinds of their own, without free frames of another
 * kind. */
struct map_share {
	enum map_kind kind;
	unsigned frames, used, blocks;
	unsigned slabs; /* of those that are used */
};

enum { MAP_SHARES = 48 }; /* kinds of a cell; what is more is added to the last */

/* Writes the shares in the order of the kinds; returns how many. */
unsigned map_shares(const struct map_cell *cell, enum map_by by, struct map_share shares[]);

/* The row that an address is in; rows of different zones are different rows. */
static inline uint64_t map_row(const struct map_cells *c, roost_pfn pfn)
{
	return (pfn >> ROOST_PAGEBLOCK_ORDER) / c->bin / c->columns;
}

static inline unsigned map_column(const struct map_cells *c, roost_pfn pfn)
{
	return (unsigned)((pfn >> ROOST_PAGEBLOCK_ORDER) / c->bin % c->columns);
}

/* "512 KiB", "3.5 GiB" */
const char *map_size(uint64_t bytes, char text[32]);

/* Makes the maps of the pools of a process that serves at path (map_live.c), and returns how many.
 * Ends the program if there are none. */
size_t map_live(const char *path, struct map maps[MAP_MAX]);

/* ---- Forms --------------------------------------------------------------------------------- */

struct map_view {
	const struct map *maps;
	size_t nr;
	enum map_by by;
};

void map_write_svg(FILE *out, const void *view);
void map_write_text(FILE *out, const struct map_view *view, bool colours);
json_t *map_json(const struct map_view *view);
/* Reads pageblocks as map_json() and the statistics of a process write them. False: this is none of
 * it. */
bool map_read_runs(struct map *map, const json_t *runs);
/* The same of the frames that slabs have in them; NULL: none. The runs come first. */
bool map_read_slabs(struct map *map, const json_t *slabs);

#endif
