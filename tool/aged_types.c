/* SPDX-License-Identifier: MIT */
/*
 * aged_types.c - reads a copy of /proc/pagetypeinfo, and places what it counts:
 *
 *   Page block order: 9
 *   Pages per block:  512
 *
 *   Free pages count per migrate type at order       0      1 ...     10
 *   Node    0, zone      DMA, type    Unmovable      0      0 ...      0
 *   ...
 *   Number of blocks type     Unmovable      Movable  Reclaimable ...
 *   Node 0, zone      DMA            1            7            0 ...
 *
 * All nodes and zones become one memory. Free blocks are placed from the largest order down, at
 * random, so that no two of them merge: one of each pair of buddies at most is free, and only where
 * nothing larger is. Where there are more of an order than that, or than their migratetype has
 * room, the rest goes wherever there is room.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aged.h"
#include "tool/common/printable.h"
#include "tool/common/say.h"

enum {
	PAGEBLOCK_ORDER = ROOST_PAGEBLOCK_ORDER,
	FIRST_BLOCK = AGED_FIRST / AGED_PAGEBLOCK,
	ORDERS = ROOST_MAX_ORDER + 1,
	NAMES_MAX = 16, /* of migratetypes in a heading */
	TYPE_NONE = 0xff,
};

/* ---- What the file says ----------------------------------------------------------------- */

struct counts {
	uint64_t free[AGED_TYPES][ORDERS];
	uint64_t blocks[AGED_TYPES]; /* pageblocks */
	uint64_t frames, free_frames;
	uint64_t capped;
	unsigned block_order; /* of a pageblock in the file */
	unsigned orders;      /* of the heading; 0: it has not come yet */
	int names[NAMES_MAX]; /* of the heading of pageblocks */
	unsigned nr_names;
	uint64_t free_lines, zones;
};

static bool begins(const char *line, const char *with)
{
	return !strncmp(line, with, strlen(with));
}

static const char *skip_blanks(const char *at)
{
	return at + strspn(at, " \t\r");
}

/* A word of the file for a message; until the next call. */
static const char *shown(const char *word, size_t length)
{
	static char text[128];

	return printable(text, sizeof(text), 32, word, length);
}

/* A count of blocks of 2^order frames; *at moves behind it. */
static bool read_count(const struct aged_text *text, const char **at, unsigned order,
		       struct counts *counts, uint64_t *count, char error[])
{
	const size_t length = strcspn(*at = skip_blanks(*at), " \t\r");
	const char *word = *at;

	if (!length)
		return aged_error(text, error, "the line ends too soon: the file is cut off");
	if (*word == '>') {
		counts->capped++;
		++*at;
	}
	if (!aged_number(at, count) || *at != word + length)
		return aged_error(text, error, "\"%s\" is no number of blocks",
				  shown(word, length));
	if (*count > text->limit >> order)
		return aged_error(text, error,
				  "%" PRIu64 " blocks of order %u lie beyond the memory, which has "
				  "%" PRIu64 " frames; give a larger --memory",
				  *count, order, text->limit);
	return true;
}

static bool read_block_order(const struct aged_text *text, const char *at, struct counts *counts,
			     char error[])
{
	uint64_t order;

	at = skip_blanks(at);
	if (!aged_number(&at, &order) || order < PAGEBLOCK_ORDER || order > ROOST_MAX_ORDER)
		return aged_error(text, error,
				  "the order of a pageblock is none from %d to %d, which are known",
				  PAGEBLOCK_ORDER, ROOST_MAX_ORDER);
	counts->block_order = (unsigned)order;
	return true;
}

static bool read_orders(const struct aged_text *text, const char *at, struct counts *counts,
			char error[])
{
	uint64_t order;

	for (at = skip_blanks(at); *at; at = skip_blanks(at)) {
		if (!aged_number(&at, &order) || order != counts->orders || order > ROOST_MAX_ORDER)
			return aged_error(
				text, error,
				"the heading does not count the orders from 0 to %d at most",
				ROOST_MAX_ORDER);
		counts->orders++;
	}
	return counts->orders || aged_error(text, error, "the heading names no order");
}

static bool read_free(const struct aged_text *text, const char *line, struct counts *counts,
		      char error[])
{
	const char *at = strstr(line, ", type ");
	uint64_t count;
	size_t length;
	int type;

	at = skip_blanks(at + strlen(", type "));
	length = strcspn(at, " \t\r");
	type = aged_type(at, length);
	if (type < 0)
		return aged_error(text, error, "\"%s\" is no migratetype that is known",
				  shown(at, length));
	at += length;
	for (unsigned order = 0; order < counts->orders; order++) {
		if (!read_count(text, &at, order, counts, &count, error))
			return false;
		counts->free[type][order] += count;
		counts->free_frames += count << order;
	}
	counts->free_lines++;
	return true;
}

static bool read_names(const struct aged_text *text, const char *at, struct counts *counts,
		       char error[])
{
	for (at = skip_blanks(at); *at; at = skip_blanks(at)) {
		const size_t length = strcspn(at, " \t\r");
		const int type = aged_type(at, length);

		if (type < 0 || counts->nr_names == NAMES_MAX)
			return aged_error(text, error, "\"%s\" is no migratetype that is known",
					  shown(at, length));
		counts->names[counts->nr_names++] = type;
		at += length;
	}
	return counts->nr_names || aged_error(text, error, "the heading names no migratetype");
}

/* "Node 0, zone      DMA            1            7 ..." */
static bool read_pageblocks(const struct aged_text *text, const char *line, struct counts *counts,
			    char error[])
{
	const char *at = skip_blanks(strstr(line, ", zone ") + strlen(", zone "));
	uint64_t count;

	at += strcspn(at, " \t\r");
	for (unsigned i = 0; i < counts->nr_names; i++) {
		if (!read_count(text, &at, counts->block_order, counts, &count, error))
			return false;
		counts->frames += count << counts->block_order;
		counts->blocks[counts->names[i]] += count
						    << (counts->block_order - PAGEBLOCK_ORDER);
	}
	counts->zones++;
	if (counts->frames > text->limit - (text->limit < AGED_FIRST ? text->limit : AGED_FIRST))
		return aged_error(text, error,
				  "so far there are %" PRIu64
				  " frames, and the memory has room for "
				  "them from frame %d to %" PRIu64 "; give a larger --memory",
				  counts->frames, AGED_FIRST, text->limit);
	return true;
}

static bool read_node(const struct aged_text *text, const char *line, struct counts *counts,
		      char error[])
{
	if (!strstr(line, ", zone "))
		return aged_error(text, error, "\"zone\" is missing behind the node");
	if (counts->nr_names)
		return read_pageblocks(text, line, counts, error);
	if (!counts->orders)
		return aged_error(text, error, "the heading with the orders has not come before");
	if (!strstr(line, ", type "))
		return aged_error(text, error, "\"type\" is missing behind the zone");
	return read_free(text, line, counts, error);
}

static bool read_line(const struct aged_text *text, const char *line, struct counts *counts,
		      char error[])
{
	static const char free_pages[] = "Free pages count per migrate type at order",
			  blocks[] = "Number of blocks type", order[] = "Page block order:";

	if (begins(line, order))
		return read_block_order(text, line + strlen(order), counts, error);
	if (begins(line, free_pages) && !counts->orders)
		return read_orders(text, line + strlen(free_pages), counts, error);
	if (begins(line, blocks) && !counts->nr_names)
		return read_names(text, line + strlen(blocks), counts, error);
	if (begins(line, "Node "))
		return read_node(text, line, counts, error);
	if (begins(line, "Pages per block:") || !*skip_blanks(line))
		return true;
	return aged_error(text, error, "this is no line of /proc/pagetypeinfo");
}

/* Kernels that know more have a table of mixed pageblocks at the end. */
static bool read_counts(struct counts *counts, struct aged_text *text, char error[])
{
	char *line;

	while ((line = aged_line(text)) && !begins(line, "Number of mixed blocks"))
		if (!read_line(text, line, counts, error))
			return false;
	if (text->bad || !counts->zones || counts->free_lines != counts->zones * counts->nr_names)
		return aged_error(text, error,
				  "%" PRIu64 " lines of free blocks do not go with %" PRIu64
				  " zones of %u migratetypes: the file is cut off",
				  counts->free_lines, counts->zones, counts->nr_names);
	if (counts->free_frames > counts->frames)
		return aged_error(text, error,
				  "%" PRIu64 " frames are free, but the pageblocks have %" PRIu64,
				  counts->free_frames, counts->frames);
	return counts->frames || aged_error(text, error, "there is no pageblock");
}

/* ---- Where it is ------------------------------------------------------------------------ */

struct placer {
	struct aged *aged;
	uint64_t random;
	uint64_t end;	 /* above the last pageblock */
	uint64_t *slots; /* where a block could be: its first frame */
	size_t nr, room;
};

static void add_slot(struct placer *p, uint64_t pfn)
{
	if (p->nr == p->room) {
		p->room = p->room ? p->room * 2 : 4096;
		p->slots = grow(p->slots, p->room, sizeof(*p->slots));
	}
	p->slots[p->nr++] = pfn;
}

static bool is_inside(const struct placer *p, uint64_t pfn, unsigned order)
{
	return pfn >= AGED_FIRST && pfn + (UINT64_C(1) << order) <= p->end * AGED_PAGEBLOCK;
}

/* May a block of this order and migratetype be there? TYPE_NONE: of any. What is free already is in
 * blocks at least as large, so the first frame speaks for all. */
static bool fits(const struct placer *p, uint64_t pfn, unsigned order, unsigned type)
{
	if (!is_inside(p, pfn, order) || p->aged->frames[pfn] == AGED_FREE)
		return false;
	if (order >= PAGEBLOCK_ORDER) /* its pageblocks get the migratetype of the block */
		return true;
	return type == TYPE_NONE || p->aged->types[pfn / AGED_PAGEBLOCK] == type;
}

/* Finds one slot in each pair of buddies that are both in use; or, if all is set, each slot. */
static void find_slots(struct placer *p, unsigned order, unsigned type, bool all)
{
	const uint64_t size = UINT64_C(1) << order, end = p->end * AGED_PAGEBLOCK;

	p->nr = 0;
	for (uint64_t pair = AGED_FIRST & ~(2 * size - 1); pair < end; pair += 2 * size) {
		const bool first = fits(p, pair, order, type);
		const bool second = fits(p, pair + size, order, type);

		if (!all && first && second) {
			add_slot(p, pair + size * aged_random(&p->random, 2));
			continue;
		}
		if (first && (all || !is_inside(p, pair + size, order)))
			add_slot(p, pair);
		if (second && (all || !is_inside(p, pair, order)))
			add_slot(p, pair + size);
	}
}

/* Frees up to count blocks in random slots; returns how many are left. */
static uint64_t take_slots(struct placer *p, unsigned order, unsigned type, uint64_t count)
{
	const uint64_t size = UINT64_C(1) << order;

	for (size_t i = 0; i < p->nr && count; i++, count--) {
		const size_t other = i + (size_t)aged_random(&p->random, p->nr - i);
		const uint64_t pfn = p->slots[other];

		p->slots[other] = p->slots[i];
		memset(p->aged->frames + pfn, AGED_FREE, size);
		for (uint64_t k = 0; k < size && order >= PAGEBLOCK_ORDER; k += AGED_PAGEBLOCK)
			p->aged->types[(pfn + k) / AGED_PAGEBLOCK] = (unsigned char)type;
	}
	return count;
}

static bool place(struct placer *p, unsigned order, unsigned type, uint64_t count)
{
	static const struct {
		bool any_type, all;
	} tries[] = {{false, false}, {true, false}, {true, true}};

	for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]) && count; i++) {
		find_slots(p, order, tries[i].any_type ? TYPE_NONE : type, tries[i].all);
		count = take_slots(p, order, type, count);
	}
	return !count;
}

static bool place_orders(struct placer *p, const struct counts *counts, unsigned from, unsigned to)
{
	for (unsigned order = from; order-- > to;)
		for (unsigned type = 0; type < AGED_TYPES; type++)
			if (!place(p, order, type, counts->free[type][order]))
				return false;
	return true;
}

/* Deals the migratetypes that are left to the pageblocks that have none yet, at random. */
static void deal_types(struct placer *p, const struct counts *counts)
{
	uint64_t left[AGED_TYPES], all = 0;

	memcpy(left, counts->blocks, sizeof(left));
	for (uint64_t b = FIRST_BLOCK; b < p->end; b++) {
		const unsigned char type = p->aged->types[b];

		if (type != TYPE_NONE)
			left[type] -= left[type] > 0;
	}
	for (unsigned type = 0; type < AGED_TYPES; type++)
		all += left[type];
	for (uint64_t b = FIRST_BLOCK; b < p->end; b++) {
		uint64_t at = all ? aged_random(&p->random, all) : 0;
		unsigned type = 0;

		if (p->aged->types[b] != TYPE_NONE)
			continue;
		while (type + 1 < AGED_TYPES && at >= left[type])
			at -= left[type++];
		p->aged->types[b] = (unsigned char)type;
		left[type] -= left[type] > 0;
		all -= all > 0;
	}
}

/* Frames in use have the migratetype of their pageblock. */
static void mark_used(struct placer *p)
{
	for (uint64_t pfn = AGED_FIRST; pfn < p->end * AGED_PAGEBLOCK; pfn++)
		if (p->aged->frames[pfn] != AGED_FREE)
			p->aged->frames[pfn] =
				(unsigned char)(AGED_USED + p->aged->types[pfn / AGED_PAGEBLOCK]);
}

static bool place_all(struct aged *aged, const struct counts *counts, uint64_t seed)
{
	struct placer p = {.aged = aged, .random = seed};
	bool good;

	p.end = FIRST_BLOCK + counts->frames / AGED_PAGEBLOCK;
	memset(aged->frames + AGED_FIRST, AGED_USED, counts->frames);
	memset(aged->types + FIRST_BLOCK, TYPE_NONE, counts->frames / AGED_PAGEBLOCK);
	good = place_orders(&p, counts, ORDERS, PAGEBLOCK_ORDER);
	deal_types(&p, counts);
	good = good && place_orders(&p, counts, PAGEBLOCK_ORDER, 0);
	mark_used(&p);
	free(p.slots);
	return good;
}

bool aged_read_types(struct aged *aged, struct aged_text *text, uint64_t seed, char error[])
{
	struct counts counts = {.block_order = PAGEBLOCK_ORDER};

	aged->source = "pagetypeinfo";
	aged->placed = true;
	if (!read_counts(&counts, text, error) ||
	    !aged_room(aged, AGED_FIRST + counts.frames, error))
		return false;
	aged->capped = counts.capped;
	aged_fill_low(aged);
	if (place_all(aged, &counts, seed))
		return true;
	return aged_error(text, error,
			  "there is no room for the large free blocks in %" PRIu64 " frames",
			  counts.frames);
}
