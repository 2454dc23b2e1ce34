/* SPDX-License-Identifier: MIT */
/* pools.h - what the pool's tests share. Functions fail the running cmocka test. */
#ifndef TESTS_POOL_POOLS_H
#define TESTS_POOL_POOLS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <roost/pool.h>

#include "sanitized.h"
#include "tool/common/random.h"

#define MIB ((size_t)1 << 20)

enum { PAGE = 4096 };

/* What the misuse hook saw last. */
struct pool_misuse {
	unsigned times;
	const char *call, *what;
	const void *block;
};

/* A configuration with that limit whose misuse is recorded. */
struct roost_pool_config pool_config(size_t limit, struct pool_misuse *misuse);
roost_pool_t *pool_open(const struct roost_pool_config *config);
/* Nothing is allocated, the metadata are sound. */
void pool_close(roost_pool_t *pool);
size_t pool_used(const roost_pool_t *pool);
/* An alarm(2) from now on ends the process with status 1 and this text. */
void pool_hang_says(const char *text);
/* A block, or the test fails. */
void *pool_get(roost_pool_t *pool, size_t size);
/* Frees a random one of n blocks, if it is there, or else allocates one, of up to 2^(orders - 1)
 * pages; which one. For threads that keep a pool busy. */
unsigned pool_swap_one(roost_pool_t *pool, struct random *random, void **held, unsigned n,
		       unsigned orders);

#endif
