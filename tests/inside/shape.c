/* SPDX-License-Identifier: MIT */
/*
 * shape.c - what roost_init() derives from the map, figure by figure: a wrong one may do no harm
 * until a pool has just that shape.
 */
#include "sets/engine.h"

#include "harness.h"

enum { PIECES = 40 };

static struct roost_zone_config zones[2] = {{.name = "pieces"}, {.name = "one"}};

/* A zone of many pieces with a region each, and one of a single piece across a region's end, in
 * their midst. */
static void open_pieces(struct rig *rig, void *const *state)
{
	struct roost_range ranges[PIECES + 1];
	struct roost_config config = rig_config(state);
	roost_pfn base = (roost_pfn)(PIECES / 2) * 1024;

	for (roost_pfn i = 0; i < PIECES; i++)
		ranges[i] = (struct roost_range){.start = i * 1024 * BLOCK + 5,
						 .end = i * 1024 * BLOCK + 2 * BLOCK};
	ranges[PIECES] = (struct roost_range){
		.start = (base + 510) * BLOCK, .end = (base + 515) * BLOCK, .zone = 1};
	config.ranges = ranges;
	config.nr_ranges = PIECES + 1;
	config.zones = zones;
	config.nr_zones = LENGTH(zones);
	config.nr_cpus = 3;
	rig_open(rig, &config);
}

static void zone_is(const struct rst_zone *z, rst_block_id first, rst_block_id end,
		    rst_region_id first_region, rst_region_id end_region)
{
	assert_int_equal(z->first_block, first);
	assert_int_equal(z->end_block, end);
	assert_int_equal(z->first_region, first_region);
	assert_int_equal(z->end_region, end_region);
}

static void hints_are(const struct rst_zone *z, uint64_t blocks, uint64_t regions)
{
	assert_int_equal(z->partial.nr, blocks);
	assert_int_equal(z->partial.nr_lists, z->nr_lists);
	assert_int_equal(z->partial.nr_bins, RST_BINS);
	assert_int_equal(z->whole.nr, regions);
	assert_int_equal(z->whole.nr_lists, RST_WHOLE_LISTS);
	assert_int_equal(z->whole.nr_bins, RST_SET_ORDER + 1);
}

static void pieces(void **state)
{
	struct rig rig;
	const struct roost *r;
	unsigned homes = library_is_up ? 1 : 3;

	open_pieces(&rig, state);
	r = rig.roost;
	assert_int_equal(r->nr_blocks, 2 * PIECES + 5);
	assert_int_equal(r->nr_regions, PIECES + 2);
	assert_int_equal(r->nr_homes, homes);
	zone_is(&r->zones[0], 0, 2 * PIECES + 5, 0, PIECES + 2);
	hints_are(&r->zones[0], 2 * PIECES + 5, PIECES + 2);
	zone_is(&r->zones[1], PIECES + 2, PIECES + 7, PIECES / 2 + 1, PIECES / 2 + 3);
	hints_are(&r->zones[1], 5, 2);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(r->zones[i].nr_lists, ROOST_NR_LISTS + homes * RST_TYPES);
	rig_home(&rig);
	rig_close(&rig);
}

/* A piece that ends where a region does. */
static void full_regions(void **state)
{
	struct rig rig;

	rig_open_simple(&rig, state, 0, RST_REGION * BLOCK, 1);
	zone_is(&rig.roost->zones[0], 0, RST_REGION, 0, 1);
	hints_are(&rig.roost->zones[0], RST_REGION, 1);
	assert_int_equal(rig.roost->nr_regions, 1);
	rig_close(&rig);
}

static unsigned list_of(const struct rig *rig, rst_block_id b)
{
	return rst_list_of(rig->roost->place[b]);
}

/* The reserve is taken from the zone's last pageblocks, and from no other zone's in between. */
static void reserve_is_the_zones_own(void **state)
{
	static struct roost_zone_config with_reserve[2] = {{.reserve = 2 * BLOCK + 1}, {0}};
	static const unsigned reserved[] = {0, 0, 1, 1, 0, 0, 1};
	struct roost_range ranges[] = {
		{0, 4 * BLOCK, 0, 0}, {4 * BLOCK, 6 * BLOCK, 1, 0}, {6 * BLOCK, 7 * BLOCK, 0, 0}};
	struct roost_config config = rig_config(state);
	struct rig rig;

	config.ranges = ranges;
	config.nr_ranges = LENGTH(ranges);
	config.zones = with_reserve;
	config.nr_zones = 2;
	config.nr_cpus = 2;
	rig_open(&rig, &config);
	for (rst_block_id b = 0; b < LENGTH(reserved); b++)
		assert_int_equal(list_of(&rig, b),
				 reserved[b] ? ROOST_LIST_RESERVE : ROOST_LIST_MOVABLE);
	assert_int_equal(rig.roost->zones[0].reserve_free, 3 * BLOCK);
	rig_home(&rig);
	rig_close(&rig);
}

/* Two pieces of a zone in the same aligned frames, with another zone's between them, are two
 * pageblocks: each counts once. */
static void reserve_of_two_pieces(void **state)
{
	static const struct roost_zone_config two[2] = {{.reserve = 3 * BLOCK + 30}, {0}};
	const struct roost_range ranges[] = {{0, 4 * BLOCK + 20, 0, 0},
					     {4 * BLOCK + 20, 4 * BLOCK + 40, 1, 0},
					     {4 * BLOCK + 40, 7 * BLOCK, 0, 0}};
	struct roost_config config = rig_config(state);
	struct rig rig;

	config.ranges = ranges;
	config.nr_ranges = LENGTH(ranges);
	config.zones = two;
	config.nr_zones = LENGTH(two);
	rig_open(&rig, &config);
	assert_int_equal(rig.roost->zones[0].reserve_free, 4 * BLOCK - 20);
	rig_home(&rig);
	rig_close(&rig);
}

/* No more than is needed, when that is whole pageblocks. */
static void reserve_is_no_larger(void **state)
{
	const struct roost_zone_config with_reserve = {.reserve = 2 * BLOCK};
	struct rig rig;

	rig_open_zone(&rig, state, 8 * BLOCK, &with_reserve, 1);
	assert_int_equal(rig.roost->zones[0].reserve_free, 2 * BLOCK);
	assert_int_equal(list_of(&rig, 5), ROOST_LIST_MOVABLE);
	assert_int_equal(list_of(&rig, 6), ROOST_LIST_RESERVE);
	rig_home(&rig);
	rig_close(&rig);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(pieces, variants_one),
		SUITE_TEST(full_regions, variants_one),
		SUITE_TEST(reserve_is_the_zones_own, variants_owners),
		SUITE_TEST(reserve_of_two_pieces, variants_one),
		SUITE_TEST(reserve_is_no_larger, variants_owners),
	};

	return SUITE_RUN("sets_shape", tests, argc, argv);
}
