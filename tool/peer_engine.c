/* SPDX-License-Identifier: MIT */
/*
 * peer_engine.c - the program roost-replay-peer: an engine by an adapter of the user's.
 *
 * All engines have the same symbols, and so does this one. It has the calls of
 * include/roost/roost.h that a replay makes, and passes them on to the adapter (bench/peer.h). The
 * adapter's contract has no locks, watermarks or numbers of free frames. So with a peer a replay
 * finds frames that are handed out twice or that someone else wrote, but not frames that are lost.
 *
 * A traced kernel splits blocks and frees the parts. For an adapter that does not take parts
 * (BENCH_FREES_PARTS) they are kept until all of a block's have come, which is then freed whole.
 *
 * One thread: in order alone (options.c).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <roost/posix.h>
#include <roost/roost.h>

#include "options.h"
#include "replay_main.h"
#include "tool/common/adapter.h"
#include "tool/common/printable.h"
#include "tool/common/say.h"

struct roost {
	roost_pfn base; /* of the peer's frame 0; as aligned as any block */
	uint64_t frames, out;
	/* For each frame: 1 + the first frame of the block that it was split from; and for that
	 * block, its order and how many of its parts are in use. NULL: nothing was split. */
	uint32_t *part_of, *parts;
	uint8_t *orders;
	unsigned char *held; /* 1: in use since the start; NULL: all was free then */
};

static const struct bench_peer *peer;

/* ---- Making it -------------------------------------------------------------------------- */

const char *roost_config_error(const struct roost_config *config)
{
	(void)config;
	return NULL;
}

size_t roost_metadata_size(const struct roost_config *config)
{
	(void)config;
	return sizeof(struct roost);
}

const char *roost_strerror(int error)
{
	return strerror(-error);
}

/* The largest range, without the reserved frames at its start. */
static roost_pfn first_frame(const struct roost_config *config, roost_pfn *end)
{
	const struct roost_range *r = config->ranges, *large = r;
	roost_pfn start;

	for (unsigned i = 0; i < config->nr_ranges; i++)
		if (!(r[i].flags & ROOST_RANGE_RESERVED) &&
		    r[i].end - r[i].start > large->end - large->start)
			large = &r[i];
	start = large->start;
	for (unsigned i = 0; i < config->nr_ranges; i++)
		if ((r[i].flags & ROOST_RANGE_RESERVED) && r[i].start == large->start)
			start = r[i].end;
	*end = large->end;
	return start;
}

/* All memory begins allocated: the adapter hands it out frame by frame. */
static int hold_all(roost_t *roost)
{
	uint64_t block;

	roost->held = map_memory(roost->frames);
	if (!roost->held)
		return -ENOMEM;
	while ((block = peer->alloc(0)) != BENCH_NONE && block < roost->frames) {
		roost->held[block] = 1;
		roost->out++;
	}
	return 0;
}

int roost_init(roost_t **out, const struct roost_config *config, void *metadata, size_t size)
{
	const roost_pfn huge = (roost_pfn)1 << BENCH_HUGE_ORDER;
	roost_pfn align = (roost_pfn)1 << config->max_order, end;
	const long cpus = sysconf(_SC_NPROCESSORS_CONF);
	struct bench_pool pool = {.max_order = config->max_order};
	roost_t *roost = metadata;

	(void)size;
	if (align < huge)
		align = huge;
	roost->base = (first_frame(config, &end) + align - 1) & -align;
	if (roost->base + huge > end)
		return -ENOMEM;
	roost->frames = (end - roost->base) & -huge;
	pool.bytes = roost->frames << BENCH_FRAME_SHIFT;
	/* An adapter asks the system for the number of the CPU. */
	pool.cpus = cpus > (long)config->nr_cpus ? (unsigned)cpus : config->nr_cpus;
	if (!peer->create(&pool))
		return -ENOMEM;
	*out = roost;
	for (size_t i = 0; i < config->nr_ranges; i++)
		if (config->ranges[i].flags & ROOST_RANGE_ALLOCATED)
			return hold_all(roost);
	return 0;
}

/* ---- Blocks ----------------------------------------------------------------------------- */

roost_pfn roost_alloc(roost_t *roost, unsigned order, unsigned flags)
{
	uint64_t block = peer->alloc(order);

	(void)flags;
	if (block == BENCH_NONE)
		return ROOST_NONE;
	roost->out += UINT64_C(1) << order;
	return block < roost->frames ? roost->base + block : ROOST_NONE - 1; /* not one of this
									      * machine's frames */
}

void roost_free(roost_t *roost, roost_pfn pfn, unsigned order)
{
	const uint64_t block = pfn - roost->base;
	uint32_t whole;

	roost->out -= UINT64_C(1) << order;
	if (!roost->part_of || !roost->part_of[block]) {
		peer->free(block, order);
		return;
	}
	whole = roost->part_of[block] - 1;
	roost->part_of[block] = 0;
	if (--roost->parts[whole] == 0)
		peer->free(whole, roost->orders[whole]);
}

/* Of what is in use since the start. The peer's pool does not have all frames of the machine. */
void roost_free_part(roost_t *roost, roost_pfn pfn, unsigned order)
{
	for (roost_pfn i = pfn; i < pfn + ((roost_pfn)1 << order); i++) {
		const uint64_t frame = i - roost->base;

		if (i < roost->base || frame >= roost->frames || !roost->held[frame])
			continue;
		roost->held[frame] = 0;
		roost->out--;
		peer->free(frame, 0);
	}
}

void roost_free_nolock(roost_t *roost, roost_pfn pfn, unsigned order)
{
	roost_free(roost, pfn, order);
}

int roost_split(roost_t *roost, roost_pfn pfn, unsigned from, unsigned to)
{
	const uint64_t block = pfn - roost->base, half = block + (UINT64_C(1) << to);
	uint32_t whole = (uint32_t)block;

	if (peer->flags & BENCH_FREES_PARTS)
		return 0;
	if (!roost->part_of) {
		roost->part_of = map_memory(roost->frames * sizeof(*roost->part_of));
		roost->parts = map_memory(roost->frames * sizeof(*roost->parts));
		roost->orders = map_memory(roost->frames);
	}
	if (!roost->part_of || !roost->parts || !roost->orders)
		die("out of memory");
	if (roost->part_of[block]) {
		whole = roost->part_of[block] - 1;
	} else {
		roost->part_of[block] = whole + 1;
		roost->parts[whole] = 1;
		roost->orders[whole] = (uint8_t)from;
	}
	roost->part_of[half] = whole + 1;
	roost->parts[whole]++;
	return 0;
}

/* ---- Looking at it ---------------------------------------------------------------------- */

int roost_zone_info(const roost_t *roost, unsigned zone, struct roost_zone_info *info)
{
	memset(info, 0, sizeof(*info));
	if (zone != 1)
		return 0;
	info->managed = roost->frames;
	info->free = roost->frames - roost->out;
	if (peer->free_huge)
		info->blocks[ROOST_LIST_MOVABLE][BENCH_HUGE_ORDER] = peer->free_huge();
	return 0;
}

size_t roost_drain(roost_t *roost, int cpu)
{
	(void)roost;
	(void)cpu;
	if (peer->drain)
		peer->drain();
	return 0;
}

int roost_validate(const roost_t *roost, struct roost_violation *violation)
{
	(void)roost;
	(void)violation;
	return 0;
}

int roost_stats(const roost_t *roost, int zone, int cpu, struct roost_stats *stats)
{
	(void)roost;
	(void)zone;
	(void)cpu;
	memset(stats, 0, sizeof(*stats));
	return 0;
}

const char *roost_misuse_name(enum roost_misuse_kind kind)
{
	(void)kind;
	return "misuse"; /* nobody reports any */
}

void roost_posix_set_cpu(int cpu)
{
	(void)cpu;
}

unsigned roost_posix_locks_held(void)
{
	return 0;
}

/* ---- The program ------------------------------------------------------------------------ */

static uint64_t metadata(void)
{
	return peer->metadata ? peer->metadata() : 0;
}

static const struct engine *load(const char *path)
{
	static struct engine engine = {.metadata = metadata};

	peer = adapter_for_replay(path);
	engine.name = engine.paths[0] = printable_copy(peer->name, strlen(peer->name));
	return &engine;
}

int main(int argc, char **argv)
{
	static const struct engine unknown = {.name = "peer", .paths = {"peer"}, .load = load};

	return replay_main(&unknown, NULL, argc, argv);
}
