/* SPDX-License-Identifier: MIT */
/* shadow.c - a plain model of the memory; see shadow.h. */
#include "shadow.h"

#include <stdlib.h>
#include <string.h>

static int by_start(const void *a, const void *b)
{
	const struct shadow_range *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

static void *must_have(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

/* Strikes the frames [start, end) out of one range. */
static void strike(struct shadow_range *r, roost_pfn start, roost_pfn end)
{
	roost_pfn from = start > r->start ? start : r->start;
	roost_pfn to = end < r->end ? end : r->end;

	if (from < to)
		memset(r->state + (from - r->start), SHADOW_RESERVED, to - from);
}

static void count_managed(struct shadow *shadow, const struct shadow_range *r)
{
	for (roost_pfn pfn = r->start; pfn < r->end; pfn++)
		shadow->managed[r->zone] += r->state[pfn - r->start] == SHADOW_FREE;
}

/* Starts out allocated: what is not reserved, in the largest aligned blocks. */
static void take_all(struct shadow *shadow, roost_pfn pfn, roost_pfn end)
{
	while (pfn < end) {
		unsigned order = 0;

		if (shadow_state(shadow, pfn) != SHADOW_FREE) {
			pfn++;
			continue;
		}
		while (order < shadow->max_order && !(pfn >> order & 1) &&
		       pfn + (UINT64_C(2) << order) <= end &&
		       shadow_is_free(shadow, pfn, order + 1))
			order++;
		if (shadow_take(shadow, pfn, order))
			abort();
		pfn += UINT64_C(1) << order;
	}
}

void shadow_open(struct shadow *shadow, const struct roost_config *config)
{
	memset(shadow, 0, sizeof(*shadow));
	shadow->max_order = config->max_order ? config->max_order : ROOST_DEFAULT_MAX_ORDER;
	shadow->ranges = must_have(calloc(config->nr_ranges, sizeof(*shadow->ranges)));
	for (size_t i = 0; i < config->nr_ranges; i++) {
		const struct roost_range *from = &config->ranges[i];
		struct shadow_range *r = &shadow->ranges[shadow->nr_ranges];

		if (from->flags & ROOST_RANGE_RESERVED)
			continue;
		r->start = from->start;
		r->end = from->end;
		r->zone = from->zone;
		r->state = must_have(malloc(r->end - r->start));
		memset(r->state, from->flags & ROOST_RANGE_ABSENT ? SHADOW_RESERVED : SHADOW_FREE,
		       r->end - r->start);
		shadow->nr_ranges++;
	}
	qsort(shadow->ranges, shadow->nr_ranges, sizeof(*shadow->ranges), by_start);
	for (size_t i = 0; i < shadow->nr_ranges; i++) {
		for (size_t k = 0; k < config->nr_ranges; k++)
			if (config->ranges[k].flags & ROOST_RANGE_RESERVED)
				strike(&shadow->ranges[i], config->ranges[k].start,
				       config->ranges[k].end);
		count_managed(shadow, &shadow->ranges[i]);
	}
	for (size_t i = 0; i < config->nr_ranges; i++)
		if (config->ranges[i].flags & ROOST_RANGE_ALLOCATED)
			take_all(shadow, config->ranges[i].start, config->ranges[i].end);
}

void shadow_close(struct shadow *shadow)
{
	for (size_t i = 0; i < shadow->nr_ranges; i++)
		free(shadow->ranges[i].state);
	free(shadow->ranges);
	memset(shadow, 0, sizeof(*shadow));
}

struct shadow_range *shadow_range(const struct shadow *shadow, roost_pfn pfn)
{
	for (size_t i = 0; i < shadow->nr_ranges; i++) {
		struct shadow_range *r = &shadow->ranges[i];

		if (pfn < r->start)
			return NULL;
		if (pfn < r->end)
			return r;
	}
	return NULL;
}

unsigned shadow_state(const struct shadow *shadow, roost_pfn pfn)
{
	const struct shadow_range *r = shadow_range(shadow, pfn);

	return r ? r->state[pfn - r->start] : SHADOW_RESERVED;
}

int shadow_zone(const struct shadow *shadow, roost_pfn pfn)
{
	const struct shadow_range *r = shadow_range(shadow, pfn);

	return r ? (int)r->zone : -1;
}

int shadow_order(const struct shadow *shadow, roost_pfn pfn)
{
	unsigned state = shadow_state(shadow, pfn);

	return state >= SHADOW_HEAD && state <= SHADOW_LAST ? (int)(state - SHADOW_HEAD) : -1;
}

uint64_t shadow_frames(const struct shadow *shadow, roost_pfn pfn)
{
	int order = shadow_order(shadow, pfn);
	uint64_t n = 1;

	if (shadow_state(shadow, pfn) != SHADOW_ODD)
		return order < 0 ? 0 : UINT64_C(1) << order;
	while (shadow_state(shadow, pfn + n) == SHADOW_INSIDE)
		n++;
	return n;
}

unsigned shadow_piece(roost_pfn pfn, roost_pfn end, unsigned max_order)
{
	unsigned order = 0;

	while (order < max_order && !(pfn & ((UINT64_C(2) << order) - 1)) &&
	       pfn + (UINT64_C(2) << order) <= end)
		order++;
	return order;
}

/* Sets count frames from pfn on, which may lie in several ranges, to state. */
static void paint(struct shadow *shadow, roost_pfn pfn, uint64_t count, unsigned state)
{
	while (count) {
		struct shadow_range *r = shadow_range(shadow, pfn);
		uint64_t n = r->end - pfn < count ? r->end - pfn : count;

		memset(r->state + (pfn - r->start), (int)state, n);
		pfn += n;
		count -= n;
	}
}

static void paint_block(struct shadow *shadow, roost_pfn pfn, unsigned order)
{
	paint(shadow, pfn, UINT64_C(1) << order, SHADOW_INSIDE);
	paint(shadow, pfn, 1, SHADOW_HEAD + order);
}

/* Can it be handed out? */
static const char *taken(const struct shadow *shadow, roost_pfn pfn, uint64_t count)
{
	int zone = shadow_zone(shadow, pfn);

	if (count > UINT64_C(1) << shadow->max_order)
		return "handed out: more than the largest order has";
	if (pfn & ((count & -count) - 1))
		return "handed out: a block that is not aligned";
	for (uint64_t i = 0; i < count; i++) {
		unsigned state = shadow_state(shadow, pfn + i);

		if (state == SHADOW_RESERVED)
			return "handed out: a hole or a reserved frame";
		if (state != SHADOW_FREE)
			return "handed out twice";
		if (shadow_zone(shadow, pfn + i) != zone)
			return "handed out: a block across two zones";
	}
	return NULL;
}

const char *shadow_take(struct shadow *shadow, roost_pfn pfn, unsigned order)
{
	const char *wrong = taken(shadow, pfn, UINT64_C(1) << order);

	if (wrong)
		return wrong;
	paint_block(shadow, pfn, order);
	shadow->taken[shadow_zone(shadow, pfn)] += UINT64_C(1) << order;
	return NULL;
}

const char *shadow_take_n(struct shadow *shadow, roost_pfn pfn, uint64_t n)
{
	const char *wrong;

	if (!(n & (n - 1)))
		return shadow_take(shadow, pfn, (unsigned)__builtin_ctzll(n));
	wrong = taken(shadow, pfn, n);
	if (wrong)
		return wrong;
	paint(shadow, pfn, n, SHADOW_INSIDE);
	paint(shadow, pfn, 1, SHADOW_ODD);
	shadow->taken[shadow_zone(shadow, pfn)] += n;
	return NULL;
}

void shadow_plug(struct shadow *shadow, roost_pfn pfn, uint64_t n, bool present)
{
	int zone = shadow_zone(shadow, pfn);

	shadow->managed[zone] += present ? n : -n;
	paint(shadow, pfn, n, present ? SHADOW_FREE : SHADOW_RESERVED);
}

const char *shadow_put(struct shadow *shadow, roost_pfn pfn)
{
	uint64_t n = shadow_frames(shadow, pfn);

	if (!n)
		return "given back: a block that is not handed out";
	paint(shadow, pfn, n, SHADOW_FREE);
	shadow->taken[shadow_zone(shadow, pfn)] -= n;
	return NULL;
}

const char *shadow_split_n(struct shadow *shadow, roost_pfn pfn)
{
	roost_pfn end = pfn + shadow_frames(shadow, pfn);

	if (pfn == end)
		return "split: no block";
	while (pfn < end) {
		unsigned order = shadow_piece(pfn, end, shadow->max_order);

		paint_block(shadow, pfn, order);
		pfn += UINT64_C(1) << order;
	}
	return NULL;
}

const char *shadow_split(struct shadow *shadow, roost_pfn pfn, unsigned to)
{
	int from = shadow_order(shadow, pfn);

	if (from < 0 || (int)to > from)
		return "split: no block of that order";
	for (uint64_t i = 0; i < UINT64_C(1) << from; i += UINT64_C(1) << to)
		paint_block(shadow, pfn + i, to);
	return NULL;
}

const char *shadow_put_part(struct shadow *shadow, roost_pfn pfn, unsigned order)
{
	roost_pfn head = pfn;

	while (shadow_state(shadow, head) == SHADOW_INSIDE)
		head--;
	if (shadow_state(shadow, head) == SHADOW_ODD &&
	    pfn + (UINT64_C(1) << order) <= head + shadow_frames(shadow, head))
		shadow_split_n(shadow, head);
	for (unsigned k = order; k <= shadow->max_order; k++) {
		int from = shadow_order(shadow, pfn >> k << k);

		if (from < (int)k)
			continue;
		for (unsigned half = order; half < (unsigned)from; half++)
			paint_block(shadow, (pfn >> half ^ 1) << half, half);
		paint_block(shadow, pfn, order);
		return shadow_put(shadow, pfn);
	}
	return "given back: a part of no block";
}

bool shadow_is_made_of_blocks(const struct shadow *shadow, roost_pfn pfn, unsigned order)
{
	roost_pfn end = pfn + (UINT64_C(1) << order);
	int zone = shadow_zone(shadow, pfn);

	while (pfn < end && shadow_frames(shadow, pfn) && shadow_zone(shadow, pfn) == zone)
		pfn += shadow_frames(shadow, pfn);
	return pfn == end;
}

const char *shadow_merge(struct shadow *shadow, roost_pfn pfn, unsigned order)
{
	if (!shadow_is_made_of_blocks(shadow, pfn, order))
		return "merged: not all of it is handed out in blocks";
	paint_block(shadow, pfn, order);
	return NULL;
}

static uint64_t sum(const uint64_t *counts, int zone)
{
	uint64_t total = 0;

	if (zone >= 0)
		return counts[zone];
	for (unsigned i = 0; i < ROOST_MAX_ZONES; i++)
		total += counts[i];
	return total;
}

uint64_t shadow_managed(const struct shadow *shadow, int zone)
{
	return sum(shadow->managed, zone);
}

uint64_t shadow_taken(const struct shadow *shadow, int zone)
{
	return sum(shadow->taken, zone);
}

uint64_t shadow_free(const struct shadow *shadow, int zone)
{
	return shadow_managed(shadow, zone) - shadow_taken(shadow, zone);
}

uint64_t shadow_free_in(const struct shadow *shadow, unsigned zone, roost_pfn start, roost_pfn end)
{
	uint64_t frames = 0;

	for (size_t i = 0; i < shadow->nr_ranges; i++) {
		const struct shadow_range *r = &shadow->ranges[i];
		roost_pfn from = start > r->start ? start : r->start;
		roost_pfn to = end < r->end ? end : r->end;

		for (; r->zone == zone && from < to; from++)
			frames += r->state[from - r->start] == SHADOW_FREE;
	}
	return frames;
}

bool shadow_is_free(const struct shadow *shadow, roost_pfn pfn, unsigned order)
{
	int zone = shadow_zone(shadow, pfn);

	for (uint64_t i = 0; i < UINT64_C(1) << order; i++)
		if (shadow_state(shadow, pfn + i) != SHADOW_FREE ||
		    shadow_zone(shadow, pfn + i) != zone)
			return false;
	return true;
}

uint64_t shadow_blocks(const struct shadow *shadow, int zone, unsigned order)
{
	uint64_t size = UINT64_C(1) << order, found = 0;

	for (size_t i = 0; i < shadow->nr_ranges; i++) {
		const struct shadow_range *r = &shadow->ranges[i];

		if (zone >= 0 && r->zone != (unsigned)zone)
			continue;
		for (roost_pfn pfn = (r->start + size - 1) & ~(size - 1); pfn < r->end; pfn += size)
			found += shadow_is_free(shadow, pfn, order);
	}
	return found;
}

void shadow_each(const struct shadow *shadow, shadow_visit *visit, void *context)
{
	for (size_t i = 0; i < shadow->nr_ranges; i++) {
		const struct shadow_range *r = &shadow->ranges[i];

		for (roost_pfn pfn = r->start; pfn < r->end; pfn++) {
			unsigned state = r->state[pfn - r->start];

			if (state >= SHADOW_HEAD)
				visit(context, pfn, state - SHADOW_HEAD);
		}
	}
}
