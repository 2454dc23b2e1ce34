/* SPDX-License-Identifier: MIT */
/*
 * free_cost.c - a free in every order and state, each once, for callgrind to count instructions.
 *
 * free_cost.sh runs this under callgrind, which collects inside of roost_free() alone, and compares
 * the count of each case with the bound that stands here.
 */
#include <stdio.h>
#include <stdlib.h>
#include <valgrind/callgrind.h>

#include <roost/posix.h>
#include <roost/roost.h>

#include "plain.h"

enum { BLOCK = 1 << ROOST_PAGEBLOCK_ORDER, FRAMES = 8 << ROOST_MAX_ORDER };

static roost_t *roost;

static void open_pool(unsigned check, uint64_t reserve)
{
	const struct roost_zone_config zone = {.reserve = reserve};
	const struct roost_range range = {0, FRAMES, 0, 0};
	struct roost_config config = plain_config(&range, &zone, 64);

	config.max_order = ROOST_MAX_ORDER;
	config.check_level = check;
	roost = plain_make(&config, NULL);
	roost_posix_set_cpu(0);
}

static roost_pfn get(unsigned order, unsigned flags)
{
	roost_pfn pfn = roost_alloc(roost, order, flags);

	if (pfn == ROOST_NONE) {
		fprintf(stderr, "no block of order %u\n", order);
		exit(1);
	}
	return pfn;
}

/* One free, and the instructions that it may take: a fifth more than gcc 12 needs at -O2. */
static void measure(const char *name, unsigned check, roost_pfn pfn, unsigned order, unsigned bound)
{
	char text[64];

	CALLGRIND_ZERO_STATS;
	roost_free(roost, pfn, order);
	snprintf(text, sizeof(text), "%s,level-%u,order-%u,%u", name, check, order, bound);
	CALLGRIND_DUMP_STATS_AT(text);
}

/* A run of the CPU's current pageblock. */
static void free_current(unsigned check, unsigned order)
{
	measure("current", check, get(order, 0), order, 410);
}

/* A run of a pageblock that is no CPU's current one, whose neighbours are taken. */
static void free_partial(unsigned check, unsigned order)
{
	roost_pfn pfn = get(order, ROOST_UNMOVABLE);

	get(0, ROOST_UNMOVABLE);
	roost_drain(roost, -1);
	measure("partial", check, pfn, order, 400);
}

/* The last run of a pageblock that is no CPU's current one: it becomes whole. */
static void free_last(unsigned check, unsigned order)
{
	roost_pfn pfn = get(order, ROOST_RECLAIMABLE);

	roost_drain(roost, -1);
	measure("last", check, pfn, order, 1500);
}

/* A pageblock that another CPU owns. */
static void free_remote(unsigned check, unsigned order)
{
	roost_pfn pfn;

	roost_posix_set_cpu(63);
	pfn = get(order, 0);
	roost_posix_set_cpu(0);
	measure("remote", check, pfn, order, 410);
}

static void free_large(unsigned check, unsigned order)
{
	measure("large", check, get(order, 0), order, 400);
}

/* An isolated pageblock, which must stay apart when it comes back whole. */
static void free_isolated(unsigned check, unsigned order)
{
	roost_pfn pfn = get(order, 0);

	if (roost_isolate(roost, pfn, true))
		exit(1);
	measure("isolated", check, pfn, order, 1200 + (10u << (order - ROOST_PAGEBLOCK_ORDER)));
	if (roost_isolate(roost, pfn, false))
		exit(1);
}

/* The same, and it is the last one that taints its region, which has hints of each order. */
static void free_last_taint(unsigned check, unsigned order)
{
	roost_pfn pfn, large[ROOST_MAX_ORDER];

	for (unsigned i = 1; i < FRAMES >> ROOST_MAX_ORDER; i++)
		get(ROOST_MAX_ORDER, 0);
	for (unsigned k = ROOST_MAX_ORDER; k-- > ROOST_PAGEBLOCK_ORDER;)
		large[k] = get(k, 0);
	pfn = get(order, ROOST_RECLAIMABLE);
	for (unsigned k = ROOST_PAGEBLOCK_ORDER; k < ROOST_MAX_ORDER; k++)
		roost_free(roost, large[k], k);
	roost_drain(roost, -1);
	measure("last-taint", check, pfn, order, 1500);
}

int main(void)
{
	for (unsigned check = ROOST_CHECK_STATE; check <= ROOST_CHECK_EXACT; check++) {
		open_pool(check, BLOCK);
		for (unsigned order = 0; order < ROOST_PAGEBLOCK_ORDER; order++) {
			free_current(check, order);
			free_partial(check, order);
			free_last(check, order);
			free_remote(check, order);
		}
		for (unsigned order = ROOST_PAGEBLOCK_ORDER; order <= ROOST_MAX_ORDER; order++) {
			free_large(check, order);
			free_isolated(check, order);
		}
		if (roost_validate(roost, NULL))
			return 1;
		for (unsigned order = 0; order < ROOST_PAGEBLOCK_ORDER; order += 4) {
			open_pool(check, 0);
			free_last_taint(check, order);
			if (roost_validate(roost, NULL))
				return 1;
		}
	}
	return 0;
}
