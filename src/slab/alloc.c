/* SPDX-License-Identifier: MIT */
/*
 * alloc.c - allocations. The ladder:
 *
 *	hinted object          of the caller's CPU
 *	current slab           L, then R into L; if there is nothing, close it
 *	noted slabs            own; shared (adopt); another CPU's of which half is free (steal)
 *	new slab
 *	noted slabs            any that has something
 *	noted slabs            after the cache's quarantine was emptied
 *	new slab               after empty ones of any cache went back
 *	new slab               with ROOST_WAIT
 */
#include "slab/slab.h"

/* ---- Take ---------------------------------------------------------------------------------- */

/* The caller found the same place before and after it read what the slab is. */
static bool is_of(const struct roost_cache *cache, const struct rst_slab *slab)
{
	/* Acquire: place is compared after this. */
	return rst_load_acq(&slab->cache) == cache->index;
}

/* Takes an object that a hint leads to, if it is free in a slab of the CPU. The hint was made long
 * ago; the slab may have been another one then, but any free object of this cache will do. */
static RST_HOT bool take_hinted(const struct roost_cache *cache, unsigned cpu, uint64_t mark,
				uintptr_t address)
{
	struct rst_slab *slab = &cache->slabs->slab[rst_marked_slab(mark)];
	unsigned index = rst_marked_index(mark);
	struct rst_seq_bit q = {
		.guard = &slab->place, .word = &slab->local[index / 64], .bit = mark};

	/* Acquire: what is read of the slab below is not older. */
	q.expected = rst_load_acq(&slab->place);
	return rst_state_of(q.expected) == RST_SLAB_OPEN + cpu && is_of(cache, slab) &&
	       (uintptr_t)rst_object(cache, rst_load_acq(&slab->base), index) == address &&
	       rst_seq_take(cpu, q);
}

/* The lowest n bits of a word that has more. */
static uint64_t lowest(uint64_t word, unsigned n)
{
	uint64_t rest = word;

	while (n--)
		rest &= rest - 1;
	return word ^ rest;
}

/* Takes up to n objects out of one word of L. place: as it was before what is known of the slab
 * was read. */
static RST_HOT uint64_t take_local(struct rst_slab *slab, unsigned cpu, uint64_t place,
				   unsigned word, unsigned n)
{
	struct rst_seq_at q = {
		.guard = &slab->place, .expected = place, .word = &slab->local[word]};
	uint64_t bits;

	q.old = rst_load_acq(q.word); /* as in take_at() */
	if (!q.old)
		return 0;
	bits = n == 1 ? q.old & -q.old : n < rst_weight(q.old) ? lowest(q.old, n) : q.old;
	q.new = q.old & ~bits;
	return rst_seq_cas_at(cpu, q) ? bits : 0;
}

/* Puts objects that were taken out of R into L; if that is not the caller's any more, into R. */
static void put_local(struct roost_cache *cache, struct rst_slab *slab, unsigned cpu,
		      uint64_t place, unsigned word, uint64_t bits)
{
	struct rst_seq_at q = {.guard = &slab->place,
			       .expected = place,
			       .word = &slab->local[word],
			       .old = rst_load_acq(&slab->local[word])};

	q.new = q.old | bits;
	if (bits && !rst_seq_cas_at(cpu, q))
		rst_slab_put(cache->slabs, slab, word, bits);
}

/* What is in a word of R moves to L, but for up to n objects, which the caller gets. */
static uint64_t collect_remote(struct roost_cache *cache, struct rst_slab *slab, unsigned cpu,
			       uint64_t place, unsigned word, unsigned n)
{
	uint64_t bits, twice, mine;

	if (!rst_load_rlx(&slab->remote.word[word]))
		return 0;
	/* Acquire: the contexts that freed them are done with them. */
	bits = rst_xchg_acq(&slab->remote.word[word], 0);
	if (!bits)
		return 0;
	/* After that: now that the caller has objects of it, the slab cannot go away. If this is
	 * the place still, the objects are of the cache that was read. */
	if (rst_load_acq(&slab->place) != place) {
		rst_slab_put(cache->slabs, slab, word, bits);
		return 0;
	}
	twice = bits & rst_load_rlx(&slab->local[word]);
	if (twice) {
		rst_objects_twice(cache, rst_load_rlx(&slab->base), word, twice);
		bits &= ~twice;
	}
	mine = n < rst_weight(bits) ? lowest(bits, n) : bits;
	put_local(cache, slab, cpu, place, word, bits & ~mine);
	return mine;
}

/* Takes up to n objects out of one word of a shared slab. */
static uint64_t take_shared(struct roost_cache *cache, struct rst_slab *slab, uint64_t place,
			    unsigned word, unsigned n)
{
	_Atomic uint64_t *remote = &slab->remote.word[word];
	uint64_t old = rst_load_rlx(remote), bits;

	for (unsigned i = 0; i < RST_SET_TRIES && old; i++) {
		bits = n == 1 ? old & -old : n < rst_weight(old) ? lowest(old, n) : old;
		/* Acquire: as in collect_remote(), and so for place. */
		if (!rst_cas64_acq(remote, &old, old & ~bits))
			continue;
		if (rst_load_acq(&slab->place) == place)
			return bits;
		rst_slab_put(cache->slabs, slab, word, bits);
		return 0;
	}
	return 0;
}

/* Up to n objects of this slab, all of one word: as bits of it. 0: there is none for the caller. */
static uint64_t take_some(struct roost_cache *cache, struct rst_slab *slab, unsigned cpu,
			  uint64_t place, unsigned n, unsigned *word)
{
	uint64_t bits = 0;

	if (rst_state_of(place) == RST_SLAB_SHARED) {
		for (*word = 0; *word < cache->words; ++*word)
			if ((bits = take_shared(cache, slab, place, *word, n)))
				break;
		return bits;
	}
	for (*word = 0; *word < cache->words; ++*word)
		if ((bits = take_local(slab, cpu, place, *word, n)))
			return bits;
	for (*word = 0; *word < cache->words; ++*word)
		if ((bits = collect_remote(cache, slab, cpu, place, *word, n)))
			break;
	return bits;
}

/* Can the caller take from a slab with this place? */
static bool may_take_object(uint64_t place, unsigned cpu)
{
	uint32_t state = rst_state_of(place);

	return state == RST_SLAB_SHARED || (cpu != RST_NO_CPU && state == RST_SLAB_OPEN + cpu);
}

/* What an allocation wants, and where it puts it. */
struct objects_wanted {
	void **objects;
	unsigned n; /* at most 64 */
	unsigned cpu, flags;
};

/* Makes another CPU's slab the caller's, or a shared one. */
static bool steal_slab(struct roost_cache *cache, struct rst_slab *slab, unsigned cpu,
		       uint64_t place)
{
	if (!rst_slab_hold(slab, cpu, &place))
		return false;
	rst_slab_return(cache, slab, place,
			cpu == RST_NO_CPU ? (uint32_t)RST_SLAB_SHARED : RST_SLAB_OPEN | cpu);
	rst_add_rlx(&rst_cache_cpu(cache, cpu)->stolen, 1);
	RST_PROBE3(slab_steal, rst_cache_name(cache), rst_load_rlx(&slab->base), (int)cpu);
	return true;
}

enum { SEQUENCES = 3 }; /* that are broken off, one after the other */

/* Takes from a slab that has something. Where sequences are broken off each time (under a debugger,
 * between signals that never end), it becomes a shared one. */
static uint64_t take_surely(struct roost_cache *cache, struct rst_slab *slab,
			    const struct objects_wanted *w, uint64_t *place, unsigned *word)
{
	uint64_t bits;

	for (unsigned i = 0; i < SEQUENCES; i++) {
		bits = take_some(cache, slab, w->cpu, *place, w->n, word);
		if (bits || !rst_slab_has(cache, slab))
			return bits;
	}
	if (rst_state_of(*place) == RST_SLAB_SHARED || rst_slab_cpu(cache) != w->cpu ||
	    !steal_slab(cache, slab, RST_NO_CPU, *place))
		return 0;
	*place = rst_load_acq(&slab->place);
	return rst_state_of(*place) == RST_SLAB_SHARED && is_of(cache, slab)
		       ? take_some(cache, slab, w->cpu, *place, w->n, word)
		       : 0;
}

/* Takes from a slab; how many. If it has nothing, it is closed. */
static unsigned take_from_slab(struct roost_cache *cache, struct rst_slab *slab,
			       const struct objects_wanted *w)
{
	uint64_t place = rst_load_acq(&slab->place), bits;
	unsigned word, n = 0;
	uintptr_t base;

	if (!may_take_object(place, w->cpu) || !is_of(cache, slab))
		return 0;
	bits = take_surely(cache, slab, w, &place, &word);
	if (!bits)
		rst_slab_close(cache, slab, w->cpu, place);
	/* After the take, which acquires: a slab of which the caller has an object stays where it
	 * is. Before, it may have gone and come back elsewhere, as a shared one. */
	base = rst_load_rlx(&slab->base);
	for (; bits; bits &= bits - 1)
		w->objects[n++] =
			rst_object(cache, base, word * 64 + (unsigned)__builtin_ctzll(bits));
	return n;
}

/* ---- Search -------------------------------------------------------------------------------- */

enum look {
	NOTHING,    /* is free there */
	NOT_FOR_US, /* or too little to take it from another CPU */
	OBTAINED,
};

/* Can the caller take from a noted slab, or is it made so that it can? any: even if it has but
 * one object. */
static enum look obtain_slab(struct roost_cache *cache, struct rst_slab *slab, unsigned cpu,
			     bool any)
{
	uint64_t place = rst_load_acq(&slab->place);
	uint32_t state = rst_state_of(place);
	unsigned free;

	if (state == RST_SLAB_HELD)
		return NOT_FOR_US;
	if (!rst_is_open(state) || !is_of(cache, slab)) {
		rst_slab_unnote(cache, slab); /* the hint was old */
		return NOTHING;
	}
	if (state == RST_SLAB_SHARED)
		return cpu == RST_NO_CPU ||
				       rst_cas64_sc(&slab->place, &place,
						    rst_place_after(place, RST_SLAB_OPEN | cpu))
			       ? OBTAINED
			       : NOT_FOR_US;
	if (rst_slab_home(state) == cpu)
		return OBTAINED;
	free = rst_slab_free_objects(cache, slab);
	if (!free)
		return NOTHING;
	return (any || free >= (cache->objects + 1) / 2) && steal_slab(cache, slab, cpu, place)
		       ? OBTAINED
		       : NOT_FOR_US;
}

/* Looks at this many noted slabs that have something, from where the last search ended. any: one
 * object is enough. */
static unsigned search_slabs(struct roost_cache *cache, struct rst_cache_cpu *mine,
			     const struct objects_wanted *w, unsigned looks, bool any)
{
	const struct roost_slabs *s = cache->slabs;
	uint64_t start = rst_load_rlx(&mine->cursor), i = start, end = RST_NO_HINT;
	/* A slab of one's own that has nothing is closed. That takes as long as two looks, but goes
	 * on before a failure. */
	const unsigned close = any ? 0 : 2;
	unsigned turns = looks > RST_SLAB_MANY ? UINT32_MAX : looks + RST_SLAB_TURNS, cost;

	while (looks && turns--) {
		uint64_t number = rst_hint_find(&s->hints, rst_slab_bin(cache), i);
		enum look look;
		unsigned n;

		if (number == RST_NO_HINT && end == RST_NO_HINT && start) {
			i = 0; /* from the beginning, up to where it began */
			end = start;
			continue;
		}
		if (number >= end)
			break;
		i = number + 1;
		look = obtain_slab(cache, &s->slab[number], w->cpu, any);
		n = look == OBTAINED ? take_from_slab(cache, &s->slab[number], w) : 0;
		cost = look == NOT_FOR_US ? 1 : close;
		looks = looks > cost ? looks - cost : 0;
		if (!n)
			continue;
		if (w->cpu != RST_NO_CPU || !cache->nr_homes)
			rst_store_rlx(&mine->current, rst_mark(number, 0));
		rst_store_rlx(&mine->cursor, (uint32_t)number);
		return n;
	}
	rst_store_rlx(&mine->cursor, i < s->nr_slabs ? (uint32_t)i : 0);
	return 0;
}

static unsigned make_slab(struct roost_cache *cache, const struct objects_wanted *w, unsigned flags)
{
	w->objects[0] = rst_slab_make(cache, w->cpu, flags);
	return w->objects[0] ? 1 : 0;
}

/* The ladder, once. */
static unsigned climb(struct roost_cache *cache, const struct objects_wanted *w)
{
	struct rst_cache_cpu *mine = rst_cache_cpu(cache, w->cpu);
	uint64_t current = rst_marked_slab(rst_load_rlx(&mine->current));
	bool wait = w->flags & ROOST_WAIT;
	unsigned n = 0, now = w->flags & ~(unsigned)ROOST_WAIT;

	if (current)
		n = take_from_slab(cache, &cache->slabs->slab[current], w);
	if (!n)
		n = search_slabs(cache, mine, w, RST_SLAB_LOOKS, false);
	if (!n)
		n = make_slab(cache, w, now);
	if (!n)
		n = search_slabs(cache, mine, w, wait ? UINT32_MAX : RST_SLAB_MANY, true);
	if (!n && cache->flags & ROOST_CACHE_QUARANTINE && rst_quarantine_flush(cache))
		n = search_slabs(cache, mine, w, RST_SLAB_MANY, true);
	if (!n && roost_slabs_reclaim(cache->slabs, (size_t)RST_SLAB_RECLAIMED << cache->order))
		n = make_slab(cache, w, now);
	if (!n && wait)
		n = make_slab(cache, w, w->flags);
	return n;
}

enum { CLIMBS = 3 };

static unsigned take_objects(struct roost_cache *cache, struct objects_wanted *w)
{
	unsigned n, cpu = w->cpu;

	RST_INSIDE(+1);
	/* On another CPU than it thought, it can take nothing out of L: then it tries there. */
	for (unsigned i = 0; i < CLIMBS; i++) {
		w->cpu = cpu;
		n = climb(cache, w);
		if (n || (cpu = rst_slab_cpu(cache)) == w->cpu)
			break;
	}
	if (!n)
		rst_add_rlx(&rst_cache_cpu(cache, cpu)->failed, 1);
	RST_INSIDE(-1);
	return n;
}

/* ---- The calls ----------------------------------------------------------------------------- */

#define KNOWN_FLAGS ((unsigned)(ROOST_WAIT | ROOST_RESERVE))

static bool are_flags(const struct roost_cache *cache, const char *call, unsigned flags)
{
	if (!(flags & ~KNOWN_FLAGS))
		return true;
	rst_object_misuse(cache->slabs, call, cache, NULL,
			  "has flags other than ROOST_WAIT and ROOST_RESERVE");
	return false;
}

/* Of the word of L from which an object was taken last, where most are that no hint leads to. */
static RST_HOT void *from_word(const struct roost_cache *cache, const struct rst_cache_cpu *mine,
			       unsigned cpu)
{
	uint64_t mark = rst_load_rlx(&mine->current), free;
	struct rst_slab *slab = &cache->slabs->slab[rst_marked_slab(mark)];
	struct rst_seq_bit q = {.guard = &slab->place,
				.word = &slab->local[rst_marked_index(mark) / 64]};
	uintptr_t base;

	q.expected = rst_load_acq(&slab->place); /* as in take_hinted() */
	if (rst_state_of(q.expected) != RST_SLAB_OPEN + cpu || !is_of(cache, slab))
		return NULL;
	base = rst_load_acq(&slab->base);
	free = rst_load_rlx(q.word);
	if (!free)
		return NULL;
	q.bit = (unsigned)__builtin_ctzll(free);
	return rst_seq_take(cpu, q)
		       ? rst_object(cache, base, rst_marked_index(mark) + (unsigned)q.bit)
		       : NULL;
}

/* Of another word of that slab. */
static void *from_current(const struct roost_cache *cache, struct rst_cache_cpu *mine, unsigned cpu)
{
	uint64_t current = rst_marked_slab(rst_load_rlx(&mine->current));
	const struct rst_slab *slab = &cache->slabs->slab[current];

	for (unsigned i = 0; current && i < cache->words; i++)
		if (rst_load_rlx(&slab->local[i])) {
			rst_store_rlx(&mine->current, rst_mark(current, (uint64_t)i * 64));
			return from_word(cache, mine, cpu);
		}
	return NULL;
}

static RST_COLD void *alloc_one(struct roost_cache *cache, unsigned cpu, unsigned flags)
{
	void *object;
	struct objects_wanted w = {&object, 1, cpu, flags};

	if (!are_flags(cache, "roost_cache_alloc", flags) || !take_objects(cache, &w))
		return NULL;
	return cache->flags ? rst_debug_alloc(cache, object) : object;
}

/* These are not inlined, so that a call whose first look succeeds needs no frame on the stack. */
static __attribute__((noinline)) void *alloc_cold(struct roost_cache *cache, unsigned cpu,
						  unsigned flags)
{
	void *object = from_current(cache, &cache->cpus[cpu], cpu);

	return object ? object : alloc_one(cache, cpu, flags);
}

static __attribute__((noinline)) void *alloc_unhinted(struct roost_cache *cache, unsigned cpu,
						      unsigned flags)
{
	void *object = from_word(cache, &cache->cpus[cpu], cpu);

	return object ? object : alloc_cold(cache, cpu, flags);
}

static RST_HOT void *alloc_hot(struct roost_cache *cache, unsigned cpu, unsigned flags)
{
	struct rst_cache_cpu *mine = &cache->cpus[cpu];
	uint64_t nr = rst_load_rlx(&mine->nr);
	const struct rst_object_hint *hint;
	uintptr_t address;

	if (!nr)
		return alloc_unhinted(cache, cpu, flags);
	hint = &mine->object[nr - 1];
	rst_store_rlx(&mine->nr, nr - 1);
	address = rst_load_rlx(&hint->address);
	return take_hinted(cache, cpu, rst_load_rlx(&hint->mark), address)
		       ? (void *)address // NOLINT(performance-no-int-to-ptr)
		       : alloc_unhinted(cache, cpu, flags);
}

static __attribute__((noinline)) void *alloc_flagged(struct roost_cache *cache, unsigned cpu,
						     unsigned flags)
{
	return cpu < cache->nr_homes && !(flags & ~KNOWN_FLAGS)
		       ? alloc_hot(cache, cpu, flags)
		       : alloc_one(cache, RST_NO_CPU, flags);
}

void *roost_cache_alloc(roost_cache_t *cache, unsigned flags)
{
	unsigned cpu = rst_seq_here();

	return RST_RARE(cpu >= cache->nr_homes || flags) ? alloc_flagged(cache, cpu, flags)
							 : alloc_hot(cache, cpu, 0);
}

size_t roost_cache_alloc_bulk(roost_cache_t *cache, unsigned flags, void **objects, size_t n)
{
	size_t done = 0;

	if (!are_flags(cache, "roost_cache_alloc_bulk", flags))
		return 0;
	while (done < n) {
		struct objects_wanted w = {objects + done,
					   n - done < 64 ? (unsigned)(n - done) : 64,
					   rst_slab_cpu(cache), flags};
		unsigned got = take_objects(cache, &w);

		if (!got)
			break;
		for (unsigned i = 0; cache->flags && i < got; i++)
			rst_debug_alloc(cache, w.objects[i]);
		done += got;
	}
	return done;
}
