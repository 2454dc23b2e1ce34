/* SPDX-License-Identifier: MIT */
/*
 * test_pool_numa.c - nodes, by a libnuma of this test's own: the linker takes its functions before
 * the library's. tests/guest runs the pool on two nodes that QEMU makes.
 */
#include <string.h>

#include "nodes.h"
#include "pools.h"

#include <roost/posix.h>

enum { PLACED = 256 };

static int nr_nodes = 3, available = 0;
static struct {
	char *address;
	size_t bytes;
	int node;
} placed[PLACED];
static unsigned nr_placed;

int numa_available(void)
{
	return available;
}

int numa_max_node(void)
{
	return nr_nodes - 1;
}

int numa_node_of_cpu(int cpu)
{
	return cpu == 0 ? 1 : -1; /* -1: not known */
}

long mbind(void *address, unsigned long bytes, int mode, const unsigned long *nodes,
	   unsigned long most, unsigned flags)
{
	int node = __builtin_ctzl(*nodes);

	(void)mode;
	assert_true(nr_placed < PLACED);
	assert_int_equal(*nodes, 1ul << node);
	assert_true(most > (unsigned)nr_nodes);
	assert_int_equal(flags, 0);
	placed[nr_placed].address = address;
	placed[nr_placed].bytes = bytes;
	placed[nr_placed++].node = node;
	return 0;
}

static roost_pool_t *open_nodes(size_t limit, size_t initial)
{
	struct roost_pool_config config = pool_config(limit, NULL);

	config.numa = true;
	config.initial = initial;
	nr_placed = 0;
	return pool_open(&config);
}

/* Where the 2 MiB are in which a block begins, -1: nowhere. */
static int node_at(const char *address)
{
	for (unsigned i = 0; i < nr_placed; i++)
		if (address >= placed[i].address && address < placed[i].address + placed[i].bytes)
			return placed[i].node;
	return -1;
}

/* Where a block was placed, -1: not, -2: in several places. */
static int node_of(const char *block, size_t size)
{
	int node = node_at(block);

	for (size_t at = 0; at < size; at += 2 * MIB)
		if (node_at(block + at) != node)
			return -2;
	return node;
}

static void each_node_has_a_part(void **state)
{
	roost_pool_t *pool = open_nodes(2000 * MIB, 0);
	struct roost_pool_info info;

	(void)state;
	roost_pool_info(pool, &info);
	assert_int_equal(info.nodes, 3);
	assert_int_equal(info.limit, 3 * 1024 * MIB);
	for (unsigned node = 0; node < 3; node++) {
		unsigned flags = ROOST_WAIT | ROOST_THISNODE | ROOST_NODE(node);
		void *block = roost_pool_alloc(pool, 1024 * MIB, flags);

		assert_non_null(block);
		assert_int_equal(node_of(block, 1024 * MIB), node);
		assert_null(roost_pool_alloc(pool, PAGE, flags));
		roost_pool_free(block);
	}
	pool_close(pool);
}

/* A caller's own node first; when that is full, the others. */
static void own_node_first(void **state)
{
	roost_pool_t *pool = open_nodes(3 * 1024 * MIB, 0);
	void *blocks[4];

	(void)state;
	roost_posix_set_cpu(0);
	for (unsigned i = 0; i < 3; i++) {
		blocks[i] = pool_get(pool, 1024 * MIB);
		assert_int_equal(node_of(blocks[i], 1024 * MIB) == 1, i == 0);
	}
	roost_pool_free_bulk(blocks, 3);
	roost_posix_set_cpu(1); /* not known: node 0 */
	blocks[0] = pool_get(pool, PAGE);
	assert_int_equal(node_of(blocks[0], PAGE), 0);
	roost_pool_free(blocks[0]);
	roost_posix_set_cpu(-1);
	pool_close(pool);
}

/* A pool that grows does so on each node in turn. */
static void grows_on_all(void **state)
{
	roost_pool_t *pool = open_nodes(6 * 1024 * MIB, 96 * MIB);
	size_t on[3] = {0};

	(void)state;
	assert_int_equal(roost_pool_resize(pool, 3 * 1024 * MIB), 0);
	for (unsigned i = 0; i < nr_placed; i++)
		on[placed[i].node] += placed[i].bytes;
	for (unsigned node = 0; node < 3; node++)
		assert_int_equal(on[node], 1024 * MIB);
	pool_close(pool);
}

/* An allocation makes the pool grow on its own node, also before the others' first GiB is used
 * up. */
static void grows_where_it_is_wanted(void **state)
{
	struct roost_pool_config config = pool_config(3 * 1024 * MIB, NULL);
	roost_pool_t *pool;
	void *blocks[16];

	(void)state;
	config.numa = true;
	config.initial = 6 * MIB;
	config.step = 2 * MIB;
	nr_placed = 0;
	pool = pool_open(&config);
	roost_posix_set_cpu(0); /* of node 1 */
	for (unsigned i = 0; i < 16; i++) {
		unsigned node = i % 4 < 3 ? i % 4 : 1;

		blocks[i] = roost_pool_alloc(pool, 2 * MIB,
					     i % 4 < 3 ? ROOST_THISNODE | ROOST_NODE(node) : 0);
		assert_non_null(blocks[i]);
		assert_int_equal(node_of(blocks[i], 2 * MIB), node);
	}
	roost_posix_set_cpu(-1);
	roost_pool_free_bulk(blocks, 16);
	pool_close(pool);
}

/* What cannot be shared out evenly is all there. */
static void reserve_of_all(void **state)
{
	enum { RESERVE = 100, PAGES = 3 * 262144 };
	struct roost_pool_config config = pool_config(3 * 1024 * MIB, NULL);
	static void *blocks[PAGES];
	roost_pool_t *pool;

	(void)state;
	config.numa = true;
	config.reserve = RESERVE * PAGE;
	nr_placed = 0;
	pool = pool_open(&config);
	assert_int_equal(roost_pool_alloc_bulk(pool, PAGE, ROOST_WAIT, blocks, PAGES),
			 PAGES - RESERVE);
	roost_pool_free_bulk(blocks, PAGES - RESERVE);
	pool_close(pool);
}

static void without_libnuma(void **state)
{
	struct roost_pool_info info;
	roost_pool_t *pool;

	(void)state;
	available = -1;
	pool = open_nodes(16 * MIB, 0);
	roost_pool_info(pool, &info);
	assert_int_equal(info.nodes, 1);
	assert_int_equal(info.limit, 16 * MIB);
	assert_int_equal(nr_placed, 0);
	pool_close(pool);
	available = 0;
	nr_nodes = 1;
	pool = open_nodes(16 * MIB, 0);
	assert_int_equal(nr_placed, 0);
	pool_close(pool);
	nr_nodes = 3;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_node_has_a_part),
		cmocka_unit_test(own_node_first),
		cmocka_unit_test(grows_on_all),
		cmocka_unit_test(reserve_of_all),
		cmocka_unit_test(grows_where_it_is_wanted),
		cmocka_unit_test(without_libnuma),
	};

	return cmocka_run_group_tests_name("pool_numa", tests, NULL, NULL);
}
