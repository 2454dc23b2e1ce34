/* SPDX-License-Identifier: MIT */
/* free.c - frees: on the home CPU into L, all others into R. Neither loops nor waits. */
#include "slab/slab.h"

/* ---- Misuse -------------------------------------------------------------------------------- */

static RST_COLD void refuse(const struct roost_cache *cache, const void *object)
{
	const struct rst_slab *slab = rst_slab_at(cache->slabs, (uintptr_t)object);
	uint64_t index;
	const char *what;

	if (!object)
		return;
	if (!slab)
		what = "is in no slab: it is no object of any cache";
	else if (rst_load_rlx(&slab->cache) != cache->index)
		what = "is an object of another cache";
	else if (!rst_object_index(cache, (uintptr_t)object - rst_load_rlx(&slab->base), &index))
		what = "is inside an object, or past the last one of a slab";
	else
		what = "is free already";
	rst_object_misuse(cache->slabs, "roost_cache_free", cache, object, what);
}

/* What a pointer leads to. */
struct found {
	uintptr_t address;
	struct rst_slab *slab;
	uint64_t mark, word; /* of the object; of L and R: its number */
};

/* False: it is no object of this cache. */
static RST_HOT bool find_object(const struct roost_cache *cache, struct found *found)
{
	const struct roost_slabs *s = cache->slabs;
	uint64_t page = (found->address - (uintptr_t)s->base) >> s->page_shift;
	uint32_t number;
	uint64_t index;

	if (page >= s->nr_pages) /* below the base, too */
		return false;
	number = rst_load_rlx(&s->slab_of[page]);
	found->slab = &s->slab[number];
	if (rst_load_rlx(&found->slab->cache) != cache->index || /* never of the first */
	    !rst_object_index(cache, found->address - rst_load_rlx(&found->slab->base), &index))
		return false;
	found->mark = rst_mark(number, index);
	found->word = index / 64;
	return true;
}

/* ---- Empty slabs --------------------------------------------------------------------------- */

/* The current slab is kept, however empty. */
static RST_HOT bool is_current_slab(const struct roost_cache *cache, const struct rst_slab *slab,
				    unsigned cpu)
{
	return rst_marked_slab(rst_load_rlx(&rst_cache_cpu(cache, cpu)->current)) ==
	       rst_slab_number(cache->slabs, slab);
}

/* A word of the slab became full. */
static __attribute__((noinline)) void became_full(struct roost_cache *cache, struct rst_slab *slab,
						  unsigned cpu)
{
	uint64_t place;
	uint32_t state;

	if (is_current_slab(cache, slab, cpu))
		return;
	place = rst_load_acq(&slab->place);
	state = rst_state_of(place);
	/* A fence would be a system call, and a free makes none: another CPU's slab stays. */
	if (state != RST_SLAB_SHARED && (cpu == RST_NO_CPU || state != (RST_SLAB_OPEN | cpu)))
		return;
	/* Acquire: if place has not changed when the slab is held, it is of this cache. */
	if (rst_load_acq(&slab->cache) != cache->index || !rst_slab_is_empty(cache, slab))
		return;
	RST_INSIDE(+1);
	if (rst_slab_hold(slab, cpu, &place) && !rst_slab_release(cache, slab))
		rst_slab_return(cache, slab, place, state);
	RST_INSIDE(-1);
}

/* ---- Put ----------------------------------------------------------------------------------- */

static RST_HOT void remember(struct rst_cache_cpu *mine, uint64_t mark, uintptr_t address)
{
	uint64_t nr = rst_load_rlx(&mine->nr);

	if (nr >= RST_OBJECT_HINTS)
		return;
	rst_store_rlx(&mine->object[nr].mark, mark);
	rst_store_rlx(&mine->object[nr].address, address);
	rst_store_rlx(&mine->nr, nr + 1);
}

/* Puts an object into L, if the slab is of the CPU on which this runs. */
static RST_HOT bool put_home(struct roost_cache *cache, const struct found *at)
{
	/* The caller has an object of the slab, so it is what it was; but it may change homes. */
	struct rst_seq_bit q = {.guard = &at->slab->place,
				.expected = RST_SLAB_OPEN,
				.word = &at->slab->local[at->word],
				.bit = at->mark};
	struct rst_cache_cpu *mine;
	uint32_t state;
	uint64_t now;

	if (RST_RARE(!rst_seq_put(q, &state, &now)))
		return false;
	mine = cache->cpus + state - RST_SLAB_OPEN;
	remember(mine, at->mark, at->address);
	if (RST_RARE(now == rst_objects_in(cache, at->word)) &&
	    rst_marked_slab(at->mark ^ rst_load_rlx(&mine->current)))
		became_full(cache, at->slab, state - RST_SLAB_OPEN);
	return true;
}

/* Is it in L? It may be there although it is going into R. */
static bool is_local(const struct rst_slab *slab, unsigned cpu, unsigned index)
{
	return cpu != RST_NO_CPU &&
	       rst_state_of(rst_load_rlx(&slab->place)) == (RST_SLAB_OPEN | cpu) &&
	       rst_load_rlx(&slab->local[index / 64]) >> index % 64 & 1;
}

/* Before an object of a cache with red zones, poison or a quarantine is free. That may be another
 * one then, which leaves the quarantine. False: there is none to free. */
static RST_COLD bool debug_free(struct roost_cache *cache, struct found *at)
{
	void *object = (void *)at->address; // NOLINT(performance-no-int-to-ptr)

	if (!(cache->flags & ROOST_CACHE_QUARANTINE))
		return rst_debug_free(cache, object);
	object = rst_quarantine(cache, at->slab, rst_marked_index(at->mark), object);
	at->address = (uintptr_t)object;
	return object && find_object(cache, at);
}

/* Puts an object into R. Not inlined, so that a free at home needs no frame on the stack. */
static __attribute__((noinline)) void put_away(struct roost_cache *cache, struct rst_slab *slab,
					       uint64_t mark, void *object)
{
	struct found at = {(uintptr_t)object, slab, mark, rst_marked_index(mark) / 64};
	unsigned index, cpu = rst_slab_cpu(cache);
	_Atomic uint64_t *word;
	uint64_t place;

	/* Such a cache has no homes. */
	if (RST_RARE(cache->flags) && !debug_free(cache, &at))
		return;
	slab = at.slab;
	index = rst_marked_index(at.mark);
	word = &slab->remote.word[at.word];
	/* In R it would stay until an allocation finds L empty, and the slab would never look as if
	 * all of it were free. */
	if (cpu != RST_NO_CPU && rst_slab_reopen_home(cache, slab, cpu) && put_home(cache, &at))
		return;
	/* No other CPU reads L: that line is its owner's. */
	if (is_local(slab, cpu, index) || rst_set_put_new(word, index % 64)) {
		refuse(cache, (const void *)at.address); // NOLINT(performance-no-int-to-ptr)
		return;
	}
	/* After the put: see slab.h. The slab may be gone by now, and another one there: then this
	 * notes what need not be noted, and a search clears that. */
	place = rst_load_sc(&slab->place);
	if (rst_is_full(rst_state_of(place)))
		rst_slab_reopen(cache->slabs, slab, place);
	else if (rst_load_rlx(word) == rst_objects_in(cache, at.word))
		became_full(cache, slab, cpu);
}

/* ---- The calls ----------------------------------------------------------------------------- */

/* All calls are the last thing that it does. */
void roost_cache_free(roost_cache_t *cache, void *object)
{
	struct found at = {.address = (uintptr_t)object};

	if (RST_RARE(!find_object(cache, &at)))
		refuse(cache, object);
	else if (!put_home(cache, &at))
		put_away(cache, at.slab, at.mark, object);
}

void roost_cache_free_bulk(roost_cache_t *cache, void *const *objects, size_t n)
{
	for (size_t i = 0; i < n; i++)
		roost_cache_free(cache, objects[i]);
}
