/* SPDX-License-Identifier: MIT */
/*
 * map_json.c - maps for programs. Pageblocks that lie side by side and are alike are one run:
 * [first pfn, frames, zone, owner, type, usable, free, largest, block, whole], where all but the
 * second are those of struct roost_pageblock_info. A run of more than 512 frames is several
 * pageblocks, of 512 frames each. Slabs: [first pfn, frames that slabs have], for a pageblock.
 */
#include <stdlib.h>

#include "map.h"
#include "tool/common/json.h"
#include "tool/common/say.h"

enum { MOST_PFN_BITS = 52, MOST_FRAMES_BITS = 32 /* of an allocator */ };

#define MOST_PFN    ((json_int_t)1 << MOST_PFN_BITS)
#define MOST_FRAMES ((json_int_t)1 << MOST_FRAMES_BITS)

static bool is_full(const struct roost_pageblock_info *b)
{
	return b->end - b->start == MAP_PAGEBLOCK;
}

static bool alike(const struct roost_pageblock_info *a, const struct roost_pageblock_info *b)
{
	return a->end == b->start && is_full(a) && is_full(b) && a->zone == b->zone &&
	       a->owner == b->owner && a->type == b->type && a->usable == b->usable &&
	       a->free == b->free && a->largest == b->largest && a->block == b->block &&
	       a->whole == b->whole;
}

static json_t *runs_of(const struct map *map)
{
	json_t *runs = json_array();

	for (size_t i = 0, n; i < map->nr; i += n) {
		const struct roost_pageblock_info *b = &map->blocks[i];

		for (n = 1; i + n < map->nr && alike(&b[n - 1], &b[n]); n++)
			;
		json_array_append_new(runs,
				      json_pack("[IIiiiiiiii]", (json_int_t)b->start,
						(json_int_t)(b[n - 1].end - b->start), (int)b->zone,
						b->owner, (int)b->type, (int)b->usable,
						(int)b->free, b->largest, b->block, (int)b->whole));
	}
	return runs;
}

/* NULL: this is not known. */
static json_t *slabs_of(const struct map *map)
{
	json_t *slabs = map->slabs ? json_array() : NULL;

	for (size_t i = 0; slabs && i < map->nr; i++)
		if (map->slabs[i])
			json_array_append_new(slabs,
					      json_pack("[Ii]", (json_int_t)map->blocks[i].start,
							(int)map->slabs[i]));
	return slabs;
}

static json_t *map_object(const struct map *map)
{
	json_t *zones = json_array();

	for (unsigned i = 0; i < map->nr_zones; i++)
		json_array_append_new(zones,
				      json_pack("{s:s, s:I, s:I}", "name", map->zones[i].name,
						"managed", (json_int_t)map->zones[i].managed,
						"free", (json_int_t)map->zones[i].free));
	return json_pack("{s:s, s:I, s:i, s:O?, s:o, s:o, s:o*}", "title", map->title, "page_size",
			 (json_int_t)1 << map->page_shift, "cpus", (int)map->nr_cpus, "about",
			 map->about, "zones", zones, "pageblocks", runs_of(map), "slabs",
			 slabs_of(map));
}

json_t *map_json(const struct map_view *view)
{
	json_t *maps = json_array(), *root = json_begin("map", 1);

	for (size_t i = 0; i < view->nr; i++)
		json_array_append_new(maps, map_object(&view->maps[i]));
	if (json_array_size(maps) != view->nr || json_object_set_new(root, "maps", maps) != 0)
		die("out of memory");
	return root;
}

/* A run of the text; false: it makes no sense. */
static bool read_run(struct map *map, const json_t *run)
{
	json_int_t start, frames;
	struct roost_pageblock_info b = {0};
	int zone, owner, type, usable, free, largest, block, whole;

	if (json_unpack((json_t *)run, "[IIiiiiiiii!]", &start, &frames, &zone, &owner, &type,
			&usable, &free, &largest, &block, &whole) != 0)
		return false;
	if (start < 0 || start > MOST_PFN || frames < 1 || frames > MOST_FRAMES - map->frames ||
	    zone < 0 || zone >= (int)map->nr_zones || owner < -1 || owner >= ROOST_MAX_CPUS ||
	    type < 0 || type >= ROOST_NR_LISTS || largest < -1 || largest > ROOST_MAX_ORDER ||
	    block < -1 || block > ROOST_MAX_ORDER || usable < 0 || usable > MAP_PAGEBLOCK ||
	    free < 0 || free > MAP_PAGEBLOCK)
		return false;
	map->frames += frames;
	b.zone = (unsigned)zone;
	b.owner = owner;
	b.type = (enum roost_list_type)type;
	b.usable = (unsigned)usable;
	b.free = (unsigned)free;
	b.largest = largest;
	b.block = block;
	b.whole = whole;
	for (json_int_t at = 0; at < frames; at += MAP_PAGEBLOCK) {
		b.start = (roost_pfn)(start + at);
		b.end = b.start +
			(roost_pfn)(frames - at < MAP_PAGEBLOCK ? frames - at : MAP_PAGEBLOCK);
		map_add(map, &b);
	}
	return true;
}

bool map_read_runs(struct map *map, const json_t *runs)
{
	if (!json_is_array(runs))
		return false;
	for (size_t i = 0; i < json_array_size(runs); i++)
		if (!read_run(map, json_array_get(runs, i)))
			return false;
	map_sort(map);
	return true;
}

static int by_start(const void *a, const void *b)
{
	const struct roost_pageblock_info *x = *(struct roost_pageblock_info *const *)a;
	const struct roost_pageblock_info *y = *(struct roost_pageblock_info *const *)b;

	return (x->start > y->start) - (x->start < y->start);
}

/* One entry; false: there is no such pageblock, or it is not that large. */
static bool read_slabs(struct map *map, struct roost_pageblock_info **by_address,
		       const json_t *entry)
{
	struct roost_pageblock_info wanted, *key = &wanted, **found;
	json_int_t start;
	int frames;

	if (json_unpack((json_t *)entry, "[Ii!]", &start, &frames) != 0 || start < 0 ||
	    frames < 0 || frames > MAP_PAGEBLOCK)
		return false;
	wanted.start = (roost_pfn)start;
	found = map->nr ? bsearch(&key, by_address, map->nr,
				  sizeof(*by_address), // NOLINT: pointers
				  by_start)
			: NULL;
	if (!found)
		return false;
	map->slabs[*found - map->blocks] = (uint16_t)frames;
	return true;
}

bool map_read_slabs(struct map *map, const json_t *slabs)
{
	struct roost_pageblock_info **by_address;
	bool good = true;

	if (!slabs)
		return true;
	if (!json_is_array(slabs))
		return false;
	map->slabs = grow(NULL, map->nr, sizeof(*map->slabs));
	by_address = grow(NULL, map->nr, sizeof(struct roost_pageblock_info *));
	for (size_t i = 0; i < map->nr; i++) {
		map->slabs[i] = 0;
		by_address[i] = &map->blocks[i];
	}
	if (map->nr)
		qsort(by_address, map->nr, sizeof(struct roost_pageblock_info *), by_start);
	for (size_t i = 0; i < json_array_size(slabs) && good; i++)
		good = read_slabs(map, by_address, json_array_get(slabs, i));
	free(by_address);
	return good;
}
