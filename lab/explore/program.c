/* SPDX-License-Identifier: MIT */
/* program.c - does the operations of a scenario. */
#include <stdlib.h>

#include "lock.h"
#include "log.h"
#include "objects.h"
#include "port.h"
#include "world.h"

/* ---- Calls --------------------------------------------------------------------------------- */

/* A call that may sleep is for threads that hold nothing and have interrupts on, whether it does
 * this time or not. */
static void check_may_sleep(const struct context *c, const char *what)
{
	if (!c)
		return;
	if (c->level != LEVEL_TASK)
		vm_fail(FAIL_LOCK, "sleep", "%s calls %s, which may sleep, in a handler", c->name,
			what);
	else if (c->nr_held)
		vm_fail(FAIL_LOCK, "sleep", "%s calls %s, which may sleep, while it holds %s",
			c->name, what, vm.locks[c->held[0]].name);
	else if (!vm.cpus[c->cpu].irq_on)
		vm_fail(FAIL_LOCK, "sleep", "%s calls %s, which may sleep, with interrupts off",
			c->name, what);
}

/* waits: the call may wait for a lock, unless it is an NMI that calls. */
static void call(struct context *c, bool waits, const char *format, const char *name,
		 unsigned long number)
{
	if (!c)
		return;
	log_line(c, format, name, number);
	if (c->hooked)
		return;
	c->call_waits = waits && c->level < LEVEL_NMI;
	c->call_ops = 0;
	c->nr_watched = 0;
	c->own_news = false;
	c->sleeps = 0;
	c->missed = -1;
}

static void called(struct context *c)
{
	bool waits = !c || c->call_waits;

	if (!c || c->hooked)
		return;
	c->call_waits = true; /* a wait for a lock of the scenario is no call's */
	if (waits)
		return;
	scenario_add_own(c->call_ops);
	if (world_scenario->bound && c->call_ops > world_scenario->bound)
		vm_fail(FAIL_BOUND, "nolock",
			"%s needed %u accesses for a call that waits for nothing; %u were stated",
			c->name, c->call_ops, world_scenario->bound);
}

/* The variable gets what an allocation returned. */
static void got(struct context *c, unsigned variable, roost_pfn pfn, unsigned order)
{
	if (pfn != ROOST_NONE)
		world_mark((struct roost_block){pfn, order});
	if (c && pfn == ROOST_NONE)
		log_line(c, "   %s is none", world_name(variable));
	else if (c)
		log_line(c, "   %s is frame %lu", world_name(variable), (unsigned long)pfn);
	world_set(variable, value_of(pfn, order));
}

static void call_alloc(struct context *c, const struct statement *s, const char *format,
		       unsigned long number)
{
	call(c, s->flags & ROOST_WAIT, format, world_name(s->variables[0]), number);
	if (s->flags & ROOST_WAIT)
		check_may_sleep(c, "an allocation with wait");
}

static void do_alloc(struct context *c, const struct statement *s)
{
	unsigned order = (unsigned)s->number;
	roost_pfn pfn;

	call_alloc(c, s, "%s = alloc order %lu", order);
	pfn = roost_alloc(pool, order, s->flags);
	called(c);
	got(c, s->variables[0], pfn, order);
}

/* n as an allocation by the number of frames rounds it up. */
static unsigned rounded(unsigned n)
{
	unsigned step = 1;

	while (n > 8 * step)
		step *= 2;
	return (n + step - 1) / step * step;
}

static void do_alloc_n(struct context *c, const struct statement *s)
{
	unsigned n = (unsigned)s->number;
	roost_pfn pfn;

	call_alloc(c, s, "%s = alloc-n %lu frames", n);
	pfn = roost_alloc_n(pool, n, s->flags);
	called(c);
	got(c, s->variables[0], pfn, SIZED + rounded(n));
}

static void do_alloc_bulk(struct context *c, const struct statement *s)
{
	unsigned order = (unsigned)s->number;
	roost_pfn pfns[SCENARIO_ARGUMENTS];
	size_t n;

	call_alloc(c, s, "%s, ... = alloc-bulk order %lu", order);
	n = roost_alloc_bulk(pool, order, s->flags, pfns, s->nr_variables);
	called(c);
	for (unsigned i = 0; i < s->nr_variables; i++)
		got(c, s->variables[i], i < n ? pfns[i] : ROOST_NONE, order);
}

static void do_take(struct context *c, const struct statement *s)
{
	unsigned order = (unsigned)s->number;
	int err;

	call(c, false, "%s = take frame %lu", world_name(s->variables[0]), s->frame);
	err = roost_take_range(pool, s->frame, (uint64_t)1 << order);
	called(c);
	got(c, s->variables[0], err ? ROOST_NONE : s->frame, order);
}

/* The variable says whether it could be done; nobody gets the frames by it. */
static void do_plug(struct context *c, const struct statement *s)
{
	unsigned order = (unsigned)s->number;
	int err;

	call(c, false,
	     s->verb == VERB_ADD ? "%s = add from frame %lu" : "%s = remove from frame %lu",
	     world_name(s->variables[0]), s->frame);
	err = s->verb == VERB_ADD ? roost_add_range(pool, s->frame, (uint64_t)1 << order)
				  : roost_remove_range(pool, s->frame, (uint64_t)1 << order);
	called(c);
	if (c)
		log_line(c, err ? "   cannot" : "   done");
	world_set(s->variables[0], value_of(err ? ROOST_NONE : s->frame, order));
}

static void do_free(struct context *c, const struct statement *s, bool nolock)
{
	for (unsigned i = 0; i < s->nr_variables; i++) {
		uint64_t value = world_take(c, s->variables[i]);
		struct roost_block block = block_of(value);

		if (!has_block(value))
			continue;
		call(c, !nolock, nolock ? "free-nolock %s (frame %lu)" : "free %s (frame %lu)",
		     world_name(s->variables[i]), (unsigned long)block.pfn);
		world_unmark(block);
		if (block.order >= SIZED)
			roost_free_n(pool, block.pfn, frames_of(block));
		else if (nolock)
			roost_free_nolock(pool, block.pfn, block.order);
		else
			roost_free(pool, block.pfn, block.order);
		called(c);
		if (c)
			log_line(c, "   %s is freed", world_name(s->variables[i]));
	}
}

static void do_free_batch(struct context *c, const struct statement *s, bool nolock)
{
	struct roost_block blocks[SCENARIO_ARGUMENTS];
	size_t n = 0;

	for (unsigned i = 0; i < s->nr_variables; i++) {
		uint64_t value = world_take(c, s->variables[i]);

		struct roost_block block = block_of(value);

		if (has_block(value) && block.order < SIZED) {
			blocks[n++] = block;
		} else if (has_block(value)) { /* no part of a batch */
			call(c, false, "free-n %s (frame %lu)", world_name(s->variables[i]),
			     (unsigned long)block.pfn);
			world_unmark(block);
			roost_free_n(pool, block.pfn, frames_of(block));
			called(c);
		}
	}
	call(c, !nolock, nolock ? "free-batch-nolock%s (%lu blocks)" : "free-batch%s (%lu blocks)",
	     "", n);
	for (size_t i = 0; i < n; i++)
		world_unmark(blocks[i]);
	if (nolock)
		roost_free_bulk_nolock(pool, blocks, n);
	else
		roost_free_bulk(pool, blocks, n);
	called(c);
	if (c)
		log_line(c, "   all are freed");
}

/* Into the largest aligned blocks, whatever the order. */
static void split_n(struct context *c, const struct statement *s, struct roost_block block)
{
	roost_pfn at = block.pfn, end = at + frames_of(block);
	int err;

	call(c, false, "split-n %s, %lu frames", world_name(s->variables[0]), end - at);
	err = roost_split_n(pool, at, end - at);
	called(c);
	for (unsigned i = 1; !err && i < s->nr_variables; i++) {
		unsigned order = 0;

		while (at < end && !(at >> order & 1) && at + ((roost_pfn)2 << order) <= end)
			order++;
		world_set(s->variables[i], value_of(at < end ? at : ROOST_NONE, order));
		at += (roost_pfn)1 << order;
	}
}

static void do_split(struct context *c, const struct statement *s)
{
	uint64_t value = world_get(s->variables[0]);
	struct roost_block block = block_of(value);
	unsigned to = (unsigned)s->number;
	int err;

	if (!has_block(value))
		return;
	if (block.order >= SIZED) {
		split_n(c, s, block);
		return;
	}
	call(c, false, "split %s to order %lu", world_name(s->variables[0]), to);
	err = roost_split(pool, block.pfn, block.order, to);
	called(c);
	if (err)
		return;
	for (unsigned i = 1; i < s->nr_variables; i++) {
		roost_pfn part = (roost_pfn)(i - 1) << to;
		bool there = part >> block.order == 0; /* else it was a smaller block this time */

		world_set(s->variables[i], value_of(there ? block.pfn + part : ROOST_NONE, to));
	}
}

/* An object of a slab goes; the last one takes the slab's frame along, under the slab's lock. */
static void do_slab_free(struct context *c, const struct statement *s)
{
	uint64_t value = world_get(s->variables[0]), *left = &world->slab[s->variables[0]];
	struct statement inner = *s;

	if (!has_block(value) || !c)
		return;
	lock_acquire(c, world_locks[s->lock]);
	*left = *left ? *left - 1 : 1;
	if (!*left) {
		inner.nr_variables = 1;
		do_free(c, &inner, false);
	}
	lock_release(c, world_locks[s->lock]);
}

/* Each object freed is a call of its own. */
static void do_objects(struct context *c, const struct statement *s)
{
	unsigned calls = s->verb == VERB_OFREE ? s->nr_variables : 1;

	if (s->flags & ROOST_WAIT || s->verb == VERB_SHRINK)
		check_may_sleep(c, s->verb == VERB_SHRINK ? "shrink" : "an allocation with wait");
	for (unsigned i = 0; i < calls; i++) {
		call(c, s->flags & ROOST_WAIT || s->verb == VERB_SHRINK, "%s", s->text, i);
		objects_do(c, s, i);
		called(c);
	}
}

static void do_cpu(struct context *c, const struct statement *s)
{
	static const char *const names[] = {[VERB_DRAIN] = "drain",
					    [VERB_OFFLINE] = "offline",
					    [VERB_ONLINE] = "online",
					    [VERB_ISOLATE] = "isolate",
					    [VERB_UNISOLATE] = "unisolate"};
	unsigned cpu = (unsigned)s->number;

	check_may_sleep(c, names[s->verb]);
	switch (s->verb) {
	case VERB_DRAIN:
		call(c, true, s->number < 0 ? "drain all" : "drain cpu%s%lu", "", cpu);
		roost_drain(pool, s->number);
		break;
	case VERB_OFFLINE:
		call(c, true, "offline cpu%s%lu", "", cpu);
		roost_cpu_offline(pool, cpu);
		break;
	case VERB_ONLINE:
		call(c, true, "online cpu%s%lu", "", cpu);
		roost_cpu_online(pool, cpu);
		break;
	default: {
		uint64_t value = world_get(s->variables[0]);

		call(c, true, s->verb == VERB_ISOLATE ? "isolate %s" : "unisolate %s",
		     world_name(s->variables[0]), 0);
		if (has_block(value) &&
		    roost_isolate(pool, block_of(value).pfn, s->verb == VERB_ISOLATE))
			log_line(c, "   cannot");
	}
	}
	log_line(c, "   done");
}

/* ---- Setup only ---------------------------------------------------------------------------- */

static void do_fill(const struct statement *s)
{
	roost_pfn *all = malloc((size_t)world_scenario->pageblocks * 512 * sizeof(*all)), pfn;
	size_t n = 0;

	if (!all)
		abort();
	while ((pfn = roost_alloc(pool, 0, ROOST_WAIT)) != ROOST_NONE)
		all[n++] = pfn;
	for (size_t i = 0; i < n; i++)
		if (n - i > (size_t)s->number)
			world_mark((struct roost_block){all[i], 0});
		else
			roost_free(pool, all[i], 0);
	roost_drain(pool, -1);
	free(all);
}

/* ---- Assertions ---------------------------------------------------------------------------- */

static const char *outside; /* what runs on no virtual CPU: setup or finally */

static void failed(const struct context *c, const struct statement *s)
{
	vm_fail(FAIL_ASSERT, s->text, "%s: \"%s\" does not hold (line %u)", c ? c->name : outside,
		s->text, s->line);
}

static void do_assert(struct context *c, const struct statement *s)
{
	unsigned got = 0, none = 0;

	if (s->assertion == ASSERT_PRESSED) {
		if (!world->pressed)
			failed(c, s);
		return;
	}
	if (s->assertion == ASSERT_OWNER) {
		struct roost_frame_info info;
		uint64_t value = world_get(s->variables[0]);

		if (!has_block(value))
			return;
		roost_frame_info(pool, block_of(value).pfn, &info);
		if (info.owner != s->number)
			failed(c, s);
		return;
	}
	for (unsigned i = 0; i < s->nr_variables; i++) {
		uint64_t value = world_get(s->variables[i]);

		got += has_block(value);
		none += value == VALUE_NONE;
	}
	if ((s->assertion == ASSERT_GOT && got != s->nr_variables) ||
	    (s->assertion == ASSERT_NONE && none != s->nr_variables) ||
	    (s->assertion == ASSERT_ONE_OF && got != 1) || (s->assertion == ASSERT_ANY_OF && !got))
		failed(c, s);
}

/* ---- Programs ------------------------------------------------------------------------------ */

static void do_wait(struct context *c, const struct statement *s)
{
	while (c && !world_get(s->variables[0])) {
		c->spins = 1;
		port_relax();
	}
}

static void do_locks(struct context *c, const struct statement *s, unsigned *irq)
{
	if (!c)
		return;
	switch (s->verb) {
	case VERB_LOCK_IRQSAVE:
		if (!vm.rt)
			*irq = port_irq_save();
		lock_acquire(c, world_locks[s->lock]);
		break;
	case VERB_LOCK:
		lock_acquire(c, world_locks[s->lock]);
		break;
	case VERB_UNLOCK:
		lock_release(c, world_locks[s->lock]);
		break;
	case VERB_UNLOCK_IRQRESTORE:
		lock_release(c, world_locks[s->lock]);
		if (!vm.rt)
			port_irq_restore(*irq);
		break;
	case VERB_IRQ_OFF:
		*irq = port_irq_save();
		break;
	default:
		port_irq_restore(*irq);
	}
}

/* Allocations and frees of frames. */
static void do_frames(struct context *c, const struct statement *s)
{
	switch (s->verb) {
	case VERB_ALLOC:
		do_alloc(c, s);
		break;
	case VERB_ALLOC_BULK:
		do_alloc_bulk(c, s);
		break;
	case VERB_ALLOC_N:
		do_alloc_n(c, s);
		break;
	case VERB_TAKE:
		do_take(c, s);
		break;
	case VERB_ADD:
	case VERB_REMOVE:
		do_plug(c, s);
		break;
	case VERB_FREE:
	case VERB_FREE_NOLOCK:
		do_free(c, s, s->verb == VERB_FREE_NOLOCK);
		break;
	case VERB_FREE_BATCH:
	case VERB_FREE_BATCH_NOLOCK:
		do_free_batch(c, s, s->verb == VERB_FREE_BATCH_NOLOCK);
		break;
	case VERB_SPLIT:
		do_split(c, s);
		break;
	default:
		do_slab_free(c, s);
	}
}

static void do_one(struct context *c, const struct statement *s, unsigned *irq)
{
	switch (s->verb) {
	case VERB_ALLOC:
	case VERB_ALLOC_BULK:
	case VERB_ALLOC_N:
	case VERB_TAKE:
	case VERB_ADD:
	case VERB_REMOVE:
	case VERB_FREE:
	case VERB_FREE_NOLOCK:
	case VERB_FREE_BATCH:
	case VERB_FREE_BATCH_NOLOCK:
	case VERB_SPLIT:
	case VERB_SLAB_FREE:
		do_frames(c, s);
		break;
	case VERB_OALLOC:
	case VERB_OALLOC_BULK:
	case VERB_OFREE:
	case VERB_OFREE_BULK:
	case VERB_SHRINK:
		do_objects(c, s);
		break;
	case VERB_NO_SEQUENCES:
		port_no_sequences();
		break;
	case VERB_WAIT:
		do_wait(c, s);
		break;
	case VERB_FILL:
		do_fill(s);
		break;
	case VERB_ASSERT:
		do_assert(c, s);
		break;
	case VERB_DRAIN:
	case VERB_OFFLINE:
	case VERB_ONLINE:
	case VERB_ISOLATE:
	case VERB_UNISOLATE:
		do_cpu(c, s);
		break;
	default:
		do_locks(c, s, irq);
	}
}

static void do_statement(struct context *c, const struct statement *s, unsigned *irq)
{
	if (c)
		where_enter(&c->where, (uintptr_t)s, true);
	do_one(c, s, irq);
	if (c)
		where_leave(&c->where);
}

void program_do(struct context *c, const struct program *p)
{
	unsigned irq = 1;

	if (!c)
		outside = p->place == PLACE_SETUP ? "setup" : "finally";
	for (unsigned i = 0; i < p->nr && (c || !vm.failure.kind); i++)
		do_statement(c, &p->statements[i], &irq);
}
