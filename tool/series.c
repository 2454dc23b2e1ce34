/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "tool/common/say.h"
#include "series.h"

void series_open(struct series *series, size_t steps, unsigned threads, uint64_t first_ns)
{
	series->every = steps / SERIES_POINTS + 1;
	series->room = SERIES_POINTS + 2 * (size_t)threads + 2;
	series->samples = grow(NULL, series->room, sizeof(*series->samples));
	series->first_ns = first_ns;
	atomic_init(&series->nr, 0);
}

void series_open_idle(struct series *series)
{
	*series = (struct series){.every = SIZE_MAX};
}

void series_close(struct series *series)
{
	free(series->samples);
}

void series_take(struct series *series, const struct machine *machine, uint64_t time_ns)
{
	struct machine_sums sums;
	size_t index;

	if (!series->room)
		return;
	index = atomic_fetch_add(&series->nr, 1);
	if (index >= series->room) {
		atomic_fetch_sub(&series->nr, 1);
		return;
	}
	machine_sum(machine, &sums);
	series->samples[index] = (struct sample){
		.time_ns = time_ns - series->first_ns,
		.blocks_2m = sums.blocks_2m,
		.free = sums.free,
		.on_cpus = sums.free_pcp + sums.free_llist,
		.fragments = sums.fragments,
	};
}

static int by_time(const void *a, const void *b)
{
	uint64_t x = ((const struct sample *)a)->time_ns, y = ((const struct sample *)b)->time_ns;

	return (x > y) - (x < y);
}

void series_sort(struct series *series)
{
	if (series->nr)
		qsort(series->samples, series->nr, sizeof(*series->samples), by_time);
}

static void sum_up_fragments(const struct series *series, struct series_summary *summary)
{
	const double nr = (double)series->nr;

	summary->empty_2m_min = summary->empty_1g_min = UINT64_MAX;
	for (size_t i = 0; i < series->nr; i++) {
		const struct machine_fragments *f = &series->samples[i].fragments;

		summary->mixed_mean += (double)f->mixed / nr;
		summary->empty_2m_mean += (double)f->empty_2m / nr;
		summary->empty_1g_mean += (double)f->empty_1g / nr;
		if (f->mixed > summary->mixed_max)
			summary->mixed_max = f->mixed;
		if (f->empty_2m < summary->empty_2m_min)
			summary->empty_2m_min = f->empty_2m;
		if (f->empty_1g < summary->empty_1g_min)
			summary->empty_1g_min = f->empty_1g;
		for (unsigned k = 0; k < MACHINE_FRAGMENT_ORDERS; k++)
			summary->unusable_mean[k] += f->unusable[k] / nr;
		summary->end = *f;
	}
}

void series_sum_up(const struct series *series, struct series_summary *summary)
{
	uint64_t on_cpus = 0, blocks = 0;

	*summary = (struct series_summary){.samples = series->nr, .blocks_2m_min = UINT64_MAX};
	for (size_t i = 0; i < series->nr; i++) {
		const struct sample *s = &series->samples[i];

		on_cpus += s->on_cpus;
		blocks += s->blocks_2m;
		if (s->on_cpus > summary->on_cpus_max)
			summary->on_cpus_max = s->on_cpus;
		if (s->blocks_2m < summary->blocks_2m_min)
			summary->blocks_2m_min = s->blocks_2m;
		summary->blocks_2m_end = s->blocks_2m;
	}
	if (series->nr) {
		summary->on_cpus_mean = (double)on_cpus / (double)series->nr;
		summary->blocks_2m_mean = (double)blocks / (double)series->nr;
	}
	sum_up_fragments(series, summary);
}
