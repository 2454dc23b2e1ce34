/* SPDX-License-Identifier: MIT */
/*
 * map.c - the pageblocks of an allocator at one moment, and the cells that they are shown as.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "map.h"
#include "tool/common/printable.h"
#include "tool/common/say.h"

void map_add(struct map *map, const struct roost_pageblock_info *block)
{
	if (map->nr == map->room) {
		map->room = map->room ? map->room * 2 : 1024;
		map->blocks = grow(map->blocks, map->room, sizeof(*map->blocks));
	}
	map->blocks[map->nr++] = *block;
}

static int by_zone(const void *a, const void *b)
{
	const struct roost_pageblock_info *x = a, *y = b;

	if (x->zone != y->zone)
		return x->zone < y->zone ? -1 : 1;
	return (x->start > y->start) - (x->start < y->start);
}

void map_sort(struct map *map)
{
	if (map->nr)
		qsort(map->blocks, map->nr, sizeof(*map->blocks), by_zone);
}

void map_take(struct map *map, const roost_t *roost)
{
	struct roost_pageblock_info block;
	struct roost_zone_info zone;

	map->nr_zones = roost_nr_zones(roost);
	map->nr_cpus = roost_nr_cpus(roost);
	for (unsigned i = 0; i < map->nr_zones; i++) {
		if (roost_zone_info(roost, i, &zone) != 0)
			continue;
		map->zones[i] = (struct map_zone){
			.managed = zone.managed,
			.free = zone.free + zone.free_pcp + zone.free_llist,
		};
		printable(map->zones[i].name, sizeof(map->zones[i].name), 0, zone.name,
			  strnlen(zone.name, sizeof(zone.name)));
	}
	for (roost_pfn pfn = 0; !roost_pageblock_info(roost, pfn, &block); pfn = block.end)
		map_add(map, &block);
	map_sort(map);
}

void map_release(struct map *map)
{
	free(map->blocks);
	free(map->slabs);
	json_decref(map->about);
	*map = (struct map){0};
}

/* ---- Kinds --------------------------------------------------------------------------------- */

enum map_kind map_kind(const struct roost_pageblock_info *block, enum map_by by)
{
	if (block->usable == 0)
		return MAP_HOLE;
	if (block->type == ROOST_LIST_RESERVE || block->type == ROOST_LIST_ATOMIC)
		return MAP_RESERVE;
	if (block->type == ROOST_LIST_ISOLATE)
		return MAP_ISOLATED;
	if (block->whole)
		return MAP_WHOLE;
	if (block->block >= 0)
		return MAP_LARGE;
	if (by == MAP_BY_TYPE)
		return MAP_FIRST + (enum map_kind)block->type;
	return block->owner < 0 ? MAP_ZONES : MAP_FIRST + (enum map_kind)block->owner;
}

const char *map_kind_name(enum map_kind kind, enum map_by by, char name[32])
{
	static const char *const names[] = {"hole",    "whole and free", "one large block in use",
					    "reserve", "isolated",	 "the zone's"};
	static const char *const types[] = {"movable", "unmovable", "reclaimable"};

	if (kind < MAP_FIRST)
		return names[kind];
	if (by == MAP_BY_TYPE)
		return types[(kind - MAP_FIRST) % 3];
	snprintf(name, 32, "CPU %u", (unsigned)(kind - MAP_FIRST));
	return name;
}

/* ---- Cells --------------------------------------------------------------------------------- */

static bool same_cell(const struct map_cells *c, const struct map_cell *cell,
		      const struct roost_pageblock_info *block)
{
	return cell->zone == block->zone && map_row(c, cell->start) == map_row(c, block->start) &&
	       map_column(c, cell->start) == map_column(c, block->start);
}

static void make_cells(struct map_cells *c, const struct map *map)
{
	c->nr = 0;
	for (size_t i = 0; i < map->nr; i++) {
		const struct roost_pageblock_info *block = &map->blocks[i];

		if (!c->nr || !same_cell(c, &c->cells[c->nr - 1], block))
			c->cells[c->nr++] =
				(struct map_cell){.start = block->start,
						  .zone = block->zone,
						  .first = block,
						  .slabs = map->slabs ? &map->slabs[i] : NULL};
		c->cells[c->nr - 1].blocks++;
	}
}

void map_bin(struct map_cells *c, const struct map *map, size_t most)
{
	*c = (struct map_cells){.bin = 1};
	c->cells = grow(NULL, map->nr, sizeof(*c->cells));
	while (map->nr / c->bin > most)
		c->bin *= 2;
	c->columns = map->nr / c->bin <= 128 ? 16 : map->nr / c->bin <= 512 ? 32 : 64;
	make_cells(c, map);
}

static int by_kind(const void *a, const void *b)
{
	return (int)((const struct map_share *)a)->kind - (int)((const struct map_share *)b)->kind;
}

unsigned map_shares(const struct map_cell *cell, enum map_by by, struct map_share shares[])
{
	unsigned nr = 0, at;

	for (unsigned i = 0; i < cell->blocks; i++) {
		const struct roost_pageblock_info *b = &cell->first[i];
		enum map_kind kind = map_kind(b, by);
		unsigned used, slabs;

		for (at = 0; at < nr && shares[at].kind != kind; at++)
			;
		if (at == MAP_SHARES)
			at--;
		else if (at == nr)
			shares[nr++] = (struct map_share){.kind = kind};
		shares[at].blocks++;
		shares[at].frames += b->usable;
		used = b->usable > b->free ? b->usable - b->free : 0; /* racy, and so are slabs */
		slabs = cell->slabs ? cell->slabs[i] : 0;
		shares[at].used += used;
		shares[at].slabs += slabs < used ? slabs : used;
	}
	qsort(shares, nr, sizeof(*shares), by_kind);
	return nr;
}

const char *map_size(uint64_t bytes, char text[32])
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
	unsigned unit = 0;
	double size = (double)bytes;

	while (size >= 1024 && unit < 5) {
		size /= 1024;
		unit++;
	}
	snprintf(text, 32, size == (double)(uint64_t)size ? "%.0f %s" : "%.1f %s", size,
		 units[unit]);
	return text;
}
