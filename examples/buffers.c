/* SPDX-License-Identifier: MIT */
/* buffers.c - a database's buffer pool: pages of 8 and 16 KiB out of 16 MiB, a clock that evicts
 * when all are in use, and a writer thread that frees what others allocated. A frame is 8 KiB here.
 */
#include <pthread.h>
#include <roost/roost.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { FRAMES = 2048, PAGES = 20000, FRAME_SHIFT = 13 };

static roost_t *pool;
static char *arena;
static _Atomic(roost_pfn) slots[FRAMES]; /* pages in use: pfn << 1 | order; 0: none */
static atomic_bool done;
static atomic_uint evicted, cleaned;

static void drop(roost_pfn page)
{
	roost_free(pool, page >> 1, page & 1);
}

/* Takes the next page that the hand of the clock comes to. */
static roost_pfn evict(void)
{
	static unsigned hand;

	for (unsigned i = 0; i < FRAMES; i++) {
		roost_pfn page = atomic_exchange(&slots[hand++ % FRAMES], 0);

		if (page)
			return page;
	}
	return 0;
}

/* Frees every 16th page, as a writer does that has written it; never waits for anybody. */
static void *writer(void *none)
{
	for (unsigned i = 0; !done; i += 16) {
		roost_pfn page = atomic_exchange(&slots[i % FRAMES], 0);

		if (page) {
			drop(page);
			cleaned++;
		}
	}
	return none;
}

static roost_pfn read_page(unsigned order)
{
	roost_pfn pfn, old;

	while ((pfn = roost_alloc(pool, order, ROOST_MOVABLE)) == ROOST_NONE)
		if ((old = evict())) {
			drop(old);
			evicted++;
		}
	memset(arena + (pfn << FRAME_SHIFT), (int)pfn & 0xff, (size_t)1 << (FRAME_SHIFT + order));
	return pfn << 1 | order;
}

int main(void)
{
	struct roost_range map = {.start = 1, .end = FRAMES};
	struct roost_config config = ROOST_CONFIG_INIT;
	pthread_t thread;

	config.ranges = &map;
	config.nr_ranges = 1;
	config.nr_cpus = 2;
	size_t size = roost_metadata_size(&config);
	void *metadata = aligned_alloc(64, size);
	arena = aligned_alloc(4096, (size_t)FRAMES << FRAME_SHIFT);
	if (!arena || !metadata || roost_init(&pool, &config, memset(metadata, 0, size), size) ||
	    pthread_create(&thread, NULL, writer, NULL))
		return 1;

	for (unsigned i = 0; i < PAGES; i++) {
		roost_pfn old = atomic_exchange(&slots[i % FRAMES], read_page(i % 3 == 0));

		if (old)
			drop(old);
	}
	done = true;
	pthread_join(thread, NULL);
	for (roost_pfn page; (page = evict());)
		drop(page);
	int err = roost_validate(pool, NULL) || !evicted;
	err |= roost_alloc(pool, 10, ROOST_WAIT) == ROOST_NONE; /* all came home, and merged */
	free(metadata);
	free(arena);
	return err;
}
