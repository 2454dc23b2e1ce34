/* SPDX-License-Identifier: MIT */
/* vm.c - see vm.h. */
#include "vm.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "lock.h"
#include "log.h"
#include "memory.h"
#include "notes.h"

struct vm vm;

/* ---- Setting up ---------------------------------------------------------------------------- */

/* The arena is always at the same address, so that saved schedules and messages are, too. */
void vm_init(void)
{
	void *at = (void *)(uintptr_t)0x6f0000000000u;

	if (vm.arena)
		return;
	vm.arena = mmap(at, VM_ARENA, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	vm.snapshot = malloc(VM_ARENA);
	if (vm.arena == MAP_FAILED || !vm.snapshot) {
		perror("roost: memory");
		exit(2);
	}
	for (unsigned i = 0; i < VM_CONTEXTS; i++)
		fiber_create(&vm.contexts[i].fiber);
	race_begin();
}

void vm_reset(void)
{
	vm_init();
	memset(vm.arena, 0, VM_ARENA);
	memory_forget();
	lock_forget();
	vm.used = 0;
	vm.nr_contexts = vm.nr_cpus = vm.nr_locks = 0;
	memset(vm.ignored, 0, sizeof(vm.ignored));
	vm.grown = vm.share_all = vm.preempts = vm.rt = false;
	vm.current = NULL;
}

void *vm_alloc(size_t size, size_t alignment)
{
	size_t start = (vm.used + alignment - 1) & ~(alignment - 1);

	if (start + size > VM_ARENA) {
		fprintf(stderr, "roost: the scenario needs more than %d KiB of memory\n",
			VM_ARENA / 1024);
		exit(2);
	}
	vm.used = start + size;
	return vm.arena + start;
}

struct context *vm_add(unsigned cpu, enum level level, const char *name, void *program)
{
	struct context *c = &vm.contexts[vm.nr_contexts];
	struct fiber fiber = c->fiber;

	*c = (struct context){.fiber = fiber,
			      .id = (uint8_t)vm.nr_contexts,
			      .cpu = (uint8_t)cpu,
			      .home = (uint8_t)cpu,
			      .level = (uint8_t)level,
			      .name = name,
			      .program = program};
	vm.nr_contexts++;
	if (cpu >= vm.nr_cpus)
		vm.nr_cpus = cpu + 1;
	return c;
}

void vm_add_migration(struct context *task, unsigned to, struct context *idle, const char *name)
{
	struct context *c = vm_add(task->home, LEVEL_MIGRATE, name, NULL);

	c->moves = task;
	c->to = (uint8_t)to;
	c->idle = idle;
}

const struct context *vm_task_of(unsigned cpu)
{
	const struct context *c = vm.cpus[cpu].top;

	while (c && c->below)
		c = c->below;
	return c;
}

unsigned vm_add_lock(const struct lock_class *class, void *address, const char *name)
{
	struct lock *lock = &vm.locks[vm.nr_locks];
	unsigned first = 0;

	if (vm.nr_locks == VM_LOCKS) {
		fprintf(stderr, "roost: more than %d locks\n", VM_LOCKS);
		exit(2);
	}
	while (first < vm.nr_locks && vm.locks[first].class != class)
		first++;
	*lock = (struct lock){
		.class = class, .first = (uint8_t)first, .address = address, .holder = -1};
	snprintf(lock->name, sizeof(lock->name), "%s", name);
	memory_word(address, 4)->lock = (uint16_t)vm.nr_locks;
	return vm.nr_locks++;
}

void vm_ignore(void *start, size_t size)
{
	size_t first = (size_t)((char *)start - vm.arena) / VM_GRAIN;

	memset(vm.ignored + first, 1, size / VM_GRAIN);
}

static uint64_t hash_part(uint64_t hash, size_t from, size_t size)
{
	for (size_t i = from; i < from + size; i += 8) {
		uint64_t value;

		memcpy(&value, vm.arena + i, 8);
		if (memcmp(&value, vm.snapshot + i, 8) != 0 && !vm_ignored(vm.arena + i)) {
			value = (value ^ i << 40) * UINT64_C(0x9e3779b97f4a7c15);
			hash = (hash ^ value ^ value >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
		}
	}
	return hash;
}

/* Most of the memory is as it was frozen, and the library's comparison is fast. */
uint64_t vm_hash(void)
{
	enum { PART = 256 };
	uint64_t hash = 0;

	for (size_t i = 0; i < vm.used; i += PART)
		if (memcmp(vm.arena + i, vm.snapshot + i, PART) != 0)
			hash = hash_part(hash, i, PART);
	return hash | 1;
}

void vm_freeze(void)
{
	memcpy(vm.snapshot, vm.arena, VM_ARENA);
}

/* ---- Failures ------------------------------------------------------------------------------ */

void vm_forget_failure(void)
{
	vm.failure.kind = FAIL_NONE;
	vm.failure.sights.nr = vm.failure.sights.left_out = 0;
}

struct where vm_where(const struct context *c)
{
	struct where w = c->where;
	unsigned kept = w.depth < WHERE_DEPTH ? w.depth : WHERE_DEPTH;

	/* A statement is not in the code, so its accesses have no place there. */
	if (kept && !where_is_statement(&w, kept - 1)) {
		if (kept == WHERE_DEPTH)
			w.frames[WHERE_DEPTH - 1] = c == vm.current ? access_pc : c->pc;
		else
			where_enter(&w, c == vm.current ? access_pc : c->pc, false);
	}
	return w;
}

void sights_add(struct sights *sights, enum sight_kind kind, const char *context, const char *what,
		const struct where *where)
{
	struct sight *sight = &sights->list[sights->nr];

	if (sights->nr == MOST_SIGHTS) {
		sights->left_out++;
		return;
	}
	sights->nr++;
	sight->kind = kind;
	sight->where = *where;
	snprintf(sight->context, sizeof(sight->context), "%s", context);
	snprintf(sight->what, sizeof(sight->what), "%s", what);
}

void vm_sight(enum sight_kind kind, const struct context *c, const char *what,
	      const struct where *where)
{
	if (!vm.failure.kind)
		sights_add(&vm.failure.sights, kind, c->name, what, where);
}

static void sight_failing(const struct context *c)
{
	struct where where = vm_where(c);

	vm_sight(SIGHT_FAILS, c, "", &where);
	for (unsigned i = 0; i < c->nr_held; i++)
		vm_sight(SIGHT_ACQUIRED, c, vm.locks[c->held[i]].name, &c->held_at[i]);
}

void vm_fail(enum failure_kind kind, const char *key, const char *format, ...)
{
	struct context *c = vm.current;
	va_list list;

	if (!vm.failure.kind) {
		if (c && !vm.failure.sights.nr)
			sight_failing(c);
		vm.failure.kind = kind;
		snprintf(vm.failure.key, sizeof(vm.failure.key), "%s %s", failure_name(kind), key);
		va_start(list, format);
		vsnprintf(vm.failure.text, sizeof(vm.failure.text), format, list);
		va_end(list);
		log_line(c, "*** %s", c ? vm.failure.text : failure_name(kind));
	}
	if (c)
		fiber_switch(&c->fiber, &vm.scheduler);
}

/* ---- Contexts ------------------------------------------------------------------------------ */

static void enter(void *argument)
{
	struct context *c = argument;

	vm.guest->run(c);
	c->done = true;
	c->pending.kind = OP_NONE;
	fiber_switch(&c->fiber, &vm.scheduler);
}

void vm_point(struct op op)
{
	struct context *c = vm.current;

	c->pending = op;
	c->pc = access_pc;
	fiber_switch(&c->fiber, &vm.scheduler);
	access_pc = c->pc;
}

/* Until its next choice point, or its end. */
static void run(struct context *c)
{
	vm.current = c;
	fiber_switch(&vm.scheduler, &c->fiber);
	vm.current = NULL;
}

static bool writes_came(const struct context *c)
{
	if (c->own_news)
		return true;
	for (unsigned i = 0; i < c->nr_watched; i++) {
		const struct word *word = &vm.words[c->watched[i].word];

		for (unsigned s = c->watched[i].nr_stores; s < word->nr_stores; s++)
			if (word->stores[s].context != c->id)
				return true;
	}
	return false;
}

/* Is its next step one of taking, waiting for, or handing on a lock that is waited for? */
static bool at_waited_lock(const struct context *c)
{
	unsigned lock = c->done || c->pending.word == VM_NO_WORD ? VM_LOCKS
								 : vm.words[c->pending.word].lock;

	return c->pending.kind != OP_NONE && lock != VM_LOCKS &&
	       vm.locks[lock].class->kind != LOCK_TRIED;
}

/* Could another task go on in the place of the one that the CPU runs? */
static bool switchable(const struct cpu *cpu)
{
	const struct context *top = cpu->top;

	return vm.preempts && top->level == LEVEL_TASK &&
	       (top->done || (cpu->irq_on && !top->preempt_off));
}

/* A task that waits for its turn can be moved, and one that runs if it could be preempted. The move
 * of one that is through is none; as any handler it comes in the end, so that the search sees it.
 */
static bool may_migrate(const struct context *task)
{
	return task->done || vm_task_of(task->cpu) != task || switchable(&vm.cpus[task->cpu]);
}

static bool may_begin(const struct context *c)
{
	const struct cpu *cpu = &vm.cpus[c->cpu];
	const struct context *top = cpu->top;

	switch (c->level) {
	case LEVEL_SOFTIRQ:
		return cpu->irq_on && top->level == LEVEL_TASK;
	case LEVEL_HARDIRQ:
		return cpu->irq_on && top->level < LEVEL_HARDIRQ;
	case LEVEL_NMI:
		return top->level < LEVEL_NMI;
	case LEVEL_MIGRATE:
		return may_migrate(c->moves);
	default: /* a CPU does not stop where others wait for it, or it for others */
		for (; top; top = top->below)
			if (lock_holds_kind(top, LOCK_WAITED) ||
			    lock_holds_kind(top, LOCK_SCENARIO) || at_waited_lock(top))
				return false;
		return true;
	}
}

bool vm_enabled(const struct context *c)
{
	const struct cpu *cpu = &vm.cpus[c->cpu];

	if (c->done || cpu->stopped)
		return false;
	if (!c->started)
		return may_begin(c);
	if (cpu->top != c && (c->level != LEVEL_TASK || !switchable(cpu)))
		return false;
	switch (c->pending.kind) {
	case OP_LOCK:
		return vm.locks[vm.words[c->pending.word].lock].holder < 0;
	case OP_PARKED:
		return c->woken_by >= 0;
	case OP_SPIN:
	case OP_SLEEP:
		return writes_came(c);
	default:
		return true;
	}
}

static uint16_t enabled_mask(void)
{
	uint16_t mask = 0;

	for (unsigned i = 0; i < vm.nr_contexts; i++)
		mask |= (uint16_t)((unsigned)vm_enabled(&vm.contexts[i]) << i);
	return mask;
}

/* ---- Tasks that take turns ------------------------------------------------------------------ */

/* The task goes on in the place of the one that its CPU runs. */
static void switch_to(struct context *c)
{
	struct cpu *cpu = &vm.cpus[c->cpu];

	if (!cpu->top->done) {
		log_line(c, "== %s preempts %s", c->name, cpu->top->name);
		note_preemption(cpu->top);
	} else {
		log_line(c, "== %s runs", c->name);
	}
	if (c->moved_by >= 0 && !c->arrived) {
		memory_arrive(c);
		c->arrived = true;
	}
	cpu->breaks++;
	cpu->top = c;
}

static void migrate(const struct context *migration)
{
	struct context *c = migration->moves;
	struct cpu *cpu = &vm.cpus[c->cpu];

	if (c->done)
		return;
	log_line(c, "== %s leaves for CPU %u", c->name, migration->to);
	notes.migrated = true;
	if (cpu->top == c) {
		note_preemption(c);
		cpu->top = migration->idle;
		cpu->breaks++;
	}
	memory_leave(c);
	c->cpu = migration->to;
	c->moved_by = vm.nr_steps - 1;
}

/* ---- Handlers ------------------------------------------------------------------------------ */

static void begin(struct context *c)
{
	struct cpu *cpu = &vm.cpus[c->cpu];

	c->started = true;
	if (c->level == LEVEL_MIGRATE) {
		c->done = true;
		migrate(c);
		return;
	}
	cpu->breaks++;
	c->below = cpu->top;
	c->irq_before = cpu->irq_on;
	cpu->top = c;
	note_interrupt(c);
	if (c->level == LEVEL_STOP) {
		cpu->stopped = true;
		log_line(c, "CPU %u stops forever", c->cpu);
		return;
	}
	if (c->level >= LEVEL_HARDIRQ)
		cpu->irq_on = false;
	if (c->level < LEVEL_NMI)
		clock_join(c->clock, cpu->irq_published);
	log_line(c, "-> %s", c->name);
	fiber_start(&c->fiber, enter, c);
	run(c);
}

static void after_step(struct context *c)
{
	struct cpu *cpu = &vm.cpus[c->cpu];

	if (!c->done || !c->below)
		return;
	log_line(c, "<- returns");
	cpu->top = c->below;
	cpu->irq_on = c->irq_before;
	if (c->level < LEVEL_NMI)
		clock_join(cpu->irq_returned, c->clock);
}

/* ---- Running ------------------------------------------------------------------------------- */

static void reset_context(struct context *c)
{
	c->started = c->done = false;
	c->below = NULL;
	c->pending = (struct op){0};
	c->hooked = c->own_news = c->arrived = c->no_sequences = false;
	c->cpu = c->home;
	c->preempt_off = 0;
	c->call_waits = true;
	c->call_ops = c->ops = c->spins = c->sleeps = c->nr_held = c->nr_watched = 0;
	c->woken_by = c->missed = c->moved_by = -1;
	c->where.depth = 0;
	memset(c->clock, 0, sizeof(c->clock));
	c->clock[c->id] = 1;
}

static void reset(void)
{
	memcpy(vm.arena, vm.snapshot, vm.used);
	vm.generation++;
	vm.nr_steps = 0;
	vm.cut = false;
	vm_forget_failure();
	memory_begin();
	for (unsigned i = 0; i < vm.nr_cpus; i++)
		/* No sequence that began on one CPU is whole on another. */
		vm.cpus[i] = (struct cpu){.irq_on = true, .last_step = -1, .breaks = i << 24};
	for (unsigned i = 0; i < vm.nr_locks; i++)
		vm.locks[i].holder = -1;
	for (unsigned i = 0; i < vm.nr_contexts; i++)
		reset_context(&vm.contexts[i]);
	log_begin();
}

/* Accesses that the context has behind it: all but the one that it waits to make. One that failed
 * waits for nothing: all that it counted belongs to the step that failed. */
static uint32_t behind(const struct context *c)
{
	if (c->done)
		return UINT32_MAX;
	return vm.failure.kind || !c->ops ? c->ops : c->ops - 1;
}

/* Tasks run to their first choice points: what they do until then nobody notices. */
static void start_tasks(void)
{
	for (unsigned i = 0; i < vm.nr_contexts && !vm.failure.kind; i++) {
		struct context *c = &vm.contexts[i];

		if (c->level != LEVEL_TASK)
			continue;
		vm.cpus[c->cpu].top = c;
		c->started = true;
		fiber_start(&c->fiber, enter, c);
		run(c);
		vm.first_ops[i] = behind(c);
	}
}

/* The steps whose stores woke a spinner or sleeper. */
static void collect_wakers(const struct context *c)
{
	for (unsigned i = 0; i < c->nr_watched; i++) {
		const struct word *word = &vm.words[c->watched[i].word];

		for (unsigned s = c->watched[i].nr_stores; s < word->nr_stores; s++)
			if (word->stores[s].context != c->id && vm.nr_after < VM_AFTER)
				vm.after[vm.nr_after++] = word->stores[s].step;
	}
}

static int begin_of(const struct context *c)
{
	int last = vm.cpus[c->cpu].last_step;

	if (!c->started)
		return vm.nr_steps - 1;
	while (last >= 0 && vm.steps[last].context != c->id)
		last = vm.steps[last].before_on_cpu;
	return last < 0 ? -1 : vm.steps[last].begin;
}

static void take_step(struct context *c, uint16_t enabled)
{
	struct step *step = &vm.steps[vm.nr_steps++];

	*step = (struct step){.context = c->id,
			      .cpu = c->cpu,
			      .level = c->level,
			      .enabled = enabled,
			      .switchable = switchable(&vm.cpus[c->cpu]),
			      .before_on_cpu = vm.cpus[c->cpu].last_step};
	step->begin = c->level == LEVEL_TASK ? -1 : begin_of(c);
	step->number = c->ops;
	vm.nr_after = 0;
	vm.load_choice = 0;
	if (!c->started) {
		step->op = (struct op){.kind = OP_BEGIN, .word = VM_NO_WORD};
		begin(c);
	} else {
		step->op = c->pending;
		if (vm.cpus[c->cpu].top != c)
			switch_to(c);
		if (step->op.kind == OP_PARKED)
			vm.after[vm.nr_after++] = c->woken_by;
		else if (step->op.kind == OP_SPIN || step->op.kind == OP_SLEEP)
			collect_wakers(c);
		run(c);
	}
	vm.cpus[step->cpu].last_step = vm.nr_steps - 1;
	step->older = vm.load_choice;
	step->ops = behind(c);
	after_step(c);
}

/* Nobody can go on: is everybody through, but for who is on a CPU that stopped? */
static bool all_through(void)
{
	for (unsigned i = 0; i < vm.nr_contexts; i++)
		if (!vm.contexts[i].done && vm.contexts[i].level != LEVEL_MIGRATE &&
		    !vm.cpus[vm.contexts[i].cpu].stopped)
			return false;
	return true;
}

static enum outcome finish(void)
{
	if (vm.failure.kind)
		return RUN_FAILED;
	if (!all_through())
		deadlock_describe();
	else
		vm.guest->finished();
	return vm.failure.kind ? RUN_FAILED : RUN_DONE;
}

enum outcome vm_run(const struct strategy *strategy, void *self)
{
	uint16_t enabled;

	vm.strategy = strategy;
	vm.strategy_self = self;
	reset();
	start_tasks();
	while (!vm.failure.kind && (enabled = enabled_mask())) {
		int pick = strategy->pick(self, enabled);

		if (pick < 0)
			return RUN_ABORTED;
		if (vm.nr_steps == VM_STEPS) {
			vm_fail(FAIL_LIVELOCK, "steps", "%d steps and no end", VM_STEPS);
			break;
		}
		vm.all_choices += (enabled & (enabled - 1)) != 0;
		take_step(&vm.contexts[pick], enabled);
		if (strategy->stepped)
			strategy->stepped(self, vm.nr_steps - 1);
		vm.all_steps++;
		if (vm.cut && !vm.failure.kind)
			return RUN_CUT;
	}
	return finish();
}
