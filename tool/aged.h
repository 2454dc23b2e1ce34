/* SPDX-License-Identifier: MIT */
/*
 * aged.h - which frames of a machine are in use before a trace begins (--aged).
 *
 * From a file that was saved on a real machine, recognised by its content:
 *
 *   pagetypeinfo  /proc/pagetypeinfo: how many blocks are free, by order and migratetype, and how
 *                 many pageblocks each migratetype has. A seed decides where they are.
 *   page_owner    /sys/kernel/debug/page_owner: each block in use. What it does not name is free.
 *   kpageflags    /proc/kpageflags: 64 bits for each frame. What has not the flag BUDDY is in use.
 *
 * Or made by a seed, so full as wanted (aged_make.c).
 *
 * The map is of the machine that the trace is replayed on (machine.c), so what a seed places begins
 * above that machine's reserved frames, and below them all is in use.
 */
#ifndef TOOL_AGED_H
#define TOOL_AGED_H

#include <stdbool.h>
#include <stdint.h>

#include <roost/roost.h>

#include "source.h"

enum {
	AGED_PAGEBLOCK = 1 << ROOST_PAGEBLOCK_ORDER,
	AGED_TYPES = 3,	     /* ROOST_MIGRATETYPE_MASK */
	AGED_FIRST = 0x1800, /* the first frame that a seed places anything on */
};

/* Most frames of a machine whose size is that of the file: 256 GiB. A damaged number could ask for
 * any. */
#define AGED_MAX (UINT64_C(1) << 26)

/* A byte in frames[]. A hole is no memory of the machine that the file is from. */
enum { AGED_FREE = 0, AGED_USED = 1 /* + migratetype */, AGED_HOLE = AGED_USED + AGED_TYPES };

struct aged {
	const char *source; /* "pagetypeinfo", "page_owner", "kpageflags" or "percent" */
	bool placed;	    /* by the seed */
	uint64_t capped;    /* counts of pagetypeinfo that say "more than" */
	uint64_t overlaps;  /* blocks of page_owner that begin within another one */
	uint64_t nr; /* frames of the map, a multiple of AGED_PAGEBLOCK; above, all is free */
	unsigned char *frames;
	unsigned char *types; /* migratetype of each pageblock */
};

/* Reads the file. frames: how many the machine has; 0: as many as the file is about. False: error
 * names the file, the line where there are lines, and the reason. */
bool aged_read(struct aged *aged, const char *path, uint64_t seed, uint64_t frames, char error[]);

/* Makes a start in which that percentage of the frames from AGED_FIRST on is in use. */
bool aged_make(struct aged *aged, uint64_t seed, unsigned percent, uint64_t frames, char error[]);

void aged_release(struct aged *aged);

/* ---- For the readers -------------------------------------------------------------------- */

/* A text, line by line. */
struct aged_text {
	struct source *source;
	uint64_t line;	/* number of the last one */
	uint64_t limit; /* frames of the machine, or AGED_MAX */
	size_t skip;	/* bytes of source->data that were returned already */
	bool bad;	/* the file cannot be read on */
};

/* The next line without its end, or NULL at the end of the file. It is there until the next
 * call. */
char *aged_line(struct aged_text *text);

/* Writes an error with the number of the last line. Returns false. */
bool aged_error(const struct aged_text *text, char error[], const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The number at *at, decimal or with 0x, which moves behind it; false: there is none. */
bool aged_number(const char **at, uint64_t *value);

/* Linux's name of a migratetype as ours, or -1. */
int aged_type(const char *name, size_t length);

/* Makes the map with nothing in use; false: error says why. */
bool aged_room(struct aged *aged, uint64_t nr, char error[]);

/* Below AGED_FIRST are only holes. */
void aged_fill_low(struct aged *aged);

bool aged_read_owner(struct aged *aged, struct aged_text *text, char error[]);
bool aged_read_types(struct aged *aged, struct aged_text *text, uint64_t seed, char error[]);

/* A random number below n, which is not 0. */
uint64_t aged_random(uint64_t *state, uint64_t n);

#endif
