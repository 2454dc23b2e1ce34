/* SPDX-License-Identifier: MIT */
/* test_split.c - splitting allocated blocks: each piece lives and is freed on its own. */
#include "harness.h"

/* From every order to every smaller one; the pieces are freed in address order. */
static void every_pair(void **state)
{
	struct rig rig;

	rig_open_simple(&rig, state, 0, 8 * BLOCK, 2);
	for (unsigned from = 0; from <= ROOST_DEFAULT_MAX_ORDER; from++)
		for (unsigned to = 0; to <= from; to++) {
			roost_pfn pfn = rig_get(&rig, from, ROOST_WAIT);

			rig_split(&rig, pfn, to);
			rig_compare(&rig);
			rig_cpu(&rig, to);
			rig_free_all(&rig);
			rig_compare(&rig);
		}
	rig_home(&rig);
	rig_close(&rig);
}

static void the_largest(void **state)
{
	struct roost_range range = {0, 1 << ROOST_MAX_ORDER, 0, 0};
	struct roost_config config = rig_config(state);
	struct rig rig;
	roost_pfn pfn;

	config.ranges = &range;
	config.nr_ranges = 1;
	config.max_order = ROOST_MAX_ORDER;
	rig_open(&rig, &config);
	pfn = rig_get(&rig, ROOST_MAX_ORDER, 0);
	rig_split(&rig, pfn, 12);
	rig_split(&rig, pfn + (1 << 12), 0);
	rig_split(&rig, pfn + (2 << 12), 9);
	rig_compare(&rig);
	rig_free(&rig, pfn + (1 << 12) + 17);
	assert_int_equal(rig_zone_free(&rig, 0), 1);
	rig_free_all(&rig);
	assert_int_equal(rig_get(&rig, ROOST_MAX_ORDER, ROOST_WAIT), pfn);
	rig_home(&rig);
	rig_close(&rig);
}

/* Pieces of pieces, each of another size, freed on other CPUs in a scattered order. */
static void pieces_of_pieces(void **state)
{
	struct rig rig;
	roost_pfn pfn;

	rig_open_simple(&rig, state, 0, 6 * BLOCK, 3);
	pfn = rig_get(&rig, 9, 0);
	for (unsigned to = 8; to > 0; to--) {
		rig_split(&rig, pfn, to);
		assert_int_equal(shadow_order(&rig.shadow, pfn), to);
		assert_int_equal(shadow_order(&rig.shadow, pfn + (UINT64_C(1) << to)), to);
		rig_check(&rig);
	}
	for (unsigned to = 8; to > 0; to--) {
		rig_cpu(&rig, to);
		rig_free(&rig, pfn + (UINT64_C(1) << to));
		rig_compare(&rig);
	}
	rig_home(&rig);
	rig_close(&rig);
}

/* A split writes nothing but its own block. */
static void neighbours_are_untouched(void **state)
{
	struct rig rig;
	roost_pfn pfns[64];

	rig_open_simple(&rig, state, 0, 2 * BLOCK, 2);
	for (unsigned i = 0; i < 64; i++)
		pfns[i] = rig_get(&rig, 4, ROOST_WAIT);
	for (unsigned i = 0; i < 64; i += 3)
		rig_split(&rig, pfns[i], i % 5);
	rig_compare(&rig);
	for (unsigned i = 1; i < 64; i += 3)
		rig_free(&rig, pfns[i]);
	rig_compare(&rig);
	rig_home(&rig);
	rig_close(&rig);
}

static void same_order_changes_nothing(void **state)
{
	struct rig rig;
	roost_pfn pfn;

	rig_open_simple(&rig, state, 0, 4 * BLOCK, 1);
	for (unsigned k = 0; k <= ROOST_DEFAULT_MAX_ORDER; k++) {
		pfn = rig_get(&rig, k, ROOST_WAIT);
		assert_int_equal(roost_split(rig.roost, pfn, k, k), 0);
		rig_compare(&rig);
		rig_free(&rig, pfn);
	}
	rig_home(&rig);
	rig_close(&rig);
}

static void larger_is_refused(void **state)
{
	struct rig rig;
	roost_pfn pfn;

	rig_open_simple(&rig, state, 0, 4 * BLOCK, 1);
	pfn = rig_get(&rig, 3, 0);
	assert_int_equal(roost_split(rig.roost, pfn, 3, 4), -ROOST_EINVAL);
	assert_int_equal(roost_split(rig.roost, pfn, 3, 300), -ROOST_EINVAL);
	rig_compare(&rig);
	rig.nr_misuse = 0;
	rig_home(&rig);
	rig_close(&rig);
}

/* With all of memory in split blocks, everything comes home and merges again. */
static void all_memory_split(void **state)
{
	struct random random = {8};
	struct rig rig;
	roost_pfn pfn;

	rig_open_simple(&rig, state, 100, 5 * BLOCK, 4);
	for (unsigned i = 0; (pfn = rig_alloc(&rig, 6, ROOST_WAIT)) != ROOST_NONE; i++) {
		rig_split(&rig, pfn, i % 7);
		rig_cpu(&rig, i);
	}
	rig_compare(&rig);
	for (pfn = 100; pfn < 100 + 5 * BLOCK; pfn++)
		if (shadow_order(&rig.shadow, pfn) >= 0 && random_chance(&random, 50)) {
			rig_cpu(&rig, (unsigned)pfn);
			rig_free(&rig, pfn);
		}
	rig_compare(&rig);
	rig_home(&rig);
	rig_close(&rig);
}

/* Each part was handed out: to free it twice is a double free like any other. */
static void parts_are_known(void **state)
{
	struct rig rig;
	roost_pfn pfn;

	rig_open_simple(&rig, state, 0, 4 * BLOCK, 1);
	pfn = rig_get(&rig, 3, 0);
	rig_split(&rig, pfn, 1);
	for (roost_pfn part = pfn; part < pfn + 8; part += 2) {
		rig_free(&rig, part);
		roost_free(rig.roost, part, 1);
		assert_int_equal(rig.nr_misuse, 1);
		assert_int_equal(rig.misuse[0].kind, ROOST_MISUSE_DOUBLE_FREE);
		assert_int_equal(rig.misuse[0].pfn, part);
		rig.nr_misuse = 0;
	}
	rig_home(&rig);
	rig_close(&rig);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(every_pair, variants_all),
		SUITE_TEST(the_largest, variants_paths),
		SUITE_TEST(pieces_of_pieces, variants_all),
		SUITE_TEST(neighbours_are_untouched, variants_all),
		SUITE_TEST(same_order_changes_nothing, variants_all),
		SUITE_TEST(larger_is_refused, variants_checked),
		SUITE_TEST(all_memory_split, variants_all),
		SUITE_TEST(parts_are_known, variants_checked),
	};

	return SUITE_RUN("split", tests, argc, argv);
}
