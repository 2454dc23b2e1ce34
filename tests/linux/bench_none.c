// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * bench_none.c - an allocator that does nothing: the loops, calls and returns that are to be
 * subtracted from what the others take. Its functions are in another file, as theirs are.
 */
#include "bench.h"

static inline bench_block peer_get(unsigned int order, enum bench_how how)
{
	return bench_nothing(how, order);
}

static inline void peer_put(unsigned int order, bench_block block)
{
	bench_nothing(block, order);
}

static unsigned int peer_get_batch(bench_block *blocks, unsigned int n)
{
	return (unsigned int)bench_nothing((bench_block)blocks, n);
}

static void peer_put_batch(bench_block *blocks, unsigned int n)
{
	bench_nothing((bench_block)blocks, n);
}

#define PEER	   bench_none
#define PEER_NAME  "none"
#define PEER_NONE  (~0ul)
#define PEER_DRAIN NULL
#include "bench_peer.h"
