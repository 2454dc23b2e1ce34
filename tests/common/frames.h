/* SPDX-License-Identifier: MIT */
/*
 * frames.h - real memory behind the frames, for the tests with threads and signals.
 *
 * Each block that is handed out is stamped at both ends of each frame, and entered in a map with
 * an atomic word per frame, so that a frame which two callers have is found at once. The map is
 * accessed without ordering on purpose: what makes the stamps of one owner visible to the next
 * must be the allocator, and a thread sanitizer sees whether it is.
 *
 * All functions but frames_open() and frames_close() are safe in signal handlers.
 */
#ifndef TESTS_FRAMES_H
#define TESTS_FRAMES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <roost/roost.h>

enum { FRAMES_SIZE = 512 }; /* bytes of a frame: the allocator does not mind */

struct frames {
	roost_pfn first;
	uint64_t count;
	char *memory;
	_Atomic uint32_t *holder; /* 0: nobody */
	_Atomic uint64_t taken;	  /* frames handed out; exact at rest */
};

/* False if there is no memory. */
bool frames_open(struct frames *frames, roost_pfn first, uint64_t count);
void frames_close(struct frames *frames);

/* A block was handed out to holder (not 0). Ends the program with a message if that is wrong. */
void frames_take(struct frames *frames, roost_pfn pfn, unsigned order, uint32_t holder);
/* A block is about to be given back, by any holder. The same. */
void frames_give(struct frames *frames, roost_pfn pfn, unsigned order);

/* Says what is wrong and ends the program with status 1. */
_Noreturn void frames_fault(const char *what, uint64_t a, uint64_t b);

/* Writes a text and a number, from any context. */
void frames_say(const char *text);
void frames_say_number(uint64_t number);

#endif
