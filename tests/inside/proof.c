/* SPDX-License-Identifier: MIT */
/*
 * proof.c - with ROOST_WAIT an order-0 allocation fails only if there was an instant at which none
 * of its zones had a frame, not if each of them had none at an instant of its own.
 *
 * Each look at a zone is preceded by what another thread could do just then: it gives back the
 * frame that it has, and then takes the one of the zone that is looked at.
 */
#include "roost/engine.h"

#include "harness.h"

#include <stdlib.h>
#include <string.h>

enum { ZONES = 2, LOOKS = 40 }; /* for so long; the searches before the first sum take about 12 */

static roost_t *roost;
static roost_pfn had;
static unsigned looks;

static void other(const struct rst_zone *z)
{
	roost_pfn wanted = (roost_pfn)z->desc.id * BLOCK;

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
uint64_t __real_rst_out_of_reach(const struct roost *r, const struct rst_zone *z);
uint64_t __wrap_rst_out_of_reach(const struct roost *r, const struct rst_zone *z);
uint64_t __real_rst_zone_come(const struct roost *r, const struct rst_zone *z);
uint64_t __wrap_rst_zone_come(const struct roost *r, const struct rst_zone *z);

size_t __wrap_rst_from_zone(struct rst_call *q, struct rst_zone *z, rst_frame_id *out, size_t count)
{
	other(z);
	return __real_rst_from_zone(q, z, out, count);
}

uint64_t __wrap_rst_out_of_reach(const struct roost *r, const struct rst_zone *z)
{
	other(z);
	return __real_rst_out_of_reach(r, z);
}

uint64_t __wrap_rst_zone_come(const struct roost *r, const struct rst_zone *z)
{
	uint64_t come = __real_rst_zone_come(r, z);

	other(z);
	return come;
}

static void one_instant_for_all_zones(void **state)
{
	struct roost_config config = ROOST_CONFIG_INIT;
	struct roost_range ranges[ZONES];
	struct roost_zone_config zones[ZONES] = {{.name = "low"}, {.name = "high"}};
	void *metadata;
	size_t size;

	(void)state;
	for (unsigned i = 0; i < ZONES; i++)
		ranges[i] = (struct roost_range){.start = (roost_pfn)i * BLOCK,
						 .end = (roost_pfn)i * BLOCK + 1,
						 .zone = (uint16_t)i};
	config.ranges = ranges;
	config.nr_ranges = ZONES;
	config.zones = zones;
	config.nr_zones = ZONES;
	config.nr_cpus = 1;
	config.pockets = ROOST_POCKETS_OFF;
	size = (roost_metadata_size(&config) + 63) & ~(size_t)63;
	metadata = aligned_alloc(64, size);
	assert_non_null(metadata);
	memset(metadata, 0, size);
	assert_int_equal(roost_init(&roost, &config, metadata, size), 0);
	roost_posix_set_cpu(0);
	had = roost_alloc(roost, 0, ROOST_ZONE(0));
	assert_int_equal(had, 0);
	looks = LOOKS;
	assert_int_not_equal(roost_alloc(roost, 0, ROOST_WAIT), ROOST_NONE);
	assert_int_equal(looks, 0);
	roost_posix_set_cpu(-1);
	free(metadata);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(one_instant_for_all_zones, variants_one),
	};

	return SUITE_RUN("proof", tests, argc, argv);
}
