/* SPDX-License-Identifier: MIT */
/*
 * step.c - behind each instruction of a free that gives a slab back, of an allocation that makes
 * one, and of a free into a full quarantine, something comes on top: a handler that allocates and
 * frees; a handler that forks, after which the child goes on with the call; a jump out of it, after
 * which recovery puts right what is left. With the trap flag set the processor raises SIGTRAP
 * behind each instruction (x86-64). That breaks off sequences, so all slabs become shared ones;
 * tests/signal/trap.c is for sequences.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include <roost/pool.h>

#include "stepping.h"

enum { OBJECTS = 1100, SIZE = 64 };

enum way { HANDLER, FORK, JUMP, WAYS };
enum what { FREE, ALLOCATE, QUARANTINE, WHATS };

static const char *const ways[WAYS] = {"a handler", "a fork", "a jump"};
static const char *const whats[WHATS] = {"a free", "an allocation", "a free into a quarantine"};

static roost_pool_t *pool;
static roost_slabs_t *slabs;
static roost_cache_t *cache;
static enum way way;
static unsigned long instructions, stop_at, misuses;
static sigjmp_buf out;
static pid_t child;

static void misuse(void *context, const char *call, const void *block, const char *what)
{
	(void)context;
	fprintf(stderr, "cache step: %s(%p): %s\n", call, block, what);
	misuses++;
}

static _Noreturn void fault(const char *what)
{
	fprintf(stderr, "cache step: %s on top of instruction %lu: %s\n", ways[way], instructions,
		what);
	_exit(1);
}

static void on_top(int signal, siginfo_t *info, void *context)
{
	void *objects[2];

	(void)signal;
	(void)info;
	if (++instructions != stop_at)
		return;
	((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL] &= ~TRAP_FLAG;
	switch (way) {
	case HANDLER:
		for (unsigned i = 0; i < 2; i++)
			if (!(objects[i] = roost_cache_alloc(cache, 0)))
				fault("a handler gets no object");
		for (unsigned i = 0; i < 2; i++)
			roost_cache_free(cache, objects[i]);
		break;
	case FORK:
		child = fork();
		break;
	default:
		siglongjmp(out, 1);
	}
}

static struct roost_cache_stats stats(void)
{
	struct roost_cache_stats now;

	roost_cache_stats(cache, &now);
	return now;
}

static void is_sound(void)
{
	struct roost_violation v;

	if (misuses)
		fault("a misuse that was none");
	if (roost_slabs_validate(slabs, &v) || roost_validate(roost_pool_frames(pool), &v))
		fault(v.invariant);
}

/* Nothing is allocated, and nothing lost. */
static void is_empty(void)
{
	struct roost_pool_info info;
	uint64_t left;

	is_sound();
	if (roost_cache_destroy(cache, &left))
		fault("objects are left");
	roost_pool_info(pool, &info);
	if (info.used)
		fault("pages are lost");
}

/* The call with something on top of one instruction; false: it has fewer. What a jump leaves
 * allocated is freed by its address, if it is. */
static bool call(enum what what, unsigned long n)
{
	static void *objects[OBJECTS];
	static unsigned count; /* as got, it has to outlast the jump */
	void *volatile got = NULL;

	bool allocate = what == ALLOCATE;

	count = 0;
	if (roost_cache_create(&cache, slabs, "stepped", SIZE, 0,
			       what == QUARANTINE ? ROOST_CACHE_QUARANTINE : 0, NULL))
		fault("no cache");
	/* One full slab, of which all but one object are freed; another one is current. */
	while (!allocate && stats().slabs < 2)
		objects[count++] = roost_cache_alloc(cache, 0);
	for (unsigned i = 1; i + 1 < count; i++)
		roost_cache_free(cache, objects[i]);
	instructions = 0;
	stop_at = n;
	child = -1;
	if (!sigsetjmp(out, 1)) {
		step(true);
		if (allocate)
			got = roost_cache_alloc(cache, 0);
		else
			roost_cache_free(cache, objects[0]);
		step(false);
	} else {
		roost_pool_recover(pool);
		is_sound();
		/* Whatever it was about may still be allocated: at most one object, or a slab. */
		if (stats().allocated > 512 + 1)
			fault("more is lost than one slab");
		return true; /* the cache cannot be destroyed then; the process ends */
	}
	if (got)
		roost_cache_free(cache, got);
	if (count > 1)
		roost_cache_free(cache, objects[count - 1]);
	is_empty();
	if (!child)
		_exit(0);
	if (child > 0) {
		int status;

		if (waitpid(child, &status, 0) != child || status)
			fault("the child, which went on with the call, failed");
	}
	return instructions >= n;
}

/* Each jump leaves a thread that never ends its call, so it has a process of its own. */
static bool call_apart(enum what what, unsigned long n)
{
	pid_t apart = fork();
	int status;

	if (!apart)
		_exit(call(what, n) ? 0 : 77);
	if (waitpid(apart, &status, 0) != apart || !WIFEXITED(status) ||
	    (WEXITSTATUS(status) && WEXITSTATUS(status) != 77))
		fault("recovery after a jump failed");
	return !WEXITSTATUS(status);
}

int main(int argc, char **argv)
{
	struct roost_pool_config config = ROOST_POOL_CONFIG_INIT;
	struct sigaction action = {.sa_sigaction = on_top, .sa_flags = SA_SIGINFO | SA_NODEFER};
	unsigned long every = argc > 1 ? strtoul(argv[1], NULL, 0) : 61;

	config.limit = (size_t)8 << 20;
	config.misuse = misuse;
	config.check_level = ROOST_CHECK_EXACT; /* shared slabs from the start */
	if (roost_pool_create(&pool, &config) || !(slabs = roost_pool_slabs(pool)))
		return 1;
	sigaction(SIGTRAP, &action, NULL);
	for (way = HANDLER; way < WAYS; way++)
		for (enum what what = FREE; what < WHATS; what++) {
			unsigned long n = 1, apart = way == HANDLER ? every / 8 + 1 : every;

			/* It fills the object, byte by byte. */
			apart *= what == QUARANTINE ? 3 : 1;
			while (way == JUMP ? call_apart(what, n) : call(what, n))
				n += apart;
			printf("%s on top of each %lu. instruction of %s: %lu\n", ways[way], apart,
			       whats[what], n);
			if (n < 500)
				fault("the call has too few instructions");
		}
	return 0;
}
