/* SPDX-License-Identifier: MIT */
/*
 * stack.c - how much stack the pool's calls take, and those of its object caches, in a handler on a
 * stack of its own that is painted before: a free at most 512 bytes, an allocation 1.2 KiB,
 * whatever it has to do; those of many blocks keep some of these there.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <roost/pool.h>

#define MIB ((size_t)1 << 20)

enum {
	PAGE = 4096,
	STACK = 1 << 16,
	PAINT = 0xa5,
	FREE = 512,
	ALLOC = 1200,
	/* Objects: the goal is 512 for a free and 1,024 for an allocation. What misses it: an
	 * allocation for which the pool grows (1,456; of many 1,536), and one that finds no page
	 * and tries to give slabs back (1,352; of many 1,432). */
	OBJECT_FREE = 512,
	OBJECT_ALLOC = 1024,
	OBJECT_GROWS = 1540,
	OBJECT_FAILS = 1440,
	MANY = 300,
	OBJECT = 64,
	PAGES = 4096,
	BULK = 2048
};

static unsigned char *stack;
static void (*work)(void);
static size_t deepest;
static roost_pool_t *pool;
static void *block, *blocks[MANY], *pages[PAGES];
static size_t size;
static bool failed;

/* The clock by which marks age. */
static time_t ahead;

int clock_gettime(clockid_t clock, struct timespec *now)
{
	if (syscall(SYS_clock_gettime, clock, now))
		return -1;
	now->tv_sec += clock == CLOCK_MONOTONIC_COARSE ? ahead : 0;
	return 0;
}

/* Paints all below its own frame: it calls nothing but the work. */
static __attribute__((noinline)) size_t measure(void)
{
	volatile unsigned char *here, *low = stack;

#if defined(__x86_64__)
	__asm__ volatile("movq %%rsp, %0" : "=r"(here));
#elif defined(__aarch64__)
	__asm__ volatile("mov %0, sp" : "=r"(here));
#else
	here = __builtin_frame_address(0);
	here -= 128;
#endif
	for (volatile unsigned char *p = stack; p < here; p++)
		*p = PAINT;
	work();
	while (low < here && *low == PAINT)
		low++;
	return (size_t)(here - low);
}

static void handler(int signal)
{
	(void)signal;
	deepest = measure();
}

/* By its name the compiler knows it, and takes it that it calls nothing of this file. */
static int (*volatile raise_signal)(int) = raise;

/* Runs it there. The program is linked so that no first call of a function goes through the dynamic
 * linker, on the same stack. */
static void check(const char *what, void (*f)(void), size_t most)
{
	work = f;
	raise_signal(SIGUSR1);
	printf("%-44s %5zu\n", what, deepest);
	if (deepest > most) {
		printf("more than %zu\n", most);
		failed = true;
	}
}

static void nothing(void)
{
}

static void get(void)
{
	block = roost_pool_alloc(pool, size, 0);
}

static void put(void)
{
	roost_pool_free(block);
}

static void get_many(void)
{
	size_t n = roost_pool_alloc_bulk(pool, PAGE, 0, blocks, MANY);

	while (n < MANY)
		blocks[n++] = NULL;
}

static void put_many(void)
{
	roost_pool_free_bulk(blocks, MANY);
}

static void usable(void)
{
	(void)roost_pool_usable_size(block);
}

/* A look at the clock and what follows from it. */
static void get_until_step(void)
{
	for (unsigned i = 0; i < 256; i++)
		roost_pool_free(roost_pool_alloc(pool, PAGE, 0));
}

/* ---- Objects ---------------------------------------------------------------------------- */

static roost_cache_t *cache;
static void *object, *objects[1 << 16];
static unsigned nr_objects;

static void get_object(void)
{
	object = roost_cache_alloc(cache, 0);
}

static void put_object(void)
{
	roost_cache_free(cache, object);
}

static void get_objects(void)
{
	nr_objects = (unsigned)roost_cache_alloc_bulk(cache, 0, objects, MANY);
}

static void put_objects(void)
{
	roost_cache_free_bulk(cache, objects, nr_objects);
}

/* ---- The tests -------------------------------------------------------------------------- */

static roost_pool_t *open_pool(size_t limit, size_t initial, size_t step)
{
	struct roost_pool_config config = ROOST_POOL_CONFIG_INIT;
	roost_pool_t *made;

	config.limit = limit;
	config.initial = initial;
	config.step = step;
	if (roost_pool_create(&made, &config))
		abort();
	return made;
}

static void on_cpu(unsigned cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set); /* where there is but one it stays */
}

static void sizes(void)
{
	static const size_t all[] = {PAGE,    3 * PAGE, 64 * PAGE, 160 * PAGE,
				     2 * MIB, 6 * MIB,	32 * MIB};

	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		char text[64];

		size = all[i];
		snprintf(text, sizeof(text), "allocate %zu KiB", size >> 10);
		check(text, get, ALLOC);
		snprintf(text, sizeof(text), "allocate %zu KiB again", size >> 10);
		put();
		check(text, get, ALLOC);
		check("usable size", usable, FREE);
		if (i % 2)
			on_cpu(1);
		snprintf(text, sizeof(text), "free %zu KiB", size >> 10);
		check(text, put, FREE);
		on_cpu(0);
	}
}

/* The others' pockets are emptied, and everything is searched. */
static void failures(void)
{
	void *held[64];
	unsigned n = 0;

	on_cpu(1);
	for (unsigned i = 0; i < 20; i++)
		held[i] = roost_pool_alloc(pool, PAGE, 0);
	roost_pool_free_bulk(held, 20);
	on_cpu(0);
	while (n < 64 && (held[n] = roost_pool_alloc(pool, 2 * MIB, 0)))
		n++;
	size = 2 * MIB;
	check("allocate what is not there", get, ALLOC);
	size = 3 * PAGE;
	check("allocate a part", get, ALLOC);
	put();
	size = PAGE;
	while (roost_pool_alloc(pool, PAGE, 0))
		;
	check("allocate a page that is not there", get, ALLOC);
	check("allocate many that are not there", get_many, BULK);
	roost_pool_free_bulk(held, n);
}

static struct roost_cache_stats object_stats(void)
{
	struct roost_cache_stats stats;

	roost_cache_stats(cache, &stats);
	return stats;
}

/* As many as fit into this many slabs. */
static void fill_slabs(unsigned slabs)
{
	while (nr_objects < slabs * object_stats().slab_objects)
		objects[nr_objects++] = roost_cache_alloc(cache, 0);
}

static void check_put(const char *what, void *which)
{
	object = which;
	check(what, put_object, OBJECT_FREE);
}

static void caches(unsigned check_level, unsigned flags)
{
	struct roost_pool_config config = ROOST_POOL_CONFIG_INIT;
	unsigned each;

	config.limit = 16 * MIB;
	config.check_level = check_level;
	if (roost_pool_create(&pool, &config) ||
	    roost_cache_create(&cache, roost_pool_slabs(pool), "painted", OBJECT, 0, flags, NULL))
		abort();
	nr_objects = 0;
	check("the first object", get_object, OBJECT_GROWS);
	check_put("free it", object);
	check("an object again", get_object, OBJECT_ALLOC);
	check_put("free it", object);
	fill_slabs(4);
	each = object_stats().slab_objects;
	check("an object of a new slab", get_object, OBJECT_ALLOC);
	check_put("free it", object);
	check_put("free the first object of a full slab", objects[0]);
	on_cpu(1);
	check_put("on another CPU", objects[each]);
	check_put("one more", objects[each + 1]);
	for (unsigned i = 2 * each; i < 3 * each; i++)
		roost_cache_free(cache, objects[i]);
	check("an object of a slab of another CPU", get_object, OBJECT_ALLOC);
	check_put("free it", object);
	on_cpu(0);
	for (unsigned i = 3 * each; i < 4 * each - 1; i++)
		roost_cache_free(cache, objects[i]);
	object = objects[4 * each - 1];
	check("free the last one of a slab", put_object, OBJECT_FREE);
	for (unsigned i = 1; i < each; i++)
		roost_cache_free(cache, objects[i]);
	for (unsigned i = each + 2; i < 2 * each; i++)
		roost_cache_free(cache, objects[i]);
	check("many objects", get_objects, OBJECT_ALLOC);
	check("free them", put_objects, OBJECT_FREE);

	/* All of the memory becomes pages, but for one slab. */
	objects[0] = roost_cache_alloc(cache, 0);
	while (roost_pool_alloc(pool, PAGE, 0))
		;
	nr_objects = 1;
	while ((objects[nr_objects] = roost_cache_alloc(cache, 0)))
		nr_objects++;
	check("an object that is not there", get_object, OBJECT_FAILS);
	roost_cache_free(cache, objects[--nr_objects]);
	check("many objects that are not there", get_objects, OBJECT_FAILS);
	roost_pool_destroy(pool);

	if (roost_pool_create(&pool, &config) ||
	    roost_cache_create(&cache, roost_pool_slabs(pool), "painted", OBJECT, 0, flags, NULL))
		abort();
	check("many objects, the first ones", get_objects, OBJECT_GROWS);
	put_objects();
	roost_pool_destroy(pool);
}

int main(void)
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK};
	stack_t alternate = {.ss_size = STACK};
	struct roost_pool_info info;
	unsigned n = 0;

	stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	alternate.ss_sp = stack;
	if (sigaltstack(&alternate, NULL) || sigaction(SIGUSR1, &action, NULL))
		abort();
	on_cpu(0);
	check("nothing", nothing, FREE);
	pool = open_pool(64 * MIB, 0, 0);
	sizes();
	check("allocate many", get_many, BULK);
	check("free many", put_many, BULK);
	failures();
	roost_pool_destroy(pool);

	pool = open_pool(64 * MIB, 2 * MIB, 2 * MIB);
	sizes();
	failures();
	roost_pool_destroy(pool);

	/* Something to give back, with blocks between. */
	pool = open_pool(64 * MIB, 0, 0);
	for (unsigned i = 0; i < PAGES; i++)
		*(char *)(pages[i] = roost_pool_alloc(pool, PAGE, 0)) = 1;
	for (unsigned i = 0; i < PAGES; i++)
		if (i % 3)
			roost_pool_free(pages[i]);
	for (; n < 4; n++) {
		ahead += 1000;
		check("allocate, and give back", get_until_step, ALLOC);
	}
	roost_pool_info(pool, &info);
	failed |= !info.given_back;
	roost_pool_destroy(pool);

	caches(ROOST_CHECK_STATE, 0);
	caches(ROOST_CHECK_STATE, ROOST_CACHE_REDZONE | ROOST_CACHE_POISON);
	caches(ROOST_CHECK_EXACT, 0);
	return failed;
}
