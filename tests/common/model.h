/* SPDX-License-Identifier: MIT */
/*
 * model.h - events on an allocator beside a plain model of it, and what must hold for each.
 *
 * The model is the shadow (which frames are handed out in which blocks), a list of those blocks,
 * and which pageblocks are set apart, or absent. From it follows for each event what may be handed
 * out, when an allocation must not fail, and what a misuse must be called.
 *
 * Which events there are is for somebody else to choose: a random generator (test_model.c) or a
 * string of bytes (fuzz/api.c).
 */
#ifndef TESTS_MODEL_H
#define TESTS_MODEL_H

#include <stdio.h>

#include "harness.h"

enum {
	MODEL_CPUS = 3,
	MODEL_BLOCKS = 16, /* the map lies in this many pageblocks */
	MODEL_FRAMES = MODEL_BLOCKS * BLOCK,
	MODEL_BATCH = 24,
};

struct model;

/* A number in [0, limit), limit > 0. */
typedef unsigned model_choose(struct model *m, unsigned limit);

struct model {
	struct rig rig;
	model_choose *choose;
	void *chooser;			/* the choose function's own */
	roost_pfn base;			/* of the pageblocks; a multiple of the largest block */
	roost_pfn blocks[MODEL_FRAMES]; /* those handed out */
	size_t nr_blocks;
	bool apart[MODEL_BLOCKS]; /* pageblocks set apart */
	struct {
		roost_pfn start, end;
	} absent[MODEL_BLOCKS]; /* what was removed of each pageblock; none: both 0 */
	bool drained;		/* since the last one was: no frame of them is on a pcp */
	bool greedy;		/* allocations or frees prevail */
	bool large;		/* so do large orders */
	unsigned cpu;		/* that the last event was on */
	char told[160];		/* what it was */
	FILE *log;		/* each is written there, unless NULL */
};

/* Makes the allocator; the ranges lie in [base, base + MODEL_FRAMES). */
void model_open(struct model *m, const struct roost_config *config, roost_pfn base,
		model_choose *choose, void *chooser);
/* One event, and what must hold for it. */
void model_event(struct model *m);
/* Undoes what is off-line, absent or set apart, frees all, and finds the allocator as it was
 * made. */
void model_close(struct model *m);

#endif
