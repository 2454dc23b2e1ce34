/* SPDX-License-Identifier: MIT */
/*
 * test_model.c - random events against a plain model (model.h), everything compared after each.
 *
 *   test_model [SEED [SECONDS]]     or ROOST_TEST_SEED, ROOST_TEST_SECONDS in the environment
 *
 * The events depend on the seed alone; the time only says how many of them there are.
 */
#include "model.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { KEPT = 24 };

struct shape {
	const char *name;
	unsigned nr_ranges, nr_zones;
	uint32_t pcp_high;
	struct roost_range ranges[5];
	struct roost_zone_config zones[2];
};

static const struct shape shapes[] = {
	{"three pageblocks with holes",
	 4,
	 1,
	 0,
	 {{3, 700, 0, 0},
	  {710, 1100, 0, 0},
	  {1100, 1536, 0, 0},
	  {1200, 1207, 0, ROOST_RANGE_RESERVED}},
	 {{0}}},
	{"two zones in mid-pageblock",
	 2,
	 2,
	 64,
	 {{0, 800, 0, 0}, {800, 1700, 1, 0}},
	 {{0}, {.name = "B"}}},
	{"room for the largest order", 1, 1, 700, {{0, 3 * 1024, 0, 0}}, {{0}}},
	{"with a reserve", 1, 1, 200, {{10, 2100, 0, 0}}, {{.reserve = 40}}},
};

static uint64_t base_seed;
static double seconds = 10;
static bool unfinished; /* a run has begun and not ended: it failed */
static char kept[KEPT][sizeof(((struct model *)NULL)->told)];
static unsigned event;
static struct model m;

/* ---- Runs -------------------------------------------------------------------------------- */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static unsigned choose(struct model *model, unsigned limit)
{
	return (unsigned)random_below(model->chooser, limit);
}

static void open_model(const struct shape *shape, void *const *state)
{
	static struct random random;
	struct roost_config config = rig_config(state);

	random.state = base_seed;
	config.ranges = shape->ranges;
	config.nr_ranges = shape->nr_ranges;
	config.zones = shape->zones;
	config.nr_zones = shape->nr_zones;
	config.nr_cpus = MODEL_CPUS;
	if (shape->pcp_high)
		rig_pcpbuddy.high = shape->pcp_high;
	model_open(&m, &config, 0, choose, &random);
}

static void run_shape(const struct shape *shape, void *const *state, double time)
{
	double end = now() + time;

	print_message("%s: ", shape->name);
	open_model(shape, state);
	memset(kept, 0, sizeof(kept));
	for (event = 0; event < 64 || now() < end; event++) {
		model_event(&m);
		memcpy(kept[event % KEPT], m.told, sizeof(m.told));
		rig_compare(&m.rig);
	}
	print_message("%u events\n", event);
	model_close(&m);
}

static void random_events(void **state)
{
	const size_t nr_shapes = LENGTH(shapes);
	const double runs = (double)(nr_shapes * variants_all.count);

	if (unfinished)
		fail_msg("not run, since the run before has failed");
	unfinished = true;
	for (size_t i = 0; i < LENGTH(shapes); i++)
		run_shape(&shapes[i], state, seconds / runs);
	unfinished = false;
}

static void print_trace(void)
{
	fprintf(stderr, "failed after event %u; the last ones were:\n", event);
	fflush(stdout);
	for (unsigned i = event + 1 >= KEPT ? event + 1 - KEPT : 0; i < event; i++)
		fprintf(stderr, "%8u  %s\n", i, kept[i % KEPT]);
	fprintf(stderr, "%8u  %s\n", event, m.told);
	fprintf(stderr, "repeat with: test_model %" PRIu64 " %g\n", base_seed, seconds);
}

static void settings(int argc, char **argv)
{
	const char *seed = argc > 1 ? argv[1] : getenv("ROOST_TEST_SEED");
	const char *time_limit = argc > 2 ? argv[2] : getenv("ROOST_TEST_SECONDS");
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	base_seed = seed ? strtoull(seed, NULL, 0)
			 : (uint64_t)t.tv_sec * 1000003u ^ (uint64_t)t.tv_nsec;
	if (time_limit)
		seconds = strtod(time_limit, NULL);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(random_events, variants_all),
	};
	int failed;

	settings(argc, argv);
	printf("seed %" PRIu64 ", %g seconds\n", base_seed, seconds);
	fflush(stdout);
	failed = SUITE_RUN("model", tests, 1, argv);
	if (unfinished)
		print_trace();
	return failed;
}
