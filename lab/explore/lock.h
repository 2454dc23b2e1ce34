/* SPDX-License-Identifier: MIT */
/*
 * lock.h - which context holds which lock, and whether the rules for locks are kept.
 *
 *   ranks     locks of the scenario < those of the engine, and never two of the engine's of a rank
 *   law       a lock that is waited for is held with interrupts off
 *   lockdep   a class that a handler waits for, or that is waited for under such a class, is never
 *             held with interrupts on. A try-lock adds no dependency, but what it took counts
 *             as held. Remembered over all executions of a job: it needs no deadlock to happen.
 */
#ifndef LAB_LOCK_H
#define LAB_LOCK_H

#include "vm.h"

/* A lock word was read (by a try that failed, if value is not 0), or changed. */
void lock_seen(struct context *c, const struct word *word, uint64_t value);
void lock_changed(struct context *c, const struct word *word, uint64_t old, uint64_t new);
/* The context starts to wait for the lock that it missed. */
void lock_waits(struct context *c);
/* It turns interrupts on. */
void lock_irq_on(struct context *c);

/* Locks of the scenario: block, in whatever interrupt state. */
void lock_acquire(struct context *c, unsigned lock);
void lock_release(struct context *c, unsigned lock);

bool lock_holds_kind(const struct context *c, enum lock_kind kind);

/* What lockdep's rule has to say so far, or NULL; and the places that it is about. */
const char *lock_inversion(void);
const struct sights *lock_inversion_sights(void);
void lock_forget(void);

/* The context that first did something that the rule is about, and where. */
struct lock_place {
	uint8_t context;
	struct where where;
};

enum { LOCK_LEVELS = LEVEL_NMI }; /* that the rule is about: softirq, hardirq */

/* All that was seen of it, by the first lock of a class; for split.c. */
struct lock_rules {
	/* Bits of enum level: where it was waited for; what could come while it was held. */
	uint8_t waited_in[VM_LOCKS], interruptible_by[VM_LOCKS];
	uint32_t waited_under[VM_LOCKS]; /* classes that were waited for under this one */
	struct lock_place waited_at[VM_LOCKS][LOCK_LEVELS];
	struct lock_place interruptible_at[VM_LOCKS][LOCK_LEVELS];
	/* Of waited_under: where the outer one was acquired, and the inner one waited for. */
	struct lock_place outer_at[VM_LOCKS][VM_LOCKS], inner_at[VM_LOCKS][VM_LOCKS];
};

void lock_rules_take(struct lock_rules *rules);
void lock_rules_add(const struct lock_rules *rules);

#endif
