/* SPDX-License-Identifier: MIT */
/*
 * faults.c - each system call of a pool's life goes wrong in turn:
 *
 *	pool_faults [SHAPE [MODE [CALL [NUMBER [ERROR]]]]]
 *
 * A process makes a pool, uses all of it and ends it. Another does the same, and the first call of
 * one kind fails; another, and the second fails; until there is none. So with each error, in each
 * of the modes below, with pools of several shapes. Each time it must end as it would without: what
 * failed said so, errno is as it was, nobody waits, nothing is lost or left behind, and all of the
 * pool can be allocated. With arguments only what they name is tried.
 */
#define _GNU_SOURCE
#include "faults_try.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <roost/pool.h>

/* ---- What is tried ------------------------------------------------------------------------- */

static const char *const mode_names[MODES] = {"fails",	   "late",	  "cancelled",	    "forks",
					      "forks-raw", "other-forks", "other-forks-raw"};

const struct shape shapes[] = {
	{.name = "plain", .limit = 8 * MIB, .block = PAGE, .modes = (1 << MODES) - 1},
	{.name = "thread",
	 .limit = 8 * MIB,
	 .block = PAGE,
	 .thread = true,
	 .modes = 1 << FAILS | 1 << IS_LATE | 1 << OTHER_FORKS},
	{.name = "huge",
	 .limit = 8 * MIB,
	 .block = PAGE,
	 .huge = true,
	 .modes = 1 << FAILS | 1 << OTHER_FORKS},
	{.name = "nodes",
	 .limit = 2048 * MIB,
	 .block = 128 * MIB,
	 .nodes = true,
	 .modes = 1 << FAILS | 1 << IS_LATE},
	{.name = "objects",
	 .limit = 8 * MIB,
	 .block = PAGE,
	 .objects = true, /* in all modes: pool_faults objects MODE, a second each */
	 .modes = 1 << FAILS | 1 << OTHER_FORKS},
};

enum { SHAPES = sizeof(shapes) / sizeof(shapes[0]) };

struct call {
	const char *name;
	int errors[3];
};

static const struct call calls[FAULTS_NR] = {
#define CALL(name, ...) {#name, {__VA_ARGS__}},
	FAULTS_CALLS(CALL)
#undef CALL
};

struct plan plan;
struct shared *shared;

/* ---- One try ------------------------------------------------------------------------------- */

static void cancelled(void *arg)
{
	(void)arg;
	wrong("%s: was cancelled in it", shared->doing);
}

static void *run(void *arg)
{
	int old;

	is_runner = true;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
	pthread_cleanup_push(cancelled, NULL);
	live();
	if (in_child)
		_exit(GOOD);
	pthread_cleanup_pop(0);
	return arg;
}

static void wait_for_child(void)
{
	int status;

	if (!child)
		return;
	MUST(waitpid(child, &status, 0) == child);
	if (WIFSIGNALED(status))
		wrong("the child was killed by signal %d", WTERMSIG(status));
	if (WEXITSTATUS(status))
		_exit(WRONG); /* it said what is wrong */
}

static int try_once(void)
{
	pthread_t runner, helper;

	alarm(SECONDS);
	sem_init(&asked, 0, 0);
	sem_init(&met, 0, 0);
	sem_init(&through, 0, 0);
	MUST(pthread_create(&helper, NULL, help, NULL) == 0);
	MUST(pthread_create(&runner, NULL, run, NULL) == 0);
	pthread_join(runner, NULL);
	sem_post(&asked);
	pthread_join(helper, NULL);
	wait_for_child();
	for (unsigned i = 0; i < FAULTS_NR; i++)
		shared->calls[i] = counts[i];
	return hit ? GOOD : NOT_REACHED;
}

/* ---- All of them --------------------------------------------------------------------------- */

static unsigned tries, reached, failures;

/* False: there is no such call any more. */
static bool try_plan(void)
{
	int status;
	pid_t pid;

	*shared->wrong = *shared->doing = '\0';
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(try_once());
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		abort();
	tries++;
	if (WIFEXITED(status) && WEXITSTATUS(status) != WRONG)
		return WEXITSTATUS(status) == GOOD;
	failures++;
	printf("%s %s %s %u %d: %s\n", plan.shape->name, mode_names[plan.mode],
	       calls[plan.call].name, plan.number, plan.error,
	       *shared->wrong	     ? shared->wrong
	       : WIFSIGNALED(status) ? shared->doing
				     : "ended");
	if (WIFSIGNALED(status) && !*shared->wrong)
		printf("\tkilled by signal %d%s\n", WTERMSIG(status),
		       WTERMSIG(status) == SIGALRM ? ": it hangs" : "");
	return true;
}

enum { MOST = 4000 }; /* calls of one kind; more would be a loop */
enum { TOLD = 5 };    /* failures of one kind; they look alike */

static void try_call(int argc, char **argv)
{
	unsigned first = argc > 4 ? (unsigned)atoi(argv[4]) : 1;
	unsigned last = argc > 4 ? first : MOST, before = failures;

	for (plan.number = first; plan.number <= last && failures < before + TOLD; plan.number++) {
		if (!try_plan())
			break;
		reached++;
	}
	if (plan.number > MOST) {
		printf("%s: no end of it\n", calls[plan.call].name);
		failures++;
	}
}

static void try_mode(int argc, char **argv)
{
	unsigned made[FAULTS_NR];

	plan.number = 0; /* all goes well: which calls are there? */
	plan.error = 0;
	if (try_plan())
		return;
	memcpy(made, shared->calls, sizeof(made));
	for (unsigned call = 0; call < FAULTS_NR; call++) {
		plan.call = (enum faults_call)call;
		if (!made[call] || (argc > 3 && strcmp(argv[3], calls[call].name) != 0))
			continue;
		for (unsigned i = 0; calls[call].errors[i]; i++) {
			plan.error = calls[call].errors[i];
			if (argc > 5 && plan.error != atoi(argv[5]))
				continue;
			try_call(argc, argv);
			if (plan.mode != FAILS)
				break;
		}
	}
}

static void *wait_for_all(void *barrier)
{
	pthread_barrier_wait(barrier);
	for (;;)
		pause();
	return NULL;
}

/* What the C library maps for itself, it keeps: that is so before anything is counted. */
static void warm_up(void)
{
	enum { THREADS = 8 };
	struct roost_pool_config config = config_of(&shapes[0]);
	pthread_t threads[THREADS];
	pthread_barrier_t barrier;
	pthread_attr_t attr;

	mallopt(M_ARENA_MAX, 1);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, SANITIZED ? 1 << 20 : 1 << 18);
	pthread_setattr_default_np(&attr);
	pthread_barrier_init(&barrier, NULL, THREADS);
	for (unsigned i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, wait_for_all, &barrier) != 0)
			abort();
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_cancel(threads[i]); /* which loads what unwinds stacks */
		pthread_join(threads[i], NULL);
	}
	if (roost_pool_create(&pool, &config) != 0)
		abort();
	roost_pool_destroy(pool);
	pool = NULL;
}

int main(int argc, char **argv)
{
	warm_up();
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	for (unsigned s = 0; s < SHAPES; s++) {
		plan.shape = &shapes[s];
		if (argc > 1 && strcmp(argv[1], plan.shape->name) != 0)
			continue;
		for (unsigned mode = 0; mode < MODES; mode++) {
			plan.mode = (enum mode)mode;
			if (argc > 2 ? !strcmp(argv[2], mode_names[mode])
				     : plan.shape->modes >> mode & 1)
				try_mode(argc, argv);
		}
	}
	printf("%u tries, %u calls that went wrong, %u failures\n", tries, reached, failures);
	return failures || !reached;
}
