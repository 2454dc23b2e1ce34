/* SPDX-License-Identifier: MIT */
/*
 * pool_wait.c - how long an allocation with ROOST_WAIT lasts for which nobody has a proof:
 * a thread was killed in the middle of a move, so frames count as free that cannot be allocated.
 * How often it sleeps is counted, and what others do meanwhile happens while it sleeps.
 */
#include <string.h>

#include "sets/engine.h"

#include "calls.h"
#include "pools.h"

enum { LIMIT = 4 << 20, PAGES = LIMIT / PAGE, RUN = 64, TOO_OFTEN = 3000 };

static roost_pool_t *pool;
static void *blocks[PAGES], *spare;
static unsigned sleeps;
static void (*meanwhile)(void);

static void killed_in_move(int step)
{
	roost_pool_frames(pool)->zones[0].begun += (uint64_t)step;
}

static void on_call(const char *name, bool done)
{
	if (done || strcmp(name, "nanosleep") != 0)
		return;
	/* So that a test that fails ends. */
	if (++sleeps == TOO_OFTEN)
		killed_in_move(-1);
	if (meanwhile)
		meanwhile();
}

/* As the decay thread's, once in a period, of a pool in which nothing was freed. */
static void trim(void)
{
	roost_pool_trim(pool);
}

/* As a decay thread's, while others free and allocate. */
static void free_and_trim(void)
{
	roost_pool_free(spare);
	roost_pool_trim(pool);
	spare = roost_pool_alloc(pool, PAGE, 0);
}

/* All is free but one page of each run. */
static void open_pool(void)
{
	struct roost_pool_config config = pool_config(LIMIT, NULL);
	unsigned n = 0;

	config.pages = ROOST_PAGES_NO_THP;
	config.decay_ms = 0;
	pool = pool_open(&config);
	while (n < PAGES && (blocks[n] = roost_pool_alloc(pool, PAGE, 0)))
		n++;
	assert_int_equal(n, PAGES);
	for (unsigned i = 0; i < n; i++)
		if ((uintptr_t)blocks[i] / PAGE % RUN) {
			roost_pool_free(blocks[i]);
			blocks[i] = NULL;
		}
	roost_pool_trim(pool);
	spare = pool_get(pool, PAGE);
}

static unsigned sleeps_of(size_t size, void (*others)(void))
{
	void *block;

	open_pool();
	killed_in_move(1);
	sleeps = 0;
	meanwhile = others;
	calls_hook = on_call;
	block = roost_pool_alloc(pool, size, ROOST_WAIT);
	calls_hook = NULL;
	assert_null(block);
	killed_in_move(sleeps < TOO_OFTEN ? -1 : 0);
	roost_pool_free(spare);
	roost_pool_free_bulk(blocks, PAGES);
	pool_close(pool);
	return sleeps;
}

/* The engine's rounds, and once more in case the pool had frames in hand the first time. */
static void alone(void **state)
{
	(void)state;
	assert_in_range(sleeps_of(RUN * PAGE, NULL), 1, 2 * ROOST_WAIT_ROUNDS);
}

/* A trim that gives nothing back is no reason to look again. */
static void while_others_trim_nothing(void **state)
{
	(void)state;
	assert_in_range(sleeps_of(RUN * PAGE, trim), 1, 2 * ROOST_WAIT_ROUNDS);
}

/* Reasons to look again do not end: it does. */
static void while_others_free_and_trim(void **state)
{
	(void)state;
	assert_in_range(sleeps_of(RUN * PAGE, free_and_trim), 1, 1024 + ROOST_WAIT_ROUNDS);
}

static void *trim_all(void *arg)
{
	roost_pool_trim(arg);
	return NULL;
}

static struct parking stopped;
static unsigned ends_at; /* the sleep during which that trim goes on, and ends */

static void end_trim(void)
{
	if (sleeps == ends_at)
		calls_unpark(&stopped);
}

/* The only run is in the hands of a trim that stopped; what an allocation of it returned. */
static void *wait_for_trim(unsigned at)
{
	size_t run = (size_t)RUN * PAGE, i = 0;
	void *block;

	open_pool();
	while (!blocks[i] || (uintptr_t)blocks[i] / run == (uintptr_t)spare / run)
		i++;
	roost_pool_free(blocks[i]);
	blocks[i] = NULL;
	stopped = (struct parking){.work = trim_all, .arg = pool, .at = 1, .only = "madvise"};
	assert_true(calls_park(&stopped));
	sleeps = 0;
	ends_at = at;
	meanwhile = end_trim;
	calls_hook = on_call;
	block = roost_pool_alloc(pool, run, ROOST_WAIT);
	calls_hook = NULL;
	if (!at)
		calls_unpark(&stopped);
	roost_pool_free(block);
	roost_pool_free(spare);
	roost_pool_free_bulk(blocks, PAGES);
	pool_close(pool);
	return block;
}

/* What comes back during any sleep is found, the last one too. */
static void looks_after_the_last_sleep(void **state)
{
	unsigned last;

	(void)state;
	assert_null(wait_for_trim(0));
	last = sleeps;
	assert_in_range(last, 1, 1024);
	assert_non_null(wait_for_trim(1));
	assert_int_equal(sleeps, 1);
	assert_non_null(wait_for_trim(last));
	assert_int_equal(sleeps, last);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(alone),
		cmocka_unit_test(while_others_trim_nothing),
		cmocka_unit_test(while_others_free_and_trim),
		cmocka_unit_test(looks_after_the_last_sleep),
	};

	return cmocka_run_group_tests_name("pool_wait", tests, NULL, NULL);
}
