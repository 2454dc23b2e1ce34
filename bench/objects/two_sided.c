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
 * A hint is an object and a mark of it: generation of its slab's place (63 ... 32) when it was
 * freed, slab (31 ... 10), index. If the generation is still that, so are size and base: an
 * allocation needs no slab_of and no division. The object follows from the mark, too, but 10 cycles
 * later. So it is there, and compared: a thread that is preempted between the two words leaves
 * halves of two hints.
 */
struct hint {
	_Atomic uintptr_t object;
	_Atomic uint64_t mark;
};

struct shelf {
	_Alignas(256) _Atomic uint64_t n;
	_Atomic uint64_t current; /* mark of a word */
	struct hint hint[HINTS];
};

static struct shelf shelves[CPUS * CLASSES];
static _Atomic(struct slab *) kept_of[CPUS * CLASSES]; /* all of it may be free; is not released */

static inline struct shelf *shelf_of(unsigned cpu, unsigned class)
{
	struct shelf *shelf = &shelves[cpu * CLASSES + class];

	/* gcc would compute each address in it from the start of all shelves again. */
	__asm__("" : "+r"(shelf));
	return shelf;
}

EXPORT void *objects_alloc(size_t size);
EXPORT void objects_free(void *pointer);

static inline uint64_t place_of(uint64_t generation, uint32_t cpu)
{
	return generation << 32 | cpu;
}

/* An object, or a word of bits by its first, as hints have it. */
static inline uint64_t mark_of(const struct slab *slab, uint64_t place, unsigned i)
{
	return (place >> 32 << 32) + ((uintptr_t)slab - (uintptr_t)ground.slabs) * 4 + i;
}

static inline struct slab *marked_slab(uint64_t mark)
{
	return &ground.slabs[(uint32_t)mark >> 10];
}

/* ---- Allocation --------------------------------------------------------------------------- */

/* The lowest of the left bits of a slab that is the CPU's. The next is looked for there. */
static void *take_left(unsigned cpu, struct slab *slab, unsigned class, struct shelf *shelf)
{
	uint64_t place = rst_load_acq(&slab->place), bits;

	if ((uint32_t)place != cpu || slab->class != class)
		return NULL;
	for (unsigned w = 0; w < WORDS; w++)
		while ((bits = rst_load_rlx(&slab->l[w]))) {
			unsigned i = w * 64 + (unsigned)__builtin_ctzll(bits);

			if (i >= slab->count)
				return NULL; /* those beyond come last */
			rst_store_rlx(&shelf->current, mark_of(slab, place, w * 64));
			if (seq_take(cpu, &slab->place, place, &slab->l[w], bits & -bits))
				return object_at_index(slab, i);
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
		struct slab *slab = marked_slab(rst_load_rlx(&shelf->current));
		void *object;

		if (slab != ground.slabs) {
			object = take_left(cpu, slab, class, shelf);
			if (!object && collect(cpu, slab))
				object = take_left(cpu, slab, class, shelf);
			if (object)
				return object;
			un_note_in(notes, slab);
			rst_store_rlx(&shelf->current, 0);
			collect(cpu, slab);
			if ((object = take_left(cpu, slab, class, shelf))) {
				note_in(notes, slab);
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
		rst_store_rlx(&shelf->current, mark_of(slab, rst_load_rlx(&slab->place), 0));
	}
	return NULL;
}

void *objects_alloc(size_t size)
{
	unsigned cpu = here(), class;
	struct shelf *shelf;
	struct slab *slab;
	uint64_t n, mark, bits;
	uintptr_t object;
	uint32_t i;

	if (size > LARGEST)
		return NULL;
	class = class_of(size);
	if (cpu >= ground.cpus)
		return NULL; /* the real thing: shared slabs */
	shelf = shelf_of(cpu, class);
	n = rst_load_rlx(&shelf->n);
	if (n) {
		object = rst_load_rlx(&shelf->hint[n - 1].object);
		mark = rst_load_rlx(&shelf->hint[n - 1].mark);
		rst_store_rlx(&shelf->n, n - 1);
		slab = marked_slab(mark);
		i = mark & 1023;
		if (slab->base + (uintptr_t)i * slab->size == object &&
		    seq_take_hinted(&slab->home, (uint32_t)(mark >> 32), &slab->l[i / 64],
				    (uint64_t)1 << i % 64))
			return (void *)object;
	}
	mark = rst_load_rlx(&shelf->current);
	slab = marked_slab(mark);
	i = mark & 1023;
	bits = rst_load_rlx(&slab->l[i / 64]);
	if (bits) {
		i += (unsigned)__builtin_ctzll(bits);
		object = slab->base + (uintptr_t)i * slab->size;
		if (i < slab->count && seq_take_hinted(&slab->home, (uint32_t)(mark >> 32),
						       &slab->l[i / 64], bits & -bits))
			return (void *)object;
	}
	return alloc_slow(class);
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

static void free_remote(struct slab *slab, unsigned i)
{
	uint64_t bit = (uint64_t)1 << i % 64;

	if (i >= slab->count || atomic_fetch_or(&slab->r[i / 64], bit) & bit) {
		misuse();
	} else if (!rst_load_sc(&slab->noted)) {
		uint32_t home = rst_load_rlx(&slab->home);

		if (home < ground.cpus)
			note_in(notes_of(home, slab->class), slab);
	}
}

static SLOW void free_elsewhere(struct slab *slab, unsigned i)
{
	for (unsigned tries = 0; tries < TRIES; tries++) {
		enum seq_end end;
		unsigned cpu;

		if (here() != rst_load_rlx(&slab->home))
			break;
		end = seq_or(&slab->home, &slab->l[i / 64], (uint64_t)1 << i % 64, &cpu);
		if (end == SEQ_REFUSED)
			misuse();
		else if (end == SEQ_DONE && !rst_load_rlx(&slab->noted))
			note_in(notes_of(cpu, slab->class), slab);
		if (end != SEQ_FAILED)
			return;
	}
	free_remote(slab, i);
}

/* Its slab is not noted, or a word of it became full. */
static SLOW void freed(unsigned cpu, struct slab *slab, unsigned word)
{
	if (!rst_load_rlx(&slab->noted))
		note_in(notes_of(cpu, slab->class), slab);
	if (rst_load_rlx(&slab->l[word]) == UINT64_MAX)
		look_if_empty(cpu, slab);
}

void objects_free(void *pointer)
{
	struct object o;
	struct shelf *shelf;
	uint64_t n, place;
	unsigned cpu;

	/* If it is the end of the last object, its bit says so as well. */
	if (!object_or_end_at(pointer, &o)) {
		misuse();
		return;
	}
	place = rst_load_rlx(&o.slab->place); /* stale is a hint that leads nowhere */
	switch (seq_or(&o.slab->home, &o.slab->l[o.word], o.bit, &cpu)) {
	case SEQ_DONE:
		break;
	case SEQ_FAILED:
		free_elsewhere(o.slab, o.index);
		return;
	case SEQ_REFUSED:
		misuse();
		return;
	}
	shelf = shelf_of(cpu, o.slab->class);
	n = rst_load_rlx(&shelf->n);
	if (n < HINTS) {
		rst_store_rlx(&shelf->hint[n].object, (uintptr_t)pointer);
		rst_store_rlx(&shelf->hint[n].mark, mark_of(o.slab, place, o.index));
		rst_store_rlx(&shelf->n, n + 1);
	}
	if (!rst_load_rlx(&o.slab->noted) || (rst_load_rlx(&o.slab->l[o.word]) == UINT64_MAX &&
					      o.slab != marked_slab(rst_load_rlx(&shelf->current))))
		freed(cpu, o.slab, o.word);
}
