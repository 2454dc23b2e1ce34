/* SPDX-License-Identifier: MIT */
/*
 * test_pool_objects.c - caches in the life of a process: limits and locked memory, threads that
 * come, go and are cancelled, children by fork() and vfork(), handlers, idleness.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "calls.h"
#include "pools.h"

#include <roost/cache.h>

enum { LIMIT = 16 << 20, SIZE = 64, SLAB = 512, MANY = 3000, THREADS = 3 };

static roost_pool_t *pool;
static roost_slabs_t *slabs;
static roost_cache_t *cache;
static struct pool_misuse misuse;
static void *held[1 << 18];

static void open_caches(size_t limit)
{
	struct roost_pool_config config = pool_config(limit, &misuse);

	misuse.times = 0;
	pool = pool_open(&config);
	slabs = roost_pool_slabs(pool);
	assert_non_null(slabs);
	assert_int_equal(roost_cache_create(&cache, slabs, "life", SIZE, 0, 0, NULL), 0);
}

static struct roost_cache_stats stats(void)
{
	struct roost_cache_stats now;

	roost_cache_stats(cache, &now);
	return now;
}

/* Nothing is allocated, nothing lost, nothing was reported. */
static void close_caches(void)
{
	struct roost_violation v;
	uint64_t left;

	if (roost_slabs_validate(slabs, &v))
		fail_msg("%s", v.invariant);
	assert_int_equal(roost_cache_destroy(cache, &left), 0);
	assert_int_equal(misuse.times, 0);
	pool_close(pool);
}

static void swap(struct random *random, void **mine, unsigned n)
{
	unsigned i = (unsigned)random_below(random, n);

	if (mine[i])
		roost_cache_free(cache, mine[i]);
	mine[i] = mine[i] ? NULL : roost_cache_alloc(cache, 0);
	if (mine[i])
		*(void **)mine[i] = mine[i];
}

static int set_up(void **state)
{
	(void)state;
	pool_hang_says("a call does not return\n");
	alarm(SANITIZED ? 100 : 30);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	alarm(0);
	calls_hook = NULL;
	return 0;
}

/* ---- Children ------------------------------------------------------------------------------ */

/* 0, or what went wrong. */
static int status_of(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

/* In a process of its own, which then has other limits. */
static void apart(int (*work)(void))
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		alarm(20);
		_exit(work());
	}
	assert_int_equal(status_of(pid), 0);
}

/* As many as there is room for; each is written to. */
static size_t take_all(void)
{
	size_t n = 0;

	while (n < sizeof(held) / sizeof(held[0]) && (held[n] = roost_cache_alloc(cache, 0)))
		*(void **)held[n++] = held;
	return n;
}

static size_t resident(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (size_t)usage.ru_maxrss << 10;
}

/* Locked memory is resident from the moment when it is usable: no more of it is than is used. */
static int is_locked(void)
{
	struct roost_pool_config config = ROOST_POOL_CONFIG_INIT;
	size_t before, n;

	if (syscall(SYS_mlockall, MCL_FUTURE))
		return 0; /* not allowed here */
	config.limit = 512 * MIB;
	before = resident();
	if (roost_pool_create(&pool, &config) || !(slabs = roost_pool_slabs(pool)))
		return 1;
	if (roost_cache_create(&cache, slabs, "locked", SIZE, 0, 0, NULL))
		return 2;
	for (n = 0; n < 10000; n++)
		if (!(held[n] = roost_cache_alloc(cache, 0)))
			return 3;
	/* The objects' pages come in by steps. Metadata is mapped as a whole: 264 bytes a page. */
	if (roost_pool_resident(pool) > 4 * MIB || resident() - before > 44 * MIB)
		return 4;
	roost_cache_free_bulk(cache, held, n);
	return roost_cache_destroy(cache, NULL) ? 5 : 0;
}

/* Of what is already reserved objects are made; what is not there is refused, and later given. */
static int address_space_is_limited(void)
{
	struct roost_pool_config config = ROOST_POOL_CONFIG_INIT;
	struct rlimit limit;
	size_t n;

	config.limit = LIMIT;
	if (roost_pool_create(&pool, &config))
		return 1;
	getrlimit(RLIMIT_AS, &limit);
	limit.rlim_cur = 1 << 20; /* less than there is */
	if (setrlimit(RLIMIT_AS, &limit))
		return 2;
	errno = 0;
	if (roost_pool_slabs(pool) || errno != ENOMEM)
		return 3;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_AS, &limit) || !(slabs = roost_pool_slabs(pool)))
		return 4;
	if (roost_cache_create(&cache, slabs, "limited", SIZE, 0, 0, NULL))
		return 5;
	limit.rlim_cur = 1 << 20;
	if (setrlimit(RLIMIT_AS, &limit))
		return 6;
	n = take_all();
	if (n != LIMIT / SIZE)
		return 7;
	roost_cache_free_bulk(cache, held, n);
	return roost_cache_destroy(cache, NULL) ? 8 : 0;
}

static void limits(void **state)
{
	(void)state;
	if (!SANITIZED) { /* whose own memory these limit */
		apart(is_locked);
		apart(address_space_is_limited);
	}
}

/* ---- Threads ------------------------------------------------------------------------------- */

static _Atomic bool stop;

static void *come_and_go(void *arg)
{
	struct random random = {(uintptr_t)arg};
	void *mine[100] = {NULL};

	for (unsigned i = 0; i < 500; i++)
		swap(&random, mine, 100);
	for (unsigned i = 0; i < 100; i++)
		if (mine[i])
			roost_cache_free(cache, mine[i]);
	return NULL;
}

/* However many threads there were, nothing grows: no thread has anything, from one slab for each
 * CPU on. */
static void threads_come_and_go(void **state)
{
	unsigned rounds = SANITIZED ? 50 : 300;
	uint64_t most;

	(void)state;
	open_caches(LIMIT);
	most = 2 * (uint64_t)sysconf(_SC_NPROCESSORS_CONF) + THREADS;
	for (uintptr_t i = 0; i < rounds; i++) {
		pthread_t threads[THREADS];

		for (uintptr_t j = 0; j < THREADS; j++)
			assert_int_equal(pthread_create(&threads[j], NULL, come_and_go,
							(void *)(i * THREADS + j)),
					 0);
		for (unsigned j = 0; j < THREADS; j++)
			pthread_join(threads[j], NULL);
		assert_int_equal(stats().allocated, 0);
		assert_in_range(stats().slabs, 0, most);
	}
	roost_cache_shrink(cache);
	assert_int_equal(stats().slabs, 0);
	assert_int_equal(pool_used(pool), 0);
	close_caches();
}

static void on_cpu(unsigned cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set); /* where there is but one it stays */
}

static void on_any_cpu(void)
{
	cpu_set_t set;

	memset(&set, 0xff, sizeof(set));
	sched_setaffinity(0, sizeof(set), &set);
}

/* What a thread freed just before it ended, others have, on whichever CPU. */
static void *free_and_end(void *arg)
{
	roost_cache_free_bulk(cache, held, *(size_t *)arg);
	return NULL;
}

static void an_end_holds_nothing_back(void **state)
{
	(void)state;
	open_caches(LIMIT);
	for (unsigned round = 0; round < 3; round++) {
		pthread_t thread;
		size_t n;

		on_cpu(round % 2);
		n = take_all();
		assert_int_equal(n, LIMIT / SIZE);
		assert_int_equal(pthread_create(&thread, NULL, free_and_end, &n), 0);
		pthread_join(thread, NULL);
		assert_int_equal(stats().allocated, 0);
	}
	on_any_cpu();
	close_caches();
}

/* A slab of CPU 0 has no objects any more. From CPU 1 it is held, and then its home fenced. */
static void empty_slab_of_the_first_cpu(void)
{
	on_cpu(0);
	/* Of the calls that move slabs the thread must not seem to be inside any more, or a child
	 * would not recover. */
	assert_int_equal(roost_cache_alloc_bulk(cache, 0, held, MANY), MANY);
	roost_cache_free_bulk(cache, held, MANY);
	roost_slabs_reclaim(slabs, SIZE_MAX);
	roost_cache_shrink(cache);
	assert_int_equal(stats().slabs, 0);
	held[0] = roost_cache_alloc(cache, 0);
	held[1] = roost_cache_alloc(cache, 0);
	roost_cache_free(cache, held[1]);
	roost_cache_free(cache, held[0]);
	assert_int_equal(stats().slabs, 1);
	on_any_cpu();
}

static void *shrink_elsewhere(void *arg)
{
	on_cpu(1);
	roost_cache_shrink(cache);
	return arg;
}

static _Thread_local bool ends_here;

static void end_at_a_fence(const char *name, bool done)
{
	if (ends_here && !done && !strcmp(name, "syscall"))
		pthread_exit(NULL);
}

static void *end_in_a_shrink(void *arg)
{
	ends_here = true;
	return shrink_elsewhere(arg);
}

/* A thread ends while it holds a slab. Others do without it, until it is recovered. */
static void its_slab_is_recovered(void **state)
{
	struct roost_violation v;
	pthread_t thread;

	(void)state;
	if (SANITIZED || sysconf(_SC_NPROCESSORS_ONLN) < 2)
		return;
	open_caches(LIMIT);
	empty_slab_of_the_first_cpu();
	calls_hook = end_at_a_fence;
	assert_int_equal(pthread_create(&thread, NULL, end_in_a_shrink, NULL), 0);
	pthread_join(thread, NULL);
	calls_hook = NULL;
	assert_int_equal(roost_slabs_validate(slabs, &v), -ROOST_EUCLEAN);
	assert_string_equal(v.invariant, "slab: nobody holds it at rest");
	held[0] = roost_cache_alloc(cache, 0);
	assert_non_null(held[0]);
	assert_int_equal(stats().slabs, 2);
	roost_cache_free(cache, held[0]);
	roost_pool_recover(pool);
	close_caches();
}

static _Atomic unsigned long turns;

static void *until_cancelled(void *arg)
{
	struct random random = {(uintptr_t)arg};
	static _Thread_local void *mine[4];

	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	for (;;) {
		swap(&random, mine, 4);
		turns++;
		if (random_below(&random, 64) == 0)
			roost_cache_shrink(cache);
	}
	return NULL;
}

/* At any instruction: what such a thread hides is what it had, and a slab or 64 objects. Nobody
 * waits for it, and recovery puts its slab back. */
static void cancelled_anywhere(void **state)
{
	unsigned rounds = SANITIZED ? 10 : 100;

	(void)state;
	open_caches(LIMIT);
	for (uintptr_t i = 0; i < rounds; i++) {
		unsigned long before = turns;
		pthread_t thread;

		assert_int_equal(pthread_create(&thread, NULL, until_cancelled, (void *)i), 0);
		while (turns < before + 20 + i)
			sched_yield();
		pthread_cancel(thread);
		pthread_join(thread, NULL);
		held[0] = roost_cache_alloc(cache, 0);
		assert_non_null(held[0]);
		roost_cache_free(cache, held[0]);
	}
	roost_pool_recover(pool);
	assert_int_equal(roost_slabs_validate(slabs, NULL), 0);
	assert_in_range(stats().allocated, 0, rounds * (4 + 64));
	assert_int_equal(misuse.times, 0);
	roost_pool_destroy(pool); /* with what they had */
}

/* ---- Forks --------------------------------------------------------------------------------- */

static void *busy(void *arg)
{
	struct random random = {(uintptr_t)arg + 1};
	void *mine[1000] = {NULL};

	while (!stop) {
		swap(&random, mine, 1000);
		if (random_below(&random, 1000) == 0)
			roost_cache_shrink(cache);
	}
	for (unsigned i = 0; i < 1000; i++)
		if (mine[i])
			roost_cache_free(cache, mine[i]);
	return NULL;
}

/* Uses the cache of its parent and one of its own, which it destroys; and the parent's, once it has
 * freed what it knows. 0, or what went wrong. */
static int live_as_child(size_t known)
{
	roost_cache_t *own;
	void *some[SLAB];
	uint64_t left;

	alarm(20);
	if (roost_slabs_validate(slabs, NULL))
		return 1;
	if (roost_cache_alloc_bulk(cache, ROOST_WAIT, some, SLAB) != SLAB)
		return 2;
	roost_cache_free_bulk(cache, some, SLAB);
	if (roost_cache_create(&own, slabs, "child's", 256, 0, 0, NULL))
		return 3;
	if (roost_cache_alloc_bulk(own, 0, some, SLAB) != SLAB)
		return 4;
	roost_cache_free_bulk(own, some, SLAB);
	if (roost_cache_destroy(own, &left))
		return 5;
	for (size_t i = 0; i < known; i++)
		if (*(void **)held[i] != held)
			return 6;
	roost_cache_free_bulk(cache, held, known);
	if (!roost_cache_destroy(cache, &left) != !left)
		return 7;
	/* What its parent's threads had, and were about to have. */
	if (left > THREADS * (1000 + 64))
		return 8;
	return misuse.times ? 9 : 0;
}

static void children_of_busy_threads(void **state)
{
	pthread_t threads[THREADS];
	size_t known = 2000;

	(void)state;
	if (SANITIZED) /* its own locks */
		return;
	open_caches(LIMIT);
	for (size_t i = 0; i < known; i++)
		*(void **)(held[i] = roost_cache_alloc(cache, 0)) = held;
	stop = false;
	for (uintptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, busy, (void *)i), 0);
	for (unsigned i = 0; i < 40; i++) {
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (!pid)
			_exit(live_as_child(known));
		assert_int_equal(status_of(pid), 0);
	}
	stop = true;
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	roost_cache_free_bulk(cache, held, known);
	close_caches();
}

/* The parent's thread is in the middle of a shrink: it holds a slab, which its child has. */
static void children_have_its_slab(void **state)
{
	struct parking parking = {.work = shrink_elsewhere, .at = 1, .only = "syscall"};
	pid_t pid;

	(void)state;
	if (SANITIZED || sysconf(_SC_NPROCESSORS_ONLN) < 2)
		return;
	open_caches(LIMIT);
	empty_slab_of_the_first_cpu();
	assert_true(calls_park(&parking));
	assert_int_equal(roost_slabs_validate(slabs, NULL), -ROOST_EUCLEAN);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		_exit(live_as_child(0));
	assert_int_equal(status_of(pid), 0);
	calls_unpark(&parking);
	close_caches();
}

/* Its memory is its parent's, which waits, and so is the area by which sequences know their CPU.
 * The kernel does not keep that up for the child. CAVEATS.md rules such children out; without other
 * threads they do no harm. */
static void child_of_vfork(void **state)
{
	volatile unsigned done = 0;
	pid_t pid;

	(void)state;
	if (SANITIZED)
		return;
	open_caches(LIMIT);
	for (unsigned i = 0; i < 100; i++)
		held[i] = roost_cache_alloc(cache, 0);
	pid = vfork();
	if (!pid) {
		for (unsigned i = 0; i < 100; i += 2)
			roost_cache_free(cache, held[i]);
		for (unsigned i = 0; i < 20000; i++) {
			void *object = roost_cache_alloc(cache, 0);

			done += object != NULL;
			roost_cache_free(cache, object);
		}
		_exit(0);
	}
	assert_true(pid > 0);
	assert_int_equal(status_of(pid), 0);
	assert_int_equal(done, 20000);
	assert_int_equal(stats().allocated, 50);
	for (unsigned i = 1; i < 100; i += 2)
		roost_cache_free(cache, held[i]);
	close_caches();
}

/* ---- Handlers ------------------------------------------------------------------------------ */

static volatile unsigned long handled;
static void *of_handler[64];

static void handler(int signal)
{
	unsigned i = (unsigned)(handled++ % 64);
	int saved = errno;

	(void)signal;
	if (of_handler[i])
		roost_cache_free(cache, of_handler[i]);
	of_handler[i] = roost_cache_alloc(cache, 0);
	errno = saved;
}

/* Others are made, used, shrunk and destroyed below handlers that allocate; so is the very
 * slab that a handler's object came from. */
static void destroyed_below_handlers(void **state)
{
	struct itimerval often = {{0, 200}, {0, 200}}, never = {{0, 0}, {0, 0}};
	struct sigaction action = {.sa_handler = handler}, old;
	unsigned long rounds = 0;

	(void)state;
	open_caches(LIMIT);
	handled = 0;
	memset(of_handler, 0, sizeof(of_handler));
	sigaction(SIGVTALRM, &action, &old);
	setitimer(ITIMER_VIRTUAL, &often, NULL);
	while (handled < (SANITIZED ? 20 : 100) && rounds++ < 2000000) {
		roost_cache_t *other;
		uint64_t left;
		size_t n;

		if (roost_cache_create(&other, slabs, "other", SIZE, 0, 0, NULL))
			fail_msg("no cache");
		n = roost_cache_alloc_bulk(other, 0, held, 600);
		assert_int_equal(n, 600);
		roost_cache_free_bulk(other, held, n);
		roost_cache_shrink(cache);
		while (roost_cache_destroy(other, &left)) /* no fence just now */
			assert_int_equal(left, 0);
	}
	setitimer(ITIMER_VIRTUAL, &never, NULL);
	sigaction(SIGVTALRM, &old, NULL);
	assert_true(handled >= 20);
	for (unsigned i = 0; i < 64; i++)
		if (of_handler[i])
			roost_cache_free(cache, of_handler[i]);
	close_caches();
}

/* ---- Idle ---------------------------------------------------------------------------------- */

static _Atomic unsigned long made;

static void count(const char *name, bool done)
{
	(void)name;
	made += !done;
}

/* Frees make no system call, nor do allocations for which there are objects; and an idle cache
 * none at all: nothing is due. */
static void idle_caches_make_no_calls(void **state)
{
	struct timespec pause = {.tv_nsec = 30000000};
	size_t n = MANY;

	(void)state;
	open_caches(LIMIT);
	assert_int_equal(roost_cache_alloc_bulk(cache, 0, held, n), n);
	made = 0;
	calls_hook = count;
	for (size_t i = 0; i < n; i += 2)
		roost_cache_free(cache, held[i]);
	assert_int_equal(made, 0);
	for (size_t i = 0; i < n; i += 2)
		assert_non_null(held[i] = roost_cache_alloc(cache, 0));
	clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
	roost_cache_free_bulk(cache, held, n);
	clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
	calls_hook = NULL;
	/* A thread that was moved took slabs from its old CPU, each by a fence. */
	assert_in_range(made, 0, stats().stolen);
	close_caches();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(limits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(threads_come_and_go, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_end_holds_nothing_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(its_slab_is_recovered, set_up, tear_down),
		cmocka_unit_test_setup_teardown(cancelled_anywhere, set_up, tear_down),
		cmocka_unit_test_setup_teardown(children_of_busy_threads, set_up, tear_down),
		cmocka_unit_test_setup_teardown(children_have_its_slab, set_up, tear_down),
		cmocka_unit_test_setup_teardown(child_of_vfork, set_up, tear_down),
		cmocka_unit_test_setup_teardown(destroyed_below_handlers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(idle_caches_make_no_calls, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("pool_objects", tests, NULL, NULL);
}
