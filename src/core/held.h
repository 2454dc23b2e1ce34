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
/* The caller's block becomes a held one. */
void rst_hold_block(roost_t *roost, roost_pfn pfn, unsigned order);
/* The order of the held block that begins at pfn, or -1. */
int rst_held_order(const roost_t *roost, roost_pfn pfn);
/* Frees a held block. */
void rst_unhold(roost_t *roost, roost_pfn pfn, unsigned order);
/* Reports the free of a frame at which no caller's block begins. It does so at check level 0 as
 * well, where roost_free() would free the frame. */
void rst_free_none(roost_t *roost, roost_pfn pfn);
/* Frees the held blocks of order 0 among these frames of a pageblock, and returns how many. */
size_t rst_unhold_rest(roost_t *roost, roost_pfn pfn, const uint64_t frames[ROOST_PAGEBLOCK_WORDS]);

/*
 * Memory of ROOST_RANGE_ABSENT that a pool brings in, pageblock by pageblock, and banishes again.
 * It says which thread brings what: there is no lock, and no word as roost_add_range() has it. A
 * thread that stops forever in one of these hides what it named, and what it had counted may be
 * counted twice until roost_recover().
 *
 *	bring	counts, sets the bits of what is present, then of what was brought, then puts
 *	banish	clears both, counts, then one store: it is not held any more
 */
/* Before any is brought: roost_add_range() refuses what was never brought. What is present now
 * counts as brought. */
void rst_brings(roost_t *roost);
/* n frames, in whole pageblocks, become free. */
void rst_bring(roost_t *roost, roost_pfn pfn, uint64_t n);
/* A held block of pageblocks becomes absent, as if it had never been brought. */
void rst_banish(roost_t *roost, roost_pfn pfn, unsigned order);
/* Were all of these frames brought, and put? If not, they are absent from now on. Nobody else is
 * inside, and roost_recover() follows. */
bool rst_bring_recover(roost_t *roost, roost_pfn pfn, uint64_t n);

#endif
