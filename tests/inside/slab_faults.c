/* SPDX-License-Identifier: MIT */
/* slab_faults.c - what is wrong with a slab, one thing after the other: validation says what. */
#include "slab/slab.h"

#include "slabs.h"

enum { PAGES = 64, SIZE = 64, CPUS_TOO_MANY = 4096 };

static struct slabs s;
static roost_cache_t *cache;
static struct rst_slab *slab;

static void set_state(uint32_t state)
{
	rst_store_rlx(&slab->place, rst_place_after(rst_load_rlx(&slab->place), state));
}

static void held(void)
{
	set_state(RST_SLAB_HELD);
}

static void gone(void)
{
	set_state(RST_SLAB_NONE);
}

static void of_no_cpu(void)
{
	set_state(RST_SLAB_OPEN + CPUS_TOO_MANY);
}

static void full_of_no_cpu(void)
{
	set_state(RST_SLAB_FULL + CPUS_TOO_MANY);
}

static void in_no_state(void)
{
	set_state(RST_SLAB_SHARED_FULL + 1);
}

static void of_no_cache(void)
{
	rst_store_rlx(&slab->cache, s.slabs->nr_caches + 1000000);
}

static void of_another_cache(void)
{
	rst_store_rlx(&slab->cache, cache->index + 1);
}

static void elsewhere(void)
{
	rst_store_rlx(&slab->base, rst_load_rlx(&slab->base) + ((uintptr_t)1 << 40));
}

static void on_another_page(void)
{
	rst_store_rlx(&slab->base, rst_load_rlx(&slab->base) + PAGE);
}

static void between_pages(void)
{
	rst_store_rlx(&slab->base, rst_load_rlx(&slab->base) + SIZE);
}

static void twice(void)
{
	rst_store_rlx(&slab->local[0], 8);
	rst_store_rlx(&slab->remote.word[0], 8);
}

static void left_in_l(void)
{
	rst_store_rlx(&slab->local[0], 8);
	rst_store_rlx(&slab->remote.word[0], 0);
	set_state(RST_SLAB_SHARED);
}

static void not_noted(void)
{
	rst_hint_clear(&s.slabs->hints, rst_slab_bin(cache), rst_slab_number(s.slabs, slab));
}

static void full_but_free(void)
{
	set_state(rst_closed(rst_state_of(rst_load_rlx(&slab->place))));
}

static const struct {
	void (*spoil)(void);
	const char *invariant;
} faults[] = {
	{held, "slab: nobody holds it at rest"},
	{gone, "slab: its number is allocated while it is there"},
	{of_no_cpu, "slab: its home is a CPU of its cache"},
	{full_of_no_cpu, "slab: its home is a CPU of its cache"},
	{in_no_state, "slab: its home is a CPU of its cache"},
	{of_no_cache, "slab: its cache is there"},
	{of_another_cache, "slab: its cache is there"},
	{elsewhere, "slab: its pages are some of these"},
	{on_another_page, "slab: each of its pages leads to it"},
	{between_pages, "slab: its pages are some of these"},
	{twice, "slab: an object is in one of L and R"},
	{left_in_l, "slab: without a home L is empty"},
	{not_noted, "slab: one that is open is noted"},
	{full_but_free, "slab: one that has free objects is open"},
};

static void each_is_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		struct roost_violation v = {0};
		struct rst_slab before;
		void *object;

		slabs_open(&s, PAGES, ROOST_CHECK_STATE);
		cache = slabs_cache(&s, SIZE);
		object = slabs_get(cache);
		slab = rst_slab_at(s.slabs, (uintptr_t)object);
		before = *slab;
		slabs_are_sound(&s);
		faults[i].spoil();
		assert_int_equal(roost_slabs_validate(s.slabs, &v), -ROOST_EUCLEAN);
		assert_string_equal(v.invariant, faults[i].invariant);
		*slab = before;
		rst_hint_note(&s.slabs->hints, rst_slab_bin(cache), rst_slab_number(s.slabs, slab));
		slabs_are_sound(&s);
		roost_cache_free(cache, object);
		assert_int_equal(roost_cache_destroy(cache, NULL), 0);
		slabs_close(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_named),
	};

	return cmocka_run_group_tests_name("slab faults", tests, NULL, NULL);
}
