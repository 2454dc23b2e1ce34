/* SPDX-License-Identifier: MIT */
/*
 * held.h - held blocks, which the pool needs from its engine beyond roost.h.
 *
 * A held block is neither free nor a caller's. Only its holder puts it back in circulation: a
 * roost_free() of it is misuse, roost_order() finds no block there, roost_recover() leaves it as it
 * is. One store makes a block held, and one store ends that. So after a fork, when other threads
 * are gone, the records alone say which blocks they were holding. Notes of the threads' own could
 * be older or newer than the records.
 *
 * Any context. Each function costs as much as the call that it is named after. Only the engine sets
 * has them.
 */
#ifndef RST_HELD_H
#define RST_HELD_H

#include "roost/roost.h"

/* Takes a block as roost_alloc(order, 0) does, and holds it. ROOST_NONE if there is none. */
roost_pfn rst_hold(roost_t *roost, unsigned order);
/* Takes all free frames of a pageblock, as roost_alloc_rest() does. Each frame becomes a held block
 * of order 0. */
size_t rst_hold_rest(roost_t *roost, roost_pfn pfn, uint64_t frames[ROOST_PAGEBLOCK_WORDS]);
/* Splits a held block into two held halves. */
void rst_halve_held(roost_t *roost, roost_pfn pfn, unsigned order);
/* The order of the held block that begins at pfn, or -1. If the thread that was halving it is gone,
 * the block is whole again. */
int rst_held_order(roost_t *roost, roost_pfn pfn);
/* Frees a held block. */
void rst_unhold(roost_t *roost, roost_pfn pfn, unsigned order);
/* Reports the free of a frame at which no caller's block begins. It does so at check level 0 as
 * well, where roost_free() would free the frame. */
void rst_free_none(roost_t *roost, roost_pfn pfn);
/* Frees the held blocks of order 0 among these frames of a pageblock, and returns how many. */
size_t rst_unhold_rest(roost_t *roost, roost_pfn pfn, const uint64_t frames[ROOST_PAGEBLOCK_WORDS]);

#endif
