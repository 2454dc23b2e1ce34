/* SPDX-License-Identifier: MIT */
/*
 * test_pool_child.c - another thread is stopped at each system call of everything that changes a
 * pool or the table of pools; then the process forks. fork() waits for nothing, and the child has
 * all: each page is in a live block or can be allocated, each entry of the table is free.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "calls.h"
#include "works.h"

enum { LIVE = 20 };

enum forking { BY_FORK, BY_UNSEEN_FORK, BY_CLONE, FORKINGS };

static char *live[LIVE]; /* blocks of a page, each with its address in it */

static pid_t fork_by(enum forking how)
{
	switch (how) {
	case BY_FORK:
		return fork();
	case BY_UNSEEN_FORK:
		return _Fork();
	default:
		return (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	}
}

/* ---- The child ----------------------------------------------------------------------------- */

static int entries_left(void)
{
	struct roost_pool_config config = pool_config(2 * MIB, NULL);
	roost_pool_t *pools[ROOST_MAX_POOLS];
	int n = 0;

	while (!roost_pool_create(&pools[n], &config))
		n++;
	for (int i = 0; i < n; i++)
		roost_pool_destroy(pools[i]);
	return n;
}

/* Each page once; how many. */
static size_t take_all(void)
{
	static void *blocks[PAGES + 1];
	size_t n = 0;

	while ((blocks[n] = roost_pool_alloc(pool, PAGE, ROOST_WAIT)))
		memset(blocks[n++], 1, PAGE);
	roost_pool_free_bulk(blocks, n);
	return n;
}

/* 0, or what is wrong. */
static int use_it(enum forking how)
{
	struct roost_pool_info info;
	void *block = roost_pool_alloc(pool, PAGE, ROOST_WAIT);

	roost_pool_free(block);
	roost_pool_trim(pool);
	if (how != BY_FORK) {
		roost_pool_recover(pool);
		roost_pool_trim(pool);
	}
	if (roost_pool_resident(pool) != LIVE * PAGE)
		return 9;
	if (roost_pool_resize(pool, LIMIT))
		return 1;
	if (roost_validate(roost_pool_frames(pool), NULL))
		return 2;
	roost_pool_info(pool, &info);
	if (info.size != LIMIT || info.used != LIVE * PAGE || info.set_aside)
		return 3;
	if (take_all() != PAGES - LIVE)
		return 4;
	for (unsigned i = 0; i < LIVE; i++)
		if (*(char **)live[i] != live[i])
			return 5;
	roost_pool_free_bulk((void **)live, LIVE);
	roost_pool_trim(pool);
	if (roost_pool_resident(pool))
		return 6;
	if (entries_left() != ROOST_MAX_POOLS - 1)
		return 7;
	return roost_pool_resize(pool, 2 * MIB) || roost_validate(roost_pool_frames(pool), NULL)
		       ? 8
		       : 0;
}

/* ---- Its parent ---------------------------------------------------------------------------- */

static void open_with_live(void)
{
	works_open();
	for (unsigned i = 0; i < LIVE; i++) {
		live[i] = pool_get(pool, PAGE);
		*(char **)live[i] = live[i];
	}
}

/* Sets up, stops the work at each event in turn, and forks there. */
static void fork_everywhere(void (*set_up)(void), void *(*work)(void *))
{
	unsigned events = 0;

	pool_hang_says("fork() waits for another thread\n");
	for (struct parking parking = {.work = work, .at = 1};; parking.at++) {
		enum forking how = (enum forking)(parking.at % FORKINGS);
		int status;
		pid_t child;
		bool parked;

		open_with_live();
		set_up();
		parked = calls_park(&parking);
		if (parked) {
			alarm(20);
			child = fork_by(how);
			if (!child) {
				signal(SIGALRM, SIG_DFL);
				alarm(20);
				_exit(use_it(how));
			}
			alarm(0);
			assert_int_equal(waitpid(child, &status, 0), child);
			if (status)
				fail_msg("event %u, way %d: status %#x", parking.at, (int)how,
					 (unsigned)status);
			calls_unpark(&parking);
			events++;
		}
		roost_pool_free_bulk((void **)live, LIVE);
		pool_close(pool);
		if (!parked)
			break;
	}
	assert_true(events >= 6);
}

static void nothing(void)
{
}

static void in_a_trim(void **state)
{
	(void)state;
	fork_everywhere(works_free_pages, works_trim);
}

static void set_up_small(void)
{
	assert_int_equal(roost_pool_resize(pool, 2 * MIB), 0);
}

static void in_growing(void **state)
{
	(void)state;
	fork_everywhere(set_up_small, works_resize);
}

static void *to_small(void *arg)
{
	(void)arg;
	roost_pool_resize(pool, 4 * MIB);
	return NULL;
}

static void in_shrinking(void **state)
{
	(void)state;
	fork_everywhere(works_free_pages, to_small);
}

static void in_creating_and_destroying(void **state)
{
	(void)state;
	fork_everywhere(nothing, works_come_and_go);
}

/* ---- Several times ------------------------------------------------------------------------- */

/* A child whose parent did not recover forks while it trims, and so on: what each of these had in
 * hand comes back. */
static int generation(unsigned left)
{
	struct parking parking = {.work = works_trim, .at = 3 + left};
	int status;
	pid_t child;

	works_free_pages();
	if (!calls_park(&parking))
		return 10;
	child = _Fork();
	if (!child) {
		alarm(20);
		_exit(left ? generation(left - 1) : use_it(BY_UNSEEN_FORK));
	}
	calls_unpark(&parking);
	if (waitpid(child, &status, 0) != child || !WIFEXITED(status))
		return 11;
	return WEXITSTATUS(status);
}

static void trims_of_generations(void **state)
{
	(void)state;
	open_with_live();
	assert_int_equal(generation(3), 0);
	roost_pool_free_bulk((void **)live, LIVE);
	pool_close(pool);
}

/* What a trim had in hand a child has without roost_pool_recover(). */
static void trims_come_back_by_themselves(void **state)
{
	struct parking parking = {.work = works_trim, .at = 1, .only = "madvise"};

	(void)state;
	works_open();
	for (; works_free_pages(), calls_park(&parking); parking.at++) {
		pid_t child = _Fork();
		int status;

		if (!child) {
			alarm(20);
			roost_pool_trim(pool);
			_exit(roost_validate(roost_pool_frames(pool), NULL) || pool_used(pool) ||
			      take_all() != PAGES);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(status, 0);
		calls_unpark(&parking);
	}
	pool_close(pool);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_a_trim),
		cmocka_unit_test(in_growing),
		cmocka_unit_test(in_shrinking),
		cmocka_unit_test(in_creating_and_destroying),
		cmocka_unit_test(trims_of_generations),
		cmocka_unit_test(trims_come_back_by_themselves),
	};

	return cmocka_run_group_tests_name("pool_child", tests, NULL, NULL);
}
