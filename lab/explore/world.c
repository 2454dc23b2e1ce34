/* SPDX-License-Identifier: MIT */
/* world.c - see world.h. */
#include "world.h"

#include <setjmp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "ends.h"
#include "engine.h"
#include "lock.h"
#include "log.h"
#include "memory.h"
#include "objects.h"
#include "port.h"
#include "tool/common/say.h"
#include "witness.h"

struct world *world;
static uint32_t *contents; /* of each frame: what its holder writes */
static void *metadata;
static size_t metadata_size;
roost_t *pool;
const struct scenario *world_scenario;
unsigned world_locks[SCENARIO_LOCKS];
static unsigned most_own;
static struct roost_stats before; /* what was counted in the setup */
static bool asks_counters;	  /* does a witness of this path? */

/* Each lock of a scenario is a class of its own, before all of the engine's. */
static const struct lock_class lock_classes[SCENARIO_LOCKS] = {
	{"L0", LOCK_SCENARIO, 0},
	{"L1", LOCK_SCENARIO, 0},
	{"L2", LOCK_SCENARIO, 0},
	{"L3", LOCK_SCENARIO, 0},
};

unsigned scenario_most_own(void)
{
	return most_own;
}

void scenario_add_own(unsigned own)
{
	most_own = own > most_own ? own : most_own;
}

/* ---- Variables ----------------------------------------------------------------------------- */

uint64_t world_get(unsigned variable)
{
	return memory_load(&world->values[variable], 8, memory_order_acquire);
}

void world_set(unsigned variable, uint64_t value)
{
	memory_store(&world->values[variable], 8, value, memory_order_release);
}

uint64_t world_take(const struct context *c, unsigned variable)
{
	if (c && c->hooked)
		return memory_rmw(&world->values[variable], 8, RMW_EXCHANGE, 0,
				  memory_order_acq_rel);
	return world_get(variable);
}

const char *world_name(unsigned variable)
{
	return world_scenario->variables[variable];
}

/* ---- Holders ------------------------------------------------------------------------------- */

/* A holder of frames writes to them. So the allocator must order what one holder does before it
 * frees against what the next one does: if not, that is a data race. */
static void write_frames(struct roost_block block)
{
	if (vm.current)
		race_access(&contents[block.pfn], sizeof(*contents) * frames_of(block), true);
	objects_write(block.pfn, frames_of(block));
}

void world_mark(struct roost_block block)
{
	for (roost_pfn f = block.pfn; f < block.pfn + frames_of(block); f++) {
		if (world->marks[f] || objects_on(f))
			vm_fail(FAIL_DOUBLED, "frame",
				"frame %llu was handed out though it is held already",
				(unsigned long long)f);
		world->marks[f] = 1;
		world->held++;
	}
	write_frames(block);
}

void world_unmark(struct roost_block block)
{
	if (world->marks
		    [block.pfn]) /* a context that does not hold the block has no business there */
		write_frames(block);
	for (roost_pfn f = block.pfn; f < block.pfn + frames_of(block); f++) {
		world->held -= world->marks[f];
		world->marks[f] = 0;
	}
}

/* ---- Hooks and the end ---------------------------------------------------------------------- */

/* Both hooks are called with no lock of the allocator held. */
static void check_hook(const struct context *c, const char *hook)
{
	if (c && (lock_holds_kind(c, LOCK_TRIED) || lock_holds_kind(c, LOCK_WAITED)))
		vm_fail(FAIL_LOCK, hook, "%s calls the hook for %s with a lock held", c->name,
			hook);
}

/* What it does is no part of the call that it is called from. In the setup it does nothing. */
static void pressed(void *context, unsigned zone, uint64_t free_frames)
{
	struct context *c = vm.current;
	uint32_t ops;
	bool waits;

	(void)context;
	if (!c)
		return;
	ACCESS_HERE();
	where_enter(&c->where, access_pc, false);
	log_line(c, "   pressure: %lu frames are free in zone %u", (unsigned long)free_frames,
		 zone);
	check_hook(c, "pressure");
	if (world->pressing)
		vm_fail(FAIL_ASSERT, "pressure", "%s calls the pressure hook while it runs",
			c->name);
	world->pressing = c->hooked = true;
	/* Two calls for one zone are ordered: the hook need not lock what it writes. */
	race_access(&world->pressed, sizeof(world->pressed), true);
	world->pressed++;
	ops = c->call_ops;
	waits = c->call_waits;
	c->call_waits = c->level < LEVEL_NMI;
	program_do(c, &world_scenario->pressure);
	c->call_ops = ops;
	c->call_waits = waits;
	world->pressing = c->hooked = false;
	c->own_news = true;
	where_leave(&c->where);
}

static const char *misuse_name(unsigned kind)
{
	return kind == SCENARIO_OBJECT_MISUSE ? "misuse of an object"
					      : roost_misuse_name((enum roost_misuse_kind)kind);
}

void world_heard(unsigned kind, long long where)
{
	struct context *c = vm.current;

	check_hook(c, "misuse");
	world->misuse[kind]++;
	if (c)
		log_line(c, "   misuse: %s", misuse_name(kind));
	if (world->misuse[kind] > world_scenario->misuse[kind])
		vm_fail(FAIL_MISUSE, misuse_name(kind),
			"%s of frame %lld was reported, which was not expected (or not so often)",
			misuse_name(kind), where);
}

static void heard_misuse(void *context, const struct roost_misuse *misuse)
{
	(void)context;
	ACCESS_HERE();
	world_heard(misuse->kind, (long long)misuse->pfn);
}

/* In the place of the lock's word is the clock that its last holder leaves (lock.c). */
static unsigned add_lock(unsigned i)
{
	vm_clock *clock = vm_alloc(sizeof(*clock), 64);

	vm_ignore(clock, sizeof(*clock));
	return vm_add_lock(&lock_classes[i], clock, world_scenario->locks[i]);
}

/* An assertion of the engine ends it, too: rst_fatal() does not return. */
static void run_plain(const struct program *list, unsigned nr)
{
	jmp_buf fatal;

	port_fatal_ends(&fatal);
	if (!setjmp(fatal))
		for (unsigned i = 0; i < nr && !vm.failure.kind; i++) {
			port_set_cpu(list[i].cpu);
			program_do(NULL, &list[i]);
		}
	port_fatal_ends(NULL);
	port_set_cpu(0);
}

static bool frames_lost(void)
{
	struct roost_zone_info info;

	if (roost_zone_info(pool, 0, &info) != 0)
		return true;
	return info.managed - info.free - info.free_pcp - info.free_llist !=
	       world->held + objects_frames();
}

static void judge_misuse(void)
{
	for (unsigned i = 0; i < SCENARIO_MISUSES; i++)
		if (world->misuse[i] != world_scenario->misuse[i])
			vm_fail(FAIL_MISUSE, misuse_name(i),
				"%s was reported %u times, expected were %u", misuse_name(i),
				world->misuse[i], world_scenario->misuse[i]);
}

void world_violated(const struct roost_violation *violation)
{
	vm_fail(FAIL_INVARIANT, violation->invariant,
		"violated: %s (frame %lld, expected %llu, found %llu)", violation->invariant,
		(long long)violation->pfn, (unsigned long long)violation->expected,
		(unsigned long long)violation->found);
}

static void judge(void)
{
	struct roost_violation violation;

	judge_misuse();
	if (vm.failure.kind || !objects_judge())
		return;
	if (roost_validate(pool, &violation) != 0)
		world_violated(&violation);
	else if (frames_lost())
		vm_fail(FAIL_INVARIANT, "lost",
			"frames count as allocated that nobody holds, or the other way round");
	else
		run_plain(world_scenario->finally, world_scenario->nr_finally);
}

/* Not all counters have a probe: what the others came to is asked in the end. */
static void count_witnesses(void)
{
	struct roost_stats stats = {0};

	if (asks_counters && roost_stats(pool, -1, -1, &stats) == 0)
		witness_counted(&before, &stats);
}

static void finished(void)
{
	bool stopped = false;
	uint64_t hash;

	count_witnesses();

	for (unsigned i = 0; i < vm.nr_cpus; i++)
		stopped |= vm.cpus[i].stopped;
	hash = vm_hash() ^ (stopped ? UINT64_C(1) << 63 : 0);
	/* What comes of it depends on the memory alone. A replay is there to be looked at. */
	if (!stopped && (vm.strategy->every_access || !ends_has(hash)))
		judge();
	if (!vm.failure.kind)
		ends_add(hash);
}

static void run(struct context *c)
{
	program_do(c, c->program);
}

/* The element of an array of the world that lies at an address, or -1. */
static long element_at(const void *address, const void *array, size_t count, size_t size)
{
	uintptr_t at = (uintptr_t)address - (uintptr_t)array;

	return at / size < count ? (long)(at / size) : -1;
}

static bool name(const void *address, char *text, size_t size)
{
	size_t frames = (size_t)world_scenario->pageblocks * 512;
	long i;

	if (engine_address(address, text, size) || objects_address(address, text, size))
		return true;
	if ((i = element_at(address, world->values, SCENARIO_VARIABLES, sizeof(uint64_t))) >= 0)
		snprintf(text, size, "variable %s", world_name((unsigned)i));
	else if ((i = element_at(address, world->slab, SCENARIO_VARIABLES, sizeof(uint64_t))) >= 0)
		snprintf(text, size, "objects of slab %s", world_name((unsigned)i));
	else if (element_at(address, &world->pressed, 1, sizeof(world->pressed)) >= 0)
		snprintf(text, size, "what the pressure hook writes");
	else if ((i = element_at(address, contents, frames, sizeof(*contents))) >= 0)
		snprintf(text, size, "contents of frame %ld", i);
	else if ((i = element_at(address, metadata, metadata_size, 1)) >= 0)
		snprintf(text, size, "byte 0x%lx of the metadata", (unsigned long)i);
	else
		return false;
	return true;
}

static const struct vm_guest guest = {run, finished, name};

/* A handler runs on top of a task, be it one that has nothing to do: that of an idle CPU. */
static void add_contexts(const struct scenario *s)
{
	static struct program idle;
	static char names[VM_CPUS][SCENARIO_NAME], moves[VM_CONTEXTS][SCENARIO_NAME + 8];
	struct context *idles[VM_CPUS];
	bool task[VM_CPUS] = {0}, handler[VM_CPUS] = {0};

	for (unsigned i = 0; i < s->nr_contexts; i++) {
		const struct program *p = &s->contexts[i];

		*(p->level == LEVEL_TASK ? &task[p->cpu] : &handler[p->cpu]) = true;
		vm_add(p->cpu, s->rt && p->level < LEVEL_NMI ? LEVEL_TASK : p->level, p->name,
		       &s->contexts[i]);
	}
	for (unsigned cpu = 0; cpu < VM_CPUS; cpu++) {
		bool wanted = s->machine ? cpu < s->config.nr_cpus : handler[cpu] && !task[cpu];

		if (!wanted)
			continue;
		snprintf(names[cpu], sizeof(names[cpu]), "idle cpu%u", cpu);
		idles[cpu] = vm_add(cpu, LEVEL_TASK, names[cpu], &idle);
	}
	for (unsigned i = 0; i < s->nr_contexts && s->migrates; i++) {
		struct context *c = &vm.contexts[i];
		unsigned to = (c->home + 1u) % s->config.nr_cpus;

		if (s->contexts[i].level != LEVEL_TASK) /* a handler's thread stays */
			continue;
		snprintf(moves[i], sizeof(moves[i]), "move of %s", c->name);
		vm_add_migration(c, to, idles[c->home], moves[i]);
	}
}

bool scenario_load(const struct scenario *s, unsigned path, bool weak)
{
	struct roost_config config = s->config;
	struct roost_pcpbuddy_config pcpbuddy = s->pcpbuddy;
	size_t frames = (size_t)s->pageblocks * 512;
	size_t there = (size_t)(s->pageblocks - s->absent) * 512;
	struct roost_range ranges[] = {
		{.start = 0, .end = there},
		{.start = there, .end = frames, .flags = ROOST_RANGE_ABSENT}};

	world_scenario = s;
	most_own = 0;
	vm_reset();
	vm_forget_failure();
	vm.weak = weak;
	vm.guest = &guest;
	config.ranges = there ? ranges : &ranges[1];
	config.nr_ranges = there && s->absent ? 2 : 1;
	vm.tries_wait = false;
	engine_configure(&config, &pcpbuddy, path);
	config.misuse = heard_misuse;
	if (s->pressure.nr)
		config.pressure = pressed;
	metadata_size = roost_metadata_size(&config);
	world = vm_alloc(sizeof(*world) + frames, 64);
	contents = vm_alloc(sizeof(*contents) * frames, 64);
	metadata = vm_alloc(metadata_size, 64);
	if (!metadata_size || roost_init(&pool, &config, metadata, metadata_size)) {
		const char *error = roost_config_error(&config);

		say_error("%s: pool: %s", s->file, error ? error : "?");
		return false;
	}
	engine_register(pool, "");
	if (!objects_start(s, &config))
		return false;
	for (unsigned i = 0; i < s->nr_locks; i++)
		world_locks[i] = add_lock(i);
	vm.nr_cpus = config.nr_cpus;
	run_plain(s->setup, s->nr_setup);
	if (vm.failure.kind)
		return false;
	memset(world->misuse, 0, sizeof(world->misuse));
	asks_counters = false;
	for (unsigned i = 0; i < s->nr_witnesses; i++)
		asks_counters |= s->witnesses[i].kind == WITNESS_COUNTER &&
				 s->witnesses[i].paths >> path & 1;
	before = (struct roost_stats){0};
	if (roost_stats(pool, -1, -1, &before) != 0)
		return false;
	vm.preempts = s->machine;
	vm.rt = s->rt;
	add_contexts(s);
	vm_freeze();
	return true;
}
