/* SPDX-License-Identifier: MIT */
/*
 * hidden.h - counts the moments in which free frames are hidden from searches.
 *
 * A frame is hidden while it is free but a search cannot find it, because another context
 *
 *	holds it in registers, on its way from a set or a pocket to another one, or back
 *	has cleared a hint and not looked yet whether there is something behind it
 *	has counted it off the reserve, and gives it back if it does not get it
 *	has taken its pageblock out of the isolated ones, a list that nobody searches, and not
 *	noted it in another one yet
 *
 * The counters begun and ended (struct rst_zone, struct rst_pocket) count only sections of code in
 * which a context may hide frames. begun is raised before the first frame is hidden, ended when all
 * of them can be found again. A frame that is allocated or freed meanwhile is not hidden; the
 * counters of blocks show those.
 *
 * A context looks before it hides. It opens a section only for something that it has just seen: a
 * run, a set hint, a pocket that is not empty. If it sees nothing to take, it hides nothing and
 * counts nothing. So at rest allocations that fail count nothing, however many there are, and none
 * of them makes another one go on searching.
 *
 * A search subtracts the sections that had ended at its start from those that have begun at its
 * end: the difference are the sections that were open in between. Its own sections do not count,
 * since the search itself sees what they uncover: rst_demote(). If there were no others, nothing
 * was hidden from it. A handler on top of a search is another context, so its sections are not the
 * search's own.
 *
 * What is ordered: begun is raised before the frames disappear. So a search sees begun if it sees
 * that they are gone, or if it clears the hint that led there and looks again (sequentially
 * consistent). And ended is raised after the frames are in their new place and noted. So a search
 * that sees ended finds them.
 */
#ifndef RST_HIDDEN_H
#define RST_HIDDEN_H

#include "sets/engine.h"

/* Lab builds show a section to their observers as they show a held lock of pcpbuddy. */
static inline void rst_hide(struct rst_zone *z)
{
	rst_lock_note(+1);
	rst_add_sc(&z->begun, 1);
}

static inline void rst_show(struct rst_zone *z)
{
	rst_add_sc(&z->ended, 1);
	rst_lock_note(-1);
}

/* The same, for a section that is part of a search. */
static inline void rst_hide_searching(struct rst_call *q, struct rst_zone *z)
{
	q->own++;
	rst_hide(z);
}

/*
 * The same for frames that move between a set and the pocket of the caller's own CPU, without an
 * atomic operation. Each of these moves is an acquire here, and a release to a search that sees
 * that frames are gone.
 */
static inline void rst_hide_here(struct rst_zone *z, unsigned cpu)
{
	if (rst_seq_add(cpu, &z->pockets[cpu].begun, 1))
		rst_lock_note(+1);
	else
		rst_hide(z);
}

static inline void rst_show_here(struct rst_zone *z, unsigned cpu)
{
	if (rst_seq_add(cpu, &z->pockets[cpu].ended, 1))
		rst_lock_note(-1);
	else
		rst_show(z);
}

/* How many sections of a zone have begun, or have ended. A comparison reads ended first: then it
 * counts each ended section as begun, too. */
static inline uint64_t rst_sections(const struct roost *r, const struct rst_zone *z, bool begun)
{
	uint64_t sum = rst_load_sc(begun ? &z->begun : &z->ended);

	for (unsigned cpu = 0; cpu < r->pocket_cpus; cpu++)
		sum += rst_load_sc(begun ? &z->pockets[cpu].begun : &z->pockets[cpu].ended);
	return sum;
}

/* Is any context in a section? Always true if the caller is in one. */
static inline bool rst_is_any_hidden(const struct roost *r, const struct rst_zone *z)
{
	uint64_t ended = rst_sections(r, z, false);

	return rst_sections(r, z, true) != ended;
}

#endif
