/* SPDX-License-Identifier: MIT */
/*
 * test_pool_plug.c - memory of a pool's page-frame allocator comes and goes while threads use the
 * pool: a child of fork() finds each range present or absent, and can bring it back; a thread that
 * is cancelled leaves no change half done.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pools.h"

enum {
	THREADS = 2,
	HELD = 64,
	FORKS = 40,
	CANCELS = 100,
	BLOCK = 1 << ROOST_PAGEBLOCK_ORDER,
	BLOCKS = 8, /* of the pool, 2 MiB each */
};

static roost_pool_t *pool;
static _Atomic bool stop;
static _Atomic unsigned at_work; /* a sanitizer's locks: test_pool_fork.c */
static _Atomic unsigned long changes;

static void open_pool(void)
{
	struct roost_pool_config config = pool_config(BLOCKS * 2 * MIB, NULL);

	config.decay_ms = 0;
	config.initial = config.limit; /* all of it is there, and can go */
	pool = pool_open(&config);
	stop = false;
	at_work = 0;
	changes = 0;
}

/* Small blocks, most of them in the first half, so that there is something to remove. */
static void *use(void *arg)
{
	struct random random = {(uintptr_t)arg + 1};
	void *held[HELD] = {0};

	at_work++;
	while (!stop)
		pool_swap_one(pool, &random, held, HELD, 5);
	roost_pool_free_bulk(held, HELD);
	return NULL;
}

/* Out, if nobody has a page of it, and in again. */
static void out_and_in(unsigned block)
{
	roost_t *frames = roost_pool_frames(pool);

	if (roost_remove_range(frames, (roost_pfn)block * BLOCK, BLOCK))
		return;
	if (roost_add_range(frames, (roost_pfn)block * BLOCK, BLOCK))
		abort();
	changes++;
}

static void *come_and_go(void *arg)
{
	at_work++;
	for (unsigned i = 0; !stop; i++)
		out_and_in(i % BLOCKS);
	return arg;
}

/* ---- A child -------------------------------------------------------------------------------- */

/* One range at most is absent; it comes back, and each page can be allocated, once. */
static int all_is_there(void)
{
	roost_t *frames = roost_pool_frames(pool);
	struct roost_pool_info info;
	unsigned absent = 0;

	for (unsigned i = 0; i < BLOCKS; i++) {
		int err = roost_add_range(frames, (roost_pfn)i * BLOCK, BLOCK);

		if (err && err != -EEXIST)
			return 1;
		absent += !err;
	}
	if (absent > 1)
		return 2;
	if (roost_validate(frames, NULL))
		return 3;
	while (roost_pool_alloc(pool, PAGE, ROOST_WAIT))
		;
	roost_pool_info(pool, &info);
	return info.used == info.size && info.size == BLOCKS * 2 * MIB ? 0 : 4;
}

static void children_have_all_memory(void **state)
{
	pthread_t threads[THREADS], plug;
	int status;

	(void)state;
	open_pool();
	for (uintptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, use, (void *)i), 0);
	assert_int_equal(pthread_create(&plug, NULL, come_and_go, NULL), 0);
	while (at_work < THREADS + 1)
		sched_yield();
	for (unsigned i = 0; i < FORKS; i++) {
		unsigned long before = changes;
		pid_t child;

		while (i % 4 == 0 && changes == before)
			sched_yield();
		child = i & 1 ? _Fork() : fork();
		if (!child) {
			alarm(20);
			if (i & 1) /* no handler ran */
				roost_pool_recover(pool);
			_exit(all_is_there());
		}
		assert_true(child > 0);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(status, 0);
	}
	stop = true;
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(pthread_join(plug, NULL), 0);
	pool_close(pool);
}

/* ---- Cancellation --------------------------------------------------------------------------- */

/* Frees into the pocket of this CPU: a removal then asks the kernel for a fence. */
static void fill_pocket(void)
{
	void *blocks[8];

	for (unsigned i = 0; i < 8; i++)
		blocks[i] = roost_pool_alloc(pool, PAGE, 0);
	roost_pool_free_bulk(blocks, 4);
	for (unsigned i = 4; i < 8; i++)
		roost_pool_free(blocks[i]);
}

static void *asked_before(void *arg)
{
	bool *done = arg;

	pthread_cancel(pthread_self());
	fill_pocket();
	for (unsigned i = 0; i < BLOCKS; i++)
		out_and_in(i);
	*done = true;
	pthread_testcancel();
	return NULL;
}

static void *asked_meanwhile(void *arg)
{
	(void)arg;
	at_work++;
	for (unsigned i = 0;; i++) {
		fill_pocket();
		out_and_in(i % BLOCKS);
		pthread_testcancel();
	}
	return NULL;
}

/* Neither call is a cancellation point, whatever system calls it makes. */
static void no_change_is_left_half_done(void **state)
{
	struct random random = {5};
	bool done = false;
	pthread_t thread;
	void *result;

	(void)state;
	open_pool();
	assert_int_equal(pthread_create(&thread, NULL, asked_before, &done), 0);
	assert_int_equal(pthread_join(thread, &result), 0);
	assert_ptr_equal(result, PTHREAD_CANCELED);
	assert_true(done);
	assert_int_equal(changes, BLOCKS);
	for (unsigned i = 0; i < CANCELS; i++) {
		at_work = 0;
		assert_int_equal(pthread_create(&thread, NULL, asked_meanwhile, NULL), 0);
		while (!at_work)
			sched_yield();
		for (uint64_t n = random_below(&random, 2000); n > 0; n--)
			atomic_signal_fence(memory_order_seq_cst);
		assert_int_equal(pthread_cancel(thread), 0);
		assert_int_equal(pthread_join(thread, &result), 0);
		assert_ptr_equal(result, PTHREAD_CANCELED);
		for (unsigned k = 0; k < BLOCKS; k++)
			assert_int_equal(roost_add_range(roost_pool_frames(pool),
							 (roost_pfn)k * BLOCK, BLOCK),
					 -EEXIST);
	}
	out_and_in(BLOCKS - 1);
	pool_close(pool);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(children_have_all_memory),
		cmocka_unit_test(no_change_is_left_half_done),
	};

	return cmocka_run_group_tests_name("pool_plug", tests, NULL, NULL);
}
