/* SPDX-License-Identifier: MIT */
/*
 * step_fork.c - another thread is stopped behind some instructions of a trim and of a change of the
 * size, and the process forks there: the child has every page. With the trap flag set the processor
 * raises SIGTRAP behind each instruction; x86-64 alone has it at hand.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <roost/pool.h>

#include "stepping.h"
#include "tool/common/random.h"

enum {
	PAGE = 4096,
	SMALL = 2 << 20,
	LIMIT = 8 << 20,
	PAGES = LIMIT / PAGE,
	LIVE = 20,
	FREED = 500
};

/* What the thread does, and how many instructions lie between two stops, about. */
static const struct work {
	const char *name;
	size_t from, to; /* the same: a trim */
	unsigned apart;
} works[] = {
	{"trim", LIMIT, LIMIT, 1500}, {"grow", SMALL, LIMIT, 40}, {"shrink", LIMIT, SMALL, 100}};

static roost_pool_t *pool;
static void *live[LIVE];
static sem_t stopped, go_on;
static volatile bool is_done;
static struct random random_stops = {5};
static unsigned long instructions, next_stop;

static void wait_for(sem_t *semaphore)
{
	while (sem_wait(semaphore))
		;
}

static void stop_here(int signal)
{
	(void)signal;
	if (++instructions < next_stop)
		return;
	next_stop = instructions + 1;
	sem_post(&stopped);
	wait_for(&go_on);
}

static void *do_work(void *arg)
{
	const struct work *work = arg;

	step(true);
	if (work->from == work->to)
		roost_pool_trim(pool);
	else
		roost_pool_resize(pool, work->to);
	step(false);
	is_done = true;
	sem_post(&stopped);
	return NULL;
}

/* 0, or what is wrong. */
static int use_it(bool recover)
{
	static void *blocks[PAGES + 1];
	struct roost_pool_info info;
	size_t n = 0;

	alarm(20);
	if (recover)
		roost_pool_recover(pool);
	if (roost_validate(roost_pool_frames(pool), NULL) || roost_pool_resize(pool, LIMIT))
		return 1;
	roost_pool_info(pool, &info);
	if (info.size != LIMIT || info.used != LIVE * PAGE || info.set_aside)
		return 2;
	while ((blocks[n] = roost_pool_alloc(pool, PAGE, ROOST_WAIT)))
		n++;
	if (n != PAGES - LIVE)
		return 3;
	roost_pool_free_bulk(blocks, n);
	roost_pool_free_bulk(live, LIVE);
	roost_pool_trim(pool);
	return roost_pool_resident(pool) ? 4 : 0;
}

static bool fork_here(const struct work *work, unsigned n)
{
	pid_t child = n & 1 ? _Fork() : fork();
	int status;

	if (!child)
		_exit(use_it(n & 1));
	if (waitpid(child, &status, 0) == child && !status)
		return true;
	fprintf(stderr, "pool step_fork: %s, instruction %lu, by %s: status %#x\n", work->name,
		instructions, n & 1 ? "_Fork()" : "fork()", (unsigned)status);
	return false;
}

static bool run(const struct work *work)
{
	struct roost_pool_config config = ROOST_POOL_CONFIG_INIT;
	static void *blocks[FREED];
	unsigned forks = 0;
	pthread_t thread;
	bool good = true;

	config.limit = LIMIT;
	config.initial = work->from;
	config.decay_ms = 0;
	config.pages = ROOST_PAGES_NO_THP;
	if (roost_pool_create(&pool, &config))
		return false;
	for (unsigned i = 0; i < LIVE + FREED; i++) {
		void **block = i < LIVE ? &live[i] : &blocks[i - LIVE];

		*block = roost_pool_alloc(pool, PAGE, 0);
		if (*block)
			*(char *)*block = 1;
	}
	roost_pool_free_bulk(blocks, FREED);
	is_done = false;
	instructions = 0;
	next_stop = 1;
	if (pthread_create(&thread, NULL, do_work, (void *)work))
		return false;
	for (wait_for(&stopped); !is_done; wait_for(&stopped)) {
		good &= fork_here(work, forks++);
		next_stop += random_below(&random_stops, 2 * work->apart);
		sem_post(&go_on);
	}
	pthread_join(thread, NULL);
	printf("%s: %lu instructions, %u forks\n", work->name, instructions, forks);
	roost_pool_free_bulk(live, LIVE);
	roost_pool_destroy(pool);
	return good && forks > 10;
}

int main(void)
{
	struct sigaction action = {.sa_handler = stop_here};
	bool good = true;

	sem_init(&stopped, 0, 0);
	sem_init(&go_on, 0, 0);
	sigaction(SIGTRAP, &action, NULL);
	for (unsigned i = 0; i < sizeof(works) / sizeof(works[0]); i++)
		good &= run(&works[i]);
	return !good;
}
