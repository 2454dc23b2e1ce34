/* SPDX-License-Identifier: MIT */
/* test_map.c - memory maps of odd shapes: what is handed out is what the ranges say. */
#include "harness.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define HUGE_PFN (UINT64_C(1) << 40)

struct shape {
	const char *name;
	size_t nr_ranges, nr_zones;
	unsigned max_order;
	struct roost_range ranges[8];
	struct roost_zone_config zones[4];
};

#define R ROOST_RANGE_RESERVED

static const struct shape shapes[] = {
	{"one pageblock", 1, 0, 0, {{0, BLOCK, 0, 0}}, {{0}}},
	{"odd ends", 1, 0, 0, {{3, 4999, 0, 0}}, {{0}}},
	{"one frame", 1, 0, 0, {{7, 8, 0, 0}}, {{0}}},
	{"one frame at 0", 1, 0, 0, {{0, 1, 0, 0}}, {{0}}},
	{"two frames across a pageblock", 1, 0, 0, {{BLOCK - 1, BLOCK + 1, 0, 0}}, {{0}}},
	{"holes in mid-pageblock",
	 4,
	 0,
	 0,
	 {{5, 77, 0, 0}, {100, 101, 0, 0}, {130, 700, 0, 0}, {701, 2000, 0, 0}},
	 {{0}}},
	{"ranges in any order, touching",
	 3,
	 0,
	 0,
	 {{1500, 2600, 0, 0}, {0, 900, 0, 0}, {900, 1500, 0, 0}},
	 {{0}}},
	{"reserved inside, across, over, twice",
	 8,
	 0,
	 0,
	 {{0, 1000, 0, 0},
	  {100, 120, 0, R},
	  {990, 1100, 0, R},
	  {1050, 1700, 0, 0},
	  {2000, 2100, 0, 0},
	  {1990, 2200, 0, R},
	  {110, 140, 0, R},
	  {2300, 3333, 0, 0}},
	 {{0}}},
	{"reserved outside of everything",
	 3,
	 0,
	 0,
	 {{600, 1300, 0, 0}, {0, 90, 0, R}, {5000, 6000, 77, R}},
	 {{0}}},
	{"every other frame reserved",
	 5,
	 0,
	 0,
	 {{0, 9, 0, 0}, {1, 2, 0, R}, {3, 4, 0, R}, {5, 6, 0, R}, {7, 8, 0, R}},
	 {{0}}},
	{"zones that meet in mid-pageblock",
	 3,
	 3,
	 0,
	 {{0, 700, 0, 0}, {700, 1801, 1, 0}, {1801, 4000, 2, 0}},
	 {{.name = "DMA"}, {.name = "DMA32"}, {.name = "Normal"}}},
	{"zones interleaved",
	 6,
	 2,
	 0,
	 {{0, 300, 0, 0},
	  {300, 600, 1, 0},
	  {600, 1024, 0, 0},
	  {1024, 2048, 1, 0},
	  {2100, 2101, 0, 0},
	  {2101, 2102, 1, 0}},
	 {{.name = "A"}, {.name = "B"}}},
	{"tiny zones in one pageblock",
	 4,
	 4,
	 0,
	 {{10, 11, 0, 0}, {11, 13, 1, 0}, {20, 24, 2, 0}, {24, 25, 3, 0}},
	 {{.name = "a"}, {.name = "b"}, {.name = "c"}, {.name = "d"}}},
	{"huge pfns",
	 2,
	 0,
	 0,
	 {{HUGE_PFN, HUGE_PFN + 1111, 0, 0}, {HUGE_PFN + 1300, HUGE_PFN + 3000, 0, 0}},
	 {{0}}},
	{"huge pfns, no boundary", 1, 0, 0, {{HUGE_PFN - 5, HUGE_PFN + 5, 0, 0}}, {{0}}},
	{"hole of many GiB",
	 2,
	 0,
	 0,
	 {{9, 1500, 0, 0}, {HUGE_PFN + 9, HUGE_PFN + 1500, 0, 0}},
	 {{0}}},
	{"smallest largest order", 1, 0, ROOST_PAGEBLOCK_ORDER, {{100, 3000, 0, 0}}, {{0}}},
};

#undef R

static const struct shape large_shape = {
	"largest largest order",
	2,
	0,
	ROOST_MAX_ORDER,
	{{100, (1 << 18) + 700, 0, 0}, {(1 << 18) + 900, (1 << 19) + 3, 0, 0}},
	{{0}}};

static struct roost_config shape_config(const struct shape *shape, void *const *state)
{
	struct roost_config config = rig_config(state);

	config.ranges = shape->ranges;
	config.nr_ranges = shape->nr_ranges;
	config.zones = shape->nr_zones ? shape->zones : NULL;
	config.nr_zones = shape->nr_zones;
	config.max_order = shape->max_order;
	return config;
}

/* What roost_zone_info() must say of where a zone lies. */
static void check_zone_span(const struct rig *rig, const struct shape *shape, unsigned zone)
{
	roost_pfn low = ROOST_NONE, high = 0;
	uint64_t present = 0;
	struct roost_zone_info info;

	for (size_t i = 0; i < shape->nr_ranges; i++) {
		const struct roost_range *r = &shape->ranges[i];

		if (r->flags & ROOST_RANGE_RESERVED || r->zone != zone)
			continue;
		low = r->start < low ? r->start : low;
		high = r->end > high ? r->end : high;
		present += r->end - r->start;
	}
	assert_int_equal(roost_zone_info(rig->roost, zone, &info), 0);
	assert_int_equal(info.start_pfn, low);
	assert_int_equal(info.spanned, high - low);
	assert_int_equal(info.present, present);
	assert_int_equal(info.managed, shadow_managed(&rig->shadow, (int)zone));
	assert_string_equal(info.name, shape->nr_zones ? shape->zones[zone].name : "Normal");
}

/* Every block that the map has room for can be allocated once, and not one more. */
static void take_every_block(struct rig *rig, unsigned order)
{
	uint64_t expected = shadow_blocks(&rig->shadow, -1, order);
	uint64_t taken = rig_take_all(rig, order, ROOST_WAIT);

	if (taken != expected)
		fail_msg("order %u: %u blocks, not %u", order, (unsigned)taken, (unsigned)expected);
	rig_compare(rig);
	rig_free_all(rig);
	rig_compare(rig);
}

static void check_shape(const struct shape *shape, void *const *state, unsigned step)
{
	struct roost_config config = shape_config(shape, state);
	struct rig rig;

	print_message("%s\n", shape->name);
	rig_open(&rig, &config);
	rig_compare(&rig);
	for (unsigned z = 0; z < roost_nr_zones(rig.roost); z++)
		check_zone_span(&rig, shape, z);
	for (unsigned k = 0; k <= roost_max_order(rig.roost); k += step)
		take_every_block(&rig, k);
	rig_home(&rig);
	rig_close(&rig);
}

static void every_frame_once(void **state)
{
	for (size_t i = 0; i < LENGTH(shapes); i++)
		check_shape(&shapes[i], state, 1);
}

static void every_frame_of_a_large_one(void **state)
{
	check_shape(&large_shape, state, 3);
}

/* ---- Metadata ---------------------------------------------------------------------------- */

static size_t size_of_two_ranges(uint64_t hole)
{
	const struct roost_range ranges[] = {{0, 4096, 0, 0}, {4096 + hole, 8192 + hole, 0, 0}};
	struct roost_config config = ROOST_CONFIG_INIT;

	config.ranges = ranges;
	config.nr_ranges = 2;
	return roost_metadata_size(&config);
}

static void holes_cost_nothing(void **state)
{
	size_t small = size_of_two_ranges(BLOCK);
	size_t large = size_of_two_ranges(UINT64_C(1) << 26); /* 256 GiB of 4 KiB */
	size_t huge = size_of_two_ranges(UINT64_C(1) << 40);

	(void)state;
	assert_int_not_equal(small, 0);
	assert_in_range(large, 1, small + 4096);
	assert_in_range(huge, 1, small + 4096);
}

static void too_small_metadata(void **state)
{
	const struct roost_range range = {0, 5000, 0, 0};
	struct roost_config config = rig_config(state);
	size_t size;
	char *memory;
	roost_t *roost = NULL;

	config.ranges = &range;
	config.nr_ranges = 1;
	size = roost_metadata_size(&config);
	memory =
		mmap(NULL, size + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(memory, MAP_FAILED);
	assert_int_equal(roost_init(&roost, &config, memory, 0), -ROOST_ENOSPC);
	assert_int_equal(roost_init(&roost, &config, memory, size / 2), -ROOST_ENOSPC);
	assert_int_equal(roost_init(&roost, &config, memory, size - 1), -ROOST_ENOSPC);
	assert_int_equal(roost_init(&roost, &config, memory + 8, size), -ROOST_EINVAL);
	for (size_t i = 0; i < size; i++)
		assert_int_equal(memory[i], 0);
	assert_int_equal(roost_init(&roost, &config, memory, size), 0);
	assert_int_equal(roost_validate(roost, NULL), 0);
	munmap(memory, size + 4096);
}

/* Exactly size bytes are used: the pages round them are not mapped. */
static void metadata_is_enough(void **state)
{
	const struct roost_range range = {1, 3333, 0, 0};
	struct roost_config config = rig_config(state);
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t size, span;
	char *memory, *end;
	roost_t *roost;

	config.ranges = &range;
	config.nr_ranges = 1;
	size = (roost_metadata_size(&config) + 63) & ~(size_t)63;
	span = (size + page - 1) & ~(page - 1);
	memory =
		mmap(NULL, span + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(memory, MAP_FAILED);
	assert_int_equal(mprotect(memory + span, page, PROT_NONE), 0);
	end = memory + span;
	assert_int_equal(roost_init(&roost, &config, end - size, size), 0);
	for (unsigned i = 0; i < 3332; i++)
		assert_int_not_equal(roost_alloc(roost, 0, ROOST_WAIT), ROOST_NONE);
	assert_int_equal(roost_validate(roost, NULL), 0);
	munmap(memory, span + page);
}

static size_t touched_pages(void *memory, size_t size)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t pages = (size + page - 1) / page, touched = 0;
	unsigned char *map = malloc(pages);

	assert_non_null(map);
	assert_int_equal(mincore(memory, size, map), 0);
	for (size_t i = 0; i < pages; i++)
		touched += map[i] & 1;
	free(map);
	return touched;
}

/* Percent of the metadata's pages that are touched after a few allocations in 64 GiB of 4 KiB. */
static size_t touched_percent(void *const *state, unsigned max_order)
{
	const struct roost_range range = {0, UINT64_C(1) << 24, 0, 0};
	struct roost_config config = rig_config(state);
	roost_pfn pfns[64];
	size_t size, touched;
	void *metadata;
	roost_t *roost;

	config.ranges = &range;
	config.nr_ranges = 1;
	config.max_order = max_order;
	size = roost_metadata_size(&config);
	metadata = mmap(NULL, size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_ptr_not_equal(metadata, MAP_FAILED);
	madvise(metadata, size, MADV_NOHUGEPAGE);
	assert_int_equal(roost_init(&roost, &config, metadata, size), 0);
	for (size_t i = 0; i < LENGTH(pfns); i++)
		pfns[i] = roost_alloc(roost, 0, ROOST_WAIT);
	for (size_t i = 0; i < LENGTH(pfns); i++)
		roost_free(roost, pfns[i], 0);
	touched = touched_pages(metadata, size) * (size_t)sysconf(_SC_PAGESIZE);
	munmap(metadata, size);
	return touched * 100 / size;
}

/* One record at the head of each free block is written: of blocks of 2^10 frames that may be one
 * page in four. */
static void metadata_is_touched_lazily(void **state)
{
	assert_in_range(touched_percent(state, ROOST_MAX_ORDER), 0, 2);
	assert_in_range(touched_percent(state, ROOST_DEFAULT_MAX_ORDER), 0, 30);
}

/* A zone of many pieces before one of a single piece: each is found in its own place. */
static void many_pieces_before_one(void **state)
{
	enum { PIECES = 100 };
	static struct roost_zone_config zones[2];
	struct roost_range ranges[PIECES + 1];
	struct roost_config config = rig_config(state);
	struct rig rig;

	for (roost_pfn i = 0; i <= PIECES; i++)
		ranges[i] = (struct roost_range){
			.start = 4 * i * BLOCK, .end = (4 * i + 2) * BLOCK, .zone = i == PIECES};
	config.ranges = ranges;
	config.nr_ranges = PIECES + 1;
	config.zones = zones;
	config.nr_zones = 2;
	config.nr_cpus = 2;
	rig_open(&rig, &config);
	for (unsigned order = 9; order < 11; order++) {
		assert_int_equal(rig_take_all(&rig, order, ROOST_ZONE(1)), 1u << (10 - order));
		rig_compare(&rig);
		assert_int_equal(rig_take_all(&rig, order, ROOST_ZONE(0)), PIECES << (10 - order));
		rig_compare(&rig);
		rig_free_all(&rig);
		roost_drain(rig.roost, -1);
	}
	assert_int_equal(rig_take_all(&rig, 5, ROOST_ZONE(1)), 2 * BLOCK >> 5);
	rig_home(&rig);
	rig_close(&rig);
}

/* Numbers that can be asked for, and those that must be refused. */
static void numbers(void **state)
{
	struct roost_zone_info zone;
	struct roost_pcp_info pcp;
	struct rig rig;

	rig_open_simple(&rig, state, 0, 2000, 3);
	assert_int_equal(roost_nr_zones(rig.roost), 1);
	assert_int_equal(roost_nr_cpus(rig.roost), library_is_up ? 1 : 3);
	assert_int_equal(roost_max_order(rig.roost), ROOST_DEFAULT_MAX_ORDER);
	assert_int_equal(roost_zone_info(rig.roost, 1, &zone), -ROOST_EINVAL);
	assert_int_equal(roost_pcp_info(rig.roost, 1, 0, &pcp), -ROOST_EINVAL);
	assert_int_equal(roost_pcp_info(rig.roost, 0, library_is_up ? 1 : 3, &pcp), -ROOST_EINVAL);
	rig_close(&rig);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(every_frame_once, variants_all),
		SUITE_TEST(every_frame_of_a_large_one, variants_owners),
		SUITE_TEST(holes_cost_nothing, variants_one),
		SUITE_TEST(too_small_metadata, variants_one),
		SUITE_TEST(metadata_is_enough, variants_all),
		SUITE_TEST(metadata_is_touched_lazily, variants_one),
		SUITE_TEST(many_pieces_before_one, variants_owners),
		SUITE_TEST(numbers, variants_one),
	};

	return SUITE_RUN("map", tests, argc, argv);
}
