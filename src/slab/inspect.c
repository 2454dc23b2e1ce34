/* SPDX-License-Identifier: MIT */
/* inspect.c - how slabs and caches are. Reads only. */
#include "core/text.h"
#include "slab/slab.h"

/* ---- Objects ------------------------------------------------------------------------------- */

static bool is_object_free(const struct rst_slab *slab, uint64_t index)
{
	return ((rst_load_acq(&slab->local[index / 64]) |
		 rst_load_acq(&slab->remote.word[index / 64]) |
		 rst_load_acq(&slab->waiting[index / 64])) >>
		index % 64) &
	       1;
}

roost_cache_t *roost_object_cache(const roost_slabs_t *s, const void *object)
{
	uintptr_t address = (uintptr_t)object;
	const struct rst_slab *slab = rst_slab_at(s, address);
	struct roost_cache *cache;
	uint64_t index;

	if (!slab)
		return NULL;
	cache = &s->caches[rst_load_rlx(&slab->cache)];
	return rst_object_index(cache, address - rst_load_rlx(&slab->base), &index) &&
			       !is_object_free(slab, index)
		       ? cache
		       : NULL;
}

roost_cache_t *roost_slabs_cache(const roost_slabs_t *s, const void *address)
{
	const struct rst_slab *slab = rst_slab_at(s, (uintptr_t)address);

	return slab ? &s->caches[rst_load_rlx(&slab->cache)] : NULL;
}

size_t roost_object_size(const roost_slabs_t *s, const void *object)
{
	const struct roost_cache *cache = roost_object_cache(s, object);

	return cache ? cache->size : 0;
}

/* ---- Caches -------------------------------------------------------------------------------- */

/* The next slab of the cache from number *i on, or NULL. */
static struct rst_slab *next_slab(const struct roost_cache *cache, uint32_t *i)
{
	const struct roost_slabs *s = cache->slabs;

	for (*i = *i ? *i : 1; *i < rst_load_rlx(&s->end); ++*i) {
		struct rst_slab *slab = &s->slab[*i];

		if (rst_state_of(rst_load_acq(&slab->place)) != RST_SLAB_NONE &&
		    rst_load_acq(&slab->cache) == cache->index)
			return slab;
	}
	return NULL;
}

static unsigned waiting_in(const struct roost_cache *cache, const struct rst_slab *slab)
{
	unsigned n = 0;

	for (unsigned i = 0; i < cache->words; i++)
		n += rst_weight(rst_load_rlx(&slab->waiting[i]));
	return n;
}

/* Of a slab that may become another cache's meanwhile, whose bits mean other objects. */
static unsigned allocated_in(const struct roost_cache *cache, const struct rst_slab *slab)
{
	unsigned free = rst_slab_free_objects(cache, slab) + waiting_in(cache, slab);

	return free < cache->objects ? (unsigned)cache->objects - free : 0;
}

void roost_cache_stats(const roost_cache_t *cache, struct roost_cache_stats *stats)
{
	uint64_t bytes = (uint64_t)1 << (cache->order + cache->slabs->page_shift);
	const struct rst_slab *slab;
	struct rst_text name;

	*stats = (struct roost_cache_stats){.size = cache->size,
					    .stride = (uint32_t)cache->stride,
					    .slab_order = cache->order,
					    .slab_objects = (uint32_t)cache->objects};
	rst_text_start(&name, stats->name, sizeof(stats->name));
	rst_text_put(&name, cache->name);
	for (uint32_t i = 0; (slab = next_slab(cache, &i)); i++) {
		stats->slabs++;
		stats->objects += cache->objects;
		stats->allocated += allocated_in(cache, slab);
		stats->quarantined += waiting_in(cache, slab);
	}
	stats->waste = stats->slabs * bytes - stats->objects * cache->size;
	for (unsigned cpu = 0; cpu < cache->slabs->nr_cpus; cpu++) {
		const struct rst_cache_cpu *of = &cache->cpus[cpu];

		stats->made += rst_load_rlx(&of->made);
		stats->released += rst_load_rlx(&of->released);
		stats->stolen += rst_load_rlx(&of->stolen);
		stats->failed += rst_load_rlx(&of->failed);
		stats->misused += rst_load_rlx(&of->misused);
	}
}

/* Reads an entry of the table. False: there is no cache. */
static bool read_entry(struct roost_cache *cache, struct roost_cache_stats *stats)
{
	bool is_there;

	RST_INSIDE(+1);
	/* This, then the state: see claim_cache(). */
	rst_add_sc(&cache->readers, 1);
	is_there = rst_load_sc(&cache->state) == RST_CACHE_READY;
	if (is_there)
		roost_cache_stats(cache, stats);
	/* Release: what was read is not what the entry's next cache wrote. */
	(void)rst_take_rel(&cache->readers, 1);
	RST_INSIDE(-1);
	return is_there;
}

bool roost_slabs_stats(const roost_slabs_t *s, unsigned *at, struct roost_cache_stats *stats)
{
	while (*at < s->nr_caches)
		if (read_entry(&s->caches[(*at)++], stats))
			return true;
	return false;
}

uint64_t roost_slabs_pages(const roost_slabs_t *s, roost_pfn pfn, uint64_t nr)
{
	uint64_t n = 0;

	for (; nr--; pfn++)
		n += pfn >= s->first && pfn - s->first < s->nr_pages &&
		     rst_load_rlx(&s->slab_of[pfn - s->first]);
	return n;
}

const char *roost_cache_name(const roost_cache_t *cache)
{
	return cache->name;
}

void roost_cache_for_each(const roost_cache_t *cache, roost_object_fn *fn, void *context)
{
	const struct rst_slab *slab;

	for (uint32_t i = 0; (slab = next_slab(cache, &i)); i++)
		for (unsigned n = 0; n < cache->objects; n++)
			if (!is_object_free(slab, n) &&
			    !fn(context, rst_object(cache, rst_load_rlx(&slab->base), n)))
				return;
}

roost_cache_t *roost_cache_next(const roost_slabs_t *s, const roost_cache_t *cache)
{
	for (uint32_t i = cache ? cache->index + 1 : 0; i < s->nr_caches; i++)
		if (rst_load_acq(&s->caches[i].state) == RST_CACHE_READY)
			return &s->caches[i];
	return NULL;
}

/* ---- Text ---------------------------------------------------------------------------------- */

static void put_json_string(struct rst_text *text, const char *string)
{
	static const char hex[] = "0123456789abcdef";

	rst_text_put(text, "\"");
	for (; *string; string++) {
		unsigned char c = (unsigned char)*string;
		char escaped[] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15], 0};
		char plain[] = {'\\', *string, 0};

		rst_text_put(text, c < 0x20 || c >= 0x7f	       ? escaped
				   : *string == '"' || *string == '\\' ? plain
								       : plain + 1);
	}
	rst_text_put(text, "\"");
}

static void put_json(struct rst_text *text, const struct roost_cache_stats *stats)
{
	const struct {
		const char *name;
		uint64_t value;
	} fields[] = {
		{"size", stats->size},
		{"stride", stats->stride},
		{"slab_order", stats->slab_order},
		{"slab_objects", stats->slab_objects},
		{"slabs", stats->slabs},
		{"objects", stats->objects},
		{"allocated", stats->allocated},
		{"free", stats->objects - stats->allocated},
		{"quarantined", stats->quarantined},
		{"waste", stats->waste},
		{"made", stats->made},
		{"released", stats->released},
		{"stolen", stats->stolen},
		{"failed", stats->failed},
		{"misused", stats->misused},
	};

	rst_text_put(text, "{\"name\": ");
	put_json_string(text, stats->name);
	for (unsigned i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		rst_text_put(text, ", \"");
		rst_text_put(text, fields[i].name);
		rst_text_put(text, "\": ");
		rst_text_dec(text, fields[i].value, 0);
	}
	rst_text_put(text, "}");
}

static void put_row(struct rst_text *text, const struct roost_cache_stats *stats)
{
	rst_text_left(text, stats->name, 20);
	rst_text_dec(text, stats->size, 7);
	rst_text_dec(text, stats->allocated, 11);
	rst_text_dec(text, stats->objects, 11);
	rst_text_dec(text, stats->slabs, 8);
	rst_text_dec(text, (uint64_t)1 << stats->slab_order, 6);
	rst_text_dec(text, stats->waste, 11);
	rst_text_dec(text, stats->stolen, 8);
	rst_text_dec(text, stats->failed, 8);
	rst_text_dec(text, stats->misused, 8);
}

static const char table_head[] =
	"cache                  size  allocated    objects   slabs pages      waste"
	"  stolen  failed misused\n";

int roost_slabs_dump(const roost_slabs_t *s, enum roost_slabs_dump what, roost_write_fn *write,
		     void *context)
{
	bool json = what == ROOST_SLABS_JSON;
	struct roost_cache_stats stats;
	const char *before = json ? "[" : "";
	struct rst_text text;
	unsigned at = 0;
	char line[512];
	int err = json ? 0 : write(context, table_head, sizeof(table_head) - 1);

	while (err >= 0 && roost_slabs_stats(s, &at, &stats)) {
		rst_text_start(&text, line, sizeof(line));
		rst_text_put(&text, before);
		before = json ? ",\n " : "";
		(json ? put_json : put_row)(&text, &stats);
		rst_text_put(&text, json ? "" : "\n");
		err = write(context, line, (size_t)(text.at - line));
	}
	if (err >= 0 && json)
		err = write(context, *before == '[' ? "[]\n" : "]\n", *before == '[' ? 3 : 2);
	return err < 0 ? err : 0;
}

/* ---- Validation ---------------------------------------------------------------------------- */

static bool violated(struct roost_violation *v, const struct roost_slabs *s,
		     const struct rst_slab *slab, const char *invariant, uint64_t expected,
		     uint64_t found)
{
	uintptr_t base = rst_load_rlx(&slab->base);

	if (v)
		*v = (struct roost_violation){
			.invariant = invariant,
			.pfn = base ? s->first + ((base - (uintptr_t)s->base) >> s->page_shift)
				    : ROOST_NONE,
			.zone = -1,
			.cpu = -1,
			.expected = expected,
			.found = found};
	return false;
}

static bool bits_are_good(const struct roost_slabs *s, const struct roost_cache *cache,
			  const struct rst_slab *slab, struct roost_violation *v)
{
	bool home = rst_has_home(rst_state_of(rst_load_rlx(&slab->place)));

	for (unsigned i = 0; i < RST_SLAB_WORDS; i++) {
		uint64_t local = rst_load_rlx(&slab->local[i]);
		uint64_t remote = rst_load_rlx(&slab->remote.word[i]);
		uint64_t waiting = rst_load_rlx(&slab->waiting[i]);
		uint64_t all = cache && i < cache->words ? rst_objects_in(cache, i) : 0;

		if ((local | remote) & ~all)
			return violated(v, s, slab, "slab: a bit is of an object that exists", all,
					local | remote);
		if (waiting & ~all || waiting & (local | remote))
			return violated(v, s, slab,
					"slab: an object in the quarantine is in neither", 0,
					waiting & (local | remote | ~all));
		if (local & remote)
			return violated(v, s, slab, "slab: an object is in one of L and R", 0,
					local & remote);
		if (local && !home)
			return violated(v, s, slab, "slab: without a home L is empty", 0, local);
	}
	return true;
}

static bool pages_are_good(const struct roost_slabs *s, const struct roost_cache *cache,
			   const struct rst_slab *slab, struct roost_violation *v)
{
	uint64_t offset = rst_load_rlx(&slab->base) - (uintptr_t)s->base;
	uint64_t page = offset >> s->page_shift, nr = (uint64_t)1 << cache->order;

	if (page << s->page_shift != offset || page >= s->nr_pages || s->nr_pages - page < nr)
		return violated(v, s, slab, "slab: its pages are some of these", s->nr_pages, page);
	for (uint64_t i = 0; i < nr; i++) {
		uint32_t found = rst_load_rlx(&s->slab_of[page + i]);

		if (found != rst_slab_number(s, slab))
			return violated(v, s, slab, "slab: each of its pages leads to it",
					rst_slab_number(s, slab), found);
	}
	return true;
}

/* Is this the state of a slab that nobody holds? */
static bool is_state(const struct roost_cache *cache, uint32_t state)
{
	return rst_has_home(state) ? state >> 16 <= RST_SLAB_FULL >> 16 &&
					     rst_slab_home(state) < cache->nr_homes
				   : state <= RST_SLAB_SHARED_FULL;
}

static bool slab_is_good(const struct roost_slabs *s, const struct rst_slab *slab,
			 struct roost_violation *v)
{
	uint32_t state = rst_state_of(rst_load_rlx(&slab->place));
	uint32_t index = rst_load_rlx(&slab->cache);
	const struct roost_cache *cache = index < s->nr_caches ? &s->caches[index] : NULL;
	bool used = roost_order(s->numbers, rst_slab_number(s, slab)) >= 0;

	if (state == RST_SLAB_HELD)
		return violated(v, s, slab, "slab: nobody holds it at rest", 0, state);
	if (used != (state != RST_SLAB_NONE))
		return violated(v, s, slab, "slab: its number is allocated while it is there", used,
				state);
	if (state == RST_SLAB_NONE)
		return bits_are_good(s, NULL, slab, v);
	if (!cache || rst_load_rlx(&cache->state) != RST_CACHE_READY)
		return violated(v, s, slab, "slab: its cache is there", s->nr_caches, index);
	if (!is_state(cache, state))
		return violated(v, s, slab, "slab: its home is a CPU of its cache", cache->nr_homes,
				state);
	if (!bits_are_good(s, cache, slab, v) || !pages_are_good(s, cache, slab, v))
		return false;
	if (rst_is_open(state) &&
	    !rst_hint_has(&s->hints, rst_slab_bin(cache), rst_slab_number(s, slab)))
		return violated(v, s, slab, "slab: one that is open is noted", 1, 0);
	if (!rst_is_open(state) && rst_slab_has(cache, slab))
		return violated(v, s, slab, "slab: one that has free objects is open", 0, state);
	return true;
}

int roost_slabs_validate(const roost_slabs_t *s, struct roost_violation *violation)
{
	for (uint32_t i = 1; i < rst_load_rlx(&s->end); i++)
		if (!slab_is_good(s, &s->slab[i], violation))
			return -ROOST_EUCLEAN;
	return roost_validate(s->numbers, violation);
}
