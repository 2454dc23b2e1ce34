/* SPDX-License-Identifier: MIT */
/* report.c - describes the pools, in JSON: see roost/serve.h. Uses only public calls. */
#define _GNU_SOURCE 1
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pool/report.h"

enum { FIRST_ROOM = 1 << 16, PIECE = 512 };

/* ---- Text ---------------------------------------------------------------------------------- */

static bool make_room(struct rst_report *r)
{
	size_t room = r->room ? r->room * 2 : FIRST_ROOM;
	void *text = r->room ? mremap(r->text, r->room, room, MREMAP_MAYMOVE)
			     : mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
				    -1, 0);

	if (text == MAP_FAILED)
		return false;
	r->text = text;
	r->room = room;
	return true;
}

/* Appends a piece of less than PIECE bytes. If there is no memory, the text ends there and is no
 * valid JSON. */
static __attribute__((format(printf, 2, 3))) void put(struct rst_report *r, const char *format, ...)
{
	va_list args;
	int n;

	if (r->room - r->length < PIECE && !make_room(r))
		return;
	va_start(args, format);
	n = vsnprintf(r->text + r->length, PIECE, format, args);
	va_end(args);
	if (n > 0)
		r->length += (size_t)n < PIECE ? (size_t)n : PIECE - 1;
}

/*
 * A name may contain any byte, and may be cut off in the middle of a character. Bytes that are not
 * printable ASCII become \xNN, and so does a backslash before an x. The program that shows the name
 * decides what the bytes mean.
 */
static void put_string(struct rst_report *r, const char *text)
{
	put(r, "\"");
	for (; *text; text++)
		if (*text < ' ' || *text > '~' || (text[0] == '\\' && text[1] == 'x'))
			put(r, "\\\\x%02x", (unsigned char)*text);
		else
			put(r, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
	put(r, "\"");
}

static void put_u64s(struct rst_report *r, const uint64_t *numbers, unsigned nr)
{
	put(r, "[");
	for (unsigned i = 0; i < nr; i++)
		put(r, "%s%" PRIu64, i ? "," : "", numbers[i]);
	put(r, "]");
}

void rst_report_free(struct rst_report *r)
{
	if (r->room)
		munmap(r->text, r->room);
	*r = (struct rst_report){0};
}

void rst_report_error(struct rst_report *r, const char *text)
{
	put(r, "{\"roost\":1,\"error\":");
	put_string(r, text);
	put(r, "}\n");
}

/* ---- Zones, CPUs, counters ----------------------------------------------------------------- */

static void put_zone(struct rst_report *r, const roost_t *frames, unsigned id)
{
	struct roost_zone_info z;

	if (roost_zone_info(frames, id, &z) != 0)
		return;
	put(r, "%s{\"name\":", id ? "," : "");
	put_string(r, z.name);
	put(r,
	    ",\"node\":%u,\"start_pfn\":%" PRIu64 ",\"spanned\":%" PRIu64 ",\"present\":%" PRIu64
	    ",\"managed\":%" PRIu64 ",\"free\":%" PRIu64 ",\"free_pcp\":%" PRIu64
	    ",\"free_llist\":%" PRIu64 ",\"min\":%" PRIu64 ",\"low\":%" PRIu64 ",\"high\":%" PRIu64,
	    z.node, z.start_pfn, z.spanned, z.present, z.managed, z.free, z.free_pcp, z.free_llist,
	    z.min, z.low, z.high);
	put(r, ",\"blocks\":[");
	for (unsigned type = 0; type < ROOST_NR_LISTS; type++) {
		put(r, "%s", type ? "," : "");
		put_u64s(r, z.blocks[type], roost_max_order(frames) + 1);
	}
	put(r, "],\"pageblocks\":");
	put_u64s(r, z.pageblocks, ROOST_NR_LISTS);
	put(r, "}");
}

static uint64_t allocs_of(const struct roost_stats *s)
{
	return s->alloc_pcp + s->alloc_zone + s->alloc_other + s->alloc_reserve;
}

static uint64_t frees_of(const struct roost_stats *s)
{
	return s->free_local + s->free_remote + s->free_direct;
}

/* What each CPU has, without its pockets. CPUs that share a home are listed under the first of
 * them. */
struct held {
	uint64_t pageblocks, free;
};

static void put_cpu(struct rst_report *r, const roost_t *frames, unsigned cpu,
		    const struct held *held)
{
	struct roost_stats stats = {0};

	(void)roost_stats(frames, -1, (int)cpu, &stats);
	put(r,
	    "%s{\"cpu\":%u,\"pageblocks\":%" PRIu64 ",\"free\":%" PRIu64 ",\"allocs\":%" PRIu64
	    ",\"frees\":%" PRIu64 ",\"failed\":%" PRIu64 "}",
	    cpu ? "," : "", cpu, held->pageblocks, held->free, allocs_of(&stats), frees_of(&stats),
	    stats.fail_wait + stats.fail_nowait);
}

static void put_counters(struct rst_report *r, const roost_t *frames)
{
	struct roost_stats stats = {0};
	const char *comma = "";

	(void)roost_stats(frames, -1, -1, &stats);
#define PUT_COUNTER(name, text)                                                                    \
	put(r, "%s\"" #name "\":%" PRIu64, comma, stats.name);                                     \
	comma = ",";
	ROOST_COUNTERS(PUT_COUNTER)
#undef PUT_COUNTER
}

/* ---- Pageblocks ---------------------------------------------------------------------------- */

enum { FILL_WHOLE, FILL_PARTS = 4, FILL_FULL = 5, FILL_LARGE, FILL_NR };

static void count_fill(const struct roost_pageblock_info *b, uint64_t fill[FILL_NR])
{
	unsigned used = b->usable > b->free ? b->usable - b->free : 0; /* racy */

	if (!b->usable)
		return; /* out of use, or a hole */
	if (b->block >= 0)
		fill[FILL_LARGE]++;
	else if (b->whole)
		fill[FILL_WHOLE]++;
	else if (used == b->usable)
		fill[FILL_FULL]++;
	else
		fill[1 + used * FILL_PARTS / b->usable]++;
}

static bool is_full(const struct roost_pageblock_info *b)
{
	return b->end - b->start == 1u << ROOST_PAGEBLOCK_ORDER;
}

static bool continues(const struct roost_pageblock_info *run, const struct roost_pageblock_info *b)
{
	return run->end == b->start && is_full(b) &&
	       (run->end - run->start) % (1u << ROOST_PAGEBLOCK_ORDER) == 0 &&
	       run->zone == b->zone && run->owner == b->owner && run->type == b->type &&
	       run->usable == b->usable && run->free == b->free && run->largest == b->largest &&
	       run->block == b->block && run->whole == b->whole;
}

static void put_pageblock_run(struct rst_report *r, const struct roost_pageblock_info *b,
			      const char **comma)
{
	put(r, "%s[%" PRIu64 ",%" PRIu64 ",%u,%d,%d,%u,%u,%d,%d,%d]", *comma, b->start,
	    b->end - b->start, b->zone, b->owner, (int)b->type, b->usable, b->free, b->largest,
	    b->block, b->whole);
	*comma = ",";
}

/* One walk over all of them: the runs, what each CPU has, how full they are. */
static void put_pageblocks(struct rst_report *r, const roost_t *frames, bool with_runs,
			   struct held held[ROOST_MAX_CPUS])
{
	struct roost_pageblock_info run = {0}, b;
	uint64_t fill[FILL_NR] = {0};
	const char *comma = "";

	if (with_runs)
		put(r, ",\"pageblocks\":[");
	for (roost_pfn pfn = 0; !roost_pageblock_info(frames, pfn, &b); pfn = b.end) {
		count_fill(&b, fill);
		if (b.owner >= 0) {
			held[b.owner].pageblocks++;
			held[b.owner].free += b.free;
		}
		if (run.end && continues(&run, &b)) {
			run.end = b.end;
			continue;
		}
		if (run.end && with_runs)
			put_pageblock_run(r, &run, &comma);
		run = b;
	}
	if (run.end && with_runs)
		put_pageblock_run(r, &run, &comma);
	if (with_runs)
		put(r, "]");
	put(r, ",\"fill\":");
	put_u64s(r, fill, FILL_NR);
}

/* ---- Pools --------------------------------------------------------------------------------- */

#define RESIDENT_MOST ((size_t)1 << 34)

static void put_info(struct rst_report *r, const roost_pool_t *pool)
{
	struct roost_pool_info i;

	roost_pool_info(pool, &i);
	put(r, "{\"name\":");
	put_string(r, i.name);
	put(r,
	    ",\"limit\":%zu,\"size\":%zu,\"used\":%zu,\"reserve\":%zu,\"metadata\":%zu,"
	    "\"page_size\":%zu,\"largest\":%zu,\"nodes\":%u,\"grown\":%" PRIu64
	    ",\"shrunk\":%" PRIu64 ",\"trims\":%" PRIu64 ",\"given_back\":%" PRIu64
	    ",\"set_aside\":%zu",
	    i.limit, i.size, i.used, i.reserve, i.metadata, i.page_size, i.largest, i.nodes,
	    i.grown, i.shrunk, i.trims, i.given_back, i.set_aside);
	if (i.limit <= RESIDENT_MOST)
		put(r, ",\"resident\":%zu", roost_pool_resident(pool));
	else
		put(r, ",\"resident\":null");
}

/* ---- Caches -------------------------------------------------------------------------------- */

static void put_cache(struct rst_report *r, const struct roost_cache_stats *c)
{
	const struct {
		const char *name;
		uint64_t value;
	} fields[] = {
		{"size", c->size},
		{"stride", c->stride},
		{"slab_order", c->slab_order},
		{"slab_objects", c->slab_objects},
		{"slabs", c->slabs},
		{"objects", c->objects},
		{"allocated", c->allocated},
		{"free", c->objects - c->allocated},
		{"quarantined", c->quarantined},
		{"waste", c->waste},
		{"made", c->made},
		{"released", c->released},
		{"stolen", c->stolen},
		{"failed", c->failed},
		{"misused", c->misused},
	};

	put(r, "{\"name\":");
	put_string(r, c->name);
	for (unsigned i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		put(r, ",\"%s\":%" PRIu64, fields[i].name, fields[i].value);
	put(r, "}");
}

static void put_caches(struct rst_report *r, const roost_slabs_t *slabs)
{
	struct roost_cache_stats stats;
	const char *comma = "";

	put(r, ",\"caches\":[");
	for (unsigned at = 0; slabs && roost_slabs_stats(slabs, &at, &stats);) {
		put(r, "%s", comma);
		put_cache(r, &stats);
		comma = ",";
	}
	put(r, "]");
}

/* Where slabs are: pageblocks with the number of their frames that are slabs'. A block of a
 * pageblock or more is none, so only pageblocks of which some frames are used need a look. */
static void put_slabs(struct rst_report *r, const roost_t *frames, const roost_slabs_t *slabs)
{
	struct roost_pageblock_info b;
	const char *comma = "";

	put(r, ",\"slabs\":[");
	for (roost_pfn pfn = 0; slabs && !roost_pageblock_info(frames, pfn, &b); pfn = b.end) {
		uint64_t n = b.block < 0 && b.usable > b.free
				     ? roost_slabs_pages(slabs, b.start, b.end - b.start)
				     : 0;

		if (!n)
			continue;
		put(r, "%s[%" PRIu64 ",%" PRIu64 "]", comma, b.start, n);
		comma = ",";
	}
	put(r, "]");
}

/* ---- A pool -------------------------------------------------------------------------------- */

static void put_pool(struct rst_report *r, const roost_pool_t *pool, bool with_pageblocks)
{
	const roost_slabs_t *slabs = (roost_slabs_t *)(void *)rst_slabs_of(pool);
	const roost_t *frames = pool->frames;
	struct held held[ROOST_MAX_CPUS] = {{0}};

	put_info(r, pool);
	put(r, ",\"zones\":[");
	for (unsigned zone = 0; zone < roost_nr_zones(frames); zone++)
		put_zone(r, frames, zone);
	put(r, "],\"counters\":{");
	put_counters(r, frames);
	put(r, "}");
	put_pageblocks(r, frames, with_pageblocks, held);
	if (with_pageblocks)
		put_slabs(r, frames, slabs);
	put_caches(r, slabs);
	put(r, ",\"cpus\":[");
	for (unsigned cpu = 0; cpu < roost_nr_cpus(frames); cpu++)
		put_cpu(r, frames, cpu, &held[cpu]);
	put(r, "]}");
}

void rst_report_pools(struct rst_report *r, bool with_pageblocks)
{
	struct timespec now;
	const char *comma = "";

	clock_gettime(CLOCK_MONOTONIC, &now);
	put(r, "{\"roost\":1,\"report\":\"pools\",\"pid\":%ld,\"program\":", (long)getpid());
	put_string(r, program_invocation_short_name);
	put(r, ",\"time_ns\":%" PRIu64 ",\"pools\":[",
	    (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec);
	for (unsigned i = 0; i < ROOST_MAX_POOLS; i++) {
		const roost_pool_t *pool = rst_registry_get(i);

		if (!pool)
			continue;
		put(r, "%s", comma);
		put_pool(r, pool, with_pageblocks);
		comma = ",";
	}
	put(r, "]}\n");
}
