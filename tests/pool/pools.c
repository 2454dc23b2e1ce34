/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "pools.h"

static void record(void *context, const char *call, const void *block, const char *what)
{
	struct pool_misuse *misuse = context;

	*misuse = (struct pool_misuse){misuse->times + 1, call, what, block};
}

struct roost_pool_config pool_config(size_t limit, struct pool_misuse *misuse)
{
	struct roost_pool_config config = ROOST_POOL_CONFIG_INIT;

	config.limit = limit;
	config.misuse = misuse ? record : NULL;
	config.context = misuse;
	return config;
}

roost_pool_t *pool_open(const struct roost_pool_config *config)
{
	roost_pool_t *pool;

	assert_null(roost_pool_config_error(config));
	assert_int_equal(roost_pool_create(&pool, config), 0);
	return pool;
}

size_t pool_used(const roost_pool_t *pool)
{
	struct roost_pool_info info;

	roost_pool_info(pool, &info);
	return info.used;
}

/* A pool is at rest when the thread that gives memory back has nothing in hand. */
static bool is_at_rest(const roost_pool_t *pool, struct roost_violation *violation)
{
	*violation = (struct roost_violation){.invariant = "all is free"};
	return !pool_used(pool) && !roost_validate(roost_pool_frames(pool), violation);
}

void pool_close(roost_pool_t *pool)
{
	struct roost_violation violation;
	bool rests = false;

	for (unsigned i = 0; i < 1000 && !rests; i++) {
		rests = is_at_rest(pool, &violation);
		if (!rests)
			nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	}
	if (!rests)
		fail_msg("not so: %s; pfn %" PRIu64 ", expected %" PRIu64 ", found %" PRIu64,
			 violation.invariant, violation.pfn, violation.expected, violation.found);
	roost_pool_destroy(pool);
}

void *pool_get(roost_pool_t *pool, size_t size)
{
	void *block = roost_pool_alloc(pool, size, ROOST_WAIT);

	assert_non_null(block);
	return block;
}

unsigned pool_swap_one(roost_pool_t *pool, struct random *random, void **held, unsigned n,
		       unsigned orders)
{
	unsigned i = (unsigned)random_below(random, n);

	if (held[i])
		roost_pool_free(held[i]);
	held[i] = held[i] ? NULL : roost_pool_alloc(pool, (size_t)PAGE << i % orders, 0);
	if (held[i])
		*(volatile char *)held[i] = 1;
	return i;
}

static const char *hang;

static void hung(int signal)
{
	(void)signal;
	_exit(write(STDERR_FILENO, hang, strlen(hang)) < 0 ? 2 : 1);
}

void pool_hang_says(const char *text)
{
	hang = text;
	signal(SIGALRM, hung);
}
