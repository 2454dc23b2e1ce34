/* SPDX-License-Identifier: MIT */
/*
 * block.c - see block.h.
 *
 * Plain accesses: the holder of a block must see what its last holder wrote before it freed it.
 * The allocator has to order that; if it does not, the old stamp is there.
 */
#include "block.h"

#include "console.h"
#include "memory.h"

/* What a stamped frame begins with, and nothing else does by chance; it ends with the block. */
struct stamp {
	uint64_t taken, block;
};

static struct stamp *first(uint64_t pfn)
{
	return (struct stamp *)(pfn << FRAME_SHIFT);
}

static uint64_t *last(uint64_t pfn)
{
	return (uint64_t *)((pfn + 1) << FRAME_SHIFT) - 1;
}

static uint64_t taken(uint64_t pfn)
{
	return (pfn + 1) * 0x9e3779b97f4a7c15;
}

void block_stamp(block b)
{
	uint64_t pfn = block_pfn(b), end = pfn + (1ul << block_order(b));

	if (!memory_is_ours(pfn, end))
		fail("frame 0x%lx handed out, which is no memory or reserved", pfn);
	for (; pfn < end; pfn++) {
		if (first(pfn)->taken == taken(pfn))
			fail("frame 0x%lx handed out twice, as block 0x%lx and 0x%lx", pfn,
			     first(pfn)->block, b);
		*first(pfn) = (struct stamp){taken(pfn), b};
		*last(pfn) = b;
	}
}

void block_unstamp(block b)
{
	uint64_t pfn = block_pfn(b), end = pfn + (1ul << block_order(b));

	for (; pfn < end; pfn++) {
		if (first(pfn)->taken != taken(pfn) || first(pfn)->block != b || *last(pfn) != b)
			fail("stamp of frame 0x%lx: 0x%lx and 0x%lx instead of 0x%lx", pfn,
			     first(pfn)->block, *last(pfn), b);
		first(pfn)->taken = 0;
	}
}
