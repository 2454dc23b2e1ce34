/* SPDX-License-Identifier: MIT */
/*
 * program.c - sets a scenario up on the virtual machine, does its operations, and judges the end.
 *
 * Beside the allocator stands a map of who holds which frame; a frame that is handed out while it
 * is marked there is a find, and so are frames that count as allocated though nobody holds them.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "lock.h"
#include "log.h"
#include "memory.h"
#include "port.h"
#include "scenario.h"

/* What a variable holds: 0 nothing yet, NONE no memory, else pfn + 1 and the order. */
#define VALUE_NONE (UINT64_C(1) << 63)

/* In the arena, so that it is restored for each execution. */
struct world {
	uint64_t values[SCENARIO_VARIABLES];
	uint64_t slab[SCENARIO_VARIABLES]; /* objects left; under the lock */
	unsigned misuse[SCENARIO_MISUSES];
	uint32_t pressed; /* calls of the pressure hook; nothing orders them but the engine */
	uint32_t held;	  /* frames */
	uint8_t marks[];  /* per frame */
};

static const struct scenario *scenario;
static struct world *world;
static roost_t *roost;
static unsigned most_own;
static unsigned lock_index[SCENARIO_LOCKS];

unsigned scenario_most_own(void)
{
	return most_own;
}

/* ---- Variables ----------------------------------------------------------------------------- */

static uint64_t value_of(roost_pfn pfn, unsigned order)
{
	return pfn == ROOST_NONE ? VALUE_NONE : (pfn + 1) | (uint64_t)order << 48;
}

static bool has_block(uint64_t value)
{
	return value && value != VALUE_NONE;
}

static struct roost_block block_of(uint64_t value)
{
	return (struct roost_block){.pfn = (value & ((UINT64_C(1) << 48) - 1)) - 1,
				    .order = (unsigned)(value >> 48)};
}

static uint64_t get(unsigned variable)
{
	return memory_load(&world->values[variable], 8, memory_order_acquire);
}

static void set(unsigned variable, uint64_t value)
{
	memory_store(&world->values[variable], 8, value, memory_order_release);
}

static const char *name_of(unsigned variable)
{
	return scenario->variables[variable];
}

bool scenario_address(const void *address, char *text, size_t size)
{
	size_t at = (size_t)((const char *)address - (const char *)world->values);

	if ((const char *)address < (const char *)world->values || at >= sizeof(world->values))
		return false;
	snprintf(text, size, "variable %s", name_of((unsigned)(at / sizeof(world->values[0]))));
	return true;
}

/* ---- Who holds what ------------------------------------------------------------------------ */

static void mark(roost_pfn pfn, unsigned order)
{
	for (roost_pfn f = pfn; f < pfn + ((roost_pfn)1 << order); f++) {
		if (world->marks[f])
			vm_fail(FAIL_DOUBLED, "frame",
				"frame %llu was handed out though it is held already",
				(unsigned long long)f);
		world->marks[f] = 1;
		world->held++;
	}
}

static void unmark(struct roost_block block)
{
	for (roost_pfn f = block.pfn; f < block.pfn + ((roost_pfn)1 << block.order); f++) {
		world->held -= world->marks[f];
		world->marks[f] = 0;
	}
}

/* ---- Calls --------------------------------------------------------------------------------- */

/* waits: the call may wait, unless it is an NMI that calls. */
static void call(struct context *c, bool waits, const char *format, const char *name,
		 unsigned long number)
{
	if (!c)
		return;
	c->call_waits = waits && c->level < LEVEL_NMI;
	c->call_ops = 0;
	c->nr_watched = 0;
	c->sleeps = 0;
	c->missed = -1;
	log_line(c, format, name, number);
}

static void called(struct context *c)
{
	bool waits;

	if (!c)
		return;
	waits = c->call_waits;
	c->call_waits = true; /* a wait for a lock of the scenario is no call */
	if (waits)
		return;
	if (c->call_ops > most_own)
		most_own = c->call_ops;
	if (scenario->bound && c->call_ops > scenario->bound)
		vm_fail(FAIL_BOUND, "nolock",
			"%s needed %u accesses for a call that waits for nothing; %u were stated",
			c->name, c->call_ops, scenario->bound);
}

static void do_alloc(struct context *c, const struct statement *s)
{
	unsigned variable = s->variables[0], order = (unsigned)s->number;
	roost_pfn pfn;

	call(c, s->flags & ROOST_WAIT, "%s = alloc order %lu", name_of(variable), order);
	pfn = roost_alloc(roost, order, s->flags);
	called(c);
	if (pfn != ROOST_NONE)
		mark(pfn, order);
	if (c && pfn == ROOST_NONE)
		log_line(c, "   %s is none", name_of(variable));
	else if (c)
		log_line(c, "   %s is frame %lu", name_of(variable), (unsigned long)pfn);
	set(variable, value_of(pfn, order));
}

static void do_free(struct context *c, const struct statement *s, bool nolock)
{
	for (unsigned i = 0; i < s->nr_variables; i++) {
		uint64_t value = get(s->variables[i]);
		struct roost_block block = block_of(value);

		if (!has_block(value))
			continue;
		call(c, !nolock, nolock ? "free-nolock %s (frame %lu)" : "free %s (frame %lu)",
		     name_of(s->variables[i]), (unsigned long)block.pfn);
		unmark(block);
		if (nolock)
			roost_free_nolock(roost, block.pfn, block.order);
		else
			roost_free(roost, block.pfn, block.order);
		called(c);
		if (c)
			log_line(c, "   %s is freed", name_of(s->variables[i]));
	}
}

static void do_free_batch(struct context *c, const struct statement *s, bool nolock)
{
	struct roost_block blocks[SCENARIO_ARGUMENTS] = {{0}};
	size_t n = 0;

	for (unsigned i = 0; i < s->nr_variables; i++) {
		uint64_t value = get(s->variables[i]);

		if (has_block(value))
			blocks[n++] = block_of(value);
	}
	call(c, !nolock, nolock ? "free-batch-nolock%s (%lu blocks)" : "free-batch%s (%lu blocks)",
	     "", n);
	for (size_t i = 0; i < n; i++)
		unmark(blocks[i]);
	if (nolock)
		roost_free_bulk_nolock(roost, blocks, n);
	else
		roost_free_bulk(roost, blocks, n);
	called(c);
	if (c)
		log_line(c, "   all are freed");
}

static void do_split(struct context *c, const struct statement *s)
{
	uint64_t value = get(s->variables[0]);
	struct roost_block block = block_of(value);
	unsigned to = (unsigned)s->number;
	int err;

	if (!has_block(value))
		return;
	call(c, false, "split %s to order %lu", name_of(s->variables[0]), to);
	err = roost_split(roost, block.pfn, block.order, to);
	called(c);
	if (err)
		return;
	for (unsigned i = 1; i < s->nr_variables; i++)
		set(s->variables[i], value_of(block.pfn + ((roost_pfn)(i - 1) << to), to));
}

/* An object of a slab goes; the last one takes the slab's frame along, under the slab's lock. */
static void do_slab_free(struct context *c, const struct statement *s)
{
	uint64_t value = get(s->variables[0]), *left = &world->slab[s->variables[0]];
	struct statement inner = *s;

	if (!has_block(value) || !c)
		return;
	lock_acquire(c, lock_index[s->lock]);
	*left = *left ? *left - 1 : 1;
	if (!*left) {
		inner.nr_variables = 1;
		do_free(c, &inner, false);
	}
	lock_release(c, lock_index[s->lock]);
}

static void do_cpu(struct context *c, const struct statement *s)
{
	unsigned cpu = (unsigned)s->number;

	switch (s->verb) {
	case VERB_DRAIN:
		call(c, true, s->number < 0 ? "drain all" : "drain cpu%s%lu", "", cpu);
		roost_drain(roost, s->number);
		break;
	case VERB_OFFLINE:
		call(c, true, "offline cpu%s%lu", "", cpu);
		roost_cpu_offline(roost, cpu);
		break;
	case VERB_ONLINE:
		call(c, true, "online cpu%s%lu", "", cpu);
		roost_cpu_online(roost, cpu);
		break;
	default: {
		uint64_t value = get(s->variables[0]);

		call(c, true, s->verb == VERB_ISOLATE ? "isolate %s" : "unisolate %s",
		     name_of(s->variables[0]), 0);
		if (has_block(value) &&
		    roost_isolate(roost, block_of(value).pfn, s->verb == VERB_ISOLATE))
			log_line(c, "   cannot");
	}
	}
	log_line(c, "   done");
}

/* ---- Setup only ---------------------------------------------------------------------------- */

static void do_fill(const struct statement *s)
{
	roost_pfn *all = malloc((size_t)scenario->pageblocks * 512 * sizeof(*all)), pfn;
	size_t n = 0;

	if (!all)
		abort();
	while ((pfn = roost_alloc(roost, 0, ROOST_WAIT)) != ROOST_NONE)
		all[n++] = pfn;
	for (size_t i = 0; i < n; i++)
		if (n - i > (size_t)s->number)
			mark(all[i], 0);
		else
			roost_free(roost, all[i], 0);
	roost_drain(roost, -1);
	free(all);
}

/* ---- Assertions ---------------------------------------------------------------------------- */

static void failed(const struct context *c, const struct statement *s)
{
	vm_fail(FAIL_ASSERT, s->text, "%s: \"%s\" does not hold (line %u)", c ? c->name : "finally",
		s->text, s->line);
}

static void do_assert(struct context *c, const struct statement *s)
{
	unsigned got = 0, none = 0;

	if (s->assertion == ASSERT_OWNER) {
		struct roost_frame_info info;
		uint64_t value = get(s->variables[0]);

		if (!has_block(value))
			return;
		roost_frame_info(roost, block_of(value).pfn, &info);
		if (info.owner != s->number)
			failed(c, s);
		return;
	}
	for (unsigned i = 0; i < s->nr_variables; i++) {
		uint64_t value = get(s->variables[i]);

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
	while (c && !get(s->variables[0])) {
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
		*irq = port_irq_save();
		lock_acquire(c, lock_index[s->lock]);
		break;
	case VERB_LOCK:
		lock_acquire(c, lock_index[s->lock]);
		break;
	case VERB_UNLOCK:
		lock_release(c, lock_index[s->lock]);
		break;
	case VERB_UNLOCK_IRQRESTORE:
		lock_release(c, lock_index[s->lock]);
		port_irq_restore(*irq);
		break;
	case VERB_IRQ_OFF:
		*irq = port_irq_save();
		break;
	default:
		port_irq_restore(*irq);
	}
}

static void do_statement(struct context *c, const struct statement *s, unsigned *irq)
{
	switch (s->verb) {
	case VERB_ALLOC:
		do_alloc(c, s);
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
	case VERB_SLAB_FREE:
		do_slab_free(c, s);
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

static void run(struct context *c, const struct program *p)
{
	unsigned irq = 1;

	for (unsigned i = 0; i < p->nr; i++)
		do_statement(c, &p->statements[i], &irq);
}

/* A program that is no scenario's: a litmus test of selftest.c. */
static void (*plain_program)(unsigned context);

void program_plain(void (*body)(unsigned context))
{
	plain_program = body;
}

void program_run(struct context *c)
{
	if (plain_program)
		plain_program(c->id);
	else
		run(c, c->program);
}

/* ---- Begin and end ------------------------------------------------------------------------- */

static void heard_misuse(void *context, const struct roost_misuse *misuse)
{
	struct context *c = vm.current;

	(void)context;
	world->misuse[misuse->kind]++;
	if (c)
		log_line(c, "   misuse: %s", roost_misuse_name(misuse->kind));
	if (world->misuse[misuse->kind] > scenario->misuse[misuse->kind])
		vm_fail(FAIL_MISUSE, roost_misuse_name(misuse->kind),
			"%s of frame %lld was reported, which was not expected (or not so often)",
			roost_misuse_name(misuse->kind), (long long)misuse->pfn);
}

/* Two calls for one zone must be ordered: the hook need not lock what it writes. */
static void heard_pressure(void *context, unsigned zone, uint64_t free_frames)
{
	(void)context, (void)zone, (void)free_frames;
	race_access(&world->pressed, sizeof(world->pressed), true);
	world->pressed++;
	if (vm.current)
		log_line(vm.current, "   pressure");
}

static void run_plain(const struct program *list, unsigned nr)
{
	for (unsigned i = 0; i < nr && !vm.failure.kind; i++) {
		port_set_cpu(list[i].cpu);
		run(NULL, &list[i]);
	}
	port_set_cpu(0);
}

bool scenario_load(const struct scenario *s, enum roost_free_path path, bool weak)
{
	struct roost_config config = s->config;
	size_t frames = (size_t)s->pageblocks * 512, size;
	struct roost_range range = {.start = 0, .end = frames};
	void *metadata;

	scenario = s;
	plain_program = NULL;
	most_own = 0;
	vm_reset();
	vm.failure.kind = FAIL_NONE;
	vm.weak = weak;
	vm.tries_wait = path == ROOST_FREE_BLOCKING;
	config.ranges = &range;
	config.nr_ranges = 1;
	config.free_path = path;
	config.misuse = heard_misuse;
	if (config.zones && config.zones->low) /* elsewhere it would only be more to explore */
		config.pressure = heard_pressure;
	size = roost_metadata_size(&config);
	world = vm_alloc(sizeof(*world) + frames, 64);
	metadata = vm_alloc(size, 64);
	if (!size || roost_init(&roost, &config, metadata, size)) {
		const char *error = roost_config_error(&config);

		fprintf(stderr, "roost-explore: %s: pool: %s\n", s->file, error ? error : "?");
		return false;
	}
	engine_register(roost);
	for (unsigned i = 0; i < s->nr_locks; i++)
		lock_index[i] =
			vm_add_lock(LOCK_SCENARIO, vm_alloc(sizeof(vm_clock), 64), s->locks[i]);
	vm.nr_cpus = config.nr_cpus;
	run_plain(s->setup, s->nr_setup);
	if (vm.failure.kind) {
		fprintf(stderr, "roost-explore: %s: setup: %s\n", s->file, vm.failure.text);
		return false;
	}
	memset(world->misuse, 0, sizeof(world->misuse));
	for (unsigned i = 0; i < s->nr_contexts; i++)
		vm_add(s->contexts[i].cpu, s->contexts[i].level, s->contexts[i].name,
		       &s->contexts[i]);
	vm_freeze();
	return true;
}

static bool frames_lost(void)
{
	struct roost_zone_info info;

	if (roost_zone_info(roost, 0, &info) != 0)
		return true;
	return info.managed - info.free - info.free_pcp - info.free_llist != world->held;
}

void scenario_finish(void)
{
	struct roost_violation violation;
	bool stopped = false;

	if (plain_program)
		return;
	for (unsigned i = 0; i < vm.nr_cpus; i++)
		stopped |= vm.cpus[i].stopped;
	for (unsigned i = 0; i < SCENARIO_MISUSES && !stopped; i++)
		if (world->misuse[i] != scenario->misuse[i])
			vm_fail(FAIL_MISUSE, roost_misuse_name((enum roost_misuse_kind)i),
				"%s was reported %u times, expected were %u",
				roost_misuse_name((enum roost_misuse_kind)i), world->misuse[i],
				scenario->misuse[i]);
	if (stopped || vm.failure.kind)
		return;
	if (roost_validate(roost, &violation) != 0)
		vm_fail(FAIL_INVARIANT, violation.invariant,
			"violated: %s (frame %lld, expected %llu, found %llu)", violation.invariant,
			(long long)violation.pfn, (unsigned long long)violation.expected,
			(unsigned long long)violation.found);
	else if (frames_lost())
		vm_fail(FAIL_INVARIANT, "lost",
			"frames count as allocated that nobody holds, or the other way round");
	else
		run_plain(scenario->finally, scenario->nr_finally);
}
