/* SPDX-License-Identifier: MIT */
/*
 * api.c - an input is a configuration with its memory map, then the events of model.h, each with
 * what it needs to choose. Some of them misuse the allocator; that must be reported and change
 * nothing.
 *
 * FUZZ_LOG=1 in the environment lists the events.
 */
#include "fuzz.h"
#include "library.h"
#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	EVENTS = 400,
	LOOK_EACH = 16, /* events: between two looks at every frame */
	ZONES = 3,
	RANGES = 6,
	NODES = 3,
	CPUS = 4,
};

/* A configuration and what it points to. */
struct world {
	struct roost_config config;
	struct roost_pcpbuddy_config pcpbuddy;
	struct roost_range ranges[RANGES];
	struct roost_zone_config zones[ZONES];
	uint8_t cpu_node[CPUS];
	roost_pfn base;
};

/* By --wrap: a sleeper goes on at once. There is no other thread that could change anything. */
int __wrap_nanosleep(const struct timespec *pause, struct timespec *left);

int __wrap_nanosleep(const struct timespec *pause, struct timespec *left)
{
	(void)pause;
	(void)left;
	return 0;
}

static unsigned choose(struct model *m, unsigned limit)
{
	return fuzz_below(m->chooser, limit);
}

/* Ranges one behind the other, with gaps or without, then reserved ones anywhere. */
static void read_map(struct world *w, struct fuzz_bytes *b)
{
	unsigned ordinary = 1 + fuzz_below(b, RANGES - 2), at = fuzz_below(b, 1024);

	for (unsigned i = 0; i < RANGES; i++) {
		struct roost_range *r = &w->ranges[i];
		unsigned length;

		if (i < ordinary && i && fuzz_below(b, 2))
			at += fuzz_below(b, 1500);
		if (i >= ordinary) {
			at = fuzz_below(b, MODEL_FRAMES);
			r->flags = ROOST_RANGE_RESERVED;
		}
		if (at >= MODEL_FRAMES)
			break;
		length = 1 + fuzz_below(b, i >= ordinary	   ? 300
					   : fuzz_below(b, 4) == 3 ? 3000
								   : 600);
		if (length > MODEL_FRAMES - at)
			length = MODEL_FRAMES - at;
		r->start = w->base + at;
		r->end = r->start + length;
		r->zone = (uint16_t)fuzz_below(b, (unsigned)w->config.nr_zones);
		at += length;
		w->config.nr_ranges++;
		if (i + 1 >= ordinary && fuzz_below(b, 2))
			break;
	}
}

static void read_world(struct world *w, struct fuzz_bytes *b)
{
	static const uint32_t highs[] = {0, 16, 64, 4 * BLOCK};
	static const unsigned orders[] = {0, 9, 11, 13, ROOST_MAX_ORDER};
	static const roost_pfn bases[] = {0, 1 << ROOST_MAX_ORDER, UINT64_C(1) << 32,
					  UINT64_C(1) << 44};
	struct roost_config config = ROOST_CONFIG_INIT;

	w->config = config;
	w->config.check_level = fuzz_below(b, 4);
	w->pcpbuddy.free_path = fuzz_below(b, 2) ? ROOST_FREE_LLIST : ROOST_FREE_TRYLOCK;
	w->pcpbuddy.high = highs[fuzz_below(b, LENGTH(highs))];
	w->pcpbuddy.batch = fuzz_below(b, 64);
	w->config.pcpbuddy = library_is_pcpbuddy ? &w->pcpbuddy : NULL;
	w->config.max_order = orders[fuzz_below(b, LENGTH(orders))];
	w->config.nr_cpus = 1 + fuzz_below(b, CPUS);
	w->base = bases[fuzz_below(b, LENGTH(bases))];
	w->config.nr_zones = 1 + fuzz_below(b, ZONES);
	for (unsigned i = 0; i < w->config.nr_zones; i++) {
		w->zones[i].node = fuzz_below(b, NODES);
		if (fuzz_below(b, 3) == 2)
			w->zones[i].reserve = fuzz_number(b, 1);
		if (fuzz_below(b, 4) == 3)
			w->zones[i].low = fuzz_number(b, 2);
	}
	for (unsigned i = 0; i < CPUS; i++)
		w->cpu_node[i] = (uint8_t)fuzz_below(b, NODES);
	read_map(w, b);
	w->config.ranges = w->ranges;
	w->config.zones = w->zones;
	w->config.cpu_node = w->cpu_node;
}

/* Real CPUs, with their pockets, or virtual ones. */
static void choose_cpus(struct fuzz_bytes *b)
{
	if (!library_is_pcpbuddy && fuzz_below(b, 4) == 3)
		setenv("ROOST_TEST_CPUS", "real", 1);
	else
		unsetenv("ROOST_TEST_CPUS");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_bytes bytes = {data, data + size};
	struct world world = {.base = 0};
	static struct model m;
	unsigned events = 0;

	setenv("CMOCKA_TEST_ABORT", "1", 1); /* a check that fails ends the process */
	choose_cpus(&bytes);
	read_world(&world, &bytes);
	if (roost_config_error(&world.config))
		return 0;
	model_open(&m, &world.config, world.base, choose, &bytes);
	m.log = fuzz_log() ? stderr : NULL;
	for (unsigned i = 0; m.log && i < world.config.nr_ranges; i++)
		fprintf(m.log, "range %llu to %llu, zone %u%s\n",
			(unsigned long long)world.ranges[i].start,
			(unsigned long long)world.ranges[i].end, world.ranges[i].zone,
			world.ranges[i].flags ? ", reserved" : "");
	while (fuzz_more(&bytes) && events++ < EVENTS) {
		model_event(&m);
		if (events % LOOK_EACH == 0)
			rig_compare(&m.rig);
	}
	rig_compare(&m.rig);
	model_close(&m);
	return 0;
}
