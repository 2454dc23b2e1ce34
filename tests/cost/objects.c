/* SPDX-License-Identifier: MIT */
/*
 * objects.c - calls of object caches, for callgrind to count instructions, as instructions.c does
 * for frames: the hot paths warm, and then single calls in the states in which they take longest.
 * No call that is counted makes a system call. With TEST_MALLOC the hot paths of the process's
 * malloc, for comparison; instructions.sh says how.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "cost.h"
#include "tool/common/random.h"
#if !TEST_MALLOC
#include <roost/cache.h>

#include "plain.h"
#endif

enum { WARM = 1000, TIMES = 1000, BURST = 1000, BATCH = 64, SIZE = 64 };

static void *objects[BURST];
static size_t size;

static _Noreturn void wrong(const char *what)
{
	fprintf(stderr, "objects: %s\n", what);
	exit(1);
}

#if TEST_MALLOC
static void create(size_t bytes)
{
	size = bytes;
}

static inline void *get_object(void)
{
	void *object = malloc(size);

	__asm__ volatile("" : "+r"(object)); /* or no pair would be left */
	return object;
}

static inline void put_object(void *object)
{
	free(object);
}

static void get_many(void **out)
{
	for (unsigned i = 0; i < BATCH; i++)
		out[i] = malloc(size);
}

static void put_many(void **out)
{
	for (unsigned i = 0; i < BATCH; i++)
		free(out[i]);
}

static void check(void)
{
}
#else
enum { PAGE = 4096, PAGES = 1 << 16, CACHES = 64 };

static roost_t *frames;
static roost_slabs_t *slabs;
static roost_cache_t *cache;

static void open_slabs(void)
{
	struct roost_slabs_config config = ROOST_SLABS_CONFIG_INIT;
	size_t bytes;
	void *metadata;

	frames = plain_open(PAGES, 2, ROOST_CHECK_STATE);
	config.frames = frames;
	config.nr = PAGES;
	config.nr_cpus = 2;
	config.base = mmap(NULL, (size_t)PAGES * PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	bytes = roost_slabs_metadata_size(&config);
	metadata = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (config.base == MAP_FAILED || metadata == MAP_FAILED ||
	    roost_slabs_init(&slabs, &config, metadata, bytes))
		wrong("no slabs");
}

static void create(size_t bytes)
{
	size = bytes;
	if (!slabs)
		open_slabs();
	if (roost_cache_create(&cache, slabs, "counted", size, 0, 0, NULL))
		wrong("no cache");
}

static inline void *get_object(void)
{
	return roost_cache_alloc(cache, 0);
}

static inline void put_object(void *object)
{
	roost_cache_free(cache, object);
}

static void get_many(void **out)
{
	if (roost_cache_alloc_bulk(cache, 0, out, BATCH) != BATCH)
		wrong("too few objects");
}

static void put_many(void **out)
{
	roost_cache_free_bulk(cache, out, BATCH);
}

/* All frames come back, or something was lost meanwhile. */
static void check(void)
{
	uint64_t left;

	if (roost_slabs_validate(slabs, NULL) || roost_cache_destroy(cache, &left))
		wrong("the slabs are unsound, or objects are left");
}
#endif

/* ---- Again and again ----------------------------------------------------------------------- */

static void pairs(unsigned times)
{
	for (unsigned i = 0; i < times; i++)
		put_object(get_object());
}

static void pair(size_t bytes)
{
	char name[32];

	snprintf(name, sizeof(name), "pair-%zu", bytes);
	create(bytes);
	pairs(WARM);
	begin();
	pairs(TIMES);
	end(name, TIMES);
	check();
}

static void get_all(void)
{
	for (unsigned i = 0; i < BURST; i++)
		objects[i] = get_object();
}

static void put_all(void)
{
	for (unsigned i = 0; i < BURST; i++)
		put_object(objects[i]);
}

static void burst(void)
{
	for (unsigned i = 0; i < 3; i++) {
		get_all();
		put_all();
	}
	begin();
	get_all();
	end("burst-alloc", BURST);
	begin();
	put_all();
	end("burst-free", BURST);
}

static void bulk(void)
{
	for (unsigned i = 0; i + BATCH <= BURST; i += BATCH)
		get_many(objects + i);
	for (unsigned i = 0; i + BATCH <= BURST; i += BATCH)
		put_many(objects + i);
	begin();
	for (unsigned i = 0; i + BATCH <= BURST; i += BATCH)
		get_many(objects + i);
	end("bulk-alloc", BURST / BATCH * BATCH);
	begin();
	for (unsigned i = 0; i + BATCH <= BURST; i += BATCH)
		put_many(objects + i);
	end("bulk-free", BURST / BATCH * BATCH);
}

/* A random one of many is freed, and another allocated. */
static void exchange(unsigned times)
{
	struct random random = {1};

	for (unsigned i = 0; i < times; i++) {
		void **object = &objects[random_below(&random, BURST)];

		put_object(*object);
		*object = get_object();
	}
}

static void *put_all_far(void *nothing)
{
	be_on(1);
	begin();
	put_all();
	end("far-free", BURST);
	return nothing;
}

/* What one CPU allocated, another frees. */
static void far(void)
{
	pthread_t thread;

	be_on(-1); /* with an area of its own glibc wants one of the new thread, too */
	if (pthread_create(&thread, NULL, put_all_far, NULL))
		wrong("no thread");
	be_on(0);
	pthread_join(thread, NULL);
	begin();
	get_all(); /* all of them come from the other side */
	end("far-alloc", BURST);
}

static void again_and_again(void)
{
	pair(8);
	pair(SIZE);
	pair(1024);
	pair(32768);
	create(SIZE);
	burst();
	bulk();
	get_all();
	exchange(WARM);
	begin();
	exchange(TIMES);
	end("random-pair", TIMES);
	far();
	put_all();
	check();
}

/* ---- Single calls -------------------------------------------------------------------------- */

#if !TEST_MALLOC
static void *held[1 << 20];
static unsigned nr_held;

static struct roost_cache_stats stats(void)
{
	struct roost_cache_stats now;

	roost_cache_stats(cache, &now);
	return now;
}

static void *take(void)
{
	void *object = get_object();

	if (!object)
		wrong("no object");
	return held[nr_held++] = object;
}

/* Slabs that are full, all of this CPU. */
static void fill(unsigned nr)
{
	unsigned each;

	take();
	each = stats().slab_objects;
	while (nr_held % (nr * each))
		take();
}

static void put_held(void)
{
	while (nr_held)
		put_object(held[--nr_held]);
}

static void count_alloc(const char *name)
{
	begin();
	held[nr_held] = get_object();
	end(name, 1);
	if (!held[nr_held++])
		wrong(name);
}

static void count_free(const char *name, unsigned which)
{
	begin();
	put_object(held[which]);
	end(name, 1);
	held[which] = held[--nr_held];
}

/* The first free into a full slab opens it, and the last one gives it back. */
static void frees(void)
{
	unsigned each;

	create(SIZE);
	fill(4);
	each = stats().slab_objects;
	count_free("free-opens", 0);
	be_on(1);
	count_free("free-far-opens", 2 * each);
	be_on(0);
	put_held();
	roost_cache_shrink(cache);
	fill(4);
	for (unsigned i = 1; i < each; i++)
		put_object(held[i]);
	begin();
	put_object(held[0]);
	end("free-gives-back", 1);
	if (stats().slabs != 3)
		wrong("the slab was not given back");
	be_on(1);
	for (unsigned i = 2 * each - 1; i > each; i--)
		put_object(held[i]);
	begin();
	put_object(held[each]);
	end("free-far-last", 1);
	be_on(0);
	for (unsigned i = 2 * each; i < nr_held; i++)
		put_object(held[i]);
	nr_held = 0;
	check();
}

static void new_slab(const char *name, size_t bytes)
{
	create(bytes);
	fill(1);
	count_alloc(name);
	put_held();
	check();
}

/* Objects of another CPU's are free, but too few in each slab to take it. */
static void searches(void)
{
	unsigned each;

	create(SIZE);
	be_on(1);
	fill(32);
	each = stats().slab_objects;
	for (unsigned i = 0; i < nr_held; i += each)
		put_object(held[i]);
	be_on(0);
	count_alloc("alloc-searches");
	be_on(1);
	for (unsigned i = 0; i < nr_held; i++)
		if (i % each || i == nr_held - 1)
			put_object(held[i]);
	nr_held = 0;
	check();
	be_on(0);
}

/* Slabs of this CPU that hints have emptied: all are noted, and none has anything. */
static void closes(unsigned nr, const char *name)
{
	unsigned each;

	create(512);
	fill(nr);
	each = stats().slab_objects;
	for (unsigned i = 0; i < nr; i += 8) {
		for (unsigned j = i; j < i + 8 && j < nr; j++)
			put_object(held[j * each]);
		for (unsigned j = i; j < i + 8 && j < nr; j++)
			held[j * each] = get_object();
	}
	count_alloc(name);
	put_held();
	check();
}

/* No page is left, and no object. */
static void fails(const char *name)
{
	begin();
	if (get_object())
		wrong(name);
	end(name, 1);
}

static roost_pfn pages[PAGES];

static unsigned take_pages(void)
{
	unsigned n = 0;

	while ((pages[n] = roost_alloc(frames, 0, 0)) != ROOST_NONE)
		n++;
	return n;
}

static void failures(void)
{
	unsigned n;

	create(SIZE);
	fill(2);
	n = take_pages();
	fails("alloc-fails");
	while (n)
		roost_free(frames, pages[--n], 0);
	put_held();
	check();

	/* Each cache has slabs of which all have something, and none is empty. */
	for (unsigned i = 0; i < CACHES - 1; i++) {
		unsigned each;

		create(8192);
		fill(64);
		each = stats().slab_objects;
		for (unsigned j = 0; j < nr_held; j += each)
			put_object(held[j]);
		nr_held = 0; /* and is lost: these are the last calls */
	}
	create(1024);
	fill(2);
	take_pages();
	fails("alloc-fails-63-caches");
}

static void once(void)
{
	frees();
	new_slab("alloc-makes-8", 8);
	new_slab("alloc-makes-64", SIZE);
	new_slab("alloc-makes-32K", 32768);
	searches();
	closes(8, "alloc-closes-8");
	closes(256, "alloc-closes-256");
	failures();
}
#endif

int main(void)
{
	be_on(0);
	again_and_again();
#if !TEST_MALLOC
	once();
#endif
	return 0;
}
