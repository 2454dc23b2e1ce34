/* SPDX-License-Identifier: MIT */
/*
 * magazines.c - design A: each CPU owns up to 63 objects of each size, which sequences put into its
 * magazine and take out. What they are refilled from and flushed to are slabs of one side.
 *
 * A double free of what lies in a magazine is not found, unless STATES gives each object a byte.
 */
#include "one_side.h"
#include "seq.h"

#ifndef STATES
#define STATES 0
#endif

enum { REFILL = 32 };

static struct {
	_Alignas(64) struct magazine of[CLASSES];
} magazines[CPUS];

EXPORT void *objects_alloc(size_t size);
EXPORT void objects_free(void *pointer);

#if STATES
static _Atomic uint8_t *states; /* 1: it is the caller's */

__attribute__((constructor)) static void begin_states(void)
{
	states = reserve((size_t)SLABS * SLAB_OBJECTS);
}

static inline _Atomic uint8_t *state_of(struct object o)
{
	return &states[(size_t)number_of(o.slab) * SLAB_OBJECTS + o.word * 64 +
		       (unsigned)__builtin_ctzll(o.bit)];
}
#endif

static SLOW void *refill(unsigned class)
{
	unsigned cpu = here();
	struct taken taken;
	uint64_t bits;

	if (cpu >= ground.cpus || !take_some(cpu, class, REFILL, &taken))
		return NULL;
	/* The lowest is the caller's, and the next lie on top. */
	for (bits = taken.bits & (taken.bits - 1); bits;) {
		uint64_t bit = (uint64_t)1 << (63 - __builtin_clzll(bits));

		if (!seq_push(cpu, &magazines[cpu].of[class],
			      object_in(taken.slab, taken.word, bit)))
			break;
		bits &= ~bit;
	}
	if (bits)
		put_right(taken.slab, taken.word, bits);
	return object_in(taken.slab, taken.word, taken.bits);
}

/* Objects of one word that lie together go back together. */
static SLOW void flush(unsigned cpu, unsigned class)
{
	struct object last = {0}, o;

	for (unsigned i = 0; i < REFILL; i++) {
		void *pointer = seq_pop(cpu, &magazines[cpu].of[class]);

		if (!pointer)
			break;
		if (!object_at(pointer, &o))
			abort();
		if (last.slab == o.slab && last.word == o.word) {
			last.bit |= o.bit;
			continue;
		}
		if (last.slab && !put_right(last.slab, last.word, last.bit))
			misuse();
		last = o;
	}
	if (last.slab && !put_right(last.slab, last.word, last.bit))
		misuse();
}

static SLOW void free_slow(struct object o, void *pointer)
{
	for (unsigned tries = 0; tries < 4; tries++) {
		unsigned cpu = here();

		if (cpu >= ground.cpus)
			break;
		if (magazines[cpu].of[o.slab->class].n == MAGAZINE)
			flush(cpu, o.slab->class);
		if (seq_push(cpu, &magazines[cpu].of[o.slab->class], pointer))
			return;
	}
	if (!put_right(o.slab, o.word, o.bit))
		misuse();
}

void *objects_alloc(size_t size)
{
	unsigned cpu = here(), class;
	void *pointer = NULL;

	if (size > LARGEST)
		return NULL;
	class = class_of(size);
	if (cpu < ground.cpus)
		pointer = seq_pop(cpu, &magazines[cpu].of[class]);
	if (!pointer)
		pointer = refill(class);
#if STATES
	struct object o;

	if (pointer && object_at(pointer, &o))
		rst_store_rlx(state_of(o), 1);
#endif
	return pointer;
}

void objects_free(void *pointer)
{
	unsigned cpu = here();
	struct object o;

	if (!object_at(pointer, &o)) {
		misuse();
		return;
	}
#if STATES
	if (rst_load_rlx(state_of(o)) != 1) {
		misuse();
		return;
	}
	rst_store_rlx(state_of(o), 0);
#endif
	if (cpu >= ground.cpus || !seq_push(cpu, &magazines[cpu].of[o.slab->class], pointer))
		free_slow(o, pointer);
}
