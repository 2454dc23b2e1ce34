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

void race_begin(void)
{
	if (!cells)
		cells = calloc(VM_ARENA / VM_GRAIN, sizeof(*cells));
	if (!cells) {
		perror("roost: memory");
		exit(2);
	}
}

static void report(const struct context *c, const struct context *other, uintptr_t address,
		   const char *what)
{
	char name[64], key[FAILURE_KEY];

	log_address((const void *)address, name, sizeof(name));
	snprintf(key, sizeof(key), "%s", name);
	vm_fail(FAIL_RACE, key, "data race on %s: %s by %s is not ordered against that by %s", name,
		what, c->name, other->name);
}

static void check(struct context *c, struct cell *cell, uintptr_t address, bool write)
{
	uint16_t others;

	if (cell->generation != vm.generation) {
		cell->generation = vm.generation;
		cell->writer = NOBODY;
		cell->readers = 0;
	}
	if (cell->writer != NOBODY && cell->writer != c->id &&
	    cell->written > c->clock[cell->writer])
		report(c, &vm.contexts[cell->writer], address, write ? "the write" : "the read");
	if (!write) {
		cell->readers |= (uint16_t)(1u << c->id);
		cell->read[c->id] = c->clock[c->id];
		return;
	}
	for (others = cell->readers & (uint16_t) ~(1u << c->id); others; others &= others - 1) {
		unsigned i = (unsigned)__builtin_ctz(others);

		if (cell->read[i] > c->clock[i])
			report(c, &vm.contexts[i], address, "the write");
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
	for (uintptr_t i = at / VM_GRAIN; i * VM_GRAIN < at + size; i++)
		check(c, &cells[i], (uintptr_t)vm.arena + i * VM_GRAIN, write);
}
