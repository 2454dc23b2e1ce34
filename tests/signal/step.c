/* SPDX-License-Identifier: MIT */
/*
 * step.c - a signal handler that allocates and frees, on top of every single instruction.
 *
 * With the trap flag set the processor raises SIGTRAP after each instruction of the allocator's
 * fast and slow paths. A sequence is aborted after its first one every time; trap.c gets
 * further. The handler takes blocks, gives them back, and frees what the thread holds. What is
 * handed out is marked, so nothing is handed out twice; at the end everything is free and the
 * metadata is sound. x86-64 alone has the flag at hand.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <roost/roost.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include "cpus.h"
#include "library.h"
#include "plain.h"
#include "stepping.h"

enum { FRAMES = 4096, HELD = 64, ROUNDS = 8 };

static bool taken[FRAMES];
static struct roost_block held[HELD]; /* by the handler, from one instruction to the next */
static unsigned long instructions, blocks;

static void fail(const char *what, roost_pfn pfn)
{
	fprintf(stderr, "step: %s: frame %llu, instruction %lu\n", what, (unsigned long long)pfn,
		instructions);
	_exit(1);
}

static struct plain plain = {.taken = taken, .wrong = fail};

static void give(roost_pfn pfn, unsigned order)
{
	plain_mark(&plain, pfn, order, false);
	roost_free_nolock(plain.roost, pfn, order);
}

/* Each instruction does another thing, and the next one finds it done. */
static void handler(int signal)
{
	unsigned i = (unsigned)(instructions++ % HELD), order = i == 7 ? 9 : i % 7;
	int saved = errno;

	(void)signal;
	if (held[i].pfn != ROOST_NONE)
		give(held[i].pfn, held[i].order);
	held[i] = (struct roost_block){instructions & 64 ? plain_take(&plain, order) : ROOST_NONE,
				       order};
	blocks += held[i].pfn != ROOST_NONE;
	if (errno != saved)
		fail("errno was lost", 0);
}

/* The calls that are stepped through do not mark: marking has its own instructions. */
static roost_pfn stepped_alloc(unsigned order)
{
	roost_pfn pfn;

	step(true);
	pfn = roost_alloc(plain.roost, order, 0);
	step(false);
	if (pfn != ROOST_NONE)
		plain_mark(&plain, pfn, order, true);
	return pfn;
}

static void stepped_free(roost_pfn pfn, unsigned order)
{
	plain_mark(&plain, pfn, order, false);
	step(true);
	roost_free(plain.roost, pfn, order);
	step(false);
}

static void stepped_round(unsigned round)
{
	static const unsigned orders[] = {0, 0, 3, 5, 6, 0, 8, 9, 10, 1, 0, 7};
	enum { NR = sizeof(orders) / sizeof(orders[0]) };
	roost_pfn pfns[NR];

	for (unsigned i = 0; i < NR; i++)
		pfns[i] = stepped_alloc(orders[i]);
	for (unsigned i = 0; i < NR; i++) {
		unsigned j = (i * 5 + round) % NR;

		if (pfns[j] != ROOST_NONE)
			stepped_free(pfns[j], orders[j]);
	}
	step(true);
	roost_drain(plain.roost, -1);
	step(false);
}

static void check_home(void)
{
	for (unsigned i = 0; i < HELD; i++)
		if (held[i].pfn != ROOST_NONE)
			give(held[i].pfn, held[i].order);
	plain_check(plain.roost, FRAMES);
}

int main(void)
{
	struct sigaction action = {.sa_handler = handler};

	plain.roost = plain_open(FRAMES, library_is_up ? 1 : 2, ROOST_CHECK_EXACT);
	for (unsigned i = 0; i < HELD; i++)
		held[i].pfn = ROOST_NONE;
	cpus_go(0);
	sigaction(SIGTRAP, &action, NULL);
	for (unsigned round = 0; round < ROUNDS; round++)
		stepped_round(round);
	check_home();
	printf("%lu instructions, %lu blocks allocated on top of one\n", instructions, blocks);
	return instructions < 10000; /* it never stepped */
}
