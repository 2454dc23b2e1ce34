/* SPDX-License-Identifier: MIT */
/* faults_modes.c - what happens at the call whose turn it is, by the mode. */
#define _GNU_SOURCE
#include "faults_try.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <roost/pool.h>

/* ---- What happens at the call -------------------------------------------------------------- */

static void do_at_once(void)
{
	char *some[8];

	if (!pool)
		return;
	for (unsigned i = 0; i < 64; i++) {
		for (unsigned j = 0; j < 8; j++)
			some[j] = roost_pool_alloc(pool, (size_t)PAGE << j % 4, 0);
		for (unsigned j = 0; j < 8; j++) {
			if (some[j])
				fill(some[j]);
			if (some[j])
				roost_pool_free(some[j]);
		}
		use_objects_at_once();
	}
}

/* The caller goes on with its call meanwhile. */
static void do_what_waits(void)
{
	if (pool) {
		roost_pool_trim(pool);
		(void)roost_pool_resize(pool, 4 * MIB);
		(void)roost_pool_resize(pool, plan.shape->limit);
		roost_pool_trim(pool);
	}
	live_elsewhere(NULL);
}

/* The child of another thread's fork(): what the caller had in hand is nobody's. */
static _Noreturn void live_as_child(bool raw)
{
	struct roost_pool_info info;

	alarm(SECONDS);
	in_child = true;
	is_helper = true;
	armed = false;
	if (pool) {
		char *block;

		if (raw)
			roost_pool_recover(pool);
		MUST(roost_pool_resize(pool, plan.shape->limit) == 0);
		roost_pool_trim(pool);
		roost_drain(roost_pool_frames(pool), -1);
		MUST(roost_validate(roost_pool_frames(pool), NULL) == 0);
		roost_pool_info(pool, &info);
		MUST(info.set_aside == 0);
		if (runner_stands) {
			for (unsigned i = 0; i < nr_blocks; i++)
				check(blocks[i]);
			roost_pool_free_bulk((void *const *)blocks, nr_blocks);
			nr_blocks = 0;
			end_objects();
			roost_pool_info(pool, &info);
			MUST(info.used <= in_flight);
			if (!in_flight)
				all_is_there();
		}
		block = roost_pool_alloc(pool, PAGE, ROOST_WAIT);
		MUST(block || info.used);
		roost_pool_free(block);
		roost_pool_destroy(pool);
	}
	others_live();
	_exit(GOOD);
}

static pid_t fork_by(bool raw)
{
	return raw ? _Fork() : fork();
}

void *help(void *arg)
{
	bool raw = plan.mode == OTHER_FORKS_RAW;

	is_helper = true;
	sem_wait(&asked);
	if (plan.mode == IS_LATE) {
		do_at_once();
		sem_post(&met);
		do_what_waits();
	} else if (plan.mode == OTHER_FORKS || raw) {
		child = fork_by(raw);
		if (child == 0)
			live_as_child(raw);
		sem_post(&met);
	}
	sem_post(&through);
	return arg;
}

static void let_help(void)
{
	struct timespec end;

	sem_post(&asked);
	/* It may wait for what the caller has. */
	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += SANITIZED ? 2 : 1;
	while (sem_timedwait(&met, &end) != 0 && errno == EINTR)
		;
}

static void fork_here(bool raw)
{
	pid_t pid = fork_by(raw);

	MUST(pid >= 0);
	if (pid) {
		child = pid;
		return;
	}
	alarm(SECONDS);
	in_child = true;
	in_raw_child = raw;
}

/* Can the mode be tried in this thread, here? */
static bool is_of_mode(void)
{
	sigset_t blocked;

	switch (plan.mode) {
	case IS_CANCELLED: /* nobody knows the pool's own threads */
		return is_runner;
	case FORKS:
	case FORKS_RAW: /* no handler comes where all signals are blocked */
		pthread_sigmask(SIG_SETMASK, NULL, &blocked);
		return is_runner && !sigismember(&blocked, SIGUSR1);
	default:
		return true;
	}
}

int faults_at(enum faults_call call)
{
	int saved = errno, error = 0;

	if (!armed || is_helper || !is_of_mode())
		return 0;
	if (atomic_fetch_add(&counts[call], 1) + 1 != plan.number || call != plan.call)
		return 0;
	armed = false;
	hit = true;
	runner_stands = is_runner;
	switch (plan.mode) {
	case FAILS:
		error = plan.error;
		break;
	case IS_CANCELLED:
		pthread_cancel(pthread_self());
		pthread_testcancel();
		break;
	case FORKS:
	case FORKS_RAW:
		fork_here(plan.mode == FORKS_RAW);
		break;
	default:
		let_help();
	}
	errno = saved;
	return error;
}
