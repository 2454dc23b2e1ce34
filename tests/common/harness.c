/* SPDX-License-Identifier: MIT */
/* harness.c - what the unit tests share; see harness.h. */
#include "harness.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "cpus.h"

/* ---- Variants ---------------------------------------------------------------------------- */

enum { LARGE = 4 * BLOCK, TINY = 16 };

static const struct variant table[] = {
	{"trylock,2", ROOST_FREE_TRYLOCK, ROOST_CHECK_EXACT, LARGE},
	{"llist,2", ROOST_FREE_LLIST, ROOST_CHECK_EXACT, LARGE},
	{"trylock,3", ROOST_FREE_TRYLOCK, ROOST_CHECK_PARANOID, LARGE},
	{"llist,3", ROOST_FREE_LLIST, ROOST_CHECK_PARANOID, LARGE},
	{"trylock,1", ROOST_FREE_TRYLOCK, ROOST_CHECK_STATE, LARGE},
	{"llist,1", ROOST_FREE_LLIST, ROOST_CHECK_STATE, LARGE},
	{"trylock,1,small", ROOST_FREE_TRYLOCK, ROOST_CHECK_STATE, 0},
	{"llist,1,small", ROOST_FREE_LLIST, ROOST_CHECK_STATE, 0},
	{"trylock,0", ROOST_FREE_TRYLOCK, ROOST_CHECK_NONE, LARGE},
	{"llist,0", ROOST_FREE_LLIST, ROOST_CHECK_NONE, LARGE},
	{"trylock,3,tiny", ROOST_FREE_TRYLOCK, ROOST_CHECK_PARANOID, TINY},
	{"llist,3,tiny", ROOST_FREE_LLIST, ROOST_CHECK_PARANOID, TINY},
};

const struct variants variants_all = {table, 12};
const struct variants variants_checked = {table, 6};
const struct variants variants_paths = {table + 4, 4};
const struct variants variants_owners = {table + 4, 2};
const struct variants variants_one = {table + 4, 1};

static size_t count_runs(const struct suite_test *tests, size_t count)
{
	size_t runs = 0;

	for (size_t i = 0; i < count; i++)
		runs += tests[i].variants->count;
	return runs;
}

static struct CMUnitTest one_run(const struct suite_test *test, const struct variant *variant)
{
	static char names[512][80];
	static size_t used;
	union {
		const struct variant *from;
		void *to;
	} state = {.from = variant};
	char *name = names[used++ % LENGTH(names)];

	snprintf(name, sizeof(names[0]), "%s[%s]", test->name, variant->name);
	return (struct CMUnitTest){.name = name, .test_func = test->run, .initial_state = state.to};
}

int suite_run(const char *name, const struct suite_test *tests, size_t count, int argc, char **argv)
{
	size_t runs = count_runs(tests, count), n = 0;
	struct CMUnitTest *all = calloc(runs, sizeof(*all));
	int failed;

	if (!all)
		return 1;
	for (size_t i = 0; i < count; i++)
		for (size_t v = 0; v < tests[i].variants->count; v++)
			all[n++] = one_run(&tests[i], &tests[i].variants->table[v]);
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	failed = _cmocka_run_group_tests(name, all, runs, NULL, NULL);
	free(all);
	return failed != 0;
}

void suite_skip(const char *test, const char *reason)
{
	print_message("SKIPPED: %s: %s\n", test, reason);
	skip();
}

/* ---- Hooks ------------------------------------------------------------------------------- */

static void on_misuse(void *context, const struct roost_misuse *misuse)
{
	struct rig *rig = context;

	rig->misuse[rig->nr_misuse++ % RIG_MISUSES] = *misuse;
	assert_int_equal(roost_posix_locks_held(), 0);
}

static void on_pressure(void *context, unsigned zone, uint64_t free_frames)
{
	struct rig *rig = context;

	assert_int_equal(roost_posix_locks_held(), 0);
	assert_in_range(zone, 0, roost_nr_zones(rig->roost) - 1);
	if (rig->in_hook & 1u << zone)
		fail_msg("the pressure hook for zone %u was called on top of itself", zone);
	rig->nr_pressure++;
	rig->pressure_zone = zone;
	rig->pressure_free = free_frames;
	rig->in_hook |= 1u << zone;
	if (rig->on_pressure)
		rig->on_pressure(rig);
	rig->in_hook &= ~(1u << zone);
}

/* ---- Making and ending ------------------------------------------------------------------- */

struct roost_pcpbuddy_config rig_pcpbuddy;

struct roost_config rig_config(void *const *state)
{
	const struct variant *variant = *state;
	struct roost_config config = ROOST_CONFIG_INIT;

	config.check_level = variant->check;
	rig_pcpbuddy = (struct roost_pcpbuddy_config){.high = variant->pcp_high,
						      .free_path = variant->path};
	config.pcpbuddy = library_is_pcpbuddy ? &rig_pcpbuddy : NULL;
	return config;
}

static void note_fresh_blocks(struct rig *rig)
{
	struct roost_zone_info info;

	for (unsigned z = 0; z < roost_nr_zones(rig->roost); z++) {
		uint64_t whole, large = 0;

		assert_int_equal(roost_zone_info(rig->roost, z, &info), 0);
		for (unsigned list = 0; list < ROOST_NR_LISTS; list++)
			for (unsigned k = 0; k <= ROOST_MAX_ORDER; k++)
				rig->fresh[z][k] += info.blocks[list][k];
		/* Those of the reserve never are, with the engine sets. */
		for (unsigned k = ROOST_PAGEBLOCK_ORDER; k <= ROOST_MAX_ORDER; k++)
			large += info.blocks[ROOST_LIST_MOVABLE][k] << k;
		roost_free_frames(rig->roost, z, &whole);
		assert_true(whole >= large);
	}
}

void rig_open(struct rig *rig, const struct roost_config *config)
{
	memset(rig, 0, sizeof(*rig));
	rig->config = *config;
	rig->config.misuse = on_misuse;
	rig->config.pressure = on_pressure;
	rig->config.context = rig;
	if (library_is_up)
		rig->config.nr_cpus = 1;
	if (roost_config_error(&rig->config))
		fail_msg("refused: %s", roost_config_error(&rig->config));
	rig->metadata_size = roost_metadata_size(&rig->config);
	assert_int_not_equal(rig->metadata_size, 0);
	rig->metadata = mmap(NULL, rig->metadata_size, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_ptr_not_equal(rig->metadata, MAP_FAILED);
	assert_int_equal(roost_init(&rig->roost, &rig->config, rig->metadata, rig->metadata_size),
			 0);
	assert_ptr_equal(rig->roost, rig->metadata);
	shadow_open(&rig->shadow, &rig->config);
	note_fresh_blocks(rig);
	cpus_go(0);
	rig_check(rig);
}

void rig_open_zones(struct rig *rig, void *const *state, const struct roost_range *ranges,
		    size_t nr_ranges, const struct roost_zone_config *zones, size_t nr_zones,
		    unsigned cpus)
{
	struct roost_config config = rig_config(state);

	config.ranges = ranges;
	config.nr_ranges = nr_ranges;
	config.zones = zones;
	config.nr_zones = nr_zones;
	config.nr_cpus = cpus;
	rig_open(rig, &config);
	rig->config.ranges = NULL; /* the shadow has what is needed of them */
	rig->config.nr_ranges = 0;
	rig->config.zones = NULL;
	rig->config.nr_zones = 0;
}

void rig_open_simple(struct rig *rig, void *const *state, roost_pfn start, uint64_t frames,
		     unsigned cpus)
{
	const struct roost_range range = {start, start + frames, 0, 0};

	rig_open_zones(rig, state, &range, 1, NULL, 0, cpus);
}

void rig_open_zone(struct rig *rig, void *const *state, uint64_t frames,
		   const struct roost_zone_config *zone, unsigned cpus)
{
	const struct roost_range range = {0, frames, 0, 0};

	rig_open_zones(rig, state, &range, 1, zone, 1, cpus);
}

void rig_open_two(struct rig *rig, void *const *state, uint64_t frames, unsigned cpus)
{
	static const struct roost_zone_config zones[2];
	const struct roost_range ranges[] = {{0, frames, 0, 0}, {frames, 2 * frames, 1, 0}};

	rig_open_zones(rig, state, ranges, LENGTH(ranges), zones, 2, cpus);
}

const struct roost_zone_config rig_unlike_zones[] = {
	{.name = "DMA", .reserve = 20},
	{.name = "Normal", .node = 2},
};

void rig_open_unlike(struct rig *rig, void *const *state, unsigned cpus)
{
	static const struct roost_range ranges[] = {
		{10, 6 * BLOCK + 7, 0, 0},
		{6 * BLOCK + 7, RIG_UNLIKE_END, 1, 0},
		{8 * BLOCK, 8 * BLOCK + 100, 0, ROOST_RANGE_RESERVED},
	};

	rig_open_zones(rig, state, ranges, LENGTH(ranges), rig_unlike_zones, 2, cpus);
}

void rig_close(struct rig *rig)
{
	roost_posix_set_cpu(-1);
	shadow_close(&rig->shadow);
	munmap(rig->metadata, rig->metadata_size);
}

void rig_cpu(const struct rig *rig, unsigned cpu)
{
	cpus_go(cpu % roost_nr_cpus(rig->roost));
}

/* ---- Taking and giving back -------------------------------------------------------------- */

static void insist(const char *trouble, roost_pfn pfn, unsigned order)
{
	if (trouble)
		fail_msg("%s: pfn %" PRIu64 " order %u", trouble, pfn, order);
}

roost_pfn rig_alloc(struct rig *rig, unsigned order, unsigned flags)
{
	roost_pfn pfn = roost_alloc(rig->roost, order, flags);

	if (pfn != ROOST_NONE)
		insist(shadow_take(&rig->shadow, pfn, order), pfn, order);
	return pfn;
}

roost_pfn rig_get(struct rig *rig, unsigned order, unsigned flags)
{
	roost_pfn pfn = rig_alloc(rig, order, flags);

	if (pfn == ROOST_NONE)
		fail_msg("no block of order %u, flags %#x", order, flags);
	return pfn;
}

uint64_t rig_take_all(struct rig *rig, unsigned order, unsigned flags)
{
	uint64_t taken = 0;

	while (rig_alloc(rig, order, flags) != ROOST_NONE)
		taken++;
	return taken;
}

unsigned rig_range_order(const struct rig *rig, roost_pfn pfn, uint64_t n)
{
	unsigned order = 0;

	while (order < rig->shadow.max_order && !(pfn >> order & 1) && UINT64_C(2) << order <= n)
		order++;
	return order;
}

int rig_take_range(struct rig *rig, roost_pfn pfn, uint64_t n)
{
	int err = roost_take_range(rig->roost, pfn, n);

	for (uint64_t i = 0; !err && i < n;) {
		unsigned order = rig_range_order(rig, pfn + i, n - i);

		assert_int_equal(roost_order(rig->roost, pfn + i), order);
		insist(shadow_take(&rig->shadow, pfn + i, order), pfn + i, order);
		i += UINT64_C(1) << order;
	}
	return err;
}

int rig_add_range(struct rig *rig, roost_pfn pfn, uint64_t n)
{
	int err = roost_add_range(rig->roost, pfn, n);

	if (!err)
		shadow_plug(&rig->shadow, pfn, n, true);
	return err;
}

int rig_remove_range(struct rig *rig, roost_pfn pfn, uint64_t n)
{
	int err = roost_remove_range(rig->roost, pfn, n);

	if (!err)
		shadow_plug(&rig->shadow, pfn, n, false);
	return err;
}

size_t rig_bulk(struct rig *rig, unsigned order, unsigned flags, roost_pfn *pfns, size_t count)
{
	size_t got = roost_alloc_bulk(rig->roost, order, flags, pfns, count);

	assert_in_range(got, 0, count);
	for (size_t i = 0; i < got; i++)
		insist(shadow_take(&rig->shadow, pfns[i], order), pfns[i], order);
	return got;
}

uint64_t rig_size(uint64_t n)
{
	uint64_t step = 1;

	while (n > 8 * step)
		step *= 2;
	return (n + step - 1) / step * step;
}

roost_pfn rig_alloc_n(struct rig *rig, uint64_t n, unsigned flags)
{
	roost_pfn pfn = roost_alloc_n(rig->roost, n, flags);

	if (pfn == ROOST_NONE)
		return pfn;
	assert_int_equal(roost_frames(rig->roost, pfn), rig_size(n));
	insist(shadow_take_n(&rig->shadow, pfn, rig_size(n)), pfn, (unsigned)rig_size(n));
	return pfn;
}

roost_pfn rig_get_n(struct rig *rig, uint64_t n, unsigned flags)
{
	roost_pfn pfn = rig_alloc_n(rig, n, flags);

	if (pfn == ROOST_NONE)
		fail_msg("no block of %u frames", (unsigned)n);
	return pfn;
}

void rig_split_n(struct rig *rig, roost_pfn pfn)
{
	uint64_t n = shadow_frames(&rig->shadow, pfn);

	assert_int_equal(roost_split_n(rig->roost, pfn, n), 0);
	insist(shadow_split_n(&rig->shadow, pfn), pfn, (unsigned)n);
	for (roost_pfn at = pfn; at < pfn + n; at += UINT64_C(1) << shadow_order(&rig->shadow, at))
		assert_int_equal(roost_order(rig->roost, at), shadow_order(&rig->shadow, at));
}

/* If its size is no power of two. */
static bool free_odd(struct rig *rig, roost_pfn pfn)
{
	uint64_t n = shadow_frames(&rig->shadow, pfn);

	if (shadow_state(&rig->shadow, pfn) != SHADOW_ODD)
		return false;
	insist(shadow_put(&rig->shadow, pfn), pfn, (unsigned)n);
	roost_free_n(rig->roost, pfn, n);
	return true;
}

static unsigned put(struct rig *rig, roost_pfn pfn)
{
	int order = shadow_order(&rig->shadow, pfn);

	insist(shadow_put(&rig->shadow, pfn), pfn, (unsigned)order);
	return (unsigned)order;
}

void rig_free(struct rig *rig, roost_pfn pfn)
{
	if (!free_odd(rig, pfn))
		roost_free(rig->roost, pfn, put(rig, pfn));
}

void rig_free_nolock(struct rig *rig, roost_pfn pfn)
{
	if (!free_odd(rig, pfn))
		roost_free_nolock(rig->roost, pfn, put(rig, pfn));
}

void rig_free_bulk(struct rig *rig, const struct roost_block *blocks, size_t count, bool nolock)
{
	for (size_t i = 0; i < count; i++)
		assert_int_equal(put(rig, blocks[i].pfn), blocks[i].order);
	if (nolock)
		roost_free_bulk_nolock(rig->roost, blocks, count);
	else
		roost_free_bulk(rig->roost, blocks, count);
}

void rig_split(struct rig *rig, roost_pfn pfn, unsigned to)
{
	int from = shadow_order(&rig->shadow, pfn);

	assert_int_not_equal(from, -1);
	assert_int_equal(roost_split(rig->roost, pfn, (unsigned)from, to), 0);
	insist(shadow_split(&rig->shadow, pfn, to), pfn, to);
}

void rig_free_part(struct rig *rig, roost_pfn pfn, unsigned order)
{
	insist(shadow_put_part(&rig->shadow, pfn, order), pfn, order);
	roost_free_part(rig->roost, pfn, order);
}

void rig_merge(struct rig *rig, roost_pfn pfn, unsigned order)
{
	insist(shadow_merge(&rig->shadow, pfn, order), pfn, order);
	assert_int_equal(roost_merge(rig->roost, pfn, order), 0);
}

static void free_one(void *context, roost_pfn pfn, unsigned order)
{
	(void)order;
	rig_free(context, pfn);
}

void rig_free_all(struct rig *rig)
{
	shadow_each(&rig->shadow, free_one, rig);
}
