/* SPDX-License-Identifier: MIT */
/* oracle_events.c - random maps and random events; see oracle.h. */
#include "oracle.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cpus.h"

#define TELL(o, ...)                                                                               \
	do {                                                                                       \
		if ((o)->verbose)                                                                  \
			printf(__VA_ARGS__);                                                       \
	} while (0)

/* ---- Maps ---------------------------------------------------------------------------------- */

static roost_pfn random_gap(struct random *r)
{
	switch (random_below(r, 8)) {
	case 0:
		return 1 + random_below(r, 300);
	case 1:
		return 500 + random_below(r, 1500);
	case 2:
		return 1 << 20;
	default:
		return 0;
	}
}

static roost_pfn random_length(struct random *r)
{
	return random_chance(r, 40) ? BLOCK * (1 + random_below(r, 4)) : 1 + random_below(r, 1200);
}

static void random_ranges(struct oracle *o, struct random *r)
{
	unsigned n = 1 + (unsigned)random_below(r, 5);
	roost_pfn at = random_chance(r, 50) ? 0 : random_below(r, 3 * BLOCK);

	for (unsigned i = 0; i < n; i++) {
		at += i ? random_gap(r) : 0;
		if (random_chance(r, 40))
			at = (at + BLOCK - 1) & ~(roost_pfn)(BLOCK - 1);
		o->ranges[i] = (struct roost_range){.start = at,
						    .zone = (uint16_t)random_below(r, o->nr_zones)};
		at += random_length(r);
		o->ranges[i].end = at;
		if (random_chance(r, 25)) { /* with pageblocks of its own, as a rule */
			roost_pfn start =
				(o->ranges[i].start + BLOCK - 1) & ~(roost_pfn)(BLOCK - 1);

			at = (at + BLOCK - 1) & ~(roost_pfn)(BLOCK - 1);
			at = start < at ? at : start + BLOCK;
			o->ranges[i].start = start;
			o->ranges[i].end = at - random_below(r, 2) * random_below(r, BLOCK);
			o->ranges[i].flags = ROOST_RANGE_ABSENT;
		} else if (random_chance(r, 10)) {
			o->ranges[i].flags = ROOST_RANGE_ALLOCATED;
		}
	}
	for (unsigned i = (unsigned)random_below(r, 3); i > 0; i--) {
		roost_pfn start = o->ranges[0].start + random_below(r, at - o->ranges[0].start);

		o->ranges[n++] = (struct roost_range){.start = start,
						      .end = start + 1 + random_below(r, 60),
						      .flags = ROOST_RANGE_RESERVED};
	}
	o->rig.config.nr_ranges = n;
}

static void random_zones(struct oracle *o, struct random *r)
{
	for (unsigned i = 0; i < o->nr_zones; i++) {
		struct roost_zone_config *zone = &o->zones[i];

		zone->node = (unsigned)random_below(r, 3);
		if (random_chance(r, 40))
			zone->reserve = random_below(r, random_chance(r, 50) ? 100 : 1500);
		if (random_chance(r, 20))
			zone->low = zone->reserve + random_below(r, 600);
		if (zone->low && random_chance(r, 50))
			zone->high = zone->low + random_below(r, 600);
	}
	for (unsigned i = 0; i < sizeof(o->zone_order); i++)
		o->zone_order[i] =
			random_chance(r, 20) ? 0xff : (uint8_t)random_below(r, o->nr_zones);
	for (unsigned i = 0; i < o->nr_cpus; i++)
		o->cpu_node[i] = (uint8_t)random_below(r, 3);
	o->zones[0].node = 2; /* so there are always three */
}

static unsigned random_cpus(struct random *r)
{
	if (cpus_are_real())
		return 1 + (unsigned)random_below(r, 2);
	return random_chance(r, 4) ? ORACLE_CPUS : 1 + (unsigned)random_below(r, 4);
}

bool oracle_open(struct oracle *o, uint64_t seed)
{
	static const uint32_t highs[] = {0, 0, 1, 16, 200, 600, 4 * BLOCK};
	struct random r = {seed};
	struct roost_config config = ROOST_CONFIG_INIT;

	memset(o, 0, sizeof(*o));
	o->nr_zones = 1 + (unsigned)random_below(&r, ORACLE_ZONES);
	o->nr_cpus = random_cpus(&r);
	random_ranges(o, &r);
	random_zones(o, &r);
	config.ranges = o->ranges;
	config.nr_ranges = o->rig.config.nr_ranges;
	config.zones = o->zones;
	config.nr_zones = o->nr_zones;
	config.zone_order = random_chance(&r, 30) ? o->zone_order : NULL;
	config.cpu_node = o->cpu_node;
	config.nr_cpus = o->nr_cpus;
	config.max_order = ROOST_PAGEBLOCK_ORDER + (unsigned)random_below(&r, 4);
	config.check_level = (unsigned)random_below(&r, 4);
	o->pcpbuddy.free_path = (enum roost_free_path)random_below(&r, 2);
	config.pockets = (enum roost_pockets)random_chance(&r, 25);
	o->pcpbuddy.high = highs[random_below(&r, LENGTH(highs))];
	o->pcpbuddy.batch = random_chance(&r, 50) ? 0 : 1 + (uint32_t)random_below(&r, 64);
	config.pcpbuddy = library_is_pcpbuddy ? &o->pcpbuddy : NULL;
	oracle_count_open(random_chance(&r, 50));
	for (size_t i = 0; roost_config_error(&config) && i < config.nr_ranges; i++)
		if (o->ranges[i].flags & ROOST_RANGE_ABSENT)
			o->ranges[i].flags = 0;
	if (roost_config_error(&config))
		return false;
	rig_open(&o->rig, &config);
	oracle_look(o);
	return true;
}

void oracle_close(struct oracle *o)
{
	for (unsigned i = 0; i < o->nr_blocks; i++)
		if (o->blocks[i].apart)
			assert_int_equal(roost_isolate(o->rig.roost, o->blocks[i].first, false), 0);
	for (unsigned cpu = 0; cpu < o->nr_cpus; cpu++)
		assert_int_equal(roost_cpu_online(o->rig.roost, cpu), 0);
	rig_free_all(&o->rig);
	rig_compare(&o->rig);
	roost_drain(o->rig.roost, -1);
	rig_compare(&o->rig);
	oracle_home(o);
	rig_expect_none(&o->rig);
	rig_close(&o->rig);
}

/* ---- Allocations --------------------------------------------------------------------------- */

static unsigned order_of(const struct oracle *o, uint32_t n)
{
	unsigned most = roost_max_order(o->rig.roost), k = n >> 8;

	return n & 1 ? k % (most + 1) : n & 2 ? k % 4 : n & 4 ? 0 : most - k % 5;
}

static unsigned flags_of(const struct oracle *o, uint32_t n)
{
	unsigned flags = n % 3;

	n >>= 4;
	flags |= n & 1 ? ROOST_WAIT : (n & 0x3000) == 0 ? ROOST_ONCE : 0;
	flags |= (n & 0xc000) == 0 ? ROOST_NOSTEAL : 0;
	flags |= (n & 0x30000) == 0 ? ROOST_ATOMIC : 0;
	flags |= (n & 6) == 0 ? ROOST_RESERVE : 0;
	flags |= (n & 0x38) == 0 ? ROOST_THISNODE : 0;
	if ((n & 0x1c0) == 0)
		flags |= ROOST_ZONE((n >> 12) % o->nr_zones);
	if ((n & 0xe00) == 0)
		flags |= ROOST_NODE((n >> 12) % 3);
	return flags;
}

static void do_alloc(struct oracle *o, const struct oracle_event *e)
{
	unsigned order = order_of(o, e->a), flags = flags_of(o, e->b);
	struct oracle_call call;
	bool may = roost_may_alloc(o->rig.roost, order, flags);
	roost_pfn pfn;

	oracle_before(o, &call, UINT64_C(1) << order, flags);
	pfn = roost_alloc(o->rig.roost, order, flags);
	if (pfn != ROOST_NONE && !may)
		fail_msg("a block of order %u flags %#x, though none was noted", order, flags);
	TELL(o, "alloc order %u flags %#x: %" PRId64 "\n", order, flags, (int64_t)pfn);
	if (pfn != ROOST_NONE)
		oracle_success(o, &call, pfn);
	oracle_after(o, &call, pfn != ROOST_NONE, 1);
}

/* Any size, small ones more often than large ones. */
static void do_alloc_n(struct oracle *o, const struct oracle_event *e)
{
	uint64_t n = 1 + (e->a >> 8) % (UINT64_C(1) << order_of(o, e->a));
	unsigned flags = flags_of(o, e->b);
	struct oracle_call call;
	roost_pfn pfn;

	oracle_before(o, &call, rig_size(n), flags);
	pfn = roost_alloc_n(o->rig.roost, n, flags);
	TELL(o, "alloc %" PRIu64 " frames flags %#x: %" PRId64 "\n", n, flags, (int64_t)pfn);
	if (pfn != ROOST_NONE) {
		assert_int_equal(roost_frames(o->rig.roost, pfn), rig_size(n));
		oracle_success(o, &call, pfn);
	}
	oracle_after(o, &call, pfn != ROOST_NONE, 1);
}

static void bulk(struct oracle *o, unsigned order, unsigned flags, size_t count)
{
	static roost_pfn pfns[1 << 15];
	struct oracle_call call;
	size_t got;

	oracle_before(o, &call, UINT64_C(1) << order, flags);
	got = roost_alloc_bulk(o->rig.roost, order, flags, pfns, count);
	TELL(o, "bulk order %u flags %#x: %zu of %zu\n", order, flags, got, count);
	assert_in_range(got, 0, count);
	for (size_t i = 0; i < got; i++)
		oracle_success(o, &call, pfns[i]);
	oracle_after(o, &call, got, count);
}

static void do_bulk(struct oracle *o, const struct oracle_event *e)
{
	bulk(o, order_of(o, e->a), flags_of(o, e->b), 1 + e->c % 80);
}

/* Until nothing is left. */
static void do_fill(struct oracle *o, const struct oracle_event *e)
{
	bulk(o, order_of(o, e->a), flags_of(o, e->b), 1 << 15);
}

/* ---- Which block --------------------------------------------------------------------------- */

struct pick {
	uint64_t left;
	roost_pfn pfn;
	uint64_t frames;
	uint64_t seen;
};

static void count(void *context, roost_pfn pfn, unsigned order)
{
	struct pick *pick = context;

	(void)pfn;
	(void)order;
	pick->seen++;
}

static void choose(void *context, roost_pfn pfn, unsigned order)
{
	struct pick *pick = context;

	(void)order;
	if (pick->left-- == 0)
		pick->pfn = pfn;
}

/* One of those that are handed out; false if there are none. */
static bool pick_block(const struct oracle *o, uint32_t n, struct pick *pick)
{
	*pick = (struct pick){0};
	shadow_each(&o->rig.shadow, count, pick);
	if (!pick->seen)
		return false;
	pick->left = n % pick->seen;
	shadow_each(&o->rig.shadow, choose, pick);
	pick->frames = shadow_frames(&o->rig.shadow, pick->pfn);
	return true;
}

static void do_rest(struct oracle *o, const struct oracle_event *e)
{
	const struct oracle_block *b = &o->blocks[e->a % o->nr_blocks];
	uint64_t frames[ROOST_PAGEBLOCK_WORDS], least, most, n = 0;
	bool all = e->b & 1;
	size_t got;

	oracle_rest(o, b->first, all, &least, &most);
	got = all ? roost_take_rest(o->rig.roost, b->first, frames)
		  : roost_alloc_rest(o->rig.roost, b->first, frames);
	TELL(o, "rest of the pageblock of pfn %" PRIu64 "%s: %zu\n", b->first,
	     all ? ", whatever" : "", got);
	for (unsigned i = 0; i < BLOCK; i++)
		if (frames[i / 64] >> i % 64 & 1) {
			roost_pfn pfn = b->first / BLOCK * BLOCK + i;

			if (pfn < b->first || pfn > b->last || shadow_take(&o->rig.shadow, pfn, 0))
				fail_msg("the rest has pfn %" PRIu64, pfn);
			n++;
		}
	assert_int_equal(n, got);
	if (got < least || got > most)
		fail_msg("the rest is %zu frames, not %" PRIu64 " to %" PRIu64, got, least, most);
}

/* Frames by address, of one pageblock or more: all of them or none, and why. */
static void do_range(struct oracle *o, const struct oracle_event *e)
{
	const struct oracle_block *b = &o->blocks[e->a % o->nr_blocks];
	roost_pfn pfn = b->first + (e->c & 1 ? 0 : (e->a >> 8) % (b->last - b->first + 1));
	uint64_t n = e->c & 2 ? BLOCK : 1 + (e->b >> 4) % (e->c & 4 ? 16 : 2 * BLOCK);
	bool hole = false, used = false;
	int err;

	for (uint64_t i = 0; i < n; i++) {
		hole |= shadow_zone(&o->rig.shadow, pfn + i) != (int)b->zone ||
			shadow_state(&o->rig.shadow, pfn + i) == SHADOW_RESERVED;
		used |= shadow_state(&o->rig.shadow, pfn + i) >= SHADOW_INSIDE;
	}
	err = rig_take_range(&o->rig, pfn, n);
	TELL(o, "range of pfn %" PRIu64 ", %" PRIu64 " frames: %d\n", pfn, n, err);
	if (hole ? err != -ROOST_EINVAL && !(used && err == -ROOST_EBUSY)
		 : err != (used ? -ROOST_EBUSY : 0))
		fail_msg("the range of pfn %" PRIu64 ", %" PRIu64 " frames: %d", pfn, n, err);
}

/* ---- Frees --------------------------------------------------------------------------------- */

static void do_free(struct oracle *o, const struct oracle_event *e)
{
	struct pick pick;

	if (!pick_block(o, e->a, &pick))
		return;
	TELL(o, "free%s pfn %" PRIu64 ", %" PRIu64 " frames\n", e->b & 1 ? " nolock" : "", pick.pfn,
	     pick.frames);
	e->b & 1 ? rig_free_nolock(&o->rig, pick.pfn) : rig_free(&o->rig, pick.pfn);
}

struct batch {
	struct random random;
	unsigned percent;
	struct roost_block blocks[1 << 15];
	size_t n;
};

static void add_to_batch(void *context, roost_pfn pfn, unsigned order)
{
	struct batch *batch = context;

	if (random_chance(&batch->random, batch->percent))
		batch->blocks[batch->n++] = (struct roost_block){pfn, order};
}

/* Those whose size is no power of two have no order, and are freed one by one. */
static void free_batch(struct oracle *o, struct batch *batch, bool nolock)
{
	size_t n = 0;

	for (size_t i = 0; i < batch->n; i++)
		if (shadow_order(&o->rig.shadow, batch->blocks[i].pfn) >= 0)
			batch->blocks[n++] = batch->blocks[i];
		else
			rig_free(&o->rig, batch->blocks[i].pfn);
	rig_free_bulk(&o->rig, batch->blocks, n, nolock);
}

/* A part of everything that is handed out. */
static void do_free_some(struct oracle *o, const struct oracle_event *e)
{
	static const unsigned percents[] = {3, 10, 30, 50, 80, 100};
	static struct batch batch;
	bool nolock = e->b & 1, one_by_one = e->b & 2;

	batch.random.state = e->c;
	batch.percent = percents[e->a % LENGTH(percents)];
	batch.n = 0;
	shadow_each(&o->rig.shadow, add_to_batch, &batch);
	TELL(o, "free %zu blocks%s%s\n", batch.n, nolock ? " nolock" : "",
	     one_by_one ? ", one by one" : "");
	if (!one_by_one)
		free_batch(o, &batch, nolock);
	for (size_t i = 0; one_by_one && i < batch.n; i++) {
		if (e->b & 4)
			rig_cpu(&o->rig, (unsigned)random_below(&batch.random, o->nr_cpus));
		nolock ? rig_free_nolock(&o->rig, batch.blocks[i].pfn)
		       : rig_free(&o->rig, batch.blocks[i].pfn);
	}
}

static unsigned order_within(uint64_t frames)
{
	unsigned order = 0;

	while (UINT64_C(2) << order <= frames)
		order++;
	return order;
}

static void do_split(struct oracle *o, const struct oracle_event *e)
{
	struct pick pick;
	unsigned to;

	if (!pick_block(o, e->a, &pick))
		return;
	to = e->b % (order_within(pick.frames) + 1);
	TELL(o, "split pfn %" PRIu64 " of %" PRIu64 " frames to %u\n", pick.pfn, pick.frames, to);
	if (shadow_order(&o->rig.shadow, pick.pfn) < 0)
		rig_split_n(&o->rig, pick.pfn);
	else
		rig_split(&o->rig, pick.pfn, to);
}

/* An aligned part of a block, which may be one of an odd size. */
static void free_part(struct oracle *o, const struct oracle_event *e, const struct pick *pick)
{
	unsigned order = (e->b >> 4) % (order_within(pick->frames) + 1);
	uint64_t size = UINT64_C(1) << order, first = (pick->pfn + size - 1) & ~(size - 1);
	roost_pfn pfn;

	if (first + size > pick->pfn + pick->frames)
		return;
	pfn = first + (e->b >> 8) % ((pick->pfn + pick->frames - first) / size) * size;
	TELL(o, "free part pfn %" PRIu64 " order %u of %" PRIu64 " frames\n", pfn, order,
	     pick->frames);
	rig_free_part(&o->rig, pfn, order);
}

static void do_parts(struct oracle *o, const struct oracle_event *e)
{
	struct pick pick;
	unsigned order;

	if (!pick_block(o, e->a, &pick))
		return;
	if (e->c & 1) {
		free_part(o, e, &pick);
		return;
	}
	for (order = roost_max_order(o->rig.roost); order > 0; order--)
		if (shadow_is_made_of_blocks(&o->rig.shadow, pick.pfn >> order << order, order) &&
		    shadow_zone(&o->rig.shadow, pick.pfn >> order << order) ==
			    shadow_zone(&o->rig.shadow, (((pick.pfn >> order) + 1) << order) - 1))
			break;
	TELL(o, "merge pfn %" PRIu64 " order %u\n", pick.pfn >> order << order, order);
	if (shadow_is_made_of_blocks(&o->rig.shadow, pick.pfn >> order << order, order))
		rig_merge(&o->rig, pick.pfn >> order << order, order);
}

/* ---- Maintenance --------------------------------------------------------------------------- */

static void do_drain(struct oracle *o, const struct oracle_event *e)
{
	int cpu = e->a & 1 ? -1 : (int)((e->a >> 1) % o->nr_cpus);

	TELL(o, "drain %d\n", cpu);
	roost_drain(o->rig.roost, cpu);
	for (unsigned i = 0; i < o->nr_cpus; i++)
		if (cpu < 0 || (unsigned)cpu == i)
			assert_int_equal(rig_cpu_holds(&o->rig, i), 0);
}

static void do_hotplug(struct oracle *o, const struct oracle_event *e)
{
	unsigned cpu = (e->a >> 1) % o->nr_cpus;
	bool online = e->a & 1;

	TELL(o, "cpu %u %s\n", cpu, online ? "on-line" : "off-line");
	assert_int_equal(online ? roost_cpu_online(o->rig.roost, cpu)
				: roost_cpu_offline(o->rig.roost, cpu),
			 0);
	if (!online && o->nr_cpus <= 32) /* above, they share homes */
		assert_int_equal(rig_cpu_holds(&o->rig, cpu), 0);
}

static void do_isolate(struct oracle *o, const struct oracle_event *e)
{
	struct oracle_block *b = &o->blocks[e->a % o->nr_blocks];
	bool apart = e->b & 1;
	int err = b->absent || b->reserve || b->apart == apart ? -ROOST_EINVAL : 0;

	TELL(o, "pageblock of pfn %" PRIu64 " %s\n", b->first, apart ? "apart" : "back");
	assert_int_equal(roost_isolate(o->rig.roost, b->first, apart), err);
	if (!err)
		b->apart = apart;
}

/* ---- Memory that comes and goes ------------------------------------------------------------ */

struct plug {
	unsigned first, last; /* pageblocks */
	roost_pfn pfn, end;
	bool cut, hole, absent, present, reserve, used;
};

/* Or a hole, or reserved? */
static bool is_absent(const struct oracle *o, roost_pfn pfn)
{
	for (unsigned i = 0; i < o->nr_blocks; i++)
		if (pfn >= o->blocks[i].first && pfn <= o->blocks[i].last)
			return o->blocks[i].absent;
	return false;
}

static void look_at_plug(const struct oracle *o, struct plug *p)
{
	for (unsigned i = p->first; i <= p->last; i++) {
		p->absent |= o->blocks[i].absent;
		p->present |= !o->blocks[i].absent;
		p->reserve |= o->blocks[i].reserve;
	}
	for (roost_pfn pfn = p->pfn; pfn < p->end; pfn++) {
		unsigned state = shadow_state(&o->rig.shadow, pfn);

		p->used |= state >= SHADOW_INSIDE;
		p->hole |= shadow_zone(&o->rig.shadow, pfn) != (int)o->blocks[p->first].zone ||
			   (state == SHADOW_RESERVED && !is_absent(o, pfn));
	}
}

/* Which of the reasons is given first depends on where a hole is met. */
static bool is_right(const struct plug *p, bool add, int err)
{
	if (p->cut || (p->hole && err == -ROOST_EINVAL))
		return err == -ROOST_EINVAL;
	if (add)
		return err == (p->present ? -ROOST_EEXIST : p->hole ? -ROOST_EINVAL : 0);
	if (p->hole && err == -ROOST_EBUSY)
		return p->used || p->reserve;
	if (p->absent)
		return err == -ROOST_ENOENT;
	return err == (p->reserve || p->used ? -ROOST_EBUSY : p->hole ? -ROOST_EINVAL : 0);
}

/* Some pageblocks, as a rule without a hole between them. */
static void do_plug(struct oracle *o, const struct oracle_event *e)
{
	struct plug p = {.first = e->a % o->nr_blocks};
	const struct oracle_block *b = &o->blocks[p.first], *cut;
	bool add = e->b & 3 ? b->absent : !b->absent, beyond = (e->c & 0x70) == 0;
	int err;

	for (p.last = p.first; p.last < p.first + (e->b >> 4) % 3 && p.last + 1 < o->nr_blocks;
	     p.last++)
		if (!beyond && (o->blocks[p.last].last + 1 != o->blocks[p.last + 1].first ||
				o->blocks[p.last + 1].zone != b->zone))
			break;
	p.pfn = b->first;
	p.end = o->blocks[p.last].last + 1;
	cut = e->c & 8 ? b : &o->blocks[p.last];
	p.cut = (e->c & 7) == 0 && cut->last > cut->first;
	if (p.cut)
		e->c & 8 ? p.pfn++ : p.end--;
	look_at_plug(o, &p);
	err = add ? rig_add_range(&o->rig, p.pfn, p.end - p.pfn)
		  : rig_remove_range(&o->rig, p.pfn, p.end - p.pfn);
	TELL(o, "%s pfn %" PRIu64 " to %" PRIu64 ": %d\n", add ? "add" : "remove", p.pfn, p.end,
	     err);
	if (!is_right(&p, add, err))
		fail_msg("%s pfn %" PRIu64 " to %" PRIu64 ": %d", add ? "add" : "remove", p.pfn,
			 p.end, err);
	if (!err && add)
		oracle_added(o, p.first, p.last);
	for (unsigned i = p.first; !err && !add && i <= p.last; i++) {
		o->blocks[i].absent = true;
		o->blocks[i].apart = false;
	}
}

/* ---- Events -------------------------------------------------------------------------------- */

static const struct {
	unsigned weight;
	void (*act)(struct oracle *o, const struct oracle_event *e);
} kinds[] = {
	{36, do_alloc}, {8, do_alloc_n}, {8, do_bulk},	    {6, do_fill},  {3, do_rest},
	{3, do_range},	{14, do_free},	 {8, do_free_some}, {5, do_split}, {5, do_parts},
	{4, do_drain},	{3, do_hotplug}, {5, do_isolate},   {4, do_plug},
};

void oracle_events(uint64_t seed, struct oracle_event events[ORACLE_EVENTS])
{
	struct random r = {seed ^ UINT64_C(0x6576656e7473)};

	for (unsigned i = 0; i < ORACLE_EVENTS; i++) {
		events[i].what = (uint32_t)random_next(&r);
		events[i].cpu = (uint32_t)(random_next(&r) >> 32);
		events[i].a = (uint32_t)(random_next(&r) >> 32);
		events[i].b = (uint32_t)(random_next(&r) >> 32);
		events[i].c = (uint32_t)(random_next(&r) >> 32);
	}
}

void oracle_do(struct oracle *o, const struct oracle_event *e)
{
	unsigned sum = 0, at;

	for (size_t i = 0; i < LENGTH(kinds); i++)
		sum += kinds[i].weight;
	at = e->what % sum;
	/* Mostly the CPU of the event before. */
	if ((e->cpu & 3) == 0)
		o->cpu = (e->cpu >> 2) % o->nr_cpus;
	rig_cpu(&o->rig, o->cpu);
	TELL(o, "cpu %u: ", o->cpu);
	for (size_t i = 0; i < LENGTH(kinds); i++) {
		if (at < kinds[i].weight) {
			kinds[i].act(o, e);
			break;
		}
		at -= kinds[i].weight;
	}
	rig_expect_none(&o->rig);
}
