/* SPDX-License-Identifier: MIT */
/*
 * hint.h - a bitmap of what may be worth a look, with bitmaps of its words above it.
 *
 *	level 2   1 bit for each word of level 1 that may have a bit
 *	level 1   1 bit for each word of level 0 that may have a bit
 *	level 0   1 bit for each index: something may be free there
 *
 * A set bit may be wrong; a clear one must not be, but while somebody is in rst_hint_clear() or on
 * the way from there to the second look:
 *
 *	makes something free             finds that nothing is free any more
 *	--------------------             -----------------------------------
 *	1  puts it                       1  clears the bit
 *	2  reads the bit; sets it        2  looks again whether something is free;
 *	   if it is clear                   if so, notes it
 *
 * All four are sequentially consistent, so either 2 on the left sees the bit clear, or 2 on
 * the right sees what was put. (Released and acquired alone, both could see the old state:
 * store buffering.) The same holds between each level and the one above. Hence a note goes
 * up through all levels and never stops at one that it finds set: the bit above may be just
 * about to be cleared by a search that will not see this note.
 *
 * Neither locks nor calls a port. Any context.
 */
#ifndef RST_HINT_H
#define RST_HINT_H

#include "core/port.h"

enum { RST_HINT_LEVELS = 6 }; /* 64^6 indices */

#define RST_NO_HINT UINT64_MAX

struct rst_hint {
	_Atomic uint64_t *level[RST_HINT_LEVELS]; /* c; the words: a */
	unsigned nr_levels;			  /* c */
	uint64_t nr;				  /* c; indices */
};

/* Words that a map of nr indices needs. */
uint64_t rst_hint_words(uint64_t nr);
/* Makes one of zeroed words. */
void rst_hint_init(struct rst_hint *hint, uint64_t nr, _Atomic uint64_t *words);

/* Notes index i: one load for each level, and an OR where the bit is clear. */
static inline void rst_hint_note_from(const struct rst_hint *hint, unsigned level, uint64_t i)
{
	for (; level < hint->nr_levels; level++, i >>= 6) {
		_Atomic uint64_t *word = &hint->level[level][i >> 6];
		uint64_t bit = (uint64_t)1 << (i & 63);

		if (!(rst_load_sc(word) & bit))
			rst_or_sc(word, bit);
	}
}

static inline void rst_hint_note(const struct rst_hint *hint, uint64_t i)
{
	rst_hint_note_from(hint, 0, i);
}

/* The first noted index in [i, end), or RST_NO_HINT. At most two loads for each word that has a
 * bit on the way, and one for each level. */
uint64_t rst_hint_find(const struct rst_hint *hint, uint64_t i, uint64_t end);

/* Clears index i. The caller then looks again, and notes what it finds. */
void rst_hint_clear(const struct rst_hint *hint, uint64_t i);

#endif
