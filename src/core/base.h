/* SPDX-License-Identifier: MIT */
/*
 * base.h - what every engine has: the map, the hooks, the zones' descriptions, the counters, and
 * what the public calls do before and after the engine's own part.
 *
 * struct rst_base is the first member of an engine's struct roost. Everything in it is constant
 * after roost_init(), but what hotplug.h says of present, brought and hotplug.
 */
#ifndef RST_BASE_H
#define RST_BASE_H

#include "core/hotplug.h"
#include "core/map.h"
#include "core/probe.h"
#include "core/size.h"

struct rst_base {
	struct rst_map map;
	uint8_t *zone_order; /* per node nr_zones + 1 bytes, ended by 0xff */
	uint8_t *cpu_node;
	uint8_t *cpu_zone; /* the first zone for callers on a CPU, 0xff: none */
	uint32_t nr_zones, nr_nodes, nr_cpus;
	unsigned max_order, check_level;
	roost_misuse_fn *misuse;
	roost_pressure_fn *pressure;
	void *context;
	_Atomic uint64_t *present; /* a bit for each pageblock */
	uint64_t *odd;		   /* the same: an extent begins or ends in the middle of it */
	/* For a pool, which brings its memory in (core/held.h): the same, it has been present. */
	_Atomic uint64_t *brought;
	bool brings; /* c, from rst_brings() on */
	struct rst_hotplug hotplug;
};

/* Is a pageblock there? Sequentially consistent: see hotplug.c. */
static inline bool rst_is_present(const struct rst_base *base, uint32_t block)
{
	return rst_load_sc(&base->present[block / 64]) >> block % 64 & 1;
}

static inline bool rst_was_brought(const struct rst_base *base, uint32_t block)
{
	return rst_load_sc(&base->brought[block / 64]) >> block % 64 & 1;
}

/* For walks: are this pageblock and the 63 that follow it all absent? */
static inline bool rst_are_absent(const struct rst_base *base, uint32_t block)
{
	return block % 64 == 0 && !rst_load_rlx(&base->present[block / 64]);
}

enum {
	RST_TYPES = 3, /* migratetypes that a caller can name */
	RST_ORDERS = ROOST_MAX_ORDER + 1,
};

static inline unsigned rst_this_cpu(const struct rst_base *base)
{
	unsigned cpu = rst_cpu();

	return cpu < base->nr_cpus ? cpu : cpu % base->nr_cpus;
}

/* The zones for callers on a node, in order of preference, ended by 0xff. */
static inline uint8_t *rst_zones_of(const struct rst_base *base, unsigned node)
{
	return base->zone_order + (size_t)node * (base->nr_zones + 1);
}

/* Inlined into the hot paths; the rarer branches are functions of their own. */
#define RST_HOT	 inline __attribute__((always_inline))
#define RST_COLD __attribute__((noinline, cold))

/* ---- Start-up ------------------------------------------------------------------------------ */

/* Places the next part of the metadata: returns its offset and moves *end past it. */
static inline uint64_t rst_carve(uint64_t *end, uint64_t bytes)
{
	uint64_t start = (*end + RST_CACHE_LINE - 1) & ~(uint64_t)(RST_CACHE_LINE - 1);

	*end = start + bytes;
	return start;
}

/* The parts that struct rst_base points to, as offsets from the start of the metadata. */
struct rst_base_layout {
	uint64_t spans, zone_order, cpu_node, cpu_zone, present, odd, brought;
	uint64_t nr_frames; /* records, with those that round spans out */
	uint32_t nr_spans;
	unsigned nr_zones, nr_nodes;
};

void rst_base_lay_out(const struct roost_config *config, struct rst_base_layout *layout,
		      uint64_t *end);
void rst_base_init(struct rst_base *base, const struct roost_config *config,
		   const struct rst_base_layout *layout, char *metadata);
/* Returns 0 and sets *config to the fields that this library knows; or returns the error for
 * roost_init(). */
int rst_base_check(roost_t **out, struct roost_config *config, const struct roost_config *given,
		   const void *metadata);

/* ---- Zones --------------------------------------------------------------------------------- */

/*
 * Letters as in the engines': c constant after roost_init(); m written by the holder of the
 * hotplug word, read racily; a atomic.
 *
 * Frames that were added are counted before they are free, and those that were removed after they
 * were taken. So in sums they are as frees and allocations: each counter only grows.
 */
struct rst_zone_desc {
	uint64_t min;			   /* c */
	_Atomic uint64_t low, high;	   /* m */
	_Atomic uint64_t added, removed;   /* a; those that were there, and free, at first: added */
	uint64_t allocated;		   /* c; frames that started out allocated */
	uint64_t reserve;		   /* m; frames of the reserve's pageblocks, free or not */
	uint64_t known, reserved, spanned; /* c; usable, present or not; of reserved ranges */
	uint64_t low_set, high_set;	   /* c; the configuration's marks */
	roost_pfn start_pfn;		   /* c */
	unsigned node, id;		   /* c */
	char name[16];			   /* c */
};

/* Usable frames that are present. */
static inline uint64_t rst_zone_managed(const struct rst_zone_desc *desc)
{
	/* In this order: what was removed was added before. */
	uint64_t removed = rst_load_acq(&desc->removed);

	return rst_load_rlx(&desc->added) + desc->allocated - removed;
}

/* Chooses the marks for what is managed now. */
void rst_zone_set_marks(struct rst_zone_desc *desc);

void rst_zone_desc_init(struct rst_zone_desc *desc, const struct roost_config *config,
			const struct rst_base *base, unsigned id);
/* Sets all of *info that the description knows, the rest to 0. */
void rst_zone_desc_info(const struct rst_zone_desc *desc, struct roost_zone_info *info);

/* ---- Requests ------------------------------------------------------------------------------ */

struct rst_request {
	const struct rst_base *base;
	const char *call;
	unsigned order, type;
	unsigned flags;	 /* as the caller gave them: for what is seldom asked */
	uint32_t frames; /* 2^order, or fewer: core/size.h */
	unsigned cpu;	 /* where it began; only locality depends on it */
	bool wait;	 /* may sleep, and wait for locks that are held with interrupts off */
	bool steal;	 /* may use pageblocks of other migratetypes */
	bool reserve;	 /* may use the reserve */
	uint8_t one_zone[2];
	const uint8_t *zones; /* in order of preference, ended by 0xff */
	int node;	      /* only zones of this node, -1: all */
};

/* Does it look but once, and fail then? */
static inline bool rst_is_once(const struct rst_request *q)
{
	return q->flags & ROOST_ONCE;
}

/* Reads the flags; false if they make no sense, which is then reported. No lock is held. */
bool rst_request_read(struct rst_request *q, const struct rst_base *base, const char *call,
		      unsigned order, unsigned flags);

/* Is a zone one of those that the request may use, as far as its node is concerned? */
static inline bool rst_request_of_node(const struct rst_request *q, unsigned node)
{
	return q->node < 0 || node == (unsigned)q->node;
}

/* ---- Pressure ------------------------------------------------------------------------------ */

struct rst_pressure {
	_Atomic uint32_t calling; /* the hook is running for this zone */
	_Atomic uint32_t pressed; /* it was called and is not armed again */
};

/* Calls the hook unless it runs for this zone; true if it did. No lock is held. */
bool rst_pressure_call(const struct rst_base *base, struct rst_pressure *pressure,
		       const struct rst_zone_desc *desc, uint64_t free);

/* Once for each fall below the low mark: does the hook have to be called? */
static inline bool rst_pressure_falls(struct rst_pressure *pressure,
				      const struct rst_zone_desc *desc, uint64_t free)
{
	/* Racy reads of a hint: a call too many or too late does no harm, and the exchange lets one
	 * caller through each time that the hook is armed. */
	return free < rst_load_rlx(&desc->low) && !rst_load_rlx(&pressure->pressed) &&
	       !rst_xchg_acq(&pressure->pressed, 1);
}

/* Arms the hook again when the zone has risen above its high mark. */
static inline void rst_pressure_rises(struct rst_pressure *pressure,
				      const struct rst_zone_desc *desc, uint64_t free)
{
	if (free > rst_load_rlx(&desc->high) && rst_load_rlx(&pressure->pressed))
		rst_store_rlx(&pressure->pressed, 0);
}

/* ---- Counters ------------------------------------------------------------------------------ */

#define RST_COUNTER_FIELD(name, text) _Atomic uint64_t name;

struct rst_counters {
	ROOST_COUNTERS(RST_COUNTER_FIELD)
};

/* Are these a zone and a CPU, or -1 for all of them? */
static inline bool rst_stats_are_of(const struct rst_base *base, int zone, int cpu)
{
	return zone >= -1 && zone < (int)base->nr_zones && cpu >= -1 && cpu < (int)base->nr_cpus;
}

/* Of each engine: what roost_dump() has in place of /proc/zoneinfo's marks. 0: it has none. */
struct rst_pcp_marks {
	uint32_t high, batch;
};

struct rst_pcp_marks rst_pcp_marks(const struct roost *roost, unsigned zone, unsigned cpu);

void rst_counters_add(const struct rst_counters *from, struct roost_stats *to);

/* ---- Misuse -------------------------------------------------------------------------------- */

static inline struct roost_misuse rst_misuse_of(const char *call, roost_pfn pfn, unsigned order)
{
	return (struct roost_misuse){.call = call,
				     .pfn = pfn,
				     .order_given = order > INT32_MAX ? INT32_MAX : (int)order,
				     .order_found = -1,
				     .head_found = ROOST_NONE};
}

/* The same of a call that names a number of frames. */
static inline struct roost_misuse rst_misuse_of_frames(const char *call, roost_pfn pfn, uint64_t n)
{
	return (struct roost_misuse){.call = call,
				     .pfn = pfn,
				     .order_given = -1,
				     .order_found = -1,
				     .head_found = ROOST_NONE,
				     .frames_given = n};
}

/* The block that was found. */
static inline void rst_misuse_found(struct roost_misuse *m, struct rst_size size, roost_pfn head)
{
	m->order_found = rst_is_odd(size) ? -1 : (int)size.order;
	m->frames_found = size.frames;
	m->head_found = head;
}

/* The size that a misuse names. */
static inline struct rst_size rst_misuse_size(const struct roost_misuse *m)
{
	return m->order_given < 0 ? rst_size_of(m->frames_given)
				  : rst_size_of_order((unsigned)m->order_given);
}

/* Does a caller name a CPU, or all by -1? If not, that is reported. No lock is held. */
bool rst_are_cpus(const struct rst_base *base, const char *call, int cpu);

/* Reports a misuse to the caller's hook, or to the port's fatal. No lock is held. */
void rst_report(const struct rst_base *base, const struct roost_misuse *misuse);

/* The span of a block that a caller names. NULL if the order or size does not exist, or the block
 * is outside the map, in a hole between spans or misaligned: m->kind says which. Any context. */
const struct rst_span *rst_misuse_span(const struct rst_base *base, struct roost_misuse *m);

/* ---- Pageblocks ---------------------------------------------------------------------------- */

/* Finds the pageblock of pfn, or the next one above it. Sets start, end and zone of *info and all
 * fields that are not 0, and returns the record of start. If there is none, returns RST_NO_FRAME
 * and leaves *info as it was. */
rst_frame_id rst_pageblock_at(const struct rst_map *map, roost_pfn pfn,
			      struct roost_pageblock_info *info);

/* ---- Validation ---------------------------------------------------------------------------- */

struct rst_walk {
	struct roost_violation *out; /* NULL: the caller does not want it */
	bool bad;
};

/* Notes the first violation; false. zone -1: none. */
bool rst_violated(struct rst_walk *w, const char *invariant, int zone, roost_pfn pfn,
		  uint64_t expected, uint64_t found);

#endif
