/* SPDX-License-Identifier: MIT */
#include <roost/roost.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void)
{
	/* 256 MiB of a guest's memory with the hole below 1 MiB; two CPUs. Never mapped here. */
	struct roost_range map[] = {{.start = 0, .end = 160}, {.start = 256, .end = 65536}};
	struct roost_config config = ROOST_CONFIG_INIT;
	roost_t *frames;

	config.ranges = map;
	config.nr_ranges = 2;
	config.nr_cpus = 2;

	size_t size = roost_metadata_size(&config); /* 0: roost_config_error() says why */
	void *metadata = aligned_alloc(64, size);
	if (!metadata || roost_init(&frames, &config, memset(metadata, 0, size), size))
		return 1;

	roost_pfn pfn = roost_alloc(frames, 9, ROOST_MOVABLE | ROOST_WAIT); /* 2^9 frames: 2 MiB */
	if (pfn == ROOST_NONE)
		return 1;
	printf("2 MiB at guest address %#llx\n", (unsigned long long)pfn << 12);
	roost_free(frames, pfn, 9); /* from any thread, any signal handler, under any lock */
	int err = roost_validate(frames, NULL);
	free(metadata);
	return err ? 1 : 0;
}
