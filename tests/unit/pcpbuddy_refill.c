/* SPDX-License-Identifier: MIT */
/* pcpbuddy_refill.c - what only the engine pcpbuddy counts: phases of a refill, owned blocks. */
#include "harness.h"

enum { FRAMES = 16 * BLOCK, CPUS = 3 };

static int owner_of(const struct rig *rig, roost_pfn pfn)
{
	struct roost_frame_info info;

	roost_frame_info(rig->roost, pfn, &info);
	return info.owner;
}

/* Phase 1: a CPU that needs frames claims a whole pageblock and owns it. */
static void claims_whole_blocks(void **state)
{
	struct counters stats;
	struct rig rig;

	rig_open_simple(&rig, state, 0, FRAMES, CPUS);
	for (unsigned cpu = 0; cpu < CPUS; cpu++) {
		rig_cpu(&rig, cpu);
		assert_int_equal(owner_of(&rig, rig_get(&rig, 0, 0)), cpu);
	}
	stats = rig_stats(&rig);
	assert_int_equal(stats.blocks_claimed, CPUS);
	assert_int_equal(stats.refill_claimed, CPUS * BLOCK);
	assert_int_equal(stats.refill_recovered + stats.refill_chunks + stats.refill_stolen, 0);
	rig_home(&rig);
	assert_int_equal(rig_stats(&rig).blocks_returned, CPUS);
	rig_close(&rig);
}

/* So it does by default, if there is a pageblock for each CPU. */
static void each_cpu_owns_a_block_of_a_small_zone(void **state)
{
	struct rig rig;

	NEED_SMP();
	for (unsigned cpus = 1; cpus <= 5; cpus++) {
		const struct roost_range range = {0, (roost_pfn)cpus * BLOCK, 0, 0};
		struct roost_config config = rig_config(state);

		rig_pcpbuddy.high = 0;
		config.ranges = &range;
		config.nr_ranges = 1;
		config.nr_cpus = cpus;
		rig_open(&rig, &config);
		for (unsigned cpu = 0; cpu < cpus; cpu++) {
			rig_cpu(&rig, cpu);
			assert_int_equal(owner_of(&rig, rig_get(&rig, 0, 0)), cpu);
		}
		/* Another CPU can still have all that is left. */
		assert_int_equal(rig_take_all(&rig, 0, 0), (size_t)cpus * (BLOCK - 1));
		rig_home(&rig);
		rig_close(&rig);
	}
}

/* A claimed block serves many allocations with one hold of the zone lock. */
static void zone_lock_is_rare(void **state)
{
	struct rig rig;

	rig_open_simple(&rig, state, 0, FRAMES, 1);
	for (unsigned i = 0; i < BLOCK; i++)
		rig_get(&rig, 0, 0);
	assert_in_range(rig_stats(&rig).zone_lock, 1, 4);
	rig_home(&rig);
	rig_close(&rig);
}

/* Phase 0: fragments of owned blocks that got into the zone are found again. */
static void recovers_fragments(void **state)
{
	struct counters stats;
	struct rig rig;

	rig_open_simple(&rig, state, 0, FRAMES, 1);
	rig_get(&rig, 0, 0);
	roost_drain(rig.roost, -1);
	stats = rig_stats(&rig);
	assert_int_equal(stats.blocks_claimed, 1);
	for (unsigned i = 1; i < BLOCK; i++)
		rig_get(&rig, 0, 0);
	stats = rig_stats(&rig);
	assert_int_equal(stats.blocks_claimed, 1);
	assert_int_equal(stats.refill_recovered, BLOCK - 1);
	assert_true(stats.blocks_recovered >= 1);
	rig_home(&rig);
	rig_close(&rig);
}

/* Phases 2 and 3: no whole block is left; chunks come from blocks of others. */
static void takes_chunks_and_steals(void **state)
{
	struct counters stats;
	struct rig rig;

	NEED_SMP();
	rig_open_simple(&rig, state, 0, 4 * BLOCK, CPUS);
	assert_int_equal(rig_take_all(&rig, 0, 0), 4 * BLOCK);
	for (roost_pfn pfn = 0; pfn < 4 * BLOCK; pfn += 2)
		rig_free(&rig, pfn);
	roost_drain(rig.roost, -1);
	rig_cpu(&rig, 1);
	rig_get(&rig, 0, ROOST_MOVABLE);
	assert_true(rig_stats(&rig).refill_chunks > 0);
	rig_cpu(&rig, 2);
	rig_get(&rig, 0, ROOST_UNMOVABLE);
	stats = rig_stats(&rig);
	assert_true(stats.refill_stolen > 0);
	rig_home(&rig);
	rig_close(&rig);
}

/* Blocks of an off-line CPU lose their owner, each counted once. */
static void offline_disowns(void **state)
{
	struct rig rig;

	NEED_SMP();
	rig_open_simple(&rig, state, 0, FRAMES, CPUS);
	rig_cpu(&rig, 1);
	for (unsigned i = 0; i < 3 * BLOCK; i++)
		rig_get(&rig, 0, 0);
	assert_int_equal(roost_cpu_offline(rig.roost, 1), 0);
	assert_int_equal(rig_stats(&rig).blocks_disowned, 3);
	assert_int_equal(roost_cpu_online(rig.roost, 1), 0);
	rig_home(&rig);
	rig_close(&rig);
}

/* A remote free goes where the free path says. */
static void remote_free_takes_its_path(void **state)
{
	const struct variant *variant = *state;
	struct counters stats;
	struct rig rig;
	roost_pfn pfn;

	NEED_SMP();
	rig_open_simple(&rig, state, 0, FRAMES, CPUS);
	pfn = rig_get(&rig, 0, 0);
	rig_cpu(&rig, 1);
	rig_free(&rig, pfn);
	stats = rig_stats(&rig);
	assert_int_equal(stats.free_remote, variant->path == ROOST_FREE_TRYLOCK);
	assert_int_equal(stats.free_llist, variant->path == ROOST_FREE_LLIST);
	rig_cpu(&rig, 0);
	pfn = rig_get(&rig, 0, 0);
	rig_free(&rig, pfn);
	assert_int_equal(rig_stats(&rig).free_local, 1);
	rig_home(&rig);
	assert_int_equal(rig_stats(&rig).absorbed, variant->path == ROOST_FREE_LLIST);
	rig_close(&rig);
}

/* The reserve is a watermark: while fewer frames than that are free in the zone, others than
 * ROOST_RESERVE callers get none, though it is not blocks of the reserve that are free. */
static void below_min_nothing_is_refilled(void **state)
{
	static const struct roost_zone_config zone = {.reserve = 100};
	struct rig rig;
	roost_pfn pfn = 0;

	rig_open_zone(&rig, state, FRAMES, &zone, 1);
	assert_int_equal(rig_take_all(&rig, 0, 0), FRAMES - 100);
	assert_int_equal(rig_take_all(&rig, 0, ROOST_RESERVE), 100);
	for (unsigned i = 0; i < 90; i++, pfn += 2)
		rig_free(&rig, pfn);
	roost_drain(rig.roost, -1);
	assert_int_equal(rig_alloc(&rig, 0, 0), ROOST_NONE);
	assert_int_equal(rig_alloc(&rig, 0, ROOST_WAIT), ROOST_NONE);
	for (unsigned i = 0; i < 20; i++, pfn += 2)
		rig_free(&rig, pfn);
	roost_drain(rig.roost, -1);
	assert_int_equal(rig_take_all(&rig, 0, 0), 10);
	assert_int_equal(rig_take_all(&rig, 0, ROOST_RESERVE), 100);
	rig_home(&rig);
	rig_close(&rig);
}

/* A local churn on the pcp merges there and leaves the zone alone. */
static void churn_leaves_the_zone_alone(void **state)
{
	struct counters before, after;
	struct rig rig;

	rig_open_simple(&rig, state, 0, FRAMES, 1);
	rig_free(&rig, rig_get(&rig, 0, 0));
	before = rig_stats(&rig);
	for (unsigned i = 0; i < 1000; i++)
		rig_free(&rig, rig_get(&rig, i % 5, 0));
	after = rig_stats(&rig);
	assert_int_equal(after.zone_lock, before.zone_lock);
	assert_int_equal(after.alloc_pcp - before.alloc_pcp, 1000);
	assert_int_equal(after.free_local - before.free_local, 1000);
	rig_home(&rig);
	rig_close(&rig);
}

/* Phase 3: a whole block of another migratetype is turned over and then claimed like any other. */
static void claims_what_it_converts(void **state)
{
	struct counters stats;
	struct rig rig;

	rig_open_simple(&rig, state, 0, FRAMES, 1);
	assert_int_equal(owner_of(&rig, rig_get(&rig, 0, ROOST_UNMOVABLE)), 0);
	stats = rig_stats(&rig);
	assert_int_equal(stats.blocks_stolen, 1);
	assert_int_equal(stats.blocks_claimed, 1);
	assert_int_equal(stats.refill_chunks + stats.refill_stolen, 0);
	rig_home(&rig);
	rig_close(&rig);
}

/* A pcp below whose high mark no pageblock fits gets chunks of it, up to a batch. */
static void takes_chunks_of_what_it_converts(void **state)
{
	enum { BATCH = 16 };
	const struct roost_range range = {0, FRAMES, 0, 0};
	struct roost_config config = rig_config(state);
	struct counters stats;
	struct rig rig;

	rig_pcpbuddy.high = BLOCK / 2;
	rig_pcpbuddy.batch = BATCH;
	config.ranges = &range;
	config.nr_ranges = 1;
	config.nr_cpus = 1;
	rig_open(&rig, &config);
	rig_get(&rig, 0, ROOST_UNMOVABLE);
	stats = rig_stats(&rig);
	assert_int_equal(stats.blocks_stolen, 1);
	assert_int_equal(stats.blocks_claimed, 0);
	assert_int_equal(stats.refill_chunks, BATCH);
	assert_int_equal(stats.zone_lock, 1);
	rig_home(&rig);
	rig_close(&rig);
}

/* Phase 0 stops at the floor and not before: what it left would be taken as a chunk. */
static void recovers_down_to_the_floor(void **state)
{
	static const struct roost_zone_config zone = {.reserve = 100};
	struct counters before, after;
	struct rig rig;

	rig_open_zone(&rig, state, FRAMES, &zone, 1);
	rig_take_all(&rig, 0, ROOST_RESERVE);
	for (roost_pfn pfn = 0; pfn < 105; pfn++)
		rig_free(&rig, 2 * pfn);
	roost_drain(rig.roost, -1);
	before = rig_stats(&rig);
	assert_int_equal(rig_take_all(&rig, 0, 0), 5);
	after = rig_stats(&rig);
	assert_int_equal(after.refill_recovered - before.refill_recovered, 5);
	assert_int_equal(after.refill_chunks, before.refill_chunks);
	rig_home(&rig);
	rig_close(&rig);
}

/* Phase 0 looks at 32 fragmented pageblocks for one with a block as large as is wanted. What is
 * behind these comes as a chunk. */
static void looks_at_so_many_fragments(void **state)
{
	enum { LOOKS = 32 };

	for (unsigned before = LOOKS - 1; before <= LOOKS; before++) {
		struct counters was, is;
		struct rig rig;

		rig_open_simple(&rig, state, 0, (before + 1) * BLOCK, 1);
		rig_take_all(&rig, 0, 0);
		for (roost_pfn b = 0; b < before; b++)
			rig_free(&rig, b * BLOCK);
		roost_drain(rig.roost, -1);
		rig_free(&rig, before * BLOCK);
		rig_free(&rig, before * BLOCK + 1);
		roost_drain(rig.roost, -1);
		was = rig_stats(&rig);
		assert_true(rig_get(&rig, 1, 0) == before * BLOCK);
		is = rig_stats(&rig);
		assert_int_equal(is.refill_recovered - was.refill_recovered,
				 before < LOOKS ? 2 : 0);
		assert_int_equal(is.refill_chunks - was.refill_chunks, before < LOOKS ? 0 : 2);
		rig_home(&rig);
		rig_close(&rig);
	}
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(claims_whole_blocks, variants_owners),
		SUITE_TEST(each_cpu_owns_a_block_of_a_small_zone, variants_paths),
		SUITE_TEST(zone_lock_is_rare, variants_owners),
		SUITE_TEST(recovers_fragments, variants_owners),
		SUITE_TEST(takes_chunks_and_steals, variants_owners),
		SUITE_TEST(claims_what_it_converts, variants_owners),
		SUITE_TEST(takes_chunks_of_what_it_converts, variants_owners),
		SUITE_TEST(recovers_down_to_the_floor, variants_owners),
		SUITE_TEST(looks_at_so_many_fragments, variants_owners),
		SUITE_TEST(offline_disowns, variants_owners),
		SUITE_TEST(remote_free_takes_its_path, variants_owners),
		SUITE_TEST(below_min_nothing_is_refilled, variants_paths),
		SUITE_TEST(churn_leaves_the_zone_alone, variants_owners),
	};

	return SUITE_RUN("pcpbuddy", tests, argc, argv);
}
