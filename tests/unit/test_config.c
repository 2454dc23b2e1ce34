/* SPDX-License-Identifier: MIT */
/* test_config.c - configurations that must be refused, by a text that names what is wrong. */
#include "harness.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Something to spoil: two zones, two nodes, four CPUs. */
struct good {
	struct roost_range ranges[4];
	struct roost_zone_config zones[ROOST_MAX_ZONES + 1];
	uint8_t zone_order[2 * 2];
	uint8_t cpu_node[4];
	struct roost_pcpbuddy_config pcpbuddy;
	struct roost_config config;
};

static void make_good(struct good *g)
{
	const struct roost_config init = ROOST_CONFIG_INIT;

	memset(g, 0, sizeof(*g));
	g->ranges[0] = (struct roost_range){0, 1000, 0, 0};
	g->ranges[1] = (struct roost_range){1000, 3000, 1, 0};
	g->ranges[2] = (struct roost_range){100, 200, 0, ROOST_RANGE_RESERVED};
	g->ranges[3] = (struct roost_range){5000, 6000, 1, 0};
	g->zones[0] = (struct roost_zone_config){.name = "low"};
	g->zones[1] = (struct roost_zone_config){.name = "high", .node = 1};
	memcpy(g->zone_order, (uint8_t[]){0, 1, 1, 0}, sizeof(g->zone_order));
	g->cpu_node[1] = 1;
	g->config = init;
	g->config.pcpbuddy = library_is_pcpbuddy ? &g->pcpbuddy : NULL;
	g->config.ranges = g->ranges;
	g->config.nr_ranges = 4;
	g->config.zones = g->zones;
	g->config.nr_zones = 2;
	g->config.zone_order = g->zone_order;
	g->config.cpu_node = g->cpu_node;
	g->config.nr_cpus = library_is_up ? 1 : 4;
}

/* The text with all letters small. */
static void lower(char *to, const char *from, size_t size)
{
	size_t i = 0;

	for (; from[i] && i + 1 < size; i++)
		to[i] = (char)tolower((unsigned char)from[i]);
	to[i] = 0;
}

/* The configuration is refused everywhere, and the text has the word in it. */
static void refused(const struct roost_config *config, const char *word, int error)
{
	static char memory[1 << 20] __attribute__((aligned(64)));
	roost_t *roost = (roost_t *)memory;
	const char *text = roost_config_error(config);
	char small[200];

	if (!text)
		fail_msg("not refused: %s", word);
	lower(small, text, sizeof(small));
	if (!strstr(small, word))
		fail_msg("\"%s\" does not name \"%s\"", text, word);
	assert_int_equal(roost_metadata_size(config), 0);
	assert_int_equal(roost_init(&roost, config, memory, sizeof(memory)), error);
}

#define REFUSED(change, word)                                                                      \
	do {                                                                                       \
		struct good g;                                                                     \
		make_good(&g);                                                                     \
		change;                                                                            \
		refused(&g.config, word, -ROOST_EINVAL);                                           \
	} while (0)

static void good_is_good(void **state)
{
	struct good g;
	struct rig rig;

	(void)state;
	make_good(&g);
	assert_null(roost_config_error(&g.config));
	assert_int_not_equal(roost_metadata_size(&g.config), 0);
	rig_open(&rig, &g.config);
	assert_int_equal(rig_take_all(&rig, 0, ROOST_WAIT), 900 + 2000 + 1000);
	rig_home(&rig);
	rig_close(&rig);
}

static void bad_size(void **state)
{
	(void)state;
	REFUSED(g.config.size = 0, "size");
	REFUSED(g.config.size = sizeof(struct roost_config) - 1, "size");
	REFUSED(g.config.size = SIZE_MAX, "size");
	assert_non_null(roost_config_error(NULL));
}

/* The configuration of a program whose header is newer. */
static void newer_header(void **state)
{
	struct {
		struct good g;
		unsigned char unknown[64];
	} newer;
	struct roost_config *config = &newer.g.config;
	roost_t *roost;
	size_t size;
	void *metadata;

	(void)state;
	_Static_assert(offsetof(struct good, config) + sizeof(struct roost_config) ==
			       sizeof(struct good),
		       "what follows is the configuration's tail");
	make_good(&newer.g);
	memset(newer.unknown, 0, sizeof(newer.unknown));
	config->size += sizeof(newer.unknown);
	size = roost_metadata_size(config);
	metadata = aligned_alloc(64, size);
	assert_int_equal(roost_init(&roost, config, memset(metadata, 0, size), size), 0);
	assert_int_not_equal(roost_alloc(roost, 0, 0), ROOST_NONE);
	free(metadata);
	for (size_t i = 0; i < sizeof(newer.unknown); i++) {
		newer.unknown[i] = 1;
		refused(config, "newer", -ROOST_E2BIG);
		newer.unknown[i] = 0;
	}
	newer.unknown[63] = 1; /* and no more is looked at than was said */
	config->size = sizeof(*config) + 63;
	assert_null(roost_config_error(config));
}

static void bad_ranges(void **state)
{
	(void)state;
	REFUSED(g.config.ranges = NULL, "range");
	REFUSED(g.config.nr_ranges = 0, "range");
	REFUSED(g.ranges[0].end = 0, "range");
	REFUSED(g.ranges[1].end = 999, "range");
	REFUSED(g.ranges[2].end = g.ranges[2].start, "range");
	REFUSED(g.ranges[1].zone = 2, "zone");
	REFUSED((g.ranges[2].start = 0, g.ranges[2].end = 9000), "reserved");
	REFUSED(g.config.ranges = (g.config.nr_ranges = 1, &g.ranges[2]), "reserved");
	REFUSED(g.ranges[0].flags = 8, "flag");
	REFUSED(g.ranges[0].flags = 0x8001, "flag");
	REFUSED(g.ranges[1].start = 999, "overlap");
	REFUSED(g.ranges[3] = g.ranges[1], "overlap");
	REFUSED((g.ranges[3].start = 10, g.ranges[3].end = 11), "overlap");
}

static void bad_zones(void **state)
{
	(void)state;
	REFUSED(g.config.nr_zones = 0, "zone");
	REFUSED(g.config.zones = NULL, "zone"); /* range 1 is of zone 1 */
	REFUSED(g.zones[1].node = ROOST_MAX_NODES, "node");
	REFUSED((g.zones[0].low = 500, g.zones[0].high = 400), "high");
	REFUSED(g.zones[0].reserve = 901, "reserve");
	REFUSED(g.zone_order[2] = 2, "zone_order");
	REFUSED(g.cpu_node[0] = ROOST_MAX_NODES, "node");
}

static void bad_numbers(void **state)
{
	(void)state;
	REFUSED(g.config.nr_cpus = 0, "cpu");
	REFUSED(g.config.max_order = ROOST_PAGEBLOCK_ORDER - 1, "order");
	REFUSED(g.config.max_order = ROOST_MAX_ORDER + 1, "order");
	REFUSED(g.config.check_level = ROOST_CHECK_PARANOID + 1, "check");
	REFUSED(g.config.pockets = (enum roost_pockets)2, "pockets");
}

/* What only the engine pcpbuddy has, it looks at, and another refuses. */
static void bad_pcpbuddy(void **state)
{
	struct good good;

	(void)state;
	if (!library_is_pcpbuddy) {
		REFUSED(g.config.pcpbuddy = &g.pcpbuddy, "pcpbuddy");
		return;
	}
	make_good(&good);
	assert_null(roost_config_error(&good.config));
	good.config.pcpbuddy = NULL;
	assert_null(roost_config_error(&good.config));
	REFUSED(g.pcpbuddy.free_path = (enum roost_free_path)3, "free_path");
	if (!library_is_lab)
		REFUSED(g.pcpbuddy.free_path = ROOST_FREE_BLOCKING, "free_path");
	REFUSED(g.pcpbuddy.high = (1u << 20) + 1, "high");
	REFUSED(g.pcpbuddy.batch = (1u << 20) + 1, "batch");
	for (unsigned i = 0; i < LENGTH(good.pcpbuddy.reserved); i++) {
		make_good(&good);
		good.pcpbuddy.reserved[i] = 1;
		refused(&good.config, "newer", -ROOST_E2BIG);
	}
}

static void too_many(void **state)
{
	static struct roost_range many[100000];
	struct good g;

	(void)state;
	make_good(&g);
	g.config.cpu_node = NULL;
	g.config.nr_cpus = ROOST_MAX_CPUS + 1;
	refused(&g.config, "cpu", -ROOST_E2BIG);
	make_good(&g);
	g.config.zone_order = NULL;
	g.config.nr_zones = ROOST_MAX_ZONES + 1;
	refused(&g.config, "zone", -ROOST_E2BIG);
	make_good(&g);
	g.ranges[3].end = UINT64_C(1) << 40;
	refused(&g.config, "2^32 - 1024 frames", -ROOST_E2BIG);
	make_good(&g);
	g.config.ranges = many;
	g.config.nr_ranges = LENGTH(many);
	for (unsigned i = 0; i < LENGTH(many); i++)
		many[i] = (struct roost_range){2 * i, 2 * i + 1, 0, 0};
	refused(&g.config, "range", -ROOST_E2BIG);
}

/* Frames that fill up pageblocks count, holes do not. */
static void so_many_frames(void **state)
{
	const roost_pfn most = (UINT64_C(1) << 32) - 1024;
	struct good g;

	(void)state;
	make_good(&g);
	g.config.zone_order = NULL;
	g.config.nr_ranges = 1;
	g.ranges[0] = (struct roost_range){.start = 0, .end = most};
	assert_null(roost_config_error(&g.config));
	g.ranges[0].end++;
	refused(&g.config, "2^32 - 1024 frames", -ROOST_E2BIG);
	g.ranges[0] = (struct roost_range){.start = 1, .end = most};
	assert_null(roost_config_error(&g.config));
	g.ranges[0] = (struct roost_range){.start = 511, .end = most + 1};
	refused(&g.config, "2^32 - 1024 frames", -ROOST_E2BIG);
	g.config.nr_ranges = 2;
	g.ranges[0] = (struct roost_range){.start = 0, .end = 0xc0000};
	g.ranges[1] = (struct roost_range){.start = 0x100000, .end = most + 0x40000};
	assert_null(roost_config_error(&g.config));
	g.ranges[1].end = (UINT64_C(1) << 32) + 0x40000;
	refused(&g.config, "2^32 - 1024 frames", -ROOST_E2BIG);
}

/* The most of everything is accepted and works. */
static void just_enough(void **state)
{
	struct roost_zone_config zones[ROOST_MAX_ZONES] = {{0}};
	struct roost_range ranges[ROOST_MAX_ZONES];
	struct roost_config config = rig_config(state);
	struct rig rig;

	for (unsigned i = 0; i < ROOST_MAX_ZONES; i++) {
		ranges[i] = (struct roost_range){i * 100, i * 100 + 90, (uint16_t)i, 0};
		zones[i].node = i;
	}
	config.ranges = ranges;
	config.zones = zones;
	config.nr_ranges = config.nr_zones = ROOST_MAX_ZONES;
	config.nr_cpus = library_is_up ? 1 : ROOST_MAX_CPUS;
	rig_open(&rig, &config);
	rig_cpu(&rig, ROOST_MAX_CPUS - 1);
	assert_int_equal(rig_take_all(&rig, 0, ROOST_WAIT), 90 * ROOST_MAX_ZONES);
	rig_home(&rig);
	rig_close(&rig);
}

static void long_names_are_cut(void **state)
{
	struct roost_zone_info info;
	struct good g;
	struct rig rig;

	(void)state;
	make_good(&g);
	g.zones[0].name = "a name of more than fifteen bytes";
	g.zones[1].name = NULL;
	rig_open(&rig, &g.config);
	assert_int_equal(roost_zone_info(rig.roost, 0, &info), 0);
	assert_string_equal(info.name, "a name of more ");
	assert_int_equal(roost_zone_info(rig.roost, 1, &info), 0);
	assert_string_equal(info.name, "Normal");
	assert_int_equal(info.node, 1);
	rig_close(&rig);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(good_is_good, variants_one),
		SUITE_TEST(bad_size, variants_one),
		SUITE_TEST(newer_header, variants_one),
		SUITE_TEST(bad_ranges, variants_one),
		SUITE_TEST(bad_zones, variants_one),
		SUITE_TEST(bad_numbers, variants_one),
		SUITE_TEST(bad_pcpbuddy, variants_one),
		SUITE_TEST(too_many, variants_one),
		SUITE_TEST(just_enough, variants_paths),
		SUITE_TEST(so_many_frames, variants_one),
		SUITE_TEST(long_names_are_cut, variants_one),
	};

	return SUITE_RUN("config", tests, argc, argv);
}
