/* SPDX-License-Identifier: MIT */
/*
 * quarantine.c - freed objects that are kept from being handed out again for a while, filled, so
 * that a write after the free is found.
 *
 *	free       its bit in `waiting`; fill it; exchange it for what is in the ring's next place
 *	leave      what was there: was it written to? clear its bit; THEN free it as any other
 *
 * The ring is an array of addresses apart from the objects, and a count of what came. So it is
 * first in, first out, holds as many objects as it has places, and no context waits: an exchange
 * leaves one object, and gets another one or none. What a context that stops forever hides is one
 * object. If it had its bit, roost_slabs_recover() frees it; else it stays allocated.
 *
 * An object has its bit in at most one of L, R and `waiting`. It is cleared before the object is
 * freed: afterwards another caller may have the object, and free it again.
 */
#include "slab/slab.h"

/* The bit of an object in one of its slab's words. */
static uint64_t bit_of(unsigned index)
{
	return (uint64_t)1 << index % 64;
}

static bool in_l_or_r(const struct rst_slab *slab, unsigned index)
{
	return (rst_load_rlx(&slab->local[index / 64]) |
		rst_load_rlx(&slab->remote.word[index / 64])) &
	       bit_of(index);
}

static void *enter_ring(struct roost_cache *cache, uintptr_t object)
{
	uint32_t place = rst_fetch_add_rlx(&cache->ring_next, 1) % cache->ring_size;

	/* Release: the object is filled before another context takes it out. Acquire: so is what
	 * was there. */
	return (void *)rst_xchg_acq_rel(&cache->ring[place], object); // NOLINT
}

/* Where the object that has left is; false: there is none. */
static bool leave_ring(struct roost_cache *cache, const void *object, struct rst_slab **slab,
		       unsigned *index)
{
	uintptr_t address = (uintptr_t)object;
	uint64_t i = 0;

	if (!object)
		return false;
	/* It is not free, so its slab is what it was. */
	*slab = rst_slab_at(cache->slabs, address);
	rst_object_index(cache, address - rst_load_rlx(&(*slab)->base), &i);
	*index = (unsigned)i;
	rst_debug_leave(cache, address);
	/* Before the object is in L or R: see above. */
	rst_and_sc(&(*slab)->waiting[*index / 64], ~bit_of(*index));
	return true;
}

/* Takes the object in. False: it was misuse, which has been reported. */
static bool take_in(struct roost_cache *cache, struct rst_slab *slab, unsigned index, void *object)
{
	_Atomic uint64_t *waiting = &slab->waiting[index / 64];
	bool is_free;

	/* The bit first: of two frees of an object one finds it set, or (the object has left
	 * meanwhile) finds that it is free. */
	if (rst_set_put_new(waiting, index % 64)) {
		rst_object_misuse(cache->slabs, "roost_cache_free", cache, object,
				  "is free already, in the quarantine");
		return false;
	}
	is_free = in_l_or_r(slab, index);
	if (!is_free && rst_debug_free(cache, object))
		return true;
	rst_and_sc(waiting, ~bit_of(index)); /* it stays as it is */
	if (is_free)
		rst_object_misuse(cache->slabs, "roost_cache_free", cache, object,
				  "is free already");
	return false;
}

void *rst_quarantine(struct roost_cache *cache, struct rst_slab *slab, unsigned index, void *object)
{
	/* A child that a handler forks here recovers nothing: it would free the object, and then go
	 * on with the call. */
	RST_INSIDE(+1);
	object = take_in(cache, slab, index, object) ? enter_ring(cache, (uintptr_t)object) : NULL;
	if (!leave_ring(cache, object, &slab, &index))
		object = NULL;
	RST_INSIDE(-1);
	return object;
}

bool rst_quarantine_flush(struct roost_cache *cache)
{
	bool any = false;

	RST_INSIDE(+1);
	for (uint32_t i = 0; i < cache->ring_size; i++) {
		const void *object;
		struct rst_slab *slab;
		unsigned index;

		if (!rst_load_rlx(&cache->ring[i]))
			continue;
		object = (void *)rst_xchg_acq_rel(&cache->ring[i], 0); // NOLINT
		if (!leave_ring(cache, object, &slab, &index))
			continue;
		rst_slab_put(cache->slabs, slab, index / 64, bit_of(index));
		any = true;
	}
	RST_INSIDE(-1);
	return any;
}

void rst_quarantine_recover(struct roost_cache *cache, struct rst_slab *slab)
{
	for (unsigned i = 0; i < cache->words; i++) {
		uint64_t bits = rst_load_rlx(&slab->waiting[i]);

		if (!bits)
			continue;
		rst_store_rlx(&slab->waiting[i], 0);
		for (uint64_t left = bits; left; left &= left - 1)
			rst_debug_refill(
				cache,
				rst_load_rlx(&slab->base) +
					(uintptr_t)((i * 64 + (unsigned)__builtin_ctzll(left)) *
						    cache->stride));
		rst_slab_put(cache->slabs, slab, i, bits);
	}
}
