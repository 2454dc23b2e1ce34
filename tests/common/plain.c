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

roost_t *plain_open(uint64_t frames, unsigned cpus, unsigned check_level)
{
	struct roost_range range = {0, frames, 0, 0};
	struct roost_config config = ROOST_CONFIG_INIT;
	roost_t *roost;
	size_t size;
	void *metadata;

	config.ranges = &range;
	config.nr_ranges = 1;
	config.nr_cpus = cpus;
	config.check_level = check_level;
	size = roost_metadata_size(&config);
	metadata = mmap(NULL, size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (metadata == MAP_FAILED || roost_init(&roost, &config, metadata, size))
		fail("no pool of frames", frames);
	return roost;
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

const char *plain_mark(bool *taken, roost_pfn pfn, unsigned order, bool take)
{
	for (roost_pfn f = pfn; f < pfn + (1u << order); f++) {
		if (taken[f] == take)
			return take ? "handed out twice" : "was not held";
		taken[f] = take;
	}
	return NULL;
}
