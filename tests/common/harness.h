/* SPDX-License-Identifier: MIT */
/*
 * harness.h - what the unit tests share: an allocator with its metadata, a shadow of its memory,
 * a record of what the hooks saw, and tables of tests that run once per variant.
 *
 * All functions fail the running cmocka test when something is wrong.
 */
#ifndef TESTS_HARNESS_H
#define TESTS_HARNESS_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <roost/pcpbuddy.h>
#include <roost/posix.h>
#include <roost/roost.h>

#include "counters.h"
#include "library.h"
#include "shadow.h"
#include "tool/common/random.h"

enum {
	BLOCK = 1 << ROOST_PAGEBLOCK_ORDER, /* frames of a pageblock */
	RIG_MISUSES = 8,		    /* misuses that are remembered */
};

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* ---- Variants ---------------------------------------------------------------------------- */

/* One way to configure the allocator; a test gets it as *state. */
struct variant {
	const char *name;
	enum roost_free_path path;
	unsigned check;
	uint32_t pcp_high; /* 0: chosen; with fewer pageblocks than CPUs nobody owns one */
};

struct variants {
	const struct variant *table;
	size_t count;
};

/* Both free paths, and pcps that own pageblocks, but where it says otherwise: */
extern const struct variants variants_all;     /* check levels 0 .. 3, pcps small and smallest */
extern const struct variants variants_checked; /* check levels 1 .. 3 */
extern const struct variants variants_paths;   /* the default level, pcps large and small */
extern const struct variants variants_owners;  /* the default level */
extern const struct variants variants_one;     /* one alone */

struct suite_test {
	const char *name;
	CMUnitTestFunction run;
	const struct variants *variants;
};

#define SUITE_TEST(function, variants)                                                             \
	{                                                                                          \
#function, function, &variants                                                     \
	}

/* Runs each test with each of its variants; argv[1] is a filter on their names. */
int suite_run(const char *name, const struct suite_test *tests, size_t count, int argc,
	      char **argv);
#define SUITE_RUN(name, tests, argc, argv) suite_run(name, tests, LENGTH(tests), argc, argv)

/* Ends the test as skipped, with a line that scripts/test-summary collects. */
void suite_skip(const char *test, const char *reason);
/* Skips the test in builds that have but one CPU. */
#define NEED_SMP()                                                                                 \
	do {                                                                                       \
		if (library_is_up)                                                                 \
			suite_skip(__func__, "needs several CPUs; this is a uniprocessor build");  \
	} while (0)

/* ---- The rig ----------------------------------------------------------------------------- */

struct rig {
	roost_t *roost;
	struct roost_config config;
	void *metadata;
	size_t metadata_size;
	struct shadow shadow;
	uint64_t fresh[ROOST_MAX_ZONES][ROOST_MAX_ORDER + 1]; /* free blocks after init */

	unsigned nr_misuse;
	struct roost_misuse misuse[RIG_MISUSES];
	unsigned nr_pressure;
	unsigned pressure_zone;
	uint64_t pressure_free;
	void (*on_pressure)(struct rig *rig);
	unsigned in_hook; /* bit z: the pressure hook runs for zone z */
};

/* A configuration with the variant's free path and check level; ranges are the caller's. */
struct roost_config rig_config(void *const *state);

/* What the last configuration of rig_config() says of the engine pcpbuddy; others do not get it. */
extern struct roost_pcpbuddy_config rig_pcpbuddy;

/* Makes the allocator: config with hooks that record. */
void rig_open(struct rig *rig, const struct roost_config *config);
/* One zone of that many frames from start on, and that many CPUs (one in a UP build). */
void rig_open_simple(struct rig *rig, void *const *state, roost_pfn start, uint64_t frames,
		     unsigned cpus);
/* The same from frame 0 on, with what else is said of the zone. */
void rig_open_zone(struct rig *rig, void *const *state, uint64_t frames,
		   const struct roost_zone_config *zone, unsigned cpus);
/* Two zones of that many frames each, one behind the other. */
void rig_open_two(struct rig *rig, void *const *state, uint64_t frames, unsigned cpus);
/* "DMA" with a reserve on node 0 and "Normal" on node 2, which meet in mid-pageblock; odd ends, and
 * a reserved range in the second: frames 10 to RIG_UNLIKE_END. */
enum { RIG_UNLIKE_END = 14 * BLOCK };
extern const struct roost_zone_config rig_unlike_zones[2];
void rig_open_unlike(struct rig *rig, void *const *state, unsigned cpus);
/* With these ranges and zones (NULL, 0: one), which are the caller's. */
void rig_open_zones(struct rig *rig, void *const *state, const struct roost_range *ranges,
		    size_t nr_ranges, const struct roost_zone_config *zones, size_t nr_zones,
		    unsigned cpus);
void rig_close(struct rig *rig);

/* The calling thread acts as that CPU; CPUs beyond the configured ones wrap round. */
void rig_cpu(const struct rig *rig, unsigned cpu);

/* Allocate and enter it in the shadow. rig_get() insists on success. */
roost_pfn rig_alloc(struct rig *rig, unsigned order, unsigned flags);
roost_pfn rig_get(struct rig *rig, unsigned order, unsigned flags);
/* Allocates until it fails; how many blocks there were. */
uint64_t rig_take_all(struct rig *rig, unsigned order, unsigned flags);
size_t rig_bulk(struct rig *rig, unsigned order, unsigned flags, roost_pfn *pfns, size_t count);

/* The same for n frames, which become more if there is no such size: of that the shadow's. */
roost_pfn rig_alloc_n(struct rig *rig, uint64_t n, unsigned flags);
roost_pfn rig_get_n(struct rig *rig, uint64_t n, unsigned flags);
uint64_t rig_size(uint64_t n);
void rig_split_n(struct rig *rig, roost_pfn pfn);

/* Takes frames by address; what it gets is entered, in the largest aligned blocks. */
int rig_take_range(struct rig *rig, roost_pfn pfn, uint64_t n);
/* The order of the largest aligned block of those n frames that begins at pfn. */
unsigned rig_range_order(const struct rig *rig, roost_pfn pfn, uint64_t n);

/* Memory comes or goes; what did is entered. */
int rig_add_range(struct rig *rig, roost_pfn pfn, uint64_t n);
int rig_remove_range(struct rig *rig, roost_pfn pfn, uint64_t n);

void rig_free(struct rig *rig, roost_pfn pfn);
void rig_free_nolock(struct rig *rig, roost_pfn pfn);
void rig_free_bulk(struct rig *rig, const struct roost_block *blocks, size_t count, bool nolock);
void rig_split(struct rig *rig, roost_pfn pfn, unsigned to);
void rig_free_part(struct rig *rig, roost_pfn pfn, unsigned order);
void rig_merge(struct rig *rig, roost_pfn pfn, unsigned order);
void rig_free_all(struct rig *rig);

/* Validates and compares the counts of every zone with the shadow. */
void rig_check(const struct rig *rig);
/* The same for every single frame, through roost_frame_info(). */
void rig_compare(const struct rig *rig);
/* Everything comes home: frees all, drains, and finds each zone as roost_init() left it. */
void rig_home(struct rig *rig);

/* Free frames of a zone wherever they lie. */
uint64_t rig_zone_free(const struct rig *rig, unsigned zone);
/* Frames on all pcps and lists of one CPU. */
uint64_t rig_cpu_holds(const struct rig *rig, unsigned cpu);

/* The counters of a zone and a CPU (-1: all). */
struct counters rig_stats_of(const struct rig *rig, int zone, int cpu);
/* All of them. */
struct counters rig_stats(const struct rig *rig);

/* Exactly one misuse was recorded, and this is it; forgets it. */
void rig_expect(struct rig *rig, const struct roost_misuse *expected);
/* No misuse was recorded. */
void rig_expect_none(const struct rig *rig);

#endif
