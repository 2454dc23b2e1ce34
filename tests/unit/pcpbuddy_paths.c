/* SPDX-License-Identifier: MIT */
/*
 * pcpbuddy_paths.c - which way pcpbuddy takes and how it counts it. Where the way makes no other
 * difference than how long it is, only the counters tell a wrong one.
 */
#include "harness.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "cpus.h"
#include "ticks.h"

enum { FRAMES = 6 * BLOCK, CPUS = 3 };

/* ---- Every call counts once ------------------------------------------------------------------ */

static void fresh_counters_are_zero(void **state)
{
	static const struct counters zero;
	struct counters stats;
	struct rig rig;

	rig_open_simple(&rig, state, 0, FRAMES, CPUS);
	stats = rig_stats(&rig);
	assert_memory_equal(&stats, &zero, sizeof(zero));
	rig_close(&rig);
}

struct calls {
	uint64_t got, failed, freed;
};

static void expect_balance(const struct rig *rig, const struct calls *calls)
{
	struct counters s = rig_stats(rig);

	assert_int_equal(s.alloc_pcp + s.alloc_zone + s.alloc_other, calls->got);
	assert_int_equal(s.fail_wait + s.fail_nowait, calls->failed);
	assert_int_equal(s.free_local + s.free_remote + s.free_llist + s.free_fallback +
				 s.free_dead + s.free_direct,
			 calls->freed);
	assert_int_equal(s.free_fallback, s.trylock_fail_free);
	assert_int_equal(s.blocks_claimed * BLOCK, s.refill_claimed);
}

static void random_call(struct rig *rig, struct random *random, struct calls *calls)
{
	roost_pfn pfn = random_below(random, FRAMES);
	unsigned order = (unsigned)random_below(random, 11);

	rig_cpu(rig, (unsigned)random_below(random, CPUS));
	if (shadow_order(&rig->shadow, pfn) >= 0) {
		rig_free(rig, pfn);
		calls->freed++;
	} else if (rig_alloc(rig, order > 10 ? 0 : order / 2, order & 1 ? ROOST_WAIT : 0) !=
		   ROOST_NONE) {
		calls->got++;
	} else {
		calls->failed++;
	}
}

static void every_call_counts_once(void **state)
{
	struct random random = {3};
	struct calls calls = {0};
	struct rig rig;
	unsigned dead;

	rig_open_simple(&rig, state, 0, FRAMES, CPUS);
	for (unsigned round = 0; round < 30; round++) {
		dead = round % roost_nr_cpus(rig.roost);
		if (round % 3 == 1)
			assert_int_equal(roost_cpu_offline(rig.roost, dead), 0);
		for (unsigned i = 0; i < 200; i++)
			random_call(&rig, &random, &calls);
		expect_balance(&rig, &calls);
		if (round % 3 == 1)
			assert_int_equal(roost_cpu_online(rig.roost, dead), 0);
	}
	assert_true(rig_stats(&rig).free_dead > 0);
	rig_home(&rig);
	rig_close(&rig);
}

/* A failure while enough frames are free, but not in one piece or behind a lock, is counted
 * separately. */
static void failures_while_frames_are_free(void **state)
{
	struct rig rig;

	rig_open_simple(&rig, state, 0, BLOCK, 1);
	assert_int_equal(rig_take_all(&rig, 0, 0), BLOCK);
	assert_int_equal(rig_stats(&rig).fail_while_free, 0);
	rig_free(&rig, 0);
	rig_free(&rig, 2);
	assert_int_equal(rig_alloc(&rig, 2, 0), ROOST_NONE); /* two are not enough for four */
	assert_int_equal(rig_stats(&rig).fail_while_free, 0);
	assert_int_equal(rig_alloc(&rig, 1, 0), ROOST_NONE);
	assert_int_equal(rig_stats(&rig).fail_while_free, 1);
	rig_home(&rig);
	rig_close(&rig);
}

/* What is too large for pcps moves between the caller and the zone, once each way; so does a range
 * that is taken by its address, with what of its blocks stays free left out. */
static void zone_frames_are_counted(void **state)
{
	enum { RANGE = BLOCK / 2 + 3 };
	struct rig rig;
	roost_pfn pfn;

	rig_open_simple(&rig, state, 0, FRAMES, 1);
	pfn = rig_get(&rig, 10, 0);
	assert_int_equal(rig_stats(&rig).zone_frames, 1024);
	rig_free(&rig, pfn);
	assert_int_equal(rig_stats(&rig).zone_frames, 2048);
	assert_int_equal(rig_stats(&rig).zone_lock, 2);
	assert_int_equal(rig_take_range(&rig, 5, RANGE), 0);
	assert_int_equal(rig_stats(&rig).zone_frames, 2048 + RANGE);
	rig_free_all(&rig);
	rig_home(&rig);
	rig_close(&rig);
}

/* A call that has just moved frames looks again at once; when nothing moves any more, it gives
 * up. */
static void looks_again_before_it_sleeps(void **state)
{
	struct rig rig;

	rig_open_simple(&rig, state, 0, 2 * BLOCK, 1);
	assert_int_equal(rig_take_all(&rig, 0, 0), 2 * BLOCK);
	rig_free(&rig, 0);
	assert_int_equal(rig_cpu_holds(&rig, 0), 1);
	assert_int_equal(rig_alloc(&rig, 10, ROOST_WAIT), ROOST_NONE);
	assert_int_equal(rig_cpu_holds(&rig, 0), 0);
	assert_int_equal(rig_stats(&rig).wait_rounds, 0);
	rig_home(&rig);
	rig_close(&rig);
}

/* ---- The shortest way ------------------------------------------------------------------------ */

/* What a pcp can merge itself it does not get from the zone; not even if that is all it has. */
static void merges_before_it_refills(void **state)
{
	struct counters before, after;
	struct rig rig;
	roost_pfn pfn;

	rig_open_simple(&rig, state, 0, FRAMES, 1);
	for (unsigned order = 1; order < 4; order++) {
		pfn = rig_get(&rig, order, 0);
		rig_split(&rig, pfn, 0);
		roost_drain(rig.roost, -1);
		for (unsigned i = 0; i < 1u << order; i++)
			rig_free(&rig, pfn + i);
		assert_int_equal(rig_cpu_holds(&rig, 0), 1u << order);
		before = rig_stats(&rig);
		assert_int_equal(rig_get(&rig, order, 0), pfn);
		after = rig_stats(&rig);
		assert_int_equal(after.zone_lock, before.zone_lock);
		assert_int_equal(after.pcp_merged - before.pcp_merged, (1u << order) - 1);
	}
	rig_home(&rig);
	rig_close(&rig);
}

/* So on another CPU's pcp, when memory is out: nothing is gathered for it. */
static void merges_on_another_pcp(void **state)
{
	struct counters before, after;
	struct rig rig;

	NEED_SMP();
	rig_open_simple(&rig, state, 0, 2 * BLOCK, 2);
	assert_int_equal(rig_take_all(&rig, 0, 0), 2 * BLOCK);
	for (unsigned order = 0; order < 4; order++) {
		for (roost_pfn i = 0; i < 1u << order; i++)
			rig_free(&rig, i);
		before = rig_stats(&rig);
		rig_cpu(&rig, 1);
		assert_int_equal(rig_get(&rig, order, order & 1 ? ROOST_WAIT : 0), 0);
		after = rig_stats(&rig);
		assert_int_equal(after.alloc_other - before.alloc_other, 1);
		assert_int_equal(after.pcp_drained, before.pcp_drained);
		rig_cpu(&rig, 0);
		rig_split(&rig, 0, 0);
	}
	rig_home(&rig);
	rig_close(&rig);
}

/* Off-lining takes from each zone its own pageblocks, also where two zones meet. */
static void offline_disowns_by_zone(void **state)
{
	struct rig rig;

	rig_open_two(&rig, state, 4 * BLOCK, 1);
	for (unsigned zone = 0; zone < 2; zone++)
		for (unsigned i = 0; i < 3 * BLOCK; i++)
			rig_get(&rig, 0, ROOST_ZONE(zone));
	assert_int_equal(roost_cpu_offline(rig.roost, 0), 0);
	for (int zone = 0; zone < 2; zone++)
		assert_int_equal(rig_stats_of(&rig, zone, -1).blocks_disowned,
				 rig_stats_of(&rig, zone, -1).blocks_claimed);
	assert_int_equal(roost_cpu_online(rig.roost, 0), 0);
	rig_home(&rig);
	rig_close(&rig);
}

/* ---- Tries that fail ------------------------------------------------------------------------- */

static struct {
	struct rig rig;
	roost_pfn pfn;
	unsigned hits, wrong;
} tick;

/* On top of the holder of this CPU's pcp lock each try fails, once for each call. (What counts as
 * a holder may also be about to try, or have dropped the lock: then both succeed.) */
static void on_tick(unsigned depth)
{
	struct counters before, after;
	uint64_t failed;
	int err;

	(void)depth;
	if (!roost_posix_locks_held() || tick.hits == 50)
		return;
	err = counters_read(&before, tick.rig.roost, -1, -1);
	roost_free(tick.rig.roost, tick.pfn, 0);
	tick.pfn = roost_alloc(tick.rig.roost, 0, 0);
	err |= counters_read(&after, tick.rig.roost, -1, -1);
	failed = after.free_fallback - before.free_fallback;
	tick.wrong += err || tick.pfn == ROOST_NONE;
	tick.wrong += after.trylock_fail_free - before.trylock_fail_free != failed;
	tick.wrong += after.trylock_fail_alloc - before.trylock_fail_alloc != failed;
	tick.wrong += after.alloc_zone - before.alloc_zone != failed;
	tick.hits += failed == 1;
}

static void handlers_count_their_tries(void **state)
{
	time_t end = time(NULL) + 4;
	sigset_t signals;
	timer_t timer;

	if (!library_is_lab)
		suite_skip(__func__, "needs to know whether a lock is held; this is no lab build");
	rig_open_simple(&tick.rig, state, 0, FRAMES, 1);
	tick.hits = tick.wrong = 0;
	tick.pfn = roost_alloc(tick.rig.roost, 0, ROOST_WAIT);
	ticks_block(&signals);
	ticks_start(&timer, 0, 5000);
	pthread_sigmask(SIG_SETMASK, &signals, NULL);
	while (*(volatile unsigned *)&tick.hits < 50 && time(NULL) < end)
		roost_free(tick.rig.roost, roost_alloc(tick.rig.roost, 3, ROOST_WAIT), 3);
	ticks_stop(&timer, 1);
	pthread_sigmask(SIG_SETMASK, &signals, NULL);
	roost_free(tick.rig.roost, tick.pfn, 0);
	assert_int_equal(tick.wrong, 0);
	assert_int_equal(roost_posix_locks_held(), 0);
	if (!tick.hits)
		suite_skip(__func__, "no signal came while the lock was held");
	rig_home(&tick.rig);
	rig_close(&tick.rig);
}

/* ---- Check level 3 --------------------------------------------------------------------------- */

/* Writes into the record of a frame, as a stray pointer would: the records are the last part of
 * the metadata, 16 bytes for each frame with the state in the third word. */
static void scribble(struct rig *rig, roost_pfn pfn, uint64_t frames, uint32_t state)
{
	size_t size = roost_metadata_size(&rig->config);
	char *records = (char *)rig->metadata + size - frames * 16;

	memcpy(records + pfn * 16 + 8, &state, sizeof(state));
}

static void finds_corrupt_records(void **state)
{
	static const struct roost_range range = {0, 2 * BLOCK, 0, 0};
	struct roost_config config = rig_config(state);
	unsigned exact = config.check_level < ROOST_CHECK_PARANOID;
	struct roost_misuse corrupt = {.kind = ROOST_MISUSE_CORRUPT,
				       .call = "roost_free",
				       .order_given = 4,
				       .order_found = -1,
				       .head_found = ROOST_NONE};
	struct rig rig;
	roost_pfn pfn;

	config.ranges = &range;
	config.nr_ranges = 1;
	rig_open(&rig, &config);
	pfn = rig_get(&rig, 4, 0);
	corrupt.pfn = pfn;
	for (unsigned i = 1; i < 16 && !exact; i++) {
		scribble(&rig, pfn + i, 2 * BLOCK, 3u << 5 | 1);
		roost_free(rig.roost, pfn, 4); /* does nothing but complain */
		rig_expect(&rig, &corrupt);
		scribble(&rig, pfn + i, 2 * BLOCK, 0);
	}
	rig_free(&rig, pfn);
	scribble(&rig, pfn + 15, 2 * BLOCK, 3u << 5 | 1);
	assert_int_equal(rig_get(&rig, 4, 0), pfn);
	corrupt.call = "roost_alloc";
	if (!exact)
		rig_expect(&rig, &corrupt);
	scribble(&rig, pfn + 15, 2 * BLOCK, 0);
	rig_free(&rig, pfn);
	scribble(&rig, pfn + 15, 2 * BLOCK, 3u << 5 | 1);
	assert_int_equal(rig_take_range(&rig, pfn, 16), 0);
	corrupt.call = "roost_take_range";
	if (!exact)
		rig_expect(&rig, &corrupt);
	rig_expect_none(&rig);
	scribble(&rig, pfn + 15, 2 * BLOCK, 0);
	rig_home(&rig);
	rig_close(&rig);
}

/* ---- Lock-free lists when memory is short ---------------------------------------------------- */

/* CPU 1 has all. What CPU 0 frees of it lies on a lock-free list with the path llist. */
static void open_taken(struct rig *rig, void *const *state)
{
	rig_open_simple(rig, state, 0, 2 * BLOCK, 2);
	rig_cpu(rig, 1);
	assert_int_equal(rig_take_all(rig, 0, 0), 2 * BLOCK);
	rig_cpu(rig, 0);
}

/* For an order that no pcp has, too. */
static void counts_lock_free_lists(void **state)
{
	struct rig rig;

	NEED_SMP();
	open_taken(&rig, state);
	rig_free_all(&rig);
	assert_int_equal(rig_get(&rig, 10, 0), 0);
	rig_home(&rig);
	rig_close(&rig);
}

/* What it takes off a lock-free list and gives to the zone is nobody's arrival. */
static void sleeps_for_nobody(void **state)
{
	struct rig rig;

	NEED_SMP();
	open_taken(&rig, state);
	rig_free(&rig, BLOCK + 5);
	assert_int_equal(roost_isolate(rig.roost, BLOCK, true), 0);
	assert_int_equal(rig_alloc(&rig, 10, ROOST_WAIT), ROOST_NONE);
	assert_int_equal(rig_stats(&rig).wait_rounds, 0);
	assert_int_equal(roost_isolate(rig.roost, BLOCK, false), 0);
	rig_home(&rig);
	rig_close(&rig);
}

/* ---- What others see while a range is taken -------------------------------------------------- */

enum { CHUNK_ORDER = 14, CHUNK = 1 << CHUNK_ORDER, TAKES = 100000 };

struct watch {
	roost_t *roost;
	_Atomic bool runs, over;
};

/* Each of these allocations is from the CPU's pcp, so none fails, and looks at the watermark. */
static void *watcher(void *context)
{
	struct watch *watch = context;

	cpus_go(1);
	while (!watch->over) {
		roost_free(watch->roost, roost_alloc(watch->roost, 0, ROOST_WAIT), 0);
		watch->runs = true;
	}
	return NULL;
}

/* Cutting one frame out of a large chunk makes one frame less, never a chunk. */
static void one_frame_less_is_no_pressure(void **state)
{
	static const struct roost_range range = {0, CHUNK, 0, 0};
	static const struct roost_zone_config zone = {
		.name = "Normal",
		.low = CHUNK - 5 * BLOCK,
		.high = CHUNK - 5 * BLOCK + 1,
	};
	struct roost_config config = rig_config(state);
	unsigned taken = 0;
	struct watch watch;
	pthread_t thread;
	struct rig rig;

	NEED_SMP();
	config.ranges = &range;
	config.nr_ranges = 1;
	config.zones = &zone;
	config.nr_zones = 1;
	config.nr_cpus = 2;
	config.max_order = CHUNK_ORDER;
	rig_pcpbuddy.high = 2 * BLOCK; /* of each of the 2 CPUs */
	rig_open(&rig, &config);
	watch.roost = rig.roost;
	watch.runs = watch.over = false;
	assert_int_equal(pthread_create(&thread, NULL, watcher, &watch), 0);
	while (!watch.runs)
		sched_yield();
	for (unsigned i = 0; i < TAKES; i++)
		if (!roost_take_range(rig.roost, CHUNK / 2, 1)) {
			roost_free(rig.roost, CHUNK / 2, 0);
			taken++;
		}
	watch.over = true;
	assert_int_equal(pthread_join(thread, NULL), 0);
	print_message("%u of %u taken\n", taken, (unsigned)TAKES);
	assert_int_not_equal(taken, 0);
	assert_int_equal(rig.nr_pressure, 0);
	rig_home(&rig);
	rig_close(&rig);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(fresh_counters_are_zero, variants_owners),
		SUITE_TEST(every_call_counts_once, variants_paths),
		SUITE_TEST(failures_while_frames_are_free, variants_paths),
		SUITE_TEST(zone_frames_are_counted, variants_owners),
		SUITE_TEST(looks_again_before_it_sleeps, variants_owners),
		SUITE_TEST(merges_before_it_refills, variants_owners),
		SUITE_TEST(merges_on_another_pcp, variants_owners),
		SUITE_TEST(offline_disowns_by_zone, variants_owners),
		SUITE_TEST(handlers_count_their_tries, variants_owners),
		SUITE_TEST(counts_lock_free_lists, variants_owners),
		SUITE_TEST(sleeps_for_nobody, variants_owners),
		SUITE_TEST(finds_corrupt_records, variants_all),
		SUITE_TEST(one_frame_less_is_no_pressure, variants_one),
	};

	ticks_open(on_tick);
	return SUITE_RUN("pcpbuddy_paths", tests, argc, argv);
}
