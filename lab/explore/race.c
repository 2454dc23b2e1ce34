/* SPDX-License-Identifier: MIT */
/*
 * race.c - data races on accesses that are not atomic, by vector clocks (as FastTrack does).
 *
 * Two accesses race if neither happens before the other and one writes. What makes one happen
 * before the other: a release that is acquired, and on one CPU interrupts that are off: turning
 * them on publishes what was done to the handlers that come, and turning them off learns what
 * the handlers did that have returned. That a handler merely came later is no order, for it
 * could have come before: so a handler that touches half-changed data is found, too. An NMI
 * gets no order from interrupts being off.
 *
 * Because what is not atomic is ordered by what is, to explore the orders of the atomic accesses
 * is enough: if two accesses can race, some explored order shows it.
 */
#include "memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

struct cell {
	uint32_t generation;
	uint8_t writer;		    /* NOBODY: none yet */
	uint16_t written;	    /* the writer's clock */
	uint16_t readers;	    /* bits of contexts that have read since */
	uint16_t read[VM_CONTEXTS]; /* their clocks then */
};

enum { NOBODY = 0xff };

static struct cell *cells;

/* What the last race was found in, and what is looked at: where each context read and wrote it
 * last. So the search need not remember places: a replay shows them. */
static const struct cell *raced, *watched;
static struct where last[VM_CONTEXTS][2];

void race_begin(void)
{
	if (!cells)
		cells = calloc(VM_ARENA / VM_GRAIN, sizeof(*cells));
	if (!cells) {
		perror("roost: memory");
		exit(2);
	}
}

void race_watch(bool on)
{
	watched = on ? raced : NULL;
}

static void report(const struct context *c, bool write, unsigned other, bool other_write,
		   const struct cell *cell)
{
	static const char *const whats[] = {"read", "write"};
	uintptr_t address = (uintptr_t)vm.arena + (uintptr_t)(cell - cells) * VM_GRAIN;
	const struct context *o = &vm.contexts[other];
	struct where where = vm_where(c);
	char name[64], key[FAILURE_KEY];

	raced = cell;
	log_address((const void *)address, name, sizeof(name));
	snprintf(key, sizeof(key), "%s", name);
	if (cell == watched)
		vm_sight(other_write ? SIGHT_WRITES : SIGHT_READS, o, name,
			 &last[other][other_write]);
	vm_sight(write ? SIGHT_WRITES : SIGHT_READS, c, name, &where);
	vm_fail(FAIL_RACE, key, "data race on %s: the %s by %s is not ordered against the %s by %s",
		name, whats[write], c->name, whats[other_write], o->name);
}

static void check(struct context *c, struct cell *cell, bool write)
{
	uint16_t others;

	if (cell->generation != vm.generation) {
		cell->generation = vm.generation;
		cell->writer = NOBODY;
		cell->readers = 0;
	}
	if (cell->writer != NOBODY && cell->writer != c->id &&
	    cell->written > c->clock[cell->writer])
		report(c, write, cell->writer, true, cell);
	if (!write) {
		cell->readers |= (uint16_t)(1u << c->id);
		cell->read[c->id] = c->clock[c->id];
		return;
	}
	for (others = cell->readers & (uint16_t) ~(1u << c->id); others; others &= others - 1) {
		unsigned i = (unsigned)__builtin_ctz(others);

		if (cell->read[i] > c->clock[i])
			report(c, true, i, false, cell);
	}
	cell->readers = 0;
	cell->writer = c->id;
	cell->written = c->clock[c->id];
}

void race_access(const volatile void *address, size_t size, bool write)
{
	struct context *c = vm.current;
	uintptr_t at = (uintptr_t)address - (uintptr_t)vm.arena;

	if (!c || at >= VM_ARENA || vm.ignored[at / VM_GRAIN])
		return;
	for (uintptr_t i = at / VM_GRAIN; i * VM_GRAIN < at + size; i++) {
		check(c, &cells[i], write);
		if (&cells[i] == watched)
			last[c->id][write] = vm_where(c);
	}
}
