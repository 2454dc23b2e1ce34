/* SPDX-License-Identifier: MIT */
/*
 * test_pool_atfork.c - the program's own handlers of fork() use the pools as they like, whether
 * they were registered before the library's or later; and one of them takes a lock under which
 * other threads do.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "pools.h"

enum { LIMIT = 32 << 20, FORKS = 12 };

enum phase { PREPARE = 1, PARENT = 2, CHILD = 4 };

static roost_pool_t *pool;
static void (*use)(void); /* what the handlers do */
static unsigned phases;	  /* which of them */
static bool is_early;	  /* those that come first in the child, or those that come last */
static _Atomic bool stop;

static void run(unsigned phase, bool early)
{
	if (phase == CHILD) {
		pool_hang_says("fork() does not return\n");
		alarm(20);
	}
	if (use && phases & phase && early == is_early)
		use();
}

#define HANDLERS(name, early)                                                                      \
	static void name##_prepare(void)                                                           \
	{                                                                                          \
		run(PREPARE, early);                                                               \
	}                                                                                          \
	static void name##_parent(void)                                                            \
	{                                                                                          \
		run(PARENT, early);                                                                \
	}                                                                                          \
	static void name##_child(void)                                                             \
	{                                                                                          \
		run(CHILD, early);                                                                 \
	}                                                                                          \
	static void name(void)                                                                     \
	{                                                                                          \
		pthread_atfork(name##_prepare, name##_parent, name##_child);                       \
	}

HANDLERS(early, true)
HANDLERS(late, false)

/* Before all constructors, the library's too. */
__attribute__((section(".preinit_array"), used)) static void (*const preinit)(void) = early;

/* ---- What they do -------------------------------------------------------------------------- */

static _Thread_local void *kept;

static void do_trim(void)
{
	roost_pool_trim(pool);
}

static void do_resize(void)
{
	roost_pool_resize(pool, 8 * MIB);
	roost_pool_resize(pool, LIMIT);
}

static void do_allocate(void)
{
	void *block = roost_pool_alloc(pool, 8 * MIB, ROOST_WAIT);

	roost_pool_free(block);
	roost_pool_free(roost_pool_alloc(pool, PAGE, 0));
}

static void do_keep(void)
{
	roost_pool_free(kept);
	kept = roost_pool_alloc(pool, 3 * PAGE, ROOST_WAIT);
}

static void do_create(void)
{
	struct roost_pool_config config = pool_config(4 * MIB, NULL);
	roost_pool_t *other;

	config.decay_thread = true;
	if (!roost_pool_create(&other, &config))
		roost_pool_destroy(other);
}

static void do_recover(void)
{
	struct roost_pool_info info;

	roost_pool_info(pool, &info);
	roost_pool_resident(pool);
}

static void (*const uses[])(void) = {do_trim, do_resize, do_allocate,
				     do_keep, do_create, do_recover};

/* ---- Tests --------------------------------------------------------------------------------- */

static int use_it(void)
{
	struct roost_pool_info info;

	roost_pool_free(kept);
	if (roost_pool_resize(pool, LIMIT) || roost_validate(roost_pool_frames(pool), NULL))
		return 1;
	roost_pool_info(pool, &info);
	return info.size != LIMIT || info.set_aside ? 2 : 0;
}

static void fork_some(unsigned forks)
{
	for (unsigned i = 0; i < forks; i++) {
		int status;
		pid_t child;

		pool_hang_says("fork() does not return\n");
		alarm(20);
		child = fork();
		if (!child)
			_exit(use_it());
		alarm(0);
		assert_int_equal(waitpid(child, &status, 0), child);
		if (status)
			fail_msg("the child: status %#x", (unsigned)status);
	}
}

static void *busy(void *arg)
{
	(void)arg;
	while (!stop) {
		void *block = roost_pool_alloc(pool, 3 * PAGE, 0);

		roost_pool_trim(pool);
		roost_pool_resize(pool, 8 * MIB);
		roost_pool_free(block);
		roost_pool_resize(pool, LIMIT);
	}
	return NULL;
}

static void open_it(void)
{
	struct roost_pool_config config = pool_config(LIMIT, NULL);

	config.initial = 2 * MIB;
	config.step = 2 * MIB;
	pool = pool_open(&config);
	stop = false;
}

static void handlers(bool early, bool with_others)
{
	pthread_t thread;

	open_it();
	if (with_others)
		assert_int_equal(pthread_create(&thread, NULL, busy, NULL), 0);
	is_early = early;
	for (unsigned i = 0; i < sizeof(uses) / sizeof(uses[0]); i++)
		for (phases = PREPARE; phases <= CHILD; phases <<= 1) {
			use = uses[i];
			fork_some(with_others ? 4 : 1);
		}
	use = NULL;
	roost_pool_free(kept);
	kept = NULL;
	stop = true;
	if (with_others)
		assert_int_equal(pthread_join(thread, NULL), 0);
	pool_close(pool);
}

static void registered_before(void **state)
{
	(void)state;
	handlers(true, false);
	handlers(true, true);
}

static void registered_later(void **state)
{
	(void)state;
	handlers(false, false);
	handlers(false, true);
}

/* The pool of a forking program that destroys it in the child, and makes another. */
static void do_replace(void)
{
	roost_pool_destroy(pool);
	open_it();
}

static void replaced_in_the_child(void **state)
{
	pthread_t thread;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		open_it();
		assert_int_equal(pthread_create(&thread, NULL, busy, NULL), 0);
		is_early = i;
		phases = CHILD;
		use = do_replace;
		fork_some(FORKS);
		use = NULL;
		stop = true;
		assert_int_equal(pthread_join(thread, NULL), 0);
		pool_close(pool);
	}
}

/* A handler of the child starts a timer whose signals come while the library recovers. */
static _Atomic unsigned ticks;

static void tick(int signal)
{
	static void *held[64];
	unsigned i = ticks++ % 64;

	(void)signal;
	roost_pool_free(held[i]);
	held[i] = roost_pool_alloc(pool, (size_t)PAGE << i % 4, 0);
}

static void do_tick(void)
{
	struct sigaction action = {.sa_handler = tick, .sa_flags = SA_RESTART};
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
	struct itimerspec often = {{0, 20000}, {0, 20000}};
	timer_t timer;

	sigaction(SIGUSR1, &action, NULL);
	if (timer_create(CLOCK_MONOTONIC, &event, &timer) || timer_settime(timer, 0, &often, NULL))
		_exit(3);
}

static void signals_in_the_child(void **state)
{
	void *blocks[2000];

	(void)state;
	open_it();
	assert_int_equal(roost_pool_resize(pool, LIMIT), 0);
	for (unsigned i = 0; i < 2000; i++)
		blocks[i] = pool_get(pool, 3 * PAGE);
	for (unsigned i = 0; i < 10 * FORKS; i++) {
		pid_t child;
		int status;

		is_early = true;
		phases = CHILD;
		use = do_tick;
		child = fork();
		if (!child) {
			signal(SIGUSR1, SIG_IGN);
			_exit(roost_validate(roost_pool_frames(pool), NULL) != 0);
		}
		use = NULL;
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(status, 0);
	}
	roost_pool_free_bulk(blocks, 2000);
	pool_close(pool);
}

/* As the book has it: prepare takes the lock, parent and child drop it. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static bool is_taken;

static void do_mutex(void)
{
	if (is_taken)
		pthread_mutex_unlock(&mutex);
	else
		pthread_mutex_lock(&mutex);
	is_taken = !is_taken;
}

static void *busy_under_mutex(void *arg)
{
	(void)arg;
	while (!stop) {
		pthread_mutex_lock(&mutex);
		roost_pool_resize(pool, 8 * MIB);
		roost_pool_trim(pool);
		roost_pool_resize(pool, LIMIT);
		pthread_mutex_unlock(&mutex);
		usleep(10);
	}
	return NULL;
}

static void locks_of_the_program(void **state)
{
	pthread_t thread;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		open_it();
		assert_int_equal(pthread_create(&thread, NULL, busy_under_mutex, NULL), 0);
		is_early = i;
		phases = PREPARE | PARENT | CHILD;
		use = do_mutex;
		fork_some(10 * FORKS);
		use = NULL;
		stop = true;
		assert_int_equal(pthread_join(thread, NULL), 0);
		pool_close(pool);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(registered_before),	 cmocka_unit_test(registered_later),
		cmocka_unit_test(replaced_in_the_child), cmocka_unit_test(signals_in_the_child),
		cmocka_unit_test(locks_of_the_program),
	};

	late();
	return cmocka_run_group_tests_name("pool_atfork", tests, NULL, NULL);
}
