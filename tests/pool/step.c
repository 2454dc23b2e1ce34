/* SPDX-License-Identifier: MIT */
/*
 * step.c - a signal handler that allocates and frees, on top of every single instruction of the
 * pool's calls: with the trap flag set the processor raises SIGTRAP behind each.
 *
 * Every page that is handed out is marked, so nothing is handed out twice; every block is written
 * to, and still has what was written when it is freed; errno stays. x86-64 alone has the flag at
 * hand.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#include <roost/pool.h>

#include "plain.h"
#include "stepping.h"

enum { PAGE = 4096, LIMIT = 8 << 20, PAGES = LIMIT / PAGE, HELD = 64, IN_CALL = 10000 };

static roost_pool_t *pool;
static bool taken[PAGES];
static char *held[HELD]; /* by the handler, from one instruction to the next */
static unsigned long instructions, blocks, in_call;

static void fail(const char *what, roost_pfn page)
{
	fprintf(stderr, "pool step: %s: page %llu, instruction %lu\n", what,
		(unsigned long long)page, instructions);
	_exit(1);
}

static const struct plain plain = {.taken = taken, .wrong = fail};

static roost_pfn page_of(const char *block)
{
	return (roost_pfn)(block - (char *)roost_pool_address(pool, 0)) / PAGE;
}

static void mark(char *block, bool take)
{
	size_t pages = roost_pool_usable_size(block) / PAGE;

	plain_mark(&plain, page_of(block), (unsigned)__builtin_ctzll(pages), take);
	for (size_t i = 0; i < pages; i++) {
		if (!take && *(char **)(block + i * PAGE) != block)
			fail("lost what was in it", page_of(block) + i);
		*(char **)(block + i * PAGE) = block;
	}
}

static char *take(size_t size)
{
	char *block = roost_pool_alloc(pool, size, 0);

	if (block)
		mark(block, true);
	return block;
}

static void give(char *block)
{
	mark(block, false);
	roost_pool_free(block);
}

static void handler(int signal, siginfo_t *info, void *context)
{
	ucontext_t *interrupted = context;
	unsigned i = (unsigned)(instructions++ % HELD);
	int saved = errno;

	(void)signal;
	(void)info;
	/* A trim goes over the same for each page. */
	if (++in_call == IN_CALL)
		interrupted->uc_mcontext.gregs[REG_EFL] &= ~TRAP_FLAG;
	if (held[i])
		give(held[i]);
	held[i] = instructions & 64 ? take((size_t)PAGE << i % 8) : NULL;
	blocks += held[i] != NULL;
	errno = saved; /* an allocation that fails sets it */
}

static void begin(void)
{
	in_call = 0;
	step(true);
}

static char *stepped_alloc(size_t size)
{
	char *block;

	begin();
	block = roost_pool_alloc(pool, size, 0);
	step(false);
	if (block)
		mark(block, true);
	return block;
}

static void stepped_free(char *block)
{
	mark(block, false);
	errno = 4711;
	begin();
	roost_pool_free(block);
	step(false);
	if (errno != 4711)
		fail("errno was lost by the free of", page_of(block));
}

static void stepped_bulk(void)
{
	void *some[8];
	size_t n;

	begin();
	n = roost_pool_alloc_bulk(pool, PAGE, 0, some, 8);
	step(false);
	for (size_t i = 0; i < n; i++)
		mark(some[i], true);
	for (size_t i = 0; i < n; i++)
		mark(some[i], false);
	step(true);
	roost_pool_free_bulk(some, n);
	step(false);
}

static void stepped_round(unsigned round)
{
	static const unsigned orders[] = {0, 0, 3, 5, 0, 8, 9, 10, 1, 0, 7};
	enum { NR = sizeof(orders) / sizeof(orders[0]) };
	char *some[NR];

	for (unsigned i = 0; i < NR; i++)
		some[i] = stepped_alloc((size_t)PAGE << orders[i]);
	for (unsigned i = 0; i < NR; i++)
		if (some[(i * 5 + round) % NR])
			stepped_free(some[(i * 5 + round) % NR]);
	stepped_bulk();
	begin();
	if (round == 1)
		roost_pool_trim(pool);
	else
		roost_pool_resize(pool, LIMIT / 4 * (1 + round));
	step(false);
}

int main(void)
{
	struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
	struct roost_pool_config config = ROOST_POOL_CONFIG_INIT;
	struct roost_pool_info info;

	config.limit = LIMIT;
	config.initial = LIMIT / 4;
	config.step = LIMIT / 8;
	config.decay_ms = 1;
	config.check_level = ROOST_CHECK_EXACT;
	if (roost_pool_create(&pool, &config))
		fail("no pool", 0);
	sigaction(SIGTRAP, &action, NULL);
	for (unsigned round = 0; round < 4; round++)
		stepped_round(round);
	for (unsigned i = 0; i < HELD; i++)
		if (held[i])
			give(held[i]);
	roost_pool_info(pool, &info);
	if (info.used || roost_validate(roost_pool_frames(pool), NULL))
		fail("not everything came home", 0);
	printf("%lu instructions, %lu blocks allocated on top of one\n", instructions, blocks);
	return instructions < 20000 || !info.trims || !info.grown; /* it never stepped there */
}
