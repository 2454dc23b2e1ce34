/* SPDX-License-Identifier: MIT */
/*
 * test_pool_grow.c - a pool that makes its limit usable in steps, as it is needed. A thread that
 * grows it waits for nobody, and nobody waits for that thread, whatever becomes of it. What is not
 * needed costs address space alone.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "calls.h"
#include "pools.h"

enum { LIMIT_MIB = 64, BLOCK_MIB = 2, BLOCKS = LIMIT_MIB / BLOCK_MIB, FIRST = 2, STEP = 2 };

static roost_pool_t *pool;

static void open_lazy(size_t limit)
{
	struct roost_pool_config config = pool_config(limit, NULL);

	config.pages = ROOST_PAGES_NO_THP;
	config.decay_ms = 0;
	pool = pool_open(&config);
}

/* Until there are none; how many. They stay. */
static size_t take_all(void)
{
	size_t n = 0;
	char *block;

	while ((block = roost_pool_alloc(pool, BLOCK_MIB * MIB, 0))) {
		block[0] = block[BLOCK_MIB * MIB - 1] = 1;
		n++;
	}
	return n;
}

/* The first step is there; the third block makes the pool grow. */
static void *grow(void *arg)
{
	void *block = NULL;

	(void)arg;
	for (unsigned i = 0; i <= FIRST; i++)
		block = roost_pool_alloc(pool, BLOCK_MIB * MIB, 0);
	return block;
}

/* ---- One that stops ------------------------------------------------------------------------ */

/* Before and after it has made its step usable: all others get all the rest. Once it goes on, its
 * block is there, and so is what it had beside it. */
static void others_go_on(void **state)
{
	(void)state;
	for (unsigned at = 1; at <= 2; at++) {
		struct parking parking = {.work = grow, .at = at, .only = "mprotect"};

		open_lazy(LIMIT_MIB * MIB);
		assert_true(calls_park(&parking));
		assert_int_equal(take_all(), BLOCKS - FIRST - STEP);
		assert_non_null(calls_unpark(&parking));
		assert_int_equal(take_all(), STEP - 1);
		assert_int_equal(roost_validate(roost_pool_frames(pool), NULL), 0);
		roost_pool_destroy(pool);
	}
}

static _Thread_local bool is_to_end;

static void end_at_mprotect(const char *name, bool done)
{
	if (is_to_end && done && !strcmp(name, "mprotect"))
		pthread_exit(NULL);
}

static void *grow_and_end(void *arg)
{
	is_to_end = true;
	return grow(arg);
}

/* It ends there: what it had is found again. */
static void its_step_is_recovered(void **state)
{
	pthread_t thread;
	void *result;

	(void)state;
	open_lazy(LIMIT_MIB * MIB);
	calls_hook = end_at_mprotect;
	assert_int_equal(pthread_create(&thread, NULL, grow_and_end, NULL), 0);
	assert_int_equal(pthread_join(thread, &result), 0);
	calls_hook = NULL;
	assert_null(result);
	assert_int_equal(take_all(), BLOCKS - FIRST - STEP);
	assert_int_equal(roost_pool_recover(pool), 0);
	assert_int_equal(take_all(), STEP);
	assert_int_equal(roost_validate(roost_pool_frames(pool), NULL), 0);
	roost_pool_destroy(pool);
}

/* A child has all, whichever system call the other thread was at. */
static void children_have_its_step(void **state)
{
	(void)state;
	for (unsigned at = 1; at <= 6; at++) {
		struct parking parking = {.work = grow, .at = at % 2 + 1, .only = "mprotect"};
		int status;
		pid_t child;

		open_lazy(LIMIT_MIB * MIB);
		assert_true(calls_park(&parking));
		child = at > 2 ? _Fork() : fork();
		if (!child) {
			alarm(20);
			if (at > 2 && take_all() != BLOCKS - FIRST - STEP)
				_exit(1);
			if (at > 4) /* it has used the rest before */
				roost_pool_recover(pool);
			else if (at > 2)
				_exit(0);
			if (take_all() != (at > 4 ? STEP : BLOCKS - FIRST))
				_exit(2);
			_exit(roost_validate(roost_pool_frames(pool), NULL) ? 3 : 0);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(status, 0);
		calls_unpark(&parking);
		roost_pool_destroy(pool);
	}
}

/* ---- What it costs ------------------------------------------------------------------------- */

static _Atomic unsigned made, others;

static void count(const char *name, bool done)
{
	if (done)
		return;
	if (strcmp(name, "mprotect") != 0 && strcmp(name, "mincore") != 0 &&
	    strcmp(name, "syscall") != 0)
		others++;
	made += !strcmp(name, "mprotect");
}

/* 4 MiB at first, 4, 8, 16, 32, and then 64 at a time: not a call for each block, and none but
 * these. */
static void few_calls(void **state)
{
	(void)state;
	open_lazy(1024 * MIB);
	made = others = 0;
	calls_hook = count;
	assert_int_equal(take_all(), 1024 / BLOCK_MIB);
	calls_hook = NULL;
	assert_int_equal(made, 4 + (1024 - 64) / 64);
	assert_int_equal(others, 0);
	roost_pool_destroy(pool);
}

/* Bytes of the process that count against a limit; 0: not known. */
static size_t status_bytes(const char *name)
{
	FILE *file = fopen("/proc/self/status", "r");
	char line[128];
	size_t kib = 0;

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, name, strlen(name)))
			sscanf(line + strlen(name), ": %zu", &kib);
	if (file)
		fclose(file);
	return kib << 10;
}

/* In a child, where limits are changed. */
static void in_child(int (*work)(void))
{
	int status;
	pid_t child = fork();

	if (!child) {
		alarm(20);
		_exit(work());
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

/* 0, or what is wrong. The kernel gives 100 MiB more than it costs to make the pool, and refuses
 * the step that goes beyond; then parts of it. When it gives more, the pool has more. */
static int data_is_limited(void)
{
	struct rlimit limit = {.rlim_max = RLIM_INFINITY};
	size_t n;

	getrlimit(RLIMIT_DATA, &limit);
	open_lazy(2048 * MIB);
	limit.rlim_cur = status_bytes("VmData") + 100 * MIB;
	if (setrlimit(RLIMIT_DATA, &limit))
		return 0;
	n = take_all();
	if (n < 48 || n > 52)
		return 1;
	if (take_all())
		return 2;
	limit.rlim_cur += 64 * MIB;
	if (setrlimit(RLIMIT_DATA, &limit))
		return 3;
	n = take_all();
	return n < 30 || n > 32 ? 4 : roost_validate(roost_pool_frames(pool), NULL) ? 5 : 0;
}

/* It costs no writable memory to make one. */
static int is_not_writable(void)
{
	size_t before = status_bytes("VmData");

	open_lazy(2048 * MIB);
	return status_bytes("VmData") - before < 8 * MIB ? 0 : 1;
}

/* Filled as it grows, 4 MiB at a time. */
static int is_locked(void)
{
	if (syscall(SYS_mlockall, MCL_FUTURE))
		return 0; /* this user may not */
	open_lazy(256 * MIB);
	if (roost_pool_resident(pool) > 4 * MIB)
		return 1;
	for (unsigned i = 0; i < 16; i++)
		if (!roost_pool_alloc(pool, BLOCK_MIB * MIB, 0))
			return 2;
	return roost_pool_resident(pool) > 36 * MIB ? 3 : 0;
}

static void limits(void **state)
{
	(void)state;
	in_child(is_not_writable);
	in_child(data_is_limited);
	in_child(is_locked);
}

/* ---- What may be used ---------------------------------------------------------------------- */

/* Of a pool that has not used its limit yet, too; what was never usable costs nothing to shrink. */
static void resized(void **state)
{
	struct roost_pool_info info;

	(void)state;
	open_lazy(LIMIT_MIB * MIB);
	made = others = 0;
	calls_hook = count;
	assert_int_equal(roost_pool_resize(pool, 16 * MIB), 0);
	assert_int_equal(roost_pool_resize(pool, 24 * MIB), 0);
	calls_hook = NULL;
	assert_int_equal(made + others, 0);
	roost_pool_info(pool, &info);
	assert_int_equal(info.size, 24 * MIB);
	assert_int_equal(info.used, 0);
	assert_int_equal(take_all(), 12);
	assert_int_equal(roost_pool_resize(pool, LIMIT_MIB * MIB), 0);
	assert_int_equal(take_all(), BLOCKS - 12);
	roost_pool_destroy(pool);
}

/* Blocks of each size, up to the limit: aligned places are filled. */
static void large_blocks(void **state)
{
	(void)state;
	for (size_t size = 4 * MIB; size <= 1024 * MIB; size *= 2) {
		size_t n = 0;

		open_lazy(1024 * MIB);
		while (roost_pool_alloc(pool, size, 0))
			n++;
		assert_int_equal(n, 1024 * MIB / size);
		roost_pool_destroy(pool);
	}
}

/* Memory that is not there yet is the pool's to bring in. */
static void not_by_hand(void **state)
{
	roost_pfn pages = BLOCK_MIB * MIB / PAGE;

	(void)state;
	open_lazy(LIMIT_MIB * MIB);
	for (unsigned i = 0; i < BLOCKS; i++)
		assert_int_equal(roost_add_range(roost_pool_frames(pool), i * pages, pages),
				 i < FIRST ? -ROOST_EEXIST : -ROOST_EINVAL);
	assert_int_equal(take_all(), BLOCKS);
	roost_pool_destroy(pool);
}

/* Until all of it is usable, each migratetype has pageblocks of its own, as if it were. */
static void types_stay_apart(void **state)
{
	static const unsigned types[] = {ROOST_MOVABLE, ROOST_UNMOVABLE, ROOST_RECLAIMABLE};
	static unsigned char seen[1024 / BLOCK_MIB];
	unsigned mixed = 0;

	(void)state;
	open_lazy(1024 * MIB);
	memset(seen, 0, sizeof(seen));
	for (unsigned i = 0; i < 128 * MIB / PAGE; i++) {
		char *block = roost_pool_alloc(pool, PAGE, types[i % 3]);
		size_t at = (size_t)(block - (char *)roost_pool_address(pool, 0)) / (2 * MIB);

		mixed += seen[at] && !(seen[at] & 1 << i % 3);
		seen[at] |= (unsigned char)(1 << i % 3);
	}
	assert_int_equal(mixed, 0);
	roost_pool_destroy(pool);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(others_go_on),
		cmocka_unit_test(its_step_is_recovered),
		cmocka_unit_test(children_have_its_step),
		cmocka_unit_test(few_calls),
		cmocka_unit_test(limits),
		cmocka_unit_test(resized),
		cmocka_unit_test(large_blocks),
		cmocka_unit_test(not_by_hand),
		cmocka_unit_test(types_stay_apart),
	};

	return cmocka_run_group_tests_name("pool_grow", tests, NULL, NULL);
}
