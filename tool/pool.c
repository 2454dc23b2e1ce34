/* SPDX-License-Identifier: MIT */
/*
 * pool.c - the memory of the machine that a trace is replayed on.
 *
 *   pfn      0x0 .. 0x1       hole
 *            0x1 .. 0xa0      zone DMA; 0x9f is reserved
 *           0xa0 .. 0x100     hole
 *          0x100 .. 0x1000    zone DMA
 *         0x1000 .. end       zone Normal; 0x1000 .. 0x1800 are reserved (a kernel image)
 *
 * That is a PC with holes, odd ends and reserved frames. All of it is address space only until a
 * frame is stamped.
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "pool.h"
#include "say.h"

enum { FRAME_OUT = 1, FRAME_NO_MEMORY = 2 };

enum { DMA_END = 0x1000, RESERVE_SHIFT = 8 /* 1/256 of the memory is the reserve */ };

struct stamp {
	uint64_t pfn, serial;
};

#define STAMP_PFN    UINT64_C(0x726f6f7374206672) /* so that zeroes are no stamp */
#define STAMP_SERIAL UINT64_C(0x616d65206f757421)

static const struct stamp poison = {UINT64_C(0x6b6b6b6b6b6b6b6b), UINT64_C(0x6b6b6b6b6b6b6b6b)};

/* ---- Opening ---------------------------------------------------------------------------- */

enum { NR_RANGES = 5 };

static void make_ranges(struct roost_range ranges[NR_RANGES], uint64_t frames)
{
	ranges[0] = (struct roost_range){.start = 0x1, .end = 0xa0, .zone = 0};
	ranges[1] = (struct roost_range){.start = 0x100, .end = DMA_END, .zone = 0};
	ranges[2] = (struct roost_range){.start = DMA_END, .end = frames, .zone = 1};
	ranges[3] = (struct roost_range){.start = 0x9f, .end = 0xa0, .flags = ROOST_RANGE_RESERVED};
	ranges[4] = (struct roost_range){
		.start = DMA_END, .end = 0x1800, .flags = ROOST_RANGE_RESERVED};
}

static void set_frames(struct pool *pool, const struct roost_range *range, unsigned char value)
{
	for (roost_pfn pfn = range->start; pfn < range->end; pfn++)
		atomic_store_explicit(&pool->out[pfn], value, memory_order_relaxed);
}

/* What is no memory must not be handed out; the big zone's bytes are zero and stay untouched. */
static void mark_holes(struct pool *pool, const struct roost_range *ranges)
{
	struct roost_range low = {.start = 0, .end = DMA_END};

	set_frames(pool, &low, FRAME_NO_MEMORY);
	set_frames(pool, &ranges[0], 0);
	set_frames(pool, &ranges[1], 0);
	for (unsigned i = 0; i < NR_RANGES; i++)
		if (ranges[i].flags & ROOST_RANGE_RESERVED)
			set_frames(pool, &ranges[i], FRAME_NO_MEMORY);
}

/* Runs in any context. Only the first finder writes first_misuse. */
static void on_misuse(void *context, const struct roost_misuse *misuse)
{
	struct pool *pool = context;

	if (atomic_fetch_add(&pool->misuses, 1) == 0)
		pool->first_misuse = *misuse;
}

static bool make_allocator(struct pool *pool, const struct roost_config *config, char error[])
{
	const char *reason = roost_config_error(config);
	int result;

	if (reason) {
		snprintf(error, ERROR_MAX, "the allocator refuses this configuration: %s", reason);
		return false;
	}
	pool->metadata_size = roost_metadata_size(config);
	pool->metadata = map_memory(pool->metadata_size);
	if (!pool->metadata) {
		snprintf(error, ERROR_MAX,
			 "no address space for %zu bytes of metadata; use a "
			 "smaller --memory",
			 pool->metadata_size);
		return false;
	}
	if (pool->bare) /* so that no page fault of the metadata falls into the time measured */
		memset(pool->metadata, 0, pool->metadata_size);
	result = roost_init(&pool->roost, config, pool->metadata, pool->metadata_size);
	if (result)
		snprintf(error, ERROR_MAX, "roost_init: %s", roost_strerror(result));
	return result == 0;
}

static bool map_all(struct pool *pool, char error[])
{
	pool->memory_size = pool->frames << POOL_FRAME_SHIFT;
	pool->memory = map_memory(pool->memory_size);
	pool->out = map_memory(pool->frames);
	if (pool->memory && pool->out) {
		/* Without huge pages the first touch of frames takes longer than all the rest. */
		madvise(pool->memory, pool->memory_size, MADV_HUGEPAGE);
		return true;
	}
	snprintf(error, ERROR_MAX, "no address space for %zu MiB; use a smaller --memory",
		 pool->memory_size >> 20);
	return false;
}

bool pool_open(struct pool *pool, const struct pool_config *config, char error[])
{
	struct roost_config c = ROOST_CONFIG_INIT;
	struct roost_range ranges[NR_RANGES];

	memset(pool, 0, sizeof(*pool));
	pool->frames = config->frames;
	pool->bare = config->bare;
	if (!map_all(pool, error))
		return false;
	make_ranges(ranges, config->frames);
	mark_holes(pool, ranges);
	pool->zones[0].name = "DMA";
	pool->zones[1].name = "Normal";
	pool->zones[1].reserve = config->frames >> RESERVE_SHIFT;
	c.ranges = ranges;
	c.nr_ranges = NR_RANGES;
	c.zones = pool->zones;
	c.nr_zones = POOL_ZONES;
	c.nr_cpus = config->cpus;
	c.max_order = config->max_order;
	c.pcp_high = config->high;
	c.pcp_batch = config->batch;
	c.free_path = config->free_path;
	c.check_level = config->check;
	c.misuse = on_misuse;
	c.context = pool;
	return make_allocator(pool, &c, error);
}

void pool_close(struct pool *pool)
{
	unmap_memory(pool->metadata, pool->metadata_size);
	unmap_memory(pool->memory, pool->memory_size);
	unmap_memory((void *)pool->out, pool->frames);
	memset(pool, 0, sizeof(*pool));
}

/* ---- Stamps ----------------------------------------------------------------------------- */

static struct stamp *first_stamp(const struct pool *pool, roost_pfn pfn)
{
	return (struct stamp *)(void *)(pool->memory + (pfn << POOL_FRAME_SHIFT));
}

static struct stamp *last_stamp(const struct pool *pool, roost_pfn pfn)
{
	return first_stamp(pool, pfn + 1) - 1;
}

static struct stamp make_stamp(roost_pfn pfn, uint64_t serial)
{
	return (struct stamp){pfn ^ STAMP_PFN, serial ^ STAMP_SERIAL};
}

static bool stamps_equal(const struct stamp *a, const struct stamp *b)
{
	return a->pfn == b->pfn && a->serial == b->serial;
}

static void stamp_frame(struct pool *pool, roost_pfn pfn, uint64_t serial)
{
	struct stamp stamp = make_stamp(pfn, serial);

	if (atomic_exchange_explicit(&pool->out[pfn], FRAME_OUT, memory_order_relaxed) != 0)
		atomic_fetch_add(&pool->doubled, 1);
	*first_stamp(pool, pfn) = stamp;
	*last_stamp(pool, pfn) = stamp;
}

static void check_frame(struct pool *pool, roost_pfn pfn, uint64_t serial)
{
	struct stamp stamp = make_stamp(pfn, serial);
	bool good = stamps_equal(first_stamp(pool, pfn), &stamp) &&
		    stamps_equal(last_stamp(pool, pfn), &stamp);

	*first_stamp(pool, pfn) = poison;
	*last_stamp(pool, pfn) = poison;
	if (atomic_exchange_explicit(&pool->out[pfn], 0, memory_order_relaxed) != FRAME_OUT)
		good = false;
	if (!good)
		atomic_fetch_add(&pool->corrupt, 1);
}

/* ---- Blocks ----------------------------------------------------------------------------- */

roost_pfn pool_alloc(struct pool *pool, unsigned order, unsigned flags, uint64_t serial)
{
	roost_pfn pfn = pool->dry ? 0 : roost_alloc(pool->roost, order, flags);
	roost_pfn count = (roost_pfn)1 << order;

	if (pool->bare || pfn == ROOST_NONE)
		return pfn;
	if ((pfn & (count - 1)) || pfn >= pool->frames || count > pool->frames - pfn) {
		atomic_fetch_add(&pool->doubled, count); /* not ours: somebody else's */
		return ROOST_NONE;
	}
	for (roost_pfn i = 0; i < count; i++)
		stamp_frame(pool, pfn + i, serial);
	return pfn;
}

void pool_free(struct pool *pool, roost_pfn pfn, unsigned order, uint64_t serial, bool nolock)
{
	for (roost_pfn i = 0; i < (roost_pfn)1 << order && !pool->bare; i++)
		check_frame(pool, pfn + i, serial);
	if (pool->dry)
		return;
	if (nolock)
		roost_free_nolock(pool->roost, pfn, order);
	else
		roost_free(pool->roost, pfn, order);
}

bool pool_split(struct pool *pool, roost_pfn pfn, unsigned order)
{
	return pool->dry || roost_split(pool->roost, pfn, order, order - 1u) == 0;
}

/* ---- Looking at it ---------------------------------------------------------------------- */

uint64_t pool_fitting(const struct pool *pool, unsigned order, unsigned flags)
{
	unsigned lists = flags & ROOST_RESERVE ? ROOST_LIST_RESERVE : ROOST_LIST_RECLAIMABLE;
	struct roost_zone_info info;
	uint64_t sum = 0;

	for (unsigned zone = 0; zone < POOL_ZONES; zone++) {
		if (roost_zone_info(pool->roost, zone, &info) != 0)
			continue;
		if (info.free < (flags & ROOST_RESERVE ? 0 : info.min) + (UINT64_C(1) << order))
			continue; /* the zone keeps these */
		for (unsigned list = 0; list <= lists; list++)
			for (unsigned k = order; k <= ROOST_MAX_ORDER; k++)
				sum += info.blocks[list][k] << k;
	}
	return sum;
}

static uint64_t whole_blocks(const struct roost_zone_info *info)
{
	uint64_t sum = 0;

	for (unsigned list = 0; list < ROOST_NR_LISTS; list++)
		for (unsigned k = ROOST_PAGEBLOCK_ORDER; k <= ROOST_MAX_ORDER; k++)
			sum += info->blocks[list][k] << (k - ROOST_PAGEBLOCK_ORDER);
	return sum;
}

void pool_sum(const struct pool *pool, struct pool_sums *sums)
{
	struct roost_zone_info info;

	memset(sums, 0, sizeof(*sums));
	for (unsigned zone = 0; zone < POOL_ZONES; zone++) {
		if (roost_zone_info(pool->roost, zone, &info) != 0)
			continue;
		sums->managed += info.managed;
		sums->free += info.free;
		sums->free_pcp += info.free_pcp;
		sums->free_llist += info.free_llist;
		sums->blocks_2m += whole_blocks(&info);
	}
}

void pool_finish(struct pool *pool, struct pool_verdict *verdict)
{
	struct pool_sums sums;

	roost_drain(pool->roost, -1);
	verdict->valid = roost_validate(pool->roost, &verdict->violation) == 0;
	pool_sum(pool, &sums);
	verdict->managed = sums.managed;
	/* As a signed difference: frames that are free twice are as wrong as frames that are gone.
	 */
	verdict->lost =
		sums.managed > sums.free ? sums.managed - sums.free : sums.free - sums.managed;
}
