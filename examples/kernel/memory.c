/* SPDX-License-Identifier: MIT */
/* memory.c - see memory.h. */
#include "memory.h"

#include "arch.h"
#include "block.h"
#include "console.h"
#include "cpu.h"

void *memset(void *to, int value, size_t size);

enum { RANGES = 64, REG = 16, BALLAST = 4096, CACHES = 4, SLABS = 1024 };

extern const uint8_t image_start[], image_end[];

roost_t *memory;
roost_slabs_t *objects;

static struct {
	struct roost_range ranges[RANGES];
	struct roost_zone_config zones[ROOST_MAX_NODES];
	uint8_t cpu_node[MAX_CPUS];
	struct roost_config config;
	struct roost_range *metadata;
	struct roost_slabs_config objects;
	size_t objects_size;
	roost_pfn ballast[BALLAST];
	size_t nr_ballast;
} map = {.config = ROOST_CONFIG_INIT, .objects = ROOST_SLABS_CONFIG_INIT};

/* ---- The map ----------------------------------------------------------------------------- */

/* A zone for each node. */
static uint16_t zone_of_node(unsigned node)
{
	size_t i = 0;

	while (i < map.config.nr_zones && map.zones[i].node != node)
		i++;
	if (i == map.config.nr_zones) {
		if (i == ROOST_MAX_NODES || node >= ROOST_MAX_NODES)
			fail("node %u: the allocator has at most %u", node, ROOST_MAX_NODES);
		map.zones[i].node = node;
		map.config.nr_zones++;
	}
	return (uint16_t)i;
}

static struct roost_range *new_range(void)
{
	if (map.config.nr_ranges == RANGES)
		fail("more than %u ranges of memory", RANGES);
	return &map.ranges[map.config.nr_ranges++];
}

static struct roost_range *add(struct dtb_range bytes, unsigned node, const char *what)
{
	struct roost_range *range = new_range();

	say("  0x%09lx-0x%09lx  %s", bytes.start, bytes.end, what);
	say(node ? ", node %u\n" : "\n", node);
	return range;
}

/* Memory: only frames that are there as a whole. */
static void add_memory(struct dtb_range bytes, unsigned node)
{
	struct roost_range *range = add(bytes, node, "memory");

	*range = (struct roost_range){.start = (bytes.start + FRAME_SIZE - 1) >> FRAME_SHIFT,
				      .end = bytes.end >> FRAME_SHIFT,
				      .zone = zone_of_node(node)};
	arch_map(bytes.start, bytes.end);
}

/* Reserved: all frames that have a byte in it. */
static struct roost_range *add_reserved(struct dtb_range bytes, const char *what)
{
	struct roost_range *range = add(bytes, 0, what);

	*range = (struct roost_range){.start = bytes.start >> FRAME_SHIFT,
				      .end = (bytes.end + FRAME_SIZE - 1) >> FRAME_SHIFT,
				      .flags = ROOST_RANGE_RESERVED};
	return range;
}

static void read_memory(const struct dtb *dtb)
{
	struct dtb_range found[REG];
	dtb_node root = dtb_root(dtb);

	for (dtb_node n = dtb_child(dtb, root); n; n = dtb_sibling(dtb, n)) {
		int count = dtb_property_is(dtb, n, "device_type", "memory")
				    ? dtb_ranges(dtb, root, n, found, REG)
				    : 0;

		if (count < 0)
			fail("the device tree's memory makes no sense");
		for (int i = 0; i < count; i++)
			add_memory(found[i], (unsigned)dtb_number(dtb, n, "numa-node-id", 0));
	}
}

static void read_reserved(const struct dtb *dtb)
{
	struct dtb_range found[REG];
	dtb_node parent = dtb_find(dtb, "reserved-memory");

	for (uint32_t i = 0; dtb_reservation(dtb, i, &found[0]); i++)
		add_reserved(found[0], "reserved by the loader");
	if (!parent)
		return;
	for (dtb_node n = dtb_child(dtb, parent); n; n = dtb_sibling(dtb, n)) {
		int count = dtb_ranges(dtb, parent, n, found, REG);

		if (count < 0)
			fail("the device tree's reserved memory makes no sense");
		for (int i = 0; i < count; i++)
			add_reserved(found[i], "reserved");
	}
}

/* ---- Metadata ---------------------------------------------------------------------------- */

/* The end of the last reserved range that has a frame of [start, end), or start. */
static roost_pfn behind_reserved(roost_pfn start, roost_pfn end)
{
	roost_pfn behind = start;

	for (size_t i = 0; i < map.config.nr_ranges; i++) {
		const struct roost_range *r = &map.ranges[i];

		if (r->flags & ROOST_RANGE_RESERVED && r != map.metadata && r->start < end &&
		    r->end > start && r->end > behind)
			behind = r->end;
	}
	return behind;
}

/* The lowest run of this many frames that are memory and not reserved. */
static roost_pfn find_room(uint64_t frames)
{
	for (size_t i = 0; i < map.config.nr_ranges; i++) {
		const struct roost_range *r = &map.ranges[i];
		roost_pfn start = r->start, next;

		if (r->flags & ROOST_RANGE_RESERVED)
			continue;
		while (start + frames <= r->end &&
		       (next = behind_reserved(start, start + frames)) != start)
			start = next;
		if (start + frames <= r->end)
			return start;
	}
	fail("no room for the allocator's metadata: %lu frames", frames);
}

/* Objects may lie in any memory: addresses are those of the machine. The allocator will be at the
 * start of its metadata, and the objects' metadata follows it. */
static void lay_objects_out(roost_pfn metadata)
{
	struct roost_slabs_config *config = &map.objects;
	roost_pfn end = 0;

	config->first = ROOST_NONE;
	for (size_t i = 0; i < map.config.nr_ranges; i++) {
		const struct roost_range *r = &map.ranges[i];

		if (r->flags & ROOST_RANGE_RESERVED)
			continue;
		config->first = r->start < config->first ? r->start : config->first;
		end = r->end > end ? r->end : end;
	}
	config->frames = (roost_t *)(metadata << FRAME_SHIFT);
	config->base = (void *)(config->first << FRAME_SHIFT);
	config->nr = end - config->first;
	config->page_shift = FRAME_SHIFT;
	config->nr_cpus = nr_cpus;
	config->nr_caches = CACHES;
	config->nr_slabs = SLABS;
	map.objects_size = roost_slabs_metadata_size(config);
	if (!map.objects_size)
		fail("objects: %s", roost_slabs_config_error(config));
}

/* Where they lie changes the map, and so perhaps their size: until they fit. Returns the size of
 * the allocator's, a multiple of a cache line. */
static size_t place_metadata(void)
{
	uint64_t frames = 1;
	size_t size;

	map.metadata = new_range();
	do {
		roost_pfn start = find_room(frames);

		*map.metadata = (struct roost_range){
			.start = start, .end = start + frames, .flags = ROOST_RANGE_RESERVED};
		size = roost_metadata_size(&map.config);
		if (!size)
			fail("the memory map: %s", roost_config_error(&map.config));
		size = (size + 63) & ~(size_t)63;
		lay_objects_out(start);
		frames = (size + map.objects_size + FRAME_SIZE - 1) >> FRAME_SHIFT;
	} while (frames > map.metadata->end - map.metadata->start);
	map.config.nr_ranges--;
	add_reserved((struct dtb_range){map.metadata->start << FRAME_SHIFT,
					map.metadata->end << FRAME_SHIFT},
		     "metadata of the allocator and of objects");
	return size;
}

/* ---- The allocator ----------------------------------------------------------------------- */

static void on_misuse(void *context, const struct roost_misuse *misuse)
{
	(void)context;
	fail("%s: %s of frame 0x%lx", misuse->call, roost_misuse_name(misuse->kind), misuse->pfn);
}

static void configure(void)
{
	map.config.ranges = map.ranges;
	map.config.zones = map.zones;
	map.config.cpu_node = map.cpu_node;
	map.config.nr_cpus = nr_cpus;
	map.config.check_level = ROOST_CHECK_EXACT;
	map.config.misuse = on_misuse;
	for (unsigned i = 0; i < nr_cpus; i++)
		map.cpu_node[i] = (uint8_t)cpus[i].node;
}

void memory_open(const struct dtb *dtb, bool twice)
{
	size_t size;
	int err;

	say("memory map\n");
	read_memory(dtb);
	if (twice)
		add_memory((struct dtb_range){map.ranges[0].start << FRAME_SHIFT,
					      map.ranges[0].end << FRAME_SHIFT},
			   0);
	read_reserved(dtb);
	add_reserved((struct dtb_range){(uint64_t)image_start, (uint64_t)image_end}, "kernel");
	add_reserved((struct dtb_range){(uint64_t)dtb->blob, (uint64_t)dtb->blob + dtb->size},
		     "device tree");
	configure();
	size = place_metadata();
	memset((void *)(map.metadata->start << FRAME_SHIFT), 0, size + map.objects_size);
	err = roost_init(&memory, &map.config, (void *)(map.metadata->start << FRAME_SHIFT), size);
	if (err)
		fail("roost_init: %s", roost_strerror(err));
	err = roost_slabs_init(&objects, &map.objects, (char *)map.objects.frames + size,
			       map.objects_size);
	if (err)
		fail("roost_slabs_init: %s", roost_strerror(err));
}

/* How many of the frames [pfn, end) are in the range. */
static uint64_t overlap(const struct roost_range *r, uint64_t pfn, uint64_t end)
{
	uint64_t from = r->start > pfn ? r->start : pfn, to = r->end < end ? r->end : end;

	return from < to ? to - from : 0;
}

bool memory_is_ours(uint64_t pfn, uint64_t end)
{
	uint64_t inside = 0; /* ranges may adjoin, but do not overlap */

	for (size_t i = 0; i < map.config.nr_ranges; i++) {
		uint64_t frames = overlap(&map.ranges[i], pfn, end);

		if (frames && map.ranges[i].flags & ROOST_RANGE_RESERVED)
			return false;
		inside += frames;
	}
	return inside == end - pfn;
}

uint64_t memory_free(void)
{
	uint64_t frames = 0;
	struct roost_zone_info info;

	for (unsigned i = 0; i < roost_nr_zones(memory); i++)
		if (!roost_zone_info(memory, i, &info))
			frames += info.free + info.free_pcp + info.free_llist;
	return frames;
}

void memory_take_most(uint64_t left)
{
	unsigned order = roost_max_order(memory);

	while (map.nr_ballast < BALLAST && memory_free() >= left + (1ul << order)) {
		roost_pfn pfn = roost_alloc(memory, order, ROOST_UNMOVABLE | ROOST_WAIT);

		if (pfn == ROOST_NONE)
			break;
		map.ballast[map.nr_ballast++] = pfn;
	}
}

void memory_give_back(void)
{
	while (map.nr_ballast)
		roost_free(memory, map.ballast[--map.nr_ballast], roost_max_order(memory));
}
