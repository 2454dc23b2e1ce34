/* SPDX-License-Identifier: MIT */
/* plain.c - see plain.h. */
#include "plain.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

static _Noreturn void fail(const char *what, uint64_t number)
{
	fprintf(stderr, "%s: %llu\n", what, (unsigned long long)number);
	exit(1);
}

struct roost_config plain_config(const struct roost_range *range,
				 const struct roost_zone_config *zone, unsigned cpus)
{
	struct roost_config config = ROOST_CONFIG_INIT;

	config.ranges = range;
	config.nr_ranges = 1;
	config.zones = zone;
	config.nr_zones = zone != NULL;
	config.nr_cpus = cpus;
	return config;
}

roost_t *plain_make(const struct roost_config *config, struct plain_memory *memory)
{
	size_t size = roost_metadata_size(config);
	void *metadata = mmap(NULL, size, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	roost_t *roost;

	if (metadata == MAP_FAILED || roost_init(&roost, config, metadata, size))
		fail("no allocator for frames", config->ranges->end - config->ranges->start);
	if (memory)
		*memory = (struct plain_memory){metadata, size};
	return roost;
}

void plain_unmake(const struct plain_memory *memory)
{
	munmap(memory->at, memory->size);
}

roost_t *plain_open(uint64_t frames, unsigned cpus, unsigned check_level)
{
	const struct roost_range range = {0, frames, 0, 0};
	struct roost_config config = plain_config(&range, NULL, cpus);

	config.check_level = check_level;
	return plain_make(&config, NULL);
}

void plain_check(roost_t *roost, uint64_t frames)
{
	struct roost_violation violation;
	struct roost_zone_info info;

	if (roost_validate(roost, &violation))
		fail(violation.invariant, violation.pfn);
	roost_drain(roost, -1);
	if (roost_zone_info(roost, 0, &info) || info.free != frames)
		fail("not all frames came home, free are", info.free);
}

void plain_mark(const struct plain *plain, roost_pfn pfn, unsigned order, bool take)
{
	for (roost_pfn f = pfn; f < pfn + (1u << order); f++) {
		if (plain->taken[f] == take)
			plain->wrong(take ? "handed out twice" : "was not held", f);
		plain->taken[f] = take;
	}
}

roost_pfn plain_take(const struct plain *plain, unsigned order)
{
	roost_pfn pfn = roost_alloc(plain->roost, order, 0);

	if (pfn != ROOST_NONE)
		plain_mark(plain, pfn, order, true);
	return pfn;
}
