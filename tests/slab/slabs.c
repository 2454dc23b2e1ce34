/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE 1
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "slabs.h"

static void *map(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	assert_ptr_not_equal(memory, MAP_FAILED);
	return memory;
}

static void misuse(void *context, const char *call, const roost_cache_t *cache, const void *object,
		   const char *what)
{
	struct slabs *s = context;

	s->misuses++;
	s->cache = cache ? roost_cache_name(cache) : "";
	s->call = call;
	s->object = object;
	s->what = what;
}

void slabs_open_for(struct slabs *s, size_t pages, unsigned check_level, unsigned cpus,
		    uint32_t nr_slabs)
{
	struct roost_range range = {.start = 0, .end = pages};
	struct roost_config config = ROOST_CONFIG_INIT;
	struct roost_slabs_config slabs = ROOST_SLABS_CONFIG_INIT;

	memset(s, 0, sizeof(*s));
	s->pages = pages;
	config.ranges = &range;
	config.nr_ranges = 1;
	config.nr_cpus = cpus;
	s->records_size = roost_metadata_size(&config);
	s->records = map(s->records_size);
	assert_int_equal(roost_init(&s->frames, &config, s->records, s->records_size), 0);
	s->base_size = pages * PAGE;
	s->base = map(s->base_size);
	slabs.frames = s->frames;
	slabs.base = s->base;
	slabs.nr = pages;
	slabs.nr_cpus = cpus;
	slabs.nr_slabs = nr_slabs;
	slabs.check_level = check_level;
	slabs.misuse = misuse;
	slabs.context = s;
	assert_null(roost_slabs_config_error(&slabs));
	s->metadata_size = roost_slabs_metadata_size(&slabs);
	s->metadata = map(s->metadata_size);
	assert_int_equal(roost_slabs_init(&s->slabs, &slabs, s->metadata, s->metadata_size), 0);
}

void slabs_open(struct slabs *s, size_t pages, unsigned check_level)
{
	slabs_open_for(s, pages, check_level, (unsigned)sysconf(_SC_NPROCESSORS_CONF), 0);
}

void slabs_are_sound(const struct slabs *s)
{
	struct roost_violation v = {0};

	if (roost_slabs_validate(s->slabs, &v))
		fail_msg("%s: expected %#jx, found %#jx", v.invariant, (uintmax_t)v.expected,
			 (uintmax_t)v.found);
	if (roost_validate(s->frames, &v))
		fail_msg("%s", v.invariant);
}

void slabs_close(struct slabs *s)
{
	slabs_are_sound(s);
	assert_int_equal(s->misuses, 0);
	assert_null(roost_cache_next(s->slabs, NULL));
	assert_int_equal(roost_free_frames(s->frames, 0, NULL), s->pages);
	munmap(s->base, s->base_size);
	munmap(s->metadata, s->metadata_size);
	munmap(s->records, s->records_size);
}

roost_cache_t *slabs_cache(struct slabs *s, size_t size)
{
	roost_cache_t *cache;

	assert_int_equal(roost_cache_create(&cache, s->slabs, "test", size, 0, 0, NULL), 0);
	return cache;
}

void slabs_close_cache(const struct slabs *s, roost_cache_t *cache)
{
	uint64_t left = 1;

	slabs_are_sound(s);
	assert_int_equal(roost_cache_destroy(cache, &left), 0);
	assert_int_equal(left, 0);
}

struct roost_cache_stats slabs_stats(const roost_cache_t *cache)
{
	struct roost_cache_stats stats;

	roost_cache_stats(cache, &stats);
	return stats;
}

void *slabs_get(roost_cache_t *cache)
{
	void *object = roost_cache_alloc(cache, 0);

	assert_non_null(object);
	return object;
}

static void *free_it(void *argument)
{
	void **call = argument;

	roost_cache_free(call[0], call[1]);
	return NULL;
}

/* In another thread, which may be on another CPU. */
void slabs_free_elsewhere(roost_cache_t *cache, void *object)
{
	void *call[2] = {cache, object};
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, free_it, call), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

void slabs_saw(struct slabs *s, const char *call, const void *object, const char *what)
{
	assert_int_equal(s->misuses, 1);
	assert_string_equal(s->call, call);
	assert_ptr_equal(s->object, object);
	assert_string_equal(s->what, what);
	s->misuses = 0;
}
