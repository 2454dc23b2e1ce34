/* SPDX-License-Identifier: MIT */
/*
 * registry.c - finds the pool of an address.
 *
 *	range   | 63 ... 28: base >> 21 | 27 ... 0: size >> 21 |     0: none
 *
 * A pool's whole range is one word. So a look sees all of it or nothing, and a block of an old pool
 * is never taken for one of a new pool in the same entry of the table.
 */
#include "pool/pool.h"

enum {
	SHIFT = 21,
	SIZE_BITS = 28,
};

static struct {
	_Atomic uint64_t range; /* a */
	_Atomic uint32_t taken; /* a; the entry is claimed */
	roost_pool_t pool;
} table[ROOST_MAX_POOLS];

/* Before create.c sets its own. */
static void nothing(roost_pool_t *none)
{
	(void)none;
}

struct rst_pool_lock rst_registry_lock = {.repair = nothing};

static _Atomic unsigned nr_used; /* a; no entry from here on was ever taken */

static unsigned index_of(const roost_pool_t *pool)
{
	unsigned i = 0;

	while (&table[i].pool != pool)
		i++;
	return i;
}

roost_pool_t *rst_registry_claim(void)
{
	for (unsigned i = 0; i < ROOST_MAX_POOLS; i++) {
		uint32_t free = 0;
		unsigned used = atomic_load(&nr_used);

		/* Acquire: comes after all that the last holder did with it. */
		if (!atomic_compare_exchange_strong_explicit(
			    &table[i].taken, &free, 1, memory_order_acquire, memory_order_relaxed))
			continue;
		while (used <= i && !atomic_compare_exchange_weak(&nr_used, &used, i + 1))
			;
		return &table[i].pool;
	}
	return NULL;
}

void rst_registry_publish(const roost_pool_t *pool)
{
	uint64_t range =
		(uint64_t)((uintptr_t)pool->base >> SHIFT) << SIZE_BITS | pool->limit >> SHIFT;

	/* Release: a thread that finds the range finds the pool ready. */
	atomic_store_explicit(&table[index_of(pool)].range, range, memory_order_release);
}

void rst_registry_withdraw(const roost_pool_t *pool)
{
	atomic_store(&table[index_of(pool)].range, 0);
}

void rst_registry_release(roost_pool_t *pool)
{
	atomic_store_explicit(&table[index_of(pool)].taken, 0, memory_order_release);
}

roost_pool_t *rst_registry_get(unsigned i)
{
	return i < ROOST_MAX_POOLS && atomic_load_explicit(&table[i].range, memory_order_acquire)
		       ? &table[i].pool
		       : NULL;
}

roost_pool_t *rst_registry_unfinished(unsigned i)
{
	return i < ROOST_MAX_POOLS && atomic_load(&table[i].taken) && !atomic_load(&table[i].range)
		       ? &table[i].pool
		       : NULL;
}

void rst_registry_without_threads(void)
{
	for (unsigned i = 0; i < ROOST_MAX_POOLS; i++)
		table[i].pool.has_thread = false;
}

roost_pool_t *roost_pool_of(const void *address)
{
	uint64_t at = (uintptr_t)address >> SHIFT;
	unsigned n = atomic_load_explicit(&nr_used, memory_order_relaxed);

	for (unsigned i = 0; i < n; i++) {
		uint64_t range = atomic_load_explicit(&table[i].range, memory_order_acquire);

		if (at - (range >> SIZE_BITS) < (range & ((1u << SIZE_BITS) - 1)))
			return &table[i].pool;
	}
	return NULL;
}
