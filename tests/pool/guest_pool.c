/* SPDX-License-Identifier: MIT */
/*
 * guest_pool.c - what this machine may not have: two NUMA nodes, reserved huge pages of 2 MiB and
 * 1 GiB, a container with a limit of them. tests/pool/guest.sh boots a virtual machine that has
 * these, and runs this there.
 */
#include <errno.h>
#include <numa.h>
#include <numaif.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pools.h"

/* A line of a file of numbers, e.g. of sysfs; -1: there is none. */
static long read_number(const char *path)
{
	FILE *file = fopen(path, "r");
	long number = -1;

	if (file) {
		if (fscanf(file, "%ld", &number) != 1)
			number = -1;
		fclose(file);
	}
	return number;
}

static long free_huge(const char *size)
{
	char path[96];

	snprintf(path, sizeof(path), "/sys/kernel/mm/hugepages/hugepages-%skB/free_hugepages",
		 size);
	return read_number(path);
}

/* The node on which the page at an address lies, by the kernel's word. */
static int node_of(void *address)
{
	int node = -1;

	*(volatile char *)address = 1;
	if (get_mempolicy(&node, NULL, 0, address, MPOL_F_NODE | MPOL_F_ADDR))
		return -1;
	return node;
}

static void memory_lies_on_its_node(void **state)
{
	struct roost_pool_config config = pool_config(2048 * MIB, NULL);
	struct roost_pool_info info;
	roost_pool_t *pool;

	(void)state;
	config.numa = true;
	pool = pool_open(&config);
	roost_pool_info(pool, &info);
	assert_int_equal(info.nodes, 2);
	for (unsigned node = 0; node < 2; node++) {
		for (size_t size = PAGE; size <= 64 * MIB; size *= 4) {
			unsigned flags = ROOST_WAIT | ROOST_THISNODE | ROOST_NODE(node);
			char *block = roost_pool_alloc(pool, size, flags);

			assert_non_null(block);
			assert_int_equal(node_of(block), node);
			assert_int_equal(node_of(block + size - PAGE), node);
			roost_pool_free(block);
		}
	}
	roost_pool_trim(pool);
	pool_close(pool);
}

/* Callers get memory of the node that they run on. */
static void callers_get_their_own(void **state)
{
	struct roost_pool_config config = pool_config(2048 * MIB, NULL);
	roost_pool_t *pool;

	(void)state;
	config.numa = true;
	pool = pool_open(&config);
	for (int node = 0; node < 2; node++) {
		void *block;

		assert_int_equal(numa_run_on_node(node), 0);
		block = pool_get(pool, PAGE);
		assert_int_equal(node_of(block), node);
		roost_pool_free(block);
	}
	numa_run_on_node(-1);
	pool_close(pool);
}

/* All reserved huge pages, one after the other; then growing says that none is left. */
static void huge_pages(void **state)
{
	struct roost_pool_config config = pool_config(1024 * MIB, NULL);
	long pages = free_huge("2048");
	static char *blocks[512];
	roost_pool_t *pool;
	long n = 0;

	(void)state;
	assert_true(pages >= 8);
	config.pages = ROOST_PAGES_2M;
	config.initial = 4 * MIB;
	config.step = 2 * MIB;
	config.decay_ms = 1; /* but these stay until the pool shrinks */
	config.decay_thread = true;
	pool = pool_open(&config);
	while ((blocks[n] = roost_pool_alloc(pool, 2 * MIB, ROOST_WAIT))) {
		memset(blocks[n], (int)n, 2 * MIB);
		n++;
	}
	assert_int_equal(n, pages);
	assert_int_equal(free_huge("2048"), 0);
	assert_int_equal(roost_pool_resize(pool, (size_t)(pages + 1) * 2 * MIB), -ENOMEM);
	for (long i = 0; i < n; i++) {
		assert_int_equal(blocks[i][2 * MIB - 1], (char)i);
		roost_pool_free(blocks[i]);
	}
	assert_int_equal(roost_pool_trim(pool), 0);
	assert_int_equal(free_huge("2048"), 0);
	assert_int_equal(roost_pool_resize(pool, 4 * MIB), 0);
	assert_int_equal(free_huge("2048"), pages - 2);
	pool_close(pool);
	assert_int_equal(free_huge("2048"), pages);
	/* More than there are from the start. */
	config.initial = (size_t)(pages + 1) * 2 * MIB;
	assert_int_equal(roost_pool_create(&pool, &config), -ENOMEM);
	assert_int_equal(free_huge("2048"), pages);
}

/* ---- A container with a limit -------------------------------------------------------------- */

#define CGROUP "/tmp/cgroup"

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	if (!file || fputs(text, file) < 0 || fclose(file) != 0)
		fail_msg("%s: %s: %s", path, text, strerror(errno));
}

/* In the container: no write is killed, growth fails. Exits with what is wrong. */
static void grow_within(long pages)
{
	struct roost_pool_config config = pool_config(64 * MIB, NULL);
	roost_pool_t *pool;
	char *block;
	long n = 0;

	config.pages = ROOST_PAGES_2M;
	config.initial = 2 * MIB;
	config.step = 2 * MIB;
	if (roost_pool_create(&pool, &config) != 0)
		_exit(1);
	for (; (block = roost_pool_alloc(pool, 2 * MIB, ROOST_WAIT)); n++)
		memset(block, 1, 2 * MIB);
	if (n != pages || roost_pool_resize(pool, 64 * MIB) != -ENOMEM)
		_exit(2);
	roost_pool_destroy(pool);
	config.initial = (size_t)(pages + 1) * 2 * MIB;
	if (roost_pool_create(&pool, &config) != -ENOMEM)
		_exit(3);
	config.initial = (size_t)pages * 2 * MIB;
	_exit(roost_pool_create(&pool, &config) ? 4 : 0);
}

/* Its limit is one of use, not of reservations, as container runtimes set it. */
static void huge_pages_of_a_container(void **state)
{
	enum { PAGES = 4 };
	long free = free_huge("2048");
	int status;
	pid_t child;

	(void)state;
	mkdir(CGROUP, 0755);
	assert_int_equal(mount("none", CGROUP, "cgroup2", 0, NULL), 0);
	write_file(CGROUP "/cgroup.subtree_control", "+hugetlb");
	assert_int_equal(mkdir(CGROUP "/four", 0755), 0);
	write_file(CGROUP "/four/hugetlb.2MB.max", "8388608");
	assert_true(free > PAGES);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		write_file(CGROUP "/four/cgroup.procs", "0");
		grow_within(PAGES);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(free_huge("2048"), free);
	rmdir(CGROUP "/four");
	umount(CGROUP);
}

static void gigantic_pages(void **state)
{
	struct roost_pool_config config = pool_config(2048 * MIB, NULL);
	long pages = free_huge("1048576");
	roost_pool_t *pool;
	char *block;

	(void)state;
	assert_true(pages == 1);
	config.pages = ROOST_PAGES_1G;
	config.initial = 1024 * MIB;
	pool = pool_open(&config);
	block = pool_get(pool, 1024 * MIB);
	block[0] = block[1024 * MIB - 1] = 1;
	assert_int_equal(free_huge("1048576"), 0);
	assert_int_equal(roost_pool_resize(pool, 2048 * MIB), -ENOMEM);
	roost_pool_free(block);
	pool_close(pool);
	assert_int_equal(free_huge("1048576"), 1);
}

/* Asked for, and there: a block of 2 MiB faults once. */
static void transparent_huge_pages(void **state)
{
	struct roost_pool_config config = pool_config(64 * MIB, NULL);
	roost_pool_t *pool;
	char *block;

	(void)state;
	config.pages = ROOST_PAGES_THP;
	pool = pool_open(&config);
	block = pool_get(pool, 2 * MIB);
	block[0] = 1;
	assert_int_equal(roost_pool_resident(pool), 2 * MIB);
	roost_pool_free(block);
	assert_int_equal(roost_pool_trim(pool), 2 * MIB);
	/* A part of it goes back too. */
	block = pool_get(pool, PAGE);
	block[0] = 1;
	assert_int_equal(roost_pool_resident(pool), 2 * MIB);
	roost_pool_free(pool_get(pool, PAGE));
	assert_int_equal(roost_pool_trim(pool), 2 * MIB - PAGE);
	assert_int_equal(roost_pool_resident(pool), PAGE);
	roost_pool_free(block);
	pool_close(pool);

	config.pages = ROOST_PAGES_NO_THP;
	pool = pool_open(&config);
	block = pool_get(pool, 2 * MIB);
	block[0] = 1;
	assert_int_equal(roost_pool_resident(pool), PAGE);
	roost_pool_free(block);
	pool_close(pool);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_lies_on_its_node),
		cmocka_unit_test(callers_get_their_own),
		cmocka_unit_test(huge_pages),
		cmocka_unit_test(huge_pages_of_a_container),
		cmocka_unit_test(gigantic_pages),
		cmocka_unit_test(transparent_huge_pages),
	};

	return cmocka_run_group_tests_name("guest_pool", tests, NULL, NULL);
}
