/* SPDX-License-Identifier: MIT */
/*
 * plain.h - the frames of one range, for the tests that are programs of their own.
 */
#ifndef TESTS_PLAIN_H
#define TESTS_PLAIN_H

#include <stdbool.h>

#include <roost/roost.h>

/* A configuration of one range and one zone (NULL: as it comes), which must stay. */
struct roost_config plain_config(const struct roost_range *range,
				 const struct roost_zone_config *zone, unsigned cpus);

struct plain_memory {
	void *at;
	size_t size;
};

/* The allocator; its metadata are in *memory, for plain_unmake(). NULL: for good. Ends the program
 * with a message if the configuration is wrong or there is no memory. */
roost_t *plain_make(const struct roost_config *config, struct plain_memory *memory);
void plain_unmake(const struct plain_memory *memory);

/* The same with frames from 0 on, for good. */
roost_t *plain_open(uint64_t frames, unsigned cpus, unsigned check_level);

/* Ends the program with a message if the metadata is unsound, or a frame does not come
 * home when CPUs give back what they keep. */
void plain_check(roost_t *roost, uint64_t frames);

/* ---- Which frames a test holds: any context ----------------------------------------------- */

struct plain {
	roost_t *roost;
	bool *taken;					/* of each frame, from 0 on */
	void (*wrong)(const char *what, roost_pfn pfn); /* ends the program */
};

/* A block was handed out (take), or is about to be given back. */
void plain_mark(const struct plain *plain, roost_pfn pfn, unsigned order, bool take);
/* Allocates one without waiting and marks it. */
roost_pfn plain_take(const struct plain *plain, unsigned order);

#endif
