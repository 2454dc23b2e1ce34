/* SPDX-License-Identifier: MIT */
/*
 * plug.c - a guest whose memory is plugged and unplugged, as by a virtio-mem device: 1 GiB that it
 * boots with, and up to 3 GiB more that come and go in blocks of 4 MiB.
 *
 * The guest's kernel boots with an early allocator of its own: what that has handed out stays in
 * use, and the rest becomes free. To unplug a block, what is in use of it is moved first.
 *
 * Each frame's contents are stood for by one word.
 */
#include <roost/roost.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FRAMES = 1 << 20, BOOT = FRAMES / 4, EARLY = 5000, UNIT = 1024, PAGES = FRAMES / 2 };

struct guest {
	roost_t *memory;
	uint32_t contents[FRAMES]; /* of each frame */
	int32_t page_at[FRAMES];   /* which of the guest's pages + 1; 0: none */
	roost_pfn frame_of[PAGES]; /* the guest's page table */
};

/* Frees what the early allocator has not handed out: any frames, in blocks as large as they can
 * be. */
static void free_early(roost_t *memory, roost_pfn from, roost_pfn end)
{
	while (from < end) {
		unsigned order = 0;

		while (order < roost_max_order(memory) && !(from >> order & 1) &&
		       from + ((roost_pfn)2 << order) <= end)
			order++;
		roost_free_part(memory, from, order);
		from += (roost_pfn)1 << order;
	}
}

static bool move_page(void *context, roost_pfn pfn, unsigned order)
{
	struct guest *g = context;
	roost_pfn to;

	if (order || !g->page_at[pfn])
		return false; /* the kernel's own */
	to = roost_alloc(g->memory, 0, ROOST_MOVABLE | ROOST_WAIT);
	if (to == ROOST_NONE)
		return false;
	g->contents[to] = g->contents[pfn];
	g->page_at[to] = g->page_at[pfn];
	g->frame_of[g->page_at[to] - 1] = to;
	g->page_at[pfn] = 0;
	roost_free(g->memory, pfn, 0);
	return true;
}

/* Nobody gets any of it between the last move and the end: it is allocated, then isolated. */
static bool unplug(struct guest *g, roost_pfn block)
{
	if (!roost_remove_range(g->memory, block, UNIT))
		return true; /* it was free */
	if (roost_alloc_range(g->memory, block, UNIT, move_page, g))
		return false; /* something in it cannot be moved, or there is no room elsewhere */
	for (roost_pfn p = block; p < block + UNIT; p += 1 << ROOST_PAGEBLOCK_ORDER)
		if (roost_isolate(g->memory, p, true))
			return false;
	for (roost_pfn p = block; p < block + UNIT;) {
		unsigned order = (unsigned)roost_order(g->memory, p);

		roost_free(g->memory, p, order);
		p += (roost_pfn)1 << order;
	}
	return roost_remove_range(g->memory, block, UNIT) == 0;
}

/* Until the guest has as much as the device asks for; how much it has. */
static uint64_t resize(struct guest *g, uint64_t wanted)
{
	struct roost_pageblock_info info;
	struct roost_zone_info zone;

	for (roost_pfn block = BOOT; block < FRAMES; block += UNIT) {
		roost_zone_info(g->memory, 0, &zone);
		roost_pageblock_info(g->memory, block, &info);
		if (info.absent && zone.managed + UNIT <= wanted &&
		    roost_add_range(g->memory, block, UNIT))
			break;
	}
	for (roost_pfn block = FRAMES - UNIT; block >= BOOT; block -= UNIT) {
		roost_zone_info(g->memory, 0, &zone);
		roost_pageblock_info(g->memory, block, &info);
		if (!info.absent && zone.managed >= wanted + UNIT && !unplug(g, block))
			continue; /* another one instead */
	}
	roost_zone_info(g->memory, 0, &zone);
	printf("%4" PRIu64 " MiB wanted: %" PRIu64 " present, %" PRIu64 " absent\n", wanted / 256,
	       zone.managed / 256, zone.absent / 256);
	return zone.managed;
}

static bool use_pages(struct guest *g, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++) {
		roost_pfn pfn = roost_alloc(g->memory, 0, ROOST_MOVABLE | ROOST_WAIT);

		if (pfn == ROOST_NONE)
			return false;
		g->frame_of[i] = pfn;
		g->page_at[pfn] = (int32_t)i + 1;
		g->contents[pfn] = i * 2654435761u;
	}
	return true;
}

/* All but each third. */
static void drop_pages(struct guest *g, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++) {
		if (i % 3 == 0)
			continue;
		g->page_at[g->frame_of[i]] = 0;
		roost_free(g->memory, g->frame_of[i], 0);
		g->frame_of[i] = ROOST_NONE;
	}
}

static bool is_right(const struct guest *g, uint32_t pages)
{
	for (uint32_t i = 0; i < pages; i++)
		if (g->frame_of[i] != ROOST_NONE &&
		    (g->contents[g->frame_of[i]] != i * 2654435761u ||
		     g->page_at[g->frame_of[i]] != (int32_t)i + 1))
			return false;
	return roost_validate(g->memory, NULL) == 0;
}

int main(void)
{
	static struct guest g;
	const struct roost_range ranges[] = {
		{.start = 0, .end = BOOT, .flags = ROOST_RANGE_ALLOCATED},
		{.start = BOOT, .end = FRAMES, .flags = ROOST_RANGE_ABSENT},
	};
	struct roost_config config = ROOST_CONFIG_INIT;

	config.ranges = ranges;
	config.nr_ranges = 2;
	size_t size = roost_metadata_size(&config);
	void *metadata = aligned_alloc(64, size);
	if (!metadata || roost_init(&g.memory, &config, memset(metadata, 0, size), size))
		return 1;

	/* The kernel and what it allocated early. */
	free_early(g.memory, EARLY, BOOT);
	if (roost_free_frames(g.memory, 0, NULL) != BOOT - EARLY)
		return 1;
	if (!use_pages(&g, 0, BOOT - EARLY) || use_pages(&g, BOOT - EARLY, BOOT - EARLY + 1))
		return 1;

	if (resize(&g, FRAMES) != FRAMES || !use_pages(&g, BOOT - EARLY, PAGES))
		return 1;
	drop_pages(&g, 0, PAGES);
	if (!is_right(&g, PAGES))
		return 1;

	/* A third of 2 GiB is in use all over: it fits into 1 GiB. */
	if (resize(&g, BOOT) != BOOT || !is_right(&g, PAGES))
		return 1;
	if (resize(&g, FRAMES / 2) != FRAMES / 2 || !is_right(&g, PAGES))
		return 1;
	free(metadata);
	return 0;
}
