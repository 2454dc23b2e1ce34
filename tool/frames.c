/* SPDX-License-Identifier: MIT */
/* frames.c - see frames.h. */
#include <stdlib.h>
#include <string.h>

#include "frames.h"
#include "tool/common/say.h"

enum { LEAST_SLOTS = 1024 };

/* The slot of a pageblock, or the empty slot where it belongs. */
static uint32_t *find_slot(struct frames *f, uint64_t number)
{
	size_t at = (size_t)(number * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (f->nr_slots - 1);

	for (f->probes++; f->slots[at] && f->chunks[f->slots[at] - 1].number != number; f->probes++)
		at = (at + 1) & (f->nr_slots - 1);
	return &f->slots[at];
}

static void grow_slots(struct frames *f)
{
	free(f->slots);
	f->nr_slots = f->nr_slots ? f->nr_slots * 2 : LEAST_SLOTS;
	f->slots = grow(NULL, f->nr_slots, sizeof(*f->slots));
	memset(f->slots, 0, f->nr_slots * sizeof(*f->slots));
	for (size_t i = 0; i < f->nr; i++)
		*find_slot(f, f->chunks[i].number) = (uint32_t)i + 1;
}

static struct frames_chunk *find(struct frames *f, uint64_t number)
{
	uint32_t index;

	if (!f->nr)
		return NULL;
	if (f->chunks[f->last].number == number)
		return &f->chunks[f->last];
	index = *find_slot(f, number);
	if (!index)
		return NULL;
	f->last = index - 1;
	return &f->chunks[f->last];
}

static struct frames_chunk *add(struct frames *f, uint64_t number)
{
	if (f->nr == f->room) {
		if (f->nr > UINT32_MAX / 4)
			die("the trace touches more than a thousand million pageblocks; use "
			    "--limit");
		f->room = f->room ? f->room * 2 : 64;
		f->chunks = grow(f->chunks, f->room, sizeof(*f->chunks));
	}
	if (f->nr * 2 >= f->nr_slots)
		grow_slots(f);
	*find_slot(f, number) = (uint32_t)f->nr + 1;
	f->last = f->nr++;
	memset(&f->chunks[f->last], 0, sizeof(f->chunks[f->last]));
	f->chunks[f->last].number = number;
	return &f->chunks[f->last];
}

uint32_t frames_get(struct frames *f, uint64_t pfn)
{
	const struct frames_chunk *chunk = find(f, pfn / FRAMES_CHUNK);

	return chunk ? chunk->values[pfn % FRAMES_CHUNK] : 0;
}

void frames_set(struct frames *f, uint64_t pfn, uint64_t count, uint32_t value)
{
	struct frames_chunk *chunk = NULL;

	for (uint64_t i = 0; i < count; i++, pfn++) {
		if (!chunk || chunk->number != pfn / FRAMES_CHUNK)
			chunk = find(f, pfn / FRAMES_CHUNK);
		if (!chunk)
			chunk = add(f, pfn / FRAMES_CHUNK);
		chunk->values[pfn % FRAMES_CHUNK] = value;
	}
}

void frames_release(struct frames *f)
{
	free(f->chunks);
	free(f->slots);
	*f = (struct frames){0};
}
