/* SPDX-License-Identifier: MIT */
/* counts.h - what the operations of one kind took, on all virtual CPUs together. */
#ifndef SCALE_COUNTS_H
#define SCALE_COUNTS_H

#include <stdint.h>

/* What a CPU does at the moment. Only the latter two are counted. */
enum kind { KIND_NONE, KIND_ALLOC, KIND_FREE, KINDS };

/* COUNT(name, unit of which, what it is): in this order in reports. */
#define SCALE_COUNTS(COUNT)                                                                        \
	COUNT(accesses)	   /* to memory that is no stack */                                        \
	COUNT(atomic)	   /* of these, read-modify-writes */                                      \
	COUNT(fetched)	   /* lines that came from another CPU */                                  \
	COUNT(upgraded)	   /* lines that the CPU had, and that others had to give up */            \
	COUNT(invalidated) /* copies that others lost */                                           \
	COUNT(failed)	   /* compare-and-exchanges and sequences that found something else */     \
	COUNT(turns)	   /* of loops that wait: each ends when another CPU takes the line */     \
	COUNT(sleeps)	   /* parked or asleep */                                                  \
	COUNT(fences)	   /* other CPUs that were interrupted */

struct counts {
	uint64_t ops;
#define COUNT(name) uint64_t name;
	SCALE_COUNTS(COUNT)
#undef COUNT
};

/* What costs the time of a way between two CPUs. */
static inline uint64_t counts_transfers(const struct counts *c)
{
	return c->fetched + c->upgraded;
}

#endif
