/* SPDX-License-Identifier: MIT */
/* check.c - reports of misuse; red zones and poison, the only code here that reads or writes
 * objects. */
#include "slab/slab.h"

/* ---- Reports ------------------------------------------------------------------------------- */

void rst_object_misuse(const struct roost_slabs *s, const char *call,
		       const struct roost_cache *cache, const void *object, const char *what)
{
	if (cache)
		rst_add_rlx(&rst_cache_cpu(cache, RST_NO_CPU)->misused, 1);
	RST_PROBE4(object_misuse, call, object, what, cache ? rst_cache_name(cache) : "");
	if (s->misuse)
		s->misuse(s->context, call, cache, object, what);
	else
		rst_fatal(what);
}

void rst_objects_twice(const struct roost_cache *cache, uintptr_t base, unsigned word,
		       uint64_t bits)
{
	for (; bits; bits &= bits - 1)
		rst_object_misuse(
			cache->slabs, "roost_cache_free", cache,
			rst_object(cache, base, word * 64 + (unsigned)__builtin_ctzll(bits)),
			"was freed twice, on two CPUs; it is found only now");
}

/* ---- Red zones and poison ------------------------------------------------------------------ */

enum { ZONE = 0xbb, POISON = 0x6b, FRESH = 0x5a };

static void set(uintptr_t from, uintptr_t to, unsigned char value)
{
	for (; from < to; from++)
		*(volatile unsigned char *)from = value; // NOLINT(performance-no-int-to-ptr)
}

static bool is_all(uintptr_t from, uintptr_t to, unsigned char value)
{
	while (from < to && *(const volatile unsigned char *)from == value) // NOLINT
		from++;
	return from == to;
}

/* The objects of a new slab are as if they had been freed. */
void rst_debug_fill(struct roost_cache *cache, uintptr_t base)
{
	for (unsigned i = 0; i < cache->objects && cache->flags; i++) {
		uintptr_t object = base + (uintptr_t)(i * cache->stride);

		if (cache->flags & ROOST_CACHE_REDZONE)
			set(object + cache->size, object + (uintptr_t)cache->stride, ZONE);
		if (cache->flags & ROOST_CACHE_POISON)
			set(object, object + cache->size, POISON);
	}
	if (cache->flags & ROOST_CACHE_POISON) /* the first is the caller's */
		set(base, base + cache->size, FRESH);
}

/* Before the object is free. False: it was reported, and stays allocated. */
bool rst_debug_free(struct roost_cache *cache, void *object)
{
	uintptr_t at = (uintptr_t)object;

	if (cache->flags & ROOST_CACHE_REDZONE &&
	    !is_all(at + cache->size, at + (uintptr_t)cache->stride, ZONE)) {
		rst_object_misuse(cache->slabs, "roost_cache_free", cache, object,
				  "was written to past its end");
		set(at + cache->size, at + (uintptr_t)cache->stride,
		    ZONE); /* the next free succeeds */
		return false;
	}
	if (cache->flags & ROOST_CACHE_POISON)
		set(at, at + cache->size, POISON);
	return true;
}

void rst_debug_refill(struct roost_cache *cache, uintptr_t at)
{
	if (cache->flags & ROOST_CACHE_REDZONE)
		set(at + cache->size, at + cache->stride, ZONE);
	set(at, at + cache->size, POISON);
}

void rst_debug_leave(struct roost_cache *cache, uintptr_t at)
{
	if (is_all(at, at + cache->size, POISON) &&
	    (!(cache->flags & ROOST_CACHE_REDZONE) ||
	     is_all(at + cache->size, at + cache->stride, ZONE)))
		return;
	rst_object_misuse(cache->slabs, "roost_cache_free", cache, (void *)at, // NOLINT
			  "was written to after it was freed");
	rst_debug_refill(cache, at);
}

/* After it was taken. */
void *rst_debug_alloc(struct roost_cache *cache, void *object)
{
	uintptr_t at = (uintptr_t)object;

	if (!(cache->flags & ROOST_CACHE_POISON))
		return object;
	if (!is_all(at, at + cache->size, POISON) && !is_all(at, at + cache->size, FRESH))
		rst_object_misuse(cache->slabs, "roost_cache_alloc", cache, object,
				  "was written to while it was free");
	set(at, at + cache->size, FRESH);
	return object;
}
