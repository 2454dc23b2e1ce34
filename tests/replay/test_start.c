/* SPDX-License-Identifier: MIT */
/*
 * test_start.c - whatever the engine, what is in use at an aged start is exactly what the map says,
 * and pageblocks have its migratetypes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "start.h"
#include "tool/common/say.h"

enum { FRAMES = 0x8000, CPUS = 3, PAGEBLOCK = AGED_PAGEBLOCK, SEED = 7 };

static struct machine machine;
static struct aged aged;
static struct start start;

static int setup(void **state)
{
	const struct machine_config config = {.frames = FRAMES,
					      .cpus = CPUS,
					      .max_order = ROOST_DEFAULT_MAX_ORDER,
					      .check = 3,
					      .full = true};
	char error[ERROR_MAX];

	(void)state;
	assert_true(machine_open(&machine, &config, error));
	assert_true(aged_make(&aged, SEED, 40, FRAMES, error));
	if (!start_make(&start, &machine, &aged, CPUS, true, error))
		fail_msg("%s", error);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	machine_close(&machine);
	aged_release(&aged);
	return 0;
}

static uint64_t used_in_map(roost_pfn from, roost_pfn to)
{
	uint64_t used = 0;

	for (roost_pfn pfn = from; pfn < to; pfn++)
		used += machine_has(&machine, pfn) && aged.frames[pfn] != AGED_FREE;
	return used;
}

/* A request for all that is free gets each frame that is free in the map, and no other. */
static void frames_are_those_of_the_map(void **state)
{
	const unsigned flags = ROOST_RESERVE | ROOST_WAIT;
	struct machine_verdict verdict;
	static roost_pfn got[FRAMES];
	uint64_t nr = 0;

	(void)state;
	assert_int_equal(start.in_use, used_in_map(0, FRAMES));
	assert_int_equal(used_in_map(AGED_FIRST, FRAMES), (FRAMES - AGED_FIRST) * 40 / 100);
	for (roost_pfn pfn; (pfn = machine_alloc(&machine, 0, flags, 1)) != ROOST_NONE; nr++) {
		assert_in_range(nr, 0, FRAMES - 1);
		assert_int_equal(aged.frames[pfn], AGED_FREE);
		got[nr] = pfn;
	}
	assert_int_equal(nr, start.sums.free);
	assert_int_equal(machine.doubled, 0);
	while (nr--)
		machine_free(&machine, got[nr], 0, 1, false);
	start_end(&machine, &aged, true);
	machine_finish(&machine, &verdict);
	assert_true(verdict.valid);
	assert_int_equal(verdict.lost, 0);
	assert_int_equal(machine.corrupt, 0);
	assert_int_equal(machine.misuses, 0);
}

static void pageblocks_have_their_migratetypes(void **state)
{
	struct roost_pageblock_info info;
	unsigned others = 0;

	(void)state;
	for (roost_pfn pfn = AGED_FIRST; pfn < FRAMES; pfn += PAGEBLOCK) {
		const uint64_t used = used_in_map(pfn, pfn + PAGEBLOCK);
		const unsigned type = aged.types[pfn / PAGEBLOCK];

		assert_int_equal(roost_pageblock_info(machine.roost, pfn, &info), 0);
		assert_int_equal(info.usable - info.free, used);
		if (!used || info.type == ROOST_LIST_RESERVE)
			continue;
		assert_int_equal(info.type, type);
		others += type != ROOST_MOVABLE;
	}
	assert_in_range(others, 2, FRAMES / PAGEBLOCK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(frames_are_those_of_the_map, setup, teardown),
		cmocka_unit_test_setup_teardown(pageblocks_have_their_migratetypes, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
