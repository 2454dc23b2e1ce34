/* SPDX-License-Identifier: MIT */
/*
 * adapter.c - a peer such as anybody could write, that behaves as ADAPTER tells it in the
 * environment: well, or badly in one way.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "peer.h"

#ifndef ADAPTER_CONTRACT
#define ADAPTER_CONTRACT BENCH_CONTRACT
#endif

enum { CREATED = 7 };

static _Atomic uint64_t next;
static enum { GOOD, CRASH, HANG, EMPTY, SLEEPY } manner;

static bool is(const char *word)
{
	const char *told = getenv("ADAPTER");

	return told && !strcmp(told, word);
}

static bool create(const struct bench_pool *pool)
{
	(void)pool;
	manner = is("crash")	? CRASH
		 : is("hang")	? HANG
		 : is("empty")	? EMPTY
		 : is("sleepy") ? SLEEPY
				: GOOD;
	next = CREATED;
	return !is("none");
}

static void destroy(void)
{
}

static uint64_t alloc(unsigned order)
{
	const struct timespec moment = {.tv_nsec = 10000};

	if (manner == CRASH)
		abort();
	while (manner == HANG)
		nanosleep(&moment, NULL);
	if (manner == SLEEPY)
		nanosleep(&moment, NULL);
	if (manner == EMPTY || next < CREATED)
		return BENCH_NONE;
	return atomic_fetch_add(&next, UINT64_C(1) << order);
}

static void release(uint64_t block, unsigned order)
{
	(void)order;
	if (block < CREATED || block >= next)
		abort();
}

static const char *absent(void)
{
	return is("absent") ? "it is shy" : NULL;
}

static const struct bench_peer peer = {
	.contract = ADAPTER_CONTRACT,
	.name = "mine",
	.version = "1.2.3",
	.absent = absent,
	.create = create,
	.destroy = destroy,
	.alloc = alloc,
	.free = release,
};

const struct bench_peer *bench_peer(void)
{
	return &peer;
}
