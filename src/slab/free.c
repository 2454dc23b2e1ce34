/* SPDX-License-Identifier: MIT */
/* free.c - frees: on the home CPU into L, all others into R. Neither loops nor waits. */
#include "slab/slab.h"

/* ---- Misuse -------------------------------------------------------------------------------- */

static RST_COLD void refuse(const struct roost_cache *cache, const void *object)
{
	const struct rst_slab *slab = rst_slab_at(cache->slabs, (uintptr_t)object);
	unsigned index = 0;
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

/* The slab and the number in it of an object of this cache; false: it is none. */
static RST_HOT bool find_object(const struct roost_cache *cache, const void *object,
				struct rst_slab **slab, unsigned *index)
{
	uintptr_t address = (uintptr_t)object;

	*slab = rst_slab_at(cache->slabs, address);
	return *slab && rst_load_rlx(&(*slab)->cache) == cache->index &&
	       rst_object_index(cache, address - rst_load_rlx(&(*slab)->base), index);
}

/* ---- Empty slabs --------------------------------------------------------------------------- */

/* The current slab is kept, however empty. */
static RST_HOT bool is_current_slab(const struct roost_cache *cache, const struct rst_slab *slab,
				    unsigned cpu)
{
	return rst_load_rlx(&rst_cache_cpu(cache, cpu)->current) ==
	       rst_slab_number(cache->slabs, slab) + 1;
}

/* A word of the slab became full. */
static RST_COLD void became_full(struct roost_cache *cache, struct rst_slab *slab, unsigned cpu)
{
	uint64_t place = rst_load_acq(&slab->place);
	uint32_t state = rst_state_of(place);

	/* A fence would be a system call, and a free makes none: another CPU's slab stays. */
	if (state != RST_SLAB_SHARED && (cpu == RST_NO_CPU || state != (RST_SLAB_OPEN | cpu)))
		return;
	/* Acquire: if place has not changed when the slab is held, it is of this cache. */
	if (rst_load_acq(&slab->cache) != cache->index || is_current_slab(cache, slab, cpu) ||
	    !rst_slab_is_empty(cache, slab))
		return;
	RST_INSIDE(+1);
	if (rst_slab_hold(slab, cpu, &place) && !rst_slab_release(cache, slab))
		rst_slab_return(cache, slab, place, state);
	RST_INSIDE(-1);
}

/* ---- Put ----------------------------------------------------------------------------------- */

static RST_HOT void remember(struct rst_cache_cpu *mine, uintptr_t address)
{
	uint64_t nr = rst_load_rlx(&mine->nr);

	if (nr >= RST_OBJECT_HINTS)
		return;
	rst_store_rlx(&mine->object[nr], address);
	rst_store_rlx(&mine->nr, nr + 1);
}

/* Puts an object into L, if the slab is this CPU's. */
static RST_HOT bool put_home(struct roost_cache *cache, struct rst_slab *slab, unsigned cpu,
			     unsigned index, uintptr_t object)
{
	struct rst_seq_at q = {.guard = &slab->place, .word = &slab->local[index / 64]};
	uint64_t bit = (uint64_t)1 << index % 64;

	/* The caller has an object of the slab, so it is what it was; but it may change homes. */
	q.expected = rst_load_rlx(&slab->place);
	q.old = rst_load_rlx(q.word);
	q.new = q.old | bit;
	if (RST_RARE(rst_state_of(q.expected) != (RST_SLAB_OPEN | cpu) || q.old & bit ||
		     !rst_seq_cas_at(cpu, q)))
		return false;
	remember(&cache->cpus[cpu], object);
	if (RST_RARE(q.new == rst_objects_in(cache, index / 64)) &&
	    !is_current_slab(cache, slab, cpu))
		became_full(cache, slab, cpu);
	return true;
}

/* Is it in L? It may be there although it is going into R. */
static bool is_local(const struct rst_slab *slab, unsigned cpu, unsigned index)
{
	return cpu != RST_NO_CPU &&
	       rst_state_of(rst_load_rlx(&slab->place)) == (RST_SLAB_OPEN | cpu) &&
	       rst_load_rlx(&slab->local[index / 64]) >> index % 64 & 1;
}

/* Puts an object into R. */
static RST_COLD void put_away(struct roost_cache *cache, struct rst_slab *slab, unsigned cpu,
			      unsigned index, void *object)
{
	_Atomic uint64_t *word = &slab->remote.word[index / 64];
	uint64_t place;

	/* In R it would stay until an allocation finds L empty, and the slab would never look as if
	 * all of it were free. */
	if (cpu != RST_NO_CPU && rst_slab_reopen_home(cache, slab, cpu) &&
	    put_home(cache, slab, cpu, index, (uintptr_t)object))
		return;
	/* No other CPU reads L: that line is its owner's. */
	if (is_local(slab, cpu, index) || rst_set_put_new(word, index % 64)) {
		refuse(cache, object);
		return;
	}
	/* After the put: see slab.h. The slab may be gone by now, and another one there: then this
	 * notes what need not be noted, and a search clears that. */
	place = rst_load_sc(&slab->place);
	if (rst_is_full(rst_state_of(place)))
		rst_slab_reopen(cache->slabs, slab, place);
	else if (rst_load_rlx(word) == rst_objects_in(cache, index / 64))
		became_full(cache, slab, cpu);
}

/* ---- The calls ----------------------------------------------------------------------------- */

/* Of a caller without sequences, or into a cache with red zones or poison. */
static RST_COLD void free_object_slow(struct roost_cache *cache, struct rst_slab *slab,
				      unsigned cpu, unsigned index, void *object)
{
	if (cache->flags && !rst_debug_free(cache, object))
		return;
	if (cpu == RST_NO_CPU || !put_home(cache, slab, cpu, index, (uintptr_t)object))
		put_away(cache, slab, cpu, index, object);
}

/* All calls are the last thing that it does, so it needs no frame on the stack. */
void roost_cache_free(roost_cache_t *cache, void *object)
{
	unsigned cpu = rst_slab_cpu(cache->slabs), index = 0;
	struct rst_slab *slab;

	if (RST_RARE(!find_object(cache, object, &slab, &index)))
		refuse(cache, object);
	else if (RST_RARE(cpu == RST_NO_CPU || cache->flags))
		free_object_slow(cache, slab, cpu, index, object);
	else if (!put_home(cache, slab, cpu, index, (uintptr_t)object))
		put_away(cache, slab, cpu, index, object);
}

void roost_cache_free_bulk(roost_cache_t *cache, void *const *objects, size_t n)
{
	for (size_t i = 0; i < n; i++)
		roost_cache_free(cache, objects[i]);
}
