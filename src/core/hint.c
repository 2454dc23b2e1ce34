/* SPDX-License-Identifier: MIT */
/* hint.c - see hint.h. */
#include "core/hint.h"

uint64_t rst_hint_words(uint64_t nr)
{
	uint64_t words = 0;

	do {
		nr = (nr + 63) / 64;
		words += nr;
	} while (nr > 1);
	return words;
}

void rst_hint_init(struct rst_hint *hint, uint64_t nr, _Atomic uint64_t *words)
{
	hint->nr = nr;
	do {
		nr = (nr + 63) / 64;
		hint->level[hint->nr_levels++] = words;
		words += nr;
	} while (nr > 1);
}

uint64_t rst_hint_find(const struct rst_hint *hint, uint64_t i, uint64_t end)
{
	unsigned level = 0;

	while (level < hint->nr_levels && i << 6 * level < end) {
		/* Acquire: a search that finds the bit sees what was put before it was noted. */
		uint64_t word = rst_load_acq(&hint->level[level][i >> 6]);

		word &= ~(uint64_t)0 << (i & 63);
		if (!word) {
			i = (i >> 6) + 1;
			level++;
			continue;
		}
		i = (i & ~(uint64_t)63) + (unsigned)__builtin_ctzll(word);
		if (level == 0)
			return i < end ? i : RST_NO_HINT;
		i <<= 6;
		level--;
	}
	return RST_NO_HINT;
}

void rst_hint_clear(const struct rst_hint *hint, uint64_t i)
{
	for (unsigned level = 0; level < hint->nr_levels; level++, i >>= 6) {
		_Atomic uint64_t *word = &hint->level[level][i >> 6];
		uint64_t child = i; /* of the level below: the word that bit i stands for */

		rst_and_sc(word, ~((uint64_t)1 << (i & 63)));
		if (level && rst_load_sc(&hint->level[level - 1][child])) {
			/* A bit was noted below that may have found this one still set. */
			rst_hint_note_from(hint, level, i);
			return;
		}
		if (rst_load_sc(word))
			return; /* the bit above stays */
	}
}
