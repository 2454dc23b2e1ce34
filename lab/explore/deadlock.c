/* SPDX-License-Identifier: MIT */
/*
 * deadlock.c - no context can go on: says which waits for which, and finds the cycle.
 *
 * A context waits for one thing: a lock, hence its holder; or, if it was interrupted, for the
 * handler on top of it to return. So a walk that begins at any of them and goes on to the one that
 * it waits for either comes round, or ends at a lock that is free (a wake-up was lost), at a CPU
 * that stopped, or at a context that waits for no lock at all (a livelock: it sleeps or spins).
 */
#include <stdio.h>
#include <string.h>

#include "log.h"
#include "vm.h"

/* The handler that runs right on top of the context, or NULL. */
static struct context *on_top(const struct context *c)
{
	struct context *top = vm.cpus[c->cpu].top;

	while (top != c && top && top->below != c)
		top = top->below;
	return top == c ? NULL : top;
}

/* The lock that a context waits for, or -1. */
static int lock_waited_for(const struct context *c)
{
	switch (c->pending.kind) {
	case OP_LOCK:
	case OP_PARKED:
		return vm.words[c->pending.word].lock == VM_LOCKS ? -1
								  : vm.words[c->pending.word].lock;
	case OP_SPIN:
	case OP_SLEEP:
		return c->missed;
	default:
		return -1;
	}
}

/* Does it wait for its turn, while the CPU runs another task? */
static bool is_off(const struct context *c)
{
	return c->level == LEVEL_TASK && !c->done && vm_task_of(c->cpu) != c;
}

/* The context that c waits for, or NULL; *lock: what it waits for, or -1 for a handler's return. */
static struct context *waits_for(const struct context *c, int *lock)
{
	struct context *top = on_top(c);

	*lock = -1;
	if (top)
		return top;
	*lock = lock_waited_for(c);
	if (*lock < 0 && is_off(c))
		return vm.cpus[c->cpu].top;
	return *lock >= 0 && vm.locks[*lock].holder >= 0 ? &vm.contexts[vm.locks[*lock].holder]
							 : NULL;
}

static void add(char *text, size_t size, const char *string)
{
	size_t length = strlen(text);

	snprintf(text + length, size - length, "%s", string);
}

static void describe_wait(const struct context *c, char *text, size_t size)
{
	char line[160];
	int lock;
	const struct context *next = waits_for(c, &lock);

	if (next && lock < 0)
		snprintf(line, sizeof(line), "%s is %s by %s", c->name,
			 is_off(c) ? "kept off its CPU" : "interrupted", next->name);
	else if (next)
		snprintf(line, sizeof(line), "%s waits for %s, which %s holds", c->name,
			 vm.locks[lock].name, next->name);
	else if (lock >= 0)
		snprintf(line, sizeof(line), "%s %s %s, which nobody holds", c->name,
			 c->pending.kind == OP_PARKED ? "is parked on" : "waits for",
			 vm.locks[lock].name);
	else
		snprintf(line, sizeof(line), "%s %s", c->name,
			 c->pending.kind == OP_SLEEP  ? "sleeps, and nothing it looked at changes"
			 : c->pending.kind == OP_SPIN ? "spins, and nothing it looked at changes"
						      : "cannot go on");
	if (text[0])
		add(text, size, "; ");
	add(text, size, line);
}

/* The place where it waits, or was when a handler came. */
static void sight_wait(const struct context *c)
{
	int lock;
	const struct context *next = waits_for(c, &lock);
	struct where where = vm_where(c);

	for (unsigned i = 0; i < c->nr_held; i++)
		vm_sight(SIGHT_ACQUIRED, c, vm.locks[c->held[i]].name, &c->held_at[i]);
	if (lock >= 0)
		vm_sight(SIGHT_WAITS, c, vm.locks[lock].name, &where);
	else if (next)
		vm_sight(is_off(c) ? SIGHT_PREEMPTED : SIGHT_INTERRUPTED, c, next->name, &where);
	else
		vm_sight(SIGHT_STUCK, c, "", &where);
}

static bool stuck(const struct context *c)
{
	return c->started && !c->done && !vm.cpus[c->cpu].stopped;
}

/* Names the locks of a cycle in order of their numbers, so that a cycle has one name. */
static void name_cycle(const struct context *start, char *key, size_t size)
{
	const struct context *c = start;
	uint32_t locks = 0;
	int lock;

	do {
		c = waits_for(c, &lock);
		if (lock >= 0)
			locks |= 1u << lock;
	} while (c != start);
	key[0] = 0;
	for (unsigned i = 0; i < vm.nr_locks; i++)
		if (locks >> i & 1) {
			if (key[0])
				add(key, size, " ");
			add(key, size, vm.locks[i].name);
		}
}

/* A context on a cycle that is reached from c, or NULL. */
static const struct context *find_cycle(const struct context *c, const struct context **end)
{
	int lock;

	for (unsigned i = 0; i < 2 * VM_CONTEXTS && c; i++) {
		*end = c;
		c = waits_for(c, &lock);
	}
	return c;
}

static void log_waits(void)
{
	for (unsigned i = 0; i < vm.nr_contexts; i++) {
		const struct context *next, *c = &vm.contexts[i];
		int lock;

		if (!stuck(c))
			continue;
		next = waits_for(c, &lock);
		if (lock >= 0)
			log_line(c, "lock %s: WAITS for %s", vm.locks[lock].name,
				 next ? next->name : "nobody");
	}
}

static void describe_cycle(const struct context *start, char *text, size_t size)
{
	const struct context *c = start;
	int lock;

	do {
		describe_wait(c, text, size);
		sight_wait(c);
		c = waits_for(c, &lock);
	} while (c != start);
}

/* Is it parked on a lock that nobody holds? */
static bool lost_wakeup(const struct context *c)
{
	int lock = lock_waited_for(c);

	return !on_top(c) && c->pending.kind == OP_PARKED && lock >= 0 && vm.locks[lock].holder < 0;
}

/* Those on CPUs that stopped with a lock held. */
static void sight_stopped(void)
{
	for (unsigned i = 0; i < vm.nr_contexts; i++) {
		const struct context *c = &vm.contexts[i];

		if (vm.cpus[c->cpu].stopped && c->nr_held)
			sight_wait(c);
	}
}

/* No cycle. */
static enum failure_kind describe_all(char *text, size_t size)
{
	enum failure_kind kind = FAIL_LIVELOCK;

	for (unsigned i = 0; i < vm.nr_contexts; i++)
		if (stuck(&vm.contexts[i])) {
			describe_wait(&vm.contexts[i], text, size);
			sight_wait(&vm.contexts[i]);
			if (lost_wakeup(&vm.contexts[i]))
				kind = FAIL_LOST_WAKEUP;
		}
	return kind;
}

void deadlock_describe(void)
{
	char text[FAILURE_TEXT] = "", key[FAILURE_KEY] = "";
	const struct context *cycle = NULL, *end = NULL;
	enum failure_kind kind = FAIL_DEADLOCK;

	for (unsigned i = 0; i < vm.nr_contexts && !cycle; i++)
		if (stuck(&vm.contexts[i]))
			cycle = find_cycle(&vm.contexts[i], &end);
	log_waits();
	if (cycle) {
		name_cycle(cycle, key, sizeof(key));
		describe_cycle(cycle, text, sizeof(text));
	} else {
		kind = describe_all(text, sizeof(text));
		if (end && vm.cpus[end->cpu].stopped) {
			kind = FAIL_DEADLOCK;
			sight_stopped();
			snprintf(key, sizeof(key), "stopped");
		}
	}
	vm_fail(kind, key, "%s", text);
}
