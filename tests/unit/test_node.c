/* SPDX-License-Identifier: MIT */
/* test_node.c - which zone a call is served from: fallback orders, nodes, and flags. */
#include "harness.h"

enum { ZONES = 4, FRAMES = 600 };

/* Zones 0 and 1 on node 0, zone 2 on node 1, zone 3 on node 3. */
static const unsigned zone_node[ZONES] = {0, 0, 1, 3};
static const uint8_t cpu_node[] = {0, 1, 3, 2};

static void open_nodes(struct rig *rig, void *const *state, const uint8_t *zone_order)
{
	static struct roost_range ranges[ZONES];
	static struct roost_zone_config zones[ZONES];
	struct roost_config config = rig_config(state);

	for (unsigned i = 0; i < ZONES; i++) {
		ranges[i] = (struct roost_range){i * FRAMES, (i + 1) * FRAMES, (uint16_t)i, 0};
		zones[i] = (struct roost_zone_config){.name = "Z", .node = zone_node[i]};
	}
	config.ranges = ranges;
	config.zones = zones;
	config.nr_ranges = config.nr_zones = ZONES;
	config.nr_cpus = LENGTH(cpu_node);
	config.cpu_node = cpu_node;
	config.zone_order = zone_order;
	rig_open(rig, &config);
}

static int next_zone(struct rig *rig, unsigned flags)
{
	roost_pfn pfn = rig_alloc(rig, 0, flags | ROOST_WAIT);

	return pfn == ROOST_NONE ? -1 : shadow_zone(&rig->shadow, pfn);
}

/* A zone may be passed over for the next one once it is below its low mark. */
static void must_be_low(const struct rig *rig, int zone)
{
	struct roost_zone_info info;

	assert_int_equal(roost_zone_info(rig->roost, (unsigned)zone, &info), 0);
	if (info.free >= info.low && info.free)
		fail_msg("zone %d passed over with %u free frames", zone, (unsigned)info.free);
}

/* One allocation: it may come from the zones up to expected[*used], or open the next one. */
static void expect_one(struct rig *rig, unsigned flags, const int *expected, unsigned *used)
{
	int zone = next_zone(rig, flags);

	for (unsigned i = 0; i <= *used; i++) {
		if (zone == expected[i])
			return;
		must_be_low(rig, expected[i]);
	}
	++*used;
	assert_int_equal(zone, expected[*used]);
}

/* Takes everything: the zones come into use in this order (-1 ends it), none other does, and all
 * are taken to the last frame. */
static void expect_zones(struct rig *rig, unsigned flags, const int *expected)
{
	unsigned used = 0;
	uint64_t before = shadow_taken(&rig->shadow, -1);

	do
		expect_one(rig, flags, expected, &used);
	while (expected[used] >= 0);
	assert_int_equal(shadow_taken(&rig->shadow, -1) - before, used * FRAMES);
	rig_free_all(rig);
	rig_check(rig);
}

#define EXPECT(rig, flags, ...) expect_zones(rig, flags, (const int[]){__VA_ARGS__, -1})

static void default_order(void **state)
{
	struct rig rig;

	open_nodes(&rig, state, NULL);
	rig_cpu(&rig, 0);
	EXPECT(&rig, 0, 1, 0, 2, 3);
	EXPECT(&rig, ROOST_NODE(0), 1, 0, 2, 3);
	EXPECT(&rig, ROOST_NODE(3), 3, 2, 1, 0);
	rig_home(&rig);
	rig_close(&rig);
}

/* Without flags the node of the calling CPU decides. */
static void order_of_the_cpu(void **state)
{
	struct rig rig;

	NEED_SMP();
	open_nodes(&rig, state, NULL);
	rig_cpu(&rig, 2);
	EXPECT(&rig, 0, 3, 2, 1, 0);
	EXPECT(&rig, ROOST_NODE(0), 1, 0, 2, 3);
	rig_cpu(&rig, 1);
	assert_int_equal(next_zone(&rig, 0), 2);
	rig_free_all(&rig);
	EXPECT(&rig, ROOST_THISNODE, 2);
	rig_home(&rig);
	rig_close(&rig);
}

static void given_order(void **state)
{
	static const uint8_t order[4 * ZONES] = {
		0, 3,	 2,    1,    /* node 0 */
		2, 0xff, 0xff, 0xff, /* node 1: only its own */
		1, 2,	 0xff, 0,    /* node 2: two, what stands after the end counts for nothing */
		3, 1,	 0,    2,    /* node 3 */
	};
	struct rig rig;

	open_nodes(&rig, state, order);
	EXPECT(&rig, ROOST_NODE(0), 0, 3, 2, 1);
	EXPECT(&rig, ROOST_NODE(1), 2);
	EXPECT(&rig, ROOST_NODE(2), 1, 2);
	EXPECT(&rig, ROOST_NODE(3), 3, 1, 0, 2);
	EXPECT(&rig, 0, 0, 3, 2, 1);
	rig_home(&rig);
	rig_close(&rig);
}

static void this_node(void **state)
{
	struct rig rig;

	open_nodes(&rig, state, NULL);
	EXPECT(&rig, ROOST_THISNODE, 1, 0);
	EXPECT(&rig, ROOST_THISNODE | ROOST_NODE(0), 1, 0);
	EXPECT(&rig, ROOST_THISNODE | ROOST_NODE(1), 2);
	EXPECT(&rig, ROOST_THISNODE | ROOST_NODE(3), 3);
	/* A node without zones. */
	assert_int_equal(next_zone(&rig, ROOST_THISNODE | ROOST_NODE(2)), -1);
	rig_home(&rig);
	rig_close(&rig);
}

static void this_zone(void **state)
{
	struct rig rig;

	open_nodes(&rig, state, NULL);
	for (int zone = 0; zone < ZONES; zone++)
		EXPECT(&rig, ROOST_ZONE(zone), zone);
	rig_home(&rig);
	rig_close(&rig);
}

/* Large blocks and bulk calls follow the same lists. */
static void bulk_and_large(void **state)
{
	roost_pfn pfns[FRAMES + 10];
	struct rig rig;

	open_nodes(&rig, state, NULL);
	assert_int_equal(rig_bulk(&rig, 0, ROOST_ZONE(2) | ROOST_WAIT, pfns, LENGTH(pfns)), FRAMES);
	for (unsigned i = 0; i < FRAMES; i++)
		assert_int_equal(shadow_zone(&rig.shadow, pfns[i]), 2);
	assert_int_equal(rig_bulk(&rig, 0, ROOST_NODE(1) | ROOST_WAIT, pfns, LENGTH(pfns)),
			 LENGTH(pfns));
	for (unsigned i = 0; i < LENGTH(pfns); i++)
		assert_int_not_equal(shadow_zone(&rig.shadow, pfns[i]), 3);
	rig_free_all(&rig);
	assert_int_equal(rig_take_all(&rig, ROOST_PAGEBLOCK_ORDER, ROOST_ZONE(0) | ROOST_WAIT), 1);
	rig_home(&rig);
	rig_close(&rig);
}

/* Frees find the zone by the frame alone, from any CPU. */
static void frees_go_to_their_zone(void **state)
{
	struct rig rig;

	open_nodes(&rig, state, NULL);
	for (int zone = 0; zone < ZONES; zone++)
		for (unsigned i = 0; i < 100; i++)
			assert_int_equal(next_zone(&rig, ROOST_ZONE(zone)), zone);
	for (unsigned zone = 0; zone < ZONES; zone++)
		assert_int_equal(rig_zone_free(&rig, zone), FRAMES - 100);
	rig_cpu(&rig, 3);
	rig_free_all(&rig);
	for (unsigned zone = 0; zone < ZONES; zone++)
		assert_int_equal(rig_zone_free(&rig, zone), FRAMES);
	rig_home(&rig);
	rig_close(&rig);
}

/* A zone below its low mark is passed over for one that is not, as long as there is one. */
static void low_zones_come_last(void **state)
{
	static const struct roost_range ranges[] = {{0, 4 * BLOCK, 0, 0},
						    {4 * BLOCK, 8 * BLOCK, 1, 0}};
	static const struct roost_zone_config zones[2] = {{.low = 2 * BLOCK}, {.low = 2 * BLOCK}};
	static const int expected[] = {1, 1, 1, 0, 0, 0, 1, 0};
	struct roost_config config = rig_config(state);
	struct rig rig;

	config.ranges = ranges;
	config.zones = zones;
	config.nr_ranges = config.nr_zones = 2;
	config.max_order = ROOST_PAGEBLOCK_ORDER;
	rig_pcpbuddy.high = rig_pcpbuddy.batch = 1; /* all lies in the zones */
	rig_open(&rig, &config);
	for (unsigned i = 0; i < LENGTH(expected); i++) {
		roost_pfn pfn = rig_get(&rig, ROOST_PAGEBLOCK_ORDER, ROOST_WAIT);

		assert_int_equal(shadow_zone(&rig.shadow, pfn), expected[i]);
	}
	rig_home(&rig);
	rig_close(&rig);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(default_order, variants_paths),
		SUITE_TEST(order_of_the_cpu, variants_paths),
		SUITE_TEST(given_order, variants_paths),
		SUITE_TEST(this_node, variants_paths),
		SUITE_TEST(this_zone, variants_paths),
		SUITE_TEST(bulk_and_large, variants_paths),
		SUITE_TEST(frees_go_to_their_zone, variants_all),
		SUITE_TEST(low_zones_come_last, variants_owners),
	};

	return SUITE_RUN("node", tests, argc, argv);
}
