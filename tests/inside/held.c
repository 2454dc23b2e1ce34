/* SPDX-License-Identifier: MIT */
/*
 * held.c - held blocks: nobody but their holder can free them, roost_recover() leaves them, and
 * after a thread that held some is gone the records say which.
 */
#include "core/held.h"
#include "sets/engine.h"

#include "harness.h"

enum { BLOCKS = 16, FRAMES = BLOCKS * BLOCK, CPUS = 2 };

static roost_pfn hold(struct rig *rig, unsigned order)
{
	roost_pfn pfn = rst_hold(rig->roost, order);

	assert_int_not_equal(pfn, ROOST_NONE);
	assert_null(shadow_take(&rig->shadow, pfn, order));
	return pfn;
}

static void unhold(struct rig *rig, roost_pfn pfn, unsigned order)
{
	assert_null(shadow_put(&rig->shadow, pfn));
	rst_unhold(rig->roost, pfn, order);
}

static void nobody_elses(void **state)
{
	struct rig rig;

	rig_open_simple(&rig, state, 0, FRAMES, CPUS);
	for (unsigned order = 0; order <= 10; order++) {
		roost_pfn pfn = hold(&rig, order);

		assert_int_equal(rst_held_order(rig.roost, pfn), order);
		assert_int_equal(roost_order(rig.roost, pfn), -1);
		for (unsigned as = 0; as <= order; as++) {
			roost_free(rig.roost, pfn, as);
			assert_int_equal(rig.nr_misuse, 1);
			rig.nr_misuse = 0;
		}
		rig_check(&rig);
		assert_int_equal(roost_recover(rig.roost), 0);
		rig_check(&rig);
		unhold(&rig, pfn, order);
		assert_int_equal(rst_held_order(rig.roost, pfn), -1);
		pfn = roost_alloc(rig.roost, order, 0); /* a caller's, which becomes held */
		rst_hold_block(rig.roost, pfn, order);
		assert_int_equal(rst_held_order(rig.roost, pfn), order);
		assert_int_equal(roost_order(rig.roost, pfn), -1);
		rst_unhold(rig.roost, pfn, order);
		rig_check(&rig);
	}
	rig_home(&rig);
	rig_close(&rig);
}

/* A spare of no order that there is: said, and not shifted by. */
static void corrupt_spare(void **state)
{
	static const uint64_t spares[] = {1, UINT64_C(200) << 32, UINT64_C(12) << 32};
	struct rig rig;

	rig_open_simple(&rig, state, 0, FRAMES, CPUS);
	for (unsigned i = 0; i < LENGTH(spares); i++) {
		rig.roost->zones[0].pockets[0].spare = spares[i];
		assert_int_equal(roost_validate(rig.roost, NULL), -ROOST_EUCLEAN);
	}
	rig.roost->zones[0].pockets[0].spare = 0;
	rig_home(&rig);
	rig_close(&rig);
}

/* All that is free, and of what is named only what is held is freed: others have had the rest. */
static void rest_of_a_pageblock(void **state)
{
	uint64_t frames[ROOST_PAGEBLOCK_WORDS], all[ROOST_PAGEBLOCK_WORDS];
	struct rig rig;

	rig_open_simple(&rig, state, 0, FRAMES, CPUS);
	for (unsigned i = 0; i < 3; i++)
		rig_get(&rig, 5, 0);
	roost_drain(rig.roost, -1);
	for (unsigned i = 0; i < ROOST_PAGEBLOCK_WORDS; i++)
		all[i] = ~(uint64_t)0;
	for (unsigned b = 0; b < BLOCKS; b++) {
		size_t n = rst_hold_rest(rig.roost, b * BLOCK + 3, frames);

		for (unsigned i = 0; i < BLOCK; i++)
			if (frames[i / 64] >> i % 64 & 1)
				assert_int_equal(rst_held_order(rig.roost, b * BLOCK + i), 0);
		assert_int_equal(roost_recover(rig.roost), 0);
		assert_int_equal(rst_unhold_rest(rig.roost, b * BLOCK, all), n);
		assert_int_equal(rst_unhold_rest(rig.roost, b * BLOCK, all), 0);
		rig_check(&rig);
	}
	rig_home(&rig);
	rig_close(&rig);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(nobody_elses, variants_one),
		SUITE_TEST(corrupt_spare, variants_one),
		SUITE_TEST(rest_of_a_pageblock, variants_one),
	};

	return SUITE_RUN("held", tests, argc, argv);
}
