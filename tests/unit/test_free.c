/* SPDX-License-Identifier: MIT */
/* test_free.c - frees: local, to another owner, batched, without locks, to off-line CPUs. */
#include "harness.h"

#include <errno.h>

enum { FRAMES = 24 * BLOCK + 77, CPUS = 4, MANY = 400 };

static void shuffle(struct random *random, struct roost_block *blocks, size_t count)
{
	for (size_t i = count; i > 1; i--) {
		size_t k = random_below(random, i);
		struct roost_block swap = blocks[i - 1];

		blocks[i - 1] = blocks[k];
		blocks[k] = swap;
	}
}

/* Takes count blocks of mixed orders on all CPUs in turn. */
static void take_mixed(struct rig *rig, struct random *random, struct roost_block *blocks,
		       size_t count, unsigned max_order)
{
	for (size_t i = 0; i < count; i++) {
		rig_cpu(rig, (unsigned)i);
		blocks[i].order = random_chance(random, 70)
					  ? 0
					  : (unsigned)random_below(random, max_order + 1);
		blocks[i].pfn = rig_get(rig, blocks[i].order, (unsigned)i % 3);
	}
}

/* Each free is seen at once: the frame is free, the counts agree. */
static void local(void **state)
{
	struct rig rig;

	rig_open_simple(&rig, state, 0, FRAMES, CPUS);
	for (unsigned cpu = 0; cpu < CPUS; cpu++) {
		rig_cpu(&rig, cpu);
		for (unsigned k = 0; k <= ROOST_DEFAULT_MAX_ORDER; k++) {
			roost_pfn pfn = rig_get(&rig, k, 0);

			rig_free(&rig, pfn);
			rig_check(&rig);
		}
	}
	rig_compare(&rig);
	rig_home(&rig);
	rig_close(&rig);
}

/* A block freed on a CPU is what the next allocation there gets, as long as there is no drain. */
static void freed_frames_are_used_again(void **state)
{
	struct rig rig;
	roost_pfn pfns[100];

	rig_open_simple(&rig, state, 0, FRAMES, CPUS);
	for (unsigned i = 0; i < LENGTH(pfns); i++)
		pfns[i] = rig_get(&rig, 0, 0);
	for (unsigned round = 0; round < 50; round++) {
		for (unsigned i = 0; i < LENGTH(pfns); i++)
			rig_free(&rig, pfns[i]);
		for (unsigned i = 0; i < LENGTH(pfns); i++)
			pfns[i] = rig_get(&rig, 0, 0);
	}
	for (unsigned i = 0; i < LENGTH(pfns); i++)
		assert_in_range(pfns[i], 0, FRAMES);
	rig_home(&rig);
	rig_close(&rig);
}

/* Allocated on one CPU, freed on another, in every pairing. */
static void remote(void **state)
{
	struct rig rig;
	roost_pfn pfns[60];

	NEED_SMP();
	rig_open_simple(&rig, state, 0, FRAMES, CPUS);
	for (unsigned pair = 0; pair < CPUS * CPUS; pair++) {
		rig_cpu(&rig, pair / CPUS);
		for (unsigned i = 0; i < LENGTH(pfns); i++)
			pfns[i] = rig_get(&rig, i % 10 ? 0 : i / 10, 0);
		rig_cpu(&rig, pair % CPUS);
		for (unsigned i = 0; i < LENGTH(pfns); i++)
			rig_free(&rig, pfns[i]);
		rig_compare(&rig);
	}
	rig_home(&rig);
	rig_close(&rig);
}

/* Pages come home: the owner gets again what another CPU frees, and needs no new blocks. */
static void remote_frees_come_home(void **state)
{
	bool seen[FRAMES / BLOCK + 1] = {false};
	unsigned blocks = 0, at_first = 0;
	roost_pfn pfns[300];
	struct rig rig;

	NEED_SMP();
	rig_open_simple(&rig, state, 0, FRAMES, 2);
	for (unsigned round = 0; round < 60; round++) {
		rig_cpu(&rig, 0);
		for (unsigned i = 0; i < LENGTH(pfns); i++) {
			pfns[i] = rig_get(&rig, 0, 0);
			blocks += !seen[pfns[i] / BLOCK];
			seen[pfns[i] / BLOCK] = true;
		}
		at_first = round ? at_first : blocks;
		rig_cpu(&rig, 1);
		for (unsigned i = 0; i < LENGTH(pfns); i++)
			rig_free(&rig, pfns[i]);
	}
	assert_in_range(blocks, 1, at_first + 1);
	rig_compare(&rig);
	rig_home(&rig);
	rig_close(&rig);
}

/* ---- Batches ----------------------------------------------------------------------------- */

static void check_bulk(void *const *state, bool nolock, uint64_t seed)
{
	static struct roost_block blocks[MANY];
	struct random random = {seed};
	struct rig rig;

	rig_open_simple(&rig, state, 0, FRAMES, CPUS);
	for (unsigned round = 0; round < 12; round++) {
		size_t count = round ? random_below(&random, MANY) + 1 : 1;
		size_t cut;

		take_mixed(&rig, &random, blocks, count, round < 10 ? 5 : 7);
		if (round & 1)
			shuffle(&random, blocks, count);
		cut = random_below(&random, count + 1);
		rig_cpu(&rig, round);
		rig_free_bulk(&rig, blocks, cut, nolock);
		rig_check(&rig);
		rig_cpu(&rig, round + 1);
		rig_free_bulk(&rig, blocks + cut, count - cut, nolock);
		rig_compare(&rig);
	}
	rig_home(&rig);
	rig_close(&rig);
}

static void bulk(void **state)
{
	check_bulk(state, false, 1);
}

static void bulk_nolock(void **state)
{
	check_bulk(state, true, 2);
}

/* Blocks of several zones and all orders, up to the largest, in one call. */
static void bulk_of_zones_and_orders(void **state)
{
	static const struct roost_range ranges[] = {
		{0, 9 * BLOCK + 300, 0, 0},
		{9 * BLOCK + 300, 18 * BLOCK, 1, 0},
		{20 * BLOCK + 1, 30 * BLOCK, 2, 0},
	};
	static const struct roost_zone_config zones[3] = {{0}};
	struct roost_config config = rig_config(state);
	struct roost_block blocks[3 * (ROOST_DEFAULT_MAX_ORDER + 1)];
	struct random random = {3};
	size_t count = 0;
	struct rig rig;

	config.ranges = ranges;
	config.zones = zones;
	config.nr_ranges = config.nr_zones = 3;
	config.nr_cpus = CPUS;
	rig_open(&rig, &config);
	for (unsigned zone = 0; zone < 3; zone++)
		for (unsigned k = 0; k <= ROOST_DEFAULT_MAX_ORDER; k++) {
			rig_cpu(&rig, k);
			blocks[count].order = k;
			blocks[count++].pfn = rig_get(&rig, k, ROOST_ZONE(zone) | ROOST_WAIT);
		}
	shuffle(&random, blocks, count);
	rig_free_bulk(&rig, blocks, count, false);
	rig_compare(&rig);
	assert_int_equal(shadow_taken(&rig.shadow, -1), 0);
	rig_home(&rig);
	rig_close(&rig);
}

static void empty_bulk(void **state)
{
	struct rig rig;

	rig_open_simple(&rig, state, 0, BLOCK, 1);
	roost_free_bulk(rig.roost, NULL, 0);
	roost_free_bulk_nolock(rig.roost, NULL, 0);
	rig_home(&rig);
	rig_close(&rig);
}

/* ---- Without locks ----------------------------------------------------------------------- */

static void nolock(void **state)
{
	static struct roost_block blocks[MANY];
	struct random random = {4};
	struct rig rig;

	rig_open_simple(&rig, state, 5, FRAMES, CPUS);
	for (unsigned round = 0; round < 8; round++) {
		take_mixed(&rig, &random, blocks, MANY, 5);
		for (unsigned i = 0; i < MANY; i++) {
			rig_cpu(&rig, i / 3);
			rig_free_nolock(&rig, blocks[i].pfn);
		}
		rig_compare(&rig);
	}
	rig_home(&rig);
	rig_close(&rig);
}

/* What was freed without locks can all be allocated, down to the last frame. */
static void nolock_is_not_lost(void **state)
{
	struct rig rig;

	rig_open_simple(&rig, state, 0, 3 * BLOCK, CPUS);
	for (unsigned cpu = 0; cpu < CPUS; cpu++) {
		rig_cpu(&rig, cpu);
		assert_int_equal(rig_take_all(&rig, 0, 0), 3 * BLOCK);
		for (roost_pfn pfn = 0; pfn < 3 * BLOCK; pfn++) {
			rig_cpu(&rig, (unsigned)pfn / 5);
			rig_free_nolock(&rig, pfn);
		}
		rig_check(&rig);
	}
	assert_int_equal(rig_take_all(&rig, 0, 0), 3 * BLOCK);
	rig_home(&rig);
	rig_close(&rig);
}

static void nolock_of_large_blocks(void **state)
{
	struct rig rig;
	roost_pfn pfns[8];

	rig_open_simple(&rig, state, 0, 16 * BLOCK, 2);
	for (unsigned i = 0; i < 8; i++)
		pfns[i] = rig_get(&rig, ROOST_DEFAULT_MAX_ORDER, 0);
	assert_int_equal(rig_alloc(&rig, 0, 0), ROOST_NONE);
	for (unsigned i = 0; i < 8; i++) {
		rig_cpu(&rig, i);
		rig_free_nolock(&rig, pfns[i]);
		rig_compare(&rig);
	}
	assert_int_equal(rig_take_all(&rig, ROOST_DEFAULT_MAX_ORDER, 0), 8);
	rig_home(&rig);
	rig_close(&rig);
}

/* ---- errno ------------------------------------------------------------------------------- */

static void keeps_errno(void **state)
{
	struct roost_block blocks[20];
	struct random random = {5};
	struct rig rig;

	rig_open_simple(&rig, state, 0, FRAMES, CPUS);
	for (unsigned round = 0; round < 40; round++) {
		take_mixed(&rig, &random, blocks, LENGTH(blocks), 10);
		rig_cpu(&rig, round);
		errno = 4711;
		rig_free(&rig, blocks[0].pfn);
		assert_int_equal(errno, 4711);
		rig_free_nolock(&rig, blocks[1].pfn);
		assert_int_equal(errno, 4711);
		rig_free_bulk(&rig, blocks + 2, 9, false);
		assert_int_equal(errno, 4711);
		rig_free_bulk(&rig, blocks + 11, 9, true);
		assert_int_equal(errno, 4711);
	}
	rig_home(&rig);
	rig_close(&rig);
}

/* ---- Off-line CPUs ----------------------------------------------------------------------- */

static void to_an_offline_owner(void **state)
{
	static struct roost_block blocks[MANY];
	struct random random = {6};
	struct rig rig;

	NEED_SMP();
	rig_open_simple(&rig, state, 0, FRAMES, CPUS);
	take_mixed(&rig, &random, blocks, MANY, 5);
	for (unsigned cpu = 1; cpu < CPUS; cpu++)
		assert_int_equal(roost_cpu_offline(rig.roost, cpu), 0);
	rig_compare(&rig);
	for (unsigned i = 0; i < MANY / 2; i++) {
		rig_cpu(&rig, i); /* code may go on running on an off-line CPU */
		i & 1 ? rig_free(&rig, blocks[i].pfn) : rig_free_nolock(&rig, blocks[i].pfn);
	}
	rig_free_bulk(&rig, blocks + MANY / 2, MANY / 2, false);
	for (unsigned cpu = 1; cpu < CPUS; cpu++)
		assert_int_equal(rig_cpu_holds(&rig, cpu), 0);
	rig_compare(&rig);
	rig_home(&rig);
	rig_close(&rig);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(local, variants_all),
		SUITE_TEST(freed_frames_are_used_again, variants_paths),
		SUITE_TEST(remote, variants_all),
		SUITE_TEST(remote_frees_come_home, variants_owners),
		SUITE_TEST(bulk, variants_all),
		SUITE_TEST(bulk_nolock, variants_all),
		SUITE_TEST(bulk_of_zones_and_orders, variants_all),
		SUITE_TEST(empty_bulk, variants_one),
		SUITE_TEST(nolock, variants_all),
		SUITE_TEST(nolock_is_not_lost, variants_all),
		SUITE_TEST(nolock_of_large_blocks, variants_all),
		SUITE_TEST(keeps_errno, variants_all),
		SUITE_TEST(to_an_offline_owner, variants_all),
	};

	return SUITE_RUN("free", tests, argc, argv);
}
