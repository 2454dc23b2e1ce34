/* SPDX-License-Identifier: MIT */
/*
 * boot.c - an input is the device tree that a machine hands to the kernel of examples/kernel: it is
 * read without leaving it, and what is taken for memory is memory. Broken ones end the boot with a
 * line of text.
 *
 * The kernel's own source of the map is a part of this one, so that each input begins with an empty
 * map; what it writes to the machine's memory goes elsewhere.
 */
#include "fuzz.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <roost/roost.h>

static void *kernel_memset(void *to, int value, size_t size);
static int kernel_init(roost_t **out, const struct roost_config *config, void *metadata,
		       size_t size);
#define memset	   kernel_memset
#define roost_init kernel_init
#include "../../examples/kernel/memory.c" /* NOLINT(bugprone-suspicious-include) */
#undef memset
#undef roost_init

#include "arch.h"
#include "options.h"

enum { MEMORIES = 128, METADATA_MOST = 16 << 20, DEEPEST = 20 };

struct cpu cpus[MAX_CPUS];
unsigned nr_cpus = 2;
const uint8_t image_start[1], image_end[1];

static struct {
	struct dtb_range memory[MEMORIES]; /* what the machine has, by arch_map() */
	size_t nr;
	void *metadata;
} machine;

static void *kernel_memset(void *to, int value, size_t size)
{
	(void)to;
	(void)value;
	(void)size;
	return to;
}

static int kernel_init(roost_t **out, const struct roost_config *config, void *metadata,
		       size_t size)
{
	(void)metadata;
	if (size > METADATA_MOST)
		fail("the driver has no room for the metadata");
	machine.metadata = aligned_alloc(64, (size + 63) & ~(size_t)63);
	if (!machine.metadata)
		abort();
	memset(machine.metadata, 0, size);
	return roost_init(out, config, machine.metadata, size);
}

void arch_map(uint64_t start, uint64_t end)
{
	if (machine.nr < MEMORIES)
		machine.memory[machine.nr++] = (struct dtb_range){start, end};
}

void say(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	if (fuzz_log())
		vfprintf(stderr, format, list);
	va_end(list);
}

void fail(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(fuzz_error, sizeof(fuzz_error), format, list);
	va_end(list);
	fuzz_give_up();
}

/* ---- The tree ------------------------------------------------------------------------------ */

/* Every question that the kernel asks, of every node. */
static void visit(const struct dtb *dtb, dtb_node parent, dtb_node node, unsigned depth)
{
	struct dtb_range ranges[4];

	FUZZ_CHECK(depth < DEEPEST, "a tree deeper than it may be");
	for (; node; node = dtb_sibling(dtb, node)) {
		dtb_ranges(dtb, parent, node, ranges, 4);
		dtb_number(dtb, node, "numa-node-id", 0);
		dtb_property_is(dtb, node, "compatible", "arm,psci-0.2");
		visit(dtb, node, dtb_child(dtb, node), depth + 1);
	}
}

/* ---- The map ------------------------------------------------------------------------------- */

static bool is_memory(const struct roost_range *r)
{
	for (size_t i = 0; i < machine.nr; i++)
		if (r->start << FRAME_SHIFT >= machine.memory[i].start &&
		    r->end << FRAME_SHIFT <= machine.memory[i].end)
			return true;
	return r->start >= r->end;
}

static void check_map(void)
{
	FUZZ_CHECK(map.config.nr_ranges <= RANGES, "%zu ranges", map.config.nr_ranges);
	for (size_t i = 0; i < map.config.nr_ranges; i++)
		if (!(map.ranges[i].flags & ROOST_RANGE_RESERVED))
			FUZZ_CHECK(is_memory(&map.ranges[i]),
				   "frames 0x%llx to 0x%llx are no memory",
				   (unsigned long long)map.ranges[i].start,
				   (unsigned long long)map.ranges[i].end);
	FUZZ_CHECK(!memory_is_ours(map.metadata->start, map.metadata->end),
		   "the metadata lie in memory that is handed out");
}

static void boot(void *context)
{
	const struct dtb *dtb = context;

	options_read(dtb);
	memory_open(dtb, false);
	check_map();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct roost_config init = ROOST_CONFIG_INIT;
	struct dtb dtb;
	const char *error = dtb_open(&dtb, data, (uint32_t)size);

	if (error) {
		fuzz_check_line("dtb_open()", error);
		return 0;
	}
	visit(&dtb, 0, dtb_root(&dtb), 0);
	memset(&map, 0, sizeof(map));
	memset(&machine, 0, sizeof(machine));
	map.config = init;
	options = (struct options){.patience = 60};
	if (!fuzz_try(boot, &dtb))
		FUZZ_CHECK(*fuzz_error, "it fails and says nothing");
	FUZZ_CHECK(map.metadata < map.ranges + RANGES, "a range past the last");
	free(machine.metadata);
	return 0;
}
