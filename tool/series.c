/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "say.h"
#include "series.h"

void series_open(struct series *series, size_t steps, unsigned threads, uint64_t first_ns)
{
	series->every = steps / SERIES_POINTS + 1;
	series->room = SERIES_POINTS + 2 * (size_t)threads + 2;
	series->samples = grow(NULL, series->room, sizeof(*series->samples));
	series->first_ns = first_ns;
	atomic_init(&series->nr, 0);
}

void series_close(struct series *series)
{
	free(series->samples);
}

void series_take(struct series *series, const struct pool *pool, uint64_t time_ns)
{
	size_t index = atomic_fetch_add(&series->nr, 1);
	struct pool_sums sums;

	if (index >= series->room) {
		atomic_fetch_sub(&series->nr, 1);
		return;
	}
	pool_sum(pool, &sums);
	series->samples[index] = (struct sample){
		.time_ns = time_ns - series->first_ns,
		.blocks_2m = sums.blocks_2m,
		.free = sums.free,
		.free_pcp = sums.free_pcp + sums.free_llist,
	};
}

static int by_time(const void *a, const void *b)
{
	uint64_t x = ((const struct sample *)a)->time_ns, y = ((const struct sample *)b)->time_ns;

	return (x > y) - (x < y);
}

void series_sort(struct series *series)
{
	qsort(series->samples, series->nr, sizeof(*series->samples), by_time);
}
