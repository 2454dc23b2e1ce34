/* SPDX-License-Identifier: MIT */
/*
 * trap.c - a signal at one instruction of the allocator after the other, each once per round: of
 * what serves frames, and of object caches.
 *
 *	trap OFFSETS        a file of trap.sh: the addresses, relative to roost_alloc
 *
 * A breakpoint is put there and the same few calls are made. If they come by, the handler takes it
 * out, allocates and frees on top, and returns to the instruction; or, if it was in a sequence, the
 * kernel has sent the thread to where the sequence fails. Unlike in step.c the sequence has run up
 * to there. Only on a real CPU (cpus.h).
 */
#define _GNU_SOURCE
#include <roost/cache.h>
#include <roost/roost.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "cpus.h"
#include "plain.h"

/* What a breakpoint is, where it leaves the thread, and how many bytes behind itself. */
#ifdef __aarch64__
typedef uint32_t code;
enum { BREAKPOINT = (int)0xd4200000, BEHIND = 0 };
#define PC(context) ((context)->uc_mcontext.pc)
#else
typedef unsigned char code;
enum { BREAKPOINT = 0xcc, BEHIND = 1 };
#define PC(context) ((context)->uc_mcontext.gregs[REG_RIP])
#endif

enum { FRAMES = 2048, SIZE = 4096, OBJECTS = 24, METADATA = 1 << 16 };

static bool taken[FRAMES];
static code *volatile trap; /* where it lies, or NULL */
static code under;
static unsigned hits, aborted;

static void fail(const char *what, roost_pfn pfn)
{
	fprintf(stderr, "trap: %s: frame %llu, at roost_alloc%+ld\n", what, (unsigned long long)pfn,
		(long)((char *)trap - (char *)roost_alloc));
	_exit(1);
}

static roost_slabs_t *slabs;
static roost_cache_t *cache;
/* The handler gives both away and takes one: what a sequence read before that is old. */
static uint64_t *kept[2];
static struct plain plain = {.taken = taken, .wrong = fail};

static roost_pfn take(unsigned order)
{
	return plain_take(&plain, order);
}

static void give(roost_pfn pfn, unsigned order)
{
	if (pfn == ROOST_NONE)
		return;
	plain_mark(&plain, pfn, order, false);
	roost_free(plain.roost, pfn, order);
}

/* The first word of an object says whether somebody has it. */
static uint64_t *take_object(void)
{
	uint64_t *object = roost_cache_alloc(cache, 0);

	if (!object || *object)
		fail(object ? "an object that somebody has" : "no object", ROOST_NONE);
	*object = 1;
	return object;
}

static void give_object(uint64_t *object)
{
	if (!object)
		return;
	if (!*object)
		fail("an object that was given away", ROOST_NONE);
	*object = 0;
	roost_cache_free(cache, object);
}

static void write_code(code *at, code what)
{
	*at = what;
	__builtin___clear_cache((char *)at, (char *)(at + 1));
}

static void handler(int signal, siginfo_t *info, void *context)
{
	static const unsigned orders[] = {0, 6, 9, 0, 3};
	ucontext_t *at = context;
	roost_pfn pfns[5];

	(void)signal;
	(void)info;
	write_code(trap, under);
	if ((uintptr_t)PC(at) == (uintptr_t)trap + BEHIND)
		PC(at) -= BEHIND;
	else
		aborted++;
	hits++;
	for (unsigned i = 0; i < 5; i++)
		pfns[i] = take(orders[i]);
	for (unsigned i = 0; i < 5; i++)
		give(pfns[i], orders[i]);
	give_object(kept[0]);
	give_object(kept[1]);
	kept[0] = take_object();
	kept[1] = NULL;
}

/* The hints run out, and there are more than they hold; a slab is full, another one made. */
static void object_calls(void)
{
	uint64_t *objects[OBJECTS];

	for (unsigned i = 0; i < OBJECTS; i++)
		objects[i] = take_object();
	for (unsigned i = 0; i < OBJECTS; i++)
		give_object(objects[i]);
	give_object(take_object());
	roost_cache_shrink(cache);
}

static void objects_check(void)
{
	struct roost_cache_stats stats;
	struct roost_violation v;

	if (roost_slabs_validate(slabs, &v))
		fail(v.invariant, v.pfn);
	roost_cache_stats(cache, &stats);
	if (stats.allocated)
		fail("objects are lost", ROOST_NONE);
}

/* Pockets are taken from, put into, swapped, filled and reaped; the spare too. */
static void calls(void)
{
	roost_pfn a = take(0), b = take(5), c = take(0), d = take(6), e = take(9), f = take(8);
	roost_pfn g;

	give(a, 0);
	give(b, 5);
	g = take(3);
	give(d, 6);
	give(c, 0);
	give(e, 9);
	a = take(9);
	give(f, 8);
	give(g, 3);
	give(a, 9);
	roost_drain(plain.roost, -1);
	object_calls();
}

static void with_trap_at(code *at)
{
	const uintptr_t page = (uintptr_t)at & ~(uintptr_t)4095;

	if (mprotect((void *)page, 8192, PROT_READ | PROT_WRITE | PROT_EXEC))
		fail("the code cannot be written", 0);
	trap = at;
	under = *at;
	kept[0] = take_object();
	kept[1] = take_object();
	write_code(at, (code)BREAKPOINT);
	calls();
	write_code(at, under);
	give_object(kept[0]);
	give_object(kept[1]);
	calls();
	objects_check();
	plain_check(plain.roost, FRAMES);
}

/* Of slabs that take their pages from the same frames. */
static void open_cache(void)
{
	static _Alignas(4096) char pages[FRAMES * 4096], metadata[METADATA];
	struct roost_slabs_config config = ROOST_SLABS_CONFIG_INIT;

	config.frames = plain.roost;
	config.base = pages;
	config.nr = FRAMES;
	config.nr_cpus = 2;
	config.nr_slabs = 8; /* a shrink walks over them */
	config.nr_caches = 1;
	if (roost_slabs_init(&slabs, &config, metadata, METADATA) ||
	    roost_cache_create(&cache, slabs, "trapped", SIZE, 0, 0, NULL))
		fail("no cache", ROOST_NONE);
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
	FILE *offsets = argc == 2 ? fopen(argv[1], "r") : NULL;
	unsigned instructions = 0;
	long offset;

	if (!offsets)
		fail("no file of offsets", 0);
	plain.roost = plain_open(FRAMES, 2, ROOST_CHECK_STATE);
	open_cache();
	cpus_go(0);
	sigaction(SIGTRAP, &action, NULL);
	while (fscanf(offsets, "%ld", &offset) == 1) {
		with_trap_at((code *)(void *)((char *)roost_alloc + offset));
		instructions++;
	}
	printf("%u instructions, a signal at %u of them, %u sequences broken off\n", instructions,
	       hits, aborted);
	return hits < 500 || aborted < 10; /* it never trapped, or there are no sequences */
}
