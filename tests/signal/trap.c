/* SPDX-License-Identifier: MIT */
/*
 * trap.c - a signal at one instruction of the allocator after the other, each once per round.
 *
 *	trap OFFSETS        a file of trap.sh: the addresses, relative to roost_alloc
 *
 * A breakpoint is put there and the same few calls are made. If they come by, the handler takes it
 * out, allocates and frees on top, and returns to the instruction; or, if it was in a sequence, the
 * kernel has sent the thread to where the sequence fails. Unlike in step.c the sequence has run up
 * to there. Only on a real CPU (cpus.h).
 */
#define _GNU_SOURCE
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

enum { FRAMES = 2048 };

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

	if (mprotect((void *)page, 8192, PROT_READ | PROT_WRITE | PROT_EXEC))
		fail("the code cannot be written", 0);
	trap = at;
	under = *at;
	write_code(at, (code)BREAKPOINT);
	calls();
	write_code(at, under);
	calls();
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
