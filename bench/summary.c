/* SPDX-License-Identifier: MIT */
/*
 * summary.c - from samples to a median and what lies round it.
 *
 * Of each round the last sample is kept. If at least half of these were undisturbed, these alone
 * count; else all that were kept do, and the summary says so.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "tool/common/say.h"

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Of sorted values: between two of them in proportion. */
static double quantile(const double *values, unsigned nr, double part)
{
	double at = part * (nr - 1);
	unsigned below = (unsigned)at;

	if (below + 1 >= nr)
		return values[nr - 1];
	return values[below] + (at - below) * (values[below + 1] - values[below]);
}

static unsigned collect(const json_t *samples, size_t figure, bool disturbed_too, double *values)
{
	const json_t *sample, *value;
	unsigned nr = 0;
	size_t i;

	json_array_foreach(samples, i, sample)
	{
		value = json_array_get(json_object_get(sample, "values"), figure);
		if (!json_is_true(json_object_get(sample, "kept")) || !json_is_number(value))
			continue;
		if (disturbed_too || !json_is_true(json_object_get(sample, "disturbed")))
			values[nr++] = json_number_value(value);
	}
	return nr;
}

bool summary_make(struct summary *s, const json_t *peer, size_t figure)
{
	const json_t *samples = json_object_get(peer, "samples");
	double *values = grow(NULL, json_array_size(samples), sizeof(*values));
	unsigned all = collect(samples, figure, true, values);
	unsigned nr = collect(samples, figure, false, values);

	*s = (struct summary){.disturbed = nr * 2 < all};
	if (s->disturbed)
		nr = collect(samples, figure, true, values);
	if (nr) {
		qsort(values, nr, sizeof(*values), by_value);
		s->samples = nr;
		s->median = quantile(values, nr, 0.5);
		s->min = values[0];
		s->max = values[nr - 1];
		s->q1 = quantile(values, nr, 0.25);
		s->q3 = quantile(values, nr, 0.75);
	}
	free(values);
	return nr > 0;
}

json_t *find_named(const json_t *list, const char *name)
{
	json_t *member;
	size_t i;

	json_array_foreach(list, i, member)
	{
		const char *other = json_string_value(json_object_get(member, "name"));

		if (other && name && !strcmp(other, name))
			return member;
	}
	return NULL;
}

void row_name(char name[ROW_NAME_MAX], const json_t *what, const json_t *figure)
{
	const char *first = json_string_value(json_object_get(what, "name"));
	const char *second = json_string_value(json_object_get(figure, "name"));

	snprintf(name, ROW_NAME_MAX, "%s:%s", first ? first : "", second ? second : "");
}
