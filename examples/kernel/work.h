/* SPDX-License-Identifier: MIT */
/* work.h - the load: what each context of each CPU does with the allocator, and what it counts. */
#ifndef KERNEL_WORK_H
#define KERNEL_WORK_H

#include <stdbool.h>
#include <stdint.h>

#include "block.h"

struct cpu;

enum { CONTEXT_THREAD, CONTEXT_TIMER, CONTEXT_IPI, CONTEXTS };
enum { HELD = 96 };

struct counts {
	uint64_t calls;	      /* steps of the thread, calls of the handler */
	uint64_t allocations; /* blocks */
	uint64_t failed;      /* allocations that found none */
	uint64_t local;	      /* frees on the CPU that had allocated the block */
	uint64_t remote;      /* frees on another */
	uint64_t sent;	      /* blocks put into mailboxes */
	uint64_t on_top;      /* calls of the handler on top of a call of the allocator */
	uint64_t nested;      /* calls of the handler on top of another handler */
	uint64_t longest;     /* free, in ticks of the clock */
};

/* One context of one CPU; nobody else touches it. What lies on top of another interrupts it only
 * between two instructions and changes nothing of it. */
struct context {
	uint64_t random;
	uint16_t serial;
	volatile bool inside; /* of the allocator; for handlers on top */
	volatile bool active; /* the handler runs */
	struct counts counts;
	block held[HELD];
};

void context_open(struct context *c, uint64_t seed);

/* A step of the CPU's thread, interrupts on. Its handlers, interrupts off. */
void work_thread(struct cpu *cpu);
void work_timer(struct cpu *cpu);
void work_ipi(struct cpu *cpu);

/* Before the CPU leaves: half of its blocks go to other CPUs, which free them while it is away. */
void work_leave(struct cpu *cpu);

/* Frees all that a CPU that is off holds, and its mail. */
void work_end(struct cpu *cpu);

/* All CPUs' counts of one context. */
struct counts work_counts(unsigned context);

#endif
