/* SPDX-License-Identifier: MIT */
/*
 * held.h - what the pool asks of its engine beyond roost.h: blocks that are held.
 *
 * A held block is neither free nor a caller's. Only its holder puts it back in circulation: a
 * roost_free() of it is misuse, roost_order() finds no block there, roost_recover() leaves it as it
 * is. One store says that a block is held, and one that it no longer is. So after a fork, when
 * threads are gone, the record alone says what each of them was holding; a note of their own could
 * be older or newer than that.
 *
 * Any context; costs as those of the calls they are named after. Only the engine sets has them.
 */
#ifndef RST_HELD_H
#define RST_HELD_H

#include "roost/roost.h"

/* A block as of roost_alloc(order, 0), or ROOST_NONE. */
roost_pfn rst_hold(roost_t *roost, unsigned order);
/* All that is free of a pageblock, as roost_alloc_rest(); each frame is a held block of order 0. */
size_t rst_hold_rest(roost_t *roost, roost_pfn pfn, uint64_t frames[ROOST_PAGEBLOCK_WORDS]);
/* A held block is halved; each half is held. */
void rst_halve_held(roost_t *roost, roost_pfn pfn, unsigned order);
/* The order of the held block that begins at pfn, or -1. If halving it was not ended, for the
 * thread is gone, the block is whole again. */
int rst_held_order(roost_t *roost, roost_pfn pfn);
/* Frees a held block. */
void rst_unhold(roost_t *roost, roost_pfn pfn, unsigned order);
/* Reports the free of a frame at which no caller's block begins. Also at check level 0, where
 * roost_free() would free it. */
void rst_free_none(roost_t *roost, roost_pfn pfn);
/* Frees the held blocks of order 0 among these frames of a pageblock; how many. */
size_t rst_unhold_rest(roost_t *roost, roost_pfn pfn, const uint64_t frames[ROOST_PAGEBLOCK_WORDS]);

#endif
