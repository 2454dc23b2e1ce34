/* SPDX-License-Identifier: MIT */
/*
 * notes.h - what the contexts of a job did: what they counted, locked and interrupted, over all
 * executions, also those that ended early, since each of them can happen. witness.c asks whether
 * that is what the scenario is about.
 */
#ifndef LAB_NOTES_H
#define LAB_NOTES_H

#include "vm.h"

enum lock_event {
	LOCK_IS_BUSY,  /* a try failed, or a wait began */
	LOCK_IS_TAKEN, /* acquired */
	LOCK_IS_WAITED_FOR,
	LOCK_IS_INTERRUPTED, /* a handler began on top of its holder */
	LOCK_IS_PREEMPTED,   /* its holder no longer runs: another task does, or it is moved */
	LOCK_EVENTS,
};

enum { NOTED_FUNCTIONS = 512 };

/* All of it are sets, so parts of a search are joined by or. */
struct notes {
	uint64_t counted[VM_CONTEXTS];	      /* counters, as engine_counter() numbers them */
	uint64_t counted_at_all;	      /* likewise, as roost_stats() has them in the end */
	uint16_t events[VM_CONTEXTS];	      /* of the engine: engine.h */
	uint8_t locks[VM_LOCKS][LOCK_EVENTS]; /* bits of the levels at which it was so */
	bool preempted, migrated;	      /* a task was */
	uint16_t interrupting; /* handlers that began on top of something that was not through */
	uintptr_t functions[NOTED_FUNCTIONS]; /* of the engine, by a place in each; hashed */
	uint16_t entered[NOTED_FUNCTIONS];    /* which contexts ran it */
};

extern struct notes notes;

void notes_forget(void);
void notes_add(const struct notes *more);

static inline void note_counted(const struct context *c, unsigned counter)
{
	notes.counted[c->id] |= UINT64_C(1) << counter;
}

static inline void note_event(const struct context *c, unsigned event)
{
	notes.events[c->id] |= (uint16_t)(1u << event);
}

static inline void note_lock(const struct context *c, unsigned lock, enum lock_event event)
{
	notes.locks[lock][event] |= (uint8_t)(1u << c->level);
}

/* A function of the engine begins; the place is in it. */
void note_function(uint16_t contexts, uintptr_t place);
/* The task is preempted, or moved. */
void note_preemption(const struct context *task);
/* A handler begins. */
void note_interrupt(const struct context *handler);

#endif
