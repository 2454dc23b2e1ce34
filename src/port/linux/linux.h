/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* linux.h - what the parts of roost.ko know of each other. */
#ifndef RST_LINUX_H
#define RST_LINUX_H

#include "roost/linux.h"

/* memory.c: chunks */
struct rst_memory {
	roost_t *roost;
	unsigned int order; /* of a chunk */
	unsigned int nr_zones;
	unsigned long nr_slots; /* of a zone: chunks that it can have at most */
	unsigned long all_slots; /* of all zones */
	struct page **slot;	/* of each chunk its first page; NULL: none is there */
	/* Bits: slots without a chunk. Who clears one has it, its frames being allocated. */
	unsigned long *absent;
	atomic_long_t nr_chunks, grown, shrunk, grow_failed;
};

extern struct rst_memory rst_memory;

int rst_memory_init(const struct roost_config *config, unsigned int order, unsigned long slots,
		    unsigned long initial);
void rst_memory_exit(void);
/* For the pressure hook: any context. */
void rst_memory_want_more(void);

/* report.c: debugfs */
void rst_report_init(void);
void rst_report_exit(void);

#endif
