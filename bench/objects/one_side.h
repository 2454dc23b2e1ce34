/* SPDX-License-Identifier: MIT */
/*
 * one_side.h - slabs whose free objects have their bit on the right, for all CPUs: taken and put
 * with locked operations. By itself design R; design A refills its magazines from it.
 */
#ifndef OBJECTS_ONE_SIDE_H
#define OBJECTS_ONE_SIDE_H

#include "slab.h"

struct source {
	_Alignas(64) _Atomic(struct slab *) current;
	_Atomic(struct slab *) kept; /* all of it may be free, and it is not released */
};

static struct source sources[CPUS][CLASSES];

struct taken {
	struct slab *slab;
	unsigned word;
	uint64_t bits;
};

/* Up to this many objects of one word. */
static inline bool take_right(struct slab *slab, unsigned class, unsigned most, struct taken *taken)
{
	if (slab->class != class)
		return false;
	for (unsigned w = 0; w < WORDS; w++) {
		uint64_t seen, bits;

		while ((seen = rst_load_rlx(&slab->r[w]))) {
			bits = seen & -seen;
			for (unsigned n = 1; n < most && (seen &= seen - 1); n++)
				bits |= seen & -seen;
			bits &= atomic_fetch_and(&slab->r[w], ~bits);
			if (!bits)
				continue;
			/* Now it cannot go. Was it released before, and came back? */
			if (slab->class != class) {
				atomic_fetch_or(&slab->r[w], bits);
				return false;
			}
			*taken = (struct taken){.slab = slab, .word = w, .bits = bits};
			return true;
		}
	}
	return false;
}

static SLOW bool take_elsewhere(unsigned cpu, unsigned class, unsigned most, struct taken *taken)
{
	struct notes *notes = notes_of(cpu, class);
	struct source *source = &sources[cpu][class];

	for (unsigned looks = 0; looks < LOOKS + 4; looks++) {
		struct slab *slab = rst_load_acq(&source->current);

		if (slab) {
			un_note_in(notes, slab);
			if (take_right(slab, class, most, taken)) {
				note_in(notes, slab);
				return true;
			}
		}
		slab = looks < LOOKS ? first_noted(notes) : NULL;
		if (!slab) {
			slab = new_slab(class, false);
			if (!slab)
				return false;
			rst_store_rel(&slab->place, cpu);
			note_in(notes, slab);
		}
		rst_store_rel(&source->current, slab);
		if (take_right(slab, class, most, taken))
			return true;
	}
	return false;
}

static inline bool take_some(unsigned cpu, unsigned class, unsigned most, struct taken *taken)
{
	struct slab *slab = rst_load_acq(&sources[cpu][class].current);

	return (slab && take_right(slab, class, most, taken)) ||
	       take_elsewhere(cpu, class, most, taken);
}

/* A word became full: takes all, and releases the slab if that was all. */
static SLOW void release_if_empty(struct slab *slab)
{
	struct source *source = &sources[rst_load_rlx(&slab->home)][slab->class];
	struct slab *kept = rst_load_rlx(&source->kept);
	uint64_t bits[WORDS];
	bool all = true;

	if (slab == kept || slab == rst_load_rlx(&source->current))
		return;
	for (unsigned w = 0; w < slab->words; w++)
		if (rst_load_rlx(&slab->r[w]) != full(slab, w))
			return;
	if (!kept || kept->class != slab->class) {
		rst_store_rlx(&source->kept, slab);
		return;
	}
	for (unsigned w = 0; w < slab->words; w++) {
		bits[w] = atomic_exchange(&slab->r[w], 0);
		all &= bits[w] == full(slab, w);
	}
	if (all) {
		un_note_in(notes_of(rst_load_rlx(&slab->home), slab->class), slab);
		slab_is_empty(slab);
		return;
	}
	for (unsigned w = 0; w < slab->words; w++)
		atomic_fetch_or(&slab->r[w], bits[w]);
	note_in(notes_of(rst_load_rlx(&slab->home), slab->class), slab);
}

static SLOW void note_right(struct slab *slab)
{
	note_in(notes_of(rst_load_rlx(&slab->home), slab->class), slab);
}

/* False: one of them was free. */
static inline bool put_right(struct slab *slab, unsigned word, uint64_t bits)
{
	uint64_t old = atomic_fetch_or(&slab->r[word], bits);

	if (old & bits)
		return false;
	if (!rst_load_sc(&slab->noted))
		note_right(slab);
	if ((old | bits) == full(slab, word))
		release_if_empty(slab);
	return true;
}

#endif
