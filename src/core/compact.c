/* SPDX-License-Identifier: MIT */
/*
 * compact.c - frames by address that are in use: the caller moves away what is there.
 *
 * By the public calls alone, for any engine: the pageblocks are set apart, so that nothing of them
 * is handed out any more; the blocks in them are moved, one by one, by the caller; what is free
 * then is taken by its address, and the pageblocks are put back. Thread context.
 */
#include "core/port.h"
#include "core/size.h"

enum {
	PAGEBLOCK = 1 << ROOST_PAGEBLOCK_ORDER,
	COMPACT_STEP = 512, /* pageblocks looked at, or blocks and free runs passed, in one step */
	COMPACT_PASSES = 4, /* over a range in which frames are in use again */
	COMPACT_PATIENCE = 8, /* for an owner that is busy with its pageblock (pcpbuddy) */
};

static bool is_apart(const roost_t *r, roost_pfn pfn)
{
	struct roost_frame_info info;

	roost_frame_info(r, pfn, &info);
	return info.state != ROOST_FRAME_OUTSIDE && info.type == ROOST_LIST_ISOLATE;
}

/* Sets one pageblock apart, or back. 0, or why not. */
static int isolate_one(roost_t *r, roost_pfn pfn, bool apart)
{
	int err = -ROOST_EAGAIN;

	for (unsigned i = 0; err == -ROOST_EAGAIN && i < COMPACT_PATIENCE; i++) {
		if (i)
			rst_sleep(i);
		err = roost_isolate(r, pfn, apart);
		if (err == -ROOST_EAGAIN && is_apart(r, pfn) == apart)
			return 0; /* sets: a stopped thread may hold frames of it */
	}
	return err;
}

/* Undoes isolate_range(): those of the reserve never were. */
static void undo_range(roost_t *r, roost_pfn pfn, roost_pfn end)
{
	struct roost_pageblock_info info;

	for (; pfn < end && !roost_pageblock_info(r, pfn, &info); pfn = info.end)
		if (info.type == ROOST_LIST_ISOLATE)
			(void)isolate_one(r, pfn < info.start ? info.start : pfn, false);
}

/* Is all of it memory of one zone, none of which somebody else has set apart? */
static int check_range(const roost_t *r, roost_pfn pfn, roost_pfn end)
{
	struct roost_pageblock_info info;
	unsigned zone = 0;

	for (roost_pfn at = pfn; at < end; at = info.end) {
		if (roost_pageblock_info(r, at, &info) || info.start > at || info.absent)
			return -ROOST_EINVAL;
		if (at != pfn && info.zone != zone)
			return -ROOST_EINVAL;
		if (info.type == ROOST_LIST_ISOLATE)
			return -ROOST_EBUSY;
		zone = info.zone;
	}
	return 0;
}

/* Sets all pageblocks of the range apart but those of the reserve; or none. */
static int isolate_range(roost_t *r, roost_pfn pfn, roost_pfn end)
{
	struct roost_pageblock_info info;
	int err = pfn < end ? check_range(r, pfn, end) : -ROOST_EINVAL;
	roost_pfn at = pfn;

	while (!err && at < end) {
		if (roost_pageblock_info(r, at, &info))
			err = -ROOST_EINVAL;
		else if (info.type != ROOST_LIST_RESERVE)
			err = isolate_one(r, at, true);
		if (!err)
			at = info.end;
		else if (is_apart(r, at)) /* by somebody else, since the look */
			err = -ROOST_EBUSY;
	}
	if (err && at > pfn)
		undo_range(r, pfn, at);
	if (!err)
		roost_drain(r, -1);
	return err;
}

/* The block, or the free run, that holds a frame: how many frames it has, or 0: on its way. *head:
 * the first of them. */
static uint64_t block_around(const roost_t *r, roost_pfn pfn, roost_pfn *head, bool *is_free)
{
	int order = roost_free_order(r, pfn);
	uint64_t n = 0;

	*is_free = order >= 0;
	*head = order >= 0 ? pfn >> order << order : pfn;
	if (order >= 0)
		return (uint64_t)1 << order;
	for (unsigned k = 0; k <= roost_max_order(r); k++) {
		*head = pfn >> k << k;
		n = roost_frames(r, *head);
		if (n > pfn - *head)
			return n;
	}
	/* One of an odd size may begin anywhere in the pageblock. */
	for (*head = pfn; !(n = roost_frames(r, *head)) && *head % PAGEBLOCK;)
		--*head;
	return n > pfn - *head ? n : 0;
}

/* Moves what is in use of [*at, end) away: 0; -ROOST_EAGAIN after a step; -ROOST_EBUSY: the caller
 * refuses. */
static int move_some(roost_t *r, roost_pfn *at, roost_pfn end, roost_move_fn *move, void *context,
		     struct roost_compaction *c)
{
	for (unsigned i = 0; *at < end; i++) {
		roost_pfn head;
		bool is_free;
		uint64_t n;

		if (i == COMPACT_STEP)
			return -ROOST_EAGAIN;
		n = block_around(r, *at, &head, &is_free);
		if (n && !is_free) {
			if (!move(context, head, rst_size_of(n).order)) {
				c->refused++;
				return -ROOST_EBUSY;
			}
			c->moved++;
			c->moved_frames += n;
		}
		*at = n ? head + n : *at + 1;
	}
	return 0;
}

/* All of the range was moved. True if it goes round again. */
static bool again(roost_t *r, int err, unsigned *passes)
{
	if ((err != -ROOST_EBUSY && err != -ROOST_EAGAIN) || ++*passes >= COMPACT_PASSES)
		return false;
	roost_drain(r, -1);
	return true;
}

int roost_alloc_range(roost_t *roost, roost_pfn pfn, uint64_t n, roost_move_fn *move, void *context)
{
	struct roost_compaction c = {0};
	unsigned passes = 0;
	int err = n <= ~pfn ? isolate_range(roost, pfn, pfn + n) : -ROOST_EINVAL;

	if (err)
		return err;
	do {
		roost_pfn at = pfn;

		do
			err = move_some(roost, &at, pfn + n, move, context, &c);
		while (err == -ROOST_EAGAIN);
		if (err)
			break;
		err = roost_take_range(roost, pfn, n);
	} while (again(roost, err, &passes));
	undo_range(roost, pfn, pfn + n);
	return err;
}

/* ---- Which is the cheapest? ---------------------------------------------------------------- */

/* Dearer than the one that was tried last, so that each is tried once? */
static bool is_left(const struct roost_compaction *c)
{
	return !c->tried || c->used > c->last_used ||
	       (c->used == c->last_used && c->first > c->last);
}

/* Adds a pageblock to the candidate in which it lies. False: none can be there. */
static bool add_pageblock(struct roost_compaction *c, const struct roost_pageblock_info *info,
			  roost_pfn size)
{
	roost_pfn first = info->start & ~(size - 1);

	if (first != c->first || first == info->start) {
		c->first = first;
		c->used = 0;
		c->zone = info->zone;
		c->next = first;
	}
	if (info->start != c->next || info->zone != c->zone || info->usable != PAGEBLOCK ||
	    info->end - info->start != PAGEBLOCK || info->type == ROOST_LIST_RESERVE ||
	    info->type == ROOST_LIST_ISOLATE)
		return false;
	c->used += PAGEBLOCK - info->free;
	c->next = info->end;
	return true;
}

/* One step of the search; true when all memory was looked at. */
static bool look(const roost_t *r, struct roost_compaction *c, roost_pfn size)
{
	struct roost_pageblock_info info;

	for (unsigned i = 0; i < COMPACT_STEP; i++) {
		if (roost_pageblock_info(r, c->next, &info))
			return true;
		c->looked++;
		if (!add_pageblock(c, &info, size)) {
			c->next = (info.start & ~(size - 1)) + size;
			if (c->next < info.end)
				c->next = info.end;
		} else if (c->next == c->first + size && is_left(c) &&
			   (!c->found || c->used < c->best_used)) {
			c->found = 1;
			c->best = c->first;
			c->best_used = c->used;
		}
	}
	return false;
}

/* From the first pageblock on again. */
static void look_again(struct roost_compaction *c)
{
	c->first = ROOST_NONE;
	c->next = 0;
	c->found = 0;
	c->moving = 0;
	c->passes = 0;
}

static int end_of_look(roost_t *r, struct roost_compaction *c, roost_pfn size)
{
	if (!c->found) {
		look_again(c);
		c->tried = 0;
		return -ROOST_EBUSY;
	}
	c->tried++;
	c->last = c->best;
	c->last_used = c->best_used;
	if (isolate_range(r, c->best, c->best + size)) {
		look_again(c); /* the next one */
	} else {
		c->moving = 1;
		c->next = c->best;
	}
	return -ROOST_EAGAIN;
}

static int evacuate(roost_t *r, struct roost_compaction *c, roost_pfn size, roost_move_fn *move,
		    void *context)
{
	int err = move_some(r, &c->next, c->best + size, move, context, c);

	if (err == -ROOST_EAGAIN)
		return err;
	if (!err) {
		err = roost_take_range(r, c->best, size);
		if (again(r, err, &c->passes)) {
			c->next = c->best;
			return -ROOST_EAGAIN;
		}
	}
	undo_range(r, c->best, c->best + size);
	look_again(c);
	if (err)
		return -ROOST_EAGAIN; /* the next one */
	c->tried = 0;
	c->pfn = c->best;
	return 0;
}

int roost_compact(roost_t *roost, unsigned order, roost_move_fn *move, void *context,
		  struct roost_compaction *c)
{
	roost_pfn size;

	if (order < ROOST_PAGEBLOCK_ORDER || order > roost_max_order(roost) ||
	    (c->order && c->order != order))
		return -ROOST_EINVAL;
	size = (roost_pfn)1 << order;
	if (!c->order) {
		c->order = order;
		look_again(c);
	}
	if (c->moving)
		return evacuate(roost, c, size, move, context);
	return look(roost, c, size) ? end_of_look(roost, c, size) : -ROOST_EAGAIN;
}

void roost_compact_end(roost_t *roost, struct roost_compaction *c)
{
	if (c->order && c->moving)
		undo_range(roost, c->best, c->best + ((roost_pfn)1 << c->order));
	look_again(c);
	c->order = 0;
	c->tried = 0;
}
