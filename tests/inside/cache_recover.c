/* SPDX-License-Identifier: MIT */
/*
 * cache_recover.c - roost_slabs_recover() after contexts that are gone were stopped at each point
 * at which one may be: what it finds is set here by hand, since no call of one thread leaves it.
 */
#include "slabs.h"

#include "sets/hidden.h"
#include "slab/slab.h"

enum { PAGES = 512, OBJECTS = 512, SIZE = 64 };

static struct slabs s;
static roost_cache_t *cache;
static void *held[OBJECTS + 1];

static int set_up(void **state)
{
	(void)state;
	slabs_open(&s, PAGES, ROOST_CHECK_STATE);
	cache = slabs_cache(&s, SIZE);
	return 0;
}

/* Right again: n slabs were recovered, and then there are these slabs and objects. */
static void recovers(size_t n, uint64_t slabs, uint64_t allocated)
{
	struct roost_cache_stats stats;

	assert_int_equal(roost_slabs_validate(s.slabs, NULL), -ROOST_EUCLEAN);
	assert_int_equal(roost_slabs_recover(s.slabs), n);
	slabs_are_sound(&s);
	assert_int_equal(roost_slabs_recover(s.slabs), 0);
	slabs_are_sound(&s);
	roost_cache_stats(cache, &stats);
	assert_int_equal(stats.slabs, slabs);
	assert_int_equal(stats.allocated, allocated);
}

static void ends(void)
{
	assert_int_equal(roost_cache_destroy(cache, NULL), 0);
	slabs_close(&s);
}

static struct rst_slab *slab_of(const void *object)
{
	return rst_slab_at(s.slabs, (uintptr_t)object);
}

static void hold(struct rst_slab *slab)
{
	rst_store_sc(&slab->place, rst_place_after(rst_load_rlx(&slab->place), RST_SLAB_HELD));
}

/* n objects, which are one slab or two. */
static void take(size_t n)
{
	for (size_t i = 0; i < n; i++)
		held[i] = slabs_get(cache);
}

static void give(size_t n)
{
	roost_cache_free_bulk(cache, held, n);
}

/* ---- Held ---------------------------------------------------------------------------------- */

static void held_with_objects(void **state)
{
	(void)state;
	take(70);
	hold(slab_of(held[0]));
	recovers(1, 1, 70);
	/* What is free of it is found: no other one is made. */
	for (size_t i = 70; i < OBJECTS; i++)
		assert_ptr_equal(slab_of(held[i] = slabs_get(cache)), slab_of(held[0]));
	give(OBJECTS);
	ends();
}

/* On the way from R to L. */
static void held_with_objects_on_both_sides(void **state)
{
	struct rst_slab *slab;

	(void)state;
	take(200);
	slab = slab_of(held[0]);
	hold(slab);
	roost_cache_free(cache, held[10]);
	roost_cache_free(cache, held[100]);
	held[10] = held[100] = NULL;
	recovers(1, 1, 198);
	give(200);
	ends();
}

static void held_without_objects(void **state)
{
	(void)state;
	take(3);
	give(3);
	hold(slab_of(held[0]));
	recovers(1, 0, 0);
	assert_int_equal(roost_free_frames(s.frames, 0, NULL), PAGES);
	ends();
}

/* ---- Not noted ----------------------------------------------------------------------------- */

static void unnote(const struct rst_slab *slab)
{
	rst_hint_clear(&s.slabs->hints, rst_slab_bin(cache), rst_slab_number(s.slabs, slab));
}

static void open_and_not_noted(void **state)
{
	(void)state;
	take(3);
	unnote(slab_of(held[0]));
	recovers(0, 1, 3);
	give(3);
	ends();
}

/* A free that stopped after its put. */
static void full_though_something_is_free(void **state)
{
	struct rst_slab *slab;

	(void)state;
	take(OBJECTS +
	     1); /* the last one is of another slab, which was made when this was closed */
	slab = slab_of(held[0]);
	assert_true(rst_is_full(rst_state_of(rst_load_rlx(&slab->place))));
	unnote(slab);
	slabs_are_sound(&s);
	rst_set_put_bits(&slab->remote.word[2], (uint64_t)1 << 5);
	recovers(0, 2, OBJECTS);
	assert_true(rst_is_open(rst_state_of(rst_load_rlx(&slab->place))));
	for (size_t i = 0; i <= OBJECTS; i++)
		if (i != 2 * 64 + 5)
			roost_cache_free(cache, held[i]);
	ends();
}

static void full_and_nothing_free(void **state)
{
	uint64_t place;

	(void)state;
	take(OBJECTS + 1);
	place = rst_load_rlx(&slab_of(held[0])->place);
	assert_int_equal(roost_slabs_recover(s.slabs), 0);
	assert_int_equal(rst_load_rlx(&slab_of(held[0])->place), place);
	give(OBJECTS + 1);
	ends();
}

/* ---- Not made ------------------------------------------------------------------------------ */

/* A number that is allocated, below the numbers that were ever used. */
static struct rst_slab *numbered(void)
{
	roost_pfn number = roost_alloc(s.slabs->numbers, 0, 0);

	assert_true(number < rst_load_rlx(&s.slabs->end));
	return &s.slabs->slab[number];
}

static void number_alone(void **state)
{
	const struct rst_slab *slab;

	(void)state;
	take(1);
	slab = numbered();
	recovers(1, 1, 1);
	assert_int_equal(roost_order(s.slabs->numbers, rst_slab_number(s.slabs, slab)), -1);
	give(1);
	ends();
}

/* Filled, on either side, but not opened. */
static void filled(bool shared)
{
	struct rst_slab *slab;
	roost_pfn pfn;

	take(1);
	slab = numbered();
	pfn = roost_alloc(s.frames, cache->order, cache->type);
	assert_int_not_equal(pfn, ROOST_NONE);
	rst_store_rlx(&slab->place, (uint64_t)5 << 32);
	rst_store_rlx(&slab->cache, cache->index);
	rst_store_rlx(&slab->base, (uintptr_t)s.base + pfn * PAGE);
	for (unsigned i = 0; i < cache->words; i++)
		rst_store_rlx(shared ? &slab->remote.word[i] : &slab->local[i],
			      rst_objects_in(cache, i));
	for (unsigned i = 0; i < 1u << cache->order; i++)
		rst_store_rlx(&s.slabs->slab_of[pfn + i], rst_slab_number(s.slabs, slab) + 1);
	recovers(1, 1, 1);
	assert_null(slab_of(s.base + pfn * PAGE));
	assert_true(rst_load_rlx(&slab->place) >> 32 >
		    5); /* a context that read it before sees that */
	assert_int_equal(roost_order(s.frames, pfn), -1);
	give(1);
	ends();
}

static void filled_and_not_opened(void **state)
{
	(void)state;
	filled(false);
	set_up(state);
	filled(true);
}

/* A number that was on its way back. */
static void number_freed_and_not_put(void **state)
{
	(void)state;
	take(1);
	s.slabs->numbers->om[rst_slab_number(s.slabs, numbered())] = RST_OM_FREED;
	recovers(0, 1, 1);
	give(1);
	ends();
}

static void several(void **state)
{
	(void)state;
	take(OBJECTS + 1);
	hold(slab_of(held[0]));
	hold(slab_of(held[OBJECTS]));
	numbered();
	recovers(3, 2, OBJECTS + 1);
	give(OBJECTS + 1);
	ends();
}

/* A cache that somebody was making, and one that is there. */
static void caches(void **state)
{
	roost_cache_t *more[64];
	unsigned n = 0;

	(void)state;
	rst_store_rel(&s.slabs->caches[7].state, RST_CACHE_MAKING);
	assert_int_equal(roost_slabs_recover(s.slabs), 0);
	while (n < 64 && !roost_cache_create(&more[n], s.slabs, "more", SIZE, 0, 0, NULL))
		n++;
	assert_int_equal(n, 63);
	while (n)
		assert_int_equal(roost_cache_destroy(more[--n], NULL), 0);
	take(1);
	give(1);
	ends();
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(held_with_objects),
		TEST(held_with_objects_on_both_sides),
		TEST(held_without_objects),
		TEST(open_and_not_noted),
		TEST(full_though_something_is_free),
		TEST(full_and_nothing_free),
		TEST(number_alone),
		TEST(filled_and_not_opened),
		TEST(number_freed_and_not_put),
		TEST(several),
		TEST(caches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
