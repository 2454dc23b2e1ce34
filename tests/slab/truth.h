/* SPDX-License-Identifier: MIT */
/*
 * truth.h - what is known of object caches without asking them: which objects are out, and what is
 * in each byte of memory.
 *
 * One thread plays all CPUs, so nobody is ever in the middle of anything. Only the kernel is: it
 * breaks sequences off when it preempts the thread. truth_calm() says that it did not.
 */
#ifndef TESTS_SLAB_TRUTH_H
#define TESTS_SLAB_TRUTH_H

#include <stdbool.h>
#include <stdint.h>

#include <roost/cache.h>

#include "tool/common/random.h"

enum {
	TRUTH_CHOICES = 7, /* numbers that say how it is made */
	TRUTH_CPUS = 6,
	KINDS = 6,	/* caches at a time */
	OBJECTS = 8192, /* out at a time */
	BLOCKS = 64,	/* blocks of frames that others hold */
	BULK = 700,	/* objects of a call */
	FEW_SLABS = 64, /* that an allocation looks at, which does not wait: RST_SLAB_MANY */
};

struct kind {
	roost_cache_t *cache; /* NULL: none */
	size_t align;
	unsigned flags;
	bool constructed;
	struct roost_cache_stats is; /* as it was made */
	uint64_t live, failed;
	int user;   /* the only CPU that freed objects since none was out; -1: there were some */
	bool alone; /* nothing came between, and nobody else was there */
};

struct object {
	char *at;
	unsigned kind;
};

struct block {
	roost_pfn pfn;
	unsigned order;
};

struct truth {
	struct roost_slabs_config config;
	roost_t *frames;
	roost_slabs_t *slabs;
	void *records, *metadata; /* of the two */
	size_t records_size, metadata_size;
	char *base, *image;  /* memory, and what must be in it */
	unsigned char *used; /* of each byte: enum byte */
	size_t bytes, page;
	unsigned homes; /* CPUs that have slabs of their own, of the lowest numbers */
	bool guarded;	/* some cache writes to its objects */
	bool shared;	/* frees are checked exactly */
	bool hooks;	/* get and put are ours */
	bool no_pages;	/* get fails, or gives what is not slabs' */
	struct kind kinds[KINDS];
	struct object objects[OBJECTS];
	struct block blocks[BLOCKS];
	unsigned nr_objects, nr_blocks, cpu;
	unsigned asked, strangers; /* of get without pages; pages of these that did not come back */
	/* What the hook for misuse saw since it was last looked at. */
	unsigned misuses;
	const void *misused;
	const char *what;
	uint64_t stamps;
	long switches; /* of the thread, before the call */
};

enum byte { FREE, HEAD, INSIDE, OTHERS };

/* Of the program: the process ends, since something is not as it must be. */
_Noreturn void truth_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define TRUE(what, ...)                                                                            \
	do {                                                                                       \
		if (!(what))                                                                       \
			truth_fail(__VA_ARGS__);                                                   \
	} while (0)

void truth_open(struct truth *t, const uint32_t choices[TRUTH_CHOICES]);
void truth_close(struct truth *t);

/* Before a call whose result is exact if truth_calm() says so after it. */
void truth_before(struct truth *t);
bool truth_calm(const struct truth *t);

/* Is a cache owed an object now? Says why, or NULL. */
const char *truth_owes(const struct truth *t, const struct kind *kind, unsigned flags);
/* An object came out: enters it, and writes to it. */
void truth_take(struct truth *t, unsigned kind, void *object);
/* Object i goes: it must be as it was. Where it is. */
void *truth_drop(struct truth *t, unsigned i);
/* Writes to memory. */
void truth_write(struct truth *t, char *at, size_t size, int value);

/* Slabs of a kind that have objects out. */
uint64_t truth_slabs(const struct truth *t, const struct kind *kind);
/* All numbers of all caches. */
void truth_compare(struct truth *t);
/* And all of memory, the walks, and the cache of each address. */
void truth_search(struct truth *t);
/* Nothing was reported. */
void truth_is_fine(const struct truth *t);
/* One misuse of this object was reported. */
void truth_was_misused(struct truth *t, const void *object, const char *how);

#endif
