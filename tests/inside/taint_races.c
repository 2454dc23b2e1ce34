/* SPDX-License-Identifier: MIT */
/*
 * taint_races.c - a handler runs before each store in turn of calls that taint a region, make it
 * clean again, or look for the emptiest one: the region has room, so neither of the two fails. And
 * of one that sets a pageblock apart, which goes and comes back meanwhile.
 */
#include "sets/engine.h"

#include <stdlib.h>
#include <string.h>

#include "harness.h"

#include "count.h"

enum { M = ROOST_MOVABLE, U = ROOST_UNMOVABLE };

/* A rig, how it was before the call, what the call does, and the handler. */
static struct {
	struct rig rig;
	void *metadata;
	roost_pfn block; /* that the call or the handler frees */
	unsigned order, flags;
	unsigned then; /* stores from the first handler to a second one */
	bool ran, second_ran;
} race;

static void open_race(void *const *state, unsigned pageblocks)
{
	const struct roost_range range = {0, pageblocks * BLOCK, 0, 0};
	struct roost_config config = rig_config(state);

	counted = (struct counted){.pockets = false};
	config.ranges = &range;
	config.nr_ranges = 1;
	config.nr_cpus = 1;
	config.max_order = ROOST_MAX_ORDER;
	rig_open(&race.rig, &config);
	race.rig.config.ranges = NULL;
	race.rig.config.nr_ranges = 0;
	race.rig.roost->base.pressure = NULL;
	race.metadata = malloc(race.rig.metadata_size);
	assert_non_null(race.metadata);
}

static void close_race(void)
{
	free(race.metadata);
	rig_close(&race.rig);
}

static roost_pfn get(unsigned order, unsigned flags)
{
	roost_pfn pfn = roost_alloc(race.rig.roost, order, flags);

	assert_int_not_equal(pfn, ROOST_NONE);
	return pfn;
}

static void handler_allocates(void)
{
	counted.on_stop = NULL;
	race.ran = true;
	get(race.order, race.flags);
}

static void handler_frees(void)
{
	counted.on_stop = NULL;
	race.ran = true;
	roost_free(race.rig.roost, race.block, race.order);
}

static void before_each_store(void (*call)(void), void (*handler)(void))
{
	struct roost_violation v;
	unsigned at = 0;

	memcpy(race.metadata, race.rig.metadata, race.rig.metadata_size);
	do {
		memcpy(race.rig.metadata, race.metadata, race.rig.metadata_size);
		reset();
		counted.stop_after = at++;
		counted.on_stop = handler;
		race.ran = false;
		call();
		counted.on_stop = NULL;
		if (roost_validate(race.rig.roost, &v))
			fail_msg("before store %u, violated: %s", at - 1, v.invariant);
	} while (race.ran);
	memcpy(race.rig.metadata, race.metadata, race.rig.metadata_size);
	assert_in_range(at, 10, 200);
}

static void taint(void)
{
	get(3, U);
}

static void free_block(void)
{
	roost_free(race.rig.roost, race.block, 3);
}

static void drain(void)
{
	roost_drain(race.rig.roost, -1);
}

/* Whatever the handler asks for, it is in the only region. */
static void with_each_handler(void (*call)(void))
{
	static const unsigned flags[] = {M, M | ROOST_ONCE, U, U | ROOST_ONCE};
	static const unsigned orders[] = {0, 3, 9, 10};

	for (unsigned i = 0; i < LENGTH(flags); i++)
		for (unsigned k = 0; k < LENGTH(orders); k++) {
			race.flags = flags[i];
			race.order = orders[k];
			before_each_store(call, handler_allocates);
		}
}

static void a_region_is_noted_while_it_changes(void **state)
{
	open_race(state, 8);
	with_each_handler(taint);
	race.block = get(3, U);
	roost_drain(race.rig.roost, -1);
	with_each_handler(free_block);
	close_race();

	open_race(state, 8);
	roost_free(race.rig.roost, get(3, U), 3);
	with_each_handler(drain);
	close_race();
}

static void taint_at_once(void)
{
	get(3, U | ROOST_ONCE);
}

/* The hint of the region is too high, until the handler makes it right. */
static void what_comes_back_is_not_passed_by(void **state)
{
	const struct rst_hint *whole;

	open_race(state, 5);
	whole = &race.rig.roost->zones[0].whole;
	race.order = 11;
	race.block = get(race.order, M);
	rst_hint_clear(whole, (struct rst_hint_bin){RST_CLEAN, 0}, 0);
	assert_true(rst_hint_has(whole, (struct rst_hint_bin){RST_CLEAN, 2}, 0));
	before_each_store(taint_at_once, handler_frees);
	close_race();
}

static void set_apart(void)
{
	int err = roost_isolate(race.rig.roost, BLOCK, true);

	assert_true(!err || err == -ROOST_EINVAL); /* it was gone */
}

static void handler_adds(void)
{
	counted.on_stop = NULL;
	race.second_ran = true;
	assert_int_equal(roost_add_range(race.rig.roost, BLOCK, BLOCK), 0);
}

static void handler_removes(void)
{
	counted.on_stop = NULL;
	race.ran = true;
	if (roost_remove_range(race.rig.roost, BLOCK, BLOCK))
		return; /* the call has it in hand */
	counted.stores = 0;
	counted.stop_after = race.then;
	counted.on_stop = handler_adds;
}

/* All of it is noted: as one that is set apart, or as any other. */
static void what_goes_and_comes_back_is_noted(void **state)
{
	open_race(state, 2);
	race.then = 0;
	do {
		race.second_ran = false;
		before_each_store(set_apart, handler_removes);
		race.then++;
	} while (race.second_ran);
	assert_in_range(race.then, 5, 200);
	close_race();
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(a_region_is_noted_while_it_changes, variants_one),
		SUITE_TEST(what_comes_back_is_not_passed_by, variants_one),
		SUITE_TEST(what_goes_and_comes_back_is_noted, variants_one),
	};

	return SUITE_RUN("sets_taint_races", tests, argc, argv);
}
