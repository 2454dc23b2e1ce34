/* SPDX-License-Identifier: MIT */
/*
 * sets_pockets.c - what CPUs keep about them: how much, and that it is found by everybody. On real
 * CPUs alone (cpus.h); without, or where the port has no sequences, it is skipped.
 */
#include "harness.h"

#include <sys/wait.h>
#include <unistd.h>

enum { CAP = 3 * 32 + 512 }; /* RST_POCKET_FRAMES: docs/design.md */

static uint64_t pocketed(const struct rig *rig, unsigned cpu)
{
	struct roost_pcp_info info;

	assert_int_equal(roost_pcp_info(rig->roost, 0, cpu, &info), 0);
	return info.count;
}

/* A pool all of whose frames are taken, so that a pcp has what is in its pocket alone. */
static roost_pfn open_full(struct rig *rig, void **state, unsigned blocks)
{
	roost_pfn pfn;

	rig_open_simple(rig, state, 0, blocks * BLOCK, 2);
	pfn = rig_get(rig, 0, 0);
	while (rig_alloc(rig, 0, 0) != ROOST_NONE)
		;
	return pfn;
}

/* Or there is nothing to test. A frame that is freed is not in its pageblock's set. */
static bool are_there(void **state)
{
	struct roost_frame_info info;
	struct rig rig;
	roost_pfn pfn;
	bool there;

	rig_open_simple(&rig, state, 0, BLOCK, 2);
	pfn = rig_get(&rig, 9, 0);
	rig_free(&rig, pfn);
	roost_frame_info(rig.roost, pfn, &info);
	there = info.state == ROOST_FRAME_FREE_PCP; /* the spare */
	rig_home(&rig);
	rig_close(&rig);
	return there;
}

#define NEED_POCKETS()                                                                             \
	do {                                                                                       \
		if (!are_there(state))                                                             \
			skip();                                                                    \
	} while (0)

/* Whatever is freed on a CPU, of the pool no more is withheld from an order-9 allocation. */
static void no_more_than_the_cap(void **state)
{
	static const unsigned types[] = {ROOST_MOVABLE, ROOST_UNMOVABLE, ROOST_RECLAIMABLE};
	struct roost_zone_info info;
	roost_pfn pfns[3 * 64];
	struct rig rig;
	unsigned n = 0;

	NEED_POCKETS();
	rig_open_simple(&rig, state, 0, 8 * BLOCK, 2);
	for (unsigned t = 0; t < 3; t++)
		for (unsigned i = 0; i < 64; i++)
			pfns[n++] = rig_get(&rig, 0, types[t]);
	while (n)
		rig_free(&rig, pfns[--n]);
	for (unsigned order = 6; order <= 9; order++)
		rig_free(&rig, rig_get(&rig, order, 0));
	assert_int_equal(roost_zone_info(rig.roost, 0, &info), 0);
	/* The pageblocks that the CPU allocates from have the rest. */
	assert_in_range(info.free_pcp, 512 + 1, CAP + 3 * BLOCK);
	roost_drain(rig.roost, 0);
	assert_int_equal(pocketed(&rig, 0), 0);
	rig_home(&rig);
	rig_close(&rig);
}

/* The last frames are in one CPU's pocket, and another finds each of them. */
static void others_find_the_last(void **state)
{
	struct rig rig;
	roost_pfn pfn;

	NEED_POCKETS();
	pfn = open_full(&rig, state, 1);
	rig_free(&rig, pfn);
	rig_cpu(&rig, 1);
	assert_int_equal(rig_alloc(&rig, 0, 0), pfn);
	assert_int_equal(rig_alloc(&rig, 0, ROOST_WAIT), ROOST_NONE);
	rig_home(&rig);
	rig_close(&rig);
}

/* The spare of another CPU is found as well, by a call for a single frame too. */
static void others_find_the_spare(void **state)
{
	struct rig rig;
	roost_pfn pfn;

	NEED_POCKETS();
	rig_open_simple(&rig, state, 0, BLOCK, 2);
	for (unsigned order = 6; order <= 9; order += 3) {
		rig_cpu(&rig, 0);
		pfn = rig_get(&rig, order, 0);
		while (rig_alloc(&rig, 0, 0) != ROOST_NONE)
			;
		rig_free(&rig, pfn);
		rig_cpu(&rig, 1);
		assert_int_equal(rig_get(&rig, order == 6 ? 0 : order, 0), pfn);
		rig_home(&rig);
	}
	rig_close(&rig);
}

/* What is freed on an off-line CPU goes to the zone, until it is on-line again. */
static void off_line_ones_stay_closed(void **state)
{
	struct roost_zone_info info;
	struct rig rig;
	roost_pfn pfn;

	NEED_POCKETS();
	rig_open_simple(&rig, state, 0, 2 * BLOCK, 2);
	pfn = rig_get(&rig, 9, 0);
	rig_free(&rig, rig_get(&rig, 0, 0));
	assert_int_equal(roost_cpu_offline(rig.roost, 0), 0);
	rig_free(&rig, pfn);
	rig_free(&rig, rig_get(&rig, 9, 0));
	assert_int_equal(pocketed(&rig, 0), 0);
	assert_int_equal(roost_drain(rig.roost, 0), 0);
	assert_int_equal(roost_cpu_online(rig.roost, 0), 0);
	rig_free(&rig, rig_get(&rig, 9, 0));
	assert_int_equal(pocketed(&rig, 0), BLOCK);
	assert_int_equal(roost_zone_info(rig.roost, 0, &info), 0);
	assert_int_equal(info.free_pcp, BLOCK);
	rig_home(&rig);
	rig_close(&rig);
}

/* Frames of zones that the CPU does not allocate from first are not kept back. */
static void other_zones_have_none(void **state)
{
	struct roost_range ranges[] = {{0, 4 * BLOCK, 0, 0}, {4 * BLOCK, 8 * BLOCK, 1, 0}};
	struct roost_zone_config zones[] = {{.name = "A"}, {.name = "B"}};
	struct roost_config config = rig_config(state);
	struct roost_zone_info info;
	struct rig rig;

	NEED_POCKETS();
	config.ranges = ranges;
	config.nr_ranges = 2;
	config.zones = zones;
	config.nr_zones = 2;
	config.nr_cpus = 2;
	rig_open(&rig, &config);
	for (unsigned zone = 0; zone < 2; zone++) {
		rig_free(&rig, rig_get(&rig, 9, ROOST_ZONE(zone)));
		assert_int_equal(roost_zone_info(rig.roost, zone, &info), 0);
		assert_int_equal(info.free_pcp, zone == 1 ? BLOCK : 0); /* the last comes first */
	}
	rig_home(&rig);
	rig_close(&rig);
}

/* A double free of what is in a pocket is one. */
static void double_frees_are_found(void **state)
{
	struct roost_misuse misuse = {.kind = ROOST_MISUSE_DOUBLE_FREE,
				      .call = "roost_free",
				      .order_given = 0,
				      .order_found = 0};
	const struct variant *variant = *state;
	struct rig rig;

	if (variant->check < ROOST_CHECK_STATE)
		return;
	NEED_POCKETS();
	misuse.pfn = misuse.head_found = open_full(&rig, state, 1);
	rig_free(&rig, misuse.pfn);
	roost_free(rig.roost, misuse.pfn, 0);
	rig_expect(&rig, &misuse);
	rig_expect_none(&rig);
	rig_home(&rig);
	rig_close(&rig);
}

/* Both go on with what each of them has; the child's search empties pockets too. */
static void a_fork_has_pockets(void **state)
{
	struct rig rig;
	roost_pfn pfn;
	pid_t child;
	int status;

	NEED_POCKETS();
	pfn = open_full(&rig, state, 1);
	rig_free(&rig, pfn);
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		rig_cpu(&rig, 1);
		_exit(!(roost_alloc(rig.roost, 0, 0) == pfn && !roost_validate(rig.roost, NULL)));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	rig_cpu(&rig, 1);
	assert_int_equal(rig_alloc(&rig, 0, 0), pfn);
	rig_home(&rig);
	rig_close(&rig);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(no_more_than_the_cap, variants_one),
		SUITE_TEST(others_find_the_last, variants_one),
		SUITE_TEST(others_find_the_spare, variants_one),
		SUITE_TEST(off_line_ones_stay_closed, variants_one),
		SUITE_TEST(other_zones_have_none, variants_one),
		SUITE_TEST(double_frees_are_found, variants_all),
		SUITE_TEST(a_fork_has_pockets, variants_one),
	};

	return SUITE_RUN("sets_pockets", tests, argc, argv);
}
