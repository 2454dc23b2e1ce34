/* SPDX-License-Identifier: MIT */
/* test_watermark.c - the reserve, the low and high marks, and the pressure hook. */
#include "harness.h"

#include <pthread.h>
#include <signal.h>

/* ---- Reserve ----------------------------------------------------------------------------- */

/* All but the reserve goes to everybody, and then exactly the reserve to ROOST_RESERVE. */
static void check_reserve(void *const *state, uint64_t reserve, unsigned flags)
{
	const struct roost_zone_config zone = {.name = "Z", .reserve = reserve};
	const uint64_t frames = 4 * BLOCK + 30;
	struct roost_zone_info info;
	struct rig rig;

	rig_open_zone(&rig, state, frames, &zone, 3);
	assert_int_equal(roost_zone_info(rig.roost, 0, &info), 0);
	assert_int_equal(info.min, reserve);
	for (unsigned round = 0; round < 3; round++) {
		rig_cpu(&rig, round);
		assert_int_equal(rig_take_all(&rig, 0, flags), frames - reserve);
		assert_int_equal(rig_zone_free(&rig, 0), reserve);
		rig_check(&rig);
		assert_int_equal(rig_take_all(&rig, 0, flags | ROOST_RESERVE), reserve);
		rig_check(&rig);
		rig_free_all(&rig);
		rig_check(&rig);
	}
	rig_home(&rig);
	rig_close(&rig);
}

static void reserve_is_exact(void **state)
{
	static const uint64_t reserves[] = {
		0, 1, 2, 100, 511, 512, 513, 1000, 2 * BLOCK + 31, 4 * BLOCK + 29, 4 * BLOCK + 30};

	for (size_t i = 0; i < LENGTH(reserves); i++) {
		check_reserve(state, reserves[i], 0);
		check_reserve(state, reserves[i], ROOST_WAIT | ROOST_UNMOVABLE);
	}
}

/* Callers with ROOST_RESERVE get all of it from the start, too. */
static void reserve_callers_get_all(void **state)
{
	const struct roost_zone_config zone = {.reserve = 300};
	struct rig rig;

	rig_open_zone(&rig, state, 3 * BLOCK, &zone, 2);
	assert_int_equal(rig_take_all(&rig, 0, ROOST_RESERVE), 3 * BLOCK);
	rig_check(&rig);
	rig_free_all(&rig);
	assert_int_equal(rig_take_all(&rig, 0, 0), 3 * BLOCK - 300);
	rig_home(&rig);
	rig_close(&rig);
}

/* What RESERVE callers give back is the reserve again. */
static void reserve_comes_back(void **state)
{
	const struct roost_zone_config zone = {.reserve = 64};
	struct rig rig;
	roost_pfn pfns[64];

	rig_open_zone(&rig, state, 2 * BLOCK, &zone, 2);
	rig_take_all(&rig, 0, 0);
	for (unsigned round = 0; round < 6; round++) {
		rig_cpu(&rig, round);
		for (unsigned i = 0; i < 64; i++)
			pfns[i] = rig_get(&rig, 0, ROOST_RESERVE);
		assert_int_equal(rig_alloc(&rig, 0, ROOST_RESERVE), ROOST_NONE);
		for (unsigned i = 0; i < 64; i++)
			round & 1 ? rig_free(&rig, pfns[i]) : rig_free_nolock(&rig, pfns[i]);
		assert_int_equal(rig_alloc(&rig, 0, 0), ROOST_NONE);
		rig_compare(&rig);
	}
	rig_home(&rig);
	rig_close(&rig);
}

/* The reserve holds also when what is free lies in chunks that are larger than what may be
 * allocated. */
static void reserve_holds_against_large_chunks(void **state)
{
	const struct roost_zone_config zone = {.reserve = 100};
	struct rig rig;

	for (unsigned above = 0; above < 4; above++) {
		rig_open_zone(&rig, state, 4 * BLOCK, &zone, 1);
		assert_int_equal(rig_take_all(&rig, 0, ROOST_RESERVE), 4 * BLOCK);
		for (roost_pfn pfn = 0; pfn < 100 + above; pfn++)
			rig_free(&rig, pfn);
		roost_drain(rig.roost, -1);
		assert_int_equal(rig_take_all(&rig, 0, above & 1 ? ROOST_WAIT : 0), above);
		assert_int_equal(rig_take_all(&rig, 0, ROOST_RESERVE), 100);
		rig_home(&rig);
		rig_close(&rig);
	}
}

/* ---- Pressure ---------------------------------------------------------------------------- */

enum { LARGE = 10, LARGE_FRAMES = 1 << LARGE };

/* Blocks of the largest order are counted by the zone one by one: the marks are met exactly. */
static void fires_below_low_once(void **state)
{
	const struct roost_zone_config zone = {.low = 4 * LARGE_FRAMES, .high = 6 * LARGE_FRAMES};
	roost_pfn pfns[10];
	struct rig rig;

	rig_open_zone(&rig, state, 10 * LARGE_FRAMES, &zone, 1);
	for (unsigned round = 0; round < 3; round++) {
		rig.nr_pressure = 0;
		for (unsigned i = 0; i < 6; i++)
			pfns[i] = rig_get(&rig, LARGE, 0);
		assert_int_equal(rig.nr_pressure, 0); /* 4 left: not below low */
		pfns[6] = rig_get(&rig, LARGE, 0);
		assert_int_equal(rig.nr_pressure, 1);
		assert_int_equal(rig.pressure_zone, 0);
		assert_in_range(rig.pressure_free, 1, 4 * LARGE_FRAMES - 1);
		pfns[7] = rig_get(&rig, LARGE, 0);
		assert_int_equal(rig.nr_pressure, 1); /* once */
		for (unsigned i = 4; i < 8; i++)      /* up to 6: not above high */
			rig_free(&rig, pfns[i]);
		for (unsigned i = 4; i < 8; i++)
			pfns[i] = rig_get(&rig, LARGE, 0);
		assert_int_equal(rig.nr_pressure, 1);
		for (unsigned i = 0; i < 8; i++) /* above high: armed again */
			rig_free(&rig, pfns[i]);
	}
	rig_home(&rig);
	rig_close(&rig);
}

static void fires_before_failing(void **state)
{
	struct roost_stats stats = {0};
	struct rig rig;

	rig_open_simple(&rig, state, 0, BLOCK, 2);
	rig_take_all(&rig, 0, 0);
	for (unsigned i = 0; i < 4; i++) {
		rig.nr_pressure = 0;
		rig_cpu(&rig, i);
		assert_int_equal(rig_alloc(&rig, i, i & 1 ? ROOST_WAIT : 0), ROOST_NONE);
		assert_true(rig.nr_pressure > 0);
		assert_int_equal(rig.pressure_free, 0);
	}
	assert_int_equal(roost_stats(rig.roost, -1, -1, &stats), 0);
	assert_true(stats.pressure >= 4);
	rig_home(&rig);
	rig_close(&rig);
}

static roost_pfn hoard[64];
static unsigned hoarded;

/* The hook gives back what it has: the allocation that called it must not fail. */
static void give_back_one(struct rig *rig)
{
	if (hoarded)
		rig_free(rig, hoard[--hoarded]);
}

static void hook_can_save_the_call(void **state)
{
	struct rig rig;

	rig_open_simple(&rig, state, 0, BLOCK, 2);
	for (hoarded = 0; hoarded < LENGTH(hoard); hoarded++)
		hoard[hoarded] = rig_get(&rig, 0, 0);
	assert_int_equal(rig_take_all(&rig, 0, 0), BLOCK - LENGTH(hoard));
	rig.on_pressure = give_back_one;
	for (unsigned i = 0; i < LENGTH(hoard); i++) {
		rig_cpu(&rig, i);
		rig_get(&rig, 0, ROOST_WAIT);
		assert_int_equal(hoarded, LENGTH(hoard) - i - 1);
	}
	assert_int_equal(rig_alloc(&rig, 0, ROOST_WAIT), ROOST_NONE);
	rig_home(&rig);
	rig_close(&rig);
}

/* ---- The hook holds no lock -------------------------------------------------------------- */

static unsigned worked;

/* Works on pcps and zone alike; any lock held here would be in the way or block the signals. */
static void hook_works(struct rig *rig)
{
	sigset_t blocked;
	roost_pfn large = ROOST_NONE, small;

	pthread_sigmask(SIG_BLOCK, NULL, &blocked);
	assert_false(sigismember(&blocked, SIGUSR1));
	assert_int_equal(roost_posix_locks_held(), 0);
	if (hoarded) {
		large = hoard[--hoarded];
		rig_free(rig, large);
	}
	small = rig_alloc(rig, 0, 0);
	if (large != ROOST_NONE)
		assert_int_not_equal(small, ROOST_NONE);
	if (small != ROOST_NONE) {
		rig_free_nolock(rig, small);
		small = rig_get(rig, 3, 0);
		rig_free(rig, small);
	}
	worked++;
}

static void hook_holds_no_lock(void **state)
{
	const struct roost_zone_config zone = {.low = 4 * LARGE_FRAMES, .high = 6 * LARGE_FRAMES};
	struct rig rig;

	rig_open_zone(&rig, state, 12 * LARGE_FRAMES, &zone, 2);
	for (hoarded = 0; hoarded < 4; hoarded++)
		hoard[hoarded] = rig_get(&rig, LARGE, 0);
	worked = 0;
	rig.on_pressure = hook_works;
	rig_take_all(&rig, LARGE, 0);
	rig_take_all(&rig, 0, ROOST_WAIT);
	rig_take_all(&rig, 2, 0);
	assert_true(worked >= 4);
	rig.on_pressure = NULL;
	rig_home(&rig);
	rig_close(&rig);
}

/* An allocation that fails inside of the hook does not call it again. */
static void fail_inside(struct rig *rig)
{
	assert_int_equal(roost_alloc(rig->roost, 0, 0), ROOST_NONE);
	assert_int_equal(roost_alloc(rig->roost, LARGE, 0), ROOST_NONE);
	worked++;
}

static void hook_is_not_called_inside_itself(void **state)
{
	struct rig rig;

	rig_open_simple(&rig, state, 0, BLOCK, 2);
	rig_take_all(&rig, 0, 0);
	rig.on_pressure = fail_inside;
	worked = 0;
	for (unsigned i = 1; i <= 6; i++) {
		rig_cpu(&rig, i);
		assert_int_equal(rig_alloc(&rig, 0, i & 1 ? ROOST_WAIT : 0), ROOST_NONE);
		assert_true(worked >= i);
	}
	rig.on_pressure = NULL;
	rig_home(&rig);
	rig_close(&rig);
}

/* Marks that were not configured are chosen, in order. */
static void default_marks(void **state)
{
	const struct roost_zone_config zone = {.reserve = 40};
	struct roost_zone_info info;
	struct rig rig;

	rig_open_zone(&rig, state, 64 * BLOCK, &zone, 1);
	assert_int_equal(roost_zone_info(rig.roost, 0, &info), 0);
	assert_int_equal(info.min, 40);
	assert_in_range(info.low, info.min, 16 * BLOCK);
	assert_in_range(info.high, info.low + 1, 32 * BLOCK);
	rig_close(&rig);
}

/* However small the zone, it falls below low when all of it is used up, and rises above high when
 * all of it comes back. */
static void default_marks_of_a_small_zone(void **state)
{
	for (unsigned frames = 3; frames <= 192; frames++) {
		for (unsigned reserve = 0; reserve <= 40 && reserve + 3 <= frames; reserve += 20) {
			const struct roost_zone_config zone = {.reserve = reserve};
			struct roost_zone_info info;
			struct rig rig;

			rig_open_zone(&rig, state, frames, &zone, 1);
			assert_int_equal(roost_zone_info(rig.roost, 0, &info), 0);
			assert_in_range(info.low, reserve + 1, frames - 1);
			assert_in_range(info.high, info.low, frames - 1);
			rig_close(&rig);
		}
	}
}

static void given_marks(void **state)
{
	const struct roost_zone_config zone = {.reserve = 40, .low = 100, .high = 1000};
	struct roost_zone_info info;
	struct rig rig;

	rig_open_zone(&rig, state, 64 * BLOCK, &zone, 1);
	assert_int_equal(roost_zone_info(rig.roost, 0, &info), 0);
	assert_int_equal(info.min, 40);
	assert_int_equal(info.low, 100);
	assert_int_equal(info.high, 1000);
	rig_close(&rig);
}

/* So does what goes to the zone past all pcps; and for a large block it is looked more than once.
 */
static void hook_can_save_a_large_call(void **state)
{
	struct rig rig;

	rig_open_simple(&rig, state, 0, 4 * LARGE_FRAMES, 2);
	for (hoarded = 0; hoarded < 4; hoarded++)
		hoard[hoarded] = rig_get(&rig, LARGE, 0);
	rig.on_pressure = give_back_one;
	for (unsigned i = 0; i < 4; i++) {
		rig_cpu(&rig, i);
		rig_get(&rig, LARGE, ROOST_WAIT);
		assert_int_equal(hoarded, 3 - i);
	}
	assert_int_equal(rig_alloc(&rig, LARGE, ROOST_WAIT), ROOST_NONE);
	rig_home(&rig);
	rig_close(&rig);
}

/* No more pageblocks are set apart than hold the reserve. */
static void reserve_takes_no_block_too_many(void **state)
{
	static const uint64_t reserves[] = {0, 1, BLOCK, BLOCK + 1, 3 * BLOCK};
	static const uint64_t blocks[] = {0, 1, 1, 2, 3};

	for (size_t i = 0; i < LENGTH(reserves); i++) {
		const struct roost_zone_config zone = {.reserve = reserves[i]};
		struct roost_zone_info info;
		struct rig rig;

		rig_open_zone(&rig, state, 6 * BLOCK, &zone, 1);
		assert_int_equal(roost_zone_info(rig.roost, 0, &info), 0);
		assert_int_equal(info.pageblocks[ROOST_LIST_RESERVE], blocks[i]);
		rig_close(&rig);
	}
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(reserve_is_exact, variants_all),
		SUITE_TEST(reserve_callers_get_all, variants_all),
		SUITE_TEST(reserve_comes_back, variants_all),
		SUITE_TEST(reserve_holds_against_large_chunks, variants_all),
		SUITE_TEST(fires_below_low_once, variants_paths),
		SUITE_TEST(fires_before_failing, variants_paths),
		SUITE_TEST(hook_can_save_the_call, variants_paths),
		SUITE_TEST(hook_can_save_a_large_call, variants_paths),
		SUITE_TEST(reserve_takes_no_block_too_many, variants_one),
		SUITE_TEST(hook_holds_no_lock, variants_all),
		SUITE_TEST(hook_is_not_called_inside_itself, variants_paths),
		SUITE_TEST(default_marks, variants_one),
		SUITE_TEST(default_marks_of_a_small_zone, variants_one),
		SUITE_TEST(given_marks, variants_one),
	};

	return SUITE_RUN("watermark", tests, argc, argv);
}
