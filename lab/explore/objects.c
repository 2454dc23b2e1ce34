/* SPDX-License-Identifier: MIT */
/* objects.c - see objects.h. */
#include "objects.h"

#include <stdio.h>
#include <string.h>

#include "log.h"
#include "memory.h"
#include "names.h"
#include "slab/slab.h"
#include "tool/common/say.h"
#include "world.h"

#define BASE ((uintptr_t)0x5a0000000000u) /* nothing is there */

enum { PAGE_SHIFT = 16, MOST_HELD = 64 };

/* An object in hand; of size 0: none. */
struct held {
	uint64_t at; /* from BASE on */
	uint32_t size, cache;
};

/* In the arena, but no part of what an execution comes to: the variables and the slabs say it. */
struct hands {
	struct held held[MOST_HELD];
	uint64_t begun, inside; /* calls; how many contexts are in one */
};

static struct roost_slabs *slabs;
static struct roost_cache *caches[SCENARIO_CACHES];
static unsigned nr_caches;
static struct hands *hands;
static uint32_t *contents; /* of each object: what its holder writes */
static uint32_t unit;	   /* bytes of the smallest of them */

/* ---- In hand ------------------------------------------------------------------------------- */

/* A holder writes to its object: as that of a frame does (world.c). */
static void write_object(const struct held *object)
{
	if (vm.current)
		race_access(&contents[object->at / unit], object->size / unit * sizeof(*contents),
			    true);
}

void objects_write(roost_pfn frame, uint64_t frames)
{
	size_t each = (1u << PAGE_SHIFT) / unit;

	if (nr_caches && vm.current)
		race_access(&contents[frame * each], frames * each * sizeof(*contents), true);
}

static struct held *held_at(uint64_t at, uint64_t size)
{
	for (unsigned i = 0; i < MOST_HELD; i++)
		if (hands->held[i].size && at < hands->held[i].at + hands->held[i].size &&
		    hands->held[i].at < at + size)
			return &hands->held[i];
	return NULL;
}

bool objects_on(roost_pfn frame)
{
	return nr_caches && held_at((uint64_t)frame << PAGE_SHIFT, (uint64_t)1 << PAGE_SHIFT);
}

static unsigned in_hand(unsigned cache)
{
	unsigned n = 0;

	for (unsigned i = 0; i < MOST_HELD; i++)
		n += hands->held[i].size && hands->held[i].cache == cache;
	return n;
}

static void describe(const struct held *object, char *text, size_t size)
{
	snprintf(text, size, "object %u of %s on frame %u",
		 (unsigned)(object->at % (1u << PAGE_SHIFT) / object->size),
		 world_scenario->caches[object->cache], (unsigned)(object->at >> PAGE_SHIFT));
}

static void mark(const struct held *object)
{
	uint64_t end = (uint64_t)world_scenario->pageblocks * 512 << PAGE_SHIFT;
	char name[64];
	unsigned i = 0;

	describe(object, name, sizeof(name));
	if (object->at >= end || object->at % object->size) {
		vm_fail(FAIL_DOUBLED, "no object", "what was handed out is no object: byte %llu",
			(unsigned long long)object->at);
		return;
	}
	if (held_at(object->at, object->size) || world->marks[object->at >> PAGE_SHIFT])
		vm_fail(FAIL_DOUBLED, "object",
			"%s was handed out though somebody holds it, or something there", name);
	while (i < MOST_HELD && hands->held[i].size)
		i++;
	if (i < MOST_HELD)
		hands->held[i] = *object;
	write_object(object);
}

/* A context that does not hold the object has no business there. */
static void unmark(const struct held *object)
{
	struct held *held = held_at(object->at, object->size);

	if (!held)
		return;
	write_object(held);
	held->size = 0;
}

/* ---- Values -------------------------------------------------------------------------------- */

static uint64_t value_of_object(unsigned cache, const void *object)
{
	return VALUE_OBJECT | (uint64_t)cache << 48 | ((uintptr_t)object - BASE + 1);
}

static struct held object_of(uint64_t value)
{
	unsigned cache = value >> 48 & 0xff;

	return (struct held){.at = (value & ((UINT64_C(1) << 48) - 1)) - 1,
			     .size = (unsigned)caches[cache]->stride,
			     .cache = cache};
}

static void got(struct context *c, unsigned variable, unsigned cache, const void *object)
{
	uint64_t value = object ? value_of_object(cache, object) : VALUE_NONE;
	char name[64] = "none";

	if (object) {
		struct held held = object_of(value);

		describe(&held, name, sizeof(name));
		mark(&held);
	}
	if (c)
		log_line(c, "   %s is %s", world_name(variable), name);
	world_set(variable, value);
}

/* ---- Calls --------------------------------------------------------------------------------- */

/* So that an allocation that fails knows whether others could have the last objects in hand. */
struct entry {
	uint64_t begun;
	bool alone;
	int step;
};

static struct entry enter(void)
{
	return (struct entry){++hands->begun, hands->inside++ == 0, vm.nr_steps};
}

/* Was the call alone, and read nothing but the newest? */
static bool was_alone(const struct context *c, const struct entry *e)
{
	hands->inside--;
	for (int i = e->step; c && i < vm.nr_steps; i++)
		if (vm.steps[i].context == c->id && vm.steps[i].older)
			return false;
	return e->alone && hands->begun == e->begun;
}

static struct roost_cache_stats stats_of(unsigned cache)
{
	struct context *c = vm.current;
	struct roost_cache_stats stats;

	vm.current = NULL; /* only looks */
	roost_cache_stats(caches[cache], &stats);
	vm.current = c;
	return stats;
}

static void do_alloc(struct context *c, const struct statement *s)
{
	unsigned cache = (unsigned)s->number, n = s->nr_variables;
	void *objects[SCENARIO_ARGUMENTS] = {0};
	struct entry entry = enter();
	struct roost_cache_stats stats;
	size_t there;

	if (s->verb == VERB_OALLOC)
		there = (objects[0] = roost_cache_alloc(caches[cache], s->flags)) ? 1 : 0;
	else
		there = roost_cache_alloc_bulk(caches[cache], s->flags, objects, n);
	if (was_alone(c, &entry) && there < n) {
		stats = stats_of(cache);
		if (stats.allocated < stats.objects)
			vm_fail(FAIL_ASSERT, "failed",
				"%s failed though %llu objects are free and nobody else is inside",
				s->text, (unsigned long long)(stats.objects - stats.allocated));
	}
	for (unsigned i = 0; i < n; i++)
		got(c, s->variables[i], cache, i < there ? objects[i] : NULL);
}

static void do_free(struct context *c, const struct statement *s, unsigned first, unsigned n)
{
	void *objects[SCENARIO_ARGUMENTS];
	unsigned cache = 0, there = 0;
	struct entry entry;

	for (unsigned i = first; i < first + n; i++) {
		uint64_t value = world_get(s->variables[i]);
		struct held object;

		if (!has_block(value))
			continue;
		object = object_of(value);
		cache = object.cache;
		objects[there++] = (void *)(BASE + object.at);
		unmark(&object);
	}
	entry = enter();
	if (s->verb == VERB_OFREE_BULK)
		roost_cache_free_bulk(caches[cache], objects, there);
	else if (there)
		roost_cache_free(caches[cache], objects[0]);
	was_alone(c, &entry);
	if (c && there)
		log_line(c, "   freed");
}

void objects_do(struct context *c, const struct statement *s, unsigned i)
{
	struct entry entry;
	size_t pages;

	if (s->verb == VERB_OALLOC || s->verb == VERB_OALLOC_BULK) {
		do_alloc(c, s);
	} else if (s->verb == VERB_SHRINK) {
		entry = enter();
		pages = roost_cache_shrink(caches[s->number]);
		was_alone(c, &entry);
		if (c)
			log_line(c, "   %lu pages given back", (unsigned long)pages);
	} else {
		do_free(c, s, i, s->verb == VERB_OFREE_BULK ? s->nr_variables : 1);
	}
}

static void heard(void *context, const char *call, const roost_cache_t *cache, const void *object,
		  const char *what)
{
	(void)context;
	(void)cache;
	ACCESS_HERE();
	if (vm.current)
		log_line(vm.current, "   %s: %s", call, what);
	world_heard(SCENARIO_OBJECT_MISUSE,
		    object ? (long long)(((uintptr_t)object - BASE) >> PAGE_SHIFT) : -1);
}

/* ---- Start and end ------------------------------------------------------------------------- */

static bool make_caches(const struct scenario *s)
{
	unit = 1u << PAGE_SHIFT;
	for (nr_caches = 0; nr_caches < s->nr_caches; nr_caches++) {
		uint32_t size = (1u << PAGE_SHIFT) / s->objects[nr_caches];

		if (roost_cache_create(&caches[nr_caches], slabs, s->caches[nr_caches], size, size,
				       0, NULL) ||
		    caches[nr_caches]->objects != s->objects[nr_caches] || caches[nr_caches]->order)
			return false;
		unit = size < unit ? size : unit;
		for (unsigned cpu = 0; cpu < s->config.nr_cpus; cpu++) {
			struct rst_cache_cpu *of = &caches[nr_caches]->cpus[cpu];

			vm_ignore(&of->made, sizeof(of->made));
			vm_ignore(&of->released, sizeof(of->released));
			vm_ignore(&of->stolen, sizeof(of->stolen));
			vm_ignore(&of->failed, sizeof(of->failed));
		}
	}
	return true;
}

bool objects_start(const struct scenario *s, const struct roost_config *config)
{
	struct roost_slabs_config own = ROOST_SLABS_CONFIG_INIT;
	size_t size;
	void *metadata;

	nr_caches = 0;
	if (!s->nr_caches)
		return true;
	own.frames = pool;
	own.base = (void *)BASE;
	own.nr = (uint64_t)s->pageblocks * 512;
	own.page_shift = PAGE_SHIFT;
	own.nr_cpus = config->nr_cpus;
	own.nr_caches = s->nr_caches;
	own.nr_slabs = s->slabs;
	own.check_level = config->check_level;
	own.misuse = heard;
	size = roost_slabs_metadata_size(&own);
	hands = vm_alloc(sizeof(*hands), 64);
	vm_ignore(hands, sizeof(*hands));
	metadata = vm_alloc(size, 64);
	if (!size || roost_slabs_init(&slabs, &own, metadata, size) || !make_caches(s)) {
		say_error("%s: the caches: %s", s->file,
			  roost_slabs_config_error(&own) ? roost_slabs_config_error(&own) : "?");
		return false;
	}
	contents = vm_alloc((own.nr << PAGE_SHIFT) / unit * sizeof(*contents), 64);
	engine_register(slabs->numbers, "number ");
	return true;
}

uint64_t objects_frames(void)
{
	uint64_t frames = 0;

	for (unsigned i = 0; i < nr_caches; i++)
		frames += stats_of(i).slabs;
	return frames;
}

bool objects_judge(void)
{
	struct roost_violation violation;

	if (nr_caches && roost_slabs_validate(slabs, &violation) != 0)
		world_violated(&violation);
	for (unsigned i = 0; i < nr_caches && !vm.failure.kind; i++)
		if (stats_of(i).allocated != in_hand(i))
			vm_fail(FAIL_INVARIANT, "objects lost",
				"%llu objects of %s count as allocated, but %u are in hand",
				(unsigned long long)stats_of(i).allocated,
				world_scenario->caches[i], in_hand(i));
	return !vm.failure.kind;
}

/* ---- Names --------------------------------------------------------------------------------- */

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const struct field slab_fields[] = {
	{offsetof(struct rst_slab, local), sizeof(((struct rst_slab *)0)->local), "L"},
	{offsetof(struct rst_slab, remote), sizeof(((struct rst_slab *)0)->remote), "R"},
	FIELD(rst_slab, place),
	FIELD(rst_slab, base),
	FIELD(rst_slab, cache)};
static const struct field cpu_fields[] = {FIELD(rst_cache_cpu, nr), FIELD(rst_cache_cpu, object),
					  FIELD(rst_cache_cpu, current),
					  FIELD(rst_cache_cpu, cursor)};

bool objects_address(const void *address, char *text, size_t size)
{
	static const char *const hints[] = {"hints", "hints'", "hints''"};
	char cpus[SCENARIO_NAME + 8];

	if (!nr_caches)
		return false;
	for (unsigned i = 0; i < nr_caches; i++) {
		const struct array array = {cpus,	    caches[i]->cpus,
					    slabs->nr_cpus, sizeof(struct rst_cache_cpu),
					    cpu_fields,	    COUNT_OF(cpu_fields)};

		snprintf(cpus, sizeof(cpus), "%s.cpu", world_scenario->caches[i]);
		if (name_address(&array, 1, address, text, size))
			return true;
	}
	const struct array arrays[] = {
		{"slab", slabs->slab, slabs->nr_slabs, sizeof(struct rst_slab), slab_fields,
		 COUNT_OF(slab_fields)},
		{"slab_of", slabs->slab_of, slabs->nr_pages, sizeof(uint32_t), NULL, 0},
		{"contents of an object, ", contents, (slabs->nr_pages << PAGE_SHIFT) / unit,
		 sizeof(*contents), NULL, 0},
	};

	return name_hint(&slabs->hints, hints, address, text, size) ||
	       name_address(arrays, COUNT_OF(arrays), address, text, size);
}
