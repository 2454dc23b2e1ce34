/* SPDX-License-Identifier: MIT */
/*
 * two_sided.c - design P: an object is free if its bit is set on the left or on the right. Left
 * bits are changed by sequences of the slab's home CPU alone, right ones by anybody, with a locked
 * OR. A few hints for each CPU and size say what was freed last; the bit decides.
 *
 * Bits beyond the last object are set on the left and never taken, so a word that is all free is
 * all ones. While a slab is the current one of its CPU, or has something free, it is noted.
 */
#include "slab.h"
#include "seq.h"

enum { HINTS = 15, TRIES = 4 };

/*
 * A hint is a pointer, and what it was when it was freed: generation of the place (63 ... 32), slab
 * (31 ... 10), index. An allocation compares the whole place with that, so it looks neither at slab_of nor at the
 * size, and returns the pointer while the rest is still on its way.
 */
struct hint {
	_Atomic(void *) object;
	_Atomic uint64_t was;
};

struct shelf {
	_Alignas(256) _Atomic uint64_t n;
	_Atomic(struct slab *) current;
	struct hint hint[HINTS];
};

static struct shelf shelves[CPUS * CLASSES];
static _Atomic(struct slab *) kept_of[CPUS * CLASSES]; /* all of it may be free; is not released */

static inline struct shelf *shelf_of(unsigned cpu, unsigned class)
{
	return &shelves[cpu * CLASSES + class];
}

EXPORT void *objects_alloc(size_t size);
EXPORT void objects_free(void *pointer);

static inline uint64_t place_of(uint64_t generation, uint32_t cpu)
{
	return generation << 32 | cpu;
}

/* ---- Allocation --------------------------------------------------------------------------- */

/* One of the left bits of a slab that is the CPU's. */
static inline void *take_left(unsigned cpu, struct slab *slab, unsigned class)
{
	uint64_t place = rst_load_acq(&slab->place), bits;

	if ((uint32_t)place != cpu || slab->class != class)
		return NULL;
	for (unsigned w = 0; w < slab->words; w++)
		while ((bits = rst_load_rlx(&slab->l[w]) & full(slab, w))) {
			void *object = object_in(slab, w, bits);

			if (seq_take(cpu, &slab->place, place, &slab->l[w], bits & -bits))
				return object;
			if (here() != cpu || rst_load_rlx(&slab->place) != place)
				return NULL;
		}
	return NULL;
}

/* Moves right bits to the left; how many words had some. */
static unsigned collect(unsigned cpu, struct slab *slab)
{
	unsigned found = 0, on;

	for (unsigned w = 0; w < slab->words; w++) {
		uint64_t bits = rst_load_rlx(&slab->r[w]);
		enum seq_end end;

		if (!bits)
			continue;
		bits = atomic_exchange(&slab->r[w], 0);
		do
			end = seq_or(&slab->home, &slab->l[w], bits, &on);
		while (end == SEQ_FAILED && here() == cpu);
		if (end == SEQ_REFUSED)
			misuse(); /* a double free, once from each side */
		if (end != SEQ_DONE) {
			atomic_fetch_or(&slab->r[w], bits);
			return found;
		}
		found++;
	}
	return found;
}

static SLOW void *alloc_slow(unsigned class)
{
	for (unsigned looks = 0; looks < LOOKS + 4; looks++) {
		unsigned cpu = here();
		struct shelf *shelf = shelf_of(cpu, class);
		struct notes *notes = notes_of(cpu, class);
		struct slab *slab = rst_load_acq(&shelf->current);
		void *object;

		if (slab && rst_load_rlx(&slab->home) == cpu && slab->class == class) {
			if (collect(cpu, slab) && (object = take_left(cpu, slab, class)))
				return object;
			un_note_in(notes, slab);
			rst_store_rlx(&shelf->current, NULL);
			if (collect(cpu, slab) || (object = take_left(cpu, slab, class))) {
				note_in(notes, slab);
				rst_store_rel(&shelf->current, slab);
				if (object)
					return object;
			}
		}
		slab = looks < LOOKS ? first_noted(notes) : NULL;
		if (!slab) {
			slab = new_slab(class, true);
			if (!slab)
				return NULL;
			rst_store_rel(&slab->place,
				      place_of((rst_load_rlx(&slab->place) >> 32) + 1, cpu));
			note_in(notes, slab);
		}
		rst_store_rel(&shelf->current, slab);
		object = take_left(cpu, slab, class);
		if (object)
			return object;
	}
	return NULL;
}

static SLOW void *alloc_current(unsigned class)
{
	unsigned cpu = here();
	struct slab *slab;
	void *object;

	if (cpu >= ground.cpus)
		return NULL; /* the real thing: shared slabs */
	slab = rst_load_acq(&shelf_of(cpu, class)->current);
	object = slab ? take_left(cpu, slab, class) : NULL;
	return object ? object : alloc_slow(class);
}

void *objects_alloc(size_t size)
{
	unsigned cpu = here(), class;
	struct shelf *shelf;
	struct slab *slab;
	uint64_t n, was;
	void *pointer;

	if (size > LARGEST)
		return NULL;
	class = class_of(size);
	if (cpu >= ground.cpus)
		return alloc_current(class);
	shelf = shelf_of(cpu, class);
	n = rst_load_rlx(&shelf->n);
	if (!n)
		return alloc_current(class);
	pointer = rst_load_rlx(&shelf->hint[n - 1].object);
	was = rst_load_rlx(&shelf->hint[n - 1].was);
	rst_store_rlx(&shelf->n, n - 1);
	slab = &ground.slabs[(uint32_t)was >> 10];
	if (seq_take(cpu, &slab->place, place_of(was >> 32, cpu), &slab->l[was >> 6 & 15],
		     (uint64_t)1 << (was & 63)))
		return pointer;
	return alloc_current(class);
}

/* ---- Free --------------------------------------------------------------------------------- */

static inline bool all_free(struct slab *slab)
{
	uint64_t missing = 0;

	for (unsigned w = 0; w < slab->words; w++)
		missing |= ~(rst_load_acq(&slab->l[w]) | rst_load_acq(&slab->r[w]));
	return !missing;
}

/* Of the home CPU; a word of it became full. */
static SLOW void look_if_empty(unsigned cpu, struct slab *slab)
{
	_Atomic(struct slab *) *keep = &kept_of[cpu * CLASSES + slab->class];
	struct slab *kept = rst_load_rlx(keep);
	uint64_t place = rst_load_acq(&slab->place);
	struct rst_seq s = {.stop = &(_Atomic uint32_t){0}, .word = &slab->place, .old = place};

	if (slab == kept || !all_free(slab))
		return;
	if (!kept || rst_load_rlx(&kept->home) != cpu || !all_free(kept)) {
		rst_store_rlx(keep, slab);
		return;
	}
	/* From here on nobody takes from the left. */
	s.new = place_of((place >> 32) + 1, PLACE_MOVING);
	if ((uint32_t)place != cpu || !rst_seq_cas(cpu, s))
		return;
	if (!all_free(slab)) {
		rst_store_rel(&slab->place, place_of((place >> 32) + 2, cpu));
		return;
	}
	un_note_in(notes_of(cpu, slab->class), slab);
	slab_is_empty(slab);
}

static SLOW void free_remote(struct object o)
{
	if (atomic_fetch_or(&o.slab->r[o.word], o.bit) & o.bit) {
		misuse();
	} else if (!rst_load_sc(&o.slab->noted)) {
		uint32_t home = rst_load_rlx(&o.slab->home);

		if (home < ground.cpus)
			note_in(notes_of(home, o.slab->class), o.slab);
	}
}

static SLOW void free_retry(struct object o)
{
	for (unsigned tries = 0; tries < TRIES; tries++) {
		enum seq_end end;
		unsigned cpu;

		if (here() != rst_load_rlx(&o.slab->home))
			break;
		end = seq_or(&o.slab->home, &o.slab->l[o.word], o.bit, &cpu);
		if (end == SEQ_REFUSED)
			misuse();
		else if (end == SEQ_DONE && !rst_load_rlx(&o.slab->noted))
			note_in(notes_of(cpu, o.slab->class), o.slab);
		if (end != SEQ_FAILED)
			return;
	}
	free_remote(o);
}

static SLOW void note_local(struct slab *slab)
{
	note_in(notes_of(rst_load_rlx(&slab->home), slab->class), slab);
}

void objects_free(void *pointer)
{
	struct object o;
	struct shelf *shelf;
	uint64_t n, place;
	unsigned cpu;

	if (!object_at(pointer, &o)) {
		misuse();
		return;
	}
	place = rst_load_rlx(&o.slab->place); /* stale is a hint that leads nowhere */
	switch (seq_or(&o.slab->home, &o.slab->l[o.word], o.bit, &cpu)) {
	case SEQ_DONE:
		break;
	case SEQ_FAILED:
		free_retry(o);
		return;
	case SEQ_REFUSED:
		misuse();
		return;
	}
	shelf = shelf_of(cpu, o.slab->class);
	n = rst_load_rlx(&shelf->n);
	if (n < HINTS) {
		rst_store_rlx(&shelf->hint[n].object, pointer);
		rst_store_rlx(&shelf->hint[n].was,
			      place >> 32 << 32 | (uint64_t)number_of(o.slab) << 10 | o.index);
		rst_store_rlx(&shelf->n, n + 1);
	}
	if (!rst_load_rlx(&o.slab->noted))
		note_local(o.slab);
	if (rst_load_rlx(&o.slab->l[o.word]) == UINT64_MAX &&
	    o.slab != rst_load_rlx(&shelf->current))
		look_if_empty(cpu, o.slab);
}
