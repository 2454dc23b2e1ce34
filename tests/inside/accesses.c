/* SPDX-License-Identifier: MIT */
/*
 * accesses.c - how many atomic accesses a call of the engine sets makes, one by one through a
 * pool's life. The same with each compiler, so it can be exact: a path that looks once more than it
 * must, or tries once less than it may, does no other harm that a test would see.
 *
 * After a change of a path its new figures go here; ROOST_TEST_TABLE=1 prints them.
 */
#include "sets/engine.h"

#include <stdlib.h>
#include <string.h>

#include "harness.h"

#include "count.h"

enum { SLOTS = 64, CPUS = 3 };

enum what {
	ALLOC,
	BULK,
	FREE,
	BATCH,
	SPLIT,
	FILL,
	DRAIN,
	OFF,
	ON,
	APART,
	BACK,
	EMPTY,
	TAKE,
	ALLOC_N
};

/* What a call is given; of it accesses, and of these changes: first without pockets, then with. */
struct step {
	enum what what;
	int cpu;
	unsigned n;	/* order; FREE, SPLIT, APART, BACK: the slot; BATCH: slots 0 to n - 1;
			 * TAKE, ALLOC_N: how many frames */
	unsigned flags; /* SPLIT: to that order; TAKE: from that frame on */
	unsigned cost[2][2];
};

static roost_pfn slots[SLOTS];
static unsigned nr_slots;

static void free_slots(struct rig *rig, unsigned n)
{
	struct roost_block blocks[SLOTS];
	unsigned used = 0;

	for (unsigned i = 0; i < n; i++) {
		int order = slots[i] == ROOST_NONE ? -1 : shadow_order(&rig->shadow, slots[i]);

		if (order >= 0)
			blocks[used++] = (struct roost_block){slots[i], (unsigned)order};
	}
	reset();
	rig_free_bulk(rig, blocks, used, false);
}

/* The harness looks at the blocks, which is not the call's cost. */
static void take_range(struct rig *rig, roost_pfn pfn, uint64_t n)
{
	unsigned accesses, changes;
	int err = roost_take_range(rig->roost, pfn, n);

	accesses = counted.accesses;
	changes = counted.changes;
	for (uint64_t i = 0; !err && i < n;) {
		unsigned order = rig_range_order(rig, pfn + i, n - i);

		assert_null(shadow_take(&rig->shadow, pfn + i, order));
		i += UINT64_C(1) << order;
	}
	counted.accesses = accesses;
	counted.changes = changes;
}

static void run(struct rig *rig, const struct step *step)
{
	roost_pfn pfns[SLOTS];

	if (step->what != DRAIN && step->what != OFF && step->what != ON)
		rig_cpu(rig, (unsigned)step->cpu);
	reset();
	switch (step->what) {
	case ALLOC:
		assert_in_range(nr_slots, 0, SLOTS - 1);
		slots[nr_slots++] = rig_alloc(rig, step->n, step->flags);
		break;
	case ALLOC_N:
		assert_in_range(nr_slots, 0, SLOTS - 1);
		slots[nr_slots] = roost_alloc_n(rig->roost, step->n, step->flags);
		assert_null(shadow_take_n(&rig->shadow, slots[nr_slots++], rig_size(step->n)));
		break;
	case BULK:
		rig_bulk(rig, step->n, step->flags, pfns, SLOTS);
		break;
	case FREE:
		rig_free(rig, slots[step->n]);
		break;
	case BATCH:
		free_slots(rig, step->n);
		break;
	case SPLIT:
		rig_split(rig, slots[step->n], step->flags);
		break;
	case FILL:
		rig_take_all(rig, step->n, step->flags);
		break;
	case DRAIN:
		roost_drain(rig->roost, step->cpu);
		break;
	case OFF:
		assert_int_equal(roost_cpu_offline(rig->roost, (unsigned)step->cpu), 0);
		break;
	case ON:
		assert_int_equal(roost_cpu_online(rig->roost, (unsigned)step->cpu), 0);
		break;
	case APART:
	case BACK:
		assert_int_equal(roost_isolate(rig->roost, slots[step->n], step->what == APART), 0);
		break;
	case TAKE:
		take_range(rig, step->flags, step->n);
		break;
	case EMPTY:
		rig_free_all(rig);
		nr_slots = 0;
		break;
	}
}

static void walk(struct rig *rig, const char *name, const struct step *steps, size_t n)
{
	bool table = getenv("ROOST_TEST_TABLE");
	unsigned wrong = 0;

	nr_slots = 0;
	for (size_t i = 0; i < n; i++) {
		const unsigned *cost = steps[i].cost[counted.pockets];

		run(rig, &steps[i]);
		if (table)
			print_message("%s %zu %d: {%u, %u}\n", name, i, counted.pockets,
				      counted.accesses, counted.changes);
		else if (counted.accesses != cost[0] || counted.changes != cost[1]) {
			print_error("%s, step %zu, pockets %d: %u accesses, %u changes; "
				    "not %u, %u\n",
				    name, i, counted.pockets, counted.accesses, counted.changes,
				    cost[0], cost[1]);
			wrong++;
		}
		rig_check(rig);
	}
	assert_int_equal(wrong, 0);
}

/* ---- Pools --------------------------------------------------------------------------------- */

/* With odd ends; nobody wants to know of pressure. */
static void open_small(struct rig *rig, void *const *state)
{
	rig_open_simple(rig, state, 5, 8 * BLOCK, CPUS);
	rig->roost->base.pressure = NULL;
}

/* Two zones, the second with a reserve, and both with marks that are soon reached. */
static void open_zones(struct rig *rig, void *const *state)
{
	static const struct roost_zone_config zones[] = {
		{.name = "A", .low = BLOCK, .high = 2 * BLOCK},
		{.name = "B", .reserve = 300, .low = 2 * BLOCK, .high = 3 * BLOCK}};
	const struct roost_range ranges[] = {{0, 3 * BLOCK, 0, 0}, {3 * BLOCK, 7 * BLOCK, 1, 0}};
	struct roost_config config = rig_config(state);

	config.ranges = ranges;
	config.nr_ranges = LENGTH(ranges);
	config.zones = zones;
	config.nr_zones = LENGTH(zones);
	config.nr_cpus = CPUS;
	rig_open(rig, &config);
	rig->config.ranges = NULL;
	rig->config.nr_ranges = 0;
}

/* Three regions, of which none is complete. */
static void open_large(struct rig *rig, void *const *state)
{
	const struct roost_range range = {100 * BLOCK, 1100 * BLOCK, 0, 0};
	struct roost_config config = rig_config(state);

	config.ranges = &range;
	config.nr_ranges = 1;
	config.nr_cpus = CPUS;
	config.max_order = 18;
	rig_open(rig, &config);
	rig->config.ranges = NULL;
	rig->config.nr_ranges = 0;
}

/* Whole pageblocks are few from the start. */
static void open_kept(struct rig *rig, void *const *state)
{
	static const struct roost_zone_config zone = {.low = 4 * BLOCK, .high = 4 * BLOCK};

	rig_open_zone(rig, state, 4 * BLOCK, &zone, CPUS);
	rig->roost->base.pressure = NULL;
}

/* ---- Lives --------------------------------------------------------------------------------- */

enum {
	M = ROOST_MOVABLE,
	U = ROOST_UNMOVABLE,
	W = ROOST_WAIT,
	R = ROOST_RESERVE,
	A = ROOST_ATOMIC
};

static const struct step small[] = {
	/* One CPU, each order, first and once more; and back. */
	{ALLOC, 0, 0, M, {{94, 25}, {102, 24}}},
	{ALLOC, 0, 0, M, {{8, 2}, {19, 1}}},
	{ALLOC, 0, 1, M, {{8, 2}, {6, 0}}},
	{ALLOC, 0, 5, M, {{8, 2}, {17, 1}}},
	{ALLOC, 0, 6, M, {{9, 2}, {11, 1}}},
	{ALLOC, 0, 7, M, {{16, 5}, {19, 4}}},
	{ALLOC, 0, 8, M, {{20, 7}, {23, 6}}},
	{ALLOC, 0, 9, M, {{18, 4}, {21, 3}}},
	{ALLOC, 0, 10, M, {{18, 4}, {18, 3}}},
	{FREE, 0, 0, 0, {{11, 4}, {6, 0}}},
	{ALLOC, 0, 0, M, {{8, 2}, {6, 0}}},
	{FREE, 0, 1, 0, {{9, 2}, {6, 0}}},
	{FREE, 0, 2, 0, {{9, 2}, {6, 0}}},
	{FREE, 0, 3, 0, {{9, 2}, {41, 7}}},
	{ALLOC, 0, 5, M, {{8, 2}, {6, 0}}},
	{FREE, 0, 4, 0, {{9, 2}, {6, 0}}},
	{FREE, 0, 5, 0, {{10, 3}, {15, 3}}},
	{FREE, 0, 6, 0, {{12, 5}, {14, 2}}},
	{ALLOC, 0, 6, M, {{9, 2}, {11, 1}}},
	{FREE, 0, 7, 0, {{12, 3}, {16, 4}}},
	{ALLOC, 0, 9, M, {{18, 4}, {6, 0}}},
	{FREE, 0, 8, 0, {{12, 3}, {12, 2}}},
	{SPLIT, 0, 12, 2, {{130, 0}, {130, 0}}},
	{EMPTY, 0, 0, 0, {{1541, 301}, {1670, 168}}},
	/* Others' frames, in one call and one by one. */
	{ALLOC, 1, 0, U, {{121, 22}, {128, 21}}},
	{ALLOC, 1, 3, U, {{8, 2}, {19, 1}}},
	{ALLOC, 1, 8, M, {{68, 11}, {71, 10}}},
	{FREE, 2, 0, 0, {{12, 5}, {13, 3}}},
	{FREE, 2, 2, 0, {{15, 8}, {15, 6}}},
	{BULK, 1, 0, M, {{135, 2}, {136, 1}}},
	{BULK, 1, 3, U, {{340, 35}, {412, 29}}},
	{BULK, 1, 8, M, {{911, 143}, {1068, 155}}},
	{BATCH, 1, 3, 0, {{47, 6}, {45, 4}}},
	{EMPTY, 2, 0, 0, {{1976, 582}, {2116, 309}}},
	{DRAIN, 1, 0, 0, {{157, 44}, {163, 45}}},
	{DRAIN, -1, 0, 0, {{122, 19}, {145, 24}}},
	/* Off-line, set apart, and back. */
	{ALLOC, 2, 0, M, {{53, 11}, {61, 10}}},
	{ALLOC, 2, 4, U, {{156, 26}, {163, 25}}},
	{OFF, 2, 0, 0, {{123, 19}, {129, 20}}},
	{ALLOC, 2, 0, M, {{40, 3}, {73, 8}}},
	{FREE, 2, 0, 0, {{13, 4}, {14, 3}}},
	{ON, 2, 0, 0, {{2, 1}, {2, 1}}},
	{ALLOC, 2, 0, U, {{58, 11}, {74, 10}}},
	{APART, 2, 3, 0, {{48, 19}, {66, 22}}},
	{FREE, 2, 3, 0, {{13, 4}, {14, 3}}},
	{ALLOC, 1, 9, M, {{19, 4}, {22, 3}}},
	{BACK, 0, 1, 0, {{40, 11}, {40, 11}}},
	{EMPTY, 2, 0, 0, {{76, 27}, {70, 20}}},
	/* Memory runs out: few frames, other homes, other migratetypes, then nothing. */
	{FILL, 0, 8, M, {{1079, 187}, {1273, 185}}},
	{FILL, 1, 3, U, {{2753, 125}, {3133, 94}}},
	{FILL, 2, 0, U, {{980, 52}, {1063, 44}}},
	{ALLOC, 0, 0, M, {{83, 2}, {109, 2}}},
	{ALLOC, 0, 0, M | W, {{483, 1}, {530, 1}}},
	{ALLOC, 0, 4, M | W, {{483, 1}, {530, 1}}},
	{ALLOC, 0, 9, M, {{24, 2}, {46, 2}}},
	{ALLOC, 0, 10, M | W, {{396, 1}, {432, 1}}},
	{EMPTY, 1, 0, 0, {{967, 322}, {1013, 221}}},
	{FILL, 0, 0, M, {{48218, 8329}, {28046, 302}}},
	{FILL, 0, 0, U, {{54, 2}, {80, 2}}},
	{EMPTY, 0, 0, 0, {{44685, 8420}, {26334, 270}}},
	{FILL, 1, 9, M, {{313, 58}, {410, 61}}},
	{BULK, 1, 0, M, {{235, 29}, {326, 35}}},
	{EMPTY, 0, 0, 0, {{732, 221}, {830, 90}}},
	{DRAIN, -1, 0, 0, {{182, 33}, {220, 46}}},
	/* A current pageblock that is all free: gathered by the allocation that wants it whole. */
	{ALLOC, 0, 0, M, {{53, 11}, {61, 10}}},
	{ALLOC, 1, 0, U, {{121, 22}, {128, 21}}},
	{FREE, 0, 0, 0, {{11, 4}, {8, 0}}},
	{FREE, 1, 1, 0, {{11, 4}, {8, 0}}},
	{FILL, 2, 9, M, {{350, 65}, {467, 76}}},
	{FILL, 2, 6, M, {{243, 31}, {280, 24}}},
	{EMPTY, 0, 0, 0, {{162, 50}, {178, 25}}},
};

static const struct step zones[] = {
	{ALLOC, 0, 0, M, {{70, 11}, {78, 10}}},
	{ALLOC, 0, 0, M | ROOST_ZONE(0), {{66, 11}, {71, 10}}},
	{ALLOC, 0, 9, M, {{157, 4}, {161, 3}}},
	{ALLOC, 0, 9, M | ROOST_ZONE(0), {{16, 4}, {17, 3}}},
	{FREE, 0, 1, 0, {{11, 4}, {11, 3}}},
	{FREE, 1, 0, 0, {{12, 5}, {13, 3}}},
	{FREE, 0, 2, 0, {{12, 3}, {6, 0}}},
	{FREE, 0, 3, 0, {{12, 3}, {12, 2}}},
	{ALLOC, 0, 5, M | ROOST_ZONE(0), {{9, 2}, {23, 1}}},
	{ALLOC, 0, 5, M, {{9, 2}, {17, 1}}},
	{FREE, 0, 4, 0, {{9, 2}, {9, 1}}},
	{FREE, 0, 5, 0, {{9, 2}, {8, 0}}},
	{BULK, 0, 3, M, {{213, 16}, {241, 8}}},
	{BULK, 0, 3, M, {{477, 34}, {530, 31}}},
	{BULK, 0, 3, U, {{523, 39}, {5820, 169}}},
	{ALLOC, 1, 0, M, {{70, 11}, {249, 14}}},
	{ALLOC, 0, 0, M, {{13, 2}, {27, 1}}},
	{BULK, 0, 3, M, {{525, 42}, {462, 18}}},
	{ALLOC, 0, 0, M, {{13, 2}, {19, 1}}},
	{BULK, 0, 0, M, {{145, 4}, {11485, 121}}},
	{BULK, 0, 3, M, {{2147, 52}, {13528, 173}}},
	{BULK, 1, 3, M, {{5504, 182}, {5871, 93}}},
	{ALLOC, 0, 0, M, {{214, 6}, {247, 8}}},
	{FILL, 0, 4, M, {{3669, 51}, {2843, 46}}},
	{ALLOC, 0, 3, M, {{386, 9}, {1036, 6}}},
	{ALLOC, 0, 6, M | R, {{234, 10}, {237, 9}}},
	{ALLOC, 0, 9, M | R, {{887, 6}, {928, 6}}},
	{ALLOC, 0, 0, M, {{149, 2}, {332, 2}}},
	{BULK, 0, 0, M, {{3196, 59}, {2440, 30}}},
	{FREE, 1, 6, 0, {{11, 4}, {11, 3}}},
	{BULK, 0, 1, M, {{1275, 12}, {1317, 12}}},
	{BULK, 0, 0, U | R, {{13028, 256}, {13519, 201}}},
	{FILL, 0, 2, U | R, {{9922, 214}, {10656, 177}}},
	{ALLOC, 0, 0, M | R | W, {{201, 4}, {211, 3}}},
	{ALLOC, 0, 2, M | W, {{1958, 5}, {2040, 5}}},
	{ALLOC, 0, 0, M | ROOST_ZONE(0), {{218, 7}, {222, 6}}},
	{EMPTY, 1, 0, 0, {{6798, 1826}, {6332, 725}}},
	{ALLOC, 0, 0, M, {{13, 2}, {27, 1}}},
	{ALLOC, 0, 0, M, {{13, 2}, {19, 1}}},
	{DRAIN, -1, 0, 0, {{334, 82}, {473, 118}}},
	{OFF, 0, 0, 0, {{20, 6}, {32, 8}}},
	{ON, 0, 0, 0, {{4, 2}, {4, 2}}},
	{FILL, 0, 9, M | R, {{2153, 73}, {2211, 67}}},
	{EMPTY, 0, 0, 0, {{156, 58}, {154, 46}}},
};

static const struct step large[] = {
	{ALLOC, 0, 18, M, {{74, 17}, {74, 16}}},    {ALLOC, 0, 17, M, {{28, 9}, {28, 8}}},
	{ALLOC, 0, 16, M, {{24, 7}, {24, 6}}},	    {ALLOC, 0, 15, M, {{19, 4}, {19, 3}}},
	{ALLOC, 0, 10, M, {{20, 4}, {20, 3}}},	    {FREE, 0, 1, 0, {{16, 6}, {16, 5}}},
	{FREE, 1, 2, 0, {{14, 4}, {14, 3}}},	    {FREE, 0, 3, 0, {{14, 3}, {14, 2}}},
	{FREE, 0, 4, 0, {{12, 3}, {12, 2}}},	    {APART, 0, 0, 0, {{29, 12}, {47, 15}}},
	{ALLOC, 0, 0, M, {{73, 12}, {80, 11}}},	    {APART, 0, 5, 0, {{52, 20}, {70, 23}}},
	{FREE, 0, 0, 0, {{567, 22}, {567, 21}}},    {ALLOC, 0, 17, M, {{28, 9}, {28, 8}}},
	{BACK, 0, 5, 0, {{42, 12}, {42, 12}}},	    {BACK, 0, 0, 0, {{70, 22}, {70, 22}}},
	{FREE, 0, 6, 0, {{16, 6}, {16, 5}}},	    {FILL, 0, 15, M, {{745, 79}, {763, 64}}},
	{FILL, 1, 11, U, {{1951, 57}, {1969, 48}}}, {FILL, 1, 9, M, {{1529, 20}, {1560, 17}}},
	{EMPTY, 2, 0, 0, {{464, 123}, {467, 93}}},  {DRAIN, -1, 0, 0, {{3076, 9}, {3108, 20}}},
};

/* By address: whole pageblocks, parts of one that is whole and of one that is open, what is in use,
 * what is in a pocket, all. */
static const struct step addressed[] = {
	{TAKE, 0, 3 * BLOCK, BLOCK, {{28, 11}, {28, 9}}},
	{TAKE, 0, 1, BLOCK, {{5, 0}, {5, 0}}},
	{TAKE, 0, 1, 4 * BLOCK + 5, {{43, 15}, {43, 14}}},
	{TAKE, 1, 64, 4 * BLOCK + 64, {{23, 5}, {23, 4}}},
	{TAKE, 1, 200, 4 * BLOCK + 130, {{50, 13}, {50, 7}}},
	{ALLOC, 0, 0, M, {{92, 24}, {100, 23}}},
	{ALLOC, 0, 0, M, {{8, 2}, {19, 1}}},
	{FREE, 0, 1, 0, {{11, 4}, {6, 0}}},
	{TAKE, 1, 1, 6, {{23, 5}, {75, 12}}},
	{DRAIN, 0, 0, 0, {{81, 12}, {82, 11}}},
	{FREE, 0, 0, 0, {{13, 4}, {14, 3}}},
	{EMPTY, 0, 0, 0, {{255, 68}, {258, 52}}},
	{TAKE, 2, 7 * BLOCK, 5, {{178, 53}, {234, 51}}},
};

/* Sizes that are no power of two: from a claim, from the current pageblock, from the pocket, of
 * several words, of several pageblocks. */
static const struct step odd[] = {
	{ALLOC_N, 0, 5, M, {{97, 27}, {99, 24}}},     {ALLOC_N, 0, 7, M, {{10, 4}, {11, 1}}},
	{FREE, 0, 0, 0, {{14, 6}, {9, 0}}},	      {ALLOC_N, 0, 5, M, {{10, 4}, {8, 0}}},
	{FREE, 0, 1, 0, {{12, 4}, {9, 0}}},	      {FREE, 1, 2, 0, {{13, 5}, {15, 3}}},
	{ALLOC_N, 0, 56, M, {{10, 4}, {11, 1}}},      {FREE, 0, 3, 0, {{12, 4}, {12, 1}}},
	{ALLOC_N, 0, 80, M, {{20, 7}, {21, 4}}},      {FREE, 0, 4, 0, {{21, 6}, {21, 3}}},
	{ALLOC_N, 0, 448, M, {{35, 12}, {35, 9}}},    {FREE, 0, 5, 0, {{25, 10}, {25, 7}}},
	{ALLOC_N, 0, 640, M, {{44, 16}, {44, 13}}},   {FREE, 0, 6, 0, {{62, 24}, {62, 21}}},
	{FILL, 0, 3, M, {{6901, 1138}, {6343, 257}}}, {EMPTY, 0, 0, 0, {{6043, 1190}, {4822, 269}}},
};

/* A pageblock is kept for high orders, is taken from, is all free and becomes whole for a larger
 * one, and goes to others. */
static const struct step kept[] = {
	{ALLOC, 0, 3, U | A, {{157, 27}, {164, 26}}}, {ALLOC, 1, 3, M | A, {{77, 11}, {82, 10}}},
	{FREE, 0, 1, 0, {{12, 5}, {13, 3}}},	      {FILL, 0, 9, M, {{232, 42}, {263, 39}}},
	{ALLOC, 1, 6, U | A, {{55, 3}, {58, 2}}},     {ALLOC, 1, 0, U | A, {{74, 11}, {88, 10}}},
	{EMPTY, 0, 0, 0, {{128, 45}, {130, 35}}},     {ALLOC, 0, 8, U | A, {{125, 22}, {127, 19}}},
	{FREE, 1, 0, 0, {{15, 8}, {15, 6}}},	      {FILL, 1, 9, U, {{246, 47}, {377, 58}}},
	{EMPTY, 0, 0, 0, {{54, 18}, {58, 10}}},	      {ALLOC, 2, 1, U | A, {{125, 22}, {128, 19}}},
	{DRAIN, -1, 0, 0, {{133, 19}, {167, 32}}},    {FREE, 2, 0, 0, {{50, 20}, {51, 19}}},
	{DRAIN, -1, 0, 0, {{43, 9}, {61, 12}}},
};

static void open_addressed(struct rig *rig, void *const *state)
{
	open_small(rig, state);
}

static void open_odd(struct rig *rig, void *const *state)
{
	open_small(rig, state);
}

#define LIFE(name)                                                                                 \
	static void life_##name(void **state)                                                      \
	{                                                                                          \
		struct rig rig;                                                                    \
                                                                                                   \
		for (unsigned pockets = 0; pockets < 2; pockets++) {                               \
			counted.pockets = pockets;                                                 \
			open_##name(&rig, state);                                                  \
			walk(&rig, #name, name, LENGTH(name));                                     \
			rig_home(&rig);                                                            \
			rig_close(&rig);                                                           \
		}                                                                                  \
		counted.pockets = false;                                                           \
	}

LIFE(small)
LIFE(zones)
LIFE(large)
LIFE(addressed)
LIFE(odd)
LIFE(kept)

/* Holes, odd ends, two zones and a reserve, across a region's end: what roost_init() writes. */
static void starts_at_so_much(void **state)
{
	static const struct roost_zone_config zone[] = {{.reserve = BLOCK + 1}, {.name = "B"}};
	const struct roost_range ranges[] = {
		{509 * BLOCK + 3, 515 * BLOCK, 0, 0},
		{515 * BLOCK + 9, 518 * BLOCK + 1, 1, 0},
		{700 * BLOCK, 702 * BLOCK + 64, 0, 0},
		{511 * BLOCK, 511 * BLOCK + 40, 0, ROOST_RANGE_RESERVED}};
	struct roost_config config = rig_config(state);
	struct rig rig;

	config.ranges = ranges;
	config.nr_ranges = LENGTH(ranges);
	config.zones = zone;
	config.nr_zones = LENGTH(zone);
	config.nr_cpus = CPUS;
	rig_open(&rig, &config);
	memset(rig.metadata, 0, rig.metadata_size);
	reset();
	assert_int_equal(roost_init(&rig.roost, &config, rig.metadata, rig.metadata_size), 0);
	assert_int_equal(counted.accesses, 758);
	assert_int_equal(counted.changes, 115);
	rig_home(&rig);
	rig_close(&rig);
}

/* ---- Maps, validation ---------------------------------------------------------------------- */

/*
 * As many ranges as may be: small ones under reserved ones that join each other, of which the first
 * is named last. What is reserved behind one range is not gone through again for the next.
 */
static void ranges_are_no_cube(void **state)
{
	enum { RANGES = 1024, HALF = RANGES / 2 };
	static struct roost_range ranges[RANGES];
	struct roost_config config = rig_config(state);

	for (unsigned i = 0; i < HALF; i++) {
		ranges[i] = (struct roost_range){.start = 10 * i, .end = 10 * i + 3};
		ranges[RANGES - 1 - i] = (struct roost_range){
			.start = 10 * i, .end = 10 * i + 10, .flags = ROOST_RANGE_RESERVED};
	}
	ranges[HALF - 1].end = 10 * HALF + 1;
	config.ranges = ranges;
	config.nr_ranges = RANGES;
	reset();
	assert_null(roost_config_error(&config));
	assert_in_range(counted.reads, RANGES, 30 * RANGES * RANGES);
}

/* Validation visits each frame once and each pocket once, not each pocket for each frame. */
static unsigned accesses_to_validate(void *const *state, unsigned cpus)
{
	struct rig rig;

	rig_open_simple(&rig, state, 0, 8 * BLOCK, cpus);
	rig_free(&rig, rig_get(&rig, 0, 0));
	rig_free(&rig, rig_get(&rig, 8, 0));
	reset();
	assert_int_equal(roost_validate(rig.roost, NULL), 0);
	rig_close(&rig);
	return counted.accesses;
}

static void validation_is_no_square(void **state)
{
	enum { MANY = 500 };

	for (unsigned pockets = 0; pockets < 2; pockets++) {
		unsigned one, many;

		counted.pockets = pockets;
		one = accesses_to_validate(state, 1);
		many = accesses_to_validate(state, MANY);
		/* Of each CPU its pocket and counters, for the sum of which it takes the orders. */
		assert_in_range(many - one, 0, MANY * 8 * RST_ORDERS);
	}
	counted.pockets = false;
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(life_small, variants_one),
		SUITE_TEST(life_zones, variants_one),
		SUITE_TEST(life_large, variants_one),
		SUITE_TEST(life_addressed, variants_one),
		SUITE_TEST(life_odd, variants_one),
		SUITE_TEST(life_kept, variants_one),
		SUITE_TEST(starts_at_so_much, variants_one),
		SUITE_TEST(ranges_are_no_cube, variants_one),
		SUITE_TEST(validation_is_no_square, variants_one),
	};

	return SUITE_RUN("sets_accesses", tests, argc, argv);
}
