/* SPDX-License-Identifier: MIT */
/*
 * one_side.c - design R: one locked operation to allocate and one to free. No sequences. With HINTS
 * each CPU and size also has a few hints, as design P has them.
 */
#include "one_side.h"

#ifndef HINTS
#define HINTS 0
#endif

EXPORT void *objects_alloc(size_t size);
EXPORT void objects_free(void *pointer);

#if HINTS
struct hints {
	_Alignas(64) _Atomic uint64_t n;
	_Atomic(void *) object[HINTS];
};

static struct hints hints_of[CPUS][CLASSES];

static inline void *take_hinted(unsigned cpu, unsigned class)
{
	struct hints *hints = &hints_of[cpu][class];
	uint64_t n = rst_load_rlx(&hints->n);
	struct object o;
	void *pointer;

	if (!n)
		return NULL;
	pointer = rst_load_rlx(&hints->object[n - 1]);
	rst_store_rlx(&hints->n, n - 1);
	if (!object_at(pointer, &o) || o.slab->class != class ||
	    !(atomic_fetch_and(&o.slab->r[o.word], ~o.bit) & o.bit))
		return NULL;
	/* It cannot go from here on: what was looked at before is looked at again. */
	if (o.slab->class == class && object_in(o.slab, o.word, o.bit) == pointer)
		return pointer;
	atomic_fetch_or(&o.slab->r[o.word], o.bit);
	return NULL;
}

static inline void hint_at(unsigned cpu, unsigned class, void *pointer)
{
	struct hints *hints = &hints_of[cpu][class];
	uint64_t n = rst_load_rlx(&hints->n);

	if (n < HINTS) {
		rst_store_rlx(&hints->object[n], pointer);
		rst_store_rlx(&hints->n, n + 1);
	}
}
#endif

void *objects_alloc(size_t size)
{
	unsigned cpu = rst_cpu(), class;
	struct taken taken;

	if (size > LARGEST || cpu >= ground.cpus)
		return NULL;
	class = class_of(size);
#if HINTS
	void *pointer = take_hinted(cpu, class);

	if (pointer)
		return pointer;
#endif
	if (!take_some(cpu, class, 1, &taken))
		return NULL;
	return object_in(taken.slab, taken.word, taken.bits);
}

void objects_free(void *pointer)
{
	struct object o;

	if (!object_at(pointer, &o) || !put_right(o.slab, o.word, o.bit)) {
		misuse();
		return;
	}
#if HINTS
	unsigned cpu = rst_cpu();

	if (cpu == rst_load_rlx(&o.slab->home))
		hint_at(cpu, o.slab->class, pointer);
#endif
}
