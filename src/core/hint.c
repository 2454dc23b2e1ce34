/* SPDX-License-Identifier: MIT */
/* hint.c - see hint.h. */
#include "core/hint.h"

uint64_t rst_hint_words(unsigned nr_lists, unsigned nr_bins, uint64_t nr)
{
	uint64_t words = 0;

	do {
		nr = (nr + 63) / 64;
		words += nr;
	} while (nr > 1);
	return (nr_lists + 3) / 4 + words * nr_lists * nr_bins;
}

void rst_hint_init(struct rst_hint *hint, unsigned nr_lists, unsigned nr_bins, uint64_t nr,
		   _Atomic uint64_t *words)
{
	*hint = (struct rst_hint){.top = words, .nr_lists = nr_lists, .nr_bins = nr_bins, .nr = nr};
	words += (nr_lists + 3) / 4;
	do {
		nr = (nr + 63) / 64;
		hint->width[hint->nr_levels] = nr;
		hint->level[hint->nr_levels++] = words;
		words += nr * nr_lists * nr_bins;
	} while (nr > 1);
}

uint64_t rst_hint_find(const struct rst_hint *hint, struct rst_hint_bin in, uint64_t i)
{
	unsigned level = i ? 0 : hint->nr_levels - 1; /* from the start: downwards at once */

	while (level < hint->nr_levels && i << 6 * level < hint->nr) {
		/* Acquire: a search that finds the bit sees what was put before it was noted. */
		uint64_t word = rst_load_acq(rst_hint_word(hint, in, level, i >> 6));

		word &= RST_NO_HINT << (i & 63);
		if (!word) {
			i = (i >> 6) + 1;
			level++;
			continue;
		}
		i = (i & ~(uint64_t)63) + (unsigned)__builtin_ctzll(word);
		if (level == 0)
			return i;
		i <<= 6;
		level--;
	}
	return RST_NO_HINT;
}

unsigned rst_hint_next_list(const struct rst_hint *hint, unsigned list, unsigned bins)
{
	uint64_t each = bins * (uint64_t)0x0001000100010001;
	uint64_t mask = each << list % 4 * RST_HINT_BINS;
	const _Atomic uint64_t *top = hint->top;
	unsigned words = (hint->nr_lists + 3) / 4;

	for (unsigned i = list / 4; i < words; i++, mask = each) {
		uint64_t word = rst_load_acq(&top[i]) & mask;

		if (word)
			return i * 4 + (unsigned)__builtin_ctzll(word) / RST_HINT_BINS;
	}
	return hint->nr_lists;
}

void rst_hint_clear(const struct rst_hint *hint, struct rst_hint_bin in, uint64_t i)
{
	_Atomic uint64_t *below = NULL, *word;
	bool top;

	for (unsigned level = 0; level <= hint->nr_levels; level++, i >>= 6) {
		top = level == hint->nr_levels;
		word = rst_hint_word(hint, in, level, i >> 6);
		rst_and_sc(word, ~((uint64_t)1 << (top ? rst_hint_top_bit(in) : i & 63)));
		if (below && rst_load_sc(below)) {
			/* A bit was noted below that may have found this one still set. */
			rst_hint_note_from(hint, in, level, i);
			return;
		}
		if (top || rst_load_sc(word))
			return; /* the bit above stays */
		below = word;
	}
}
