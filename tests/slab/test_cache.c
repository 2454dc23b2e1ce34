/* SPDX-License-Identifier: MIT */
/* test_cache.c - each call of roost/cache.h, one after the other. */
#define _GNU_SOURCE 1
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if __has_include(<sys/rseq.h>)
#include <sys/rseq.h>
#endif

#include "slabs.h"
#include "tool/common/random.h"

static struct slabs s;
static void *held[1 << 16];

static void close_cache(roost_cache_t *cache)
{
	uint64_t left = 1;

	slabs_are_sound(&s);
	assert_int_equal(roost_cache_destroy(cache, &left), 0);
	assert_int_equal(left, 0);
}

static struct roost_cache_stats stats_of(const roost_cache_t *cache)
{
	struct roost_cache_stats stats;

	roost_cache_stats(cache, &stats);
	return stats;
}

/* ---- Sizes --------------------------------------------------------------------------------- */

/* Objects of three slabs and one more: none overlaps another, each is aligned. */
static void try_size(size_t size, size_t align)
{
	roost_cache_t *cache;
	struct roost_cache_stats stats;
	size_t n, aligned = align ? align : (size & -size) < 16 ? size & -size : 16;

	assert_int_equal(roost_cache_create(&cache, s.slabs, "sized", size, align, 0, NULL), 0);
	stats = stats_of(cache);
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
	assert_int_equal(stats_of(cache).allocated, n);
	for (size_t i = 0; i < n; i++)
		roost_cache_free(cache, held[i]);
	assert_int_equal(stats_of(cache).allocated, 0);
	close_cache(cache);
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
		struct roost_cache_stats stats = stats_of(cache);
		size_t bytes = (size_t)PAGE << stats.slab_order;

		assert_true(bytes - stats.slab_objects * stats.stride <= bytes / 8);
		assert_true(stats.slab_order <= 6);
		close_cache(cache);
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
		stats = stats_of(cache);
		assert_int_equal(stats.waste, cases[i].waste);
		assert_int_equal(roost_slabs_pages(s.slabs, 0, 512),
				 stats.slabs << stats.slab_order);
		close_cache(cache);
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
		close_cache(caches[i]);
	close_cache(slabs_cache(&s, 64));
	slabs_close(&s);
}

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
		last = object + (stats_of(cache).slab_objects * (size_t)48);
		roost_cache_free(cache, last);
		slabs_saw(&s, "roost_cache_free", last,
			  "is inside an object, or past the last one of a slab");
		roost_cache_free(cache, object + 48); /* was never handed out */
		slabs_saw(&s, "roost_cache_free", object + 48, "is free already");
		assert_int_equal(stats_of(cache).misused, 6); /* in calls for this one */
		assert_int_equal(stats_of(other).misused, 0);
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
		close_cache(cache);
		close_cache(other);
		slabs_close(&s);
	}
}

static void *free_it(void *argument)
{
	void **call = argument;

	roost_cache_free(call[0], call[1]);
	return NULL;
}

/* In another thread, which may be on another CPU. */
static void free_elsewhere(roost_cache_t *cache, void *object)
{
	void *call[2] = {cache, object};
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, free_it, call), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

/* At ROOST_CHECK_EXACT, on whichever CPUs the two frees are. */
static void two_frees_on_two_threads(void **state)
{
	(void)state;
	slabs_open(&s, 512, ROOST_CHECK_EXACT);
	for (unsigned i = 0; i < 16; i++) {
		roost_cache_t *cache = slabs_cache(&s, 64);
		void *object = slabs_get(cache), *other = slabs_get(cache); /* keeps the slab */

		free_elsewhere(cache, object);
		roost_cache_free(cache, object);
		slabs_saw(&s, "roost_cache_free", object, "is free already");
		roost_cache_free(cache, other);
		close_cache(cache);
	}
	slabs_close(&s);
}

/* Elsewhere, if it is one of some. */
static void free_elsewhere_some(roost_cache_t *cache, void *object, bool elsewhere)
{
	if (elsewhere)
		free_elsewhere(cache, object);
	else
		roost_cache_free(cache, object);
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
	close_cache(cache);
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
	assert_int_equal(stats_of(cache).size, 20);
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
	close_cache(cache);
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
			assert_int_equal(stats_of(cache).quarantined, i < n ? i + 1 : n);
			assert_null(roost_object_cache(s.slabs, held[i]));
			assert_int_equal(stats_of(cache).allocated, n + 3 - i);
		}
		slabs_are_sound(&s);
		roost_cache_free(cache, held[3]); /* is in it, and will be for long */
		slabs_saw(&s, "roost_cache_free", held[3], "is free already, in the quarantine");
		roost_cache_free(cache, held[2]); /* has left it */
		slabs_saw(&s, "roost_cache_free", held[2], "is free already");
		assert_int_equal(stats_of(cache).quarantined, n);
		slabs_are_sound(&s);
		for (size_t i = 0; i < n + 4; i++) { /* none that is in it is handed out */
			void *object = slabs_get(cache);

			for (size_t at = 3 + i; at < n + 3; at++)
				assert_ptr_not_equal(object, held[at]);
			roost_cache_free(cache, object);
		}
		roost_cache_free(cache, held[n + 3]);
		assert_int_equal(stats_of(cache).quarantined, n);
		roost_cache_shrink(cache);
		assert_int_equal(stats_of(cache).quarantined + stats_of(cache).slabs, 0);
		roost_cache_free(cache, slabs_get(cache));
		close_cache(cache); /* with one in it */
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
	assert_int_equal(stats_of(cache).allocated, 1); /* it stays so, and can be freed then */
	roost_cache_free(cache, object);
	close_cache(cache);
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
		close_cache(cache);
		close_cache(other);
	}
	assert_int_equal(roost_cache_create(&cache, s.slabs, "made", 96, 0, ROOST_CACHE_QUARANTINE,
					    (roost_ctor_fn *)(uintptr_t)1),
			 -ROOST_EINVAL);
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
	assert_int_equal(constructed, stats_of(cache).made * stats_of(cache).slab_objects);
	close_cache(cache);
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
		assert_int_equal(stats_of(cache).allocated, n);
		roost_cache_free_bulk(cache, held, n);
		assert_int_equal(stats_of(cache).allocated, 0);
	}
	close_cache(cache);
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
	close_cache(named);
	close_cache(cache);
	text[0] = 0;
	assert_int_equal(roost_slabs_dump(s.slabs, ROOST_SLABS_JSON, append, text), 0);
	assert_string_equal(text, "[]\n");
	slabs_close(&s);
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
		close_cache(cache);
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
	assert_int_equal(stats_of(cache).slabs, 0);
	assert_int_equal(roost_free_frames(s.frames, 0, NULL), 512);
	close_cache(cache);
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
		assert_in_range(stats_of(cache).slabs, 1, 3);
	}
	close_cache(cache);
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
	close_cache(other);
	close_cache(cache);
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
	close_cache(cache);
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
	close_cache(cache);
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
		assert_int_equal(stats_of(cache).slabs, 1);
		on_cpu(1);
		held[512] = slabs_get(cache);
		stats = stats_of(cache);
		assert_int_equal(stats.stolen, nr_free >= 256);
		assert_int_equal(stats.made, nr_free >= 256 ? 1 : 2);
		for (unsigned i = nr_free; i <= 512; i++)
			roost_cache_free(cache, held[i]);
		close_cache(cache);
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
	assert_int_equal(stats_of(cache).slabs, 2);
	roost_cache_free_bulk(cache, held + 512, 512);
	assert_int_equal(stats_of(cache).slabs, 1);
	on_any_cpu();
	close_cache(cache);
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
	close_cache(cache);
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
	close_cache(cache);
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
			close_cache(caches[i]);
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
		cmocka_unit_test(misuse_is_found_at_the_call),
		cmocka_unit_test(two_frees_on_two_threads),
		cmocka_unit_test(objects_out_keep_a_cache),
		cmocka_unit_test(red_zones_and_poison),
		cmocka_unit_test(constructors_run_once),
		cmocka_unit_test(bulk_forms),
		cmocka_unit_test(walks),
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
		cmocka_unit_test(quarantine_keeps_objects_for_a_while),
		cmocka_unit_test(quarantine_finds_writes),
		cmocka_unit_test(quarantine_is_emptied_for_memory),
		cmocka_unit_test(random_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
