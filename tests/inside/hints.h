/* SPDX-License-Identifier: MIT */
/* hints.h - what tests do with the hints of a zone of the engine sets. */
#ifndef TESTS_HINTS_H
#define TESTS_HINTS_H

#include "sets/engine.h"

static inline struct rst_hint_bin hint_bin(unsigned list, unsigned bin)
{
	return (struct rst_hint_bin){list, bin};
}

static inline bool hint_has(const struct rst_zone *z, unsigned list, unsigned bin, rst_block_id b)
{
	uint64_t i = b - z->first_block;

	return rst_hint_find(&z->partial, hint_bin(list, bin), i) == i;
}

static inline void hint_note(const struct rst_zone *z, unsigned list, unsigned bin, rst_block_id b)
{
	rst_hint_note(&z->partial, hint_bin(list, bin), b - z->first_block);
}

/* In all bins of a list. */
static inline void hint_clear(const struct rst_zone *z, unsigned list, rst_block_id b)
{
	for (unsigned bin = 0; bin < RST_BINS; bin++)
		rst_hint_clear(&z->partial, hint_bin(list, bin), b - z->first_block);
}

/* How many there are of all lists; clears them if asked to, as a search does that finds nothing
 * there before it looks again. */
static inline unsigned hint_count(const struct rst_hint *hint, bool clear)
{
	unsigned n = 0;

	for (unsigned map = 0; map < hint->nr_lists * hint->nr_bins; map++) {
		struct rst_hint_bin in = hint_bin(map / hint->nr_bins, map % hint->nr_bins);

		for (uint64_t i = 0; (i = rst_hint_find(hint, in, i)) != RST_NO_HINT; i++, n++)
			if (clear)
				rst_hint_clear(hint, in, i);
	}
	return n;
}

#endif
