/* SPDX-License-Identifier: MIT */
/* lock.c - see lock.h. */
#include "lock.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "log.h"
#include "memory.h"

/* ---- lockdep's rule ------------------------------------------------------------------------ */

/* Classes: the pcp locks, the zone locks, each lock of the scenario. */
enum { CLASS_PCP, CLASS_ZONE, CLASS_SCENARIO, CLASSES = VM_LOCKS + 2 };

/* Bits of enum level: where it was waited for; what could come while it was held. */
static uint8_t waited_in[CLASSES], interruptible_by[CLASSES];
static uint32_t waited_under[CLASSES]; /* bits of classes that were waited for under this one */
static char inversion[256];

static unsigned class_of(unsigned lock)
{
	switch (vm.locks[lock].kind) {
	case LOCK_PCP:
		return CLASS_PCP;
	case LOCK_ZONE:
		return CLASS_ZONE;
	default:
		return CLASS_SCENARIO + lock;
	}
}

static const char *class_name(unsigned class)
{
	return class == CLASS_PCP    ? "pcp"
	       : class == CLASS_ZONE ? "zone"
				     : vm.locks[class - CLASS_SCENARIO].name;
}

void lock_forget(void)
{
	memset(waited_in, 0, sizeof(waited_in));
	memset(interruptible_by, 0, sizeof(interruptible_by));
	memset(waited_under, 0, sizeof(waited_under));
	inversion[0] = 0;
}

const char *lock_inversion(void)
{
	return inversion[0] ? inversion : NULL;
}

/* Is there a class that a handler waits for, from which waiting leads to one held with
 * interrupts on? */
static void check_inversion(void)
{
	for (unsigned from = 0; from < CLASSES && !inversion[0]; from++) {
		uint32_t reached = 1u << from, before = 0;

		if (!waited_in[from])
			continue;
		while (reached != before) {
			before = reached;
			for (unsigned i = 0; i < CLASSES; i++)
				if (reached >> i & 1)
					reached |= waited_under[i];
		}
		for (unsigned i = 0; i < CLASSES; i++)
			if (reached >> i & 1 && waited_in[from] & interruptible_by[i]) {
				snprintf(inversion, sizeof(inversion),
					 i == from ? "%s is waited for by a handler and held with "
						     "interrupts on"
						   : "%s is waited for by a handler; under it %s "
						     "is waited for, which is held with "
						     "interrupts on",
					 class_name(from), class_name(i));
				return;
			}
	}
}

static void note_wait(const struct context *c, unsigned lock)
{
	unsigned class = class_of(lock);
	bool news = false;

	if (c->level > LEVEL_TASK && c->level < LEVEL_NMI && !(waited_in[class] >> c->level & 1)) {
		waited_in[class] |= (uint8_t)(1u << c->level);
		news = true;
	}
	for (unsigned i = 0; i < c->nr_held; i++) {
		unsigned outer = class_of(c->held[i]);

		if (!(waited_under[outer] >> class & 1)) {
			waited_under[outer] |= 1u << class;
			news = true;
		}
	}
	if (news)
		check_inversion();
}

static void note_irq_on(const struct context *c, unsigned lock)
{
	unsigned class = class_of(lock);

	uint8_t levels = 0;

	if (c->level < LEVEL_SOFTIRQ)
		levels |= 1u << LEVEL_SOFTIRQ;
	if (c->level < LEVEL_HARDIRQ)
		levels |= 1u << LEVEL_HARDIRQ;
	if (levels & ~interruptible_by[class]) {
		interruptible_by[class] |= levels;
		check_inversion();
	}
}

/* ---- Ranks --------------------------------------------------------------------------------- */

bool lock_holds_kind(const struct context *c, enum lock_kind kind)
{
	for (unsigned i = 0; i < c->nr_held; i++)
		if (vm.locks[c->held[i]].kind == kind)
			return true;
	return false;
}

static int rank(enum lock_kind kind)
{
	return kind == LOCK_SCENARIO ? 0 : kind == LOCK_PCP ? 1 : 2;
}

static void check_rank(const struct context *c, unsigned lock)
{
	const struct lock *new = &vm.locks[lock];

	for (unsigned i = 0; i < c->nr_held; i++) {
		const struct lock *old = &vm.locks[c->held[i]];
		bool both_scenario = old->kind == LOCK_SCENARIO && new->kind == LOCK_SCENARIO;

		if (old == new || (!both_scenario && rank(old->kind) >= rank(new->kind)))
			vm_fail(FAIL_LOCK, "rank", "%s takes lock %s while it holds %s", c->name,
				new->name, old->name);
	}
	if (new->kind == LOCK_ZONE && vm.cpus[c->cpu].irq_on)
		vm_fail(FAIL_LOCK, "irq on", "%s takes lock %s with interrupts on", c->name,
			new->name);
}

/* ---- Who holds what ------------------------------------------------------------------------ */

static void had(struct context *c, unsigned lock)
{
	struct lock *l = &vm.locks[lock];

	check_rank(c, lock);
	if (c->nr_held == VM_HELD)
		vm_fail(FAIL_LOCK, "many", "%s holds more than %d locks", c->name, VM_HELD);
	c->held[c->nr_held++] = (uint8_t)lock;
	c->missed = -1;
	l->holder = c->id;
	if (vm.cpus[c->cpu].irq_on)
		note_irq_on(c, lock);
	log_line(c, "lock %s: had it%s", l->name, vm.cpus[c->cpu].irq_on ? ", interrupts on" : "");
}

static void dropped(struct context *c, unsigned lock)
{
	struct lock *l = &vm.locks[lock];
	struct context *holder = l->holder >= 0 ? &vm.contexts[l->holder] : c;
	unsigned n = 0;

	for (unsigned i = 0; i < holder->nr_held; i++)
		if (holder->held[i] != lock)
			holder->held[n++] = holder->held[i];
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
	c->missed = word->lock;
}

void lock_changed(struct context *c, const struct word *word, uint64_t old, uint64_t new)
{
	if (word->lock == VM_LOCKS || vm.locks[word->lock].kind == LOCK_SCENARIO)
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
	log_line(c, "lock %s: waits", vm.locks[c->missed].name);
	if (vm.locks[c->missed].kind == LOCK_PCP && !vm.tries_wait)
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
	struct word *word = memory_word(vm.locks[lock].address);

	c->ops++;
	vm_point((struct op){
		.kind = (uint8_t)kind, .write = true, .word = (uint16_t)(word - vm.words)});
}

void lock_acquire(struct context *c, unsigned lock)
{
	vm_clock *released = vm.locks[lock].address;

	note_wait(c, lock);
	if (vm.locks[lock].holder >= 0)
		log_line(c, "lock %s: waits", vm.locks[lock].name);
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
}
