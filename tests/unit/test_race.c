/* SPDX-License-Identifier: MIT */
/*
 * test_race.c - two CPUs at the same instant.
 *
 * One block freed on both: from check level 2 on exactly one of the two is reported, and nothing is
 * harmed. Blocks freed on one while their owner is taken off-line on the other: nothing strands
 * on the dead owner.
 */
#include "harness.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "cpus.h"
#include "ticks.h"

/* Rounds go on until the time is over; how they meet differs from round to round. */
enum { ROUNDS_MIN = 500, BATCH = 24 };

static const double seconds = 0.5;

/* Hooks run on both threads, where no cmocka check may fail: they only count. */
struct race {
	roost_t *roost;
	_Atomic unsigned told, told_otherwise;
	_Atomic unsigned arrived, done;
	_Atomic bool over;
	roost_pfn pfn;
	unsigned order;
	struct roost_block blocks[BATCH];
	unsigned nr_blocks;
	void (*run)(struct race *race, unsigned round);
	/* Told after the threads have ended: a check that fails would leave one of them alone. */
	const char *wrong;
	unsigned nr_wrong;
};

static void expect(struct race *race, bool good, const char *what)
{
	if (good)
		return;
	race->wrong = what;
	race->nr_wrong++;
}

static void count_misuse(void *context, const struct roost_misuse *misuse)
{
	struct race *race = context;

	if (misuse->kind == ROOST_MISUSE_DOUBLE_FREE)
		race->told++;
	else
		race->told_otherwise++;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void wait_until(_Atomic unsigned *counter, unsigned value)
{
	for (unsigned spins = 0; atomic_load(counter) < value; spins++)
		if (spins > 10000)
			sched_yield(); /* the other one has no processor */
}

/* Both threads leave this together, but for a delay that decides which is first in this round. */
static void meet(struct race *race, unsigned round, unsigned delay)
{
	atomic_fetch_add(&race->arrived, 1);
	wait_until(&race->arrived, 2 * round);
	while (delay--)
		atomic_signal_fence(memory_order_seq_cst);
}

/* An interrupt that takes its time, wherever it comes. */
static void nap(unsigned depth)
{
	const struct timespec time = {0, 20000};

	(void)depth;
	nanosleep(&time, NULL);
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
	timer_t timer;

	cpus_go(1);
	ticks_start(&timer, 0, 5000);
	for (unsigned round = 1;; round++) {
		meet(race, round, round * 37 % 401);
		if (race->over)
			break;
		race->run(race, round / 4);
		atomic_store(&race->done, round);
	}
	ticks_stop(&timer, 1);
	return NULL;
}

static void one_double_free(struct race *race, unsigned round)
{
	race->order = round % 5 ? 0 : round % (ROOST_DEFAULT_MAX_ORDER + 1);
	race->pfn = roost_alloc(race->roost, race->order, ROOST_WAIT);
	atomic_store(&race->told, 0);
	meet(race, round, round * 101 % 397);
	free_in_a_way(race, round);
	wait_until(&race->done, round);
	expect(race, race->told == 1, "a double free is reported once");
	expect(race, race->told_otherwise == 0, "a double free is reported as what it is");
	if (round % 64 == 0)
		expect(race, roost_validate(race->roost, NULL) == 0, "no invariant is violated");
}

/* Mostly a single block: no later free can find by chance what that one left behind. */
static void free_batch(struct race *race, unsigned way)
{
	if (way & 1)
		roost_free_bulk(race->roost, race->blocks, race->nr_blocks);
	for (unsigned i = 0; i < race->nr_blocks && !(way & 1); i++)
		way & 2 ? roost_free(race->roost, race->blocks[i].pfn, 0)
			: roost_free_nolock(race->roost, race->blocks[i].pfn, 0);
}

/* CPU 0 owns the blocks and goes off-line here while CPU 1 frees them. */
static void one_offlining(struct race *race, unsigned round)
{
	struct roost_pcp_info info = {.count = 1};

	race->nr_blocks = round % 8 ? 1 : BATCH;
	for (unsigned i = 0; i < race->nr_blocks; i++)
		race->blocks[i].pfn = roost_alloc(race->roost, 0, ROOST_WAIT);
	meet(race, round, round * 53 % 601);
	roost_cpu_offline(race->roost, 0);
	wait_until(&race->done, round);
	roost_pcp_info(race->roost, 0, 0, &info);
	expect(race, info.count + info.llist == 0, "an off-line CPU holds nothing");
	if (round % 64 == 0)
		expect(race, roost_validate(race->roost, NULL) == 0, "no invariant is violated");
	roost_cpu_online(race->roost, 0);
}

static void run_race(void *const *state, void (*mine)(struct race *, unsigned),
		     void (*others)(struct race *, unsigned))
{
	static const struct roost_range range = {0, 6 * BLOCK, 0, 0};
	struct roost_config config = rig_config(state);
	struct race race = {.run = others};
	unsigned round = 1;
	pthread_t thread;
	struct rig rig;
	double end;

	config.ranges = &range;
	config.nr_ranges = 1;
	config.nr_cpus = 2;
	rig_open(&rig, &config);
	config.misuse = count_misuse;
	config.context = &race;
	memset(rig.metadata, 0, rig.metadata_size);
	assert_int_equal(roost_init(&race.roost, &config, rig.metadata, rig.metadata_size), 0);
	assert_int_equal(pthread_create(&thread, NULL, racer, &race), 0);
	end = now() + seconds;
	for (; !race.nr_wrong && (round <= ROUNDS_MIN || now() < end); round++)
		mine(&race, round);
	race.over = true;
	meet(&race, round, 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	print_message("%u rounds\n", round - 1);
	if (race.nr_wrong)
		fail_msg("%u times not: %s", race.nr_wrong, race.wrong);
	rig_home(&rig);
	rig_close(&rig);
}

static void double_free_at_the_same_instant(void **state)
{
	NEED_SMP();
	run_race(state, one_double_free, free_in_a_way);
}

static void frees_while_the_owner_goes_offline(void **state)
{
	NEED_SMP();
	run_race(state, one_offlining, free_batch);
}

static const struct variant exact[] = {
	{"trylock,2", ROOST_FREE_TRYLOCK, ROOST_CHECK_EXACT, 0},
	{"llist,2", ROOST_FREE_LLIST, ROOST_CHECK_EXACT, 0},
	{"trylock,3", ROOST_FREE_TRYLOCK, ROOST_CHECK_PARANOID, 4 * BLOCK},
	{"llist,3", ROOST_FREE_LLIST, ROOST_CHECK_PARANOID, 4 * BLOCK},
};

static const struct variants variants_exact = {exact, LENGTH(exact)};

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(double_free_at_the_same_instant, variants_exact),
		SUITE_TEST(frees_while_the_owner_goes_offline, variants_paths),
	};

	ticks_open(nap);
	return SUITE_RUN("race", tests, argc, argv);
}
