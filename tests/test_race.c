/* SPDX-License-Identifier: MIT */
/*
 * test_race.c - one block freed on two CPUs at the same instant: from check level 2 on exactly
 * one of the two is told, and nothing is harmed.
 */
#include "harness.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

enum { ROUNDS = 2000, RACERS = 2 };

/* Hooks run on both threads, where no cmocka check may fail: they only count. */
struct race {
	roost_t *roost;
	_Atomic unsigned told, told_otherwise;
	_Atomic unsigned round, done;
	roost_pfn pfn;
	unsigned order;
};

static void count_misuse(void *context, const struct roost_misuse *misuse)
{
	struct race *race = context;

	if (misuse->kind == ROOST_MISUSE_DOUBLE_FREE)
		race->told++;
	else
		race->told_otherwise++;
}

static void wait_until(_Atomic unsigned *counter, unsigned value)
{
	for (unsigned spins = 0; atomic_load(counter) != value; spins++)
		if (spins > 10000)
			sched_yield();
}

static void free_in_a_way(struct race *race, unsigned way)
{
	const struct roost_block block = {race->pfn, race->order};

	switch (way % 4) {
	case 0:
		roost_free(race->roost, race->pfn, race->order);
		break;
	case 1:
		roost_free_nolock(race->roost, race->pfn, race->order);
		break;
	case 2:
		roost_free_bulk(race->roost, &block, 1);
		break;
	default:
		roost_free_bulk_nolock(race->roost, &block, 1);
	}
}

static void *racer(void *context)
{
	struct race *race = context;

	roost_posix_set_cpu(1);
	for (unsigned round = 1; round <= ROUNDS; round++) {
		for (unsigned spins = 0; atomic_load(&race->round) != round; spins++)
			if (spins > 10000)
				sched_yield(); /* the other one has no processor */
		free_in_a_way(race, round / 4);
		atomic_fetch_add(&race->done, 1);
	}
	return NULL;
}

static void one_round(struct race *race, unsigned round)
{
	race->order = round % 5 ? 0 : round % (ROOST_DEFAULT_MAX_ORDER + 1);
	race->pfn = roost_alloc(race->roost, race->order, ROOST_WAIT);
	assert_int_not_equal(race->pfn, ROOST_NONE);
	atomic_store(&race->done, 0);
	atomic_store(&race->told, 0);
	atomic_store(&race->round, round);
	free_in_a_way(race, round);
	wait_until(&race->done, RACERS - 1);
	assert_int_equal(race->told, RACERS - 1);
	assert_int_equal(race->told_otherwise, 0);
	if (round % 64 == 0)
		assert_int_equal(roost_validate(race->roost, NULL), 0);
}

static void double_free_at_the_same_instant(void **state)
{
	static const struct roost_range range = {0, 6 * BLOCK, 0, 0};
	struct roost_config config = rig_config(state);
	struct rig rig;
	struct race race = {.round = 0};
	pthread_t thread;

	NEED_SMP();
	config.ranges = &range;
	config.nr_ranges = 1;
	config.nr_cpus = RACERS;
	rig_open(&rig, &config);
	config.misuse = count_misuse;
	config.context = &race;
	memset(rig.metadata, 0, rig.metadata_size);
	assert_int_equal(roost_init(&race.roost, &config, rig.metadata, rig.metadata_size), 0);
	assert_int_equal(pthread_create(&thread, NULL, racer, &race), 0);
	roost_posix_set_cpu(0);
	for (unsigned round = 1; round <= ROUNDS; round++)
		one_round(&race, round);
	assert_int_equal(pthread_join(thread, NULL), 0);
	rig_home(&rig);
	rig_close(&rig);
}

static const struct variant exact[] = {
	{"trylock,2", ROOST_FREE_TRYLOCK, ROOST_CHECK_EXACT, 0},
	{"llist,2", ROOST_FREE_LLIST, ROOST_CHECK_EXACT, 0},
	{"trylock,3", ROOST_FREE_TRYLOCK, ROOST_CHECK_PARANOID, 0},
	{"llist,3", ROOST_FREE_LLIST, ROOST_CHECK_PARANOID, 0},
};

static const struct variants variants_exact = {exact, LENGTH(exact)};

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(double_free_at_the_same_instant, variants_exact),
	};

	return SUITE_RUN("race", tests, argc, argv);
}
