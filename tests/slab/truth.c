/* SPDX-License-Identifier: MIT */
/* truth.c - see truth.h. */
#define _GNU_SOURCE 1
#include "truth.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cpus.h"

/* ---- Open ---------------------------------------------------------------------------------- */

static void *map(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	TRUE(memory != MAP_FAILED, "no memory");
	return memory;
}

static void on_misuse(void *context, const char *call, const roost_cache_t *cache,
		      const void *object, const char *what)
{
	struct truth *t = context;

	(void)cache;
	TRUE(call && what && *what, "a misuse without a word");
	t->misuses++;
	t->misused = object;
	t->what = what;
}

/* With no_pages there are none, or one that is not slabs'; that has to come back. */
static roost_pfn get(void *context, unsigned order, unsigned flags)
{
	struct truth *t = context;

	if (!t->no_pages)
		return roost_alloc(t->frames, order, flags);
	if (++t->asked % 2)
		return ROOST_NONE;
	t->strangers++;
	if (t->asked % 4 && t->config.first)
		return t->config.first - 1;
	return t->config.first + t->config.nr - (order > 0);
}

static void put(void *context, roost_pfn pfn, unsigned order)
{
	struct truth *t = context;

	if (t->strangers)
		t->strangers--;
	else
		roost_free(t->frames, pfn, order);
}

static void open_frames(struct truth *t)
{
	struct roost_range range = {.start = t->config.first,
				    .end = t->config.first + t->config.nr};
	struct roost_config config = ROOST_CONFIG_INIT;

	config.ranges = &range;
	config.nr_ranges = 1;
	config.nr_cpus = t->config.nr_cpus;
	t->records_size = roost_metadata_size(&config);
	t->records = map(t->records_size);
	TRUE(!roost_init(&t->frames, &config, t->records, t->records_size), "no frames");
}

/* As the numbers say; 0 is the plainest. */
static void configure(struct truth *t, const uint32_t c[TRUTH_CHOICES])
{
	static const unsigned shifts[] = {12, 12, 12, 10, 14, 16};
	static const roost_pfn firsts[] = {0, 0, 512, 4096 + 7, 1 << 20};
	unsigned shift = shifts[c[0] % 6];

	t->config = (struct roost_slabs_config)ROOST_SLABS_CONFIG_INIT;
	t->config.page_shift = shift;
	t->page = (size_t)1 << shift;
	t->config.nr = 16 + c[1] % (shift > 12 ? 48 : 300);
	t->config.first = firsts[c[2] % 5];
	t->config.nr_cpus = 1 + c[3] % TRUTH_CPUS;
	t->config.nr_caches = KINDS;
	t->config.nr_slabs = c[4] % 10 < 7 ? 0 : 1 + c[4] / 10 % (uint32_t)t->config.nr;
	t->config.check_level = c[5] % 4;
	t->hooks = c[6] % 10 >= 7;
}

void truth_open(struct truth *t, const uint32_t choices[TRUTH_CHOICES])
{
	memset(t, 0, sizeof(*t));
	configure(t, choices);
	t->shared = t->config.check_level >= ROOST_CHECK_EXACT;
	t->bytes = t->config.nr << t->config.page_shift;
	/* A page more, since a page of these may be larger than the kernel's. */
	t->base = map(t->bytes + t->page);
	t->base += -(uintptr_t)t->base & (t->page - 1);
	t->image = map(t->bytes);
	t->used = map(t->bytes);
	open_frames(t);
	t->config.base = t->base;
	t->config.frames = t->frames;
	t->config.get = t->hooks ? get : NULL;
	t->config.put = t->hooks ? put : NULL;
	t->config.misuse = on_misuse;
	t->config.context = t;
	t->metadata_size = roost_slabs_metadata_size(&t->config);
	t->metadata = map(t->metadata_size);
	TRUE(!roost_slabs_init(&t->slabs, &t->config, t->metadata, t->metadata_size), "no slabs");
	if (!t->config.nr_slabs)
		t->config.nr_slabs = (uint32_t)t->config.nr;
	t->homes = cpus_are_real() && !t->shared ? (unsigned)sysconf(_SC_NPROCESSORS_ONLN) : 0;
}

void truth_close(struct truth *t)
{
	struct roost_violation v;

	truth_is_fine(t);
	TRUE(!roost_cache_next(t->slabs, NULL), "a cache is left");
	TRUE(roost_free_frames(t->frames, 0, NULL) == t->config.nr, "pages are lost");
	if (roost_slabs_validate(t->slabs, &v) || roost_validate(t->frames, &v))
		truth_fail("at the end: %s", v.invariant);
	TRUE(!memcmp(t->base, t->image, t->bytes) || t->guarded, "somebody wrote to free memory");
	munmap(t->records, t->records_size);
	munmap(t->metadata, t->metadata_size);
	munmap(t->base, t->bytes);
	munmap(t->image, t->bytes);
	munmap(t->used, t->bytes);
}

static long switches(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return usage.ru_nivcsw + usage.ru_nvcsw;
}

void truth_before(struct truth *t)
{
	t->switches = t->homes ? switches() : 0;
}

bool truth_calm(const struct truth *t)
{
	return !t->homes || switches() == t->switches;
}

/* ---- Objects ------------------------------------------------------------------------------- */

void truth_write(struct truth *t, char *at, size_t size, int value)
{
	memset(at, value, size);
	memset(t->image + (at - t->base), value, size);
}

void truth_take(struct truth *t, unsigned kind, void *object)
{
	struct kind *k = &t->kinds[kind];
	size_t offset = (size_t)((char *)object - t->base);

	TRUE((char *)object >= t->base && offset + k->is.size <= t->bytes, "%p is not in memory",
	     object);
	TRUE((uintptr_t)object % k->align == 0, "%p is not aligned to %zu", object, k->align);
	for (size_t i = 0; i < k->is.stride; i++)
		TRUE(t->used[offset + i] == FREE, "%p was handed out though it is in use", object);
	TRUE(t->nr_objects < OBJECTS, "the test's own table is full");
	memset(t->used + offset, INSIDE, k->is.stride);
	t->used[offset] = HEAD;
	t->objects[t->nr_objects++] = (struct object){object, kind};
	k->live++;
	truth_write(t, object, k->is.size, (int)(++t->stamps & 0xff));
}

void *truth_drop(struct truth *t, unsigned i)
{
	struct object o = t->objects[i];
	struct kind *k = &t->kinds[o.kind];
	size_t offset = (size_t)(o.at - t->base);

	TRUE(!memcmp(o.at, t->image + offset, k->is.size), "%p is not as it was", (void *)o.at);
	memset(t->used + offset, FREE, k->is.stride);
	t->objects[i] = t->objects[--t->nr_objects];
	k->live--;
	return o.at;
}

/* The first page of the slab in which an object lies: slabs are blocks of frames. */
static uint64_t slab_of(const struct truth *t, const struct kind *k, const char *at)
{
	roost_pfn pfn = t->config.first + (uint64_t)(at - t->base) / t->page;

	return (pfn & ~(((roost_pfn)1 << k->is.slab_order) - 1)) - t->config.first;
}

uint64_t truth_slabs(const struct truth *t, const struct kind *kind)
{
	static bool seen[4096];
	uint64_t n = 0;

	memset(seen, 0, t->config.nr);
	for (unsigned i = 0; i < t->nr_objects; i++) {
		uint64_t page;

		if (&t->kinds[t->objects[i].kind] != kind)
			continue;
		page = slab_of(t, kind, t->objects[i].at);
		n += !seen[page];
		seen[page] = true;
	}
	return n;
}

/* ---- What is owed -------------------------------------------------------------------------- */

static struct roost_cache_stats stats_of(const struct kind *k)
{
	struct roost_cache_stats stats;

	roost_cache_stats(k->cache, &stats);
	return stats;
}

/* Is there an aligned block of this order that is free, or would be if empty slabs went back? */
static bool is_room(const struct truth *t, unsigned order, bool empties_go)
{
	static bool taken[4096];
	roost_pfn size = (roost_pfn)1 << order, first = t->config.first, at;

	memset(taken, 0, t->config.nr);
	for (roost_pfn p = 0; p < t->config.nr;) {
		int head = roost_order(t->frames, first + p);
		size_t pages = head < 0 ? 1 : (size_t)1 << head, i = 0;
		bool use = head >= 0;

		for (size_t end = pages * t->page; use && empties_go && i < end; i++)
			if (t->used[p * t->page + i] != FREE)
				break;
		if (use && empties_go && i == pages * t->page)
			use = false;
		memset(taken + p, use, pages);
		p += pages;
	}
	for (at = (first + size - 1) & ~(size - 1); at + size <= first + t->config.nr; at += size) {
		roost_pfn i = 0;

		while (i < size && !taken[at - first + i])
			i++;
		if (i == size)
			return true;
	}
	return false;
}

const char *truth_owes(const struct truth *t, const struct kind *kind, unsigned flags)
{
	struct roost_cache_stats stats = stats_of(kind);
	uint64_t slabs = 0, empty_pages = 0;
	bool few = true; /* a reclaim looks at all slabs */

	if (stats.slabs * kind->is.slab_objects > kind->live &&
	    (flags & ROOST_WAIT || stats.slabs <= FEW_SLABS))
		return "the cache has free objects";
	for (unsigned i = 0; i < KINDS; i++) {
		if (!t->kinds[i].cache)
			continue;
		stats = stats_of(&t->kinds[i]);
		slabs += stats.slabs;
		few &= stats.slabs <= FEW_SLABS;
		empty_pages += (stats.slabs - truth_slabs(t, &t->kinds[i])) << stats.slab_order;
	}
	if (t->no_pages)
		return NULL;
	if (slabs < t->config.nr_slabs && is_room(t, kind->is.slab_order, false))
		return "there are pages for a slab";
	/* All of them go, unless enough of them go before. */
	if (few && empty_pages && empty_pages <= (uint64_t)4 << kind->is.slab_order &&
	    is_room(t, kind->is.slab_order, true))
		return "with the pages of empty slabs there are enough";
	return NULL;
}

/* ---- Comparisons --------------------------------------------------------------------------- */

void truth_is_fine(const struct truth *t)
{
	TRUE(!t->misuses, "what is right was reported: %p %s", t->misused, t->what);
	TRUE(!t->strangers, "pages that are not slabs' were not put back");
}

void truth_was_misused(struct truth *t, const void *object, const char *how)
{
	TRUE(t->misuses == 1, "%s: %u misuses were reported, not one", how, t->misuses);
	TRUE(t->misused == object, "%s: of %p, not of %p", how, t->misused, object);
	t->misuses = 0;
}

/* The cache's own numbers; how many pages it has. */
static uint64_t compare_cache(const struct truth *t, const struct kind *k)
{
	struct roost_cache_stats s = stats_of(k);
	uint64_t slabs = truth_slabs(t, k);

	TRUE(s.size == k->is.size && s.stride == k->is.stride && s.slab_order == k->is.slab_order &&
		     s.slab_objects == k->is.slab_objects,
	     "%s is not as it was made", s.name);
	TRUE(s.allocated == k->live, "%s: %llu are allocated, not %llu", s.name,
	     (unsigned long long)s.allocated, (unsigned long long)k->live);
	TRUE(s.objects == s.slabs * s.slab_objects, "%s: objects of %llu slabs", s.name,
	     (unsigned long long)s.slabs);
	TRUE(s.made - s.released == s.slabs, "%s: made %llu, released %llu, there are %llu", s.name,
	     (unsigned long long)s.made, (unsigned long long)s.released,
	     (unsigned long long)s.slabs);
	TRUE(s.failed == k->failed, "%s: %llu failed, not %llu", s.name,
	     (unsigned long long)s.failed, (unsigned long long)k->failed);
	TRUE(s.slabs >= slabs, "%s: there are fewer slabs than have objects out", s.name);
	if (k->alone)
		TRUE(s.slabs <= slabs + 1, "%s: %llu slabs are empty, and only CPU %d was here",
		     s.name, (unsigned long long)(s.slabs - slabs), k->user);
	if (t->shared)
		TRUE(s.slabs <= slabs + t->config.nr_cpus, "%s: %llu slabs are empty", s.name,
		     (unsigned long long)(s.slabs - slabs));
	return s.slabs << s.slab_order;
}

void truth_compare(struct truth *t)
{
	struct roost_violation v;
	uint64_t pages = roost_free_frames(t->frames, 0, NULL);
	roost_cache_t *cache = NULL;
	unsigned n = 0;

	truth_is_fine(t);
	if (roost_slabs_validate(t->slabs, &v))
		truth_fail("%s: pfn %llu, expected %#llx, found %#llx", v.invariant,
			   (unsigned long long)v.pfn, (unsigned long long)v.expected,
			   (unsigned long long)v.found);
	for (unsigned i = 0; i < KINDS; i++)
		if (t->kinds[i].cache) {
			pages += compare_cache(t, &t->kinds[i]);
			n++;
		}
	for (unsigned i = 0; i < t->nr_blocks; i++)
		pages += (uint64_t)1 << t->blocks[i].order;
	TRUE(pages == t->config.nr, "%llu pages are accounted for, of %llu",
	     (unsigned long long)pages, (unsigned long long)t->config.nr);
	while ((cache = roost_cache_next(t->slabs, cache)))
		n--;
	TRUE(!n, "the list of caches is wrong by %d", (int)n);
}

/* ---- Everything ---------------------------------------------------------------------------- */

struct walk {
	const struct truth *t;
	uint64_t seen;
	size_t last;
};

static bool visit(void *context, void *object)
{
	struct walk *w = context;
	size_t offset = (size_t)((char *)object - w->t->base);

	TRUE(offset < w->t->bytes && w->t->used[offset] == HEAD, "%p was visited", object);
	w->seen++;
	return true;
}

static bool stop(void *context, void *object)
{
	(void)object;
	++*(unsigned *)context;
	return false;
}

static void walk_kind(const struct truth *t, const struct kind *k)
{
	struct walk walk = {t, 0, 0};
	unsigned visits = 0;

	roost_cache_for_each(k->cache, visit, &walk);
	TRUE(walk.seen == k->live, "%llu objects were visited, of %llu",
	     (unsigned long long)walk.seen, (unsigned long long)k->live);
	roost_cache_for_each(k->cache, stop, &visits);
	TRUE(visits == (k->live > 0), "a walk that ends at once made %u visits", visits);
}

void truth_search(struct truth *t)
{
	struct random random = {t->stamps};

	truth_compare(t);
	TRUE(!memcmp(t->base, t->image, t->bytes) || t->guarded, "somebody wrote to memory");
	for (unsigned i = 0; i < KINDS; i++)
		if (t->kinds[i].cache)
			walk_kind(t, &t->kinds[i]);
	for (unsigned i = 0; i < t->nr_objects; i++) {
		const struct object *o = &t->objects[i];
		const struct kind *k = &t->kinds[o->kind];

		TRUE(roost_object_cache(t->slabs, o->at) == k->cache, "%p is of another cache",
		     (void *)o->at);
		TRUE(roost_object_size(t->slabs, o->at) == k->is.size, "%p has another size",
		     (void *)o->at);
	}
	for (unsigned i = 0; i < 2000; i++) {
		size_t at = random_below(&random, t->bytes);

		TRUE(!roost_object_cache(t->slabs, t->base + at) == (t->used[at] != HEAD),
		     "%p is an object, or none", (void *)(t->base + at));
	}
	TRUE(!roost_object_cache(t->slabs, t->base - 1) &&
		     !roost_object_cache(t->slabs, t->base + t->bytes) &&
		     !roost_object_size(t->slabs, NULL),
	     "there are objects outside of memory");
}
