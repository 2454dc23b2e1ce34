/* SPDX-License-Identifier: MIT */
/*
 * proof.c - with ROOST_WAIT an order-0 allocation fails only if there was an instant at which none
 * of its zones had a frame, not if each of them had none at an instant of its own.
 *
 * Each look at a zone is preceded by what another thread could do just then: it gives back the
 * frame that it has, and then takes the one of the zone that is looked at. A third thread began an
 * allocation before a pageblock was isolated, and takes its frame at any time.
 */
#include "sets/engine.h"

#include "harness.h"

#include <stdlib.h>
#include <string.h>

enum {
	ZONES = 2,
	LOOKS = 50,	      /* this many; the searches before the first sum take about 12 */
	ISOLATED = 2 * BLOCK, /* the one frame of that pageblock */
	NEVER = -1,
};

static roost_t *roost;
static roost_pfn had;
static unsigned looks;
static int until_take; /* looks until the third thread takes its frame, and counts that */

static void third(void)
{
	if (until_take == NEVER || until_take-- > 0)
		return;
	until_take = NEVER;
	roost->blocks[ISOLATED / BLOCK].word[0] = 0;
	roost->zones[0].pcps[0].orders.allocated[0]++;
}

static void other(const struct rst_zone *z)
{
	roost_pfn wanted = (roost_pfn)z->desc.id * BLOCK;

	third();
	if (!looks || had == wanted)
		return;
	looks--;
	roost_free(roost, had, 0);
	had = wanted; /* no look of its own */
	had = roost_alloc(roost, 0, ROOST_ZONE(z->desc.id));
	assert_int_equal(had, wanted);
}

size_t __real_rst_from_zone(struct rst_call *q, struct rst_zone *z, rst_frame_id *out,
			    size_t count);
size_t __wrap_rst_from_zone(struct rst_call *q, struct rst_zone *z, rst_frame_id *out,
			    size_t count);
uint64_t __real_rst_zone_gone(const struct roost *r, const struct rst_zone *z);
uint64_t __wrap_rst_zone_gone(const struct roost *r, const struct rst_zone *z);
uint64_t __real_rst_isolated_frames(const struct roost *r, const struct rst_zone *z);
uint64_t __wrap_rst_isolated_frames(const struct roost *r, const struct rst_zone *z);
uint64_t __real_rst_zone_come(const struct roost *r, const struct rst_zone *z);
uint64_t __wrap_rst_zone_come(const struct roost *r, const struct rst_zone *z);

size_t __wrap_rst_from_zone(struct rst_call *q, struct rst_zone *z, rst_frame_id *out, size_t count)
{
	other(z);
	return __real_rst_from_zone(q, z, out, count);
}

uint64_t __wrap_rst_zone_gone(const struct roost *r, const struct rst_zone *z)
{
	other(z);
	return __real_rst_zone_gone(r, z);
}

uint64_t __wrap_rst_isolated_frames(const struct roost *r, const struct rst_zone *z)
{
	other(z);
	return __real_rst_isolated_frames(r, z);
}

uint64_t __wrap_rst_zone_come(const struct roost *r, const struct rst_zone *z)
{
	uint64_t come = __real_rst_zone_come(r, z);

	other(z);
	return come;
}

/* Two zones of one frame, of which another thread has one; zone 0 has an isolated one, too. */
static void *open_zones(unsigned hops)
{
	struct roost_config config = ROOST_CONFIG_INIT;
	struct roost_range ranges[ZONES + 1];
	struct roost_zone_config zones[ZONES] = {{.name = "low"}, {.name = "high"}};
	void *metadata;
	size_t size;

	for (unsigned i = 0; i <= ZONES; i++)
		ranges[i] = (struct roost_range){.start = (roost_pfn)i * BLOCK,
						 .end = (roost_pfn)i * BLOCK + 1,
						 .zone = (uint16_t)(i % ZONES)};
	config.ranges = ranges;
	config.nr_ranges = ZONES + 1;
	config.zones = zones;
	config.nr_zones = ZONES;
	config.nr_cpus = 1;
	config.pockets = ROOST_POCKETS_OFF;
	size = (roost_metadata_size(&config) + 63) & ~(size_t)63;
	metadata = aligned_alloc(64, size);
	assert_non_null(metadata);
	memset(metadata, 0, size);
	assert_int_equal(roost_init(&roost, &config, metadata, size), 0);
	assert_int_equal(roost_isolate(roost, ISOLATED, true), 0);
	roost_posix_set_cpu(0);
	had = roost_alloc(roost, 0, ROOST_ZONE(0));
	assert_int_equal(had, 0);
	looks = hops;
	return metadata;
}

static void close_zones(void *metadata)
{
	roost_posix_set_cpu(-1);
	free(metadata);
}

static void one_instant_for_all_zones(void **state)
{
	void *metadata = open_zones(LOOKS);

	(void)state;
	until_take = NEVER;
	assert_int_not_equal(roost_alloc(roost, 0, ROOST_WAIT), ROOST_NONE);
	assert_int_equal(looks, 0);
	close_zones(metadata);
}

/* A frame that is taken out of an isolated pageblock is not taken off twice, as isolated and as
 * allocated. */
static void isolated_ones_are_taken_off_once(void **state)
{
	(void)state;
	for (int i = 0; i < LOOKS * LOOKS; i++) {
		void *metadata = open_zones((unsigned)i % LOOKS);

		until_take = i / LOOKS;
		assert_int_not_equal(roost_alloc(roost, 0, ROOST_WAIT), ROOST_NONE);
		close_zones(metadata);
	}
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(one_instant_for_all_zones, variants_one),
		SUITE_TEST(isolated_ones_are_taken_off_once, variants_one),
	};

	return SUITE_RUN("proof", tests, argc, argv);
}
