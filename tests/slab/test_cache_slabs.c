/* SPDX-License-Identifier: MIT */
/* test_cache_slabs.c - which slab an object comes from, on which CPU; which slabs go back; and what
 * recovery makes of those that were never finished. */
#define _GNU_SOURCE 1
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#if __has_include(<sys/rseq.h>)
#include <sys/rseq.h>
#endif

#include "slabs.h"
#include "tool/common/random.h"

static struct slabs s;
static void *held[1 << 16];

/* Elsewhere, if it is one of some. */
static void free_elsewhere_some(roost_cache_t *cache, void *object, bool elsewhere)
{
	if (elsewhere)
		slabs_free_elsewhere(cache, object);
	else
		roost_cache_free(cache, object);
}

/* ---- Memory -------------------------------------------------------------------------------- */

/* All of memory becomes objects, and again after any one is freed. */
static void to_the_last_object(void **state)
{
	(void)state;
	for (unsigned level = ROOST_CHECK_STATE; level <= ROOST_CHECK_EXACT; level++) {
		roost_cache_t *cache;
		struct random random = {.state = level};
		size_t n = 0, all;

		slabs_open(&s, 512, level);
		cache = slabs_cache(&s, 64);
		all = 512 * PAGE / 64;
		while ((held[n] = roost_cache_alloc(cache, ROOST_WAIT)))
			n++;
		assert_int_equal(n, all);
		for (unsigned i = 0; i < 2000; i++) {
			size_t which = random_below(&random, n);

			roost_cache_free(cache, held[which]);
			assert_ptr_equal(roost_cache_alloc(cache, i % 2 ? ROOST_WAIT : 0),
					 held[which]);
			assert_null(roost_cache_alloc(cache, 0));
		}
		roost_cache_free_bulk(cache, held, n);
		slabs_are_sound(&s);
		slabs_close_cache(&s, cache);
		slabs_close(&s);
	}
}

/* An idle cache has one slab for each CPU that used it, and none after shrinking. */
static void empty_slabs_go_back(void **state)
{
	roost_cache_t *cache;

	(void)state;
	slabs_open(&s, 512, ROOST_CHECK_STATE);
	cache = slabs_cache(&s, 64);
	for (unsigned round = 0; round < 50; round++) {
		for (size_t i = 0; i < 5000; i++)
			held[i] = slabs_get(cache);
		for (size_t i = 0; i < 5000; i++)
			roost_cache_free(cache, held[round % 2 ? i : 4999 - i]);
	}
	roost_cache_shrink(cache);
	assert_int_equal(slabs_stats(cache).slabs, 0);
	assert_int_equal(roost_free_frames(s.frames, 0, NULL), 512);
	slabs_close_cache(&s, cache);
	slabs_close(&s);
}

/* Also if a slab has but one word of objects, and was full in between. */
static void empty_slabs_of_one_word_go_back(void **state)
{
	roost_cache_t *cache;

	(void)state;
	slabs_open(&s, 512, ROOST_CHECK_STATE);
	cache = slabs_cache(&s, 2048); /* 32 of them */
	for (unsigned round = 0; round < 4; round++) {
		for (size_t i = 0; i < 320; i++)
			held[i] = slabs_get(cache);
		for (size_t i = 0; i < 320; i++)
			roost_cache_free(cache, held[i]);
		/* One for each CPU on which the thread was. */
		assert_in_range(slabs_stats(cache).slabs, 1, 3);
	}
	slabs_close_cache(&s, cache);
	slabs_close(&s);
}

/* What one cache has and does not need, another one gets. */
static void empty_slabs_serve_others(void **state)
{
	roost_cache_t *cache, *other;
	size_t n = 0, got = 0;

	(void)state;
	slabs_open(&s, 512, ROOST_CHECK_STATE);
	cache = slabs_cache(&s, 1024);
	other = slabs_cache(&s, 4096);
	while ((held[n] = roost_cache_alloc(cache, 0)))
		n++;
	assert_int_equal(n, 512 * 4);
	for (size_t i = 0; i < n; i++)
		free_elsewhere_some(cache, held[i], i % 64 == 0);
	while ((held[got] = roost_cache_alloc(other, 0)))
		got++;
	assert_true(got >= 512 - 3 * 16); /* all but the current slabs of the first */
	roost_cache_free_bulk(other, held, got);
	slabs_close_cache(&s, other);
	slabs_close_cache(&s, cache);
	slabs_close(&s);
}

/* Slabs of one page: as many as there are pages, up to the last number. */
static void numbers_for_all_pages(void **state)
{
	roost_cache_t *cache;
	size_t n = 0;

	(void)state;
	slabs_open(&s, 512, ROOST_CHECK_STATE);
	cache = slabs_cache(&s, 8);
	while (roost_cache_alloc(cache, 0))
		n++;
	assert_int_equal(n, 512 * 512);
	for (size_t i = 0; i < n; i++)
		roost_cache_free(cache, s.base + i * 8);
	slabs_close_cache(&s, cache);
	slabs_close(&s);
}

/* ---- CPUs ---------------------------------------------------------------------------------- */

static bool on_cpu(unsigned cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return !sched_setaffinity(0, sizeof(set), &set);
}

static void on_any_cpu(void)
{
	cpu_set_t set;

	memset(&set, 0xff, sizeof(set));
	assert_int_equal(sched_setaffinity(0, sizeof(set), &set), 0);
}

static bool have_sequences(void)
{
#ifdef RSEQ_SIG
	return __rseq_size;
#else
	return false;
#endif
}

/* The last one freed is the first one allocated, 12 deep; else it would be the lowest one. A few
 * rounds may differ, in which the kernel interrupted a sequence. */
static void the_last_freed_is_the_first(void **state)
{
	enum { ROUNDS = 200, NR = 20, DEEP = 12 };
	unsigned good = 0;
	roost_cache_t *cache;

	(void)state;
	if (!have_sequences())
		skip();
	slabs_open(&s, 512, ROOST_CHECK_STATE);
	cache = slabs_cache(&s, 64);
	assert_true(on_cpu(0));
	for (unsigned round = 0; round < ROUNDS; round++) {
		bool as_freed = true;
		void *again[NR];

		for (unsigned i = 0; i < NR; i++)
			held[i] = slabs_get(cache);
		for (unsigned i = 0; i < NR; i++)
			roost_cache_free(cache, held[i]);
		for (unsigned i = 0; i < DEEP; i++) {
			again[i] = slabs_get(cache);
			as_freed &= again[i] == held[DEEP - 1 - i];
		}
		good += as_freed;
		roost_cache_free_bulk(cache, again, DEEP);
		roost_cache_shrink(cache);
	}
	on_any_cpu();
	assert_in_range(good, ROUNDS * 9 / 10, ROUNDS);
	slabs_close_cache(&s, cache);
	slabs_close(&s);
}

/* A slab of which half is free goes to another CPU that needs objects; one of which less is, while
 * there are pages, does not. */
static void half_free_slabs_are_stolen(void **state)
{
	(void)state;
	if (!have_sequences() || !on_cpu(1))
		skip();
	for (unsigned nr_free = 255; nr_free <= 257; nr_free++) {
		struct roost_cache_stats stats;
		roost_cache_t *cache;

		slabs_open(&s, 512, ROOST_CHECK_STATE);
		cache = slabs_cache(&s, 64);
		on_cpu(0);
		for (unsigned i = 0; i < 512; i++)
			held[i] = slabs_get(cache);
		roost_cache_free_bulk(cache, held, nr_free);
		assert_int_equal(slabs_stats(cache).slabs, 1);
		on_cpu(1);
		held[512] = slabs_get(cache);
		stats = slabs_stats(cache);
		assert_int_equal(stats.stolen, nr_free >= 256);
		assert_int_equal(stats.made, nr_free >= 256 ? 1 : 2);
		for (unsigned i = nr_free; i <= 512; i++)
			roost_cache_free(cache, held[i]);
		slabs_close_cache(&s, cache);
		slabs_close(&s);
	}
	on_any_cpu();
}

/* The slab that a search found is the current one from then on: it is kept when it is empty. With
 * shared slabs, since of a sequence that is interrupted the object goes to R. */
static void what_is_found_is_current(void **state)
{
	roost_cache_t *cache;

	(void)state;
	slabs_open(&s, 512, ROOST_CHECK_EXACT);
	cache = slabs_cache(&s, 64);
	on_cpu(0);
	for (unsigned i = 0; i < 1024; i++) /* two slabs, of which the second is current */
		held[i] = slabs_get(cache);
	roost_cache_free_bulk(cache, held, 511);
	roost_cache_free(cache, slabs_get(cache));
	roost_cache_free(cache, held[511]);
	assert_int_equal(slabs_stats(cache).slabs, 2);
	roost_cache_free_bulk(cache, held + 512, 512);
	assert_int_equal(slabs_stats(cache).slabs, 1);
	on_any_cpu();
	slabs_close_cache(&s, cache);
	slabs_close(&s);
}

/* ---- Jumps --------------------------------------------------------------------------------- */

/* A constructor that is left by a jump: recovery puts the pages back. */
static jmp_buf out_of_call;

static void leave(void *object, size_t size)
{
	(void)object;
	(void)size;
	longjmp(out_of_call, 1);
}

static void what_was_never_finished_comes_back(void **state)
{
	roost_cache_t *cache;

	(void)state;
	slabs_open(&s, 512, ROOST_CHECK_STATE);
	assert_int_equal(roost_cache_create(&cache, s.slabs, "left", 64, 0, 0, leave), 0);
	if (!setjmp(out_of_call)) {
		assert_null(roost_cache_alloc(cache, 0));
		fail();
	}
	assert_int_equal(roost_slabs_recover(s.slabs), 1);
	slabs_close_cache(&s, cache);
	slabs_close(&s);
}

/* By --wrap: a slab's number is taken, and then nothing. */
static bool number_is_left;

roost_pfn __real_roost_alloc(roost_t *roost, unsigned order, unsigned flags);
roost_pfn __wrap_roost_alloc(roost_t *roost, unsigned order, unsigned flags);

roost_pfn __wrap_roost_alloc(roost_t *roost, unsigned order, unsigned flags)
{
	roost_pfn pfn = __real_roost_alloc(roost, order, flags);

	if (number_is_left)
		longjmp(out_of_call, 1);
	return pfn;
}

static void a_number_comes_back(void **state)
{
	roost_cache_t *cache;

	(void)state;
	slabs_open(&s, 512, ROOST_CHECK_STATE);
	cache = slabs_cache(&s, 64);
	number_is_left = true;
	if (!setjmp(out_of_call)) {
		assert_null(roost_cache_alloc(cache, 0));
		fail();
	}
	number_is_left = false;
	assert_int_equal(roost_slabs_recover(s.slabs), 1);
	roost_cache_free(cache, slabs_get(cache)); /* walks see more numbers now */
	slabs_close_cache(&s, cache);
	slabs_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(to_the_last_object),
		cmocka_unit_test(empty_slabs_go_back),
		cmocka_unit_test(empty_slabs_of_one_word_go_back),
		cmocka_unit_test(empty_slabs_serve_others),
		cmocka_unit_test(numbers_for_all_pages),
		cmocka_unit_test(the_last_freed_is_the_first),
		cmocka_unit_test(half_free_slabs_are_stolen),
		cmocka_unit_test(what_is_found_is_current),
		cmocka_unit_test(what_was_never_finished_comes_back),
		cmocka_unit_test(a_number_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
