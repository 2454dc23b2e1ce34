/* SPDX-License-Identifier: MIT */
/* start.c - see start.h. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <roost/posix.h>

#include "start.h"
#include "tool/common/say.h"

enum { PAGEBLOCK = AGED_PAGEBLOCK };

struct starter {
	struct machine *machine;
	const struct aged *aged;
	bool typed;
};

static unsigned char frame_of(const struct starter *s, uint64_t pfn)
{
	return pfn < s->aged->nr ? s->aged->frames[pfn] : AGED_FREE;
}

static uint64_t nr_pageblocks(const struct starter *s)
{
	return (s->machine->frames + PAGEBLOCK - 1) / PAGEBLOCK;
}

/* Frames of the pageblock that the machine has, and those of them that are in use. */
static unsigned count_frames(const struct starter *s, uint64_t block, unsigned *used)
{
	unsigned has = 0;

	*used = 0;
	for (uint64_t pfn = block * PAGEBLOCK; pfn < (block + 1) * PAGEBLOCK; pfn++) {
		const bool is_there = machine_has(s->machine, pfn);

		has += is_there;
		*used += is_there && frame_of(s, pfn) != AGED_FREE;
	}
	return has;
}

/* Does it become single frames of its migratetype? */
static bool is_typed(const struct starter *s, uint64_t block)
{
	unsigned used;

	return s->typed && block < s->aged->nr / PAGEBLOCK &&
	       s->aged->types[block] != ROOST_MOVABLE &&
	       count_frames(s, block, &used) == PAGEBLOCK && used;
}

/* No other pageblock has anything free. */
static bool set_type(const struct starter *s, uint64_t block, char error[])
{
	const unsigned type = s->aged->types[block], flags = ROOST_RESERVE | ROOST_WAIT;

	roost_free_part(s->machine->roost, block * PAGEBLOCK, ROOST_PAGEBLOCK_ORDER);
	roost_drain(s->machine->roost, -1); /* on a CPU it might keep its migratetype */
	for (unsigned i = 0; i < PAGEBLOCK; i++) {
		const roost_pfn pfn = roost_alloc(s->machine->roost, 0, type | flags);

		if (pfn != ROOST_NONE && pfn / PAGEBLOCK == block)
			continue;
		snprintf(error, ERROR_MAX,
			 "--aged: the engine does not hand out frame %u of the only pageblock that "
			 "is free, 0x%" PRIx64,
			 i, block * PAGEBLOCK);
		return false;
	}
	return true;
}

/* Frees the frames of a pageblock that are in use in the map, or those that are not; in the largest
 * blocks that there are, but for single frames. */
static void free_frames(const struct starter *s, uint64_t block, bool used, bool singly)
{
	uint64_t pfn = block * PAGEBLOCK;
	const uint64_t end = pfn + PAGEBLOCK;

	while (pfn < end) {
		unsigned order = 0;
		uint64_t n = 0;

		while (pfn + n < end && machine_has(s->machine, pfn + n) &&
		       (frame_of(s, pfn + n) != AGED_FREE) == used)
			n++;
		while (!singly && order < ROOST_PAGEBLOCK_ORDER && UINT64_C(2) << order <= n &&
		       !(pfn & ((UINT64_C(2) << order) - 1)))
			order++;
		if (n)
			roost_free_part(s->machine->roost, pfn, order);
		pfn += UINT64_C(1) << order;
	}
}

static void count_used(struct start *start, const struct starter *s, uint64_t pfn)
{
	const unsigned char frame = frame_of(s, pfn);

	if (frame == AGED_FREE)
		return;
	if (!machine_has(s->machine, pfn)) {
		start->outside += frame != AGED_HOLE;
		return;
	}
	start->in_use++;
	start->by_type[frame - AGED_USED]++;
	machine_mark(s->machine, pfn, frame != AGED_USED + ROOST_MOVABLE);
}

bool start_make(struct start *start, struct machine *machine, const struct aged *aged,
		unsigned cpus, bool typed, char error[])
{
	const struct starter s = {.machine = machine, .aged = aged, .typed = typed};

	*start = (struct start){0};
	for (uint64_t block = 0; block < nr_pageblocks(&s); block++) {
		roost_posix_set_cpu((int)(block % cpus));
		if (is_typed(&s, block) && !set_type(&s, block, error))
			return false;
	}
	for (uint64_t block = 0; block < nr_pageblocks(&s); block++) {
		roost_posix_set_cpu((int)(block % cpus));
		free_frames(&s, block, false, is_typed(&s, block));
	}
	roost_posix_set_cpu(0);
	roost_drain(machine->roost, -1);
	for (uint64_t pfn = 0; pfn < aged->nr || pfn < machine->frames; pfn++)
		count_used(start, &s, pfn);
	machine_sum(machine, &start->sums);
	if (start->sums.free + start->in_use == start->sums.managed || !typed)
		return true;
	snprintf(error, ERROR_MAX,
		 "--aged: the engine has %" PRIu64 " free frames of %" PRIu64
		 " at the start, though %" PRIu64 " are in use",
		 start->sums.free, start->sums.managed, start->in_use);
	return false;
}

void start_end(struct machine *machine, const struct aged *aged, bool typed)
{
	const struct starter s = {.machine = machine, .aged = aged, .typed = typed};

	for (uint64_t block = 0; block < nr_pageblocks(&s); block++) {
		for (uint64_t pfn = block * PAGEBLOCK; pfn < (block + 1) * PAGEBLOCK; pfn++)
			if (machine_has(machine, pfn) && frame_of(&s, pfn) != AGED_FREE)
				machine_unmark(machine, pfn);
		free_frames(&s, block, true, is_typed(&s, block));
	}
}
