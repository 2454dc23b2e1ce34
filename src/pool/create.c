/* SPDX-License-Identifier: MIT */
/* create.c - makes, recovers and destroys pools. Thread context. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pool/pool.h"
#include "pool/report.h"

/* ---- Configuration ------------------------------------------------------------------------- */

enum { GIB_SHIFT = 30 };

/* Reads a configuration of an older or newer header. Fields that it does not have become 0. NULL,
 * or why it cannot be read. */
static const char *read_config(struct roost_pool_config *config,
			       const struct roost_pool_config *given)
{
	const size_t first = offsetof(struct roost_pool_config, context) + sizeof(void *);
	const char *bytes = (const char *)given;

	memset(config, 0, sizeof(*config));
	if (!given)
		return "there is no configuration";
	if (given->size < first || given->size > 4096)
		return "size: start from ROOST_POOL_CONFIG_INIT";
	for (size_t i = sizeof(*config); i < given->size; i++)
		if (bytes[i])
			return "size: the header is newer than the library, and a field is set "
			       "that it does not know";
	memcpy(config, given, given->size < sizeof(*config) ? given->size : sizeof(*config));
	return NULL;
}

static const char *config_fault(const struct roost_pool_config *config)
{
	if (!config->limit)
		return "limit is 0: say how much the pool may ever have";
	if (config->limit / roost_pool_page_size() > UINT32_MAX - ((uint32_t)1 << 24))
		return "limit is more than 2^32 pages, or nearly so";
	if (config->initial > config->limit)
		return "initial is more than limit";
	if (config->reserve > (config->initial ? config->initial : config->limit) / 2)
		return "reserve is more than half of what there is at first";
	if (config->pages > ROOST_PAGES_1G)
		return "pages is none of enum roost_pool_pages";
	if (config->check_level > ROOST_CHECK_PARANOID)
		return "check_level is above ROOST_CHECK_PARANOID";
	if (config->decay_thread && !config->decay_ms)
		return "decay_thread needs decay_ms";
	return NULL;
}

const char *roost_pool_config_error(const struct roost_pool_config *given)
{
	struct roost_pool_config config;
	const char *error = read_config(&config, given);

	return error ? error : config_fault(&config);
}

static size_t round_up(size_t bytes, size_t unit)
{
	return (bytes + unit - 1) / unit * unit;
}

/* Computes the layout: page size, largest order, nodes, the limit rounded up. */
static void lay_pool_out(roost_pool_t *pool, const struct roost_pool_config *config)
{
	size_t pageblock, unit;

	pool->page_shift = (unsigned)__builtin_ctzll(roost_pool_page_size());
	pool->nodes = config->numa ? rst_numa_nodes() : 1;
	pageblock = rst_pageblock_size(pool);
	unit = pool->nodes > 1 || config->pages == ROOST_PAGES_1G ? (size_t)1 << GIB_SHIFT
								  : pageblock;
	pool->limit = round_up(config->limit, unit * pool->nodes);
	pool->chunk_order = ROOST_PAGEBLOCK_ORDER;
	if (config->pages == ROOST_PAGES_1G)
		pool->chunk_order = GIB_SHIFT - pool->page_shift;
	pool->max_order = ROOST_PAGEBLOCK_ORDER;
	while (pool->max_order < ROOST_MAX_ORDER &&
	       pool->max_order + pool->page_shift < GIB_SHIFT &&
	       rst_page_size(pool) << (pool->max_order + 1) <= pool->limit / pool->nodes)
		pool->max_order++;
}

static void copy_config(roost_pool_t *pool, const struct roost_pool_config *config)
{
	strncpy(pool->name, config->name ? config->name : "pool", sizeof(pool->name) - 1);
	pool->step = config->step;
	pool->pages = config->pages;
	pool->decay_ms = config->decay_ms;
	pool->reserve = round_up(config->reserve, rst_page_size(pool));
	pool->check_level = config->check_level;
	pool->misuse = config->misuse;
	pool->context = config->context;
	pool->in_hand = ROOST_NONE;
}

/* ---- Create -------------------------------------------------------------------------------- */

/* A node's pages of the reserve. All nodes together have all of it. */
static roost_pfn reserve_of(const roost_pool_t *pool, unsigned node)
{
	roost_pfn pages = pool->reserve >> pool->page_shift;

	return pages * (node + 1) / pool->nodes - pages * node / pool->nodes;
}

/* The page-frame allocator: one zone for each node, of which so much is there at first. 0 or
 * -ENOMEM. */
static int make_frames(roost_pool_t *pool, unsigned check_level,
		       const roost_pfn first[ROOST_MAX_NODES])
{
	struct roost_range ranges[2 * ROOST_MAX_NODES];
	struct roost_zone_config zones[ROOST_MAX_NODES];
	struct roost_config config = ROOST_CONFIG_INIT;
	long cpus = sysconf(_SC_NPROCESSORS_CONF);
	roost_pfn pages = (pool->limit >> pool->page_shift) / pool->nodes;
	char *metadata;

	for (unsigned node = 0; node < pool->nodes; node++) {
		struct roost_range range = {.start = node * pages,
					    .end = node * pages + first[node],
					    .zone = (uint16_t)node};

		if (range.start < range.end)
			ranges[config.nr_ranges++] = range;
		range.start = range.end;
		range.end = (node + 1) * pages;
		range.flags = ROOST_RANGE_ABSENT;
		if (range.start < range.end)
			ranges[config.nr_ranges++] = range;
		zones[node] = (struct roost_zone_config){
			.name = "Pool",
			.node = node,
			.reserve = reserve_of(pool, node),
			/* As low as possible: the pool has no pressure hook, and allocations should
			 * not leave a node early. */
			.low = 1 + reserve_of(pool, node),
			.high = 2 + reserve_of(pool, node)};
	}
	config.ranges = ranges;
	config.zones = zones;
	config.nr_zones = pool->nodes;
	config.nr_cpus = cpus < 1 ? 1 : cpus > ROOST_MAX_CPUS ? ROOST_MAX_CPUS : (unsigned)cpus;
	for (unsigned cpu = 0; cpu < config.nr_cpus; cpu++)
		pool->cpu_node[cpu] =
			(uint8_t)(pool->nodes > 1 ? rst_numa_node_of_cpu(cpu) % pool->nodes : 0);
	config.cpu_node = pool->cpu_node;
	config.max_order = pool->max_order;
	config.check_level = check_level;
	config.misuse = rst_pool_frame_misuse;
	config.context = pool;
	pool->metadata = roost_metadata_size(&config);
	metadata = pool->metadata ? rst_memory_zeroed(pool->metadata) : NULL;
	if (!metadata)
		return -ENOMEM;
	atomic_signal_fence(memory_order_seq_cst);
	pool->records = metadata;
	return roost_init(&pool->frames, &config, metadata, pool->metadata);
}

/* A bitmap of all pages and five of pageblocks; the one of units has no more bits than those. */
static int init_side(roost_pool_t *pool)
{
	size_t words = rst_mark_words(pool), used = rst_used_words(pool);
	char *side;

	pool->side_size = (5 * words + used) * sizeof(uint64_t);
	side = rst_memory_zeroed(pool->side_size);
	if (!side)
		return -ENOMEM;
	pool->side = side;
	pool->freed = (_Atomic uint64_t *)(void *)side;
	pool->aged = (uint64_t *)(void *)side + words;
	pool->due = pool->aged + words;
	pool->missed = pool->due + words;
	pool->taken = (_Atomic uint64_t *)(void *)(pool->missed + words);
	pool->used = pool->taken + words;
	return 0;
}

/* Gives back whatever of the pool exists already. */
static void take_down(roost_pool_t *pool)
{
	rst_slabs_take_down(pool);
	rst_memory_drop(&pool->reserved, pool->reserved_size);
	rst_memory_drop(&pool->side, pool->side_size);
	rst_memory_drop(&pool->records, pool->metadata);
	*pool = (roost_pool_t){0};
}

/* The thread that was making or destroying pools is gone: removes what it left of them. */
static void take_down_unfinished(roost_pool_t *none)
{
	(void)none;
	for (unsigned i = 0; i < ROOST_MAX_POOLS; i++) {
		roost_pool_t *pool = rst_registry_unfinished(i);

		if (!pool)
			continue;
		rst_trim_stop_thread(pool);
		take_down(pool);
		rst_registry_release(pool);
	}
}

/* Before there are threads, and before the constructors of a program that is linked statically. */
static __attribute__((constructor(101))) void set_repair(void)
{
	rst_registry_lock.repair = take_down_unfinished;
}

static int build(roost_pool_t *pool, const struct roost_pool_config *config)
{
	roost_pfn first[ROOST_MAX_NODES];
	int err;

	lay_pool_out(pool, config);
	copy_config(pool, config);
	pool->size_lock.pool = pool->trim_lock.pool = pool;
	pool->size_lock.repair = rst_size_repair;
	pool->trim_lock.repair = rst_trim_repair;
	pool->recover = rst_size_recover;
	rst_size_lay_out(pool, config->initial, first);
	err = rst_memory_reserve(pool);
	if (!err)
		err = init_side(pool);
	if (!err)
		err = make_frames(pool, config->check_level, first);
	if (!err)
		err = rst_size_init(pool, first);
	if (!err && config->decay_thread)
		err = rst_trim_start_thread(pool);
	return err;
}

int roost_pool_create(roost_pool_t **out, const struct roost_pool_config *given)
{
	struct roost_pool_config config;
	struct rst_pool_call call;
	roost_pool_t *pool;
	sigset_t signals;
	int err;

	if (!out || read_config(&config, given) || config_fault(&config))
		return -EINVAL;
	rst_pool_begin(&call);
	rst_registry_enter(&signals, "roost_pool_create");
	pool = rst_registry_claim();
	err = pool ? build(pool, &config) : -ENOSPC;
	if (!err) {
		rst_registry_publish(pool);
		*out = pool;
	} else if (pool) {
		take_down(pool);
		rst_registry_release(pool);
	}
	rst_registry_leave(&signals);
	if (!err)
		rst_serve_from_environment();
	rst_pool_end(&call);
	return err;
}

void roost_pool_destroy(roost_pool_t *pool)
{
	struct rst_pool_call call;
	sigset_t signals;

	if (!pool)
		return;
	rst_pool_begin(&call);
	rst_registry_enter(&signals, "roost_pool_destroy");
	rst_registry_withdraw(pool);
	rst_trim_stop_thread(pool);
	take_down(pool);
	rst_registry_release(pool);
	rst_registry_leave(&signals);
	rst_pool_end(&call);
}

/* ---- Recover ------------------------------------------------------------------------------- */

size_t roost_pool_recover(roost_pool_t *pool)
{
	struct rst_pool_call call;
	size_t pages;

	rst_pool_begin(&call);
	rst_pool_lock(&pool->size_lock, "roost_pool_recover");
	rst_pool_lock(&pool->trim_lock, "roost_pool_recover");
	pages = rst_fork_recover(pool);
	rst_pool_unlock(&pool->trim_lock);
	rst_pool_unlock(&pool->size_lock);
	rst_pool_end(&call);
	return pages << pool->page_shift;
}
