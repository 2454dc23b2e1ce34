/* SPDX-License-Identifier: MIT */
/* lock.c - see lock.h. */
#include "lock.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "log.h"
#include "memory.h"
#include "notes.h"

/* ---- lockdep's rule ------------------------------------------------------------------------ */

static struct lock_rules seen;
static char inversion[256];
static struct sights sights; /* of the inversion */

static const char *class_name(unsigned first)
{
	const struct lock *l = &vm.locks[first];

	return l->class->kind == LOCK_SCENARIO ? l->name : l->class->name;
}

void lock_forget(void)
{
	memset(&seen, 0, sizeof(seen));
	inversion[0] = 0;
	sights = (struct sights){0};
}

const char *lock_inversion(void)
{
	return inversion[0] ? inversion : NULL;
}

const struct sights *lock_inversion_sights(void)
{
	return &sights;
}

static void sight(enum sight_kind kind, unsigned class, const struct lock_place *at)
{
	sights_add(&sights, kind, vm.contexts[at->context].name, class_name(class), &at->where);
}

/* The lowest of the levels. */
static unsigned a_level(unsigned levels)
{
	return (unsigned)__builtin_ctz(levels);
}

/* before[class]: under which class that one was waited for, on the way there from the first. */
static void sight_inversion(const uint8_t *before, unsigned from, unsigned to)
{
	unsigned level = a_level(seen.waited_in[from] & seen.interruptible_by[to]);
	unsigned way[VM_LOCKS], n = 0;

	sight(SIGHT_WAITS, from, &seen.waited_at[from][level]);
	for (unsigned class = to; class != from; class = before[class])
		way[n++] = class;
	for (unsigned outer = from; n--; outer = way[n]) {
		sight(SIGHT_ACQUIRED, outer, &seen.outer_at[outer][way[n]]);
		sight(SIGHT_WAITS, way[n], &seen.inner_at[outer][way[n]]);
	}
	sight(SIGHT_INTERRUPTIBLE, to, &seen.interruptible_at[to][level]);
}

/* All classes that waiting for the first leads to, as bits. */
static uint32_t reach(unsigned from, uint8_t *before)
{
	uint32_t reached = 1u << from, last = 0;

	while (reached != last) {
		last = reached;
		for (unsigned i = 0; i < vm.nr_locks; i++) {
			uint32_t news = last >> i & 1 ? seen.waited_under[i] & ~reached : 0;

			for (reached |= news; news; news &= news - 1)
				before[__builtin_ctz(news)] = (uint8_t)i;
		}
	}
	return reached;
}

/* Is there a class that a handler waits for, from which waiting leads to one held with
 * interrupts on? */
static void check_inversion(void)
{
	for (unsigned from = 0; from < vm.nr_locks && !inversion[0]; from++) {
		uint8_t before[VM_LOCKS];
		uint32_t reached = seen.waited_in[from] ? reach(from, before) : 0;

		for (unsigned i = 0; i < vm.nr_locks; i++)
			if (reached >> i & 1 && seen.waited_in[from] & seen.interruptible_by[i]) {
				snprintf(inversion, sizeof(inversion),
					 i == from ? "%s is waited for by a handler and held with "
						     "interrupts on"
						   : "%s is waited for by a handler; under it %s "
						     "is waited for, which is held with "
						     "interrupts on",
					 class_name(from), class_name(i));
				sight_inversion(before, from, i);
				return;
			}
	}
}

void lock_rules_take(struct lock_rules *rules)
{
	*rules = seen;
}

/* The places of the bits that are new. */
static void add_places(struct lock_place *to, const struct lock_place *from, uint32_t news)
{
	for (; news; news &= news - 1)
		to[__builtin_ctz(news)] = from[__builtin_ctz(news)];
}

void lock_rules_add(const struct lock_rules *rules)
{
	for (unsigned i = 0; i < VM_LOCKS; i++) {
		uint32_t under = rules->waited_under[i] & ~seen.waited_under[i];

		add_places(seen.waited_at[i], rules->waited_at[i],
			   rules->waited_in[i] & ~(unsigned)seen.waited_in[i]);
		add_places(seen.interruptible_at[i], rules->interruptible_at[i],
			   rules->interruptible_by[i] & ~(unsigned)seen.interruptible_by[i]);
		add_places(seen.outer_at[i], rules->outer_at[i], under);
		add_places(seen.inner_at[i], rules->inner_at[i], under);
		seen.waited_in[i] |= rules->waited_in[i];
		seen.interruptible_by[i] |= rules->interruptible_by[i];
		seen.waited_under[i] |= under;
	}
	check_inversion();
}

static void note_wait(const struct context *c, unsigned lock)
{
	const struct lock_place here = {c->id, vm_where(c)};
	unsigned class = vm.locks[lock].first;
	bool news = false;

	if (c->level > LEVEL_TASK && c->level < LEVEL_NMI &&
	    !(seen.waited_in[class] >> c->level & 1)) {
		seen.waited_in[class] |= (uint8_t)(1u << c->level);
		seen.waited_at[class][c->level] = here;
		news = true;
	}
	for (unsigned i = 0; i < c->nr_held; i++) {
		unsigned outer = vm.locks[c->held[i]].first;

		if (!(seen.waited_under[outer] >> class & 1)) {
			seen.waited_under[outer] |= 1u << class;
			seen.outer_at[outer][class] = (struct lock_place){c->id, c->held_at[i]};
			seen.inner_at[outer][class] = here;
			news = true;
		}
	}
	if (news)
		check_inversion();
}

static void note_irq_on(const struct context *c, unsigned lock)
{
	unsigned class = vm.locks[lock].first;
	unsigned levels = 0;

	if (c->level < LEVEL_SOFTIRQ)
		levels |= 1u << LEVEL_SOFTIRQ;
	if (c->level < LEVEL_HARDIRQ)
		levels |= 1u << LEVEL_HARDIRQ;
	levels &= ~(unsigned)seen.interruptible_by[class];
	if (!levels)
		return;
	seen.interruptible_by[class] |= (uint8_t)levels;
	for (; levels; levels &= levels - 1)
		seen.interruptible_at[class][a_level(levels)] =
			(struct lock_place){c->id, vm_where(c)};
	check_inversion();
}

/* ---- Ranks --------------------------------------------------------------------------------- */

bool lock_holds_kind(const struct context *c, enum lock_kind kind)
{
	for (unsigned i = 0; i < c->nr_held; i++)
		if (vm.locks[c->held[i]].class->kind == kind)
			return true;
	return false;
}

static void check_rank(const struct context *c, unsigned lock)
{
	const struct lock *new = &vm.locks[lock];

	for (unsigned i = 0; i < c->nr_held; i++) {
		const struct lock *old = &vm.locks[c->held[i]];
		unsigned rank = old->class->rank;

		if (old == new || (rank && rank >= new->class->rank))
			vm_fail(FAIL_LOCK, "rank", "%s takes lock %s while it holds %s", c->name,
				new->name, old->name);
	}
	if (new->class->kind == LOCK_WAITED && vm.cpus[c->cpu].irq_on)
		vm_fail(FAIL_LOCK, "irq on", "%s takes lock %s with interrupts on", c->name,
			new->name);
}

/* ---- Holders ------------------------------------------------------------------------------- */

static void had(struct context *c, unsigned lock)
{
	struct lock *l = &vm.locks[lock];

	check_rank(c, lock);
	if (c->nr_held == VM_HELD)
		vm_fail(FAIL_LOCK, "many", "%s holds more than %d locks", c->name, VM_HELD);
	c->held_at[c->nr_held] = vm_where(c);
	c->held[c->nr_held++] = (uint8_t)lock;
	c->missed = -1;
	l->holder = c->id;
	note_lock(c, lock, LOCK_IS_TAKEN);
	if (vm.cpus[c->cpu].irq_on)
		note_irq_on(c, lock);
	log_line(c, "lock %s: acquired%s", l->name,
		 vm.cpus[c->cpu].irq_on ? ", interrupts on" : "");
}

static void dropped(struct context *c, unsigned lock)
{
	struct lock *l = &vm.locks[lock];
	struct context *holder = l->holder >= 0 ? &vm.contexts[l->holder] : c;
	unsigned n = 0;

	for (unsigned i = 0; i < holder->nr_held; i++)
		if (holder->held[i] != lock) {
			holder->held_at[n] = holder->held_at[i];
			holder->held[n++] = holder->held[i];
		}
	holder->nr_held = n;
	l->holder = -1;
	log_line(c, "unlock %s", l->name);
}

void lock_seen(struct context *c, const struct word *word, uint64_t value)
{
	if (word->lock == VM_LOCKS || !value)
		return;
	if (c->missed != word->lock)
		log_line(c, "lock %s: busy", vm.locks[word->lock].name);
	note_lock(c, word->lock, LOCK_IS_BUSY);
	c->missed = word->lock;
}

void lock_changed(struct context *c, const struct word *word, uint64_t old, uint64_t new)
{
	if (word->lock == VM_LOCKS || vm.locks[word->lock].class->kind == LOCK_SCENARIO)
		return;
	if (!old && new)
		had(c, word->lock);
	else if (old && !new)
		dropped(c, word->lock);
	else
		lock_seen(c, word, old);
}

void lock_waits(struct context *c)
{
	if (c->missed < 0)
		return;
	note_wait(c, (unsigned)c->missed);
	note_lock(c, (unsigned)c->missed, LOCK_IS_WAITED_FOR);
	log_line(c, "lock %s: waits", vm.locks[c->missed].name);
	if (vm.locks[c->missed].class->kind == LOCK_TRIED && !vm.tries_wait)
		vm_fail(FAIL_LOCK, "waits", "%s waits for %s, which may only be tried", c->name,
			vm.locks[c->missed].name);
	if (!c->call_waits)
		vm_fail(FAIL_LOCK, "waits", "%s waits for %s in a call that waits for nothing",
			c->name, vm.locks[c->missed].name);
}

void lock_irq_on(struct context *c)
{
	for (unsigned i = 0; i < c->nr_held; i++)
		note_irq_on(c, c->held[i]);
}

/* ---- Locks of the scenario ----------------------------------------------------------------- */

/* The word of such a lock is only there to have a place in the order of steps. */
static void step(struct context *c, enum op_kind kind, unsigned lock)
{
	struct word *word = memory_word(vm.locks[lock].address, 4);

	c->ops++;
	vm_point((struct op){
		.kind = (uint8_t)kind, .write = true, .word = (uint16_t)(word - vm.words)});
}

void lock_acquire(struct context *c, unsigned lock)
{
	vm_clock *released = vm.locks[lock].address;

	if (vm.rt && (c->level != LEVEL_TASK || !vm.cpus[c->cpu].irq_on))
		vm_fail(FAIL_LOCK, "sleep", "%s takes %s, for which it may sleep, %s", c->name,
			vm.locks[lock].name,
			c->level != LEVEL_TASK ? "in an NMI" : "with interrupts off");
	/* From here on the task is not preempted, so this is the last moment. */
	if (vm.preempts && !vm.rt) {
		c->ops++;
		vm_point((struct op){.kind = OP_IRQ_OFF, .word = VM_NO_WORD});
		c->preempt_off++;
	}
	note_wait(c, lock);
	if (vm.locks[lock].holder >= 0) {
		log_line(c, "lock %s: waits", vm.locks[lock].name);
		note_lock(c, lock, LOCK_IS_BUSY);
		note_lock(c, lock, LOCK_IS_WAITED_FOR);
	}
	c->missed = (int)lock;
	step(c, OP_LOCK, lock);
	had(c, lock);
	clock_join(c->clock, *released);
	memory_acquire_lock(c, lock);
}

void lock_release(struct context *c, unsigned lock)
{
	vm_clock *released = vm.locks[lock].address;

	if (vm.locks[lock].holder != c->id)
		vm_fail(FAIL_ASSERT, "unlock", "%s unlocks %s, which it does not hold", c->name,
			vm.locks[lock].name);
	step(c, OP_UNLOCK, lock);
	clock_join(*released, c->clock);
	c->clock[c->id]++;
	memory_release_lock(c, lock);
	dropped(c, lock);
	c->preempt_off -= vm.preempts && !vm.rt;
}
