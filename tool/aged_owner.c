/* SPDX-License-Identifier: MIT */
/*
 * aged_owner.c - reads a copy of /sys/kernel/debug/page_owner:
 *
 *   Page allocated via order 2, mask 0x...(...), pid 1, tgid 1 (init), ts 1 ns
 *   PFN 4096 type Unmovable Block 8 type Movable Flags 0x...(...)
 *    ... a stack ...
 *
 * The first type is that of the allocation, the second that of the pageblock. All other lines are
 * the stack's.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aged.h"
#include "tool/common/say.h"

#define ALLOCATED "Page allocated via order "
#define PFN	  "PFN "

struct owned {
	uint64_t pfn, line;
	uint8_t order, type, block_type;
};

struct owner {
	struct owned *blocks;
	size_t nr, room;
};

static bool begins(const char *line, const char *with)
{
	return !strncmp(line, with, strlen(with));
}

/* " type NAME": moves *at behind it. */
static bool read_type(const char **at, uint8_t *type)
{
	size_t length;
	int found;

	if (!begins(*at, " type "))
		return false;
	*at += strlen(" type ");
	length = strcspn(*at, " ");
	found = aged_type(*at, length);
	*at += length;
	*type = (uint8_t)found;
	return found >= 0;
}

/* The line "PFN ..." of a block. */
static bool read_pfn(struct owned *block, const struct aged_text *text, const char *line,
		     char error[])
{
	const uint64_t size = UINT64_C(1) << block->order;
	const char *at = line + strlen(PFN);
	uint64_t number;

	block->line = text->line;
	if (!aged_number(&at, &block->pfn))
		return aged_error(text, error, "there is no frame number after \"PFN\"");
	if (block->pfn & (size - 1))
		return aged_error(text, error,
				  "PFN %" PRIu64 " is no multiple of its size, %" PRIu64 " frames",
				  block->pfn, size);
	if (block->pfn >= text->limit || size > text->limit - block->pfn)
		return aged_error(text, error,
				  "PFN %" PRIu64 " of order %u lies beyond the memory, which has "
				  "%" PRIu64 " frames; give a larger --memory",
				  block->pfn, block->order, text->limit);
	if (!read_type(&at, &block->type) || !begins(at, " Block ") ||
	    !(at += strlen(" Block "), aged_number(&at, &number)) ||
	    !read_type(&at, &block->block_type))
		return aged_error(text, error,
				  "PFN %" PRIu64 " is not followed by: type NAME Block NUMBER type "
				  "NAME",
				  block->pfn);
	return true;
}

static bool read_order(struct owned *block, const struct aged_text *text, const char *line,
		       char error[])
{
	const char *at = line + strlen(ALLOCATED);
	uint64_t order;

	if (!aged_number(&at, &order))
		return aged_error(text, error, "there is no order after \"" ALLOCATED "\"");
	if (order > ROOST_MAX_ORDER)
		return aged_error(text, error, "order %" PRIu64 " is larger than %d", order,
				  ROOST_MAX_ORDER);
	block->order = (uint8_t)order;
	return true;
}

static void add(struct owner *owner, const struct owned *block)
{
	if (owner->nr == owner->room) {
		owner->room = owner->room ? owner->room * 2 : 4096;
		owner->blocks = grow(owner->blocks, owner->room, sizeof(*owner->blocks));
	}
	owner->blocks[owner->nr++] = *block;
}

static bool read_blocks(struct owner *owner, struct aged_text *text, char error[])
{
	struct owned block = {0};
	bool open = false; /* its frame number is still to come */
	char *line;

	while ((line = aged_line(text))) {
		if (begins(line, ALLOCATED)) {
			if (open)
				return aged_error(text, error,
						  "the block before has no line with its PFN");
			if (!read_order(&block, text, line, error))
				return false;
			open = true;
		} else if (begins(line, PFN)) {
			if (!open)
				return aged_error(text, error,
						  "there is no line \"" ALLOCATED
						  "...\" before it");
			if (!read_pfn(&block, text, line, error))
				return false;
			add(owner, &block);
			open = false;
		}
	}
	if (open || text->bad)
		return aged_error(text, error,
				  "the file ends within a block: copy it again, to its end");
	return true;
}

static int by_pfn(const void *a, const void *b)
{
	const struct owned *x = a, *y = b;

	if (x->pfn != y->pfn)
		return x->pfn < y->pfn ? -1 : 1;
	return (x->line > y->line) - (x->line < y->line);
}

static uint64_t end_of(const struct owned *b)
{
	return b->pfn + (UINT64_C(1) << b->order);
}

/*
 * Linux writes one block for each read, and goes on meanwhile: what was freed in between may be
 * part of another block further down. A few such pairs are taken as they are, all their frames as
 * in use; more are no copy of one machine.
 */
enum { MOST_OVERLAPS = 100 }; /* one block in 100 */

static bool check_overlaps(struct aged *aged, const struct owner *owner, struct aged_text *text,
			   char error[])
{
	const struct owned *first[2] = {0}, *furthest = owner->blocks;

	for (size_t i = 1; i < owner->nr; i++) {
		const struct owned *b = &owner->blocks[i];

		if (b->pfn < end_of(furthest) && !aged->overlaps++) {
			first[0] = furthest->line > b->line ? furthest : b;
			first[1] = furthest->line > b->line ? b : furthest;
		}
		if (end_of(b) > end_of(furthest))
			furthest = b;
	}
	if (aged->overlaps <= owner->nr / MOST_OVERLAPS)
		return true;
	text->line = first[0]->line;
	return aged_error(text, error,
			  "the blocks at PFN %" PRIu64 " (order %u) and PFN %" PRIu64
			  " (order %u, line %" PRIu64 ") overlap, as %" PRIu64 " of %zu blocks do",
			  first[0]->pfn, first[0]->order, first[1]->pfn, first[1]->order,
			  first[1]->line, aged->overlaps, owner->nr);
}

static bool make_map(struct aged *aged, const struct owner *owner, char error[])
{
	uint64_t end = 0;

	for (size_t i = 0; i < owner->nr; i++)
		end = end_of(&owner->blocks[i]) > end ? end_of(&owner->blocks[i]) : end;
	if (!aged_room(aged, end, error))
		return false;
	for (size_t i = 0; i < owner->nr; i++) {
		const struct owned *b = &owner->blocks[i];
		const uint64_t size = UINT64_C(1) << b->order;

		memset(aged->frames + b->pfn, AGED_USED + b->type, size);
		for (uint64_t k = 0; k < size; k += AGED_PAGEBLOCK)
			aged->types[(b->pfn + k) / AGED_PAGEBLOCK] = b->block_type;
	}
	return true;
}

bool aged_read_owner(struct aged *aged, struct aged_text *text, char error[])
{
	struct owner owner = {0};
	bool good;

	aged->source = "page_owner";
	good = read_blocks(&owner, text, error) &&
	       (owner.nr || aged_error(text, error, "there is no block in it"));
	if (good)
		qsort(owner.blocks, owner.nr, sizeof(*owner.blocks), by_pfn);
	good = good && check_overlaps(aged, &owner, text, error) && make_map(aged, &owner, error);
	free(owner.blocks);
	return good;
}
