/* SPDX-License-Identifier: MIT */
/* map_live.c - maps of the pools of a process. */
#include <stdlib.h>
#include <string.h>

#include "tool/common/live.h"
#include "map.h"
#include "tool/common/printable.h"
#include "tool/common/say.h"

static uint64_t number(const json_t *object, const char *key)
{
	json_int_t value = json_integer_value(json_object_get(object, key));

	return value > 0 ? (uint64_t)value : 0;
}

static void read_zone(struct map_zone *zone, const json_t *from)
{
	const char *name = json_string_value(json_object_get(from, "name"));

	name = name ? name : "?";
	printable_again(zone->name, sizeof(zone->name), 0, name);
	zone->managed = number(from, "managed");
	zone->free = number(from, "free") + number(from, "free_pcp") + number(from, "free_llist");
}

static bool read_pool(struct map *map, const json_t *root, const json_t *pool)
{
	const char *name = json_string_value(json_object_get(pool, "name"));
	const char *program = json_string_value(json_object_get(root, "program"));
	const json_t *zones = json_object_get(pool, "zones");
	char shown[MAP_NAME], its[MAP_NAME];
	uint64_t page = number(pool, "page_size");

	if (!name || !program || json_array_size(zones) > ROOST_MAX_ZONES || !page ||
	    page > (uint64_t)1 << 30 || page & (page - 1))
		return false;
	map->page_shift = (unsigned)__builtin_ctzll(page);
	map->nr_cpus = (unsigned)json_array_size(json_object_get(pool, "cpus"));
	map->nr_zones = (unsigned)json_array_size(zones);
	for (unsigned i = 0; i < map->nr_zones; i++)
		read_zone(&map->zones[i], json_array_get(zones, i));
	snprintf(map->title, sizeof(map->title), "pool %s of %s, process %llu",
		 printable_again(shown, sizeof(shown), MAP_NAME_COLUMNS, name),
		 printable_again(its, sizeof(its), MAP_NAME_COLUMNS, program),
		 (unsigned long long)number(root, "pid"));
	map->about = json_pack("{s:s, s:I}", "pool", name, "pid", (json_int_t)number(root, "pid"));
	return map_read_runs(map, json_object_get(pool, "pageblocks")) &&
	       map_read_slabs(map, json_object_get(pool, "slabs"));
}

size_t map_live(const char *path, struct map maps[MAP_MAX])
{
	char error[ERROR_MAX];
	json_t *root = live_ask(path, "map", 0, error), *pools;
	size_t nr;

	if (!root)
		die("%s", error);
	pools = json_object_get(root, "pools");
	nr = json_array_size(pools);
	if (nr > MAP_MAX) {
		say_error("%s: %zu pools; the first %d are shown", path, nr, MAP_MAX);
		nr = MAP_MAX;
	}
	if (!nr)
		die("%s: the process has no pool now", path);
	for (size_t i = 0; i < nr; i++)
		if (!read_pool(&maps[i], root, json_array_get(pools, i)))
			die("%s: its answer is wrong: a pageblock in it cannot exist", path);
	json_decref(root);
	return nr;
}
