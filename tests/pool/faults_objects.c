/* SPDX-License-Identifier: MIT */
/* faults_objects.c - the life of caches of objects in a pool. */
#define _GNU_SOURCE
#include "faults_try.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <roost/cache.h>
#include <roost/pool.h>

enum { CACHES = 2, OBJECTS = 8192, BULK = 200, SLAB = 1 << 16 };

/* A call that a thread is in may have a slab in hand, and objects of another one. */
enum { IN_FLIGHT = 4 * SLAB };

static const size_t sizes[CACHES] = {64, 4096};

static roost_slabs_t *slabs;
static roost_cache_t *caches[CACHES];
static void *objects[CACHES][OBJECTS];
static unsigned nr[CACHES];

static void mark(unsigned c, void *object)
{
	MUST(roost_object_cache(slabs, object) == caches[c]);
	*(void **)object = object;
	((char *)object)[sizes[c] - 1] = (char)(0x40 + c);
	objects[c][nr[c]++] = object;
}

static void *unmark(unsigned c, unsigned i)
{
	void *object = objects[c][i];

	MUST(*(void **)object == object && ((char *)object)[sizes[c] - 1] == (char)(0x40 + c));
	objects[c][i] = objects[c][--nr[c]];
	return object;
}

/* Fails only in the call in which something went wrong, or because memory is out. */
static bool take_object(unsigned c, unsigned flags, bool may_be_out)
{
	bool before = hit;
	void *object;

	faults_begin("cache_alloc", IN_FLIGHT);
	object = roost_cache_alloc(caches[c], flags);
	faults_end(KEPT_ERRNO);
	MUST(object || may_be_out || hit != before);
	if (object)
		mark(c, object);
	return object;
}

static void take_objects(unsigned c, unsigned n, unsigned flags)
{
	void *some[BULK];
	bool before = hit;
	size_t got;

	faults_begin("cache_alloc_bulk", IN_FLIGHT + n * sizes[c]);
	got = roost_cache_alloc_bulk(caches[c], flags, some, n);
	faults_end(KEPT_ERRNO);
	MUST(got == n || hit != before);
	for (size_t i = 0; i < got; i++)
		mark(c, some[i]);
}

/* A free makes no system call, so nothing can go wrong in it. */
static void put_objects(unsigned c, unsigned left)
{
	void *some[BULK];
	unsigned n = 0, made[FAULTS_NR];

	for (unsigned i = 0; i < FAULTS_NR; i++)
		made[i] = counts[i];
	while (nr[c] > left) {
		faults_begin("cache_free", 0);
		roost_cache_free(caches[c], unmark(c, nr[c] / 2));
		faults_end(KEPT_ERRNO);
		for (n = 0; n < BULK && nr[c] > left; n++)
			some[n] = unmark(c, nr[c] - 1);
		faults_begin("cache_free_bulk", 0);
		roost_cache_free_bulk(caches[c], some, n);
		faults_end(KEPT_ERRNO);
	}
	for (unsigned i = 0; i < FAULTS_NR && !plan.shape->thread; i++)
		MUST(made[i] == counts[i]);
}

static void shrink(unsigned c)
{
	faults_begin("cache_shrink", IN_FLIGHT);
	roost_cache_shrink(caches[c]);
	faults_end(KEPT_ERRNO);
}

/* What a slab's home has of it, another CPU gets by a fence. */
static void go(unsigned cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	(void)!sched_setaffinity(0, sizeof(set), &set); /* there may be but one */
}

static bool have_slabs(void)
{
	bool before = hit;

	faults_begin("slabs", 0);
	slabs = roost_pool_slabs(pool);
	faults_end(slabs ? KEPT_ERRNO : ENOMEM);
	MUST(slabs || hit != before);
	return slabs;
}

static void destroy(unsigned c)
{
	roost_cache_t *gone = caches[c];
	uint64_t left = 1;
	int err;

	do {
		bool before = hit;

		faults_begin("cache_destroy", IN_FLIGHT);
		err = roost_cache_destroy(gone, &left);
		faults_end(KEPT_ERRNO);
		MUST(!left && (!err || hit != before)); /* no fence just now */
	} while (err);
	caches[c] = NULL;
}

void use_objects(void)
{
	bool made = have_slabs();

	if (!made) /* something went wrong: once more */
		made = have_slabs();
	if (!made)
		wrong("no slabs, though nothing goes wrong any more");
	for (unsigned c = 0; c < CACHES; c++)
		MUST(!roost_cache_create(&caches[c], slabs, "faults", sizes[c], 0, 0, NULL));
	go(0);
	for (unsigned i = 0; i < 2500; i++)
		take_object(0, i % 2 ? ROOST_WAIT : 0, false);
	take_objects(1, BULK, 0);
	take_objects(1, BULK, ROOST_WAIT);
	put_objects(0, 100);
	go(1);
	take_objects(0, BULK, 0); /* steals, with a fence */
	put_objects(0, 50);
	put_objects(1, 10);
	shrink(0);
	shrink(1);
	go(0);
	while (nr[1] < OBJECTS && take_object(1, 0, true)) /* grows to the limit */
		;
	while (take_object(0, ROOST_WAIT, true))
		;
	put_objects(0, 0);
	put_objects(1, 0);
	go(1);
	destroy(0);
	destroy(1);
}

/* In another thread, beside all that. */
void use_objects_at_once(void)
{
	for (unsigned c = 0; c < CACHES; c++) {
		void *some[40];
		size_t n = caches[c] ? roost_cache_alloc_bulk(caches[c], 0, some, 40) : 0;

		for (size_t i = 0; i < n; i++)
			*(void **)some[i] = NULL;
		if (n)
			roost_cache_free_bulk(caches[c], some, n);
	}
}

/* In a child of another thread's fork(): what the caller is in the middle of stays, but no more. */
void end_objects(void)
{
	for (unsigned c = 0; c < CACHES; c++) {
		uint64_t left;

		if (!caches[c])
			continue;
		put_objects(c, 0);
		if (roost_cache_destroy(caches[c], &left))
			MUST(in_flight && left * sizes[c] <= in_flight);
	}
}
