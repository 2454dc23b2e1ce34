/* SPDX-License-Identifier: MIT */
/* test_pool.c - blocks as pointers: sizes, owners, limits, misuse. */
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "pools.h"

static void blocks_of_all_sizes(void **state)
{
	struct roost_pool_config config = pool_config(3 * (size_t)1024 * MIB, NULL);
	roost_pool_t *pool = pool_open(&config);
	struct roost_pool_info info;

	(void)state;
	roost_pool_info(pool, &info);
	assert_int_equal(info.largest, 1024 * MIB);
	assert_int_equal(info.page_size, PAGE);
	for (size_t size = PAGE; size <= info.largest; size *= 2) {
		char *exact = pool_get(pool, size), *less = pool_get(pool, size - size / 8 + 1);

		assert_int_equal(roost_pool_usable_size(exact), size);
		assert_int_equal(roost_pool_usable_size(less), size);
		assert_int_equal((uintptr_t)exact % size, 0);
		exact[0] = exact[size - 1] = 1; /* it is memory */
		assert_ptr_equal(roost_pool_of(exact), pool);
		assert_ptr_equal(roost_pool_of(exact + size - 1), pool);
		assert_int_equal(roost_pool_usable_size(exact + 1), 0);
		roost_pool_free(less);
		roost_pool_free(exact);
		assert_int_equal(roost_pool_usable_size(exact), 0);
	}
	assert_int_equal(roost_pool_usable_size(NULL), 0);
	errno = 0;
	assert_null(roost_pool_alloc(pool, info.largest + 1, ROOST_WAIT));
	assert_int_equal(errno, ENOMEM);
	errno = 0;
	assert_null(roost_pool_alloc(pool, SIZE_MAX, 0));
	assert_int_equal(errno, ENOMEM);
	roost_pool_free(pool_get(pool, 0));
	roost_pool_free(NULL);
	pool_close(pool);
}

/* A size that is no power of two takes what it needs, and less than a fifth of it more. */
static void blocks_of_odd_sizes(void **state)
{
	struct roost_pool_config config = pool_config(64 * MIB, NULL);
	roost_pool_t *pool = pool_open(&config);
	void *some[3];

	(void)state;
	for (size_t pages = 3; pages < 4000; pages += 1 + pages / 9) {
		char *block = pool_get(pool, pages * PAGE - 5);
		size_t size = roost_pool_usable_size(block), step = 1;

		while (pages > 8 * step)
			step *= 2;
		assert_int_equal(size, (pages + step - 1) / step * step * PAGE);
		assert_true((size - pages * PAGE) * 5 < size);
		assert_int_equal((uintptr_t)block % (size & -size), 0);
		assert_int_equal(pool_used(pool), size);
		memset(block, 1, size);
		assert_int_equal(roost_pool_usable_size(block + PAGE), 0);
		roost_pool_free(block);
		assert_int_equal(pool_used(pool), 0);
		assert_int_equal(roost_pool_alloc_bulk(pool, pages * PAGE, 0, some, 3), 3);
		assert_int_equal(pool_used(pool), 3 * size);
		for (unsigned i = 0; i < 3; i++)
			memset(some[i], 2, size);
		roost_pool_free_bulk(some, 3);
		assert_int_equal(pool_used(pool), 0);
	}
	/* All of it was written to and is free: all of it goes back to the kernel. */
	roost_pool_trim(pool);
	assert_int_equal(roost_pool_resident(pool), 0);
	pool_close(pool);
}

/* A pool gives all that it has, whatever sizes are left beside them. */
static void odd_sizes_to_the_end(void **state)
{
	struct roost_pool_config config = pool_config(16 * MIB, NULL);
	roost_pool_t *pool = pool_open(&config);
	size_t n = 0;

	(void)state;
	while (roost_pool_alloc(pool, 5 * PAGE, 0))
		n += 5;
	assert_true(n > 16 * MIB / PAGE * 9 / 10);
	while (roost_pool_alloc(pool, PAGE, ROOST_WAIT))
		n++;
	assert_int_equal(n, 16 * MIB / PAGE);
	assert_int_equal(pool_used(pool), 16 * MIB);
	roost_pool_destroy(pool);
}

/* Each pointer goes home, whichever pools there are; a place in the table is used again. */
static void several_pools(void **state)
{
	enum { POOLS = ROOST_MAX_POOLS };
	struct roost_pool_config config = pool_config(4 * MIB, NULL);
	roost_pool_t *pools[POOLS], *one_more;
	void *blocks[POOLS];

	(void)state;
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < POOLS; i++) {
			pools[i] = pool_open(&config);
			blocks[i] = pool_get(pools[i], (size_t)PAGE << i % 10);
		}
		assert_int_equal(roost_pool_create(&one_more, &config), -ENOSPC);
		for (unsigned i = 0; i < POOLS; i++) {
			assert_ptr_equal(roost_pool_of(blocks[i]), pools[i]);
			assert_int_equal(pool_used(pools[i]), (size_t)PAGE << i % 10);
		}
		roost_pool_free_bulk(blocks, POOLS);
		for (unsigned i = 0; i < POOLS; i++) {
			pool_close(pools[i]);
			assert_null(roost_pool_of(blocks[i]));
		}
	}
	assert_null(roost_pool_of(&config));
	assert_null(roost_pool_of(NULL));
}

static void bulk(void **state)
{
	enum { N = 1000 };
	struct roost_pool_config config = pool_config(64 * MIB, NULL);
	roost_pool_t *pool = pool_open(&config);
	void *blocks[N], *some[3] = {NULL, pool_get(pool, PAGE), NULL};

	(void)state;
	assert_int_equal(roost_pool_alloc_bulk(pool, 2 * PAGE, ROOST_WAIT, blocks, N), N);
	for (unsigned i = 0; i < N; i++) {
		assert_int_equal(roost_pool_usable_size(blocks[i]), 2 * PAGE);
		memset(blocks[i], 1, 2 * PAGE);
	}
	assert_int_equal(pool_used(pool), (2 * N + 1) * PAGE);
	roost_pool_free_bulk(blocks, N);
	roost_pool_free_bulk(some, 3);
	assert_int_equal(roost_pool_alloc_bulk(pool, 4 * MIB, ROOST_WAIT, blocks, N), 16);
	assert_int_equal(errno, ENOMEM);
	roost_pool_free_bulk(blocks, 16);
	assert_int_equal(roost_pool_alloc_bulk(pool, SIZE_MAX, ROOST_WAIT, blocks, N), 0);
	pool_close(pool);
}

/* errno is kept by every free, also by one that finds misuse. */
static void misuse(void **state)
{
	struct pool_misuse seen = {0};
	struct roost_pool_config config = pool_config(16 * MIB, &seen);
	roost_pool_t *pool = pool_open(&config);
	char *block = pool_get(pool, 4 * PAGE), *other = pool_get(pool, PAGE);
	void *both[2] = {block, block};

	(void)state;
	errno = 4711;
	roost_pool_free(block + 8);
	assert_int_equal(seen.times, 1);
	assert_string_equal(seen.call, "roost_pool_free");
	assert_ptr_equal(seen.block, block + 8);
	roost_pool_free(block + PAGE);
	assert_int_equal(seen.times, 2);
	assert_ptr_equal(seen.block, block + PAGE);
	assert_string_equal(seen.what, roost_misuse_name(ROOST_MISUSE_NOT_ALLOCATED));
	assert_int_equal(roost_pool_usable_size(block), 4 * PAGE);
	roost_pool_free(block);
	assert_int_equal(seen.times, 2);
	roost_pool_free(block);
	assert_int_equal(seen.times, 3);
	assert_string_equal(seen.what, roost_misuse_name(ROOST_MISUSE_DOUBLE_FREE));
	assert_int_equal(errno, 4711);
	block = pool_get(pool, PAGE);
	both[0] = both[1] = block;
	roost_pool_free_bulk(both, 2);
	assert_int_equal(seen.times, 4);
	assert_ptr_equal(seen.block, block);
	assert_null(roost_pool_alloc(pool, PAGE, 1u << 31));
	assert_int_equal(seen.times, 5);
	assert_string_equal(seen.call, "roost_pool_alloc");
	roost_pool_free(other);
	pool_close(pool);
	/* A call that makes no sense does not grow the pool. */
	config.initial = 2 * MIB;
	config.step = 2 * MIB;
	pool = pool_open(&config);
	assert_null(roost_pool_alloc(pool, PAGE, 1u << 31));
	assert_int_equal(seen.times, 6);
	assert_int_equal(roost_pool_resident(pool), 0);
	pool_close(pool);
}

/* All of it can be allocated, and no more. */
static void the_limit(void **state)
{
	struct roost_pool_config config = pool_config(10 * MIB + 1, NULL);
	roost_pool_t *pool = pool_open(&config);
	static void *blocks[4096];
	size_t n = 0;

	(void)state;
	while ((blocks[n] = roost_pool_alloc(pool, PAGE, ROOST_WAIT)))
		n++;
	assert_int_equal(errno, ENOMEM);
	assert_int_equal(n, 12 * MIB / PAGE);
	assert_int_equal(pool_used(pool), 12 * MIB);
	roost_pool_free_bulk(blocks, n);
	pool_close(pool);
}

static void the_reserve(void **state)
{
	struct roost_pool_config config = pool_config(8 * MIB, NULL);
	roost_pool_t *pool;
	static void *blocks[4096];
	size_t n = 0, plain;

	(void)state;
	config.reserve = 100 * PAGE;
	config.initial = 4 * MIB;
	pool = pool_open(&config);
	while ((blocks[n] = roost_pool_alloc(pool, PAGE, ROOST_WAIT)))
		n++;
	plain = n;
	assert_int_equal(plain, 4 * MIB / PAGE - 100);
	while ((blocks[n] = roost_pool_alloc(pool, PAGE, ROOST_WAIT | ROOST_RESERVE)))
		n++;
	assert_int_equal(n - plain, 100);
	roost_pool_free_bulk(blocks, n);
	assert_int_equal(roost_pool_resize(pool, PAGE), -EINVAL);
	pool_close(pool);
}

static void configurations(void **state)
{
	struct roost_pool_config good = pool_config(16 * MIB, NULL);
	struct roost_pool_config bad[9];
	struct {
		struct roost_pool_config config;
		uint64_t more;
	} newer = {0};
	roost_pool_t *pool = NULL;

	(void)state;
	for (unsigned i = 0; i < 9; i++)
		bad[i] = good;
	bad[0].size--;
	bad[1].limit = 0;
	bad[2].limit = SIZE_MAX;
	bad[3].initial = good.limit + 1;
	bad[4].reserve = good.limit;
	bad[5].pages = (enum roost_pool_pages)5;
	bad[6].check_level = 4;
	bad[7].decay_ms = 0;
	bad[7].decay_thread = true;
	bad[8].initial = MIB;
	bad[8].reserve = MIB;
	assert_non_null(roost_pool_config_error(NULL));
	assert_null(roost_pool_config_error(&good));
	for (unsigned i = 0; i < 9; i++) {
		assert_non_null(roost_pool_config_error(&bad[i]));
		assert_int_equal(roost_pool_create(&pool, &bad[i]), -EINVAL);
	}
	assert_int_equal(roost_pool_create(NULL, &good), -EINVAL);
	/* Of a newer header: taken if what is not known here is 0. */
	newer.config = good;
	newer.config.size = sizeof(newer);
	assert_int_equal(roost_pool_create(&pool, &newer.config), 0);
	pool_close(pool);
	newer.more = 1;
	assert_non_null(strstr(roost_pool_config_error(&newer.config), "newer"));
	assert_int_equal(roost_pool_create(&pool, &newer.config), -EINVAL);
	/* More address space than there is: nothing is left of the try. */
	good.limit = (size_t)15 << 40;
	for (unsigned i = 0; i < 2 * ROOST_MAX_POOLS; i++) {
		roost_pool_t *large[16];
		unsigned n = 0;
		int err = 0;

		while (n < 16 && !(err = roost_pool_create(&large[n], &good)))
			n++;
		assert_true(n < 16);
		assert_int_equal(err, -ENOMEM);
		while (n)
			roost_pool_destroy(large[--n]);
	}
	roost_pool_destroy(NULL);
}

static void names_and_pages(void **state)
{
	struct roost_pool_config config = pool_config(6 * MIB, NULL);
	struct roost_pool_info info;
	roost_pool_t *pool;

	(void)state;
	config.name = "a name of more than thirty-one bytes";
	config.initial = 6 * MIB; /* usable at once, all of it */
	for (unsigned pages = 0; pages <= ROOST_PAGES_NO_THP; pages++) {
		config.pages = (enum roost_pool_pages)pages;
		pool = pool_open(&config);
		roost_pool_info(pool, &info);
		assert_string_equal(info.name, "a name of more than thirty-one ");
		assert_int_equal(info.size, 6 * MIB);
		assert_int_equal(info.limit, 6 * MIB);
		assert_int_equal(info.nodes, 1);
		assert_ptr_equal(roost_pool_address(pool, ROOST_NONE), NULL);
		memset(roost_pool_address(pool, 0), 1, 6 * MIB);
		assert_int_equal(roost_pool_resident(pool), 6 * MIB);
		pool_close(pool);
	}
	assert_int_equal(roost_pool_page_size(), PAGE);
}

/* Reserved huge pages: where the system has none, creation says so. */
static void no_huge_pages(void **state)
{
	struct roost_pool_config config = pool_config((size_t)1 << 40, NULL);
	roost_pool_t *pool;

	(void)state;
	config.pages = ROOST_PAGES_2M;
	assert_int_equal(roost_pool_create(&pool, &config), -ENOMEM);
	config.pages = ROOST_PAGES_1G;
	assert_int_equal(roost_pool_create(&pool, &config), -ENOMEM);
}

static bool is_zero(const char *block)
{
	size_t size = roost_pool_usable_size(block);

	return !block[0] && !memcmp(block, block + 1, size - 1);
}

/* A block of zeroes, which becomes something else. */
static char *zeroed(roost_pool_t *pool, size_t size)
{
	char *block = roost_pool_alloc(pool, size, ROOST_ZEROED);

	assert_non_null(block);
	assert_true(is_zero(block));
	memset(block, 1, roost_pool_usable_size(block));
	return block;
}

static void blocks_of_zeroes(void **state)
{
	static const size_t sizes[] = {PAGE, 5 * PAGE, 9 * PAGE, 64 * PAGE, 80 * PAGE, 6 * MIB};
	struct roost_pool_config config = pool_config(64 * MIB, NULL);
	roost_pool_t *pool = pool_open(&config);
	void *many[3];

	(void)state;
	for (unsigned i = 0; i < 2 * sizeof(sizes) / sizeof(sizes[0]); i++) {
		char *block = zeroed(pool, sizes[i / 2]), *other = zeroed(pool, PAGE);

		roost_pool_free(block);
		block = zeroed(pool, sizes[i / 2]); /* the same one, or parts of it */
		roost_pool_free(other);
		roost_pool_free(block);
	}
	assert_int_equal(roost_pool_alloc_bulk(pool, 3 * PAGE, ROOST_ZEROED, many, 3), 3);
	for (unsigned i = 0; i < 3; i++)
		assert_true(is_zero(many[i]));
	roost_pool_free_bulk(many, 3);
	pool_close(pool);
}

/* What was never used, or went back to the kernel, is not touched. */
static void zeroes_for_nothing(void **state)
{
	struct roost_pool_config config = pool_config(64 * MIB, NULL);
	char *block, *page;
	roost_pool_t *pool;

	(void)state;
	config.pages = ROOST_PAGES_NO_THP;
	pool = pool_open(&config);
	block = roost_pool_alloc(pool, 8 * MIB, ROOST_ZEROED);
	assert_non_null(block);
	assert_int_equal(roost_pool_resident(pool), 0);
	memset(block, 1, 4 * MIB);
	roost_pool_free(block);
	assert_int_equal(roost_pool_trim(pool), 4 * MIB);
	assert_int_equal(roost_pool_trim(pool), 0);
	block = roost_pool_alloc(pool, 8 * MIB, ROOST_ZEROED);
	assert_non_null(block);
	assert_int_equal(roost_pool_resident(pool), 0);
	assert_true(is_zero(block));
	roost_pool_free(block);
	page = zeroed(pool, PAGE);
	roost_pool_free(page);
	/* A page beside others that went back. */
	block = roost_pool_alloc(pool, 2 * MIB, 0);
	memset(block, 1, 2 * MIB);
	roost_pool_free(block);
	page = roost_pool_alloc(pool, PAGE, 0);
	memset(page, 1, PAGE);
	assert_true(roost_pool_trim(pool) >= 2 * MIB - PAGE);
	roost_pool_free(page);
	assert_int_equal(roost_pool_resident(pool), PAGE);
	block = zeroed(pool, 2 * MIB);
	roost_pool_free(block);
	pool_close(pool);
}

/* Frames that somebody used directly are not known to be empty. */
static void zeroes_beside_frames(void **state)
{
	struct roost_pool_config config = pool_config(8 * MIB, NULL);
	roost_pool_t *pool = pool_open(&config);
	roost_t *frames = roost_pool_frames(pool);
	roost_pfn pfn = roost_alloc(frames, 9, ROOST_WAIT);
	char *blocks[4];

	(void)state;
	assert_int_not_equal(pfn, ROOST_NONE);
	memset(roost_pool_address(pool, pfn), 1, 2 * MIB);
	roost_free(frames, pfn, 9);
	for (unsigned i = 0; i < 4; i++)
		blocks[i] = zeroed(pool, 2 * MIB);
	for (unsigned i = 0; i < 4; i++)
		roost_pool_free(blocks[i]);
	pool_close(pool);
}

/* Nor are locked ones, which do not go back. */
static void zeroes_of_locked_pages(void **state)
{
	struct roost_pool_config config = pool_config(8 * MIB, NULL);
	roost_pool_t *pool = pool_open(&config);
	char *block = zeroed(pool, 2 * MIB);

	(void)state;
	assert_int_equal(syscall(SYS_mlock, block, 2 * MIB), 0); /* not a sanitizer's */
	roost_pool_free(block);
	assert_int_equal(roost_pool_trim(pool), 0);
	assert_ptr_equal(zeroed(pool, 2 * MIB), block);
	syscall(SYS_munlock, block, 2 * MIB);
	roost_pool_free(block);
	pool_close(pool);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_of_all_sizes),
		cmocka_unit_test(blocks_of_odd_sizes),
		cmocka_unit_test(odd_sizes_to_the_end),
		cmocka_unit_test(several_pools),
		cmocka_unit_test(bulk),
		cmocka_unit_test(misuse),
		cmocka_unit_test(the_limit),
		cmocka_unit_test(the_reserve),
		cmocka_unit_test(configurations),
		cmocka_unit_test(names_and_pages),
		cmocka_unit_test(blocks_of_zeroes),
		cmocka_unit_test(zeroes_for_nothing),
		cmocka_unit_test(zeroes_beside_frames),
		cmocka_unit_test(zeroes_of_locked_pages),
		cmocka_unit_test(no_huge_pages),
	};

	return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
