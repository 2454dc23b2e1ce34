/* SPDX-License-Identifier: MIT */
/*
 * compact.c - 1 GiB in one piece out of a guest's memory of which 70 % are in use, all over: the
 * hypervisor moves what is in the way, and the guest's map of its memory says where it is now.
 *
 * Each frame's contents are stood for by one word, so that the example needs 8 MiB and not 4 GiB.
 */
#include <roost/roost.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FRAMES = 1 << 20, PAGES = FRAMES / 10 * 7, GIB_ORDER = 18, NOBODY = -1 };

struct guest {
	roost_t *memory;
	uint32_t contents[FRAMES]; /* of each frame */
	int32_t page_at[FRAMES];   /* which of the guest's pages, or NOBODY */
	roost_pfn frame_of[PAGES]; /* the guest's page table */
};

/* A page of the guest goes to another frame. A real guest would be paused, or its page be
 * write-protected, for as long as the copy takes. */
static bool move_page(void *context, roost_pfn pfn, unsigned order)
{
	struct guest *g = context;
	roost_pfn to;

	if (order || g->page_at[pfn] == NOBODY)
		return false; /* none of the guest's pages */
	to = roost_alloc(g->memory, 0, ROOST_MOVABLE | ROOST_WAIT);
	if (to == ROOST_NONE)
		return false;
	g->contents[to] = g->contents[pfn];
	g->page_at[to] = g->page_at[pfn];
	g->frame_of[g->page_at[to]] = to;
	g->page_at[pfn] = NOBODY;
	roost_free(g->memory, pfn, 0);
	return true;
}

/* All frames are allocated; then every third or so goes back, at random, until 70 % are left. */
static void use(struct guest *g)
{
	static roost_pfn all[FRAMES];
	size_t n = roost_alloc_bulk(g->memory, 0, ROOST_MOVABLE, all, FRAMES);
	uint32_t random = 1;

	for (size_t i = n; i > 1; i--) {
		random = random * 1664525 + 1013904223;
		size_t other = random % i;
		roost_pfn pfn = all[other];

		all[other] = all[i - 1];
		all[i - 1] = pfn;
	}
	for (size_t i = 0; i < n; i++) {
		g->page_at[all[i]] = i < PAGES ? (int32_t)i : NOBODY;
		if (i >= PAGES) {
			roost_free(g->memory, all[i], 0);
			continue;
		}
		g->frame_of[i] = all[i];
		g->contents[all[i]] = (uint32_t)i * 2654435761u;
	}
}

static bool is_right(const struct guest *g)
{
	for (uint32_t i = 0; i < PAGES; i++)
		if (g->contents[g->frame_of[i]] != i * 2654435761u)
			return false;
	return true;
}

int main(void)
{
	static struct guest g;
	struct roost_range range = {.start = 0, .end = FRAMES};
	struct roost_config config = ROOST_CONFIG_INIT;
	struct roost_compaction c = {0};
	int err;

	config.ranges = &range;
	config.nr_ranges = 1;
	config.max_order = GIB_ORDER;
	size_t size = roost_metadata_size(&config);
	void *metadata = aligned_alloc(64, size);
	if (!metadata || roost_init(&g.memory, &config, memset(metadata, 0, size), size))
		return 1;
	use(&g);
	if (roost_alloc(g.memory, ROOST_PAGEBLOCK_ORDER, ROOST_MOVABLE | ROOST_WAIT) != ROOST_NONE)
		return 1; /* not even 2 MiB are free in one piece */

	/* Between two steps there is time for other work. */
	while ((err = roost_compact(g.memory, GIB_ORDER, move_page, &g, &c)) == -ROOST_EAGAIN)
		;
	if (err || !is_right(&g) || roost_validate(g.memory, NULL))
		return 1;
	printf("1 GiB at frame %" PRIu64 "; %" PRIu64 " pages were moved\n", c.pfn, c.moved_frames);
	if (c.moved_frames > (uint64_t)1 << GIB_ORDER)
		return 1;
	roost_free(g.memory, c.pfn, GIB_ORDER);

	/* Or a certain part of the memory: 64 MiB that a device needs. */
	if (roost_alloc_range(g.memory, 3000, 16384, move_page, &g) || !is_right(&g))
		return 1;
	free(metadata);
	return 0;
}
