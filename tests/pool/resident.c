/* SPDX-License-Identifier: MIT */
/*
 * resident.c - how much memory a program keeps that has freed most of it, here and there:
 *
 *	resident pool|malloc [MIB]
 *
 * Blocks of 4 KiB, all written, nine of ten freed at random; then the process's resident memory
 * over what lives, before and after a trim (roost_pool_trim(), malloc_trim()). Other mallocs by
 * LD_PRELOAD.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <roost/pool.h>

#include "tool/common/random.h"

enum { PAGE = 4096 };

static roost_pool_t *pool;

static char *take(void)
{
	return pool ? roost_pool_alloc(pool, PAGE, ROOST_WAIT) : aligned_alloc(PAGE, PAGE);
}

static void give(char *block)
{
	if (pool)
		roost_pool_free(block);
	else
		free(block);
}

/* MiB of the process that are resident. */
static double resident(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	unsigned long size = 0, pages = 0;

	if (file) {
		if (fscanf(file, "%lu %lu", &size, &pages) != 2)
			pages = 0;
		fclose(file);
	}
	return (double)pages * (double)PAGE / (1 << 20);
}

int main(int argc, char **argv)
{
	size_t mib = argc > 2 ? strtoul(argv[2], NULL, 10) : 2048, n = mib << 20 >> 12;
	struct roost_pool_config config = ROOST_POOL_CONFIG_INIT;
	struct random random = {1};
	double live, before, start;
	size_t kept;
	char **blocks;

	config.limit = (mib << 20) + ((size_t)2 << 20);
	if (argc < 2 || (strcmp(argv[1], "pool") != 0 && strcmp(argv[1], "malloc") != 0) || !n) {
		fprintf(stderr, "usage: resident pool|malloc [MIB]\n");
		return 2;
	}
	if (!strcmp(argv[1], "pool") && roost_pool_create(&pool, &config))
		return 1;
	blocks = calloc(n, sizeof(*blocks));
	if (!blocks)
		return 1;
	for (size_t i = 0; i < n; i++)
		blocks[i] = (char *)&blocks[i]; /* the array itself is resident */
	start = resident();
	for (size_t i = 0; i < n; i++) {
		blocks[i] = take();
		if (!blocks[i])
			return 1;
		memset(blocks[i], 1, PAGE);
	}
	for (size_t i = n - 1; i; i--) {
		size_t j = random_below(&random, i + 1);
		char *other = blocks[i];

		blocks[i] = blocks[j];
		blocks[j] = other;
	}
	for (size_t i = n / 10; i < n; i++)
		give(blocks[i]);
	kept = n / 10 * PAGE;
	live = (double)kept / (1 << 20);
	before = resident() - start;
	if (pool)
		roost_pool_trim(pool);
	else
		malloc_trim(0);
	printf("%-10s live %6.1f MiB, resident %7.1f MiB, after a trim %7.1f MiB: %5.2f x live\n",
	       argv[1], live, before, resident() - start, (resident() - start) / live);
	return 0;
}
