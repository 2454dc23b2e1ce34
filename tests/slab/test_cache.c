/* SPDX-License-Identifier: MIT */
/* test_cache.c - each call of roost/cache.h, one after the other. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "slabs.h"
#include "tool/common/random.h"

static struct slabs s;
static void *held[1 << 16];

/* ---- Sizes --------------------------------------------------------------------------------- */

/* Objects of three slabs and one more: none overlaps another, each is aligned. */
static void try_size(size_t size, size_t align)
{
	roost_cache_t *cache;
	struct roost_cache_stats stats;
	size_t n, aligned = align ? align : (size & -size) < 16 ? size & -size : 16;

	assert_int_equal(roost_cache_create(&cache, s.slabs, "sized", size, align, 0, NULL), 0);
	stats = slabs_stats(cache);
	assert_true(stats.size >= size && stats.size <= stats.stride);
	assert_true(stats.slab_objects >= 8 && stats.slab_objects <= 512);
	/* A 32nd at a slab's end, and what the alignment costs; or no slab does better. */
	assert_true(stats.slab_objects * stats.stride <= (size_t)PAGE << stats.slab_order);
	n = 3 * stats.slab_objects + 1;
	for (size_t i = 0; i < n; i++) {
		held[i] = slabs_get(cache);
		assert_int_equal((uintptr_t)held[i] % aligned, 0);
		assert_int_equal(roost_object_size(s.slabs, held[i]), stats.size);
		memset(held[i], (int)i, size);
	}
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(*(unsigned char *)held[i], (unsigned char)i);
		assert_int_equal(((unsigned char *)held[i])[size - 1], (unsigned char)i);
	}
	assert_int_equal(slabs_stats(cache).allocated, n);
	for (size_t i = 0; i < n; i++)
		roost_cache_free(cache, held[i]);
	assert_int_equal(slabs_stats(cache).allocated, 0);
	slabs_close_cache(&s, cache);
}

static void all_sizes(void **state)
{
	(void)state;
	slabs_open(&s, 4096, ROOST_CHECK_STATE);
	for (size_t size = 8; size <= 1024; size += size < 128 ? 1 : 61)
		try_size(size, 0);
	for (size_t size = 1024; size <= 32768; size += 1777)
		try_size(size, 0);
	try_size(32768, 0);
	for (size_t align = 8; align <= PAGE; align *= 2)
		try_size(24, align);
	slabs_close(&s);
}

/* At most an eighth of a slab is lost at its end, for any size. */
static void little_is_lost_at_the_end_of_slabs(void **state)
{
	(void)state;
	slabs_open(&s, 4096, ROOST_CHECK_STATE);
	for (size_t size = 16; size <= 32768; size += 16) {
		roost_cache_t *cache = slabs_cache(&s, size);
		struct roost_cache_stats stats = slabs_stats(cache);
		size_t bytes = (size_t)PAGE << stats.slab_order;

		assert_true(bytes - stats.slab_objects * stats.stride <= bytes / 8);
		assert_true(stats.slab_order <= 6);
		slabs_close_cache(&s, cache);
	}
	slabs_close(&s);
}

/* What no caller may use: the end of a slab, and what the alignment and red zones take. */
static void waste_is_counted(void **state)
{
	static const struct {
		size_t size, align, waste; /* of a slab */
		unsigned flags;
	} cases[] = {{4096, 0, 0, 0},
		     {64, 0, 0, 0},
		     {100, 64, 0, 0}, /* 128 bytes are usable */
		     {1040, 0, 16, 0},
		     {56, 8, 512 * 8, ROOST_CACHE_REDZONE}};
	roost_cache_t *cache;

	(void)state;
	slabs_open(&s, 512, ROOST_CHECK_STATE);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct roost_cache_stats stats;

		assert_int_equal(roost_cache_create(&cache, s.slabs, "waste", cases[i].size,
						    cases[i].align, cases[i].flags, NULL),
				 0);
		assert_string_equal(roost_cache_name(cache), "waste");
		roost_cache_free(cache, slabs_get(cache));
		stats = slabs_stats(cache);
		assert_int_equal(stats.waste, cases[i].waste);
		assert_int_equal(roost_slabs_pages(s.slabs, 0, 512),
				 stats.slabs << stats.slab_order);
		slabs_close_cache(&s, cache);
		assert_int_equal(roost_slabs_pages(s.slabs, 0, 512), 0);
	}
	assert_int_equal(roost_slabs_pages(s.slabs, 500, 1000), 0); /* beyond the last page */
	slabs_close(&s);
}

static void wrong_arguments(void **state)
{
	static const struct {
		size_t size, align;
		unsigned flags;
	} wrong[] = {{7, 0, 0}, {32769, 0, 0}, {64, 3, 0}, {64, 2 * PAGE, 0}, {64, 0, 1u << 9}};
	struct roost_slabs_config config = ROOST_SLABS_CONFIG_INIT;
	roost_cache_t *cache = NULL;

	(void)state;
	slabs_open(&s, 512, ROOST_CHECK_STATE);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(roost_cache_create(&cache, s.slabs, "wrong", wrong[i].size,
						    wrong[i].align, wrong[i].flags, NULL),
				 -ROOST_EINVAL);
	assert_null(cache);
	assert_string_equal(roost_slabs_config_error(NULL), "there is no configuration");
	assert_string_equal(roost_slabs_config_error(&config),
			    "frames is NULL, and get and put do not replace it");
	config.frames = s.frames;
	assert_string_equal(roost_slabs_config_error(&config), "base is NULL");
	config.base = s.base;
	assert_non_null(roost_slabs_config_error(&config));
	assert_int_equal(roost_slabs_metadata_size(&config), 0);
	config.nr = 512;
	assert_null(roost_slabs_config_error(&config));
	config.page_shift = 9;
	assert_string_equal(roost_slabs_config_error(&config), "page_shift is not 10 to 16");
	slabs_close(&s);
}

static void as_many_caches_as_configured(void **state)
{
	roost_cache_t *caches[64], *more;

	(void)state;
	slabs_open(&s, 512, ROOST_CHECK_STATE);
	for (unsigned i = 0; i < 64; i++)
		caches[i] = slabs_cache(&s, 64);
	assert_int_equal(roost_cache_create(&more, s.slabs, "more", 64, 0, 0, NULL), -ROOST_ENOSPC);
	for (unsigned i = 0; i < 64; i++)
		slabs_close_cache(&s, caches[i]);
	slabs_close_cache(&s, slabs_cache(&s, 64));
	slabs_close(&s);
}

/* ---- Constructors, bulk, walks -------------------------------------------------------------- */

static unsigned constructed;

static void construct(void *object, size_t size)
{
	assert_int_equal(size, 96);
	memset(object, 0x77, size);
	constructed++;
}

static void constructors_run_once(void **state)
{
	roost_cache_t *cache;

	(void)state;
	slabs_open(&s, 512, ROOST_CHECK_STATE);
	constructed = 0;
	assert_int_equal(roost_cache_create(&cache, s.slabs, "made", 96, 0, 0, construct), 0);
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 1000; i++) {
			held[i] = slabs_get(cache);
			assert_int_equal(((unsigned char *)held[i])[95], 0x77);
		}
		for (unsigned i = 0; i < 1000; i++)
			roost_cache_free(cache, held[i]);
	}
	assert_int_equal(constructed, slabs_stats(cache).made * slabs_stats(cache).slab_objects);
	slabs_close_cache(&s, cache);
	slabs_close(&s);
}

static void bulk_forms(void **state)
{
	roost_cache_t *cache;

	(void)state;
	slabs_open(&s, 512, ROOST_CHECK_STATE);
	cache = slabs_cache(&s, 32);
	for (size_t n = 0; n < 1500; n = n * 3 + 1) {
		assert_int_equal(roost_cache_alloc_bulk(cache, 0, held, n), n);
		for (size_t i = 0; i < n; i++)
			memset(held[i], (int)i, 32);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(*(unsigned char *)held[i], (unsigned char)i);
		assert_int_equal(slabs_stats(cache).allocated, n);
		roost_cache_free_bulk(cache, held, n);
		assert_int_equal(slabs_stats(cache).allocated, 0);
	}
	slabs_close_cache(&s, cache);
	slabs_close(&s);
}

static bool sum(void *context, void *object)
{
	size_t *total = context;

	*total += *(size_t *)object;
	return true;
}

static int append(void *context, const char *text, size_t length)
{
	strncat(context, text, length);
	return 0;
}

static void walks(void **state)
{
	static char text[4096];
	roost_cache_t *cache, *named;
	size_t total = 0;

	(void)state;
	slabs_open(&s, 512, ROOST_CHECK_STATE);
	cache = slabs_cache(&s, 64);
	for (size_t i = 0; i < 1000; i++)
		*(size_t *)(held[i] = slabs_get(cache)) = i;
	for (size_t i = 0; i < 1000; i += 2)
		roost_cache_free(cache, held[i]);
	roost_cache_for_each(cache, sum, &total);
	assert_int_equal(total, 500 * 500);
	assert_int_equal(roost_cache_create(&named, s.slabs, "a \"quote\"\n", 8, 0, 0, NULL), 0);
	assert_ptr_equal(roost_cache_next(s.slabs, NULL), cache);
	assert_ptr_equal(roost_cache_next(s.slabs, cache), named);
	assert_null(roost_cache_next(s.slabs, named));
	text[0] = 0;
	assert_int_equal(roost_slabs_dump(s.slabs, ROOST_SLABS_JSON, append, text), 0);
	assert_non_null(strstr(text, "\"name\": \"a \\\"quote\\\"\\u000a\""));
	assert_non_null(strstr(text, "\"allocated\": 500"));
	text[0] = 0;
	assert_int_equal(roost_slabs_dump(s.slabs, ROOST_SLABS_TEXT, append, text), 0);
	assert_non_null(strstr(text, "\ntest "));
	for (size_t i = 1; i < 1000; i += 2)
		roost_cache_free(cache, held[i]);
	slabs_close_cache(&s, named);
	slabs_close_cache(&s, cache);
	text[0] = 0;
	assert_int_equal(roost_slabs_dump(s.slabs, ROOST_SLABS_JSON, append, text), 0);
	assert_string_equal(text, "[]\n");
	slabs_close(&s);
}

/* ---- Random calls --------------------------------------------------------------------------- */

enum { KINDS = 5, SLOTS = 4000 };

struct slot {
	size_t *object;
	unsigned kind;
};

static void random_calls(void **state)
{
	static const size_t sizes[KINDS] = {8, 40, 256, 1504, 9000};
	static struct slot slots[SLOTS];
	roost_cache_t *caches[KINDS];
	struct random random = {.state = 7};

	(void)state;
	for (unsigned level = ROOST_CHECK_STATE; level <= ROOST_CHECK_EXACT; level++) {
		slabs_open(&s, 2048, level);
		memset(slots, 0, sizeof(slots));
		for (unsigned i = 0; i < KINDS; i++)
			caches[i] = slabs_cache(&s, sizes[i]);
		for (unsigned i = 0; i < 300000; i++) {
			size_t number = random_below(&random, SLOTS);
			struct slot *slot = &slots[number];
			uint64_t what = random_below(&random, 1000);

			if (slot->object) {
				assert_int_equal(*slot->object, number);
				roost_cache_free(caches[slot->kind], slot->object);
				slot->object = NULL;
			} else {
				slot->kind = (unsigned)random_below(&random, KINDS);
				slot->object = roost_cache_alloc(caches[slot->kind],
								 what & 1 ? ROOST_WAIT : 0);
				if (slot->object)
					*slot->object = number;
			}
			if (!what)
				roost_cache_shrink(caches[random_below(&random, KINDS)]);
			if (what == 1)
				slabs_are_sound(&s);
		}
		for (unsigned i = 0; i < SLOTS; i++)
			if (slots[i].object)
				roost_cache_free(caches[slots[i].kind], slots[i].object);
		for (unsigned i = 0; i < KINDS; i++)
			slabs_close_cache(&s, caches[i]);
		slabs_close(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_sizes),
		cmocka_unit_test(little_is_lost_at_the_end_of_slabs),
		cmocka_unit_test(wrong_arguments),
		cmocka_unit_test(as_many_caches_as_configured),
		cmocka_unit_test(waste_is_counted),
		cmocka_unit_test(constructors_run_once),
		cmocka_unit_test(bulk_forms),
		cmocka_unit_test(walks),
		cmocka_unit_test(random_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
