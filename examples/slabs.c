/* SPDX-License-Identifier: MIT */
/*
 * slabs.c - slabs for objects of any size: of 1 to 28 frames, whichever leaves the least unused,
 * and exactly these. With powers of two alone, the best slab of many sizes wastes several times as
 * much.
 */
#include <roost/roost.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FRAME = 4096, MOST = 28, SLABS = 100 };

static roost_t *make(roost_pfn frames)
{
	struct roost_range map = {.end = frames};
	struct roost_config config = ROOST_CONFIG_INIT;
	roost_t *roost;
	void *metadata;
	size_t size;

	config.ranges = &map;
	config.nr_ranges = 1;
	size = roost_metadata_size(&config);
	metadata = aligned_alloc(64, size);
	if (!metadata || roost_init(&roost, &config, memset(metadata, 0, size), size))
		exit(1);
	return roost;
}

/* The frames of the slab of which the objects leave the least unused, in thousandths of it. */
static unsigned best(unsigned object, unsigned *unused, int powers_alone)
{
	unsigned frames = 0;

	*unused = 1000;
	for (unsigned n = 1; n <= MOST; n++) {
		unsigned left =
			n * FRAME < object ? 1000 : n * FRAME % object * 1000u / (n * FRAME);

		if (left < *unused && !(powers_alone && n & (n - 1))) {
			*unused = left;
			frames = n;
		}
	}
	return frames;
}

int main(void)
{
	static const unsigned objects[] = {1360, 3400, 6800, 9500, 11400, 14300, 20000};
	roost_t *roost = make(16384);
	roost_pfn slabs[SLABS];

	for (unsigned i = 0; i < sizeof(objects) / sizeof(objects[0]); i++) {
		unsigned unused, before, n = best(objects[i], &unused, 0);
		uint64_t free_before = roost_free_frames(roost, 0, NULL), taken;

		best(objects[i], &before, 1);
		for (unsigned k = 0; k < SLABS; k++)
			if ((slabs[k] = roost_alloc_n(roost, n, ROOST_UNMOVABLE)) == ROOST_NONE)
				return 1;
		n = (unsigned)roost_frames(roost, slabs[0]); /* 9, 11, ... became a few more */
		taken = free_before - roost_free_frames(roost, 0, NULL);
		printf("%5u bytes: slabs of %2u frames, %2u.%u %% unused; by powers of two %2u.%u "
		       "%%\n",
		       objects[i], n, unused / 10, unused % 10, before / 10, before % 10);
		if (taken != (uint64_t)n * SLABS)
			return 1;
		/* In pieces, as one whose objects lie in a part of it alone. */
		if (n > 1 && !roost_split_n(roost, slabs[0], n))
			for (roost_pfn pfn = slabs[0]; pfn < slabs[0] + n;) {
				unsigned order = (unsigned)roost_order(roost, pfn);

				roost_free(roost, pfn, order);
				pfn += (roost_pfn)1 << order;
			}
		for (unsigned k = n > 1; k < SLABS; k++)
			roost_free_n(roost, slabs[k], n); /* waits for nothing, in any context */
		if (roost_free_frames(roost, 0, NULL) != free_before)
			return 1;
	}
	if (roost_validate(roost, NULL))
		return 1;
	free(roost); /* the metadata begin with it */
	return 0;
}
