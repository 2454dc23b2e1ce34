/* SPDX-License-Identifier: MIT */
/*
 * test_pool_fork.c - children go on with the pool, whatever other threads were in the middle of:
 * by fork(), by fork() in a handler on top of a call, by _Fork(), which runs no handlers.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pools.h"

enum { THREADS = 3, HELD = 128, FORKS = 60 };

static roost_pool_t *pool;
static void *aside[HELD]; /* what the threads can't take: a child finds some memory free */
static _Atomic bool stop;
static _Atomic unsigned long operations;

/*
 * A sanitizer locks its own heap while a thread begins or ends, and that of gcc 12 does not unlock
 * it in the child of a fork(), which then waits forever in its first pthread_create(). With a
 * sanitizer, therefore, nobody forks before the threads are at work.
 */
static _Atomic unsigned at_work;

static void wait_for_threads(unsigned n)
{
	while (SANITIZED && at_work < n)
		sched_yield();
}

/* All calls that hold something for a while, over and over. */
static void *busy(void *arg)
{
	struct random random = {(uintptr_t)arg + 1};
	void *held[HELD] = {0};

	at_work++;
	while (!stop) {
		unsigned i = pool_swap_one(pool, &random, held, HELD, 11);

		if (i == 0)
			roost_pool_trim(pool);
		if (i == 1)
			roost_pool_resize(pool, (8 + random_below(&random, 8)) * MIB);
		operations++;
	}
	roost_pool_free_bulk(held, HELD);
	return NULL;
}

static void free_aside(void)
{
	roost_pool_free_bulk(aside, HELD);
	memset(aside, 0, sizeof(aside));
}

static void open_busy(pthread_t *threads)
{
	struct roost_pool_config config = pool_config(16 * MIB, NULL);

	config.initial = 8 * MIB;
	config.step = 2 * MIB;
	pool = pool_open(&config);
	for (unsigned i = 0; i < HELD; i++)
		aside[i] = pool_get(pool, PAGE);
	stop = false;
	at_work = 0;
	for (uintptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, busy, (void *)i), 0);
	wait_for_threads(THREADS);
}

static void close_busy(pthread_t *threads)
{
	stop = true;
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	free_aside();
	pool_close(pool);
}

/* Every call works, memory can be allocated to the last page. 0, or what went wrong. */
static int use_it(bool validate)
{
	struct roost_pool_info info;
	void *first, *last = NULL;
	size_t n = 0;

	free_aside();
	if (validate && roost_validate(roost_pool_frames(pool), NULL))
		return 1;
	first = roost_pool_alloc(pool, PAGE, ROOST_WAIT);
	if (first)
		roost_pool_free(first);
	roost_pool_trim(pool);
	if (roost_pool_resize(pool, 16 * MIB))
		return 2;
	roost_pool_info(pool, &info);
	if (validate && info.size != 16 * MIB)
		return 3;
	while ((first = roost_pool_alloc(pool, PAGE, ROOST_WAIT))) {
		*(void **)first = last;
		last = first;
		n++;
	}
	roost_pool_info(pool, &info);
	if (validate && info.used != info.size)
		return 4;
	for (; last; last = first) {
		first = *(void **)last;
		roost_pool_free(last);
	}
	return validate && roost_validate(roost_pool_frames(pool), NULL) ? 5 : n ? 0 : 6;
}

static void expect_success(pid_t child)
{
	int status;

	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFSIGNALED(status))
		fail_msg("the child was ended by signal %d", WTERMSIG(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* Nothing is lost: the metadata are sound, and all that is not allocated can be allocated. */
static void forks(void **state)
{
	pthread_t threads[THREADS];

	(void)state;
	open_busy(threads);
	for (unsigned i = 0; i < FORKS; i++) {
		pid_t child = fork();

		if (!child) {
			alarm(20);
			_exit(use_it(true));
		}
		expect_success(child);
	}
	close_busy(threads);
}

/* No handler runs: what others had in registers is unavailable, the rest works, and all of it can
 * be recovered. */
static void unseen_forks(void **state)
{
	pthread_t threads[THREADS];

	(void)state;
	open_busy(threads);
	for (unsigned i = 0; i < FORKS; i++) {
		pid_t child = _Fork();

		if (!child) {
			int err;

			alarm(20);
			err = use_it(false);
			if (!err) {
				roost_pool_recover(pool);
				err = use_it(true);
			}
			_exit(err);
		}
		expect_success(child);
	}
	close_busy(threads);
}

/*
 * Another thread makes and destroys pools all the time; each child is the next one's parent. What
 * was half made or half destroyed is no longer in the table.
 *
 * A child of _Fork() may find a lock of the C library held forever, and pthread_create() acquires
 * one. A generation that ends by _Fork() therefore has no pools with threads; one that ends by
 * fork() has them, and tries _Fork() with a child that begins no thread.
 */
enum { GENERATIONS = 60 };

static void *come_and_go(void *arg)
{
	struct roost_pool_config config = pool_config(4 * MIB, NULL);

	config.decay_thread = arg && !SANITIZED; /* a thread that begins and ends */
	at_work++;
	while (!stop) {
		roost_pool_t *other;

		if (!roost_pool_create(&other, &config))
			roost_pool_destroy(other);
	}
	return arg;
}

static int entries_left(void)
{
	struct roost_pool_config config = pool_config(2 * MIB, NULL);
	roost_pool_t *other;
	int n = 0;

	while (!roost_pool_create(&other, &config))
		n++;
	return n;
}

/* Those that were just made have no owner: a few. */
static int are_entries_left(void)
{
	return entries_left() < ROOST_MAX_POOLS * 3 / 4;
}

static int result_of(pid_t child)
{
	int status;

	return waitpid(child, &status, 0) != child || !WIFEXITED(status) ? 3 : WEXITSTATUS(status);
}

static int creators_child(unsigned left)
{
	bool seen = left & 1;
	pthread_t thread;
	int err = 0;
	pid_t child;

	alarm(60);
	if (!left)
		return are_entries_left();
	at_work = 0;
	if (pthread_create(&thread, NULL, come_and_go, seen ? &thread : NULL))
		return 2;
	while (!at_work)
		sched_yield();
	usleep(1000 + 37 * left);
	if (seen) {
		child = _Fork();
		if (!child)
			_exit(are_entries_left());
		err = result_of(child);
	}
	child = seen ? fork() : _Fork();
	if (!child)
		_exit(creators_child(left - 1));
	stop = true;
	pthread_join(thread, NULL);
	return err ? err : result_of(child);
}

static void while_pools_come_and_go(void **state)
{
	pid_t child = fork();

	(void)state;
	stop = false;
	if (!child)
		_exit(creators_child(GENERATIONS));
	expect_success(child);
}

/* ---- In a handler, on top of a call --------------------------------------------------------- */

static volatile sig_atomic_t bad_children, good_children, bad_status;
static volatile sig_atomic_t in_child;

static void wake_soon(void)
{
	static struct random random = {3};
	struct itimerval timer = {{0, 0}, {0, 1 + (long)random_below(&random, 500)}};

	setitimer(ITIMER_REAL, &timer, NULL);
}

static void fork_here(int signal)
{
	pid_t child;
	int status = -1;

	(void)signal;
	if (in_child)
		return;
	child = fork();
	if (!child) {
		in_child = 1;
		return; /* goes on with the call that it interrupted */
	}
	if (child > 0 && waitpid(child, &status, 0) == child && status == 0) {
		good_children++;
	} else {
		bad_children++;
		bad_status = status;
	}
	wake_soon(); /* not before: else nothing would go on below */
}

/* One thread uses the pool, so that all that is not sound is the fork's doing: the child ends the
 * call under way, then uses everything; what that call had in hand is still its own. */
static void fork_in_handlers(int forks)
{
	struct roost_pool_config config = pool_config(16 * MIB, NULL);
	struct itimerval off = {{0, 0}, {0, 0}};
	struct sigaction action = {.sa_handler = fork_here, .sa_flags = SA_RESTART};
	struct random random = {7};
	void *held[HELD] = {0};

	good_children = bad_children = 0;
	config.initial = 8 * MIB;
	config.step = 2 * MIB;
	pool = pool_open(&config);
	sigaction(SIGALRM, &action, NULL);
	wake_soon();
	while (good_children + bad_children < forks && !in_child) {
		unsigned i = (unsigned)random_below(&random, HELD);

		if (held[i])
			roost_pool_free(held[i]);
		held[i] = held[i] ? NULL : roost_pool_alloc(pool, (size_t)PAGE << i % 11, 0);
		if (i == 0)
			roost_pool_trim(pool);
		if (i == 1)
			roost_pool_resize(pool, (8 + random_below(&random, 8)) * MIB);
	}
	setitimer(ITIMER_REAL, &off, NULL);
	if (in_child) {
		signal(SIGALRM, SIG_DFL);
		alarm(20);
		roost_pool_free_bulk(held, HELD);
		_exit(roost_validate(roost_pool_frames(pool), NULL) ? 9 : use_it(true));
	}
	if (bad_children)
		fail_msg("%d children failed, one with status %#x", (int)bad_children,
			 (unsigned)bad_status);
	roost_pool_free_bulk(held, HELD);
	pool_close(pool);
}

static void forks_in_handlers(void **state)
{
	(void)state;
	fork_in_handlers(FORKS);
}

static void *fork_often(void *arg)
{
	(void)arg;
	while (!stop) {
		pid_t child = fork();
		int status;

		if (!child)
			_exit(0);
		if (child < 0 || waitpid(child, &status, 0) != child)
			break;
	}
	return NULL;
}

/* Two threads fork, one of them in a handler on top of what the other waits for. */
static void forks_meet(void **state)
{
	sigset_t alarm_signal, old;
	pthread_t other;

	(void)state;
	stop = false;
	sigemptyset(&alarm_signal);
	sigaddset(&alarm_signal, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &alarm_signal, &old);
	assert_int_equal(pthread_create(&other, NULL, fork_often, NULL), 0);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	fork_in_handlers(FORKS / 2);
	stop = true;
	assert_int_equal(pthread_join(other, NULL), 0);
}

/* A child of a child; its threads. */
static void generations(void **state)
{
	pthread_t threads[THREADS], more[THREADS];
	pid_t child;

	(void)state;
	open_busy(threads);
	child = fork();
	if (!child) {
		int err = 0;

		alarm(60);
		for (uintptr_t i = 0; i < THREADS; i++)
			err |= pthread_create(&more[i], NULL, busy, (void *)i);
		for (unsigned i = 0; i < 20 && !err; i++) {
			pid_t grandchild = i & 1 ? _Fork() : fork();
			int status;

			if (!grandchild)
				_exit(use_it(!(i & 1)));
			if (waitpid(grandchild, &status, 0) != grandchild || !WIFEXITED(status))
				err = 7;
			else
				err = WEXITSTATUS(status);
		}
		stop = true;
		for (unsigned i = 0; i < THREADS; i++)
			pthread_join(more[i], NULL);
		_exit(err ? err : use_it(true));
	}
	expect_success(child);
	close_busy(threads);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(forks),
		cmocka_unit_test(unseen_forks),
		cmocka_unit_test(while_pools_come_and_go),
		cmocka_unit_test(generations),
		cmocka_unit_test(forks_in_handlers),
		cmocka_unit_test(forks_meet),
	};

	return cmocka_run_group_tests_name("pool_fork", tests, NULL, NULL);
}
