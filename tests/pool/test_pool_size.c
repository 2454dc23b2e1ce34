/* SPDX-License-Identifier: MIT */
/* test_pool_size.c - growth, by itself and by request; memory that goes back to the kernel. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "pools.h"

/* Whatever the system does on its own: what has memory is counted in pages. */
static struct roost_pool_config small_pages(size_t limit)
{
	struct roost_pool_config config = pool_config(limit, NULL);

	config.pages = ROOST_PAGES_NO_THP;
	return config;
}

static size_t size_of(const roost_pool_t *pool)
{
	struct roost_pool_info info;

	roost_pool_info(pool, &info);
	return info.size;
}

/* Blocks of that size until there are none, each written to; how many. */
static size_t take_all(roost_pool_t *pool, size_t size, void **blocks)
{
	size_t n = 0;

	while ((blocks[n] = roost_pool_alloc(pool, size, ROOST_WAIT)))
		memset(blocks[n++], 1, PAGE);
	return n;
}

static void resized(void **state)
{
	static const size_t sizes[] = {30, 64, 2, 6, 62, 64, 4};
	struct roost_pool_config config = small_pages(64 * MIB);
	static void *blocks[64 * MIB / PAGE + 1];
	roost_pool_t *pool;

	(void)state;
	config.initial = 10 * MIB;
	pool = pool_open(&config);
	assert_int_equal(take_all(pool, PAGE, blocks), 10 * MIB / PAGE);
	roost_pool_free_bulk(blocks, 10 * MIB / PAGE);
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t n;

		assert_int_equal(roost_pool_resize(pool, sizes[i] * MIB - PAGE), 0);
		assert_int_equal(size_of(pool), sizes[i] * MIB);
		assert_int_equal(pool_used(pool), 0);
		assert_true(roost_pool_resident(pool) <= sizes[i] * MIB);
		n = take_all(pool, PAGE, blocks);
		assert_int_equal(n, sizes[i] * MIB / PAGE);
		assert_int_equal(roost_pool_resident(pool), sizes[i] * MIB);
		/* In use: it cannot shrink, and says how far it came. */
		assert_int_equal(roost_pool_resize(pool, 2 * MIB),
				 n * PAGE > 2 * MIB ? -EAGAIN : 0);
		assert_int_equal(size_of(pool), sizes[i] * MIB);
		roost_pool_free_bulk(blocks, n);
	}
	assert_int_equal(roost_pool_resize(pool, 64 * MIB + 1), -EINVAL);
	assert_int_equal(roost_pool_resize(pool, 0), -EINVAL);
	pool_close(pool);
}

/* What is free is taken out of use at once, though it lies here and there. */
static void shrunk_as_far_as_can_be(void **state)
{
	struct roost_pool_config config = small_pages(64 * MIB);
	roost_pool_t *pool = pool_open(&config);
	void *blocks[33];

	(void)state;
	assert_int_equal(take_all(pool, 2 * MIB, blocks), 32);
	for (unsigned i = 0; i < 32; i += 2)
		roost_pool_free(blocks[i]);
	assert_int_equal(roost_pool_resize(pool, 8 * MIB), -EAGAIN);
	assert_int_equal(size_of(pool), 32 * MIB);
	assert_int_equal(pool_used(pool), 32 * MIB);
	assert_int_equal(roost_pool_resident(pool), 16 * PAGE);
	assert_int_equal(roost_pool_resize(pool, 64 * MIB), 0);
	for (unsigned i = 0; i < 32; i += 2)
		blocks[i] = pool_get(pool, 2 * MIB);
	roost_pool_free_bulk(blocks, 32);
	pool_close(pool);
}

static void grows_by_itself(void **state)
{
	struct roost_pool_config config = small_pages(64 * MIB);
	static void *blocks[64 * MIB / PAGE + 1];
	struct roost_pool_info info;
	roost_pool_t *pool;
	size_t n;

	(void)state;
	config.initial = 2 * MIB;
	config.step = 5 * MIB; /* rounded: steps of 6 */
	pool = pool_open(&config);
	blocks[0] = pool_get(pool, 2 * MIB);
	assert_int_equal(size_of(pool), 2 * MIB);
	blocks[1] = pool_get(pool, PAGE);
	assert_int_equal(size_of(pool), 8 * MIB);
	/* A block that is larger than a step. */
	blocks[2] = roost_pool_alloc(pool, 16 * MIB, ROOST_WAIT | ROOST_THISNODE);
	assert_non_null(blocks[2]);
	assert_true(size_of(pool) <= 40 * MIB); /* twice as much: it is aligned */
	roost_pool_free_bulk(blocks, 3);
	n = take_all(pool, PAGE, blocks);
	assert_int_equal(n, 64 * MIB / PAGE);
	roost_pool_info(pool, &info);
	assert_int_equal(info.size, info.limit);
	assert_in_range(info.grown, 6, 8);
	roost_pool_free_bulk(blocks, n);
	pool_close(pool);
}

/* Half of the pages are free, one by one, and each larger block makes the pool grow: nobody else is
 * at it, so no call waits for anybody. */
static void grows_without_waiting(void **state)
{
	struct roost_pool_config config = small_pages(64 * MIB);
	static void *blocks[4 * MIB / PAGE + 64 * MIB / (128 << 10)];

	(void)state;
	config.initial = config.step = 4 * MIB;
	for (size_t size = 128 << 10; size <= 4 * MIB; size *= 2) {
		roost_pool_t *pool = pool_open(&config);
		struct roost_stats stats = {0};
		struct roost_pool_info info;
		size_t n = 0;

		for (; n < 4 * MIB / PAGE; n++)
			blocks[n] = pool_get(pool, PAGE);
		for (size_t i = 0; i < n; i += 2) {
			roost_pool_free(blocks[i]);
			blocks[i] = NULL;
		}
		for (size_t i = 0; i < 32 * MIB / size; i++) {
			blocks[n] = roost_pool_alloc(pool, size, ROOST_WAIT);
			assert_non_null(blocks[n++]);
		}
		roost_pool_info(pool, &info);
		assert_int_equal(info.grown, 8);
		assert_int_equal(roost_stats(roost_pool_frames(pool), -1, -1, &stats), 0);
		assert_true(stats.fail_wait > 0);
		assert_int_equal(stats.wait_rounds, 0);
		roost_pool_free_bulk(blocks, n);
		pool_close(pool);
	}
}

/* Several threads that wait, a step for each block: none fails while there is more. */
enum { WAITERS = 16, EACH = 40 };

static void *take_each(void *arg)
{
	roost_pool_t *pool = arg;
	uintptr_t failed = 0;

	for (unsigned i = 0; i < EACH; i++)
		failed += !roost_pool_alloc(pool, 2 * MIB, ROOST_WAIT);
	return (void *)failed;
}

static void waits_for_who_grows_it(void **state)
{
	struct roost_pool_config config = small_pages(4 * (size_t)WAITERS * EACH * MIB);
	pthread_t threads[WAITERS];
	roost_pool_t *pool;

	(void)state;
	config.initial = 2 * MIB;
	config.step = 2 * MIB;
	pool = pool_open(&config);
	for (unsigned i = 0; i < WAITERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, take_each, pool), 0);
	for (unsigned i = 0; i < WAITERS; i++) {
		void *failed;

		assert_int_equal(pthread_join(threads[i], &failed), 0);
		assert_null(failed);
	}
	roost_pool_destroy(pool);
}

/* ---- Back to the kernel -------------------------------------------------------------------- */

enum { SPARSE = 64 * 256 }; /* pages: 64 MiB */

/* All pages of 64 MiB written, nine of ten freed at random; what is left is live[0 .. *n). */
static roost_pool_t *open_sparse(struct roost_pool_config *config, void **live, size_t *n)
{
	roost_pool_t *pool = pool_open(config);

	assert_int_equal(take_all(pool, PAGE, live), SPARSE);
	srand(1);
	for (size_t i = SPARSE - 1; i; i--) {
		size_t j = (size_t)rand() % (i + 1);
		void *other = live[i];

		live[i] = live[j];
		live[j] = other;
	}
	*n = SPARSE / 10;
	assert_int_equal(roost_pool_resident(pool), 64 * MIB);
	for (size_t i = *n; i < SPARSE; i++)
		roost_pool_free(live[i]);
	return pool;
}

static bool is_written(const char *block)
{
	for (unsigned i = 0; i < PAGE; i++)
		if (block[i] != 1)
			return false;
	return true;
}

/* Page by page, and nothing that lives is touched. */
static void trimmed(void **state)
{
	struct roost_pool_config config = small_pages(64 * MIB);
	static void *live[SPARSE + 1];
	roost_pool_t *pool;
	size_t n;

	(void)state;
	pool = open_sparse(&config, live, &n);
	assert_int_equal(roost_pool_trim(pool), (SPARSE - n) * PAGE);
	assert_int_equal(roost_pool_resident(pool), n * PAGE);
	assert_int_equal(pool_used(pool), n * PAGE);
	for (size_t i = 0; i < n; i++)
		assert_true(is_written(live[i]));
	assert_int_equal(roost_pool_trim(pool), 0); /* nothing was freed since */
	/* Again, after some more. */
	roost_pool_free(live[0]);
	assert_int_equal(roost_pool_trim(pool), PAGE);
	roost_pool_free_bulk(live + 1, n - 1);
	assert_int_equal(roost_pool_trim(pool), (n - 1) * PAGE);
	assert_int_equal(roost_pool_resident(pool), 0);
	pool_close(pool);
}

/* Large blocks mark all that they cover. */
static void large_ones_trimmed(void **state)
{
	struct roost_pool_config config = small_pages(1024 * MIB);
	roost_pool_t *pool = pool_open(&config);

	(void)state;
	for (size_t size = PAGE; size <= 1024 * MIB; size *= 4) {
		char *block = pool_get(pool, size);
		size_t pages = 0;

		for (size_t at = 0; at < size; at += size < 64 * MIB ? PAGE : 2 * MIB, pages++)
			block[at] = 1;
		roost_pool_free(block);
		assert_int_equal(roost_pool_trim(pool), pages * PAGE);
		assert_int_equal(roost_pool_resident(pool), 0);
	}
	pool_close(pool);
}

/* The clock by which marks age goes this much ahead. */
static long ahead_ms;

int clock_gettime(clockid_t clock, struct timespec *now)
{
	long ms;

	if (syscall(SYS_clock_gettime, clock, now))
		return -1;
	if (clock != CLOCK_MONOTONIC_COARSE)
		return 0;
	ms = now->tv_nsec / 1000000 + ahead_ms % 1000;
	now->tv_sec += ahead_ms / 1000 + ms / 1000;
	now->tv_nsec = ms % 1000 * 1000000;
	return 0;
}

static void sleep_ms(long ms)
{
	struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	nanosleep(&pause, NULL);
}

/* By later allocations, which look at the clock now and then; not before the time. */
static void decays_by_allocations(void **state)
{
	struct roost_pool_config config = small_pages(64 * MIB);
	static void *live[SPARSE + 1];
	roost_pool_t *pool;
	size_t n;

	(void)state;
	config.decay_ms = 600000;
	pool = open_sparse(&config, live, &n);
	for (unsigned i = 0; i < 100000; i++)
		roost_pool_free(pool_get(pool, PAGE));
	assert_int_equal(roost_pool_resident(pool), 64 * MIB);
	roost_pool_free_bulk(live, n);
	pool_close(pool);

	config.decay_ms = 1;
	pool = open_sparse(&config, live, &n);
	for (unsigned i = 0; i < 2000 && roost_pool_resident(pool) > n * PAGE + 3 * MIB; i++) {
		sleep_ms(2);
		for (unsigned j = 0; j < 512; j++)
			roost_pool_free(pool_get(pool, PAGE));
	}
	/* Where these came from and went to is used all the time. */
	assert_in_range(roost_pool_resident(pool), n * PAGE, n * PAGE + 3 * MIB);
	roost_pool_free_bulk(live, n);
	pool_close(pool);

	config.decay_ms = 0;
	pool = open_sparse(&config, live, &n);
	for (unsigned i = 0; i < 100000; i++)
		roost_pool_free(pool_get(pool, PAGE));
	assert_int_equal(roost_pool_resident(pool), 64 * MIB);
	roost_pool_free_bulk(live, n);
	pool_close(pool);
}

static uint64_t given_back(const roost_pool_t *pool)
{
	struct roost_pool_info info;

	roost_pool_info(pool, &info);
	return info.given_back;
}

/* As many allocations as there are between two looks at the clock. */
static void look_once(roost_pool_t *pool)
{
	for (unsigned i = 0; i < 256; i++)
		roost_pool_free(pool_get(pool, PAGE));
}

/* A program that frees, is idle, and wakes: the first look gives back. After a gap of less than two
 * periods only the second does. */
static void decays_while_idle(void **state)
{
	struct roost_pool_config config = small_pages(64 * MIB);

	(void)state;
	config.decay_ms = 100000;
	for (unsigned periods = 1; periods <= 3; periods++) {
		static void *live[SPARSE + 1];
		roost_pool_t *pool;
		size_t n;

		pool = open_sparse(&config, live, &n);
		look_once(pool);
		assert_int_equal(given_back(pool), 0);
		ahead_ms += periods * 100000 + 10000;
		look_once(pool);
		assert_int_equal(given_back(pool) > 0, periods > 1);
		roost_pool_free_bulk(live, n);
		pool_close(pool);
	}
}

/* A handler gives back on its own stack, which may be small. */
enum { SMALL_STACK = SANITIZED ? 1 << 16 : 1 << 13 };

static roost_pool_t *handlers_pool;

static void allocate_much(int signal)
{
	(void)signal;
	for (unsigned i = 0; i < 600; i++)
		roost_pool_free(roost_pool_alloc(handlers_pool, PAGE, 0));
}

static void on_a_small_stack(void **state)
{
	struct roost_pool_config config = small_pages(64 * MIB);
	struct sigaction action = {.sa_handler = allocate_much, .sa_flags = SA_ONSTACK};
	size_t guard = 1 << 16;
	char *memory = mmap(NULL, guard + SMALL_STACK, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	stack_t stack = {.ss_sp = memory + guard, .ss_size = SMALL_STACK};
	stack_t off = {.ss_flags = SS_DISABLE};
	static void *live[SPARSE + 1];
	struct roost_pool_info info;
	size_t n;

	(void)state;
	assert_int_equal(mprotect(memory, guard, PROT_NONE), 0);
	config.decay_ms = 1;
	handlers_pool = open_sparse(&config, live, &n);
	assert_int_equal(sigaltstack(&stack, NULL), 0);
	assert_int_equal(sigaction(SIGUSR1, &action, NULL), 0);
	for (unsigned i = 0; i < 5; i++) {
		sleep_ms(5);
		raise(SIGUSR1);
	}
	roost_pool_info(handlers_pool, &info);
	assert_true(info.given_back > 0);
	assert_int_equal(sigaltstack(&off, NULL), 0);
	roost_pool_free_bulk(live, n);
	pool_close(handlers_pool);
}

/* Something is freed in it between any two looks at the clock, as long as the thread stays on one
 * CPU, which allocates from one pageblock. errno is kept. */
static void what_is_used_stays(void **state)
{
	struct roost_pool_config config = small_pages(64 * MIB);
	struct roost_pool_info info;
	roost_pool_t *pool;
	cpu_set_t before, one;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	CPU_ZERO(&one);
	CPU_SET((unsigned)sched_getcpu(), &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	config.decay_ms = 100000;
	pool = pool_open(&config);
	errno = 4711;
	for (unsigned i = 0; i < 50; i++) {
		ahead_ms += 110000;
		for (unsigned j = 0; j < 512; j++) {
			char *block = pool_get(pool, PAGE);

			block[0] = 1;
			roost_pool_free(block);
		}
	}
	assert_int_equal(errno, 4711);
	roost_pool_info(pool, &info);
	assert_int_equal(info.trims, 0);
	pool_close(pool);
	sched_setaffinity(0, sizeof(before), &before);
}

/* By a thread, though nobody calls. */
static void decays_by_a_thread(void **state)
{
	struct roost_pool_config config = small_pages(64 * MIB);
	static void *live[SPARSE + 1];
	roost_pool_t *pool;
	size_t n;

	(void)state;
	config.decay_ms = 5;
	config.decay_thread = true;
	pool = open_sparse(&config, live, &n);
	/* What this CPU has in its pocket stays. */
	for (unsigned i = 0; i < 4000 && roost_pool_resident(pool) > n * PAGE + 3 * MIB; i++)
		sleep_ms(5);
	assert_in_range(roost_pool_resident(pool), n * PAGE, n * PAGE + 3 * MIB);
	roost_pool_free_bulk(live, n);
	pool_close(pool);
}

/* ---- Locked -------------------------------------------------------------------------------- */

/* It cannot go back; but not for good, and not if it goes out of use. (Address sanitizer's mlock()
 * locks nothing.) */
static void what_is_locked(void **state)
{
	struct roost_pool_config config = small_pages(4 * MIB);
	roost_pool_t *pool;
	void *blocks[2];

	(void)state;
	config.decay_ms = 0;
	pool = pool_open(&config);
	blocks[0] = pool_get(pool, 2 * MIB);
	blocks[1] = pool_get(pool, 2 * MIB);
	if (syscall(SYS_mlock, blocks[0], 2 * MIB) || syscall(SYS_mlock, blocks[1], 2 * MIB)) {
		roost_pool_free_bulk(blocks, 2);
		pool_close(pool);
		skip(); /* this user may lock less */
	}
	roost_pool_free_bulk(blocks, 2);
	assert_int_equal(roost_pool_trim(pool), 0);
	assert_int_equal(roost_pool_resident(pool), 4 * MIB);
	assert_int_equal(roost_pool_resize(pool, 2 * MIB), 0);
	assert_int_equal(roost_pool_resident(pool), 2 * MIB);
	assert_int_equal(roost_pool_resize(pool, 4 * MIB), 0);
	assert_int_equal(syscall(SYS_munlock, blocks[0], 2 * MIB), 0);
	assert_int_equal(syscall(SYS_munlock, blocks[1], 2 * MIB), 0);
	assert_int_equal(roost_pool_trim(pool), 2 * MIB);
	assert_int_equal(roost_pool_resident(pool), 0);
	pool_close(pool);
}

/* The kernel fills all that is in use at once, which nobody has ever freed. */
static void what_is_locked_from_the_start(void **state)
{
	struct roost_pool_config config = small_pages(2 * MIB);
	roost_pool_t *pool = NULL;
	size_t filled, trimmed, left;

	(void)state;
	config.decay_ms = 0;
	if (syscall(SYS_mlockall, MCL_FUTURE) || roost_pool_create(&pool, &config)) {
		syscall(SYS_munlockall);
		skip();
	}
	filled = roost_pool_resident(pool);
	syscall(SYS_munlockall);
	trimmed = roost_pool_trim(pool);
	left = roost_pool_resident(pool);
	pool_close(pool);
	assert_int_equal(filled, 2 * MIB);
	assert_int_equal(trimmed, 2 * MIB);
	assert_int_equal(left, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(resized),
		cmocka_unit_test(shrunk_as_far_as_can_be),
		cmocka_unit_test(grows_by_itself),
		cmocka_unit_test(grows_without_waiting),
		cmocka_unit_test(trimmed),
		cmocka_unit_test(large_ones_trimmed),
		cmocka_unit_test(decays_by_allocations),
		cmocka_unit_test(decays_while_idle),
		cmocka_unit_test(what_is_used_stays),
		cmocka_unit_test(waits_for_who_grows_it),
		cmocka_unit_test(on_a_small_stack),
		cmocka_unit_test(decays_by_a_thread),
		cmocka_unit_test(what_is_locked),
		cmocka_unit_test(what_is_locked_from_the_start),
	};

	return cmocka_run_group_tests_name("pool_size", tests, NULL, NULL);
}
