/* SPDX-License-Identifier: MIT */
/*
 * config.c - an input is a configuration, of any numbers. It is refused with a reason, or the
 * allocator that it describes works: it hands out frames of the map alone.
 */
#include "fuzz.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <roost/pcpbuddy.h>
#include <roost/posix.h>
#include <roost/roost.h>

#include "library.h"

enum {
	RANGES = 8,
	ZONES = ROOST_MAX_ZONES + 1,
	NODES = ROOST_MAX_NODES + 1,
	CPUS = 64,
	TAKEN = 64,
	MOST = 8 << 20, /* bytes of metadata: what is larger is not made */
	WALK = 1 << 18, /* frames times CPUs: what has more is not validated */
};

struct world {
	struct roost_config config;
	struct roost_pcpbuddy_config pcpbuddy;
	struct roost_range ranges[RANGES];
	struct roost_zone_config zones[ZONES];
	char names[ZONES][24];
	uint8_t zone_order[NODES * ZONES];
	uint8_t cpu_node[CPUS];
};

static unsigned nr_misuse;

static void on_misuse(void *context, const struct roost_misuse *misuse)
{
	(void)context;
	(void)misuse;
	nr_misuse++;
}

static void read_zones(struct world *w, struct fuzz_bytes *b)
{
	for (unsigned i = 0; i < w->config.nr_zones; i++) {
		struct roost_zone_config *zone = &w->zones[i];

		fuzz_text(b, w->names[i], sizeof(w->names[i]));
		zone->name = w->names[i][0] ? w->names[i] : NULL;
		zone->node = fuzz_below(b, 4) == 3 ? (unsigned)fuzz_any(b) : fuzz_below(b, NODES);
		if (fuzz_below(b, 2))
			zone->reserve = fuzz_any(b);
		if (fuzz_below(b, 2)) {
			zone->low = fuzz_any(b);
			zone->high = fuzz_any(b);
		}
	}
	w->config.zones = w->zones;
}

static void read_map(struct world *w, struct fuzz_bytes *b)
{
	for (unsigned i = 0; i < w->config.nr_ranges; i++) {
		struct roost_range *r = &w->ranges[i];

		r->start = i && fuzz_below(b, 2) ? w->ranges[i - 1].end : fuzz_any(b);
		r->end = fuzz_below(b, 4) == 3 ? fuzz_any(b) : r->start + fuzz_any(b);
		r->flags = (uint16_t)(fuzz_below(b, 4) == 3 ? 1u << fuzz_below(b, 3) : 0);
		r->zone = (uint16_t)fuzz_below(b, w->config.zones ? ZONES + 1 : 2);
		if (fuzz_below(b, 16) == 15)
			r->flags |= (uint16_t)fuzz_any(b);
	}
	w->config.ranges = w->ranges;
}

static void read_world(struct world *w, struct fuzz_bytes *b)
{
	struct roost_config config = ROOST_CONFIG_INIT;

	w->config = config;
	w->config.nr_cpus = 1 + fuzz_below(b, CPUS);
	w->config.check_level = fuzz_below(b, 5);
	w->pcpbuddy.free_path =
		fuzz_below(b, 4) == 3 ? (enum roost_free_path)fuzz_any(b) : ROOST_FREE_TRYLOCK;
	w->config.pockets = (enum roost_pockets)fuzz_below(b, 3);
	w->config.max_order = fuzz_below(b, 4) == 3 ? (unsigned)fuzz_any(b) : fuzz_below(b, 20);
	w->pcpbuddy.high = (uint32_t)fuzz_any(b);
	w->pcpbuddy.batch = (uint32_t)fuzz_any(b);
	w->config.pcpbuddy = library_is_pcpbuddy ? &w->pcpbuddy : NULL;
	w->config.nr_ranges = fuzz_below(b, RANGES + 1);
	if (fuzz_below(b, 2)) {
		w->config.nr_zones = fuzz_below(b, ZONES + 1);
		read_zones(w, b);
	}
	read_map(w, b);
	if (fuzz_below(b, 4) == 3) {
		for (unsigned i = 0; i < sizeof(w->zone_order); i++)
			w->zone_order[i] = (uint8_t)fuzz_number(b, 1);
		w->config.zone_order = w->zone_order;
	}
	if (fuzz_below(b, 4) == 3) {
		for (unsigned i = 0; i < CPUS; i++)
			w->cpu_node[i] = (uint8_t)fuzz_below(b, NODES + 1);
		w->config.cpu_node = w->cpu_node;
	}
	if (fuzz_below(b, 16) == 15)
		w->config.nr_cpus = (unsigned)fuzz_any(b);
	if (w->config.nr_cpus > CPUS)
		w->config.cpu_node = NULL;
	w->config.misuse = on_misuse;
}

/* Is this frame one that may be handed out, before anything is freed or added? */
static bool is_usable(const struct roost_config *config, roost_pfn pfn)
{
	bool usable = false;

	for (size_t i = 0; i < config->nr_ranges; i++) {
		const struct roost_range *r = &config->ranges[i];

		if (pfn < r->start || pfn >= r->end)
			continue;
		if (r->flags) /* reserved, absent, or in use from the beginning */
			return false;
		usable = true;
	}
	return usable;
}

static void check_block(const struct roost_config *config, roost_pfn pfn, unsigned order)
{
	roost_pfn last = pfn + (UINT64_C(1) << order) - 1;

	FUZZ_CHECK(!(pfn & (last - pfn)), "pfn %" PRIu64 " is not aligned to order %u", pfn, order);
	FUZZ_CHECK(is_usable(config, pfn) && is_usable(config, last) &&
			   is_usable(config, pfn + (last - pfn) / 2),
		   "pfn %" PRIu64 " order %u is not in the map", pfn, order);
}

static void check_valid(roost_t *roost)
{
	struct roost_violation v;

	if (roost_validate(roost, &v))
		fuzz_fail("violated: %s (pfn %" PRIu64 " zone %d)", v.invariant, v.pfn, v.zone);
}

static int count_text(void *context, const char *text, size_t length)
{
	(void)text;
	*(size_t *)context += length;
	return 0;
}

/* Each question has an answer, also for what is not there. */
static void look(roost_t *roost)
{
	struct roost_pageblock_info block;
	struct roost_frame_info frame;
	struct roost_zone_info zone;
	roost_pfn pfn = 0;
	size_t written = 0;

	for (unsigned i = 0; i < 64 && !roost_pageblock_info(roost, pfn, &block); i++) {
		FUZZ_CHECK(block.start < block.end && block.end > pfn,
			   "a pageblock from %" PRIu64 " to %" PRIu64, block.start, block.end);
		roost_frame_info(roost, block.start, &frame);
		roost_frame_info(roost, block.end, &frame);
		pfn = block.end;
	}
	for (unsigned z = 0; z <= roost_nr_zones(roost); z++)
		FUZZ_CHECK(!roost_zone_info(roost, z, &zone) == (z < roost_nr_zones(roost)),
			   "zone %u is there or is not", z);
	for (int what = ROOST_DUMP_BUDDYINFO; what <= ROOST_DUMP_ZONEINFO; what++)
		roost_dump(roost, (enum roost_dump)what, count_text, &written);
	FUZZ_CHECK(written, "dumps of nothing");
}

static uint64_t known(const roost_t *roost)
{
	struct roost_zone_info info;
	uint64_t frames = 0;

	for (unsigned z = 0; z < roost_nr_zones(roost); z++)
		if (!roost_zone_info(roost, z, &info))
			frames += info.managed + info.absent;
	return frames;
}

/* What is absent can come, each range as a whole. */
static void add_absent(roost_t *roost, const struct roost_config *config)
{
	for (size_t i = 0; i < config->nr_ranges; i++) {
		const struct roost_range *r = &config->ranges[i];
		int err;

		if (!(r->flags & ROOST_RANGE_ABSENT))
			continue;
		err = roost_add_range(roost, r->start, r->end - r->start);
		FUZZ_CHECK(!err, "not added: %" PRIu64 " to %" PRIu64 ": %s", r->start, r->end,
			   roost_strerror(err));
	}
}

static void use(roost_t *roost, const struct roost_config *config, struct fuzz_bytes *b)
{
	struct roost_block taken[TAKEN];
	bool small = known(roost) <= WALK / config->nr_cpus;
	unsigned nr = 0;

	while (nr < TAKEN && fuzz_more(b)) {
		unsigned order = fuzz_below(b, roost_max_order(roost) + 1);
		roost_pfn pfn;

		roost_posix_set_cpu((int)fuzz_below(b, config->nr_cpus));
		pfn = roost_alloc(roost, order, fuzz_below(b, 3) | (nr & 1 ? ROOST_RESERVE : 0));
		if (pfn == ROOST_NONE)
			break;
		check_block(config, pfn, order);
		for (unsigned i = 0; i < nr; i++)
			FUZZ_CHECK(pfn >= taken[i].pfn + (UINT64_C(1) << taken[i].order) ||
					   taken[i].pfn >= pfn + (UINT64_C(1) << order),
				   "pfn %" PRIu64 " is handed out twice", pfn);
		taken[nr++] = (struct roost_block){pfn, order};
	}
	if (small)
		check_valid(roost);
	look(roost);
	roost_free_bulk(roost, taken, nr);
	FUZZ_CHECK(!nr_misuse, "good frees were reported as misuse");
	if (small) {
		check_valid(roost);
		add_absent(roost, config);
		check_valid(roost);
	}
}

static void make(const struct roost_config *config, size_t size, struct fuzz_bytes *b)
{
	size_t pages = (size + 4095) & ~(size_t)4095;
	uint8_t *memory = mmap(NULL, pages + 4096, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	/* Behind the metadata is nothing, up to the alignment. */
	uint8_t *at = memory + (pages - size) / 64 * 64;
	struct roost_zone_info info;
	roost_t *roost;
	int err;

	if (memory == MAP_FAILED || mprotect(memory + pages, 4096, PROT_NONE))
		abort();
	err = roost_init(&roost, config, at, size - 1);
	FUZZ_CHECK(err == -ROOST_ENOSPC, "a byte less of metadata: %d", err);
	err = roost_init(&roost, config, at, size);
	FUZZ_CHECK(!err, "a good configuration: %s", roost_strerror(err));
	for (unsigned z = 0; config->zones && z < config->nr_zones; z++)
		FUZZ_CHECK(!roost_zone_info(roost, z, &info) &&
				   info.managed + info.absent >= config->zones[z].reserve,
			   "zone %u has %" PRIu64 " frames and a reserve of %" PRIu64, z,
			   info.managed + info.absent, config->zones[z].reserve);
	use(roost, config, b);
	munmap(memory, pages + 4096);
}

/* What is taken for good is what roost.h says of maps. */
static void check_good(const struct roost_config *config)
{
	size_t nr_zones = config->zones ? config->nr_zones : 1;

	for (size_t i = 0; i < config->nr_ranges; i++) {
		const struct roost_range *r = &config->ranges[i];

		FUZZ_CHECK(r->start < r->end, "a range that ends before its start");
		FUZZ_CHECK(!(r->flags & (r->flags - 1u)) && r->flags <= ROOST_RANGE_ALLOCATED,
			   "flags %#x of a range", r->flags);
		if (r->flags & ROOST_RANGE_RESERVED)
			continue;
		FUZZ_CHECK(r->zone < nr_zones, "a range of zone %u, of %zu", r->zone, nr_zones);
		for (size_t k = 0; k < i; k++)
			FUZZ_CHECK(config->ranges[k].flags & ROOST_RANGE_RESERVED ||
					   config->ranges[k].end <= r->start ||
					   r->end <= config->ranges[k].start,
				   "two ranges that overlap");
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_bytes bytes = {data, data + size};
	static struct world world;
	static uint64_t none[8];
	const char *error;
	size_t needed;
	roost_t *roost;

	memset(&world, 0, sizeof(world));
	nr_misuse = 0;
	read_world(&world, &bytes);
	error = roost_config_error(&world.config);
	needed = roost_metadata_size(&world.config);
	if (error) {
		int err = roost_init(&roost, &world.config, none, sizeof(none));

		fuzz_check_line("roost_config_error()", error);
		FUZZ_CHECK(!needed, "%zu bytes of metadata, but: %s", needed, error);
		FUZZ_CHECK(err == -ROOST_EINVAL || err == -ROOST_E2BIG, "%s, but: %s", error,
			   roost_strerror(err));
	} else {
		check_good(&world.config);
		if (needed && needed <= MOST)
			make(&world.config, needed, &bytes);
	}
	return 0;
}
