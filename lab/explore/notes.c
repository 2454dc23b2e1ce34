/* SPDX-License-Identifier: MIT */
/* notes.c - see notes.h. */
#include "notes.h"

#include <string.h>

#include "access.h"

struct notes notes;

void notes_forget(void)
{
	memset(&notes, 0, sizeof(notes));
}

void notes_add(const struct notes *more)
{
	for (unsigned i = 0; i < VM_CONTEXTS; i++) {
		notes.counted[i] |= more->counted[i];
		notes.events[i] |= more->events[i];
	}
	for (unsigned i = 0; i < VM_LOCKS; i++)
		for (unsigned event = 0; event < LOCK_EVENTS; event++)
			notes.locks[i][event] |= more->locks[i][event];
	for (unsigned i = 0; i < NOTED_FUNCTIONS; i++)
		if (more->entered[i])
			note_function(more->entered[i], more->functions[i]);
	notes.counted_at_all |= more->counted_at_all;
	notes.interrupting |= more->interrupting;
	notes.preempted |= more->preempted;
	notes.migrated |= more->migrated;
}

void note_function(uint16_t contexts, uintptr_t place)
{
	size_t i = (place ^ place >> 9) % NOTED_FUNCTIONS;

	for (unsigned turn = 0; turn < NOTED_FUNCTIONS; turn++) {
		if (!notes.entered[i] || notes.functions[i] == place) {
			notes.functions[i] = place;
			notes.entered[i] |= contexts;
			return;
		}
		i = (i + 1) % NOTED_FUNCTIONS;
	}
}

void access_entered(uintptr_t place, uintptr_t caller)
{
	if (!vm.current)
		return;
	note_function((uint16_t)(1u << vm.current->id), place);
	where_enter(&vm.current->where, caller, false);
}

void access_left(void)
{
	if (vm.current)
		where_leave(&vm.current->where);
}

void note_preemption(const struct context *task)
{
	notes.preempted = true;
	for (unsigned i = 0; i < task->nr_held; i++)
		note_lock(task, task->held[i], LOCK_IS_PREEMPTED);
}

void note_interrupt(const struct context *handler)
{
	for (const struct context *c = handler->below; c; c = c->below) {
		if (!c->done)
			notes.interrupting |= (uint16_t)(1u << handler->id);
		for (unsigned i = 0; i < c->nr_held; i++)
			note_lock(handler, c->held[i], LOCK_IS_INTERRUPTED);
	}
}
