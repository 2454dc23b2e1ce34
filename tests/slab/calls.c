/* SPDX-License-Identifier: MIT */
/*
 * calls.c - no free of an object makes a system call, whatever state its slab is in: the kernel
 * says whether one did (syscall user dispatch). And no CPU holds back what was freed there: another
 * one gets each of these objects, when there is nothing else.
 */
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <roost/cache.h>
#include <roost/pool.h>

#include "bench/syscalls.h"
#include "tool/common/random.h"

enum { PAGE = 4096, PAGES = 512, SIZES = 5, SLOTS = 4096, ORDER = 1237, LARGEST = 32768 };

static const size_t sizes[SIZES] = {8, 64, 1000, 4096, LARGEST};

static _Noreturn void wrong(const char *what, size_t size, unsigned long n)
{
	printf("objects of %zu bytes: %s (%lu)\n", size, what, n);
	exit(1);
}

static bool on_cpu(unsigned cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return !sched_setaffinity(0, sizeof(set), &set);
}

/* ---- System calls --------------------------------------------------------------------------- */

static roost_pool_t *open_pool(unsigned check_level)
{
	struct roost_pool_config config = ROOST_POOL_CONFIG_INIT;
	roost_pool_t *pool;

	config.limit = (size_t)64 << 20;
	config.check_level = check_level;
	if (roost_pool_create(&pool, &config))
		wrong("no pool", 0, check_level);
	return pool;
}

static bool free_calls(roost_cache_t *cache, void *object)
{
	syscalls_begin();
	roost_cache_free(cache, object);
	return syscalls_end();
}

/* Where the thread is: on CPU 0, on CPU 1, or here and there. */
enum { HERE, THERE, BOTH, PLACES };

static void go_to(unsigned place, unsigned i, struct random *random)
{
	if (place < BOTH ? !i : i % 64 == 0)
		on_cpu(place < BOTH ? place : (unsigned)random_below(random, 2));
}

/* Slots are filled, so that slabs become full, and emptied in another order, so that they open and
 * go back: each by the same CPU, by the other one, and by both. slots: a power of two. */
static void frees(roost_cache_t *cache, size_t size, unsigned slots)
{
	static void *objects[SLOTS];
	struct random random = {size};
	struct roost_cache_stats stats;

	for (unsigned round = 0; round < PLACES * PLACES; round++) {
		for (unsigned i = 0; i < slots; i++) {
			go_to(round % PLACES, i, &random);
			objects[i] = roost_cache_alloc(cache, 0);
			if (!objects[i])
				wrong("there is none", size, i);
		}
		for (unsigned i = 0; i < slots; i++) {
			go_to(round / PLACES, i, &random);
			if (free_calls(cache, objects[i * ORDER % slots]))
				wrong("a free made a system call", size, i);
		}
	}
	roost_cache_stats(cache, &stats);
	if (stats.made < 2 || !stats.released || stats.allocated)
		wrong("no slab went back", size, stats.released);
}

static void no_free_calls(unsigned check_level, unsigned flags)
{
	roost_pool_t *pool = open_pool(check_level);
	roost_cache_t *cache;

	for (unsigned i = 0; i < SIZES; i++) {
		if (roost_cache_create(&cache, roost_pool_slabs(pool), "called", sizes[i], 0, flags,
				       NULL))
			wrong("no cache", sizes[i], flags);
		frees(cache, sizes[i], sizes[i] < 4096 ? SLOTS : SLOTS / 16);
		if (roost_cache_destroy(cache, NULL))
			wrong("objects are left", sizes[i], 0);
	}
	roost_pool_destroy(pool);
}

/* The kernel does tell: an allocation for which the pool grows makes system calls. */
static void it_would_be_seen(void)
{
	roost_pool_t *pool = open_pool(ROOST_CHECK_STATE);
	roost_cache_t *cache;
	bool seen;

	if (roost_cache_create(&cache, roost_pool_slabs(pool), "seen", LARGEST, 0, 0, NULL))
		wrong("no cache", LARGEST, 0);
	do {
		syscalls_begin();
		if (!roost_cache_alloc(cache, 0))
			wrong("no system call was seen", LARGEST, 0);
		seen = syscalls_end();
	} while (!seen);
	roost_pool_destroy(pool);
}

/* ---- Held back ------------------------------------------------------------------------------ */

static void *map(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED)
		wrong("no memory", size, 0);
	return memory;
}

static roost_slabs_t *open_slabs(unsigned check_level)
{
	struct roost_range range = {.start = 0, .end = PAGES};
	struct roost_config config = ROOST_CONFIG_INIT;
	struct roost_slabs_config slabs = ROOST_SLABS_CONFIG_INIT;
	roost_slabs_t *made;

	config.ranges = &range;
	config.nr_ranges = 1;
	config.nr_cpus = slabs.nr_cpus = (unsigned)sysconf(_SC_NPROCESSORS_CONF);
	if (roost_init(&slabs.frames, &config, map(roost_metadata_size(&config)),
		       roost_metadata_size(&config)))
		wrong("no frames", 0, 0);
	slabs.base = map((size_t)PAGES * PAGE);
	slabs.nr = PAGES;
	slabs.check_level = check_level;
	if (roost_slabs_init(&made, &slabs, map(roost_slabs_metadata_size(&slabs)),
			     roost_slabs_metadata_size(&slabs)))
		wrong("no slabs", 0, 0);
	return made;
}

struct taker {
	roost_cache_t *cache;
	size_t size, wanted;
};

static void *take_all(void *context)
{
	struct taker *t = context;
	size_t n = 0;

	on_cpu(1);
	while (roost_cache_alloc(t->cache, 0))
		n++;
	if (n != t->wanted)
		wrong(n < t->wanted ? "another CPU does not get all that was freed" : "too many",
		      t->size, t->wanted - n);
	return NULL;
}

/* All memory becomes objects of CPU 0. Of these each `every`-th is freed there, and then CPU 1
 * takes what there is. */
static void holds_nothing_back(size_t size, unsigned every, unsigned check_level)
{
	roost_slabs_t *slabs = open_slabs(check_level);
	struct taker t = {.size = size};
	void **objects = map((PAGES * PAGE / size + 1) * sizeof(*objects));
	pthread_t thread;
	size_t n = 0;

	if (roost_cache_create(&t.cache, slabs, "held", size, 0, 0, NULL))
		wrong("no cache", size, 0);
	while ((objects[n] = roost_cache_alloc(t.cache, 0)))
		n++;
	for (size_t i = 0; i < n; i += every, t.wanted++)
		roost_cache_free(t.cache, objects[i]);
	if (pthread_create(&thread, NULL, take_all, &t))
		wrong("no thread", size, 0);
	pthread_join(thread, NULL);
}

int main(void)
{
	on_cpu(0);
	for (unsigned level = ROOST_CHECK_STATE; level <= ROOST_CHECK_EXACT; level++)
		for (unsigned i = 0; i < SIZES; i++) {
			holds_nothing_back(sizes[i], 1, level);
			holds_nothing_back(sizes[i], 3, level);
		}
	if (!syscalls_watch()) {
		puts("this kernel does not say whether a call makes a system call");
		return 77;
	}
	it_would_be_seen();
	no_free_calls(ROOST_CHECK_STATE, 0);
	no_free_calls(ROOST_CHECK_STATE, ROOST_CACHE_REDZONE | ROOST_CACHE_POISON);
	no_free_calls(ROOST_CHECK_EXACT, 0);
	return 0;
}
