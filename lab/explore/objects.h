/* SPDX-License-Identifier: MIT */
/*
 * objects.h - object caches of a scenario, over its pool. Only the programs of the engine sets have
 * them (objects.c; objects_none.c in the others).
 *
 * The slabs' metadata is in the arena, as the engine's is. The objects are not there at all: they
 * have addresses that nobody can read or write, in pages of 64 KiB, each of which is a slab. A map
 * of the objects in hand finds those that are handed out twice.
 */
#ifndef LAB_OBJECTS_H
#define LAB_OBJECTS_H

#include "scenario.h"

/* Makes the caches. False: they are refused, which was said. */
bool objects_start(const struct scenario *scenario, const struct roost_config *config);
/* Does an operation on objects; of several frees the one of variable i. */
void objects_do(struct context *context, const struct statement *statement, unsigned i);
/* Is an object in hand that lies on this frame? */
bool objects_on(roost_pfn frame);
/* A holder of frames writes to the objects that were there, or will be. */
void objects_write(roost_pfn frame, uint64_t frames);
/* Frames that are slabs. */
uint64_t objects_frames(void);
/* What must hold when nobody is inside; false: it failed. */
bool objects_judge(void);
/* Names what lies at an address of the arena; false if it is not of slabs. */
bool objects_address(const void *address, char *text, size_t size);

#endif
