/* SPDX-License-Identifier: MIT */
/*
 * cache.h - caches of objects of one size, 8 bytes to 32 KiB, out of the pages of a page-frame
 * allocator. A free never waits, as in roost.h: no lock, no system call, no unbounded loop, any
 * context, on top of any other call.
 *
 * Words:
 *   object     what a cache hands out
 *   slab       a block of 2^k pages that one cache has cut into objects, 512 at most
 *   home       the CPU on whose sequences a slab's own bits are changed: see struct below
 *   slabs      a roost_slabs_t: all slabs and caches over one page-frame allocator
 *
 * No CPU and no thread owns free objects. Each free object is one bit of its slab, which every CPU
 * can find; what a CPU keeps for itself are hints. So nothing has to be flushed when a thread ends,
 * and a CPU that goes away takes nothing with it.
 *
 * Contexts and errors are as in roost.h. Metadata lies apart from the objects, and is a caller's,
 * as there. Objects themselves are never read or written, but by a constructor that the caller
 * gave, and with ROOST_CACHE_POISON, ROOST_CACHE_QUARANTINE and ROOST_CACHE_REDZONE.
 */
#ifndef ROOST_CACHE_H
#define ROOST_CACHE_H

#include <roost/roost.h>

#ifdef __cplusplus
extern "C" {
#ifndef __clang__ /* g++ calls a structure and a function of one name shadowing */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#endif
#endif

typedef struct roost_slabs roost_slabs_t;
typedef struct roost_cache roost_cache_t;

enum {
	ROOST_CACHE_MIN_SIZE = 8,
	ROOST_CACHE_MAX_SIZE = 32768, /* or an eighth of the largest block, if that is less */
	ROOST_CACHE_NAME = 32,	      /* bytes of a name, with its end */
};

/*
 * Called for each misuse of an object that is found, from the context of the offending caller,
 * which may hold locks. When it returns, the call has no effect. call is a function of this
 * header, what says in English what is wrong; cache may be NULL.
 */
typedef void roost_object_misuse_fn(void *context, const char *call, const roost_cache_t *cache,
				    const void *object, const char *what);

/* Gets a block of 2^order pages, or ROOST_NONE; gives one back. Contexts as roost_alloc(),
 * roost_free(): the second may wait for nothing, either. */
typedef roost_pfn roost_slab_get_fn(void *context, unsigned order, unsigned flags);
typedef void roost_slab_put_fn(void *context, roost_pfn pfn, unsigned order);

/* Start from ROOST_SLABS_CONFIG_INIT. It grows as struct roost_config does. */
struct roost_slabs_config {
	size_t size;	 /* sizeof(struct roost_slabs_config) */
	roost_t *frames; /* where pages come from */
	void *base;	 /* where frame `first` can be read and written; the others follow */
	roost_pfn first; /* slabs are made of these frames alone, of which there are `nr` */
	uint64_t nr;
	unsigned page_shift;  /* log2 of the bytes of a page; 10 .. 16 */
	unsigned nr_cpus;     /* 1 .. ROOST_MAX_CPUS */
	unsigned nr_caches;   /* at most, at a time; 0: 64 */
	uint32_t nr_slabs;    /* at most, at a time; 0: nr, as many as can be */
	unsigned check_level; /* ROOST_CHECK_* */
	/* NULL: roost_alloc() and roost_free() on `frames`, of which all must be slabs' then; else
	 * `get` chooses a zone. What it gives of other frames is put back, and the allocation
	 * fails. */
	roost_slab_get_fn *get;
	roost_slab_put_fn *put;
	roost_object_misuse_fn *misuse; /* NULL: names the misuse and stops (the port's fatal) */
	void *context;			/* given to the three */
};

#ifdef __cplusplus /* as ROOST_CONFIG_INIT */
static inline roost_slabs_config roost_slabs_config_init()
{
	roost_slabs_config config = roost_slabs_config();

	config.size = sizeof(config);
	config.page_shift = 12;
	config.nr_cpus = 1;
	config.check_level = ROOST_CHECK_STATE;
	return config;
}
#define ROOST_SLABS_CONFIG_INIT roost_slabs_config_init()
#else
#define ROOST_SLABS_CONFIG_INIT                                                                    \
	{                                                                                          \
		.size = sizeof(struct roost_slabs_config), .page_shift = 12, .nr_cpus = 1,         \
		.check_level = ROOST_CHECK_STATE,                                                  \
	}
#endif

/* Why a configuration is refused, in English, or NULL if it is good. Thread context. */
const char *roost_slabs_config_error(const struct roost_slabs_config *config);

/* Bytes of metadata; 0 if the configuration is refused. Thread context. 4 bytes for each page, 256
 * and some 2 for each slab, 256 for each CPU in each cache, 2 KiB for a cache's quarantine, an
 * eighth of a byte for each slab in each cache; touched as they are needed. */
size_t roost_slabs_metadata_size(const struct roost_slabs_config *config);

/* As roost_init(): in size bytes at metadata, zeroed and aligned to 64. Returns 0 and sets *out, or
 * -ROOST_EINVAL, -ROOST_ENOSPC. Thread context. */
ROOST_MUST_CHECK int roost_slabs_init(roost_slabs_t **out, const struct roost_slabs_config *config,
				      void *metadata, size_t size);

/* ---- Caches -------------------------------------------------------------------------------- */

/* Called once for each object of a new slab, before any is handed out: the caller's context. */
typedef void roost_ctor_fn(void *object, size_t size);

enum {
	/* Each object ends with at least 8 bytes that a free checks: a write past the end is
	 * found when the object is freed. */
	ROOST_CACHE_REDZONE = 1 << 0,
	/* A free fills the object, and an allocation checks that nobody wrote to it since. Not
	 * together with a constructor. */
	ROOST_CACHE_POISON = 1 << 1,
	/* A freed object is not handed out again until 256 more of its cache were freed, or as many
	 * as have 64 KiB, if that is less. When it leaves this quarantine, by the free of another
	 * object, the call checks that nobody wrote to it since. Includes ROOST_CACHE_POISON.
	 * roost_cache_shrink() and roost_cache_destroy() empty it, and so does an allocation that
	 * finds no memory. */
	ROOST_CACHE_QUARANTINE = 1 << 2,
};

/*
 * Makes a cache of objects of `size` bytes, each aligned to `align` (a power of two; 0: 16, or the
 * largest power of two that divides the size, if that is less). Objects of 2^n bytes need no more
 * than that. Returns 0 and sets *out; -ROOST_EINVAL: the size, alignment or flags make no sense, or
 * a slab could not hold 8 such objects; -ROOST_ENOSPC: nr_caches are in use. Thread context.
 */
ROOST_MUST_CHECK int roost_cache_create(roost_cache_t **out, roost_slabs_t *slabs, const char *name,
					size_t size, size_t align, unsigned flags,
					roost_ctor_fn *ctor);

/*
 * Gives all slabs back and removes the cache. Nobody else may use it any more. 0, or -ROOST_EBUSY
 * if objects are still allocated: *left (may be NULL) says how many, and the cache is as it was.
 * With 0 of them it is not possible just now. Thread context.
 */
int roost_cache_destroy(roost_cache_t *cache, uint64_t *left);

/*
 * An object, or NULL. flags: ROOST_WAIT, ROOST_RESERVE, for the pages of a new slab. Any context;
 * with ROOST_WAIT thread context. It may fail while objects are free, if others have the last of
 * them in hand; with ROOST_WAIT only if these were preempted meanwhile. What is in it is not
 * defined, or what the constructor and earlier owners left.
 */
ROOST_MUST_CHECK void *roost_cache_alloc(roost_cache_t *cache, unsigned flags);
/* Up to n objects into objects[]; how many. */
ROOST_MUST_CHECK size_t roost_cache_alloc_bulk(roost_cache_t *cache, unsigned flags, void **objects,
					       size_t n);

/*
 * Frees an object; NULL is none. Any context, in bounded time, waits for nothing. A pointer into
 * an object, an object of another cache, and a pointer to no object are misuse, found here. So is
 * an object that is free, but for this: at ROOST_CHECK_STATE, when one of the two frees came from
 * the home CPU and the other did not, the second is found when its bit is next collected, and the
 * report says so. From ROOST_CHECK_EXACT on it is always found here.
 */
void roost_cache_free(roost_cache_t *cache, void *object);
void roost_cache_free_bulk(roost_cache_t *cache, void *const *objects, size_t n);

/* Gives slabs without objects back; how many pages. Thread context. Cost: a look at each slab, and
 * a system call (POSIX: membarrier) for each that is given back and whose home is another CPU. */
size_t roost_cache_shrink(roost_cache_t *cache);

/*
 * Gives slabs without objects back, of whichever caches, until this many pages went back or 64
 * slabs of each cache were looked at; how many pages. For a caller that found no pages;
 * allocations of objects and of a pool's blocks do it themselves. Any context. Cost: as
 * roost_cache_shrink().
 */
size_t roost_slabs_reclaim(roost_slabs_t *slabs, size_t pages);

/* The cache of an object that is allocated, or NULL; and its usable bytes, or 0. Any context. */
roost_cache_t *roost_object_cache(const roost_slabs_t *slabs, const void *object);
size_t roost_object_size(const roost_slabs_t *slabs, const void *object);

/* The cache in one of whose slabs an address lies, object or not, or NULL. Any context; racy,
 * unless the slab has an object that is allocated. */
roost_cache_t *roost_slabs_cache(const roost_slabs_t *slabs, const void *address);

/* ---- Looking ------------------------------------------------------------------------------- */

struct roost_cache_stats {
	char name[ROOST_CACHE_NAME];
	size_t size, stride;	 /* bytes that a caller may use; from one object to the next */
	unsigned slab_order;	 /* pages of a slab, as an order */
	unsigned slab_objects;	 /* objects of a slab */
	uint64_t slabs, objects; /* slabs; objects, free or not */
	uint64_t allocated;
	uint64_t made, released; /* slabs so far */
	uint64_t stolen;	 /* slabs that changed homes */
	uint64_t failed;	 /* allocations that got nothing */
	uint64_t misused;	 /* misuses found in calls for this cache */
	uint64_t waste;		 /* bytes of its slabs that no caller may use, whatever is free */
	uint64_t quarantined;	 /* objects that are not allocated, but kept from being */
	uint64_t reserved[5];	 /* 0 */
};

/* Any context; exact at rest. Cost: a look at each slab of all caches. */
void roost_cache_stats(const roost_cache_t *cache, struct roost_cache_stats *stats);

/*
 * The same of all caches, one after the other: start with *at = 0, until it returns false. Others
 * may make and destroy caches meanwhile, and wait for nothing. (While a cache is read, a new one
 * takes another entry of the table: if there is none, -ROOST_ENOSPC.) Any context.
 */
bool roost_slabs_stats(const roost_slabs_t *slabs, unsigned *at, struct roost_cache_stats *stats);

/* How many of these frames are pages of slabs. Any context; exact at rest. Cost: a load for each.
 */
uint64_t roost_slabs_pages(const roost_slabs_t *slabs, roost_pfn pfn, uint64_t nr);

/* Its name, as it was given, cut off. Lasts as long as the cache. Any context. */
const char *roost_cache_name(const roost_cache_t *cache);

/* Calls fn for each object that is allocated, until it returns false. Thread context; exact at
 * rest. */
typedef bool roost_object_fn(void *context, void *object);
void roost_cache_for_each(const roost_cache_t *cache, roost_object_fn *fn, void *context);

/* The cache after this one; after NULL the first; NULL: this was the last. */
roost_cache_t *roost_cache_next(const roost_slabs_t *slabs, const roost_cache_t *cache);

enum roost_slabs_dump {
	ROOST_SLABS_TEXT = 0, /* a table, a line for each cache */
	ROOST_SLABS_JSON = 1, /* an array, an object for each cache; names are escaped */
};

/* Writes how all caches are. Returns 0, or what write returned if that is less. Thread
 * context. */
int roost_slabs_dump(const roost_slabs_t *slabs, enum roost_slabs_dump what, roost_write_fn *write,
		     void *context);

/* Checks all that must hold at rest. 0, or -ROOST_EUCLEAN: *violation (may be NULL) says what, pfn
 * is of the slab. Thread context. */
int roost_slabs_validate(const roost_slabs_t *slabs, struct roost_violation *violation);

/* As roost_recover(): nobody else is inside. Puts slabs that vanished contexts held where they
 * belong; how many. Objects that they had in registers stay allocated. Thread context. */
size_t roost_slabs_recover(roost_slabs_t *slabs);

#ifdef __cplusplus
}
#ifndef __clang__
#pragma GCC diagnostic pop
#endif
#endif

#endif
