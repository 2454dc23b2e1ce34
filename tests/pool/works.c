/* SPDX-License-Identifier: MIT */
/* works.c - see works.h. */
#include "works.h"

#include <string.h>

roost_pool_t *pool;

void works_open(void)
{
	struct roost_pool_config config = pool_config(LIMIT, NULL);

	config.initial = LIMIT; /* usable at once: a resize has to make it so again */
	config.pages = ROOST_PAGES_NO_THP;
	config.decay_ms = 0;
	pool = pool_open(&config);
}

void works_free_pages(void)
{
	static void *blocks[PAGES];
	size_t n = 0;

	while (n < 1500 && (blocks[n] = roost_pool_alloc(pool, PAGE, 0)))
		memset(blocks[n++], 1, PAGE);
	roost_pool_free_bulk(blocks, n);
}

void *works_trim(void *unused)
{
	(void)unused;
	roost_pool_trim(pool);
	return NULL;
}

void *works_resize(void *unused)
{
	(void)unused;
	roost_pool_resize(pool, LIMIT / 2);
	roost_pool_resize(pool, LIMIT);
	return NULL;
}

void *works_come_and_go(void *unused)
{
	struct roost_pool_config config = pool_config(8 * MIB, NULL);
	roost_pool_t *other;

	(void)unused;
	config.initial = 2 * MIB;
	config.decay_thread = true;
	if (!roost_pool_create(&other, &config))
		roost_pool_destroy(other);
	return NULL;
}
