/* SPDX-License-Identifier: MIT */
/*
 * cut.c - fork() while another thread is inside of a call: each call of the engine sets is stopped
 * before each of its stores in turn, and roost_recover() must make the metadata right.
 *
 * A block that a free had begun to free is allocated or free; one that was being split is whole or
 * completely split; one of which a part was being freed is whole, or the part is free and the rest
 * is allocated; what was being merged is in pieces, or one block; what an allocation had entered is
 * allocated, and nothing else has changed. A range that was being removed or added is present or
 * absent.
 */
#include "sets/engine.h"

#include <stdlib.h>
#include <string.h>

#include "harness.h"

#include "count.h"

enum {
	CPUS = 2,
	HELD = 512,
	FRAMES = 5 * BLOCK,
	MOST = 6, /* stores at which a call is stopped, of each kind */
};

static jmp_buf gone;
static struct cut *cutting; /* for what comes in between */

static void stop(void)
{
	longjmp(gone, 1);
}

/* A rig, and how it was before the call. */
struct cut {
	struct rig rig;
	void *metadata;
	struct roost_block held[HELD]; /* as the shadow has them */
	unsigned nr_held;
	bool concerned[HELD]; /* the call may free or split it */
	int split_to;	      /* of the concerned one; -1: it is freed or nothing */
	int order;	      /* of what the call may allocate; -1: nothing */
	bool merged;	      /* all that is held may be one block of that order */
	roost_pfn plug;	      /* a range that the call may make absent */
	uint64_t plug_frames; /* 0: none */
};

static void add_held(void *context, roost_pfn pfn, unsigned order)
{
	struct cut *c = context;

	assert_in_range(c->nr_held, 0, HELD - 1);
	c->held[c->nr_held++] = (struct roost_block){pfn, order};
}

static void forget(void)
{
	counted.on_stop = NULL;
}

/* Blocks of all kinds, free runs of all kinds, frames in both pockets. */
static void open_cut(struct cut *c, void *const *state, uint64_t frames, unsigned max_order,
		     uint64_t reserve)
{
	struct roost_range range = {3, 3 + frames, 0, 0};
	struct roost_zone_config zone = {.reserve = reserve};
	struct roost_config config = rig_config(state);

	if (max_order > ROOST_DEFAULT_MAX_ORDER)
		range = (struct roost_range){0, frames, 0, 0};
	forget();
	memset(c, 0, sizeof(*c));
	config.ranges = &range;
	config.nr_ranges = 1;
	config.zones = &zone;
	config.nr_zones = 1;
	config.nr_cpus = CPUS;
	config.max_order = max_order;
	rig_open(&c->rig, &config);
	c->rig.roost->base.pressure = NULL;
	c->metadata = malloc(c->rig.metadata_size);
	assert_non_null(c->metadata);
}

static void fill(struct rig *rig)
{
	roost_pfn odd[2 * 8];
	unsigned n = 0;

	for (unsigned cpu = 0; cpu < CPUS; cpu++) {
		rig_cpu(rig, cpu);
		for (unsigned order = 0; order < 8; order++) {
			odd[n++] = rig_get(rig, order, order % RST_TYPES);
			rig_get(rig, order, order % RST_TYPES);
		}
	}
	for (unsigned i = 0; i < n; i += 2) {
		rig_cpu(rig, i / 2);
		rig_free(rig, odd[i]);
	}
	rig_cpu(rig, 0);
}

static void save_metadata(struct cut *c)
{
	memcpy(c->metadata, c->rig.metadata, c->rig.metadata_size);
}

static void save(struct cut *c)
{
	c->nr_held = 0;
	memset(c->concerned, 0, sizeof(c->concerned));
	c->split_to = c->order = -1;
	shadow_each(&c->rig.shadow, add_held, c);
	save_metadata(c);
}

static void close_cut(struct cut *c)
{
	free(c->metadata);
	rig_close(&c->rig);
}

/* ---- Afterwards -------------------------------------------------------------------------- */

static unsigned find(const struct cut *c, roost_pfn pfn)
{
	unsigned i = 0;

	while (i < c->nr_held && c->held[i].pfn + ((roost_pfn)1 << c->held[i].order) <= pfn)
		i++; /* ascending */
	return i;
}

/* Part of the block i, which was being split: all of it must be. */
static uint64_t check_split(const struct cut *c, unsigned i)
{
	for (roost_pfn part = 0; part < (roost_pfn)1 << c->held[i].order;
	     part += (roost_pfn)1 << c->split_to)
		if (roost_order(c->rig.roost, c->held[i].pfn + part) != c->split_to)
			fail_msg("a split block: part %u is not allocated", (unsigned)part);
	return (uint64_t)1 << c->held[i].order;
}

/* The frames of an allocated block that begins at pfn; it may be there. */
static uint64_t check_block(const struct cut *c, roost_pfn pfn, unsigned order)
{
	unsigned i = find(c, pfn);

	if (c->merged && (int)order == c->order && pfn == c->held[0].pfn)
		return (uint64_t)1 << order;
	if (i < c->nr_held && c->held[i].pfn == pfn) {
		if (c->held[i].order == order)
			return (uint64_t)1 << order;
		if (c->concerned[i] && (int)order == c->split_to)
			return check_split(c, i);
	} else if ((int)order == c->order &&
		   (i == c->nr_held || pfn + ((roost_pfn)1 << order) <= c->held[i].pfn)) {
		return (uint64_t)1 << order;
	}
	fail_msg("a block of order %u at %u, which is none", order, (unsigned)pfn);
	return 0;
}

/* Every block that was there is there but for the concerned; how many frames are allocated. */
static uint64_t check_blocks(const struct cut *c)
{
	const struct shadow_range *range = &c->rig.shadow.ranges[0];
	uint64_t frames = 0, size;

	for (roost_pfn pfn = range->start; pfn < range->end; pfn += size) {
		int order = roost_order(c->rig.roost, pfn);
		uint64_t found = order >= 0 ? check_block(c, pfn, (unsigned)order) : 0;

		frames += found;
		size = found ? found : 1;
	}
	for (unsigned i = 0; i < c->nr_held; i++)
		if (roost_order(c->rig.roost, c->held[i].pfn) < 0 &&
		    (!c->concerned[i] || c->split_to >= 0))
			fail_msg("the block at %u is gone", (unsigned)c->held[i].pfn);
	return frames;
}

/* All that is free can be allocated. */
static void take_rest(struct cut *c, uint64_t free)
{
	static roost_pfn pfns[1 << 12];

	assert_in_range(free, 0, LENGTH(pfns) - 1);
	for (roost_pfn pfn = 0; pfn < c->rig.shadow.ranges[0].end; pfn += BLOCK) {
		int err = roost_isolate(c->rig.roost, pfn | (BLOCK - 1), false);

		(void)err; /* it was none, or is put back now */
	}
	assert_int_equal(roost_alloc_bulk(c->rig.roost, 0, ROOST_RESERVE, pfns, LENGTH(pfns)),
			 free);
}

/* The range is absent, or not. Then it is there. */
static void check_plug(struct cut *c)
{
	uint64_t all = shadow_managed(&c->rig.shadow, 0);
	struct roost_zone_info info;
	bool absent;

	assert_int_equal(roost_zone_info(c->rig.roost, 0, &info), 0);
	absent = info.managed != all;
	assert_int_equal(info.managed, absent ? all - c->plug_frames : all);
	if (c->plug_frames)
		assert_int_equal(roost_add_range(c->rig.roost, c->plug, c->plug_frames),
				 absent ? 0 : -ROOST_EEXIST);
	assert_int_equal(roost_validate(c->rig.roost, NULL), 0);
}

static void after(struct cut *c)
{
	struct roost_violation v;
	uint64_t free;

	roost_recover(c->rig.roost);
	if (roost_validate(c->rig.roost, &v))
		fail_msg("violated: %s (pfn %u)", v.invariant, (unsigned)v.pfn);
	check_plug(c);
	free = shadow_managed(&c->rig.shadow, 0) - check_blocks(c);
	assert_int_equal(roost_free_frames(c->rig.roost, 0, NULL), free);
	assert_int_equal(roost_recover(c->rig.roost), 0);
	if (free < 1 << 12)
		take_rest(c, free);
	rig_expect_none(&c->rig);
}

/* ---- Calls ------------------------------------------------------------------------------- */

typedef void call_fn(struct cut *c, unsigned n);

/* Stops the call before each of the first and last stores, n of each, and of as many between. */
static void cut_each(struct cut *c, const char *name, call_fn *call, unsigned n, unsigned most)
{
	volatile unsigned at = 0;
	unsigned all;

	counted.stores = 0;
	call(c, n);
	all = counted.stores;
	while (at <= all) {
		memcpy(c->rig.metadata, c->metadata, c->rig.metadata_size);
		counted.stores = 0;
		counted.stop_after = at;
		counted.on_stop = stop;
		if (!setjmp(gone))
			call(c, n);
		forget();
		rig_cpu(&c->rig, 0);
		after(c);
		at += at < most || at + 2 * most >= all ? 1 : (all - most) / most;
	}
	memcpy(c->rig.metadata, c->metadata, c->rig.metadata_size);
	print_message("%s %u%s: %u stores\n", name, n, counted.pockets ? ", pockets" : "", all);
}

static void call_alloc(struct cut *c, unsigned order)
{
	roost_pfn pfn = roost_alloc(c->rig.roost, order, ROOST_RESERVE);

	(void)pfn; /* gone with the caller */
}

static void call_bulk(struct cut *c, unsigned order)
{
	roost_pfn pfns[100];
	size_t n = roost_alloc_bulk(c->rig.roost, order, 0, pfns, LENGTH(pfns));

	(void)n;
}

static void call_rest(struct cut *c, unsigned block)
{
	uint64_t frames[ROOST_PAGEBLOCK_WORDS];

	roost_alloc_rest(c->rig.roost, block * BLOCK + BLOCK / 2, frames);
}

/* The last free block of that order, by its address. */
static void call_range(struct cut *c, unsigned order)
{
	roost_pfn size = UINT64_C(1) << order, pfn = c->rig.shadow.ranges[0].end & ~(size - 1);

	do
		pfn -= size;
	while (pfn && !shadow_is_free(&c->rig.shadow, pfn, order));
	assert_int_equal(roost_take_range(c->rig.roost, pfn, size), 0);
}

static void call_plug(struct cut *c, unsigned out)
{
	if (out)
		assert_int_equal(roost_remove_range(c->rig.roost, c->plug, c->plug_frames), 0);
	else
		assert_int_equal(roost_add_range(c->rig.roost, c->plug, c->plug_frames), 0);
}

static void call_free(struct cut *c, unsigned i)
{
	roost_free(c->rig.roost, c->held[i].pfn, c->held[i].order);
}

static void call_free_all(struct cut *c, unsigned n)
{
	roost_free_bulk(c->rig.roost, c->held, n);
}

static void call_split(struct cut *c, unsigned i)
{
	assert_int_equal(
		roost_split(c->rig.roost, c->held[i].pfn, c->held[i].order, (unsigned)c->split_to),
		0);
}

/* A piece of the block i, which is split completely or not at all. */
static void call_merge(struct cut *c, unsigned i)
{
	assert_int_equal(roost_merge(c->rig.roost, c->held[i].pfn, (unsigned)c->order), 0);
}

static void call_drain(struct cut *c, unsigned cpu)
{
	roost_drain(c->rig.roost, (int)cpu - 1);
}

static void call_off_and_on(struct cut *c, unsigned cpu)
{
	assert_int_equal(roost_cpu_offline(c->rig.roost, cpu), 0);
	assert_int_equal(roost_cpu_online(c->rig.roost, cpu), 0);
}

static void call_apart_and_back(struct cut *c, unsigned block)
{
	assert_int_equal(roost_isolate(c->rig.roost, block * BLOCK + 7, true), 0);
	assert_int_equal(roost_isolate(c->rig.roost, block * BLOCK + 7, false), 0);
}

/* ---- Tests ------------------------------------------------------------------------------- */

static void with_and_without_pockets(void *const *state, uint64_t reserve,
				     void (*test)(struct cut *c))
{
	static struct cut c;

	for (unsigned pockets = 0; pockets < 2; pockets++) {
		counted = (struct counted){.pockets = pockets};
		open_cut(&c, state, FRAMES, 0, reserve);
		fill(&c.rig);
		save(&c);
		test(&c);
		close_cut(&c);
	}
	counted.pockets = false;
}

static void cut_alloc(struct cut *c)
{
	for (unsigned order = 0; order <= ROOST_DEFAULT_MAX_ORDER; order++) {
		c->order = (int)order;
		cut_each(c, "alloc", call_alloc, order, MOST);
		if (order % 3 == 0)
			cut_each(c, "bulk", call_bulk, order, MOST);
		if (order % 3 == 0 && order < 9)
			cut_each(c, "range", call_range, order, MOST);
	}
	c->order = 0;
	for (unsigned block = 0; block < FRAMES / BLOCK; block += 2)
		cut_each(c, "rest", call_rest, block, MOST);
}

static void allocations(void **state)
{
	with_and_without_pockets(state, 0, cut_alloc);
	with_and_without_pockets(state, 600, cut_alloc);
}

static void cut_free(struct cut *c)
{
	for (unsigned i = 0; i < c->nr_held; i++) {
		c->concerned[i] = true;
		cut_each(c, "free", call_free, i, MOST);
		c->concerned[i] = false;
	}
	memset(c->concerned, true, sizeof(c->concerned));
	cut_each(c, "free of all", call_free_all, c->nr_held, MOST);
}

static void frees(void **state)
{
	with_and_without_pockets(state, 0, cut_free);
	with_and_without_pockets(state, 600, cut_free);
}

static void cut_split(struct cut *c)
{
	for (unsigned i = 0; i < c->nr_held; i++)
		for (unsigned to = 0; to <= c->held[i].order; to += 3) {
			c->concerned[i] = true;
			c->split_to = (int)to;
			cut_each(c, "split", call_split, i, MOST);
			c->concerned[i] = false;
		}
}

/* Of pieces of one order: all of them are there, or the block. */
static void merges(void **state)
{
	static struct cut c;
	roost_pfn pfn;

	counted = (struct counted){.pockets = false};
	open_cut(&c, state, 1 << 12, ROOST_DEFAULT_MAX_ORDER + 1, 0);
	pfn = rig_get(&c.rig, ROOST_DEFAULT_MAX_ORDER, 0);
	for (unsigned to = 6; to < 9; to++) {
		rig_split(&c.rig, pfn, to);
		save(&c);
		c.order = ROOST_DEFAULT_MAX_ORDER;
		memset(c.concerned, true, sizeof(c.concerned));
		c.merged = true;
		cut_each(&c, "merge", call_merge, 0, 8);
		c.merged = false;
		rig_merge(&c.rig, pfn, ROOST_DEFAULT_MAX_ORDER);
	}
	close_cut(&c);
}

static void splits(void **state)
{
	with_and_without_pockets(state, 0, cut_split);
}

static void cut_others(struct cut *c)
{
	for (unsigned cpu = 0; cpu < CPUS; cpu++) {
		cut_each(c, "drain", call_drain, cpu, MOST);
		cut_each(c, "off-line and on-line", call_off_and_on, cpu, MOST);
	}
	for (unsigned block = 0; block < 4; block++)
		cut_each(c, "apart and back", call_apart_and_back, block, MOST);
}

static void others(void **state)
{
	with_and_without_pockets(state, 0, cut_others);
}

/* Whole pageblocks, one that is isolated, and an odd end that is a CPU's; out, and in again. */
static void plugs(void **state)
{
	static const struct {
		roost_pfn pfn;
		uint64_t frames;
	} ranges[] = {{BLOCK, BLOCK}, {BLOCK, 2 * BLOCK}, {3, BLOCK - 3}, {3, 3 * BLOCK - 3}};
	static struct cut c;

	counted = (struct counted){.pockets = false};
	open_cut(&c, state, FRAMES, 0, 0);
	rig_take_all(&c.rig, 0, ROOST_UNMOVABLE);
	rig_free_all(&c.rig);
	assert_int_equal(rig_take_range(&c.rig, 3 * BLOCK + 5, 100), 0);
	assert_int_equal(roost_isolate(c.rig.roost, 2 * BLOCK, true), 0);
	for (unsigned i = 0; i < LENGTH(ranges); i++) {
		c.plug = ranges[i].pfn;
		c.plug_frames = ranges[i].frames;
		save(&c);
		cut_each(&c, "remove", call_plug, 1, 3 * MOST);
		assert_int_equal(roost_remove_range(c.rig.roost, c.plug, c.plug_frames), 0);
		save(&c);
		cut_each(&c, "add", call_plug, 0, 3 * MOST);
		assert_int_equal(roost_add_range(c.rig.roost, c.plug, c.plug_frames), 0);
	}
	close_cut(&c);
}

/* ---- Blocks whose size is no power of two -------------------------------------------------- */

/* One of them, and what a call that is cut makes of it. */
static struct odd_cut {
	roost_pfn pfn;
	uint64_t n;
} odd_cut;

/* What is allocated in blocks, and none of it begins inside another. */
static uint64_t frames_in_blocks(const struct cut *c, roost_pfn from, roost_pfn to)
{
	uint64_t frames = 0, n;

	for (roost_pfn pfn = from; pfn < to; pfn += n ? n : 1) {
		n = roost_frames(c->rig.roost, pfn);
		frames += n;
	}
	return frames;
}

/* All of the block is allocated, as one or in all its pieces, or none of it. */
static void after_odd(struct cut *c, bool allocates)
{
	const struct shadow_range *range = &c->rig.shadow.ranges[0];
	uint64_t taken = shadow_taken(&c->rig.shadow, 0), n = odd_cut.n, all, here;
	struct roost_violation v;

	roost_recover(c->rig.roost);
	if (roost_validate(c->rig.roost, &v))
		fail_msg("violated: %s (pfn %u)", v.invariant, (unsigned)v.pfn);
	all = frames_in_blocks(c, range->start, range->end);
	here = frames_in_blocks(c, odd_cut.pfn, odd_cut.pfn + n);
	assert_true(all == taken || all == (allocates ? taken + n : taken - n));
	assert_true(allocates ? here == n : here == n || all == taken - n);
	assert_int_equal(roost_free_frames(c->rig.roost, 0, NULL),
			 shadow_managed(&c->rig.shadow, 0) - all);
	assert_int_equal(roost_recover(c->rig.roost), 0);
	rig_expect_none(&c->rig);
}

static void call_alloc_n(struct cut *c, unsigned n)
{
	roost_pfn pfn = roost_alloc_n(c->rig.roost, n, ROOST_RESERVE);

	(void)pfn; /* gone with the caller */
}

static void call_free_n(struct cut *c, unsigned n)
{
	roost_free_n(c->rig.roost, odd_cut.pfn, n);
}

static void call_split_n(struct cut *c, unsigned n)
{
	assert_int_equal(roost_split_n(c->rig.roost, odd_cut.pfn, n), 0);
}

/* Stops the call before each of its stores; check looks at what is left. */
static void cut_every(struct cut *c, const char *name, call_fn *call, unsigned n,
		      void (*check)(struct cut *c, unsigned n))
{
	volatile unsigned at = 0;
	unsigned all;

	counted.stores = 0;
	call(c, n);
	for (all = counted.stores; at <= all; at++) {
		memcpy(c->rig.metadata, c->metadata, c->rig.metadata_size);
		counted.stores = 0;
		counted.stop_after = at;
		counted.on_stop = stop;
		if (!setjmp(gone))
			call(c, n);
		forget();
		rig_cpu(&c->rig, 0);
		check(c, n);
	}
	memcpy(c->rig.metadata, c->metadata, c->rig.metadata_size);
	print_message("%s %u%s: %u stores\n", name, n, counted.pockets ? ", pockets" : "", all);
}

static void after_alloc_n(struct cut *c, unsigned n)
{
	(void)n;
	after_odd(c, true);
}

static void after_free_n(struct cut *c, unsigned n)
{
	(void)n;
	after_odd(c, false);
}

static void cut_odd_sizes(struct cut *c, const unsigned *sizes, size_t nr)
{
	for (unsigned i = 0; i < nr; i++) {
		odd_cut.n = sizes[i];
		odd_cut.pfn = rig_get_n(&c->rig, sizes[i], i % RST_TYPES);
		save_metadata(c);
		cut_every(c, "alloc-n", call_alloc_n, sizes[i], after_alloc_n);
		cut_every(c, "free-n", call_free_n, sizes[i], after_free_n);
		cut_every(c, "split-n", call_split_n, sizes[i], after_free_n);
		rig_free(&c->rig, odd_cut.pfn);
	}
}

static void cut_odd(struct cut *c)
{
	static const unsigned sizes[] = {3, 5, 6, 7, 20, 56, 80, 224};

	cut_odd_sizes(c, sizes, LENGTH(sizes));
}

static void odd_sizes(void **state)
{
	static const unsigned large[] = {320, 448, 640, 768, 1792};
	static struct cut c;

	with_and_without_pockets(state, 0, cut_odd);
	with_and_without_pockets(state, 600, cut_odd);
	open_cut(&c, state, 1 << 12, ROOST_DEFAULT_MAX_ORDER + 1, 0);
	cut_odd_sizes(&c, large, LENGTH(large));
	close_cut(&c);
}

/* ---- Parts and pieces ---------------------------------------------------------------------- */

/* A part of a block; or the pieces that are to be one. */
static struct part_cut {
	roost_pfn head, pfn;
	uint64_t n; /* frames of all of it */
} part_cut;

static void must_be_right(struct cut *c, uint64_t allocated)
{
	struct roost_violation v;

	if (roost_validate(c->rig.roost, &v))
		fail_msg("violated: %s (pfn %u)", v.invariant, (unsigned)v.pfn);
	assert_int_equal(roost_free_frames(c->rig.roost, 0, NULL),
			 shadow_managed(&c->rig.shadow, 0) - allocated);
	assert_int_equal(roost_recover(c->rig.roost), 0);
	rig_expect_none(&c->rig);
}

static void call_free_part(struct cut *c, unsigned order)
{
	roost_free_part(c->rig.roost, part_cut.pfn, order);
}

/* The part is free, and all else of the block is allocated; or all of it. */
static void after_free_part(struct cut *c, unsigned order)
{
	const struct shadow_range *range = &c->rig.shadow.ranges[0];
	uint64_t size = UINT64_C(1) << order, taken = shadow_taken(&c->rig.shadow, 0), all;

	roost_recover(c->rig.roost);
	all = frames_in_blocks(c, range->start, range->end);
	assert_true(all == taken || all == taken - size);
	assert_int_equal(frames_in_blocks(c, part_cut.head, part_cut.head + part_cut.n),
			 part_cut.n - (taken - all));
	for (roost_pfn pfn = part_cut.pfn; pfn < part_cut.pfn + size; pfn++)
		assert_true((roost_free_order(c->rig.roost, pfn) >= 0) == (all != taken));
	must_be_right(c, all);
}

/* The first, the last, and one in the middle, of each order. */
static void cut_parts_of(struct cut *c, uint64_t n)
{
	roost_pfn head = rig_get_n(&c->rig, n, 0);

	part_cut.head = head;
	part_cut.n = n;
	save_metadata(c);
	for (unsigned order = 0; UINT64_C(1) << order <= n; order += n > 8 ? 3 : 1) {
		roost_pfn size = UINT64_C(1) << order, first = (head + size - 1) & ~(size - 1);
		roost_pfn parts = (head + n - first) / size, step = parts > 2 ? (parts - 1) / 2 : 1;

		for (part_cut.pfn = first; part_cut.pfn + size <= head + n;
		     part_cut.pfn += step * size)
			cut_every(c, "free-part", call_free_part, order, after_free_part);
	}
	rig_free(&c->rig, head);
}

static void cut_parts(struct cut *c)
{
	static const unsigned sizes[] = {1, 4, 128, 7, 80};

	for (unsigned i = 0; i < LENGTH(sizes); i++)
		cut_parts_of(c, sizes[i]);
}

static void parts(void **state)
{
	static const unsigned large[] = {512, 2048, 448, 1280};
	static struct cut c;

	with_and_without_pockets(state, 0, cut_parts);
	counted = (struct counted){.pockets = false};
	open_cut(&c, state, 1 << 12, ROOST_DEFAULT_MAX_ORDER + 1, 600);
	for (unsigned i = 0; i < LENGTH(large); i++)
		cut_parts_of(&c, large[i]);
	close_cut(&c);
}

static void call_merge_pieces(struct cut *c, unsigned order)
{
	int err = roost_merge(c->rig.roost, part_cut.head, order);

	assert_true(!err || err == -ROOST_EAGAIN);
}

/* As many pieces as there were, where they were; or one block. */
static void after_merge(struct cut *c, unsigned order)
{
	const struct shadow_range *range = &c->rig.shadow.ranges[0];
	roost_pfn head = part_cut.head;

	roost_recover(c->rig.roost);
	if (roost_order(c->rig.roost, head) != (int)order)
		for (roost_pfn pfn = head; pfn < head + part_cut.n; pfn++)
			assert_int_equal(roost_frames(c->rig.roost, pfn),
					 shadow_frames(&c->rig.shadow, pfn));
	assert_int_equal(frames_in_blocks(c, head, head + part_cut.n), part_cut.n);
	must_be_right(c, frames_in_blocks(c, range->start, range->end));
}

/* Pieces of unlike sizes, one of them no power of two: the range begins with a block of five frames
 * and has blocks of each order up to the largest. */
static void open_pieces(struct cut *c, void *const *state, unsigned order)
{
	roost_pfn five;

	counted = (struct counted){.pockets = false};
	open_cut(c, state, 1 << 12, ROOST_DEFAULT_MAX_ORDER + 1, 0);
	five = rig_get_n(&c->rig, 5, 0);
	part_cut.head = part_cut.pfn = five;
	part_cut.n = UINT64_C(1) << order;
	assert_int_equal(five & (part_cut.n - 1), 0);
	assert_int_equal(rig_take_range(&c->rig, five + 5, part_cut.n - 5), 0);
	save_metadata(c);
}

static void merges_of_unlike_pieces(void **state)
{
	static struct cut c;

	for (unsigned order = 3; order <= 10; order++) {
		open_pieces(&c, state, order);
		cut_every(&c, "merge of pieces", call_merge_pieces, order, after_merge);
		close_cut(&c);
	}
}

/* The piece that another CPU frees, though it is not its own, just before the nth store. */
static roost_pfn stray;

static void free_stray(void)
{
	struct cut *c = cutting;
	uint64_t n = shadow_frames(&c->rig.shadow, stray);

	forget();
	rig_cpu(&c->rig, 1);
	roost_free_n(c->rig.roost, stray, n);
	rig_cpu(&c->rig, 0);
}

/* It was freed, and then the merge reports that it is not allocated, and all others are allocated;
 * or the merge came first, and the free is a misuse. */
static void after_stray(struct cut *c, int err, unsigned order)
{
	uint64_t n = part_cut.n, freed = shadow_frames(&c->rig.shadow, stray), all;
	const struct shadow_range *range = &c->rig.shadow.ranges[0];
	struct roost_violation v;

	assert_int_equal(c->rig.nr_misuse, 1);
	assert_string_equal(c->rig.misuse[0].call, err ? "roost_merge" : "roost_free_n");
	c->rig.nr_misuse = 0;
	all = frames_in_blocks(c, range->start, range->end);
	if (err) {
		assert_int_equal(err, -ROOST_EINVAL);
		assert_int_equal(frames_in_blocks(c, part_cut.head, part_cut.head + n), n - freed);
		assert_true(roost_free_order(c->rig.roost, stray) >= 0);
	} else {
		assert_int_equal(roost_order(c->rig.roost, part_cut.head), order);
	}
	assert_int_equal(all, shadow_taken(&c->rig.shadow, 0) - (err ? freed : 0));
	if (roost_validate(c->rig.roost, &v))
		fail_msg("violated: %s (pfn %u)", v.invariant, (unsigned)v.pfn);
	assert_int_equal(roost_free_frames(c->rig.roost, 0, NULL),
			 shadow_managed(&c->rig.shadow, 0) - all);
}

/* Each piece in turn is freed under the merge, before each of its stores. */
static void a_merge_is_undone(void **state)
{
	unsigned undone = 0, order;
	static struct cut c;

	for (order = 3; order <= 9; order += 2) {
		open_pieces(&c, state, order);
		c.rig.roost->base.check_level = ROOST_CHECK_EXACT;
		save_metadata(&c);
		cutting = &c;
		for (stray = part_cut.head; stray < part_cut.head + part_cut.n;
		     stray += shadow_frames(&c.rig.shadow, stray)) {
			for (unsigned at = 0;; at++) {
				int err;

				memcpy(c.rig.metadata, c.metadata, c.rig.metadata_size);
				counted.stores = 0;
				counted.stop_after = at;
				counted.on_stop = free_stray;
				err = roost_merge(c.rig.roost, part_cut.head, order);
				if (counted.on_stop) {
					forget();
					break; /* it had no more stores */
				}
				undone += err != 0;
				after_stray(&c, err, order);
			}
		}
		memcpy(c.rig.metadata, c.metadata, c.rig.metadata_size);
		close_cut(&c);
	}
	assert_true(undone > 10);
}

/* Of several words of a region's set: taken, split, freed whole and in parts. */
static void large_blocks(void **state)
{
	static struct cut c;
	roost_pfn large;

	counted = (struct counted){.pockets = false};
	open_cut(&c, state, 1 << 18, 18, 0);
	save(&c);
	for (c.order = 15; c.order <= 18; c.order++)
		cut_each(&c, "alloc", call_alloc, (unsigned)c.order, MOST);
	for (c.order = 9; c.order <= 13; c.order += 2)
		cut_each(&c, "range", call_range, (unsigned)c.order, 4);
	large = rig_get(&c.rig, 17, 0);
	save(&c);
	c.concerned[0] = true;
	cut_each(&c, "free", call_free, 0, MOST);
	c.split_to = 10;
	cut_each(&c, "split", call_split, 0, 6);
	c.split_to = 2;
	cut_each(&c, "split", call_split, 0, 3);
	rig_split(&c.rig, large, 9);
	save(&c);
	memset(c.concerned, true, sizeof(c.concerned));
	cut_each(&c, "free of all", call_free_all, c.nr_held, 3);
	close_cut(&c);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(allocations, variants_one),
		SUITE_TEST(frees, variants_one),
		SUITE_TEST(splits, variants_one),
		SUITE_TEST(merges, variants_one),
		SUITE_TEST(others, variants_one),
		SUITE_TEST(plugs, variants_one),
		SUITE_TEST(large_blocks, variants_one),
		SUITE_TEST(odd_sizes, variants_one),
		SUITE_TEST(parts, variants_one),
		SUITE_TEST(merges_of_unlike_pieces, variants_one),
		SUITE_TEST(a_merge_is_undone, variants_one),
	};

	return SUITE_RUN("cut", tests, argc, argv);
}
