/* SPDX-License-Identifier: MIT */
/*
 * slab.h - objects out of pages: the data, and the protocol.
 *
 *	page     slab_of[page]    the number of its slab, or 0
 *	slab     local   L        512 bits: free objects, changed by sequences of the home CPU alone
 *	         remote  R        512 bits: free objects, that any context may put and take
 *	         place            generation << 32 | whose it is
 *	         base, cache      where its objects are, and of which cache they are
 *	cache    a map of hints   a bit for each slab that may have something free
 *	         for each CPU     its current slab, and up to 12 objects that may be free in L
 *
 * An object is free if its bit in L or in R is 1. A slab whose home is a CPU (OPEN, FULL) has
 * both. The home's contexts free and allocate in L without an atomic operation, by sequences
 * (core/port.h) that compare `place`; all others free into R. A shared slab has R alone. Where
 * there are no sequences all slabs are shared.
 *
 *	place         what may change L              noted in the cache's hints
 *	NONE          nobody: there is no slab       may be, and is cleared when it is found
 *	HELD          the holder                     yes, unless it is about to become NONE
 *	SHARED        nobody; L is empty             yes
 *	SHARED_FULL   nobody; L is empty             when something is put
 *	OPEN + cpu    sequences of that CPU          yes
 *	FULL + cpu    nobody; L is empty             when something is put
 *
 * Each change of place counts the generation up. So a context that read place, then cache and
 * base, and then changes L by a sequence that finds the same place, has seen the cache and base of
 * that slab, however often the pages changed hands before. One that takes from R reads place again
 * afterwards. If it differs, it puts back what it took: since it has an object of whatever slab
 * this is now, that slab cannot go away meanwhile.
 *
 *	alloc     a hinted object of the home; else the current slab: L, then R into L, 64 at a time
 *	          (close it if there is nothing); else noted slabs: one's own, shared ones (CAS
 *	          of place), another CPU's of which half is free (hold, fence, open); else a new
 *	          slab; else any slab that has something; else a new one after empty ones of any
 *	          cache went back
 *	free      home and OPEN: L; home and FULL: open it, then L. Else the bit into R, THEN
 *	          read place: if it is full, open it
 *	open      note; FULL -> OPEN; note again
 *	close     OPEN -> FULL; clear the hint; THEN look at place: if it is open, note; if it is
 *	          still full, look at L and R: if something is free, open
 *	hold      CAS of place to HELD; the home's own contexts do that as a sequence, so that none
 *	          of its CPU is in between; all others call for a fence of the home. Then L is
 *	          the holder's
 *	release   hold; R into L; if L is all: slab_of = 0, place = NONE, pages go back
 *
 * These pairs of accesses are sequentially consistent, so that of each at least one side sees the
 * other: a free puts into R and then reads place, a close writes place and then reads R; a context
 * that opens writes place and then notes, one that clears a hint reads place afterwards
 * (core/hint.h). For L no pair is needed: a close is a step of the home CPU itself.
 *
 * What a context that stops forever hides: one slab (HELD, or new and not noted yet), or up to 64
 * objects (from R on the way to L). A slab that is released is in this order: slab_of, place, L,
 * hint, base, pages, number. So recovery finds how far it came: a number that is allocated but no
 * slab, with a base: its pages are still there.
 *
 * docs/models/twoside.pml is a model of this.
 *
 * After J. Bonwick's slabs (1994) and SLUB (C. Lameter, 2007), with bits in place of lists: no list
 * has to be locked, and no object is written to.
 *
 * Caches with ROOST_CACHE_QUARANTINE: a freed object goes into a ring first, with its bit in
 * `waiting`, and into L or R when it leaves (quarantine.c).
 *
 * Letters beside a field say what guards it: c constant while the cache or the slab is there;
 * a nothing: atomic; h the holder (place HELD) to write; q sequences of the home CPU that
 * compare place, or the holder.
 */
#ifndef RST_SLAB_H
#define RST_SLAB_H

#include "core/hint.h"
#include "core/probe.h"
#include "core/set.h"
#include "roost/cache.h"

enum {
	RST_OBJECTS = RST_SET_SIZE, /* of a slab at most */
	RST_SLAB_WORDS = RST_SET_WORDS,
	RST_SLAB_BYTES = 65536, /* no slab need be larger for the number of its objects */
	RST_SLAB_FEW = 8,	/* objects that each slab has at least */
	RST_OBJECT_HINTS = 12,
	/* Noted slabs with something free that an allocation looks at before it makes one, and
	 * before it fails without ROOST_WAIT; and how many more that have nothing. */
	RST_SLAB_LOOKS = 8,
	RST_SLAB_MANY = 64,
	RST_SLAB_TURNS = 256,
	RST_SLAB_RECLAIMED = 4, /* slabs that an allocation gives back to get pages */
	RST_QUARANTINE_OBJECTS = 256,
	RST_QUARANTINE_BYTES = 65536,
};

/* The low half of place. */
enum rst_slab_state {
	RST_SLAB_NONE,
	RST_SLAB_HELD,
	RST_SLAB_SHARED,
	RST_SLAB_SHARED_FULL,
	RST_SLAB_OPEN = 1 << 16, /* + CPU: rst_seq_put() adds it */
	RST_SLAB_FULL = 2 << 16, /* + CPU */
};

struct rst_slab {
	_Alignas(64) _Atomic uint64_t local[RST_SLAB_WORDS]; /* q */
	struct rst_set remote;				     /* a */
	_Alignas(64) _Atomic uint64_t place;		     /* a */
	_Atomic uintptr_t base;				     /* h; address of the first object */
	_Atomic uint32_t cache;				     /* h; index of it */
	/* a; objects in the quarantine. Without one this keeps other slabs' lines away from L. */
	_Alignas(64) _Atomic uint64_t waiting[RST_SLAB_WORDS];
};
_Static_assert(sizeof(struct rst_slab) == 256, "as roost_slabs_metadata_size() says");

/*
 * What a CPU remembers of a cache: hints, all of them. They are changed by plain loads and stores
 * of contexts that run there, or believe so; what is lost or doubled by that does no harm.
 */
struct rst_cache_cpu {
	_Alignas(64) _Atomic uint64_t nr; /* of objects */
	_Atomic uint64_t current; /* rst_mark() of a word of L that may have some; 0: none */
	/* rst_mark() of an object, and its address: so that an address that was freed and comes
	 * back at once is not computed from what was computed from it. One may be older than the
	 * other. */
	struct rst_object_hint {
		_Atomic uint64_t mark;
		_Atomic uintptr_t address;
	} object[RST_OBJECT_HINTS];
	_Atomic uint32_t cursor; /* where a search goes on */
	_Atomic uint64_t made, released, stolen, failed, misused;
};
_Static_assert(sizeof(struct rst_cache_cpu) == 256, "as roost_slabs_metadata_size() says");

/* The states of an entry of the table of caches. */
enum { RST_CACHE_FREE, RST_CACHE_MAKING, RST_CACHE_READY };

struct roost_cache {
	_Alignas(64) struct roost_slabs *slabs; /* c */
	struct rst_cache_cpu *cpus;		/* c; [nr_cpus] */
	uint64_t reciprocal;			/* c; 2^64 / stride, rounded up */
	uint64_t stride;			/* c; bytes from one object to the next */
	uint64_t objects;			/* c; of a slab */
	/* c; CPUs that have slabs: all; 0: there are no sequences, or each free is checked exactly,
	 * or reads or writes its object */
	uint32_t nr_homes;
	uint32_t index;		      /* c */
	uint32_t size;		      /* c; bytes of an object that a caller may use */
	uint64_t all[RST_SLAB_WORDS]; /* c; the bits of L and R that are objects */
	uint8_t words, order;	      /* c; of a slab: words of L and R, pages */
	uint8_t flags;		      /* c; ROOST_CACHE_* */
	uint8_t type;		      /* c; migratetype of its pages */
	roost_ctor_fn *ctor;	      /* c */
	_Atomic uint32_t state;	      /* a */
	/* a; contexts that read the cache although it may be destroyed. While there are any, the
	 * entry is not used for another one: inspect.c */
	_Atomic uint32_t readers;
	_Atomic uintptr_t *ring;     /* c; a: the quarantine's objects; [ring_size] are in use */
	uint32_t ring_size;	     /* c */
	_Atomic uint32_t ring_next;  /* a; that came in so far */
	char name[ROOST_CACHE_NAME]; /* c */
};

struct roost_slabs {
	char *base;			       /* c; address of page 0 */
	uint64_t nr_pages;		       /* c */
	_Atomic uint32_t *slab_of;	       /* c; a: [nr_pages] */
	struct rst_slab *slab;		       /* c; [nr_slabs]; the first is of no cache */
	roost_t *frames;		       /* c */
	roost_t *numbers;		       /* c; its frames are numbers of slabs */
	struct roost_cache *caches;	       /* c; [nr_caches] */
	struct rst_hint hints;		       /* c; a list for each cache, one bin */
	roost_pfn first;		       /* c */
	uint32_t nr_slabs, nr_caches, nr_cpus; /* c */
	uint32_t nr_homes;		/* c; of a cache that neither reads nor writes objects */
	_Atomic uint32_t end;		/* a; no slab from this number on was ever made */
	_Atomic uint32_t caches_end;	/* a; no cache from this index on was ever made */
	_Atomic uint32_t next_reclaim;	/* a; the cache at which the next reclaim begins */
	uint8_t page_shift;		/* c */
	roost_slab_get_fn *get;		/* c */
	roost_slab_put_fn *put;		/* c */
	roost_object_misuse_fn *misuse; /* c */
	void *context;			/* c */
};

#define RST_HOT		    inline __attribute__((always_inline))
#define RST_COLD	    __attribute__((noinline, cold))
#define RST_RARE(condition) __builtin_expect(!!(condition), 0)

/* ---- Places -------------------------------------------------------------------------------- */

static inline uint32_t rst_state_of(uint64_t place)
{
	return (uint32_t)place;
}

/* The place that follows this one. */
static inline uint64_t rst_place_after(uint64_t place, uint32_t state)
{
	return ((place >> 32) + 1) << 32 | state;
}

/* Has the slab a home? */
static inline bool rst_has_home(uint32_t state)
{
	return state >= RST_SLAB_OPEN;
}

static inline unsigned rst_slab_home(uint32_t state)
{
	return state & 0xffff;
}

static inline bool rst_is_full(uint32_t state)
{
	return state == RST_SLAB_SHARED_FULL || state >= RST_SLAB_FULL;
}

static inline bool rst_is_open(uint32_t state)
{
	return state == RST_SLAB_SHARED || (rst_has_home(state) && state < RST_SLAB_FULL);
}

/* OPEN for FULL, and the other way round. */
static inline uint32_t rst_opened(uint32_t state)
{
	return state == RST_SLAB_SHARED_FULL ? RST_SLAB_SHARED
					     : RST_SLAB_OPEN | rst_slab_home(state);
}

static inline uint32_t rst_closed(uint32_t state)
{
	return state == RST_SLAB_SHARED ? RST_SLAB_SHARED_FULL
					: RST_SLAB_FULL | rst_slab_home(state);
}

/* ---- Objects ------------------------------------------------------------------------------- */

/* The bits of a word of L and R that are objects. */
static inline uint64_t rst_objects_in(const struct roost_cache *cache, uint64_t word)
{
	return cache->all[word];
}

/* The slab of an address, or NULL. Racy unless the caller has an object there. */
static inline struct rst_slab *rst_slab_at(const struct roost_slabs *s, uintptr_t address)
{
	uint64_t page = (address - (uintptr_t)s->base) >> s->page_shift;
	uint32_t number;

	if (page >= s->nr_pages) /* below the base, too */
		return NULL;
	number = rst_load_rlx(&s->slab_of[page]);
	return number ? &s->slab[number] : NULL;
}

static inline uint32_t rst_slab_number(const struct roost_slabs *s, const struct rst_slab *slab)
{
	return (uint32_t)(slab - s->slab);
}

/*
 * The index of the object that begins at this offset of a slab; false: none does. Of the product
 * with the reciprocal the high half is the quotient, and the low one says whether there is a
 * remainder: D. Lemire, O. Kaser, N. Kurz, "Faster remainder by direct computation" (2019). It
 * holds for offsets and strides below 2^32; where the quotient is an object's index, the offset is.
 */
static RST_HOT bool rst_object_index(const struct roost_cache *cache, uint64_t offset,
				     uint64_t *index)
{
#ifdef __SIZEOF_INT128__
	__extension__ typedef unsigned __int128 u128;
	u128 product = (u128)offset * cache->reciprocal;

	*index = (uint64_t)(product >> 64);
	return *index < cache->objects && (uint64_t)product < cache->reciprocal;
#else /* offset * stride is below 2^40 */
	*index = offset * (((cache->reciprocal - 1) >> 24) + 1) >> 40;
	return offset < cache->objects * cache->stride && *index * cache->stride == offset;
#endif
}

static inline void *rst_object(const struct roost_cache *cache, uintptr_t base, unsigned index)
{
	return (void *)(base + (uintptr_t)(index * cache->stride)); // NOLINT
}

/* Raises a word to at least this. The exchange fails at most once for each context that raised it
 * meanwhile. */
static inline void rst_raise(_Atomic uint32_t *word, uint32_t least)
{
	uint32_t now = rst_load_rlx(word);

	while (now < least && !rst_cas32_rlx(word, &now, least))
		;
}

static inline struct rst_hint_bin rst_slab_bin(const struct roost_cache *cache)
{
	return (struct rst_hint_bin){.list = cache->index};
}

/* Is anything free there? Sequentially consistent: see above. */
static inline bool rst_slab_has(const struct roost_cache *cache, const struct rst_slab *slab)
{
	uint64_t any = 0;

	for (unsigned i = 0; i < cache->words; i++)
		any |= rst_load_sc(&slab->local[i]) | rst_load_sc(&slab->remote.word[i]);
	return any;
}

/* Are all objects free? */
static inline bool rst_slab_is_empty(const struct roost_cache *cache, const struct rst_slab *slab)
{
	for (unsigned i = 0; i < cache->words; i++)
		if ((rst_load_rlx(&slab->local[i]) | rst_load_rlx(&slab->remote.word[i])) !=
		    rst_objects_in(cache, i))
			return false;
	return true;
}

/* How many are; racy. */
static inline unsigned rst_slab_free_objects(const struct roost_cache *cache,
					     const struct rst_slab *slab)
{
	unsigned n = 0;

	for (unsigned i = 0; i < cache->words; i++)
		n += rst_weight(rst_load_rlx(&slab->local[i]) |
				rst_load_rlx(&slab->remote.word[i]));
	return n;
}

/* For probes: a condition that is an array makes compilers warn. */
static inline const char *rst_cache_name(const struct roost_cache *cache)
{
	return cache->name;
}

/* A hint to an object: its slab's number and its own in one word. */
enum { RST_MARK_SHIFT = 9 };
_Static_assert(1 << RST_MARK_SHIFT == RST_OBJECTS, "a mark has room for the number of an object");

static inline uint64_t rst_mark(uint64_t slab, uint64_t index)
{
	return slab << RST_MARK_SHIFT | index;
}

static inline uint64_t rst_marked_slab(uint64_t mark)
{
	return mark >> RST_MARK_SHIFT;
}

static inline unsigned rst_marked_index(uint64_t mark)
{
	return mark & (RST_OBJECTS - 1);
}

/* The CPU whose sequences the caller can run, or RST_NO_CPU. */
static inline unsigned rst_slab_cpu(const struct roost_cache *cache)
{
	unsigned cpu = rst_seq_here();

	return cpu < cache->nr_homes ? cpu : RST_NO_CPU;
}

/* What the caller's CPU remembers; of some CPU, if it has no sequences. */
static inline struct rst_cache_cpu *rst_cache_cpu(const struct roost_cache *cache, unsigned cpu)
{
	return &cache->cpus[cpu != RST_NO_CPU ? cpu : rst_cpu() % cache->slabs->nr_cpus];
}

/* ---- place.c ------------------------------------------------------------------------------- */

/* Notes a slab that has something free, and opens it. place: as it was read, after the put. */
void rst_slab_reopen(struct roost_slabs *s, struct rst_slab *slab, uint64_t place);
/* Opens a full slab of the caller's CPU, of which the caller has an object; false: it was not
 * that. */
bool rst_slab_reopen_home(struct roost_cache *cache, struct rst_slab *slab, unsigned cpu);
/* Clears the hint of a slab that is not open, or not of this cache, and looks again. */
void rst_slab_unnote(struct roost_cache *cache, struct rst_slab *slab);
/* Puts objects that the caller has into R. */
void rst_slab_put(struct roost_slabs *s, struct rst_slab *slab, unsigned word, uint64_t bits);
/* Nothing seems to be free in an open slab of the caller's CPU, or a shared one: closes it. */
void rst_slab_close(struct roost_cache *cache, struct rst_slab *slab, unsigned cpu, uint64_t place);
/* Makes a slab that has this place the caller's. cpu: the caller's, or RST_NO_CPU. *place becomes
 * what it is then. May call for a fence, unless the home is the caller's CPU or there is none. */
bool rst_slab_hold(struct rst_slab *slab, unsigned cpu, uint64_t *place);
/* From HELD to another state, in which it has to be noted. */
void rst_slab_let_go(struct rst_slab *slab, uint64_t place, uint32_t state);
/* From HELD to any state but NONE. */
void rst_slab_return(struct roost_cache *cache, struct rst_slab *slab, uint64_t place,
		     uint32_t state);
/* Releases a slab that is held, if all its objects are free. False: it is still held, and what was
 * in R is in L. */
bool rst_slab_release(struct roost_cache *cache, struct rst_slab *slab);
/* A new slab for this CPU, or a shared one; the caller gets an object of it, or NULL. */
void *rst_slab_make(struct roost_cache *cache, unsigned cpu, unsigned flags);
/* Releases a slab if it seems to be empty, and is of this cache. With RST_NO_CPU it asks for a
 * fence even where the home is the caller's CPU. */
bool rst_slab_release_empty(struct roost_cache *cache, struct rst_slab *slab, unsigned cpu);
/* Removes a slab that is held, or that was never finished. */
void rst_slab_forget(struct roost_slabs *s, struct rst_slab *slab);

/* ---- check.c ------------------------------------------------------------------------------- */

void rst_object_misuse(const struct roost_slabs *s, const char *call,
		       const struct roost_cache *cache, const void *object, const char *what);

/* Reports objects of a word that were freed into L, and by another CPU into R. */
void rst_objects_twice(const struct roost_cache *cache, uintptr_t base, unsigned word,
		       uint64_t bits);

bool rst_debug_free(struct roost_cache *cache, void *object);
void *rst_debug_alloc(struct roost_cache *cache, void *object);
void rst_debug_fill(struct roost_cache *cache, uintptr_t base);
/* Reports an object in the quarantine that was written to, and fills it again. */
void rst_debug_leave(struct roost_cache *cache, uintptr_t object);
void rst_debug_refill(struct roost_cache *cache, uintptr_t object);

/* ---- quarantine.c -------------------------------------------------------------------------- */

/* Of a cache that has one: takes an object that is freed, and returns one to be freed instead of
 * it, or NULL: there is none, or it was misuse, which has been reported. */
void *rst_quarantine(struct roost_cache *cache, struct rst_slab *slab, unsigned index,
		     void *object);
/* Frees what is in it; was there something? Any context. */
bool rst_quarantine_flush(struct roost_cache *cache);
/* Frees what is on its way into it. Nobody else is inside. */
void rst_quarantine_recover(struct roost_cache *cache, struct rst_slab *slab);

#endif
