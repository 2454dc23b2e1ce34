/* SPDX-License-Identifier: MIT */
/*
 * block.h - what the kernel keeps of a block that it was handed out, in one word:
 *
 *	| 63 ... 24: pfn | 23 ... 19: order | 18 ... 16: CPU that allocated it | 15 ... 0: serial |
 *
 * While it is out, each of its frames is stamped with it, at both ends of the frame.
 */
#ifndef KERNEL_BLOCK_H
#define KERNEL_BLOCK_H

#include <stdint.h>

typedef uint64_t block; /* 0: none */

enum { FRAME_SHIFT = 12, FRAME_SIZE = 1 << FRAME_SHIFT };

static inline block block_of(uint64_t pfn, unsigned order, unsigned cpu, uint16_t serial)
{
	return pfn << 24 | (uint64_t)order << 19 | (uint64_t)cpu << 16 | serial;
}

static inline uint64_t block_pfn(block b)
{
	return b >> 24;
}

static inline unsigned block_order(block b)
{
	return (unsigned)(b >> 19) & 31;
}

static inline unsigned block_cpu(block b)
{
	return (unsigned)(b >> 16) & 7;
}

/* Stamps a block that was just handed out; fails if a frame of it carries a stamp already. */
void block_stamp(block b);

/* Looks at each frame's stamp and takes it off; fails if one is not what it was. */
void block_unstamp(block b);

#endif
