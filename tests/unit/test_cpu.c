/* SPDX-License-Identifier: MIT */
/* test_cpu.c - CPUs off-line and on-line, drains; nothing strands on an idle or dead owner. */
#include "harness.h"

#include <limits.h>

enum { FRAMES = 12 * BLOCK + 45, CPUS = 4, EACH = 150 };

/* Each CPU has allocated EACH blocks and freed half of them itself, some were freed by others. */
static void busy_cpus(struct rig *rig, struct random *random)
{
	roost_pfn pfns[CPUS][EACH];

	for (unsigned cpu = 0; cpu < CPUS; cpu++) {
		rig_cpu(rig, cpu);
		for (unsigned i = 0; i < EACH; i++)
			pfns[cpu][i] = rig_get(rig, i % 4 ? 0 : i % 3, i % 3);
	}
	for (unsigned cpu = 0; cpu < CPUS; cpu++)
		for (unsigned i = 0; i < EACH; i += 2) {
			rig_cpu(rig, i % 8 ? cpu : (unsigned)random_below(random, CPUS));
			rig_free(rig, pfns[cpu][i]);
		}
}

static struct roost_pcp_info pcp_of(const struct rig *rig, unsigned cpu)
{
	struct roost_pcp_info info;

	assert_int_equal(roost_pcp_info(rig->roost, 0, cpu, &info), 0);
	return info;
}

static void drain_one(void **state)
{
	struct random random = {1};
	struct rig rig;

	NEED_SMP();
	rig_open_simple(&rig, state, 0, FRAMES, CPUS);
	busy_cpus(&rig, &random);
	for (unsigned cpu = 0; cpu < CPUS; cpu++) {
		uint64_t held = rig_cpu_holds(&rig, cpu);

		assert_true(held > 0);
		assert_int_equal(roost_drain(rig.roost, (int)cpu), held);
		assert_int_equal(rig_cpu_holds(&rig, cpu), 0);
		for (unsigned other = cpu + 1; other < CPUS; other++)
			assert_true(rig_cpu_holds(&rig, other) > 0);
		rig_compare(&rig);
		assert_int_equal(roost_drain(rig.roost, (int)cpu), 0);
	}
	rig_home(&rig);
	rig_close(&rig);
}

static void drain_all(void **state)
{
	struct random random = {2};
	struct roost_zone_info info;
	struct rig rig;

	rig_open_simple(&rig, state, 0, FRAMES, CPUS);
	assert_int_equal(roost_drain(rig.roost, -1), 0);
	for (unsigned round = 0; round < 5; round++) {
		uint64_t held = 0;

		busy_cpus(&rig, &random);
		for (unsigned cpu = 0; cpu < roost_nr_cpus(rig.roost); cpu++)
			held += rig_cpu_holds(&rig, cpu);
		assert_int_equal(roost_drain(rig.roost, -1), held);
		assert_int_equal(roost_zone_info(rig.roost, 0, &info), 0);
		assert_int_equal(info.free_pcp, 0);
		assert_int_equal(info.free_llist, 0);
		rig_compare(&rig);
		rig_free_all(&rig);
	}
	rig_home(&rig);
	rig_close(&rig);
}

static void no_such_cpu(void **state)
{
	static const int none[] = {CPUS, INT_MAX, -2, INT_MIN};
	static const struct roost_misuse misuse = {.kind = ROOST_MISUSE_BAD_FLAGS,
						   .call = "roost_drain",
						   .pfn = ROOST_NONE,
						   .order_given = -1,
						   .order_found = -1,
						   .head_found = ROOST_NONE};
	struct roost_pcp_info info;
	struct roost_stats stats;
	struct rig rig;

	rig_open_simple(&rig, state, 0, FRAMES, CPUS);
	assert_int_equal(roost_cpu_offline(rig.roost, CPUS), -ROOST_EINVAL);
	assert_int_equal(roost_cpu_online(rig.roost, CPUS), -ROOST_EINVAL);
	assert_int_equal(roost_cpu_offline(rig.roost, 4000000000u), -ROOST_EINVAL);
	assert_int_equal(roost_pcp_info(rig.roost, 0, CPUS, &info), -ROOST_EINVAL);
	for (unsigned i = 0; i < LENGTH(none); i++) {
		assert_int_equal(roost_drain(rig.roost, none[i]), 0);
		rig_expect(&rig, &misuse);
		assert_int_equal(roost_stats(rig.roost, -1, none[i], &stats), -ROOST_EINVAL);
		assert_int_equal(roost_stats(rig.roost, none[i], -1, &stats), -ROOST_EINVAL);
	}
	rig_home(&rig);
	rig_close(&rig);
}

/* Off-lining empties the pcp; the CPU goes on working, out of the zone. */
static void offline_empties(void **state)
{
	struct random random = {3};
	struct rig rig;

	rig_open_simple(&rig, state, 0, FRAMES, CPUS);
	busy_cpus(&rig, &random);
	for (unsigned cpu = 0; cpu < roost_nr_cpus(rig.roost); cpu++) {
		assert_true(pcp_of(&rig, cpu).online);
		assert_int_equal(roost_cpu_offline(rig.roost, cpu), 0);
		assert_false(pcp_of(&rig, cpu).online);
		assert_int_equal(rig_cpu_holds(&rig, cpu), 0);
		rig_compare(&rig);
		rig_cpu(&rig, cpu);
		for (unsigned i = 0; i < 50; i++)
			rig_free(&rig, rig_get(&rig, i % 4, i & 4 ? ROOST_WAIT : 0));
		assert_int_equal(rig_cpu_holds(&rig, cpu), 0);
		rig_compare(&rig);
	}
	for (unsigned cpu = 0; cpu < roost_nr_cpus(rig.roost); cpu++)
		assert_int_equal(roost_cpu_online(rig.roost, cpu), 0);
	rig_home(&rig);
	rig_close(&rig);
}

/* No frame keeps a dead owner. */
static void offline_disowns(void **state)
{
	struct random random = {4};
	struct roost_frame_info info;
	struct rig rig;

	NEED_SMP();
	rig_open_simple(&rig, state, 0, FRAMES, CPUS);
	busy_cpus(&rig, &random);
	assert_int_equal(roost_cpu_offline(rig.roost, 2), 0);
	for (roost_pfn pfn = 0; pfn < FRAMES; pfn++) {
		roost_frame_info(rig.roost, pfn, &info);
		assert_int_not_equal(info.owner, 2);
	}
	assert_int_equal(roost_cpu_online(rig.roost, 2), 0);
	rig_home(&rig);
	rig_close(&rig);
}

/* All memory can be allocated while every CPU is off-line, and comes home. */
static void all_offline(void **state)
{
	struct rig rig;

	rig_open_simple(&rig, state, 0, 3 * BLOCK, CPUS);
	for (unsigned cpu = 0; cpu < roost_nr_cpus(rig.roost); cpu++)
		assert_int_equal(roost_cpu_offline(rig.roost, cpu), 0);
	for (unsigned cpu = 0; cpu < CPUS; cpu++) {
		rig_cpu(&rig, cpu);
		assert_int_equal(rig_take_all(&rig, 0, cpu & 1 ? ROOST_WAIT : 0), 3 * BLOCK);
		rig_free_all(&rig);
		rig_compare(&rig);
	}
	for (unsigned cpu = 0; cpu < roost_nr_cpus(rig.roost); cpu++)
		assert_int_equal(roost_cpu_online(rig.roost, cpu), 0);
	assert_int_equal(rig_take_all(&rig, 0, 0), 3 * BLOCK);
	rig_home(&rig);
	rig_close(&rig);
}

/* Going off-line or on-line twice is no error and changes nothing more. */
static void twice(void **state)
{
	struct rig rig;

	rig_open_simple(&rig, state, 0, FRAMES, CPUS);
	rig_get(&rig, 0, 0);
	roost_cpu_offline(rig.roost, 0);
	assert_int_equal(roost_cpu_offline(rig.roost, 0), 0);
	assert_false(pcp_of(&rig, 0).online);
	rig_compare(&rig);
	assert_int_equal(roost_cpu_online(rig.roost, 0), 0);
	assert_int_equal(roost_cpu_online(rig.roost, 0), 0);
	assert_true(pcp_of(&rig, 0).online);
	rig_get(&rig, 0, 0);
	rig_home(&rig);
	rig_close(&rig);
}

/* A CPU that comes back works as before. */
static void back_again(void **state)
{
	struct random random = {5};
	struct rig rig;

	rig_open_simple(&rig, state, 0, FRAMES, CPUS);
	for (unsigned round = 0; round < 12; round++) {
		unsigned cpu = round % roost_nr_cpus(rig.roost);

		busy_cpus(&rig, &random);
		assert_int_equal(roost_cpu_offline(rig.roost, cpu), 0);
		rig_free_all(&rig);
		assert_int_equal(rig_cpu_holds(&rig, cpu), 0);
		assert_int_equal(roost_cpu_online(rig.roost, cpu), 0);
		rig_cpu(&rig, cpu);
		for (unsigned i = 0; i < 20; i++)
			rig_free(&rig, rig_get(&rig, 0, 0));
		rig_compare(&rig);
	}
	busy_cpus(&rig, &random);
	rig_free_all(&rig);
	assert_true(rig_cpu_holds(&rig, 0) > 0);
	rig_home(&rig);
	rig_close(&rig);
}

/* ---- Strands ----------------------------------------------------------------------------- */

/* The owner is idle forever; the others free to it and then need every frame. */
static void nothing_strands_on_an_idle_owner(void **state)
{
	struct rig rig;

	NEED_SMP();
	for (unsigned wait = 0; wait < 2; wait++) {
		rig_open_simple(&rig, state, 0, 3 * BLOCK, CPUS);
		rig_cpu(&rig, 3);
		assert_int_equal(rig_take_all(&rig, 0, 0), 3 * BLOCK);
		for (unsigned round = 0; round < 3; round++) {
			rig_cpu(&rig, round);
			rig_free_all(&rig);
			rig_compare(&rig);
			rig_cpu(&rig, (round + 1) % 3);
			assert_int_equal(rig_take_all(&rig, 0, wait ? ROOST_WAIT : 0), 3 * BLOCK);
		}
		rig_home(&rig);
		rig_close(&rig);
	}
}

/* The owner died with its blocks allocated; they are freed later, from everywhere. */
static void nothing_strands_on_a_dead_owner(void **state)
{
	struct rig rig;

	NEED_SMP();
	rig_open_simple(&rig, state, 0, 3 * BLOCK, CPUS);
	rig_cpu(&rig, 3);
	assert_int_equal(rig_take_all(&rig, 0, 0), 3 * BLOCK);
	rig_cpu(&rig, 0);
	for (roost_pfn pfn = 0; pfn < BLOCK; pfn++)
		rig_free(&rig, pfn);
	assert_int_equal(roost_cpu_offline(rig.roost, 3), 0);
	assert_int_equal(rig_cpu_holds(&rig, 3), 0);
	for (roost_pfn pfn = BLOCK; pfn < 3 * BLOCK; pfn++) {
		rig_cpu(&rig, (unsigned)pfn % 4);
		pfn & 4 ? rig_free(&rig, pfn) : rig_free_nolock(&rig, pfn);
	}
	assert_int_equal(rig_cpu_holds(&rig, 3), 0);
	rig_compare(&rig);
	rig_cpu(&rig, 1);
	assert_int_equal(rig_take_all(&rig, 0, 0), 3 * BLOCK);
	rig_home(&rig);
	rig_close(&rig);
}

/* Two CPUs, whose pcps may hold so much. */
static void open_bounded(struct rig *rig, void *const *state, uint32_t high)
{
	static const struct roost_range range = {0, FRAMES, 0, 0};
	struct roost_config config = rig_config(state);

	config.ranges = &range;
	config.nr_ranges = 1;
	config.nr_cpus = 2;
	rig_pcpbuddy.high = high;
	rig_pcpbuddy.batch = 32;
	rig_open(rig, &config);
}

/* A pcp does not grow forever: frees to an idle owner end up where others find them. */
static void idle_owner_stays_bounded(void **state)
{
	struct rig rig;

	NEED_SMP();
	open_bounded(&rig, state, 256);
	assert_int_equal(marks_of(rig.roost, 0, 0).high, library_is_pcpbuddy ? 256 : 0);
	assert_int_equal(marks_of(rig.roost, 0, 0).batch, library_is_pcpbuddy ? 32 : 0);
	assert_int_equal(rig_take_all(&rig, 0, 0), FRAMES);
	rig_free_all(&rig); /* by the owner itself: the high mark holds */
	assert_in_range(pcp_of(&rig, 0).count, 0, 256 + 32 + BLOCK);
	rig_compare(&rig);
	rig_home(&rig);
	rig_close(&rig);
}

/* The same when others free: an idle owner is left with no more than its high mark, and as much
 * again on the way to it. */
static void others_frees_stay_bounded(void **state)
{
	struct rig rig;

	NEED_SMP();
	open_bounded(&rig, state, 2 * BLOCK);
	assert_int_equal(rig_take_all(&rig, 0, 0), FRAMES);
	rig_cpu(&rig, 1);
	for (roost_pfn pfn = 0; pfn < FRAMES; pfn++) {
		rig_free(&rig, pfn);
		assert_in_range(rig_cpu_holds(&rig, 0), 0, 4 * BLOCK + 1);
	}
	rig_home(&rig);
	rig_close(&rig);
}

/* The pcps of the next zone begin where those of this one end. */
static void no_such_cpu_in_several_zones(void **state)
{
	struct rig rig;

	rig_open_two(&rig, state, 2 * BLOCK, 1);
	rig_free(&rig, rig_get(&rig, 0, ROOST_ZONE(1)));
	assert_true(rig_cpu_holds(&rig, 0) > 0);
	assert_int_equal(roost_drain(rig.roost, 1), 0);
	assert_int_equal(rig.nr_misuse, 1);
	rig.nr_misuse = 0;
	assert_int_equal(roost_cpu_offline(rig.roost, 1), -ROOST_EINVAL);
	assert_int_equal(roost_cpu_online(rig.roost, 1), -ROOST_EINVAL);
	assert_true(rig_cpu_holds(&rig, 0) > 0);
	rig_compare(&rig);
	rig_home(&rig);
	rig_close(&rig);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(drain_one, variants_all),
		SUITE_TEST(drain_all, variants_all),
		SUITE_TEST(no_such_cpu, variants_one),
		SUITE_TEST(offline_empties, variants_all),
		SUITE_TEST(offline_disowns, variants_paths),
		SUITE_TEST(all_offline, variants_all),
		SUITE_TEST(twice, variants_paths),
		SUITE_TEST(back_again, variants_all),
		SUITE_TEST(nothing_strands_on_an_idle_owner, variants_all),
		SUITE_TEST(nothing_strands_on_a_dead_owner, variants_all),
		SUITE_TEST(idle_owner_stays_bounded, variants_paths),
		SUITE_TEST(others_frees_stay_bounded, variants_owners),
		SUITE_TEST(no_such_cpu_in_several_zones, variants_owners),
	};

	return SUITE_RUN("cpu", tests, argc, argv);
}
