/* SPDX-License-Identifier: MIT */
/*
 * machine.c - the memory of the machine that a trace is replayed on.
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

#include "machine.h"
#include "tool/common/say.h"

enum { FRAME_OUT = 1, FRAME_NO_MEMORY = 2, FRAME_FIXED = 4 /* out, and not movable */ };

/* A word in pageblocks: how many movable frames and others are in use; whether it has a hole. */
#define USED_MOVABLE UINT64_C(1)
#define USED_FIXED   (UINT64_C(1) << 20)
#define USED_HOLE    (UINT64_C(1) << 40)

enum { REGION_ORDER = 18, PAGEBLOCK = 1 << ROOST_PAGEBLOCK_ORDER };

enum {
	DMA_END = 0x1000,
	RESERVED_END = 0x1800,
	RESERVE_SHIFT = 8 /* 1/256 of the memory is the reserve */
};

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
		.start = DMA_END, .end = RESERVED_END, .flags = ROOST_RANGE_RESERVED};
}

static void set_frames(struct machine *machine, const struct roost_range *range,
		       unsigned char value)
{
	for (roost_pfn pfn = range->start; pfn < range->end; pfn++)
		atomic_store_explicit(&machine->out[pfn], value, memory_order_relaxed);
}

/* Frames that are not memory must not be handed out. The bytes of the big zone are zero and stay
 * untouched. */
static void mark_holes(struct machine *machine, const struct roost_range *ranges)
{
	struct roost_range low = {.start = 0, .end = DMA_END};

	set_frames(machine, &low, FRAME_NO_MEMORY);
	set_frames(machine, &ranges[0], 0);
	set_frames(machine, &ranges[1], 0);
	for (unsigned i = 0; i < NR_RANGES; i++)
		if (ranges[i].flags & ROOST_RANGE_RESERVED)
			set_frames(machine, &ranges[i], FRAME_NO_MEMORY);
}

/* Holes are in the pageblocks at the start alone, and of the regions in the first. The end may cut
 * off the last ones. */
static void count_empty(struct machine *machine)
{
	machine->empty_2m = machine->frames >> ROOST_PAGEBLOCK_ORDER;
	machine->empty_1g = machine->frames >> REGION_ORDER;
	machine->pageblocks[machine->empty_2m] = machine->regions[machine->empty_1g] = USED_HOLE;
	for (uint64_t pfn = 0; pfn < RESERVED_END; pfn++) {
		_Atomic uint64_t *word = &machine->pageblocks[pfn >> ROOST_PAGEBLOCK_ORDER];

		if (machine->out[pfn] != FRAME_NO_MEMORY)
			continue;
		machine->empty_2m -= *word != USED_HOLE;
		*word = USED_HOLE;
		machine->empty_1g -= machine->regions[0] != USED_HOLE;
		machine->regions[0] = USED_HOLE;
	}
}

/* Runs in any context. Only the first finder writes first_misuse. */
static void on_misuse(void *context, const struct roost_misuse *misuse)
{
	struct machine *machine = context;

	if (atomic_fetch_add(&machine->misuses, 1) == 0)
		machine->first_misuse = *misuse;
}

static bool make_allocator(struct machine *machine, const struct roost_config *config, char error[])
{
	const char *reason = roost_config_error(config);
	int result;

	if (reason) {
		snprintf(error, ERROR_MAX, "the allocator refuses this configuration: %s", reason);
		return false;
	}
	machine->metadata_size = roost_metadata_size(config);
	machine->metadata = map_memory(machine->metadata_size);
	if (!machine->metadata) {
		snprintf(error, ERROR_MAX,
			 "no address space for %zu bytes of metadata; use a "
			 "smaller --memory",
			 machine->metadata_size);
		return false;
	}
	if (machine->bare) /* so that the measured time contains no page fault of the metadata */
		memset(machine->metadata, 0, machine->metadata_size);
	result = roost_init(&machine->roost, config, machine->metadata, machine->metadata_size);
	if (result)
		snprintf(error, ERROR_MAX, "roost_init: %s", roost_strerror(result));
	return result == 0;
}

static size_t pageblocks_size(const struct machine *machine)
{
	return ((machine->frames >> ROOST_PAGEBLOCK_ORDER) + 1) * sizeof(*machine->pageblocks);
}

static size_t regions_size(const struct machine *machine)
{
	return ((machine->frames >> REGION_ORDER) + 1) * sizeof(*machine->regions);
}

static bool map_all(struct machine *machine, char error[])
{
	machine->memory_size = machine->frames << MACHINE_FRAME_SHIFT;
	machine->memory = map_memory(machine->memory_size);
	machine->out = map_memory(machine->frames);
	machine->pageblocks = map_memory(pageblocks_size(machine));
	machine->regions = map_memory(regions_size(machine));
	if (machine->memory && machine->out && machine->pageblocks && machine->regions) {
		/* Without huge pages the first touch of frames takes longer than all the rest. */
		madvise(machine->memory, machine->memory_size, MADV_HUGEPAGE);
		return true;
	}
	snprintf(error, ERROR_MAX, "no address space for %zu MiB; use a smaller --memory",
		 machine->memory_size >> 20);
	return false;
}

bool machine_open(struct machine *machine, const struct machine_config *config, char error[])
{
	struct roost_config c = ROOST_CONFIG_INIT;
	struct roost_range ranges[NR_RANGES];

	memset(machine, 0, sizeof(*machine));
	machine->frames = config->frames;
	machine->bare = config->bare;
	if (!map_all(machine, error))
		return false;
	make_ranges(ranges, config->frames);
	for (unsigned i = 0; i < NR_RANGES && config->full; i++)
		if (!(ranges[i].flags & ROOST_RANGE_RESERVED))
			ranges[i].flags = ROOST_RANGE_ALLOCATED;
	mark_holes(machine, ranges);
	count_empty(machine);
	machine->zones[0].name = "DMA";
	machine->zones[1].name = "Normal";
	machine->zones[1].reserve = config->frames >> RESERVE_SHIFT;
	c.ranges = ranges;
	c.nr_ranges = NR_RANGES;
	c.zones = machine->zones;
	c.nr_zones = MACHINE_ZONES;
	c.nr_cpus = config->cpus;
	c.max_order = config->max_order;
	c.pcpbuddy = config->pcpbuddy;
	c.check_level = config->check;
	c.misuse = on_misuse;
	c.context = machine;
	return make_allocator(machine, &c, error);
}

void machine_close(struct machine *machine)
{
	unmap_memory(machine->metadata, machine->metadata_size);
	unmap_memory(machine->memory, machine->memory_size);
	unmap_memory((void *)machine->out, machine->frames);
	unmap_memory((void *)machine->pageblocks, pageblocks_size(machine));
	unmap_memory((void *)machine->regions, regions_size(machine));
	memset(machine, 0, sizeof(*machine));
}

/* ---- Stamps ----------------------------------------------------------------------------- */

static struct stamp *first_stamp(const struct machine *machine, roost_pfn pfn)
{
	return (struct stamp *)(void *)(machine->memory + (pfn << MACHINE_FRAME_SHIFT));
}

static struct stamp *last_stamp(const struct machine *machine, roost_pfn pfn)
{
	return first_stamp(machine, pfn + 1) - 1;
}

static struct stamp make_stamp(roost_pfn pfn, uint64_t serial)
{
	return (struct stamp){pfn ^ STAMP_PFN, serial ^ STAMP_SERIAL};
}

static bool stamps_equal(const struct stamp *a, const struct stamp *b)
{
	return a->pfn == b->pfn && a->serial == b->serial;
}

static void stamp_frame(struct machine *machine, roost_pfn pfn, uint64_t serial, unsigned char mark)
{
	struct stamp stamp = make_stamp(pfn, serial);

	if (atomic_exchange_explicit(&machine->out[pfn], mark, memory_order_relaxed) != 0)
		atomic_fetch_add(&machine->doubled, 1);
	*first_stamp(machine, pfn) = stamp;
	*last_stamp(machine, pfn) = stamp;
}

static void check_frame(struct machine *machine, roost_pfn pfn, uint64_t serial)
{
	struct stamp stamp = make_stamp(pfn, serial);
	bool good = stamps_equal(first_stamp(machine, pfn), &stamp) &&
		    stamps_equal(last_stamp(machine, pfn), &stamp);

	*first_stamp(machine, pfn) = poison;
	*last_stamp(machine, pfn) = poison;
	if (!(atomic_exchange_explicit(&machine->out[pfn], 0, memory_order_relaxed) &
	      (FRAME_OUT | FRAME_FIXED)))
		good = false;
	if (!good)
		atomic_fetch_add(&machine->corrupt, 1);
}

/* ---- What is in use ---------------------------------------------------------------------- */

static bool is_mixed(uint64_t word)
{
	return word % USED_FIXED && word / USED_FIXED % USED_FIXED;
}

/* One word changes; each change of a count follows from what it was and what it became, so threads
 * may do this side by side. n may be negative, as a multiple of 2^64. */
static void use_pageblock(struct machine *machine, uint64_t pageblock, uint64_t n)
{
	const uint64_t old = atomic_fetch_add(&machine->pageblocks[pageblock], n), new = old + n;

	if (is_mixed(old) != is_mixed(new))
		atomic_fetch_add(&machine->mixed, is_mixed(new) ? 1 : UINT64_MAX);
	if (!old != !new)
		atomic_fetch_add(&machine->empty_2m, !new ? 1 : UINT64_MAX);
}

static void use_region(struct machine *machine, uint64_t region, uint64_t n)
{
	const uint64_t old = atomic_fetch_add(&machine->regions[region], n), new = old + n;

	if (!old != !new)
		atomic_fetch_add(&machine->empty_1g, !new ? 1 : UINT64_MAX);
}

static void use(struct machine *machine, roost_pfn pfn, unsigned order, bool fixed, bool out)
{
	const uint64_t frames = UINT64_C(1) << order, kind = fixed ? USED_FIXED : USED_MOVABLE;
	const uint64_t each = frames < PAGEBLOCK ? frames : PAGEBLOCK;

	for (uint64_t i = 0; i < frames; i += each)
		use_pageblock(machine, (pfn + i) >> ROOST_PAGEBLOCK_ORDER,
			      out ? each * kind : -(each * kind));
	use_region(machine, pfn >> REGION_ORDER, out ? frames : -frames);
}

/* ---- Blocks ----------------------------------------------------------------------------- */

roost_pfn machine_alloc(struct machine *machine, unsigned order, unsigned flags, uint64_t serial)
{
	roost_pfn pfn = machine->dry ? 0 : roost_alloc(machine->roost, order, flags);
	roost_pfn count = (roost_pfn)1 << order;
	const bool fixed = (flags & ROOST_MIGRATETYPE_MASK) != ROOST_MOVABLE;

	if (machine->bare || pfn == ROOST_NONE)
		return pfn;
	if ((pfn & (count - 1)) || pfn >= machine->frames || count > machine->frames - pfn) {
		atomic_fetch_add(&machine->doubled, count); /* the frames are someone else's */
		return ROOST_NONE;
	}
	for (roost_pfn i = 0; i < count; i++)
		stamp_frame(machine, pfn + i, serial, fixed ? FRAME_FIXED : FRAME_OUT);
	use(machine, pfn, order, fixed, true);
	return pfn;
}

void machine_free(struct machine *machine, roost_pfn pfn, unsigned order, uint64_t serial,
		  bool nolock)
{
	if (!machine->bare)
		use(machine, pfn, order, machine->out[pfn] == FRAME_FIXED, false);
	for (roost_pfn i = 0; i < (roost_pfn)1 << order && !machine->bare; i++)
		check_frame(machine, pfn + i, serial);
	if (machine->dry)
		return;
	if (nolock)
		roost_free_nolock(machine->roost, pfn, order);
	else
		roost_free(machine->roost, pfn, order);
}

bool machine_split(struct machine *machine, roost_pfn pfn, unsigned order)
{
	return machine->dry || roost_split(machine->roost, pfn, order, order - 1u) == 0;
}

/* ---- The start -------------------------------------------------------------------------- */

bool machine_has(const struct machine *machine, roost_pfn pfn)
{
	return pfn < machine->frames && machine->out[pfn] != FRAME_NO_MEMORY;
}

void machine_mark(struct machine *machine, roost_pfn pfn, bool fixed)
{
	if (machine->bare)
		return;
	machine->out[pfn] = fixed ? FRAME_FIXED : FRAME_OUT;
	use(machine, pfn, 0, fixed, true);
}

void machine_unmark(struct machine *machine, roost_pfn pfn)
{
	if (machine->bare)
		return;
	use(machine, pfn, 0, machine->out[pfn] == FRAME_FIXED, false);
	machine->out[pfn] = 0;
}

/* ---- Looking at it ---------------------------------------------------------------------- */

uint64_t machine_fitting(const struct machine *machine, unsigned order, unsigned flags)
{
	unsigned lists = flags & ROOST_RESERVE ? ROOST_LIST_RESERVE : ROOST_LIST_RECLAIMABLE;
	struct roost_zone_info info;
	uint64_t sum = 0;

	for (unsigned zone = 0; zone < MACHINE_ZONES; zone++) {
		if (roost_zone_info(machine->roost, zone, &info) != 0)
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

/* Adds the free blocks of a zone by order. */
static void add_blocks(uint64_t frames[ROOST_MAX_ORDER + 1], const struct roost_zone_info *info)
{
	for (unsigned list = 0; list < ROOST_NR_LISTS; list++)
		for (unsigned k = 0; k <= ROOST_MAX_ORDER; k++)
			frames[k] += info->blocks[list][k] << k;
}

static void sum_fragments(const struct machine *machine, const uint64_t frames[ROOST_MAX_ORDER + 1],
			  struct machine_fragments *fragments)
{
	uint64_t all = 0, smaller = 0;

	fragments->mixed = machine->mixed;
	fragments->empty_2m = machine->empty_2m;
	fragments->empty_1g = machine->empty_1g;
	for (unsigned k = 0; k <= ROOST_MAX_ORDER; k++)
		all += frames[k];
	for (unsigned k = 0; k < MACHINE_FRAGMENT_ORDERS; k++) {
		fragments->unusable[k] = all ? (double)smaller / (double)all : 0;
		smaller += frames[k];
	}
}

void machine_sum(const struct machine *machine, struct machine_sums *sums)
{
	struct roost_zone_info info;

	memset(sums, 0, sizeof(*sums));
	for (unsigned zone = 0; zone < MACHINE_ZONES; zone++) {
		if (roost_zone_info(machine->roost, zone, &info) != 0)
			continue;
		sums->managed += info.managed;
		sums->free += info.free;
		sums->free_pcp += info.free_pcp;
		sums->free_llist += info.free_llist;
		sums->blocks_2m += whole_blocks(&info);
		add_blocks(sums->by_order, &info);
	}
	sum_fragments(machine, sums->by_order, &sums->fragments);
}

void machine_finish(struct machine *machine, struct machine_verdict *verdict)
{
	struct machine_sums sums;

	roost_drain(machine->roost, -1);
	verdict->valid = roost_validate(machine->roost, &verdict->violation) == 0;
	machine_sum(machine, &sums);
	verdict->managed = sums.managed;
	/* A signed difference, since frames that are free twice are as wrong as frames that are
	 * lost.
	 */
	verdict->lost =
		sums.managed > sums.free ? sums.managed - sums.free : sums.free - sums.managed;
}
