/* SPDX-License-Identifier: MIT */
/*
 * trap.c - a signal at one instruction of the allocator after the other, each once per round.
 *
 *	trap OFFSETS        a file of trap.sh: the addresses, relative to roost_alloc
 *
 * A breakpoint is put there and the same few calls are made. If they come by, the handler takes it
 * out, allocates and frees on top, and returns to the instruction; or, if it was in a sequence, the
 * kernel has sent the thread to where the sequence fails. Unlike in step.c the sequence has run up
 * to there. So for frames, and for objects of caches out of these. Only on a real CPU (cpus.h).
 */
#define _GNU_SOURCE
#include <roost/cache.h>
#include <roost/posix.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

enum { FRAMES = 2048, PAGE = 4096, SIZES = 2, MANY = 24 };

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

/* ---- Objects ------------------------------------------------------------------------------- */

static const size_t sizes[SIZES] = {512, 4096}; /* 128 and 16 of them are a slab */
static roost_slabs_t *slabs;
static roost_cache_t *caches[SIZES];
static char *memory;
static void **kept[SIZES]; /* by the handler */

static void misuse(void *context, const char *call, const roost_cache_t *cache, const void *object,
		   const char *what)
{
	(void)context;
	(void)call;
	(void)cache;
	fail(what, (roost_pfn)((const char *)object - memory) / PAGE);
}

static void open_caches(void)
{
	struct roost_slabs_config config = ROOST_SLABS_CONFIG_INIT;
	size_t size;
	void *metadata;

	memory = aligned_alloc(PAGE, (size_t)FRAMES * PAGE);
	config.frames = plain.roost;
	config.base = memory;
	config.nr = FRAMES;
	config.nr_cpus = 2;
	config.misuse = misuse;
	size = (roost_slabs_metadata_size(&config) + 63) & ~(size_t)63;
	metadata = aligned_alloc(64, size);
	memset(metadata, 0, size);
	if (roost_slabs_init(&slabs, &config, metadata, size))
		fail("no slabs", 0);
	for (unsigned i = 0; i < SIZES; i++)
		if (roost_cache_create(&caches[i], slabs, "trapped", sizes[i], 0, 0, NULL))
			fail("no cache", 0);
}

/* The first word of an object that is out is where it is. */
static void own(void **object)
{
	if (*object == (void *)object)
		fail("an object was handed out twice", (roost_pfn)((char *)object - memory) / PAGE);
	*object = object;
}

static void **get_object(unsigned i)
{
	void **object = roost_cache_alloc(caches[i], 0);

	if (!object)
		fail("no object", 0);
	own(object);
	return object;
}

static void put_object(unsigned i, void **object)
{
	*object = NULL;
	roost_cache_free(caches[i], object);
}

/* By the home: hinted, of the current slab, a new one; full slabs that are opened; empty ones that
 * go back. By one without sequences: R, and what it makes shared. */
static void object_calls(void)
{
	void *some[MANY];
	size_t n = roost_cache_alloc_bulk(caches[1], 0, some, MANY);
	void **a = get_object(0), **b = get_object(0);

	for (size_t i = 0; i < n; i++)
		own(some[i]);
	put_object(0, a);
	a = get_object(0);
	roost_posix_set_cpu(1); /* without sequences */
	put_object(0, a);
	put_object(1, some[0]);
	put_object(1, some[16 % n]);
	a = get_object(0);
	some[0] = get_object(1);
	put_object(0, b);
	roost_posix_set_cpu(-1);
	some[16 % n] = get_object(1);
	put_object(0, a);
	for (size_t i = 0; i < n; i++)
		put_object(1, some[i]);
}

/* All of them are free. */
static void check_objects(void)
{
	struct roost_violation v;

	if (roost_slabs_validate(slabs, &v))
		fail(v.invariant, v.pfn);
	for (unsigned i = 0; i < SIZES; i++) {
		struct roost_cache_stats stats;

		roost_cache_shrink(caches[i]);
		roost_cache_stats(caches[i], &stats);
		if (stats.slabs)
			fail("a slab does not go back", stats.slabs);
	}
}

/* ---- The trap ------------------------------------------------------------------------------ */

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
	/* What the call was about to take is gone, and stays so. */
	for (unsigned i = 0; i < SIZES; i++)
		kept[i] = get_object(i);
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
}

static void with_trap_at(code *at)
{
	const uintptr_t page = (uintptr_t)at & ~(uintptr_t)4095;
	unsigned before = hits;

	if (mprotect((void *)page, 8192, PROT_READ | PROT_WRITE | PROT_EXEC))
		fail("the code cannot be written", 0);
	trap = at;
	under = *at;
	write_code(at, (code)BREAKPOINT);
	calls();
	object_calls();
	write_code(at, under);
	for (unsigned i = 0; i < SIZES; i++) {
		if (kept[i])
			put_object(i, kept[i]);
		kept[i] = NULL;
	}
	if (hits != before) {
		calls();
		object_calls();
	}
	check_objects();
	plain_check(plain.roost, FRAMES);
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
	open_caches();
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
