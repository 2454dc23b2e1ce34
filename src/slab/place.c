/* SPDX-License-Identifier: MIT */
/* place.c - whose a slab is, and how that changes: slab.h has the protocol. */
#include "slab/slab.h"

static void note_slab(const struct roost_cache *cache, const struct rst_slab *slab)
{
	const struct roost_slabs *s = cache->slabs;

	rst_hint_note(&s->hints, rst_slab_bin(cache), rst_slab_number(s, slab));
}

/* ---- Open and close ------------------------------------------------------------------------ */

void rst_slab_reopen(struct roost_slabs *s, struct rst_slab *slab, uint64_t place)
{
	/* Acquire: if place has not changed when it is exchanged, this was its cache. The caller
	 * may have freed the last object of it, so it may be another slab's by now. */
	const struct roost_cache *cache = &s->caches[rst_load_acq(&slab->cache)];

	/* Before, for a context that stops in between: a search finds a full slab that has
	 * something, and opens it. And after: a context that cleared the hint in between saw a full
	 * slab, and may have seen nothing in it, because a third one had just taken that. If the
	 * exchange fails, others have opened the slab since. */
	note_slab(cache, slab);
	if (rst_cas64_sc(&slab->place, &place,
			 rst_place_after(place, rst_opened(rst_state_of(place)))))
		note_slab(cache, slab);
}

bool rst_slab_reopen_home(struct roost_cache *cache, struct rst_slab *slab, unsigned cpu)
{
	uint64_t place = rst_load_acq(&slab->place);

	if (rst_state_of(place) != (RST_SLAB_FULL | cpu))
		return false;
	/* As above. */
	note_slab(cache, slab);
	if (!rst_seq_lock_cas(cpu, &slab->place, place,
			      rst_place_after(place, RST_SLAB_OPEN | cpu)))
		return false;
	note_slab(cache, slab);
	return true;
}

void rst_slab_put(struct roost_slabs *s, struct rst_slab *slab, unsigned word, uint64_t bits)
{
	uint64_t place;

	rst_set_put_bits(&slab->remote.word[word], bits);
	/* After the put: see slab.h. */
	place = rst_load_sc(&slab->place);
	if (rst_is_full(rst_state_of(place)))
		rst_slab_reopen(s, slab, place);
}

void rst_slab_unnote(struct roost_cache *cache, struct rst_slab *slab)
{
	struct roost_slabs *s = cache->slabs;
	uint64_t place;
	uint32_t state;

	rst_hint_clear(&s->hints, rst_slab_bin(cache), rst_slab_number(s, slab));
	/* Then look again, as in core/hint.h: at place first, since an open slab is noted even if
	 * it has nothing. */
	place = rst_load_sc(&slab->place);
	state = rst_state_of(place);
	if (state == RST_SLAB_NONE || rst_load_acq(&slab->cache) != cache->index)
		return;
	if (!rst_is_full(state))
		note_slab(cache, slab);
	else if (rst_slab_has(cache, slab))
		rst_slab_reopen(s, slab, place);
}

void rst_slab_close(struct roost_cache *cache, struct rst_slab *slab, unsigned cpu, uint64_t place)
{
	uint32_t state = rst_state_of(place);
	uint64_t full = rst_place_after(place, rst_closed(state));

	if (rst_has_home(state) ? rst_slab_home(state) == cpu &&
					  rst_seq_lock_cas(cpu, &slab->place, place, full)
				: rst_cas64_sc(&slab->place, &place, full))
		rst_slab_unnote(cache, slab);
}

/* ---- Hold ---------------------------------------------------------------------------------- */

void rst_slab_let_go(struct rst_slab *slab, uint64_t place, uint32_t state)
{
	/* Release: what the holder did to L comes before any sequence that finds this place.
	 * Sequentially consistent: see rst_slab_put(). */
	rst_store_sc(&slab->place, rst_place_after(place, state));
}

bool rst_slab_hold(struct rst_slab *slab, unsigned cpu, uint64_t *place)
{
	uint32_t state = rst_state_of(*place);
	uint64_t held = rst_place_after(*place, RST_SLAB_HELD);
	bool own = rst_has_home(state) && rst_slab_home(state) == cpu;

	if (own ? !rst_seq_lock_cas(cpu, &slab->place, *place, held)
		: !rst_cas64_sc(&slab->place, place, held))
		return false;
	*place = held;
	/* Nobody changes L of a full slab: its close was a step of the home. So a hold that fails
	 * always leaves an open slab, which is noted. */
	if (!rst_has_home(state) || own || rst_is_full(state) ||
	    rst_seq_fence(rst_slab_home(state)))
		return true;
	rst_slab_let_go(slab, held, state);
	return false;
}

/* ---- Pages --------------------------------------------------------------------------------- */

static void set_slab_of(struct roost_slabs *s, const struct rst_slab *slab, unsigned order,
			uint32_t value)
{
	uint64_t page = (rst_load_rlx(&slab->base) - (uintptr_t)s->base) >> s->page_shift;

	/* Relaxed: a context that has an object got it after this, by the slab's bits. */
	for (uint64_t i = 0; i < (uint64_t)1 << order; i++)
		rst_store_rlx(&s->slab_of[page + i], value);
}

static roost_pfn get_pages(struct roost_slabs *s, unsigned order, unsigned flags)
{
	return s->get ? s->get(s->context, order, flags) : roost_alloc(s->frames, order, flags);
}

static void put_pages(struct roost_slabs *s, roost_pfn pfn, unsigned order)
{
	if (s->put)
		s->put(s->context, pfn, order);
	else
		roost_free(s->frames, pfn, order);
}

void rst_slab_forget(struct roost_slabs *s, struct rst_slab *slab)
{
	struct roost_cache *cache = &s->caches[rst_load_rlx(&slab->cache)];
	uintptr_t base = rst_load_rlx(&slab->base);
	uint32_t number = rst_slab_number(s, slab);
	unsigned order = cache->order;

	/* In the order that slab.h says. */
	if (base)
		set_slab_of(s, slab, order, 0);
	rst_slab_let_go(slab, rst_load_rlx(&slab->place), RST_SLAB_NONE);
	for (unsigned i = 0; i < RST_SLAB_WORDS; i++)
		rst_store_rlx(&slab->local[i], 0);
	rst_hint_clear(&s->hints, rst_slab_bin(cache), number);
	rst_store_rel(&slab->base, 0);
	if (base)
		put_pages(s, s->first + ((base - (uintptr_t)s->base) >> s->page_shift), order);
	roost_free_nolock(s->numbers, number, 0);
}

/* What is in R goes to L, which is the holder's. R is taken, not only looked at: a context that
 * read place long ago may take from it until then. */
static void gather_remote(struct roost_cache *cache, struct rst_slab *slab)
{
	for (unsigned i = 0; i < cache->words; i++) {
		/* Acquire: the home's contexts that freed these are done with them. */
		uint64_t local = rst_load_acq(&slab->local[i]), bits;

		if (!rst_load_rlx(&slab->remote.word[i]))
			continue;
		/* Acquire: those that freed them are done with them. */
		bits = rst_xchg_acq(&slab->remote.word[i], 0);
		rst_store_rlx(&slab->local[i], local | bits);
		if (local & bits)
			rst_objects_twice(cache, rst_load_rlx(&slab->base), i, local & bits);
	}
}

/* The reverse, for a slab that has no home. */
static void share_local(struct roost_cache *cache, struct rst_slab *slab)
{
	for (unsigned i = 0; i < cache->words; i++) {
		uint64_t bits = rst_load_acq(&slab->local[i]); /* as there */

		rst_store_rlx(&slab->local[i], 0);
		if (bits)
			rst_or_sc(&slab->remote.word[i], bits);
	}
}

void rst_slab_return(struct roost_cache *cache, struct rst_slab *slab, uint64_t place,
		     uint32_t state)
{
	uint64_t after = rst_place_after(place, state);

	RST_ASSERT("return: the slab is held", rst_load_rlx(&slab->place) == place);
	if (!rst_has_home(state))
		share_local(cache, slab);
	rst_slab_let_go(slab, place, state);
	if (rst_is_full(state) && rst_slab_has(cache, slab))
		rst_slab_reopen(cache->slabs, slab, after);
}

bool rst_slab_release(struct roost_cache *cache, struct rst_slab *slab)
{
	gather_remote(cache, slab);
	/* What has come into R since would be left there. */
	for (unsigned i = 0; i < cache->words; i++)
		if (rst_load_rlx(&slab->local[i]) != rst_objects_in(cache, i))
			return false;
	rst_add_rlx(&rst_cache_cpu(cache, RST_NO_CPU)->released, 1);
	RST_PROBE3(slab_release, rst_cache_name(cache), rst_load_rlx(&slab->base), cache->order);
	rst_slab_forget(cache->slabs, slab);
	return true;
}

bool rst_slab_release_empty(struct roost_cache *cache, struct rst_slab *slab, unsigned cpu)
{
	uint64_t place = rst_load_acq(&slab->place);
	uint32_t state = rst_state_of(place);

	if (state == RST_SLAB_NONE || state == RST_SLAB_HELD ||
	    rst_load_acq(&slab->cache) != cache->index || !rst_slab_is_empty(cache, slab) ||
	    !rst_slab_hold(slab, cpu, &place))
		return false;
	if (rst_slab_release(cache, slab))
		return true;
	rst_slab_return(cache, slab, place, state);
	return false;
}

/* Some empty slabs of one cache; how many pages. */
static size_t reclaim_of(struct roost_cache *cache, size_t pages)
{
	const struct roost_slabs *s = cache->slabs;
	size_t done = 0;
	uint64_t i = 0;

	if (cache->flags & ROOST_CACHE_QUARANTINE)
		rst_quarantine_flush(cache);
	for (unsigned looks = 0; looks < RST_SLAB_MANY && done < pages; looks++, i++) {
		i = rst_hint_find(&s->hints, rst_slab_bin(cache), i);
		if (i == RST_NO_HINT)
			break;
		if (rst_slab_release_empty(cache, &s->slab[i], rst_slab_cpu(cache)))
			done += (size_t)1 << cache->order;
	}
	return done;
}

size_t roost_slabs_reclaim(roost_slabs_t *s, size_t pages)
{
	uint32_t first = rst_load_rlx(&s->next_reclaim), i = first;
	uint32_t end = rst_load_rlx(&s->caches_end);
	size_t done = 0;

	RST_INSIDE(+1);
	do {
		if (rst_load_acq(&s->caches[i].state) == RST_CACHE_READY)
			done += reclaim_of(&s->caches[i], pages - done);
		i = i + 1 < end ? i + 1 : 0;
	} while (i != first && done < pages);
	rst_store_rlx(&s->next_reclaim, i);
	RST_INSIDE(-1);
	return done;
}

/* ---- Make ---------------------------------------------------------------------------------- */

static bool is_ours(const struct roost_slabs *s, roost_pfn pfn, unsigned order)
{
	return pfn >= s->first && pfn - s->first + ((roost_pfn)1 << order) <= s->nr_pages;
}

/* The objects of a new slab that nobody else knows: all free but the first. */
static void fill_slab(struct roost_cache *cache, struct rst_slab *slab, bool shared)
{
	_Atomic uint64_t *words = shared ? slab->remote.word : slab->local;
	uintptr_t base = rst_load_rlx(&slab->base);

	rst_debug_fill(cache, base);
	for (unsigned i = 0; cache->ctor && i < cache->objects; i++)
		cache->ctor(rst_object(cache, base, i), cache->size);
	/* Release: a context that read the place of the slab before this one, and takes from R only
	 * now, sees at least that there was none in between. */
	for (unsigned i = 0; i < cache->words; i++)
		rst_store_rel(&words[i], rst_objects_in(cache, i) ^ (i ? 0 : 1));
}

/* Walks over all slabs go up to here. */
static void reach_number(struct roost_slabs *s, uint32_t number)
{
	uint32_t more = (number | (RST_OBJECTS - 1)) + 1;

	rst_raise(&s->end, more < s->nr_slabs ? more : s->nr_slabs);
}

void *rst_slab_make(struct roost_cache *cache, unsigned cpu, unsigned flags)
{
	struct roost_slabs *s = cache->slabs;
	struct rst_cache_cpu *mine = rst_cache_cpu(cache, cpu);
	roost_pfn number = roost_alloc(s->numbers, 0, 0), pfn;
	struct rst_slab *slab;
	uintptr_t base;

	if (number == ROOST_NONE)
		return NULL;
	reach_number(s, (uint32_t)number);
	pfn = get_pages(s, cache->order, flags | cache->type);
	if (pfn == ROOST_NONE || !is_ours(s, pfn, cache->order)) {
		if (pfn != ROOST_NONE)
			put_pages(s, pfn, cache->order);
		roost_free_nolock(s->numbers, number, 0);
		return NULL;
	}
	slab = &s->slab[number];
	base = (uintptr_t)s->base + (uintptr_t)((pfn - s->first) << s->page_shift);
	/* Release: a context that reads these looks at place again, and sees at least the place of
	 * before, which is no open one. */
	rst_store_rel(&slab->cache, cache->index);
	rst_store_rel(&slab->base, base);
	fill_slab(cache, slab, cpu == RST_NO_CPU);
	set_slab_of(s, slab, cache->order, (uint32_t)number);
	/* Opens it: release, for what is above. */
	rst_slab_let_go(slab, rst_load_rlx(&slab->place),
			cpu == RST_NO_CPU ? (uint32_t)RST_SLAB_SHARED : RST_SLAB_OPEN | cpu);
	note_slab(cache, slab);
	if (cpu != RST_NO_CPU || !cache->nr_homes) /* else it is some CPU's */
		rst_store_rlx(&mine->current, rst_mark(number, 0));
	rst_add_rlx(&mine->made, 1);
	RST_PROBE3(slab_new, rst_cache_name(cache), base, cache->order);
	return (void *)base; // NOLINT(performance-no-int-to-ptr)
}
