/* SPDX-License-Identifier: MIT */
/*
 * test_model.c - random events against a plain model, everything compared after each.
 *
 * The model is the shadow (which frames are handed out in which blocks), a list of those blocks,
 * and which pageblocks are set apart. From it follows what must hold for each event: what may be
 * handed out, and when an allocation must not fail.
 *
 *   test_model [SEED [SECONDS]]     or ROOST_TEST_SEED, ROOST_TEST_SECONDS in the environment
 *
 * The events depend on the seed alone; the time only says how many of them there are.
 */
#include "harness.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CPUS = 3, BLOCKS_MAX = 16, KEPT = 24, BATCH = 24 };

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

struct model {
	struct rig rig;
	struct random random;
	const struct shape *shape;
	roost_pfn blocks[4096]; /* those handed out */
	size_t nr_blocks;
	bool apart[BLOCKS_MAX]; /* pageblocks set apart */
	bool drained;		/* since the last one was: no frame of them is on a pcp */
	bool greedy;		/* allocations or frees prevail */
	bool large;		/* so do large orders */
};

static uint64_t base_seed;
static double seconds = 10;
static bool unfinished; /* a run has begun and not ended: it failed */
static char kept[KEPT][120];
static unsigned event;

#define TELL(...) snprintf(kept[event % KEPT], sizeof(kept[0]), __VA_ARGS__)

/* ---- What must hold ---------------------------------------------------------------------- */

static bool is_apart(const struct model *m, roost_pfn pfn, unsigned order)
{
	for (roost_pfn end = pfn + (UINT64_C(1) << order); pfn < end; pfn += BLOCK)
		if (m->apart[pfn / BLOCK])
			return true;
	return false;
}

static bool any_apart(const struct model *m)
{
	for (unsigned i = 0; i < BLOCKS_MAX; i++)
		if (m->apart[i])
			return true;
	return false;
}

/* Free frames of a zone that may be handed out. */
static uint64_t usable(const struct model *m, int zone)
{
	uint64_t frames = 0;

	for (size_t i = 0; i < m->rig.shadow.nr_ranges; i++) {
		const struct shadow_range *r = &m->rig.shadow.ranges[i];

		for (roost_pfn pfn = r->start; pfn < r->end; pfn++)
			frames += (zone < 0 || (int)r->zone == zone) && !is_apart(m, pfn, 0) &&
				  r->state[pfn - r->start] == SHADOW_FREE;
	}
	return frames;
}

/* Is there room for a block of that order, if all that is free were merged? */
static bool room_for(const struct model *m, int zone, unsigned order)
{
	roost_pfn size = UINT64_C(1) << order;

	for (roost_pfn pfn = 0; pfn < BLOCKS_MAX * BLOCK; pfn += size)
		if (!is_apart(m, pfn, order) && shadow_is_free(&m->rig.shadow, pfn, order) &&
		    (zone < 0 || shadow_zone(&m->rig.shadow, pfn) == zone))
			return true;
	return false;
}

/* Does a single free block of at least that order exist? */
static bool block_of(const struct model *m, int zone, unsigned order)
{
	struct roost_frame_info info;

	for (roost_pfn pfn = 0; pfn < BLOCKS_MAX * BLOCK; pfn += UINT64_C(1) << order) {
		roost_frame_info(m->rig.roost, pfn, &info);
		if (info.state != ROOST_FRAME_OUTSIDE && info.state != ROOST_FRAME_INSIDE &&
		    info.state != ROOST_FRAME_ALLOCATED && info.order >= order &&
		    (zone < 0 || info.zone == zone) && !is_apart(m, pfn, info.order))
			return true;
	}
	return false;
}

/* May an allocation fail? Asked before it is made. */
static bool may_fail(const struct model *m, int zone, unsigned order, unsigned flags)
{
	uint64_t reserve = m->shape->zones[0].reserve;

	if (any_apart(m) && !m->drained)
		return true;
	if (reserve && !(flags & ROOST_RESERVE))
		return order > 0 || usable(m, zone) <= reserve;
	if (reserve && order > ROOST_PAGEBLOCK_ORDER)
		return true;
	if (order == 0 || flags & ROOST_WAIT)
		return !room_for(m, zone, order);
	return !block_of(m, zone, order);
}

/* ---- Events ------------------------------------------------------------------------------ */

static unsigned below(struct model *m, unsigned limit)
{
	return (unsigned)random_below(&m->random, limit);
}

static unsigned random_order(struct model *m)
{
	unsigned k = below(m, 100);

	if (m->large && k & 1)
		return ROOST_DEFAULT_MAX_ORDER - k % 3;
	return k < 60 ? 0 : k < 90 ? k % 5 : k % (ROOST_DEFAULT_MAX_ORDER + 1);
}

static unsigned random_flags(struct model *m)
{
	unsigned flags = below(m, 3);

	if (below(m, 2))
		flags |= ROOST_WAIT;
	if (below(m, 4) == 0)
		flags |= ROOST_RESERVE;
	return flags;
}

static void note(struct model *m, roost_pfn pfn)
{
	assert_true(m->nr_blocks < LENGTH(m->blocks));
	m->blocks[m->nr_blocks++] = pfn;
}

static void handed_out(struct model *m, roost_pfn pfn, unsigned order)
{
	if (m->drained && is_apart(m, pfn, order))
		fail_msg("handed out of a pageblock set apart: pfn %" PRIu64, pfn);
	note(m, pfn);
}

static roost_pfn pick(struct model *m)
{
	size_t i = random_below(&m->random, m->nr_blocks);
	roost_pfn pfn = m->blocks[i];

	m->blocks[i] = m->blocks[--m->nr_blocks];
	return pfn;
}

static void do_alloc(struct model *m)
{
	unsigned order = random_order(m), flags = random_flags(m);
	int zone = below(m, 3) ? -1 : (int)below(m, m->shape->nr_zones);
	bool fail_ok = may_fail(m, zone, order, flags);
	roost_pfn pfn;

	TELL("alloc order %u flags %#x zone %d", order, flags, zone);
	if (zone >= 0)
		flags |= ROOST_ZONE(zone);
	pfn = rig_alloc(&m->rig, order, flags);
	if (pfn != ROOST_NONE)
		handed_out(m, pfn, order);
	else if (!fail_ok)
		fail_msg("no block of order %u flags %#x zone %d, though there is one", order,
			 flags, zone);
	if (pfn != ROOST_NONE && zone >= 0)
		assert_int_equal(shadow_zone(&m->rig.shadow, pfn), zone);
}

static void do_alloc_bulk(struct model *m)
{
	unsigned order = random_order(m), flags = random_flags(m);
	roost_pfn pfns[BATCH];
	size_t count = below(m, BATCH) + 1, got;

	TELL("bulk alloc of %zu, order %u flags %#x", count, order, flags);
	got = rig_bulk(&m->rig, order, flags, pfns, count);
	for (size_t i = 0; i < got; i++)
		handed_out(m, pfns[i], order);
	if (got < count && !may_fail(m, -1, order, flags))
		fail_msg("%zu of %zu blocks of order %u, though there are more", got, count, order);
}

static void do_free(struct model *m)
{
	roost_pfn pfn = pick(m);
	bool nolock = below(m, 3) == 0;

	TELL("free pfn %" PRIu64 "%s", pfn, nolock ? " nolock" : "");
	nolock ? rig_free_nolock(&m->rig, pfn) : rig_free(&m->rig, pfn);
}

/* Gives back everything, so that large blocks can be had again. */
static void do_free_all(struct model *m)
{
	TELL("free all");
	rig_free_all(&m->rig);
	m->nr_blocks = 0;
}

static void do_free_bulk(struct model *m)
{
	struct roost_block blocks[BATCH];
	size_t count = below(m, BATCH) + 1;
	bool nolock = below(m, 2);

	if (count > m->nr_blocks)
		count = m->nr_blocks;
	for (size_t i = 0; i < count; i++) {
		blocks[i].pfn = pick(m);
		blocks[i].order = (unsigned)shadow_order(&m->rig.shadow, blocks[i].pfn);
	}
	TELL("bulk free of %zu%s", count, nolock ? " nolock" : "");
	rig_free_bulk(&m->rig, blocks, count, nolock);
}

static void do_split(struct model *m)
{
	roost_pfn pfn = pick(m);
	unsigned from = (unsigned)shadow_order(&m->rig.shadow, pfn), to = below(m, from + 1);

	if (from - to > 6)
		to = from - 6;
	TELL("split pfn %" PRIu64 " from %u to %u", pfn, from, to);
	rig_split(&m->rig, pfn, to);
	for (unsigned i = 0; i < 1u << (from - to); i++)
		note(m, pfn + ((roost_pfn)i << to));
}

static void do_drain(struct model *m)
{
	int cpu = below(m, 2) ? -1 : (int)below(m, roost_nr_cpus(m->rig.roost));

	TELL("drain %d", cpu);
	roost_drain(m->rig.roost, cpu);
	if (cpu < 0)
		m->drained = true;
}

static void do_hotplug(struct model *m)
{
	unsigned cpu = below(m, roost_nr_cpus(m->rig.roost));
	bool online = below(m, 2);

	TELL("cpu %u %s", cpu, online ? "on-line" : "off-line");
	assert_int_equal(online ? roost_cpu_online(m->rig.roost, cpu)
				: roost_cpu_offline(m->rig.roost, cpu),
			 0);
	if (!online)
		assert_int_equal(rig_cpu_holds(&m->rig, cpu), 0);
}

static bool can_isolate(const struct model *m, roost_pfn pfn)
{
	struct roost_frame_info info;

	roost_frame_info(m->rig.roost, pfn, &info);
	return info.state != ROOST_FRAME_OUTSIDE && info.type != ROOST_LIST_RESERVE;
}

static void set_apart(struct model *m, unsigned block)
{
	m->drained = below(m, 2);
	TELL("set apart block %u%s", block, m->drained ? ", then drain" : "");
	assert_int_equal(roost_isolate(m->rig.roost, block * BLOCK + BLOCK / 2, true), 0);
	m->apart[block] = true;
	if (m->drained)
		roost_drain(m->rig.roost, -1);
}

static void put_back(struct model *m, unsigned block)
{
	TELL("put back block %u", block);
	assert_int_equal(roost_isolate(m->rig.roost, block * BLOCK + BLOCK / 2, false), 0);
	m->apart[block] = false;
}

/* Mostly none is apart, so that large blocks can be had and freed round the one that is.
 * A pageblock of two zones is left alone: which half is meant is another test's business. */
static void do_isolate(struct model *m)
{
	unsigned block = below(m, BLOCKS_MAX);

	if (m->nr_blocks && below(m, 2)) /* one that is in use */
		block = (unsigned)(m->blocks[below(m, (unsigned)m->nr_blocks)] / BLOCK);
	if (any_apart(m) && below(m, 3)) {
		while (!m->apart[block])
			block = (block + 1) % BLOCKS_MAX;
		put_back(m, block);
	} else if (!m->apart[block] && can_isolate(m, block * BLOCK + BLOCK / 2) &&
		   (m->shape->nr_zones == 1 || block != 1)) {
		set_apart(m, block);
	}
}

/* A free of what is not handed out is told and changes nothing. */
static void do_misuse(struct model *m)
{
	roost_pfn pfn = random_below(&m->random, BLOCKS_MAX * BLOCK);
	unsigned order = below(m, 3) ? 0 : random_order(m);

	if (m->rig.config.check_level == ROOST_CHECK_NONE)
		return;
	if (shadow_order(&m->rig.shadow, pfn) == (int)order)
		return;
	TELL("wrong free of pfn %" PRIu64 " order %u", pfn, order);
	below(m, 2) ? roost_free(m->rig.roost, pfn, order)
		    : roost_free_nolock(m->rig.roost, pfn, order);
	assert_int_equal(m->rig.nr_misuse, 1);
	assert_int_equal(m->rig.misuse[0].pfn, pfn);
	m->rig.nr_misuse = 0;
}

static void one_event(struct model *m)
{
	unsigned what = below(m, 100);

	rig_cpu(&m->rig, below(m, CPUS));
	TELL("nothing");
	if (below(m, 80) == 0) {
		m->greedy = below(m, 2);
		m->large = below(m, 2);
		if (m->large)
			do_free_all(m);
	}
	if (what < 8)
		do_misuse(m);
	else if (what < 12)
		do_drain(m);
	else if (what < 15)
		do_hotplug(m);
	else if (what < 18)
		do_isolate(m);
	else if (what < (m->greedy ? 75 : 35) || !m->nr_blocks)
		what & 7 ? do_alloc(m) : do_alloc_bulk(m);
	else if (what & 7)
		do_free(m);
	else if (what & 8)
		do_free_bulk(m);
	else
		do_split(m);
}

/* ---- Runs -------------------------------------------------------------------------------- */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void open_model(struct model *m, const struct shape *shape, void *const *state)
{
	struct roost_config config = rig_config(state);

	memset(m, 0, sizeof(*m));
	m->shape = shape;
	m->drained = m->greedy = true;
	m->random.state = base_seed;
	config.ranges = shape->ranges;
	config.nr_ranges = shape->nr_ranges;
	config.zones = shape->zones;
	config.nr_zones = shape->nr_zones;
	config.nr_cpus = CPUS;
	if (shape->pcp_high)
		config.pcp_high = shape->pcp_high;
	rig_open(&m->rig, &config);
}

static void close_model(struct model *m)
{
	for (unsigned block = 0; block < BLOCKS_MAX; block++)
		if (m->apart[block])
			assert_int_equal(
				roost_isolate(m->rig.roost, block * BLOCK + BLOCK / 2, false), 0);
	for (unsigned cpu = 0; cpu < roost_nr_cpus(m->rig.roost); cpu++)
		assert_int_equal(roost_cpu_online(m->rig.roost, cpu), 0);
	rig_home(&m->rig);
	rig_close(&m->rig);
}

static void run_shape(const struct shape *shape, void *const *state, double time)
{
	static struct model m;
	double end = now() + time;

	print_message("%s: ", shape->name);
	open_model(&m, shape, state);
	memset(kept, 0, sizeof(kept));
	for (event = 0; event < 64 || now() < end; event++) {
		one_event(&m);
		rig_compare(&m.rig);
		rig_expect_none(&m.rig);
	}
	print_message("%u events\n", event);
	close_model(&m);
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
	for (unsigned i = event + 1 >= KEPT ? event + 1 - KEPT : 0; i <= event; i++)
		fprintf(stderr, "%8u  %s\n", i, kept[i % KEPT]);
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
