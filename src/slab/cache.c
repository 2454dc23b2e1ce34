/* SPDX-License-Identifier: MIT */
/* cache.c - makes and removes slabs' metadata and caches. Thread context. */
#include "core/base.h"
#include "core/text.h"
#include "slab/slab.h"

/* ---- Configuration ------------------------------------------------------------------------- */

enum { DEFAULT_CACHES = 64, MAX_CACHES = 65536, MAX_SLABS = 1 << 28 };

/* Reads a configuration of an older or newer header, as roost_init() does. */
static const char *read_slabs_config(struct roost_slabs_config *config,
				     const struct roost_slabs_config *given)
{
	const size_t first = offsetof(struct roost_slabs_config, context) + sizeof(void *);
	const char *from = (const char *)given;
	char *to = (char *)config;

	*config = (struct roost_slabs_config){0};
	if (!given)
		return "there is no configuration";
	if (given->size < first || given->size > 4096)
		return "size: start from ROOST_SLABS_CONFIG_INIT";
	for (size_t i = 0; i < given->size; i++) {
		if (i < sizeof(*config))
			to[i] = from[i];
		else if (from[i])
			return "size: the header is newer than the library, and a field is set "
			       "that it does not know";
	}
	if (!config->nr_caches)
		config->nr_caches = DEFAULT_CACHES;
	if (!config->nr_slabs)
		config->nr_slabs = config->nr < MAX_SLABS ? (uint32_t)config->nr : MAX_SLABS;
	return NULL;
}

static const char *slabs_config_fault(const struct roost_slabs_config *config)
{
	if (!config->frames && !(config->get && config->put))
		return "frames is NULL, and get and put do not replace it";
	if (!config->get != !config->put)
		return "get and put: there is one without the other";
	if (!config->base)
		return "base is NULL";
	if (config->page_shift < 10 || config->page_shift > 16)
		return "page_shift is not 10 to 16";
	if ((uintptr_t)config->base & (((uintptr_t)1 << config->page_shift) - 1))
		return "base is no multiple of the page size";
	if (config->nr < 2 || config->nr > (uint64_t)UINT32_MAX << 4)
		return "nr: less than 2 pages, or more than can be";
	if (config->nr > (UINTPTR_MAX - (uintptr_t)config->base) >> config->page_shift)
		return "base and nr: the pages do not fit into the address space";
	if (!config->nr_cpus || config->nr_cpus > ROOST_MAX_CPUS)
		return "nr_cpus is 0 or above ROOST_MAX_CPUS";
	if (config->nr_caches > MAX_CACHES)
		return "nr_caches is above 65536";
	if (config->nr_slabs > MAX_SLABS)
		return "nr_slabs is above 2^28";
	if (config->check_level > ROOST_CHECK_PARANOID)
		return "check_level is above ROOST_CHECK_PARANOID";
	return NULL;
}

const char *roost_slabs_config_error(const struct roost_slabs_config *given)
{
	struct roost_slabs_config config;
	const char *error = read_slabs_config(&config, given);

	return error ? error : slabs_config_fault(&config);
}

/* ---- Metadata ------------------------------------------------------------------------------ */

struct slabs_layout {
	uint64_t caches, cpus, rings, slab_of, hints, numbers, slabs, end;
	uint64_t numbers_size;
};

/* Number 0 says that there is no slab. */
static uint64_t nr_numbers(const struct roost_slabs_config *config)
{
	return (uint64_t)config->nr_slabs + 1;
}

/* The numbers of slabs are frames of an allocator of their own: so they are taken and freed as all
 * else here, without a lock. */
static struct roost_config numbers_config(const struct roost_slabs_config *config,
					  struct roost_range *range)
{
	struct roost_config numbers = ROOST_CONFIG_INIT;

	*range = (struct roost_range){.start = 1, .end = nr_numbers(config)};
	numbers.ranges = range;
	numbers.nr_ranges = 1;
	numbers.nr_cpus = config->nr_cpus;
	numbers.max_order = ROOST_PAGEBLOCK_ORDER;
	return numbers;
}

static void lay_slabs_out(const struct roost_slabs_config *config, struct slabs_layout *l)
{
	struct roost_range range;
	struct roost_config numbers = numbers_config(config, &range);
	uint64_t end = sizeof(struct roost_slabs);

	l->numbers_size = roost_metadata_size(&numbers);
	l->caches = rst_carve(&end, (uint64_t)config->nr_caches * sizeof(struct roost_cache));
	l->cpus = rst_carve(&end, (uint64_t)config->nr_caches * config->nr_cpus *
					  sizeof(struct rst_cache_cpu));
	l->rings = rst_carve(&end, (uint64_t)config->nr_caches * RST_QUARANTINE_OBJECTS *
					   sizeof(uintptr_t));
	l->slab_of = rst_carve(&end, config->nr * sizeof(uint32_t));
	l->hints = rst_carve(&end, rst_hint_words(config->nr_caches, 1, nr_numbers(config)) *
					   sizeof(uint64_t));
	l->numbers = rst_carve(&end, l->numbers_size);
	l->slabs = rst_carve(&end, nr_numbers(config) * sizeof(struct rst_slab));
	l->end = end;
}

size_t roost_slabs_metadata_size(const struct roost_slabs_config *given)
{
	struct roost_slabs_config config;
	struct slabs_layout l;

	if (read_slabs_config(&config, given) || slabs_config_fault(&config))
		return 0;
	lay_slabs_out(&config, &l);
	return l.numbers_size && l.end <= SIZE_MAX ? (size_t)l.end : 0;
}

int roost_slabs_init(roost_slabs_t **out, const struct roost_slabs_config *given, void *metadata,
		     size_t size)
{
	struct roost_slabs_config config;
	struct roost_config numbers;
	struct roost_range range;
	struct roost_slabs *s = metadata;
	char *start = metadata;
	struct slabs_layout l;

	if (!out || !metadata || (uintptr_t)metadata % RST_CACHE_LINE ||
	    read_slabs_config(&config, given) || slabs_config_fault(&config))
		return -ROOST_EINVAL;
	lay_slabs_out(&config, &l);
	if (size < l.end)
		return -ROOST_ENOSPC;
	s->base = config.base;
	s->nr_pages = config.nr;
	s->first = config.first;
	s->frames = config.frames;
	s->nr_slabs = (uint32_t)nr_numbers(&config);
	s->nr_caches = config.nr_caches;
	s->nr_cpus = config.nr_cpus;
	s->page_shift = (uint8_t)config.page_shift;
	s->get = config.get;
	s->put = config.put;
	s->misuse = config.misuse;
	s->context = config.context;
	s->caches = (struct roost_cache *)(void *)(start + l.caches);
	s->slab_of = (_Atomic uint32_t *)(void *)(start + l.slab_of);
	s->slab = (struct rst_slab *)(void *)(start + l.slabs);
	rst_store_rlx(&s->slab[0].cache, UINT32_MAX);
	rst_hint_init(&s->hints, config.nr_caches, 1, s->nr_slabs,
		      (_Atomic uint64_t *)(void *)(start + l.hints));
	for (uint32_t i = 0; i < config.nr_caches; i++) {
		s->caches[i].cpus = (struct rst_cache_cpu *)(void *)(start + l.cpus) +
				    (uint64_t)i * config.nr_cpus;
		s->caches[i].ring = (_Atomic uintptr_t *)(void *)(start + l.rings) +
				    (uint64_t)i * RST_QUARANTINE_OBJECTS;
	}
	s->nr_homes = config.check_level < ROOST_CHECK_EXACT && rst_seq_ready(metadata, size)
			      ? config.nr_cpus
			      : 0;
	numbers = numbers_config(&config, &range);
	*out = s;
	return roost_init(&s->numbers, &numbers, start + l.numbers, (size_t)l.numbers_size);
}

/* ---- Caches -------------------------------------------------------------------------------- */

/* Pages of a slab, as an order, and objects: the largest slab of up to 64 KiB that has no more than
 * 512 objects and wastes no more than a 32nd of itself at its end; or the one that wastes least.
 * False: none has enough objects. */
static bool fit(const struct roost_slabs *s, struct roost_cache *cache)
{
	unsigned max = s->frames ? roost_max_order(s->frames) : ROOST_DEFAULT_MAX_ORDER;
	uint64_t best = UINT64_MAX;

	for (unsigned order = 0; order <= max; order++) {
		uint64_t bytes = (uint64_t)1 << (s->page_shift + order), n = bytes / cache->stride;
		uint64_t lost;

		if (n < RST_SLAB_FEW)
			continue;
		if (best != UINT64_MAX && (n > RST_OBJECTS || bytes > RST_SLAB_BYTES))
			break;
		n = n < RST_OBJECTS ? n : RST_OBJECTS;
		lost = (bytes - n * cache->stride) * 1024 / bytes;
		if (lost > best && lost > 1024 / 32)
			continue;
		best = lost;
		cache->order = (uint8_t)order;
		cache->objects = n;
	}
	cache->words = (uint8_t)((cache->objects + 63) / 64);
	for (unsigned i = 0; i < RST_SLAB_WORDS; i++)
		cache->all[i] = i >= cache->words ? 0
				: i + 1 < cache->words
					? RST_FULL
					: RST_FULL >> (63 - (cache->objects - 1) % 64);
	return best != UINT64_MAX;
}

static bool lay_cache_out(const struct roost_slabs *s, struct roost_cache *cache, size_t size,
			  size_t align, unsigned flags)
{
	size_t extra = flags & ROOST_CACHE_REDZONE ? 8 : 0, stride;

	if (!align)
		align = (size & -size) < 16 ? size & -size : 16;
	if (size < ROOST_CACHE_MIN_SIZE || size > ROOST_CACHE_MAX_SIZE || align & (align - 1) ||
	    align > (size_t)1 << s->page_shift)
		return false;
	stride = (size + extra + align - 1) & ~(align - 1);
	cache->size = (uint32_t)(extra ? size : stride);
	cache->stride = stride;
	cache->nr_homes = flags ? 0 : s->nr_homes;
	cache->reciprocal = UINT64_MAX / stride + 1;
	cache->type = stride > 1024 ? ROOST_RECLAIMABLE : ROOST_UNMOVABLE;
	cache->flags = (uint8_t)flags;
	cache->ring_size = (uint32_t)(RST_QUARANTINE_BYTES / cache->stride);
	if (cache->ring_size > RST_QUARANTINE_OBJECTS)
		cache->ring_size = RST_QUARANTINE_OBJECTS;
	return fit(s, cache);
}

static struct roost_cache *claim_cache(struct roost_slabs *s)
{
	for (uint32_t i = 0; i < s->nr_caches; i++) {
		uint32_t state = RST_CACHE_FREE;

		if (!rst_cas32_sc(&s->caches[i].state, &state, RST_CACHE_MAKING))
			continue;
		/* Sequentially consistent: a reader counts itself and then reads the state, so that
		 * it is seen here, or sees that the cache is gone. */
		if (rst_load_sc(&s->caches[i].readers)) {
			rst_store_rel(&s->caches[i].state, RST_CACHE_FREE);
			continue;
		}
		/* Only now: readers of the cache before this one have ended. */
		for (unsigned cpu = 0; cpu < s->nr_cpus; cpu++)
			s->caches[i].cpus[cpu] = (struct rst_cache_cpu){0};
		rst_raise(&s->caches_end, i + 1);
		s->caches[i].index = i;
		s->caches[i].slabs = s;
		return &s->caches[i];
	}
	return NULL;
}

enum { CACHE_FLAGS = ROOST_CACHE_REDZONE | ROOST_CACHE_POISON | ROOST_CACHE_QUARANTINE };

int roost_cache_create(roost_cache_t **out, roost_slabs_t *s, const char *name, size_t size,
		       size_t align, unsigned flags, roost_ctor_fn *ctor)
{
	struct roost_cache *cache;
	struct rst_text text;

	if (flags & ROOST_CACHE_QUARANTINE)
		flags |= ROOST_CACHE_POISON;
	if (!out || !s || flags & ~(unsigned)CACHE_FLAGS || (ctor && flags & ROOST_CACHE_POISON))
		return -ROOST_EINVAL;
	cache = claim_cache(s);
	if (!cache)
		return -ROOST_ENOSPC;
	if (!lay_cache_out(s, cache, size, align, flags)) {
		rst_store_rel(&cache->state, RST_CACHE_FREE);
		return -ROOST_EINVAL;
	}
	cache->ctor = ctor;
	rst_text_start(&text, cache->name, sizeof(cache->name));
	rst_text_put(&text, name ? name : "objects");
	rst_store_rel(&cache->state, RST_CACHE_READY);
	*out = cache;
	return 0;
}

/* ---- Giving back --------------------------------------------------------------------------- */

/* The home's own way fails if the caller is moved or interrupted in between; the other one is a
 * fence, which no sandbox need allow. */
static bool shrink_slab(struct roost_cache *cache, struct rst_slab *slab)
{
	return rst_slab_release_empty(cache, slab, rst_slab_cpu(cache)) ||
	       rst_slab_release_empty(cache, slab, RST_NO_CPU);
}

size_t roost_cache_shrink(roost_cache_t *cache)
{
	struct roost_slabs *s = cache->slabs;
	uint32_t end = rst_load_rlx(&s->end);
	size_t pages = 0;

	RST_INSIDE(+1);
	if (cache->flags & ROOST_CACHE_QUARANTINE)
		rst_quarantine_flush(cache);
	for (uint32_t i = 1; i < end; i++) {
		if (shrink_slab(cache, &s->slab[i]))
			pages += (size_t)1 << cache->order;
		RST_YIELD();
	}
	RST_INSIDE(-1);
	return pages;
}

int roost_cache_destroy(roost_cache_t *cache, uint64_t *left)
{
	struct roost_cache_stats stats;

	roost_cache_shrink(cache);
	roost_cache_stats(cache, &stats);
	if (left)
		*left = stats.allocated;
	if (stats.slabs)
		return -ROOST_EBUSY;
	rst_store_rel(&cache->state, RST_CACHE_FREE);
	return 0;
}

/* ---- Recovery ------------------------------------------------------------------------------ */

/* Nobody is inside. What is held has no holder, and what is not there yet will not come. */
static bool recover_slab(struct roost_slabs *s, struct rst_slab *slab)
{
	struct roost_cache *cache = &s->caches[rst_load_rlx(&slab->cache)];
	uint64_t place = rst_load_rlx(&slab->place);
	uint32_t state = rst_state_of(place);

	if (state == RST_SLAB_NONE) {
		for (unsigned i = 0; i < RST_SLAB_WORDS; i++) /* of one that was filled */
			rst_store_rlx(&slab->remote.word[i], 0);
		rst_slab_forget(s, slab);
		return true;
	}
	if (state == RST_SLAB_HELD) {
		if (!rst_slab_release(cache, slab))
			rst_slab_return(cache, slab, place, RST_SLAB_SHARED);
		rst_hint_note(&s->hints, rst_slab_bin(cache), rst_slab_number(s, slab));
		return true;
	}
	/* An open slab is noted even if it has nothing. */
	if (!rst_is_full(state))
		rst_hint_note(&s->hints, rst_slab_bin(cache), rst_slab_number(s, slab));
	else if (rst_slab_has(cache, slab))
		rst_slab_reopen(s, slab, place);
	return false;
}

/* After that: all slabs are as they should be, but for objects on their way into the ring. */
static void recover_quarantines(struct roost_slabs *s)
{
	for (uint32_t i = 0; i < s->nr_caches; i++)
		if (rst_load_rlx(&s->caches[i].state) == RST_CACHE_READY &&
		    s->caches[i].flags & ROOST_CACHE_QUARANTINE)
			rst_quarantine_flush(&s->caches[i]);
	for (uint32_t i = 1; i < rst_load_rlx(&s->end); i++) {
		struct rst_slab *slab = &s->slab[i];

		if (rst_state_of(rst_load_rlx(&slab->place)) != RST_SLAB_NONE)
			rst_quarantine_recover(&s->caches[rst_load_rlx(&slab->cache)], slab);
	}
}

size_t roost_slabs_recover(roost_slabs_t *s)
{
	size_t n = 0;

	roost_recover(s->numbers);
	for (uint32_t i = 0; i < s->nr_caches; i++) {
		uint32_t making = RST_CACHE_MAKING;

		rst_cas32_sc(&s->caches[i].state, &making, RST_CACHE_FREE);
		rst_store_rlx(&s->caches[i].readers, 0);
	}
	/* Past end, too: a context that took a number may have stopped before it raised that. */
	for (uint32_t i = 1; i < s->nr_slabs; i++)
		if (i % RST_PAGEBLOCK == 0 &&
		    roost_free_order(s->numbers, i) == ROOST_PAGEBLOCK_ORDER)
			i += RST_PAGEBLOCK - 1; /* none of these is taken */
		else if (roost_order(s->numbers, i) >= 0)
			n += recover_slab(s, &s->slab[i]);
	recover_quarantines(s);
	return n;
}
