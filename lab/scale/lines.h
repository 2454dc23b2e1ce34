/* SPDX-License-Identifier: MIT */
/*
 * lines.h - which virtual CPU holds which line of the cache.
 *
 * As the protocol MESI has it, with caches that never run out of room: a read makes its CPU one of
 * the holders of the line, a write (and any read-modify-write, also one that fails) the only one.
 * What nobody holds comes from memory, which is no transfer.
 */
#ifndef SCALE_LINES_H
#define SCALE_LINES_H

#include <stdbool.h>
#include <stdint.h>

enum { LINES_CPUS = 512, LINES_SHIFT = 6 };

/* What one access to one line takes. */
struct transfer {
	bool fetched;	      /* the line comes from another CPU */
	bool upgraded;	      /* other CPUs that held it, too, lose it */
	unsigned invalidated; /* copies of others that are gone */
};

/* Forgets all. */
void lines_reset(void);
struct transfer lines_access(unsigned cpu, uintptr_t line, bool write);
/* Would the line have to move? */
bool lines_moves(unsigned cpu, uintptr_t line, bool write);
/* Does the CPU hold the line? */
bool lines_held(unsigned cpu, uintptr_t line);

#endif
