/* SPDX-License-Identifier: MIT */
/* test_cache_misuse.c - misuse of caches: what is found at the call, and by red zones, poison and
 * the quarantine. */
#include <string.h>

#include "slabs.h"

static struct slabs s;
static void *held[1 << 12];

/* ---- Misuse -------------------------------------------------------------------------------- */

static void misuse_is_found_at_the_call(void **state)
{
	(void)state;
	for (unsigned level = 0; level <= ROOST_CHECK_PARANOID; level++) {
		roost_cache_t *cache, *other;
		char *object, *last = NULL, *others;
		int local;

		slabs_open(&s, 512, level);
		cache = slabs_cache(&s, 48);
		other = slabs_cache(&s, 64);
		object = slabs_get(cache);
		others = slabs_get(other);
		roost_cache_free(cache, object + 16);
		slabs_saw(&s, "roost_cache_free", object + 16,
			  "is inside an object, or past the last one of a slab");
		roost_cache_free(cache, others);
		slabs_saw(&s, "roost_cache_free", others, "is an object of another cache");
		roost_cache_free(cache, &local);
		slabs_saw(&s, "roost_cache_free", &local,
			  "is in no slab: it is no object of any cache");
		roost_cache_free(cache, s.base + s.base_size - 64);
		slabs_saw(&s, "roost_cache_free", s.base + s.base_size - 64,
			  "is in no slab: it is no object of any cache");
		/* The end of a page that holds less than one object more. */
		last = object + (slabs_stats(cache).slab_objects * (size_t)48);
		roost_cache_free(cache, last);
		slabs_saw(&s, "roost_cache_free", last,
			  "is inside an object, or past the last one of a slab");
		roost_cache_free(cache, object + 48); /* was never handed out */
		slabs_saw(&s, "roost_cache_free", object + 48, "is free already");
		assert_int_equal(slabs_stats(cache).misused, 6); /* in calls for this one */
		assert_int_equal(slabs_stats(other).misused, 0);
		roost_cache_free(cache, object);
		roost_cache_free(cache, object);
		slabs_saw(&s, "roost_cache_free", object, "is free already");
		assert_null(roost_object_cache(s.slabs, object));
		assert_ptr_equal(roost_object_cache(s.slabs, others), other);
		assert_null(roost_cache_alloc(cache, ROOST_ATOMIC));
		slabs_saw(&s, "roost_cache_alloc", NULL,
			  "has flags other than ROOST_WAIT and ROOST_RESERVE");
		roost_cache_free(cache, NULL);
		roost_cache_free(other, others);
		slabs_close_cache(&s, cache);
		slabs_close_cache(&s, other);
		slabs_close(&s);
	}
}

/* At ROOST_CHECK_EXACT, on whichever CPUs the two frees are. */
static void two_frees_on_two_threads(void **state)
{
	(void)state;
	slabs_open(&s, 512, ROOST_CHECK_EXACT);
	for (unsigned i = 0; i < 16; i++) {
		roost_cache_t *cache = slabs_cache(&s, 64);
		void *object = slabs_get(cache), *other = slabs_get(cache); /* keeps the slab */

		slabs_free_elsewhere(cache, object);
		roost_cache_free(cache, object);
		slabs_saw(&s, "roost_cache_free", object, "is free already");
		roost_cache_free(cache, other);
		slabs_close_cache(&s, cache);
	}
	slabs_close(&s);
}

static void objects_out_keep_a_cache(void **state)
{
	roost_cache_t *cache;
	uint64_t left = 0;

	(void)state;
	slabs_open(&s, 512, ROOST_CHECK_STATE);
	cache = slabs_cache(&s, 64);
	for (unsigned i = 0; i < 700; i++)
		held[i] = slabs_get(cache);
	assert_int_equal(roost_cache_destroy(cache, &left), -ROOST_EBUSY);
	assert_int_equal(left, 700);
	held[700] = slabs_get(cache);
	for (unsigned i = 0; i <= 700; i++)
		roost_cache_free(cache, held[i]);
	slabs_close_cache(&s, cache);
	slabs_close(&s);
}

static void red_zones_and_poison(void **state)
{
	roost_cache_t *cache;
	char *object;

	(void)state;
	slabs_open(&s, 512, ROOST_CHECK_STATE);
	assert_int_equal(roost_cache_create(&cache, s.slabs, "guarded", 20, 0,
					    ROOST_CACHE_REDZONE | ROOST_CACHE_POISON, NULL),
			 0);
	assert_int_equal(slabs_stats(cache).size, 20);
	object = slabs_get(cache);
	memset(object, 1, 20);
	object[20] = 1;
	roost_cache_free(cache, object);
	slabs_saw(&s, "roost_cache_free", object, "was written to past its end");
	roost_cache_free(cache, object); /* it is whole again */
	assert_int_equal(s.misuses, 0);
	object[3] = 1;
	assert_ptr_equal(slabs_get(cache), object);
	slabs_saw(&s, "roost_cache_alloc", object, "was written to while it was free");
	roost_cache_free(cache, object);
	for (unsigned i = 0; i < 2000; i++)
		memset(held[i] = slabs_get(cache), (int)i, 20);
	for (unsigned i = 0; i < 2000; i++)
		roost_cache_free(cache, held[i]);
	slabs_close_cache(&s, cache);
	slabs_close(&s);
}

/* ---- Quarantine ---------------------------------------------------------------------------- */

static roost_cache_t *quarantined_cache(size_t size, unsigned flags)
{
	roost_cache_t *cache;

	assert_int_equal(roost_cache_create(&cache, s.slabs, "quarantined", size, 0,
					    ROOST_CACHE_QUARANTINE | flags, NULL),
			 0);
	return cache;
}

/* How many objects of this size it holds. */
static size_t quarantine_of(size_t size)
{
	return 65536 / size < 256 ? 65536 / size : 256;
}

/* As many as 64 KiB have, 256 at most; what comes first leaves first. */
static void quarantine_keeps_objects_for_a_while(void **state)
{
	static const size_t sizes[] = {16, 256, 272, 4096, 32768};

	(void)state;
	slabs_open(&s, 2048, ROOST_CHECK_STATE);
	for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
		size_t n = quarantine_of(sizes[k]);
		roost_cache_t *cache = quarantined_cache(sizes[k], 0);

		for (size_t i = 0; i < n + 4; i++)
			held[i] = slabs_get(cache);
		for (size_t i = 0; i < n + 3; i++) {
			roost_cache_free(cache, held[i]);
			assert_int_equal(slabs_stats(cache).quarantined, i < n ? i + 1 : n);
			assert_null(roost_object_cache(s.slabs, held[i]));
			assert_int_equal(slabs_stats(cache).allocated, n + 3 - i);
		}
		slabs_are_sound(&s);
		roost_cache_free(cache, held[3]); /* is in it, and will be for long */
		slabs_saw(&s, "roost_cache_free", held[3], "is free already, in the quarantine");
		roost_cache_free(cache, held[2]); /* has left it */
		slabs_saw(&s, "roost_cache_free", held[2], "is free already");
		assert_int_equal(slabs_stats(cache).quarantined, n);
		slabs_are_sound(&s);
		for (size_t i = 0; i < n + 4; i++) { /* none that is in it is handed out */
			void *object = slabs_get(cache);

			for (size_t at = 3 + i; at < n + 3; at++)
				assert_ptr_not_equal(object, held[at]);
			roost_cache_free(cache, object);
		}
		roost_cache_free(cache, held[n + 3]);
		assert_int_equal(slabs_stats(cache).quarantined, n);
		roost_cache_shrink(cache);
		assert_int_equal(slabs_stats(cache).quarantined + slabs_stats(cache).slabs, 0);
		roost_cache_free(cache, slabs_get(cache));
		slabs_close_cache(&s, cache); /* with one in it */
	}
	slabs_close(&s);
}

static void quarantine_finds_writes(void **state)
{
	roost_cache_t *cache;
	char *object;

	(void)state;
	slabs_open(&s, 512, ROOST_CHECK_STATE);
	for (unsigned past_end = 0; past_end < 2; past_end++) {
		cache = quarantined_cache(64, past_end ? ROOST_CACHE_REDZONE : 0);
		object = slabs_get(cache);
		roost_cache_free(cache, object);
		object[past_end ? 64 : 5] = 1;
		for (unsigned i = 0; i < 256 && !s.misuses; i++)
			roost_cache_free(cache, slabs_get(cache));
		assert_string_equal(s.cache, "quarantined");
		slabs_saw(&s, "roost_cache_free", object, "was written to after it was freed");
		object = slabs_get(cache);
		roost_cache_free(cache, object);
		object[0] = 1; /* the end finds it, too */
		assert_int_equal(roost_cache_destroy(cache, NULL), 0);
		slabs_saw(&s, "roost_cache_free", object, "was written to after it was freed");
	}
	cache = quarantined_cache(64, ROOST_CACHE_REDZONE);
	object = slabs_get(cache);
	object[64] = 1;
	roost_cache_free(cache, object);
	slabs_saw(&s, "roost_cache_free", object, "was written to past its end");
	assert_int_equal(slabs_stats(cache).allocated, 1); /* it stays so, and can be freed then */
	roost_cache_free(cache, object);
	slabs_close_cache(&s, cache);
	slabs_close(&s);
}

/* What is in it does not make an allocation fail. */
static void quarantine_is_emptied_for_memory(void **state)
{
	roost_cache_t *cache, *other;
	size_t n = 0;

	(void)state;
	slabs_open(&s, 64, ROOST_CHECK_STATE);
	for (unsigned round = 0; round < 2; round++) {
		cache = quarantined_cache(1024, 0);
		other = slabs_cache(&s, 1024);
		for (n = 0; (held[n] = roost_cache_alloc(cache, 0)); n++)
			;
		assert_true(n > 200);
		for (size_t i = 0; i < n; i++)
			roost_cache_free(cache, held[i]);
		for (size_t i = 0; i < n; i++)
			held[i] = slabs_get(round ? other : cache);
		for (size_t i = 0; i < n; i++)
			if (i % 8) /* so no slab is empty */
				roost_cache_free(round ? other : cache, held[i]);
		for (size_t i = 0; i < n; i++)
			if (i % 8)
				held[i] = slabs_get(round ? other : cache);
		for (size_t i = 0; i < n; i++)
			roost_cache_free(round ? other : cache, held[i]);
		slabs_close_cache(&s, cache);
		slabs_close_cache(&s, other);
	}
	assert_int_equal(roost_cache_create(&cache, s.slabs, "made", 96, 0, ROOST_CACHE_QUARANTINE,
					    (roost_ctor_fn *)(uintptr_t)1),
			 -ROOST_EINVAL);
	slabs_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(misuse_is_found_at_the_call),
		cmocka_unit_test(two_frees_on_two_threads),
		cmocka_unit_test(objects_out_keep_a_cache),
		cmocka_unit_test(red_zones_and_poison),
		cmocka_unit_test(quarantine_keeps_objects_for_a_while),
		cmocka_unit_test(quarantine_finds_writes),
		cmocka_unit_test(quarantine_is_emptied_for_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
