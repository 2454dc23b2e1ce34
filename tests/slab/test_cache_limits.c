/* SPDX-License-Identifier: MIT */
/* test_cache_limits.c - what configurations and caches are refused, to the last number; which slabs
 * a size gets. */
#define _GNU_SOURCE 1
#include <stdlib.h>
#include <string.h>

#include "slabs.h"

enum { PAGES = 1024 };

/* Where nothing is: no object is touched here. */
#define BASE ((char *)((uintptr_t)1 << 40))

static void *zeroed(size_t size)
{
	void *memory = aligned_alloc(64, (size + 63) & ~(size_t)63);

	assert_non_null(memory);
	memset(memory, 0, (size + 63) & ~(size_t)63);
	return memory;
}

static roost_t *open_frames(void **metadata)
{
	struct roost_range range = {.start = 0, .end = PAGES};
	struct roost_config config = ROOST_CONFIG_INIT;
	size_t size;
	roost_t *frames;

	config.ranges = &range;
	config.nr_ranges = 1;
	size = roost_metadata_size(&config);
	*metadata = zeroed(size);
	assert_int_equal(roost_init(&frames, &config, *metadata, size), 0);
	return frames;
}

static struct roost_slabs_config config_of(roost_t *frames)
{
	struct roost_slabs_config config = ROOST_SLABS_CONFIG_INIT;

	config.frames = frames;
	config.base = BASE;
	config.nr = PAGES;
	return config;
}

/* ---- Configurations ------------------------------------------------------------------------ */

static roost_pfn get(void *context, unsigned order, unsigned flags)
{
	(void)context;
	(void)order;
	(void)flags;
	return ROOST_NONE;
}

static void put(void *context, roost_pfn pfn, unsigned order)
{
	(void)context;
	(void)pfn;
	(void)order;
}

static roost_t *frames;

static void is_good(const struct roost_slabs_config *config, bool good)
{
	const char *error = roost_slabs_config_error(config);

	if (!error != good)
		fail_msg("%s", error ? error : "it is let through");
	if (config && config->nr <= PAGES) /* else it may be more than there is */
		assert_int_equal(roost_slabs_metadata_size(config) != 0, good);
}

#define TRY(field, value, good)                                                                    \
	do {                                                                                       \
		struct roost_slabs_config config = config_of(frames);                              \
                                                                                                   \
		config.field = (value);                                                            \
		is_good(&config, good);                                                            \
	} while (0)

static void numbers(void)
{
	TRY(nr, 1, false);
	TRY(nr, 2, true);
	TRY(nr, (uint64_t)UINT32_MAX << 4, true);
	TRY(nr, ((uint64_t)UINT32_MAX << 4) + 1, false);
	TRY(page_shift, 9, false);
	TRY(page_shift, 10, true);
	TRY(page_shift, 16, true);
	TRY(page_shift, 17, false);
	TRY(nr_cpus, 0, false);
	TRY(nr_cpus, 1, true);
	TRY(nr_cpus, ROOST_MAX_CPUS, true);
	TRY(nr_cpus, ROOST_MAX_CPUS + 1, false);
	TRY(nr_caches, 65536, true);
	TRY(nr_caches, 65537, false);
	TRY(nr_slabs, 1u << 28, true);
	TRY(nr_slabs, (1u << 28) + 1, false);
	TRY(check_level, ROOST_CHECK_PARANOID, true);
	TRY(check_level, ROOST_CHECK_PARANOID + 1, false);
}

static void places(void)
{
	TRY(base, NULL, false);
	TRY(base, BASE + 2048, false);
	TRY(base, BASE + 4096, true);
	TRY(base, (char *)UINTPTR_MAX - ((size_t)PAGES << 12) + 1, false);
	TRY(base, (char *)UINTPTR_MAX - ((size_t)PAGES << 12) + 1 - 4096, true);
	TRY(frames, NULL, false);
	TRY(get, get, false);
	TRY(put, put, false);
}

static void hooks_instead_of_frames(void)
{
	struct roost_slabs_config config = config_of(NULL);

	config.get = get;
	is_good(&config, false);
	config.put = put;
	is_good(&config, true);
	config.get = NULL;
	is_good(&config, false);
}

/* Of older and newer headers. */
static void sizes_of_the_structure(void)
{
	struct newer {
		struct roost_slabs_config config;
		char more[8192];
	} newer = {.config = config_of(frames)};
	size_t first = offsetof(struct roost_slabs_config, context) + sizeof(void *);

	is_good(NULL, false);
	newer.config.size = first;
	is_good(&newer.config, true);
	newer.config.size = first - 1;
	is_good(&newer.config, false);
	newer.config.size = 4096;
	is_good(&newer.config, true);
	newer.config.size = 4097;
	is_good(&newer.config, false);
	newer.config.size = sizeof(newer.config) + 8;
	newer.more[8] = 1; /* not looked at */
	is_good(&newer.config, true);
	newer.more[7] = 1;
	is_good(&newer.config, false);
}

static void configurations(void **state)
{
	void *metadata;

	(void)state;
	frames = open_frames(&metadata);
	numbers();
	places();
	hooks_instead_of_frames();
	sizes_of_the_structure();
	free(metadata);
}

static void metadata_that_does_not_fit(void **state)
{
	struct roost_slabs_config config;
	void *metadata;
	char *memory;
	size_t size;
	roost_slabs_t *slabs;

	(void)state;
	frames = open_frames(&metadata);
	config = config_of(frames);
	size = roost_slabs_metadata_size(&config);
	memory = zeroed(size + 64);
	assert_int_equal(roost_slabs_init(NULL, &config, memory, size), -ROOST_EINVAL);
	assert_int_equal(roost_slabs_init(&slabs, NULL, memory, size), -ROOST_EINVAL);
	assert_int_equal(roost_slabs_init(&slabs, &config, NULL, size), -ROOST_EINVAL);
	assert_int_equal(roost_slabs_init(&slabs, &config, memory + 32, size), -ROOST_EINVAL);
	config.check_level = 9;
	assert_int_equal(roost_slabs_init(&slabs, &config, memory, size), -ROOST_EINVAL);
	config.check_level = 1;
	assert_int_equal(roost_slabs_init(&slabs, &config, memory, size - 1), -ROOST_ENOSPC);
	assert_int_equal(roost_slabs_init(&slabs, &config, memory, size), 0);
	free(memory);
	free(metadata);
}

/* ---- Caches -------------------------------------------------------------------------------- */

static roost_slabs_t *open_slabs(unsigned page_shift, unsigned nr_caches, void *memory[2])
{
	struct roost_slabs_config config = config_of(open_frames(&memory[0]));
	roost_slabs_t *slabs;
	size_t size;

	config.page_shift = page_shift;
	config.nr_caches = nr_caches;
	size = roost_slabs_metadata_size(&config);
	memory[1] = zeroed(size);
	assert_int_equal(roost_slabs_init(&slabs, &config, memory[1], size), 0);
	return slabs;
}

/* Pages of a slab, as an order, and objects, with pages of 1, 8 and 64 KiB. */
static void slabs_of_each_size(void **state)
{
	static const unsigned shifts[] = {10, 13, 16};
	static const struct {
		size_t size;
		unsigned slab[3][2];
	} table[] = {
		{8, {{2, 512}, {0, 512}, {0, 512}}},   {9, {{2, 455}, {0, 512}, {0, 512}}},
		{16, {{3, 512}, {0, 512}, {0, 512}}},  {24, {{3, 341}, {0, 341}, {0, 512}}},
		{40, {{4, 409}, {1, 409}, {0, 512}}},  {64, {{5, 512}, {2, 512}, {0, 512}}},
		{96, {{5, 341}, {2, 341}, {0, 512}}},  {128, {{6, 512}, {3, 512}, {0, 512}}},
		{200, {{6, 327}, {3, 327}, {0, 327}}}, {520, {{6, 126}, {3, 126}, {0, 126}}},
		{1040, {{6, 63}, {3, 63}, {0, 63}}},   {2736, {{6, 23}, {3, 23}, {0, 23}}},
		{4104, {{6, 15}, {3, 15}, {0, 15}}},   {5000, {{6, 13}, {3, 13}, {0, 13}}},
		{6000, {{6, 10}, {3, 10}, {0, 10}}},   {8192, {{6, 8}, {3, 8}, {0, 8}}},
		{8200, {{7, 15}, {4, 15}, {1, 15}}},   {12000, {{7, 10}, {4, 10}, {1, 10}}},
		{20000, {{8, 13}, {5, 13}, {2, 13}}},  {32768, {{8, 8}, {5, 8}, {2, 8}}},
	};

	(void)state;
	for (unsigned p = 0; p < 3; p++) {
		void *memory[2];
		roost_slabs_t *slabs = open_slabs(shifts[p], 1, memory);

		for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
			struct roost_cache_stats stats;
			roost_cache_t *cache;

			assert_int_equal(roost_cache_create(&cache, slabs, "sized", table[i].size,
							    0, 0, NULL),
					 0);
			roost_cache_stats(cache, &stats);
			assert_int_equal(stats.slab_order, table[i].slab[p][0]);
			assert_int_equal(stats.slab_objects, table[i].slab[p][1]);
			assert_int_equal(roost_cache_destroy(cache, NULL), 0);
		}
		free(memory[0]);
		free(memory[1]);
	}
}

static void construct(void *object, size_t size)
{
	(void)object;
	(void)size;
}

/* What is refused leaves its entry of the table free. */
static void caches_that_are_refused(void **state)
{
	static const struct {
		size_t size, align;
		unsigned flags;
		int err;
	} table[] = {
		{7, 0, 0, -ROOST_EINVAL},
		{8, 0, 0, 0},
		{32768, 0, 0, 0},
		{32769, 0, 0, -ROOST_EINVAL},
		{64, 3, 0, -ROOST_EINVAL},
		{64, 4096, 0, 0},
		{64, 8192, 0, -ROOST_EINVAL},
		{64, 0, ROOST_CACHE_REDZONE | ROOST_CACHE_POISON, 0},
		{64, 0, ROOST_CACHE_QUARANTINE, 0},
		{64, 0, 8, -ROOST_EINVAL},
	};
	void *memory[2];
	roost_slabs_t *slabs = open_slabs(12, 1, memory);
	roost_cache_t *cache;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		assert_int_equal(roost_cache_create(&cache, slabs, "tried", table[i].size,
						    table[i].align, table[i].flags, NULL),
				 table[i].err);
		if (!table[i].err)
			assert_int_equal(roost_cache_destroy(cache, NULL), 0);
		assert_null(roost_cache_next(slabs, NULL));
	}
	assert_int_equal(roost_cache_create(NULL, slabs, "tried", 64, 0, 0, NULL), -ROOST_EINVAL);
	assert_int_equal(roost_cache_create(&cache, NULL, "tried", 64, 0, 0, NULL), -ROOST_EINVAL);
	assert_int_equal(
		roost_cache_create(&cache, slabs, "tried", 64, 0, ROOST_CACHE_POISON, construct),
		-ROOST_EINVAL);
	assert_int_equal(
		roost_cache_create(&cache, slabs, "tried", 64, 0, ROOST_CACHE_REDZONE, construct),
		0);
	assert_int_equal(roost_cache_destroy(cache, NULL), 0);
	free(memory[0]);
	free(memory[1]);
}

static void names(void **state)
{
	struct roost_cache_stats stats;
	roost_cache_t *cache;
	void *memory[2];
	roost_slabs_t *slabs = open_slabs(12, 1, memory);

	(void)state;
	assert_int_equal(roost_cache_create(&cache, slabs, NULL, 64, 0, 0, NULL), 0);
	roost_cache_stats(cache, &stats);
	assert_string_equal(stats.name, "objects");
	assert_int_equal(roost_cache_destroy(cache, NULL), 0);
	assert_int_equal(roost_cache_create(&cache, slabs,
					    "a name that is longer than there is room for", 64, 0,
					    0, NULL),
			 0);
	roost_cache_stats(cache, &stats);
	assert_int_equal(strlen(stats.name), ROOST_CACHE_NAME - 1);
	assert_memory_equal(stats.name, "a name that is longer than ther", ROOST_CACHE_NAME - 1);
	assert_int_equal(roost_cache_destroy(cache, NULL), 0);
	free(memory[0]);
	free(memory[1]);
}

static unsigned asked, asked_last, asked_any;

static roost_pfn refuse(void *context, unsigned order, unsigned flags)
{
	(void)context;
	(void)order;
	asked++;
	asked_last = flags;
	asked_any |= flags;
	return ROOST_NONE;
}

static void ask(roost_cache_t *cache, unsigned flags)
{
	asked = asked_any = 0;
	assert_null(roost_cache_alloc(cache, flags));
	assert_true(asked >= 1);
}

/* Pages are asked for without waiting, and only if the caller may wait, and nothing else helped,
 * once more; the reserve is used if it may be. */
static void how_pages_are_asked_for(void **state)
{
	struct roost_slabs_config config;
	roost_cache_t *cache;
	roost_slabs_t *slabs;
	void *memory[2];
	size_t size;

	(void)state;
	config = config_of(open_frames(&memory[0]));
	config.get = refuse;
	config.put = put;
	size = roost_slabs_metadata_size(&config);
	memory[1] = zeroed(size);
	assert_int_equal(roost_slabs_init(&slabs, &config, memory[1], size), 0);
	assert_int_equal(roost_cache_create(&cache, slabs, "asks", 4096, 0, 0, NULL), 0);
	ask(cache, 0);
	assert_int_equal(asked_any, ROOST_RECLAIMABLE);
	ask(cache, ROOST_RESERVE);
	assert_int_equal(asked_any, ROOST_RECLAIMABLE | ROOST_RESERVE);
	ask(cache, ROOST_WAIT);
	assert_true(asked >= 2);
	assert_int_equal(asked_last, ROOST_RECLAIMABLE | ROOST_WAIT);
	assert_int_equal(roost_cache_destroy(cache, NULL), 0);
	free(memory[0]);
	free(memory[1]);
}

/* ---- With memory --------------------------------------------------------------------------- */

/* Small objects are there to stay; larger ones come back sooner. */
static void kinds_of_pages(void **state)
{
	static const struct {
		size_t size;
		unsigned type;
	} table[] = {{1024, ROOST_UNMOVABLE}, {1040, ROOST_RECLAIMABLE}};
	struct slabs s;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct roost_pageblock_info info;
		roost_cache_t *cache;
		char *object;

		slabs_open(&s, 2048, ROOST_CHECK_STATE);
		cache = slabs_cache(&s, table[i].size);
		object = slabs_get(cache);
		assert_int_equal(
			roost_pageblock_info(s.frames, (roost_pfn)(object - s.base) / PAGE, &info),
			0);
		assert_int_equal(info.type, table[i].type);
		roost_cache_free(cache, object);
		assert_int_equal(roost_cache_destroy(cache, NULL), 0);
		slabs_close(&s);
	}
}

/* Many at a time are looked at, too. */
static void bulk_forms_find_what_was_written_to(void **state)
{
	roost_cache_t *cache;
	void *some[3];
	struct slabs s;

	(void)state;
	slabs_open(&s, 512, ROOST_CHECK_EXACT);
	assert_int_equal(roost_cache_create(&cache, s.slabs, "guarded", 24, 0,
					    ROOST_CACHE_REDZONE | ROOST_CACHE_POISON, NULL),
			 0);
	assert_int_equal(roost_cache_alloc_bulk(cache, 0, some, 3), 3);
	((char *)some[1])[24] = 1;
	roost_cache_free_bulk(cache, some, 3);
	slabs_saw(&s, "roost_cache_free", some[1], "was written to past its end");
	roost_cache_free(cache, some[1]);
	((char *)some[1])[3] = 1;
	assert_int_equal(roost_cache_alloc_bulk(cache, 0, some, 3), 3);
	slabs_saw(&s, "roost_cache_alloc", some[1], "was written to while it was free");
	roost_cache_free_bulk(cache, some, 3);
	assert_int_equal(roost_cache_destroy(cache, NULL), 0);
	slabs_close(&s);
}

/* A cache begins with nothing counted, also in an entry that another one had. */
static void counts_begin_anew(void **state)
{
	struct slabs s;

	(void)state;
	slabs_open(&s, 512, ROOST_CHECK_STATE);
	for (unsigned i = 0; i < 2; i++) {
		roost_cache_t *cache = slabs_cache(&s, 4096);
		struct roost_cache_stats stats;
		static void *held[512 + 1];
		size_t n = 0;

		roost_cache_stats(cache, &stats);
		assert_int_equal(stats.made + stats.released + stats.stolen + stats.failed, 0);
		while ((held[n] = roost_cache_alloc(cache, 0)))
			n++;
		roost_cache_free_bulk(cache, held, n);
		roost_cache_stats(cache, &stats);
		assert_int_equal(stats.failed, 1);
		assert_int_equal(roost_cache_destroy(cache, NULL), 0);
	}
	slabs_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(configurations),
		cmocka_unit_test(metadata_that_does_not_fit),
		cmocka_unit_test(slabs_of_each_size),
		cmocka_unit_test(caches_that_are_refused),
		cmocka_unit_test(names),
		cmocka_unit_test(how_pages_are_asked_for),
		cmocka_unit_test(bulk_forms_find_what_was_written_to),
		cmocka_unit_test(kinds_of_pages),
		cmocka_unit_test(counts_begin_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
