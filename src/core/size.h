/* SPDX-License-Identifier: MIT */
/*
 * size.h - sizes of blocks: powers of two, and odd ones, 5, 6 or 7 eighths of a power of two.
 *
 * So there are four sizes from one power of two to the next, and a number of frames that is rounded
 * up to one of them grows by less than a fourth. (jemalloc has its size classes so.)
 */
#ifndef RST_SIZE_H
#define RST_SIZE_H

#include "core/map.h"

/* frames is 2^order, or if it is odd 5, 6 or 7 eighths of that. The smallest odd size is 3. */
struct rst_size {
	unsigned order; /* of the smallest power of two that holds it */
	uint32_t frames;
};

static inline struct rst_size rst_size_of_order(unsigned order)
{
	return (struct rst_size){order, 1u << (order & 31)};
}

/* The smallest size of at least n frames. 0 is no size; if n is too large, its order does not
 * exist. */
static inline struct rst_size rst_size_of(uint64_t n)
{
	unsigned order = n > 1 ? 64 - (unsigned)__builtin_clzll(n - 1) : 0;
	unsigned step = order > 3 ? order - 3 : 0;

	if (order > ROOST_MAX_ORDER)
		return rst_size_of_order(ROOST_MAX_ORDER + 1);
	return (struct rst_size){order, (uint32_t)((((n - 1) >> step) + 1) << step)};
}

static inline bool rst_is_odd(struct rst_size size)
{
	return size.frames != 1u << (size.order & 31);
}

/* A block in eighths of 2^order frames, and back. */
static inline unsigned rst_eighths(struct rst_size size)
{
	return (unsigned)((uint64_t)size.frames << 3 >> size.order);
}

static inline struct rst_size rst_size_of_eighths(unsigned order, unsigned eighths)
{
	return (struct rst_size){order, (uint32_t)((uint64_t)eighths << order >> 3)};
}

/* A block is aligned to this: the largest power of two that divides its size. */
static inline uint32_t rst_alignment(struct rst_size size)
{
	return size.frames & -size.frames;
}

/* Wherever an odd block of this order lies, it holds an aligned run of at least this order: of five
 * parts two, of six or seven four. */
static inline unsigned rst_order_within(struct rst_size size)
{
	return size.order - (rst_eighths(size) == 5 ? 2 : 1);
}

/* The next of the largest aligned blocks that the frames [pfn, end) are made of. */
static inline unsigned rst_piece(roost_pfn pfn, roost_pfn end)
{
	unsigned largest = 63 - (unsigned)__builtin_clzll(end - pfn);
	unsigned aligned = pfn ? (unsigned)__builtin_ctzll(pfn) : largest;

	return aligned < largest ? aligned : largest;
}

#endif
