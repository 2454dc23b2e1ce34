/* SPDX-License-Identifier: MIT */
/*
 * map.h - from the caller's memory map to a dense index of frames.
 *
 * The map may have holes of any size and zones that meet in mid-pageblock. It is cut into
 * extents (runs of usable frames of one zone, at most a range long); extents of one zone whose
 * pageblocks touch form a span. Each span has an index range of its own, rounded out to whole
 * pageblocks:
 *
 *	pfn     ....|start ............................ end|....     of the usable frames
 *	        base (pageblock)                                      base <= start
 *	frame   f0 .................................................. f0 + pages, pages % 512 == 0
 *
 * So metadata is dense, a pageblock belongs to one zone, and where zones meet in mid-pageblock
 * each run of frames has its own record of it. The frames of a block of any order lie in one span,
 * since a block has no hole. Everything here is written once, at start-up.
 */
#ifndef RST_MAP_H
#define RST_MAP_H

#include "core/port.h"
#include "roost/roost.h"

enum {
	RST_PAGEBLOCK = 1 << ROOST_PAGEBLOCK_ORDER, /* frames of a pageblock */
	RST_MAX_RANGES = 1024,
	RST_CACHE_LINE = 64,
};

/* Index of a frame's record. */
typedef uint32_t rst_frame_id;

#define RST_NO_FRAME UINT32_MAX
/* Records of all frames; a multiple of a pageblock's. The id after the last is one, too. */
#define RST_MAX_FRAME (((uint64_t)1 << 32) - (uint64_t)2 * RST_PAGEBLOCK)

struct rst_span {
	roost_pfn base;
	roost_pfn start;
	roost_pfn end;
	rst_frame_id f0;
	uint32_t zone;
};

struct rst_map {
	const struct rst_span *spans; /* sorted by start, and so by f0 */
	uint32_t nr;
};

/* A run of usable frames of one zone. */
struct rst_extent {
	roost_pfn start;
	roost_pfn end;
	uint32_t zone;
	unsigned flags; /* of its range */
};

static inline rst_frame_id rst_frame_of(const struct rst_span *span, roost_pfn pfn)
{
	return span->f0 + (rst_frame_id)(pfn - span->base);
}

static inline roost_pfn rst_pfn_of(const struct rst_span *span, rst_frame_id f)
{
	return span->base + (f - span->f0);
}

/* The last span that starts at or below pfn, or the first. At most log2(spans) + 1 turns. */
static inline __attribute__((returns_nonnull)) const struct rst_span *
rst_span_below(const struct rst_map *map, roost_pfn pfn)
{
	uint32_t low = 0, high = map->nr;

	if (high == 1) /* the usual case */
		return map->spans;
	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (map->spans[middle].start <= pfn)
			low = middle;
		else
			high = middle;
	}
	return &map->spans[low];
}

/* The span that holds pfn, or NULL. Cost as above. */
static inline const struct rst_span *rst_span_of_pfn(const struct rst_map *map, roost_pfn pfn)
{
	const struct rst_span *span = rst_span_below(map, pfn);

	return pfn >= span->start && pfn < span->end ? span : NULL;
}

/* The span that holds all n frames from pfn on, or NULL; none holds no frames. Cost as above. */
static inline const struct rst_span *rst_span_of_frames(const struct rst_map *map, roost_pfn pfn,
							uint64_t n)
{
	const struct rst_span *span = rst_span_of_pfn(map, pfn);

	return span && n && n <= span->end - pfn ? span : NULL;
}

/* The span of a frame's record. At most log2(spans) + 1 turns. */
static inline const struct rst_span *rst_span_of(const struct rst_map *map, rst_frame_id f)
{
	uint32_t low = 0, high = map->nr;

	if (high == 1)
		return map->spans;
	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (map->spans[middle].f0 <= f)
			low = middle;
		else
			high = middle;
	}
	return &map->spans[low];
}

/*
 * The next extent at or above *from; *from moves past it. False if there is none. Goes over the
 * caller's ranges, once for each extent.
 */
bool rst_next_extent(const struct roost_config *config, roost_pfn *from, struct rst_extent *extent);

/* A second walk over the extents: each with its span, and with the hole before it in that span.
 * Start from {0}. */
struct rst_extent_walk {
	struct rst_extent extent;
	const struct rst_span *span;
	roost_pfn hole; /* where the hole begins; extent.start if there is none */
	roost_pfn from;
};

bool rst_walk_extents(const struct roost_config *config, const struct rst_map *map,
		      struct rst_extent_walk *w);

/* The order of the largest aligned chunk of an extent at pfn, at most max. */
static inline unsigned rst_chunk_order(const struct rst_extent *extent, roost_pfn pfn, unsigned max)
{
	unsigned order = pfn ? (unsigned)__builtin_ctzll(pfn) : max;

	if (order > max)
		order = max;
	while ((roost_pfn)1 << order > extent->end - pfn)
		order--;
	return order;
}

/* Adds an extent to the last span or starts a new one; spans may be NULL to count only. */
struct rst_map_builder {
	struct rst_span *spans;
	struct rst_span last;
	uint64_t frames; /* records in use so far */
	uint32_t nr;
};

void rst_map_add(struct rst_map_builder *builder, const struct rst_extent *extent);

/* Builds the whole map into spans[] (NULL: only counts). */
void rst_map_build(const struct roost_config *config, struct rst_span *spans,
		   struct rst_map_builder *builder);

/* Usable frames of a pageblock that are present at first. O(ranges) for each extent in it. */
uint64_t rst_frames_of_block(const struct roost_config *config, const struct rst_map *map,
			     uint32_t block);

/* Sets *block to the last pageblock of a zone below *block; false if there is none. Start from
 * UINT32_MAX. O(spans). */
bool rst_block_below(const struct rst_map *map, uint32_t zone, uint32_t *block);

/* Reads a caller's configuration, which may come from an older or newer header, and copies the
 * fields that this library knows to *config. Returns what roost_config_error() does. */
const char *rst_config_read(struct roost_config *config, const struct roost_config *given);

/* Of each engine: why it refuses what it alone looks at of a configuration, or NULL. */
const char *rst_engine_config_error(const struct roost_config *config);

/* What is returned of a field that is set and not known. */
extern const char rst_config_too_new[];

/* 0, -ROOST_E2BIG or -ROOST_EINVAL for what roost_config_error() returned. */
int rst_config_errno(const char *error);

/* The configuration's zones; if it has none, the default one. */
const struct roost_zone_config *rst_config_zones(const struct roost_config *config, unsigned *nr);

static inline unsigned rst_config_max_order(const struct roost_config *config)
{
	return config->max_order ? config->max_order : ROOST_DEFAULT_MAX_ORDER;
}

/* Number of nodes: one more than the highest that a zone or CPU names. */
unsigned rst_config_nodes(const struct roost_config *config);

/* Writes the zones in the order in which callers on node try them, 0xff after the last. */
void rst_zone_order(const struct roost_config *config, unsigned node, uint8_t *order);

/* The watermarks of a zone with this many usable frames: as configured, or a 64th of the frames
 * apart. */
struct rst_watermarks {
	uint64_t min, low, high;
};

struct rst_watermarks rst_watermarks(const struct roost_zone_config *zone, uint64_t managed);

/* The frames of a zone: usable ones that are present at first, those of them that start out
 * allocated, usable ones that are absent; and how many of its ordinary ranges' are reserved. */
struct rst_zone_frames {
	uint64_t managed, allocated, absent, reserved;
};

struct rst_zone_frames rst_zone_frames(const struct roost_config *config, unsigned zone);

#endif
