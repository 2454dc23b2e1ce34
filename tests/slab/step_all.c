/* SPDX-License-Identifier: MIT */
/*
 * step_all.c - a handler that allocates and frees objects, on top of every instruction of every
 * call of a cache, the first one of a pool's life among them. step.c has one handler in a call, and
 * forks and jumps.
 *
 * Each object says in its first word where it is, and in its second whether it is out. With the
 * trap flag sequences are broken off each time; trap_sets gets into them. x86-64 alone has the flag
 * at hand.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <ucontext.h>
#include <unistd.h>

#include <roost/pool.h>

#include "stepping.h"

enum { CACHES = 3, HELD = 64, BULK = 80, ROUNDS = 2, IN_CALL = 5000, WALK = 1500, OUT = 0x0b1ec7 };

struct object {
	struct object *self;
	unsigned long state;
};

static const size_t sizes[CACHES] = {16, 64, 4096};
static roost_pool_t *pool;
static roost_slabs_t *slabs;
static roost_cache_t *caches[CACHES];
static struct object *held[HELD]; /* by the handler, from one instruction to the next */
static unsigned long instructions, allocations, in_call, misuses; /* in_call: still to come */
static const char *call;

static _Noreturn void fail(const char *what, const void *object)
{
	fprintf(stderr, "cache step: %s: %s: %p, instruction %lu\n", call, what, object,
		instructions);
	_exit(1);
}

static void misuse(void *context, const char *name, const void *block, const char *what)
{
	(void)context;
	(void)name;
	misuses++;
	fail(what, block);
}

static void mark(unsigned c, struct object *object)
{
	if (roost_object_cache(slabs, object) != caches[c])
		fail("is no object of its cache", object);
	if (object->self == object && object->state == OUT)
		fail("was handed out twice", object);
	*object = (struct object){object, OUT};
}

static void unmark(struct object *object)
{
	if (object->self != object || object->state != OUT)
		fail("lost what was in it", object);
	object->state = 0;
}

static void handler(int signal, siginfo_t *info, void *context)
{
	ucontext_t *interrupted = context;
	unsigned i = (unsigned)(instructions++ % HELD), c = i % CACHES;
	int saved = errno;

	(void)signal;
	(void)info;
	if (!--in_call)
		interrupted->uc_mcontext.gregs[REG_EFL] &= ~TRAP_FLAG;
	if (held[i]) {
		unmark(held[i]);
		roost_cache_free(caches[c], held[i]);
	}
	held[i] = instructions & 64 ? roost_cache_alloc(caches[c], 0) : NULL;
	if (held[i]) {
		mark(c, held[i]);
		allocations++;
	} else if (instructions & 64) {
		fail("no object, and there is memory", NULL);
	}
	if (errno != saved)
		fail("errno was lost", NULL);
}

/* most: instructions that have a handler on top; the rest does the same for each slab. */
static void begin(const char *what, unsigned long most)
{
	call = what;
	in_call = most;
	errno = 4711;
	step(true);
}

static void end(void)
{
	step(false);
	if (errno != 4711)
		fail("errno was lost", NULL);
}

static void *stepped_alloc(unsigned c)
{
	void *object;

	begin("an allocation", IN_CALL);
	object = roost_cache_alloc(caches[c], 0);
	end();
	if (!object)
		fail("no object", NULL);
	mark(c, object);
	return object;
}

static void stepped_free(unsigned c, struct object *object)
{
	unmark(object);
	begin("a free", IN_CALL);
	roost_cache_free(caches[c], object);
	end();
}

static void stepped_bulk(unsigned c)
{
	void *some[BULK];
	size_t n;

	begin("an allocation of many", IN_CALL);
	n = roost_cache_alloc_bulk(caches[c], 0, some, BULK);
	end();
	if (n != BULK)
		fail("too few objects", NULL);
	for (size_t i = 0; i < n; i++)
		mark(c, some[i]);
	for (size_t i = 0; i < n; i++)
		unmark(some[i]);
	begin("a free of many", IN_CALL);
	roost_cache_free_bulk(caches[c], some, n);
	end();
}

/* From the first use of its caches on. */
static void stepped_round(unsigned round)
{
	void *some[CACHES][6];

	for (unsigned c = 0; c < CACHES; c++)
		for (unsigned i = 0; i < 6; i++)
			some[c][i] = stepped_alloc(c);
	for (unsigned c = 0; c < CACHES; c++)
		for (unsigned i = 0; i < 6; i++)
			stepped_free(c, some[c][(i * 5 + round) % 6]);
	stepped_bulk(round % CACHES);
	begin("a shrink", WALK);
	roost_cache_shrink(caches[round % CACHES]);
	end();
	begin("a reclaim", WALK);
	roost_slabs_reclaim(slabs, 64);
	end();
}

static void come_home(void)
{
	struct roost_pool_info info;
	struct roost_violation v;
	uint64_t left;

	call = "the end";
	for (unsigned i = 0; i < HELD; i++) {
		if (held[i])
			roost_cache_free(caches[i % CACHES], held[i]);
		held[i] = NULL;
	}
	if (roost_slabs_validate(slabs, &v))
		fail(v.invariant, NULL);
	for (unsigned c = 0; c < CACHES; c++)
		if (roost_cache_destroy(caches[c], &left))
			fail("objects are left", NULL);
	roost_pool_info(pool, &info);
	if (info.used || misuses)
		fail("pages are lost", NULL);
	roost_pool_destroy(pool);
}

int main(void)
{
	struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
	struct roost_pool_config config = ROOST_POOL_CONFIG_INIT;

	sigaction(SIGTRAP, &action, NULL);
	config.limit = (size_t)8 << 20;
	config.initial = (size_t)1 << 20;
	config.misuse = misuse;
	for (unsigned round = 0; round < ROUNDS; round++) {
		call = "the beginning";
		config.check_level = round % 2 ? ROOST_CHECK_EXACT : ROOST_CHECK_STATE;
		if (roost_pool_create(&pool, &config) || !(slabs = roost_pool_slabs(pool)))
			fail("no pool", NULL);
		for (unsigned c = 0; c < CACHES; c++)
			if (roost_cache_create(&caches[c], slabs, "stepped", sizes[c], 0, 0, NULL))
				fail("no cache", NULL);
		stepped_round(round);
		come_home();
	}
	printf("%lu instructions, %lu objects allocated on top of one\n", instructions,
	       allocations);
	return instructions < 15000 || allocations < 6000; /* it never stepped there */
}
