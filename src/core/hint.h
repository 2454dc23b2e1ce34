/* SPDX-License-Identifier: MIT */
/*
 * hint.h - bitmaps of what may be worth a look: one map of indices for each bin of each list, each
 * with bitmaps of its words above it, and one word for all bins of four lists on top.
 *
 *	top       1 bit for each bin of each list: its map may have a bit
 *	level 1   1 bit for each word of level 0 that may have a bit; so on up to one word a map
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

enum {
	RST_HINT_LEVELS = 6, /* 64^6 indices */
	RST_HINT_BINS = 16,  /* of a list at most: its bits in a word of the top */
};

#define RST_NO_HINT UINT64_MAX

struct rst_hint {
	_Atomic uint64_t *level[RST_HINT_LEVELS]; /* c; the words: a */
	uint64_t width[RST_HINT_LEVELS];	  /* c; words of one map, of each level */
	_Atomic uint64_t *top;			  /* c; the words: a */
	unsigned nr_levels;			  /* c; of a map */
	unsigned nr_lists, nr_bins;		  /* c */
	uint64_t nr;				  /* c; indices of a map */
};

/* Which map. */
struct rst_hint_bin {
	unsigned list, bin;
};

/* Words that maps of nr indices need. */
uint64_t rst_hint_words(unsigned nr_lists, unsigned nr_bins, uint64_t nr);
/* Makes them of zeroed words. */
void rst_hint_init(struct rst_hint *hint, unsigned nr_lists, unsigned nr_bins, uint64_t nr,
		   _Atomic uint64_t *words);

/* A word of a level, counted from 0 in its map; level nr_levels is the top. */
static inline _Atomic uint64_t *rst_hint_word(const struct rst_hint *hint, struct rst_hint_bin in,
					      unsigned level, uint64_t word)
{
	if (level == hint->nr_levels)
		return &hint->top[in.list / 4];
	return &hint->level[level][(in.list * hint->nr_bins + in.bin) * hint->width[level] + word];
}

/* The bit of a map in its word of the top. */
static inline unsigned rst_hint_top_bit(struct rst_hint_bin in)
{
	return in.list % 4 * RST_HINT_BINS + in.bin;
}

static inline void rst_hint_note_bit(_Atomic uint64_t *word, unsigned bit)
{
	if (!(rst_load_sc(word) >> bit & 1))
		rst_or_sc(word, (uint64_t)1 << bit);
}

/* Notes index i of a level, and all levels above. */
static inline void rst_hint_note_from(const struct rst_hint *hint, struct rst_hint_bin in,
				      unsigned level, uint64_t i)
{
	for (; level < hint->nr_levels; level++, i >>= 6)
		rst_hint_note_bit(rst_hint_word(hint, in, level, i >> 6), i & 63);
	rst_hint_note_bit(&hint->top[in.list / 4], rst_hint_top_bit(in));
}

/* Notes index i: one load for each level, and an OR where the bit is clear. */
static inline void rst_hint_note(const struct rst_hint *hint, struct rst_hint_bin in, uint64_t i)
{
	rst_hint_note_from(hint, in, 0, i);
}

/* The first noted index from i on, or RST_NO_HINT. At most two loads for each word that has a bit
 * on the way, and one for each level. */
uint64_t rst_hint_find(const struct rst_hint *hint, struct rst_hint_bin in, uint64_t i);

/* Is index i noted? Racy. */
static inline bool rst_hint_has(const struct rst_hint *hint, struct rst_hint_bin in, uint64_t i)
{
	return rst_load_rlx(rst_hint_word(hint, in, 0, i >> 6)) >> (i & 63) & 1;
}

/* The bins of a list, as bits, that have something noted. One load. Acquire, as in a search. */
static inline unsigned rst_hint_bins(const struct rst_hint *hint, unsigned list)
{
	return (uint16_t)(rst_load_acq(&hint->top[list / 4]) >> list % 4 * RST_HINT_BINS);
}

/* The first list from this one on that has something noted in one of these bins (as bits), or
 * nr_lists. One load for four lists. */
unsigned rst_hint_next_list(const struct rst_hint *hint, unsigned list, unsigned bins);

/* Clears index i. The caller then looks again, and notes what it finds. */
void rst_hint_clear(const struct rst_hint *hint, struct rst_hint_bin in, uint64_t i);

#endif
