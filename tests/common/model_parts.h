/* SPDX-License-Identifier: MIT */
/* model_parts.h - what model.c and model_misuse.c know of each other. */
#ifndef TESTS_MODEL_PARTS_H
#define TESTS_MODEL_PARTS_H

#include <stdio.h>

#include "model.h"

/* Says what the event is. */
#define TELL(m, ...)                                                                               \
	do {                                                                                       \
		snprintf((m)->told, sizeof((m)->told), __VA_ARGS__);                               \
		if ((m)->log)                                                                      \
			fprintf((m)->log, "  CPU %u: %s\n", (m)->cpu, (m)->told);                  \
	} while (0)

static inline unsigned below(struct model *m, unsigned limit)
{
	return m->choose(m, limit);
}

static inline unsigned max_order(const struct model *m)
{
	return m->rig.shadow.max_order;
}

/* Frames of the middle; where two zones meet there, only one of the two is meant. */
static inline roost_pfn model_middle(const struct model *m, unsigned block)
{
	return m->base + block * BLOCK + BLOCK / 2;
}

/* model.c: an order, mostly a small one. */
unsigned model_some_order(struct model *m);
/* Blocks that are handed out, to be freed; no longer in the list. How many. */
size_t model_pick_some(struct model *m, struct roost_block blocks[MODEL_BATCH]);
bool model_can_isolate(const struct model *m, unsigned block);

/* model_misuse.c: one event. */
void model_misuse(struct model *m);

#endif
