/* SPDX-License-Identifier: MIT */
/*
 * world.h - what a scenario runs in: the allocator, the variables, and a map of the holder of each
 * frame. A frame that is handed out while it is marked there is a finding, and so are frames that
 * count as allocated though no context holds them. world.c sets it up and judges the end.
 */
#ifndef LAB_WORLD_H
#define LAB_WORLD_H

#include "scenario.h"

/* What a variable holds: 0 nothing yet, NONE no memory, else pfn + 1 and the order, or SIZED and
 * the frames of a block that was allocated by their number. */
#define VALUE_NONE (UINT64_C(1) << 63)

enum { SIZED = 32 }; /* above all orders */

/* In the arena, so that it is restored for each execution. */
struct world {
	uint64_t values[SCENARIO_VARIABLES];
	uint64_t slab[SCENARIO_VARIABLES]; /* objects left; under the lock */
	unsigned misuse[SCENARIO_MISUSES];
	unsigned pressed; /* calls of the pressure hook */
	bool pressing;	  /* it runs */
	uint32_t held;	  /* frames */
	uint8_t marks[];  /* per frame */
};

extern struct world *world;
extern roost_t *pool;
extern const struct scenario *world_scenario;
extern unsigned world_locks[SCENARIO_LOCKS]; /* indices into vm.locks */

static inline uint64_t value_of(roost_pfn pfn, unsigned order)
{
	return pfn == ROOST_NONE ? VALUE_NONE : (pfn + 1) | (uint64_t)order << 48;
}

static inline roost_pfn frames_of(struct roost_block block)
{
	return block.order < SIZED ? (roost_pfn)1 << block.order : block.order - SIZED;
}

static inline bool has_block(uint64_t value)
{
	return value && value != VALUE_NONE;
}

static inline struct roost_block block_of(uint64_t value)
{
	return (struct roost_block){.pfn = (value & ((UINT64_C(1) << 48) - 1)) - 1,
				    .order = (unsigned)(value >> 48)};
}

/* Or an object: its cache, and where it is, from 1 on. */
#define VALUE_OBJECT (UINT64_C(1) << 62)

uint64_t world_get(unsigned variable);
void world_set(unsigned variable, uint64_t value);
/* What a free is given: in the pressure hook, which comes more than once, it is not there any more.
 */
uint64_t world_take(const struct context *c, unsigned variable);
const char *world_name(unsigned variable);

/* Of the misuse hooks. */
void world_heard(unsigned kind, long long where);
void world_violated(const struct roost_violation *violation);

void world_mark(struct roost_block block);
void world_unmark(struct roost_block block);

/* ---- program.c ----------------------------------------------------------------------------- */

/* Does a program's operations; c is NULL outside the virtual machine. */
void program_do(struct context *c, const struct program *program);

#endif
