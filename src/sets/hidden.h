/* SPDX-License-Identifier: MIT */
/*
 * hidden.h - free frames that no search finds for a while; whatever hides some counts it.
 *
 * A frame is hidden if it is free all the time, but a search passes it by, since another context
 *
 *	holds it in registers, on its way from a set or a pocket to another one, or back
 *	has cleared a hint and not looked yet whether there is something behind it
 *	has counted it off the reserve, and gives it back if it does not get it
 *	has taken its pageblock out of the isolated ones, a list that nobody searches, and not
 *	noted it in another one yet
 *
 * begun and ended (struct rst_zone, struct rst_pocket) mean this alone: sections of code in which
 * somebody may hide frames, counted before the first is hidden, and when all can be found again. A
 * frame that is allocated or freed meanwhile is not hidden; the counters of blocks tell of those.
 *
 * A context looks before it hides. A section is for what it saw the moment before: a run, a hint
 * that is set, a pocket with something in it. If it sees nothing to take, it hides nothing and
 * counts nothing. So at rest nothing is counted, however many allocations fail, and none of these
 * keeps another searching.
 *
 * A search compares: sections that have begun at its end, less those that had ended at its
 * start, are those that were open in between. Its own do not count, for it sees itself what comes
 * to light in them: rst_demote(). If there are no others then nothing was hidden from it. A handler
 * on top of a search is another context; what it hides is not the search's own.
 *
 * What it orders. Before: begun, then the frames are gone. A search that sees that they are gone,
 * or clears the hint that led there and looks again, which is sequentially consistent, sees begun.
 * After: the frames are where they go and noted, then ended. A search that sees ended finds them.
 */
#ifndef RST_HIDDEN_H
#define RST_HIDDEN_H

#include "sets/engine.h"

/* To observers in lab builds a section is what the holding of a lock is to them with pcpbuddy. */
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

/* The same as a part of a search. */
static inline void rst_hide_searching(struct rst_call *q, struct rst_zone *z)
{
	q->own++;
	rst_hide(z);
}

/*
 * The same for what moves between a set and the pocket of the CPU that the caller runs on, without
 * an atomic operation. Each of these moves is a release to a search that sees that something is
 * gone from there, and an acquire here.
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

/* Sections of a zone that have begun, or that have ended. A comparison reads the ended ones first:
 * then each that it counts as ended counts as begun, too. */
static inline uint64_t rst_sections(const struct roost *r, const struct rst_zone *z, bool begun)
{
	uint64_t sum = rst_load_sc(begun ? &z->begun : &z->ended);

	for (unsigned cpu = 0; cpu < r->pocket_cpus; cpu++)
		sum += rst_load_sc(begun ? &z->pockets[cpu].begun : &z->pockets[cpu].ended);
	return sum;
}

/* Is somebody in a section? Certainly so if the caller is in one. */
static inline bool rst_is_any_hidden(const struct roost *r, const struct rst_zone *z)
{
	uint64_t ended = rst_sections(r, z, false);

	return rst_sections(r, z, true) != ended;
}

#endif
