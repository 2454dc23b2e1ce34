/* SPDX-License-Identifier: MIT */
/*
 * storm.c - threads that allocate objects, free what others allocated, and shrink caches, with
 * timer signals in each whose handlers allocate and free too.
 *
 * Each object says in its first word whether it is allocated, and in its second where it is. So an
 * object that is handed out twice is found at once. At the end all objects and all pages are free.
 *
 * One more thread makes and destroys caches, whose names are their sizes; handlers and threads read
 * the statistics of all caches meanwhile, and find no name beside another size.
 * The arguments: seconds, a seed.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "slabs.h"
#include "ticks.h"
#include "tool/common/random.h"

enum { THREADS = 4, KINDS = 4, SHARED = 4096, PAGES = 1024, HZ = 3000, OUT = 0x0b1ec7 };

struct object {
	_Atomic uint64_t state;
	struct object *self;
	unsigned kind;
};

static const size_t sizes[KINDS] = {24, 64, 520, 4096};
enum { QUARANTINED = 1 }; /* this kind is */
static struct slabs s;
static roost_cache_t *caches[KINDS];
static _Atomic(struct object *) shared[SHARED]; /* by which objects change hands */
static _Atomic bool stop;
static _Atomic unsigned long allocated, failed, in_handlers, shrinks, shrunk, visitors, seen;
static _Thread_local struct random randoms[TICKS_SIGNALS + 1]; /* thread, handlers */

static _Noreturn void fault(const char *what, const void *object)
{
	fprintf(stderr, "storm: %s: %p\n", what, object);
	abort();
}

static struct object *take(unsigned kind, unsigned flags)
{
	struct object *object = roost_cache_alloc(caches[kind], flags);

	if (!object) {
		atomic_fetch_add_explicit(&failed, 1, memory_order_relaxed);
		return NULL;
	}
	atomic_fetch_add_explicit(&allocated, 1, memory_order_relaxed);
	/* Relaxed: what orders two owners is the allocator's to do. */
	if (atomic_exchange_explicit(&object->state, OUT, memory_order_relaxed) == OUT)
		fault("handed out twice", object);
	object->self = object;
	object->kind = kind;
	return object;
}

static void give(struct object *object)
{
	if (!object)
		return;
	if (object->self != object)
		fault("lost what was in it", object);
	if (atomic_exchange_explicit(&object->state, 0, memory_order_relaxed) != OUT)
		fault("is not the caller's", object);
	roost_cache_free(caches[object->kind], object);
}

static void swap(struct random *random, unsigned flags)
{
	/* Few are large, or memory is always out. */
	unsigned kind =
		(unsigned)random_below(random, random_chance(random, 4) ? KINDS : KINDS - 1);
	struct object *object = random_chance(random, 52) ? take(kind, flags) : NULL;

	give(atomic_exchange(&shared[random_below(random, SHARED)], object));
}

/* ---- Caches that come and go --------------------------------------------------------------- */

static void look_at_all(void)
{
	struct roost_cache_stats stats;

	for (unsigned at = 0; roost_slabs_stats(s.slabs, &at, &stats);) {
		if (stats.allocated > stats.objects || stats.objects % stats.slab_objects)
			fault("counts that cannot be", (void *)(uintptr_t)stats.allocated);
		if (stats.name[0] == 't') /* slabs_cache() */
			continue;
		if (strtoul(stats.name, NULL, 10) != stats.size)
			fault("the name of another cache", (void *)stats.size);
		atomic_fetch_add_explicit(&seen, 1, memory_order_relaxed);
	}
}

static void visit(struct random *random)
{
	size_t size = 16 * (1 + random_below(random, 200)), n = random_below(random, 20);
	roost_cache_t *cache;
	void *own[20];
	uint64_t left;
	char name[16];

	snprintf(name, sizeof(name), "%zu", size);
	if (roost_cache_create(&cache, s.slabs, name, size, 0, 0, NULL))
		fault("no cache", NULL);
	n = roost_cache_alloc_bulk(cache, 0, own, n);
	roost_cache_free_bulk(cache, own, n);
	while (roost_cache_destroy(cache, &left))
		if (left)
			fault("a visitor left something", (void *)(uintptr_t)left);
	visitors++;
}

static void *come_and_go(void *arg)
{
	struct random random = {.state = (uintptr_t)arg};

	while (!stop)
		visit(&random);
	return NULL;
}

/* ---- The storm ----------------------------------------------------------------------------- */

static void handle(unsigned depth)
{
	if (atomic_fetch_add_explicit(&in_handlers, 1, memory_order_relaxed) % 8 == 0)
		look_at_all();
	for (unsigned i = 0; i < 4; i++)
		swap(&randoms[depth], 0);
}

/* Objects of one's own, so that slabs fill and empty. */
static void burst(struct random *random)
{
	static _Thread_local struct object *own[2000];
	unsigned kind = (unsigned)random_below(random, KINDS - 1);
	size_t n = random_below(random, 2000);

	for (size_t i = 0; i < n; i++)
		own[i] = take(kind, 0);
	for (size_t i = 0; i < n; i++)
		give(own[i]);
}

static void *work(void *arg)
{
	timer_t timers[TICKS_SIGNALS];

	for (unsigned i = 0; i <= TICKS_SIGNALS; i++)
		randoms[i].state = (uintptr_t)arg * 16 + i;
	for (unsigned i = 0; i < TICKS_SIGNALS; i++)
		ticks_start(&timers[i], i, HZ);
	while (!stop) {
		for (unsigned i = 0; i < 2000; i++)
			swap(&randoms[0], i % 16 ? 0 : ROOST_WAIT);
		burst(&randoms[0]);
		look_at_all();
		if (random_chance(&randoms[0], 10)) {
			shrunk += roost_cache_shrink(caches[random_below(&randoms[0], KINDS)]);
			shrinks++;
		}
	}
	ticks_stop(timers, TICKS_SIGNALS);
	return NULL;
}

static void finish(void)
{
	struct roost_violation v;
	uint64_t stolen = 0, made = 0;

	for (unsigned i = 0; i < SHARED; i++)
		give(shared[i]);
	if (roost_slabs_validate(s.slabs, &v))
		fault(v.invariant, (void *)(uintptr_t)v.found);
	for (unsigned i = 0; i < KINDS; i++) {
		struct roost_cache_stats stats;
		uint64_t left;

		roost_cache_stats(caches[i], &stats);
		stolen += stats.stolen;
		made += stats.made;
		if (roost_cache_destroy(caches[i], &left))
			fault("not everything came home", (void *)(uintptr_t)left);
	}
	if (s.misuses)
		fault(s.what, s.object);
	if (roost_free_frames(s.frames, 0, NULL) != PAGES)
		fault("pages are lost", NULL);
	printf("%lu allocations, %lu failed; %lu handlers; %lu pages in %lu shrinks; %llu slabs "
	       "made, %llu stolen; %lu more caches, seen %lu times\n",
	       allocated, failed, in_handlers, shrunk, shrinks, (unsigned long long)made,
	       (unsigned long long)stolen, visitors, seen);
	if (!in_handlers || !allocated || !shrinks || !visitors || !seen)
		fault("something never happened", NULL);
}

int main(int argc, char **argv)
{
	double seconds = argc > 1 ? atof(argv[1]) : 5;
	uintptr_t seed = argc > 2 ? strtoul(argv[2], NULL, 0) * 100 : 0;
	struct timespec pause = {(time_t)seconds,
				 (long)((seconds - (double)(time_t)seconds) * 1e9)};
	pthread_t threads[THREADS], keeper;
	sigset_t old;

	slabs_open(&s, PAGES, ROOST_CHECK_STATE);
	for (unsigned i = 0; i < KINDS; i++)
		if (i != QUARANTINED)
			caches[i] = slabs_cache(&s, sizes[i]);
		else if (roost_cache_create(&caches[i], s.slabs, "test", sizes[i], 0,
					    ROOST_CACHE_QUARANTINE | ROOST_CACHE_REDZONE, NULL))
			fault("no cache", NULL);
	ticks_open(handle);
	ticks_block(&old);
	for (uintptr_t i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, work, (void *)(seed + i + 1)))
			fault("no thread", NULL);
	if (pthread_create(&keeper, NULL, come_and_go, (void *)(seed + 77)))
		fault("no thread", NULL);
	nanosleep(&pause, NULL);
	stop = true;
	pthread_join(keeper, NULL);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	finish();
	return 0;
}
