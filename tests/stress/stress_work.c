/* SPDX-License-Identifier: MIT */
/* stress_work.c - what threads and handlers do to the allocator; see stress.h. */
#define _GNU_SOURCE
#include "stress.h"

#include <errno.h>
#include <sched.h>

#include "cpus.h"

void stress_context_open(struct context *c, struct worker *worker, unsigned depth)
{
	c->worker = worker;
	c->depth = depth;
	c->room = depth ? STRESS_HANDLER_SLOTS : STRESS_SLOTS;
	c->random.state = stress.options.seed * 1000 + worker->index * 10 + depth;
}

static unsigned below(struct context *c, unsigned limit)
{
	return (unsigned)random_below(&c->random, limit);
}

static void doing(struct context *c, enum doing what)
{
	atomic_store_explicit(&c->doing, what, memory_order_relaxed);
}

/* ---- L ----------------------------------------------------------------------------------- */

static void lock(struct context *c, sigset_t *old)
{
	uint32_t nobody = 0;

	ticks_block(old);
	doing(c, DOING_LOCKING);
	for (unsigned spins = 1;
	     !atomic_compare_exchange_weak_explicit(&stress.lock, &nobody, c->worker->index + 1,
						    memory_order_acquire, memory_order_relaxed);
	     spins++) {
		nobody = 0;
		if (spins % 256 == 0)
			sched_yield(); /* the holder may have no processor */
	}
	c->holds_lock = true;
}

static void unlock(struct context *c, const sigset_t *old)
{
	c->holds_lock = false;
	atomic_store_explicit(&stress.lock, 0, memory_order_release);
	doing(c, DOING_NOTHING);
	pthread_sigmask(SIG_SETMASK, old, NULL);
}

/* ---- Blocks ------------------------------------------------------------------------------ */

/* An order: mostly small, sometimes as large as there are; handlers take small ones. */
static unsigned random_order(struct context *c)
{
	unsigned k = below(c, 100);

	if (k < 60)
		return 0;
	if (c->depth || k < 86)
		return k % 4;
	return k % 11;
}

static void keep(struct context *c, roost_pfn pfn, unsigned order)
{
	uint32_t holder = atomic_fetch_add_explicit(&stress.serial, 1, memory_order_relaxed);

	frames_take(&stress.frames, pfn, order, holder ? holder : 1);
	c->slots[c->used++] = (struct roost_block){pfn, order};
	c->allocated++;
}

/* Takes a block at random out of the slots; it is the caller's to free. */
static struct roost_block drop(struct context *c)
{
	unsigned i = below(c, c->used);
	struct roost_block block = c->slots[i];

	c->slots[i] = c->slots[--c->used];
	return block;
}

static void allocate(struct context *c, unsigned flags)
{
	unsigned order = random_order(c);
	roost_pfn pfn;

	if (c->used == c->room)
		return;
	flags |= below(c, 3);
	if (below(c, 8) == 0)
		flags |= ROOST_RESERVE;
	if (below(c, 4) == 0)
		flags |= ROOST_ATOMIC;
	doing(c, flags & ROOST_WAIT ? DOING_ALLOC_WAIT : DOING_ALLOC);
	pfn = roost_alloc(stress.roost, order, flags);
	if (pfn == ROOST_NONE)
		c->failed++;
	else
		keep(c, pfn, order);
}

static void allocate_bulk(struct context *c, unsigned flags)
{
	roost_pfn pfns[STRESS_BATCH];
	size_t count = below(c, STRESS_BATCH) + 1, got;
	unsigned order = below(c, 3);

	if (c->used + count > c->room)
		return;
	doing(c, flags & ROOST_WAIT ? DOING_ALLOC_WAIT : DOING_ALLOC);
	got = roost_alloc_bulk(stress.roost, order, flags | below(c, 3), pfns, count);
	if (got > count)
		frames_fault("bulk allocation gave too many: asked, got", count, got);
	c->failed += got < count;
	for (size_t i = 0; i < got; i++)
		keep(c, pfns[i], order);
}

static void count_free(struct context *c, uint64_t blocks)
{
	c->freed += blocks;
	if (c->holds_lock)
		c->freed_locked += blocks;
}

/* Before the patch interrupts only tried, too: what waited was the task. */
static bool without_lock(struct context *c)
{
	return below(c, 4) == 0 || (c->depth && stress.options.path == ROOST_FREE_BLOCKING);
}

static void give(struct context *c, struct roost_block block)
{
	doing(c, DOING_FREE);
	frames_give(&stress.frames, block.pfn, block.order);
	errno = 4711;
	if (without_lock(c))
		roost_free_nolock(stress.roost, block.pfn, block.order);
	else
		roost_free(stress.roost, block.pfn, block.order);
	if (errno != 4711)
		frames_fault("a free changed errno: pfn, errno", block.pfn, (uint64_t)errno);
	count_free(c, 1);
}

static void give_bulk(struct context *c)
{
	struct roost_block blocks[STRESS_BATCH];
	unsigned count = below(c, STRESS_BATCH) + 1;

	if (count > c->used)
		count = c->used;
	for (unsigned i = 0; i < count; i++) {
		blocks[i] = drop(c);
		frames_give(&stress.frames, blocks[i].pfn, blocks[i].order);
	}
	doing(c, DOING_FREE);
	if (without_lock(c))
		roost_free_bulk_nolock(stress.roost, blocks, count);
	else
		roost_free_bulk(stress.roost, blocks, count);
	count_free(c, count);
}

/* ---- Changing hands ---------------------------------------------------------------------- */

static uint64_t encode(struct roost_block block)
{
	return (block.pfn << 8 | block.order) + 1;
}

static struct roost_block decode(uint64_t code)
{
	return (struct roost_block){(code - 1) >> 8, (unsigned)((code - 1) & 255)};
}

/* Puts a block of one's own into the array and frees the one that lay there. */
static void exchange(struct context *c)
{
	uint64_t code = c->used ? encode(drop(c)) : 0;

	code = atomic_exchange(&stress.exchange[below(c, STRESS_EXCHANGE)], code);
	if (code) {
		give(c, decode(code));
		atomic_fetch_add_explicit(&stress.changed_hands, 1, memory_order_relaxed);
	}
}

void stress_empty_exchange(void)
{
	struct context *c = &stress.workers[0].contexts[0];

	for (unsigned i = 0; i < STRESS_EXCHANGE; i++) {
		uint64_t code = atomic_exchange(&stress.exchange[i], 0);

		if (code)
			give(c, decode(code));
	}
}

/* Splits a block of one's own; the pieces that find no room are freed. */
static void split(struct context *c)
{
	struct roost_block block = drop(c);
	unsigned to = block.order ? below(c, block.order) : 0;

	if (block.order - to > 3)
		to = block.order - 3;
	doing(c, DOING_SPLIT);
	frames_give(&stress.frames, block.pfn, block.order);
	if (roost_split(stress.roost, block.pfn, block.order, to))
		frames_fault("split refused: pfn, order", block.pfn, block.order);
	for (unsigned i = 0; i < 1u << (block.order - to); i++) {
		roost_pfn pfn = block.pfn + ((roost_pfn)i << to);

		if (c->used < c->room) {
			keep(c, pfn, to);
		} else {
			roost_free_nolock(stress.roost, pfn, to);
			count_free(c, 1);
		}
	}
}

/* ---- CPUs -------------------------------------------------------------------------------- */

static void migrate(struct context *c)
{
	c->worker->cpu = below(c, stress.options.cpus);
	cpus_go(c->worker->cpu);
}

/* Takes a CPU off-line for a while, or sets a pageblock apart; one thread at a time. */
static void hotplug(struct context *c)
{
	unsigned cpu = below(c, stress.options.cpus);
	int err;

	if (atomic_exchange(&stress.hotplug, true))
		return;
	doing(c, DOING_OFFLINE);
	err = roost_cpu_offline(stress.roost, cpu);
	for (unsigned i = 0; !err && i < 200; i++) {
		below(c, 2) ? allocate(c, below(c, 2) ? ROOST_WAIT : 0) : exchange(c);
		atomic_fetch_add_explicit(&c->worker->beats, 1, memory_order_relaxed);
	}
	doing(c, DOING_ONLINE);
	if (err || roost_cpu_online(stress.roost, cpu))
		frames_fault("CPU not taken off-line or on-line: CPU", cpu, 0);
	stress.hotplugs++;
	stress.hotplug = false;
}

static void isolate(struct context *c)
{
	roost_pfn pfn = stress.frames.first + random_below(&c->random, stress.frames.count);
	uint64_t tries = stress.unplug_tries;
	int err;

	if (atomic_exchange(&stress.hotplug, true))
		return;
	doing(c, DOING_ISOLATE);
	if (!roost_isolate(stress.roost, pfn, true)) {
		for (unsigned i = 0; i < 50; i++)
			below(c, 2) ? allocate(c, 0) : exchange(c);
		doing(c, DOING_ISOLATE);
		while ((err = roost_isolate(stress.roost, pfn, false)) == -ROOST_EAGAIN)
			sched_yield();
		if (err && stress.unplug_tries == tries) /* a removal undoes it */
			frames_fault("isolation not undone: pfn", pfn, 0);
		stress.isolations++;
	}
	stress.hotplug = false;
}

/* ---- Memory ------------------------------------------------------------------------------ */

static void unplug(struct context *c, unsigned plug, roost_pfn pfn)
{
	unsigned was = PLUG_PRESENT;
	int err;

	if (!atomic_compare_exchange_strong(&stress.plug[plug], &was, PLUG_BUSY))
		return;
	stress.unplug_tries++;
	err = roost_remove_range(stress.roost, pfn, 1 << ROOST_PAGEBLOCK_ORDER);
	if (!err)
		frames_take(&stress.frames, pfn, ROOST_PAGEBLOCK_ORDER, ++stress.serial | 1);
	else if (err != -ROOST_EBUSY && err != -ROOST_EAGAIN)
		frames_fault("not removed: pfn, error", pfn, (uint64_t)-err);
	stress.unplugs += !err;
	atomic_store(&stress.plug[plug], err ? PLUG_PRESENT : PLUG_ABSENT);
	(void)c;
}

/* They may be handed out before the call returns. */
static void plug_in(unsigned plug, roost_pfn pfn)
{
	unsigned was = PLUG_ABSENT;
	int err;

	if (!atomic_compare_exchange_strong(&stress.plug[plug], &was, PLUG_BUSY))
		return;
	frames_give(&stress.frames, pfn, ROOST_PAGEBLOCK_ORDER);
	err = roost_add_range(stress.roost, pfn, 1 << ROOST_PAGEBLOCK_ORDER);
	if (err == -ROOST_EAGAIN)
		frames_take(&stress.frames, pfn, ROOST_PAGEBLOCK_ORDER, ++stress.serial | 1);
	else if (err)
		frames_fault("not added: pfn, error", pfn, (uint64_t)-err);
	atomic_store(&stress.plug[plug], err ? PLUG_ABSENT : PLUG_PRESENT);
}

static unsigned nr_plugs(void)
{
	uint64_t n = stress.frames.count >> ROOST_PAGEBLOCK_ORDER;

	return n < STRESS_PLUGS ? (unsigned)n : STRESS_PLUGS;
}

/* A pageblock comes or goes, in any context and under L. */
static void plug(struct context *c)
{
	unsigned n = below(c, nr_plugs());
	roost_pfn pfn = stress.frames.first + ((roost_pfn)n << ROOST_PAGEBLOCK_ORDER);

	doing(c, DOING_PLUG);
	if (atomic_load(&stress.plug[n]) == PLUG_ABSENT)
		plug_in(n, pfn);
	else
		unplug(c, n, pfn);
}

void stress_plug_all(void)
{
	for (unsigned n = 0; n < nr_plugs(); n++)
		plug_in(n, stress.frames.first + ((roost_pfn)n << ROOST_PAGEBLOCK_ORDER));
}

static void drain(struct context *c)
{
	doing(c, DOING_DRAIN);
	stress.drained += roost_drain(stress.roost, below(c, 4) ? (int)c->worker->cpu : -1);
}

/* ---- Steps ------------------------------------------------------------------------------- */

/* Something that is legal in every context and under L. */
static void anywhere(struct context *c, unsigned what)
{
	bool many = c->used > c->room / 8;

	if (what < (stress.greedy ? 50u : 30u) || !c->used)
		allocate(c, 0);
	else if (what < 65)
		exchange(c);
	else if (what < 75 && many)
		give_bulk(c);
	else if (what < 77)
		split(c);
	else if (what < 79)
		plug(c);
	else if (many || !stress.greedy)
		give(c, drop(c));
}

static void locked(struct context *c, unsigned steps)
{
	sigset_t old;

	lock(c, &old);
	while (steps--)
		anywhere(c, below(c, 100));
	unlock(c, &old);
}

static void rare(struct context *c)
{
	unsigned what = below(c, 16);

	if (what < 2)
		hotplug(c);
	else if (what < 4)
		isolate(c);
	else if (what < 8)
		drain(c);
	else
		migrate(c);
}

void stress_thread_step(struct context *c)
{
	unsigned what = below(c, 100);

	if (below(c, 300) == 0)
		rare(c);
	else if (what < 20)
		locked(c, 1 + what % 4);
	else if (what < 30)
		allocate(c, ROOST_WAIT);
	else if (what < 34)
		allocate_bulk(c, what & 1 ? ROOST_WAIT : 0);
	else
		anywhere(c, below(c, 100));
	doing(c, DOING_NOTHING);
}

void stress_handler_step(struct context *c)
{
	if (below(c, 2))
		locked(c, 2);
	else
		anywhere(c, below(c, 100));
	if (below(c, 4) == 0)
		anywhere(c, below(c, 100));
	doing(c, DOING_NOTHING);
}

void stress_context_close(struct context *c)
{
	while (c->used)
		give(c, drop(c));
}
