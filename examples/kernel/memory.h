/* SPDX-License-Identifier: MIT */
/* memory.h - the memory map of the device tree, and the allocator on it. */
#ifndef KERNEL_MEMORY_H
#define KERNEL_MEMORY_H

#include <roost/cache.h>

#include "dtb.h"

extern roost_t *memory;	       /* the page allocator */
extern roost_slabs_t *objects; /* the kernel's own objects, out of its pages */

/* Reads the map and makes the allocator. twice: gives a range twice, which must be refused. */
void memory_open(const struct dtb *dtb, bool twice);

/* Frames [pfn, end) are memory and not reserved. Any context. */
bool memory_is_ours(uint64_t pfn, uint64_t end);

/* Free frames of all zones, wherever they lie; exact at rest. */
uint64_t memory_free(void);

/* Takes blocks of the largest order until about this many frames are left; gives them back. */
void memory_take_most(uint64_t left);
void memory_give_back(void);

#endif
