/* SPDX-License-Identifier: MIT */
/*
 * events.c - calls on caches that come and go, by CPUs with sequences (ROOST_TEST_CPUS=real) and
 * without; misuse; others that take pages, so that these run out; a hook for pages that has none.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpus.h"
#include "events.h"
#include "truth.h"

static struct truth t;
static bool verbose;

#define TELL(...)                                                                                  \
	do {                                                                                       \
		if (verbose)                                                                       \
			printf(__VA_ARGS__);                                                       \
	} while (0)

/* ---- Choices ------------------------------------------------------------------------------- */

/* A cache that is there, or NULL. */
static struct kind *some_kind(uint32_t a)
{
	for (unsigned i = 0; i < KINDS; i++) {
		struct kind *k = &t.kinds[(a + i) % KINDS];

		if (k->cache)
			return k;
	}
	return NULL;
}

static unsigned number_of(const struct kind *k)
{
	return (unsigned)(k - t.kinds);
}

/* An object that is out, of this kind if it has some; nr_objects: there is none. */
static unsigned some_object(uint32_t a, const struct kind *k)
{
	for (unsigned i = 0; i < t.nr_objects; i++) {
		unsigned n = (a + i) % t.nr_objects;

		if (!k || t.objects[n].kind == number_of(k))
			return n;
	}
	return t.nr_objects;
}

static unsigned some_flags(uint32_t c)
{
	return (c & 1 ? ROOST_WAIT : 0) | (c % 8 == 2 ? ROOST_RESERVE : 0);
}

/* Objects of a cache came or went on this CPU. */
static void used_by(struct kind *k, bool calm)
{
	if (k->user < 0)
		k->user = (int)t.cpu;
	k->alone &= k->user == (int)t.cpu && calm;
}

static uint64_t slabs(const struct kind *k)
{
	struct roost_cache_stats stats;

	roost_cache_stats(k->cache, &stats);
	return stats.slabs;
}

static void nobody_used(struct kind *k)
{
	k->user = -1;
	k->alone = true;
}

/* ---- Allocations and frees ------------------------------------------------------------------ */

static void is_not_owed(struct kind *k, unsigned flags, bool calm)
{
	const char *why = truth_owes(&t, k, flags);

	k->failed++;
	TRUE(!why || !calm, "an allocation fails with flags %#x, but %s", flags, why);
}

static void do_alloc(const struct event *e)
{
	struct kind *k = some_kind(e->a);
	unsigned flags = some_flags(e->c);
	void *object;

	if (!k || t.nr_objects == OBJECTS)
		return;
	truth_before(&t);
	object = roost_cache_alloc(k->cache, flags);
	used_by(k, truth_calm(&t));
	TELL("cpu %u: alloc of %u, flags %#x: %p\n", t.cpu, number_of(k), flags, object);
	if (object)
		truth_take(&t, number_of(k), object);
	else
		is_not_owed(k, flags, truth_calm(&t));
}

static void do_alloc_bulk(const struct event *e)
{
	static void *some[BULK + 1];
	struct kind *k = some_kind(e->a);
	unsigned flags = some_flags(e->c);
	size_t n = e->b % 4 ? e->b % 70 : e->b % BULK, got;

	if (n > OBJECTS - t.nr_objects)
		n = OBJECTS - t.nr_objects;
	if (!k)
		return;
	some[n] = &t;
	truth_before(&t);
	got = roost_cache_alloc_bulk(k->cache, flags, some, n);
	used_by(k, truth_calm(&t));
	TELL("cpu %u: alloc_bulk of %u, flags %#x: %zu of %zu\n", t.cpu, number_of(k), flags, got,
	     n);
	TRUE(got <= n, "%zu objects, %zu wanted", got, n);
	for (size_t i = 0; i < got; i++)
		truth_take(&t, number_of(k), some[i]);
	TRUE(some[n] == &t, "more was written than was wanted");
	if (got < n)
		is_not_owed(k, flags, truth_calm(&t));
}

static void free_one(struct kind *k, unsigned object)
{
	void *at = truth_drop(&t, object);

	truth_before(&t);
	errno = 4711;
	roost_cache_free(k->cache, at);
	TRUE(errno == 4711, "a free set errno to %d", errno);
	used_by(k, truth_calm(&t));
	TELL("cpu %u: free of %u: %p\n", t.cpu, number_of(k), at);
}

static void do_free(const struct event *e)
{
	unsigned i = some_object(e->a, NULL);

	if (i < t.nr_objects)
		free_one(&t.kinds[t.objects[i].kind], i);
}

static void do_free_bulk(const struct event *e)
{
	static void *some[BULK];
	struct kind *k = some_kind(e->a);
	size_t n = 0, most = e->b % 8 ? e->b % 64 : e->b % BULK;
	unsigned i;

	if (!k)
		return;
	while (n < most && (i = some_object(e->c + (uint32_t)n * 7, k)) < t.nr_objects)
		some[n++] = truth_drop(&t, i);
	if (n && e->c % 4 == 0 && n < BULK)
		some[n++] = NULL;
	truth_before(&t);
	roost_cache_free_bulk(k->cache, some, n);
	used_by(k, truth_calm(&t));
	TELL("cpu %u: free_bulk of %u: %zu\n", t.cpu, number_of(k), n);
}

static void free_all_of(struct kind *k, uint32_t from)
{
	unsigned i;

	while ((i = some_object(from, k)) < t.nr_objects)
		free_one(k, i);
}

static void do_free_all(const struct event *e)
{
	struct kind *k = some_kind(e->a);

	if (k)
		free_all_of(k, e->b);
	if (k)
		roost_cache_free(k->cache, NULL);
}

/* ---- Pages go back -------------------------------------------------------------------------- */

static void do_shrink(const struct event *e)
{
	struct kind *k = some_kind(e->a);
	uint64_t before, after;
	size_t pages;

	if (!k)
		return;
	before = slabs(k);
	truth_before(&t);
	pages = roost_cache_shrink(k->cache);
	after = slabs(k);
	TELL("cpu %u: shrink of %u: %zu pages\n", t.cpu, number_of(k), pages);
	TRUE(pages == (before - after) << k->is.slab_order, "%zu pages of %llu slabs went back",
	     pages, (unsigned long long)(before - after));
	TRUE(after == truth_slabs(&t, k) || !truth_calm(&t), "empty slabs stay");
	if (!after)
		nobody_used(k);
}

static uint64_t empty_slabs(bool *few)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < KINDS; i++)
		if (t.kinds[i].cache) {
			n += slabs(&t.kinds[i]) - truth_slabs(&t, &t.kinds[i]);
			*few &= slabs(&t.kinds[i]) <= FEW_SLABS;
		}
	return n;
}

static void do_reclaim(const struct event *e)
{
	uint64_t before = roost_free_frames(t.frames, 0, NULL);
	size_t wanted = e->a % 4 ? e->a % 100 : SIZE_MAX, pages;
	bool few = true;

	truth_before(&t);
	pages = roost_slabs_reclaim(t.slabs, wanted);
	TELL("cpu %u: reclaim %zu: %zu pages\n", t.cpu, wanted, pages);
	TRUE(roost_free_frames(t.frames, 0, NULL) - before == pages,
	     "%zu pages went back, but not that many are free", pages);
	TRUE(pages >= wanted || empty_slabs(&few) == 0 || !few || !truth_calm(&t),
	     "empty slabs stay, and only %zu of %zu pages went back", pages, wanted);
}

/* ---- Caches come and go --------------------------------------------------------------------- */

static void construct(void *object, size_t size)
{
	size_t offset = (size_t)((char *)object - t.base);

	TRUE(offset < t.bytes && t.used[offset] == FREE && t.used[offset + size - 1] == FREE,
	     "an object that is out is constructed");
	truth_write(&t, object, size, 0x77);
}

/* What roost_cache_create() says of the size and the slabs. */
static void is_as_asked(const struct kind *k, size_t size, size_t align)
{
	size_t most = t.page << k->is.slab_order, stride;

	stride = size + (k->flags & ROOST_CACHE_REDZONE ? 8 : 0);
	stride = (stride + align - 1) / align * align;
	TRUE(k->is.stride == stride, "a stride of %zu, not of %zu", k->is.stride, stride);
	TRUE(k->is.size == (k->flags & ROOST_CACHE_REDZONE ? size : stride),
	     "a size of %zu, of %zu", k->is.size, size);
	TRUE(k->is.slab_objects == (most / stride < 512 ? most / stride : 512) &&
		     k->is.slab_objects >= 8,
	     "%u objects in %zu bytes", k->is.slab_objects, most);
}

static size_t some_size(uint32_t b)
{
	if (b % 4 == 0)
		return 8 + b / 4 % 57;
	if (b % 4 == 1)
		return (size_t)8 << b / 4 % 13;
	if (b % 4 == 2)
		return 8 + b / 4 % 2000;
	return 8 + b / 4 % 32761;
}

static void do_create(const struct event *e)
{
	size_t size = some_size(e->b), align = e->c % 3 ? 0 : (size_t)1 << e->c / 3 % 11;
	struct kind *k = t.kinds;
	int err;

	while (k < t.kinds + KINDS && k->cache)
		k++;
	if (k == t.kinds + KINDS) {
		roost_cache_t *more;

		err = roost_cache_create(&more, t.slabs, "more", 64, 0, 0, NULL);
		TRUE(err == -ROOST_ENOSPC, "a cache too many: %d", err);
		return;
	}
	*k = (struct kind){.flags = e->a % 8 == 0 ? e->a / 8 % 4 : 0};
	k->constructed = e->a % 8 == 1;
	k->align = align ? align : (size & -size) < 16 ? size & -size : 16;
	t.guarded |= k->flags;
	err = roost_cache_create(&k->cache, t.slabs, "a cache", size, align, k->flags,
				 k->constructed ? construct : NULL);
	TELL("create of %u: size %zu, align %zu, flags %#x%s\n", number_of(k), size, align,
	     k->flags, k->constructed ? ", constructed" : "");
	TRUE(!err, "create: %d", err);
	roost_cache_stats(k->cache, &k->is);
	is_as_asked(k, size, k->align);
	nobody_used(k);
}

static void destroy(struct kind *k)
{
	uint64_t left = UINT64_MAX;
	int err = roost_cache_destroy(k->cache, &left);

	TELL("cpu %u: destroy of %u: %d, %llu left\n", t.cpu, number_of(k), err,
	     (unsigned long long)left);
	TRUE(left == k->live, "%llu objects left, not %llu", (unsigned long long)left,
	     (unsigned long long)k->live);
	TRUE(err == (k->live ? -ROOST_EBUSY : 0) || !truth_calm(&t), "destroy: %d", err);
	if (!err)
		k->cache = NULL;
}

static void do_destroy(const struct event *e)
{
	struct kind *k = some_kind(e->a);

	if (k && e->b % 2)
		free_all_of(k, 0);
	truth_before(&t);
	if (k)
		destroy(k);
}

/* ---- Others --------------------------------------------------------------------------------- */

static void do_block(const struct event *e)
{
	struct block *b = &t.blocks[t.nr_blocks];
	size_t offset;

	if (t.nr_blocks && (e->a % 2 || t.nr_blocks == BLOCKS)) {
		struct block gone = t.blocks[e->b % t.nr_blocks];

		t.nr_blocks--;
		t.blocks[e->b % (t.nr_blocks + 1)] = t.blocks[t.nr_blocks];
		roost_free(t.frames, gone.pfn, gone.order);
		offset = (gone.pfn - t.config.first) * t.page;
		memset(t.used + offset, FREE, t.page << gone.order);
		TELL("a block of order %u is free\n", gone.order);
		return;
	}
	b->order = e->b % 8;
	b->pfn = roost_alloc(t.frames, b->order, 0);
	TELL("a block of order %u: %#llx\n", b->order, (unsigned long long)b->pfn);
	if (b->pfn == ROOST_NONE)
		return;
	offset = (b->pfn - t.config.first) * t.page;
	for (size_t i = 0; i < t.page << b->order; i++)
		TRUE(t.used[offset + i] == FREE, "pages of objects were handed out");
	memset(t.used + offset, OTHERS, t.page << b->order);
	t.nr_blocks++;
}

static void do_recover(void)
{
	size_t n = roost_slabs_recover(t.slabs);

	TELL("recover\n");
	TRUE(!n, "at rest %zu slabs had to be recovered", n);
	for (unsigned i = 0; i < KINDS; i++)
		t.kinds[i].alone = false; /* what was full is open */
}

/* ---- Misuse --------------------------------------------------------------------------------- */

/* Where no object begins that is or could be out. In a slab of a home CPU a free of one that was
 * never handed out need not be found here. */
static char *nothing(const struct event *e)
{
	size_t at = (size_t)e->b * 8 % t.bytes;

	switch (e->c % 4) {
	case 0:
		return t.base + t.bytes + e->b % 4096;
	case 1:
		return t.base - 1 - e->b % 4096;
	case 2:
		return t.used[at] == OTHERS || ((t.shared || !t.homes) && t.used[at] != HEAD)
			       ? t.base + at
			       : NULL;
	default:
		return (char *)&t;
	}
}

static void do_wrong_free(const struct event *e)
{
	unsigned i = some_object(e->b, NULL);
	const struct kind *of = i < t.nr_objects ? &t.kinds[t.objects[i].kind] : NULL;
	struct kind *k = some_kind(e->a);
	char *at = NULL;

	if (!k)
		return;
	if (!of || e->c % 4 == 3)
		at = nothing(e);
	else if (e->c % 4 == 2 && of != k)
		at = t.objects[i].at; /* of another cache */
	else
		at = t.objects[i].at + 1 + e->b % (of->is.stride - 1);
	TELL("cpu %u: wrong free of %p as one of %u\n", t.cpu, (void *)at, number_of(k));
	if (!at)
		return;
	if (e->b % 3)
		roost_cache_free(k->cache, at);
	else
		roost_cache_free_bulk(k->cache, &(void *){at}, 1);
	truth_was_misused(&t, at, "a wrong free");
}

/* On one CPU, one after the other. */
static void do_double_free(const struct event *e)
{
	unsigned i = some_object(e->a, NULL);
	struct kind *k = i < t.nr_objects ? &t.kinds[t.objects[i].kind] : NULL;
	void *at = i < t.nr_objects ? t.objects[i].at : NULL;

	if (!k)
		return;
	free_one(k, i);
	if (!truth_calm(&t))
		return;
	roost_cache_free(k->cache, at);
	TELL("cpu %u: and again\n", t.cpu);
	truth_was_misused(&t, at, "a double free");
}

static void do_past_the_end(const struct event *e)
{
	unsigned i = some_object(e->a, NULL);
	const struct kind *k = i < t.nr_objects ? &t.kinds[t.objects[i].kind] : NULL;
	char *at = i < t.nr_objects ? t.objects[i].at : NULL;

	if (!k || !(k->flags & ROOST_CACHE_REDZONE))
		return;
	at[k->is.size + e->b % (k->is.stride - k->is.size)] = 1;
	roost_cache_free(k->cache, at);
	TELL("cpu %u: wrote past the end of %p\n", t.cpu, (void *)at);
	truth_was_misused(&t, at, "a write past the end");
}

static void do_wrong_flags(const struct event *e)
{
	unsigned flags = 1u << (e->b % 8 + 24) | ROOST_ATOMIC;
	struct kind *k = some_kind(e->a);
	void *one;

	if (!k)
		return;
	if (e->c % 2)
		TRUE(!roost_cache_alloc(k->cache, flags), "flags %#x are good", flags);
	else
		TRUE(!roost_cache_alloc_bulk(k->cache, flags, &one, 1), "flags %#x are good",
		     flags);
	truth_was_misused(&t, NULL, "wrong flags");
}

static void do_misuse(const struct event *e)
{
	switch (e->what >> 8 & 7) {
	case 0:
		do_wrong_flags(e);
		break;
	case 1:
	case 2:
		do_double_free(e);
		break;
	case 3:
		do_past_the_end(e);
		break;
	default:
		do_wrong_free(e);
	}
}

/* ---- Events --------------------------------------------------------------------------------- */

static int count_lines(void *context, const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		*(unsigned *)context += text[i] == '\n';
	return 0;
}

static void do_dump(void)
{
	unsigned lines = 0, caches = 0;

	for (unsigned i = 0; i < KINDS; i++)
		caches += t.kinds[i].cache != NULL;
	TRUE(!roost_slabs_dump(t.slabs, ROOST_SLABS_TEXT, count_lines, &lines), "no dump");
	TRUE(lines == caches + 1, "a dump of %u lines for %u caches", lines, caches);
}

static void do_event(const struct event *e)
{
	unsigned what = e->what & 0xff;

	if (what < 70)
		do_alloc(e);
	else if (what < 100)
		do_alloc_bulk(e);
	else if (what < 150)
		do_free(e);
	else if (what < 180)
		do_free_bulk(e);
	else if (what < 186)
		do_free_all(e);
	else if (what < 196)
		do_shrink(e);
	else if (what < EVENTS_CREATE)
		do_reclaim(e);
	else if (what < EVENTS_CREATE + 12)
		do_create(e);
	else if (what < 218)
		do_destroy(e);
	else if (what < 230)
		do_block(e);
	else if (what < 248)
		do_misuse(e);
	else if (what < 250)
		do_recover();
	else if (what < 252)
		do_dump();
	else
		t.no_pages = t.hooks && e->a % 2;
}

static void go(unsigned cpu)
{
	if (cpu != t.cpu)
		cpus_go(cpu);
	t.cpu = cpu;
}

void events_do(const struct event *e, unsigned number, bool strict)
{
	if (e->cpu % 4 == 0)
		go(e->cpu / 4 % t.config.nr_cpus);
	do_event(e);
	if (strict || number % 32 == 31)
		truth_search(&t);
	else if (number % 4 == 3)
		truth_compare(&t);
	truth_is_fine(&t);
}

void events_open(const uint32_t choices[TRUTH_CHOICES], bool aloud)
{
	verbose = aloud;
	truth_open(&t, choices);
	t.cpu = UINT32_MAX;
	go(0);
	TELL("%llu pages of %zu bytes from %#llx, %u CPUs, %u slabs, check level %u%s\n",
	     (unsigned long long)t.config.nr, t.page, (unsigned long long)t.config.first,
	     t.config.nr_cpus, t.config.nr_slabs, t.config.check_level, t.hooks ? ", hooks" : "");
}

void events_close(void)
{
	truth_search(&t);
	while (t.nr_objects)
		free_one(&t.kinds[t.objects[0].kind], 0);
	for (unsigned i = 0; i < KINDS; i++) {
		/* The kernel may break off one try. */
		for (unsigned n = 0; t.kinds[i].cache && n < 3; n++) {
			truth_before(&t);
			destroy(&t.kinds[i]);
		}
		TRUE(!t.kinds[i].cache, "a cache cannot be destroyed");
	}
	while (t.nr_blocks)
		do_block(&(struct event){.a = 1, .b = 0});
	truth_close(&t);
}
